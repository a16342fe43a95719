package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store"
	"refreshbot/store/storetest"
)

// Every shape of a row and of a journal that was ever released is kept in testdata and stays readable. A
// sample is written once, with SAMPLE=write, and not again after the release that has its schema.
func TestEveryShapeEverReleasedIsReadable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "schema1")
	if os.Getenv("SAMPLE") == "write" {
		writeSample(t, dir)
	}
	row, err := os.ReadFile(filepath.Join(dir, "row.json"))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	journal := bytes.Split(bytes.TrimSpace(lines), []byte("\n"))
	r, err := store.Read("uat-20261122-7f3a", row, journal)
	if err != nil {
		t.Fatal(err)
	}
	copied, _ := r.Step("copy")
	if r.Version != int64(len(journal)) || !r.Approved() || copied.Status != refresh.Completed || r.Copy.Operation != "op-1" {
		t.Errorf("version %d of %d, approved %v, copy %s as %q", r.Version, len(journal), r.Approved(), copied.Status, r.Copy.Operation)
	}
	// What is read can be carried on.
	events, err := refresh.Decide(r, refresh.Reported{Step: "follow", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded}}, refresh.Now{Time: storetest.Start().Add(time.Hour)})
	if err != nil || len(events) == 0 {
		t.Fatalf("decide: %d events, %v", len(events), err)
	}
	ch, err := store.Advance(row, storetest.Commit(r, events, storetest.Start().Add(time.Hour), ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Read(r.ID, ch.Row, slices.Concat(journal, ch.Entries)); err != nil {
		t.Error(err)
	}
}

func writeSample(t *testing.T, dir string) {
	t.Helper()
	var r refresh.Refresh
	var row []byte
	var journal [][]byte
	at := storetest.Start()
	next := func(in refresh.Input) {
		t.Helper()
		at = at.Add(10 * time.Minute)
		ch, err := store.Advance(row, storetest.Decide(t, r, in, at, ""))
		if err != nil {
			t.Fatal(err)
		}
		r, row, journal = ch.Refresh, ch.Row, append(journal, ch.Entries...)
	}
	ada := refresh.Actor{Person: refresh.Person{ID: "U0ADA", Name: "Ada"}}
	next(storetest.Request("uat-20261122-7f3a", storetest.Environment("uat")))
	next(refresh.Reported{Step: "preflight", Attempt: 1, Outcome: refresh.Outcome{
		Result: refresh.Succeeded, Note: "Everything is in order.", Findings: []refresh.Finding{{OK: true, Name: "same release", Detail: "10.0.43"}},
	}})
	for _, a := range []refresh.Action{refresh.ActionApprove, refresh.ActionPostpone, refresh.ActionStartNow} {
		g := r.OpenGates()[0]
		next(refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: ada, Reason: "as agreed"})
	}
	next(refresh.Reported{Step: "copy", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.NotKnown}})
	next(refresh.Sighted{Step: "copy", Attempt: 1, Candidates: []refresh.Operation{{ID: "op-1", Status: refresh.CopyPreparing}}, Seen: "one refresh, begun at 09:10"})
	next(refresh.Reported{Step: "follow", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Offline: true, Note: "The target is down."}})
	for name, data := range map[string][]byte{"row.json": row, "journal.jsonl": append(bytes.Join(journal, []byte("\n")), '\n')} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadNamesTheRefreshThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	c := storetest.Decide(t, refresh.Refresh{}, storetest.Request("uat-1", storetest.Environment("uat")), storetest.Start(), "")
	ch, err := store.Advance(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() error{
		"no row":          func() error { _, err := store.Read("uat-1", nil, ch.Entries); return err },
		"no journal":      func() error { _, err := store.Read("uat-1", ch.Row, nil); return err },
		"another's":       func() error { _, err := store.Read("uat-2", ch.Row, ch.Entries); return err },
		"another's row":   func() error { _, err := store.ReadRow("uat-2", ch.Row); return err },
		"another journal": func() error { _, err := store.ReadJournal("uat-2", 0, ch.Entries); return err },
		"a gap":           func() error { _, err := store.ReadJournal("uat-1", 1, ch.Entries); return err },
	} {
		if err := read(); refresh.CodeOf(err) != refresh.Internal || refresh.MessageOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The chain goes on from the hash beside the row, across commits.
func TestAdvanceChainsToTheLastEntry(t *testing.T) {
	t.Parallel()
	first := storetest.Decide(t, refresh.Refresh{}, storetest.Request("uat-1", storetest.Environment("uat")), storetest.Start(), "")
	ch, err := store.Advance(nil, first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Advance(ch.Row, storetest.Decide(t, first.Row, storetest.Cancel(), storetest.Start(), ""))
	if err != nil {
		t.Fatal(err)
	}
	var last, next refresh.Entry
	for raw, e := range map[string]*refresh.Entry{string(ch.Entries[len(ch.Entries)-1]): &last, string(second.Entries[0]): &next} {
		if err := json.Unmarshal([]byte(raw), e); err != nil {
			t.Fatal(err)
		}
	}
	if last.Hash == "" || next.Prev != last.Hash {
		t.Errorf("entry %d follows %q, entry %d has %q", next.Seq, next.Prev, last.Seq, last.Hash)
	}
	if _, err := store.Advance(nil, engine.Commit{Row: first.Row, Base: 1, At: storetest.Start()}); err == nil {
		t.Error("a commit on a row that is not there was accepted")
	}
}

func TestLockKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target refresh.Environment
		want   []string
	}{
		{refresh.Environment{Name: "uat", LCS: "{6C1B4A3E-0F5D}"}, []string{"name:uat", "lcs:6c1b4a3e0f5d"}},
		{refresh.Environment{Name: " UAT ", LCS: ""}, []string{"name:uat"}},
	} {
		if got := store.LockKeys(c.target); !cmp.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.target, got, c.want)
		}
	}
}

// An entry that this program cannot read is of another version when its hash fits, and damaged when it does not.
func TestAnEntryOfAnotherVersion(t *testing.T) {
	t.Parallel()
	c := storetest.Decide(t, refresh.Refresh{}, storetest.Request("uat-1", storetest.Environment("uat")), storetest.Start(), "")
	ch, err := store.Advance(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	type entry struct { // as it is stored
		Refresh string          `json:"refresh"`
		Seq     int64           `json:"seq"`
		At      time.Time       `json:"at"`
		Event   string          `json:"event"`
		Data    json.RawMessage `json:"data"`
		Prev    string          `json:"prev"`
		Hash    string          `json:"hash,omitempty"`
	}
	sealed := func(change func(*entry)) []byte {
		var e entry
		if err := json.Unmarshal(ch.Entries[1], &e); err != nil {
			t.Fatal(err)
		}
		change(&e)
		e.Hash = ""
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		e.Hash = hex.EncodeToString(sum[:])
		if data, err = json.Marshal(e); err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, c := range map[string]struct {
		entry   []byte
		version bool
	}{
		"an event of its own": {sealed(func(e *entry) { e.Event = "step_dreamt" }), true},
		"a field of its own":  {sealed(func(e *entry) { e.Data = json.RawMessage(`{"step":"preflight","attempt":1,"dream":true}`) }), true},
		"a damaged name":      {bytes.Replace(ch.Entries[1], []byte("step_started"), []byte("step_strated"), 1), false},
		"a damaged field":     {bytes.Replace(ch.Entries[1], []byte("attempt"), []byte("attempd"), 1), false},
	} {
		_, err := store.ReadJournal("uat-1", 0, [][]byte{ch.Entries[0], c.entry})
		if errors.Is(err, refresh.ErrVersion) != c.version || refresh.CodeOf(err) != refresh.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	row := bytes.Replace(ch.Row, []byte(`"schema":1`), []byte(`"schema":2`), 1)
	if _, err := store.ReadRow("uat-1", row); !errors.Is(err, refresh.ErrVersion) {
		t.Errorf("a row of a later schema: %v", err)
	}
}
