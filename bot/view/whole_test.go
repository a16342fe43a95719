package view_test

import (
	"fmt"
	"strings"
	"testing"

	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// What a message has no room for is in a file, whole; the message says so. What fits makes no file.
func TestWholeAnswers(t *testing.T) {
	t.Parallel()
	var listing strings.Builder
	for i := range 400 {
		fmt.Fprintf(&listing, "environments.uat%d.name: uat <%d> & `co`\n", i, i)
	}
	long := commands.Plan{Target: "uat", Source: "prod", Checked: true, Stops: []refresh.Finding{{Name: "LCS <busy>", Detail: strings.Repeat("long ", 100) + "end"}}}
	for i := range 120 {
		long.Steps = append(long.Steps, commands.Foreseen{Phase: refresh.PhaseReconfigure, Name: fmt.Sprintf("Item %d", i), Would: "writes a record of each of the entities that the configuration names & more"})
	}
	running := begin(t, request()).following()
	var many []commands.Standing
	var items []commands.Item
	for i := range 20 {
		many = append(many, commands.Standing{Target: fmt.Sprintf("uat%d", i), Source: "prod", Active: &running.r})
		items = append(items, commands.Item{Title: fmt.Sprintf("uat.%d: uat refreshed every Friday at 20:00", i), Facts: []commands.Fact{{Name: "Next", At: friday, Text: "<Friday>"}}})
	}
	for name, tc := range map[string]struct {
		reply commands.Reply
		file  string
		holds []string
	}{
		"configuration": {commands.Reply{Name: "configuration", Text: "This is in use.", Listing: listing.String()}, "refreshbot-configuration.txt", []string{"uat <399> & `co`", "This is in use."}},
		"a long line":   {commands.Reply{Name: "check", Listing: strings.Repeat("x", 4000)}, "refreshbot-check.txt", []string{strings.Repeat("x", 4000)}},
		"dry run":       {commands.Reply{Plan: &long}, "refreshbot-dry-run-of-uat.txt", []string{"NOT OK  LCS <busy>: long", "long end", "- Item 119: writes a record", "names & more"}},
		"status":        {commands.Reply{Targets: many}, "refreshbot-status.txt", []string{"uat19 from prod"}},
		"schedules":     {commands.Reply{Name: "schedules", Items: items}, "refreshbot-schedules.txt", []string{"uat.19: uat refreshed", "<Friday>"}},
	} {
		whole := view.Whole(tc.reply, friday, options())
		if whole == nil || whole.Name != tc.file || !strings.HasSuffix(whole.Title, ", in full") {
			t.Errorf("%s: %+v", name, whole)
			continue
		}
		for _, want := range tc.holds {
			if !strings.Contains(whole.Text, want) {
				t.Errorf("%s: no %q in\n%.3000s", name, want, whole.Text)
			}
		}
		for _, never := range []string{"&lt;", "&amp;", "<!", "<@", "…", "*"} {
			if strings.Contains(whole.Text, never) {
				t.Errorf("%s: %q in\n%.3000s", name, never, whole.Text)
			}
		}
		m := view.Reply(tc.reply, friday, options())
		check(t, m)
		if said := blockText(t, payload(t, m)); !strings.Contains(said, tc.file) {
			t.Errorf("%s: the answer does not say where all of it is:\n%s", name, said)
		}
	}
	short := commands.Reply{Text: "ok", Listing: "a\nb\n", Targets: many[:2], Items: items[:3], Plan: &commands.Plan{Target: "uat", Steps: long.Steps[:5]}, Hint: "go on"}
	if whole := view.Whole(short, friday, options()); whole != nil {
		t.Errorf("a file of what fits: %s", whole.Text)
	}
	golden(t, "replies/in-full", view.Whole(commands.Reply{Name: "schedules", Text: "20 schedules.", Items: items[:9], Hint: "More."}, friday, options()))
}
