package refresh_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

// at returns the request with a start time, in 10 hours.
func at(hours int) refresh.Request {
	req := request()
	req.StartAt = begin.Add(time.Duration(hours) * time.Hour)
	return req
}

// atStart is approved and waits for its time.
func atStart(t testing.TB) *life {
	l := start(t, at(10))
	l.succeed("preflight")
	l.decide("approval", ann, refresh.ActionApprove)
	return l
}

func (l *life) wantWindow(from time.Time) {
	l.t.Helper()
	want := refresh.Window{From: from, To: from.Add(4 * time.Hour)}
	if diff := cmp.Diff(want, l.r.Window); diff != "" {
		l.t.Fatalf("window (-want +got):\n%s", diff)
	}
}

// The downtime is announced so long before the start time that the notice ends with it.
func TestTheCopyBeginsAtTheTimeThatWasAskedFor(t *testing.T) {
	t.Parallel()
	l := atStart(t)
	l.want("start=waiting", "announce=pending")
	if due := refresh.NextDue(l.r); !due.Equal(begin.Add(9*time.Hour + 30*time.Minute)) {
		t.Fatalf("due at %v", due)
	}
	l.after(9 * time.Hour).tell(refresh.Tick{})
	l.tell(refresh.Recovered{}) // a restart changes nothing: the time is absolute
	l.want("start=waiting", "announce=pending")
	l.after(30*time.Minute + time.Second).tell(refresh.Tick{})
	l.want("start=done", "announce=done", "broadcast=running")
	l.wantWindow(begin.Add(10 * time.Hour))
	l.succeed("broadcast")
	l.want("notice=waiting")
	l.after(30*time.Minute - 2*time.Second).tell(refresh.Tick{})
	l.want("copy=pending")
	l.after(time.Second).tell(refresh.Tick{})
	l.want("copy=running")
	l.audit()
}

func TestWithoutAStartTimeThereIsNothingToWaitFor(t *testing.T) {
	t.Parallel()
	if _, ok := atNotice(t).r.Step("start"); ok {
		t.Error("a step waits for a start time that nobody asked for")
	}
}

// Approved when the notice should have begun already: the users get their notice, and the copy begins later.
func TestALateApprovalMovesTheStart(t *testing.T) {
	t.Parallel()
	l := start(t, at(10))
	l.succeed("preflight")
	l.after(9*time.Hour+45*time.Minute).decide("approval", ann, refresh.ActionApprove)
	l.want("start=done", "announce=done")
	l.wantWindow(begin.Add(10*time.Hour + 15*time.Minute))
	l.audit()
}

// The process was down when the notice should have begun.
func TestAStartTimeThatWasMissedIsAnnouncedAnew(t *testing.T) {
	t.Parallel()
	l := atStart(t)
	l.after(12 * time.Hour).tell(refresh.Tick{})
	l.wantWindow(begin.Add(12*time.Hour + 30*time.Minute))
	l.succeed("broadcast")
	l.want("notice=waiting")
	l.audit()
}

func TestItLapsesWhenNobodyApprovesBeforeTheExpiry(t *testing.T) {
	t.Parallel()
	l := start(t, at(48))
	l.succeed("preflight")
	l.after(24 * time.Hour).tell(refresh.Tick{})
	l.ended(refresh.Expired)
}

func TestAStartCanBePostponed(t *testing.T) {
	t.Parallel()
	l := atStart(t)
	first := l.gate("start")
	l.after(time.Hour).decide("start", rita, refresh.ActionPostpone)
	if want := begin.Add(11 * time.Hour); !l.r.StartAt.Equal(want) {
		t.Fatalf("starts at %v, want %v", l.r.StartAt, want)
	}
	l.refused(click(first, rita, refresh.ActionPostpone), refresh.Stale, "Already decided: postponed by Rita")
	l.after(8*time.Hour + 40*time.Minute).tell(refresh.Tick{})
	l.want("start=waiting")
	l.after(50 * time.Minute).tell(refresh.Tick{})
	l.wantWindow(begin.Add(11 * time.Hour))
	l.audit()
}

// Its users were not told of anything yet, so "start now" still gives them their notice.
func TestStartNowGivesTheNoticeAtOnce(t *testing.T) {
	t.Parallel()
	l := atStart(t)
	l.after(time.Hour).decide("start", ann, refresh.ActionStartNow)
	l.want("start=done", "broadcast=running", "copy=pending")
	l.wantWindow(begin.Add(90 * time.Minute))
	l.succeed("broadcast")
	l.decide("notice", ann, refresh.ActionStartNow)
	l.succeed("broadcast") // the users inside are told the new time
	l.want("copy=running")
	l.audit()
}

func TestStartButtons(t *testing.T) {
	t.Parallel()
	actions := []refresh.Action{refresh.ActionPostpone, refresh.ActionStartNow, refresh.ActionCancel}
	for _, by := range []refresh.Actor{rita, ann, bob, oz} {
		for _, a := range actions {
			l := atStart(t)
			l.decide("start", by, a)
			l.audit()
		}
	}
	l := atStart(t)
	if diff := cmp.Diff(actions, l.gate("start").Actions); diff != "" {
		t.Errorf("buttons (-want +got):\n%s", diff)
	}
	for _, a := range actions {
		l.refused(click(l.gate("start"), bea, a), refresh.Denied, "not yours")
	}
	l.after(10*time.Hour).refused(click(l.gate("start"), rita, refresh.ActionPostpone), refresh.Stale, "The wait is over")
}

func TestAStartTimeThatHasPassedIsRefused(t *testing.T) {
	t.Parallel()
	for _, hours := range []int{0, -1} {
		_, err := refresh.Decide(refresh.Refresh{}, at(hours), refresh.Now{Time: begin, Nonce: "n"})
		if refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%d hours: %v", hours, err)
		}
	}
}

// Whatever stands in the plan, nothing that needs the approvals comes before the wait.
func TestTheWaitComesBeforeAnythingThatNeedsApproval(t *testing.T) {
	t.Parallel()
	req := at(10)
	req.Plan = append(req.Plan[:2:2], req.Plan[5:]...) // approval, then at once the copy
	l := start(t, req)
	l.succeed("preflight")
	l.decide("approval", ann, refresh.ActionApprove)
	l.want("start=waiting", "copy=pending")
	l.after(10 * time.Hour).tell(refresh.Tick{})
	l.want("start=done", "copy=running")
	l.audit()
}
