package refresh_test

import (
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

// atOpening has previewed the users and asks whether to let them in.
func atOpening(t testing.TB) *life {
	req := request()
	n := len(req.Plan)
	req.Plan = append(req.Plan[:n-2:n-2], append([]refresh.Spec{{ID: "preview", Phase: refresh.PhaseOpen, Kind: refresh.KindPreview}}, req.Plan[n-2:]...)...)
	l := start(t, req)
	l.succeed("preflight")
	l.decide("approval", ann, refresh.ActionApprove)
	l.succeed("broadcast")
	l.decide("notice", rita, refresh.ActionStartNow)
	l.succeed("broadcast") // the users inside are told the new time
	l.succeed("copy", "follow", "smoke")
	l.decide("sign-off", ann, refresh.ActionSignOff)
	l.succeed("email", "jobs")
	l.decide("manual", rita, refresh.ActionDone)
	l.report("preview", refresh.Outcome{Result: refresh.Succeeded, Roster: []string{"ANN"}})
	return l
}

func TestAListOfUsersAsksTheOpeningQuestionAnew(t *testing.T) {
	t.Parallel()
	l := atOpening(t)
	l.want("open=waiting")
	old := l.gate("open")
	l.refused(refresh.ListUsers{By: bea, Names: []string{"carl"}}, refresh.Denied, "Only the requester")
	l.refused(refresh.ListUsers{By: rita, From: "empty.csv"}, refresh.Invalid, "no user in empty.csv")
	l.tell(refresh.ListUsers{By: rita, From: "uat.csv", Names: []string{"carl"}})
	l.want("preview=running", "open=pending")
	l.refused(click(old, ann, refresh.ActionOpen), refresh.Stale, "Too late: this needs no answer")
	l.tell(refresh.Reported{Step: "preview", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded, Roster: []string{"OLD"}}})
	l.want("preview=running")
	l.report("preview", refresh.Outcome{Result: refresh.Succeeded, Roster: []string{"ANN", "CARL"}})
	l.decide("open", ann, refresh.ActionOpen)
	l.refused(refresh.ListUsers{By: rita, Names: []string{"dora"}}, refresh.Stale, "too late")
	l.succeed("enable")
	l.ended(refresh.Done)
	if len(l.r.Listed) != 1 || len(l.r.Roster) != 2 {
		t.Errorf("listed %v, roster %v", l.r.Listed, l.r.Roster)
	}
}

// A list may come to nothing: whoever the preview before let in is not let in by the next one.
func TestAListThatLetsNobodyInReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	l := atOpening(t)
	l.tell(refresh.ListUsers{By: rita, From: "uat.csv", Names: []string{"nobody"}})
	l.report("preview", refresh.Outcome{Result: refresh.Succeeded, Roster: []string{}})
	if len(l.r.Roster) != 0 {
		t.Errorf("roster %v", l.r.Roster)
	}
	l.audit()
}

func TestRulesForAFailedStep(t *testing.T) {
	t.Parallel()
	at := func(change func(*refresh.Spec)) *life {
		req := request()
		for i := range req.Plan {
			if req.Plan[i].ID == "email" {
				change(&req.Plan[i])
			}
		}
		l := start(t, req)
		l.succeed("preflight")
		l.decide("approval", ann, refresh.ActionApprove)
		l.succeed("broadcast")
		l.decide("notice", rita, refresh.ActionStartNow)
		l.succeed("broadcast") // the users inside are told the new time
		l.succeed("copy", "follow", "smoke")
		l.decide("sign-off", ann, refresh.ActionSignOff)
		return l
	}
	l := at(func(s *refresh.Spec) { s.OnFailure = refresh.FailureContinues })
	l.report("email", failure(refresh.Refused))
	l.want("email=skipped", "jobs=running")
	l.audit()

	l = at(func(s *refresh.Spec) { s.OnFailure = refresh.FailureStops })
	l.report("email", failure(refresh.Refused))
	l.ended(refresh.Failed)

	l = at(func(s *refresh.Spec) { s.IfInstalled = true })
	l.report("email", refresh.Outcome{Result: refresh.Absent})
	l.want("email=skipped")
	l.audit()

	l = at(func(*refresh.Spec) {})
	l.report("email", refresh.Outcome{Result: refresh.Absent})
	l.want("email=troubled")

	l = at(func(*refresh.Spec) {})
	l.report("email", refresh.Outcome{Result: refresh.ByHand, Note: "Set the password."})
	if g := l.gate("email"); g.Kind != refresh.GateManual || g.Question != "Set the password." {
		t.Errorf("gate %+v", g)
	}
	l.tell(refresh.Recovered{})
	l.decide("email", bob, refresh.ActionDone)
	l.want("email=done")
	l.audit()

	// However many tries a plan asks for, there is a pause between them.
	l = at(func(s *refresh.Spec) { s.Retries = 100 })
	for range 100 {
		l.report("email", failure(refresh.Offline))
		if due := l.step("email").RetryAt; due.Before(l.now.Add(time.Minute)) {
			t.Fatalf("again after %v", due.Sub(l.now))
		}
		l.now = l.step("email").RetryAt
		l.tell(refresh.Tick{})
	}
	l.report("email", failure(refresh.Offline))
	l.want("email=troubled")
}

// What could be done and nobody configured is offered; it begins only when somebody takes it up.
func TestAnOfferIsTakenUpOrLeft(t *testing.T) {
	t.Parallel()
	offered := func() *life {
		l := atReconfigure(t)
		l.report("email", refresh.Outcome{Result: refresh.Offered, Note: "Write it back?"})
		l.want("email=waiting")
		if g := l.gate("email"); g.Kind != refresh.GateOffer || g.Question != "Write it back?" {
			t.Errorf("asked %+v", g)
		}
		return l
	}
	l := offered()
	l.refused(click(l.gate("email"), bea, refresh.ActionRetry), refresh.Denied, "not yours")
	l.decide("email", rita, refresh.ActionRetry)
	l.want("email=running")
	l.succeed("email")
	l.want("email=done")
	l.audit()

	l = offered()
	l.decide("email", bob, refresh.ActionSkip)
	l.want("email=skipped")
	l.audit()
}
