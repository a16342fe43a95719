// Package schedule asks for refreshes at recurring times. The due time and the fact that it fired are in the store,
// so that a restart neither loses nor doubles one. A refresh that was asked for this way needs its approvals like any
// other.
package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/recur"
	"refreshbot/jobs/refresh"
)

const (
	space = "schedule"
	// punctual is how late a due time may be found and still count as met: a restart takes a moment.
	punctual = 10 * time.Minute
	// longestNap bounds how long a clock that was set goes unnoticed, and is the wait after the store or the
	// engine could not be asked.
	longestNap = 30 * time.Second
)

// Missed says what becomes of a due time that passed while nobody was running.
type Missed string

// The two policies.
const (
	Skip Missed = "skip" // wait for the next one
	Once Missed = "once" // ask late, once however many were missed
)

// Entry is one environment's schedule.
type Entry struct {
	Target string
	Cron   string
	Missed Missed
}

// Asker asks for a refresh. The due time makes the request unique: engine.ErrSeen when it was made before.
type Asker interface {
	Scheduled(ctx context.Context, target string, due time.Time) (refresh.Refresh, error)
}

// Records keeps small named records.
type Records interface {
	Record(ctx context.Context, space, key string) ([]byte, bool, error)
	PutRecord(ctx context.Context, space, key string, value []byte) error
}

// Options are what a Schedule works with.
type Options struct {
	Entries []Entry
	Zone    *time.Location // in which the expressions are read
	Asker   Asker
	Records Records
	Log     *slog.Logger
}

// Schedule asks for refreshes. Make one with New, then call Run once.
type Schedule struct {
	Options
	hands map[string]recur.Times

	mu  sync.Mutex
	due map[string]time.Time
}

// kept is what the store knows about one entry.
type kept struct {
	Cron    string    `json:"cron"`
	Zone    string    `json:"zone"`
	Due     time.Time `json:"due"`
	Fired   time.Time `json:"fired,omitzero"`    // the last due time that was dealt with
	Outcome string    `json:"outcome,omitempty"` // how
}

// New reads the expressions. It returns an error for one that is not valid or never comes due.
func New(o Options) (*Schedule, error) {
	s := &Schedule{Options: o, hands: map[string]recur.Times{}, due: map[string]time.Time{}}
	for _, e := range o.Entries {
		hand, err := recur.Parse(e.Cron, o.Zone)
		if err != nil {
			return nil, fmt.Errorf("schedule of %s: %w", e.Target, err)
		}
		s.hands[e.Target] = hand
		s.due[e.Target] = hand.Next(time.Now())
	}
	return s, nil
}

// Next returns when a refresh of the target is asked for next; zero when it has no schedule. Before Run it is
// what the expression says; a due time that an earlier process left behind is known once Run has begun.
func (s *Schedule) Next(target string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.due[target]
}

// Run asks at the due times until ctx ends. What fails meanwhile is tried again, so it returns nil.
func (s *Schedule) Run(ctx context.Context) error {
	resumed := map[string]bool{}
	for ctx.Err() == nil {
		wake := time.Now().Add(longestNap)
		for _, e := range s.Entries {
			if !resumed[e.Target] {
				if err := s.resume(ctx, e); err != nil {
					s.Log.ErrorContext(ctx, "a schedule could not be taken up; trying again", "target", e.Target, "err", err)
					continue
				}
				resumed[e.Target] = true
			}
			if due := s.Next(e.Target); !time.Now().Before(due) {
				if err := s.deal(ctx, e, due); err != nil {
					s.Log.ErrorContext(ctx, "a scheduled refresh could not be asked for; trying again", "target", e.Target, "due", due, "err", err)
					continue
				}
			}
			if due := s.Next(e.Target); due.Before(wake) {
				wake = due
			}
		}
		timer := time.NewTimer(max(time.Until(wake), time.Second))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// resume takes up where an earlier process left off. A due time that it left behind stands until Run deals with it.
func (s *Schedule) resume(ctx context.Context, e Entry) error {
	k, ok, err := s.recall(ctx, e.Target)
	if err != nil {
		return err
	}
	if !ok || k.Cron != e.Cron || k.Zone != s.Zone.String() { // new, or another expression than before
		k = s.after(e, k.Fired, k.Outcome)
	}
	return s.keep(ctx, e.Target, k)
}

// deal asks for the refresh that is due, or passes over a due time that was missed, and moves on to the next one.
// When the process dies in between, the next one asks again with the same due time and is told that it was seen.
func (s *Schedule) deal(ctx context.Context, e Entry, due time.Time) error {
	if time.Since(due) > punctual && e.Missed != Once {
		s.Log.WarnContext(ctx, "a scheduled refresh was missed and is skipped", "target", e.Target, "due", due)
		return s.keep(ctx, e.Target, s.after(e, due, "missed"))
	}
	outcome := "asked"
	failpoint.Hit("schedule", "due")
	r, err := s.Asker.Scheduled(ctx, e.Target, due)
	failpoint.Hit("schedule", "asked")
	switch {
	case err == nil:
		s.Log.InfoContext(ctx, "asked for a scheduled refresh", "target", e.Target, "due", due, "refresh", r.ID)
	case errors.Is(err, engine.ErrSeen):
	case errors.Is(err, engine.ErrBusy):
		outcome = "busy"
		s.Log.WarnContext(ctx, "a scheduled refresh was not asked for, because one is running", "target", e.Target, "due", due)
	default:
		return err
	}
	return s.keep(ctx, e.Target, s.after(e, due, outcome))
}

// after is what to keep once the due time fired has been dealt with.
func (s *Schedule) after(e Entry, fired time.Time, outcome string) kept {
	return kept{Cron: e.Cron, Zone: s.Zone.String(), Fired: fired, Outcome: outcome, Due: s.hands[e.Target].Next(time.Now())}
}

func (s *Schedule) recall(ctx context.Context, target string) (kept, bool, error) {
	var k kept
	data, ok, err := s.Records.Record(ctx, space, target)
	if err != nil || !ok {
		return k, false, err
	}
	if err := json.Unmarshal(data, &k); err != nil {
		return k, false, fmt.Errorf("read what is kept: %w", err)
	}
	return k, true, nil
}

func (s *Schedule) keep(ctx context.Context, target string, k kept) error {
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := s.Records.PutRecord(ctx, space, target, data); err != nil {
		return fmt.Errorf("keep the due time: %w", err)
	}
	s.mu.Lock()
	s.due[target] = k.Due
	s.mu.Unlock()
	return nil
}
