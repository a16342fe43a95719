package bot_test

import (
	"encoding/json"
	"strings"
	"testing"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

// pings are what would wake people up or mislead them if it reached Slack as it is.
const pings = "<!channel> <!here> <!everyone> <@U0BOSS> <!subteam^S0BOSS> <https://evil.example|Approve>"

// Whatever people write, in whatever they are named and asked for, nothing of it has a meaning to Slack: in the card, its
// thread, an acknowledgement, an answer to one person, a form, its complaints, and beside the report.
func TestNothingThatPeopleWriteHasAMeaningToSlack(t *testing.T) {
	t.Parallel()
	findings, err := json.Marshal([]refresh.Finding{{OK: true, Name: pings, Detail: pings}, {Name: pings, Detail: pings}, {OK: true, Name: "anna@contoso.com"}})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, letsUsersIn, func(b *bench, o *slacksim.Options) {
		o.Users[0].Name, o.Users[1].Name, o.Users[1].Email = pings, pings, "anna@contoso.com"
		b.extra = append(b.extra, refresh.Spec{ID: "verify", Phase: refresh.PhaseOpen, Kind: refresh.KindVerify, Name: "Verify " + pings, Params: findings})
	}).connected()
	b.slash("/refresh " + pings)
	b.slash("/refresh status " + pings)
	b.slash("/refresh uat " + pings)
	b.slash("/refresh uat for " + pings)
	b.offered(refresh.ActionApprove)
	b.press(rita, refresh.ActionApprove) // she may not
	b.slash("/refresh cancel uat " + pings)
	b.slash("/refresh status uat")
	b.slash("/refresh why uat")
	v := b.reopen()
	b.fill(v, strings.Repeat(pings, 5)+"\n"+pings) // a name too long is complained about
	if v, open := b.sim.View(rita); open {
		b.fill(v, pings+"\nANNA")
	}
	b.fill(b.reopen(), "", pings+".csv", "no list at all <!channel>\x00")
	b.press(anna, refresh.ActionApprove)
	b.press(anna, refresh.ActionStartNow)
	b.press(anna, refresh.ActionOpen)
	b.until("the refresh is over and the report is posted", func() bool {
		return b.refresh().Status == refresh.Done && len(b.calls("files.completeUploadExternal")) > 0
	})
	b.settled()

	looked := map[string]int{}
	for _, c := range b.sim.Calls() {
		if c.Method == "upload" {
			continue // a file is shown as it is
		}
		for name, text := range c.Form {
			if name == "metadata" || name == "filename" || name == "files" {
				continue
			}
			looked[c.Method] += meaningless(t, c.Method+" "+name, text)
		}
	}
	for _, e := range b.sim.Envelopes() {
		if len(e.AckPayload) > 0 {
			looked["ack"] += meaningless(t, "the acknowledgement of "+e.Type, string(e.AckPayload))
		}
	}
	for _, method := range []string{"chat.postMessage", "chat.update", "response_url", "views.open", "ack"} {
		if looked[method] == 0 {
			t.Errorf("nothing was looked at in %s", method)
		}
	}
	if card := b.cards()[0].Plain(); !strings.Contains(card, "!channel") {
		t.Errorf("the reason is not on the card at all:\n%s", card)
	}
}

// meaningless looks at every text in a parameter and counts them.
func meaningless(t *testing.T, where, param string) int {
	t.Helper()
	var v any
	if json.Unmarshal([]byte(param), &v) != nil {
		v = param
	}
	n := 0
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(k, x)
			}
		case []any:
			for _, x := range v {
				walk(key, x)
			}
		case string:
			if key == "value" || key == "private_metadata" { // comes back as it was; nobody sees it
				return
			}
			n++
			for _, bad := range []string{"<!channel", "<!here", "<!everyone", "<@U0BOSS", "S0BOSS>", "<https://evil.example|"} {
				if strings.Contains(v, bad) {
					t.Errorf("%s holds %q in %q", where, bad, v)
				}
			}
		}
	}
	walk("", v)
	return n
}
