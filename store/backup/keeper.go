// Package backup takes backups of the store while the bot runs, keeps the newest few, and puts one back.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
)

// Source is the store that is backed up.
type Source interface {
	// Backup writes a copy to path, which is there only when the copy is on disk and sound.
	Backup(ctx context.Context, path string) (bolt.Report, error)
}

// Options are what a Keeper works with.
type Options struct {
	Source Source
	Dir    string // made when it is missing, mode 0700
	Every  time.Duration
	Keep   int // at least 1
	Log    *slog.Logger
	Taken  func(context.Context, Taken, error) // called after each try; may be nil
}

// Taken is one backup.
type Taken struct {
	File
	Size      int64 // bytes
	Refreshes int
	Open      int // of them have not ended
}

// File is a backup in a directory.
type File struct {
	Path string
	At   time.Time // when it was taken
}

// Keeper takes backups. Its methods may be called from any goroutine.
type Keeper struct {
	Options
	mu sync.Mutex // one at a time
}

// New returns a Keeper that does nothing until Run or Take.
func New(o Options) *Keeper {
	if o.Taken == nil {
		o.Taken = func(context.Context, Taken, error) {}
	}
	return &Keeper{Options: o}
}

const (
	prefix = "refreshbot-"
	suffix = ".db"
	stamp  = "20060102T150405.000Z"
	// again bounds the wait before a backup that failed is tried again.
	again = 5 * time.Minute
)

// List returns the backups in a directory, newest first. Those whose time is still to come are last: the clock was ahead
// when they were taken, and nobody knows by how much. A directory that does not exist has none.
func List(dir string) ([]File, error) {
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the backups: %w", err)
	}
	var files []File
	for _, n := range names {
		if at, ok := taken(n.Name()); ok && n.Type().IsRegular() {
			files = append(files, File{filepath.Join(dir, n.Name()), at})
		}
	}
	slices.SortFunc(files, func(a, b File) int { return b.At.Compare(a.At) })
	now := time.Now()
	if ahead := slices.IndexFunc(files, func(f File) bool { return !f.At.After(now) }); ahead > 0 {
		files = slices.Concat(files[ahead:], files[:ahead])
	}
	return files, nil
}

// taken reads the time from the name of a backup.
func taken(name string) (time.Time, bool) {
	name, ok := strings.CutPrefix(name, prefix)
	name, whole := strings.CutSuffix(name, suffix)
	at, err := time.Parse(stamp, name)
	return at, ok && whole && err == nil
}

// Take takes a backup now and then removes those that are more than Keep. A backup counts only when it was read again
// from disk and is sound, so the newest one that is kept always is.
func (k *Keeper) Take(ctx context.Context) (Taken, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t, err := k.take(ctx)
	if err != nil {
		k.Log.ErrorContext(ctx, "the store was not backed up", "dir", k.Dir, "err", err)
	} else {
		k.Log.InfoContext(ctx, "backup taken", "file", t.Path, "bytes", t.Size, "refreshes", t.Refreshes, "open", t.Open)
	}
	k.Taken(ctx, t, err)
	return t, err
}

func (k *Keeper) take(ctx context.Context) (Taken, error) {
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return Taken{}, &refresh.Error{Code: refresh.Internal, Msg: fmt.Sprintf("The directory %s cannot be made. Create it, or choose another store.backup.dir.", k.Dir), Err: err}
	}
	at := time.Now().UTC().Truncate(time.Millisecond)
	path := filepath.Join(k.Dir, prefix+at.Format(stamp)+suffix)
	report, err := k.Source.Backup(ctx, path)
	if err != nil {
		return Taken{}, err
	}
	k.prune(ctx, path)
	return Taken{File{path, at}, report.Size, len(report.Findings), len(report.Open())}, nil
}

// prune removes what is too old, and what a process left unfinished. It runs after a backup has been taken, and never
// removes that one, whatever happened to the clock meanwhile.
func (k *Keeper) prune(ctx context.Context, just string) {
	files, err := List(k.Dir)
	for _, f := range files[min(len(files), max(k.Keep, 1)):] {
		if f.Path != just {
			err = errors.Join(err, os.Remove(f.Path))
		}
	}
	parts, _ := filepath.Glob(filepath.Join(k.Dir, prefix+"*"+suffix+".part")) // the pattern is sound
	for _, p := range parts {
		err = errors.Join(err, os.Remove(p))
	}
	if err != nil {
		k.Log.WarnContext(ctx, "old backups could not be removed", "dir", k.Dir, "err", err)
	}
}

// Run takes a backup whenever the newest is older than Every, until ctx ends. One that fails is tried again within five
// minutes.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		wait := k.due(ctx)
		if wait <= 0 {
			wait = k.Every
			if _, err := k.Take(ctx); err != nil {
				wait = min(wait, again)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// due is how long the newest backup is still young enough.
func (k *Keeper) due(ctx context.Context) time.Duration {
	files, err := List(k.Dir)
	if err != nil {
		k.Log.WarnContext(ctx, "the backups cannot be listed", "err", err)
	}
	if len(files) == 0 {
		return 0
	}
	age := time.Since(files[0].At)
	if age < 0 { // the clock was set back
		return 0
	}
	return k.Every - age
}
