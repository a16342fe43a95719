package view_test

import (
	"strings"
	"testing"
	"time"

	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// For whatever a refresh waits, why says for what, since when, who can act, and what happens if nobody does.
func TestWhySaysWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	stuck := begin(t, request()).copying()
	stuck.report("copy", bad(refresh.Refused, "LCS refused: another operation is running on uat. Wait for it, then retry."))
	lost := begin(t, request()).copying()
	lost.report("copy", refresh.Outcome{Result: refresh.NotKnown, Problem: &refresh.Problem{Code: refresh.Unknown, Message: "LCS did not answer within 30 s."}})
	again := begin(t, request()).following()
	again.report("follow_the_copy", refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Offline, Message: "LCS does not answer."}})
	half := begin(t, request()).signedOff().report("entity_store", bad(refresh.Denied, "No rights."))
	two := request()
	two.Plan[1].Policy.Count = 2
	for name, tc := range map[string]struct {
		s    *story
		want []string
	}{
		"approval":   {begin(t, two).checked().click(bo, refresh.ActionApprove), []string{"Waiting for: approval", "Since:", "Who can act: <!subteam^S0RELEASE> (1 of 2 so far)", "If nobody does: it expires", "uat stays as it is"}},
		"notice":     {begin(t, request()).announced().report("broadcast_message", good("")), []string{"Waiting for: the end of the notice", "<@U0ANNA> or an admin", "the copy starts by itself "}},
		"copying":    {begin(t, request()).following(), []string{"Working: Copying", "Who can act: nobody has to"}},
		"lost":       {lost, []string{"a lost request must have landed", "Nothing is done before that"}},
		"retrying":   {again, []string{"Trying again: Follow the copy", "Why: LCS does not answer.", "Next try:"}},
		"trouble":    {stuck, []string{"Waiting for: Copy failed", "<!subteam^S0RELEASE>", "If nobody does: it waits for as long as it takes. Meanwhile uat stays as it is, and no other refresh"}},
		"sign-off":   {begin(t, request()).smoked().pass(2 * time.Hour), []string{"Waiting for: sign-off of uat", "(2 h)", "uat stays closed to its users"}},
		"settings":   {half, []string{"Waiting for: Entity store failed", "The other settings go on", "let in only after"}},
		"opening":    {begin(t, request()).restored(), []string{"Waiting for: somebody to let the users into uat", "it waits for as long as it takes", "uat stays closed"}},
		"nothing":    {begin(t, request()).checked().click(bo, refresh.ActionReject), []string{"Rejected by", "Ended "}},
		"just asked": {begin(t, request()), []string{"Working: Checking whether the refresh can run"}},
	} {
		m := view.Reply(commands.Reply{About: &commands.About{Refresh: tc.s.r}}, tc.s.now, options())
		check(t, m)
		said := strings.ReplaceAll(blockText(t, payload(t, m)), "*", "")
		for _, want := range tc.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: no %q in\n%s", name, want, said)
			}
		}
		if strings.TrimSpace(m.Text) == "" || !strings.Contains(m.Text, "Refresh of uat from prod") {
			t.Errorf("%s is read out as %q", name, m.Text)
		}
	}
}

func TestExplainAndHistoryGoldens(t *testing.T) {
	t.Parallel()
	running := begin(t, request()).smoked()
	over := begin(t, request()).checked().click(bo, refresh.ActionReject, "UAT is in use <!channel>")
	done := begin(t, request()).restored()
	done.click(bo, refresh.ActionOpen)
	done.report("users", good("", users(3)...)).pass(time.Minute).report("check_of_users", good("", users(3)...))
	rows := []commands.Ran{{Refresh: running.r}, {Refresh: over.r}, {Refresh: done.r, Report: "https://contoso.slack.com/archives/C0UAT/p1?thread_ts=1&cid=C0UAT"}}
	for name, r := range map[string]commands.Reply{
		"explain-running": {About: &commands.About{Refresh: running.r, Past: past(2*time.Hour, 3*time.Hour).Past, Story: true}},
		"explain-done":    {About: &commands.About{Refresh: done.r, Story: true}},
		"why-sign-off":    {About: &commands.About{Refresh: running.r}},
		"history":         {History: &commands.History{Rows: rows, What: "of uat by rita", Page: 2, Pages: 5, Total: 35, Cut: true}, Buttons: []commands.Button{{Text: "Newer refreshes", Line: "history uat by rita page 1"}, {Text: "Older refreshes", Line: "history uat by rita page 3"}}, Hint: "Older ones: /refresh history uat by rita page 3"},
		"history-empty":   {History: &commands.History{What: "of uat in March 2026", Page: 1, Pages: 1}},
	} {
		m := view.Reply(r, running.now, options())
		check(t, m)
		golden(t, "replies/"+name, payload(t, m))
	}
}

// However long the names and texts in it are, a page of the history and an explanation are messages that Slack takes.
func TestHostileHistoryStaysWithinLimits(t *testing.T) {
	t.Parallel()
	s, failed := hostileStory(t, 30)
	for _, step := range []string{"service0", "service1", "service2"} {
		s.report(step, failed)
	}
	h := commands.History{What: hostile, Page: 1, Pages: 2, Total: 9}
	for range 8 {
		h.Rows = append(h.Rows, commands.Ran{Refresh: s.r, Report: "https://x.example/<!channel>"})
	}
	check(t, view.Reply(commands.Reply{History: &h, Hint: hostile}, s.now, options()))
	for _, story := range []bool{false, true} {
		check(t, view.Reply(commands.Reply{About: &commands.About{Refresh: s.r, Past: past(time.Hour).Past, Story: story}}, s.now, options()))
	}
}
