package bolt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
	"refreshbot/store/storetest"
)

// Whatever bytes are flipped, and wherever the file is cut off: the store refuses and leaves the file as it was, or each
// thing in it is as it was at some time, or is refused. Nothing is wrong in silence. What cannot be noticed is that
// something is missing which only a single place knew of: a record, or the key of an input.
func TestRandomDamage(t *testing.T) {
	t.Parallel()
	path := filled(t)
	was := map[string]bool{} // every refresh as it ever stood
	s := open(t, path, bolt.Options{})
	for i := range 20 {
		if err := s.PutRecord(t.Context(), "posts", fmt.Sprint("r", i), []byte(fmt.Sprint("value ", i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []refresh.ID{"uat-1", "dev-1", "test-1"} {
		entries, err := s.Journal(t.Context(), id, 0)
		if err != nil {
			t.Fatal(err)
		}
		for n := range entries {
			r, err := refresh.Fold(entries[:n+1])
			if err != nil {
				t.Fatal(err)
			}
			was[text(t, r)] = true
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sound := read(t, path)
	used := len(bytes.TrimRight(sound, "\x00"))
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	refusedWhole, found := 0, 0
	for i := range 120 {
		data := bytes.Clone(sound)
		switch {
		case i%10 == 0:
			data = data[:random.IntN(len(data))]
		case i%2 == 0: // one bit
			data[random.IntN(used)] ^= 1 << random.IntN(8)
		default: // a few bytes, close together
			at := random.IntN(used)
			for j := at; j < min(used, at+1+random.IntN(8)); j++ {
				data[j] = byte(random.IntN(256))
			}
		}
		damagedPath := write(t, filepath.Join(t.TempDir(), "refreshbot.db"), data)
		s, err := bolt.Open(t.Context(), damagedPath, quick())
		if err != nil {
			refusedWhole++
			refused(t, err, "", damagedPath, "")
			if !bytes.Equal(read(t, damagedPath), data) {
				t.Errorf("case %d: the file was changed", i)
			}
			continue
		}
		found += examineDamaged(t, s, was)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("refused as a whole %d times, in part %d times", refusedWhole, found)
	if refusedWhole == 0 || found == 0 {
		t.Error("the damage met nothing that matters")
	}
}

// examineDamaged looks at everything through the store's methods and returns how many of them refused something.
func examineDamaged(t *testing.T, s *bolt.Store, was map[string]bool) (refusals int) {
	t.Helper()
	sum := func(err error) {
		if err != nil {
			refusals++
		}
	}
	open, err := s.Open(t.Context())
	sum(err)
	recent, err := s.Recent(t.Context(), "", 9)
	sum(err)
	for _, r := range append(open, recent...) {
		if !was[text(t, r)] {
			t.Errorf("%s never stood so: %+v", r.ID, r)
		}
	}
	for _, id := range []refresh.ID{"uat-1", "dev-1", "test-1"} {
		r, err := s.Load(t.Context(), id)
		sum(err)
		if err == nil && !was[text(t, r)] {
			t.Errorf("%s never stood so: %+v", id, r)
		}
		_, err = s.Journal(t.Context(), id, 0)
		sum(err)
	}
	all, err := s.Records(t.Context(), "posts")
	sum(err)
	for k, v := range all {
		if string(v) != "value "+k[1:] {
			t.Errorf("record %s is %q", k, v)
		}
	}
	sum(s.Check(t.Context()))
	for _, name := range []string{"uat", "dev"} { // neither target may be taken for free
		again := storetest.Decide(t, refresh.Refresh{}, storetest.Request(refresh.ID(name+"-2"), storetest.Environment(name)), storetest.Start(), "")
		if err := s.Commit(t.Context(), again); err == nil && len(open) == 2 {
			t.Errorf("a second refresh of %s was begun", name)
		}
	}
	return refusals
}

func text(t *testing.T, r refresh.Refresh) string {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
