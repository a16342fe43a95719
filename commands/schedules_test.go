package commands_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// confirm presses the main button of a reply, as the person would.
func (w world) confirm(t *testing.T, user string, r commands.Reply) commands.Reply {
	t.Helper()
	for _, b := range r.Buttons {
		if b.Main {
			in := line(user, b.Line)
			in.Confirmed = true
			return w.Slash(t.Context(), in)
		}
	}
	t.Fatalf("nothing to confirm: %+v", r)
	return commands.Reply{}
}

// buttonOf presses a button of an item, by its text, as sam.
func (w world) buttonOf(t *testing.T, i commands.Item, text string) commands.Reply {
	t.Helper()
	for _, b := range i.Buttons {
		if strings.HasPrefix(b.Text, text) {
			in := line(sam, b.Line)
			in.Confirmed = true
			return w.Slash(t.Context(), in)
		}
	}
	t.Fatalf("no button %q: %+v", text, i.Buttons)
	return commands.Reply{}
}

// facts are those of an item as text.
func facts(i commands.Item) string {
	var lines []string
	for _, f := range i.Facts {
		lines = append(lines, strings.TrimSpace(f.Name+": "+f.Text)+strings.TrimRight(" "+f.Who.Name+" "+f.Why, " "))
	}
	return strings.Join(lines, "\n")
}

// Whatever a telephone makes of it, what is read is the same, and is shown before it counts.
func TestAScheduleIsReadBackBeforeItCounts(t *testing.T) {
	t.Parallel()
	const plain = "every Friday at 20:00 (UTC); cron 0 20 * * FRI"
	for text, when := range map[string]string{
		`"0 20 * * FRI"`: plain, `0 20 * * FRI`: plain, "“0 20 * * FRI”": plain, "„0 20 * * FRI“": plain, "‘0 20 * * FRI’": plain, "`0 20 * * FRI`": plain,
		`"0 20 * * FRI`: plain, `0 20 * * FRI"`: plain, "«0  20 * * FRI»": plain, "\"0 20 * * FRI\" UTC": plain, "0 20 * * FRI utc": plain,
		`"0 20 * * FRI" because fresh data`:       plain,
		`"0 20 * * FRI" Europe/Copenhagen`:        "every Friday at 20:00 (Europe/Copenhagen); cron 0 20 * * FRI",
		`0 20 * * FRI europe/copenhagen for data`: "every Friday at 20:00 (Europe/Copenhagen); cron 0 20 * * FRI",
		`"0 6 * * MON–FRI"`:                       "every working day at 06:00 (UTC); cron 0 6 * * MON-FRI",
		`@weekly`:                                 "cron @weekly (UTC); cron @weekly",
		`"@monthly" UTC ask 24h`:                  "cron @monthly (UTC); cron @monthly",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				got := w.say(t, sam, "schedule uat "+text)
				if got.Refused || len(got.Items) != 1 || !strings.HasPrefix(facts(got.Items[0]), "When: "+when+"\nNext: ") {
					t.Fatalf("answer: %+v", got)
				}
				if list, err := w.Schedules.List(t.Context(), "uat"); err != nil || len(list) > 0 {
					t.Errorf("it counts already: %+v, %v", list, err)
				}
				shown := facts(got.Items[0])
				done := w.confirm(t, sam, got)
				if done.Refused || !strings.HasPrefix(done.Text, "Scheduled as uat.1: ") {
					t.Errorf("confirmed: %+v", done)
				}
				list, err := w.Schedules.List(t.Context(), "uat")
				if err != nil || len(list) != 1 || list[0].Owner.ID != sam {
					t.Fatalf("%+v, %v", list, err)
				}
				for _, at := range list[0].Next {
					if said := at.In(list[0].Times.Zone()).Format("Monday 2 January 2006 15:04"); !strings.Contains(shown, said) {
						t.Errorf("%s was not shown: %s", said, shown)
					}
				}
				if diff := cmp.Diff([]refresh.NewsKind{refresh.NewsScheduled}, w.news.kinds()); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTheOptionsOfASchedule(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.confirm(t, sam, w.say(t, sam, `schedule uat "0 20 * * FRI" ask 24h missed once within 2h blackout postpone because of <b> & "quotes"`))
		list, err := w.Schedules.List(t.Context(), "uat")
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		e := list[0].Entry
		if e.Ask != 24*time.Hour || e.Missed != "once" || e.Within != 2*time.Hour || e.Blackout != "postpone" || e.Why != `of <b> & "quotes"` {
			t.Errorf("%+v", e)
		}
		got := w.say(t, eve, "schedules uat")
		want := "asked for 24 h before its time; asked for once if missed while refreshbot was down, up to 2 h late; moved behind a blackout"
		if len(got.Items) != 1 || !strings.Contains(facts(got.Items[0]), want) || len(got.Items[0].Buttons) != 0 {
			t.Errorf("for somebody else: %+v", got)
		}
	})
}

func TestWhoMaySchedule(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		if got := w.say(t, sam, `schedule test "0 20 * * FRI"`); !got.Refused || !strings.Contains(got.Text, "not among those") {
			t.Errorf("sam: %+v", got)
		}
		if got := w.say(t, sam, "schedule test"); !got.Refused || got.Form != nil {
			t.Errorf("sam, the form: %+v", got)
		}
		w.confirm(t, rita, w.say(t, rita, `schedule test "0 20 * * MON"`))
		w.confirm(t, sam, w.say(t, sam, `schedule uat "0 20 * * MON"`))
		for _, tc := range []struct{ user, text, refusal string }{
			{sam, "schedule test.1 pause", "made by U0RITA"},
			{sam, "schedule test.config pause", "those who decide about refreshes of test"},
			{anna, "schedule test.config pause", ""},
			{anna, "schedule uat.1 pause", "made by U0SAM"},
			{rita, "schedule TEST.1 pause", ""},
			{admin, "schedule test.1 remove", ""},
			{admin, "schedule test.config remove", "only be paused"},
			{sam, "schedule uat pause", ""},
			{sam, "schedule uat resume", ""},
			{sam, "schedule uat.1 skip next", ""},
		} {
			got := w.say(t, tc.user, tc.text)
			if got.Refused != (tc.refusal != "") || !strings.Contains(got.Text, tc.refusal) {
				t.Errorf("%s %s: %+v, want refusal %q", tc.user, tc.text, got, tc.refusal)
			}
		}
		w.directory.set(func(d *directory) { d.down = true })
		if got := w.say(t, anna, "schedule test.config resume"); !got.Refused || !strings.Contains(got.Text, "Slack did not say") {
			t.Errorf("while Slack does not say who is who: %+v", got)
		}
	})
}

func TestTheListOfSchedules(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		if got := w.say(t, eve, "schedules uat"); got.Refused || !strings.Contains(got.Text, "on request only") {
			t.Errorf("none: %+v", got)
		}
		w.confirm(t, sam, w.say(t, sam, `schedule uat "0 20 * * MON" because fresh data`))
		w.confirm(t, sam, w.say(t, sam, `freeze uat until monday 18:00 because month end`))
		w.news.kinds()
		got := w.say(t, sam, "schedules")
		if got.Text != "2 schedules." || len(got.Items) != 2 {
			t.Fatalf("%+v", got)
		}
		config, uat := got.Items[0], got.Items[1]
		if !strings.HasPrefix(config.Title, "test.config: test refreshed every Friday at 19:00 (UTC)") || len(config.Buttons) != 0 || !strings.Contains(facts(config), "From: the configuration") {
			t.Errorf("the configuration's: %+v", config)
		}
		if !strings.Contains(facts(uat), "Next: Monday 3 January 2000 20:00 (UTC)\nThen: Monday 10 January 2000 20:00") || !strings.Contains(facts(uat), "From: U0SAM fresh data") {
			t.Errorf("uat.1: %s", facts(uat))
		}
		if got := w.buttonOf(t, uat, "Skip the next"); got.Refused || !strings.Contains(got.Text, "Monday 3 January 2000 20:00 (UTC) is skipped. Next: Monday 10 January") {
			t.Errorf("skip: %+v", got)
		}
		if got := w.buttonOf(t, uat, "Skip the next"); !got.Refused || !strings.Contains(got.Text, "nothing was skipped") {
			t.Errorf("the same button again: %+v", got)
		}
		paused := w.buttonOf(t, uat, "Pause uat.1")
		if paused.Refused || len(paused.Buttons) != 1 {
			t.Errorf("pause: %+v", paused)
		}
		uat = w.say(t, sam, "schedule uat.1").Items[0]
		if !strings.Contains(facts(uat), "Paused: by U0SAM") || strings.Contains(facts(uat), "Next") || !strings.Contains(facts(uat), "Last: skipped by hand") {
			t.Errorf("paused: %s", facts(uat))
		}
		if got := w.buttonOf(t, uat, "Resume uat.1"); got.Refused {
			t.Errorf("resume: %+v", got)
		}
		for _, b := range w.say(t, sam, "schedule uat.1").Items[0].Buttons {
			if b.Sure == "" {
				t.Errorf("%q is not asked about", b.Text)
			}
		}
		if got := w.buttonOf(t, w.say(t, sam, "schedules uat").Items[0], "Remove uat.1"); got.Refused || !strings.Contains(got.Text, "uat.1 is removed") {
			t.Errorf("remove: %+v", got)
		}
		want := []refresh.NewsKind{refresh.NewsSkipped, refresh.NewsPaused, refresh.NewsResumed, refresh.NewsRemoved}
		if diff := cmp.Diff(want, w.news.kinds()); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestATimeInABlackoutIsShownAsSuch(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.confirm(t, sam, w.say(t, sam, `freeze uat until tuesday 08:00 because month end`))
		for policy, want := range map[string]string{
			"skip":     "Next: Monday 3 January 2000 20:00 (UTC): in a blackout, month end, so skipped\nThen: Monday 10",
			"postpone": "in a blackout, month end, so postponed to Tuesday 4 January 2000 08:00 (UTC)\nThen: Monday 10",
		} {
			got := w.say(t, sam, `schedule uat "0 20 * * MON" blackout `+policy)
			if len(got.Items) != 1 || !strings.Contains(facts(got.Items[0]), want) {
				t.Errorf("%s: %+v", policy, got)
			}
		}
	})
}

func TestASecondDeliveryOfAChangeIsSilent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		for _, text := range []string{"schedule test.config pause", "schedule test.config resume", "schedule test.config skip next", "unfreeze test"} {
			if text == "unfreeze test" {
				w.confirm(t, admin, w.say(t, admin, "freeze test until monday 18:00"))
			}
			in := line(admin, text)
			if got := w.Slash(t.Context(), in); got.Refused || got.Text == "" {
				t.Errorf("%s: %+v", text, got)
			}
			if got := w.Slash(t.Context(), in); got.Refused || got.Text != "" {
				t.Errorf("%s, delivered again: %+v", text, got)
			}
		}
	})
}

func TestAChangeThatComesOnBothConnectionsAtOnceIsMadeOnce(t *testing.T) {
	t.Parallel()
	for text, told := range map[string]refresh.NewsKind{
		"schedule test.config skip next": refresh.NewsSkipped, "schedule test.config pause": refresh.NewsPaused,
		"schedule test.1 remove": refresh.NewsRemoved, "unfreeze test": refresh.NewsUnfrozen,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				w.confirm(t, admin, w.say(t, admin, `schedule test "0 12 * * MON"`))
				w.confirm(t, admin, w.say(t, admin, "freeze test until monday 18:00"))
				w.news.kinds()
				w.news.set(time.Minute)
				in, answers := line(admin, text), make(chan commands.Reply)
				for range 2 {
					go func() { answers <- w.Slash(t.Context(), in) }()
				}
				for _, got := range []commands.Reply{<-answers, <-answers} {
					if got.Refused {
						t.Errorf("refused: %+v", got)
					}
				}
				if diff := cmp.Diff([]refresh.NewsKind{told}, w.news.kinds()); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// counter is a copier that has begun so many copies.
type counter struct{ used int }

func (c counter) Quota(ctx context.Context, target refresh.Environment) (refresh.Quota, error) {
	if target.Name == "Golden" { // LCS is slow about this one
		<-ctx.Done()
		return refresh.Quota{}, ctx.Err()
	}
	q := refresh.Quota{Used: c.used, Limit: 3, Within: 24 * time.Hour}
	if c.used >= 3 {
		q.Free = time.Now().Add(5 * time.Hour)
	}
	return q, nil
}

func TestStartsAreCountedAndShown(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.Starts = counter{2}
		began := time.Now()
		got := w.say(t, eve, "status")
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("the answer took %v", waited)
		}
		golden, test := got.Targets[0], got.Targets[1]
		if golden.Starts != nil || test.Starts == nil || test.Starts.Used != 2 {
			t.Errorf("counted: %+v, %+v", golden.Starts, test.Starts)
		}
		if len(test.Schedules) != 1 || len(test.Schedules[0].Next) != 3 {
			t.Errorf("schedules: %+v", test.Schedules)
		}
		if got := w.say(t, sam, "uat monday 18:00"); !strings.Contains(got.Hint, "LCS: 2 of 3 starts in 24 h used.") {
			t.Errorf("read back: %+v", got)
		}
		w.Starts = counter{3}
		if got := w.say(t, sam, "uat monday 18:00"); !strings.Contains(got.Hint, "3 of 3 starts in 24 h used, the next is possible on Saturday 1 January 2000 05:00 (UTC).") {
			t.Errorf("read back: %+v", got)
		}
		form := w.say(t, sam, "uat").Later(t.Context()).Form
		if !slices.ContainsFunc(form.Parts, func(p commands.Part) bool {
			return slices.ContainsFunc(p.Facts, func(f commands.Fact) bool {
				return f.Name == "LCS" && strings.Contains(f.Text, "3 of 3 starts in 24 h used, the next is possible on Saturday 1 January 2000 05:00")
			})
		}) {
			t.Errorf("the form: %+v", form.Parts)
		}
		planned := w.say(t, sam, "plan uat").Later(t.Context()).Plan
		if planned == nil || planned.Starts == nil || planned.Starts.Left() != 0 {
			t.Errorf("plan: %+v", planned)
		}
		if got := w.say(t, sam, "uat now"); got.Refused || !strings.Contains(got.Hint, "LCS: 3 of 3 starts in 24 h used") {
			t.Errorf("asked: %+v", got)
		}
	})
}

func TestManySchedules(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		for i := range 20 {
			w.confirm(t, sam, w.say(t, sam, fmt.Sprintf(`schedule uat "%d 20 * * MON"`, i)))
		}
		got := w.say(t, sam, "schedules uat")
		if len(got.Items) != 20 || !strings.Contains(got.Text, "20 schedules.") {
			t.Errorf("%+v", got.Text)
		}
		if got := w.say(t, sam, "schedule uat pause"); !got.Refused || len(got.Items) != 20 || !strings.Contains(got.Hint, "/refresh schedule uat.1 pause") {
			t.Errorf("which one: %+v", got)
		}
		if got := w.confirm(t, sam, w.say(t, sam, `schedule uat "30 20 * * MON"`)); !got.Refused || !strings.Contains(got.Text, "20 schedules already") {
			t.Errorf("one more: %+v", got)
		}
	})
}

func TestTheFormOfASchedule(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		form := w.say(t, sam, "schedule uat").Form
		if form == nil || form.Title != "Schedule uat" {
			t.Fatalf("%+v", form)
		}
		filled := func(values map[string]string) commands.Filled {
			all := map[string]string{}
			for _, p := range form.Parts {
				if p.Input != nil && p.Input.Initial != "" {
					all[p.Input.ID] = p.Input.Initial
				}
			}
			for k, v := range values {
				all[k] = v
			}
			return commands.Filled{Key: key(), User: refresh.Person{ID: sam, Name: sam}, Form: form.Name, State: form.State, Channel: channel, Values: all}
		}
		if got := w.Fill(t.Context(), filled(map[string]string{"clock": "25:00"})); !got.Refused || got.Complaints["days"] == "" || got.Complaints["clock"] == "" {
			t.Errorf("nothing chosen: %+v", got)
		}
		got := w.Fill(t.Context(), filled(map[string]string{"days": "MON,THU", "clock": "06:30", "reason": " fresh  data ", "missed": "once"}))
		if got.Refused || got.Form == nil || got.Form.Submit != "Schedule it" {
			t.Fatalf("%+v", got)
		}
		shown := facts(commands.Item{Facts: got.Form.Parts[1].Facts})
		if !strings.HasPrefix(shown, "When: every Monday and Thursday at 06:30 (UTC); cron 30 6 * * MON,THU\nNext: Monday 3 January 2000 06:30 (UTC)\nThen: Thursday 6") || !strings.Contains(shown, "Reason: fresh data") {
			t.Errorf("shown: %s", shown)
		}
		if list, err := w.Schedules.List(t.Context(), "uat"); err != nil || len(list) > 0 {
			t.Errorf("it counts already: %+v, %v", list, err)
		}
		sent := commands.Filled{Key: key(), User: refresh.Person{ID: sam, Name: sam}, Form: got.Form.Name, State: got.Form.State, Channel: channel}
		for range 2 { // the second is the same delivery
			if got := w.Fill(t.Context(), sent); got.Refused || !strings.Contains(got.Text, "Scheduled as uat.1") {
				t.Errorf("%+v", got)
			}
		}
		sent.User = refresh.Person{ID: eve, Name: eve}
		sent.Channel = ""
		if got := w.Fill(t.Context(), sent); !got.Refused {
			t.Errorf("somebody else's: %+v", got)
		}
		if list, err := w.Schedules.List(t.Context(), "uat"); err != nil || len(list) != 1 || list[0].Missed != "once" || list[0].Why != "fresh data" {
			t.Errorf("%+v, %v", list, err)
		}
		every := w.Fill(t.Context(), filled(map[string]string{"days": "MON,TUE,WED,THU,FRI,SAT,SUN"}))
		if every.Form == nil || !strings.Contains(facts(commands.Item{Facts: every.Form.Parts[1].Facts}), "every day at 20:00") {
			t.Errorf("every day: %+v", every)
		}
	})
}

func TestAScheduleThatClashesWithAnotherSaysSo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.confirm(t, sam, w.say(t, sam, `schedule uat "0 20 * * MON" because fresh data`))
		for line, clashes := range map[string]bool{`schedule uat "0 20 * * *"`: true, `schedule uat "0 20 * * THU"`: false} {
			if got := facts(w.say(t, sam, line).Items[0]); strings.Contains(got, "Overlap: uat.1 comes due on Monday 3 January 2000 20:00 (UTC) too.") != clashes {
				t.Errorf("%s: %s", line, got)
			}
		}
	})
}

func TestADenialNamesTheAdmins(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		if got := w.say(t, eve, "backup"); !got.Refused || !slices.Contains(got.Admins, admin) {
			t.Errorf("%+v", got)
		}
	})
}
