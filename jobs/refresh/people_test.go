package refresh_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

var (
	cy  = actor("U0CY", "Cy", "S0RELEASE")
	dan = actor("U0DAN", "Dan") // decides nothing until somebody lets him
)

// atApprovals waits for so many approvals.
func atApprovals(t testing.TB, count int) *life {
	l := start(t, with("approval", policy(count, 24*time.Hour)))
	l.succeed("preflight")
	return l
}

func (l *life) delegate(step string, by, to refresh.Actor) refresh.Delegate {
	l.t.Helper()
	g := l.gate(step)
	return refresh.Delegate{Gate: g.ID, Nonce: g.Nonce, By: by, To: to.Person, Reason: "on holiday"}
}

func TestADecisionCanBeDelegated(t *testing.T) {
	t.Parallel()
	l := atApprovals(t, 2)
	l.refused(click(l.gate("approval"), dan, refresh.ActionApprove), refresh.Denied, "not yours")
	l.tell(l.delegate("approval", ann, dan))
	if diff := cmp.Diff([]string{"U0ANN", "S0RELEASE", "U0DAN"}, l.gate("approval").Deciders()); diff != "" {
		t.Errorf("who decides (-want +got):\n%s", diff)
	}
	l.decide("approval", dan, refresh.ActionApprove)
	l.want("approval=waiting")
	l.decide("approval", ann, refresh.ActionApprove) // she gave nothing away
	l.want("approval=done")
	l.audit()

	// It holds for the one question.
	l.succeed("broadcast")
	l.refused(click(l.gate("notice"), dan, refresh.ActionStartNow), refresh.Denied, "not yours")
}

func TestWhoMayDelegateToWhom(t *testing.T) {
	t.Parallel()
	l := atApprovals(t, 1)
	admin := refresh.Actor{Person: rita.Person, Admin: true, In: []string{"S0RELEASE"}}
	for name, tc := range map[string]struct {
		by, to refresh.Actor
		code   refresh.Code
		words  string
	}{
		"a bystander":                        {bea, dan, refresh.Denied, "not yours"},
		"an admin who is no approver":        {oz, dan, refresh.Denied, "not yours"},
		"the requester":                      {rita, dan, refresh.Denied, "somebody else has to approve"},
		"the requester, an approver as well": {admin, dan, refresh.Denied, "somebody else has to approve"},
		"to the requester":                   {ann, rita, refresh.Denied, "Rita asked for this refresh"},
		"to oneself":                         {ann, ann, refresh.Invalid, "already"},
		"to one who can":                     {bob, ann, refresh.Stale, "This person can decide this already"},
		"to nobody":                          {ann, refresh.Actor{}, refresh.Invalid, "Name the person"},
		"by nobody":                          {refresh.Actor{}, dan, refresh.Denied, "Only a person"},
	} {
		t.Run(name, func(t *testing.T) {
			l := l
			l.t = t
			l.refused(l.delegate("approval", tc.by, tc.to), tc.code, tc.words)
		})
	}
	l.t = t
	l.tell(l.delegate("approval", ann, dan))
	l.tell(l.delegate("approval", dan, bea)) // a delegate can decide, so can delegate
	l.refused(l.delegate("approval", ann, dan), refresh.Stale, "This person can decide this already")
	old := l.delegate("approval", ann, cy)
	l.decide("approval", bea, refresh.ActionApprove)
	l.refused(old, refresh.Stale, "Already decided: approved by Bea")
	l.audit()
}

func TestDelegatingWhatIsDecidedInTrouble(t *testing.T) {
	t.Parallel()
	l := atReconfigure(t)
	l.report("email", failure(refresh.Refused))
	l.refused(l.delegate("email", rita, dan), refresh.Denied, "not yours") // she may only have it tried again
	l.tell(l.delegate("email", oz, dan))
	l.decide("email", dan, refresh.ActionSkip)
	l.want("email=skipped")
	l.tell(l.delegate("manual", rita, dan))
	l.decide("manual", dan, refresh.ActionDone)
	l.succeed("jobs")
	l.tell(l.delegate("open", ann, rita)) // the four eyes are for the approval
	l.decide("open", rita, refresh.ActionOpen)
	l.want("open=done")
	l.audit()
}

func TestADelegationOutlivesAQuestionThatIsAskedAnew(t *testing.T) {
	t.Parallel()
	req := request()
	i := slices.IndexFunc(req.Plan, func(s refresh.Spec) bool { return s.ID == "open" })
	req.Plan = slices.Insert(req.Plan, i, refresh.Spec{ID: "preview", Phase: refresh.PhaseOpen, Kind: refresh.KindPreview, Name: "PREVIEW"})
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
	l.succeed("preview")
	l.tell(l.delegate("open", ann, dan))
	l.tell(refresh.ListUsers{By: rita, From: "a list", Names: []string{"CARL"}})
	l.succeed("preview")
	l.decide("open", dan, refresh.ActionOpen)
	l.want("open=done")
	l.audit()
}

func TestAnApprovalCanBeTakenBackWhileOthersAreWaitedFor(t *testing.T) {
	t.Parallel()
	l := atApprovals(t, 2)
	l.refused(click(l.gate("approval"), ann, refresh.ActionWithdraw), refresh.Invalid, "nothing to take back")
	l.decide("approval", ann, refresh.ActionApprove)
	l.refused(click(l.gate("approval"), ann, refresh.ActionApprove), refresh.Stale, "waits for one other person")
	l.refused(click(l.gate("approval"), bob, refresh.ActionWithdraw), refresh.Invalid, "nothing to take back")
	l.decide("approval", ann, refresh.ActionWithdraw)
	if g := l.gate("approval"); g.Votes(refresh.ActionApprove) != 0 || len(g.Decisions) != 2 {
		t.Fatalf("gate %+v", g)
	}
	l.refused(click(l.gate("approval"), ann, refresh.ActionWithdraw), refresh.Invalid, "nothing to take back")
	l.decide("approval", bob, refresh.ActionApprove)
	l.want("approval=waiting")
	l.decide("approval", ann, refresh.ActionApprove) // she has thought again
	l.want("approval=done")
	if !l.r.Approved() {
		t.Error("two have approved, and it is not approved")
	}
	l.refused(click(l.r.Gates[0], ann, refresh.ActionWithdraw), refresh.Stale, "Already decided")
	l.audit()
}

func TestOneApprovalIsNotTakenBack(t *testing.T) {
	t.Parallel()
	l := atApprovals(t, 1)
	if g := l.gate("approval"); g.Offers(refresh.ActionWithdraw) || !g.Offers(refresh.ActionDelegate) {
		t.Errorf("it offers %v", g.Actions)
	}
	l.refused(click(l.gate("approval"), ann, refresh.ActionDelegate), refresh.Invalid, "Name the person")
}

func TestARejectionSaysWhy(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"UAT is in use until Monday", ""} {
		l := atApprovals(t, 2)
		l.decide("approval", bob, refresh.ActionApprove)
		in := click(l.gate("approval"), ann, refresh.ActionReject)
		in.Reason = reason
		l.tell(in)
		l.ended(refresh.Rejected)
		if l.r.Ending != reason || l.r.EndedBy != ann.Person {
			t.Errorf("ended %q by %v", l.r.Ending, l.r.EndedBy)
		}
	}
}
