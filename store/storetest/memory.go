package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store"
)

// Memory is the model: the contract in a few maps. It also serves the tests of other packages. Unlike a real
// store it remembers input keys for ever.
type Memory struct {
	mu      sync.Mutex
	rows    map[refresh.ID][]byte
	journal map[refresh.ID][][]byte
	locks   map[string]refresh.ID
	keys    map[string]bool
	records map[string]map[string][]byte
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{
		rows: map[refresh.ID][]byte{}, journal: map[refresh.ID][][]byte{}, locks: map[string]refresh.ID{},
		keys: map[string]bool{}, records: map[string]map[string][]byte{},
	}
}

// Close does nothing.
func (m *Memory) Close() error { return nil }

// Commit is part of engine.Store.
func (m *Memory) Commit(ctx context.Context, c engine.Commit) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys[c.Key] {
		return engine.ErrSeen
	}
	ch, err := store.Advance(m.rows[c.Row.ID], c)
	if err != nil {
		return err
	}
	if c.Key != "" {
		defer func() { m.keys[c.Key] = err == nil }()
	}
	if len(c.Events) == 0 {
		return nil
	}
	for _, k := range store.LockKeys(ch.Refresh.Target) {
		if _, taken := m.locks[k]; taken && c.Base == 0 {
			return engine.ErrBusy
		}
	}
	for _, k := range store.LockKeys(ch.Refresh.Target) {
		m.locks[k] = c.Row.ID
		if ch.Refresh.Status.Ended() {
			delete(m.locks, k)
		}
	}
	m.rows[c.Row.ID] = ch.Row
	m.journal[c.Row.ID] = append(m.journal[c.Row.ID], ch.Entries...)
	return nil
}

// Load is part of engine.Store.
func (m *Memory) Load(ctx context.Context, id refresh.ID) (refresh.Refresh, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows[id] == nil {
		return refresh.Refresh{}, errors.Join(ctx.Err(), engine.ErrNotFound)
	}
	r, err := store.Read(id, m.rows[id], m.journal[id])
	return r, errors.Join(ctx.Err(), err)
}

// Open is part of engine.Store.
func (m *Memory) Open(ctx context.Context) ([]refresh.Refresh, error) {
	return m.list(ctx, func(r refresh.Refresh) bool { return !r.Status.Ended() })
}

// Recent is part of engine.Store.
func (m *Memory) Recent(ctx context.Context, target string, limit int) ([]refresh.Refresh, error) {
	rs, err := m.list(ctx, func(r refresh.Refresh) bool { return target == "" || r.Target.Name == target })
	slices.Reverse(rs)
	return rs[:max(0, min(limit, len(rs)))], err
}

// list returns the refreshes that match, oldest first.
func (m *Memory) list(ctx context.Context, match func(refresh.Refresh) bool) ([]refresh.Refresh, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rs []refresh.Refresh
	var errs error
	for id, row := range m.rows {
		r, err := store.ReadRow(id, row)
		if errs = errors.Join(errs, err); err == nil && match(r) {
			rs = append(rs, r)
		}
	}
	slices.SortFunc(rs, func(a, b refresh.Refresh) int {
		return cmp.Or(a.RequestedAt.Compare(b.RequestedAt), cmp.Compare(a.ID, b.ID))
	})
	return rs, errors.Join(ctx.Err(), errs)
}

// Seen is part of engine.Store.
func (m *Memory) Seen(ctx context.Context, key string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[key], ctx.Err()
}

// Journal is part of engine.Store.
func (m *Memory) Journal(ctx context.Context, id refresh.ID, after int64) ([]refresh.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, ok := m.journal[id]
	if !ok {
		return nil, errors.Join(ctx.Err(), engine.ErrNotFound)
	}
	after = max(0, after)
	entries, err := store.ReadJournal(id, after, all[min(after, int64(len(all))):])
	return entries, errors.Join(ctx.Err(), err)
}

// Record returns one record and whether there is one.
func (m *Memory) Record(ctx context.Context, space, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.records[space][key]
	return bytes.Clone(v), ok, ctx.Err()
}

// PutRecord writes one record.
func (m *Memory) PutRecord(ctx context.Context, space, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := cmp.Or(ctx.Err(), store.CheckRecord(space, key)); err != nil {
		return err
	}
	if m.records[space] == nil {
		m.records[space] = map[string][]byte{}
	}
	m.records[space][key] = append([]byte{}, value...)
	return nil
}

// DeleteRecord removes one record, if there is one.
func (m *Memory) DeleteRecord(ctx context.Context, space, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() == nil {
		delete(m.records[space], key)
	}
	return ctx.Err()
}

// Records returns copies of all records of a space.
func (m *Memory) Records(ctx context.Context, space string) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string][]byte{}
	for k, v := range m.records[space] {
		all[k] = bytes.Clone(v)
	}
	return all, ctx.Err()
}
