package bolt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

// quick keeps the tests of a locked file short.
func quick() bolt.Options { return bolt.Options{LockWait: time.Millisecond} }

func TestOpenMakesAPrivateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	bolttest.OpenAt(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

func TestAStoreThatOthersCouldReadIsMadePrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	s, err := bolt.Open(t.Context(), path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), os.Chmod(path, 0o644)); err != nil { //nolint:gosec // as cp leaves it
		t.Fatal(err)
	}
	bolttest.OpenAt(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, want 0600: %v", info.Mode(), err)
	}
}

func TestOpenTakesAnEmptyFileForANewStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	write(t, path, nil)
	bolttest.OpenAt(t, path)
}

func TestOpenTakesABoltFileWithoutBucketsForANewStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	edit(t, path, func(*bbolt.Tx) error { return nil })
	bolttest.OpenAt(t, path)
}

func TestEachOpeningIsAnEpochOfTheSameStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	var first bolt.Info
	for i := range uint64(3) {
		s, err := bolt.Open(t.Context(), path, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		info := s.Info()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = info
		}
		if info.Epoch != i+1 || info.ID == "" || info.ID != first.ID {
			t.Errorf("opening %d: %+v after %+v", i+1, info, first)
		}
	}
}

func TestOpenRefusesAndChangesNothing(t *testing.T) {
	t.Parallel()
	sound := read(t, filled(t))
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string) (path string)
		code refresh.Code
		says string
	}{
		{"the directory is missing", func(_ *testing.T, dir string) string { return filepath.Join(dir, "missing", "r.db") }, refresh.Invalid, "does not exist"},
		{"the directory is a file", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), []byte("x"))
			return filepath.Join(dir, "file", "r.db")
		}, refresh.Invalid, "is not a directory"},
		{"the directory is below a file", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), []byte("x"))
			return filepath.Join(dir, "file", "sub", "r.db")
		}, refresh.Invalid, "does not exist"},
		{"a directory", func(_ *testing.T, dir string) string { return dir }, refresh.Invalid, "is a directory"},
		{"a device", func(*testing.T, string) string { return os.DevNull }, refresh.Invalid, "not a regular file"},
		{"garbage", func(t *testing.T, dir string) string {
			return write(t, filepath.Join(dir, "r.db"), bytes.Repeat([]byte("garbage!"), 8192))
		}, refresh.Internal, "damaged"},
		{"a short text", func(t *testing.T, dir string) string {
			return write(t, filepath.Join(dir, "r.db"), []byte("hello"))
		}, refresh.Internal, "damaged"},
		{"zeros", func(t *testing.T, dir string) string {
			return write(t, filepath.Join(dir, "r.db"), make([]byte, 1<<16))
		}, refresh.Internal, "damaged"},
		{"the last page in use is cut off", func(t *testing.T, dir string) string {
			used := len(bytes.TrimRight(sound, "\x00")) // bbolt makes its file larger than it needs
			return write(t, filepath.Join(dir, "r.db"), sound[:used/os.Getpagesize()*os.Getpagesize()])
		}, refresh.Internal, "damaged"},
		{"cut to three pages", func(t *testing.T, dir string) string {
			return write(t, filepath.Join(dir, "r.db"), sound[:3*os.Getpagesize()])
		}, refresh.Internal, "damaged"},
		{"cut within the first page", func(t *testing.T, dir string) string {
			return write(t, filepath.Join(dir, "r.db"), sound[:100])
		}, refresh.Internal, "damaged"},
		{"keys out of order", func(t *testing.T, dir string) string { // within the bounds of each page: only bbolt's own check sees it
			return write(t, filepath.Join(dir, "r.db"), bytes.ReplaceAll(sound, []byte("dev-1"), []byte("zev-1")))
		}, refresh.Internal, "damaged"},
		{"another program's database", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "r.db")
			edit(t, path, func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("widgets"))
				return err
			})
			return path
		}, refresh.Invalid, "another program"},
		{"a schema of the future", func(t *testing.T, dir string) string {
			path := write(t, filepath.Join(dir, "r.db"), sound)
			edit(t, path, func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte("meta")).Put([]byte("schema"), binary.BigEndian.AppendUint64(nil, 99))
			})
			return path
		}, refresh.Invalid, "newer refreshbot"},
		{"a bucket is missing", func(t *testing.T, dir string) string {
			path := write(t, filepath.Join(dir, "r.db"), sound)
			edit(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("locks")) })
			return path
		}, refresh.Internal, "damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := c.make(t, dir)
			before, _ := os.ReadFile(path)
			s, err := bolt.Open(t.Context(), path, quick())
			if err == nil {
				t.Fatalf("opened: %v", s.Close())
			}
			refused(t, err, c.code, path, c.says)
			after, _ := os.ReadFile(path)
			if !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
			if _, err := os.Stat(path); len(before) == 0 && c.code == refresh.Invalid && errors.Is(err, fs.ErrNotExist) {
				if names, _ := os.ReadDir(dir); len(names) > 1 {
					t.Errorf("something was made: %v", names)
				}
			}
		})
	}
}

func TestOpenRefusesAFileThatIsOpenElsewhere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	s := bolttest.OpenAt(t, path)
	_, err := bolt.Open(t.Context(), path, quick())
	refused(t, err, refresh.Refused, path, "Another process has "+path+" open")
	c := storetest.Decide(t, refresh.Refresh{}, storetest.Request("uat-1", storetest.Environment("uat")), storetest.Start(), "")
	if err := s.Commit(t.Context(), c); err != nil {
		t.Errorf("the first one goes on: %v", err)
	}
}

func TestOpenRefusesADirectoryThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere; TestStoreThatMayNotBeWritten in bot/acceptance tests it for root too")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "refreshbot.db")
	_, err := bolt.Open(t.Context(), path, quick())
	refused(t, err, refresh.Invalid, path, "cannot be read and written")
}

func TestOpenRefusesAFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere; TestStoreThatMayNotBeWritten in bot/acceptance tests it for root too")
	}
	path := filled(t)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	_, err := bolt.Open(t.Context(), path, quick())
	refused(t, err, refresh.Invalid, path, "cannot be read and written")
}

// A full disk stops commits with a sentence; nothing is lost, and with room again the store goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	s := open(t, path, bolt.Options{MaxSize: 256 << 10})
	var full error
	kept := 0
	for i := range 1000 {
		if full = s.PutRecord(t.Context(), "posts", strings.Repeat("k", i+1), bytes.Repeat([]byte("v"), 4000)); full != nil {
			break
		}
		kept++
	}
	refused(t, full, refresh.Internal, path, "no room")
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, bolt.Options{})
	all, err := s.Records(t.Context(), "posts")
	if err != nil || len(all) != kept {
		t.Errorf("%d records of %d: %v", len(all), kept, err)
	}
	if err := s.PutRecord(t.Context(), "posts", "more", nil); err != nil {
		t.Error(err)
	}
}

// TestFlippedByte flips one byte here and there in a whole store. Whatever it hits, the store either refuses
// with the file as it was, or opens; and then each refresh is either as it was, or refused, or, when the byte
// was in the page of the last transaction, as it was before that.
func TestFlippedByte(t *testing.T) {
	t.Parallel()
	path := filled(t)
	sound := read(t, path)
	refusedAt, refusedRefresh := 0, 0
	used := len(bytes.TrimRight(sound, "\x00"))
	for at := 0; at < used; at += flipStride(used) {
		data := bytes.Clone(sound)
		data[at] ^= 0xFF
		write(t, path, data)
		s, err := bolt.Open(t.Context(), path, quick())
		if err != nil {
			refusedAt++
			refused(t, err, "", path, "")
			if !bytes.Equal(read(t, path), data) {
				t.Fatalf("byte %d: the file was changed", at)
			}
			continue
		}
		rs, err := s.Open(t.Context())
		for _, r := range rs {
			entries, err := s.Journal(t.Context(), r.ID, 0)
			if err != nil {
				t.Errorf("byte %d: journal of a refresh that was loaded: %v", at, err)
			}
			if folded, err := refresh.Fold(entries); err != nil || folded.Version != r.Version {
				t.Errorf("byte %d: version %d, journal leads to %d: %v", at, r.Version, folded.Version, err)
			}
		}
		if err != nil {
			refusedRefresh++
			if refresh.CodeOf(err) != refresh.Internal {
				t.Errorf("byte %d: %v", at, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d bytes in use: the file was refused %d times, a refresh %d times", used, refusedAt, refusedRefresh)
	if refusedAt == 0 || refusedRefresh == 0 {
		t.Error("the flips met nothing that matters")
	}
}

// flipStride spreads about 120 flips over the file; a prime, so that they meet every place within a page.
// FLIP_EVERY_BYTE=1 takes a few minutes.
func flipStride(size int) int {
	if os.Getenv("FLIP_EVERY_BYTE") != "" {
		return 1
	}
	n := size / 120
	for !prime(n) {
		n++
	}
	return n
}

func prime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n > 1
}

// filled makes a store with two open refreshes and one that has ended, and closes it.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	s, err := bolt.Open(t.Context(), path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"uat", "dev", "test"} {
		c := storetest.Decide(t, refresh.Refresh{}, storetest.Request(refresh.ID(id+"-1"), storetest.Environment(id)), storetest.Start(), "slash "+id)
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if id == "test" {
			if err := s.Commit(t.Context(), storetest.Decide(t, c.Row, storetest.Cancel(), storetest.Start(), "cancel")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// edit changes a closed store as somebody with the file in their hands would.
func edit(t *testing.T, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string, opts bolt.Options) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func refused(t *testing.T, err error, code refresh.Code, path, says string) {
	t.Helper()
	e, ok := errors.AsType[*refresh.Error](err)
	if !ok {
		t.Fatalf("error %v, want a *refresh.Error", err)
	}
	if code != "" && e.Code != code {
		t.Errorf("code %s, want %s: %v", e.Code, code, err)
	}
	if !strings.Contains(e.Msg, path) || !strings.Contains(e.Msg, says) {
		t.Errorf("message %q should name %s and say %q", e.Msg, path, says)
	}
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
