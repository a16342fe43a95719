package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
)

// Performer does things to the outside world. Every method bounds its own calls in time and returns promptly
// when ctx ends. What an Outcome of the irreversible class must promise stands at refresh.Outcome: Failure only
// when the effect has certainly not happened, NotKnown otherwise.
type Performer interface {
	// Perform carries out a step whose intent has been committed.
	Perform(ctx context.Context, r refresh.Refresh, s refresh.Step) refresh.Outcome
	// Look searches for an irreversible effect whose outcome is not known.
	Look(ctx context.Context, r refresh.Refresh, s refresh.Step) refresh.Sighted
	// Watch sees whether a waiting gate was decided outside: Succeeded when it was.
	Watch(ctx context.Context, r refresh.Refresh, s refresh.Step) refresh.Outcome
}

// Options are what an Engine is made of. Committed, LeftAlone and Stuck may be nil.
type Options struct {
	Store     Store
	Performer Performer
	Log       *slog.Logger
	Committed func(refresh.ID) // called after each commit; must not block
	LeftAlone func(error)      // called when Run begins with why some refreshes cannot be read, if there are any
	// Stuck is called when a refresh has not moved for some minutes, once for each reason, and with nil when it moves
	// again or has ended after all. A disk that takes nothing is no reason: that is no one refresh's trouble. It must not block.
	Stuck func(refresh.ID, error)
	Grace time.Duration // how long a call may go on after Run's context ended; 10 s when zero
}

// Engine runs refreshes. Make one with New, then call Run once.
type Engine struct {
	store     Store
	performer Performer
	log       *slog.Logger
	committed func(refresh.ID)
	leftAlone func(error)
	stuck     func(refresh.ID, error)
	grace     time.Duration
	recovered chan struct{}

	commit lock // one commit at a time: Decide always sees the latest row

	mu      sync.Mutex
	start   func(refresh.ID) // nil until Run has recovered, and after it has stopped
	wake    map[refresh.ID]chan struct{}
	unsent  map[string]bool // irreversible attempts whose intent this process committed and has not acted on
	runners sync.WaitGroup
}

// New returns an engine that does nothing until Run.
func New(o Options) *Engine {
	e := &Engine{
		store: o.Store, performer: o.Performer, log: o.Log, committed: o.Committed, leftAlone: o.LeftAlone, stuck: o.Stuck, grace: o.Grace,
		commit: make(lock, 1), recovered: make(chan struct{}), wake: map[refresh.ID]chan struct{}{}, unsent: map[string]bool{},
	}
	if e.committed == nil {
		e.committed = func(refresh.ID) {}
	}
	if e.leftAlone == nil {
		e.leftAlone = func(error) {}
	}
	if e.stuck == nil {
		e.stuck = func(refresh.ID, error) {}
	}
	if e.grace == 0 {
		e.grace = 10 * time.Second
	}
	return e
}

// lock is a mutex whose waiting a fake clock does not take for work.
type lock chan struct{}

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }

// errSeen answers an input that was delivered twice.
var errSeen = &refresh.Error{Code: refresh.Stale, Msg: "That was handled already.", Err: ErrSeen}

// errDefect stands for a panic that was recovered and logged.
var errDefect = errors.New("a defect in refreshbot; the log has the stack")

// Recovered is closed once every open refresh has been taken up again.
func (e *Engine) Recovered() <-chan struct{} { return e.recovered }

// Run takes up every refresh that has not ended and runs it, and all that are asked for later, until ctx ends.
// A call that is under way then has the grace period to finish; if it does not, its intent stays open.
func (e *Engine) Run(ctx context.Context) error {
	calls, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()

	e.takeUp(ctx, calls)
	close(e.recovered)
	<-ctx.Done()

	e.mu.Lock()
	e.start = nil
	e.mu.Unlock()
	patience := time.AfterFunc(e.grace, giveUp)
	defer patience.Stop()
	e.runners.Wait()
	return nil
}

// takeUp takes up every refresh that has not ended, and lets later ones be started.
func (e *Engine) takeUp(ctx, calls context.Context) {
	e.commit.Lock() // a refresh that is asked for meanwhile must not fall between Open and start
	defer e.commit.Unlock()
	open, err := e.store.Open(ctx)
	if err != nil {
		// What can be read goes on; what cannot stays as it is for a person to look at.
		e.log.ErrorContext(ctx, "some refreshes cannot be read and are left alone", "err", err)
		e.leftAlone(err)
	}
	if !failpoint.Mutant(failpoint.ResultOnly) {
		e.recoverAll(ctx, open)
	}
	start := func(id refresh.ID) {
		wake := make(chan struct{}, 1)
		e.wake[id] = wake
		e.runners.Go(func() {
			runner := runner{engine: e, id: id, wake: wake, again: map[string]time.Time{}}
			runner.run(ctx, calls)
			e.mu.Lock()
			delete(e.wake, id)
			e.mu.Unlock()
		})
	}
	e.mu.Lock()
	e.start = start
	for _, r := range open {
		start(r.ID)
	}
	e.mu.Unlock()
}

// batch is how many refreshes are taken up in one transaction.
const batch = 200

// recoverAll commits what follows for each refresh from the process having begun anew.
func (e *Engine) recoverAll(ctx context.Context, open []refresh.Refresh) {
	var todo []Commit
	for _, r := range open {
		var c Commit
		err := e.guarded(ctx, r.ID, func() (err error) { c, err = Transition(r, refresh.Recovered{}, "", time.Now()); return err })
		if err != nil {
			e.unrecovered(ctx, r.ID, err)
		} else if len(c.Events) > 0 {
			todo = append(todo, c)
		}
	}
	all, batches := e.store.(Batcher)
	for some := range slices.Chunk(todo, batch) {
		if batches && len(some) > 1 && e.guarded(ctx, "", func() error { return all.CommitAll(ctx, some) }) == nil {
			for _, c := range some {
				e.written(ctx, c)
			}
			continue
		}
		for _, c := range some { // one that is declined must not keep the others from being taken up
			if err := e.guarded(ctx, c.Row.ID, func() error { return e.store.Commit(ctx, c) }); err != nil {
				e.unrecovered(ctx, c.Row.ID, err)
				continue
			}
			e.written(ctx, c)
		}
	}
}

// unrecovered says that a refresh was not taken up. Its runner goes on all the same: see take for why that is safe.
func (e *Engine) unrecovered(ctx context.Context, id refresh.ID, err error) {
	e.log.ErrorContext(ctx, "a refresh could not be recovered yet", "refresh", id, "err", err)
}

// guarded turns a panic into an error: a defect that shows with one refresh must not keep the others from being taken up.
func (e *Engine) guarded(ctx context.Context, id refresh.ID, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.log.ErrorContext(ctx, "a refresh panicked", "refresh", id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errDefect
		}
	}()
	return do()
}

// Ask begins a refresh. key names the input, so that a redelivered one begins nothing. It returns an *Error
// that wraps ErrSeen when the key was seen, and ErrBusy when the target is being refreshed already.
func (e *Engine) Ask(ctx context.Context, req refresh.Request, key string) (refresh.Refresh, error) {
	req.ID = newID(req.Target.Name, time.Now())
	e.commit.Lock()
	defer e.commit.Unlock()
	// A redelivered request may be refused by now, say because its start time has passed.
	if err := e.unseen(ctx, key); err != nil {
		return refresh.Refresh{}, err
	}
	return e.write(ctx, refresh.Refresh{}, req, key)
}

// Tell gives an input to a refresh and returns it as it stands afterwards. The events are in the store when Tell
// returns. key may be empty. An *Error says why the input was refused.
func (e *Engine) Tell(ctx context.Context, id refresh.ID, in refresh.Input, key string) (refresh.Refresh, error) {
	e.commit.Lock()
	defer e.commit.Unlock()
	r, err := e.store.Load(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return r, refresh.Errorf(refresh.NotFound, "There is no refresh %s.", id)
	}
	if err != nil {
		return r, fmt.Errorf("load %s: %w", id, err)
	}
	if err := e.unseen(ctx, key); err != nil {
		return r, err
	}
	return e.write(ctx, r, in, key)
}

// unseen refuses an input that was handled already.
func (e *Engine) unseen(ctx context.Context, key string) error {
	if key == "" {
		return nil
	}
	seen, err := e.store.Seen(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("look up input: %w", err)
	case seen:
		return errSeen
	}
	return nil
}

// write decides and commits. The caller holds the commit lock.
func (e *Engine) write(ctx context.Context, r refresh.Refresh, in refresh.Input, key string) (refresh.Refresh, error) {
	c, err := Transition(r, in, key, time.Now())
	if err != nil || len(c.Events) == 0 {
		return r, err
	}
	switch err := e.store.Commit(ctx, c); {
	case errors.Is(err, ErrSeen):
		return r, errSeen
	case errors.Is(err, ErrBusy):
		return r, &refresh.Error{Code: refresh.Refused, Msg: c.Row.Target.Name + " is being refreshed already.", Err: ErrBusy}
	case errors.Is(err, ErrUnwritten):
		e.unwritten(ctx, c)
		return r, fmt.Errorf("commit %s: %w", c.Row.ID, err)
	case err != nil:
		return r, fmt.Errorf("commit %s: %w", c.Row.ID, err)
	}
	e.written(ctx, c)
	return c.Row, nil
}

// Transition makes the commit that follows from an input at a time; without events there is nothing to commit. key is
// the commit's.
func Transition(r refresh.Refresh, in refresh.Input, key string, at time.Time) (Commit, error) {
	at = at.UTC().Round(0)
	events, err := refresh.Decide(r, in, refresh.Now{Time: at, Nonce: token(4)})
	if err != nil {
		return Commit{}, err
	}
	c := Commit{Row: r, Base: r.Version, Events: events, At: at, Key: key}
	for _, ev := range events {
		c.Row = refresh.Apply(c.Row, ev, at)
	}
	return c, nil
}

// written does what is due after a commit.
func (e *Engine) written(ctx context.Context, c Commit) {
	e.allow(c.Row, c.Events)
	for _, ev := range c.Events {
		e.log.InfoContext(ctx, "event", "refresh", c.Row.ID, "event", refresh.EventName(ev), "step", refresh.StepOf(ev))
	}
	e.committed(c.Row.ID)
	e.rouse(c.Row.ID)
}

// unwritten looks after a commit that the disk did not take whether it is there all the same: the disk may have taken it
// and failed to say that it is safe. Its refresh then moves on from there and is shown so. An irreversible attempt is
// not allowed: its intent might be gone after a crash.
func (e *Engine) unwritten(ctx context.Context, c Commit) {
	if r, err := e.store.Load(ctx, c.Row.ID); err == nil && r.Version == c.Row.Version {
		e.log.WarnContext(ctx, "a commit that failed can be read all the same", "refresh", r.ID, "version", r.Version)
		e.committed(r.ID)
		e.rouse(r.ID)
	}
}

// allow notes the irreversible attempts whose intents were just committed.
func (e *Engine) allow(r refresh.Refresh, events []refresh.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range events {
		started, ok := ev.(refresh.StepStarted)
		if s, _ := r.Step(started.Step); ok && s.Kind.Class() == refresh.ClassIrreversible {
			e.unsent[attempt(r.ID, s.ID, started.Attempt)] = true
		}
	}
}

// take reports whether an irreversible attempt may be made now, and uses that up: only the process that knows
// it committed the intent may act on it, and only once. An intent found in the store, whoever wrote it and
// whether or not recovery worked, is never acted on. A runner can see an intent in the store before its commit has
// returned, so it waits for whoever is committing.
func (e *Engine) take(id refresh.ID, s refresh.Step) bool {
	e.commit.Lock()
	defer e.commit.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	key := attempt(id, s.ID, s.Attempt)
	ok := e.unsent[key]
	delete(e.unsent, key)
	return ok
}

func attempt(id refresh.ID, step string, n int) string { return fmt.Sprintf("%s/%s/%d", id, step, n) }

// rouse wakes the refresh's runner, or starts one.
func (e *Engine) rouse(id refresh.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wake, running := e.wake[id]
	switch {
	case running:
		select {
		case wake <- struct{}{}:
		default:
		}
	case e.start != nil:
		e.start(id)
	}
}

// newID makes a name that sorts by day and can be read out on the telephone.
func newID(target string, now time.Time) refresh.ID {
	return refresh.ID(fmt.Sprintf("%s-%s-%s", target, now.UTC().Format("20060102"), token(3)))
}

func token(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: it crashes the program instead
	return hex.EncodeToString(b)
}
