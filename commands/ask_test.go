package commands_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// The world begins on Saturday the 1st of January 2000, 00:00 UTC, which is one o'clock in Copenhagen.

// A time is read back, in the asker's own zone, before it counts; pressing the button makes it count.
func TestATimeIsReadBackBeforeItCounts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text, zone, said, line string
		at                     time.Time
	}{
		{"uat tomorrow 22:00 for March training", "Europe/Copenhagen", "Sunday 2 January 2000 22:00 (Europe/Copenhagen, UTC+01:00)",
			"uat 2000-01-02 22:00 +01:00 for March training", time.Date(2000, 1, 2, 21, 0, 0, 0, time.UTC)},
		{"UAT today 22:00", "America/New_York", "Friday 31 December 1999 22:00 (America/New_York, UTC-05:00)",
			"uat 1999-12-31 22:00 -05:00", time.Date(2000, 1, 1, 3, 0, 0, 0, time.UTC)},
		{"uat in 2h", "", "Saturday 1 January 2000 02:00 (UTC)", "uat 2000-01-01 02:00 +00:00", time.Date(2000, 1, 1, 2, 0, 0, 0, time.UTC)},
		{"golden 2000-02-04 22:00 UTC because Æøå & <b>", "Asia/Tokyo", "Friday 4 February 2000 22:00 (UTC)",
			"Golden 2000-02-04 22:00 +00:00 for Æøå & <b>", time.Date(2000, 2, 4, 22, 0, 0, 0, time.UTC)},
	} {
		t.Run(tc.text, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				w.directory.set(func(d *directory) { d.zone = tc.zone })
				got := w.say(t, sam, tc.text)
				if got.Refused || !strings.Contains(got.Text, tc.said) || !got.At.Equal(tc.at) || !strings.Contains(got.Hint, "Nothing has been asked for yet") {
					t.Fatalf("read back: %+v", got)
				}
				if len(got.Buttons) != 2 || got.Buttons[0].Line != tc.line || !got.Buttons[0].Main || got.Buttons[1].Line != "" {
					t.Fatalf("buttons: %+v", got.Buttons)
				}
				if n := len(w.all(t)); n > 0 {
					t.Fatalf("%d refreshes asked for before it was confirmed", n)
				}
				in := line(sam, got.Buttons[0].Line)
				in.Confirmed = true
				answer := w.Slash(t.Context(), in)
				if answer.Refused || !strings.HasPrefix(answer.Text, "Asked: ") || !answer.At.Equal(tc.at) || !strings.Contains(answer.Text, "("+cmp.Or(tc.zone, "UTC")) {
					t.Fatalf("confirmed: %+v", answer)
				}
				r := w.the(t)
				_, reason, _ := strings.Cut(tc.line, " for ")
				if !r.StartAt.Equal(tc.at) || r.Reason != reason || r.RequestedBy.ID != sam {
					t.Errorf("asked for: %v %q %+v", r.StartAt, r.Reason, r.RequestedBy)
				}
				if again := w.Slash(t.Context(), in); again.Refused || again.Text != "" {
					t.Errorf("a second delivery: %+v", again)
				}
				in.Key = key()
				if again := w.Slash(t.Context(), in); !again.Refused || !strings.Contains(again.Text, "is being refreshed already") {
					t.Errorf("a second press: %+v", again)
				}
			})
		})
	}
}

// A button that is pressed a day later asks for nothing: what it said is past.
func TestAConfirmationThatComesTooLate(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		got := w.say(t, sam, "uat in 2h")
		<-time.After(3 * time.Hour) // of fake time
		in := line(sam, got.Buttons[0].Line)
		in.Confirmed = true
		if got := w.Slash(t.Context(), in); !got.Refused || !strings.Contains(got.Text, "has passed") || len(w.all(t)) > 0 {
			t.Errorf("answer: %+v", got)
		}
	})
}

// When Slack does not tell the person's zone, the configuration's counts, and is named.
func TestWithoutTheOwnZoneTheConfigurationsCounts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.Zone = time.FixedZone("Office", 3600)
		w.directory.set(func(d *directory) { d.down = true })
		got := w.Slash(t.Context(), line(admin, "uat tomorrow 22:00"))
		if !got.Refused { // membership is not known either: nobody is let through
			t.Fatalf("answer: %+v", got)
		}
		w.directory.set(func(d *directory) { d.down, d.zone = false, "No/Where" })
		if got := w.say(t, sam, "uat tomorrow 22:00"); got.Refused || !strings.Contains(got.Text, "Sunday 2 January 2000 22:00 (Office, UTC+01:00)") {
			t.Errorf("answer: %+v", got)
		}
	})
}

// Less time than the notice is possible, and said.
func TestATimeSoonerThanTheNotice(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		if got := w.say(t, sam, "uat in 1m"); !strings.Contains(got.Hint, "of notice first") {
			t.Errorf("answer: %+v", got)
		}
		if got := w.say(t, sam, "uat in 3 days"); strings.Contains(got.Hint, "of notice first") {
			t.Errorf("answer: %+v", got)
		}
	})
}

// input returns the input of a form, nil if it has none of that id.
func input(f *commands.Form, id string) *commands.Input {
	for _, p := range f.Parts {
		if p.Input != nil && p.Input.ID == id {
			return p.Input
		}
	}
	return nil
}

// shown is all that a form says.
func shown(f *commands.Form) string {
	var all []string
	for _, p := range f.Parts {
		all = append(all, p.Text)
		for _, fact := range p.Facts {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", fact.Name, fact.Text, fact.Who.Name, fact.Why)))
		}
	}
	return strings.Join(all, "\n")
}

func TestTheEnvironmentAloneOpensTheForm(t *testing.T) {
	t.Parallel()
	lettingIn(t, func(t *testing.T, w world) {
		w.directory.set(func(d *directory) { d.zone = "Europe/Copenhagen" })
		got := w.say(t, sam, "uat")
		f := got.Form
		if f == nil || f.Name != "ask" || len(f.State) != 1 || f.State[0] != "uat" || f.Submit == "" || f.Over || got.Later == nil {
			t.Fatalf("answer: %+v, %+v", got, f)
		}
		for _, id := range []string{"when", "time", "reason", "notice", "dry_run"} {
			if input(f, id) == nil {
				t.Errorf("the form has no %s", id)
			}
		}
		if hint := input(f, "time").Hint; !strings.Contains(hint, "Europe/Copenhagen, UTC+01:00") {
			t.Errorf("the time's zone: %s", hint)
		}
		if text := shown(f); !strings.Contains(text, "production → uat") || !strings.Contains(text, "not by refreshbot yet") || !strings.Contains(text, "looking") {
			t.Errorf("at once it says\n%s", text)
		}
		later := got.Later(t.Context()).Form
		text := shown(later)
		for _, want := range []string{"2 users: ANNA, BO", "Batch jobs: uat does not answer", "3 users would be let in", "nearest is BO", "/refresh users uat"} {
			if !strings.Contains(text, want) {
				t.Errorf("later it does not say %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "looking") || len(w.all(t)) > 0 {
			t.Errorf("still looking, or asked for:\n%s", text)
		}
	})
}

func TestTheFormNamesTheLastRefresh(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.performer.set(func(p *performer) { p.done = true })
		w.say(t, sam, "uat for March training")
		for _, a := range []refresh.Action{refresh.ActionApprove, refresh.ActionStartNow} {
			if got := w.press(t, anna, a); got.Refused {
				t.Fatalf("%s: %+v", a, got)
			}
		}
		if r := w.the(t); r.Status != refresh.Done {
			t.Fatalf("it is %s", r.Status)
		}
		got := w.say(t, anna, "uat")
		if got.Form == nil || !strings.Contains(shown(got.Form), "asked for by "+sam+" March training") {
			t.Errorf("answer: %+v", got)
		}
		plan := w.say(t, anna, "plan uat").Later(t.Context()).Plan
		if plan.Last.IsZero() || len(plan.Steps) == 0 {
			t.Errorf("plan: %+v", plan)
		}
	})
}

// filled is the form as somebody sends it, with the values that are usual but for those given.
func filled(user string, values ...string) commands.Filled {
	in := commands.Filled{
		Key: key(), User: refresh.Person{ID: user, Name: user}, Form: "ask", State: []string{"uat"}, Channel: channel,
		Values: map[string]string{"when": "now", "notice": "configured"},
	}
	for i := 0; i+1 < len(values); i += 2 {
		in.Values[values[i]] = values[i+1]
	}
	return in
}

func TestTheFormAsks(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 2, 21, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		values []string
		at     time.Time
		reason string
		notice time.Duration // zero: the configured one
	}{
		"now":              {},
		"with a reason":    {values: []string{"reason", " March \n training "}, reason: "March training"},
		"at a time":        {values: []string{"when", "at", "time", fmt.Sprint(start.Unix())}, at: start},
		"with more notice": {values: []string{"notice", "2h0m0s"}, notice: 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				in := filled(sam, tc.values...)
				if got := w.Fill(t.Context(), in); got.Refused || !strings.Contains(got.Text, "Asked: uat is to be refreshed from production") || !got.At.Equal(tc.at) {
					t.Fatalf("answer: %+v", got)
				}
				r := w.the(t)
				notice := tc.notice
				if notice == 0 {
					notice = w.Targets["uat"].Request.Settings.Notice
				}
				if !r.StartAt.Equal(tc.at) || r.Reason != tc.reason || r.Settings.Notice != notice {
					t.Errorf("asked for: %v %q %v", r.StartAt, r.Reason, r.Settings.Notice)
				}
				if again := w.Fill(t.Context(), in); again.Refused || again.Text != "" {
					t.Errorf("a second delivery: %+v", again)
				}
			})
		})
	}
}

func TestAFormThatIsNotTakenSaysWhere(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		user        string
		values      []string
		change      func(*commands.Filled)
		before      string
		input, says string
	}{
		"at no time":            {values: []string{"when", "at"}, input: "time", says: "Choose the day"},
		"now and at a time":     {values: []string{"time", "946857600"}, input: "time", says: "You chose to begin now"},
		"a time that is past":   {values: []string{"when", "at", "time", "946600000"}, input: "time", says: "has passed"},
		"a time too far ahead":  {values: []string{"when", "at", "time", "1100000000"}, input: "time", says: "more than 60 days"},
		"no answer to when":     {values: []string{"when", "perhaps"}, input: "when", says: "Choose when"},
		"a novel for a reason":  {values: []string{"reason", strings.Repeat("å", 301)}, input: "reason", says: "at most 300 characters, and this one has 301"},
		"a notice made up":      {values: []string{"notice", "1s"}, input: "notice", says: "from 5 min to 24 h"},
		"a notice that is none": {values: []string{"notice", "long"}, input: "notice", says: "from 5 min to 24 h"},
		"from who may not":      {user: eve, change: func(f *commands.Filled) { f.Channel = "" }, says: "Only members of the channel"},
		"while one runs":        {before: "uat now", says: "is being refreshed already"},
		"for what is gone":      {change: func(f *commands.Filled) { f.State = []string{"sit"} }, says: "no target environment sit"},
		"for nothing":           {change: func(f *commands.Filled) { f.State = nil }, says: "Which environment?"},
		"of an unknown kind":    {change: func(f *commands.Filled) { f.Form = "other" }, says: "another version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				n := 0
				if tc.before != "" {
					w.say(t, sam, tc.before)
					synctest.Wait()
					n = 1
				}
				user := tc.user
				if user == "" {
					user = sam
				}
				in := filled(user, tc.values...)
				if tc.change != nil {
					tc.change(&in)
				}
				got := w.Fill(t.Context(), in)
				if !got.Refused || !strings.Contains(got.Complaints[tc.input]+got.Text, tc.says) {
					t.Errorf("answer: %+v", got)
				}
				if synctest.Wait(); len(w.all(t)) != n {
					t.Error("it was asked for")
				}
			})
		})
	}
}

func TestTheShortcutLetsChooseTheEnvironment(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		in := line(sam, "")
		in.Channel = ""
		got := w.Shortcut(t.Context(), in)
		menu := input(got.Form, "environment")
		if got.Form == nil || menu == nil || !menu.Tells || len(menu.Choices) != 3 || got.Form.Submit != "" {
			t.Fatalf("answer: %+v", got)
		}
		choose := func(name string) commands.Reply {
			f := filled(sam, "environment", name)
			f.State, f.Pressed, f.Channel = nil, "environment", ""
			return w.Fill(t.Context(), f)
		}
		got = choose("uat")
		if got.Form == nil || got.Form.State[0] != "uat" || got.Form.Over || input(got.Form, "environment").Initial != "uat" || input(got.Form, "when") == nil {
			t.Errorf("uat: %+v", got)
		}
		if later := got.Later(t.Context()).Form; input(later, "environment") == nil || !strings.Contains(shown(later), "2 users: ANNA, BO") {
			t.Errorf("later: %+v", later)
		}
		got = choose("test") // which sam may not ask for
		if got.Form == nil || got.Form.Submit != "" || !strings.Contains(shown(got.Form), "Not possible: You are not among those who may ask") {
			t.Errorf("test: %+v", got)
		}
		got = choose("gone")
		if got.Form == nil || !strings.Contains(shown(got.Form), "Not possible") {
			t.Errorf("gone: %+v", got)
		}
		if n := len(w.all(t)); n > 0 {
			t.Errorf("%d refreshes asked for", n)
		}
	})
}

func TestTheDryRun(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		first := w.say(t, sam, "plan uat")
		if first.Refused || first.Later == nil || !strings.Contains(first.Text, "Nothing is changed") {
			t.Fatalf("answer: %+v", first)
		}
		p := first.Later(t.Context()).Plan
		if p == nil || !p.Checked || p.Passed != 1 || len(p.Stops) != 1 || p.Stops[0].Name != "Nothing runs on uat" {
			t.Fatalf("plan: %+v", p)
		}
		for i, s := range w.Targets["uat"].Request.Plan {
			if got := p.Steps[i]; got.Name != s.Name || got.Would != "would do "+s.ID || got.Phase != s.Phase || got.Waits != (s.Policy != nil || s.Kind == refresh.KindManual) {
				t.Errorf("step %d: %+v", i, got)
			}
		}
		// From the form it stands on top of that.
		press := filled(sam, "reason", "x")
		press.Pressed = "dry_run"
		over := w.Fill(t.Context(), press)
		if over.Form == nil || !over.Form.Over || over.Form.Parts[0].Plan.Checked || !over.Later(t.Context()).Form.Parts[0].Plan.Checked {
			t.Errorf("from the form: %+v", over)
		}
		// An approver may look though they may not ask; who neither asks nor approves may not.
		if got := w.say(t, anna, "plan test"); got.Refused {
			t.Errorf("an approver: %+v", got)
		}
		if got := w.say(t, eve, "plan uat"); !got.Refused {
			t.Errorf("a stranger: %+v", got)
		}
		if n := len(w.all(t)); n > 0 {
			t.Errorf("%d refreshes asked for", n)
		}
		w.say(t, sam, "uat now")
		synctest.Wait()
		p = w.say(t, sam, "plan uat").Later(t.Context()).Plan
		if len(p.Stops) != 2 || p.Stops[0].Name != "No other refresh of uat" {
			t.Errorf("while one runs: %+v", p.Stops)
		}
	})
}
