package commands_test

import (
	"strings"
	"testing"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// outsiders are those who may change nothing, and words of what they are told.
func outsiders() map[commands.Membership]string {
	return map[commands.Membership]string{
		commands.Guest: "Guests of this workspace", commands.Deactivated: "is deactivated",
		commands.External: "Only members of the workspace", commands.Automation: "Apps can neither",
		"": "is not known", "something of a later version": "is not known",
	}
}

func (w world) is(user string, is commands.Membership) {
	w.directory.set(func(d *directory) { d.are = map[string]commands.Membership{user: is} })
}

func TestWhoIsNoFullMemberDecidesNothing(t *testing.T) {
	t.Parallel()
	lettingIn(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		before := w.the(t)
		for is, words := range outsiders() {
			for what, do := range map[string]func(who string) commands.Reply{
				"approves":          func(string) commands.Reply { return w.press(t, anna, refresh.ActionApprove) },
				"cancels":           func(who string) commands.Reply { return w.say(t, who, "cancel uat") },
				"hands in a list":   func(who string) commands.Reply { return w.Fill(t.Context(), w.list(t, who, "BO")) },
				"asks for the form": func(who string) commands.Reply { return w.say(t, who, "users uat") },
			} {
				for _, who := range []string{anna, admin} { // whom group and configuration still name
					w.is(who, is)
					if what == "approves" {
						w.is(anna, is)
					}
					if got := do(who); !got.Refused || got.Form != nil || !strings.Contains(got.Text, words) {
						t.Errorf("%s, who is %q, %s: %+v", who, is, what, got)
					}
				}
			}
		}
		if now := w.the(t); now.Version != before.Version {
			t.Error("a refused input left something in the journal")
		}
		w.is(anna, commands.Full)
		if got := w.press(t, anna, refresh.ActionApprove); got.Refused {
			t.Errorf("anna as a member: %+v", got)
		}
	})
}

func TestWhoIsNoFullMemberAsksForNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		for is, words := range outsiders() {
			w.is(rita, is)
			for _, text := range []string{"uat", "test for March", "users uat", "UAT", "bananas"} {
				if got := w.say(t, rita, text); !got.Refused || !strings.Contains(got.Text, words) {
					t.Errorf("%q asks %q: %+v", is, text, got)
				}
			}
			for _, text := range []string{"status", "history", "why uat", "status uat"} {
				got := w.say(t, rita, text)
				if refused := strings.Contains(got.Text, words); refused == (is == commands.Guest) {
					t.Errorf("%q looks with %q: %+v", is, text, got)
				}
			}
			for _, text := range []string{"help", "", "help users"} {
				if got := w.say(t, rita, text); got.Refused {
					t.Errorf("%q may ask for help with %q: %+v", is, text, got)
				}
			}
		}
		if n := len(w.all(t)); n != 0 {
			t.Errorf("%d refreshes", n)
		}
		w.directory.set(func(d *directory) { d.down = true })
		if got := w.say(t, rita, "status"); got.Refused {
			t.Errorf("status while Slack does not answer: %+v", got)
		}
	})
}

// A button that is not one's own is refused for that, without a question to the chat system for each of hundreds.
func TestOnlyAnInputThatWouldCountIsAskedAbout(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		w.is(tom, commands.Guest)
		if got := w.press(t, tom, refresh.ActionApprove); !strings.Contains(got.Text, "not yours to decide") {
			t.Errorf("tom may not decide anyway: %+v", got)
		}
	})
}

func TestAButtonInAnotherChannelDoesNotCount(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		press := w.button(t, anna, refresh.ActionApprove)
		press.Channel = "C0ELSEWHERE"
		if got := w.Click(t.Context(), press); !got.Refused || !strings.Contains(got.Text, "does not stand in the channel") {
			t.Errorf("in another channel: %+v", got)
		}
		press.Channel = channel
		if got := w.Click(t.Context(), press); got.Refused {
			t.Errorf("in the channel of the refresh: %+v", got)
		}
	})
}
