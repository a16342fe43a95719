package bot_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

// calls returns the calls of a method that Slack took.
func (b *bench) calls(method string) (list []slacksim.Call) {
	for _, c := range b.sim.Calls() {
		if c.Method == method && c.Status == 200 && c.Error == "" {
			list = append(list, c)
		}
	}
	return list
}

// finish takes the refresh from its approval to its end.
func (b *bench) finish() {
	b.t.Helper()
	b.press(anna, refresh.ActionApprove)
	b.press(anna, refresh.ActionStartNow)
	b.until("the end", func() bool { return b.refresh().Status.Ended() })
	b.settled()
}

// complete fails the test unless Slack shows the whole story of a refresh that is done, each thing once.
func (b *bench) complete() {
	b.t.Helper()
	cards, replies := b.cards(), b.replies()
	if len(cards) != 1 || len(b.calls("chat.update")) == 0 || !strings.Contains(cards[0].Plain(), "Ended:") {
		b.t.Fatalf("the channel has %d cards:\n%s", len(cards), b.sim.Transcript(channel))
	}
	for _, button := range cards[0].Buttons() {
		if strings.HasPrefix(button.ActionID, "gate:") {
			b.t.Errorf("the card of a refresh that has ended still asks: %+v", button)
		}
	}
	var order []int
	for _, m := range replies {
		seq, err := strconv.Atoi(b.keyOf(m))
		if err != nil || m.ThreadTS != cards[0].TS {
			b.t.Fatalf("reply %s in thread %s: %v", b.keyOf(m), m.ThreadTS, err)
		}
		order = append(order, seq)
	}
	if len(order) < 4 || !slices.IsSorted(order) {
		b.t.Errorf("the thread's entries are %v", order)
	}
	b.noDoubles()
}

func TestOneCardEditedInPlaceAndItsThreadInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	first := b.ask()
	b.finish()
	b.complete()
	if last := b.cards()[0]; last.TS != first.TS {
		t.Errorf("the card moved from %s to %s", first.TS, last.TS)
	}
	if r := b.readyz(); len(r.Publishing) > 0 {
		t.Errorf("readyz: %+v", r)
	}
}

func TestAPostWhoseReplyWasLostIsFoundAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacksim.Fault{
		"it had arrived":           {DropReply: true},
		"it arrives later":         {DropReply: true, Delay: 150 * time.Millisecond},
		"it never arrives":         {DropRequest: true},
		"Slack says nothing clear": {Status: 502},
		"Slack's own failure":      {Error: "internal_error"},
		"Slack says no":            {Error: "restricted_action"},
	} {
		for _, what := range []string{"card", "thread"} {
			t.Run(what+": "+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t).connected()
				if what == "card" {
					b.sim.Fail("chat.postMessage", fault)
				}
				b.ask()
				if what == "thread" {
					b.settled()
					b.sim.Fail("chat.postMessage", fault)
				}
				b.finish()
				b.complete()
			})
		}
	}
}

func TestACardThatSomebodyDeletedIsPostedAnew(t *testing.T) {
	t.Parallel()
	b := newBench(t, withBoss(false)).connected()
	first := b.ask()
	b.press(anna, refresh.ActionApprove)
	b.settled()
	b.delete(first.TS)
	b.until("the deletion", func() bool { return len(b.cards()) == 0 })
	if ack := b.slash("/refresh cancel uat"); !ack.OK {
		t.Fatalf("cancel: %+v", ack)
	}
	b.settled()
	cards := b.cards()
	if len(cards) != 1 || cards[0].TS == first.TS || !strings.Contains(cards[0].Plain(), "ancelled") {
		t.Errorf("cards: %s", b.sim.Transcript(channel))
	}
	replies := b.replies()
	if last := replies[len(replies)-1]; last.ThreadTS != cards[0].TS {
		t.Errorf("the thread goes on below %s, want %s", last.ThreadTS, cards[0].TS)
	}
	const words = "Somebody deleted the card of the refresh of uat"
	b.until("the boss knows", func() bool { return b.heard(boss, words) == 1 })
	b.stop() // a restart tells nothing twice
	b.start()
	b.connected()
	b.settled()
	if n := b.heard(boss, words); n != 1 {
		t.Errorf("the boss is told %d times", n)
	}
}

func (b *bench) delete(ts string) {
	b.t.Helper()
	if _, _, err := b.options.API.DeleteMessageContext(b.ctx, channel, ts); err != nil {
		b.t.Fatal(err)
	}
}

func TestACardThatIsDeletedBetweenItsUpdateAndItsThread(t *testing.T) {
	t.Parallel()
	b := newBench(t, crowd).connected() // nobody is written to meanwhile
	card := b.ask()
	b.settled()
	// The next post to the thread is refused, because the card went just after it was updated.
	b.sim.Fail("chat.postMessage", slacksim.Fault{Error: "thread_not_found"})
	b.sim.Fail("chat.update", slacksim.Fault{}) // the first one passes
	b.sim.Fail("chat.update", slacksim.Fault{Error: "message_not_found"})
	b.press(anna, refresh.ActionApprove)
	b.until("a new card", func() bool { return len(b.cards()) == 2 })
	b.settled()
	cards, replies := b.cards(), b.replies()
	if cards[0].TS != card.TS || replies[len(replies)-1].ThreadTS != cards[1].TS {
		t.Errorf("the thread goes on elsewhere:\n%s", b.sim.Transcript(channel))
	}
}

func TestAThreadThatSlackDoesNotFindThoughTheCardIsThere(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.ask()
	b.settled()
	b.sim.Fail("chat.postMessage", slacksim.Fault{Error: "thread_not_found", Times: 2})
	b.finish()
	b.complete() // no second card was posted
}

func TestSlacksLimitsAreHonoured(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"chat.update", "chat.postMessage"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).connected()
			b.ask()
			b.settled()
			b.sim.Fail(method, slacksim.Fault{RetryAfter: 1})
			b.finish()
			b.complete()
			var limited time.Time
			for _, c := range b.sim.Calls() {
				switch {
				case c.Method != method:
				case c.Status == 429:
					limited = c.At
				case !limited.IsZero():
					if wait := c.At.Sub(limited); wait < time.Second {
						t.Errorf("asked again after %v, Slack had said a second", wait)
					}
					limited = time.Time{}
				}
			}
		})
	}
}

func TestAChannelThatTheBotIsNotIn(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, o *slacksim.Options) { o.Channels[0].BotMember = false }).connected()
	if ack := b.slash("/refresh uat now"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.until("readyz tells", func() bool {
		r := b.readyz()
		return r.Ready && strings.Contains(r.Publishing[string(b.refresh().ID)], "invite it there with /invite")
	})
	b.sim.SetMember(channel, true)
	b.offered(refresh.ActionApprove)
	b.until("readyz is content", func() bool { return len(b.readyz().Publishing) == 0 })
	b.sim.SetArchived(channel, true)
	if ack := b.slash("/refresh cancel uat"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.until("readyz tells", func() bool { return strings.Contains(b.readyz().Publishing[string(b.refresh().ID)], "archived") })
	b.sim.SetArchived(channel, false)
	b.settled()
	b.noDoubles()
}

func TestARestartInTheMiddlePostsNothingTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.ask()
	restart := func() {
		t.Helper()
		b.stop()
		b.start()
		b.connected()
	}
	restart()
	b.press(anna, refresh.ActionApprove)
	restart()
	b.press(anna, refresh.ActionStartNow)
	restart()
	b.until("the end", func() bool { return b.refresh().Status.Ended() })
	b.settled()
	b.complete()
	posts := len(b.calls("chat.postMessage"))
	restart()
	b.settled()
	if n := len(b.calls("chat.postMessage")); n != posts {
		t.Errorf("a restart after the end posts %d messages", n-posts)
	}
}

func TestAnEditThatLandsLateDoesNotBringBackAnOldCard(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.ask()
	b.settled()
	met := make(chan struct{}, 1)
	b.sim.Fail("chat.update", slacksim.Fault{DropReply: true, Delay: 200 * time.Millisecond, Met: func() { met <- struct{}{} }})
	b.press(anna, refresh.ActionApprove)
	<-met
	if ack := b.slash("/refresh cancel uat"); !ack.OK {
		t.Fatalf("cancel: %+v", ack)
	}
	b.until("the late edit", func() bool {
		return slices.ContainsFunc(b.sim.Calls(), func(c slacksim.Call) bool { return c.Method == "chat.update" && c.Status == 0 })
	})
	b.until("the card shows the end", func() bool {
		cards := b.cards()
		return len(cards) == 1 && strings.Contains(cards[0].Plain(), "ancelled") && len(cards[0].Buttons()) == 0
	})
	b.settled()
	b.noDoubles()
}

// mortal is a store that takes nothing from a process that was killed.
type mortal struct {
	kept
	dead atomic.Bool
}

func (m *mortal) PutRecord(ctx context.Context, space, key string, value []byte) error {
	if m.dead.Load() {
		return errors.New("the process is dead")
	}
	return m.kept.PutRecord(ctx, space, key, value)
}

func TestAnEditOfAKilledProcessThatLandsLateDoesNotBringBackAnOldCard(t *testing.T) {
	t.Parallel()
	memory := &mortal{}
	b := newBench(t, func(b *bench, _ *slacksim.Options) { memory.kept = b.store; b.options.Records = memory }).connected()
	b.ask()
	b.settled()
	met := make(chan struct{})
	b.sim.Fail("chat.update", slacksim.Fault{DropReply: true, Delay: 350 * time.Millisecond, Met: func() { memory.dead.Store(true); close(met) }})
	b.press(anna, refresh.ActionApprove)
	<-met
	b.stop()
	memory.dead.Store(false)
	b.start()
	b.connected()
	if ack := b.slash("/refresh cancel uat"); !ack.OK {
		t.Fatalf("cancel: %+v", ack)
	}
	b.until("the late edit", func() bool {
		return slices.ContainsFunc(b.sim.Calls(), func(c slacksim.Call) bool { return c.Method == "chat.update" && c.Status == 0 })
	})
	b.until("the card shows the end", func() bool {
		cards := b.cards()
		return len(cards) == 1 && strings.Contains(cards[0].Plain(), "ancelled") && len(cards[0].Buttons()) == 0
	})
	b.settled()
	b.noDoubles()
}

func TestARestartWhileAPostIsUnderWay(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	met := make(chan struct{}, 1)
	b.sim.Fail("chat.postMessage", slacksim.Fault{DropReply: true, Delay: 50 * time.Millisecond, Met: func() { met <- struct{}{} }})
	if ack := b.slash("/refresh uat now"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	<-met
	b.stop()
	b.start()
	b.connected()
	b.offered(refresh.ActionApprove)
	b.finish()
	b.complete()
}

// kept is bot.Records under a name that is none of its methods.
type kept bot.Records

// forgetful is a store whose writes fail now and then.
type forgetful struct {
	kept
	mu   sync.Mutex
	fail map[int]bool // which write, counted from 1
	n    int
}

func (f *forgetful) PutRecord(ctx context.Context, space, key string, value []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.fail[f.n] {
		return errors.New("no space left on device")
	}
	return f.kept.PutRecord(ctx, space, key, value)
}

func TestADiskThatFailsBetweenAPostAndItsNote(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(b *bench, _ *slacksim.Options) {
		// Each post is framed by two writes. The 1st and 4th are notes before a post, the 3rd and 6th after one.
		b.options.Records = &forgetful{kept: b.store, fail: map[int]bool{1: true, 3: true, 4: true, 8: true, 13: true}}
	}).connected()
	b.ask()
	b.finish()
	b.complete()
}

func TestSeveralRefreshesDoNotHoldUpEachOther(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, o *slacksim.Options) {
		o.Channels = append(o.Channels, slacksim.Channel{ID: "C0CLOSED", Name: "closed"})
	}).connected()
	closed := request("closed")
	closed.Channel, closed.By = "C0CLOSED", refresh.Person{ID: rita, Name: "rita"}
	r, err := b.machine.Ask(b.ctx, closed, "a")
	if err != nil {
		t.Fatal(err)
	}
	b.until("one cannot be shown", func() bool { return b.readyz().Publishing[string(r.ID)] != "" })
	b.slash("/refresh uat now")
	b.offered(refresh.ActionApprove)
	if got := b.readyz().Publishing; len(got) != 1 || got[string(r.ID)] == "" {
		t.Errorf("readyz forgets the one because of the other: %v", got)
	}
}

func TestTheCardIsUpdatedBeforeTheRestOfTheThread(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.ask()
	b.settled()
	met := make(chan struct{})
	b.sim.Fail("chat.postMessage", slacksim.Fault{Delay: time.Second, Met: func() { close(met) }})
	b.press(anna, refresh.ActionApprove)
	<-met // an entry of the thread is under way; that it was cancelled will be another one
	before := len(b.sim.Calls())
	if ack := b.slash("/refresh cancel uat"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.settled()
	var order []string
	for _, c := range b.sim.Calls()[before:] {
		if strings.HasPrefix(c.Method, "chat.") {
			order = append(order, c.Method)
		}
	}
	if len(order) < 3 || order[0] != "chat.postMessage" || order[1] != "chat.update" {
		t.Errorf("after the entry that was under way came %v, want the card first", order)
	}
	b.noDoubles()
}

// cursed is a journal of which one refresh cannot be read without a panic, for a while.
type cursed struct {
	store
	times atomic.Int32
}

func (c *cursed) Load(ctx context.Context, id refresh.ID) (refresh.Refresh, error) {
	if strings.HasPrefix(string(id), "bad-") && c.times.Add(-1) >= 0 {
		panic("a defect that shows with this refresh")
	}
	return c.store.Load(ctx, id)
}

func TestARefreshThatPanicsKeepsNoOtherFromBeingShown(t *testing.T) {
	t.Parallel()
	j := &cursed{}
	j.times.Store(1 << 30)
	b := newBench(t, func(b *bench, _ *slacksim.Options) { j.store = b.store; b.options.Journal = j }).connected()
	bad, err := b.machine.Ask(b.ctx, request("bad"), "bad")
	if err != nil {
		t.Fatal(err)
	}
	b.until("it is said to have failed", func() bool { return strings.Contains(b.readyz().Publishing[string(bad.ID)], "A defect in refreshbot") })
	b.ask()
	j.times.Store(0)
	b.until("both cards stand", func() bool { return len(b.cards()) == 2 })
}
