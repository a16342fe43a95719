package refresh_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

func TestAWholeLife(t *testing.T) {
	t.Parallel()
	l := start(t, request())
	l.want("preflight=running", "approval=pending")
	l.report("preflight", refresh.Outcome{Result: refresh.Succeeded, Known: []string{"old-1"}})
	l.want("preflight=done", "approval=waiting")

	l.decide("approval", ann, refresh.ActionApprove)
	l.want("approval=done", "announce=done", "broadcast=running")
	if want := (refresh.Window{From: begin.Add(30 * time.Minute), To: begin.Add(4*time.Hour + 30*time.Minute)}); l.r.Window != want {
		t.Fatalf("window %v, want %v", l.r.Window, want)
	}
	l.after(time.Minute).succeed("broadcast")
	l.want("notice=waiting", "copy=pending")
	if due := refresh.NextDue(l.r); !due.Equal(begin.Add(30 * time.Minute)) {
		t.Fatalf("due at %v, want the end of the notice", due)
	}
	l.after(28 * time.Minute).tell(refresh.Tick{})
	l.want("notice=waiting")
	l.after(time.Minute).tell(refresh.Tick{})
	l.want("notice=done", "copy=running")

	l.succeed("copy")
	if l.r.Copy.Operation != "op-1" || l.r.Copy.Adopted {
		t.Fatalf("copy %+v", l.r.Copy)
	}
	for _, o := range []refresh.Outcome{
		{Result: refresh.Continues, Status: refresh.CopyPreparing, Note: "preparing"},
		{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "offline", Offline: true},
		{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "offline", Offline: true},
	} {
		l.after(time.Minute).report("follow", o)
	}
	l.after(time.Hour).report("follow", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted, Online: true})
	if c := l.r.Copy; c.Status != refresh.CopyCompleted || c.OfflineAt.IsZero() || !c.OnlineAt.Equal(l.now) {
		t.Fatalf("copy %+v", c)
	}
	l.succeed("smoke")
	l.want("sign-off=waiting", "email=pending")
	l.decide("sign-off", bob, refresh.ActionSignOff)
	l.want("email=running", "jobs=running", "manual=waiting", "open=pending")
	l.succeed("jobs", "email")
	l.decide("manual", rita, refresh.ActionDone)
	l.want("open=waiting")
	l.decide("open", ann, refresh.ActionOpen)
	l.succeed("enable")
	l.ended(refresh.Done)

	want := []string{
		"requested", "step_started preflight", "step_succeeded preflight",
		"gate_opened", "gate_decided", "gate_closed", "step_succeeded approval",
		"window_set", "step_succeeded announce", "step_started broadcast", "step_succeeded broadcast",
		"gate_opened", "gate_closed", "step_succeeded notice",
		"step_started copy", "step_succeeded copy", "step_started follow",
		"step_progressed follow", "target_offline follow", "step_progressed follow", "target_online follow", "step_succeeded follow",
		"step_started smoke", "step_succeeded smoke", "gate_opened", "gate_decided", "gate_closed", "step_succeeded sign-off",
		"step_started email", "step_started jobs", "gate_opened", "step_succeeded jobs", "step_succeeded email",
		"gate_decided", "gate_closed", "step_succeeded manual",
		"gate_opened", "gate_decided", "gate_closed", "step_succeeded open", "step_started enable", "step_succeeded enable", "ended",
	}
	if diff := cmp.Diff(want, l.names(0)); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}

func TestARequestThatCannotBeCarriedOut(t *testing.T) {
	t.Parallel()
	change := func(f func(*refresh.Request)) refresh.Request { r := request(); f(&r); return r }
	tests := map[string]struct {
		req  refresh.Request
		code refresh.Code
	}{
		"no id":            {change(func(r *refresh.Request) { r.ID = "" }), refresh.Internal},
		"no plan":          {change(func(r *refresh.Request) { r.Plan = nil }), refresh.Internal},
		"same name":        {change(func(r *refresh.Request) { r.Source.Name = "uat" }), refresh.Invalid},
		"same environment": {change(func(r *refresh.Request) { r.Source.LCS = "{2222-2222}" }), refresh.Invalid},
		"id used twice":    {change(func(r *refresh.Request) { r.Plan[1].ID = r.Plan[0].ID }), refresh.Internal},
		"unknown kind":     {change(func(r *refresh.Request) { r.Plan[0].Kind = "dance" }), refresh.Internal},
		"unknown phase":    {change(func(r *refresh.Request) { r.Plan[0].Phase = "party" }), refresh.Internal},
		"phases mixed": {change(func(r *refresh.Request) {
			r.Plan[5].Phase = refresh.PhasePrepare
			r.Plan[4].Phase = refresh.PhaseRefresh
		}), refresh.Internal},
		"copy unapproved": {change(func(r *refresh.Request) { r.Plan = r.Plan[5:] }), refresh.Internal},
		"approval too late": {change(func(r *refresh.Request) {
			r.Plan[1], r.Plan[2] = r.Plan[2], r.Plan[1]
		}), refresh.Internal},
		"nobody approves": {with("approval", nil), refresh.Internal},
		"nobody opens":    {with("open", &refresh.Policy{Count: 1}), refresh.Internal},
		"copied twice": {change(func(r *refresh.Request) {
			r.Plan[6].Kind = refresh.KindCopy
		}), refresh.Internal},
		"copy amid reconfigure": {change(func(r *refresh.Request) {
			r.Plan = append(r.Plan[:5:5], refresh.Spec{ID: "copy", Phase: refresh.PhaseReconfigure, Kind: refresh.KindCopy})
		}), refresh.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &life{t: t, now: begin}
			l.refused(tt.req, tt.code, "")
		})
	}
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		start(t, request()).refused(request(), refresh.Stale, "exists already")
	})
	t.Run("told before asked", func(t *testing.T) {
		t.Parallel()
		l := &life{t: t, now: begin}
		l.refused(refresh.Tick{}, refresh.NotFound, "no such refresh")
	})
}

// What is kept is written back before what the configuration sets of the same, also when it has to be tried again.
func TestAStepWaitsForOneThatWritesTheSame(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"done", "skipped"} {
		req := request()
		at := slices.IndexFunc(req.Plan, func(s refresh.Spec) bool { return s.ID == "email" })
		req.Plan[at].After = []string{"keep"}
		req.Plan = slices.Insert(req.Plan, at, refresh.Spec{ID: "keep", Phase: refresh.PhaseReconfigure, Kind: refresh.KindRestore, Name: "KEEP"})
		l := start(t, req)
		l.succeed("preflight")
		l.decide("approval", ann, refresh.ActionApprove)
		l.succeed("broadcast")
		l.decide("notice", rita, refresh.ActionStartNow)
		l.succeed("broadcast")
		l.succeed("copy")
		l.report("follow", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted, Online: true})
		l.succeed("smoke")
		l.decide("sign-off", bob, refresh.ActionSignOff)
		l.want("keep=running", "email=pending", "jobs=running")
		l.report("keep", refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Throttled, Message: "busy"}})
		l.want("keep=retrying", "email=pending")
		l.report("jobs", refresh.Outcome{Result: refresh.Succeeded})
		l.after(time.Hour).tell(refresh.Tick{})
		l.want("keep=running", "email=pending")
		if end == "done" {
			l.succeed("keep")
		} else {
			l.report("keep", refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Refused, Message: "no"}})
			l.want("keep=troubled", "email=pending")
			l.decide("keep", bob, refresh.ActionSkip)
		}
		l.want("keep="+end, "email=running")
	}
}

func TestWhoMayCancel(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		by   refresh.Actor
		code refresh.Code
	}{
		"requester":       {rita, ""},
		"approver":        {ann, ""},
		"member of group": {bob, ""},
		"admin":           {oz, ""},
		"bystander":       {bea, refresh.Denied},
		"nobody":          {refresh.Actor{Person: refresh.Person{Name: "schedule"}, Admin: true}, refresh.Denied},
	}
	stages := map[string]func(testing.TB) *life{
		"approval": atApproval, "notice": atNotice, "preflight": func(t testing.TB) *life { return start(t, request()) },
	}
	for name, tt := range tests {
		for stage, at := range stages {
			t.Run(name+" at "+stage, func(t *testing.T) {
				t.Parallel()
				l := at(t)
				in := refresh.Cancel{By: tt.by, Reason: "not today"}
				if tt.code != "" {
					l.refused(in, tt.code, "Only the requester")
					return
				}
				l.tell(in)
				l.ended(refresh.Cancelled)
				if l.r.EndedBy != tt.by.Person || l.r.Ending != "not today" {
					t.Errorf("ended by %v because %q", l.r.EndedBy, l.r.Ending)
				}
			})
		}
	}
}

func TestNoCancelOnceTheCopyWasSent(t *testing.T) {
	t.Parallel()
	cancel := refresh.Cancel{By: oz}
	l := atCopy(t)
	l.refused(cancel, refresh.Refused, "cannot be called off")
	l.report("copy", failure(refresh.Refused)) // nothing was sent: the way back is open
	l.want("copy=troubled")
	if g := l.gate("copy"); !g.Offers(refresh.ActionCancel) || g.Offers(refresh.ActionAbort) || g.Offers(refresh.ActionSkip) {
		t.Errorf("offers %v", g.Actions)
	}
	l.tell(cancel)
	l.ended(refresh.Cancelled)

	for name, at := range map[string]func(*life){
		"reply lost": func(l *life) { l.report("copy", refresh.Outcome{Result: refresh.NotKnown}) },
		"restarted":  func(l *life) { l.tell(refresh.Recovered{}) },
		"accepted":   func(l *life) { l.succeed("copy") },
	} {
		l := atCopy(t)
		at(l)
		if err := l.try(cancel); refresh.CodeOf(err) != refresh.Refused {
			t.Errorf("%s: cancel: %v, want it refused", name, err)
		}
	}
}

// A refusal of the second attempt says nothing about the first, whose reply was lost.
func TestNoCancelAfterALostAttempt(t *testing.T) {
	t.Parallel()
	l := atUnknown(t)
	l.decide("copy", bob, refresh.ActionStartAgain)
	l.after(2 * time.Minute).sight()
	l.report("copy", failure(refresh.Refused))
	l.refused(refresh.Cancel{By: oz}, refresh.Refused, "cannot be called off")
	if g := l.gate("copy"); g.Offers(refresh.ActionCancel) || !g.Offers(refresh.ActionAbort) {
		t.Errorf("offers %v", g.Actions)
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	t.Run("never by the requester", func(t *testing.T) {
		t.Parallel()
		admin := refresh.Actor{Person: rita.Person, Admin: true, In: []string{"S0RELEASE"}}
		for _, by := range []refresh.Actor{rita, admin} {
			l := atApproval(t)
			l.refused(click(l.gate("approval"), by, refresh.ActionApprove), refresh.Denied, "somebody else has to approve")
		}
		req := with("approval", &refresh.Policy{By: []string{rita.ID}, Count: 1})
		l := start(t, req)
		l.succeed("preflight")
		l.refused(click(l.gate("approval"), rita, refresh.ActionApprove), refresh.Denied, "somebody else")
	})
	t.Run("only by those named", func(t *testing.T) {
		t.Parallel()
		l := atApproval(t)
		l.refused(click(l.gate("approval"), bea, refresh.ActionApprove), refresh.Denied, "not yours")
		l.refused(click(l.gate("approval"), oz, refresh.ActionApprove), refresh.Denied, "not yours")
		l.refused(click(l.gate("approval"), refresh.Actor{In: []string{"S0RELEASE"}}, refresh.ActionApprove), refresh.Denied, "Only a person")
		l.want("approval=waiting")
	})
	t.Run("two of many", func(t *testing.T) {
		t.Parallel()
		l := start(t, with("approval", policy(2, time.Hour)))
		l.succeed("preflight")
		l.decide("approval", ann, refresh.ActionApprove)
		l.want("approval=waiting", "broadcast=pending")
		l.refused(click(l.gate("approval"), ann, refresh.ActionApprove), refresh.Stale, "already; it waits for one other person")
		if l.r.Approved() {
			t.Fatal("approved by one of two")
		}
		l.decide("approval", bob, refresh.ActionApprove)
		l.want("approval=done", "broadcast=running")
		if !l.r.Approved() {
			t.Fatal("not approved by two of two")
		}
		l.audit()
	})
	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		l := atApproval(t)
		g := l.gate("approval")
		in := click(g, ann, refresh.ActionReject)
		in.Reason = "release freeze"
		l.tell(in)
		l.ended(refresh.Rejected)
		if l.r.Ending != "release freeze" {
			t.Errorf("because %q", l.r.Ending)
		}
		l.refused(click(g, bob, refresh.ActionApprove), refresh.Stale, "Already decided: rejected by Ann, 2026-11-20 18:00 UTC.")
	})
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		l := start(t, with("approval", policy(2, time.Hour)))
		l.succeed("preflight")
		l.decide("approval", ann, refresh.ActionApprove)
		g := l.gate("approval")
		l.after(time.Hour - time.Nanosecond).tell(refresh.Tick{})
		l.want("approval=waiting")
		l.after(time.Nanosecond).refused(click(g, bob, refresh.ActionApprove), refresh.Stale, "Too late")
		l.tell(refresh.Tick{})
		l.ended(refresh.Expired)
		l.refused(click(g, bob, refresh.ActionApprove), refresh.Stale, "Too late: nobody decided in time, 2026-11-20 19:00 UTC.")
	})
}

// Two must sign off, and two must open: one person pressing twice is one.
func TestNobodyCountsTwice(t *testing.T) {
	t.Parallel()
	req := with("sign-off", policy(2, 0))
	for i := range req.Plan {
		if req.Plan[i].ID == "open" {
			req.Plan[i].Policy = policy(2, 0)
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
	l.refused(click(l.gate("sign-off"), ann, refresh.ActionSignOff), refresh.Stale, "already")
	l.decide("sign-off", bob, refresh.ActionSignOff)
	l.succeed("email", "jobs")
	l.decide("manual", oz, refresh.ActionSkip)
	l.want("manual=skipped")
	l.decide("open", bob, refresh.ActionOpen)
	l.refused(click(l.gate("open"), bob, refresh.ActionOpen), refresh.Stale, "already")
	l.decide("open", ann, refresh.ActionOpen)
	l.succeed("enable")
	l.ended(refresh.Done)
}

func TestOldButtons(t *testing.T) {
	t.Parallel()
	l := atApproval(t)
	g := l.gate("approval")
	wrong := click(g, ann, refresh.ActionApprove)
	wrong.Nonce = "n0.1"
	l.refused(wrong, refresh.Stale, "earlier question")
	l.refused(refresh.Click{Gate: "approval.9", Nonce: g.Nonce, Action: refresh.ActionApprove, By: ann}, refresh.Stale, "earlier question")
	l.refused(refresh.Click{}, refresh.Stale, "earlier question")
	l.refused(click(g, ann, refresh.ActionSignOff), refresh.Invalid, "cannot be chosen here")
	l.decide("approval", ann, refresh.ActionApprove)
	l.after(5*time.Minute).refused(click(g, bob, refresh.ActionReject), refresh.Stale, "Already decided: approved by Ann, 2026-11-20 18:00 UTC.")
	l.succeed("broadcast")
	n := l.gate("notice")
	l.after(26 * time.Minute).tell(refresh.Tick{})
	l.refused(click(n, rita, refresh.ActionPostpone), refresh.Stale, "Too late: the wait is over, 2026-11-20 18:31 UTC.")
}

func TestAfterTheEnd(t *testing.T) {
	t.Parallel()
	l := start(t, request())
	l.tell(refresh.Cancel{By: rita})
	l.ended(refresh.Cancelled)
	n := l.r.Version
	for _, in := range []refresh.Input{
		refresh.Tick{}, refresh.Recovered{}, refresh.Reported{Step: "preflight", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded}},
		refresh.Sighted{Step: "copy"},
	} {
		l.tell(in)
	}
	l.refused(refresh.Cancel{By: rita}, refresh.Stale, "has ended")
	l.refused(refresh.Click{Gate: "approval.1", By: ann}, refresh.Stale, "has ended")
	l.refused(request(), refresh.Stale, "has ended")
	if l.r.Version != n || len(refresh.Effects(l.r)) > 0 || !refresh.NextDue(l.r).IsZero() {
		t.Error("it moved after its end")
	}
}

// What the last process was writing may land late; what waits for it must not be overwritten then.
func TestARestartLetsAnEarlierWriteLandBeforeWhatWaitsForIt(t *testing.T) {
	t.Parallel()
	req := request()
	at := slices.IndexFunc(req.Plan, func(s refresh.Spec) bool { return s.ID == "jobs" })
	req.Plan[at].After = []string{"email"}
	l := start(t, req)
	l.succeed("preflight")
	l.decide("approval", ann, refresh.ActionApprove)
	l.succeed("broadcast")
	l.decide("notice", rita, refresh.ActionStartNow)
	l.succeed("broadcast")
	l.succeed("copy")
	l.report("follow", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted, Online: true})
	l.succeed("smoke")
	l.decide("sign-off", bob, refresh.ActionSignOff)
	l.tell(refresh.Recovered{})
	l.want("email=retrying", "jobs=pending")
	if due := refresh.NextDue(l.r); !due.Equal(l.now.Add(req.Settings.Settle)) {
		t.Errorf("due at %v, not once the request has landed", due)
	}
	l.after(req.Settings.Settle).tell(refresh.Tick{})
	l.succeed("email")
	l.want("jobs=running")
	l.tell(refresh.Recovered{}) // nothing waits for this one
	l.want("jobs=running")
}
