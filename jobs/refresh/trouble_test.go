package refresh_test

import (
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

func TestAFailingStepOfReconfigureHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	l := atReconfigure(t)
	l.report("email", failure(refresh.Refused))
	l.want("email=troubled", "jobs=running", "manual=waiting")
	if g := l.gate("email"); !g.Offers(refresh.ActionRetry) || !g.Offers(refresh.ActionSkip) || !g.Offers(refresh.ActionAbort) || g.Question != "It said no." {
		t.Errorf("gate %+v", g)
	}
	l.succeed("jobs")
	l.decide("manual", rita, refresh.ActionDone)
	l.want("email=troubled", "open=pending")
	l.refused(click(l.gate("email"), bea, refresh.ActionRetry), refresh.Denied, "not yours")
	l.refused(click(l.gate("email"), rita, refresh.ActionSkip), refresh.Denied, "not yours")
	l.decide("email", rita, refresh.ActionRetry)
	l.want("email=running")
	if s := l.step("email"); s.Attempt != 2 || s.Tries != 1 {
		t.Errorf("attempt %d, try %d", s.Attempt, s.Tries)
	}
	l.report("email", failure(refresh.Refused))
	l.decide("email", oz, refresh.ActionSkip)
	l.want("email=skipped", "open=waiting")
	l.audit()
}

func TestAbort(t *testing.T) {
	t.Parallel()
	for step, at := range map[string]func(t *testing.T) *life{
		"email":    func(t *testing.T) *life { l := atReconfigure(t); l.report("email", failure(refresh.Refused)); return l },
		"sign-off": func(t *testing.T) *life { l := atCopy(t); l.succeed("copy", "follow", "smoke"); return l },
	} {
		l := at(t)
		l.decide(step, bob, refresh.ActionAbort)
		l.ended(refresh.Failed)
		if len(refresh.Effects(l.r)) > 0 {
			t.Errorf("%s: effects after the end", step)
		}
	}
}

func TestSomeStepsCannotBeSkipped(t *testing.T) {
	t.Parallel()
	l := start(t, request())
	l.report("preflight", failure(refresh.Refused))
	l.refused(click(l.gate("preflight"), oz, refresh.ActionSkip), refresh.Invalid, "cannot be chosen")
	l.decide("preflight", rita, refresh.ActionCancel)
	l.ended(refresh.Cancelled)
}

func TestPassingFailuresAreTriedAgainWithDoublingWaits(t *testing.T) {
	t.Parallel()
	for _, o := range []refresh.Outcome{failure(refresh.Offline), failure(refresh.Throttled), failure(refresh.Unknown), {Result: refresh.NotKnown}} {
		l := atReconfigure(t)
		for try, wait := 1, time.Minute; try < 6; try, wait = try+1, 2*wait {
			l.report("email", o)
			l.want("email=retrying")
			if due := refresh.NextDue(l.r); !due.Equal(l.now.Add(wait)) {
				t.Fatalf("try %d again at %v, want %v", try, due, l.now.Add(wait))
			}
			l.after(wait - 1).tell(refresh.Tick{})
			l.want("email=retrying")
			l.after(1).tell(refresh.Tick{})
			l.want("email=running")
		}
		l.report("email", o)
		l.want("email=troubled")
		l.decide("email", bob, refresh.ActionRetry)
		l.report("email", o) // a person's retry gets the whole patience again
		l.want("email=retrying")
		l.audit()
	}
}

func TestTheFarSideMayAskForALongerWait(t *testing.T) {
	t.Parallel()
	l := atReconfigure(t)
	o := failure(refresh.Throttled)
	o.RetryAfter = 10 * time.Minute
	l.report("email", o)
	if s := l.step("email"); !s.RetryAt.Equal(l.now.Add(10 * time.Minute)) {
		t.Errorf("again at %v", s.RetryAt)
	}
}

func TestSignedOffInLCS(t *testing.T) {
	t.Parallel()
	l := atCopy(t)
	l.succeed("copy", "follow", "smoke")
	g := l.gate("sign-off")
	if eff := refresh.Effects(l.r); len(eff) != 1 || eff[0].Mode != refresh.ModeWatch {
		t.Fatalf("effects %+v", eff)
	}
	l.report("sign-off", refresh.Outcome{Result: refresh.Continues})
	l.report("sign-off", failure(refresh.Offline))
	l.want("sign-off=waiting")
	l.report("sign-off", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopySignedOff})
	l.want("sign-off=done", "email=running")
	l.refused(click(g, ann, refresh.ActionSignOff), refresh.Stale, "Too late: it was decided in LCS")
	l.audit()
}

func TestImpossibleEndsTheRefresh(t *testing.T) {
	t.Parallel()
	l := atCopy(t)
	l.succeed("copy")
	l.report("follow", refresh.Outcome{Result: refresh.Impossible, Status: refresh.CopyRollbackCompleted, Problem: &refresh.Problem{Code: refresh.Refused, Message: "Rolled back."}})
	l.ended(refresh.Failed)
	if l.r.Ending != "Rolled back." {
		t.Errorf("because %q", l.r.Ending)
	}
}

func TestOutcomesOfGivenUpAttemptsAreIgnored(t *testing.T) {
	t.Parallel()
	l := atReconfigure(t)
	l.tell(refresh.Recovered{})
	l.want("email=running", "jobs=running")
	n := l.r.Version
	for _, in := range []refresh.Input{
		refresh.Reported{Step: "email", Attempt: 1, Outcome: failure(refresh.Refused)},
		refresh.Reported{Step: "email", Attempt: 3, Outcome: refresh.Outcome{Result: refresh.Succeeded}},
		refresh.Reported{Step: "copy", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded, Operation: "op-2"}},
		refresh.Reported{Step: "nothing", Attempt: 1},
		refresh.Sighted{Step: "copy", Attempt: 1},
		refresh.Sighted{Step: "email", Attempt: 2},
	} {
		l.tell(in)
	}
	if l.r.Version != n {
		t.Errorf("events after late outcomes:\n%s", l.lines())
	}
}

// An empty history is news too: what was known before is not known any more.
func TestTheLatestPreflightCounts(t *testing.T) {
	t.Parallel()
	req := request()
	req.Plan = append(req.Plan[:1:1], append([]refresh.Spec{{ID: "again", Phase: refresh.PhasePrepare, Kind: refresh.KindPreflight}}, req.Plan[1:]...)...)
	l := start(t, req)
	l.report("preflight", refresh.Outcome{Result: refresh.Succeeded, Known: []string{"a"}})
	l.report("again", refresh.Outcome{Result: refresh.Succeeded, Known: []string{}})
	if len(l.r.Copy.Known) > 0 {
		t.Errorf("knows %v", l.r.Copy.Known)
	}
	l.audit()
}
