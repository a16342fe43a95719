package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// recentShown is how many refreshes that are over the page of a person shows.
const recentShown = 5

// Home is what concerns one person, in one place.
type Home struct {
	Waiting   []Waiting // for this person to decide
	Running   []Running // every refresh that goes on
	Scheduled []Item    // every schedule, the next to come due first
	Recent    []Ran
	Own       []Standing // the environments that this person may ask for
	Unread    string     // what could not be found out, in a sentence; empty: all is known
}

// Waiting is a question that one person may answer.
type Waiting struct {
	Refresh refresh.Refresh
	Gate    refresh.Gate // with those of its actions that the person may take
}

// Running is a refresh that goes on, with what one person may do about it though it does not wait for them.
type Running struct {
	About
	Gate   *refresh.Gate // with those of its actions that the person may take; nil: none
	Cancel bool          // they may call the refresh off, and no question offers it to them
}

// Home gathers what concerns a person. What cannot be found out is left out, and said to be.
func (s *Service) Home(ctx context.Context, who refresh.Person, workspace string) Home {
	var h Home
	vouched := s.vouch(ctx, who, workspace)
	full := vouched == nil // of anybody else no answer would count
	if refresh.CodeOf(vouched) == refresh.Offline {
		h.Unread = "Slack did not say who you are, so what you may do is missing here. Open this page again in a moment."
	}
	open, err := s.Record.Open(ctx)
	if err != nil {
		h.Unread = "Some refreshes cannot be read and are missing here. The log of the process has the details."
	}
	for _, r := range open {
		waiting, running, err := s.concerns(ctx, who, r)
		if err != nil {
			h.Unread = "Slack did not say which user groups you are in, so a question to you may be missing here. Open this page again in a moment."
		}
		if !full {
			waiting, running = nil, Running{About: running.About}
		}
		h.Waiting, h.Running = append(h.Waiting, waiting...), append(h.Running, running)
	}
	if h.Scheduled, err = s.scheduledFor(ctx, Line{User: who, Workspace: workspace}, full); err != nil {
		h.Unread = "The schedules cannot be read and are missing here. The log of the process has the details."
	}
	recent, _ := s.Record.Recent(ctx, "", lookBack) // what can be read; Open told of the rest
	for _, r := range recent {
		if r.Status.Ended() && len(h.Recent) < recentShown {
			h.Recent = append(h.Recent, Ran{Refresh: r})
		}
	}
	for _, name := range s.names {
		st := Standing{Target: name, Source: s.Targets[name].Request.Source.Name}
		if i := slices.IndexFunc(open, func(r refresh.Refresh) bool { return r.Target.Name == name }); i >= 0 {
			st.Active = &open[i]
		}
		if i := slices.IndexFunc(recent, func(r refresh.Refresh) bool { return r.Target.Name == name && r.Status.Ended() }); i >= 0 {
			st.Last = &recent[i]
		}
		if full && s.mayAsk(ctx, Line{User: who, Workspace: workspace}, s.Targets[name]) == nil {
			h.Own = append(h.Own, st)
		}
	}
	return h
}

// concerns are the open questions of a refresh that wait for this person, and what else they may do about it. The rules
// themselves say what would count; nothing is committed. A question that waits for the clock, that the person has
// agreed to, or at which they can only call the refresh off, does not wait for them.
func (s *Service) concerns(ctx context.Context, who refresh.Person, r refresh.Refresh) (waiting []Waiting, running Running, err error) {
	running.About = About{Refresh: r, Past: pastOf(ctx, s.Record, r)}
	actor, err := s.actorFor(ctx, who, r)
	if err != nil {
		actor = refresh.Actor{Person: who, Admin: slices.Contains(s.Admins, who.ID)}
		err = fmt.Errorf("what waits for %s: %w", who.ID, err)
	}
	counts := func(in refresh.Input) bool {
		_, err := refresh.Decide(r, in, refresh.Now{Time: time.Now(), Nonce: "nothing"})
		return err == nil
	}
	running.Cancel = counts(refresh.Cancel{By: actor})
	for _, g := range r.OpenGates() {
		g.Actions = slices.DeleteFunc(slices.Clone(g.Actions), func(a refresh.Action) bool { return !counts(would(g.ID, g.Nonce, a, actor)) })
		switch {
		case g.Kind != refresh.GateStart && g.Kind != refresh.GateNotice && !g.Offers(refresh.ActionWithdraw) && slices.ContainsFunc(g.Actions, refresh.Action.Answers):
			waiting = append(waiting, Waiting{r, g})
		case len(g.Actions) > 0 && running.Gate == nil:
			running.Gate = &g
		default:
			continue
		}
		running.Cancel = running.Cancel && !g.Offers(refresh.ActionCancel)
	}
	return waiting, running, err
}

// scheduledFor are the schedules, each with its next time and, when change is set, with what this person may do about it.
func (s *Service) scheduledFor(ctx context.Context, in Line, change bool) ([]Item, error) {
	if s.Schedules == nil {
		return nil, nil
	}
	list, err := s.Schedules.List(ctx, "")
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b schedule.Standing) int {
		if len(a.Next) == 0 || len(b.Next) == 0 { // paused
			return len(b.Next) - len(a.Next)
		}
		return a.Next[0].Compare(b.Next[0])
	})
	var all []Item
	for _, st := range list {
		item := s.scheduleItem(ctx, in, st)
		item.Facts = slices.DeleteFunc(item.Facts, func(f Fact) bool { return f.Name == "Then" || f.Name == "Rules" })
		if !change {
			item.Buttons = nil
		}
		all = append(all, item)
	}
	return all, nil
}
