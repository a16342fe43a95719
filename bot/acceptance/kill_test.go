package acceptance

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

// The request that begins the copy.
const startPath = "/databasemovement/v1/refresh/"

// reached is a signal for a simulator's fault: closed when the first request meets it.
func reached() (met func(), signal <-chan struct{}) {
	c := make(chan struct{})
	return sync.OnceFunc(func() { close(c) }), c
}

// await waits for a signal.
func (w *world) await(what string, signal <-chan struct{}) {
	w.t.Helper()
	select {
	case <-signal:
	case <-w.ctx.Done():
		w.t.Fatalf("waited in vain: %s", what)
	}
}

func TestKillRightAfterTheApprovalWasAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.restart()
	w.finish()
	w.judge(refresh.Done)
}

func TestKillBetweenSendingTheStartAndItsReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.Fail("lcs", startPath, cloudsim.Fault{Method: "POST", DelayReply: time.Minute})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("LCS has begun the copy", func() bool { return w.cloud.Starts("uat") == 1 })
	w.restart()
	w.until("the running copy is found", func() bool { return w.threadSays("was found in LCS and adopted") == 1 })
	w.finish()
	if r := w.judge(refresh.Done); !r.Copy.Adopted {
		t.Error("the journal does not say that the copy was adopted")
	}
}

func TestKillWhileTheStartIsOnItsWayAndLandsAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	met, sent := reached()
	w.cloud.Fail("lcs", startPath, cloudsim.Fault{Method: "POST", Met: met, LandLate: 500 * time.Millisecond})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.await("the start is on its way", sent)
	w.restart()
	w.finish()
	if r := w.judge(refresh.Done); !r.Copy.Adopted {
		t.Error("the journal does not say that the copy was adopted")
	}
}

func TestKillWithTheStartLostAsksAPersonAndStartsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	met, sent := reached()
	w.cloud.Fail("lcs", startPath, cloudsim.Fault{Method: "POST", Met: met, Delay: time.Minute, DropRequest: true})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.await("the start is on its way", sent)
	w.restart()
	w.until("the card asks whether the copy was started", func() bool { return w.cardSays("Nobody knows whether the copy was started") })
	if n := w.cloud.Starts("uat"); n != 0 {
		t.Errorf("%d starts, and nobody has decided", n)
	}
	if told := w.refused(sam, "start_again"); !strings.Contains(told, "not yours to decide") {
		t.Errorf("a bystander is told: %s", told)
	}
	w.press(anna, "start_again")
	w.finish()
	if r := w.judge(refresh.Done); r.Copy.Adopted {
		t.Error("the journal says that the copy was adopted, but nothing was there to adopt")
	}
}

func TestStartWhoseReplyIsLostIsAdopted(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]cloudsim.Fault{
		"at once":      {Method: "POST", DropReply: true},
		"landing late": {Method: "POST", LandLate: 600 * time.Millisecond}, // settle is longer
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{})
			w.cloud.Fail("lcs", startPath, fault)
			w.start()
			w.ask()
			w.finish()
			if r := w.judge(refresh.Done); !r.Copy.Adopted {
				t.Error("the journal does not say that the copy was adopted")
			}
		})
	}
}

func TestKillDuringTheCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Timeline: cloudsim.Timeline{
		NotStarted: 2 * time.Minute, Copy: 10 * time.Minute, Sync: time.Hour, Tail: time.Minute,
	}})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("uat is offline", func() bool { return !w.cloud.Snapshot("uat").Online })
	w.restart()
	w.finish()
	w.judge(refresh.Done)
}

func TestKillInTheMiddleOfReconfiguring(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	met, sent := reached()
	w.cloud.Fail("uat", "SetBatchJobToWaiting", cloudsim.Fault{Met: met, Delay: time.Minute})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.press(ben, "sign_off")
	w.await("a batch job is being set to Waiting", sent)
	w.restart()
	w.finish()
	w.judge(refresh.Done)
}

func TestKillAtTheSignOffGateLeavesTheCardAnswerable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the card offers sign_off", func() bool { _, ok := w.offered("sign_off"); return ok })
	card := w.card()
	button, _ := w.offered("sign_off")
	w.kill()
	ack, err := w.slack.ClickRaw(w.ctx, ben, channel, card.TS, map[string]any{"action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value})
	if err != nil || ack.OK {
		t.Errorf("a click while nobody listens: %v, ok %v; it should fail visibly", err, ack.OK)
	}
	w.start()
	if again, ok := w.offered("sign_off"); !ok || again.Value != button.Value {
		t.Errorf("the button is another one after the restart: %v %q", ok, again.Value)
	}
	w.press(ben, "sign_off")
	w.finish()
	w.judge(refresh.Done)
}

func TestKillAgainAndAgain(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t, cloudsim.Options{}, withOpen)
	w.start()
	w.ask()
	for kills := 0; kills < 6; {
		after, next := 1+random.IntN(5), ""
		w.until("something happens", func() bool {
			next = w.next()
			return next != "" || w.bot.events() >= after || w.closed()
		})
		if w.closed() {
			break
		}
		if next != "" {
			w.press(played()[next], next)
			continue
		}
		w.restart()
		kills++
	}
	w.finish()
	w.judge(refresh.Done)
}

func TestKillDuringTheFirstPostOfTheCard(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacksim.Fault{
		"that lands after the kill": {Delay: 2 * time.Second},
		"that never arrives":        {Delay: 100 * time.Millisecond, DropRequest: true},
		"that has landed":           {DropReply: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A quarter of it is waited for after a restart: longer than the post takes to land.
			w := newWorld(t, cloudsim.Options{}, edit{"settle: 1200ms\n  pace", "settle: 12s\n  pace"})
			met, sent := reached()
			fault.Met = met
			w.slack.Fail("chat.postMessage", fault)
			w.start()
			w.ask()
			w.await("the card is being posted", sent)
			w.restart()
			w.finish()
			w.judge(refresh.Done)
		})
	}
}
