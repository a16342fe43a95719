package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

// mostAsked is how many people a question is brought to in direct messages. For more it stands in the channel alone.
const mostAsked = 20

// ask is a question that was brought to people in direct messages: to those who can answer it, and when nobody does, to
// the admins.
type ask struct {
	Gate      string   `json:"gate"`
	Escalated bool     `json:"escalated,omitempty"` // to the admins
	To        []string `json:"to,omitempty"`        // Slack users
	Sent      bool     `json:"sent,omitempty"`      // everybody has it, as far as they can be written to
	Closed    bool     `json:"closed,omitempty"`    // nothing is left to do: the messages say what was decided
}

// key is the mark of its messages.
func (a ask) key() string {
	if a.Escalated {
		return "escalated-" + a.Gate
	}
	return "ask-" + a.Gate
}

// Members knows who is in which user group.
type Members interface {
	Members(ctx context.Context, group string) ([]string, error)
}

// brought reports whether questions of that kind are brought to those who can answer them. The others stand on the
// card: they close by themselves, or are for whoever does the work.
func brought(k refresh.GateKind) bool {
	switch k {
	case refresh.GateApprove, refresh.GateSignOff, refresh.GateOpen, refresh.GateOutcomeUnknown, refresh.GateStartedElsewhere, refresh.GateStepFailed:
		return true
	}
	return false
}

// unasked returns the questions that are still to be brought to people. Of steps that failed it is one at a time: ten of
// them are one trouble.
func (s *showing) unasked() (all []ask) {
	for _, escalated := range []bool{false, true} {
		trouble := slices.ContainsFunc(s.Asks, func(a ask) bool {
			g, _ := s.r.Gate(a.Gate)
			return a.Escalated == escalated && g.Kind == refresh.GateStepFailed && g.Open()
		})
		for _, g := range s.r.OpenGates() {
			due := brought(g.Kind)
			if escalated {
				due = g.Escalated
			}
			if _, known := s.asked(g.ID, escalated); !due || known || g.Kind == refresh.GateStepFailed && trouble {
				continue
			}
			trouble = trouble || g.Kind == refresh.GateStepFailed
			all = append(all, ask{Gate: g.ID, Escalated: escalated})
		}
	}
	return all
}

func (s *showing) asked(gate string, escalated bool) (ask, bool) {
	i := slices.IndexFunc(s.Asks, func(a ask) bool { return a.Gate == gate && a.Escalated == escalated })
	if i < 0 {
		return ask{}, false
	}
	return s.Asks[i], true
}

// waits reports whether a question waits for an answer.
func (s *showing) waits(a ask) bool {
	g, _ := s.r.Gate(a.Gate)
	return g.Open() && !s.r.Status.Ended()
}

// handedOn are the people to whom an open question was handed on since it was brought to others.
func (s *showing) handedOn(a ask) (to []string) {
	g, _ := s.r.Gate(a.Gate)
	for _, d := range g.Delegates {
		if !a.Escalated && s.waits(a) && d.To.ID != "" && !slices.Contains(a.To, d.To.ID) {
			to = append(to, d.To.ID)
		}
	}
	return to
}

func (s *showing) owesAsks() bool {
	return len(s.unasked()) > 0 || slices.ContainsFunc(s.Asks, func(a ask) bool {
		return !a.Closed && (!a.Sent || !s.waits(a)) || len(s.handedOn(a)) > 0
	})
}

// askPeople brings every open question to those who can answer it, and has the messages say what was decided once it
// is. Until then they are not touched: Slack allows few edits a minute, and the card has the progress.
func (s *showing) askPeople(ctx context.Context) error {
	if !s.owesAsks() {
		return nil
	}
	var result error
	for _, a := range s.unasked() {
		to, err := s.addressees(ctx, a)
		if err != nil {
			result = sooner(result, err)
			continue
		}
		a.To, a.Sent, a.Closed = to, len(to) == 0, len(to) == 0
		s.Asks = append(s.Asks, a)
		if err := s.note(ctx); err != nil {
			return err
		}
	}
	for i := range s.Asks {
		a := &s.Asks[i]
		if also := s.handedOn(*a); len(also) > 0 {
			a.To, a.Sent, a.Closed = append(a.To, also...), false, false
		}
		var err error
		switch {
		case a.Closed, a.Sent && s.waits(*a):
			continue
		case s.waits(*a):
			err = s.bring(ctx, *a)
			a.Sent = err == nil
		default:
			err = s.conclude(ctx, *a)
			a.Sent, a.Closed = a.Sent || err == nil, err == nil
		}
		if err == nil {
			err = s.note(ctx)
		}
		result = sooner(result, err)
	}
	return result
}

// addressees are the people to whom a question is brought. Nobody when they are many.
func (s *showing) addressees(ctx context.Context, a ask) (to []string, err error) {
	if a.Escalated {
		to = s.escalatedTo(a)
	} else {
		g, _ := s.r.Gate(a.Gate)
		to, err = s.deciders(ctx, g)
	}
	if len(to) > mostAsked {
		return nil, err
	}
	return to, err
}

// escalatedTo are the admins who do not have the question yet.
func (s *showing) escalatedTo(a ask) []string {
	if s.r.Settings.Remind == nil {
		return nil
	}
	before, _ := s.asked(a.Gate, false)
	return slices.DeleteFunc(slices.Clone(s.r.Settings.Remind.Admins), func(id string) bool { return slices.Contains(before.To, id) })
}

// deciders are the people who can answer a question: users, and the members of user groups.
func (s *showing) deciders(ctx context.Context, g refresh.Gate) ([]string, error) {
	var all []string
	for _, id := range g.Deciders() {
		if !strings.HasPrefix(id, "S") {
			all = append(all, id)
			continue
		}
		members, err := s.People.Members(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("who can decide: %w", err)
		}
		all = append(all, members...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(id string) bool {
		return id == "" || g.Kind == refresh.GateApprove && id == s.r.RequestedBy.ID // four eyes
	}), nil
}

// record is where a direct message about a question is remembered.
func (s *showing) record(a ask, user string) string {
	what := "ask"
	if a.Escalated {
		what = "escalated"
	}
	return fmt.Sprintf("%s/%s/%s/%s", s.r.ID, what, a.Gate, strings.ToLower(user))
}

// bring sends the question to each of those to whom it is brought.
func (s *showing) bring(ctx context.Context, a ask) (result error) {
	g, _ := s.r.Gate(a.Gate)
	card := s.cardLink(ctx)
	for _, user := range a.To {
		m := view.Ask(s.r, g, card, s.View)
		if a.Escalated {
			m = view.Escalated(s.r, g.For(s.r, refresh.Actor{Person: refresh.Person{ID: user}, Admin: true}), card, s.View)
		}
		_, err := s.deliver(ctx, s.record(a, user), letter{string(s.r.ID), a.key(), user, m})
		result = sooner(result, err)
	}
	return result
}

const outcomeSettled = "settled"

// conclude has the messages about a question say what came of it. One that was not sent is left unsent.
func (s *showing) conclude(ctx context.Context, a ask) (result error) {
	g, _ := s.r.Gate(a.Gate)
	var m view.Message
	for _, user := range a.To {
		record := s.record(a, user)
		rec, err := s.recallTold(ctx, record)
		if err == nil && rec.Outcome == "" && !rec.SentAt.IsZero() {
			rec, err = s.found(ctx, record, rec, letter{string(s.r.ID), a.key(), user, m})
		}
		if err == nil && rec.Outcome == outcomeSent {
			if err = s.updates.turn(record); err == nil {
				if m.Text == "" {
					m = view.Asked(s.r, g, s.cardLink(ctx), s.View)
				}
				_, _, _, err = s.API.UpdateMessageContext(ctx, rec.Channel, rec.TS, slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...))
			}
			if kindOf(err) != passing { // the message is gone, or the person is
				err = nil
			}
			if err == nil {
				rec.Outcome = outcomeSettled
				err = s.noteTold(ctx, record, rec)
			}
		}
		result = sooner(result, err)
	}
	return result
}

// cardLink is the address of the card; "" when it is not there or Slack does not say.
func (s *showing) cardLink(ctx context.Context) string {
	if s.Card == "" {
		return ""
	}
	link, err := s.API.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: s.Channel, Ts: s.Card})
	if err != nil {
		return ""
	}
	return link
}

// Milestones that the person who asked hears of in a direct message.
const (
	heardApproved = "approved"
	heardEnded    = "ended"
)

// owed returns what the person who asked has not heard and should. What they did themselves they know.
func (s *showing) owed() (list []string) {
	asked := s.r.RequestedBy.ID
	if asked == "" || slices.Contains(s.Heard, heardEnded) {
		return nil
	}
	if s.r.Status.Ended() {
		if s.r.EndedBy.ID == asked || time.Since(s.r.EndedAt) > news {
			return nil
		}
		return []string{heardEnded}
	}
	for _, g := range s.r.Gates {
		if g.Kind == refresh.GateApprove && g.Outcome == refresh.ActionApprove && time.Since(g.ClosedAt) < news && !slices.Contains(s.Heard, heardApproved) {
			return []string{heardApproved}
		}
	}
	return nil
}

// tellRequester tells the person who asked that it was approved, and how it ended.
func (s *showing) tellRequester(ctx context.Context) error {
	for _, what := range s.owed() {
		m := view.Approved(s.r, s.cardLink(ctx), s.View)
		if what == heardEnded {
			m = view.Ended(s.r, s.cardLink(ctx), s.View)
		}
		user := s.r.RequestedBy.ID
		record := fmt.Sprintf("%s/requester/%s/%s", s.r.ID, what, strings.ToLower(user))
		if _, err := s.deliver(ctx, record, letter{string(s.r.ID), "requester-" + what, user, m}); err != nil {
			return err
		}
		s.Heard = append(s.Heard, what)
		if err := s.note(ctx); err != nil {
			return err
		}
	}
	return nil
}
