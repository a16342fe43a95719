package commands

import (
	"context"
	"fmt"
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

// Frozen is why a refresh cannot begin at some time.
type Frozen struct {
	refresh.Blackout
	Free time.Time // when it could
}

// frozen is the error that carries it.
type frozen struct {
	error
	Frozen
}

func (f frozen) Unwrap() error { return f.error }

// admit refuses a refresh whose copy would begin at start, and fall into a blackout. The zero time means as soon as the
// notice is over. A calendar that cannot be read refuses too.
func (s *Service) admit(ctx context.Context, t Target, start time.Time) error {
	name := t.Request.Target.Name
	if start.IsZero() {
		start = time.Now().Add(t.Request.Settings.Notice)
	}
	length, _ := pastOf(ctx, s.Record, refresh.Refresh{Source: t.Request.Source, Target: t.Request.Target}).Announced(t.Request.Settings.Downtime)
	all, err := s.Calendar.Blackouts(ctx, name, start)
	if err != nil {
		return fmt.Errorf("look for blackouts of %s: %w", name, err)
	}
	b, free, blocked := refresh.Blocking(all, start, length)
	if !blocked {
		return nil
	}
	next := fmt.Sprintf("It is possible again from %s.", when.Said(free.In(s.Zone)))
	if !b.Configured {
		next += fmt.Sprintf(" Whoever froze it, or an admin, can lift that: /refresh unfreeze %s.", name)
	}
	return frozen{
		hinted{refresh.Errorf(refresh.Refused, "%s is not to be refreshed then: %s.", name, why(b)), next},
		Frozen{b, free},
	}
}

func why(b refresh.Blackout) string {
	if b.Why == "" {
		return "it is frozen"
	}
	return b.Why
}
