package commands_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// home is what a person's page holds, once nothing moves any more.
func (w world) home(t *testing.T, user string) commands.Home {
	t.Helper()
	synctest.Wait()
	return w.Home(t.Context(), refresh.Person{ID: user, Name: user}, "")
}

func actions(h commands.Home) string {
	var all []string
	for _, q := range h.Waiting {
		for _, a := range q.Gate.Actions {
			all = append(all, string(a))
		}
	}
	return strings.Join(all, " ")
}

// The page of a person holds the questions that this person may answer, with the answers that would count.
func TestHomeShowsEachPersonTheirOwn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		in := line(sam, "uat for training")
		in.Channel = channel
		w.Slash(t.Context(), in)
		for user, want := range map[string]string{
			anna: "approve reject cancel delegate", // an approver
			rita: "approve reject cancel delegate",
			sam:  "", // who asked is not waited for, though to cancel is possible
			eve:  "",
		} {
			h := w.home(t, user)
			if got := actions(h); got != want {
				t.Errorf("%s may %q, want %q", user, got, want)
			}
			if len(h.Running) != 1 || h.Running[0].Refresh.Target.Name != "uat" || h.Unread != "" {
				t.Errorf("%s sees %d refreshes run, trouble %q", user, len(h.Running), h.Unread)
			}
		}
		// What they may have refreshed: test is for rita and the testers, the others for the channel.
		for user, want := range map[string]string{sam: "Golden uat", rita: "Golden test uat", eve: "", admin: "Golden test uat"} {
			var own []string
			for _, st := range w.home(t, user).Own {
				own = append(own, st.Target)
				if (st.Active != nil) != (st.Target == "uat") {
					t.Errorf("%s is said to be running: %v", st.Target, st.Active != nil)
				}
			}
			if got := strings.Join(own, " "); got != want {
				t.Errorf("%s may ask for %q, want %q", user, got, want)
			}
		}
		w.press(t, anna, refresh.ActionApprove)
		if got := actions(w.home(t, anna)); got != "" {
			t.Errorf("the notice waits for %q", got)
		}
		w.say(t, anna, "cancel uat")
		h := w.home(t, anna)
		if len(h.Running) != 0 || len(h.Recent) != 1 || h.Recent[0].Refresh.Status != refresh.Cancelled {
			t.Errorf("after the end: %+v", h)
		}
	})
}

// may are the actions that a person's page offers beside a refresh that runs.
func may(h commands.Home) string {
	var all []string
	for _, r := range h.Running {
		if r.Gate != nil {
			for _, a := range r.Gate.Actions {
				all = append(all, string(a))
			}
		}
		if r.Cancel {
			all = append(all, "call off")
		}
	}
	return strings.Join(all, " ")
}

// A refresh that does not wait for a person is still theirs to move, to start and to call off, for as long as that counts.
func TestHomeOffersWhatMayBeDoneAboutWhatRuns(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		expect := func(when string, want map[string]string) {
			t.Helper()
			for user, want := range want {
				if got := may(w.home(t, user)); got != want {
					t.Errorf("%s, %s may %q, want %q", when, user, got, want)
				}
			}
		}
		in := line(sam, "uat for training")
		in.Channel = channel
		w.Slash(t.Context(), in)
		expect("before the approval", map[string]string{sam: "cancel", anna: "", eve: "", admin: "cancel"})
		w.press(t, anna, refresh.ActionApprove)
		expect("in the notice", map[string]string{sam: "postpone start_now cancel", anna: "postpone start_now cancel", eve: "", admin: "postpone start_now cancel"})
		w.directory.set(func(d *directory) { d.are = map[string]commands.Membership{sam: commands.Guest} })
		expect("as a guest", map[string]string{sam: ""})
		w.press(t, anna, refresh.ActionStartNow)
		expect("in the copy", map[string]string{anna: "", admin: ""})
	})
}

// Whoever has agreed already is not waited for, and can take it back.
func TestHomeOffersToWithdraw(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.Targets["uat"].Request.Plan[1].Policy.Count = 2
		in := line(sam, "uat for training")
		in.Channel = channel
		w.Slash(t.Context(), in)
		w.press(t, anna, refresh.ActionApprove)
		h := w.home(t, anna)
		if got := actions(h) + "; " + may(h); got != "; reject cancel withdraw delegate" {
			t.Errorf("anna, who has approved, may %q", got)
		}
		if got := actions(w.home(t, rita)); got != "approve reject cancel delegate" {
			t.Errorf("rita may %q", got)
		}
	})
}

// buttons are the lines that the buttons of a person's schedules send.
func buttons(h commands.Home) string {
	var all []string
	for _, i := range h.Scheduled {
		for _, b := range i.Buttons {
			words := strings.Fields(b.Line)
			all = append(all, strings.Join(words[1:min(3, len(words))], " "))
		}
	}
	return strings.Join(all, ", ")
}

// Each schedule stands on the page, and can be changed there by whoever may.
func TestHomeOffersWhatMayBeDoneAboutSchedules(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		made := line(sam, `schedule uat "0 20 * * MON" because training`)
		made.Channel, made.Confirmed = channel, true
		if got := w.Slash(t.Context(), made); got.Refused {
			t.Fatal(got.Text)
		}
		for user, want := range map[string]string{
			sam:   "uat.1 pause, uat.1 skip, uat.1 remove",
			rita:  "test.config pause, test.config skip", // decides about test
			eve:   "",
			admin: "uat.1 pause, uat.1 skip, uat.1 remove, test.config pause, test.config skip",
		} {
			h := w.home(t, user)
			if got := buttons(h); len(h.Scheduled) != 2 || got != want {
				t.Errorf("%s sees %d schedules and may %q, want %q", user, len(h.Scheduled), got, want)
			}
			for _, i := range h.Scheduled {
				if next := slices.ContainsFunc(i.Facts, func(f commands.Fact) bool { return f.Name == "Next" && !f.At.IsZero() }); !next {
					t.Errorf("%s is not told when it comes due: %+v", user, i)
				}
			}
		}
		w.say(t, sam, "schedule uat.1 pause")
		if got := buttons(w.home(t, sam)); got != "uat.1 resume, uat.1 remove" {
			t.Errorf("paused, sam may %q", got)
		}
		w.directory.set(func(d *directory) { d.are = map[string]commands.Membership{sam: commands.Guest} })
		if got := buttons(w.home(t, sam)); got != "" {
			t.Errorf("as a guest, sam may %q", got)
		}
	})
}

// Of somebody who is no member nothing is waited for; and when Slack does not answer, the page says so.
func TestHomeOfAGuestAndWithoutSlack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		in := line(sam, "uat for training")
		in.Channel = channel
		w.Slash(t.Context(), in)
		w.directory.set(func(d *directory) { d.down = true })
		if h := w.home(t, anna); h.Unread == "" || len(h.Waiting) != 0 || len(h.Own) != 0 || len(h.Running) != 1 {
			t.Errorf("without Slack: %+v", h)
		}
		w.directory.set(func(d *directory) { d.down = false })
		if h := w.home(t, anna); h.Unread != "" || len(h.Waiting) != 1 {
			t.Errorf("with Slack again: %+v", h)
		}
		w.directory.set(func(d *directory) { d.are = map[string]commands.Membership{anna: commands.Guest} })
		if h := w.home(t, anna); len(h.Waiting) != 0 || len(h.Own) != 0 || len(h.Running) != 1 {
			t.Errorf("as a guest: %+v", h)
		}
	})
}
