package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"refreshbot/commands/when"
	"refreshbot/jobs/refresh"
)

// Calendar knows when environments are not to be refreshed.
type Calendar interface {
	// Blackouts returns those of the target that have not ended at from, the earliest first.
	Blackouts(ctx context.Context, target string, from time.Time) ([]refresh.Blackout, error)
	// Freeze adds one. Those of the same owner that it touches make way for it.
	Freeze(ctx context.Context, target string, b refresh.Blackout, now time.Time) error
	// Lift removes one that a person has added and returns it; false when there is none of that id.
	Lift(ctx context.Context, target, id string, now time.Time) (refresh.Blackout, bool, error)
}

// News tells the people in a target's channel. What it takes it tells, whatever happens to the process.
type News interface {
	Tell(ctx context.Context, n refresh.News) error
}

// InBlackout is why a refresh cannot begin at some time.
type InBlackout struct {
	refresh.Blackout
	Free time.Time // when it could
}

// blackedOut is the error that carries it.
type blackedOut struct {
	error
	InBlackout
}

func (f blackedOut) Unwrap() error { return f.error }

// admit refuses a refresh whose copy would begin at start, and fall into a blackout. The zero time means as soon as the
// notice is over. A calendar that cannot be read refuses too.
func (s *Service) admit(ctx context.Context, t Target, start time.Time) error {
	name := t.Request.Target.Name
	if start.IsZero() {
		start = time.Now().Add(t.Request.Settings.Notice)
	}
	length, _ := pastOf(ctx, s.Record, refresh.Refresh{Source: t.Request.Source, Target: t.Request.Target}).Announced(t.Request.Settings.Downtime)
	b, blocked, err := s.blocking(ctx, name, start, length)
	if err != nil || !blocked {
		return err
	}
	return blackedOut{hinted{refresh.Errorf(refresh.Refused, "%s is not to be refreshed then: %s.", name, why(b.Blackout)), liftable(name, b)}, b}
}

// blocking returns what keeps a refresh of that length from beginning at start, and when it could.
func (s *Service) blocking(ctx context.Context, name string, start time.Time, length time.Duration) (InBlackout, bool, error) {
	all, err := s.Calendar.Blackouts(ctx, name, start)
	if err != nil {
		return InBlackout{}, false, fmt.Errorf("look for blackouts of %s: %w", name, err)
	}
	b, free, blocked := refresh.Blocking(all, start, length)
	return InBlackout{b, free}, blocked, nil
}

// liftable says how a freeze is lifted; nobody lifts a blackout of the configuration from a chat.
func liftable(name string, b InBlackout) string {
	if b.Configured {
		return ""
	}
	return fmt.Sprintf("Whoever froze it, or an admin, can lift that: /refresh unfreeze %s.", name)
}

// admitMove refuses to let a person move a copy into a blackout: its users would be told of a downtime that is held up when
// its time comes. The events are what the person's input would make happen.
func (s *Service) admitMove(ctx context.Context, r refresh.Refresh, events []refresh.Event) error {
	start, moved := movedTo(events)
	if !moved {
		return nil
	}
	name := r.Target.Name
	b, blocked, err := s.blocking(ctx, name, start, r.Settings.Downtime)
	if err != nil || !blocked {
		return err
	}
	return blackedOut{
		hinted{refresh.Errorf(refresh.Refused, "The copy would begin on %s, and %s is not to be refreshed then: %s.", when.Said(start.In(s.Zone)), name, why(b.Blackout)),
			strings.TrimSpace(fmt.Sprintf("Its time stays as it is. For one after that, press Cancel and ask anew: /refresh %s. %s", name, liftable(name, b)))},
		b,
	}
}

// movedTo is when the copy is to begin after a person has moved it.
func movedTo(events []refresh.Event) (start time.Time, moved bool) {
	for _, e := range events {
		switch e := e.(type) {
		case refresh.StartSet:
			return e.At, true
		case refresh.WindowSet:
			if e.By.ID != "" {
				return e.Window.From, true
			}
		}
	}
	return time.Time{}, false
}

func why(b refresh.Blackout) string {
	if b.Why == "" {
		return "no reason is given"
	}
	return b.Why
}
