package bolt_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store"
	"refreshbot/store/bolt"
	"refreshbot/store/storetest"
)

// BenchmarkCommit and BenchmarkBareCommit write the same rows and entries, one transaction each; the difference is
// what checking, sealing, locks and lists cost:
//
//	go test -run '^$' -bench Commit ./store/bolt
func BenchmarkCommit(b *testing.B) {
	s, err := bolt.Open(b.Context(), filepath.Join(b.TempDir(), "refreshbot.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var row refresh.Refresh
	i := 0
	for b.Loop() {
		c := progress(b, row, i)
		if err := s.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		row, i = c.Row, i+1
	}
}

func BenchmarkBareCommit(b *testing.B) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var row refresh.Refresh
	var stored []byte
	i := 0
	for b.Loop() {
		c := progress(b, row, i)
		b.StopTimer()
		ch, err := store.Advance(stored, c)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := db.Update(func(tx *bbolt.Tx) error { return barePut(tx, c, ch) }); err != nil {
			b.Fatal(err)
		}
		row, stored, i = c.Row, ch.Row, i+1
	}
}

func barePut(tx *bbolt.Tx, c engine.Commit, ch store.Change) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte("all"))
	if err != nil {
		return err
	}
	if err := bucket.Put([]byte("row"), ch.Row); err != nil {
		return err
	}
	for i, e := range ch.Entries {
		if err := bucket.Put(binary.BigEndian.AppendUint64(nil, uint64(c.Base)+uint64(i)), e); err != nil {
			return err
		}
	}
	return bucket.Put([]byte(c.Key), nil)
}

// progress is a request, and then one line of progress after the other.
func progress(b testing.TB, r refresh.Refresh, i int) engine.Commit {
	b.Helper()
	at, key := storetest.Start(), fmt.Sprint("input ", i)
	if r.Version == 0 {
		return storetest.Decide(b, r, storetest.Request("uat-1", storetest.Environment("uat")), at, key)
	}
	note := fmt.Sprint("seen for the ", i, "th time")
	return storetest.Decide(b, r, refresh.Reported{Step: "preflight", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Continues, Note: note}}, at, key)
}
