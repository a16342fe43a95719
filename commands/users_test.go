package commands_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// lettingIn is a world whose uat lets users in; test lets nobody in.
func lettingIn(t *testing.T, f func(t *testing.T, w world)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w world) {
		uat := w.Targets["uat"]
		uat.Request.Plan = append(slices.Clone(uat.Request.Plan),
			refresh.Spec{ID: "preview", Phase: refresh.PhaseOpen, Kind: refresh.KindPreview},
			refresh.Spec{ID: "open", Phase: refresh.PhaseOpen, Kind: refresh.KindOpenGate, Policy: &refresh.Policy{By: []string{approvers}, Count: 1}},
			refresh.Spec{ID: "enable", Phase: refresh.PhaseOpen, Kind: refresh.KindEnable})
		w.Targets["uat"] = uat
		f(t, w)
	})
}

// list is a list from a person for the only refresh.
func (w world) list(t *testing.T, user string, names ...string) commands.Filled {
	t.Helper()
	return commands.Filled{Key: key(), User: refresh.Person{ID: user, Name: user}, Form: "users", State: []string{string(w.the(t).ID)}, File: &commands.List{From: "trainees.xlsx", Names: names}}
}

func TestTheFormIsForThoseWhoMayHandInNow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, user, text  string
		before            []string // lines of sam's, before
		down              bool
		refusal, nextStep string // the form when empty
	}{
		{name: "the requester", user: sam, before: []string{"uat now"}},
		{name: "an approver", user: anna, before: []string{"uat now"}},
		{name: "an admin", user: admin, before: []string{"uat now"}, text: "USERS Uat"},
		{name: "a bystander", user: tom, before: []string{"uat now"}, refusal: "Only the requester, an approver or an admin", nextStep: "Give the list to one of them"},
		{name: "an approver while Slack does not answer", user: anna, before: []string{"uat now"}, down: true, refusal: "nothing was done"},
		{name: "no refresh", user: sam, refusal: "No refresh of uat is running", nextStep: "/refresh uat asks for one"},
		{name: "one that was cancelled", user: sam, before: []string{"uat now", "cancel uat"}, refusal: "No refresh of uat is running", nextStep: "/refresh uat asks for one"},
		{name: "one that lets nobody in", user: admin, before: []string{"Golden now"}, text: "users golden", refusal: "lets nobody in", nextStep: "by hand in Golden"},
		{name: "no environment", user: sam, text: "users", refusal: "Which environment?", nextStep: "uat"},
		{name: "a typing error", user: sam, text: "users uatt", refusal: `no environment "uatt"`, nextStep: "Did you mean /refresh users uat?"},
		{name: "a typing error in the command", user: sam, text: "usres", refusal: "I know no command", nextStep: "Did you mean /refresh users?"},
		{name: "a source", user: sam, text: "users prod", refusal: "only a source", nextStep: "uat"},
		{name: "names on the line", user: sam, before: []string{"uat now"}, text: "users uat anna@contoso.com", refusal: "did not understand", nextStep: "/refresh users uat opens it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			lettingIn(t, func(t *testing.T, w world) {
				for _, l := range tc.before {
					if got := w.say(t, sam, l); got.Refused {
						t.Fatalf("%s: %+v", l, got)
					}
					synctest.Wait()
				}
				before := w.all(t)
				w.directory.set(func(d *directory) { d.down = tc.down })
				text := tc.text
				if text == "" {
					text = "users uat"
				}
				got := w.say(t, tc.user, text)
				synctest.Wait()
				if after := w.all(t); len(after) != len(before) || len(after) > 0 && after[0].Version != before[0].Version {
					t.Error("asking for the form has changed something")
				}
				if tc.refusal != "" {
					if !got.Refused || got.Form != nil || !strings.Contains(got.Text, tc.refusal) || !strings.Contains(got.Hint, tc.nextStep) {
						t.Errorf("answer %+v, want refusal %q and %q", got, tc.refusal, tc.nextStep)
					}
					return
				}
				r := w.the(t)
				if f := got.Form; got.Refused || f == nil || f.Name != "users" || len(f.State) != 1 || f.State[0] != string(r.ID) || f.Channel != channel || f.Title == "" || f.Submit == "" || len(f.Parts) != 3 {
					t.Errorf("answer %+v, form %+v", got, got.Form)
				}
			})
		})
	}
}

func TestAListIsTakenOnce(t *testing.T) {
	t.Parallel()
	lettingIn(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		in := w.list(t, sam, " ANNA ", "", "anna", "bo@contoso.com", "Bo@Contoso.com")
		if got := w.Fill(t.Context(), in); got.Refused || !strings.Contains(got.Text, "2 users from trainees.xlsx will be previewed") || got.Hint == "" {
			t.Errorf("answer: %+v", got)
		}
		version := w.the(t).Version
		if got := w.Fill(t.Context(), in); got.Refused || got.Text != "" {
			t.Errorf("a second delivery answers %+v", got)
		}
		if r := w.the(t); r.Version != version || !slices.Equal(r.Listed, []string{"ANNA", "bo@contoso.com"}) {
			t.Errorf("handed in: %q", r.Listed)
		}
	})
}

func TestAListThatIsNotTaken(t *testing.T) {
	t.Parallel()
	many := make([]string, 20_001)
	for i := range many {
		many[i] = fmt.Sprintf("USER%05d", i)
	}
	for name, tc := range map[string]struct {
		user    string
		names   []string
		change  func(t *testing.T, w world, in *commands.Filled)
		refusal string
	}{
		"from a bystander":        {user: tom, names: []string{"ANNA"}, refusal: "Only the requester"},
		"from nobody":             {user: "", names: []string{"ANNA"}, refusal: "Only the requester"},
		"without a name":          {user: sam, names: []string{"", " \t"}, refusal: "There is no user in trainees.xlsx"},
		"with a name too long":    {user: sam, names: []string{"ANNA", strings.Repeat("é", 256)}, refusal: "256 characters"},
		"with too many":           {user: sam, names: many, refusal: "at most 20000"},
		"while Slack is silent":   {user: anna, names: []string{"ANNA"}, refusal: "nothing was done", change: func(_ *testing.T, w world, _ *commands.Filled) { w.directory.set(func(d *directory) { d.down = true }) }},
		"for an unknown refresh":  {user: sam, names: []string{"ANNA"}, refusal: "There is no refresh", change: func(_ *testing.T, _ world, in *commands.Filled) { in.State = []string{"uat-20200101-abcdef"} }},
		"after it has ended":      {user: sam, names: []string{"ANNA"}, refusal: "has ended", change: func(t *testing.T, w world, _ *commands.Filled) { w.say(t, sam, "cancel uat") }},
		"with a name for a novel": {user: sam, names: []string{strings.Repeat("x", 1<<20)}, refusal: "1048576 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lettingIn(t, func(t *testing.T, w world) {
				w.say(t, sam, "uat now")
				in := w.list(t, tc.user, tc.names...)
				if tc.change != nil {
					tc.change(t, w, &in)
				}
				if got := w.Fill(t.Context(), in); !got.Refused || !strings.Contains(got.Text, tc.refusal) || len(got.Text) > 500 {
					t.Errorf("answer %+v, want %q", got, tc.refusal)
				}
				if r := w.the(t); len(r.Listed) > 0 {
					t.Errorf("handed in: %d", len(r.Listed))
				}
			})
		})
	}
}

func TestTheLimitIsOfAllListsTogether(t *testing.T) {
	t.Parallel()
	lettingIn(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		most := make([]string, 20_000)
		for i := range most {
			most[i] = fmt.Sprintf("USER%05d", i)
		}
		full := w.list(t, sam, most...)
		full.File.From = strings.Repeat("very ", 100) + "long.csv"
		got := w.Fill(t.Context(), full)
		if got.Refused || !strings.HasPrefix(got.Text, "20000 users from very ") || len(got.Text) > 250 {
			t.Fatalf("answer: %+v", got)
		}
		if got := w.Fill(t.Context(), full); got.Refused || got.Text != "" {
			t.Errorf("a second delivery answers %+v", got)
		}
		if got := w.Fill(t.Context(), w.list(t, sam, "one more")); !got.Refused || !strings.Contains(got.Text, "20001") || got.Hint == "" {
			t.Errorf("one more: %+v", got)
		}
	})
}

func TestAListIsTooLateOnceUsersAreEnabled(t *testing.T) {
	t.Parallel()
	lettingIn(t, func(t *testing.T, w world) {
		w.performer.set(func(p *performer) { p.done = true })
		w.say(t, sam, "uat now")
		for _, a := range []refresh.Action{refresh.ActionApprove, refresh.ActionStartNow} {
			if got := w.press(t, anna, a); got.Refused {
				t.Fatalf("%s: %+v", a, got)
			}
		}
		if got := w.say(t, sam, "users uat"); got.Form == nil {
			t.Errorf("while the opening waits: %+v", got)
		}
		opening := w.button(t, anna, refresh.ActionOpen)
		if got := w.Fill(t.Context(), w.list(t, sam, "ANNA")); got.Refused {
			t.Fatalf("while the opening waits: %+v", got)
		}
		if got := w.Click(t.Context(), opening); !got.Refused {
			t.Error("the list was let in with a preview that does not show it")
		}
		w.performer.set(func(p *performer) { p.stuck = refresh.KindEnable })
		if got := w.press(t, anna, refresh.ActionOpen); got.Refused {
			t.Fatalf("open: %+v", got)
		}
		for _, got := range []commands.Reply{w.say(t, sam, "users uat"), w.Fill(t.Context(), w.list(t, sam, "BO"))} {
			if !got.Refused || got.Form != nil || !strings.Contains(got.Text, "too late") || !strings.Contains(got.Hint, "by hand in uat") {
				t.Errorf("answer: %+v", got)
			}
		}
	})
}
