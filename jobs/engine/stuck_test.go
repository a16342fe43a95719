package engine_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// stuck keeps what an engine tells of refreshes that do not move.
type stuck struct {
	mu   sync.Mutex
	said []string
}

func (s *stuck) tell(id refresh.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, fmt.Sprintf("%s: %v", id, err))
}

func (s *stuck) want(t *testing.T, said ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(said, s.said); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// breaks makes every load fail in this way; nil: none.
func (f *flaky) breaks(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.load = func(refresh.ID) error { return err }
}

func TestARefreshThatDoesNotMoveIsToldOnceForEachReason(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		s, told := newStore(), &stuck{}
		h := bootWith(t, engine.Options{Store: s, Performer: newWorld(""), Log: quiet(), Stuck: told.tell})
		id := h.ask("uat")
		pass(time.Minute)
		s.breaks(errors.New("torn"))
		pass(2 * time.Minute)
		told.want(t) // it may pass
		s.breaks(nil)
		pass(time.Minute)
		told.want(t)
		s.breaks(errors.New("torn"))
		pass(time.Hour)
		told.want(t, string(id)+": torn")
		s.breaks(errors.New("rotten"))
		pass(time.Hour)
		told.want(t, string(id)+": torn", string(id)+": rotten")
		s.breaks(nil)
		pass(time.Hour)
		told.want(t, string(id)+": torn", string(id)+": rotten", string(id)+": <nil>")
		s.breaks(errors.New("torn"))
		pass(time.Hour)
		n := len(told.said)
		h.stop() // that is not moving
		if len(told.said) != n {
			t.Errorf("stopping tells %v", told.said[n:])
		}
	})
}

func TestAnOutcomeThatCannotBeRecordedIsToldButForAFullDisk(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		told bool
	}{"a broken row": {errors.New("torn"), true}, "a rule that refuses it": {refresh.Errorf(refresh.Internal, "No."), true}, "a full disk": {engine.ErrUnwritten, false}} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T) {
				s, told := newStore(), &stuck{}
				s.fail(func(_ int, c engine.Commit) error {
					if has(c, "step_succeeded", "preflight") {
						return tc.err
					}
					return nil
				}, nil)
				h := bootWith(t, engine.Options{Store: s, Performer: newWorld(""), Log: quiet(), Stuck: told.tell})
				id := h.ask("uat")
				pass(time.Hour)
				if tc.told {
					told.want(t, fmt.Sprintf("%s: commit %s: %v", id, id, tc.err))
				} else {
					told.want(t)
				}
			})
		})
	}
}
