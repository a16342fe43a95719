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
)

var update = flag.Bool("update", false, "write the golden files anew")

// Every command has a file with wrong input and what is answered. A line that begins with "> " is sent by somebody in
// the channel, one with "admin> " by an admin, one with "! " before the next of them so that something runs. What
// follows a line is the answer; go test -update writes that anew.
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
			if *update {
				if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(data), got.String()); diff != "" {
				t.Errorf("%s differs (-want +got):\n%s", path, diff)
			}
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

// refusal sends one line in a world of its own, at midnight UTC of the 1st of January 2000, a Saturday.
func refusal(t *testing.T, who, text string, before []string) (answer commands.Reply) {
	t.Helper()
	inWorld(t, func(t *testing.T, w world) {
		for _, l := range before {
			if got := w.say(t, sam, l); got.Refused {
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
	return strings.Join(all, "\n")
}
