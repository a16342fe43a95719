package bolt_test

import (
	"fmt"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/store"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

// Keys are remembered for a week at least, and then go a few at a time, so that no commit is slow.
func TestOldKeysAreForgottenInSmallSteps(t *testing.T) {
	t.Parallel()
	s := bolttest.Open(t)
	c := storetest.Decide(t, refresh.Refresh{}, storetest.Request("uat-1", storetest.Environment("uat")), storetest.Start(), "")
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	tick := func(after time.Duration, key string) {
		t.Helper()
		if err := s.Commit(t.Context(), storetest.Commit(c.Row, nil, storetest.Start().Add(after), key)); err != nil {
			t.Fatal(err)
		}
	}
	const keys = 20
	known := func() (n int) {
		t.Helper()
		for i := range keys {
			seen, err := s.Seen(t.Context(), fmt.Sprint("key ", i))
			if err != nil {
				t.Fatal(err)
			}
			if seen {
				n++
			}
		}
		return n
	}
	for i := range keys {
		tick(time.Duration(i)*time.Nanosecond, fmt.Sprint("key ", i))
	}
	tick(store.KeepKeys, "a week later")
	if n := known(); n != keys {
		t.Fatalf("after a week %d of %d are known", n, keys)
	}
	for _, want := range []int{12, 4, 1, 1} { // the last key is just a week old
		tick(store.KeepKeys+(keys-1)*time.Nanosecond, "")
		if n := known(); n != want {
			t.Fatalf("%d are known, want %d", n, want)
		}
	}
	tick(store.KeepKeys+time.Hour, "key 0") // forgotten, so it counts as new
	if n := known(); n != 1 {
		t.Errorf("%d are known, want key 0 alone", n)
	}
}
