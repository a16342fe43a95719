package phases_test

import (
	"context"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// approved has the bench's refresh approved, its target's history known, and the final checks ahead.
func (b *bench) approved() *bench {
	b.known()
	b.r.Steps = []refresh.Step{{Spec: refresh.Spec{ID: "approval", Kind: refresh.KindApproval}, Status: refresh.Completed}}
	b.r.Gates = []refresh.Gate{{ID: "approval.1", Step: "approval", Count: 1, Outcome: refresh.ActionApprove, Decisions: []refresh.Decision{{Action: refresh.ActionApprove}}}}
	return b
}

// adopt performs the copy as an adoption.
func (b *bench) adopt(operation string) refresh.Outcome {
	b.t.Helper()
	return b.p.Perform(b.t.Context(), b.r, refresh.Step{Spec: refresh.Spec{ID: "copy", Kind: refresh.KindCopy, Name: "copy"}, Adopt: operation})
}

func TestFinalChecksFindARefreshStartedByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t).approved()
	b.want(b.perform(refresh.KindPreflight, nil), refresh.Succeeded, "")
	id := b.StartByHand("uat")
	o := b.perform(refresh.KindPreflight, nil)
	b.want(o, refresh.Foreign, refresh.Refused, "is being refreshed already", "by hand")
	if len(o.Operations) != 1 || o.Operations[0].ID != id || !o.Operations[0].Running() || o.Operations[0].StartedAt.IsZero() {
		t.Fatalf("operations %+v, want %s", o.Operations, id)
	}

	b.finish() // somebody has waited for its end: that it ended well is asked about as well
	o = b.perform(refresh.KindPreflight, nil)
	b.want(o, refresh.Foreign, refresh.Refused, "has been refreshed already")

	b.r.Copy.Known = append(b.r.Copy.Known, id) // decided: copy once more
	b.want(b.perform(refresh.KindPreflight, nil), refresh.Succeeded, "")
	if n := b.Starts("uat"); n != 0 {
		t.Errorf("checking has started %d copies", n)
	}
}

// Whoever approved did so before it: that it is over by the final checks makes it nothing to copy over unasked. It may
// even be a copy of refreshbot's own, when its store was put back by hand.
func TestARefreshThatEndedBeforeTheFinalChecksIsNotRunOverUnasked(t *testing.T) {
	t.Parallel()
	b := newBench(t).approved()
	id := b.StartByHand("uat")
	b.finish()
	o := b.perform(refresh.KindPreflight, nil)
	b.want(o, refresh.Foreign, refresh.Refused, "has been refreshed already", "by hand, or refreshbot has")
	if len(o.Operations) != 1 || o.Operations[0].ID != id || o.Operations[0].Running() {
		t.Fatalf("operations %+v, want %s", o.Operations, id)
	}
	b.want(b.adopt(id), refresh.Succeeded, "", "adopted")

	b.r.Copy.Known = append(b.r.Copy.Known, id) // decided: copy once more, and that is asked once
	b.want(b.perform(refresh.KindPreflight, nil), refresh.Succeeded, "")
	b.want(b.perform(refresh.KindCopy, nil), refresh.Succeeded, "", "accepted")
	if n := b.Starts("uat"); n != 1 {
		t.Errorf("%d copies started", n)
	}
}

// historian is a copier in whose history the newest operation has ended as it says.
type historian struct {
	phases.Copier
	status refresh.CopyStatus
}

func (h historian) History(ctx context.Context, id string) ([]refresh.Operation, error) {
	ops, err := h.Copier.History(ctx, id)
	if err == nil && len(ops) > 0 {
		ops[0].Status = h.status
	}
	return ops, err
}

// What LCS calls the end of a refresh by hand need not be a word that refreshbot knows.
func TestARefreshByHandWithAnyEndButAFailureIsNotRunOverUnasked(t *testing.T) {
	t.Parallel()
	for _, status := range []refresh.CopyStatus{refresh.CopySignedOffWithIssues, refresh.CopyCompletedManually, "Moonstruck", ""} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := newBench(t).approved()
			b.StartByHand("uat")
			b.finish()
			b.p.Copier = historian{b.p.Copier, status}
			b.want(b.perform(refresh.KindPreflight, nil), refresh.Foreign, refresh.Refused, "has been refreshed already")
			b.want(b.perform(refresh.KindCopy, nil), refresh.Foreign, refresh.Refused, "has been refreshed already")
			if n := b.Starts("uat"); n != 0 {
				t.Errorf("%d copies started", n)
			}
		})
	}
}

// What has failed has left the target as it was, and what was there at the first checks was known to whoever approved.
func TestWhatChangedNothingSinceTheApprovalIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.StartByHand("uat")
	b.finish()
	b.approved()
	b.FailNextRefresh(true)
	b.StartByHand("uat")
	b.finish()
	b.want(b.perform(refresh.KindPreflight, nil), refresh.Succeeded, "")
}

func TestAdoptingARefreshStartedByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t).approved()
	id := b.StartByHand("uat")
	o := b.adopt(id)
	b.want(o, refresh.Succeeded, "", "adopted")
	if o.Operation != id {
		t.Errorf("adopted %s, want %s", o.Operation, id)
	}
	b.want(b.adopt("99999999-1111-4222-8333-444455556666"), refresh.Failure, refresh.Refused, "does not show")
	b.Fail("lcs", "/history/", cloudsim.Fault{Status: 503, Times: 1})
	b.want(b.adopt(id), refresh.Failure, refresh.Offline)

	b.finish()
	b.want(b.adopt(id), refresh.Succeeded, "")

	b.FailNextRefresh(true)
	failed := b.StartByHand("uat")
	b.finish()
	b.want(b.adopt(failed), refresh.Failure, refresh.Refused, "has ended: rolled back")
	if n := b.Starts("uat"); n != 0 {
		t.Errorf("adopting has started %d copies", n)
	}
}

func TestALookTellsWhatIsNewAndWhatWasThere(t *testing.T) {
	t.Parallel()
	b := newBench(t).approved()
	b.r.Copy.SentAt = time.Now()
	before := b.p.Look(t.Context(), b.r, refresh.Step{})
	id := b.StartByHand("uat")
	s := b.p.Look(t.Context(), b.r, refresh.Step{})
	if len(s.Candidates) != 1 || s.Candidates[0].ID != id || len(s.History) == 0 || s.History[0].ID != id {
		t.Errorf("sighted %+v", s)
	}
	if len(before.History) == 0 || len(before.Candidates) != 0 {
		t.Errorf("before: %+v", before)
	}
}
