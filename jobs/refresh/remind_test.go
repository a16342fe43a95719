package refresh_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests need the zone wherever they run

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

// office is Monday to Friday, 8 to 18 in Copenhagen.
var office = refresh.Hours{
	Zone: "Europe/Copenhagen", From: 8 * time.Hour, To: 18 * time.Hour,
	Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday},
}

// ladder is the one of the configuration's defaults.
func ladder() *refresh.Reminders {
	return &refresh.Reminders{
		After: []time.Duration{time.Hour, 4 * time.Hour}, Escalate: 8 * time.Hour, Again: 24 * time.Hour,
		Before: []time.Duration{24 * time.Hour, 4 * time.Hour, time.Hour}, Near: []time.Duration{30 * time.Minute, 5 * time.Minute},
		Hours: office, Admins: []string{"U0OZ"},
	}
}

// clock reads a time of November or December 2026 in Copenhagen, "Mon 23 09:00".
func clock(t testing.TB, s string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation(office.Zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01 02 15:04", "2026-11 "+s[4:], zone)
	if err != nil {
		t.Fatal(err)
	}
	if day := at.Weekday().String()[:3]; day != s[:3] {
		t.Fatalf("%s is a %s", s, day)
	}
	return at.UTC()
}

// said collects the reminders that come while nobody does anything, with the time at which each was due, until a time.
func (l *life) said(until time.Time) []string {
	l.t.Helper()
	zone, _ := time.LoadLocation(office.Zone)
	var all []string
	for !l.r.Status.Ended() {
		due := refresh.NextDue(l.r)
		if due.IsZero() || due.After(until) {
			break
		}
		l.now = due
		seen := len(l.journal)
		l.tell(refresh.Tick{})
		if len(l.journal) == seen {
			l.t.Fatalf("due at %v, and nothing happens", due)
		}
		for _, e := range l.journal[seen:] {
			when := l.now.In(zone).Format("Mon 02 15:04")
			switch ev := e.Event.(type) {
			case refresh.GateReminded:
				all = append(all, fmt.Sprintf("%s level %d%s", when, ev.Level, map[bool]string{true: " to the admins"}[ev.Escalated]))
			case refresh.DowntimeNear:
				all = append(all, fmt.Sprintf("%s down in %s", when, ev.In))
			case refresh.Ended:
				all = append(all, when+" "+string(ev.Status))
			}
		}
	}
	return all
}

func remembering(asked time.Time, change func(*refresh.Request)) func(testing.TB) *life {
	return func(t testing.TB) *life {
		req := request()
		req.Settings.Remind = ladder()
		change(&req)
		l := &life{t: t, now: asked}
		l.tell(req)
		l.succeed("preflight")
		return l
	}
}

func TestPeopleAreRemindedInTheirWorkingHours(t *testing.T) {
	t.Parallel()
	forever := func(r *refresh.Request) { r.Plan[1].Policy = policy(1, 0) }
	for name, tc := range map[string]struct {
		asked  string
		change func(*refresh.Request)
		until  string
		want   []string
	}{
		"in the morning": {"Mon 16 08:30", forever, "Thu 19 23:00", []string{
			"Mon 16 09:30 level 1", "Mon 16 12:30 level 2", "Mon 16 16:30 level 3 to the admins",
			"Tue 17 16:30 level 4 to the admins", "Wed 18 16:30 level 5 to the admins", "Thu 19 16:30 level 6 to the admins"}},
		"on a Friday afternoon": {"Fri 20 17:30", forever, "Tue 24 23:00", []string{
			"Mon 23 08:30 level 1", "Mon 23 11:30 level 2", "Mon 23 15:30 level 3 to the admins", "Tue 24 15:30 level 4 to the admins"}},
		"over a weekend": {"Thu 19 08:00", forever, "Mon 23 23:00", []string{
			"Thu 19 09:00 level 1", "Thu 19 12:00 level 2", "Thu 19 16:00 level 3 to the admins", "Fri 20 16:00 level 4 to the admins", "Mon 23 08:00 level 5 to the admins"}},
		"it expires in a day": {"Mon 16 10:00", func(*refresh.Request) {}, "Fri 20 23:00", []string{
			"Mon 16 11:00 level 1", "Mon 16 14:00 level 2", "Mon 16 18:00 level 3 to the admins", "Tue 17 10:00 expired"}},
		"it expires soon": {"Mon 16 10:00", func(r *refresh.Request) { r.Plan[1].Policy = policy(1, 4*time.Hour) }, "Fri 20 23:00", []string{
			"Mon 16 11:00 level 1", "Mon 16 12:00 level 2 to the admins", "Mon 16 14:00 expired"}},
		"it expires over the weekend": {"Fri 20 17:00", func(*refresh.Request) {}, "Tue 24 23:00", []string{
			"Fri 20 18:00 level 1 to the admins", "Sat 21 17:00 expired"}},
		"a start at a fixed time": {"Mon 16 10:00", func(r *refresh.Request) {
			r.Plan[1].Policy, r.Settings.Remind.Again = policy(1, 0), 0
			r.StartAt = clock(t, "Wed 18 20:00") // to be approved by 19:30
		}, "Thu 19 23:00", []string{
			"Mon 16 11:00 level 1", "Mon 16 14:00 level 2", "Mon 16 18:00 level 3 to the admins",
			"Tue 17 18:00 level 4 to the admins", "Wed 18 15:30 level 5 to the admins", "Wed 18 18:00 level 6 to the admins"}},
		"at any hour": {"Fri 20 22:00", func(r *refresh.Request) { forever(r); r.Settings.Remind.Hours = refresh.Hours{} }, "Sat 21 23:00", []string{
			"Fri 20 23:00 level 1", "Sat 21 02:00 level 2", "Sat 21 06:00 level 3 to the admins"}},
		"never": {"Mon 16 10:00", func(r *refresh.Request) { r.Settings.Remind = nil }, "Mon 23 23:00", []string{"Tue 17 10:00 expired"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := remembering(clock(t, tc.asked), tc.change)(t)
			if diff := cmp.Diff(tc.want, l.said(clock(t, tc.until))); diff != "" {
				t.Errorf("reminders (-want +got):\n%s", diff)
			}
			l.audit()
		})
	}
}

// The process was down: of what was missed the newest is said, once.
func TestLateRemindersComeOnce(t *testing.T) {
	t.Parallel()
	l := remembering(clock(t, "Mon 16 08:30"), func(r *refresh.Request) { r.Plan[1].Policy = policy(1, 0) })(t)
	l.now = clock(t, "Wed 18 09:00")
	l.tell(refresh.Recovered{})
	l.tell(refresh.Tick{})
	l.tell(refresh.Tick{})
	reminded := 0
	for _, e := range l.journal {
		if ev, ok := e.Event.(refresh.GateReminded); ok {
			reminded++
			if ev.Level != 4 || !ev.Escalated || !ev.Next.Equal(clock(t, "Wed 18 16:30")) {
				t.Errorf("reminded as %+v", ev)
			}
		}
	}
	if reminded != 1 {
		t.Errorf("reminded %d times", reminded)
	}
	l.audit()
}

// Half of those who have to agree have: the others are still reminded, and nobody is once it is decided.
func TestADecisionEndsTheReminders(t *testing.T) {
	t.Parallel()
	l := remembering(clock(t, "Mon 16 08:30"), func(r *refresh.Request) { r.Plan[1].Policy = policy(2, 0) })(t)
	l.decide("approval", ann, refresh.ActionApprove)
	l.now = clock(t, "Mon 16 09:30")
	l.tell(refresh.Tick{})
	if g := l.gate("approval"); g.Reminded != 1 {
		t.Fatalf("gate %+v", g)
	}
	l.decide("approval", bob, refresh.ActionApprove)
	l.succeed("broadcast")
	if due := refresh.NextDue(l.r); !due.Equal(l.r.Window.From.Add(-5 * time.Minute)) {
		t.Errorf("due at %v, want what the users are told", due)
	}
	l.audit()
}

// In trouble after the copy nothing expires, and people are reminded all the same.
func TestTroubleIsRemindedOf(t *testing.T) {
	t.Parallel()
	l := remembering(clock(t, "Mon 16 08:30"), func(*refresh.Request) {})(t)
	l.decide("approval", ann, refresh.ActionApprove)
	l.succeed("broadcast")
	l.decide("notice", ann, refresh.ActionStartNow)
	l.succeed("broadcast") // the users inside are told the new time
	l.report("copy", refresh.Outcome{Result: refresh.NotKnown})
	l.after(2 * time.Minute).sight()
	if said := l.said(clock(t, "Mon 16 12:00")); !slices.Equal(said, []string{"Mon 16 09:32 level 1"}) {
		t.Errorf("said %q", said)
	}
}

func TestTheUsersHearOfTheDowntimeOnceMore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		notice time.Duration
		want   string
	}{
		"an hour":            {time.Hour, "Mon 16 09:00 down in 30m0s, Mon 16 09:25 down in 5m0s"},
		"no room for both":   {30 * time.Minute, "Mon 16 08:55 down in 5m0s"},
		"no room for either": {5 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := remembering(clock(t, "Mon 16 08:30"), func(r *refresh.Request) { r.Settings.Notice = tc.notice })(t)
			l.decide("approval", ann, refresh.ActionApprove)
			l.succeed("broadcast")
			if said := strings.Join(l.said(l.r.Window.From), ", "); said != tc.want {
				t.Errorf("said %q, want %q", said, tc.want)
			}
			l.want("copy=running")
			l.audit()
		})
	}
}

// Whoever knows the start time since the approval is reminded when the notice begins; whoever was told only then is not
// told twice.
func TestTheUsersHearOfAStartTimeOnceMore(t *testing.T) {
	t.Parallel()
	nothing := func(*life) {}
	postpone := func(l *life) { l.decide("start", rita, refresh.ActionPostpone) } // by an hour
	for name, tc := range map[string]struct {
		approved string
		notice   time.Duration
		then     func(*life)
		want     string
	}{
		"known since the morning": {"Mon 16 08:30", 30 * time.Minute, nothing, "Mon 16 15:30 down in 30m0s, Mon 16 15:55 down in 5m0s"},
		"known for a minute":      {"Mon 16 15:29", 30 * time.Minute, nothing, "Mon 16 15:55 down in 5m0s"},
		"a longer notice":         {"Mon 16 08:30", 2 * time.Hour, nothing, "Mon 16 15:30 down in 30m0s, Mon 16 15:55 down in 5m0s"},
		"a shorter notice":        {"Mon 16 08:30", 15 * time.Minute, nothing, "Mon 16 15:55 down in 5m0s"},
		"moved":                   {"Mon 16 08:30", 30 * time.Minute, postpone, "Mon 16 16:30 down in 30m0s, Mon 16 16:55 down in 5m0s"},
		"moved at the last minute": {"Mon 16 08:30", 30 * time.Minute, func(l *life) {
			l.now = clock(t, "Mon 16 15:29")
			postpone(l)
		}, "Mon 16 16:30 down in 30m0s, Mon 16 16:55 down in 5m0s"},
		"started at once": {"Mon 16 08:30", 30 * time.Minute, func(l *life) {
			l.decide("start", rita, refresh.ActionStartNow)
		}, "Mon 16 08:55 down in 5m0s"},
		"the process was down when the notice was to begin": {"Mon 16 08:30", 30 * time.Minute, func(l *life) {
			l.now = clock(t, "Mon 16 17:00")
			l.tell(refresh.Tick{})
		}, "Mon 16 17:25 down in 5m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := remembering(clock(t, "Mon 16 08:30"), func(r *refresh.Request) {
				r.Settings.Notice, r.StartAt = tc.notice, clock(t, "Mon 16 16:00")
			})(t)
			l.now = clock(t, tc.approved)
			l.decide("approval", ann, refresh.ActionApprove)
			tc.then(l)
			if l.r.Window.From.IsZero() {
				l.now = refresh.NextDue(l.r)
				l.tell(refresh.Tick{})
			}
			l.want("broadcast=running") // the banner in the environment names the time that holds
			l.succeed("broadcast")
			if said := strings.Join(l.said(l.r.Window.From), ", "); said != tc.want {
				t.Errorf("said %q, want %q", said, tc.want)
			}
			l.want("copy=running")
			l.audit()
		})
	}
}

func TestAMovedDowntimeIsToldAnew(t *testing.T) {
	t.Parallel()
	l := remembering(clock(t, "Mon 16 08:30"), func(r *refresh.Request) { r.Settings.Notice = 40 * time.Minute })(t)
	l.decide("approval", ann, refresh.ActionApprove)
	l.succeed("broadcast")
	l.said(clock(t, "Mon 16 08:50"))
	l.decide("notice", rita, refresh.ActionPostpone) // by an hour, to 10:10
	l.succeed("broadcast")
	l.now = clock(t, "Mon 16 10:06") // down for a while: the newest only
	l.tell(refresh.Tick{})
	if n := l.names(len(l.journal) - 1); !slices.Equal(n, []string{"downtime_near"}) || len(l.r.Near) != 0 {
		t.Errorf("%v, still to come %v", n, l.r.Near)
	}
	if ev, ok := l.journal[len(l.journal)-1].Event.(refresh.DowntimeNear); !ok || ev.In != 5*time.Minute {
		t.Errorf("said %+v", ev)
	}
	l.audit()
}

// The clocks change on 25 October and 28 March; a working day begins at eight on either side.
func TestWorkingHoursAcrossAChangeOfTheClocks(t *testing.T) {
	t.Parallel()
	asked := time.Date(2026, 10, 23, 15, 30, 0, 0, time.UTC) // Friday, 17:30 in Copenhagen
	l := remembering(asked, func(r *refresh.Request) { r.Plan[1].Policy = policy(1, 0) })(t)
	if want := time.Date(2026, 10, 26, 7, 30, 0, 0, time.UTC); !l.gate("approval").RemindAt.Equal(want) { // Monday, 8:30
		t.Errorf("reminded at %v, want %v", l.gate("approval").RemindAt, want)
	}
}
