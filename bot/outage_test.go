package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

// inStill runs a test with the bot's own waits, a Slack with its real limits, and a fake clock.
func inStill(t *testing.T, run func(*bench), settings ...setting) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		still := func(b *bench, o *slacksim.Options) {
			b.still, o.NoRateLimits = true, false
			b.options.Settle, b.options.Retry, b.options.Pace = 0, 0, 0
		}
		run(newBench(t, append([]setting{still}, settings...)...))
	})
}

// begin asks for a refresh of a target.
func (b *bench) begin(target string) refresh.ID {
	b.t.Helper()
	req := request(target)
	req.Plan = append(req.Plan, b.extra...)
	req.By = refresh.Person{ID: rita, Name: "rita"}
	r, err := b.machine.Ask(b.ctx, req, "ask/"+target)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.ID
}

// decide answers the open gate of a refresh that offers the action, as anna.
func (b *bench) decide(id refresh.ID, a refresh.Action) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s can be decided for %s", a, id), func() bool {
		r, err := b.store.Load(b.ctx, id)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, g := range r.OpenGates() {
			if g.Offers(a) {
				_, err := b.machine.Tell(b.ctx, id, refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a,
					By: refresh.Actor{Person: refresh.Person{ID: anna, Name: "anna"}, In: []string{release}}}, string(id)+g.Nonce)
				if err != nil {
					b.t.Fatal(err)
				}
				return true
			}
		}
		return false
	})
}

// during passes the time and returns the calls that were made meanwhile, by method.
func (b *bench) during(d time.Duration) map[string]int {
	before := len(b.sim.Calls())
	<-time.After(d)
	synctest.Wait()
	n := map[string]int{}
	for _, c := range b.sim.Calls()[before:] {
		n[c.Method]++
	}
	return n
}

func TestAnHourWithoutSlack(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacksim.Fault{
		"nothing arrives":         {DropRequest: true, Times: -1},
		"no reply arrives":        {DropReply: true, Times: -1},
		"Slack is down":           {Status: 503, Times: -1},
		"the token is revoked":    {Error: "token_revoked", Times: -1},
		"Slack says to wait long": {RetryAfter: 600, Times: -1},
		"Slack does not answer":   {DropRequest: true, Delay: time.Minute, Times: -1},
	} {
		for what, slow := range map[string]bool{"from the beginning": false, "in the middle": true} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				inStill(t, func(b *bench) {
					if slow {
						b.begin("uat")
						b.settled()
					}
					b.sim.Fail("*", fault)
					var id refresh.ID
					if !slow {
						id = b.begin("uat")
					} else {
						id = b.refresh().ID
					}
					calls := b.during(20 * time.Minute)
					b.decide(id, refresh.ActionApprove)
					b.decide(id, refresh.ActionPostpone)
					b.decide(id, refresh.ActionStartNow)
					b.until("the end", func() bool { return b.refresh().Status.Ended() })
					for method, n := range b.during(40 * time.Minute) {
						calls[method] += n
					}
					for method, n := range calls {
						if n > 200 {
							t.Errorf("%s was called %d times within an hour", method, n)
						}
					}
					if r := b.readyz(); name == "the token is revoked" && (!strings.Contains(fmt.Sprint(r.Publishing), "reinstall")) {
						t.Errorf("readyz: %+v", r)
					}
					b.sim.ClearFaults()
					healed := time.Now()
					b.settled()
					b.reported()
					if took := time.Since(healed); took > 2*time.Minute && fault.RetryAfter == 0 {
						t.Errorf("caught up only after %v", took)
					}
					b.complete()
				})
			})
		}
	}
}

// A limit of one method holds up nothing but that method, and what is shown in the end is the newest state, once.
func TestALimitHoldsUpItsOwnMethodOnly(t *testing.T) {
	t.Parallel()
	inStill(t, func(b *bench) {
		first := b.begin("uat")
		b.until("the card", func() bool { return len(b.cards()) == 1 })
		b.during(time.Minute)
		b.sim.Fail("chat.update", slacksim.Fault{RetryAfter: 90})
		b.decide(first, refresh.ActionApprove)
		b.during(time.Second)
		b.decide(first, refresh.ActionPostpone)
		second := b.begin("test")
		if calls := b.during(30 * time.Second); calls["chat.update"] > 0 || len(b.cards()) != 2 {
			t.Errorf("%v calls, %d cards", calls, len(b.cards()))
		}
		b.decide(first, refresh.ActionPostpone)
		b.during(30 * time.Second)
		before := len(b.sim.Calls())
		b.during(60 * time.Second)
		updates := map[string]int{}
		for _, c := range b.sim.Calls()[before:] {
			if c.Method == "chat.update" {
				updates[c.Form["ts"]]++
			}
		}
		if n := updates[b.cards()[0].TS]; n != 1 {
			t.Errorf("after the limit the card is updated %d times", n)
		}
		b.decide(second, refresh.ActionReject)
		b.during(time.Minute)
		b.noDoubles()
	})
}

// What one refresh waits for does not hold up another one.
func TestARefreshWithTroubleHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacksim.Fault{
		"no answer":    {DropRequest: true, Delay: time.Hour},
		"refused":      {Error: "invalid_arguments", Times: 5},
		"nobody knows": {DropReply: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inStill(t, func(b *bench) {
				b.sim.Fail("chat.postMessage", fault)
				b.begin("uat")
				b.during(100 * time.Millisecond)
				other := b.begin("test")
				b.during(time.Second)
				shown := false
				for _, m := range b.cards() {
					shown = shown || strings.Contains(m.Plain(), "Refresh of test")
				}
				if !shown && fault.Times == 0 {
					t.Errorf("after a second the other one is not shown:\n%s", b.sim.Transcript(channel))
				}
				b.decide(other, refresh.ActionReject)
				b.during(10 * time.Minute)
				if len(b.cards()) != 2 {
					t.Errorf("%d cards", len(b.cards()))
				}
				b.noDoubles()
			})
		})
	}
}

// A channel that stays archived for a day is asked now and then, not all the time.
func TestADayInAnArchivedChannel(t *testing.T) {
	t.Parallel()
	inStill(t, func(b *bench) {
		b.begin("uat")
		b.settled()
		b.sim.SetArchived(channel, true)
		b.decide(b.refresh().ID, refresh.ActionApprove)
		b.decide(b.refresh().ID, refresh.ActionPostpone)
		if calls := b.during(24 * time.Hour); calls["chat.update"] > 24*60/5+50 || calls["chat.postMessage"] > 50 {
			t.Errorf("calls within a day: %v", calls)
		}
		b.until("the end is in the direct messages", func() bool { return b.heard(boss, "Ended:") == 1 })
		b.sim.SetArchived(channel, false)
		b.during(6 * time.Minute)
		b.complete()
		b.reported()
	}, withBoss(false), with(func(o *bot.Options) { o.Fallback = channel }))
}
