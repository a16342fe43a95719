package store_test

import (
	"bytes"
	"os"
	"testing"

	"refreshbot/jobs/refresh"
	"refreshbot/store"
)

// Whatever bytes stand in a store: a refresh that the journal leads to, or an error, never a panic. And whatever is done
// to the bytes of one that was good, it is noticed or it makes no difference.
func FuzzRead(f *testing.F) {
	row, err := os.ReadFile("testdata/schema1/row.json")
	if err != nil {
		f.Fatal(err)
	}
	lines, err := os.ReadFile("testdata/schema1/journal.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	const id = "uat-20261122-7f3a"
	lines = bytes.TrimSpace(lines)
	good, err := store.Read(id, row, bytes.Split(lines, []byte("\n")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row, lines)
	f.Add([]byte(`{"row":{},"hash":""}`), []byte{})
	f.Add([]byte(`null`), []byte("null\n{}"))
	f.Add(bytes.Replace(row, []byte(`"uat`), []byte(`"prod`), 1), lines)
	f.Add(row, bytes.Replace(lines, []byte(`"U0`), []byte(`"U1`), 1))
	f.Add(row, lines[:bytes.LastIndexByte(lines, '\n')])
	f.Fuzz(func(t *testing.T, row, lines []byte) {
		journal := bytes.Split(lines, []byte("\n"))
		_, _ = store.ReadRow(id, row)
		entries, journalErr := store.ReadJournal(id, 0, journal)
		r, err := store.Read(id, row, journal)
		switch {
		case err != nil && refresh.CodeOf(err) == "":
			t.Fatalf("an error that tells people nothing: %v", err)
		case err != nil:
			return
		case journalErr != nil:
			t.Fatalf("the refresh is good and its journal is not: %v", journalErr)
		case r.ID != id || r.Version != int64(len(entries)):
			t.Fatalf("%s, version %d of %d entries", r.ID, r.Version, len(entries))
		}
		// The sample is the only good journal that anybody has; another one would need a hash that fits.
		if n := len(entries); n == int(good.Version) && entries[n-1].Hash == lastHash(t, id) {
			folded, err := refresh.Replay(entries)
			if err != nil || folded.Status != good.Status || folded.Approved() != good.Approved() || folded.Copy.Operation != good.Copy.Operation {
				t.Fatalf("the same hash, and another refresh: %+v (%v)", folded, err)
			}
		}
	})
}

func lastHash(t *testing.T, id refresh.ID) string {
	t.Helper()
	lines, err := os.ReadFile("testdata/schema1/journal.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := store.ReadJournal(id, 0, bytes.Split(bytes.TrimSpace(lines), []byte("\n")))
	if err != nil {
		t.Fatal(err)
	}
	return entries[len(entries)-1].Hash
}
