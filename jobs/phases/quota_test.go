package phases_test

import (
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

func TestTheStartsOfADayAreCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.StartByHand("uat")
	b.finish()
	q, err := b.p.Quota(t.Context(), b.r.Target)
	if err != nil || q.Used != 1 || q.Left() != 2 || !q.Free.IsZero() || q.String() != "1 of 3 starts in 24 h used" {
		t.Errorf("%+v, %v", q, err)
	}
	b.Fail("lcs", "", cloudsim.Fault{Status: 503, Times: -1}) // what was counted a moment ago still holds
	if again, err := b.p.Quota(t.Context(), b.r.Target); err != nil || again != q {
		t.Errorf("%+v, %v", again, err)
	}
	other := b.r.Target
	other.LCS = b.LCSID("prod")
	if _, err := b.p.Quota(t.Context(), other); refresh.CodeOf(err) != refresh.Offline {
		t.Errorf("another environment: %v", err)
	}
}

func TestAQuotaThatIsFreeByTheStartTimeStopsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 3 {
		b.StartByHand("uat")
		b.finish()
	}
	b.r.StartAt = time.Now().Add(25 * time.Hour)
	b.want(b.perform(refresh.KindPreflight, nil), refresh.Succeeded, "")
	b.r.StartAt = time.Now().Add(23 * time.Hour)
	b.bad(b.perform(refresh.KindPreflight, nil), "LCS accepts a refresh", "3 of 3 starts in 24 h used")
}
