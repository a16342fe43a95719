package backup_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/store/backup"
	"refreshbot/store/bolt"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

// saved is a store with one refresh under way, a backup of it, and then another refresh.
func saved(t *testing.T) (path, dir string, taken backup.Taken) {
	t.Helper()
	path, dir = filepath.Join(t.TempDir(), "refreshbot.db"), t.TempDir()
	s, err := bolt.Open(t.Context(), path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	uat := asked(t, s, "uat")
	taken, err = backup.New(backup.Options{Source: s, Dir: dir, Every: time.Hour, Keep: 9, Log: slog.New(slog.DiscardHandler)}).Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asked(t, s, "dev")
	if err := s.Commit(t.Context(), storetest.Decide(t, uat, storetest.Cancel(), storetest.Start(), "cancel")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, dir, taken
}

func TestRestoreMarksWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	path, dir, taken := saved(t)
	from, passed, err := backup.Choose(t.Context(), dir, "newest")
	if err != nil || len(passed) > 0 || from != taken.File {
		t.Fatalf("%v %v %v", from, passed, err)
	}
	done, err := backup.Restore(t.Context(), path, from)
	if err != nil {
		t.Fatal(err)
	}
	if done.Refreshes != 1 || len(done.Open) != 1 || !done.Open[0].Held() || done.Unread != nil {
		t.Errorf("%+v", done)
	}
	lost := map[refresh.ID]int64{}
	for _, l := range done.Lost {
		lost[l.ID] = l.Had
	}
	if len(lost) != 2 || lost["dev-1"] != 0 || lost["uat-1"] == 0 {
		t.Errorf("lost %v", lost)
	}
	s := bolttest.OpenAt(t, path)
	r, err := s.Load(t.Context(), "uat-1")
	if err != nil || !r.Held() || !r.Restored.Equal(taken.At) {
		t.Errorf("%+v %v", r, err)
	}
	bolttest.Check(t, done.Kept)
	bolttest.Check(t, taken.Path)
}

func TestTheNewestSoundBackupIsChosen(t *testing.T) {
	t.Parallel()
	_, dir, taken := saved(t)
	older := backup.File{Path: filepath.Join(dir, "refreshbot-20200101T000000.000Z.db"), At: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := os.Rename(taken.Path, older.Path); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "refreshbot-20200102T000000.000Z.db")
	if err := os.WriteFile(bad, []byte("cut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	from, passed, err := backup.Choose(t.Context(), dir, "newest")
	if err != nil || from != older || len(passed) != 1 || passed[0].Path != bad {
		t.Errorf("%v %v %v", from, passed, err)
	}
	if err := os.Remove(older.Path); err != nil {
		t.Fatal(err)
	}
	for dir, says := range map[string]string{dir: "None of the 1 backups", t.TempDir(): "There is no backup in", "": "no store.backup.dir"} {
		if _, _, err := backup.Choose(t.Context(), dir, "newest"); !strings.Contains(refresh.MessageOf(err), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, _, err := backup.Choose(t.Context(), dir, "/nowhere/b.db"); !strings.Contains(refresh.MessageOf(err), "There is no backup /nowhere/b.db") {
		t.Error(err)
	}
}

func TestRestoreOverADamagedStore(t *testing.T) {
	t.Parallel()
	path, _, taken := saved(t)
	if err := os.Truncate(path, 5000); err != nil {
		t.Fatal(err)
	}
	done, err := backup.Restore(t.Context(), path, taken.File)
	if err != nil || done.Unread == nil || len(done.Lost) > 0 || done.Kept == "" {
		t.Fatalf("%+v %v", done, err)
	}
	bolttest.Check(t, path)
}

func TestRestoreIsRefusedWhileTheBotRuns(t *testing.T) {
	t.Parallel()
	path, _, taken := saved(t)
	s := bolttest.OpenAt(t, path)
	if _, err := backup.Restore(t.Context(), path, taken.File); refresh.CodeOf(err) != refresh.Refused || !strings.Contains(refresh.MessageOf(err), "Another process has") {
		t.Error(err)
	}
	if _, err := s.Load(t.Context(), "dev-1"); err != nil {
		t.Error(err)
	}
}
