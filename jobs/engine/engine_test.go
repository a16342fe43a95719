package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

func TestAWholeLife(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		w := newWorld("")
		w.do["follow"] = func(_ context.Context, _ refresh.Step, n int) *refresh.Outcome {
			if n < 10 {
				return &refresh.Outcome{Result: refresh.Continues, Again: 3 * time.Minute}
			}
			return nil
		}
		h := boot(t, newStore(), w)
		id := h.ask("uat")
		h.want(id, "approval", refresh.Waiting)
		pass(5 * time.Hour)
		h.click(id, "approval", ann, refresh.ActionApprove)
		announced := time.Now()
		pass(notice - time.Second)
		h.want(id, "copy", refresh.Pending)
		pass(time.Second)
		r := h.want(id, "follow", refresh.Performing)
		if !r.Copy.SentAt.Equal(announced.Add(notice)) {
			t.Errorf("sent at %v, want the end of the notice, %v", r.Copy.SentAt, announced.Add(notice))
		}
		pass(27 * time.Minute)
		h.click(id, "sign-off", ann, refresh.ActionSignOff)
		if r := h.row(id); r.Status != refresh.Done || w.starts() != 1 || w.called("follow") != 10 {
			t.Errorf("%s, %d starts, %d polls: %s", r.Status, w.starts(), w.called("follow"), h.journal(id))
		}
	})
}

func TestTimersSurviveARestart(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		h := boot(t, s, w)
		id := h.ask("uat")
		h.click(id, "approval", ann, refresh.ActionApprove)
		until := h.row(id).Window.From
		h.stop()
		pass(notice / 2)
		h = boot(t, s, w) // in time: the notice goes on as announced
		pass(notice/2 - time.Second)
		h.want(id, "notice", refresh.Waiting)
		pass(time.Second)
		if r := h.want(id, "copy", refresh.Completed); !r.Copy.SentAt.Equal(until) {
			t.Errorf("sent at %v, want %v", r.Copy.SentAt, until)
		}

		other := h.ask("dev")
		h.click(other, "approval", ann, refresh.ActionApprove)
		h.stop()
		pass(10 * time.Hour) // long overdue: nobody expects it any more, so it is announced anew
		h = boot(t, s, w)
		h.want(other, "notice", refresh.Waiting)
		h.want(other, "copy", refresh.Pending)
		pass(notice)
		h.want(other, "copy", refresh.Completed)
	})
}

// An intent can be read before the commit that wrote it has returned. Nobody is asked about a copy that was never in
// doubt, and it is not begun before its intent is safe.
func TestARunnerThatSeesAnIntentBeforeItsCommitReturns(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		h := boot(t, s, w)
		id := h.ask("uat")
		h.click(id, "approval", ann, refresh.ActionApprove)
		s.fail(nil, func(_ int, c engine.Commit) error {
			if has(c, "step_started", "copy") {
				<-time.After(2 * time.Second) // a slow disk
				if w.called("copy") != 0 {
					t.Error("the copy was begun before its commit returned")
				}
			}
			return nil
		})
		pass(notice - time.Second)
		h.click(id, "notice", rita, refresh.ActionStartNow) // the runner wakes up at the end of the notice, in the middle of it
		pass(time.Minute)
		h.want(id, "copy", refresh.Completed)
		if w.starts() != 1 {
			t.Errorf("%d starts: %s", w.starts(), h.journal(id))
		}
	})
}

// hang is a call that does not return until it is told to give up.
func hang(ctx context.Context, _ refresh.Step, n int) *refresh.Outcome {
	if n > 1 {
		return nil
	}
	<-ctx.Done()
	return &refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Offline, Message: ctx.Err().Error()}}
}

func TestStoppingLeavesAnOpenIntent(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		w.do["preflight"], w.do["copy"] = hang, hang
		h := boot(t, s, w)
		id := h.ask("uat")
		pass(time.Hour)
		began := time.Now()
		h.stop()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("stopping took %v, want the grace period", took)
		}
		if st, _ := h.row(id).Step("preflight"); st.Status != refresh.Performing || st.Attempt != 1 {
			t.Fatalf("preflight %+v", st)
		}
		h = boot(t, s, w)
		h.toCopy(id)
		h.want(id, "copy", refresh.Performing)
		h.stop()
		h = boot(t, s, w)
		h.want(id, "copy", refresh.Settling)
		pass(settle)
		h.want(id, "copy", refresh.Troubled)
		h.click(id, "copy", ann, refresh.ActionStartAgain)
		pass(settle)
		h.want(id, "copy", refresh.Completed)
		if w.starts() != 1 {
			t.Errorf("%d starts", w.starts())
		}
	})
}

func TestACallMayEndWithinTheGracePeriod(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		w.do["copy"] = func(context.Context, refresh.Step, int) *refresh.Outcome {
			<-time.After(5 * time.Second)
			return nil
		}
		h := boot(t, s, w)
		id := h.ask("uat")
		h.toCopy(id)
		synctest.Wait()
		h.stop()
		if r := h.row(id); r.Copy.Operation != "op-1" || r.Copy.Adopted {
			t.Errorf("copy %+v", r.Copy)
		}
	})
}

func TestAPanicIsOneStepsTrouble(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		w := newWorld("panic")
		w.do["email"] = func(_ context.Context, _ refresh.Step, n int) *refresh.Outcome {
			if n == 1 {
				panic("a defect")
			}
			return nil
		}
		w.look = func() *refresh.Sighted {
			if w.called("look") == 1 {
				panic("another defect")
			}
			return nil
		}
		h := boot(t, newStore(), w)
		id := h.ask("uat")
		h.toCopy(id)
		h.want(id, "copy", refresh.Settling) // it panicked after the call: who knows
		pass(settle)
		h.want(id, "copy", refresh.Troubled)
		h.click(id, "copy", ann, refresh.ActionAdopt)
		pass(settle)
		h.want(id, "copy", refresh.Completed)
		h.click(id, "sign-off", ann, refresh.ActionSignOff)
		h.want(id, "jobs", refresh.Completed)
		h.want(id, "email", refresh.Troubled)
		h.click(id, "email", ann, refresh.ActionRetry)
		if r := h.row(id); r.Status != refresh.Done || w.starts() != 1 {
			t.Errorf("%s, %d starts", r.Status, w.starts())
		}
	})
}

// The disk is full for a while, just when the outcome of each step is known.
func TestAStoreThatFailsForAWhileLosesNoOutcome(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		full := map[string]time.Time{}
		s.fail(func(_ int, c engine.Commit) error {
			for _, step := range []string{"preflight", "copy", "email"} {
				if !has(c, "step_succeeded", step) {
					continue
				}
				if full[step].IsZero() {
					full[step] = time.Now().Add(5 * time.Minute)
				}
				if time.Now().Before(full[step]) {
					return errDisk
				}
			}
			return nil
		}, nil)
		h := boot(t, s, w)
		id := h.ask("uat")
		pass(6 * time.Minute)
		h.toCopy(id)
		pass(6 * time.Minute)
		if r := h.row(id); r.Copy.Operation != "op-1" || r.Copy.Adopted {
			t.Errorf("copy %+v", r.Copy)
		}
		h.click(id, "sign-off", ann, refresh.ActionSignOff)
		pass(6 * time.Minute)
		if r := h.row(id); r.Status != refresh.Done {
			t.Errorf("%s: %s", r.Status, h.journal(id))
		}
		for _, step := range []string{"preflight", "copy", "email"} {
			if n := w.called(step); n != 1 {
				t.Errorf("%s was performed %d times", step, n)
			}
		}
		if s.tries() > 100 {
			t.Errorf("%d commits were tried", s.tries())
		}
	})
}

// The worst moment: the copy has begun and the process dies before that is written.
func TestDyingBetweenTheCallAndItsOutcome(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		s.fail(func(_ int, c engine.Commit) error {
			if has(c, "step_succeeded", "copy") {
				return errDisk
			}
			return nil
		}, nil)
		h := boot(t, s, w)
		id := h.ask("uat")
		h.toCopy(id)
		h.want(id, "copy", refresh.Performing)
		h.stop()
		s.fail(nil, nil)
		h = boot(t, s, w)
		h.want(id, "copy", refresh.Settling)
		pass(settle)
		if r := h.want(id, "copy", refresh.Completed); r.Copy.Operation != "op-1" || !r.Copy.Adopted || w.starts() != 1 {
			t.Errorf("copy %+v, %d starts", r.Copy, w.starts())
		}
	})
}

// The store says no and has written all the same, as one across a network may. The intent is then nobody's.
func TestAnIntentOfUnknownOriginIsNotActedOn(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		s.fail(nil, func(_ int, c engine.Commit) error {
			if has(c, "step_started", "copy") {
				return errDisk
			}
			return nil
		})
		h := boot(t, s, w)
		id := h.ask("uat")
		h.click(id, "approval", ann, refresh.ActionApprove)
		pass(notice + time.Minute)
		h.want(id, "copy", refresh.Settling)
		pass(settle)
		h.want(id, "copy", refresh.Troubled)
		if w.called("copy") != 0 {
			t.Errorf("%d calls", w.called("copy"))
		}
	})
}

// One refresh cannot be recovered at first. The others go on, and its copy is not made on the old intent.
func TestARefreshThatCannotBeRecoveredHoldsUpNoOther(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		w.do["copy"] = func(ctx context.Context, s refresh.Step, n int) *refresh.Outcome {
			w.start() // it has begun, and then the process hangs and is stopped
			return hang(ctx, s, n)
		}
		h := boot(t, s, w)
		stuck, other := h.ask("uat"), h.ask("dev")
		h.toCopy(stuck)
		h.want(stuck, "copy", refresh.Performing)
		h.stop()
		w.do["copy"] = nil
		healed := time.Now().Add(time.Hour)
		s.fail(func(_ int, c engine.Commit) error {
			if c.Row.ID == stuck && time.Now().Before(healed) {
				return errDisk
			}
			return nil
		}, nil)
		h = boot(t, s, w)
		h.click(other, "approval", ann, refresh.ActionApprove)
		pass(notice)
		h.want(other, "copy", refresh.Completed)
		h.want(stuck, "copy", refresh.Performing)
		pass(2 * time.Hour)
		if n := w.called("copy"); n != 2 {
			t.Errorf("%d calls, want one for each refresh", n)
		}
		if st, _ := h.row(stuck).Step("copy"); st.Status == refresh.Performing {
			t.Errorf("still %s", st.Status)
		}
	})
}

func TestARefreshThatCannotBeReadForAWhileGoesOn(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		h := boot(t, s, w)
		id := h.ask("uat")
		h.click(id, "approval", ann, refresh.ActionApprove)
		synctest.Wait()
		healed := time.Now().Add(2 * notice)
		s.mu.Lock()
		s.load = func(refresh.ID) error {
			if time.Now().Before(healed) {
				return errDisk
			}
			return nil
		}
		s.mu.Unlock()
		pass(3 * notice)
		h.want(id, "copy", refresh.Completed)
	})
}

func TestAskedForBeforeAndDuringRecovery(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		e := engine.New(engine.Options{Store: s, Performer: w, Log: quiet()})
		early, err := e.Ask(t.Context(), request("uat"), "")
		if err != nil {
			t.Fatal(err)
		}
		late := make(chan refresh.ID, 1)
		var once sync.Once
		s.open = func() { // the store has answered and nobody is started yet
			once.Do(func() {
				go func() {
					r, err := e.Ask(t.Context(), request("dev"), "")
					if err != nil {
						t.Error(err)
					}
					late <- r.ID
				}()
				for range 1000 { // it could commit now, were it let; who waits for a lock stops the fake clock
					runtime.Gosched()
				}
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		h := &house{Engine: e, t: t, store: s}
		h.want(early.ID, "approval", refresh.Waiting)
		h.want(<-late, "approval", refresh.Waiting)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAskingTwice(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		h := boot(t, newStore(), newWorld(""))
		id := h.ask("uat")
		_, err := h.Ask(t.Context(), request("uat"), "ask-uat")
		if !errors.Is(err, engine.ErrSeen) || refresh.CodeOf(err) != refresh.Stale {
			t.Errorf("the same request again: %v", err)
		}
		_, err = h.Ask(t.Context(), request("uat"), "another")
		if !errors.Is(err, engine.ErrBusy) || refresh.CodeOf(err) != refresh.Refused {
			t.Errorf("another request: %v", err)
		}
		if _, err := h.Tell(t.Context(), id, refresh.Cancel{By: rita}, "cancel"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Tell(t.Context(), id, refresh.Cancel{By: rita}, "cancel"); !errors.Is(err, engine.ErrSeen) {
			t.Errorf("the same cancel again: %v", err)
		}
		if _, err := h.Ask(t.Context(), request("uat"), "next"); err != nil {
			t.Errorf("after the end: %v", err)
		}
		if _, err := h.Tell(t.Context(), "nothing", refresh.Tick{}, ""); refresh.CodeOf(err) != refresh.NotFound {
			t.Errorf("no such refresh: %v", err)
		}
	})
}

func TestOfManyClicksOneCounts(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		h := boot(t, newStore(), newWorld(""))
		id := h.ask("uat")
		g := h.row(id).OpenGates()[0]
		var counted, stale atomic.Int32
		var clicks sync.WaitGroup
		for i := range 50 {
			clicks.Go(func() {
				in := refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: refresh.ActionApprove, By: ann}
				switch _, err := h.Tell(t.Context(), id, in, fmt.Sprint("envelope-", i/2)); {
				case err == nil:
					counted.Add(1)
				case refresh.CodeOf(err) == refresh.Stale:
					stale.Add(1)
				default:
					t.Errorf("click %d: %v", i, err)
				}
			})
		}
		clicks.Wait()
		if counted.Load() != 1 || stale.Load() != 49 {
			t.Errorf("%d counted, %d were told it was decided", counted.Load(), stale.Load())
		}
		if g, _ := h.row(id).Gate(g.ID); len(g.Decisions) != 1 {
			t.Errorf("decisions %+v", g.Decisions)
		}
	})
}

// Somebody else has written: the outcome is decided anew on the row as it is now, and the loop does not spin.
func TestAStaleRowIsReadAgain(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		stale := 3
		s.fail(func(_ int, c engine.Commit) error {
			if has(c, "step_succeeded", "copy") && stale > 0 {
				stale--
				return fmt.Errorf("row 7: %w", engine.ErrStale)
			}
			return nil
		}, nil)
		h := boot(t, s, w)
		id := h.ask("uat")
		h.toCopy(id)
		pass(time.Minute)
		if r := h.want(id, "copy", refresh.Completed); r.Copy.Adopted || w.called("copy") != 1 {
			t.Errorf("copy %+v, %d calls", r.Copy, w.called("copy"))
		}
		s.fail(func(int, engine.Commit) error { return engine.ErrStale }, nil)
		g := h.row(id).OpenGates()[0]
		if _, err := h.Tell(t.Context(), id, refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: refresh.ActionSignOff, By: ann}, ""); !errors.Is(err, engine.ErrStale) {
			t.Errorf("click on a stale row: %v", err)
		}
		pass(time.Hour)
		if s.tries() > 130 {
			t.Errorf("%d commits tried in an hour", s.tries())
		}
	})
}

func TestAClickDoesNotWaitForALongCall(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		w.do["preflight"] = func(context.Context, refresh.Step, int) *refresh.Outcome {
			<-time.After(time.Hour)
			return nil
		}
		h := boot(t, s, w)
		id := h.ask("uat")
		pass(time.Minute)
		before := time.Now()
		r, err := h.Tell(t.Context(), id, refresh.Cancel{By: rita}, "")
		if err != nil || r.Status != refresh.Cancelled || !time.Now().Equal(before) {
			t.Errorf("%s after %v: %v", r.Status, time.Since(before), err)
		}
		pass(2 * time.Hour)
		if got := h.row(id); got.Version != r.Version {
			t.Errorf("the late outcome moved it: %s", h.journal(id))
		}
	})
}

func TestSignedOffInLCS(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		w := newWorld("")
		w.do["watch"] = func(_ context.Context, _ refresh.Step, n int) *refresh.Outcome {
			switch {
			case n == 1:
				panic("a defect")
			case n < 100: // without a word about when to ask again
				return &refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Offline}}
			}
			return &refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopySignedOff}
		}
		h := boot(t, newStore(), w)
		id := h.ask("uat")
		h.toCopy(id)
		pass(10 * time.Minute)
		h.want(id, "sign-off", refresh.Waiting)
		if n := w.called("watch"); n > 25 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		pass(time.Hour)
		h.want(id, "email", refresh.Completed)
	})
}

func TestAStepThatGoesOnHoldsUpNoOther(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		w := newWorld("")
		w.do["email"] = func(context.Context, refresh.Step, int) *refresh.Outcome {
			<-time.After(time.Second)
			return &refresh.Outcome{Result: refresh.Continues, Again: time.Nanosecond}
		}
		h := boot(t, newStore(), w)
		id := h.ask("uat")
		h.toCopy(id)
		h.click(id, "sign-off", ann, refresh.ActionSignOff)
		pass(10 * time.Second)
		h.want(id, "jobs", refresh.Completed)
		h.want(id, "email", refresh.Performing)
		if _, err := h.Tell(t.Context(), id, refresh.Cancel{By: oz}, ""); refresh.CodeOf(err) != refresh.Refused {
			t.Errorf("cancel after the copy: %v", err)
		}
	})
}

// The store refuses the outcome for good, as a broken row would. One intent is still good for one call only.
func TestAnOutcomeThatIsRefusedDoesNotRepeatTheCall(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		s.fail(func(_ int, c engine.Commit) error {
			if has(c, "step_succeeded", "copy") && w.called("look") == 0 {
				return refresh.Errorf(refresh.Internal, "The row is broken.")
			}
			return nil
		}, nil)
		h := boot(t, s, w)
		id := h.ask("uat")
		h.toCopy(id)
		pass(time.Hour)
		if r := h.want(id, "copy", refresh.Completed); w.starts() != 1 || !r.Copy.Adopted {
			t.Errorf("%d starts, copy %+v", w.starts(), r.Copy)
		}
	})
}

// The disk is full for a while. What came of the call is known, so it is committed once there is room, and the call is
// not made again.
func TestAFullDiskDoesNotLoseAnOutcome(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		full := time.Now().Add(2 * time.Hour)
		s.fail(func(_ int, c engine.Commit) error {
			if has(c, "step_succeeded", "copy") && time.Now().Before(full) {
				return &refresh.Error{Code: refresh.Internal, Msg: "There is no room left.", Err: engine.ErrUnwritten}
			}
			return nil
		}, nil)
		h := boot(t, s, w)
		id := h.ask("uat")
		h.toCopy(id)
		pass(time.Hour)
		h.want(id, "copy", refresh.Performing)
		pass(2 * time.Hour)
		if r := h.want(id, "copy", refresh.Completed); w.starts() != 1 || r.Copy.Adopted {
			t.Errorf("%d starts, copy %+v", w.starts(), r.Copy)
		}
	})
}
