package refresh_test

import (
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

func TestPostpone(t *testing.T) {
	t.Parallel()
	l := atNotice(t)
	first := l.gate("notice")
	l.after(10*time.Minute).decide("notice", rita, refresh.ActionPostpone)
	if want := begin.Add(90 * time.Minute); !l.r.Window.From.Equal(want) || !l.r.Window.To.Equal(want.Add(4*time.Hour)) {
		t.Fatalf("window %v", l.r.Window)
	}
	l.want("notice=waiting", "broadcast=running") // the environment is told again
	if s := l.step("broadcast"); s.Attempt != 2 {
		t.Errorf("broadcast attempt %d, want 2", s.Attempt)
	}
	l.refused(click(first, rita, refresh.ActionPostpone), refresh.Stale, "Already decided: postponed by Rita")
	l.succeed("broadcast")
	l.want("notice=waiting")
	l.after(30 * time.Minute).tell(refresh.Tick{})
	l.want("notice=waiting")
	l.after(50 * time.Minute).tell(refresh.Tick{})
	l.want("notice=done", "copy=running")
	l.audit()
}

func TestTheNoticeEndsWhileTheNewWindowIsStillBeingBroadcast(t *testing.T) {
	t.Parallel()
	l := atNotice(t)
	l.decide("notice", ann, refresh.ActionPostpone)
	l.after(91 * time.Minute).tell(refresh.Tick{})
	l.want("notice=done", "broadcast=running", "copy=pending")
	l.report("broadcast", failure(refresh.Refused))
	l.want("broadcast=troubled", "copy=pending")
	l.decide("broadcast", bob, refresh.ActionSkip)
	l.want("broadcast=skipped", "copy=running")
	l.audit()
}

// The process was down when the notice ended: nobody expects a downtime hours later, so it is announced anew.
func TestANoticeThatEndedLongAgoIsGivenAgain(t *testing.T) {
	t.Parallel()
	l := atNotice(t)
	l.after(5 * time.Hour).tell(refresh.Tick{})
	l.want("notice=waiting", "broadcast=running", "copy=pending")
	l.succeed("broadcast")
	l.after(30 * time.Minute).tell(refresh.Tick{})
	l.want("notice=done", "copy=running")
	l.audit()
}

// Postponed again while the first new window is being broadcast: that outcome is about a window that is over.
func TestPostponeTwiceBroadcastsTheLastWindow(t *testing.T) {
	t.Parallel()
	l := atNotice(t)
	l.decide("notice", ann, refresh.ActionPostpone)
	old := l.step("broadcast").Attempt
	l.decide("notice", ann, refresh.ActionPostpone)
	l.tell(refresh.Reported{Step: "broadcast", Attempt: old, Outcome: refresh.Outcome{Result: refresh.Succeeded}})
	l.want("broadcast=running")
	l.succeed("broadcast")
	l.want("broadcast=done", "notice=waiting")
	l.audit()
}

func TestPostponeAnswersTheQuestionAboutAFailedBroadcast(t *testing.T) {
	t.Parallel()
	l := atNotice(t)
	l.decide("notice", ann, refresh.ActionPostpone)
	l.report("broadcast", failure(refresh.Refused))
	g := l.gate("broadcast")
	l.decide("notice", ann, refresh.ActionPostpone)
	l.want("broadcast=running", "notice=waiting")
	l.refused(click(g, bob, refresh.ActionSkip), refresh.Stale, "Too late: this needs no answer")
	l.audit()
}

// After a long stop the window is announced anew, which answers the question about the failed broadcast. A reminder of
// that question is due at the same moment, and must not keep the refresh from going on.
func TestAnAnswerThatTheClockGivesIsNotRemindedOf(t *testing.T) {
	t.Parallel()
	req := request()
	req.Settings.Remind = ladder()
	req.Settings.Remind.Hours = refresh.Hours{}
	l := start(t, req)
	l.succeed("preflight")
	l.decide("approval", ann, refresh.ActionApprove)
	l.succeed("broadcast")
	l.decide("notice", ann, refresh.ActionPostpone)
	l.report("broadcast", failure(refresh.Refused))
	g := l.gate("broadcast")
	l.after(6 * time.Hour).tell(refresh.Tick{})
	l.want("broadcast=running", "notice=waiting")
	l.wantWindow(l.now.Add(30 * time.Minute))
	l.refused(click(g, bob, refresh.ActionSkip), refresh.Stale, "Too late: this needs no answer")
	l.audit()
}

func TestNoticeButtons(t *testing.T) {
	t.Parallel()
	for _, by := range []refresh.Actor{rita, ann, bob, oz} {
		for _, a := range []refresh.Action{refresh.ActionPostpone, refresh.ActionStartNow, refresh.ActionCancel} {
			l := atNotice(t)
			l.decide("notice", by, a)
			l.audit()
		}
	}
	l := atNotice(t)
	for _, a := range []refresh.Action{refresh.ActionPostpone, refresh.ActionStartNow, refresh.ActionCancel} {
		l.refused(click(l.gate("notice"), bea, a), refresh.Denied, "not yours")
	}
	l.after(30*time.Minute).refused(click(l.gate("notice"), rita, refresh.ActionPostpone), refresh.Stale, "The notice is over")
}

// Without an announced window there is no end to wait for: a person starts it.
func TestNoticeWithoutWindow(t *testing.T) {
	t.Parallel()
	req := request()
	req.Plan = append(req.Plan[:2:2], req.Plan[4:]...)
	l := start(t, req)
	l.succeed("preflight")
	l.decide("approval", ann, refresh.ActionApprove)
	l.want("notice=waiting")
	l.decide("notice", ann, refresh.ActionStartNow)
	l.want("copy=running")
}

// Whoever works in the target was told of a later time: they are told before anything happens to them.
func TestStartingBeforeTheNoticeIsOverIsBroadcast(t *testing.T) {
	t.Parallel()
	l := atNotice(t)
	l.after(10*time.Minute).decide("notice", ann, refresh.ActionStartNow)
	l.want("notice=done", "broadcast=running", "copy=pending")
	l.wantWindow(begin.Add(10 * time.Minute))
	l.tell(refresh.Recovered{})
	l.want("broadcast=running", "copy=pending")
	l.succeed("broadcast")
	l.want("copy=running")
	l.audit()

	l = atNotice(t) // that it cannot be told holds nobody up for good
	l.decide("notice", ann, refresh.ActionStartNow)
	l.report("broadcast", failure(refresh.Refused))
	l.decide("broadcast", bob, refresh.ActionSkip)
	l.want("copy=running")
	l.audit()
}
