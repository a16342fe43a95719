package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

// says wants a text that a person reads to hold some words.
func says(t testing.TB, who, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s reads %q, which does not say %q", who, text, w)
		}
	}
}

func TestStoryFromSlashToOpenLeaksNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, withOpen, withManual)
	w.start()
	w.ask()
	w.finish()
	w.until("the report is posted", func() bool { return strings.Contains(string(w.card().Blocks), "every step, decision and time") })
	bot := w.bot
	w.judge(refresh.Done)
	w.judgeSecrets(bot.text())
}

func TestStoryApprovalIsRefusedToRequesterAndBystander(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	says(t, "the requester", w.refused(rita, "approve"), "somebody else has to approve")
	says(t, "a bystander", w.refused(sam, "approve"), "not yours to decide")
	says(t, "a bystander", w.refused(sam, "reject"), "not yours to decide")
	if n := len(w.card().Buttons()); n == 0 {
		t.Error("the card has no buttons any more, and nobody has decided")
	}
	w.reject(anna, "uat is in use")
	w.waitClosed()
	says(t, "the channel", w.card().Plain(), "Rejected by @anna", "uat is in use")
	w.judge(refresh.Rejected)
}

func TestStoryAnApproverLetsSomebodyElseDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, edit{"approve:  {by: [" + release + "], count: 1", "approve:  {by: [" + release + "], count: 2"})
	w.start()
	w.ask()
	w.press(ben, "approve")
	w.until("the card counts", func() bool { return w.cardSays("1 of 2") })
	w.press(ben, "withdraw")
	w.until("the card counts again", func() bool { return w.cardSays("0 of 2") })
	w.press(anna, "delegate")
	w.fill(anna, map[string]map[string]any{"person": {"given": rita}})
	if v, ok := w.slack.View(anna); !ok || !strings.Contains(v.Errors["reason"]+v.Errors["person"], "asked for this refresh") {
		t.Errorf("the requester was named, and the form says %v", v.Errors)
	}
	w.fill(anna, map[string]map[string]any{"person": {"given": sam}, "reason": {"given": "On holiday"}})
	w.until("the card names sam", func() bool { return w.cardSays("@anna asked @sam to decide too: On holiday") })
	w.restart()
	clear(w.used) // the question is the same as before, and so are its buttons
	w.press(anna, "approve")
	w.until("one is still missing", func() bool { return w.cardSays("1 of 2") })
	w.reject(sam, "")
	w.waitClosed()
	says(t, "the channel", w.card().Plain(), "Rejected by @sam")
	w.stop()
	if n := w.cloud.Starts("uat"); n != 0 {
		t.Errorf("LCS counted %d starts", n)
	}
}

func TestStoryRejectedRefreshChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.until("the card offers approve", func() bool { _, ok := w.offered("approve"); return ok })
	stale, _ := w.offered("approve")
	w.reject(anna, "uat is in use")
	w.waitClosed()
	told := len(w.slack.Ephemerals(ben))
	ack, err := w.slack.ClickRaw(w.ctx, ben, channel, w.card().TS, map[string]any{"action_id": stale.ActionID, "block_id": stale.BlockID, "value": stale.Value})
	if err != nil || !ack.OK {
		t.Fatalf("a click on the old button: %v %s", err, ack.Error)
	}
	w.until("ben is told that it is too late", func() bool { return len(w.slack.Ephemerals(ben)) > told })
	says(t, "the late approver", w.slack.Ephemerals(ben)[told].Plain(), "Already decided: rejected by anna")
	w.judge(refresh.Rejected)
}

func TestStoryCancelledBySlashChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, longNotice)
	w.start()
	w.ask()
	says(t, "a second requester", w.slash(ben, "/refresh uat"), "is being refreshed already", "/refresh status uat")
	says(t, "a bystander", w.slash(sam, "/refresh cancel uat"), "Only the requester, an approver or an admin")
	w.press(anna, "approve")
	w.until("the notice runs", func() bool { _, ok := w.offered("start_now"); return ok })
	says(t, "the requester", w.slash(rita, "/refresh cancel uat because the month is being closed"), "Cancelled", "stays as it is")
	w.waitClosed()
	says(t, "the channel", w.card().Plain(), "Cancelled by @rita", "the month is being closed")
	w.judge(refresh.Cancelled)
}

func TestStoryPostponedThenStartedNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, longNotice)
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.press(rita, "postpone")
	w.until("card and thread say that it was moved", func() bool {
		return w.cardSays("Postponed by @rita") && w.threadSays("Moved by @rita") == 1
	})
	if n := w.cloud.Starts("uat"); n != 0 {
		t.Errorf("%d starts during the notice", n)
	}
	w.press(anna, "start_now")
	w.finish()
	r := w.judge(refresh.Done)
	if begins := r.Window.From.Sub(r.RequestedAt); begins > time.Hour {
		t.Errorf("it was started, and the downtime is still announced for %v after the request", begins)
	}
	if w.threadSays("goes down now, sooner than announced") != 1 || w.threadSays("were told about the downtime") < 2 {
		t.Error("the users were not told that it is now")
	}
}

func TestStoryNoticeElapsesByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, edit{"notice: 200ms", "notice: 1500ms"})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the notice runs", func() bool { _, ok := w.offered("start_now"); return ok })
	w.until("the copy begins without anybody", func() bool { return w.cloud.Starts("uat") == 1 })
	w.finish()
	r := w.judge(refresh.Done)
	if r.Copy.SentAt.Before(r.Window.From) {
		t.Errorf("the copy was asked for at %v, before the end of the notice at %v", r.Copy.SentAt, r.Window.From)
	}
}

func TestStoryFailingStepIsRetriedWhileOthersGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.SetBatchBehaviour(cloudsim.BatchBehaviour{WithholdRefused: true})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.press(ben, "sign_off")
	w.until("the card shows what failed", func() bool { _, ok := w.offered("retry"); return ok && w.cardSays("Batch jobs to Waiting failed") })
	w.until("the steps after it are done", func() bool {
		return w.threadSays("Document links: done") == 1 && w.threadSays("Entity store: done") == 1
	})
	says(t, "an approver", w.card().Plain(), "Workflow message processing", "by hand")
	w.cloud.SetBatchBehaviour(cloudsim.BatchBehaviour{})
	w.press(anna, "retry")
	w.finish()
	w.judge(refresh.Done)
}

func TestStoryFailingStepIsSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.SetBatchBehaviour(cloudsim.BatchBehaviour{WithholdRefused: true})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.press(ben, "sign_off")
	w.until("the failed step comes first", func() bool { _, ok := w.offered("retry"); return ok })
	w.press(anna, "skip")
	w.finish()
	says(t, "the channel", w.card().Plain(), "Skipped:", "Batch jobs to Waiting by @anna")
	w.cloud.Mutate("uat", func(e *cloudsim.Environment) { // what was skipped is done by hand, so that the judge is content
		for i, j := range e.BatchJobs {
			if j.Description == "Workflow message processing" || j.Description == "Email distributor batch" {
				e.BatchJobs[i].Status = "Waiting"
			}
		}
	})
	if r := w.judge(refresh.Done); r.Status == refresh.Done {
		if s, _ := r.Step("set-3"); s.Status != refresh.Skipped {
			t.Errorf("step %q is %s, not skipped", s.Name, s.Status)
		}
	}
}

func TestStorySignOffInLCSClosesTheGate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the card offers sign_off", func() bool { _, ok := w.offered("sign_off"); return ok })
	if !w.cloud.SignOff("uat") {
		t.Fatal("LCS has nothing to sign off")
	}
	w.until("the gate is closed", func() bool { return w.threadSays("Signed off in LCS") == 1 })
	w.finish()
	says(t, "the channel", w.card().Plain(), "somebody in LCS")
	w.judge(refresh.Done)
}

func TestStoryFailedCopyIsRolledBackAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.FailNextRefresh(true)
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.waitClosed()
	says(t, "the channel", w.card().Plain(), "Failed", "put the old data of uat back")
	w.judge(refresh.Failed)
	uat := w.cloud.Snapshot("uat")
	if uat.SalesOrders != w.before.uat.SalesOrders || uat.Email.Server != w.before.uat.Email.Server {
		t.Errorf("uat has %d sales orders and sends through %s: that is not its old data", uat.SalesOrders, uat.Email.Server)
	}
	if n := w.cloud.Starts("uat"); n != 1 {
		t.Errorf("LCS counted %d starts, not 1", n)
	}
}

func TestStoryAppRegistrationLostWithTheCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	// Somebody tidies up production at the worst moment: after the last check and before the copy.
	w.cloud.Fail("lcs", startPath, cloudsim.Fault{Method: "POST", Delay: time.Millisecond, Met: func() { w.cloud.RemoveApp("prod", w.cloud.AppID()) }})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the card offers another try", func() bool { _, ok := w.offered("retry"); return ok })
	says(t, "an approver", w.card().Plain(), "Follow the copy failed", "Microsoft Entra applications")
	w.cloud.AddApp("uat", w.cloud.AppID(), "DBMovementAPI")
	w.press(anna, "retry")
	w.finish()
	w.judge(refresh.Done)
}

func TestStoryTokensEndInTheMiddleOfTheCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Timeline: cloudsim.Timeline{
		NotStarted: 2 * time.Minute, Copy: 20 * time.Minute, Sync: 20 * time.Minute, Tail: time.Minute,
	}})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the copy runs", func() bool { return w.cloud.Starts("uat") == 1 })
	w.cloud.ExpireTokens()
	w.finish()
	w.judge(refresh.Done)
}

func TestStorySlackIsGoneForAWhileAndCatchesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the copy runs", func() bool { return w.cloud.Starts("uat") == 1 })
	w.slack.RevokeTokens()
	w.until("the copy is followed to its end without Slack", func() bool {
		return w.bot.logged(map[string]string{"event": "step_succeeded", "step": "follow"})
	})
	if n := w.threadSays("The copy is complete"); n != 0 {
		t.Errorf("%d messages about the end of the copy although Slack refuses all", n)
	}
	w.slack.RestoreTokens()
	w.until("the bot hears from Slack again", func() bool { return w.slack.Connections() > 0 })
	w.finish()
	w.judge(refresh.Done)
}

func TestStoryUsersHandedInThroughTheForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, withOpen)
	w.start()
	w.ask()
	for next := ""; next != "open"; {
		w.until("the card asks for something", func() bool { next = w.next(); return next != "" })
		if next != "open" {
			w.press(played()[next], next)
		}
	}
	early, _ := w.offered("open")

	if answer := w.slash(rita, "/refresh users uat"); answer != "" {
		t.Fatalf("/refresh users uat: %s", answer)
	}
	var form slacksim.View
	w.until("the form is open", func() (ok bool) { form, ok = w.slack.View(rita); return ok })
	ack, err := w.slack.Submit(w.ctx, rita, form.ID, map[string]map[string]any{
		"file":  {"given": map[string]any{"files": []map[string]any{{"name": "trainees.csv", "data": "Name;User ID\nDan Mills;DAN\n;FRServiceUser\n"}}}},
		"names": {"given": "carla@contoso.comm\nANNA"},
	})
	if err != nil || !ack.OK {
		t.Fatalf("the form: %+v, %v", ack, err)
	}
	w.until("the card asks again", func() bool { b, ok := w.offered("open"); return ok && b.Value != early.Value })
	says(t, "the channel", w.card().Plain(), "carla@contoso.comm", "nearest is carla@contoso.com", "FRServiceUser", "never touched")
	w.finish()
	w.waitClosed()
	var in []string
	for _, u := range w.cloud.Snapshot("uat").Users {
		if u.Enabled && !(refresh.User{ID: u.ID}).ServiceUser() {
			in = append(in, u.ID)
		}
	}
	slices.Sort(in)
	if got := strings.Join(in, " "); got != "ANNA Admin BO CARLA DAN DBMovementAPI GITA" {
		t.Errorf("in uat: %s", got)
	}
	if w.threadSays("hands in 4 users") != 1 {
		t.Error("the thread does not have the list once")
	}
}
