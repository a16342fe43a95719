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

// Finding is what became of checking one refresh.
type Finding struct {
	ID       refresh.ID
	Refresh  refresh.Refresh // when Err is nil
	Released *Released       // it was damaged and somebody has given its target free; not an error any more
	Err      error           // why it cannot be trusted
}

// Foreign says that the refresh is whole as far as can be told here, and that another version has to check it.
func (f Finding) Foreign() bool { return errors.Is(f.Err, refresh.ErrVersion) }

// Report is what became of checking a whole store.
type Report struct {
	Info     Info
	Size     int64     // of the file, in bytes
	Findings []Finding // one for each refresh, in the order of their ids
	Err      error     // what is wrong with the file itself, its lists, locks, inbox and records; joined
}

// Sound returns nil, or all that is wrong in one joined error. A refresh of another version is nothing wrong.
func (r Report) Sound() error {
	errs := []error{r.Err}
	for _, f := range r.Findings {
		if !f.Foreign() {
			errs = append(errs, f.Err)
		}
	}
	return errors.Join(errs...)
}

// Open returns the refreshes that have not ended and can be trusted.
func (r Report) Open() []refresh.Refresh {
	var open []refresh.Refresh
	for _, f := range r.Findings {
		if f.Err == nil && f.Released == nil && !f.Refresh.Status.Ended() {
			open = append(open, f.Refresh)
		}
	}
	return open
}

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
	report, err := check(ctx, tx)
	if err == nil {
		err = report.Sound()
	}
	return s.explain(what, err)
}

// check looks at everything. The error is only ever that of ctx.
func check(ctx context.Context, tx *bbolt.Tx) (Report, error) {
	report := Report{Info: readInfo(tx), Size: tx.Size()}
	errs := []error{checkTx(tx)}
	open, recent, locks := map[string]bool{}, map[string]bool{}, map[string]string{}
	bad := map[string]bool{} // damaged, and not released: what is said of them elsewhere cannot be compared
	err := tx.Bucket(bOps).ForEach(func(k, _ []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := Finding{ID: refresh.ID(k)}
		if f.Released = released(tx, f.ID); f.Released != nil {
			report.Findings = append(report.Findings, f)
			return nil
		}
		f.Refresh, f.Err = load(tx, f.ID)
		report.Findings = append(report.Findings, f)
		if f.Err != nil {
			bad[string(f.ID)] = true
			return nil
		}
		at := string(timeKey(f.Refresh.RequestedAt, string(f.ID)))
		recent[at] = true
		if f.Refresh.Status.Ended() {
			return nil
		}
		open[at] = true
		for _, l := range store.LockKeys(f.Refresh.Target) {
			if locks[l] != "" {
				errs = append(errs, fmt.Errorf("%s and %s are open for one target environment", locks[l], f.ID))
			}
			locks[l] = string(f.ID)
		}
		return nil
	})
	if err != nil {
		return report, err
	}
	ended := func(id refresh.ID) bool { return bad[string(id)] || released(tx, id) != nil }
	report.Err = errors.Join(append(errs,
		same(tx, bOpen, len(open), func(k, _ []byte) (belongs, counts bool) {
			return open[string(k)] || bad[string(idOf(k))], !bad[string(idOf(k))]
		}),
		same(tx, bRecent, len(recent), func(k, _ []byte) (belongs, counts bool) {
			return recent[string(k)] || ended(idOf(k)), !ended(idOf(k))
		}),
		same(tx, bLocks, len(locks), func(k, v []byte) (belongs, counts bool) {
			return locks[string(k)] == string(v) || bad[string(v)], !bad[string(v)]
		}),
		same(tx, bJournal, len(recent), func(k, _ []byte) (belongs, counts bool) {
			return tx.Bucket(bOps).Get(k) != nil || ended(refresh.ID(k)), !ended(refresh.ID(k))
		}),
		checkInbox(tx),
		checkRecords(tx),
	)...)
	return report, nil
}

// same checks that each key of a bucket belongs there, and that n of those that count are there.
func same(tx *bbolt.Tx, bucket []byte, n int, is func(k, v []byte) (belongs, counts bool)) error {
	var errs []error
	found := 0
	err := tx.Bucket(bucket).ForEach(func(k, v []byte) error {
		belongs, counts := is(k, v)
		if counts {
			found++
		}
		if !belongs {
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
	return same(tx, bInboxTime, keys, func(k, _ []byte) (belongs, counts bool) {
		return len(k) > timeSize && bytes.Equal(inbox.Get(k[timeSize:]), k[:timeSize]), true
	})
}

func checkRecords(tx *bbolt.Tx) error {
	var errs []error
	all := tx.Bucket(bRecords)
	err := all.ForEachBucket(func(space []byte) error {
		return all.Bucket(space).ForEach(func(k, v []byte) error {
			_, err := unsealed(string(space), string(k), v)
			errs = append(errs, err)
			return nil
		})
	})
	return errors.Join(append(errs, err)...)
}
