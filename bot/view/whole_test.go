package view_test

import (
	"fmt"
	"slices"
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
		items = append(items, commands.Item{Title: fmt.Sprintf("uat.%d: uat refreshed every Friday at 20:00", i), Facts: []commands.Fact{
			{Name: "Next", At: friday, Text: "<Friday>"},
			{Name: "From", Who: refresh.Person{ID: "U0FIN", Name: "Fiona <FI>"}, Why: "month end & more"},
			{Name: "Paused", At: friday, Text: "by", Who: refresh.Person{ID: "U0ANNA"}},
		}})
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
		"schedules":     {commands.Reply{Name: "schedules", Items: items}, "refreshbot-schedules.txt", []string{"uat.19: uat refreshed", "<Friday>", "From: Fiona <FI>, because: month end & more\n", ", by @U0ANNA\n"}},
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

// A thread message that has no room for all that was found, or for everybody's name, is followed by a file that has.
func TestWholeEvents(t *testing.T) {
	t.Parallel()
	var many []refresh.Finding
	for i := range 60 {
		many = append(many, not(fmt.Sprintf("Check <%d>", i), "CustomersV3 is empty; prod has 1,204 & more"))
	}
	long := []refresh.Finding{ok("Customers", "fine"), not("Vendors", strings.Repeat("far ", 80)+"too long")}
	for name, tc := range map[string]struct {
		found []refresh.Finding
		holds string
	}{
		"many findings":          {many, "NOT OK  Check <59>: CustomersV3 is empty; prod has 1,204 & more\n"},
		"a long finding":         {long, "far too long\nok  Customers: fine\n"},
		"what there is room for": {many[:3], ""},
	} {
		s := begin(t, request()).copied().report("smoke_checks", good("", tc.found...))
		switch {
		case tc.holds == "" && len(s.files) > 0, tc.holds != "" && len(s.files) != 1:
			t.Errorf("%s: %d files", name, len(s.files))
		case tc.holds != "" && !strings.Contains(s.files[0].Text, tc.holds):
			t.Errorf("%s: no %q in\n%s", name, tc.holds, s.files[0].Text)
		}
	}
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("TRAINEE<%d>", i))
	}
	req := request()
	req.Plan = slices.Insert(req.Plan, 15, refresh.Spec{ID: "preview", Phase: refresh.PhaseOpen, Kind: refresh.KindPreview, Name: "Preview of the users"})
	s := begin(t, req)
	s.input(refresh.ListUsers{By: anna, From: "list.csv", Names: names})
	if len(s.files) != 1 || !strings.Contains(s.files[0].Text, "TRAINEE<29>\n") {
		t.Errorf("of users who were handed in: %+v", s.files)
	}
	golden(t, "replies/in-full-thread", begin(t, request()).copied().report("smoke_checks", good("", long...)).files)
}
