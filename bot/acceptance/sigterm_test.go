package acceptance

import (
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

func TestSIGTERMWithNothingUnderWayStopsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.until("the card offers approve", func() bool { _, ok := w.offered("approve"); return ok })
	if took := w.stop(); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	w.start()
	w.finish()
	w.judge(refresh.Done)
}

func TestSIGTERMLeavesAnOpenIntentThatIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.Fail("lcs", startPath, cloudsim.Fault{Method: "POST", DelayReply: time.Minute})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("LCS has begun the copy", func() bool { return w.cloud.Starts("uat") == 1 })
	if took := w.stop(); took > 20*time.Second {
		t.Errorf("stopping took %v; the grace is 10 s", took)
	}
	if r, _ := w.record(); r.Status != refresh.Running {
		t.Errorf("after SIGTERM the refresh is %s", r.Status)
	} else if s, _ := r.Step("copy"); s.Status != refresh.Performing {
		t.Errorf("after SIGTERM the start is %s; its intent should be open", s.Status)
	}
	w.start()
	w.finish()
	if r := w.judge(refresh.Done); !r.Copy.Adopted {
		t.Error("the journal does not say that the copy was adopted")
	}
}
