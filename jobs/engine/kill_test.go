package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

var errDead = errors.New("the process is dead")

// mortal is a store seen from a process that dies at its n-th commit, counted from 1: just before it is written,
// or just after and before anybody hears of it. From then on this process can write and read nothing.
type mortal struct {
	engine.Store
	n       int
	written bool // dies after the n-th commit instead of before
	count   int
	dead    atomic.Bool
	die     func()    // called once
	rows    *sync.Map // the rows as committed: real loads, which check the whole journal, are for Open and the judge
}

func (m *mortal) Commit(ctx context.Context, c engine.Commit) error {
	if m.dead.Load() {
		return errDead
	}
	m.count++
	if m.count != m.n {
		return m.write(ctx, c)
	}
	m.dead.Store(true)
	m.die()
	if m.written {
		_ = m.write(ctx, c)
	}
	return errDead
}

func (m *mortal) write(ctx context.Context, c engine.Commit) error {
	err := m.Store.Commit(ctx, c)
	if err == nil {
		m.rows.Store(c.Row.ID, c.Row)
	}
	return err
}

func (m *mortal) Load(ctx context.Context, id refresh.ID) (refresh.Refresh, error) {
	if m.dead.Load() {
		return refresh.Refresh{}, errDead
	}
	if r, ok := m.rows.Load(id); ok {
		return r.(refresh.Refresh), nil
	}
	return m.Store.Load(ctx, id)
}

// story is one refresh from the request to its end, over as many processes as it takes.
type story struct {
	t     *testing.T
	store engine.Store
	world *world
	rows  sync.Map
	id    refresh.ID
	yes   int // approvals that somebody was told are in
}

// process runs an engine until the refresh is over, or the process dies at its n-th commit (never for 0).
// It reports whether the refresh is over.
func (s *story) process(n int, written bool) (over bool) {
	s.t.Helper()
	m := &mortal{Store: s.store, n: n, written: written, rows: &s.rows}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m.die = cancel
	e := engine.New(engine.Options{Store: m, Performer: s.world, Log: quiet()})
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	<-e.Recovered()
	for range 200 {
		synctest.Wait()
		if m.dead.Load() {
			break
		}
		over = s.people(e)
		if over || m.dead.Load() {
			break
		}
		<-time.After(7 * time.Minute)
	}
	cancel()
	if err := <-done; err != nil {
		s.t.Errorf("Run: %v", err)
	}
	if !over && !m.dead.Load() {
		s.t.Fatalf("it does not end\n%s", (&house{store: s.store}).journal(s.id))
	}
	return over
}

// people ask once and press what they would press. A press that fails is made again when they look next.
func (s *story) people(e *engine.Engine) (over bool) {
	var rows []refresh.Refresh
	s.rows.Range(func(_, r any) bool { rows = append(rows, r.(refresh.Refresh)); return true })
	if len(rows) > 1 {
		s.t.Fatalf("%d refreshes", len(rows))
	}
	if len(rows) == 0 {
		_, _ = e.Ask(context.Background(), request("uat"), "envelope-1")
		return false
	}
	r := rows[0]
	s.id = r.ID
	press := map[refresh.GateKind]refresh.Action{
		refresh.GateApprove: refresh.ActionApprove, refresh.GateSignOff: refresh.ActionSignOff,
		refresh.GateStepFailed: refresh.ActionRetry, refresh.GateOutcomeUnknown: refresh.ActionStartAgain,
	}
	for _, g := range r.OpenGates() {
		if press[g.Kind] == "" {
			continue
		}
		in := refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: press[g.Kind], By: ann}
		if _, err := e.Tell(context.Background(), r.ID, in, "press-"+g.ID); err == nil && g.Kind == refresh.GateApprove {
			s.yes++
		}
	}
	return r.Status.Ended()
}

// judge is what must be true however often the process died.
func (s *story) judge() {
	s.t.Helper()
	h := &house{t: s.t, store: s.store}
	r := h.row(s.id) // loading checks that the journal folds to the row
	if r.Status != refresh.Done || s.world.starts() != 1 {
		s.t.Errorf("%s, and the far side counts %d starts\n%s", r.Status, s.world.starts(), h.journal(s.id))
	}
	if _, ok := s.world.landed[r.Copy.Operation]; !ok {
		s.t.Errorf("it followed %q, the far side began %v", r.Copy.Operation, s.world.landed)
	}
	approvals := 0
	entries, err := s.store.Journal(context.Background(), s.id, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if d, ok := e.Event.(refresh.GateDecided); ok && d.Decision.Action == refresh.ActionApprove {
			approvals++
		}
	}
	if approvals != 1 || s.yes > 1 {
		s.t.Errorf("%d approvals in the journal, %d confirmed to people\n%s", approvals, s.yes, h.journal(s.id))
	}
}

var faults = []string{"", "lost", "lost, lands late", "never arrived", "panic"}

// The process dies at each of its commits in turn, until a life has fewer than that.
func TestKilledAtEveryCommit(t *testing.T) {
	t.Parallel()
	for _, fault := range faults {
		for _, written := range []bool{false, true} {
			t.Run(fmt.Sprintf("reply %q, written %v", fault, written), func(t *testing.T) {
				inFakeTime(t, func(t *testing.T) {
					kills := 0
					for n := 1; ; n++ {
						s := &story{t: t, store: storetest.NewMemory(), world: newWorld(fault)}
						if s.process(n, written) {
							s.judge()
							break
						}
						kills++
						s.process(0, false)
						s.judge()
						if t.Failed() {
							t.Fatalf("killed at commit %d", n)
						}
					}
					if kills < 9 {
						t.Errorf("only %d commits to die at", kills)
					}
				})
			})
		}
	}
}

// It dies again during each of the first commits after the first death, and then at every third.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	for _, fault := range faults {
		t.Run(fmt.Sprintf("reply %q", fault), func(t *testing.T) {
			inFakeTime(t, func(t *testing.T) {
				for n := 1; n <= 13; n++ {
					for again := 1 + n%2; again <= 2; again += 2 {
						s := &story{t: t, store: storetest.NewMemory(), world: newWorld(fault)}
						written := n%2 == 0
						over := s.process(n, written) || s.process(again, !written)
						for i := 0; !over && i < 100; i++ {
							over = s.process(3, i%2 == 0)
						}
						if !over {
							t.Fatalf("killed at %d, then %d: it does not end", n, again)
						}
						s.judge()
						if t.Failed() {
							t.Fatalf("killed at %d, then %d", n, again)
						}
					}
				}
			})
		})
	}
}

// Without settling long enough, looking proves nothing: the start lands after the look, and a person who trusts
// the look starts a second one. It stands here to show that the judge would notice.
func TestTheFarSideWouldCountASecondStart(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s := &story{t: t, store: storetest.NewMemory(), world: newWorld("lost, lands late")}
		s.world.late = 10 * time.Hour
		s.process(0, false)
		if s.world.starts() != 2 {
			t.Errorf("the far side counts %d starts", s.world.starts())
		}
	})
}
