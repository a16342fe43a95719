package check_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"refreshbot/bot/check"
	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slack starts a workspace in which everything is as it should be.
func slack(t *testing.T) (*slacksim.Server, check.SlackOptions) {
	t.Helper()
	sim, err := slacksim.Start(slacksim.Options{
		NoRateLimits: true, Scopes: check.Scopes(),
		Users: []slacksim.User{{ID: "U0ANNA", Name: "anna"}},
		Channels: []slacksim.Channel{
			{ID: "C0UAT", Name: "uat-refresh", BotMember: true}, {ID: "C0OTHER", Name: "other"},
			{ID: "G0SECRET", Name: "secret", Private: true, BotMember: true},
		},
		UserGroups: []slacksim.UserGroup{{ID: "S0RELEASE", Handle: "release", Users: []string{"U0ANNA"}}, {ID: "S0EMPTY", Handle: "empty"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return sim, check.SlackOptions{
		BotToken: sim.BotToken(), AppToken: sim.AppToken(), APIURL: sim.APIURL(), Transport: transport,
		Channels: []string{"C0UAT"}, Groups: []string{"S0RELEASE"},
	}
}

func TestSlackAsItShouldBe(t *testing.T) {
	t.Parallel()
	sim, o := slack(t)
	o.Channels = append(o.Channels, "G0SECRET")
	want := []check.Result{
		{Area: "Slack", Name: "bot token", OK: true, Text: "signed in to Contoso as refreshbot"},
		{Area: "Slack", Name: "scopes", OK: true, Text: "all that are needed"},
		{Area: "Slack", Name: "app token", OK: true, Text: "Socket Mode can be opened"},
		{Area: "Slack", Name: "channel C0UAT", OK: true, Text: "the bot is in #uat-refresh"},
		{Area: "Slack", Name: "channel G0SECRET", OK: true, Text: "the bot is in #secret"},
		{Area: "Slack", Name: "user group S0RELEASE", OK: true, Text: "members: 1"},
	}
	got := check.Slack(t.Context(), o)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if !check.Passed(got) {
		t.Error("it did not pass")
	}
	for _, c := range sim.Calls() {
		if strings.HasPrefix(c.Method, "chat.") || sim.Connections() > 0 {
			t.Errorf("checking changes something: %s", c.Method)
		}
	}
}

func TestEachThingThatCanBeWrongWithSlack(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		spoil   func(*slacksim.Server, *check.SlackOptions)
		bad     []string // names of the results that fail
		says    string   // in each of them
		passing bool
	}{
		{"a wrong bot token", func(_ *slacksim.Server, o *check.SlackOptions) { o.BotToken = "xoxb-wrong" }, []string{"bot token"}, "does not accept the token", false},
		{"the app token in place of the bot's", func(_ *slacksim.Server, o *check.SlackOptions) { o.BotToken = o.AppToken }, []string{"bot token"}, "wrong kind", false},
		{"a wrong app token", func(_ *slacksim.Server, o *check.SlackOptions) { o.AppToken = "xapp-wrong" }, []string{"app token"}, "does not accept the token", false},
		{"the bot token in place of the app's", func(_ *slacksim.Server, o *check.SlackOptions) { o.AppToken = o.BotToken }, []string{"app token"}, "wrong kind", false},
		{"both wrong", func(_ *slacksim.Server, o *check.SlackOptions) { o.BotToken, o.AppToken = "xoxb-a", "xapp-b" }, []string{"bot token", "app token"}, "does not accept", false},
		{"revoked", func(s *slacksim.Server, _ *check.SlackOptions) { s.RevokeTokens() }, []string{"bot token", "app token"}, "no longer valid", false},
		{"a missing scope", func(s *slacksim.Server, _ *check.SlackOptions) {
			s.SetScopes(slices.DeleteFunc(check.Scopes(), func(c string) bool { return c == "chat:write" }))
		}, []string{"scopes"}, "missing: chat:write. Update the app from manifest.yml", false},
		{"a missing scope that the check needs too", func(s *slacksim.Server, _ *check.SlackOptions) {
			s.SetScopes(slices.DeleteFunc(check.Scopes(), func(c string) bool { return c == "usergroups:read" }))
		}, []string{"scopes", "user group S0RELEASE"}, "usergroups:read", false},
		{"not in the channel", func(_ *slacksim.Server, o *check.SlackOptions) { o.Channels = []string{"C0OTHER"} }, []string{"channel C0OTHER"}, "not in #other. Invite it there: /invite @refreshbot", false},
		{"an unknown channel", func(_ *slacksim.Server, o *check.SlackOptions) { o.Channels = []string{"C0GONE"} }, []string{"channel C0GONE"}, "no such channel", false},
		{"a private channel without the bot", func(s *slacksim.Server, o *check.SlackOptions) {
			s.SetMember("G0SECRET", false)
			o.Channels = []string{"G0SECRET"}
		}, []string{"channel G0SECRET"}, "private and the bot is not in it", false},
		{"an archived channel", func(s *slacksim.Server, _ *check.SlackOptions) {
			s.SetArchived("C0UAT", true)
			s.SetMember("C0UAT", false) // archiving takes everybody out
		}, []string{"channel C0UAT"}, "archived", false},
		{"an unknown user group", func(_ *slacksim.Server, o *check.SlackOptions) { o.Groups = []string{"S0GONE"} }, []string{"user group S0GONE"}, "no such user group", false},
		{"a user group without members", func(_ *slacksim.Server, o *check.SlackOptions) { o.Groups = []string{"S0EMPTY"} }, []string{"user group S0EMPTY"}, "no members", false},
		{"Slack does not answer", func(s *slacksim.Server, _ *check.SlackOptions) {
			s.Fail("*", slacksim.Fault{DropRequest: true, Times: -1})
		}, []string{"bot token", "app token"}, "No connection to Slack", true},
		{"Slack is unwell", func(s *slacksim.Server, _ *check.SlackOptions) {
			s.Fail("conversations.info", slacksim.Fault{Error: "internal_error"})
		}, []string{"channel C0UAT"}, "internal_error", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			sim, o := slack(t)
			tc.spoil(sim, &o)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			list := check.Slack(ctx, o)
			var bad []string
			for _, r := range list {
				if r.OK {
					continue
				}
				bad = append(bad, r.Name)
				if !strings.Contains(r.Text, tc.says) || r.Passing != tc.passing {
					t.Errorf("%+v, want %q and passing %v", r, tc.says, tc.passing)
				}
				if strings.Contains(r.Text, "xoxb-wrong") || strings.Contains(r.Text, "xapp-wrong") {
					t.Errorf("a token is shown: %q", r.Text)
				}
			}
			if !slices.Equal(bad, tc.bad) {
				t.Errorf("failed: %q, want %q", bad, tc.bad)
			}
			if check.Passed(list) {
				t.Error("it passed all the same")
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	sim, o := slack(t)
	if err := sim.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range check.Slack(t.Context(), o) {
		if r.OK || !r.Passing || !strings.Contains(r.Text, "No connection to Slack") {
			t.Errorf("%+v", r)
		}
	}
}

func TestPreflightAndTry(t *testing.T) {
	t.Parallel()
	got := check.Preflight("prod", "uat", refresh.Outcome{Findings: []refresh.Finding{{OK: true, Name: "Sign-in to prod", Detail: "registered"}, {Name: "Target is a sandbox", Detail: "it is not"}}})
	got = append(got, check.Preflight("prod", "dev", refresh.Outcome{Problem: &refresh.Problem{Message: "dev is no longer in the configuration."}})...)
	got = append(got, check.Try("Entra", "app", "signed in", nil),
		check.Try("Entra", "user", "", refresh.Errorf(refresh.Denied, "Wrong password.")),
		check.Try("Entra", "slow", "", refresh.Errorf(refresh.Offline, "No answer.")))
	want := []check.Result{
		{Area: "prod to uat", Name: "Sign-in to prod", OK: true, Text: "registered"},
		{Area: "prod to uat", Name: "Target is a sandbox", Text: "it is not"},
		{Area: "prod to dev", Name: "preflight", Text: "dev is no longer in the configuration."},
		{Area: "Entra", Name: "app", OK: true, Text: "signed in"},
		{Area: "Entra", Name: "user", Text: "Wrong password."},
		{Area: "Entra", Name: "slow", Text: "No answer.", Passing: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestTheCompanionServiceIsOptional(t *testing.T) {
	t.Parallel()
	const area, name = "prod to uat", "Companion service"
	for _, tc := range []struct {
		err  error
		want check.Result
	}{
		{nil, check.Result{Area: area, Name: name, OK: true, Text: "installed, version 1.2"}},
		{refresh.Errorf(refresh.NotFound, "Not there."), check.Result{Area: area, Name: name, OK: true,
			Text: "not installed: the SMTP password, the entity store and LCS Help are manual items (see jobs/finops/xpp/README.md)"}},
		{refresh.Errorf(refresh.Refused, "It will not work there."), check.Result{Area: area, Name: name, Text: "It will not work there."}},
		{refresh.Errorf(refresh.Offline, "No answer."), check.Result{Area: area, Name: name, Text: "No answer.", Passing: true}},
	} {
		if diff := cmp.Diff(tc.want, check.Companion("prod", "uat", "1.2", tc.err)); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	list := []check.Result{
		{Area: "Slack", Name: "bot token", OK: true, Text: "signed in to Contoso as refreshbot"},
		{Area: "prod to uat", Name: "Target is a sandbox", Text: "LCS says uat is a Production environment."},
	}
	for want, list := range map[string][]check.Result{
		`ok    Slack        bot token            signed in to Contoso as refreshbot
FAIL  prod to uat  Target is a sandbox  LCS says uat is a Production environment.

1 of 2 did not pass. A refresh could not run as it stands.
`: list,
		`ok  Slack  bot token  signed in to Contoso as refreshbot

All 1 passed: a refresh could run.
`: list[:1],
	} {
		var out bytes.Buffer
		if err := check.Print(&out, list); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
	}
}
