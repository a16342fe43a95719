package acceptance

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

// A restart with 1,000 refreshes under way is ready nearly as soon as one with none: what they add is logged, and
// store/bolt has the benchmark. Each waits for its approval.
func TestRestartWithAThousandRefreshes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	ready := func() time.Duration {
		t.Helper()
		began := time.Now()
		w.start()
		return time.Since(began)
	}
	first := ready() // makes the store and warms whatever there is
	w.stop()
	empty := ready()
	w.stop()
	w.crowd(1000)
	full := ready()
	t.Logf("ready after %v, after %v with an empty store, %v the first time", full, empty, first)
	if more := full - empty; more > 20*time.Second { // the machine may be very busy
		t.Errorf("a thousand refreshes add %v", more)
	}
	w.stop()
}

// crowd puts refreshes into the stopped bot's store, each of another target, that wait for an approval.
func (w *world) crowd(n int) {
	w.t.Helper()
	s := w.opened()
	defer func() { _ = s.Close() }()
	now := time.Now().UTC()
	var asked, checked []engine.Commit
	for i := range n {
		name := fmt.Sprintf("crowd%04d", i)
		req := storetest.Request(refresh.ID(name+"-1"), storetest.Environment(name))
		req.Channel = channel
		c := storetest.Decide(w.t, refresh.Refresh{}, req, now, "slash "+name)
		asked = append(asked, c)
		checked = append(checked, storetest.Decide(w.t, c.Row, refresh.Reported{Step: "preflight", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded, Note: "13 checks passed"}}, now, ""))
	}
	for _, all := range [][]engine.Commit{asked, checked} {
		for some := range slices.Chunk(all, 250) {
			if err := s.CommitAll(w.ctx, some); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}
