package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	rita = refresh.Actor{Person: refresh.Person{ID: "U0RITA", Name: "Rita"}}
	ann  = refresh.Actor{Person: refresh.Person{ID: "U0ANN", Name: "Ann"}}
	oz   = refresh.Actor{Person: refresh.Person{ID: "U0OZ", Name: "Oz"}, Admin: true}
)

const (
	notice = 30 * time.Minute
	settle = 2 * time.Minute
)

func request(target string) refresh.Request {
	step := func(id string, phase refresh.Phase, kind refresh.Kind) refresh.Spec {
		s := refresh.Spec{ID: id, Phase: phase, Kind: kind, Name: id}
		if kind == refresh.KindApproval || kind == refresh.KindSignOff {
			s.Policy = &refresh.Policy{By: []string{ann.ID}, Count: 1}
		}
		return s
	}
	return refresh.Request{
		Source: refresh.Environment{Name: "prod", LCS: "prod"}, Target: refresh.Environment{Name: target, LCS: "lcs-" + target},
		By: rita.Person, Troubleshooters: []string{ann.ID},
		Settings: refresh.Settings{Notice: notice, Downtime: time.Hour, Postpone: time.Hour, Settle: settle, Retry: time.Minute},
		Plan: []refresh.Spec{
			step("preflight", refresh.PhasePrepare, refresh.KindPreflight),
			step("approval", refresh.PhasePrepare, refresh.KindApproval),
			step("announce", refresh.PhasePrepare, refresh.KindAnnounce),
			step("notice", refresh.PhasePrepare, refresh.KindNotice),
			step("copy", refresh.PhaseRefresh, refresh.KindCopy),
			step("follow", refresh.PhaseRefresh, refresh.KindFollow),
			step("sign-off", refresh.PhaseSignOff, refresh.KindSignOff),
			step("email", refresh.PhaseReconfigure, refresh.KindEmail),
			step("jobs", refresh.PhaseReconfigure, refresh.KindBatchJobs),
		},
	}
}

// world is the outside: LCS and the target in miniature. It counts the copies that were really begun.
type world struct {
	mu     sync.Mutex
	reply  string                                                               // what goes wrong with the first start
	late   time.Duration                                                        // how long after a lost reply the copy shows
	asked  int                                                                  // requests to start, whether or not they began anything
	landed map[string]time.Time                                                 // when LCS's history shows each copy that was begun
	calls  map[string]int                                                       // by step
	do     map[string]func(context.Context, refresh.Step, int) *refresh.Outcome // a test's own behaviour of a step; nil: the usual
	look   func() *refresh.Sighted
}

func newWorld(reply string) *world {
	return &world{
		reply: reply, late: settle - time.Second, landed: map[string]time.Time{}, calls: map[string]int{},
		do: map[string]func(context.Context, refresh.Step, int) *refresh.Outcome{},
	}
}

func (w *world) starts() int { w.mu.Lock(); defer w.mu.Unlock(); return len(w.landed) }

func (w *world) called(step string) int { w.mu.Lock(); defer w.mu.Unlock(); return w.calls[step] }

func (w *world) Perform(ctx context.Context, _ refresh.Refresh, s refresh.Step) refresh.Outcome {
	w.mu.Lock()
	w.calls[s.ID]++
	own, n := w.do[s.ID], w.calls[s.ID]
	w.mu.Unlock()
	if own != nil {
		if o := own(ctx, s, n); o != nil {
			return *o
		}
	}
	if s.Kind == refresh.KindCopy {
		return w.start()
	}
	return refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted}
}

func (w *world) start() refresh.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	reply := w.reply
	if w.asked > 1 {
		reply = ""
	}
	if reply == "never arrived" {
		return refresh.Outcome{Result: refresh.NotKnown}
	}
	id := fmt.Sprint("op-", len(w.landed)+1)
	w.landed[id] = time.Now()
	switch reply {
	case "lost":
		return refresh.Outcome{Result: refresh.NotKnown}
	case "lost, lands late":
		w.landed[id] = time.Now().Add(w.late)
		return refresh.Outcome{Result: refresh.NotKnown}
	case "panic":
		panic("a defect after the call")
	}
	return refresh.Outcome{Result: refresh.Succeeded, Operation: id}
}

func (w *world) Look(context.Context, refresh.Refresh, refresh.Step) refresh.Sighted {
	w.mu.Lock()
	own := w.look
	w.calls["look"]++
	var seen refresh.Sighted
	for id, at := range w.landed {
		if !at.After(time.Now()) {
			seen.Candidates = append(seen.Candidates, refresh.Operation{ID: id})
		}
	}
	w.mu.Unlock()
	if own != nil {
		if s := own(); s != nil {
			return *s
		}
	}
	return seen
}

func (w *world) Watch(ctx context.Context, _ refresh.Refresh, s refresh.Step) refresh.Outcome {
	w.mu.Lock()
	w.calls["watch"]++
	own, n := w.do["watch"], w.calls["watch"]
	w.mu.Unlock()
	if own != nil {
		if o := own(ctx, s, n); o != nil {
			return *o
		}
	}
	return refresh.Outcome{Result: refresh.Continues, Again: time.Minute}
}

// flaky is a store that fails as a test wishes.
type flaky struct {
	engine.Store
	mu     sync.Mutex
	tried  int
	before func(n int, c engine.Commit) error // instead of the n-th commit
	after  func(n int, c engine.Commit) error // in place of its good answer
	load   func(refresh.ID) error
	open   func() // before Open answers
}

var errDisk = errors.New("the disk is full")

func newStore() *flaky { return &flaky{Store: storetest.NewMemory()} }

func (f *flaky) Commit(ctx context.Context, c engine.Commit) error {
	f.mu.Lock()
	f.tried++
	n, before, after := f.tried, f.before, f.after
	f.mu.Unlock()
	if before != nil {
		if err := before(n, c); err != nil {
			return err
		}
	}
	err := f.Store.Commit(ctx, c)
	if err == nil && after != nil {
		return after(n, c)
	}
	return err
}

func (f *flaky) Load(ctx context.Context, id refresh.ID) (refresh.Refresh, error) {
	f.mu.Lock()
	load := f.load
	f.mu.Unlock()
	if load != nil {
		if err := load(id); err != nil {
			return refresh.Refresh{}, err
		}
	}
	return f.Store.Load(ctx, id)
}

func (f *flaky) Open(ctx context.Context) ([]refresh.Refresh, error) {
	rows, err := f.Store.Open(ctx)
	f.mu.Lock()
	open := f.open
	f.mu.Unlock()
	if open != nil {
		open()
	}
	return rows, err
}

func (f *flaky) fail(before, after func(int, engine.Commit) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tried, f.before, f.after = 0, before, after
}

func (f *flaky) tries() int { f.mu.Lock(); defer f.mu.Unlock(); return f.tried }

// has reports whether the commit holds such an event about the step.
func has(c engine.Commit, event, step string) bool {
	for _, ev := range c.Events {
		if refresh.EventName(ev) == event && refresh.StepOf(ev) == step {
			return true
		}
	}
	return false
}

// house is an engine at work in fake time.
type house struct {
	*engine.Engine
	t     testing.TB
	store engine.Store
	stop  func() // and wait until it has
}

func boot(t testing.TB, s engine.Store, w engine.Performer) *house {
	t.Helper()
	return bootWith(t, engine.Options{Store: s, Performer: w, Log: quiet()})
}

func bootWith(t testing.TB, o engine.Options) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e := engine.New(o)
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	h := &house{Engine: e, t: t, store: o.Store}
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(h.stop)
	<-e.Recovered()
	return h
}

func (h *house) ask(target string) refresh.ID {
	h.t.Helper()
	r, err := h.Ask(h.t.Context(), request(target), "ask-"+target)
	if err != nil {
		h.t.Fatalf("ask: %v", err)
	}
	return r.ID
}

func (h *house) row(id refresh.ID) refresh.Refresh {
	h.t.Helper()
	synctest.Wait()
	r, err := h.store.Load(context.Background(), id)
	if err != nil {
		h.t.Fatalf("load: %v", err)
	}
	return r
}

// click presses a button of the step's open gate.
func (h *house) click(id refresh.ID, step string, by refresh.Actor, a refresh.Action) {
	h.t.Helper()
	for _, g := range h.row(id).OpenGates() {
		if g.Step == step {
			if _, err := h.Tell(context.Background(), id, refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: by}, ""); err != nil {
				h.t.Fatalf("%s at %s: %v", a, step, err)
			}
			return
		}
	}
	h.t.Fatalf("no gate is open at %s: %s", step, h.journal(id))
}

func (h *house) want(id refresh.ID, step string, status refresh.StepStatus) refresh.Refresh {
	h.t.Helper()
	r := h.row(id)
	if s, _ := r.Step(step); s.Status != status {
		h.t.Fatalf("%s is %s, want %s: %s", step, s.Status, status, h.journal(id))
	}
	return r
}

func (h *house) journal(id refresh.ID) string {
	entries, err := h.store.Journal(context.Background(), id, 0)
	text := fmt.Sprintln(err)
	for _, e := range entries {
		text += fmt.Sprintf("%3d %s %s %+v\n", e.Seq, e.At.Format("02 15:04:05"), refresh.EventName(e.Event), e.Event)
	}
	return text
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d); synctest.Wait() }

func (h *house) toCopy(id refresh.ID) {
	h.t.Helper()
	h.click(id, "approval", ann, refresh.ActionApprove)
	h.click(id, "notice", rita, refresh.ActionStartNow)
}

// inFakeTime runs a test whose clock stands still until everybody waits.
func inFakeTime(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
