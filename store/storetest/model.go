package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// testModel commits what Decide makes of random inputs, along with repeats, late commits and requests for
// taken targets, to a backend and to the model. Both must answer alike and hold the same afterwards.
func testModel(t *testing.T, open func(t *testing.T) Backend) {
	rapid.Check(t, func(rt *rapid.T) {
		b, m := open(t), NewMemory()
		defer func() { noError(rt, b.Close()) }()
		w := &walk{rt: rt, now: Start(), rows: map[refresh.ID]refresh.Refresh{}}
		for range rapid.IntRange(1, 20).Draw(rt, "commits") {
			c, ok := w.next()
			if !ok {
				continue
			}
			got, want := b.Commit(t.Context(), c), m.Commit(t.Context(), c)
			if answer(got) != answer(want) {
				rt.Fatalf("commit of %s at %d, key %q: %v, want %v", c.Row.ID, c.Base, c.Key, got, want)
			}
			if want == nil {
				w.committed(c)
			}
		}
		compare(rt, t, b, m, w)
	})
}

func answer(err error) string {
	for _, known := range []error{engine.ErrStale, engine.ErrBusy, engine.ErrSeen} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return "another error"
	}
	return ""
}

// keys is how many input keys there are to draw from: more than commits, few enough to meet again.
const keys = 40

// walk draws commits and remembers what came of them.
type walk struct {
	rt   *rapid.T
	now  time.Time
	rows map[refresh.ID]refresh.Refresh
	ids  []refresh.ID
	past []engine.Commit
}

func (w *walk) committed(c engine.Commit) {
	if _, known := w.rows[c.Row.ID]; !known {
		w.ids = append(w.ids, c.Row.ID)
	}
	w.rows[c.Row.ID] = c.Row
	w.past = append(w.past, c)
}

func (w *walk) next() (engine.Commit, bool) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 120).Draw(w.rt, "minutes")) * time.Minute)
	key := ""
	if n := rapid.IntRange(0, keys).Draw(w.rt, "key"); n > 0 {
		key = fmt.Sprint("envelope ", n)
	}
	switch what := rapid.IntRange(0, 9).Draw(w.rt, "what"); {
	case what == 0 && len(w.past) > 0: // once more, perhaps under another key
		c := rapid.SampledFrom(w.past).Draw(w.rt, "past")
		c.Key = key
		return c, true
	case what <= 2 || len(w.ids) == 0:
		c, err := decide(refresh.Refresh{}, w.request(), w.now, key)
		return c, err == nil
	default:
		r := w.rows[rapid.SampledFrom(w.ids).Draw(w.rt, "refresh")]
		c, err := decide(r, w.input(r), w.now, key)
		return c, err == nil
	}
}

func (w *walk) request() refresh.Request {
	target := Environment(rapid.SampledFrom([]string{"uat", "dev", "test"}).Draw(w.rt, "target"))
	if rapid.IntRange(0, 4).Draw(w.rt, "alias") == 0 {
		target.Name = "another name of " + target.Name
	}
	req := Request(refresh.ID(fmt.Sprint("refresh-", len(w.past))), target)
	req.Reason = rapid.String().Draw(w.rt, "reason")
	keep := rapid.SliceOfN(rapid.Bool(), len(req.Plan), len(req.Plan)).Draw(w.rt, "keep")
	for i := len(req.Plan) - 1; i >= 0; i-- {
		if optional := req.Plan[i].Kind != refresh.KindApproval; optional && !keep[i] {
			req.Plan = slices.Delete(req.Plan, i, i+1)
		}
	}
	return req
}

func (w *walk) input(r refresh.Refresh) refresh.Input {
	ada := refresh.Actor{Person: refresh.Person{ID: "U0ADA", Name: "Ada"}, Admin: true}
	var in []refresh.Input
	for _, g := range r.OpenGates() {
		for _, a := range g.Actions {
			in = append(in, refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: ada, Reason: "as agreed"})
		}
	}
	for _, s := range r.Steps {
		switch s.Status {
		case refresh.Performing:
			for _, result := range []refresh.Result{refresh.Succeeded, refresh.Succeeded, refresh.Continues, refresh.Failure, refresh.NotKnown} {
				o := refresh.Outcome{Result: result, Note: rapid.String().Draw(w.rt, "note"), Offline: s.Kind == refresh.KindFollow}
				if result == refresh.Failure {
					o.Problem = &refresh.Problem{Code: refresh.Offline, Message: string(rapid.SliceOf(rapid.Byte()).Draw(w.rt, "message"))}
				}
				if s.Kind == refresh.KindCopy && result == refresh.Succeeded {
					o.Operation = "op-" + string(r.ID)
				}
				in = append(in, refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: o})
			}
		case refresh.Settling:
			found := []refresh.Operation{{ID: "op-found", Status: refresh.CopyInProgress}}
			in = append(in, refresh.Sighted{Step: s.ID, Attempt: s.Attempt, Seen: "nothing"}, refresh.Sighted{Step: s.ID, Attempt: s.Attempt, Candidates: found, Seen: "one"})
		}
	}
	if in == nil || rapid.IntRange(0, 7).Draw(w.rt, "other") == 0 {
		in = []refresh.Input{refresh.Tick{}, refresh.Recovered{}, Cancel()}
	}
	return rapid.SampledFrom(in).Draw(w.rt, "input")
}

func compare(rt *rapid.T, t *testing.T, b Backend, m *Memory, w *walk) {
	ctx := t.Context()
	equal := func(what string, got, want any, gotErr, wantErr error) {
		if gotErr != nil || wantErr != nil {
			rt.Fatalf("%s: error %v, the model's %v", what, gotErr, wantErr)
		}
		w, g := asJSON(rt, want), asJSON(rt, got)
		if w != g {
			rt.Fatalf("%s (-model +store):\n%s", what, cmp.Diff(w, g))
		}
	}
	got, gotErr := b.Open(ctx)
	want, wantErr := m.Open(ctx)
	equal("open", got, want, gotErr, wantErr)
	for _, target := range []string{"", "uat", "another name of uat"} {
		got, gotErr := b.Recent(ctx, target, 3)
		want, wantErr := m.Recent(ctx, target, 3)
		equal("recent "+target, got, want, gotErr, wantErr)
	}
	for _, id := range w.ids {
		got, gotErr := b.Load(ctx, id)
		want, wantErr := m.Load(ctx, id)
		equal("load "+string(id), got, want, gotErr, wantErr)
		after := rapid.Int64Range(0, got.Version).Draw(rt, "after")
		entries, gotErr := b.Journal(ctx, id, after)
		model, wantErr := m.Journal(ctx, id, after)
		equal("journal "+string(id), entries, model, gotErr, wantErr)
	}
	for n := range keys + 1 {
		key := fmt.Sprint("envelope ", n)
		got, gotErr := b.Seen(ctx, key)
		want, wantErr := m.Seen(ctx, key)
		equal("seen "+key, got, want, gotErr, wantErr)
	}
}
