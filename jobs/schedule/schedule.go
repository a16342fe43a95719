// Package schedule asks for refreshes at recurring times, those of the configuration and those that people have made.
// The due time and the fact that it fired are in the store, so that a restart neither loses nor doubles one. A refresh
// that was asked for this way needs its approvals like any other, and is asked for some time before it is due.
package schedule

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

// Request is what a schedule asks for.
type Request struct {
	Entry
	Due time.Time
	// StartAt is when the copy is to begin, and until when the refresh can be approved; zero: as soon as it is
	// approved, since the due time has come.
	StartAt time.Time
}

// Key names the request: one due time of one schedule asks once.
func (r Request) Key() string {
	if r.Configured() {
		return fmt.Sprintf("schedule/%s/%d", r.Target, r.Due.Unix())
	}
	return fmt.Sprintf("schedule/%s/%d/%d", r.ID, r.MadeAt.Unix(), r.Due.Unix())
}

// Asker asks for a refresh. The key makes the request unique: engine.ErrSeen when it was made before. Blocked when it
// would fall into a blackout.
type Asker interface {
	Scheduled(ctx context.Context, r Request) (refresh.Refresh, error)
	// Asked reports whether that request was made before.
	Asked(ctx context.Context, r Request) (bool, error)
}

// Blocked is the error of an Asker whose refresh would fall into a blackout.
type Blocked struct {
	refresh.Blackout
	Free time.Time // when it could begin
}

func (b Blocked) Error() string { return "in a blackout: " + b.Why }

// News tells the people in a target's channel. What it takes it tells, whatever happens to the process.
type News interface {
	Tell(ctx context.Context, n refresh.News) error
}

// Records keeps small named records.
type Records interface {
	Record(ctx context.Context, space, key string) ([]byte, bool, error)
	// Records returns those that can be read, and an error that names the others.
	Records(ctx context.Context, space string) (map[string][]byte, error)
	PutRecord(ctx context.Context, space, key string, value []byte) error
	DeleteRecord(ctx context.Context, space, key string) error
}

// Options are what a Schedule works with.
type Options struct {
	Entries []Entry        // of the configuration
	Zone    *time.Location // in which an expression is read whose entry names no zone
	Asker   Asker
	News    News
	Records Records
	Log     *slog.Logger
}

// Schedule asks for refreshes. Make one with New, then call Run once.
type Schedule struct {
	Options

	mu     sync.Mutex // held over changes, so that they follow one another
	all    map[string]*line
	loaded bool
	wake   chan struct{}
}

// line is one schedule in memory.
type line struct {
	Entry
	kept   kept
	times  recur.Times
	unread error // what is kept of it cannot be read, so it is left alone: it may have fired, or be paused
}

// New reads the expressions of the configuration. It returns an error for one that is not valid or never comes due.
func New(o Options) (*Schedule, error) {
	s := &Schedule{Options: o, all: map[string]*line{}, wake: make(chan struct{}, 1)}
	for _, e := range o.Entries {
		e.ID = Configured(e.Target)
		times, err := e.times(o.Zone)
		if err != nil {
			return nil, fmt.Errorf("schedule of %s: %w", e.Target, err)
		}
		l := &line{Entry: e, times: times}
		l.kept.Due = times.Next(time.Now())
		s.all[e.ID] = l
	}
	return s, nil
}

// Next returns when a refresh of the target comes due next; zero when it has no schedule that is not paused. Before
// Run it is what the configuration says; what an earlier process left behind is known once Run has begun.
func (s *Schedule) Next(target string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next time.Time
	for _, l := range s.all {
		if l.Target == target && l.kept.Paused == nil && !l.kept.Due.IsZero() && (next.IsZero() || l.kept.Due.Before(next)) {
			next = l.kept.Due
		}
	}
	return next
}

// Run asks at the due times until ctx ends. What fails meanwhile is tried again, so it returns nil.
func (s *Schedule) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		timer := time.NewTimer(max(time.Until(s.round(ctx)), time.Second))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// round deals with whatever has come due and returns when to look again.
func (s *Schedule) round(ctx context.Context) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	wake := time.Now().Add(longestNap)
	if err := s.load(ctx); err != nil {
		s.Log.ErrorContext(ctx, "the schedules could not be taken up; trying again", "err", err)
		return wake
	}
	for _, l := range s.sorted() {
		s.announce(ctx, l)
		for l.kept.Paused == nil && !l.kept.Due.IsZero() && !time.Now().Before(l.kept.Due.Add(-l.Ask)) {
			more, err := s.deal(ctx, l)
			if err != nil {
				s.Log.ErrorContext(ctx, "a scheduled refresh could not be asked for; trying again", "schedule", l.ID, "due", l.kept.Due, "err", err)
			}
			if err != nil || !more {
				break
			}
		}
		if begins := l.kept.Due.Add(-l.Ask); l.kept.Paused == nil && begins.After(time.Now()) && begins.Before(wake) {
			wake = begins
		}
	}
	return wake
}

// load takes up where an earlier process left off. A due time that it left behind stands until Run deals with it. A
// schedule of which nothing can be read is left alone, and holds up no other.
func (s *Schedule) load(ctx context.Context) error {
	if s.loaded {
		return nil
	}
	records, damage := s.Records.Records(ctx, space)
	if damage != nil && len(records) == 0 {
		return damage
	}
	for key, data := range records {
		if err := s.takeUp(ctx, key, data); err != nil {
			damage = errors.Join(damage, fmt.Errorf("take up the schedule %s: %w", key, err))
		}
	}
	for _, l := range s.sorted() {
		if _, ok := records[l.key()]; !ok && damage != nil {
			_, _, l.unread = s.Records.Record(ctx, space, l.key()) // no error: it is new
		}
		if l.unread != nil {
			l.kept = kept{}
			continue
		}
		if l.Cron != l.kept.Cron || l.times.Zone().String() != l.kept.Zone { // new, or another expression than before
			l.kept.Due, l.kept.Postponed = l.following(), time.Time{}
		}
		if err := s.keep(ctx, l, l.kept); err != nil {
			return err
		}
	}
	if damage != nil {
		s.Log.ErrorContext(ctx, "schedules that cannot be taken up are left alone", "err", damage)
	}
	s.loaded = true
	return nil
}

// takeUp reads one record, and notes of one that has no schedule any more that it has none.
func (s *Schedule) takeUp(ctx context.Context, key string, data []byte) (err error) {
	l := s.all[Configured(key)]
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		if l != nil {
			l.unread = err
		}
		return err
	}
	if k.Entry != nil {
		l = &line{Entry: *k.Entry}
		if l.times, err = l.Entry.times(s.Zone); err != nil {
			return err
		}
	}
	if l == nil {
		return s.dropped(ctx, key, k)
	}
	l.kept = k
	s.all[l.ID] = l
	return nil
}

// dropped notes that the configuration does not have the schedule any more. Should it come back, what would have come due
// meanwhile was not missed.
func (s *Schedule) dropped(ctx context.Context, key string, k kept) error {
	if k.Cron == "" {
		return nil
	}
	k.Cron = ""
	return s.put(ctx, key, k)
}

// key is under which the schedule is kept.
func (l *line) key() string {
	if l.Configured() {
		return l.Target
	}
	return l.ID
}

func (s *Schedule) sorted() []*line {
	var list []*line
	for _, l := range s.all {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b *line) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), a.MadeAt.Compare(b.MadeAt), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// deal asks for the refresh that comes due, or skips a due time, and moves on to the next one; more reports that
// it did. When the process dies in between, the next one asks again with the same due time and is told that it was
// seen.
func (s *Schedule) deal(ctx context.Context, l *line) (more bool, err error) {
	now, req := time.Now(), Request{Entry: l.Entry, Due: l.kept.Due}
	if late := now.Sub(l.kept.Due); late > punctual && (l.Missed != Once || l.Within > 0 && late > l.Within) {
		// The last process may have asked and died before it noted that.
		if asked, err := s.Asker.Asked(ctx, req); err != nil {
			return false, err
		} else if asked {
			return true, s.keep(ctx, l, l.after(Asked, ""))
		}
		s.Log.WarnContext(ctx, "a scheduled refresh was missed and is skipped", "schedule", l.ID, "due", l.kept.Due)
		return true, s.passOver(ctx, l, WasMissed, refresh.News{Kind: refresh.NewsMissed})
	}
	if now.Before(l.kept.Due) {
		req.StartAt = l.kept.Due
	}
	failpoint.Hit("schedule", "due")
	r, err := s.Asker.Scheduled(ctx, req)
	failpoint.Hit("schedule", "asked")
	blocked, inBlackout := errors.AsType[Blocked](err)
	switch {
	case err == nil, errors.Is(err, engine.ErrSeen):
		if err == nil {
			s.Log.InfoContext(ctx, "asked for a scheduled refresh", "schedule", l.ID, "due", l.kept.Due, "refresh", r.ID)
		}
		return true, s.keep(ctx, l, l.after(Asked, r.ID))
	case inBlackout:
		return true, s.blocked(ctx, l, blocked)
	case errors.Is(err, engine.ErrBusy) && now.Before(l.kept.Due):
		return false, nil // it may have ended by then
	case errors.Is(err, engine.ErrBusy):
		s.Log.WarnContext(ctx, "a scheduled refresh was not asked for, because one is running", "schedule", l.ID, "due", l.kept.Due)
		return true, s.passOver(ctx, l, WasBusy, refresh.News{Kind: refresh.NewsBusy})
	}
	switch refresh.CodeOf(err) {
	case refresh.NotFound, refresh.Refused, refresh.Invalid, refresh.Denied:
		s.Log.WarnContext(ctx, "a scheduled refresh was refused", "schedule", l.ID, "due", l.kept.Due, "err", err)
		return true, s.passOver(ctx, l, WasRefused, refresh.News{Kind: refresh.NewsNotPossible, Why: refresh.MessageOf(err)})
	}
	return false, err
}

// blocked deals with a due time that falls into a blackout.
func (s *Schedule) blocked(ctx context.Context, l *line, f Blocked) error {
	next := l.times.Next(l.kept.Due)
	if l.Blackout != Postpone || !f.Free.After(l.kept.Due) || !next.IsZero() && !f.Free.Before(next) {
		s.Log.WarnContext(ctx, "a scheduled refresh falls into a blackout and is skipped", "schedule", l.ID, "due", l.kept.Due, "blackout", f.Why)
		return s.passOver(ctx, l, WasInBlackout, refresh.News{Kind: refresh.NewsInBlackout, Blackout: f.Blackout})
	}
	k := l.kept
	k.Due, k.Postponed = f.Free.UTC(), cmp.Or(l.kept.Postponed, l.kept.Due)
	s.Log.WarnContext(ctx, "a scheduled refresh falls into a blackout and is postponed", "schedule", l.ID, "due", l.kept.Due, "to", k.Due, "blackout", f.Why)
	return s.move(ctx, l, k, refresh.News{Kind: refresh.NewsPostponed, Blackout: f.Blackout, Next: k.Due}, "")
}

// passOver moves on, and tells what became of the due time.
func (s *Schedule) passOver(ctx context.Context, l *line, outcome string, n refresh.News) error {
	k := l.after(outcome, "")
	n.Next = k.Due
	return s.move(ctx, l, k, n, "")
}

// move keeps how a schedule stands from now on together with what is to be told of it, and then tells: what is told is so,
// and what the process does not get to tell the next one tells.
func (s *Schedule) move(ctx context.Context, l *line, k kept, n refresh.News, delivery string) error {
	k.News = append(slices.Clone(k.News), l.news(n, delivery))
	if err := s.keep(ctx, l, k); err != nil {
		return err
	}
	s.announce(ctx, l)
	return nil
}

// announce tells what is still to be told of a schedule. The record has it until it is written the next time: told again by
// another process it is the same news, under the same key.
func (s *Schedule) announce(ctx context.Context, l *line) {
	for len(l.kept.News) > 0 {
		if err := s.News.Tell(ctx, l.kept.News[0]); err != nil {
			s.Log.ErrorContext(ctx, "the news of a schedule could not be told; trying again", "schedule", l.ID, "err", err)
			return
		}
		l.kept.News = l.kept.News[1:]
	}
}

// news is what is told about a schedule and its due time. delivery names what a person has sent, who may do the same again.
func (l *line) news(n refresh.News, delivery string) refresh.News {
	n.Key = fmt.Sprintf("schedule/%s/%d/%s/%d", l.ID, l.MadeAt.Unix(), n.Kind, l.kept.Due.Unix())
	if delivery != "" {
		n.Key += "/" + delivery
	}
	n.Target, n.Schedule, n.Times, n.Due, n.At = l.Target, l.ID, l.words(), l.kept.Due, time.Now().UTC()
	if l.Owner.ID != n.By.ID && l.Owner.ID != "" {
		n.For = append(n.For, l.Owner)
	}
	if n.Blackout.Owner.ID != "" {
		n.For = append(n.For, n.Blackout.Owner)
	}
	return n
}

// after is what to keep once the due time has been dealt with.
func (l *line) after(outcome string, id refresh.ID) kept {
	k := l.kept
	k.Fired, k.Outcome, k.Refresh, k.Postponed = l.kept.Due, outcome, id, time.Time{}
	done := *l
	done.kept = k
	k.Due = done.following()
	return k
}

// following is the next due time that has not been dealt with.
func (l *line) following() time.Time {
	from := time.Now()
	if l.kept.Fired.After(from) { // it was asked for before its time
		from = l.kept.Fired
	}
	return l.times.Next(from)
}

func (l *line) words() string {
	return fmt.Sprintf("%s (%s)", l.times.Words(), l.times.Zone())
}

// keep writes how a schedule stands, and then has it stand so.
func (s *Schedule) keep(ctx context.Context, l *line, k kept) error {
	k.Cron, k.Zone = l.Cron, l.times.Zone().String()
	if !l.Configured() {
		k.Entry = &l.Entry
	}
	if err := s.put(ctx, l.key(), k); err != nil {
		return err
	}
	l.kept = k
	return nil
}

func (s *Schedule) put(ctx context.Context, key string, k kept) error {
	data, err := json.Marshal(k)
	if err == nil {
		err = s.Records.PutRecord(ctx, space, key, data)
	}
	if err != nil {
		return fmt.Errorf("keep how the schedule stands: %w", err)
	}
	return nil
}
