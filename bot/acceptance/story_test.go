package acceptance

import (
	"strings"
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

func TestStoryFromSlashToOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, withOpen, withManual)
	w.start()
	w.ask()
	if told := w.refused(rita, "approve"); !strings.Contains(told, "somebody else has to approve") {
		t.Errorf("the requester is told: %s", told)
	}
	if told := w.refused(sam, "approve"); !strings.Contains(told, "not yours to decide") {
		t.Errorf("a bystander is told: %s", told)
	}
	if n := w.cloud.Starts("uat"); n != 0 {
		t.Errorf("%d starts before the approval", n)
	}
	w.finish()
	log := w.bot
	w.judge(refresh.Done)
	w.judgeSecrets(log)
}
