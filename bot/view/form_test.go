package view_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

func usersForm() commands.Form {
	return commands.Form{
		Name: "users", State: []string{"uat-20261120-7f3a"}, Channel: "C0UAT", Title: "Users to let in", Submit: "Preview",
		Parts: []commands.Part{
			{Text: "These users are let into uat too. Nobody is let in before the preview."},
			{Input: &commands.Input{ID: "file", Kind: commands.InputFile, Label: "A file: CSV or Excel", Hint: "One user in each row.", Optional: true}},
			{Input: &commands.Input{ID: "names", Kind: commands.InputLines, Label: "Or paste the users", Hint: "One on each line.", Sample: "anna@contoso.com", Optional: true}},
		},
	}
}

func askForm(text string) commands.Form {
	choices := []commands.Choice{{Value: "now", Text: "Now " + text, More: "when it is approved " + text}, {Value: "at", Text: "At the time below"}}
	return commands.Form{
		Name: "ask", State: []string{"uat"}, Title: "Refresh " + text, Submit: "Ask for it " + text,
		Parts: []commands.Part{
			{Input: &commands.Input{ID: "environment", Kind: commands.InputMenu, Label: "Which? " + text, Sample: "Choose " + text, Initial: "now", Choices: choices, Tells: true}},
			{Text: "prod → uat " + text},
			{Facts: []commands.Fact{{Name: "Last refreshed " + text, Text: "asked for by anna " + text, At: friday}, {Name: "Batch jobs", Text: "uat does not answer. " + text, Unknown: true}}},
			{Input: &commands.Input{ID: "when", Kind: commands.InputOne, Label: "When " + text, Initial: "now", Choices: choices}},
			{Input: &commands.Input{ID: "time", Kind: commands.InputTime, Label: "Time " + text, Hint: text, Optional: true, Initial: fmt.Sprint(friday.Unix())}},
			{Input: &commands.Input{ID: "reason", Kind: commands.InputText, Label: "Reason", Sample: "March " + text, Most: 300, Optional: true}},
			{Input: &commands.Input{ID: "notice", Kind: commands.InputMenu, Label: "Notice", Choices: choices, Initial: "at"}},
			{Input: &commands.Input{ID: "days", Kind: commands.InputMany, Label: "Days " + text, Choices: choices}},
			{Input: &commands.Input{ID: "clock", Kind: commands.InputClock, Label: "Clock " + text, Hint: text, Initial: "20:00"}},
			{Input: &commands.Input{ID: "dry_run", Kind: commands.InputButton, Label: "Dry run " + text, Hint: "Not sure? " + text}},
		},
	}
}

// aPlan has n steps in reconfigure.
func aPlan(n int, text string) *commands.Plan {
	p := &commands.Plan{
		Source: "prod" + text, Target: "uat" + text, Checked: true, Passed: 7, Last: friday,
		Stops: []refresh.Finding{{Name: "Nothing runs on uat" + text, Detail: "LCS is busy." + text}},
		Steps: []commands.Foreseen{
			{Phase: refresh.PhasePrepare, Name: "Approval", Would: "waits until one of those named approves", Took: 12 * time.Minute, Waits: true},
			{Phase: refresh.PhaseRefresh, Name: "Follow the copy", Would: "follows LCS" + text, Took: 3 * time.Hour},
		},
	}
	for i := range n {
		p.Steps = append(p.Steps, commands.Foreseen{Phase: refresh.PhaseReconfigure, Name: fmt.Sprintf("Item %d%s", i, text), Would: "changes a record" + text})
	}
	return p
}

func TestForm(t *testing.T) {
	t.Parallel()
	loud := usersForm()
	loud.Title, loud.Parts[0].Text = hostile, hostile
	unchecked := aPlan(1, "")
	unchecked.Checked, unchecked.Stops, unchecked.Last = false, nil, time.Time{}
	dry := func(p *commands.Plan) commands.Form {
		return commands.Form{Name: "ask", State: []string{"uat"}, Title: "Dry run", Over: true, Parts: []commands.Part{{Plan: p}}}
	}
	for name, f := range map[string]commands.Form{
		"users": usersForm(), "users-hostile": loud, "ask": askForm(""), "ask-hostile": askForm(hostile),
		"dry-run": dry(aPlan(2, "")), "dry-run-unchecked": dry(unchecked), "dry-run-hostile": dry(aPlan(1, hostile)), "dry-run-long": dry(aPlan(800, " with a long name")),
	} {
		var modal any // read back: the library encodes < and & in blocks by their numbers
		if err := json.Unmarshal(encode(t, view.Form(f, options())), &modal); err != nil {
			t.Fatal(err)
		}
		data := encode(t, modal)
		for _, p := range slacksim.CheckView(data) {
			t.Errorf("%s: Slack would refuse the form: %v\n%s", name, p, data)
		}
		for _, m := range markup.FindAllString(string(data), -1) {
			if !ours.MatchString(m) {
				t.Errorf("%s: markup that is not ours: %s", name, m)
			}
		}
		if len(data) > 250_000 {
			t.Errorf("%s: a view of %d bytes", name, len(data))
		}
		if !strings.HasSuffix(name, "-long") {
			golden(t, "forms/"+name, modal)
		}
	}
}

// A dry run of any length is a message that Slack takes.
func TestPlanInAMessage(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*commands.Plan{"plan": aPlan(3, ""), "plan-hostile": aPlan(2, hostile), "plan-long": aPlan(800, " with a long name")} {
		m := view.Reply(commands.Reply{Plan: p}, friday, options())
		check(t, m)
		golden(t, "replies/"+name, payload(t, m))
	}
	m := view.Reply(commands.Reply{Plan: aPlan(800, hostile)}, friday, options())
	check(t, m)
	if data := string(payload(t, m)); len([]rune(data)) > 20_000 || !strings.Contains(data, "steps more") {
		t.Errorf("%d characters", len([]rune(data)))
	}
}

// sent is a form as Slack sends it back.
func sent(f commands.Form, values map[string]slack.BlockAction) slack.View {
	modal := view.Form(f, options())
	state := map[string]map[string]slack.BlockAction{}
	for block, v := range values {
		state[block] = map[string]slack.BlockAction{"given": v}
	}
	return slack.View{CallbackID: modal.CallbackID, PrivateMetadata: modal.PrivateMetadata, Blocks: modal.Blocks, State: &slack.ViewState{Values: state}}
}

func TestReadForm(t *testing.T) {
	t.Parallel()
	got, file, err := view.ReadForm(sent(usersForm(), map[string]slack.BlockAction{
		"file": {Files: []slack.File{{ID: "F1"}, {ID: "F2"}}}, "names": {Value: "anna\r\nbo"},
	}))
	want := commands.Filled{Form: "users", State: []string{"uat-20261120-7f3a"}, Channel: "C0UAT", Values: map[string]string{"names": "anna\r\nbo"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || file == nil || file.ID != "F1" {
		t.Errorf("%+v, %v, (-want +got):\n%s", file, err, diff)
	}
	got, file, err = view.ReadForm(sent(askForm(""), map[string]slack.BlockAction{
		"when": {SelectedOption: slack.OptionBlockObject{Value: "at"}}, "time": {SelectedDateTime: 1796421600}, "reason": {}, "environment": {SelectedOption: slack.OptionBlockObject{Value: "uat"}},
	}))
	want = commands.Filled{Form: "ask", State: []string{"uat"}, Values: map[string]string{"when": "at", "time": "1796421600", "environment": "uat"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || file != nil {
		t.Errorf("%+v, %v, (-want +got):\n%s", file, err, diff)
	}
	if view.Pressed(&got, slack.BlockAction{ActionID: "other", BlockID: "dry_run"}) || got.Pressed != "" {
		t.Error("a press of what is not ours counts")
	}
	if !view.Pressed(&got, slack.BlockAction{ActionID: "given:environment", BlockID: "environment", SelectedOption: slack.OptionBlockObject{Value: "test"}}) || got.Pressed != "environment" || got.Values["environment"] != "test" {
		t.Errorf("pressed: %+v", got)
	}
	for name, spoil := range map[string]func(*slack.View){
		"no metadata":     func(v *slack.View) { v.PrivateMetadata = "" },
		"no JSON":         func(v *slack.View) { v.PrivateMetadata = "{" },
		"other version":   func(v *slack.View) { v.PrivateMetadata = `["1","r","c"]` },
		"too few parts":   func(v *slack.View) { v.PrivateMetadata = `["2"]` },
		"long metadata":   func(v *slack.View) { v.PrivateMetadata = `["2","` + strings.Repeat("r", 3000) + `","c"]` },
		"nothing came in": func(v *slack.View) { v.State = nil },
	} {
		v := sent(usersForm(), map[string]slack.BlockAction{"names": {Value: "ANNA"}})
		spoil(&v)
		if _, _, err := view.ReadForm(v); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestComplaintsStandAtTheirInputs(t *testing.T) {
	t.Parallel()
	v := sent(askForm(""), nil)
	got := view.Complaints(commands.Reply{Refused: true, Text: "Not possible.", Complaints: map[string]string{"time": "It is past <!here>", "gone": "x"}}, v, options())
	if diff := cmp.Diff(map[string]string{"time": "It is past ‹!here›"}, got); diff != "" {
		t.Error(diff)
	}
	got = view.Complaints(commands.Reply{Refused: true, Text: "uat is busy", Hint: "Wait."}, v, options())
	if diff := cmp.Diff(map[string]string{"clock": "uat is busy. Wait."}, got); diff != "" {
		t.Error(diff)
	}
	frozen := []commands.InBlackout{{Free: time.Date(2026, 12, 1, 23, 0, 0, 0, time.UTC)}}
	got = view.Complaints(commands.Reply{Refused: true, Text: "Month end", Blackouts: frozen}, v, options())
	if diff := cmp.Diff(map[string]string{"clock": "Month end. Possible again from 2 Dec 2026 at 00:00 CET."}, got); diff != "" {
		t.Error(diff)
	}
	if got := view.Complaints(commands.Reply{Refused: true, Text: "x"}, slack.View{}, options()); len(got) > 0 {
		t.Errorf("a form without inputs: %v", got)
	}
}
