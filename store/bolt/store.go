package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
	"refreshbot/store"
)

var (
	_ engine.Store   = (*Store)(nil)
	_ engine.Batcher = (*Store)(nil)
)

// Commit writes one transition; see engine.Store. When it returns nil the transition is on disk. Besides the
// declines there it returns an Internal *refresh.Error when the events do not lead to the row, or when the
// disk is full. Nothing was written then.
func (s *Store) Commit(ctx context.Context, c engine.Commit) error {
	return s.update(ctx, about(c), "commit "+string(c.Row.ID), func(tx *bbolt.Tx) error { return commit(tx, []engine.Commit{c}) })
}

// CommitAll writes transitions of different refreshes in one transaction; see engine.Batcher.
func (s *Store) CommitAll(ctx context.Context, cs []engine.Commit) error {
	return s.update(ctx, "batch", fmt.Sprintf("commit %d refreshes", len(cs)), func(tx *bbolt.Tx) error { return commit(tx, cs) })
}

func commit(tx *bbolt.Tx, cs []engine.Commit) error {
	rows, twice := make([][]byte, len(cs)), map[refresh.ID]bool{}
	for i, c := range cs {
		if twice[c.Row.ID] { // it cannot stand at the same version a second time
			return engine.ErrStale
		}
		twice[c.Row.ID] = true
		if c.Key != "" && tx.Bucket(bInbox).Get([]byte(c.Key)) != nil {
			return engine.ErrSeen
		}
		rows[i] = tx.Bucket(bOps).Get([]byte(c.Row.ID))
	}
	changes, errs := make([]store.Change, len(cs)), make([]error, len(cs))
	atOnce(len(cs), func(i int) {
		errs[i] = guarded(cs[i].Row.ID, func() (err error) { changes[i], err = store.Advance(rows[i], cs[i]); return err })
	})
	for i, c := range cs {
		if errs[i] != nil {
			return errs[i]
		}
		if err := write(tx, c, changes[i]); err != nil {
			return err
		}
	}
	return nil
}

// write writes one commit and what it changes.
func write(tx *bbolt.Tx, c engine.Commit, ch store.Change) error {
	ops, id := tx.Bucket(bOps), []byte(c.Row.ID)
	if len(c.Events) == 0 { // an input that changed nothing, worth remembering all the same
		return remember(tx, c.Key, c.At)
	}
	if err := lock(tx, ch.Refresh, c.Base == 0); err != nil {
		return err
	}
	if err := list(tx, ch.Refresh, c.Base == 0); err != nil {
		return err
	}
	journal, err := tx.Bucket(bJournal).CreateBucketIfNotExists(id)
	if err != nil {
		return err
	}
	for i, e := range ch.Entries {
		if err := journal.Put(seqKey(c.Base+int64(i)+1), e); err != nil {
			return err
		}
	}
	if err := ops.Put(id, ch.Row); err != nil {
		return err
	}
	return remember(tx, c.Key, c.At)
}

// lock takes the target environment with the first event of a refresh and frees it with the last.
func lock(tx *bbolt.Tx, r refresh.Refresh, first bool) error {
	locks := tx.Bucket(bLocks)
	for _, k := range store.LockKeys(r.Target) {
		holder := locks.Get([]byte(k))
		switch {
		case first && holder != nil:
			return fmt.Errorf("%w, by %s", engine.ErrBusy, holder)
		case !first && !bytes.Equal(holder, []byte(r.ID)):
			return store.Damaged(r.ID, fmt.Errorf("the lock %s is held by %q", k, holder))
		}
	}
	if first {
		if other := openFor(tx, r.Target.Name); other != "" { // its lock is damaged
			return fmt.Errorf("%w, by %s", engine.ErrBusy, other)
		}
	}
	for _, k := range store.LockKeys(r.Target) {
		var err error
		if !r.Status.Ended() {
			if !first {
				continue
			}
			err = locks.Put([]byte(k), []byte(r.ID))
		} else {
			err = locks.Delete([]byte(k))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openFor returns the refresh of a target that the list of open ones has, or "".
func openFor(tx *bbolt.Tx, target string) refresh.ID {
	recent := tx.Bucket(bRecent)
	c := tx.Bucket(bOpen).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if strings.EqualFold(string(recent.Get(k)), target) {
			return idOf(k)
		}
	}
	return ""
}

// list keeps the two lists in order of time.
func list(tx *bbolt.Tx, r refresh.Refresh, first bool) error {
	k := timeKey(r.RequestedAt, string(r.ID))
	if first {
		if err := tx.Bucket(bRecent).Put(k, []byte(r.Target.Name)); err != nil {
			return err
		}
	}
	if r.Status.Ended() {
		return tx.Bucket(bOpen).Delete(k)
	}
	if !first {
		return nil
	}
	return tx.Bucket(bOpen).Put(k, nil)
}

// forgetAtOnce bounds how many old keys one commit forgets. More than one, so that the inbox shrinks.
const forgetAtOnce = 8

// remember keeps the input's key and forgets a few that are older than store.KeepKeys.
func remember(tx *bbolt.Tx, key string, at time.Time) error {
	inbox, times := tx.Bucket(bInbox), tx.Bucket(bInboxTime)
	limit := timeKey(at.Add(-store.KeepKeys), "")
	var old [][]byte
	c := times.Cursor()
	for k, _ := c.First(); k != nil && len(old) < forgetAtOnce && bytes.Compare(k, limit) < 0; k, _ = c.Next() {
		old = append(old, bytes.Clone(k)) // deleting moves the pages that k points into
	}
	for _, k := range old {
		if err := errors.Join(inbox.Delete(k[timeSize:]), times.Delete(k)); err != nil {
			return err
		}
	}
	if key == "" {
		return nil
	}
	k := timeKey(at, key)
	return errors.Join(inbox.Put([]byte(key), k[:timeSize]), times.Put(k, nil))
}

// Seen reports whether an input with the key was committed; see engine.Store. A key is remembered for
// store.KeepKeys at least.
func (s *Store) Seen(ctx context.Context, key string) (seen bool, err error) {
	err = s.view(ctx, "look for an input", func(tx *bbolt.Tx) error {
		seen = tx.Bucket(bInbox).Get([]byte(key)) != nil
		return nil
	})
	return seen, err
}

// Load returns a refresh as it stands; see engine.Store. The whole journal is folded and must lead to the row:
// if it does not, the error is Internal and the refresh is to be left alone.
func (s *Store) Load(ctx context.Context, id refresh.ID) (r refresh.Refresh, err error) {
	err = s.view(ctx, "load "+string(id), func(tx *bbolt.Tx) (err error) {
		r, err = load(tx, id)
		return err
	})
	return r, err
}

func load(tx *bbolt.Tx, id refresh.ID) (refresh.Refresh, error) { return fetch(tx, id).read() }

// entries returns the raw journal entries after the one numbered after.
func entries(tx *bbolt.Tx, id refresh.ID, after int64) [][]byte {
	b := tx.Bucket(bJournal).Bucket([]byte(id))
	if b == nil {
		return nil
	}
	var raw [][]byte
	c := b.Cursor()
	for k, v := c.Seek(seqKey(after + 1)); k != nil; k, v = c.Next() {
		raw = append(raw, v)
	}
	return raw
}

// Open returns every refresh that has not ended, oldest first, each checked as by Load. Those that cannot be
// trusted are left out and named, one by one, in a joined error; the others are returned all the same.
func (s *Store) Open(ctx context.Context) (rs []refresh.Refresh, err error) {
	err = s.view(ctx, "list open refreshes", func(tx *bbolt.Tx) error {
		var all []listedOpen
		locks := holders(tx)
		c := tx.Bucket(bOpen).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			all = append(all, listedOpen{fetch(tx, idOf(k)), locks})
		}
		loaded, errs := make([]refresh.Refresh, len(all)), make([]error, len(all)+1)
		atOnce(len(all), func(i int) {
			errs[i] = guarded(all[i].id, func() (err error) { loaded[i], err = all[i].read(); return err })
		})
		for i, r := range loaded {
			if errs[i] == nil {
				rs = append(rs, r)
			}
		}
		errs[len(all)] = unlisted(tx)
		return errors.Join(errs...)
	})
	return rs, err
}

// atOnce calls do for 0 to n-1, on all processors: checking a thousand journals is a second's work for one.
func atOnce(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	if n == 1 {
		do(0)
		return
	}
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// guarded turns a panic about one refresh into its error. On a goroutine of its own it would end the process.
func guarded(id refresh.ID, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = store.Damaged(id, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return do()
}

// stored is all that a store has of one refresh. It is valid as long as the transaction.
type stored struct {
	id       refresh.ID
	row      []byte
	journal  [][]byte
	released *Released
}

func fetch(tx *bbolt.Tx, id refresh.ID) stored {
	s := stored{id: id, released: released(tx, id)}
	if s.released == nil {
		s.row, s.journal = tx.Bucket(bOps).Get([]byte(id)), entries(tx, id, 0)
	}
	return s
}

func (s stored) read() (refresh.Refresh, error) {
	switch {
	case s.released != nil:
		return refresh.Refresh{}, errReleased(s.id, *s.released)
	case s.row == nil:
		return refresh.Refresh{}, fmt.Errorf("refresh %q: %w", s.id, engine.ErrNotFound)
	}
	return store.Read(s.id, s.row, s.journal)
}

// unlisted names the refreshes that hold a lock and are not listed as open: they would stand still in silence.
func unlisted(tx *bbolt.Tx) error {
	listed := map[refresh.ID]bool{}
	c := tx.Bucket(bOpen).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		listed[idOf(k)] = true
	}
	var errs []error
	c = tx.Bucket(bLocks).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if id := refresh.ID(v); !listed[id] {
			listed[id] = true
			errs = append(errs, store.Damaged(id, fmt.Errorf("it holds the lock %s and is not listed as open", k)))
		}
	}
	return errors.Join(errs...)
}

// listedOpen is a refresh that the list of open ones has, with the holders of all locks.
type listedOpen struct {
	stored
	locks map[string]string
}

func loadOpen(tx *bbolt.Tx, k []byte) (refresh.Refresh, error) {
	return listedOpen{fetch(tx, idOf(k)), holders(tx)}.read()
}

// holders returns who holds each lock.
func holders(tx *bbolt.Tx) map[string]string {
	all := map[string]string{}
	c := tx.Bucket(bLocks).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		all[string(k)] = string(v)
	}
	return all
}

func (l listedOpen) read() (refresh.Refresh, error) {
	r, err := l.stored.read()
	if errors.Is(err, engine.ErrNotFound) {
		return r, store.Damaged(l.id, errors.New("listed as open, but there is no row"))
	}
	if err != nil {
		return r, err
	}
	if r.Status.Ended() {
		return r, store.Damaged(l.id, errors.New("listed as open, but it has ended"))
	}
	for _, key := range store.LockKeys(r.Target) {
		if holder := l.locks[key]; holder != string(l.id) {
			return r, store.Damaged(l.id, fmt.Errorf("it does not hold the lock %s; %q does", key, holder))
		}
	}
	return r, nil
}

// Recent returns the newest refreshes of a target environment, newest first; see engine.Store. Rows are not
// checked against their journals here. Unreadable ones are left out and named in a joined error.
func (s *Store) Recent(ctx context.Context, target string, limit int) (rs []refresh.Refresh, err error) {
	err = s.view(ctx, "list recent refreshes", func(tx *bbolt.Tx) error {
		var errs []error
		c := tx.Bucket(bRecent).Cursor()
		for k, v := c.Last(); k != nil && len(rs) < limit; k, v = c.Prev() {
			if target != "" && string(v) != target {
				continue
			}
			id := idOf(k)
			if released(tx, id) != nil {
				continue
			}
			r, err := store.ReadRow(id, tx.Bucket(bOps).Get([]byte(id)))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			rs = append(rs, r)
		}
		return errors.Join(errs...)
	})
	return rs, err
}

// Journal returns the entries of a refresh after the one numbered after, each as it was written: one that was
// changed since is an Internal error. ErrNotFound when there is no such refresh.
func (s *Store) Journal(ctx context.Context, id refresh.ID, after int64) (es []refresh.Entry, err error) {
	after = max(0, after)
	err = s.view(ctx, "read the journal of "+string(id), func(tx *bbolt.Tx) (err error) {
		if tx.Bucket(bOps).Get([]byte(id)) == nil {
			return fmt.Errorf("refresh %q: %w", id, engine.ErrNotFound)
		}
		es, err = store.ReadJournal(id, after, entries(tx, id, after))
		return err
	})
	return es, err
}

// update runs one writing transaction. bbolt allows one at a time; fn must not do anything slow. place names it for
// failpoints.
func (s *Store) update(ctx context.Context, place, what string, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	failpoint.Hit(place, "before-commit")
	var declined error
	err := s.db.Update(func(tx *bbolt.Tx) error {
		declined = fn(tx)
		failpoint.Hit(place, "in-tx")
		return declined
	})
	failpoint.Hit(place, "after-commit")
	if err != nil && declined == nil {
		err = &refresh.Error{
			Code: refresh.Internal,
			Msg:  fmt.Sprintf("%s cannot be written at the moment, so nothing was changed. Whoever runs refreshbot has to look at its disk.", s.path),
			Err:  fmt.Errorf("%w: %w", engine.ErrUnwritten, err),
		}
	}
	err = s.explain(what, err)
	if s.wrote != nil && declined == nil {
		s.wrote(err)
	}
	return err
}

// Probe tries to write as much as a large commit does, and takes it away again.
func (s *Store) Probe(ctx context.Context) error {
	const space, key, size = "probe", "probe", 64 << 10
	if err := s.PutRecord(ctx, space, key, make([]byte, size)); err != nil {
		return err
	}
	return s.DeleteRecord(ctx, space, key)
}

// about names a commit by the first step that it is about, or by its first event.
func about(c engine.Commit) string {
	if !failpoint.On {
		return ""
	}
	for _, e := range c.Events {
		if step := refresh.StepOf(e); step != "" {
			return step
		}
	}
	if len(c.Events) == 0 {
		return "input"
	}
	return refresh.EventName(c.Events[0])
}

func (s *Store) view(ctx context.Context, what string, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return s.explain(what, s.db.View(fn))
}

func (s *Store) explain(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case noRoom(err):
		return &refresh.Error{
			Code: refresh.Internal,
			Msg:  fmt.Sprintf("There is no room left for %s, so nothing was changed. Whoever runs refreshbot has to free space on its disk; it goes on where it was.", s.path),
			Err:  fmt.Errorf("%s: %w", what, err),
		}
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}

func seqKey(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

const timeSize = 12

// timeKey sorts by time, then by name: seconds with the sign turned, so that times before 1970 come first,
// and nanoseconds.
func timeKey(t time.Time, name string) []byte {
	k := binary.BigEndian.AppendUint64(nil, uint64(t.Unix())^1<<63)
	k = binary.BigEndian.AppendUint32(k, uint32(t.Nanosecond()))
	return append(k, name...)
}

func idOf(k []byte) refresh.ID { return refresh.ID(k[min(timeSize, len(k)):]) }
