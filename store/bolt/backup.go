package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	berrors "go.etcd.io/bbolt/errors"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
)

// unfinished ends the name of a file that is not whole yet.
const unfinished = ".part"

// Backup writes the store as it stands to the file at path, mode 0600, while commits go on. The copy gets its name only
// when it is on disk and was read again: every page, every refresh against its journal. Until then it has another name,
// so that a file at path is always a sound backup. It replaces no file.
//
// A store in which a refresh is damaged cannot be backed up before that refresh is released: an older backup is better
// than one with the damage in it.
func (s *Store) Backup(ctx context.Context, path string) (Report, error) {
	what := "back up the store to " + path
	if err := ctx.Err(); err != nil {
		return Report{}, fmt.Errorf("%s: %w", what, err)
	}
	if _, err := os.Lstat(path); err == nil {
		return Report{}, refresh.Errorf(refresh.Refused, "There is a file %s already.", path)
	}
	failpoint.Hit("backup", "before-copy")
	part := path + unfinished
	report, err := s.copyTo(ctx, part)
	if err == nil {
		failpoint.Hit("backup", "checked")
		err = put(part, path)
	}
	if err != nil {
		_ = os.Remove(part) // what is left of it would only confuse
		return Report{}, fmt.Errorf("%s: %w", what, explainCopy(path, err))
	}
	failpoint.Hit("backup", "kept")
	return report, nil
}

func (s *Store) copyTo(ctx context.Context, part string) (Report, error) {
	if err := writeFile(part, func(f *os.File) error { return s.writeTo(f) }); err != nil {
		return Report{}, err
	}
	failpoint.Hit("backup", "copied")
	return verified(ctx, part)
}

func (s *Store) writeTo(w io.Writer) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// verified reads a whole file and returns what is in it, or why it cannot be relied on.
func verified(ctx context.Context, path string) (Report, error) {
	report, err := Verify(ctx, path)
	return report, errors.Join(err, report.Sound())
}

// writeFile makes a private file anew and has it on disk when it returns.
func writeFile(path string, write func(*os.File) error) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// put gives a file on disk its name, which is on disk too when it returns.
func put(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// explainCopy turns what kept a copy from being made into a sentence with a next step.
func explainCopy(path string, err error) error {
	dir := filepath.Dir(path)
	sentence := func(format string, args ...any) error {
		return &refresh.Error{Code: refresh.Internal, Msg: fmt.Sprintf(format, args...), Err: err}
	}
	switch {
	case noRoom(err):
		return sentence("There is no room left in %s for a copy of the store. Free space there.", dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return sentence("refreshbot may not write in %s. Give its user the right to, or choose another directory.", dir)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return sentence("The directory %s does not exist. Create it, or choose another one.", dir)
	}
	return err
}

// Replace puts a copy of the sound store at from in the place of the store at path, and returns where the replaced file
// was kept; "" when there was none. Before that, prepare may change the copy. Whatever fails, the file at path stays as
// it was. It is Refused while another process has that file open.
func Replace(ctx context.Context, path, from string, at time.Time, prepare func(*Store) error) (kept string, err error) {
	what := fmt.Sprintf("put %s in the place of %s", from, path)
	if _, err := place(path); err != nil {
		return "", err
	}
	_, missing := os.Lstat(path)
	unlock, err := lockFile(path)
	if err != nil {
		return "", failed(path, err)
	}
	defer unlock()
	defer func() {
		if err == nil || !errors.Is(missing, fs.ErrNotExist) {
			return
		}
		if info, err := os.Lstat(path); err == nil && info.Size() == 0 { // else a store is there by now
			_ = os.Remove(path) // it was made to have something to lock
		}
	}()
	part := path + unfinished
	if err := copyIn(ctx, part, from, prepare); err != nil {
		_ = os.Remove(part) // nothing relies on it
		return "", fmt.Errorf("%s: %w", what, explainCopy(path, err))
	}
	if info, err := os.Lstat(path); err == nil && info.Size() > 0 {
		kept = path + ".replaced-" + at.UTC().Format("20060102T150405Z")
		if err := keepFile(path, kept); err != nil {
			_ = os.Remove(part) // nothing relies on it
			return "", fmt.Errorf("keep %s beside it: %w", path, explainCopy(path, err))
		}
	}
	if err := put(part, path); err != nil {
		return kept, fmt.Errorf("%s: %w", what, explainCopy(path, err))
	}
	return kept, nil
}

// copyIn makes the copy that is to become the store.
func copyIn(ctx context.Context, part, from string, prepare func(*Store) error) error {
	if _, err := verified(ctx, from); err != nil {
		return err
	}
	err := writeFile(part, func(to *os.File) error {
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, f)
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return err
	}
	s, err := Open(ctx, part, Options{})
	if err != nil {
		return err
	}
	err = prepare(s)
	if err == nil {
		err = s.Check(ctx)
	}
	return errors.Join(err, s.Close())
}

// keepFile gives the file at path a second name, under which it stays when another one takes its place, readable for its
// owner alone. Where that cannot be done, as on some file systems, it is copied.
func keepFile(path, kept string) error {
	switch err := os.Link(path, kept); {
	case errors.Is(err, fs.ErrExist):
		return err
	case err == nil:
		if os.Chmod(kept, 0o600) == nil {
			return nil
		}
		if err := os.Remove(kept); err != nil {
			return err
		}
	}
	return writeFile(kept, func(to *os.File) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, f)
		return errors.Join(err, f.Close())
	})
}

// Compact rewrites the store at path without the pages that are free, and returns its size before and after in bytes.
// Whatever fails, the file stays as it was. It is Refused while another process has it open.
func Compact(ctx context.Context, path string) (before, after int64, err error) {
	what := "compact " + path
	r, err := OpenReader(ctx, path, Options{}) // nobody can open it for writing meanwhile
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	old, err := r.Verify(ctx)
	if err == nil {
		err = old.Err
	}
	if err != nil {
		return 0, 0, failed(path, err)
	}
	part := path + unfinished
	if err := errors.Join(writeFile(part, func(*os.File) error { return nil }), compactTo(part, r.db)); err != nil {
		_ = os.Remove(part) // nothing relies on it
		return 0, 0, fmt.Errorf("%s: %w", what, explainCopy(path, err))
	}
	report, err := Verify(ctx, part)
	if err = errors.Join(err, report.Err); err == nil && len(report.Findings) != len(old.Findings) {
		err = fmt.Errorf("%d refreshes of %d are in the new file", len(report.Findings), len(old.Findings))
	}
	if err == nil {
		err = put(part, path)
	}
	if err != nil {
		_ = os.Remove(part) // nothing relies on it
		return 0, 0, fmt.Errorf("%s: %w", what, err)
	}
	return old.Size, report.Size, nil
}

func compactTo(part string, from *bbolt.DB) error {
	to, err := bbolt.Open(part, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	const atOnce = 1 << 20 // bytes in one transaction
	err = bbolt.Compact(to, from, atOnce)
	return errors.Join(err, to.Close())
}

var errLocked = berrors.ErrTimeout
