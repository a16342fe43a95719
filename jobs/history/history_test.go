package history_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

var friday = time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)

const (
	prepared = 40 * time.Minute // from the request to the copy, of which 10 min wait for the approval
	approval = 10 * time.Minute
)

// done is a refresh that went through the real rules: the copy began 40 minutes after the request and took as long as
// given, then reconfigure another half an hour.
func done(t testing.TB, n int, copying time.Duration) refresh.Refresh {
	t.Helper()
	r := running(t, n, copying, "email")
	return tell(t, r, begin(n).Add(prepared+copying+30*time.Minute), refresh.Reported{Step: "jobs", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded}})
}

// begin is when the nth refresh was asked for: one a week.
func begin(n int) time.Time { return friday.Add(time.Duration(n) * 7 * 24 * time.Hour) }

// running is a refresh that was told everything up to the step.
func running(t testing.TB, n int, copying time.Duration, until string) refresh.Refresh {
	t.Helper()
	at := begin(n)
	req := storetest.Request(refresh.ID(fmt.Sprintf("uat-%d", n)), storetest.Environment("uat"))
	req.Settings.Notice = prepared - approval
	r := tell(t, refresh.Refresh{}, at, req)
	ok := func(step string, at time.Time, o refresh.Outcome) bool {
		o.Result = refresh.Succeeded
		r = tell(t, r, at, refresh.Reported{Step: step, Attempt: 1, Outcome: o})
		return step == until
	}
	if ok("preflight", at, refresh.Outcome{}) {
		return r
	}
	g := r.OpenGates()[0]
	r = tell(t, r, at.Add(approval), refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: refresh.ActionApprove, By: refresh.Actor{Person: refresh.Person{ID: "U0ADA"}}})
	if until == "approval" {
		return r
	}
	at = at.Add(prepared)
	r = tell(t, r, at, refresh.Tick{})
	if ok("copy", at.Add(time.Minute), refresh.Outcome{Operation: "op"}) {
		return r
	}
	r = tell(t, r, at.Add(copying-5*time.Minute), refresh.Reported{Step: "follow", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Continues, Offline: true}})
	r = tell(t, r, at.Add(copying-2*time.Minute), refresh.Reported{Step: "follow", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Continues, Online: true}})
	if ok("follow", at.Add(copying), refresh.Outcome{Status: refresh.CopyCompleted}) {
		return r
	}
	ok("email", at.Add(copying+10*time.Minute), refresh.Outcome{})
	return r
}

func tell(t testing.TB, r refresh.Refresh, at time.Time, in refresh.Input) refresh.Refresh {
	t.Helper()
	return storetest.Decide(t, r, in, at, "").Row
}

func TestWhatIsLearntFrom(t *testing.T) {
	t.Parallel()
	next := running(t, 9, time.Hour, "approval")
	a, b := done(t, 1, time.Hour), done(t, 2, 2*time.Hour)
	elsewhere, from, cancelled, later := done(t, 3, time.Hour), done(t, 4, time.Hour), tell(t, running(t, 5, 0, "preflight"), begin(5), storetest.Cancel()), done(t, 10, time.Hour)
	elsewhere.Target.Name, from.Source.Name = "test", "golden"
	past := history.Learn([]refresh.Refresh{later, next, a, elsewhere, from, cancelled, b}, next)
	var ids []refresh.ID
	for _, r := range past.Done {
		ids = append(ids, r.ID)
	}
	if diff := cmp.Diff([]refresh.ID{"uat-2", "uat-1"}, ids); diff != "" {
		t.Errorf("learnt from others (-want +got):\n%s", diff)
	}
	var many []refresh.Refresh
	for n := range 9 {
		many = append(many, done(t, n, time.Hour), done(t, -1-n, time.Hour))
	}
	if past := history.Learn(many, next); len(past.Done) != 10 || past.Done[0].ID != "uat-8" || past.Done[9].ID != "uat--1" {
		t.Errorf("of many, %d count, from %s", len(past.Done), past.Done[0].ID)
	}
}

func TestHowLongThingsTook(t *testing.T) {
	t.Parallel()
	past := history.Learn([]refresh.Refresh{done(t, 1, time.Hour), done(t, 2, 2*time.Hour), done(t, 3, 4*time.Hour)}, running(t, 9, 0, "approval"))
	for name, tc := range map[string]struct {
		got               history.Spread
		low, median, high time.Duration
	}{
		"downtime":             {past.Downtime(), time.Hour, 2 * time.Hour, 4 * time.Hour},
		"from copy to the end": {past.Whole(), 90 * time.Minute, 150 * time.Minute, 270 * time.Minute},
	} {
		if tc.got.Low != tc.low || tc.got.Median != tc.median || tc.got.High != tc.high {
			t.Errorf("%s: %v, %v, %v", name, tc.got.Low, tc.got.Median, tc.got.High)
		}
	}
}

func TestWaitsThatOverlapCountOnce(t *testing.T) {
	t.Parallel()
	at := func(m int) time.Time { return friday.Add(time.Duration(m) * time.Minute) }
	r := refresh.Refresh{EndedAt: at(100), Gates: []refresh.Gate{
		{Kind: refresh.GateStepFailed, OpenedAt: at(20), ClosedAt: at(40)},
		{Kind: refresh.GateApprove, OpenedAt: at(0), ClosedAt: at(10)},
		{Kind: refresh.GateNotice, OpenedAt: at(10), ClosedAt: at(15)},
		{Kind: refresh.GateManual, OpenedAt: at(30), ClosedAt: at(35)},
		{Kind: refresh.GateManual, OpenedAt: at(35), ClosedAt: at(50)},
		{Kind: refresh.GateOpen, OpenedAt: at(90)},
	}}
	want := []history.Interval{{at(0), at(10)}, {at(20), at(50)}, {at(90), at(100)}}
	if diff := cmp.Diff(want, history.Waits(r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := history.Waited(r); got != 50*time.Minute {
		t.Errorf("waited %v", got)
	}
}

func TestTheAnnouncedDowntimeIsLearntOnceThereIsEnough(t *testing.T) {
	t.Parallel()
	next := running(t, 9, 0, "preflight")
	for name, tc := range map[string]struct {
		copies []time.Duration
		want   time.Duration
		n      int
	}{
		"none":            {nil, 4 * time.Hour, 0},
		"two":             {[]time.Duration{time.Hour, time.Hour}, 4 * time.Hour, 0},
		"three":           {[]time.Duration{61 * time.Minute, 90 * time.Minute, 100 * time.Minute}, 100 * time.Minute, 3},
		"rounded up":      {[]time.Duration{121 * time.Minute, 121 * time.Minute, 121 * time.Minute}, 135 * time.Minute, 3},
		"minutes":         {[]time.Duration{31 * time.Minute, 31 * time.Minute, 31 * time.Minute}, 35 * time.Minute, 3},
		"an odd one does": {[]time.Duration{time.Hour, time.Hour, time.Hour, time.Hour, 9 * time.Hour}, time.Hour, 5}, // not count
	} {
		var all []refresh.Refresh
		for n, d := range tc.copies {
			all = append(all, done(t, n, d))
		}
		if d, n := history.Learn(all, next).Announced(4 * time.Hour); d != tc.want || n != tc.n {
			t.Errorf("%s: %v from %d, want %v from %d", name, d, n, tc.want, tc.n)
		}
	}
}

func TestEstimates(t *testing.T) {
	t.Parallel()
	past := history.Past{Done: []refresh.Refresh{done(t, 1, time.Hour), done(t, 2, 2*time.Hour), done(t, 3, 3*time.Hour)}}
	copyAt := begin(9).Add(prepared)
	for name, tc := range map[string]struct {
		r          refresh.Refresh
		now        time.Time
		copy, open history.Estimate
	}{
		"before the window is known": {r: running(t, 9, 0, "preflight"), now: begin(9)},
		"announced": {running(t, 9, 0, "approval"), begin(9).Add(approval),
			history.Estimate{At: copyAt.Add(2 * time.Hour), Low: copyAt.Add(time.Hour), High: copyAt.Add(3 * time.Hour), N: 3},
			history.Estimate{At: copyAt.Add(150 * time.Minute), Low: copyAt.Add(90 * time.Minute), High: copyAt.Add(210 * time.Minute), N: 3}},
		"what has passed counts": {running(t, 9, 0, "copy"), copyAt.Add(61 * time.Minute),
			history.Estimate{At: copyAt.Add(150 * time.Minute), Low: copyAt.Add(2 * time.Hour), High: copyAt.Add(3 * time.Hour), N: 3},
			history.Estimate{At: copyAt.Add(150 * time.Minute), Low: copyAt.Add(90 * time.Minute), High: copyAt.Add(210 * time.Minute), N: 3}},
		"longer than ever": {running(t, 9, 0, "copy"), copyAt.Add(5 * time.Hour),
			history.Estimate{N: 3, Overdue: true, Longest: 3 * time.Hour}, history.Estimate{N: 3, Overdue: true, Longest: 210 * time.Minute}},
		"counted from the last milestone": {r: running(t, 9, 7*time.Hour, "follow"), now: copyAt.Add(7 * time.Hour), open: history.Estimate{
			At: copyAt.Add(7*time.Hour + 30*time.Minute), Low: copyAt.Add(7*time.Hour + 30*time.Minute), High: copyAt.Add(7*time.Hour + 30*time.Minute), N: 3}},
		"over": {r: done(t, 9, time.Hour), now: begin(10)},
	} {
		if diff := cmp.Diff(tc.copy, past.Copy(tc.r, tc.now)); diff != "" {
			t.Errorf("%s: end of the copy (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(tc.open, past.Open(tc.r, tc.now)); diff != "" {
			t.Errorf("%s: opening (-want +got):\n%s", name, diff)
		}
		if e := (history.Past{}).Open(tc.r, tc.now); e.N != 0 {
			t.Errorf("%s: an estimate from nothing: %+v", name, e)
		}
	}
}

// Whatever the past was: an estimate never lies in what has passed, its bounds are in order, and more time passed never
// makes it earlier.
func TestEstimatesStayAhead(t *testing.T) {
	t.Parallel()
	r := running(t, 99, 0, "copy")
	rapid.Check(t, func(rt *rapid.T) {
		var p history.Past
		for n, minutes := range rapid.SliceOfN(rapid.IntRange(6, 600), 1, 12).Draw(rt, "copies") {
			p.Done = append(p.Done, done(t, n, time.Duration(minutes)*time.Minute))
		}
		passed := rapid.SliceOfN(rapid.IntRange(0, 700), 2, 5).Draw(rt, "passed")
		slices.Sort(passed)
		var before history.Estimate
		for _, minutes := range passed {
			now := r.Copy.SentAt.Add(time.Duration(minutes) * time.Minute)
			e := p.Copy(r, now)
			switch {
			case e.N != len(p.Done):
				rt.Fatalf("learnt from %d of %d", e.N, len(p.Done))
			case e.Overdue && !e.At.IsZero(), before.Overdue && !e.Overdue:
				rt.Fatalf("%+v after %+v", e, before)
			case !e.Overdue && (!e.Low.After(now) || e.At.Before(e.Low) || e.High.Before(e.At) || e.At.Before(before.At)):
				rt.Fatalf("at %v: %+v after %+v", now, e, before)
			}
			before = e
		}
	})
}
