package acceptance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

// A restart with 1,000 refreshes under way is ready nearly as soon as one with none: what they add is less than a second
// of one processor. Each waits for its approval; store/bolt has the benchmark, with longer journals.
func TestRestartWithAThousandRefreshes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	ready := func() (took, work time.Duration) {
		t.Helper()
		began := time.Now()
		w.start()
		took = time.Since(began)
		return took, w.work()
	}
	first, _ := ready() // makes the store and warms whatever there is
	w.stop()
	empty, idle := ready()
	w.stop()
	w.crowd(1000)
	full, busy := ready()
	t.Logf("ready after %v with %v of work, after %v with %v with an empty store, %v the first time", full, busy, empty, idle, first)
	if more := full - empty; more > 20*time.Second { // the machine may be very busy
		t.Errorf("a thousand refreshes add %v", more)
	}
	if more := busy - idle; more > time.Second && !raceDetector { // how busy the machine is hardly changes that
		t.Errorf("a thousand refreshes add %v of processor time", more)
	}
	w.stop()
}

// work is the processor time that the bot says it has used.
func (w *world) work() time.Duration {
	w.t.Helper()
	for line := range strings.Lines(w.page("/metrics")) {
		if value, ok := strings.CutPrefix(line, "process_cpu_seconds_total "); ok {
			seconds, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				w.t.Fatal(err)
			}
			return time.Duration(seconds * float64(time.Second))
		}
	}
	w.t.Fatal("/metrics has no processor time")
	return 0
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
