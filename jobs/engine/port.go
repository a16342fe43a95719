package engine

import (
	"context"
	"errors"
	"time"

	"refreshbot/jobs/refresh"
)

// The ways in which Store.Commit can decline. Nothing was written then, but for what stands at ErrUnwritten.
var (
	// ErrStale: the row has moved on since it was loaded.
	ErrStale = errors.New("the refresh was changed by somebody else")
	// ErrBusy: another refresh of the same target environment has not ended.
	ErrBusy = errors.New("the target environment is being refreshed already")
	// ErrSeen: an input with this key was committed before.
	ErrSeen = errors.New("this input was handled already")
	// ErrUnwritten: the disk did not take it, as when it is full. The same commit may work later. A disk that
	// fails to say that it has, may have taken it: Load tells.
	ErrUnwritten = errors.New("the store cannot be written at the moment")
	// ErrNotFound: there is no such refresh.
	ErrNotFound = errors.New("not found")
)

// Commit is one transition: the row as it will stand and the journal entries that lead to it. It is written
// whole or not at all.
type Commit struct {
	Row    refresh.Refresh
	Base   int64           // version of the row that the events were decided on; 0 for a new refresh
	Events []refresh.Event // Row.Version - Base of them
	At     time.Time
	Key    string // names the input that caused it, e.g. a Socket Mode envelope; empty: none
}

// Store keeps rows and journals. Its contract is the suite in store/storetest.
type Store interface {
	// Load returns a refresh as it stands. ErrNotFound when there is none.
	Load(ctx context.Context, id refresh.ID) (refresh.Refresh, error)
	// Open returns every refresh that has not ended, oldest first. With an error it still returns those that
	// can be read: one damaged refresh holds up no other.
	Open(ctx context.Context) ([]refresh.Refresh, error)
	// Recent returns the newest refreshes of a target environment ("" for all), newest first, at most limit.
	Recent(ctx context.Context, target string, limit int) ([]refresh.Refresh, error)
	// Commit seals and appends the events and replaces the row in one transaction, which also takes the
	// target's lock with the first event, frees it with the last, and remembers Key.
	// Declines with ErrStale, ErrBusy or ErrSeen, and with ErrUnwritten when the disk does. Keys are remembered for a week at least. Without events it only
	// compares the version and remembers Key.
	Commit(ctx context.Context, c Commit) error
	// Seen reports whether an input with the key was committed.
	Seen(ctx context.Context, key string) (bool, error)
	// Journal returns the entries of a refresh after the one numbered after. ErrNotFound when there is none.
	Journal(ctx context.Context, id refresh.ID, after int64) ([]refresh.Entry, error)
}

// Batcher is a Store that can write commits of several refreshes in one transaction: all of them, or none. Taking up a
// thousand refreshes after a restart then waits for the disk a few times and not a thousand.
type Batcher interface {
	// CommitAll declines as Commit does, for the first that it declines. No two commits are of one refresh.
	CommitAll(ctx context.Context, cs []Commit) error
}
