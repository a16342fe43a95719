package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"refreshbot/bot/redact"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// A defect in a rule or in the store, outside what a step does: before the commit that holds the outcome of the copy,
// and after it. The copy is not made again, and another refresh notices nothing.
func TestAPanicAroundACommitIsOneRefreshsTrouble(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T) {
				s, w := newStore(), newWorld("")
				h := boot(t, s, w)
				uat, other := h.ask("uat"), h.ask("test")
				fired := false
				boom := func(_ int, c engine.Commit) error {
					if !fired && c.Row.ID == uat && has(c, "step_succeeded", "copy") {
						fired = true
						panic("a defect")
					}
					return nil
				}
				if when == "before" {
					s.fail(boom, nil)
				} else {
					s.fail(nil, boom)
				}
				h.toCopy(uat)
				h.click(other, "approval", ann, refresh.ActionApprove)
				h.want(other, "notice", refresh.Waiting)
				pass(settle + time.Minute)
				if !fired {
					t.Fatal("nothing panicked")
				}
				h.want(uat, "copy", refresh.Completed)
				if n := w.starts(); n != 1 {
					t.Errorf("%d copies were begun", n)
				}
			})
		})
	}
}

func TestAPanicDuringRecoveryHoldsUpNoOther(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		h := boot(t, s, w)
		uat, other := h.ask("uat"), h.ask("test")
		h.want(uat, "approval", refresh.Waiting)
		h.want(other, "approval", refresh.Waiting)
		h.stop()
		var loads atomic.Int32
		s.load = func(id refresh.ID) error {
			if n := loads.Add(1); id == uat && n < 4 {
				panic("a defect that passes")
			}
			return nil
		}
		s.fail(func(n int, c engine.Commit) error {
			if c.Row.ID == uat && n < 3 {
				panic("another")
			}
			return nil
		}, nil)
		h = boot(t, s, w)
		h.toCopy(other)
		h.want(other, "copy", refresh.Completed)
		pass(time.Minute)
		h.toCopy(uat)
		h.want(uat, "copy", refresh.Completed)
	})
}

// A defect tells people that it is one, and nothing of what the panic says: that is for the log, which leaves out the
// secrets that it knows.
func TestWhatAPanicSaysIsNotShown(t *testing.T) {
	for where, logged := range map[string]string{"a step": "a step panicked", "the store": "a refresh panicked"} {
		t.Run(where, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T) {
				const secret = `hunter2 "and more"`
				s, w := newStore(), newWorld("")
				boom := func() { panic("the password is " + secret) }
				if where == "a step" {
					w.do["preflight"] = func(context.Context, refresh.Step, int) *refresh.Outcome { boom(); return nil }
				} else {
					s.fail(func(_ int, c engine.Commit) error {
						if has(c, "step_succeeded", "preflight") {
							boom()
						}
						return nil
					}, nil)
				}
				var out bytes.Buffer
				hidden := redact.NewWriter(&out) // as in main
				hidden.Hide(secret)
				h := bootWith(t, engine.Options{Store: s, Performer: w, Log: slog.New(slog.NewJSONHandler(hidden, nil))})
				id := h.ask("uat")
				pass(settle)
				r := h.row(id)
				if s, _ := r.Step("preflight"); where == "a step" && (s.Problem == nil || s.Problem.Code != refresh.Internal || !strings.Contains(s.Problem.Message, "defect")) {
					t.Errorf("the problem is %+v", s.Problem)
				}
				if strings.Contains(h.journal(id), "hunter2") {
					t.Error("the journal holds what the panic said")
				}
				h.stop()
				if log := out.String(); !strings.Contains(log, logged) || !strings.Contains(log, "the password is ***") || strings.Contains(log, "hunter2") {
					t.Errorf("the log:\n%s", log)
				}
			})
		})
	}
}
