package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

// busy watches which steps are performed at the same time.
type busy struct {
	mu     sync.Mutex
	now    []string
	most   int
	begun  map[string]time.Time // when each step was performed first
	wrong  []string             // a step of a group beside one of another
	groups map[string]string
}

// watch makes the step take a minute.
func (b *busy) watch(w *world, group string, steps ...string) {
	for _, id := range steps {
		b.groups[id] = group
		w.do[id] = func(ctx context.Context, s refresh.Step, _ int) *refresh.Outcome {
			b.enter(s.ID)
			defer b.leave(s.ID)
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				return &refresh.Outcome{Result: refresh.NotKnown}
			}
		}
	}
}

func (b *busy) enter(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.now {
		if b.groups[id] == "" || b.groups[id] != b.groups[other] {
			b.wrong = append(b.wrong, id+" beside "+other)
		}
	}
	b.now = append(b.now, id)
	b.most = max(b.most, len(b.now))
	if b.begun[id].IsZero() {
		b.begun[id] = time.Now()
	}
}

func (b *busy) leave(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = slices.DeleteFunc(b.now, func(s string) bool { return s == id })
}

// grouped asks for a refresh that reconfigures in these groups, and brings it there. A group is written a:1,2,3; the
// name of one without members is a step alone.
func grouped(h *house, groups ...string) (refresh.ID, time.Time) {
	h.t.Helper()
	in := request("uat")
	in.Plan = slices.DeleteFunc(in.Plan, func(s refresh.Spec) bool { return s.Phase == refresh.PhaseReconfigure })
	for _, g := range groups {
		group, members, many := strings.Cut(g, ":")
		if !many {
			group, members = "", g
		}
		for id := range strings.SplitSeq(members, ",") {
			in.Plan = append(in.Plan, refresh.Spec{ID: id, Name: id, Phase: refresh.PhaseReconfigure, Kind: refresh.KindOData, Group: group})
		}
	}
	r, err := h.Ask(h.t.Context(), in, "ask")
	if err != nil {
		h.t.Fatal(err)
	}
	h.toCopy(r.ID)
	h.click(r.ID, "sign-off", ann, refresh.ActionSignOff)
	return r.ID, time.Now()
}

func TestStepsOfAGroupArePerformedSideBySide(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		w, b := newWorld(""), &busy{begun: map[string]time.Time{}, groups: map[string]string{}}
		b.watch(w, "", "first", "last")
		b.watch(w, "a", "a1", "a2", "a3", "a4", "a5")
		b.watch(w, "b", "b1", "b2")
		h := boot(t, newStore(), w)
		id, begun := grouped(h, "first", "a:a1,a2,a3,a4,a5", "b:b1,b2", "last")
		pass(5*time.Minute - time.Second)
		h.want(id, "b2", refresh.Completed)
		h.want(id, "last", refresh.Performing)
		pass(time.Second)
		if r := h.row(id); r.Status != refresh.Done {
			t.Fatalf("%s after five minutes: %s", r.Status, h.journal(id))
		}
		if b.most != 3 || b.wrong != nil {
			t.Errorf("at most %d at once, want 3; and %q", b.most, b.wrong)
		}
		var order []string
		for step, at := range b.begun {
			order = append(order, fmt.Sprintf("%d %s", at.Sub(begun)/time.Minute, step))
		}
		slices.Sort(order)
		if want := []string{"0 first", "1 a1", "1 a2", "1 a3", "2 a4", "2 a5", "3 b1", "3 b2", "4 last"}; !slices.Equal(order, want) {
			t.Errorf("begun in minute: %q, want %q", order, want)
		}
		for step, n := range w.calls {
			if _, watched := b.groups[step]; watched && n != 1 {
				t.Errorf("%s was performed %d times", step, n)
			}
		}
	})
}

func TestOneOfAGroupHoldsUpNoOther(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		w, b := newWorld(""), &busy{begun: map[string]time.Time{}, groups: map[string]string{}}
		b.watch(w, "a", "good")
		w.do["follows"] = func(_ context.Context, _ refresh.Step, n int) *refresh.Outcome {
			if n < 20 {
				return &refresh.Outcome{Result: refresh.Continues, Again: 15 * time.Second}
			}
			return nil
		}
		w.do["passing"] = func(_ context.Context, _ refresh.Step, n int) *refresh.Outcome {
			if n < 2 {
				return &refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Offline, Message: "gone for a minute"}}
			}
			return nil
		}
		w.do["broken"] = func(context.Context, refresh.Step, int) *refresh.Outcome { panic("a defect") }
		h := boot(t, newStore(), w)
		id, _ := grouped(h, "a:broken,follows,passing,good", "last")
		pass(4 * time.Minute)
		for _, step := range []string{"good", "passing", "last"} {
			h.want(id, step, refresh.Completed)
		}
		h.want(id, "follows", refresh.Performing)
		if r := h.want(id, "broken", refresh.Troubled); len(r.OpenGates()) != 1 {
			t.Errorf("open gates: %+v", r.OpenGates())
		}
		h.click(id, "broken", ann, refresh.ActionSkip)
		pass(5 * time.Minute)
		if r := h.row(id); r.Status != refresh.Done || w.called("follows") != 20 {
			t.Errorf("%s after %d polls: %s", r.Status, w.called("follows"), h.journal(id))
		}
	})
}

func TestAGroupThatWasCutShortIsPerformedAgain(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, w, b := newStore(), newWorld(""), &busy{begun: map[string]time.Time{}, groups: map[string]string{}}
		b.watch(w, "a", "a1", "a2", "a3", "a4")
		h := boot(t, s, w)
		id, _ := grouped(h, "a:a1,a2,a3,a4")
		pass(time.Second)
		h.stop() // a call may end within the grace period; these take longer
		h = boot(t, s, w)
		pass(3 * time.Minute)
		if r := h.row(id); r.Status != refresh.Done {
			t.Errorf("%s: %s", r.Status, h.journal(id))
		}
		if w.called("a1") != 2 || w.called("a4") != 1 || b.most > 3 {
			t.Errorf("a1 %d times, a4 %d times, %d at once", w.called("a1"), w.called("a4"), b.most)
		}
	})
}
