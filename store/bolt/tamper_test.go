package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
	"refreshbot/store/storetest"
)

// What somebody changes in one refresh stops that refresh, and only that one.
func TestTampering(t *testing.T) {
	t.Parallel()
	const id = "uat-1"
	journal := func(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket([]byte("journal")).Bucket([]byte(id)) }
	swap := func(b *bbolt.Bucket, key []byte, old, changed string) error {
		v := b.Get(key)
		if !bytes.Contains(v, []byte(old)) {
			return fmt.Errorf("%q is not in %s", old, v)
		}
		return b.Put(bytes.Clone(key), bytes.ReplaceAll(v, []byte(old), []byte(changed)))
	}
	for _, c := range []struct {
		name    string
		change  func(tx *bbolt.Tx) error
		journal bool // the journal alone shows it
	}{
		{"a word of an entry", func(tx *bbolt.Tx) error {
			k, _ := journal(tx).Cursor().First()
			return swap(journal(tx), k, "month end", "month END")
		}, true},
		{"an entry is taken out", func(tx *bbolt.Tx) error {
			k, _ := journal(tx).Cursor().First()
			return journal(tx).Delete(k)
		}, true},
		{"the last entry is taken out", func(tx *bbolt.Tx) error {
			k, _ := journal(tx).Cursor().Last()
			return journal(tx).Delete(k)
		}, false},
		{"the whole journal is taken out", func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("journal")).DeleteBucket([]byte(id))
		}, false},
		{"an entry of a newer refreshbot", func(tx *bbolt.Tx) error {
			k, _ := journal(tx).Cursor().Last()
			return swap(journal(tx), k, "step_started", "step_dreamt")
		}, true},
		{"a word of the row", func(tx *bbolt.Tx) error {
			return swap(tx.Bucket([]byte("ops")), []byte(id), "month end", "month END")
		}, false},
		{"a field more in the row", func(tx *bbolt.Tx) error {
			return swap(tx.Bucket([]byte("ops")), []byte(id), `"channel"`, `"extra":1,"channel"`)
		}, false},
		{"the hash beside the row", func(tx *bbolt.Tx) error {
			return swap(tx.Bucket([]byte("ops")), []byte(id), `"hash":"`, `"hash":"0`)
		}, false},
		{"the schema of the row", func(tx *bbolt.Tx) error {
			return swap(tx.Bucket([]byte("ops")), []byte(id), `"schema":1`, `"schema":0`)
		}, false},
		{"a letter of a kind of step", func(tx *bbolt.Tx) error {
			return swap(tx.Bucket([]byte("ops")), []byte(id), `"kind":"notice"`, `"kind":"notife"`)
		}, false},
		{"the sum of the row", func(tx *bbolt.Tx) error {
			return swap(tx.Bucket([]byte("ops")), []byte(id), `"sum":"`, `"sun":"`)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			edit(t, path, c.change)
			s := open(t, path, bolt.Options{})
			_, err := s.Load(t.Context(), id)
			damaged(t, err)
			rs, err := s.Open(t.Context())
			damaged(t, err)
			if len(rs) != 1 || rs[0].ID != "dev-1" {
				t.Errorf("the others are open all the same: got %d", len(rs))
			}
			if _, err := s.Journal(t.Context(), id, 0); (err != nil) != c.journal {
				t.Errorf("journal: %v", err)
			}
			if rs, err := s.Recent(t.Context(), "", 9); len(rs) != 3 && (err == nil || len(rs) != 2) {
				t.Errorf("recent: %d, %v", len(rs), err)
			}
			damaged(t, s.Check(t.Context()))
		})
	}
}

// Locks and lists are kept beside the rows; whoever takes one away cannot start a second refresh unnoticed.
func TestLostBookkeeping(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(tx *bbolt.Tx) error
		listed bool // Open names it as well
		says   string
	}{
		{"a lock", func(tx *bbolt.Tx) error { return tx.Bucket([]byte("locks")).Delete([]byte("name:uat")) }, true, "lock"},
		{"a lock too many", func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("locks")).Put([]byte("name:old"), []byte("old-1"))
		}, true, "name:old"},
		{"an open one is not listed", func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket([]byte("open")).Cursor().First()
			return tx.Bucket([]byte("open")).Delete(k)
		}, true, "is not listed as open"},
		{"a row is gone", func(tx *bbolt.Tx) error { return tx.Bucket([]byte("ops")).Delete([]byte("uat-1")) }, true, "there is no row"},
		{"an ended one is listed", func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("recent")).ForEach(func(k, _ []byte) error {
				if !strings.HasSuffix(string(k), "test-1") {
					return nil
				}
				return tx.Bucket([]byte("open")).Put(k, nil)
			})
		}, true, "it has ended"},
		{"a key of the inbox", func(tx *bbolt.Tx) error { return tx.Bucket([]byte("inbox")).Delete([]byte("cancel")) }, false, "inbox_time"},
		{"a record", func(tx *bbolt.Tx) error {
			b, err := tx.Bucket([]byte("records")).CreateBucketIfNotExists([]byte("posts"))
			return errors.Join(err, b.Put([]byte("card"), []byte("a sum and a value that do not belong together")))
		}, false, `"card" under "posts"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			edit(t, path, c.change)
			s := open(t, path, bolt.Options{})
			if _, err := s.Open(t.Context()); (err != nil) != c.listed || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("open: %v", err)
			}
			if err := s.Check(t.Context()); err == nil || !c.listed && !strings.Contains(err.Error(), c.says) {
				t.Errorf("check says %v", err)
			}
		})
	}
}

// damaged wants the error that names uat-1, which these tests damage.
func damaged(t *testing.T, err error) {
	t.Helper()
	const id = "uat-1"
	e, ok := errors.AsType[*refresh.Error](err)
	if !ok || e.Code != refresh.Internal || !strings.Contains(e.Msg, "The journal and the row of "+id+" do not agree") {
		t.Errorf("error %v, want that the journal and the row of %s do not agree", err, id)
	}
}

// A lock that was lost lets nobody else in as long as the list of open refreshes has its holder.
func TestALostLockDoesNotFreeTheTarget(t *testing.T) {
	t.Parallel()
	path := filled(t)
	edit(t, path, func(tx *bbolt.Tx) error {
		return errors.Join(tx.Bucket([]byte("locks")).Delete([]byte("name:uat")), tx.Bucket([]byte("locks")).Delete([]byte("lcs:lcsuat")))
	})
	s := open(t, path, bolt.Options{})
	again := storetest.Decide(t, refresh.Refresh{}, storetest.Request("uat-2", storetest.Environment("uat")), storetest.Start(), "")
	if err := s.Commit(t.Context(), again); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("a second refresh of uat: %v", err)
	}
}

// What a version with other steps has written is whole, and named as what it is. Nothing is done with it.
func TestARefreshOfAnotherVersion(t *testing.T) {
	t.Parallel()
	path := filled(t)
	req := storetest.Request("old-1", storetest.Environment("old"))
	req.Plan[0].Kind = "dance"
	asked := storetest.Commit(refresh.Refresh{}, []refresh.Event{refresh.Requested{
		ID: req.ID, Source: req.Source, Target: req.Target, Channel: req.Channel, By: req.By, Settings: req.Settings, Plan: req.Plan, Version: 1,
	}}, storetest.Start(), "")
	s := open(t, path, bolt.Options{})
	if err := s.Commit(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	_, err := s.Load(t.Context(), "old-1")
	if refresh.CodeOf(err) != refresh.Internal || !strings.Contains(refresh.MessageOf(err), "old-1 was written by another version") {
		t.Errorf("load: %v", err)
	}
	rs, err := s.Open(t.Context())
	if len(rs) != 2 || !errors.Is(err, refresh.ErrVersion) {
		t.Errorf("open: %d, %v", len(rs), err)
	}
	if rs, err := s.Recent(t.Context(), "", 9); len(rs) != 3 || !errors.Is(err, refresh.ErrVersion) {
		t.Errorf("recent: %d, %v", len(rs), err)
	}
	if report, err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "b.db")); err != nil || len(report.Findings) != 4 || len(report.Open()) != 2 {
		t.Errorf("backups go on: %+v, %v", report, err)
	}
}
