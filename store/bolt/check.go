package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/refresh"
	"refreshbot/store"
)

// Check verifies everything in the store: bbolt's structure, every refresh against its journal (ended ones
// too), and that lists, locks and inbox say the same. All that is wrong comes as one joined error. It takes
// time in proportion to the store, and commits wait for it: a maintenance call.
func (s *Store) Check(ctx context.Context) error {
	const what = "check the store"
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	tx, err := s.db.Begin(true) // bbolt's own check must not run beside a writer
	if err != nil {
		return s.explain(what, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return s.explain(what, check(ctx, tx))
}

func check(ctx context.Context, tx *bbolt.Tx) error {
	errs := []error{checkTx(tx)}
	open, recent, locks := map[string]bool{}, map[string]bool{}, map[string]string{}
	err := tx.Bucket(bOps).ForEach(func(k, _ []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := load(tx, refresh.ID(k))
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		at := string(timeKey(r.RequestedAt, string(r.ID)))
		recent[at] = true
		if r.Status.Ended() {
			return nil
		}
		open[at] = true
		for _, l := range store.LockKeys(r.Target) {
			if locks[l] != "" {
				errs = append(errs, fmt.Errorf("%s and %s are open for one target environment", locks[l], r.ID))
			}
			locks[l] = string(r.ID)
		}
		return nil
	})
	return errors.Join(append(errs, err,
		same(tx, bOpen, len(open), func(k, _ []byte) bool { return open[string(k)] }),
		same(tx, bRecent, len(recent), func(k, _ []byte) bool { return recent[string(k)] }),
		same(tx, bLocks, len(locks), func(k, v []byte) bool { return locks[string(k)] == string(v) }),
		same(tx, bJournal, len(recent), func(k, _ []byte) bool { return tx.Bucket(bOps).Get(k) != nil }),
		checkInbox(tx),
	)...)
}

// same checks that a bucket holds n keys and that each belongs there.
func same(tx *bbolt.Tx, bucket []byte, n int, belongs func(k, v []byte) bool) error {
	var errs []error
	found := 0
	err := tx.Bucket(bucket).ForEach(func(k, v []byte) error {
		found++
		if !belongs(k, v) {
			errs = append(errs, fmt.Errorf("%s: %q does not belong there", bucket, k))
		}
		return nil
	})
	if found < n {
		errs = append(errs, fmt.Errorf("%s: %d of %d are missing", bucket, n-found, n))
	}
	return errors.Join(append(errs, err)...)
}

func checkInbox(tx *bbolt.Tx) error {
	inbox, keys := tx.Bucket(bInbox), 0
	if err := inbox.ForEach(func(_, _ []byte) error { keys++; return nil }); err != nil {
		return err
	}
	return same(tx, bInboxTime, keys, func(k, _ []byte) bool {
		return len(k) > timeSize && bytes.Equal(inbox.Get(k[timeSize:]), k[:timeSize])
	})
}
