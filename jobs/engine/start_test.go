package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

func TestAStartTimeSurvivesARestart(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		h := boot(t, s, w)
		req := request("uat")
		req.StartAt = time.Now().Add(50 * time.Hour)
		r, err := h.Ask(t.Context(), req, "ask")
		if err != nil {
			t.Fatal(err)
		}
		id := r.ID
		pass(time.Hour)
		h.click(id, "approval", ann, refresh.ActionApprove)
		h.want(id, "start", refresh.Waiting)
		h.stop()
		pass(40 * time.Hour)
		h = boot(t, s, w)
		h.want(id, "start", refresh.Waiting)
		pass(time.Until(req.StartAt) - notice - time.Second)
		h.want(id, "announce", refresh.Pending)
		pass(time.Second)
		h.want(id, "notice", refresh.Waiting)
		pass(notice)
		if r := h.want(id, "copy", refresh.Completed); !r.Copy.SentAt.Equal(req.StartAt) || w.starts() != 1 {
			t.Errorf("sent at %v, want %v; %d starts", r.Copy.SentAt, req.StartAt, w.starts())
		}
	})
}

// The delivery of a request that was lost on the way back comes again when its start time has passed.
func TestARequestThatIsDeliveredAgainTooLateWasHandled(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		h := boot(t, newStore(), newWorld(""))
		req := request("uat")
		req.StartAt = time.Now().Add(time.Minute)
		if _, err := h.Ask(t.Context(), req, "ask"); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		if _, err := h.Ask(t.Context(), req, "ask"); !errors.Is(err, engine.ErrSeen) {
			t.Errorf("asked again: %v", err)
		}
	})
}

// Only the process that committed the intent knows that it has not acted on it. It says so when it stops, and nobody
// has to be asked.
func TestStoppingBeforeTheStartIsSentAsksNobody(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w := newStore(), newWorld("")
		h := boot(t, s, w)
		req := request("uat")
		at := slices.IndexFunc(req.Plan, func(s refresh.Spec) bool { return s.ID == "copy" })
		req.Plan = slices.Insert(req.Plan, at, refresh.Spec{ID: "final-checks", Phase: refresh.PhaseRefresh, Kind: refresh.KindPreflight, Name: "Final checks"})
		w.do["final-checks"] = func(context.Context, refresh.Step, int) *refresh.Outcome {
			<-time.After(5 * time.Second) // within the grace period
			return nil
		}
		r, err := h.Ask(t.Context(), req, "ask")
		if err != nil {
			t.Fatal(err)
		}
		h.toCopy(r.ID)
		synctest.Wait()
		h.stop()
		h.want(r.ID, "final-checks", refresh.Completed)
		h.want(r.ID, "copy", refresh.Retrying)
		h = boot(t, s, w)
		pass(req.Settings.Retry)
		h.want(r.ID, "copy", refresh.Completed)
		if w.starts() != 1 || w.called("look") != 0 {
			t.Errorf("%d starts, looked %d times", w.starts(), w.called("look"))
		}
	})
}
