package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// Backend is a store with its records: small named values of other parts, such as how far a thread was posted
// or when a schedule is due.
type Backend interface {
	engine.Store
	io.Closer
	Record(ctx context.Context, space, key string) (value []byte, ok bool, err error)
	PutRecord(ctx context.Context, space, key string, value []byte) error
	DeleteRecord(ctx context.Context, space, key string) error
	Records(ctx context.Context, space string) (map[string][]byte, error)
}

// Run holds a backend to the contract. open returns an empty one, and may be called many times; the suite
// closes what it opens.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Backend)
	}{
		{"a new refresh is there with its journal", testNew},
		{"a refresh that was never asked for is not found", testNotFound},
		{"a commit on an older version is declined and writes nothing", testStale},
		{"a target is refreshed by one refresh at a time", testBusy},
		{"two names of one LCS environment are one target", testBusyByID},
		{"the end frees the target", testFreed},
		{"an input is committed once", testSeen},
		{"an input that changes nothing is remembered", testNoEvents},
		{"events must lead to the row", testMismatch},
		{"an incomplete commit is refused", testIncomplete},
		{"open refreshes come oldest first, recent ones newest first", testOrder},
		{"the journal is read from any point", testJournalAfter},
		{"text that is not UTF-8 does not break the journal", testUTF8},
		{"of concurrent commits one wins", testConcurrent},
		{"of concurrent requests for a target one wins", testConcurrentRequests},
		{"records are kept apart by space and returned as copies", testRecords},
		{"nothing happens after the context has ended", testContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			t.Cleanup(func() { noError(t, b.Close()) })
			c.test(t, b)
		})
	}
	t.Run("random commits leave what the model has", func(t *testing.T) {
		t.Parallel()
		testModel(t, open)
	})
}

func testNew(t *testing.T, b Backend) {
	c := begin(t, b, "uat-1", "uat")
	same(t, load(t, b, "uat-1"), c.Row)
	entries, err := b.Journal(t.Context(), "uat-1", 0)
	noError(t, err)
	if len(entries) != len(c.Events) || entries[0].Prev != "" {
		t.Fatalf("journal has %d entries after %d events, the first after %q", len(entries), len(c.Events), entries[0].Prev)
	}
	folded, err := refresh.Fold(entries)
	noError(t, err)
	same(t, folded, c.Row)
}

func testNotFound(t *testing.T, b Backend) {
	_, err := b.Load(t.Context(), "uat-1")
	is(t, err, engine.ErrNotFound)
	_, err = b.Journal(t.Context(), "uat-1", 0)
	is(t, err, engine.ErrNotFound)
}

func testStale(t *testing.T, b Backend) {
	first := begin(t, b, "uat-1", "uat")
	is(t, b.Commit(t.Context(), first), engine.ErrStale)
	cancel := Decide(t, first.Row, Cancel(), Start(), "click")
	ahead := cancel
	ahead.Base++
	is(t, b.Commit(t.Context(), ahead), engine.ErrStale)
	commit(t, b, cancel)
	cancel.Key = "click 2"
	is(t, b.Commit(t.Context(), cancel), engine.ErrStale)
	seen(t, b, "click 2", false)
	same(t, load(t, b, "uat-1"), cancel.Row)

	unknown := Decide(t, first.Row, Cancel(), Start(), "")
	unknown.Row.ID = "uat-unknown"
	is(t, b.Commit(t.Context(), unknown), engine.ErrStale)
}

func testBusy(t *testing.T, b Backend) {
	begin(t, b, "uat-1", "uat")
	second := Decide(t, refresh.Refresh{}, Request("uat-2", Environment("uat")), Start(), "slash 2")
	is(t, b.Commit(t.Context(), second), engine.ErrBusy)
	seen(t, b, "slash 2", false)
	_, err := b.Load(t.Context(), "uat-2")
	is(t, err, engine.ErrNotFound)
	begin(t, b, "dev-1", "dev")
}

func testBusyByID(t *testing.T, b Backend) {
	target := refresh.Environment{Name: "uat", LCS: "6C1B4A3E-0F5D-4D7E-9A51-9D1C9A3B7F10"}
	commit(t, b, Decide(t, refresh.Refresh{}, Request("uat-1", target), Start(), ""))
	target = refresh.Environment{Name: "acceptance", LCS: "{6c1b4a3e0f5d4d7e9a519d1c9a3b7f10}"}
	is(t, b.Commit(t.Context(), Decide(t, refresh.Refresh{}, Request("acc-1", target), Start(), "")), engine.ErrBusy)
	target = refresh.Environment{Name: " UAT", LCS: "another"}
	is(t, b.Commit(t.Context(), Decide(t, refresh.Refresh{}, Request("uat-2", target), Start(), "")), engine.ErrBusy)
}

func testFreed(t *testing.T, b Backend) {
	first := begin(t, b, "uat-1", "uat")
	commit(t, b, Decide(t, first.Row, Cancel(), Start(), ""))
	if rs := open(t, b); len(rs) != 0 {
		t.Fatalf("%d refreshes are open after the end", len(rs))
	}
	begin(t, b, "uat-2", "uat")
	third := Decide(t, refresh.Refresh{}, Request("uat-3", Environment("uat")), Start(), "")
	is(t, b.Commit(t.Context(), third), engine.ErrBusy)
}

func testSeen(t *testing.T, b Backend) {
	seen(t, b, "slash 1", false)
	c := Decide(t, refresh.Refresh{}, Request("uat-1", Environment("uat")), Start(), "slash 1")
	commit(t, b, c)
	seen(t, b, "slash 1", true)
	is(t, b.Commit(t.Context(), c), engine.ErrSeen)
	is(t, b.Commit(t.Context(), Decide(t, refresh.Refresh{}, Request("dev-1", Environment("dev")), Start(), "slash 1")), engine.ErrSeen)
	if rs := open(t, b); len(rs) != 1 {
		t.Fatalf("%d refreshes are open, want the first alone", len(rs))
	}
}

func testNoEvents(t *testing.T, b Backend) {
	first := begin(t, b, "uat-1", "uat")
	end := Decide(t, first.Row, Cancel(), Start(), "")
	commit(t, b, end)
	begin(t, b, "uat-2", "uat")
	// The outcome of an effect of the ended refresh arrives late: it must not touch the lock of the next one.
	late := Decide(t, end.Row, refresh.Tick{}, Start(), "late")
	commit(t, b, late)
	seen(t, b, "late", true)
	is(t, b.Commit(t.Context(), Decide(t, refresh.Refresh{}, Request("uat-3", Environment("uat")), Start(), "")), engine.ErrBusy)
	same(t, load(t, b, "uat-1"), end.Row)
	if rs := open(t, b); len(rs) != 1 || rs[0].ID != "uat-2" {
		t.Fatalf("open: %v", ids(rs))
	}
}

func testMismatch(t *testing.T, b Backend) {
	c := Decide(t, refresh.Refresh{}, Request("uat-1", Environment("uat")), Start(), "slash 1")
	for name, spoil := range map[string]func(*engine.Commit){
		"a field differs":   func(c *engine.Commit) { c.Row.Channel = "C0OTHER" },
		"an event too few":  func(c *engine.Commit) { c.Events = c.Events[:1] },
		"a version too far": func(c *engine.Commit) { c.Row.Version++ },
		"another id":        func(c *engine.Commit) { c.Row.ID = "uat-2" },
		"another time":      func(c *engine.Commit) { c.At = c.At.Add(time.Second) },
	} {
		spoilt := c
		spoil(&spoilt)
		internal(t, name, b.Commit(t.Context(), spoilt))
	}
	seen(t, b, "slash 1", false)
	commit(t, b, c)
}

func testIncomplete(t *testing.T, b Backend) {
	c := Decide(t, refresh.Refresh{}, Request("uat-1", Environment("uat")), Start(), "")
	noTime, noID := c, c
	noTime.At, noID.Row.ID = time.Time{}, ""
	internal(t, "no time", b.Commit(t.Context(), noTime))
	internal(t, "no id", b.Commit(t.Context(), noID))
	internal(t, "no event", b.Commit(t.Context(), engine.Commit{Row: refresh.Refresh{ID: "uat-1"}, At: Start()}))
}

func testOrder(t *testing.T, b Backend) {
	for i, r := range []struct {
		id    refresh.ID
		hours int
		end   bool
	}{{"uat-b", 3, true}, {"uat-a", 1, true}, {"uat-c", 2, true}, {"uat-z", 2, true}, {"uat-y", 4, false}} {
		c := Decide(t, refresh.Refresh{}, Request(r.id, Environment("uat")), Start().Add(time.Duration(r.hours)*time.Hour), fmt.Sprint(i))
		commit(t, b, c)
		if r.end {
			commit(t, b, Decide(t, c.Row, Cancel(), c.At, ""))
		}
	}
	commit(t, b, Decide(t, refresh.Refresh{}, Request("dev-1", Environment("dev")), Start(), ""))
	commit(t, b, Decide(t, refresh.Refresh{}, Request("old-1", Environment("old")), time.Unix(-1, 5), "")) // before 1970

	if got, want := ids(open(t, b)), []refresh.ID{"old-1", "dev-1", "uat-y"}; !cmp.Equal(got, want) {
		t.Errorf("open: %v, want %v", got, want)
	}
	for _, c := range []struct {
		target string
		limit  int
		want   []refresh.ID
	}{
		{"uat", 10, []refresh.ID{"uat-y", "uat-b", "uat-z", "uat-c", "uat-a"}},
		{"uat", 2, []refresh.ID{"uat-y", "uat-b"}},
		{"", 10, []refresh.ID{"uat-y", "uat-b", "uat-z", "uat-c", "uat-a", "dev-1", "old-1"}},
		{"ua", 10, nil}, {"", 0, nil}, {"", -1, nil},
	} {
		rs, err := b.Recent(t.Context(), c.target, c.limit)
		noError(t, err)
		if got := ids(rs); !cmp.Equal(got, c.want) {
			t.Errorf("recent %q, %d: %v, want %v", c.target, c.limit, got, c.want)
		}
	}
}

func testJournalAfter(t *testing.T, b Backend) {
	c := begin(t, b, "uat-1", "uat")
	end := Decide(t, c.Row, Cancel(), Start().Add(time.Minute), "")
	commit(t, b, end)
	all, err := b.Journal(t.Context(), "uat-1", 0)
	noError(t, err)
	for after := int64(-1); after <= end.Row.Version+1; after++ {
		entries, err := b.Journal(t.Context(), "uat-1", after)
		noError(t, err)
		want := all[min(max(0, after), int64(len(all))):]
		if len(entries) != len(want) || len(want) > 0 && !cmp.Equal(entries, want) {
			t.Errorf("after %d: %d entries, want %d", after, len(entries), len(want))
		}
	}
	if last := all[len(all)-1]; last.Seq != end.Row.Version || !last.At.Equal(end.At) {
		t.Errorf("the last entry is %d of %v, want %d of %v", last.Seq, last.At, end.Row.Version, end.At)
	}
}

func testUTF8(t *testing.T, b Backend) {
	req := Request("uat-1", Environment("uat"))
	req.Reason = "M\xe5nedsslut <b> \u2028 \ufffd" // one letter in Latin-1, as an old system writes it
	c := Decide(t, refresh.Refresh{}, req, Start(), "")
	commit(t, b, c)
	// The engine goes on with the row it has in memory.
	end := Decide(t, c.Row, Cancel(), Start(), "")
	commit(t, b, end)
	r := load(t, b, "uat-1")
	if want := "M\ufffdnedsslut <b> \u2028 \ufffd"; r.Reason != want || r.Status != refresh.Cancelled {
		t.Errorf("reason %q, status %s; want %q, %s", r.Reason, r.Status, want, refresh.Cancelled)
	}
}

func testConcurrent(t *testing.T, b Backend) {
	first := begin(t, b, "uat-1", "uat")
	won := race(t, b, engine.ErrStale, func(i int) engine.Commit {
		cancel := Cancel()
		cancel.Reason = fmt.Sprint("by committer ", i)
		return Decide(t, first.Row, cancel, Start(), fmt.Sprint("click ", i))
	})
	same(t, load(t, b, "uat-1"), won.Row)
}

func testConcurrentRequests(t *testing.T, b Backend) {
	won := race(t, b, engine.ErrBusy, func(i int) engine.Commit {
		return Decide(t, refresh.Refresh{}, Request(refresh.ID(fmt.Sprint("uat-", i)), Environment("uat")), Start(), fmt.Sprint("slash ", i))
	})
	rs := open(t, b)
	if len(rs) != 1 {
		t.Fatalf("%d refreshes are open", len(rs))
	}
	same(t, rs[0], won.Row)
	same(t, load(t, b, won.Row.ID), won.Row)
}

// race commits eight at once and returns the one that went through; the others must be declined with want and
// leave no key.
func race(t *testing.T, b Backend, want error, make func(i int) engine.Commit) engine.Commit {
	t.Helper()
	commits, errs := []engine.Commit{}, [8]error{}
	for i := range errs {
		commits = append(commits, make(i))
	}
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = b.Commit(t.Context(), commits[i]) })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		seen(t, b, commits[i].Key, err == nil)
		if err != nil {
			is(t, err, want)
			continue
		}
		if winner >= 0 {
			t.Fatalf("committers %d and %d both won", winner, i)
		}
		winner = i
	}
	if winner < 0 {
		t.Fatalf("nobody won: %v", errs)
	}
	return commits[winner]
}

func testRecords(t *testing.T, b Backend) {
	ctx := t.Context()
	_, ok, err := b.Record(ctx, "posts", "uat-1")
	noError(t, err)
	all, err := b.Records(ctx, "posts")
	noError(t, err)
	if ok || all == nil || len(all) != 0 {
		t.Fatalf("a new store has records: %v, %v", ok, all)
	}
	noError(t, b.DeleteRecord(ctx, "posts", "uat-1"))
	value := []byte("1")
	noError(t, b.PutRecord(ctx, "posts", "uat-1", value))
	value[0] = 'x'
	noError(t, b.PutRecord(ctx, "posts", "uat-2", nil))
	noError(t, b.PutRecord(ctx, "due", "uat-1", []byte("2")))
	noError(t, b.PutRecord(ctx, "due", "uat-1", []byte("3")))

	got, ok, err := b.Record(ctx, "posts", "uat-1")
	noError(t, err)
	if !ok || !bytes.Equal(got, []byte("1")) {
		t.Errorf("posts/uat-1: %q, %v", got, ok)
	}
	got[0] = 'y' // a copy is ours to change
	all, err = b.Records(ctx, "posts")
	noError(t, err)
	if len(all) != 2 || string(all["uat-1"]) != "1" || len(all["uat-2"]) != 0 {
		t.Errorf("posts: %q", all)
	}
	if _, ok, err := b.Record(ctx, "posts", "uat-2"); !ok || err != nil {
		t.Errorf("an empty record is there all the same: %v, %v", ok, err)
	}
	noError(t, b.DeleteRecord(ctx, "posts", "uat-1"))
	if _, ok, err := b.Record(ctx, "posts", "uat-1"); ok || err != nil {
		t.Errorf("deleted: %v, %v", ok, err)
	}
	if got, _, _ := b.Record(ctx, "due", "uat-1"); string(got) != "3" {
		t.Errorf("due/uat-1: %q", got)
	}
	internal(t, "no space", b.PutRecord(ctx, "", "key", nil))
	internal(t, "no key", b.PutRecord(ctx, "space", "", nil))
}

func testContext(t *testing.T, b Backend) {
	begin(t, b, "uat-1", "uat")
	c := Decide(t, refresh.Refresh{}, Request("dev-1", Environment("dev")), Start(), "slash")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	is(t, b.Commit(ctx, c), context.Canceled)
	is(t, b.PutRecord(ctx, "posts", "x", nil), context.Canceled)
	_, err := b.Load(ctx, "uat-1")
	is(t, err, context.Canceled)
	_, err = b.Open(ctx)
	is(t, err, context.Canceled)
	_, err = b.Recent(ctx, "", 1)
	is(t, err, context.Canceled)
	_, err = b.Journal(ctx, "uat-1", 0)
	is(t, err, context.Canceled)
	_, err = b.Seen(ctx, "slash")
	is(t, err, context.Canceled)
	seen(t, b, "slash", false)
	if _, ok, _ := b.Record(t.Context(), "posts", "x"); ok {
		t.Error("a record was written")
	}
}

func begin(t *testing.T, b Backend, id refresh.ID, target string) engine.Commit {
	t.Helper()
	c := Decide(t, refresh.Refresh{}, Request(id, Environment(target)), Start(), "")
	commit(t, b, c)
	return c
}

func commit(t *testing.T, b Backend, c engine.Commit) {
	t.Helper()
	noError(t, b.Commit(t.Context(), c))
}

func load(t *testing.T, b Backend, id refresh.ID) refresh.Refresh {
	t.Helper()
	r, err := b.Load(t.Context(), id)
	noError(t, err)
	return r
}

func open(t *testing.T, b Backend) []refresh.Refresh {
	t.Helper()
	rs, err := b.Open(t.Context())
	noError(t, err)
	return rs
}

func seen(t *testing.T, b Backend, key string, want bool) {
	t.Helper()
	got, err := b.Seen(t.Context(), key)
	noError(t, err)
	if got != want {
		t.Errorf("seen %q: %v, want %v", key, got, want)
	}
}

func ids(rs []refresh.Refresh) []refresh.ID {
	var all []refresh.ID
	for _, r := range rs {
		all = append(all, r.ID)
	}
	return all
}

func same(t *testing.T, got, want refresh.Refresh) {
	t.Helper()
	if d := cmp.Diff(asJSON(t, want), asJSON(t, got)); d != "" {
		t.Errorf("the refresh differs (-want +got):\n%s", d)
	}
}

// failer is what the helpers need of a *testing.T or of a *rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func asJSON(t failer, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	noError(t, err)
	return string(data)
}

func is(t failer, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func internal(t failer, name string, err error) {
	t.Helper()
	if refresh.CodeOf(err) != refresh.Internal || errors.Is(err, engine.ErrStale) || errors.Is(err, engine.ErrBusy) || errors.Is(err, engine.ErrSeen) {
		t.Errorf("%s: error %v, want an internal one", name, err)
	}
}

func noError(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}
