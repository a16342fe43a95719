// Package bolttest opens bbolt stores for tests, and checks after each test that the store is sound.
package bolttest

import (
	"context"
	"path/filepath"
	"testing"

	"refreshbot/store/bolt"
)

// Open opens an empty store in a directory of the test's own.
func Open(t testing.TB) *bolt.Store {
	t.Helper()
	return OpenAt(t, filepath.Join(t.TempDir(), "refreshbot.db"))
}

// OpenAt opens the store at path, to be opened again after a crash for example. When the test ends the store
// is closed, if the test has not done so, opened once more, and everything in it is verified.
func OpenAt(t testing.TB, path string) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(t.Context(), path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		Check(t, path)
	})
	return s
}

// Check verifies everything in the closed store at path.
func Check(t testing.TB, path string) {
	t.Helper()
	ctx := context.Background() // the test's own has ended during its cleanup
	s, err := bolt.Open(ctx, path, bolt.Options{})
	if err != nil {
		t.Errorf("open the store once more: %v", err)
		return
	}
	if err := s.Check(ctx); err != nil {
		t.Errorf("the store is not sound: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
