package commands_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Every command has a file with wrong input and what is answered. A line that begins with "> " is sent by somebody in
// the channel, one with "admin> " by an admin, one with "! " before the next of them, as a button of ours would, so that
// something runs. What follows a line is the answer; go test -update writes that anew.
func TestWrongInput(t *testing.T) {
	t.Parallel()
	var known []string
	inWorld(t, func(t *testing.T, w world) {
		for _, u := range w.say(t, sam, "help").Help {
			known = append(known, strings.Trim(strings.Fields(u.Form)[1], "<>"))
		}
	})
	for _, name := range known {
		path := filepath.Join("testdata", "wrong", name+".golden")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("/refresh %s has no golden file for wrong input: write lines that begin with \"> \" into %s and run go test -update", name, path)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			asked := 0
			var before []string
			for l := range strings.Lines(string(data)) {
				l = strings.TrimSuffix(l, "\n")
				if strings.HasPrefix(l, "! ") {
					before = append(before, l[2:])
					fmt.Fprintf(&got, "%s\n", l)
				}
				who, text, ok := strings.Cut(l, "> ")
				if !ok || who != "" && who != "admin" {
					continue
				}
				asked++
				answer := refusal(t, who, text, before)
				if !answer.Refused && name != "help" {
					t.Errorf("%q is not refused: %+v", text, answer)
				}
				fmt.Fprintf(&got, "%s\n%s\n", l, indented(answer))
				before = nil
			}
			if asked == 0 {
				t.Fatalf("%s holds no line", path)
			}
			golden(t, path, string(data), got.String())
		})
	}
	files, err := os.ReadDir(filepath.Join("testdata", "wrong"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), ".golden"); !slices.Contains(known, name) {
			t.Errorf("testdata/wrong/%s is of no command", f.Name())
		}
	}
}

// golden holds what was got against the file, or writes the file anew.
func golden(t *testing.T, path, want, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// Every input of a form that can be filled in wrongly has a line that begins with "> ": what opens the form, a slash
// command or the button of an approver, and behind a bar what is filled in otherwise than the form begins with.
func TestWrongForms(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "forms.golden")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for l := range strings.Lines(string(data)) {
		text, ok := strings.CutPrefix(strings.TrimSuffix(l, "\n"), "> ")
		if !ok {
			continue
		}
		opens, values, _ := strings.Cut(text, " | ")
		inWorld(t, func(t *testing.T, w world) {
			fmt.Fprintf(&got, "> %s\n%s\n", text, complaints(t, w, opens, values))
		})
	}
	golden(t, path, string(data), got.String())
}

// complaints are what a form answers that is filled in like that: what is wrong, by input, or as a whole.
func complaints(t *testing.T, w world, opens, values string) string {
	t.Helper()
	who, opened := sam, commands.Reply{}
	if action, ok := strings.CutPrefix(opens, "press "); ok {
		w.say(t, sam, "uat now")
		who, opened = anna, w.press(t, anna, refresh.Action(action))
	} else {
		opened = w.say(t, sam, opens)
	}
	if opened.Form == nil {
		t.Fatalf("%q opens no form: %+v", opens, opened)
	}
	in := commands.Filled{Key: key(), User: refresh.Person{ID: who, Name: who}, Form: opened.Form.Name, State: opened.Form.State, Channel: channel, Values: map[string]string{}}
	for _, p := range opened.Form.Parts {
		if p.Input != nil {
			in.Values[p.Input.ID] = p.Input.Initial
		}
	}
	for _, pair := range strings.Split(values, "; ") {
		id, value, _ := strings.Cut(pair, "=")
		if _, ok := in.Values[id]; !ok {
			t.Fatalf("%q has no input %q", opens, id)
		}
		in.Values[id] = value
	}
	answer := w.Fill(t.Context(), in)
	if !answer.Refused {
		t.Errorf("%q with %q is not refused: %+v", opens, values, answer)
	}
	var all []string
	for _, p := range opened.Form.Parts {
		if p.Input != nil && answer.Complaints[p.Input.ID] != "" {
			all = append(all, fmt.Sprintf("  %s: %s", p.Input.Label, answer.Complaints[p.Input.ID]))
		}
	}
	if len(all) == 0 {
		return indented(answer)
	}
	return strings.Join(all, "\n")
}

// refusal sends one line in a world of its own, at midnight UTC of the 1st of January 2000, a Saturday.
func refusal(t *testing.T, who, text string, before []string) (answer commands.Reply) {
	t.Helper()
	inWorld(t, func(t *testing.T, w world) {
		for _, l := range before {
			in := line(sam, l)
			in.Confirmed = true
			if got := w.Slash(t.Context(), in); got.Refused {
				t.Fatalf("%q: %+v", l, got)
			}
			synctest.Wait()
		}
		n := len(w.all(t))
		in := line(sam, text)
		if who == "admin" {
			in = line(admin, text)
		}
		answer = w.Slash(t.Context(), in)
		synctest.Wait()
		if len(w.all(t)) != n {
			t.Errorf("%q is refused, and has asked for a refresh", text)
		}
	})
	return answer
}

// indented is an answer as it stands in a golden file.
func indented(r commands.Reply) string {
	var all []string
	for _, l := range append(strings.Split(r.Text, "\n"), strings.Split(r.Hint, "\n")...) {
		if l != "" {
			all = append(all, "  "+l)
		}
	}
	for _, i := range r.Items {
		all = append(all, "  • "+i.Title)
	}
	return strings.Join(all, "\n")
}
