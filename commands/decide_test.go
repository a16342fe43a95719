package commands_test

import (
	"strings"
	"testing"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// opened presses a button that opens a form, and returns the form as somebody would send it back.
func (w world) opened(t *testing.T, user string, a refresh.Action, values map[string]string) commands.Filled {
	t.Helper()
	got := w.press(t, user, a)
	if got.Refused || got.Form == nil || got.Form.Name != string(a) || got.Form.Channel != channel || got.Form.Submit == "" {
		t.Fatalf("%s as %s: %+v, form %+v", a, user, got, got.Form)
	}
	return commands.Filled{Key: key(), User: refresh.Person{ID: user, Name: user}, Form: got.Form.Name, State: got.Form.State, Channel: got.Form.Channel, Values: values}
}

func TestARejectionAsksForAReasonFirst(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ given, kept string }{
		"given":      {" UAT is in use\n until Monday ", "UAT is in use until Monday"},
		"left empty": {"", ""},
		"too long":   {strings.Repeat("é", 400), strings.Repeat("é", 299) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				w.say(t, sam, "uat now")
				for _, who := range []string{tom, sam, admin} {
					if got := w.press(t, who, refresh.ActionReject); !got.Refused || got.Form != nil {
						t.Errorf("%s may not reject, and gets %+v", who, got)
					}
				}
				before := w.the(t).Version
				form := w.opened(t, anna, refresh.ActionReject, map[string]string{"reason": tc.given})
				if w.the(t).Version != before {
					t.Error("opening the form has decided something")
				}
				if got := w.Fill(t.Context(), form); got.Refused {
					t.Fatalf("answer %+v", got)
				}
				if r := w.the(t); r.Status != refresh.Rejected || r.Ending != tc.kept || r.EndedBy.ID != anna {
					t.Errorf("%s by %v: %q", r.Status, r.EndedBy, r.Ending)
				}
				if got := w.Fill(t.Context(), form); got.Refused {
					t.Errorf("the form delivered again: %+v", got)
				}
			})
		})
	}
}

func TestARejectionThatComesTooLateSaysSo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		form := w.opened(t, anna, refresh.ActionReject, nil)
		w.press(t, anna, refresh.ActionApprove)
		if got := w.Fill(t.Context(), form); !got.Refused || !strings.Contains(got.Text, "Already decided: approved") {
			t.Errorf("answer %+v", got)
		}
		form.State = form.State[:1]
		if got := w.Fill(t.Context(), form); !got.Refused || !strings.Contains(got.Text, "does not say what is decided") {
			t.Errorf("answer %+v", got)
		}
	})
}

func TestADecisionIsDelegatedToSomebodyWhoCanTakeIt(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		if got := w.press(t, tom, refresh.ActionDelegate); !got.Refused || got.Form != nil {
			t.Errorf("tom may not decide, and delegates: %+v", got)
		}
		form := w.opened(t, anna, refresh.ActionDelegate, map[string]string{"person": tom, "reason": "I am away"})
		for name, tc := range map[string]struct {
			to     string
			change func(d *directory)
			want   string
		}{
			"nobody":             {"", nil, "Name the person"},
			"the requester":      {sam, nil, "asked for this refresh"},
			"not in the channel": {eve, nil, "not in the channel"},
			"a guest":            {tom, func(d *directory) { d.are[tom] = commands.Guest }, "Only a full member"},
			"who left":           {tom, func(d *directory) { d.are[tom] = commands.Deactivated }, "Only a full member"},
			"Slack is silent":    {tom, func(d *directory) { d.down = true }, "nothing was done"},
		} {
			w.directory.set(func(d *directory) {
				d.in, d.are, d.down = []string{sam, tom, anna}, map[string]commands.Membership{}, false
				if tc.change != nil {
					tc.change(d)
				}
			})
			in := form
			in.Key, in.Values = key(), map[string]string{"person": tc.to}
			if got := w.Fill(t.Context(), in); !got.Refused || !strings.Contains(got.Text, tc.want) {
				t.Errorf("%s: %+v", name, got)
			}
		}
		w.directory.set(func(d *directory) { d.are, d.down = map[string]commands.Membership{}, false })
		if got := w.Fill(t.Context(), form); got.Refused {
			t.Fatalf("answer %+v", got)
		}
		if got := w.press(t, tom, refresh.ActionApprove); got.Refused {
			t.Errorf("tom was asked to decide: %+v", got)
		}
		r := w.the(t)
		if g := r.Gates[0]; !r.Approved() || len(g.Delegates) != 1 || g.Delegates[0].Reason != "I am away" || g.Delegates[0].By.ID != anna {
			t.Errorf("approved %v: %+v", r.Approved(), g)
		}
	})
}

// While nothing is asked, the card has a button of its own.
func TestTheWholeRefreshCanBeCancelledFromTheCard(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		press := func(user string) commands.Reply {
			return w.Click(t.Context(), commands.Press{Key: key(), User: refresh.Person{ID: user, Name: user}, Refresh: w.the(t).ID, Gate: commands.WholeRefresh, Nonce: commands.WholeRefresh, Action: refresh.ActionCancel})
		}
		if got := press(tom); !got.Refused || !strings.Contains(got.Text, "Only the requester") {
			t.Errorf("a bystander: %+v", got)
		}
		if got := press(sam); got.Refused {
			t.Errorf("the requester: %+v", got)
		}
		if r := w.the(t); r.Status != refresh.Cancelled || r.EndedBy.ID != sam {
			t.Errorf("%s by %v", r.Status, r.EndedBy)
		}
	})
}
