package view_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/commands"
)

func form() commands.Form {
	return commands.Form{
		Title: "Users to let in", Target: "uat", Channel: "C0UAT", Refresh: "uat-20261120-7f3a",
		What: "These users are let into uat too. Nobody is let in before the preview.",
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	loud := form()
	loud.Title, loud.What = hostile, hostile
	for name, f := range map[string]commands.Form{"users": form(), "users-hostile": loud} {
		var modal any // read back: the library encodes < and & in blocks by their numbers
		if err := json.Unmarshal(encode(t, view.Form(f)), &modal); err != nil {
			t.Fatal(err)
		}
		data := encode(t, modal)
		for _, p := range slacksim.CheckView(data) {
			t.Errorf("Slack would refuse the form: %v\n%s", p, data)
		}
		for _, m := range markup.FindAllString(string(data), -1) {
			if !ours.MatchString(m) {
				t.Errorf("markup that is not ours: %s", m)
			}
		}
		golden(t, "forms/"+name, modal)
	}
}

// sent is the form as Slack sends it back.
func sent(names string, files ...slack.File) slack.View {
	modal := view.Form(form())
	return slack.View{CallbackID: modal.CallbackID, PrivateMetadata: modal.PrivateMetadata, State: &slack.ViewState{Values: map[string]map[string]slack.BlockAction{
		"file": {"given": {Files: files}}, "names": {"given": {Value: names}},
	}}}
}

func TestReadForm(t *testing.T) {
	t.Parallel()
	got, complaints, err := view.ReadForm(sent("anna\r\n bo@contoso.com ;CARL\t\u202eDORA\n\n,", slack.File{ID: "F1"}, slack.File{ID: "F2"}))
	want := view.Filled{Refresh: "uat-20261120-7f3a", Channel: "C0UAT", File: &slack.File{ID: "F1"}, Names: []string{"anna", "bo@contoso.com", "CARL", "DORA"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || complaints != nil {
		t.Errorf("%v, %v, (-want +got):\n%s", complaints, err, diff)
	}
	for _, nothing := range []string{"", " \n\t", ",;\n\u202e"} {
		if _, complaints, err := view.ReadForm(sent(nothing)); err != nil || complaints["names"] == "" || len(complaints) != 1 {
			t.Errorf("%q: %v, %v", nothing, complaints, err)
		}
	}
	for name, spoil := range map[string]func(*slack.View){
		"another form":    func(v *slack.View) { v.CallbackID = "reject" },
		"no metadata":     func(v *slack.View) { v.PrivateMetadata = "" },
		"no JSON":         func(v *slack.View) { v.PrivateMetadata = "{" },
		"other version":   func(v *slack.View) { v.PrivateMetadata = `["0","r","c"]` },
		"too few parts":   func(v *slack.View) { v.PrivateMetadata = `["1","r"]` },
		"no refresh":      func(v *slack.View) { v.PrivateMetadata = `["1","","c"]` },
		"long metadata":   func(v *slack.View) { v.PrivateMetadata = `["1","` + strings.Repeat("r", 3000) + `","c"]` },
		"nothing came in": func(v *slack.View) { v.State = nil },
	} {
		v := sent("ANNA")
		spoil(&v)
		if _, _, err := view.ReadForm(v); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestComplaintIsOnTheInputThatWasFilledIn(t *testing.T) {
	t.Parallel()
	got := view.Complaint(commands.Reply{Refused: true, Text: "It is too late <!here>", Hint: "Let them in by hand."})
	if diff := cmp.Diff(map[string]string{"names": "It is too late ‹!here›. Let them in by hand."}, got); diff != "" {
		t.Error(diff)
	}
}
