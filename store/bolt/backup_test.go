package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

func private(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("%s has mode %v, want 0600", path, info.Mode())
	}
}

// A backup is taken while the bot goes on committing, and is the store as it stood at one moment.
func TestBackupWhileCommitting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := bolttest.OpenAt(t, filepath.Join(dir, "refreshbot.db"))
	stop := make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() {
		var row refresh.Refresh
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			c := progress(t, row, i)
			if err := s.Commit(t.Context(), c); err != nil {
				t.Error(err)
				return
			}
			row = c.Row
		}
	})
	for i := range 5 {
		path := filepath.Join(dir, fmt.Sprint("backup-", i))
		report, err := s.Backup(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if report.Size == 0 || report.Info.ID != s.Info().ID {
			t.Errorf("report %+v", report)
		}
		private(t, path)
		bolttest.Check(t, path)
	}
	close(stop)
	busy.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// hung is a file on a disk that hangs from the first write until goOn is closed.
type hung struct {
	*os.File
	began, goOn chan struct{}
	once        sync.Once
}

func (h *hung) Write(p []byte) (int, error) {
	h.once.Do(func() { close(h.began) })
	<-h.goOn
	return h.File.Write(p)
}

// A backup whose disk hangs keeps no commit from being made, however much the store grows meanwhile. What it copies is the
// store as it stood when the backup began.
func TestABackupThatHangsStopsNoCommit(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" || strconv.IntSize < 64 {
		t.Skip("there the address space is not kept for the file")
	}
	const puts, size = 300, 64 << 10
	s, path := bolttest.Open(t), filepath.Join(t.TempDir(), "b.db")
	if err := s.Commit(t.Context(), progress(t, refresh.Refresh{}, 0)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	disk, copied := &hung{File: f, began: make(chan struct{}), goOn: make(chan struct{})}, make(chan error, 1)
	go func() { copied <- bolt.WriteTo(s, disk) }()
	<-disk.began
	committed := make(chan error, 1)
	go func() {
		for i := range puts {
			if err := s.PutRecord(t.Context(), "posts", fmt.Sprint(i), make([]byte, size)); err != nil {
				committed <- err
				return
			}
		}
		committed <- nil
	}()
	select {
	case err := <-committed:
		if err != nil {
			t.Error(err)
		}
		if all, err := s.Records(t.Context(), "posts"); err != nil || len(all) != puts {
			t.Errorf("%d records: %v", len(all), err)
		}
	case <-time.After(time.Minute):
		t.Error("the commits wait for the backup")
		defer func() { t.Logf("afterwards: %v", <-committed) }()
	}
	close(disk.goOn)
	if err := errors.Join(<-copied, f.Close()); err != nil {
		t.Fatal(err)
	}
	report, err := bolt.Verify(t.Context(), path)
	if err := errors.Join(err, report.Sound()); err != nil || len(report.Findings) != 1 || report.Size > puts*size {
		t.Errorf("%+v: %v", report, err)
	}
}

// The address space that is kept for a store is not the size of its file.
func TestASmallStoreIsASmallFile(t *testing.T) {
	t.Parallel()
	if info, err := os.Stat(filled(t)); err != nil || info.Size() > 2<<20 {
		t.Errorf("%d bytes: %v", info.Size(), err)
	}
}

func TestBackupThatCannotBeTakenLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	there := write(t, filepath.Join(dir, "there"), []byte("mine"))
	s := open(t, filled(t), bolt.Options{})
	for path, says := range map[string]string{
		filepath.Join(dir, "missing", "b.db"): "does not exist",
		there:                                 "already",
		filepath.Join(there, "b.db"):          "does not exist",
	} {
		if _, err := s.Backup(t.Context(), path); err == nil || !strings.Contains(refresh.MessageOf(err), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 || string(read(t, there)) != "mine" {
		t.Errorf("%v", names)
	}
}

// What is damaged in the store is not copied over the last good backup.
func TestBackupOfADamagedStoreIsRefused(t *testing.T) {
	t.Parallel()
	path := filled(t)
	edit(t, path, func(tx *bbolt.Tx) error {
		k, v := tx.Bucket([]byte("journal")).Bucket([]byte("uat-1")).Cursor().First()
		return tx.Bucket([]byte("journal")).Bucket([]byte("uat-1")).Put(bytes.Clone(k), bytes.ReplaceAll(v, []byte("month end"), []byte("month END")))
	})
	s := open(t, path, bolt.Options{})
	to := filepath.Join(t.TempDir(), "b.db")
	_, err := s.Backup(t.Context(), to)
	damaged(t, err)
	if names, _ := os.ReadDir(filepath.Dir(to)); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
	if _, err := s.Release(t.Context(), "uat-1", storetest.Start()); err != nil {
		t.Fatal(err)
	}
	report, err := s.Backup(t.Context(), to)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if len(report.Findings) != 3 || len(report.Open()) != 1 {
		t.Errorf("report %+v", report)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	at := storetest.Start()
	nothing := func(*bolt.Store) error { return nil }
	t.Run("keeps what it replaces", func(t *testing.T) {
		t.Parallel()
		path, from := filled(t), filled(t)
		edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("mark"), []byte("old")) })
		old := read(t, path)
		if err := os.Chmod(path, 0o644); err != nil { // as somebody may have copied it there
			t.Fatal(err)
		}
		kept, err := bolt.Replace(t.Context(), path, from, at, func(s *bolt.Store) error {
			return s.PutRecord(t.Context(), "posts", "k", []byte("v"))
		})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, kept), old) || filepath.Dir(kept) != filepath.Dir(path) {
			t.Errorf("kept %s", kept)
		}
		private(t, path)
		private(t, kept)
		s := bolttest.OpenAt(t, path)
		if _, ok, err := s.Record(t.Context(), "posts", "k"); !ok || err != nil {
			t.Errorf("what was prepared is not there: %v", err)
		}
		bolttest.Check(t, from)
	})
	t.Run("where there is none", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "r.db")
		if kept, err := bolt.Replace(t.Context(), path, filled(t), at, nothing); err != nil || kept != "" {
			t.Fatalf("%q %v", kept, err)
		}
		only(t, path)
		bolttest.Check(t, path)
	})
	t.Run("an empty one is not kept", func(t *testing.T) {
		t.Parallel()
		path := write(t, filepath.Join(t.TempDir(), "r.db"), nil)
		if kept, err := bolt.Replace(t.Context(), path, filled(t), at, nothing); err != nil || kept != "" {
			t.Fatalf("%q %v", kept, err)
		}
		only(t, path)
		bolttest.Check(t, path)
	})
	// Nobody makes a store where another one is about to be put.
	t.Run("where there is none, it is locked", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS == "windows" {
			t.Skip("there it cannot be kept locked")
		}
		path, prepared := filepath.Join(t.TempDir(), "r.db"), false
		kept, err := bolt.Replace(t.Context(), path, filled(t), at, func(*bolt.Store) error {
			prepared = true
			_, err := bolt.Open(t.Context(), path, quick())
			refused(t, err, refresh.Refused, path, "Another process has "+path+" open")
			_, err = bolt.Replace(t.Context(), path, filled(t), at, nothing)
			refused(t, err, refresh.Refused, path, "Another process has "+path+" open")
			return nil
		})
		if err != nil || kept != "" || !prepared {
			t.Fatalf("%q %v", kept, err)
		}
		only(t, path)
		private(t, path)
		if s := bolttest.OpenAt(t, path); s.Info().Epoch < 2 {
			t.Errorf("a new store: %+v", s.Info())
		}
	})
	// Whoever makes a store at the path without asking for the lock does not lose it to a restore that fails.
	t.Run("that fails leaves what somebody else put there", func(t *testing.T) {
		t.Parallel()
		path, other := filepath.Join(t.TempDir(), "r.db"), filled(t)
		before := read(t, other)
		_, err := bolt.Replace(t.Context(), path, filled(t), at, func(*bolt.Store) error {
			return errors.Join(os.Rename(other, path), errors.New("no"))
		})
		if err == nil || !bytes.Equal(read(t, path), before) {
			t.Errorf("it was changed: %v", err)
		}
		only(t, path)
	})
	t.Run("a damaged one", func(t *testing.T) {
		t.Parallel()
		path := write(t, filepath.Join(t.TempDir(), "r.db"), []byte("garbage"))
		if kept, err := bolt.Replace(t.Context(), path, filled(t), at, nothing); err != nil || string(read(t, kept)) != "garbage" {
			t.Fatalf("%q %v", kept, err)
		}
		bolttest.Check(t, path)
	})
	for name, c := range map[string]struct {
		from    func(t *testing.T) string
		prepare func(*bolt.Store) error
		says    string
	}{
		"from nothing":            {func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, nothing, "There is no file"},
		"from what is damaged":    {func(t *testing.T) string { return write(t, filepath.Join(t.TempDir(), "b"), []byte("garbage")) }, nothing, "damaged"},
		"from an empty file":      {func(t *testing.T) string { return write(t, filepath.Join(t.TempDir(), "b"), nil) }, nothing, "damaged"},
		"that cannot be prepared": {filled, func(*bolt.Store) error { return refresh.Errorf(refresh.Internal, "no") }, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			before := read(t, path)
			if _, err := bolt.Replace(t.Context(), path, c.from(t), at, c.prepare); err == nil || !strings.Contains(refresh.MessageOf(err), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 || !bytes.Equal(read(t, path), before) {
				t.Errorf("something changed: %v", names)
			}
		})
		t.Run(name+", where there is none", func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "r.db")
			if _, err := bolt.Replace(t.Context(), path, c.from(t), at, c.prepare); err == nil || !strings.Contains(refresh.MessageOf(err), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if names, _ := os.ReadDir(filepath.Dir(path)); len(names) > 0 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
	t.Run("while it is open", func(t *testing.T) {
		t.Parallel()
		path := filled(t)
		s := open(t, path, bolt.Options{})
		_, err := bolt.Replace(t.Context(), path, filled(t), at, nothing)
		refused(t, err, refresh.Refused, path, "Another process has "+path+" open")
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// only checks that nothing is beside the file at path.
func only(t *testing.T, path string) {
	t.Helper()
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 || names[0].Name() != filepath.Base(path) {
		t.Errorf("beside %s: %v %v", path, names, err)
	}
}

// A bot that waits for the file while it is replaced must not go on with the one that was put aside.
func TestOpenNoticesThatTheFileWasReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	path := filled(t)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := bolt.StillAt(path, f); err != nil {
		t.Error(err)
	}
	if err := os.Rename(filled(t), path); err != nil {
		t.Fatal(err)
	}
	refused(t, bolt.StillAt(path, f), refresh.Refused, path, "was replaced while it was being opened")
}

func TestRelease(t *testing.T) {
	t.Parallel()
	at := storetest.Start()
	lockKey := []byte("name:uat")
	for name, c := range map[string]struct {
		change func(tx *bbolt.Tx) error
		why    string
	}{
		"a damaged row":  {func(tx *bbolt.Tx) error { return tx.Bucket([]byte("ops")).Put([]byte("uat-1"), []byte("{}")) }, "schema"},
		"no row":         {func(tx *bbolt.Tx) error { return tx.Bucket([]byte("ops")).Delete([]byte("uat-1")) }, "no row"},
		"no journal":     {func(tx *bbolt.Tx) error { return tx.Bucket([]byte("journal")).DeleteBucket([]byte("uat-1")) }, "do not agree"},
		"a lock is gone": {func(tx *bbolt.Tx) error { return tx.Bucket([]byte("locks")).Delete(lockKey) }, "does not hold the lock"},
		"not listed open": {func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket([]byte("open")).Cursor().First()
			return tx.Bucket([]byte("open")).Delete(bytes.Clone(k))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			edit(t, path, c.change)
			id := refresh.ID("uat-1")
			if name == "not listed open" {
				id = "dev-1" // the first in the list
			}
			s := open(t, path, bolt.Options{})
			if s.Check(t.Context()) == nil {
				t.Fatal("sound")
			}
			out, err := s.Release(t.Context(), id, at)
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Locks) == 0 || !strings.Contains(out.Why, c.why) || !out.At.Equal(at) {
				t.Errorf("released %+v", out)
			}
			if name != "no row" {
				if err := s.Check(t.Context()); err != nil {
					t.Errorf("after the release: %v", err)
				}
			}
			if rs, err := s.Open(t.Context()); err != nil || len(rs) != 1 {
				t.Errorf("open: %d, %v", len(rs), err)
			}
			if rs, err := s.Recent(t.Context(), "", 10); err != nil || len(rs) != 2 {
				t.Errorf("recent: %d, %v", len(rs), err)
			}
			if _, err := s.Load(t.Context(), id); !strings.Contains(refresh.MessageOf(err), "was released on") {
				t.Errorf("load: %v", err)
			}
			if _, err := s.Release(t.Context(), id, at); refresh.CodeOf(err) != refresh.Refused {
				t.Errorf("once more: %v", err)
			}
			target := strings.TrimSuffix(string(id), "-1")
			again := storetest.Decide(t, refresh.Refresh{}, storetest.Request(refresh.ID(target+"-2"), storetest.Environment(target)), at, "")
			if err := s.Commit(t.Context(), again); err != nil {
				t.Errorf("its target is not free: %v", err)
			}
		})
	}
	t.Run("a sound one is refused", func(t *testing.T) {
		t.Parallel()
		s := open(t, filled(t), bolt.Options{})
		for id, code := range map[refresh.ID]refresh.Code{"uat-1": refresh.Refused, "test-1": refresh.Refused, "nobody-1": refresh.NotFound} {
			if _, err := s.Release(t.Context(), id, at); refresh.CodeOf(err) != code {
				t.Errorf("%s: %v", id, err)
			}
		}
		again := storetest.Decide(t, refresh.Refresh{}, storetest.Request("uat-2", storetest.Environment("uat")), at, "")
		if err := s.Commit(t.Context(), again); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("uat is free: %v", err)
		}
	})
}

func TestCompact(t *testing.T) {
	t.Parallel()
	path := filled(t)
	s := open(t, path, bolt.Options{})
	for i := range 200 {
		if err := s.PutRecord(t.Context(), "posts", fmt.Sprint(i), make([]byte, 4000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := bolt.Compact(t.Context(), path); refresh.CodeOf(err) != refresh.Refused {
		t.Errorf("while it is open: %v", err)
	}
	for i := range 200 {
		if err := s.DeleteRecord(t.Context(), "posts", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	info := s.Info()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, after, err := bolt.Compact(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if after >= before/2 {
		t.Errorf("%d bytes after, %d before", after, before)
	}
	private(t, path)
	if s := bolttest.OpenAt(t, path); s.Info().ID != info.ID || s.Info().Epoch != info.Epoch+1 {
		t.Errorf("another store: %+v, was %+v", s.Info(), info)
	}
}
