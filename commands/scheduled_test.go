package commands_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/blackout"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
	"refreshbot/store/storetest"
)

// due is a request of the configuration's schedule, some time ahead.
func due(target string, in time.Duration) schedule.Request {
	at := time.Now().Add(in)
	return schedule.Request{Entry: schedule.Entry{ID: schedule.Configured(target), Target: target}, Due: at, StartAt: at}
}

// made is the same of a schedule that somebody has made.
func made(target, by string, in time.Duration) schedule.Request {
	r := due(target, in)
	r.ID, r.Owner, r.Why = target+".1", refresh.Person{ID: by, Name: by}, "fresh data"
	return r
}

func TestTheScheduleAsksOnceForADueTime(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		first := due("uat", 4*time.Hour)
		r, err := w.Scheduled(t.Context(), first)
		if err != nil || r.RequestedBy.ID != "" || r.RequestedBy.Name != "the schedule" || !r.StartAt.Equal(first.Due) {
			t.Fatalf("%+v, %v", r.RequestedBy, err)
		}
		if _, err := w.Scheduled(t.Context(), first); !errors.Is(err, engine.ErrSeen) {
			t.Errorf("the same due time again: %v", err)
		}
		if _, err := w.Scheduled(t.Context(), due("uat", 170*time.Hour)); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("the next due time while the first refresh is open: %v", err)
		}
		if _, err := w.Scheduled(t.Context(), due("gone", time.Hour)); refresh.CodeOf(err) != refresh.NotFound {
			t.Errorf("an environment that is not configured: %v", err)
		}
		if now := w.the(t); now.Approved() {
			t.Error("a scheduled refresh needs its approvals like any other")
		}
	})
}

func TestAScheduledRefreshThatNobodyApprovesLapsesAfterItsTime(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		req := due("uat", 4*time.Hour)
		if _, err := w.Scheduled(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		r := w.the(t)
		if gate := r.OpenGates()[0]; !gate.ExpiresAt.Equal(req.Due.Add(30 * time.Minute)) {
			t.Errorf("the approval expires at %v, due at %v", gate.ExpiresAt, req.Due)
		}
		<-time.After(4*time.Hour + 31*time.Minute)
		if r = w.the(t); r.Status != refresh.Expired {
			t.Errorf("it is %s", r.Status)
		}
		if other := w.Targets["uat"].Request.Plan[1].Policy; other.Expires != 24*time.Hour {
			t.Errorf("the template was changed: %v", other.Expires)
		}
		req = due("uat", 0) // asked for at its time
		req.StartAt = time.Time{}
		if _, err := w.Scheduled(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if gate := w.all(t)[0].OpenGates()[0]; !gate.ExpiresAt.Equal(time.Now().Add(24 * time.Hour)) {
			t.Errorf("late, the approval expires at %v", gate.ExpiresAt)
		}
	})
}

func TestAScheduledRefreshBeginsAtItsTime(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		req := due("uat", 4*time.Hour)
		if _, err := w.Scheduled(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		w.press(t, anna, refresh.ActionApprove)
		<-time.After(4*time.Hour + time.Minute)
		if r := w.the(t); !r.Copy.SentAt.Equal(req.Due) {
			t.Errorf("the copy began at %v, due at %v", r.Copy.SentAt, req.Due)
		}
	})
}

func TestWhoMadeAScheduleIsTheRequester(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.directory.set(func(d *directory) { d.groups[approvers] = []string{rita, anna} })
		r, err := w.Scheduled(t.Context(), made("test", rita, time.Hour))
		if err != nil || r.RequestedBy.ID != rita || r.Reason != "fresh data" {
			t.Fatalf("%+v, %v", r, err)
		}
		if got := w.press(t, rita, refresh.ActionApprove); !got.Refused {
			t.Error("rita approves what her own schedule asks for")
		}
		if _, err := w.Scheduled(t.Context(), made("test", sam, 2*time.Hour)); refresh.CodeOf(err) != refresh.Denied {
			t.Errorf("sam may not ask any more: %v", err)
		}
		w.directory.set(func(d *directory) { d.down = true })
		if _, err := w.Scheduled(t.Context(), made("test", tom, 2*time.Hour)); refresh.CodeOf(err) != refresh.Offline {
			t.Errorf("nobody says whether tom may: %v", err)
		}
	})
}

func TestAScheduledRefreshInABlackout(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		now := time.Now()
		calendar, err := blackout.New([]blackout.Rule{{From: now.Add(5 * time.Hour), Until: now.Add(9 * time.Hour), Why: "month end"}}, time.UTC, storetest.NewMemory())
		if err != nil {
			t.Fatal(err)
		}
		w.Calendar = calendar
		_, err = w.Scheduled(t.Context(), due("uat", 4*time.Hour)) // two hours of downtime
		if f, ok := errors.AsType[schedule.Blocked](err); !ok || f.Why != "month end" || !f.Free.Equal(now.Add(9*time.Hour)) {
			t.Errorf("%v", err)
		}
		if _, err := w.Scheduled(t.Context(), due("uat", 3*time.Hour)); err != nil {
			t.Errorf("it ends as the blackout begins: %v", err)
		}
	})
}
