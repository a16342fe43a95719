package commands_test

import (
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
			if len(h.Running) != 1 || h.Running[0].Refresh.Target.Name != "uat" || h.Trouble != "" {
				t.Errorf("%s sees %d refreshes run, trouble %q", user, len(h.Running), h.Trouble)
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
		if h := w.home(t, sam); len(h.Scheduled) != 1 || h.Scheduled[0].Target != "test" || !h.Scheduled[0].Next.Equal(nextTest) {
			t.Errorf("scheduled: %+v", h.Scheduled)
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

// Of somebody who is no member nothing is waited for; and when Slack does not answer, the page says so.
func TestHomeOfAGuestAndWithoutSlack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		in := line(sam, "uat for training")
		in.Channel = channel
		w.Slash(t.Context(), in)
		w.directory.set(func(d *directory) { d.down = true })
		if h := w.home(t, anna); h.Trouble == "" || len(h.Waiting) != 0 || len(h.Own) != 0 || len(h.Running) != 1 {
			t.Errorf("without Slack: %+v", h)
		}
		w.directory.set(func(d *directory) { d.down = false })
		if h := w.home(t, anna); h.Trouble != "" || len(h.Waiting) != 1 {
			t.Errorf("with Slack again: %+v", h)
		}
		w.directory.set(func(d *directory) { d.are = map[string]commands.Membership{anna: commands.Guest} })
		if h := w.home(t, anna); len(h.Waiting) != 0 || len(h.Own) != 0 || len(h.Running) != 1 {
			t.Errorf("as a guest: %+v", h)
		}
	})
}
