package refresh_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

// withFinalChecks returns the request with checks and a snapshot between the notice and the copy.
func withFinalChecks() refresh.Request {
	req := request()
	spec := func(id string, kind refresh.Kind) refresh.Spec {
		return refresh.Spec{ID: id, Phase: refresh.PhaseRefresh, Kind: kind, Name: id}
	}
	var plan []refresh.Spec
	for _, s := range req.Plan {
		if s.Kind == refresh.KindCopy {
			plan = append(plan, spec("final-checks", refresh.KindPreflight), spec("snapshot", refresh.KindSnapshot))
		}
		plan = append(plan, s)
	}
	req.Plan = plan
	return req
}

func atFinalChecks(t testing.TB) *life {
	l := start(t, withFinalChecks())
	l.succeed("preflight")
	l.decide("approval", ann, refresh.ActionApprove)
	l.succeed("broadcast")
	l.decide("notice", rita, refresh.ActionStartNow)
	l.succeed("broadcast") // the users inside are told the new time
	return l
}

func foreign(op refresh.Operation) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Foreign, Operations: []refresh.Operation{op}, Problem: &refresh.Problem{Code: refresh.Refused, Message: "Somebody was quicker."}}
}

func ended(op refresh.Operation) refresh.Operation {
	op.Status, op.EndedAt = refresh.CopyCompleted, begin
	return op
}

// What the final checks find running is offered, and never run over.
func TestARefreshStartedByHandBeforeTheCopyIsOffered(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"final-checks", "copy"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			at := func() *life {
				l := atFinalChecks(t)
				if step == "copy" {
					l.succeed("final-checks", "snapshot")
				}
				l.report(step, foreign(running("by-hand")))
				return l
			}
			l := at()
			l.want(step+"=troubled", "follow=pending")
			g := l.gate(step)
			if g.Kind != refresh.GateStartedElsewhere || g.Question != "Somebody was quicker." || len(g.Seen) != 1 {
				t.Fatalf("gate %+v", g)
			}
			if diff := cmp.Diff([]refresh.Action{refresh.ActionAdopt, refresh.ActionRetry, refresh.ActionCancel, refresh.ActionDelegate}, g.Actions); diff != "" {
				t.Errorf("buttons (-want +got):\n%s", diff)
			}
			l.refused(click(g, bea, refresh.ActionAdopt), refresh.Denied, "not yours")
			l.refused(click(g, rita, refresh.ActionAdopt), refresh.Denied, "not yours")
			l.tell(refresh.Recovered{})
			l.after(100 * time.Hour).tell(refresh.Tick{})
			l.want(step + "=troubled")

			l.decide(step, bob, refresh.ActionAdopt)
			l.want("copy=running", "snapshot="+map[string]string{"final-checks": "skipped", "copy": "done"}[step])
			if s := l.step("copy"); s.Adopt != "by-hand" {
				t.Fatalf("it does not say what is adopted: %+v", s)
			}
			if l.r.PointOfNoReturn() {
				t.Error("nothing was asked for yet, and it cannot be cancelled")
			}
			l.report("copy", refresh.Outcome{Result: refresh.Succeeded, Operation: "by-hand", Status: refresh.CopyInProgress})
			l.want("copy=done", "follow=running")
			if c := l.r.Copy; c.Operation != "by-hand" || !c.Adopted || !c.SentAt.IsZero() || !l.r.PointOfNoReturn() {
				t.Errorf("copy %+v", c)
			}
			l.audit()

			l = at()
			l.decide(step, rita, refresh.ActionRetry)
			l.want(step + "=running")
			l.report(step, foreign(running("by-hand")))
			l.decide(step, oz, refresh.ActionRetry)
			if step == "copy" {
				l.succeed("copy")
			} else {
				l.succeed("final-checks", "snapshot", "copy")
			}
			l.want("follow=running")
			if l.r.Copy.Adopted {
				t.Error("its own copy counts as adopted")
			}
			l.audit()

			l = at()
			l.decide(step, rita, refresh.ActionCancel)
			l.ended(refresh.Cancelled)
		})
	}
}

// It was waited for, and has ended well: that is asked about too, and a yes is good for what was shown.
func TestARefreshByHandThatHasEndedIsNotOverwrittenUnasked(t *testing.T) {
	t.Parallel()
	l := atFinalChecks(t)
	l.report("final-checks", foreign(ended(running("by-hand"))))
	l.refused(click(l.gate("final-checks"), rita, refresh.ActionStartAgain), refresh.Denied, "not yours")
	l.decide("final-checks", bob, refresh.ActionStartAgain)
	l.want("final-checks=running", "copy=pending")
	if diff := cmp.Diff([]refresh.Operation{running("other")}, l.r.New([]refresh.Operation{running("other"), running("BY-HAND")})); diff != "" {
		t.Errorf("what was decided on is still news (-want +got):\n%s", diff)
	}
	l.succeed("final-checks", "snapshot", "copy")
	l.want("follow=running")
	l.audit()
}

// Before the approval nobody may adopt anything, and when a reply of ours was lost the operation may be our own.
func TestWhatMayBeOursOrIsNotApprovedIsNoForeignRefresh(t *testing.T) {
	t.Parallel()
	l := start(t, request())
	l.report("preflight", foreign(running("by-hand")))
	l.want("preflight=retrying")
	l.audit()

	l = atUnknown(t)
	l.decide("copy", bob, refresh.ActionStartAgain)
	l.after(2 * time.Minute).sight()
	l.report("copy", foreign(running("late")))
	l.want("copy=settling")
	l.audit()
}

// An adoption sends nothing, so it can be tried again whatever becomes of it.
func TestAnAdoptionThatWasCutShortIsRepeated(t *testing.T) {
	t.Parallel()
	l := atFinalChecks(t)
	l.report("final-checks", foreign(running("by-hand")))
	l.decide("final-checks", bob, refresh.ActionAdopt)
	l.tell(refresh.Recovered{})
	l.want("copy=running")
	if s := l.step("copy"); s.Attempt != 2 || s.Adopt != "by-hand" {
		t.Fatalf("after a restart: %+v", s)
	}
	l.report("copy", failure(refresh.Offline))
	l.want("copy=retrying")
	l.after(2 * time.Minute).tell(refresh.Tick{})
	if s := l.step("copy"); s.Status != refresh.Performing || s.Adopt != "by-hand" {
		t.Fatalf("when LCS answers again: %+v", s)
	}
	for l.step("copy").Status != refresh.Troubled { // LCS is away for long
		l.report("copy", failure(refresh.Offline))
		l.after(2 * time.Hour).tell(refresh.Tick{})
	}
	l.decide("copy", bob, refresh.ActionRetry)
	if s := l.step("copy"); s.Status != refresh.Performing || s.Adopt != "by-hand" {
		t.Fatalf("tried again by a person: %+v", s)
	}
	l.succeed("copy")
	l.want("copy=done", "final-checks=skipped")
	l.audit()
}

// What an adoption leaves out was for a copy of refreshbot's own: when there is to be one after all, it is done first.
func TestACopyOfItsOwnAfterAFailedAdoptionBeginsWithTheChecksAndTheSnapshot(t *testing.T) {
	t.Parallel()
	failed := func(t *testing.T, step string) *life {
		l := atFinalChecks(t)
		if step == "copy" {
			l.succeed("final-checks", "snapshot")
		}
		l.report(step, foreign(running("by-hand")))
		l.decide(step, bob, refresh.ActionAdopt)
		l.report("copy", failure(refresh.Refused)) // it was rolled back meanwhile
		l.want("copy=troubled")
		return l
	}
	t.Run("found by the final checks", func(t *testing.T) {
		t.Parallel()
		l := failed(t, "final-checks")
		l.decide("copy", rita, refresh.ActionRetry)
		l.want("final-checks=running", "snapshot=pending", "copy=pending")
		l.succeed("final-checks", "snapshot")
		l.want("copy=running")
		if s := l.step("copy"); s.Adopt != "" {
			t.Fatalf("it is still to be adopted: %+v", s)
		}
		l.succeed("copy")
		l.want("follow=running")
		l.audit()
	})
	t.Run("found just before the copy", func(t *testing.T) {
		t.Parallel()
		l := failed(t, "copy")
		l.decide("copy", rita, refresh.ActionRetry)
		l.want("final-checks=running", "snapshot=done", "copy=pending") // that snapshot is of the target's own data
		l.report("final-checks", foreign(running("another")))
		l.decide("final-checks", bob, refresh.ActionAdopt)
		l.report("copy", refresh.Outcome{Result: refresh.Succeeded, Operation: "another"})
		l.want("follow=running")
		l.audit()
	})
	t.Run("restored from a backup", func(t *testing.T) {
		t.Parallel()
		l := atFinalChecks(t)
		l.report("final-checks", foreign(running("by-hand")))
		l.decide("final-checks", bob, refresh.ActionAdopt)
		restoredFrom(l).after(2 * time.Minute).sight()
		l.decide("copy", bob, refresh.ActionStartAgain)
		l.after(2 * time.Minute).sight()
		l.want("final-checks=running", "snapshot=pending", "copy=pending")
		l.succeed("final-checks", "snapshot", "copy")
		l.audit()
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		l := failed(t, "final-checks")
		l.decide("copy", rita, refresh.ActionCancel)
		l.ended(refresh.Cancelled)
	})
}

// Whatever leads there: the table refuses a copy of one's own on checks that were left out.
func TestNoJournalHoldsACopyOnChecksThatWereLeftOut(t *testing.T) {
	t.Parallel()
	l := atFinalChecks(t)
	l.report("final-checks", foreign(running("by-hand")))
	l.decide("final-checks", bob, refresh.ActionAdopt)
	l.report("copy", failure(refresh.Refused))
	l.commit([]refresh.Event{refresh.StepStarted{Step: "copy", Attempt: 2, Asked: true}})
	if _, err := refresh.Fold(l.journal); err == nil || !strings.Contains(err.Error(), "cannot start before final-checks was done") {
		t.Errorf("it folds: %v", err)
	}
}

func begunAt(op string, began time.Time) refresh.Operation {
	o := running(op)
	o.StartedAt = began
	return o
}

// A lost reply, and one operation in the history: adopted by itself only when its time fits the request.
func TestAnOperationThatDoesNotFitTheRequestIsOffered(t *testing.T) {
	t.Parallel()
	look := func(l *life, ops ...refresh.Operation) {
		t.Helper()
		l.after(2 * time.Minute).tell(refresh.Sighted{Step: "copy", Attempt: l.step("copy").Attempt, Candidates: ops, History: ops, Seen: "Saw it."})
	}
	for offset, ours := range map[time.Duration]bool{0: true, time.Minute: true, -5 * time.Minute: true, -time.Hour: false, 40 * time.Minute: false} {
		l := atCopy(t)
		l.tell(refresh.Recovered{})
		look(l, begunAt("op-7", l.r.Copy.SentAt.Add(offset)))
		if ours {
			l.want("copy=done")
			continue
		}
		l.want("copy=troubled")
		g := l.gate("copy")
		if g.Kind != refresh.GateOutcomeUnknown || len(g.Seen) != 1 || g.Question != "Saw it. The time at which it began does not fit the request: somebody may have started it by hand." {
			t.Errorf("%v: gate %+v", offset, g)
		}
		// Starting again looks first, and what is there is still not run over.
		l.decide("copy", bob, refresh.ActionStartAgain)
		look(l, begunAt("op-7", l.r.Copy.SentAt.Add(offset)))
		l.want("copy=troubled")
		l.decide("copy", bob, refresh.ActionAdopt)
		l.want("copy=settling")
		look(l, begunAt("op-7", l.r.Copy.SentAt.Add(offset)))
		l.want("copy=done")
		l.audit()
	}
}

// What a person was shown is what they adopt.
func TestWhatIsAdoptedIsWhatWasShown(t *testing.T) {
	t.Parallel()
	l := atCopy(t)
	l.tell(refresh.Recovered{})
	l.after(2*time.Minute).sight("new", "old")
	l.decide("copy", bob, refresh.ActionAdopt)
	l.after(2*time.Minute).sight("newer", "new", "old")
	l.want("copy=done")
	if l.r.Copy.Operation != "new" {
		t.Errorf("adopted %s", l.r.Copy.Operation)
	}

	l = atCopy(t)
	l.tell(refresh.Recovered{})
	l.after(2*time.Minute).sight("new", "old")
	l.decide("copy", bob, refresh.ActionAdopt)
	l.tell(refresh.Sighted{Step: "copy", Attempt: 1, Problem: &refresh.Problem{Code: refresh.Offline}})
	l.after(2 * time.Minute).sight("newer") // the one that was shown is gone
	l.want("copy=troubled")
	l.audit()

	l = atUnknown(t) // nothing was shown, and two are there
	l.decide("copy", bob, refresh.ActionAdopt)
	l.after(2*time.Minute).sight("a", "b")
	l.want("copy=troubled")
	l.audit()
}
