package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"refreshbot/bot/redact"
	"refreshbot/jobs/refresh"
)

const (
	postsSpace = "posts"
	// backlog is how many refreshes, beside the open ones, are looked at on start for something that was not shown.
	backlog = 50
	// atOnce is how many refreshes are being shown at a time. Each waits for Slack on its own.
	atOnce = 32
	// stale is how long after its end a refresh is still shown and reported. Those of long ago are left alone.
	stale = 7 * 24 * time.Hour
)

// posted is what the publisher remembers about one refresh.
type posted struct {
	place                   // in its own channel
	Away    []place         `json:"away,omitempty"`    // where else it is shown, as long as Slack refuses its own channel
	Refused map[string]bool `json:"refused,omitempty"` // errors with which Slack refused what a post looks like, and whether the admins know
	Deleted map[string]bool `json:"deleted,omitempty"` // cards that somebody deleted, as channel/timestamp, and whether the admins know
	Noticed []place         `json:"noticed,omitempty"` // what each audience has heard
	Asks    []ask           `json:"asks,omitempty"`    // questions that were brought to people
	Heard   []string        `json:"heard,omitempty"`   // what the person who asked was told
	Invited bool            `json:"invited,omitempty"` // everybody who was let in was told, as far as they can be
}

// task is what the publisher has to do: show a refresh, tell about a channel that takes nothing, or warn the admins.
type task struct {
	refresh refresh.ID
	channel string
	warning warning
}

// publisher makes Slack equal to the journal. Posts are findable effects: each carries its key as metadata, so
// that one whose reply was lost is looked for and adopted instead of being made again.
//
// Every refresh is shown on its own, so that the trouble of one holds up no other, and in parts that wait for
// themselves alone after a failure. What is shown is always the newest state: changes that come while a refresh
// waits for its turn, or for Slack, are shown together.
type publisher struct {
	Options
	began   time.Time
	updates *queue // chat.update allows about 50 a minute for the whole workspace: never more than half of that is used
	lookups *queue // so does users.lookupByEmail
	shut    channels
	learnt  learnt

	mu     sync.Mutex
	dirty  map[task]time.Time // what to do, not before
	active map[task]bool      // what is being done
	failed map[part]failure
	heirs  map[refresh.ID]bool // those whose cards of an earlier process were looked at
	dms    map[string]string   // direct conversations by user
	posts  map[string]*queue   // by channel: each takes about one post a second
	wake   chan struct{}
}

func newPublisher(o Options) *publisher {
	return &publisher{
		Options: o, began: time.Now(), updates: newQueue(rate.Every(o.Pace), 4), lookups: newQueue(rate.Every(o.Pace), 1),
		shut:  channels{shut: map[string]closed{}, taking: map[string]bool{}},
		dirty: map[task]time.Time{}, active: map[task]bool{}, failed: map[part]failure{}, heirs: map[refresh.ID]bool{}, dms: map[string]string{}, posts: map[string]*queue{},
		wake: make(chan struct{}, 1),
	}
}

// changed notes that a refresh is to be shown now. Parts of it that wait for a failure to pass go on waiting, and then
// show the newest state.
func (p *publisher) changed(id refresh.ID) { p.due(task{refresh: id}) }

func (p *publisher) due(t task) {
	p.mu.Lock()
	p.dirty[t] = time.Time{}
	p.mu.Unlock()
	p.rouse()
}

// hurry has everything that waits for a failure to pass tried now: Slack can be reached again.
func (p *publisher) hurry() {
	p.mu.Lock()
	clear(p.failed)
	for t := range p.dirty {
		p.dirty[t] = time.Time{}
	}
	p.mu.Unlock()
	p.rouse()
}

func (p *publisher) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// behind reports whether a refresh has changed since it was taken up.
func (p *publisher) behind(id refresh.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, changed := p.dirty[task{refresh: id}]
	return changed
}

// run publishes until ctx ends, beginning with whatever an earlier process did not get to show.
func (p *publisher) run(ctx context.Context) {
	recent, err := p.Journal.Recent(ctx, "", backlog)
	open, openErr := p.Journal.Open(ctx)
	if err := errors.Join(err, openErr); err != nil {
		p.Log.ErrorContext(ctx, "some refreshes cannot be read and are not shown", "err", err)
	}
	for _, r := range slices.Concat(recent, open) {
		p.changed(r.ID)
	}
	room := semaphore.NewWeighted(atOnce)
	var showing sync.WaitGroup
	defer showing.Wait()
	for {
		t, wait := p.next()
		if wait == 0 {
			if room.Acquire(ctx, 1) != nil {
				return
			}
			showing.Go(func() {
				defer room.Release(1)
				p.perform(ctx, t)
			})
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next takes what has waited longest and is not being done already, or says how long nothing will be due.
func (p *publisher) next() (task, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var first task
	for t, at := range p.dirty {
		if p.active[t] {
			continue
		}
		if first == (task{}) || at.Before(p.dirty[first]) || at.Equal(p.dirty[first]) && t.refresh < first.refresh {
			first = t
		}
	}
	if first == (task{}) {
		return first, time.Hour
	}
	if wait := time.Until(p.dirty[first]); wait > 0 {
		return first, wait
	}
	delete(p.dirty, first)
	p.active[first] = true
	return first, 0
}

// perform does one task as far as it goes; what fails is tried again later.
func (p *publisher) perform(ctx context.Context, t task) {
	var again time.Time
	switch {
	case t.channel != "":
		again, _ = p.part(ctx, part{t, "channel"}, func() error { return p.aboutChannel(ctx, t.channel) })
	case t.warning != warning{}:
		again, _ = p.part(ctx, part{t, "warning"}, func() error { return p.warn(ctx, t.warning) })
	default:
		var err error
		again, err = p.show(ctx, t)
		if ctx.Err() == nil {
			p.Health.publishing(t.refresh, err)
		}
	}
	p.mu.Lock()
	delete(p.active, t)
	if _, changed := p.dirty[t]; !changed && !again.IsZero() {
		p.dirty[t] = again
	}
	p.mu.Unlock()
	p.rouse()
}

// show does everything that is due for one refresh. It returns when something is to be tried again, and what keeps
// the refresh from being shown.
func (p *publisher) show(ctx context.Context, t task) (again time.Time, err error) {
	s := &showing{publisher: p}
	var errs []error
	do := func(name string, f func(context.Context) error) error {
		at, err := p.part(ctx, part{t, name}, func() error { return f(ctx) })
		if again.IsZero() || !at.IsZero() && at.Before(again) {
			again = at
		}
		if _, waits := errors.AsType[notYet](err); !waits {
			errs = append(errs, err)
		}
		return err
	}
	if err := do("memory", func(ctx context.Context) error { return s.load(ctx, t.refresh) }); err != nil || s.nothing() {
		return again, errors.Join(errs...)
	}
	switch home := do("channel", s.home); {
	case home == nil:
		_ = do("away", s.comeBack)
	case isShut(home):
		_ = do("away", s.elsewhere)
	case p.behind(t.refresh): // the card first
		return again, errors.Join(errs...)
	}
	for _, a := range s.Notices.Audiences[s.r.Target.Name] {
		_ = do("notices in "+a.Channel, func(ctx context.Context) error { return s.notify(ctx, a) })
	}
	_ = do("asks", s.askPeople)
	_ = do("requester", s.tellRequester)
	_ = do("refused", s.tellOfRefusals)
	_ = do("deleted", s.tellOfDeleted)
	_ = do("invitations", s.invite)
	return again, errors.Join(errs...)
}

// part is a piece of a task. After a failure it waits for itself alone.
type part struct {
	task
	name string
}

// failure is what a part has failed with.
type failure struct {
	err   error
	times int
	until time.Time // not tried before
}

// part does one part, unless it waits for its last failure to pass. It returns when to try again, zero for never, and
// what the part failed with: a notYet when nothing is wrong.
func (p *publisher) part(ctx context.Context, which part, do func() error) (again time.Time, err error) {
	p.mu.Lock()
	was := p.failed[which]
	p.mu.Unlock()
	if time.Now().Before(was.until) {
		return was.until, was.err
	}
	err = p.guarded(ctx, which, do)
	if err != nil && ctx.Err() != nil {
		return time.Time{}, err // stopping
	}
	now := failure{}
	if err != nil {
		if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
			err = notYet{time.Now().Add(limited.RetryAfter)}
		}
		if later, ok := errors.AsType[notYet](err); ok {
			return later.until, err
		}
		now = failure{err: err, times: was.times + 1, until: time.Now().Add(p.patience(was.times))}
		if shut, ok := errors.AsType[closed](err); ok {
			now.times, now.until = was.times, shut.until
		} else {
			p.Health.unshown.Inc()
			p.Log.WarnContext(ctx, "not shown in Slack; trying again", "refresh", which.refresh, "part", which.name, "times", now.times, "err", redact.Text(err.Error()))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		delete(p.failed, which)
	} else {
		p.failed[which] = now
	}
	return now.until, err
}

// guarded has a panic as its error: a refresh that cannot be drawn keeps no other from being shown.
func (p *publisher) guarded(ctx context.Context, which part, do func() error) (err error) {
	defer func() {
		if defect := recover(); defect != nil {
			logPanic(ctx, p.Log.With("refresh", which.refresh, "part", which.name), "showing a refresh panicked", defect)
			err = errDefect
		}
	}()
	return do()
}

// patience is the wait after a failure: longer with each in a row, from 5 s to a minute.
func (p *publisher) patience(before int) time.Duration {
	return min(p.Retry<<min(before, 10), 12*p.Retry)
}

// notYet says that it is too early: a post may still be under way, or others are first.
type notYet struct{ until time.Time }

func (n notYet) Error() string { return "not before " + n.until.Format(time.TimeOnly) }

// queue hands out turns at a steady rate. Who was told when their turn is has it then, so that nobody is overtaken for
// ever.
type queue struct {
	mu    sync.Mutex
	plan  *rate.Limiter // hands out the turns
	spend *rate.Limiter // keeps those who come late to theirs from coming all at once
	turns map[string]time.Time
}

func newQueue(every rate.Limit, burst int) *queue {
	return &queue{plan: rate.NewLimiter(every, burst), spend: rate.NewLimiter(every, burst), turns: map[string]time.Time{}}
}

// postTurn returns nil when something may be posted in the channel, and otherwise a notYet.
func (p *publisher) postTurn(channel, who string) error {
	p.mu.Lock()
	q := p.posts[channel]
	if q == nil {
		q = newQueue(rate.Every(p.Pace), 4)
		p.posts[channel] = q
	}
	p.mu.Unlock()
	return q.turn(who)
}

// turn returns nil when it is who's turn, which uses it up, and otherwise a notYet.
func (q *queue) turn(who string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	at, waits := q.turns[who]
	if !waits {
		at = now.Add(q.plan.ReserveN(now, 1).DelayFrom(now))
	}
	if !at.After(now) {
		turn := q.spend.ReserveN(now, 1)
		if at = now.Add(turn.DelayFrom(now)); at.After(now) {
			turn.CancelAt(now)
		}
	}
	if at.After(now) {
		q.turns[who] = at
		return notYet{at}
	}
	delete(q.turns, who)
	return nil
}

// load reads the refresh and what is remembered of its posts.
func (s *showing) load(ctx context.Context, id refresh.ID) error {
	r, err := s.Journal.Load(ctx, id)
	if err != nil {
		return fmt.Errorf("load %s: %w", id, err)
	}
	s.r = r
	if s.posted, err = s.recall(ctx, id, r.Channel); err != nil {
		return err
	}
	return s.inherit(ctx)
}

// inherit looks, once in a process, at the cards that an earlier one left. What ended that process may have kept it from
// giving up an edit that is still to land; a card that it had made equal to the refresh has none.
func (s *showing) inherit(ctx context.Context) error {
	s.mu.Lock()
	known := s.heirs[s.r.ID]
	s.mu.Unlock()
	if known {
		return nil
	}
	unsure := false
	for _, at := range s.places() {
		if at.Card != "" && at.Shown != s.r.Version && at.Unsure.IsZero() {
			at.Unsure, unsure = s.began, true
		}
	}
	if unsure {
		if err := s.note(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heirs[s.r.ID] = true
	return nil
}

// places are where the refresh is shown: in its own channel, and elsewhere.
func (s *showing) places() []*place {
	all := []*place{&s.place}
	for i := range s.Away {
		all = append(all, &s.Away[i])
	}
	return all
}

// recall reads what is remembered of the posts about a refresh whose own channel that is.
func (p *publisher) recall(ctx context.Context, id refresh.ID, channel string) (posted, error) {
	state := posted{place: place{Channel: channel}}
	data, ok, err := p.Records.Record(ctx, postsSpace, string(id))
	if err == nil && ok {
		err = json.Unmarshal(data, &state)
	}
	if err != nil {
		return state, fmt.Errorf("recall what was posted about %s: %w", id, err)
	}
	return state, nil
}

// note remembers how far it got.
func (s *showing) note(ctx context.Context) error {
	data, err := json.Marshal(s.posted)
	if err != nil {
		return err
	}
	if err := s.Records.PutRecord(context.WithoutCancel(ctx), postsSpace, string(s.r.ID), data); err != nil {
		return fmt.Errorf("remember what was posted: %w", err)
	}
	return nil
}

// nothing reports whether there is nothing left to do.
func (s *showing) nothing() bool {
	if s.r.Status.Ended() && time.Since(s.r.EndedAt) > stale {
		return true
	}
	return !s.owes(s.place) && len(s.Away) == 0 && !s.owesInvitations() && !untold(s.Refused) && !untold(s.Deleted) && !s.owesNotices() &&
		!s.owesAsks() && len(s.owed()) == 0
}
