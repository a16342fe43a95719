package acceptance

import (
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

// What LCS says of the target counts, when the refresh is asked for and again right before the copy; not what the
// configuration says, and not what was so when somebody approved.
func TestATargetThatIsProductionIsNeverOverwritten(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]func(w *world){
		"when it is asked for": func(w *world) {
			w.production("uat")
			w.ask()
			w.until("the preflight refuses", func() bool { return w.cardSays("LCS says uat is a Production environment") })
		},
		"after it was approved": func(w *world) {
			w.ask()
			w.press(anna, "approve")
			w.until("the notice runs", func() bool { _, ok := w.offered("start_now"); return ok })
			w.production("uat")
			w.press(anna, "start_now")
			w.until("the final checks refuse", func() bool { return w.cardSays("LCS says uat is a Production environment") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{}, longNotice)
			w.start()
			when(w)
			if _, ok := w.offered("skip"); ok {
				t.Error("the check can be skipped")
			}
			w.press(ben, "cancel")
			w.waitClosed()
			w.stop()
			if n := w.cloud.Starts("uat"); n != 0 {
				t.Errorf("LCS counted %d starts", n)
			}
			if r, _ := w.record(); r.Status != refresh.Cancelled || !r.Copy.SentAt.IsZero() {
				t.Errorf("the refresh is %s, the copy was sent at %v", r.Status, r.Copy.SentAt)
			}
		})
	}
}

func (w *world) production(name string) {
	w.cloud.Mutate(name, func(e *cloudsim.Environment) { e.Type = "Production" })
}
