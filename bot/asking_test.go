package bot_test

import (
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

// inCopenhagen gives rita a time zone, and the app its shortcut.
func inCopenhagen(b *bench, o *slacksim.Options) {
	o.Users[0].TZ = "Europe/Copenhagen"
	o.Shortcuts = []slacksim.Shortcut{{Name: "Refresh an environment", CallbackID: view.ShortcutRefresh}}
}

// looking holds up what the form looks at, until it is let go.
func looking(b *bench, _ *slacksim.Options) { b.looks.hold = make(chan struct{}) }

// viewed waits until rita looks at a modal with all the words.
func (b *bench) viewed(words ...string) (v slacksim.View) {
	b.t.Helper()
	b.until("a modal with "+strings.Join(words, ", "), func() bool {
		var ok bool
		v, ok = b.sim.View(rita)
		said := ok
		for _, w := range words {
			said = said && strings.Contains(string(v.Blocks)+v.Title, w)
		}
		return said
	})
	return v
}

// nothingAsked fails the test when there is a refresh.
func (b *bench) nothingAsked() {
	b.t.Helper()
	if list, err := b.store.Recent(b.ctx, "", 10); err != nil || len(list) > 0 {
		b.t.Errorf("%d refreshes asked for: %v", len(list), err)
	}
}

// submit has rita fill in the form and send it.
func (b *bench) submit(v slacksim.View, values ...any) slacksim.Ack {
	b.t.Helper()
	all := map[string]map[string]any{}
	for i := 0; i+1 < len(values); i += 2 {
		all[values[i].(string)] = map[string]any{"given": values[i+1]}
	}
	ack, err := b.sim.Submit(b.ctx, rita, v.ID, all)
	if err != nil {
		b.t.Fatal(err)
	}
	return ack
}

// The form is there at once; what the environment says comes when it comes, and what was typed meanwhile stays.
func TestTheFormOpensBeforeTheEnvironmentHasAnswered(t *testing.T) {
	t.Parallel()
	b := newBench(t, inCopenhagen, letsUsersIn, looking).connected()
	if ack := b.slash("/refresh uat"); !ack.OK || ack.Text != "" {
		t.Fatalf("ack: %+v", ack)
	}
	v := b.viewed("Refresh uat", "looking at uat", "Europe/Copenhagen, UTC+01:00")
	b.nothingAsked()
	close(b.looks.hold)
	if after := b.viewed("2 users: ANNA, BO", "uat does not answer", "3 users would be let in"); after.ID != v.ID || strings.Contains(string(after.Blocks), "looking at") {
		t.Errorf("another view, or it is still looking: %s", after.Blocks)
	}
	if ack := b.submit(v, "reason", "March training", "notice", "1h0m0s"); !ack.OK {
		t.Fatalf("sent: %+v", ack)
	}
	b.answered("Asked: uat is to be refreshed from production")
	if r := b.refresh(); r.Reason != "March training" || r.Settings.Notice != time.Hour || !r.StartAt.IsZero() {
		t.Errorf("asked for: %+v", r)
	}
	b.offered(refresh.ActionApprove)
}

func TestTheFormIsClosedBeforeTheEnvironmentHasAnswered(t *testing.T) {
	t.Parallel()
	b := newBench(t, inCopenhagen, looking).connected()
	b.slash("/refresh uat")
	v := b.viewed("Refresh uat")
	if _, err := b.sim.CloseView(b.ctx, rita, v.ID); err != nil {
		t.Fatal(err)
	}
	close(b.looks.hold)
	b.until("the update", func() bool {
		for _, c := range b.sim.Calls() {
			if c.Method == "views.update" {
				return true
			}
		}
		return false
	})
	if _, open := b.sim.View(rita); open || len(b.sim.Ephemerals(rita)) > 0 {
		t.Error("rita sees something again")
	}
	b.nothingAsked()
}

func TestAFormAsksForATime(t *testing.T) {
	t.Parallel()
	b := newBench(t, inCopenhagen).connected()
	b.slash("/refresh uat")
	v := b.viewed("2 users: ANNA, BO")
	if ack := b.submit(v, "when", "at"); ack.OK || !strings.Contains(ack.Errors["time"], "Choose the day") {
		t.Errorf("without a time: %+v", ack)
	}
	if ack := b.submit(v, "when", "at", "time", time.Now().Add(-time.Hour).Unix()); ack.OK || !strings.Contains(ack.Errors["time"], "has passed") {
		t.Errorf("a time that is past: %+v", ack)
	}
	at := time.Now().Add(26 * time.Hour).Truncate(time.Minute)
	if ack := b.submit(v, "when", "at", "time", at.Unix()); !ack.OK {
		t.Fatalf("a time: %+v", ack)
	}
	b.answered("Asked: uat", "The copy begins on", "Europe/Copenhagen", "In your time zone")
	if r := b.refresh(); !r.StartAt.Equal(at) {
		t.Errorf("to start at %v, want %v", r.StartAt, at)
	}
}

func TestTheDryRunStandsOnTopOfTheForm(t *testing.T) {
	t.Parallel()
	b := newBench(t, inCopenhagen).connected()
	b.slash("/refresh uat")
	form := b.viewed("2 users: ANNA, BO")
	if ack, err := b.sim.ActInView(b.ctx, rita, form.ID, "given:dry_run", nil); err != nil || !ack.OK {
		t.Fatalf("pressed: %+v, %v", ack, err)
	}
	dry := b.viewed("Dry run", "LCS is busy with a backup", "would do copy")
	if dry.PreviousID != form.ID {
		t.Errorf("it does not stand on the form: %+v", dry)
	}
	b.nothingAsked()
	if _, err := b.sim.CloseView(b.ctx, rita, dry.ID); err != nil {
		t.Fatal(err)
	}
	if v := b.viewed("Refresh uat"); v.ID != form.ID {
		t.Error("the form is gone")
	}
	if ack := b.submit(form, "reason", "after the dry run"); !ack.OK {
		t.Fatalf("sent: %+v", ack)
	}
	if r := b.refresh(); r.Reason != "after the dry run" {
		t.Errorf("asked for %q", r.Reason)
	}
}

func TestPlanIsTheDryRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, inCopenhagen).connected()
	if ack := b.slash("/refresh plan uat"); !ack.OK || !strings.Contains(ack.Text, "Nothing is changed anywhere") {
		t.Fatalf("ack: %+v", ack)
	}
	b.answered("Dry run: uat from production", "What would stop it now: 1 thing", "LCS is busy with a backup", "would do copy", "has not refreshed it yet")
	b.nothingAsked()
	if len(b.cards()) > 0 {
		t.Error("a card was posted")
	}
}

// A time is read back with two buttons; one asks, the other takes the question away.
func TestATimeIsConfirmed(t *testing.T) {
	t.Parallel()
	b := newBench(t, inCopenhagen).connected()
	readBack := func() slacksim.Message {
		t.Helper()
		ack := b.slash("/refresh uat tomorrow 22:00 for March training")
		if !ack.OK || !strings.Contains(ack.Text, "(Europe/Copenhagen, UTC+0") || !strings.Contains(string(ack.Payload), "!date^") {
			t.Fatalf("read back: %s\n%s", ack.Text, ack.Payload)
		}
		all := b.sim.Ephemerals(rita)
		return all[len(all)-1]
	}
	question := readBack()
	b.nothingAsked()
	if ack, err := b.sim.Click(b.ctx, rita, channel, question.TS, "line:2"); err != nil || !ack.OK {
		t.Fatalf("no: %+v, %v", ack, err)
	}
	b.until("the question to go", func() bool { return len(b.sim.Ephemerals(rita)) == 0 })
	b.nothingAsked()

	question = readBack()
	for range 2 { // a second press meets what the first asked for
		if ack, err := b.sim.Click(b.ctx, rita, channel, question.TS, "line:1"); err == nil && !ack.OK {
			t.Fatalf("yes: %+v", ack)
		}
		b.answered("Asked: uat", "The copy begins on")
		if n := len(b.sim.Ephemerals(rita)); n != 1 {
			t.Fatalf("rita sees %d things: the answer stands in the place of the question", n)
		}
	}
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	if r := b.refresh(); r.StartAt.In(zone).Format("15:04") != "22:00" || r.Reason != "March training" {
		t.Errorf("asked for %v, %q", r.StartAt, r.Reason)
	}
}

func TestTheShortcutOpensTheForm(t *testing.T) {
	t.Parallel()
	b := newBench(t, inCopenhagen, letsUsersIn).connected()
	if ack, err := b.sim.UseShortcut(b.ctx, rita, view.ShortcutRefresh); err != nil || !ack.OK {
		t.Fatalf("shortcut: %+v, %v", ack, err)
	}
	v := b.viewed("Refresh uat", "2 users: ANNA, BO") // there is but one environment
	if ack := b.submit(v); !ack.OK {
		t.Fatalf("sent: %+v", ack)
	}
	b.offered(refresh.ActionApprove)
	// What it answers goes to her alone, in the conversation with the app: a shortcut has no channel.
	b.until("the answer", func() bool {
		direct := b.sim.Messages(b.sim.DM(rita))
		return len(direct) == 1 && strings.Contains(direct[0].Plain(), "Asked: uat")
	})
	if ack, err := b.sim.UseShortcut(b.ctx, rita, view.ShortcutRefresh); err != nil || !ack.OK {
		t.Fatalf("shortcut again: %+v, %v", ack, err)
	}
	b.until("the refusal", func() bool {
		direct := b.sim.Messages(b.sim.DM(rita))
		return len(direct) == 2 && strings.Contains(direct[1].Plain(), "is being refreshed already")
	})
}

// With several environments the shortcut's form asks which, and shows that one's when it is chosen.
func TestTheShortcutAsksWhichEnvironment(t *testing.T) {
	t.Parallel()
	b := newBench(t, inCopenhagen, func(b *bench, _ *slacksim.Options) { b.more = []string{"sit"} }).connected()
	if ack, err := b.sim.UseShortcut(b.ctx, rita, view.ShortcutRefresh); err != nil || !ack.OK {
		t.Fatalf("shortcut: %+v, %v", ack, err)
	}
	v := b.viewed("Which environment is to be refreshed?")
	if ack, err := b.sim.ActInView(b.ctx, rita, v.ID, "given:environment", "sit"); err != nil || !ack.OK {
		t.Fatalf("chosen: %+v, %v", ack, err)
	}
	after := b.viewed("Refresh sit", "2 users: ANNA, BO", "Which environment is to be refreshed?")
	if after.ID != v.ID {
		t.Error("it is another view")
	}
	if ack := b.submit(after, "reason", "x"); !ack.OK {
		t.Fatalf("sent: %+v", ack)
	}
	if r := b.refresh(); r.Target.Name != "sit" {
		t.Errorf("asked for %s", r.Target.Name)
	}
}
