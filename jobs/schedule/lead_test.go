package schedule_test

import (
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// early is asked for four hours before 02:00.
func early(change func(*schedule.Entry)) schedule.Entry {
	e := schedule.Entry{Target: "uat", Cron: "0 2 * * *", Missed: schedule.Skip, Ask: 4 * time.Hour}
	if change != nil {
		change(&e)
	}
	return e
}

func TestARefreshIsAskedForBeforeItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.process(t, 47*time.Hour, early(nil))
		b.asker.want(t, "uat 2000-01-01T02:00:00Z asked 2000-01-01T00:00:00Z", "uat 2000-01-02T02:00:00Z asked 2000-01-01T22:00:00Z",
			"uat 2000-01-03T02:00:00Z asked 2000-01-02T22:00:00Z")
		b.news.want(t)
	})
}

// Whenever the process is replaced, each due time is asked for once.
func TestARestartDuringTheLead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first, down time.Duration
		want        string
	}{
		"before asking":        {21 * time.Hour, 30 * time.Minute, "uat 2000-01-02T02:00:00Z asked 2000-01-01T22:00:00Z"},
		"over asking":          {21 * time.Hour, 3 * time.Hour, "uat 2000-01-02T02:00:00Z asked 2000-01-02T00:00:00Z"},
		"after asking":         {23 * time.Hour, time.Hour, "uat 2000-01-02T02:00:00Z asked 2000-01-01T22:00:00Z"},
		"after the due time":   {27 * time.Hour, time.Minute, "uat 2000-01-02T02:00:00Z asked 2000-01-01T22:00:00Z"},
		"over all of the lead": {21 * time.Hour, 5*time.Hour + 5*time.Minute, "uat 2000-01-02T02:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				b.process(t, tc.first, early(nil))
				pass(tc.down)
				b.process(t, 28*time.Hour-tc.first-tc.down, early(nil))
				b.asker.want(t, "uat 2000-01-01T02:00:00Z asked 2000-01-01T00:00:00Z", tc.want)
			})
		})
	}
}

func TestHowLateAMissedTimeIsStillAskedFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		within time.Duration
		down   time.Duration // from 21:00 on
		asked  bool
	}{
		"in time":        {2 * time.Hour, 7 * time.Hour, true},
		"too late":       {2 * time.Hour, 7*time.Hour + time.Minute, false},
		"without limit":  {0, 17 * time.Hour, true},
		"a day too late": {2 * time.Hour, 31 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				e := early(func(e *schedule.Entry) { e.Missed, e.Within, e.Ask = schedule.Once, tc.within, 0 })
				b.process(t, 21*time.Hour, e)
				pass(tc.down)
				b.process(t, time.Minute, e)
				if tc.asked {
					b.asker.want(t, "uat 2000-01-01T02:00:00Z", "uat 2000-01-02T02:00:00Z")
					b.news.want(t)
					return
				}
				b.asker.want(t, "uat 2000-01-01T02:00:00Z")
				if len(b.news.told) != 1 {
					t.Errorf("told %q, want that it was missed", b.news.told)
				}
			})
		})
	}
}

func TestABusyTargetMayBeFreeBeforeTheTimeComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		begin := time.Now()
		b.asker.fail = func(due time.Time) error {
			if time.Since(begin) < 90*time.Minute || due.Day() == 2 {
				return &refresh.Error{Code: refresh.Refused, Msg: "busy", Err: engine.ErrBusy}
			}
			return nil
		}
		b.process(t, 40*time.Hour, early(nil))
		b.asker.want(t, "uat 2000-01-01T02:00:00Z asked 2000-01-01T01:30:00Z")
		b.news.want(t, "uat.config busy 01-02T02:00 01-03T02:00") // at its time, and not before
	})
}

func TestATimeInABlackout(t *testing.T) {
	t.Parallel()
	// Blocked from 01:00 until the end, in hours after midnight.
	for name, tc := range map[string]struct {
		policy schedule.InBlackout
		until  time.Duration
		asked  []string
		told   []string
	}{
		"is passed over": {schedule.PassOver, 12 * time.Hour,
			[]string{"uat 2000-01-02T02:00:00Z asked 2000-01-01T22:00:00Z"},
			[]string{"uat.config in_blackout 01-01T02:00 01-02T02:00 @U0FIN"}},
		"is moved behind it": {schedule.Postpone, 12 * time.Hour,
			[]string{"uat 2000-01-01T12:00:00Z asked 2000-01-01T08:00:00Z", "uat 2000-01-02T02:00:00Z asked 2000-01-01T22:00:00Z"},
			[]string{"uat.config postponed 01-01T02:00 01-01T12:00 @U0FIN"}},
		"is passed over when the next comes first": {schedule.Postpone, 27 * time.Hour,
			[]string{"uat 2000-01-02T03:00:00Z asked 2000-01-01T23:00:00Z"},
			[]string{"uat.config in_blackout 01-01T02:00 01-02T02:00 @U0FIN", "uat.config postponed 01-02T02:00 01-02T03:00 @U0FIN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				begin := time.Now()
				free := begin.Add(tc.until)
				b.asker.fail = func(due time.Time) error {
					if due.Before(free) {
						return schedule.Blocked{Blackout: refresh.Blackout{From: begin.Add(time.Hour), Until: free, Owner: refresh.Person{ID: "U0FIN"}}, Free: free}
					}
					return nil
				}
				e := early(func(e *schedule.Entry) { e.Blackout = tc.policy })
				b.process(t, 5*time.Hour, e)
				b.process(t, 24*time.Hour, e) // and a restart changes nothing
				b.asker.want(t, tc.asked...)
				b.news.want(t, tc.told...)
			})
		})
	}
}

func TestARefusedRequestIsToldAndNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.asker.fail = func(time.Time) error { return refresh.Errorf(refresh.NotFound, "There is no uat.") }
		b.process(t, 12*time.Hour, early(nil))
		b.news.want(t, "uat.config not_possible 01-01T02:00 01-02T02:00")
		if b.asker.calls != 1 {
			t.Errorf("asked %d times", b.asker.calls)
		}
	})
}

// Both changes of the clocks, for a schedule with a zone of its own that is asked for a day ahead, over a process that
// is replaced every few hours.
func TestClocksThatChangeWithALead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		from time.Time
		want []string
	}{
		"spring": {time.Date(2000, 3, 24, 12, 0, 0, 0, time.UTC), []string{
			"uat 2000-03-25T01:30:00Z asked 2000-03-24T12:00:00Z", "uat 2000-03-26T01:00:00Z asked 2000-03-25T02:00:00Z", "uat 2000-03-27T00:30:00Z asked 2000-03-26T01:30:00Z"}},
		"autumn": {time.Date(2000, 10, 27, 12, 0, 0, 0, time.UTC), []string{
			"uat 2000-10-28T00:30:00Z asked 2000-10-27T12:00:00Z", "uat 2000-10-29T00:30:00Z asked 2000-10-28T01:30:00Z", "uat 2000-10-30T01:30:00Z asked 2000-10-29T02:30:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				pass(time.Until(tc.from))
				e := early(func(e *schedule.Entry) { e.Cron, e.Zone, e.Ask = "30 2 * * *", "Europe/Copenhagen", 23*time.Hour })
				for range 15 {
					b.process(t, 4*time.Hour, e)
				}
				b.asker.want(t, tc.want...)
			})
		})
	}
}
