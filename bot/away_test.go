package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

const (
	boss = "U0BOSS" // an admin
	ops  = "C0OPS"  // the default channel
)

// withBoss adds an admin and a second channel, which is the default one when fallback is set.
func withBoss(fallback bool) setting {
	return func(b *bench, o *slacksim.Options) {
		o.Users = append(o.Users, slacksim.User{ID: boss, Name: "boss"})
		o.Channels = append(o.Channels, slacksim.Channel{ID: ops, Name: "ops", BotMember: true})
		b.options.Admins = []string{boss}
		if fallback {
			b.options.Fallback = ops
		}
	}
}

// standing returns the messages of a conversation that are not deleted: those in threads, or those that are not.
func (b *bench) standing(where string, threads bool) (list []slacksim.Message) {
	for _, m := range b.sim.Messages(where) {
		if !m.Deleted && !m.Ephemeral && threads == (m.ThreadTS != "" && m.ThreadTS != m.TS) {
			list = append(list, m)
		}
	}
	return list
}

// heard counts the direct messages to a person that hold the words.
func (b *bench) heard(user, words string) (n int) {
	for _, m := range b.sim.Messages(b.sim.DM(user)) {
		if strings.Contains(m.Plain(), words) {
			n++
		}
	}
	return n
}

// offers waits until a conversation has a card with the button.
func (b *bench) offers(where string, a refresh.Action) (card slacksim.Message) {
	b.t.Helper()
	b.until("the button "+string(a)+" in "+where, func() bool {
		for _, m := range b.standing(where, false) {
			for _, button := range m.Buttons() {
				if button.ActionID == "gate:"+string(a) {
					card = m
					return true
				}
			}
		}
		return false
	})
	return card
}

// pressIn has a person press a button in some conversation.
func (b *bench) pressIn(where, user string, a refresh.Action) {
	b.t.Helper()
	card := b.offers(where, a)
	ack, err := b.sim.Click(b.ctx, user, where, card.TS, "gate:"+string(a))
	if err != nil || !ack.OK {
		b.t.Fatalf("press %s in %s: %+v, %v", a, where, ack, err)
	}
}

func TestARefreshWhoseChannelTakesNoPostsGoesOnInTheDefaultOne(t *testing.T) {
	t.Parallel()
	for name, shut := range map[string]struct{ close, open func(*bench) }{
		"archived":     {func(b *bench) { b.sim.SetArchived(channel, true) }, func(b *bench) { b.sim.SetArchived(channel, false) }},
		"not a member": {func(b *bench) { b.sim.SetMember(channel, false) }, func(b *bench) { b.sim.SetMember(channel, true) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, withBoss(true)).connected()
			b.ask()
			b.settled()
			first := b.cards()[0]
			shut.close(b)
			b.pressAt(channel, first, refresh.ActionApprove)
			b.pressIn(ops, anna, refresh.ActionStartNow) // the buttons work there
			b.until("the end", func() bool { return b.refresh().Status.Ended() })
			b.until("the boss knows", func() bool { return b.heard(boss, "Slack refuses posts to") == 1 })
			b.until("the end is shown", func() bool {
				cards := b.standing(ops, false)
				return len(cards) == 1 && strings.Contains(cards[0].Plain(), "Ended:") && strings.Contains(cards[0].Plain(), "Slack refuses posts to its own channel")
			})
			b.until("readyz tells", func() bool {
				r := b.readyz()
				why := r.Publishing[string(b.refresh().ID)]
				return r.Ready && (strings.Contains(why, "invite") || strings.Contains(why, "unarchive"))
			})
			b.stop() // a restart changes nothing
			b.start()
			b.connected()
			shut.open(b)
			b.settled()
			b.complete()
			b.reported()
			b.until("the other channel points back", func() bool { return strings.Contains(b.standing(ops, false)[0].Plain(), "again") })
			b.until("readyz is content", func() bool { return len(b.readyz().Publishing) == 0 })
			if len(b.standing(ops, false)) != 1 || b.heard(boss, "Slack refuses posts to") != 1 {
				t.Errorf("in the default channel:\n%s\nto the boss:\n%s", b.sim.Transcript(ops), b.sim.Transcript(b.sim.DM(boss)))
			}
			seen := map[string]bool{}
			for _, m := range b.standing(ops, true) {
				if len(m.Metadata) == 0 {
					continue // the report
				}
				key := b.keyOf(m)
				if seen[key] || key == "1" {
					t.Errorf("post %s is there twice, or was told in its own channel already", key)
				}
				seen[key] = true
			}
		})
	}
}

// pressAt presses a button that anna still sees, whether or not the card has it now.
func (b *bench) pressAt(where string, card slacksim.Message, a refresh.Action) {
	b.t.Helper()
	for _, button := range card.Buttons() {
		if button.ActionID != "gate:"+string(a) {
			continue
		}
		ack, err := b.sim.ClickRaw(b.ctx, anna, where, card.TS, map[string]any{"action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value})
		if err != nil || !ack.OK {
			b.t.Fatalf("press %s: %+v, %v", a, ack, err)
		}
		return
	}
	b.t.Fatalf("the card has no button %s", a)
}

func TestAButtonInTheDefaultChannelCountsOnlyWhereItStands(t *testing.T) {
	t.Parallel()
	b := newBench(t, withBoss(true)).connected()
	card := b.ask()
	b.pressAt(ops, card, refresh.ActionApprove)
	if b.refresh().Approved() {
		t.Error("a button that was sent from where it does not stand counts")
	}
}

func TestWithoutAnotherChannelTheAdminsSeeIt(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]setting{
		"no default channel":         {withBoss(false)},
		"it is the default one":      {withBoss(false), with(func(o *bot.Options) { o.Fallback = channel })},
		"the default one shuts, too": {withBoss(true), func(_ *bench, o *slacksim.Options) { o.Channels[1].Archived = true }},
		"one admin has left": {withBoss(false), func(b *bench, o *slacksim.Options) {
			o.Users = append(o.Users, slacksim.User{ID: "U0LEFT", Name: "left", Deleted: true})
			b.options.Admins = append(b.options.Admins, "U0LEFT")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, append(settings, func(_ *bench, o *slacksim.Options) { o.UserGroups[0].Users = []string{anna, boss} })...).connected()
			b.sim.SetArchived(channel, true)
			if ack := b.slash("/refresh uat now"); !ack.OK {
				t.Fatalf("ack: %+v", ack)
			}
			b.pressIn(b.sim.DM(boss), boss, refresh.ActionApprove)
			b.pressIn(b.sim.DM(boss), boss, refresh.ActionStartNow)
			b.until("the end is shown", func() bool { return b.heard(boss, "Ended:") == 1 })
			if n := b.heard(boss, "Slack refuses posts to <#"+channel+">") + b.heard(boss, "Slack refuses posts to #uat-refresh"); n != 1 {
				t.Errorf("the boss is told %d times:\n%s", n, b.sim.Transcript(b.sim.DM(boss)))
			}
			b.sim.SetArchived(channel, false)
			b.settled()
			b.complete()
			b.until("the direct message points to the channel", func() bool { return b.heard(boss, "Ended:") == 0 })
		})
	}
}

// Slack refuses what the card looks like: people still see the question and can answer it.
func TestAMessageThatSlackRefusesIsPostedPlainly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method string
		faults int
		plain  string
	}{
		"the card":                   {"chat.postMessage", 1, "Refresh of uat"},
		"an update":                  {"chat.update", 1, "Question: uat goes down"},
		"an update, and its buttons": {"chat.update", 2, "Slack refuses the buttons"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, withBoss(false)).connected()
			if c.method == "chat.postMessage" {
				b.sim.Fail(c.method, slacksim.Fault{Error: "invalid_blocks", Times: c.faults})
			}
			b.ask()
			b.settled()
			approve := b.cards()[0]
			if c.method == "chat.update" {
				b.sim.Fail(c.method, slacksim.Fault{Error: "invalid_blocks", Times: c.faults})
			}
			b.pressAt(channel, approve, refresh.ActionApprove)
			b.until("a plain card", func() bool {
				return slices.ContainsFunc(b.calls(c.method), func(call slacksim.Call) bool {
					return strings.Contains(call.Form["text"]+call.Form["blocks"], c.plain) && !strings.Contains(call.Form["blocks"], "mrkdwn")
				})
			})
			b.until("the boss knows", func() bool { return b.heard(boss, "plain text instead") == 1 })
			if c.faults == 1 {
				b.press(anna, refresh.ActionStartNow) // the buttons are there
			} else if ack := b.slash("/refresh cancel uat"); !ack.OK { // the next change is shown as ever
				t.Fatalf("cancel: %+v", ack)
			}
			b.until("the end", func() bool { return b.refresh().Status.Ended() })
			b.settled()
			b.complete()
			if b.heard(boss, "plain text instead") != 1 {
				t.Error("the boss is told more than once")
			}
		})
	}
}

func TestAThreadMessageThatSlackRefusesIsPostedPlainly(t *testing.T) {
	t.Parallel()
	b := newBench(t, withBoss(false)).connected()
	b.ask()
	b.settled()
	b.sim.Fail("chat.postMessage", slacksim.Fault{Error: "msg_blocks_too_long", Times: 2})
	b.finish()
	b.complete()
	b.until("the boss knows", func() bool { return b.heard(boss, "msg_blocks_too_long") == 1 })
}

// A card that can be edited no more is posted anew when it asks something else, and not for each change.
func TestACardThatCannotBeEditedIsPostedAnew(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"edit_window_closed", "cant_update_message"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).connected()
			first := b.ask()
			b.settled()
			b.sim.Fail("chat.update", slacksim.Fault{Error: code, Times: -1})
			b.pressAt(channel, first, refresh.ActionApprove)
			b.until("a second card", func() bool { return len(b.cards()) == 2 })
			second := b.cards()[1]
			b.pressAt(channel, second, refresh.ActionStartNow)
			b.until("the end", func() bool { return b.refresh().Status.Ended() })
			b.settled()
			b.sim.ClearFaults()
			cards := b.cards()
			if n := len(cards); n < 3 || code == "edit_window_closed" && n > 4 {
				t.Errorf("%d cards:\n%s", n, b.sim.Transcript(channel))
			}
			b.noDoubles()
			replies := b.replies()
			if last := replies[len(replies)-1]; last.ThreadTS == first.TS {
				t.Error("the thread goes on below the first card")
			}
		})
	}
}

func TestAnEditThatLandsLateInTheOtherChannelDoesNotBringBackItsButtons(t *testing.T) {
	t.Parallel()
	b := newBench(t, withBoss(true)).connected()
	card := b.ask()
	b.settled()
	b.sim.SetArchived(channel, true)
	b.pressAt(channel, card, refresh.ActionApprove)
	b.offers(ops, refresh.ActionStartNow)
	met := make(chan struct{})
	b.sim.Fail("chat.update", slacksim.Fault{Channel: ops, DropReply: true, Delay: 350 * time.Millisecond, Met: func() { close(met) }})
	b.pressIn(ops, anna, refresh.ActionPostpone)
	<-met
	b.sim.SetArchived(channel, false)
	b.until("the late edit", func() bool {
		return slices.ContainsFunc(b.sim.Calls(), func(c slacksim.Call) bool { return c.Method == "chat.update" && c.Status == 0 })
	})
	b.until("the other channel points back", func() bool {
		cards := b.standing(ops, false)
		return strings.Contains(cards[0].Plain(), "again") && len(cards[0].Buttons()) == 0
	})
	b.settled()
}
