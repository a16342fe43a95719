package commands_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

func TestEveryLineGetsItsAnswer(t *testing.T) {
	t.Parallel()
	type want struct {
		asks    string // the target that a refresh is asked for
		reason  string
		refused bool
		text    string // part of the answer
		hint    string // part of the next step
		help    bool
		targets int // in a status
	}
	for _, tc := range []struct {
		text string
		want want
	}{
		{"", want{help: true, hint: "Golden, test, uat"}},
		{" \t ", want{help: true}},
		{"help", want{help: true}},
		{"HELP me please", want{help: true}},

		{"uat now", want{asks: "uat", text: "uat is to be refreshed from production", hint: "/refresh cancel uat"}},
		{"  UAT  Now ", want{asks: "uat"}},
		{"golden now", want{asks: "Golden"}},
		{"uat now for March training", want{asks: "uat", reason: "March training"}},
		{"uat for March training", want{asks: "uat", reason: "March training"}},
		{"uat because  the  month   ended", want{asks: "uat", reason: "the month ended"}},
		{"uat FOR Æøå & <b> `x` 🎄", want{asks: "uat", reason: "Æøå & <b> `x` 🎄"}},
		{"uat\u00a0for\u00a0a\u00a0paste", want{asks: "uat", reason: "a paste"}},
		{"uat for " + strings.Repeat("å", 300), want{asks: "uat", reason: strings.Repeat("å", 300)}},
		{"uat for " + strings.Repeat("å", 301), want{refused: true, text: "at most 300 characters"}},
		{"uat for", want{refused: true, text: `"for"`, hint: "/refresh uat for March training"}},
		{"uat now or never", want{refused: true, text: `"or never"`, hint: "To give a reason"}},
		{"golden tomorow 20:00", want{refused: true, text: `"tomorow 20:00"`, hint: "/refresh Golden for"}},
		{"uat test", want{refused: true, text: `"test"`}},

		{"uaat", want{refused: true, text: `no command or environment "uaat"`, hint: "Did you mean /refresh uat?"}},
		{"GOLDAN", want{refused: true, hint: "Did you mean /refresh Golden?"}},
		{"stauts", want{refused: true, hint: "Did you mean /refresh status?"}},
		{"uat\u200b", want{refused: true, text: `uat\u200b`, hint: "Did you mean /refresh uat?"}},
		{"ünïcödé", want{refused: true, text: "ünïcödé", hint: "/refresh help"}},
		{"\xff\xfe", want{refused: true, text: `"\xff\xfe"`}},
		{"start everything at once", want{refused: true, hint: "Environments: Golden, test, uat."}},
		{strings.Repeat("x", 9000), want{refused: true, hint: "/refresh help"}},
		{"prod", want{refused: true, text: "prod is only a source", hint: "Golden, test, uat"}},
		{"PROD for fun", want{refused: true, text: "prod is only a source"}},

		{"status", want{targets: 3}},
		{"Status TEST", want{targets: 1}},
		{"status tset", want{refused: true, text: `no environment "tset"`, hint: "Did you mean /refresh status test?"}},
		{"status prod", want{refused: true, text: "only a source"}},
		{"status uat test", want{refused: true, text: `"test"`, hint: "/refresh status"}},

		{"cancel", want{refused: true, text: "Which environment?", hint: "Golden, test, uat"}},
		{"cancel uat", want{refused: true, text: "No refresh of uat is running"}},
		{"cancel uta", want{refused: true, hint: "Did you mean /refresh cancel uat?"}},
		{"cancel uat not needed", want{refused: true, text: `"not needed"`, hint: "/refresh cancel uat because"}},
	} {
		t.Run(clip(tc.text), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				got := w.say(t, sam, tc.text)
				if got.Refused != tc.want.refused || !strings.Contains(got.Text, tc.want.text) || !strings.Contains(got.Hint, tc.want.hint) {
					t.Errorf("answer %+v, want %+v", got, tc.want)
				}
				if (len(got.Help) > 0) != tc.want.help || len(got.Targets) != tc.want.targets {
					t.Errorf("%d lines of help and %d targets, want %+v", len(got.Help), len(got.Targets), tc.want)
				}
				synctest.Wait()
				all := w.all(t)
				switch {
				case tc.want.asks == "" && len(all) > 0:
					t.Errorf("asked for %s", all[0].Target.Name)
				case tc.want.asks != "" && (len(all) != 1 || all[0].Target.Name != tc.want.asks || all[0].Reason != tc.want.reason || all[0].RequestedBy.ID != sam):
					t.Errorf("asked for %+v, want %+v", all, tc.want)
				}
			})
		})
	}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40])
	}
	return s
}

func TestHelpNamesEveryCommand(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		var forms []string
		for _, u := range w.say(t, sam, "help").Help {
			forms = append(forms, u.Form)
			if u.What == "" || !strings.HasPrefix(u.Example, "/refresh ") {
				t.Errorf("%s lacks an explanation or an example: %+v", u.Form, u)
			}
		}
		for _, verb := range []string{"<environment>", "status", "cancel", "help"} {
			if !strings.Contains(strings.Join(forms, "\n"), verb) {
				t.Errorf("help does not name %s: %q", verb, forms)
			}
		}
	})
}

func TestAnEnvironmentCannotBeNamedLikeACommand(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"status", "Cancel", "HELP"} {
		o := options(nil, nil, nil)
		o.Targets[name] = commands.Target{}
		if _, err := commands.New(o); refresh.CodeOf(err) != refresh.Invalid || !strings.Contains(refresh.MessageOf(err), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatusTellsHowThingsStand(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		synctest.Wait()
		<-time.After(time.Minute) // of fake time: so that the second one is newer
		w.say(t, sam, "cancel uat")
		w.say(t, sam, "uat again")
		w.say(t, sam, "uat for the second time")
		synctest.Wait()

		got := w.say(t, eve, "status")
		if len(got.Targets) != 3 {
			t.Fatalf("%d targets, want 3", len(got.Targets))
		}
		golden, test, uat := got.Targets[0], got.Targets[1], got.Targets[2]
		if golden.Active != nil || golden.Last != nil || !golden.Next.IsZero() || golden.Source != "production" {
			t.Errorf("Golden was never refreshed: %+v", golden)
		}
		if !test.Next.Equal(nextTest) {
			t.Errorf("test is asked for next at %v, want %v", test.Next, nextTest)
		}
		if uat.Active == nil || uat.Active.Reason != "the second time" || uat.Last == nil || uat.Last.Status != refresh.Cancelled {
			t.Errorf("uat: active %+v, last %+v", uat.Active, uat.Last)
		}
		if one := w.say(t, eve, "status uat"); len(one.Targets) != 1 || one.Targets[0].Active.ID != uat.Active.ID {
			t.Errorf("status uat: %+v", one)
		}
	})
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, user, target string
		from               string // channel; elsewhere when empty
		down               bool   // Slack does not answer
		code               string // part of the refusal; let through when empty
	}{
		{name: "a listed user", user: rita, target: "test"},
		{name: "a listed user while Slack does not answer", user: rita, target: "test", down: true, code: "Slack did not say"},
		{name: "a member of a listed group", user: tom, target: "test"},
		{name: "a member of a listed group while Slack does not answer", user: tom, target: "test", down: true, code: "Slack did not say"},
		{name: "neither listed nor in a group", user: sam, target: "test", code: "not among those who may ask"},
		{name: "neither, though in the very channel", user: sam, target: "test", from: channel, code: "not among those"},
		{name: "an admin", user: admin, target: "test"},
		{name: "an admin while Slack does not answer", user: admin, target: "test", down: true, code: "Slack did not say"},
		{name: "anyone in the channel", user: sam, target: "uat"},
		{name: "anyone from within the channel", user: sam, target: "uat", from: channel},
		{name: "anyone from within the channel while Slack does not answer", user: sam, target: "uat", from: channel, down: true, code: "Slack did not say"},
		{name: "not in the channel", user: eve, target: "uat", code: "Only members of the channel"},
		{name: "in the channel, but Slack does not answer", user: sam, target: "uat", down: true, code: "Slack did not say"},
		{name: "not in the channel, and Slack does not answer", user: eve, target: "uat", down: true, code: "Slack did not say"},
		{name: "an admin who is not in the channel", user: admin, target: "uat"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				w.directory.set(func(d *directory) { d.down = tc.down })
				in := line(tc.user, tc.target+" now")
				if tc.from != "" {
					in.Channel = tc.from
				}
				got := w.Slash(t.Context(), in)
				if got.Refused != (tc.code != "") || !strings.Contains(got.Text, tc.code) {
					t.Errorf("answer %+v, want refusal %q", got, tc.code)
				}
				if strings.Contains(got.Text, "connection refused") {
					t.Errorf("the answer shows what went wrong inside: %q", got.Text)
				}
				if n := len(w.all(t)); n == 0 == (tc.code == "") {
					t.Errorf("%d refreshes asked for", n)
				}
			})
		})
	}
}

func TestASecondDeliveryOfALineIsSilent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		in := line(sam, "uat for March")
		if got := w.Slash(t.Context(), in); got.Refused || got.Text == "" {
			t.Fatalf("first: %+v", got)
		}
		silent := func(in commands.Line) {
			t.Helper()
			if got := w.Slash(t.Context(), in); got.Refused || got.Text != "" || got.Hint != "" || len(got.Help)+len(got.Targets) > 0 {
				t.Errorf("second delivery of %q answers %+v", in.Text, got)
			}
		}
		silent(in)
		w.the(t)

		cancel := line(sam, "cancel uat because of rain")
		if got := w.Slash(t.Context(), cancel); got.Refused {
			t.Fatalf("cancel: %+v", got)
		}
		silent(cancel)
		silent(in) // the refresh it began has ended, and it begins no other
		if r := w.the(t); r.Status != refresh.Cancelled || r.Ending != "of rain" || r.EndedBy.ID != sam {
			t.Errorf("ended as %s %q by %s", r.Status, r.Ending, r.EndedBy.ID)
		}
	})
}

func TestABusyTargetIsNotAskedForTwice(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		got := w.say(t, anna, "uat now")
		if !got.Refused || !strings.Contains(got.Text, "being refreshed already") || !strings.Contains(got.Hint, "/refresh status uat") {
			t.Errorf("answer: %+v", got)
		}
		w.the(t)
	})
}

func TestWhoMayCancel(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, user string
		down       bool
		refusal    string
	}{
		{name: "the requester", user: sam},
		{name: "an approver", user: anna},
		{name: "an admin", user: admin},
		{name: "somebody else", user: tom, refusal: "Only the requester, an approver or an admin"},
		{name: "an approver while Slack does not answer", user: anna, down: true, refusal: "nothing was done"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				w.say(t, sam, "uat now")
				before := w.the(t)
				w.directory.set(func(d *directory) { d.down = tc.down })
				got := w.say(t, tc.user, "cancel uat")
				if got.Refused != (tc.refusal != "") || !strings.Contains(got.Text, tc.refusal) {
					t.Errorf("answer %+v, want refusal %q", got, tc.refusal)
				}
				after := w.the(t)
				if tc.refusal != "" && after.Version != before.Version {
					t.Error("a refused cancel left something in the journal")
				}
				if tc.refusal == "" && after.Status != refresh.Cancelled {
					t.Errorf("the refresh is %s", after.Status)
				}
			})
		})
	}
}

func TestCancelIsRefusedOnceTheCopyHasBegun(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		if got := w.press(t, anna, refresh.ActionApprove); got.Refused {
			t.Fatalf("approve: %+v", got)
		}
		if got := w.press(t, anna, refresh.ActionStartNow); got.Refused {
			t.Fatalf("start now: %+v", got)
		}
		w.the(t)
		if got := w.say(t, admin, "cancel uat"); !got.Refused || !strings.Contains(got.Text, "The copy has begun") {
			t.Errorf("answer: %+v", got)
		}
	})
}

func FuzzSlash(f *testing.F) {
	for _, s := range []string{
		"", "help", "uat", "uat for x", "uat tomorrow 22:00 for x", "plan uat", "cancel uat because y", "status", "status test", "prod", "uaat", "\x00", "uat \xff",
		"\u202euat", "<@U1|x> <!channel>", "uat for \U0001F384", strings.Repeat("for ", 2000), "CANCEL\tUAT\n", "ſtatus", "K", "uat for\u00a0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := &asked{}
		svc, err := commands.New(options(e, nothing{}, newDirectory()))
		if err != nil {
			t.Fatal(err)
		}
		in := line(sam, text)
		in.Channel = channel
		got := svc.Slash(t.Context(), in)
		words := strings.Fields(strings.ToLower(text))
		for _, req := range e.requests {
			if len(words) == 0 || !strings.EqualFold(words[0], req.Target.Name) {
				t.Errorf("%q asks for %s", text, req.Target.Name)
			}
			if n := len([]rune(req.Reason)); n > 300 {
				t.Errorf("a reason of %d characters", n)
			}
		}
		if got.Text == "" && len(got.Targets) == 0 && got.Form == nil {
			t.Errorf("%q is not answered: %+v", text, got)
		}
		if got.Refused && len(e.requests) > 0 {
			t.Errorf("%q is refused and asked for", text)
		}
	})
}
