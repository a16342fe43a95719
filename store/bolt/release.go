package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// releasedSpace holds a record of each refresh that was released, by its id.
const releasedSpace = "released"

// Released is the record of a refresh that could not be trusted and whose target was given free.
type Released struct {
	At    time.Time `json:"at"`
	Locks []string  `json:"locks"` // what it held: "name:uat", "lcs:…"
	Why   string    `json:"why"`   // what was wrong with it
}

// released returns the record of a refresh that was released, or nil. One that cannot be read counts: the refresh
// stays out of everything.
func released(tx *bbolt.Tx, id refresh.ID) *Released {
	b := tx.Bucket(bRecords).Bucket([]byte(releasedSpace))
	if b == nil {
		return nil
	}
	v := b.Get([]byte(id))
	if v == nil {
		return nil
	}
	r := &Released{}
	data, err := unsealed(releasedSpace, string(id), v)
	if err == nil {
		err = json.Unmarshal(data, r)
	}
	if err != nil {
		r.Why = "the record of its release is damaged"
	}
	return r
}

// Release gives the target of a damaged refresh free: its locks go, and it is left out of every list from now on.
// Row and journal stay as they are, for whoever wants to know, and a record says when it was released and why. Nothing
// is known of what it has done to its target: whoever releases it has to look there first.
//
// It is Refused for a refresh that is sound, which people end on its card, or that was released before, and NotFound
// when nothing in the store speaks of it.
func (s *Store) Release(ctx context.Context, id refresh.ID, at time.Time) (out Released, err error) {
	err = s.update(ctx, releasedSpace, "release "+string(id), func(tx *bbolt.Tx) error {
		if before := released(tx, id); before != nil {
			return refresh.Errorf(refresh.Refused, "%s was released before, at %s.", id, before.At.Format(time.RFC3339))
		}
		var locks, open [][]byte
		locks = keysOf(tx, bLocks, func(_, v []byte) bool { return string(v) == string(id) })
		open = keysOf(tx, bOpen, func(k, _ []byte) bool { return idOf(k) == id })
		wrong, err := wrongWith(tx, id, open)
		if err != nil {
			return err
		}
		out = Released{At: at.UTC(), Why: wrong.Error(), Locks: []string{}}
		for _, k := range locks {
			out.Locks = append(out.Locks, string(k))
		}
		data, err := json.Marshal(out)
		if err != nil {
			return err
		}
		b, err := tx.Bucket(bRecords).CreateBucketIfNotExists([]byte(releasedSpace))
		if err != nil {
			return err
		}
		errs := []error{b.Put([]byte(id), sealed(releasedSpace, string(id), data))}
		for _, k := range locks {
			errs = append(errs, tx.Bucket(bLocks).Delete(k))
		}
		for _, k := range open {
			errs = append(errs, tx.Bucket(bOpen).Delete(k))
		}
		return errors.Join(errs...)
	})
	return out, err
}

// wrongWith returns what is wrong with a refresh; an error when nothing is, or when there is no such refresh.
func wrongWith(tx *bbolt.Tx, id refresh.ID, open [][]byte) (wrong, err error) {
	var r refresh.Refresh
	for _, k := range open {
		if r, wrong = loadOpen(tx, k); wrong != nil {
			return wrong, nil
		}
	}
	if len(open) == 0 {
		if r, wrong = load(tx, id); wrong == nil && !r.Status.Ended() {
			return errors.New("it has not ended and is not listed as open"), nil
		}
	}
	held := keysOf(tx, bLocks, func(_, v []byte) bool { return string(v) == string(id) })
	switch {
	case errors.Is(wrong, engine.ErrNotFound) && len(held) > 0:
		return fmt.Errorf("there is no row of it, but it holds %s", bytes.Join(held, []byte(", "))), nil
	case errors.Is(wrong, engine.ErrNotFound):
		return nil, refresh.Errorf(refresh.NotFound, "There is no refresh %s. refreshbot verify lists them.", id)
	case wrong != nil:
		return wrong, nil
	case r.Status.Ended() && len(held) > 0:
		return fmt.Errorf("it has ended, but holds %s", bytes.Join(held, []byte(", "))), nil
	case r.Status.Ended():
		return nil, refresh.Errorf(refresh.Refused, "%s has ended and holds nothing.", id)
	}
	return nil, refresh.Errorf(refresh.Refused, "%s is sound, so it is not released. End it on its card in Slack.", id)
}

// keysOf returns copies of the keys of a bucket that fit.
func keysOf(tx *bbolt.Tx, bucket []byte, fits func(k, v []byte) bool) [][]byte {
	var keys [][]byte
	c := tx.Bucket(bucket).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if fits(k, v) {
			keys = append(keys, bytes.Clone(k))
		}
	}
	return keys
}

// errReleased is the answer about a refresh that was released.
func errReleased(id refresh.ID, r Released) error {
	held := "nothing"
	if len(r.Locks) > 0 {
		held = strings.Join(r.Locks, ", ")
	}
	return &refresh.Error{
		Code: refresh.Internal,
		Msg:  fmt.Sprintf("%s was damaged and was released on %s. Nothing more is done with it.", id, r.At.Format("2006-01-02 15:04 MST")),
		Err:  fmt.Errorf("it held %s; %s", held, r.Why),
	}
}
