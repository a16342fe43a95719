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

// mostChanges is how many deliveries a schedule remembers. A second delivery follows within minutes.
const mostChanges = 20

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
	st := Standing{Entry: l.Entry, Times: l.times, Paused: l.kept.Paused, Postponed: l.kept.Postponed, Last: l.kept.Fired, Outcome: l.kept.Outcome, Refresh: l.kept.Refresh, Unreadable: l.unread != nil}
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
			if other.Cron == e.Cron && other.Zone == e.Zone { // it would only be in the way; a button was pressed twice, say
				return Standing{}, refresh.Errorf(refresh.Refused, "%s has a schedule at these times already: %s.", e.Target, other.ID)
			}
		}
	}
	if n >= most {
		return Standing{}, refresh.Errorf(refresh.Refused, "%s has %d schedules already.", e.Target, n)
	}
	l.MadeAt, l.kept.Key = time.Now().UTC().Round(0), key
	if l.ID, err = s.freeID(ctx, e.Target); err != nil {
		return Standing{}, err
	}
	l.kept.Due = l.following()
	if err := s.move(ctx, l, l.kept, refresh.News{Kind: refresh.NewsScheduled, By: e.Owner, Next: l.kept.Due, Why: e.Why}, key); err != nil {
		return Standing{}, err
	}
	s.all[l.ID] = l
	s.rouse()
	return l.standing(), nil
}

// freeID is the first that no schedule of the target has, nor one that cannot be read: that is not written over.
func (s *Schedule) freeID(ctx context.Context, target string) (string, error) {
	for n := 1; ; n++ {
		id := fmt.Sprintf("%s.%d", target, n)
		if s.all[id] != nil {
			continue
		}
		_, kept, err := s.Records.Record(ctx, space, id)
		switch {
		case err == nil && !kept:
			return id, nil
		case err != nil && n > 2*most:
			return "", fmt.Errorf("look for a free id: %w", err)
		}
	}
}

// Pause keeps a schedule from coming due until it is resumed. A refresh that it has asked for already goes on. Here and
// below key names the delivery: one that comes again changes nothing, also in another process.
func (s *Schedule) Pause(ctx context.Context, id string, by refresh.Person, key string) (Standing, error) {
	return s.change(ctx, id, key, func(l *line) (kept, refresh.News, error) {
		k := l.kept
		if k.Paused != nil {
			return k, refresh.News{}, refresh.Errorf(refresh.Stale, "%s is paused already, by %s.", id, k.Paused.By.Name)
		}
		k.Paused = &Pause{By: by, At: time.Now().UTC().Round(0)}
		return k, refresh.News{Kind: refresh.NewsPaused, By: by}, nil
	})
}

// Resume lets a paused schedule come due again. What was due meanwhile is not asked for.
func (s *Schedule) Resume(ctx context.Context, id string, by refresh.Person, key string) (Standing, error) {
	return s.change(ctx, id, key, func(l *line) (kept, refresh.News, error) {
		k := l.kept
		if k.Paused == nil {
			return k, refresh.News{}, refresh.Errorf(refresh.Stale, "%s is not paused.", id)
		}
		k.Paused, k.Postponed, k.Due = nil, time.Time{}, l.following()
		return k, refresh.News{Kind: refresh.NewsResumed, By: by, Next: k.Due}, nil
	})
}

// SkipNext skips the next due time. due is the one that the person was shown: when it is no longer the next one,
// nothing is skipped. The zero time stands for whichever is next.
func (s *Schedule) SkipNext(ctx context.Context, id string, due time.Time, by refresh.Person, key string) (Standing, error) {
	return s.change(ctx, id, key, func(l *line) (kept, refresh.News, error) {
		switch {
		case l.kept.Paused != nil:
			return kept{}, refresh.News{}, refresh.Errorf(refresh.Refused, "%s is paused, so nothing comes due.", id)
		case !due.IsZero() && !due.Equal(l.kept.Due):
			return kept{}, refresh.News{}, refresh.Errorf(refresh.Stale, "The next time of %s has changed meanwhile, so nothing was skipped. Look again: /refresh schedules", id)
		}
		k := l.after(WasSkipped, "")
		return k, refresh.News{Kind: refresh.NewsSkipped, By: by, Next: k.Due}, nil
	})
}

// Remove deletes a schedule that a person has made.
func (s *Schedule) Remove(ctx context.Context, id string, by refresh.Person, key string) (Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.find(ctx, id)
	if err != nil {
		return Standing{}, err
	}
	if l.Configured() {
		return Standing{}, refresh.Errorf(refresh.Refused, "%s stands in the configuration, so it can only be paused here.", id)
	}
	if err := s.News.Tell(ctx, l.news(refresh.News{Kind: refresh.NewsRemoved, By: by}, key)); err != nil {
		return Standing{}, fmt.Errorf("tell about the schedule %s: %w", id, err)
	}
	if err := s.Records.DeleteRecord(ctx, space, l.ID); err != nil {
		return Standing{}, fmt.Errorf("remove the schedule %s: %w", id, err)
	}
	delete(s.all, l.ID)
	s.rouse()
	return l.standing(), nil
}

// change makes one change to one schedule: to says how it stands afterwards, and what is told about that.
func (s *Schedule) change(ctx context.Context, id, key string, to func(*line) (kept, refresh.News, error)) (Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.find(ctx, id)
	if err != nil {
		return Standing{}, err
	}
	if key != "" && slices.Contains(l.kept.Changes, key) {
		return l.standing(), nil
	}
	k, n, err := to(l)
	if err != nil {
		return Standing{}, err
	}
	if key != "" {
		k.Changes = append(slices.Clone(k.Changes), key)
		k.Changes = k.Changes[max(0, len(k.Changes)-mostChanges):]
	}
	if err := s.move(ctx, l, k, n, key); err != nil {
		return Standing{}, err
	}
	s.rouse()
	return l.standing(), nil
}

// find returns the schedule with that id, in whichever letter case.
func (s *Schedule) find(ctx context.Context, id string) (*line, error) {
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("read the schedules: %w", err)
	}
	for _, l := range s.all {
		if strings.EqualFold(l.ID, id) {
			return l, l.readable()
		}
	}
	return nil, refresh.Errorf(refresh.NotFound, "There is no schedule %s.", id)
}

// readable is an error when nobody knows how the schedule stands.
func (l *line) readable() error {
	if l.unread == nil {
		return nil
	}
	return &refresh.Error{Code: refresh.Internal, Msg: fmt.Sprintf("What is kept of %s cannot be read, so it is left alone. Restore the store from a backup.", l.ID), Err: l.unread}
}

// rouse has Run look at once.
func (s *Schedule) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
