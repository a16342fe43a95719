package backup_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/store/backup"
	"refreshbot/store/bolt"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

// tried is one call of Options.Taken.
type tried struct {
	backup.Taken
	err error
}

// inFakeTime runs a Keeper over a real store while fake time passes.
func inFakeTime(t *testing.T, every time.Duration, keep int, f func(t *testing.T, dir string, source *source, tries <-chan tried)) {
	t.Helper()
	store, dir := bolttest.OpenAt(t, filepath.Join(t.TempDir(), "refreshbot.db")), filepath.Join(t.TempDir(), "backups")
	synctest.Test(t, func(t *testing.T) {
		s, tries := &source{Store: store}, make(chan tried, 1000)
		k := backup.New(backup.Options{
			Source: s, Dir: dir, Every: every, Keep: keep, Log: slog.New(slog.DiscardHandler),
			Taken: func(_ context.Context, taken backup.Taken, err error) { tries <- tried{taken, err} },
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- k.Run(ctx) }()
		f(t, dir, s, tries)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// source is a store whose backups can be made to fail.
type source struct {
	*bolt.Store
	fails atomic.Bool
}

func (s *source) Backup(ctx context.Context, path string) (bolt.Report, error) {
	if s.fails.Load() {
		return bolt.Report{}, errors.New("no")
	}
	return s.Store.Backup(ctx, path)
}

func TestBackupsAreTakenAndPruned(t *testing.T) {
	t.Parallel()
	inFakeTime(t, time.Hour, 3, func(t *testing.T, dir string, _ *source, tries <-chan tried) {
		var newest backup.Taken
		for range 5 {
			got := <-tries
			if got.err != nil {
				t.Fatal(got.err)
			}
			if !newest.At.IsZero() && got.At.Sub(newest.At) < time.Hour {
				t.Errorf("taken after %v", got.At.Sub(newest.At))
			}
			newest = got.Taken
		}
		synctest.Wait()
		files, err := backup.List(dir)
		if err != nil || len(files) != 3 || files[0] != newest.File {
			t.Fatalf("%v, newest %v: %v", files, newest, err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the directory: %v %v", info.Mode(), err)
		}
		for _, f := range files {
			if info, err := os.Stat(f.Path); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s: %v %v", f.Path, info.Mode(), err)
			}
		}
	})
}

// A restart neither takes a backup before its time nor waits a whole period anew.
func TestTheNewestBackupSaysWhenTheNextIsDue(t *testing.T) {
	t.Parallel()
	store, dir := bolttest.Open(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := backup.Options{Source: store, Dir: dir, Every: time.Hour, Keep: 9, Log: slog.New(slog.DiscardHandler)}
		first, err := backup.New(o).Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(40 * time.Minute)
		tries := make(chan tried, 10)
		o.Taken = func(_ context.Context, taken backup.Taken, err error) { tries <- tried{taken, err} }
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = backup.New(o).Run(ctx) }()
		if next := <-tries; next.err != nil || next.At.Sub(first.At).Round(time.Second) != time.Hour {
			t.Errorf("the next came after %v: %v", next.At.Sub(first.At), next.err)
		}
	})
}

// However often it fails, the last good one stays, and it is tried again soon.
func TestAFailureKeepsTheLastGoodBackup(t *testing.T) {
	t.Parallel()
	inFakeTime(t, time.Hour, 1, func(t *testing.T, dir string, s *source, tries <-chan tried) {
		good := <-tries
		s.fails.Store(true)
		began := time.Now()
		for range 4 {
			if got := <-tries; got.err == nil {
				t.Fatal("taken")
			}
		}
		if took := time.Since(began); took > 90*time.Minute {
			t.Errorf("four tries took %v", took)
		}
		if files, err := backup.List(dir); err != nil || len(files) != 1 || files[0] != good.File {
			t.Errorf("%v %v", files, err)
		}
		s.fails.Store(false)
		if got := <-tries; got.err != nil {
			t.Error(got.err)
		}
	})
}

// A clock that was ahead leaves backups of a time to come. They neither push out the one that was just taken nor are
// restored in its place, and are the first to go.
func TestBackupsOfTomorrowAreTheOldest(t *testing.T) {
	t.Parallel()
	const keep = 3
	store, dir := bolttest.Open(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var want []backup.File // newest first
		for i := range keep {
			at := time.Now().UTC().AddDate(0, 0, keep-i)
			f := backup.File{Path: filepath.Join(dir, at.Format("refreshbot-20060102T150405.000Z.db")), At: at}
			if _, err := store.Backup(t.Context(), f.Path); err != nil {
				t.Fatal(err)
			}
			want = append(want, f)
		}
		k := backup.New(backup.Options{Source: store, Dir: dir, Every: time.Hour, Keep: keep, Log: slog.New(slog.DiscardHandler)})
		for range keep + 1 {
			taken, err := k.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want = append([]backup.File{taken.File}, want[:keep-1]...)
			if files, err := backup.List(dir); err != nil || !slices.Equal(files, want) {
				t.Errorf("%v, want %v: %v", files, want, err)
			}
			from, passed, err := backup.Choose(t.Context(), dir, "newest")
			if err != nil || from != taken.File || len(passed) > 0 {
				t.Errorf("chosen %v, passed over %v: %v", from, passed, err)
			}
			<-time.After(time.Minute)
		}
	})
}

func TestWhatIsNotABackupIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"notes.txt", "refreshbot.db", "refreshbot-2026.db", "refreshbot-20200101T000000.000Z.db.part"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k := backup.New(backup.Options{Source: bolttest.Open(t), Dir: dir, Every: time.Hour, Keep: 1, Log: slog.New(slog.DiscardHandler)})
	taken, err := k.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 4 { // the unfinished one is gone
		t.Errorf("%v %v", names, err)
	}
	if !strings.HasPrefix(taken.Path, dir) || taken.Refreshes != 0 || taken.Size == 0 {
		t.Errorf("%+v", taken)
	}
}

func TestADirectoryThatCannotBeMade(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := backup.New(backup.Options{Source: bolttest.Open(t), Dir: filepath.Join(file, "b"), Every: time.Hour, Keep: 1, Log: slog.New(slog.DiscardHandler)})
	if _, err := k.Take(t.Context()); !strings.Contains(refresh.MessageOf(err), "cannot be made. Create it") {
		t.Error(err)
	}
}

// asked commits a request, approved or not, and returns it as it stands.
func asked(t *testing.T, s *bolt.Store, name string) refresh.Refresh {
	t.Helper()
	c := storetest.Decide(t, refresh.Refresh{}, storetest.Request(refresh.ID(name+"-1"), storetest.Environment(name)), storetest.Start(), name)
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c.Row
}
