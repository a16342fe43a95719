package bot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// gated is a bench whose handler lets clicks in and holds them there, before anything is committed.
type gated struct {
	*bench
	clicks  atomic.Int32
	entered chan struct{} // one for each click
	release func()
}

func newGated(t *testing.T, settings ...setting) *gated {
	t.Helper()
	g := &gated{entered: make(chan struct{}, 300)}
	var service atomic.Pointer[commands.Service]
	on := make(chan struct{})
	g.release = sync.OnceFunc(func() { close(on) })
	held := []setting{func(_ *bench, o *slacksim.Options) { o.AckTimeout = 20 * time.Second }, handling(handler{
		slash: func(ctx context.Context, in commands.Line) commands.Reply { return service.Load().Slash(ctx, in) },
		click: func(ctx context.Context, in commands.Press) commands.Reply {
			g.clicks.Add(1)
			g.entered <- struct{}{}
			<-on
			return service.Load().Click(ctx, in)
		},
	})}
	g.bench = newBench(t, append(held, settings...)...)
	service.Store(g.answers)
	t.Cleanup(g.release)
	g.connected()
	return g
}

// click has anna press a button of the card, in the background.
func (g *gated) click(a refresh.Action) <-chan slacksim.Ack {
	g.t.Helper()
	card := g.offered(a)
	acks := make(chan slacksim.Ack, 1)
	go func() {
		ack, err := g.sim.Click(g.ctx, anna, channel, card.TS, "gate:"+string(a))
		if err != nil {
			ack.Error = err.Error()
		}
		acks <- ack
	}()
	return acks
}

func (g *gated) got(what <-chan slacksim.Ack) slacksim.Ack {
	g.t.Helper()
	select {
	case ack := <-what:
		return ack
	case <-g.ctx.Done():
		g.t.Fatal("no acknowledgement")
		return slacksim.Ack{}
	}
}

// approvedOnce fails the test unless there is one approval, which the card and its thread show.
func (g *gated) approvedOnce() {
	g.t.Helper()
	g.settled()
	if r := g.refresh(); len(r.Gates[0].Decisions) != 1 || !r.Approved() {
		g.t.Errorf("decisions: %+v", r.Gates[0].Decisions)
	}
	n := 0
	for _, m := range g.replies() {
		if strings.Contains(m.Plain(), "Approved by") {
			n++
		}
	}
	if n != 1 {
		g.t.Errorf("the thread tells %d approvals:\n%s", n, g.sim.Transcript(channel))
	}
	g.noDoubles()
}

func TestADisconnectInTheMiddleOfAClick(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"warning", "refresh_requested", "link_disabled", "too_many_websockets", ""} {
		t.Run("reason "+reason, func(t *testing.T) {
			t.Parallel()
			g := newGated(t)
			g.ask()
			opened := g.opened()
			acks := g.click(refresh.ActionApprove)
			<-g.entered
			if reason == "" {
				g.sim.DropConnections()
			} else {
				g.sim.Disconnect(reason)
			}
			g.until("two new connections", func() bool { return g.opened() >= opened+2 && g.sim.Connections() == 2 })
			g.release()
			if ack := g.got(acks); !ack.OK {
				t.Errorf("ack: %+v", ack)
			}
			g.approvedOnce()
		})
	}
}

// The envelope that is in hand is committed and acknowledged; one that comes after that is neither.
func TestStoppingInTheMiddleOfAClick(t *testing.T) {
	t.Parallel()
	g := newGated(t, func(b *bench, o *slacksim.Options) { o.AckTimeout, b.options.Settle = 3*time.Second, 20*time.Second })
	g.ask()
	g.settled()
	acks := g.click(refresh.ActionApprove)
	<-g.entered
	stopped := make(chan struct{})
	stop := g.stop
	g.stop = func() { <-stopped }
	go func() { defer close(stopped); stop() }()
	g.until("the process is told to stop", func() bool { return g.stopping.Load() })
	late := g.click(refresh.ActionCancel)
	g.until("another click is on its way", func() bool { return len(g.sim.Envelopes()) == 3 })
	g.release()
	if ack := g.got(acks); !ack.OK {
		t.Errorf("the click in hand: %+v", ack)
	}
	<-stopped
	if ack := g.got(late); ack.OK {
		t.Errorf("the click after that: %+v", ack)
	}
	if n := g.clicks.Load(); n != 1 {
		t.Errorf("%d clicks were taken up", n)
	}
	g.start()
	g.connected()
	g.approvedOnce()
}

func TestEnvelopesThatComeInAnotherOrder(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	g.release()
	g.ask()
	g.settled()
	g.sim.Hold()
	var acks []<-chan slacksim.Ack
	for i, a := range []refresh.Action{refresh.ActionApprove, refresh.ActionCancel} { // to reject asks for the reason first
		acks = append(acks, g.click(a))
		g.until("it is held", func() bool { return g.sim.Held() == i+1 })
	}
	g.sim.Release()
	for _, a := range acks {
		if ack := g.got(a); !ack.OK {
			t.Errorf("ack: %+v", ack)
		}
	}
	g.until("the other click is answered", func() bool { return len(g.sim.Ephemerals(anna)) == 1 })
	g.settled()
	if r := g.refresh(); len(r.Gates[0].Decisions) != 1 {
		t.Errorf("decisions: %+v", r.Gates[0].Decisions)
	}
}

func TestEverythingDeliveredAgainAndAnywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.sim.SetChaos(true)
	b.ask()
	b.sim.RedeliverLast()
	b.finish()
	b.sim.RedeliverLast()
	b.complete()
	for _, g := range b.refresh().Gates {
		if len(g.Decisions) > 1 {
			t.Errorf("decided %d times: %+v", len(g.Decisions), g.Decisions)
		}
	}
}

// slack-go alone would wait up to five minutes after a long outage; nobody could click meanwhile. What a refresh went
// through without Slack is shown afterwards, each thing once, and its buttons work.
func TestItComesBackSoonAfterALongOutage(t *testing.T) {
	t.Parallel()
	for name, method := range map[string]string{"no connection can be opened": "apps.connections.open", "no call is answered either": "*"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).connected()
			b.ask()
			id := b.refresh().ID
			b.sim.Fail(method, slacksim.Fault{Status: 503, Times: -1})
			b.sim.DropConnections()
			failed := b.opened() + 40 // doubled from 100 ms each time, the twenty tries of each would take a day
			b.decide(id, refresh.ActionApprove)
			b.decide(id, refresh.ActionPostpone)
			b.until("many tries", func() bool { return b.opened() >= failed })
			if r := b.readyz(); r.Ready || !strings.Contains(r.Slack, "No connection to Slack") {
				t.Errorf("readyz: %+v", r)
			}
			b.sim.ClearFaults()
			b.connected()
			b.press(anna, refresh.ActionStartNow)
			b.until("the end", func() bool { return b.refresh().Status.Ended() })
			b.settled()
			b.complete()
			b.reported()
		})
	}
}

func TestACardFromBeforeTheLastRestart(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	card := b.ask()
	restart := func() { b.stop(); b.start(); b.connected() }
	restart()
	b.pressAt(channel, card, refresh.ActionApprove)
	if !b.refresh().Approved() {
		t.Fatal("a button from before the restart does not count")
	}
	restart()
	b.pressAt(channel, card, refresh.ActionCancel)
	b.until("anna is told", func() bool { return len(b.sim.Ephemerals(anna)) == 1 })
	if said := b.sim.Ephemerals(anna)[0].Plain(); !strings.Contains(said, "Already decided: approved by anna") {
		t.Errorf("anna is told %q", said)
	}
	if r := b.refresh(); r.Status != refresh.Running || len(r.Gates[0].Decisions) != 1 {
		t.Errorf("it is %s with %+v", r.Status, r.Gates[0].Decisions)
	}
}

// A crowd presses the same button at once, within Slack's own limits. It is not parallel: an envelope that is not
// acknowledged within three seconds is lost, and other tests at the same time would take them.
func TestOfManyWhoPressAtOnceOneDecidesAndAllAreAnswered(t *testing.T) {
	crowd := 200
	if raceDetector { // it makes everything many times slower, and the three seconds are real
		crowd = 40
	}
	var people []string
	b := newBench(t, func(_ *bench, o *slacksim.Options) {
		o.NoRateLimits, o.AckTimeout = false, 20*time.Second
		for i := range crowd {
			id := fmt.Sprintf("U0P%03d", i)
			people = append(people, id)
			o.Users = append(o.Users, slacksim.User{ID: id, Name: strings.ToLower(id)})
		}
		o.UserGroups[0].Users = people
	}).connected()
	card := b.ask()
	button := card.Buttons()[slices.IndexFunc(card.Buttons(), func(x slacksim.Button) bool { return x.ActionID == "gate:approve" })]
	acks := make([]slacksim.Ack, crowd)
	var pressing sync.WaitGroup
	for i, who := range people {
		pressing.Go(func() {
			var err error
			acks[i], err = b.sim.ClickRaw(b.ctx, who, channel, card.TS, map[string]any{"action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value})
			if err != nil {
				t.Error(err)
			}
		})
	}
	pressing.Wait()
	var took []time.Duration
	for i, ack := range acks {
		if !ack.OK {
			t.Errorf("%s: %+v", people[i], ack)
		}
		took = append(took, ack.Took)
	}
	slices.Sort(took)
	t.Logf("acknowledged within: median %v, p99 %v, longest %v", took[crowd/2], took[crowd*99/100], took[crowd-1])
	if took[crowd*99/100] > 3*time.Second {
		t.Errorf("one in a hundred waits longer than %v", took[crowd*99/100])
	}
	r := b.refresh()
	if len(r.Gates[0].Decisions) != 1 || !r.Approved() {
		t.Fatalf("decisions: %+v", r.Gates[0].Decisions)
	}
	for _, who := range people {
		if who != r.Gates[0].Decisions[0].By.ID {
			b.until(who+" is answered", func() bool { return len(b.sim.Ephemerals(who)) == 1 })
		}
	}
	for _, method := range []string{"usergroups.users.list", "users.info"} { // who is in the group, and who are those who decided
		if n := len(b.calls(method)); n > 5 {
			t.Errorf("%s was called %d times", method, n)
		}
	}
}

// Slack does not say who is in the group: the click decides nothing, and is acknowledged and answered all the same.
func TestAClickWhoseLookUpHangsIsAcknowledgedAndAnswered(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	card := b.ask()
	b.sim.Fail("usergroups.users.list", slacksim.Fault{Delay: 20 * time.Second, Times: -1})
	ack, err := b.sim.Click(b.ctx, anna, channel, card.TS, "gate:approve")
	if err != nil || !ack.OK {
		t.Fatalf("%+v, %v", ack, err)
	}
	b.until("the person is answered", func() bool { return len(b.sim.Ephemerals(anna)) == 1 })
	if r := b.refresh(); r.Approved() {
		t.Errorf("decisions: %+v", r.Gates[0].Decisions)
	}
}
