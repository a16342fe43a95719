package bot_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// home has a person open their Home tab and waits until it says all the words.
func (b *bench) home(user string, words ...string) slacksim.View {
	b.t.Helper()
	if ack, err := b.sim.OpenHome(b.ctx, user); err != nil || !ack.OK {
		b.t.Fatalf("open the Home tab: %+v, %v", ack, err)
	}
	return b.homeSays(user, words...)
}

func (b *bench) homeSays(user string, words ...string) (v slacksim.View) {
	b.t.Helper()
	b.until("the Home tab of "+user+" says "+strings.Join(words, ", "), func() bool {
		var ok bool
		v, ok = b.sim.Home(user)
		for _, w := range words {
			ok = ok && strings.Contains(string(v.Blocks), w)
		}
		return ok
	})
	return v
}

// The Home tab is shown when it is opened, is kept equal to what concerns the person, and can be acted on.
func TestHomeTab(t *testing.T) {
	t.Parallel()
	b := newBench(t, brisk()).connected()
	if v := b.home(rita, "Waits for you", "No refresh is running", "Refresh uat"); strings.Contains(string(v.Blocks), "gate:") {
		t.Errorf("it asks when nothing runs: %s", v.Blocks)
	}
	b.home(anna, "No refresh is running")
	b.ask()
	v := b.homeSays(anna, "May uat be overwritten", "gate:approve") // by itself
	if mine := b.homeSays(rita, "Waiting for approval"); strings.Contains(string(mine.Blocks), "gate:approve") {
		t.Error("who asked is offered to approve")
	}
	if ack, err := b.sim.ActInView(b.ctx, anna, v.ID, "gate:approve", nil); err != nil || !ack.OK {
		t.Fatalf("approve on the Home tab: %+v, %v", ack, err)
	}
	b.until("the approval", func() bool { return b.refresh().Approved() })
	b.homeSays(anna, "Announced")
	// A tab that somebody left open for a while: the old button says why it does not count, there and then.
	if ack, err := b.sim.ActInViewRaw(b.ctx, anna, v.ID, buttonOf(t, v, "gate:reject")); err != nil || !ack.OK {
		t.Fatalf("an old button: %+v, %v", ack, err)
	}
	b.homeSays(anna, "Already decided", "Not done")
	b.press(anna, refresh.ActionStartNow)
	b.until("the end", func() bool { return b.refresh().Status.Ended() })
	b.homeSays(rita, "No refresh is running", "Last refreshed")
	b.reported()
	b.home(rita, "Report of uat-")
}

// act presses a button of a Home tab.
func (b *bench) act(user, action string) {
	b.t.Helper()
	v, _ := b.sim.Home(user)
	if ack, err := b.sim.ActInView(b.ctx, user, v.ID, action, nil); err != nil || !ack.OK {
		b.t.Fatalf("%s on the Home tab of %s: %+v, %v", action, user, ack, err)
	}
}

// What runs is moved and called off from the Home tab, which shows what came of it: the new time, the end, or why not.
func TestARefreshIsRunFromTheHomeTab(t *testing.T) {
	t.Parallel()
	b := newBench(t, brisk()).connected()
	b.home(rita, "No refresh is running")
	b.ask()
	b.homeSays(rita, "Waiting for approval", "gate:cancel") // nobody waits for her, and it is hers to call off
	b.press(anna, refresh.ActionApprove)
	first := b.homeSays(rita, "Announced", "gate:postpone", "gate:start_now", "gate:cancel")
	was := b.refresh().Window.From
	b.act(rita, "gate:postpone")
	b.homeSays(rita, "Announced", fmt.Sprintf("!date^%d^", was.Add(time.Hour).Unix()))
	if ack, err := b.sim.ActInViewRaw(b.ctx, rita, first.ID, buttonOf(t, first, "gate:postpone")); err != nil || !ack.OK {
		t.Fatalf("the button of before: %+v, %v", ack, err)
	}
	b.homeSays(rita, "Not done", "Already decided")
	b.act(rita, "gate:cancel")
	b.until("the end", func() bool { return b.refresh().Status == refresh.Cancelled })
	b.homeSays(rita, "No refresh is running", "Cancelled by")
}

// A decision is handed on from the Home tab, through the same form as from the card.
func TestADecisionIsHandedOnFromTheHomeTab(t *testing.T) {
	t.Parallel()
	b := newBench(t, brisk(), letsUsersIn).connected()
	b.home(anna, "No refresh is running")
	b.ask()
	b.homeSays(anna, "gate:delegate")
	b.act(anna, "gate:delegate")
	var form slacksim.View
	b.until("the form", func() (ok bool) { form, ok = b.sim.View(anna); return ok })
	if ack, err := b.sim.Submit(b.ctx, anna, form.ID, map[string]map[string]any{"person": {"given": sam}}); err != nil || !ack.OK {
		t.Fatalf("delegate: %+v, %v", ack, err)
	}
	b.homeSays(anna, "<@"+sam+">", "gate:approve")
}

// A schedule is paused, resumed, skipped once and removed from the Home tab of whoever made it; another's tab shows it
// without the buttons.
func TestASchedulesButtonsOnTheHomeTab(t *testing.T) {
	t.Parallel()
	b := newBench(t, brisk()).connected()
	timetable := b.scheduled()
	if _, err := timetable.Add(b.ctx, schedule.Entry{Target: "uat", Cron: "0 20 * * FRI", Owner: refresh.Person{ID: rita, Name: "rita"}}, "key"); err != nil {
		t.Fatal(err)
	}
	b.home(rita, "uat.1: uat refreshed", "Pause uat.1", "Skip the next", "Remove uat.1")
	if v := b.home(anna, "uat.1: uat refreshed"); strings.Contains(string(v.Blocks), "Pause uat.1") {
		t.Error("anna is offered to pause the schedule of rita")
	}
	press := func(label string) {
		t.Helper()
		v, _ := b.sim.Home(rita)
		if ack, err := b.sim.ActInViewRaw(b.ctx, rita, v.ID, buttonNamed(t, v, label)); err != nil || !ack.OK {
			t.Fatalf("%s: %+v, %v", label, ack, err)
		}
	}
	press("Pause uat.1")
	b.homeSays(rita, "uat.1 is paused", "*Paused:*")
	b.homeSays(anna, "*Paused:*") // by itself
	press("Resume uat.1")
	old := b.homeSays(rita, "uat.1 is resumed", "Skip the next")
	press("Skip the next")
	b.homeSays(rita, "The refresh of uat on", "*Last:*")
	if ack, err := b.sim.ActInViewRaw(b.ctx, rita, old.ID, buttonNamed(t, old, "Skip the next")); err != nil || !ack.OK {
		t.Fatalf("the button of before: %+v, %v", ack, err)
	}
	b.homeSays(rita, "Not done", "nothing was skipped")
	press("Remove uat.1")
	b.homeSays(rita, "uat.1 is removed", "Nothing is scheduled")
}

// buttonOf is a button of a view, as a screen that is behind still shows it.
func buttonOf(t *testing.T, v slacksim.View, id string) map[string]any {
	t.Helper()
	return pick(t, v, id, func(e map[string]any) bool { return e["action_id"] == id })
}

// buttonNamed is the button with that label.
func buttonNamed(t *testing.T, v slacksim.View, label string) map[string]any {
	t.Helper()
	return pick(t, v, label, func(e map[string]any) bool {
		text, _ := e["text"].(map[string]any)
		return text["text"] == label
	})
}

func pick(t *testing.T, v slacksim.View, what string, is func(map[string]any) bool) map[string]any {
	t.Helper()
	var blocks []struct {
		ID       string `json:"block_id"`
		Elements []map[string]any
	}
	if err := json.Unmarshal(v.Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks {
		for _, e := range block.Elements {
			if is(e) {
				return map[string]any{"block_id": block.ID, "action_id": e["action_id"], "value": e["value"]}
			}
		}
	}
	t.Fatalf("no button %s", what)
	return nil
}

// From the Home tab the same form opens as with the command.
func TestRefreshFromTheHomeTab(t *testing.T) {
	t.Parallel()
	b := newBench(t, brisk()).connected()
	v := b.home(rita, "Refresh uat")
	if ack, err := b.sim.ActInView(b.ctx, rita, v.ID, "line:home", nil); err != nil || !ack.OK {
		t.Fatalf("the button: %+v, %v", ack, err)
	}
	b.until("the form", func() bool {
		form, ok := b.sim.View(rita)
		return ok && strings.Contains(string(form.Blocks), "uat")
	})
}

// Whoever does not look is not updated: a tab is published for those who opened it, and only when it says something new.
func TestHomeTabsAreSparing(t *testing.T) {
	t.Parallel()
	b := newBench(t, brisk()).connected()
	b.home(anna, "No refresh is running")
	b.ask()
	b.finish()
	b.homeSays(anna, "Last refreshed")
	b.reported()
	before := ""
	for _, c := range b.calls("views.publish") {
		switch {
		case c.Form["user_id"] != anna:
			t.Errorf("published for %s, who never opened the tab", c.Form["user_id"])
		case c.Form["view"] == before || before == "" && c.Form["view"] == "":
			t.Errorf("published again as it was: %s", before)
		}
		before = c.Form["view"]
	}
}

// brisk shortens the pauses between two Home tabs.
func brisk() setting { return with(func(o *bot.Options) { o.Pace = 10 * time.Millisecond }) }

// The shortcut on a card, and on a message in its thread, says what the refresh is; on another message that it is none.
func TestExplainThisRefresh(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, o *slacksim.Options) {
		o.Shortcuts = []slacksim.Shortcut{{Name: "Explain this refresh", CallbackID: "explain", Message: true}}
	}).connected()
	card := b.ask()
	b.settled()
	other, err := b.sim.Say(rita, channel, "is it done yet?", "")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := b.sim.Say(anna, channel, "not yet", card.TS)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ what, ts, want string }{
		{"the card", card.TS, "Waiting for: approval"},
		{"a message of its thread", b.replies()[0].TS, "Waiting for: approval"},
		{"somebody's words in its thread", ours.TS, "Waiting for: approval"},
		{"another message", other.TS, "about no refresh"},
	} {
		if ack, err := b.sim.UseMessageShortcut(b.ctx, anna, "explain", channel, tc.ts); err != nil || !ack.OK {
			t.Fatalf("%s: %+v, %v", tc.what, ack, err)
		}
		b.until(tc.what+" explained", func() bool {
			v, ok := b.sim.View(anna)
			return ok && strings.Contains(string(v.Blocks), tc.want)
		})
		if v, ok := b.sim.View(anna); ok {
			if _, err := b.sim.CloseView(b.ctx, anna, v.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(b.sim.Ephemerals(anna)) > 0 {
		t.Error("it was said in the channel as well")
	}
}
