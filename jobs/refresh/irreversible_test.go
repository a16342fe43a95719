package refresh_test

import (
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

func TestALostReplySettlesBeforeAnybodyLooks(t *testing.T) {
	t.Parallel()
	unsure := map[string]refresh.Outcome{
		"reply lost":                {Result: refresh.NotKnown},
		"failure of unknown effect": failure(refresh.Unknown),
		"failure without a reason":  {Result: refresh.Failure},
		"success without operation": {Result: refresh.Succeeded},
		"a result of no kind":       {},
		"a copy that goes on":       {Result: refresh.Continues},
	}
	for name, o := range unsure {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := atCopy(t)
			l.report("copy", o)
			l.want("copy=settling")
			eff := refresh.Effects(l.r)
			if len(eff) != 1 || eff[0].Mode != refresh.ModeLook || !eff[0].NotTill.Equal(l.now.Add(2*time.Minute)) {
				t.Fatalf("effects %+v", eff)
			}
			l.after(2 * time.Minute).sight("op-7")
			l.want("copy=done", "follow=running")
			if c := l.r.Copy; c.Operation != "op-7" || !c.Adopted || c.Status != refresh.CopyInProgress {
				t.Errorf("copy %+v", c)
			}
			l.audit()
		})
	}
}

func TestARestartNeverRepeatsTheCopy(t *testing.T) {
	t.Parallel()
	l := atCopy(t)
	l.tell(refresh.Recovered{})
	l.want("copy=settling")
	until := l.step("copy").SettleUntil
	l.after(time.Minute).tell(refresh.Recovered{})
	l.want("copy=settling")
	if !l.step("copy").SettleUntil.Equal(until) {
		t.Error("a second restart moved the look")
	}
	l.tell(refresh.Reported{Step: "copy", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded, Operation: "late"}})
	l.want("copy=settling")
	l.after(time.Minute).sight()
	l.want("copy=troubled")
	g := l.gate("copy")
	if g.Kind != refresh.GateOutcomeUnknown || g.Question != "Saw 0." {
		t.Errorf("gate %+v", g)
	}
	l.tell(refresh.Recovered{})
	l.after(100 * time.Hour).tell(refresh.Tick{})
	l.want("copy=troubled")
	l.audit()
}

func TestOutcomeUnknown(t *testing.T) {
	t.Parallel()
	settle := 2 * time.Minute
	t.Run("several are not guessed between", func(t *testing.T) {
		t.Parallel()
		l := atCopy(t)
		l.tell(refresh.Recovered{})
		l.after(settle).sight("new", "old")
		l.want("copy=troubled")
		l.decide("copy", bob, refresh.ActionAdopt)
		l.want("copy=settling")
		l.after(settle).sight("new", "old")
		l.want("copy=done")
		if l.r.Copy.Operation != "new" {
			t.Errorf("adopted %s", l.r.Copy.Operation)
		}
	})
	t.Run("nothing to adopt", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		l.decide("copy", oz, refresh.ActionAdopt)
		l.after(settle).sight()
		l.want("copy=troubled")
		l.audit()
	})
	t.Run("start again", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		l.decide("copy", bob, refresh.ActionStartAgain)
		l.want("copy=settling")
		l.after(settle).sight()
		l.want("copy=running")
		if l.step("copy").Attempt != 2 {
			t.Errorf("attempt %d", l.step("copy").Attempt)
		}
		l.succeed("copy")
		l.want("follow=running")
		l.audit()
	})
	t.Run("start again, but it is there by now", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		l.decide("copy", bob, refresh.ActionStartAgain)
		l.after(settle).sight("late")
		l.want("copy=done")
		l.audit()
	})
	t.Run("start again, but several are there", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		l.decide("copy", bob, refresh.ActionStartAgain)
		l.after(settle).sight("a", "b")
		l.want("copy=troubled")
	})
	t.Run("restarted after start again", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		l.decide("copy", bob, refresh.ActionStartAgain)
		l.after(settle).sight()
		l.tell(refresh.Recovered{})
		l.want("copy=settling")
		l.after(settle).sight()
		l.want("copy=troubled") // asked again: one yes is good for one start
		l.audit()
	})
	t.Run("abort", func(t *testing.T) {
		t.Parallel()
		for name, see := range map[string]func(*life){
			"nothing there": func(l *life) { l.sight() },
			"several there": func(l *life) { l.sight("a", "b") },
			"cannot look": func(l *life) {
				l.tell(refresh.Sighted{Step: "copy", Attempt: 1, Problem: &refresh.Problem{Code: refresh.Offline, Message: "LCS does not answer."}})
			},
		} {
			l := atUnknown(t)
			l.decide("copy", bob, refresh.ActionAbort)
			l.want("copy=settling")
			l.after(settle)
			see(l)
			if l.r.Status != refresh.Failed {
				t.Errorf("%s: it stands as %s", name, l.r.Status)
			}
			l.audit()
		}
	})
	t.Run("abort, but it is there by now", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		l.decide("copy", bob, refresh.ActionAbort)
		l.after(settle).sight("late")
		l.want("copy=done", "follow=running") // the target is overwritten whatever is decided: somebody has to see it through
		l.audit()
	})
	t.Run("abort, and only somebody else's is there", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		l.decide("copy", bob, refresh.ActionAbort)
		long := running("by-hand")
		long.StartedAt = l.now.Add(-24 * time.Hour)
		l.after(settle).tell(refresh.Sighted{Step: "copy", Attempt: 1, Seen: "Saw one.", Candidates: []refresh.Operation{long}})
		l.ended(refresh.Failed)
		l.audit()
	})
	t.Run("only by those in charge", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		for _, by := range []refresh.Actor{rita, ann, bea} {
			l.refused(click(l.gate("copy"), by, refresh.ActionStartAgain), refresh.Denied, "not yours")
		}
		l.refused(click(l.gate("copy"), oz, refresh.ActionRetry), refresh.Invalid, "cannot be chosen")
		l.refused(click(l.gate("copy"), oz, refresh.ActionSkip), refresh.Invalid, "cannot be chosen")
	})
}

func TestLookingFails(t *testing.T) {
	t.Parallel()
	look := func(l *life, code refresh.Code) {
		l.tell(refresh.Sighted{Step: "copy", Attempt: 1, Problem: &refresh.Problem{Code: code, Message: "LCS says no."}})
	}
	l := atCopy(t)
	l.tell(refresh.Recovered{})
	for range 20 { // LCS is down for the night
		look(l.after(2*time.Minute), refresh.Offline)
		l.want("copy=settling")
	}
	look(l.after(2*time.Minute), refresh.Denied) // waiting does not cure this
	l.want("copy=troubled")
	l.decide("copy", oz, refresh.ActionStartAgain)
	look(l.after(2*time.Minute), refresh.Denied)
	l.want("copy=troubled") // nothing was seen, so nothing is started
	l.decide("copy", oz, refresh.ActionAdopt)
	l.after(2 * time.Minute).sight("op-1")
	l.want("copy=done")
	l.audit()
}

func TestACopyThatWasCertainlyNotSentIsTriedAgainByItself(t *testing.T) {
	t.Parallel()
	l := atCopy(t)
	l.report("copy", failure(refresh.Throttled))
	l.want("copy=retrying")
	l.after(time.Minute).tell(refresh.Tick{})
	l.want("copy=running")
	l.succeed("copy")
	l.audit()
}

// A look for an earlier attempt was made before the later one was sent: its nothing says nothing.
func TestALookForAnEarlierAttemptIsIgnored(t *testing.T) {
	t.Parallel()
	l := atUnknown(t)
	l.decide("copy", bob, refresh.ActionStartAgain)
	l.after(2 * time.Minute).sight()
	l.report("copy", refresh.Outcome{Result: refresh.NotKnown})
	l.tell(refresh.Sighted{Step: "copy", Attempt: 1})
	l.want("copy=settling")
	l.after(2 * time.Minute).sight("op-2")
	l.want("copy=done")
	l.audit()
}
