package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
)

// longestNap bounds how long a runner sleeps at once, so that a clock that was set or a machine that was
// suspended costs no more than this.
const longestNap = 30 * time.Second

// sideBySide is how many effects of one group are performed at the same time: what an environment bears that has
// just come back.
const sideBySide = 3

// patience is for how long a refresh may fail to move before anybody is told: what passes by itself has passed by then.
const patience = 3 * time.Minute

// runner performs the effects of one refresh until it has ended: one at a time, except where the plan groups them.
type runner struct {
	engine *Engine
	id     refresh.ID
	wake   chan struct{}

	mu    sync.Mutex
	again map[string]time.Time // when an effect that continues wants to be asked next
	since time.Time            // when it failed to move first; zero: it moves
	told  string               // the latest reason that was told
}

// run returns when the refresh has ended or ctx has. calls outlives ctx by the grace period.
func (n *runner) run(ctx, calls context.Context) {
	log := n.engine.log.With("refresh", n.id)
	defer n.release(ctx)
	for failures := 0; ctx.Err() == nil; {
		until, over, err := n.turn(ctx, calls)
		if ctx.Err() == nil { // else it only stops
			n.moved(err)
		}
		if over {
			return
		}
		if err != nil {
			failures++
			log.ErrorContext(ctx, "this refresh does not move; trying again", "err", err)
			until = time.Now().Add(min(longestNap, time.Second<<min(failures, 5)))
		} else {
			failures = 0
		}
		n.nap(ctx, until)
	}
}

// moved notes whether the refresh could move, and tells when it cannot for long.
func (n *runner) moved(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case err == nil:
		if n.told != "" {
			n.engine.stuck(n.id, nil)
		}
		n.since, n.told = time.Time{}, ""
	case errors.Is(err, ErrUnwritten):
	case n.since.IsZero():
		n.since = time.Now()
	case time.Since(n.since) >= patience && n.told != err.Error():
		n.told = err.Error()
		n.engine.stuck(n.id, err)
	}
}

// release says of an irreversible attempt whose intent this process has committed and not acted on that it was not
// made. Nobody but this process can know that: the next one would have to ask a person.
func (n *runner) release(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	r, err := n.engine.store.Load(ctx, n.id)
	if err != nil {
		return
	}
	for _, eff := range refresh.Effects(r) {
		s := eff.Step
		if eff.Mode != refresh.ModePerform || s.Kind.Class() != refresh.ClassIrreversible || !n.engine.take(r.ID, s) {
			continue
		}
		p := &refresh.Problem{Code: refresh.Offline, Message: "refreshbot was stopped before it asked for the copy."}
		out := refresh.Outcome{Result: refresh.Failure, Problem: p}
		if _, err := n.engine.Tell(ctx, n.id, refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: out}, ""); err != nil {
			n.engine.log.ErrorContext(ctx, "a copy that was not asked for could not be recorded as such", "refresh", n.id, "err", err)
		}
	}
}

// turn looks at the refresh and does what is due. A defect in a rule or in the store is one refresh's trouble: it is an
// error here, and the other refreshes go on.
func (n *runner) turn(ctx, calls context.Context) (until time.Time, over bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			n.engine.log.ErrorContext(ctx, "a refresh panicked", "refresh", n.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			until, over, err = time.Time{}, false, errDefect
		}
	}()
	r, err := n.engine.store.Load(ctx, n.id)
	switch {
	case ctx.Err() != nil, err == nil && r.Status.Ended():
		return time.Time{}, true, nil
	case err == nil:
		until, err = n.step(calls, r)
	}
	return until, false, err
}

// step does one thing that is due and returns when to look again: zero for at once.
func (n *runner) step(calls context.Context, r refresh.Refresh) (time.Time, error) {
	now := time.Now()
	due := refresh.NextDue(r)
	if !due.IsZero() && !now.Before(due) {
		failpoint.Hit("timer", "fired")
		return time.Time{}, n.tell(calls, refresh.Tick{})
	}
	next := now.Add(longestNap)
	if !due.IsZero() && due.Before(next) {
		next = due
	}
	// The one that is due longest goes first, so that a step asked again and again holds up no other.
	todo := refresh.Effects(r)
	slices.SortStableFunc(todo, func(a, b refresh.Effect) int { return n.at(a).Compare(n.at(b)) })
	if len(todo) == 0 {
		return next, nil
	}
	if at := n.at(todo[0]); now.Before(at) {
		return earlier(next, at), nil
	}
	return time.Time{}, n.together(calls, r, n.side(todo, now))
}

// side returns the first effect, and with it those of its group that are due as well.
func (n *runner) side(todo []refresh.Effect, now time.Time) []refresh.Effect {
	first := todo[0]
	if first.Step.Group == "" {
		return todo[:1]
	}
	var group []refresh.Effect
	for _, eff := range todo {
		if eff.Step.Group == first.Step.Group && !now.Before(n.at(eff)) && len(group) < sideBySide {
			group = append(group, eff)
		}
	}
	return group
}

// together performs effects at the same time and returns when all are over.
func (n *runner) together(calls context.Context, r refresh.Refresh, effects []refresh.Effect) error {
	if len(effects) == 1 {
		return n.perform(calls, r, effects[0])
	}
	errs := make([]error, len(effects))
	var wg sync.WaitGroup
	for i, eff := range effects {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil { // outside guard, so a defect in a rule or in the store
					n.engine.log.Error("a refresh panicked", "refresh", n.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
					errs[i] = errDefect
				}
			}()
			errs[i] = n.perform(calls, r, eff)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// at returns when an effect is due.
func (n *runner) at(eff refresh.Effect) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if failpoint.Mutant(failpoint.NoSettling) && eff.Mode == refresh.ModeLook {
		return time.Time{}
	}
	if again := n.again[eff.Step.ID]; again.After(eff.NotTill) {
		return again
	}
	return eff.NotTill
}

// perform carries out one effect and commits its outcome. When the calls' context has ended meanwhile, the
// outcome is worth nothing and the intent stays open.
func (n *runner) perform(calls context.Context, r refresh.Refresh, eff refresh.Effect) error {
	s := eff.Step
	n.mu.Lock()
	delete(n.again, s.ID)
	n.mu.Unlock()
	if eff.Mode == refresh.ModeLook {
		failpoint.Hit(s.ID, "before-look")
		seen := guard(func() refresh.Sighted { return n.engine.performer.Look(calls, r, s) },
			func(p refresh.Problem) refresh.Sighted { return refresh.Sighted{Problem: &p} }, n)
		failpoint.Hit(s.ID, "after-look")
		if calls.Err() != nil {
			return nil
		}
		seen.Step, seen.Attempt = s.ID, s.Attempt
		return n.tell(calls, seen)
	}
	if s.Kind.Class() == refresh.ClassIrreversible && !n.engine.take(r.ID, s) && !failpoint.Mutant(failpoint.ResultOnly) {
		return n.tell(calls, refresh.Recovered{})
	}
	failpoint.Hit(s.ID, "before-call")
	do := n.engine.performer.Perform
	if eff.Mode == refresh.ModeWatch {
		do = n.engine.performer.Watch
	}
	out := guard(func() refresh.Outcome { return do(calls, r, s) }, func(p refresh.Problem) refresh.Outcome {
		if s.Kind.Class() == refresh.ClassIrreversible {
			return refresh.Outcome{Result: refresh.NotKnown, Problem: &p}
		}
		return refresh.Outcome{Result: refresh.Failure, Problem: &p}
	}, n)
	failpoint.Hit(s.ID, "after-call")
	if failpoint.Mutant(failpoint.ResultOnly) && s.Kind.Class() == refresh.ClassIrreversible && out.Result == refresh.NotKnown {
		return nil // and so it is performed again
	}
	if calls.Err() != nil && out.Result != refresh.Succeeded {
		return nil
	}
	if out.Result == refresh.Continues || eff.Mode == refresh.ModeWatch {
		pause := out.Again
		if pause <= 0 {
			pause = longestNap
		}
		n.mu.Lock()
		n.again[s.ID] = time.Now().Add(pause)
		n.mu.Unlock()
	}
	return n.tell(calls, refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: out})
}

// tell commits even while the process is stopping, and keeps at it while the store declines (a full disk, say):
// an outcome that is known must not be lost.
func (n *runner) tell(ctx context.Context, in refresh.Input) error {
	for wait := time.Second; ; wait = min(2*wait, longestNap) {
		_, err := n.engine.Tell(context.WithoutCancel(ctx), n.id, in, "")
		if _, refused := errors.AsType[*refresh.Error](err); err == nil || refused && !errors.Is(err, ErrUnwritten) {
			return err
		}
		n.engine.log.ErrorContext(ctx, "the journal cannot be written; trying again", "refresh", n.id, "err", err)
		n.moved(err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// nap waits for the time, a change of the refresh, or the end.
func (n *runner) nap(ctx context.Context, until time.Time) {
	wait := time.Until(until)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(min(wait, longestNap))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-n.wake:
	case <-timer.C:
	}
}

// guard turns a panic in a performer into an outcome: one bad step must not take the other refreshes down.
func guard[T any](do func() T, failed func(refresh.Problem) T, n *runner) (result T) {
	defer func() {
		if p := recover(); p != nil {
			n.engine.log.Error("a step panicked", "refresh", n.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			result = failed(refresh.Problem{Code: refresh.Internal, Message: "A defect in refreshbot stopped this step. The log of the process has the details."})
		}
	}()
	return do()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
