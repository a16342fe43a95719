package bot_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

const team = "T0SIMTEAM" // of the simulated workspace

func TestMembershipIsWhatSlackSaysOfAPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, o *slacksim.Options) {
		o.Users = append(o.Users,
			slacksim.User{ID: "U0GUEST", Name: "guest", Guest: true}, slacksim.User{ID: "U0SINGLE", Name: "single", OneChannel: true},
			slacksim.User{ID: "U0GONE", Name: "gone", Deleted: true}, slacksim.User{ID: "U0SHARED", Name: "shared", Team: "T0PARTNER"},
			slacksim.User{ID: "U0STRANGE", Name: "strange", Stranger: true}, slacksim.User{ID: "U0APP", Name: "app", App: true})
	})
	d := bot.NewDirectory(b.options.API)
	for user, want := range map[string]commands.Membership{
		anna: commands.Full, "U0GUEST": commands.Guest, "U0SINGLE": commands.Guest, "U0GONE": commands.Deactivated,
		"U0SHARED": commands.External, "U0STRANGE": commands.External, "U0APP": commands.Automation, "U0NOBODY": commands.External,
	} {
		if got, err := d.Membership(b.ctx, user, team); err != nil || got != want {
			t.Errorf("%s is %q, want %q: %v", user, got, want, err)
		}
	}
	for _, from := range []string{"T0PARTNER", ""} {
		if got, err := d.Membership(b.ctx, anna, from); err != nil || got != commands.External {
			t.Errorf("anna from workspace %q is %q: %v", from, got, err)
		}
	}
	asked := bot.NewDirectory(b.options.API)
	for _, method := range []string{"auth.test", "users.info"} {
		b.sim.Fail(method, slacksim.Fault{Status: 503})
		if got, err := asked.Membership(b.ctx, anna, team); err == nil || got == commands.Full {
			t.Errorf("while %s fails anna is %q", method, got)
		}
	}
	if got, err := asked.Membership(b.ctx, anna, team); err != nil || got != commands.Full {
		t.Errorf("afterwards anna is %q: %v", got, err)
	}
}

// grid is a workspace of an organization that has several; it answers in process.
type grid struct {
	user  map[string]any
	calls int
}

func (g *grid) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := map[string]any{"ok": true, "team_id": team, "enterprise_id": "E0CONTOSO"}
	if strings.HasSuffix(r.URL.Path, "users.info") {
		g.calls++
		answer = map[string]any{"ok": true, "user": g.user}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
}

func TestMembershipInAnOrganizationWithSeveralWorkspaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &grid{}
		for _, c := range []struct {
			team, enterprise string
			want             commands.Membership
		}{{team, "E0CONTOSO", commands.Full}, {"T0OTHER", "E0CONTOSO", commands.Full}, {"T0OTHER", "E0PARTNER", commands.External}, {"T0OTHER", "", commands.External}} {
			g.user = map[string]any{"id": anna, "team_id": c.team, "enterprise_user": map[string]any{"enterprise_id": c.enterprise}}
			d := bot.NewDirectory(bot.NewAPI("xoxb-x", "xapp-x", "https://slack.example/api/", g))
			if got, err := d.Membership(t.Context(), anna, team); err != nil || got != c.want {
				t.Errorf("of %s in %q: %q, want %q (%v)", c.team, c.enterprise, got, c.want, err)
			}
		}
		d := bot.NewDirectory(bot.NewAPI("xoxb-x", "xapp-x", "https://slack.example/api/", g))
		is := func() commands.Membership {
			t.Helper()
			got, err := d.Membership(t.Context(), anna, team)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		g.user, g.calls = map[string]any{"id": anna, "team_id": team}, 0
		is()
		g.user["deleted"] = true
		<-time.After(59 * time.Second)
		if got := is(); got != commands.Full || g.calls != 1 {
			t.Errorf("within a minute: %q, %d questions", got, g.calls)
		}
		<-time.After(time.Second)
		if got := is(); got != commands.Deactivated {
			t.Errorf("after a minute: %q", got)
		}
	})
}

// guest, visitor and leaver are in the group that approves, and may not.
const (
	guest   = "U0GUEST"
	visitor = "U0VISITOR"
	leaver  = "U0LEAVER"
)

func withOutsiders(_ *bench, o *slacksim.Options) {
	o.Users = append(o.Users, slacksim.User{ID: guest, Name: "guest", Guest: true},
		slacksim.User{ID: visitor, Name: "visitor", Team: "T0PARTNER"}, slacksim.User{ID: leaver, Name: "leaver"})
	o.UserGroups[0].Users = append(o.UserGroups[0].Users, guest, visitor, leaver)
}

func TestAnApprovalOfSomebodyWhoIsNoMemberDoesNotCount(t *testing.T) {
	t.Parallel()
	b := newBench(t, withOutsiders).connected()
	card := b.ask()
	button := card.Buttons()[0]
	version := b.refresh().Version
	b.sim.Deactivate(leaver)
	for who, words := range map[string]string{guest: "Guests of this workspace", visitor: "Only members of the workspace", leaver: "is deactivated"} {
		ack, err := b.sim.ClickRaw(b.ctx, who, channel, card.TS, map[string]any{"action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value})
		if err != nil || !ack.OK {
			t.Fatalf("%s: %+v, %v", who, ack, err)
		}
		b.until(who+" is told", func() bool { return len(b.sim.Ephemerals(who)) > 0 })
		if text := b.sim.Ephemerals(who)[0].Plain(); !strings.Contains(text, words) {
			t.Errorf("%s is told %q", who, text)
		}
	}
	if r := b.refresh(); r.Version != version || r.Approved() {
		t.Error("something was committed")
	}
	b.press(anna, refresh.ActionApprove)
	if !b.refresh().Approved() {
		t.Error("anna's click does not count either")
	}
}

// The same button and the same person, but sent from a workspace of others, from another channel, or both.
func TestAClickFromElsewhereDoesNotCount(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	card := b.ask()
	button := card.Buttons()[0]
	click := func(team, where string) {
		t.Helper()
		ack, err := b.sim.Deliver(b.ctx, "interactive", map[string]any{
			"type": "block_actions", "user": map[string]any{"id": anna, "team_id": team}, "team": map[string]any{"id": team},
			"trigger_id": "1." + team + where, "channel": map[string]any{"id": where},
			"container": map[string]any{"type": "message", "message_ts": card.TS, "channel_id": where},
			"actions":   []map[string]any{{"type": "button", "action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value, "action_ts": "1.0"}},
		})
		if err != nil || !ack.OK {
			t.Fatalf("from %s in %s: %+v, %v", team, where, ack, err)
		}
	}
	click("T0PARTNER", channel)
	click(team, "C0ELSEWHERE")
	click("", channel)
	click("T0PARTNER", "C0ELSEWHERE")
	if b.refresh().Approved() {
		t.Fatal("a click from elsewhere counts")
	}
	click(team, channel)
	if !b.refresh().Approved() {
		t.Error("the same click from here does not count")
	}
}

func TestACommandFromAnotherWorkspaceAsksForNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	ack, err := b.sim.Deliver(b.ctx, "slash_commands", map[string]any{
		"team_id": "T0PARTNER", "channel_id": channel, "user_id": rita, "user_name": "rita", "command": "/refresh", "text": "uat", "trigger_id": "1.1",
	})
	if err != nil || !strings.Contains(string(ack.Payload), "Only members of the workspace") {
		t.Errorf("answer: %s, %v", ack.Payload, err)
	}
	if list, err := b.store.Recent(b.ctx, "", 10); err != nil || len(list) != 0 {
		t.Errorf("%d refreshes: %v", len(list), err)
	}
}
