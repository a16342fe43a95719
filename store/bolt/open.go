package bolt

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
	"refreshbot/store"
)

var (
	bMeta      = []byte("meta")
	bOps       = []byte("ops")
	bJournal   = []byte("journal")
	bOpen      = []byte("open")
	bRecent    = []byte("recent")
	bLocks     = []byte("locks")
	bInbox     = []byte("inbox")
	bInboxTime = []byte("inbox_time")
	bRecords   = []byte("records")

	kSchema = []byte("schema")
	kID     = []byte("id")
	kEpoch  = []byte("epoch")
)

func buckets() [][]byte {
	return [][]byte{bMeta, bOps, bJournal, bOpen, bRecent, bLocks, bInbox, bInboxTime, bRecords}
}

// Options are the rarely changed figures of a store.
type Options struct {
	LockWait time.Duration // how long to wait for another process to let go of the file; zero: 1 s
	MaxSize  int           // bytes the file may grow to; zero: as the disk allows
	Wrote    func(error)   // called after each try to write, with nil or what the disk said; may be nil
}

// Store is an engine.Store in a bbolt file, and keeps small records for other parts. Its methods may be called
// from any goroutine.
type Store struct {
	db   *bbolt.DB
	path string
	info Info

	wrote func(error)
}

// Info tells one store, and one opening of it, from another.
type Info struct {
	ID     string // random, given when the store was made
	Epoch  uint64 // 1 the first time it is opened, one more each time
	Schema int
}

// Open opens the store at path, or makes it with mode 0600 when there is no file or an empty one. A file of our own
// with another mode gets that mode. An existing file is first examined without the right to write: every page, the
// schema, and that everything a store has is there. That reads the whole file once, so it takes as long as the disk needs for it (a file of 100 MB:
// about a second). The journals of open refreshes are checked against their rows by the method Open, one by
// one, so that one damaged refresh does not stop the others.
//
// Every error is a *refresh.Error whose message names the path and the next step: Refused when another process
// has the file open, Invalid when the place or the schema will not do, Internal when the file is damaged. The
// file is then as it was.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open the store %s: %w", path, err)
	}
	if opts.LockWait == 0 {
		opts.LockWait = time.Second
	}
	fresh, err := place(path)
	if err != nil {
		return nil, err
	}
	if !fresh {
		if err := examine(path, opts); err != nil {
			return nil, failed(path, err)
		}
	}
	var file *os.File
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: opts.LockWait, FreelistType: bbolt.FreelistMapType, MaxSize: opts.MaxSize, InitialMmapSize: mapped(opts),
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode)
			file = f
			return f, err
		},
	})
	if err != nil {
		return nil, failed(path, err)
	}
	db.AllocSize = 1 << 20 // what the file grows by; bbolt's own 16 MB would be the size of every small store
	s := &Store{db: db, path: path, wrote: opts.Wrote}
	err = stillAt(path, file)
	if err == nil {
		err = s.begin()
	}
	if err == nil && !fresh {
		// Somebody may have copied it here with the mode of any file. Only the owner can change that; who runs as
		// somebody else has the right to the file from a group, and leaves it so.
		_ = file.Chmod(0o600)
	}
	if err != nil {
		return nil, errors.Join(failed(path, err), db.Close())
	}
	if fresh {
		if err := syncDir(filepath.Dir(path)); err != nil {
			return nil, errors.Join(failed(path, err), db.Close())
		}
	}
	return s, nil
}

// mapped is how much of the address space is kept for the file. When it outgrows that, a commit waits for every reader,
// and everybody else for the commit; and a backup is a reader for as long as its disk takes. It costs no memory. On Windows
// the file itself would have that size.
func mapped(opts Options) int {
	if opts.MaxSize > 0 || strconv.IntSize < 64 || runtime.GOOS == "windows" {
		return 0
	}
	return 1 << 30
}

// stillAt makes sure that the file that was opened, and perhaps waited for, is the one at path: a restore may have put
// another one there meanwhile.
func stillAt(path string, file *os.File) error {
	opened, err := file.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(opened, now) {
		return refresh.Errorf(refresh.Refused, "%s was replaced while it was being opened. Start refreshbot again.", path)
	}
	return nil
}

// Close closes the file. It waits for transactions to end.
func (s *Store) Close() error { return s.db.Close() }

// Info returns what was read and written when the store was opened.
func (s *Store) Info() Info { return s.info }

// place looks at where the store is to be and reports whether it has to be made. An empty file is what a crash
// can leave between making the file and its first write.
func place(path string) (fresh bool, err error) {
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return false, refresh.Errorf(refresh.Invalid, "The directory %s does not exist, so %s cannot be made. Create it, or choose another store.path.", dir, path)
	case err != nil:
		return false, failed(path, err)
	case !info.IsDir():
		return false, refresh.Errorf(refresh.Invalid, "%s is not a directory, so %s cannot be made. Choose another store.path.", dir, path)
	}
	if name, err := networkFileSystem(dir); err != nil {
		return false, failed(path, err)
	} else if name != "" {
		return false, refresh.Errorf(refresh.Invalid, "%s is on a network share (%s), where a crash can destroy the store. Choose a store.path on a local or attached disk.", path, name)
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, failed(path, err)
	case info.IsDir():
		return false, refresh.Errorf(refresh.Invalid, "%s is a directory. Give store.path the name of a file.", path)
	case !info.Mode().IsRegular():
		return false, refresh.Errorf(refresh.Invalid, "%s is not a regular file. Choose another store.path.", path)
	default:
		return info.Size() == 0, nil
	}
}

// examine reads the whole file through a handle that cannot write, and says why it should not be opened.
func examine(path string, opts Options) error {
	db, err := openReadOnly(path, opts)
	if err != nil {
		return err
	}
	return db.Close()
}

// openReadOnly opens a file that has passed every check of its structure, without the right to write.
func openReadOnly(path string, opts Options) (*bbolt.DB, error) {
	if opts.LockWait == 0 {
		opts.LockWait = time.Second
	}
	var file *os.File
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: opts.LockWait, FreelistType: bbolt.FreelistMapType, ReadOnly: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode)
			file = f
			return f, err
		},
	})
	if err != nil {
		return nil, err
	}
	// Nothing but the two meta pages was read so far. bbolt trusts the others, to the point of crashing, so
	// they are looked at from outside first.
	err = verifyPages(file, db.Info().PageSize)
	if err == nil {
		err = db.View(func(tx *bbolt.Tx) error {
			if err := checkSchema(tx); err != nil {
				return err
			}
			return checkTx(tx)
		})
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// checkTx has bbolt check its own structure.
func checkTx(tx *bbolt.Tx) error {
	var first error
	for err := range tx.Check() { // to the end: the checking goroutine writes to this channel
		if first == nil {
			first = err
		}
	}
	return first
}

var (
	errForeign = errors.New("it holds no refreshbot store")
	errFuture  = errors.New("schema of a newer refreshbot")
)

// checkSchema accepts a file without buckets (a crash before the first transaction) and a complete store of
// a schema that this program knows.
func checkSchema(tx *bbolt.Tx) error {
	if k, _ := tx.Cursor().First(); k == nil {
		return nil
	}
	meta := tx.Bucket(bMeta)
	if meta == nil {
		return errForeign
	}
	v := meta.Get(kSchema)
	if len(v) != 8 {
		return errForeign
	}
	if n := binary.BigEndian.Uint64(v); n > store.Schema {
		return fmt.Errorf("%w: %d, known here: %d", errFuture, n, store.Schema)
	} else if n == 0 {
		return errForeign
	}
	for _, name := range buckets() {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("bucket %s is missing", name)
		}
	}
	if len(meta.Get(kEpoch)) != 8 || len(meta.Get(kID)) == 0 {
		return errors.New("the store has no id or no epoch")
	}
	return nil
}

// begin makes what a new store needs and counts the epoch.
func (s *Store) begin() error {
	failpoint.Hit("open", "before-commit")
	err := s.db.Update(func(tx *bbolt.Tx) error {
		if err := checkSchema(tx); err != nil { // the file was let go of since it was examined
			return err
		}
		for _, name := range buckets() {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta, before := tx.Bucket(bMeta), readInfo(tx)
		s.info = Info{ID: cmp.Or(before.ID, rand.Text()), Epoch: before.Epoch + 1, Schema: store.Schema}
		err := errors.Join(
			meta.Put(kID, []byte(s.info.ID)),
			meta.Put(kEpoch, binary.BigEndian.AppendUint64(nil, s.info.Epoch)),
			meta.Put(kSchema, binary.BigEndian.AppendUint64(nil, store.Schema)),
		)
		failpoint.Hit("open", "in-tx")
		return err
	})
	failpoint.Hit("open", "after-commit")
	return err
}

// syncDir makes sure that a power cut does not take the new file's name away.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// failed turns what kept the store from being opened into a sentence with a next step.
func failed(path string, err error) error {
	if _, ok := errors.AsType[*refresh.Error](err); ok {
		return err
	}
	e := &refresh.Error{Code: refresh.Invalid, Err: err}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		e.Code = refresh.Refused
		e.Msg = fmt.Sprintf("Another process has %s open. Stop it, or choose another store.path.", path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Msg = fmt.Sprintf("%s cannot be read and written. Give refreshbot's user the right to write the file and its directory, or choose another store.path.", path)
	case noRoom(err):
		e.Msg = fmt.Sprintf("There is no room for %s. Free space on its disk, or choose another store.path.", path)
	case errors.Is(err, errFuture):
		e.Msg = fmt.Sprintf("%s was written by a newer refreshbot. Start that version, or choose another store.path. Nothing was changed.", path)
	case errors.Is(err, errForeign):
		e.Msg = fmt.Sprintf("%s belongs to another program. Choose another store.path. Nothing was changed.", path)
	default:
		e.Code = refresh.Internal
		e.Msg = fmt.Sprintf("%s is not a store of refreshbot, or it is damaged. Restore it from a backup, or move it away to begin with an empty store. Nothing was changed.", path)
	}
	return e
}

func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		errors.Is(err, berrors.ErrMaxSizeReached)
}
