package view_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// checkHome holds a Home tab to Slack's limits, and to what everything of ours promises.
func checkHome(t testing.TB, v slack.HomeTabViewRequest) string {
	t.Helper()
	data := encode(t, v)
	for _, p := range slacksim.CheckView(data) {
		t.Errorf("Slack would refuse the Home tab: %v", p)
	}
	for _, m := range markup.FindAllString(string(data), -1) {
		if !ours.MatchString(m) {
			t.Errorf("markup that is not ours: %s", m)
		}
	}
	return blockText(t, data)
}

func TestHome(t *testing.T) {
	t.Parallel()
	approval := begin(t, request()).checked()
	g := approval.r.OpenGates()[0]
	notice, checking := begin(t, request()).announced().report("broadcast_message", good("")), begin(t, request())
	clock := notice.r.OpenGates()[0]
	copying := begin(t, request()).following()
	over := begin(t, request()).checked().click(bo, refresh.ActionReject, "UAT is in use until Monday")
	next := time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC)
	full := commands.Home{
		Waiting: []commands.Waiting{{Refresh: approval.r, Gate: g}},
		Running: []commands.Running{
			{About: commands.About{Refresh: approval.r}}, {About: commands.About{Refresh: notice.r}, Gate: &clock},
			{About: commands.About{Refresh: checking.r}, Cancel: true},
			{About: commands.About{Refresh: copying.r, Past: past(time.Hour, 2*time.Hour).Past}},
		},
		Scheduled: []commands.Item{{Title: "sit.config: sit refreshed every Friday at 20:00 (Europe/Berlin)",
			Facts:   []commands.Fact{{Name: "Next", Text: "Friday 27 November 20:00 (Europe/Berlin)", At: next}, {Name: "From", Text: "the configuration"}},
			Buttons: []commands.Button{{Text: "Pause sit.config", Line: "schedule sit.config pause", Sure: "sit is not refreshed by this schedule until somebody resumes it."}}}},
		Recent: []commands.Ran{{Refresh: over.r, Report: "https://contoso.slack.com/archives/C0UAT/p1"}},
		Own:    []commands.Standing{{Target: "sit", Source: "prod", Next: next, Last: &over.r}, {Target: "uat", Source: "prod", Active: &copying.r}, {Target: "new", Source: "prod"}},
	}
	refused := &commands.Reply{Refused: true, Text: "Already decided: approved by Bo, 2026-11-20 18:20 UTC."}
	for name, v := range map[string]slack.HomeTabViewRequest{
		"home-full":    view.Home(full, nil, friday, options()),
		"home-empty":   view.Home(commands.Home{}, nil, friday, options()),
		"home-refused": view.Home(commands.Home{Unread: "Slack did not say which user groups you are in."}, refused, friday, options()),
	} {
		checkHome(t, v)
		golden(t, "home/"+name, json.RawMessage(encode(t, v)))
	}
	// Every button says by itself what it is about, and only what this person may do is offered.
	g.Actions = []refresh.Action{refresh.ActionReject}
	full.Waiting[0].Gate = g
	var buttons []string
	for _, b := range view.Home(full, nil, friday, options()).Blocks.BlockSet {
		for _, e := range elementsOf(b) {
			buttons = append(buttons, e.AccessibilityLabel)
		}
	}
	if got := strings.Join(buttons, "\n"); got != `Reject: refresh of uat from prod
Postpone 30 min: refresh of uat from prod
Start now: refresh of uat from prod
Cancel refresh: refresh of uat from prod
Cancel refresh: refresh of uat from prod
Pause sit.config: /refresh schedule sit.config pause
Refresh sit from prod
Refresh new from prod` {
		t.Errorf("buttons:\n%s", got)
	}
}

func elementsOf(b slack.Block) (all []*slack.ButtonBlockElement) {
	switch b := b.(type) {
	case *slack.ActionBlock:
		for _, e := range b.Elements.ElementSet {
			all = append(all, e.(*slack.ButtonBlockElement))
		}
	case *slack.SectionBlock:
		if b.Accessory != nil && b.Accessory.ButtonElement != nil {
			all = append(all, b.Accessory.ButtonElement)
		}
	}
	return all
}

// However much there is and however it is named, the tab is one that Slack takes, and says what it leaves out.
func TestHostileHomeStaysWithinLimits(t *testing.T) {
	t.Parallel()
	s, failed := hostileStory(t, 30)
	for _, step := range []string{"service0", "service1"} {
		s.report(step, failed)
	}
	h := commands.Home{Unread: hostile}
	for range 60 {
		for _, g := range s.r.OpenGates() {
			h.Waiting = append(h.Waiting, commands.Waiting{Refresh: s.r, Gate: g})
		}
		h.Running = append(h.Running, commands.Running{About: commands.About{Refresh: s.r, Past: past(time.Hour).Past}, Gate: &s.r.OpenGates()[0]})
		h.Scheduled = append(h.Scheduled, commands.Item{Title: hostile, Facts: []commands.Fact{{Name: hostile, Text: hostile, At: friday}},
			Buttons: []commands.Button{{Text: hostile, Line: "schedule uat.1 pause", Sure: hostile}}})
		h.Own = append(h.Own, commands.Standing{Target: hostile, Source: hostile, Last: &s.r})
	}
	for range 5 {
		h.Recent = append(h.Recent, commands.Ran{Refresh: s.r, Report: "https://x.example/<!channel>"})
	}
	said := checkHome(t, view.Home(h, &commands.Reply{Refused: true, Text: hostile, Hint: hostile}, s.now, options()))
	for _, want := range []string{"more, on the cards", "more: /refresh status", "more: /refresh schedules", "more: /refresh help"} {
		if !strings.Contains(said, want) {
			t.Errorf("what is left out is not said: no %q", want)
		}
	}
}
