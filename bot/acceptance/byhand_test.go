package acceptance

import (
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

// Somebody starts a refresh in the LCS portal while the users of the target are being told. The bot offers to adopt
// it, survives a restart meanwhile, starts none of its own, and does the rest.
func TestStoryARefreshStartedByHandIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, longNotice, edit{"keep: [users]", "keep: [batch_groups]"})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the notice runs", func() bool { _, ok := w.offered("start_now"); return ok })
	operation := w.cloud.StartByHand("uat")
	w.press(anna, "start_now")
	w.until("the card offers to adopt it", func() bool { _, ok := w.offered("adopt"); return ok })
	w.restart()
	says(t, "an approver", w.card().Plain(), "Somebody has started a refresh of uat in LCS", operation, "LCS says neither who started", "Check again")
	says(t, "a bystander", w.refused(sam, "adopt"), "not yours to decide")
	w.press(ben, "adopt")
	w.finish()
	w.stop()
	r := w.judgePosts()
	if n := w.cloud.Starts("uat"); n != 0 {
		t.Errorf("LCS counted %d starts by the bot, and the one by hand was adopted", n)
	}
	if r.Status != refresh.Done || !r.Copy.Adopted || r.Copy.Operation != operation {
		t.Errorf("it ended %s (%s); the copy: %+v; want operation %s", r.Status, r.Ending, r.Copy, operation)
	}
	if uat := w.cloud.Snapshot("uat"); uat.SalesOrders != w.before.prod.SalesOrders || uat.Email.Server != "smtp-uat.contoso.com" {
		t.Errorf("uat has %d sales orders and sends through %s", uat.SalesOrders, uat.Email.Server)
	}
}
