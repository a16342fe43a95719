package bolt_test

import (
	"errors"
	"fmt"
	"testing"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

// A batch is written whole or not at all, and each commit in it is held to what a single one is held to.
func TestCommitAll(t *testing.T) {
	t.Parallel()
	s := bolttest.Open(t)
	asked := func(id, target string) engine.Commit {
		return storetest.Decide(t, refresh.Refresh{}, storetest.Request(refresh.ID(id), storetest.Environment(target)), storetest.Start(), "slash "+id)
	}
	var all []engine.Commit
	for i := range 5 {
		all = append(all, asked(fmt.Sprint("uat-", i), fmt.Sprint("uat", i)))
	}
	if err := s.CommitAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		last engine.Commit
		want error
	}{
		"a target that is taken": {asked("uat-9", "uat3"), engine.ErrBusy},
		"an input that was seen": {func() engine.Commit { c := asked("old-1", "old"); c.Key = "slash uat-1"; return c }(), engine.ErrSeen},
		"the same refresh twice": {asked("new-1", "new2"), engine.ErrStale},
	} {
		first := asked("new-1", "new")
		if err := s.CommitAll(t.Context(), []engine.Commit{first, c.last}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Load(t.Context(), "new-1"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("%s: half of it was written: %v", name, err)
		}
	}
	if open, err := s.Open(t.Context()); err != nil || len(open) != 5 {
		t.Errorf("%d are open: %v", len(open), err)
	}
}
