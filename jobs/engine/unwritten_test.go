package engine_test

import (
	"sync"
	"testing"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// unsynced answers as a store does whose disk took the pages and then failed to say that they are safe.
func unsynced(event, step string) func(int, engine.Commit) error {
	var once sync.Once
	return func(_ int, c engine.Commit) (err error) {
		if has(c, event, step) {
			once.Do(func() { err = engine.ErrUnwritten })
		}
		return err
	}
}

// A commit that failed and can be read all the same has consequences: its refresh is run, and its card drawn.
func TestACommitThatFailedAndIsThereAllTheSameIsTakenUp(t *testing.T) {
	t.Run("a refresh that was asked for", func(t *testing.T) {
		inFakeTime(t, func(t *testing.T) {
			s, w := newStore(), newWorld("")
			s.fail(nil, unsynced("requested", ""))
			h := boot(t, s, w)
			if _, err := h.Ask(t.Context(), request("uat"), "ask"); err == nil {
				t.Fatal("nobody knows whether it will last, and it is said to be done")
			}
			pass(time.Second)
			rows, err := s.Store.Open(t.Context())
			if err != nil || len(rows) != 1 {
				t.Fatalf("%v, %v", rows, err)
			}
			h.want(rows[0].ID, "preflight", refresh.Completed)
		})
	})
	t.Run("its end", func(t *testing.T) {
		inFakeTime(t, func(t *testing.T) {
			s, told := newStore(), make(chan refresh.ID, 100)
			h := bootWith(t, engine.Options{Store: s, Performer: newWorld(""), Log: quiet(), Committed: func(id refresh.ID) { told <- id }})
			id := h.ask("uat")
			pass(time.Minute)
			s.fail(nil, unsynced("ended", ""))
			before := len(told)
			if _, err := h.Tell(t.Context(), id, refresh.Cancel{By: oz}, ""); err == nil {
				t.Fatal("nobody knows whether it will last, and it is said to be done")
			}
			if h.row(id).Status != refresh.Cancelled || len(told) != before+1 {
				t.Errorf("it is %s, and %d commits were told", h.row(id).Status, len(told)-before)
			}
		})
	})
	t.Run("the intent to copy", func(t *testing.T) { // it may be gone after a crash, so it is not acted on before a look
		inFakeTime(t, func(t *testing.T) {
			s, w := newStore(), newWorld("")
			h := boot(t, s, w)
			id := h.ask("uat")
			h.click(id, "approval", ann, refresh.ActionApprove)
			h.row(id)
			s.fail(nil, unsynced("step_started", "copy"))
			pass(2 * time.Hour)
			h.want(id, "copy", refresh.Troubled)
			if w.asked != 0 || w.called("look") == 0 {
				t.Errorf("%d requests, %d looks", w.asked, w.called("look"))
			}
		})
	})
}

func TestACommitThatWasNotWrittenHasNoConsequences(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w, told := newStore(), newWorld(""), &stuck{}
		s.fail(unsynced("requested", ""), nil)
		h := bootWith(t, engine.Options{Store: s, Performer: w, Log: quiet(), Stuck: told.tell, Committed: func(id refresh.ID) { t.Errorf("%s was told", id) }})
		if _, err := h.Ask(t.Context(), request("uat"), "ask"); err == nil {
			t.Fatal("it is said to be done")
		}
		pass(time.Hour)
		told.want(t)
		if n := w.called("preflight"); n > 0 {
			t.Errorf("%d checks", n)
		}
	})
}
