package bot_test

import (
	"strings"
	"testing"

	"refreshbot/jobs/refresh"
)

func TestTheAdminsHearOnceOfARefreshThatDoesNotMove(t *testing.T) {
	t.Parallel()
	b := newBench(t, withBoss(false)).connected()
	why := refresh.Errorf(refresh.Internal, "Its row cannot be written.")
	b.bot.Load().Stuck("uat-1", why)
	heard := func() int { return b.heard(boss, "The refresh uat-1 does not move.") }
	b.until("the boss is told", func() bool { return heard() == 1 })
	if page := get(b.health, "/readyz").Body.String(); !strings.Contains(page, `"stuck":{"uat-1":"Its row cannot be written."}`) {
		t.Errorf("readyz: %s", page)
	}
	b.stop()
	b.start()
	b.connected()
	b.bot.Load().Stuck("uat-1", why)
	b.bot.Load().Stuck("uat-2", why)
	b.until("the boss is told of the next", func() bool { return b.heard(boss, "The refresh uat-2 does not move.") == 1 })
	if n := heard(); n != 1 {
		t.Errorf("the boss is told %d times", n)
	}
	b.bot.Load().Stuck("uat-1", nil)
	b.bot.Load().Stuck("uat-2", nil)
	if page := get(b.health, "/metrics").Body.String(); !strings.Contains(page, "refreshbot_refreshes_stuck 0") {
		t.Error("the metric counts what moves again")
	}
}
