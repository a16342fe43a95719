package bolt

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/refresh"
	"refreshbot/store"
)

// Reader is a store file that is opened without the right to change it: a backup, or the store of a bot that does
// not run. A file that a bot has open cannot be read.
type Reader struct {
	db   *bbolt.DB
	path string
}

// OpenReader examines the file at path as Open does, and opens it for reading. The errors are those of Open.
func OpenReader(ctx context.Context, path string, opts Options) (*Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open the store %s: %w", path, err)
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refresh.Errorf(refresh.Invalid, "There is no file %s.", path)
	case err != nil:
		return nil, failed(path, err)
	case !info.Mode().IsRegular():
		return nil, refresh.Errorf(refresh.Invalid, "%s is not a regular file.", path)
	}
	db, err := openReadOnly(path, opts)
	if err != nil {
		return nil, failed(path, err)
	}
	empty := false
	_ = db.View(func(tx *bbolt.Tx) error { // reading what was read a moment ago
		empty = tx.Bucket(bMeta) == nil
		return nil
	})
	if empty {
		return nil, errors.Join(failed(path, errForeign), db.Close())
	}
	return &Reader{db, path}, nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.db.Close() }

// Verify checks everything in the file at path, which no bot has open; see Store.Check. What is wrong is in the report; the
// error is that of OpenReader, or of ctx.
func Verify(ctx context.Context, path string) (Report, error) {
	r, err := OpenReader(ctx, path, Options{})
	if err != nil {
		return Report{}, err
	}
	report, err := r.Verify(ctx)
	return report, errors.Join(err, r.Close())
}

// Verify checks everything in the file; see Store.Check. The error is only ever that of ctx.
func (r *Reader) Verify(ctx context.Context) (report Report, err error) {
	err = r.db.View(func(tx *bbolt.Tx) (err error) {
		report, err = check(ctx, tx)
		return err
	})
	return report, err
}

// Exported is one refresh as it is given away: the row and the journal as they are stored, or why they cannot be
// trusted.
type Exported struct {
	ID       refresh.ID        `json:"id"`
	Refresh  json.RawMessage   `json:"refresh,omitempty"`
	Journal  []json.RawMessage `json:"journal,omitempty"`
	Released *Released         `json:"released,omitempty"`
	Error    string            `json:"error,omitempty"`
}

// Export calls each with every refresh, ended ones too, in the order of their ids. It ends with the first error of each.
func (r *Reader) Export(ctx context.Context, each func(Exported) error) error {
	return r.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bOps).ForEach(func(k, row []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			out := Exported{ID: refresh.ID(k), Released: released(tx, refresh.ID(k))}
			raw := entries(tx, out.ID, 0)
			loaded, err := store.Read(out.ID, row, raw)
			if err == nil {
				out.Refresh, err = json.Marshal(loaded)
			}
			if err != nil {
				out.Error = err.Error()
				return each(out)
			}
			for _, e := range raw {
				out.Journal = append(out.Journal, json.RawMessage(e))
			}
			return each(out)
		})
	})
}

// number reads what AppendUint64 wrote, or 0.
func number(v []byte) uint64 {
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

// readInfo returns what a store says of itself.
func readInfo(tx *bbolt.Tx) Info {
	meta := tx.Bucket(bMeta)
	return Info{ID: string(meta.Get(kID)), Epoch: number(meta.Get(kEpoch)), Schema: int(number(meta.Get(kSchema)))}
}
