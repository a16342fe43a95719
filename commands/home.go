package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"refreshbot/jobs/refresh"
)

// recentShown is how many refreshes that are over the page of a person shows.
const recentShown = 5

// Home is what concerns one person, in one place.
type Home struct {
	Waiting   []Waiting // for this person to decide
	Running   []About   // every refresh that goes on
	Scheduled []Standing
	Recent    []Ran
	Own       []Standing // the environments that this person may ask for
	Trouble   string     // what could not be found out, in a sentence; empty: all is known
}

// Waiting is a question that one person may answer.
type Waiting struct {
	Refresh refresh.Refresh
	Gate    refresh.Gate // with those of its actions that the person may take
}

// Home gathers what concerns a person. What cannot be found out is left out, and said to be.
func (s *Service) Home(ctx context.Context, who refresh.Person, workspace string) Home {
	var h Home
	open, err := s.Record.Open(ctx)
	if err != nil {
		h.Trouble = "Some refreshes cannot be read and are missing here. The log of the process has the details."
	}
	for _, r := range open {
		h.Running = append(h.Running, About{Refresh: r, Past: pastOf(ctx, s.Record, r)})
		waiting, err := s.waitingFor(ctx, who, r)
		if err != nil {
			h.Trouble = "Slack did not say which user groups you are in, so a question to you may be missing here. Open this page again in a moment."
		}
		h.Waiting = append(h.Waiting, waiting...)
	}
	recent, _ := s.Record.Recent(ctx, "", lookBack) // what can be read; Open told of the rest
	for _, r := range recent {
		if r.Status.Ended() && len(h.Recent) < recentShown {
			h.Recent = append(h.Recent, Ran{Refresh: r})
		}
	}
	mayChange := s.vouch(ctx, who, workspace) == nil
	for _, name := range s.names {
		st := Standing{Target: name, Source: s.Targets[name].Request.Source.Name, Next: s.Next(name)}
		if !st.Next.IsZero() {
			h.Scheduled = append(h.Scheduled, st)
		}
		if i := slices.IndexFunc(open, func(r refresh.Refresh) bool { return r.Target.Name == name }); i >= 0 {
			st.Active = &open[i]
		}
		if i := slices.IndexFunc(recent, func(r refresh.Refresh) bool { return r.Target.Name == name && r.Status.Ended() }); i >= 0 {
			st.Last = &recent[i]
		}
		if mayChange && s.mayAsk(ctx, Line{User: who, Workspace: workspace}, s.Targets[name]) == nil {
			h.Own = append(h.Own, st)
		}
	}
	slices.SortStableFunc(h.Scheduled, func(a, b Standing) int { return a.Next.Compare(b.Next) })
	if !mayChange {
		h.Waiting = nil // no answer of theirs would count
	}
	return h
}

// waitingFor are the open questions of a refresh that wait for this person. The rules themselves say what would count;
// nothing is committed. To call a refresh off is always possible, and nobody is waited for to do it.
func (s *Service) waitingFor(ctx context.Context, who refresh.Person, r refresh.Refresh) ([]Waiting, error) {
	actor, err := s.actorFor(ctx, who, r)
	if err != nil {
		actor = refresh.Actor{Person: who, Admin: slices.Contains(s.Admins, who.ID)}
		err = fmt.Errorf("what waits for %s: %w", who.ID, err)
	}
	var all []Waiting
	for _, g := range r.OpenGates() {
		if g.Kind == refresh.GateStart || g.Kind == refresh.GateNotice {
			continue // waits for the clock
		}
		g.Actions = slices.DeleteFunc(slices.Clone(g.Actions), func(a refresh.Action) bool {
			_, err := refresh.Decide(r, would(g.ID, g.Nonce, a, actor), refresh.Now{Time: time.Now(), Nonce: "nothing"})
			return err != nil
		})
		if slices.ContainsFunc(g.Actions, func(a refresh.Action) bool { return a != refresh.ActionCancel }) {
			all = append(all, Waiting{r, g})
		}
	}
	return all, err
}
