package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
)

// Restored says what a restore has done.
type Restored struct {
	Kept      string // the replaced file; empty: there was none
	Refreshes int
	Open      []refresh.Refresh // as they stand in the restored store
	Lost      []Lost            // as far as the replaced file can be read
	Unread    error             // why it cannot
}

// Passed is a backup that was not taken, and why.
type Passed struct {
	File
	Err error
}

// Lost is a refresh of which the replaced file knew more than the backup.
type Lost struct {
	refresh.Refresh       // as it stood in the replaced file
	Had             int64 // entries of it in the backup; 0: the backup does not know it
}

// Choose returns the backup to restore: the file at from, or, when from is "newest", the newest in dir that is sound,
// with those that it passed over.
func Choose(ctx context.Context, dir, from string) (File, []Passed, error) {
	if from != "newest" {
		info, err := os.Stat(from)
		if err != nil {
			return File{}, nil, &refresh.Error{Code: refresh.Invalid, Msg: fmt.Sprintf("There is no backup %s.", from), Err: err}
		}
		at, ok := taken(info.Name())
		if !ok {
			at = info.ModTime()
		}
		return File{from, at.UTC()}, nil, nil
	}
	if dir == "" {
		return File{}, nil, refresh.Errorf(refresh.Invalid, "The configuration has no store.backup.dir. Name the backup with --from.")
	}
	files, err := List(dir)
	if err != nil {
		return File{}, nil, err
	}
	var passed []Passed
	for _, f := range files {
		err := sound(ctx, f.Path)
		if err == nil {
			return f, passed, nil
		}
		passed = append(passed, Passed{f, err})
	}
	if len(passed) > 0 {
		return File{}, passed, &refresh.Error{Code: refresh.Internal, Msg: fmt.Sprintf("None of the %d backups in %s is sound. Name another one with --from.", len(passed), dir), Err: passed[0].Err}
	}
	return File{}, nil, refresh.Errorf(refresh.NotFound, "There is no backup in %s. Name one with --from.", dir)
}

func sound(ctx context.Context, path string) error {
	report, err := bolt.Verify(ctx, path)
	return errors.Join(err, report.Sound())
}

// Restore puts a backup in the place of the store at path, which no process may have open, and keeps the replaced file
// beside it. The backup is checked first. Each refresh that had not ended is marked, so that it never starts a copy
// that may have been started after the backup was taken; see refresh.FromBackup.
func Restore(ctx context.Context, path string, from File) (Restored, error) {
	var out Restored
	before, err := rows(ctx, path)
	if refresh.CodeOf(err) == refresh.Refused { // in use
		return out, err
	}
	out.Unread = err
	had := map[refresh.ID]int64{}
	now := time.Now().UTC().Round(0)
	out.Kept, err = bolt.Replace(ctx, path, from.Path, now, func(s *bolt.Store) error {
		open, err := s.Open(ctx)
		if err != nil {
			return err
		}
		all, err := s.Recent(ctx, "", int(^uint(0)>>1))
		if err != nil {
			return err
		}
		for _, r := range all {
			had[r.ID] = r.Version
		}
		out.Refreshes = len(all)
		for _, r := range open {
			r, err := mark(ctx, s, r, from.At, now)
			if err != nil {
				return fmt.Errorf("mark %s as restored: %w", r.ID, err)
			}
			out.Open = append(out.Open, r)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	for _, r := range before {
		if r.Version > had[r.ID] {
			out.Lost = append(out.Lost, Lost{r, had[r.ID]})
		}
	}
	return out, nil
}

// mark commits that a refresh comes from a backup, and what follows from it.
func mark(ctx context.Context, s *bolt.Store, r refresh.Refresh, taken, now time.Time) (refresh.Refresh, error) {
	c, err := engine.Transition(r, refresh.FromBackup{Taken: taken.UTC()}, "", now)
	if err != nil {
		return r, err
	}
	return c.Row, s.Commit(ctx, c)
}

// rows reads what can be read of the refreshes in the file at path. A missing file has none.
func rows(ctx context.Context, path string) ([]refresh.Refresh, error) {
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, nil
	}
	report, err := bolt.Verify(ctx, path)
	var all []refresh.Refresh
	for _, f := range report.Findings {
		if f.Err == nil && f.Released == nil {
			all = append(all, f.Refresh)
		}
	}
	return all, err
}
