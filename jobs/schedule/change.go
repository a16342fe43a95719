package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
)

// most is how many schedules a target can have.
const most = 20

// List returns every schedule of a target, of all targets when it is empty.
func (s *Schedule) List(ctx context.Context, target string) ([]Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("read the schedules: %w", err)
	}
	var list []Standing
	for _, l := range s.sorted() {
		if target == "" || strings.EqualFold(l.Target, target) {
			list = append(list, l.standing())
		}
	}
	return list, nil
}

func (l *line) standing() Standing {
	st := Standing{Entry: l.Entry, Times: l.times, Paused: l.kept.Paused, Postponed: l.kept.Postponed, Last: l.kept.Fired, Outcome: l.kept.Outcome, Refresh: l.kept.Refresh}
	if l.kept.Paused == nil && !l.kept.Due.IsZero() {
		st.Next = append([]time.Time{l.kept.Due}, l.times.After(l.kept.Due, 2)...)
	}
	return st
}

// Add keeps a schedule that a person has made, gives it an id and returns how it stands. key names the delivery: one
// that comes again adds nothing.
func (s *Schedule) Add(ctx context.Context, e Entry, key string) (Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		return Standing{}, fmt.Errorf("read the schedules: %w", err)
	}
	l := &line{Entry: e}
	var err error
	if l.times, err = e.times(s.Zone); err != nil {
		return Standing{}, err
	}
	n := 0
	for _, other := range s.all {
		if key != "" && other.kept.Key == key {
			return other.standing(), nil
		}
		if other.Target == e.Target {
			n++
		}
	}
	if n >= most {
		return Standing{}, refresh.Errorf(refresh.Refused, "%s has %d schedules already.", e.Target, n)
	}
	l.MadeAt, l.kept.Key = time.Now().UTC().Round(0), key
	for n := 1; l.ID == "" || s.all[l.ID] != nil; n++ {
		l.ID = fmt.Sprintf("%s.%d", e.Target, n)
	}
	l.kept.Due = l.following()
	if err := s.tell(ctx, l, refresh.News{Kind: refresh.NewsScheduled, By: e.Owner, Next: l.kept.Due, Why: e.Why}); err != nil {
		return Standing{}, err
	}
	if err := s.keep(ctx, l, l.kept); err != nil {
		return Standing{}, err
	}
	s.all[l.ID] = l
	s.rouse()
	return l.standing(), nil
}

// Pause keeps a schedule from coming due until it is resumed. A refresh that it has asked for already goes on.
func (s *Schedule) Pause(ctx context.Context, id string, by refresh.Person) (Standing, error) {
	return s.change(ctx, id, func(l *line) error {
		if l.kept.Paused != nil {
			return refresh.Errorf(refresh.Stale, "%s is paused already, by %s.", id, l.kept.Paused.By.Name)
		}
		k := l.kept
		k.Paused = &Pause{By: by, At: time.Now().UTC().Round(0)}
		if err := s.tell(ctx, l, refresh.News{Kind: refresh.NewsPaused, By: by}); err != nil {
			return err
		}
		return s.keep(ctx, l, k)
	})
}

// Resume lets a paused schedule come due again. What was due meanwhile is not asked for.
func (s *Schedule) Resume(ctx context.Context, id string, by refresh.Person) (Standing, error) {
	return s.change(ctx, id, func(l *line) error {
		if l.kept.Paused == nil {
			return refresh.Errorf(refresh.Stale, "%s is not paused.", id)
		}
		k := l.kept
		k.Paused, k.Postponed, k.Due = nil, time.Time{}, l.following()
		if err := s.tell(ctx, l, refresh.News{Kind: refresh.NewsResumed, By: by, Next: k.Due}); err != nil {
			return err
		}
		return s.keep(ctx, l, k)
	})
}

// SkipNext skips the next due time. due is the one that the person was shown: when it is no longer the next one,
// nothing is skipped. The zero time stands for whichever is next.
func (s *Schedule) SkipNext(ctx context.Context, id string, due time.Time, by refresh.Person) (Standing, error) {
	return s.change(ctx, id, func(l *line) error {
		switch {
		case l.kept.Paused != nil:
			return refresh.Errorf(refresh.Refused, "%s is paused, so nothing comes due.", id)
		case !due.IsZero() && !due.Equal(l.kept.Due):
			return refresh.Errorf(refresh.Stale, "The next time of %s has changed meanwhile, so nothing was skipped. Look again: /refresh schedules", id)
		}
		return s.passOver(ctx, l, WasSkipped, refresh.News{Kind: refresh.NewsSkipped, By: by})
	})
}

// Remove deletes a schedule that a person has made.
func (s *Schedule) Remove(ctx context.Context, id string, by refresh.Person) (Standing, error) {
	return s.change(ctx, id, func(l *line) error {
		if l.Configured() {
			return refresh.Errorf(refresh.Refused, "%s stands in the configuration, so it can only be paused here.", id)
		}
		if err := s.tell(ctx, l, refresh.News{Kind: refresh.NewsRemoved, By: by}); err != nil {
			return err
		}
		if err := s.Records.DeleteRecord(ctx, space, l.ID); err != nil {
			return fmt.Errorf("remove the schedule %s: %w", id, err)
		}
		delete(s.all, l.ID)
		return nil
	})
}

// change makes one change to one schedule.
func (s *Schedule) change(ctx context.Context, id string, with func(*line) error) (Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		return Standing{}, fmt.Errorf("read the schedules: %w", err)
	}
	i := slices.IndexFunc(s.sorted(), func(l *line) bool { return strings.EqualFold(l.ID, id) })
	if i < 0 {
		return Standing{}, refresh.Errorf(refresh.NotFound, "There is no schedule %s.", id)
	}
	l := s.sorted()[i]
	if err := with(l); err != nil {
		return Standing{}, err
	}
	s.rouse()
	return l.standing(), nil
}

// rouse has Run look at once.
func (s *Schedule) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
