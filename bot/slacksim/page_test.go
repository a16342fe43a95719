package slacksim

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slack-go/slack"
)

// watchPage opens a person's event stream; the returned function reads states until one fits.
func (b *bundle) watchPage(user string) func(what string, fits func(pageState) bool) pageState {
	b.t.Helper()
	req, _ := http.NewRequestWithContext(b.ctx, http.MethodGet, b.URL()+"/page/api/events?user="+user, nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = resp.Body.Close() })
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		b.t.Fatalf("content type %q, status %d", ct, resp.StatusCode)
	}
	r := bufio.NewReader(resp.Body)
	return func(what string, fits func(pageState) bool) pageState {
		b.t.Helper()
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				b.t.Fatalf("%s: %v", what, err)
			}
			data, ok := strings.CutPrefix(line, "data: ")
			if !ok {
				continue
			}
			var st pageState
			if err := json.Unmarshal([]byte(data), &st); err != nil {
				b.t.Fatal(err)
			}
			if fits(st) {
				return st
			}
		}
	}
}

// act posts to the page's API and returns status and body.
func (b *bundle) act(what string, body any) (int, string) {
	b.t.Helper()
	return b.request(http.MethodPost, b.URL()+"/page/api/"+what, "application/json", string(toJSON(body)))
}

func TestPageShowsWhatOnePersonSees(t *testing.T) {
	t.Parallel()
	var level atomic.Int32
	b := setup(t, func(o *Options, _ *tuning) {
		o.Panel = func() []PanelSection {
			return []PanelSection{{Title: "UAT", Status: []string{"Online", "Maintenance"}[level.Load()]}}
		}
	})
	b.connect(ackWith(map[string]any{"text": "on it"}))
	anna, ben := b.watchPage("U1"), b.watchPage("U2")
	st := anna("first state", func(st pageState) bool { return len(st.Panel) == 1 })
	if st.Workspace != "Contoso" || st.Me != "U1" || len(st.Users) != 3 || st.Connections != 1 || len(st.UserGroups) != 1 ||
		len(st.Commands) != 1 || len(st.Channels) != 5 || st.Panel[0].Status != "Online" {
		t.Errorf("state %+v", st)
	}
	parent := b.post("C1", slack.MsgOptionText("card <@U1>", false))
	b.post("C1", slack.MsgOptionText("step", false), slack.MsgOptionTS(parent))
	if code, body := b.act("command", obj{"user": "U1", "channel": "C1", "text": "/refresh uat"}); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	st = anna("ephemeral reply", func(st pageState) bool { return len(st.Messages) == 3 })
	if m := st.Messages; m[0].Text != "card <@U1>" || m[0].ReplyCount != 1 || !m[0].IsBot || m[1].ThreadTS != parent || !m[2].Ephemeral {
		t.Errorf("messages %+v", m)
	}
	if code, body := b.act("message", obj{"user": "U1", "channel": "C1", "text": "hello", "thread_ts": parent}); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	st = ben("thread reply", func(st pageState) bool { return len(st.Messages) == 3 && st.Messages[0].ReplyCount == 2 })
	for _, m := range st.Messages {
		if m.Ephemeral {
			t.Errorf("somebody else's ephemeral message: %+v", m)
		}
	}
	level.Store(1)
	anna("panel change", func(st pageState) bool { return st.Panel[0].Status == "Maintenance" })
}

func TestPageClicksAndModals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	opened := make(chan string, 1)
	b.connect(openOnClick(b, opened))
	anna := b.watchPage("U1")
	ts := b.post("C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("b", button("reject", "g1", "Reject"))))
	click := obj{"user": "U1", "channel": "C1", "message_ts": ts, "block_id": "b", "action_id": "reject", "value": "g1"}
	if code, body := b.act("action", click); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	st := anna("modal", func(st pageState) bool { return st.View != nil && len(st.Pending) == 0 })
	if value := <-opened; value != "g1" || len(st.View.Blocks) == 0 || st.View.Title == nil {
		t.Errorf("value %q, view %+v", value, st.View)
	}
	submit := func(text string) string {
		_, body := b.act("submit", obj{"user": "U1", "view_id": st.View.ID,
			"values": obj{"why": obj{"reason": obj{"type": "plain_text_input", "value": text}}}})
		return body
	}
	if got := submit(""); got != `{"errors":{"why":"Please complete this required field."},"ok":false}` {
		t.Errorf("empty: %s", got)
	}
	if got := submit("wrong"); got != `{"errors":{"why":"not that"},"ok":false}` {
		t.Errorf("refused: %s", got)
	}
	anna("complaint", func(st pageState) bool { return st.View != nil && st.View.Errors["why"] == "not that" })
	if got := submit("fine"); got != `{"ok":true}` {
		t.Errorf("accepted: %s", got)
	}
	anna("closed", func(st pageState) bool { return st.View == nil })
	for what, body := range map[string]obj{
		"command": {"user": "U9", "channel": "C1", "text": "/refresh"},
		"message": {"user": "U2", "channel": "C2", "text": "not a member"},
		"action":  {"user": "U1", "channel": "C1", "message_ts": ts, "action_id": "nothing"},
		"submit":  {"user": "U1", "view_id": "V0"},
	} {
		code, got := b.act(what, body)
		if code != http.StatusBadRequest || !strings.Contains(got, `"error"`) {
			t.Errorf("%s: %d %s", what, code, got)
		}
	}
}

// Whoever presses while a message is edited pressed what they saw.
func TestPageSendsAButtonThatWasEditedAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	opened := make(chan string, 1)
	b.connect(openOnClick(b, opened))
	ts := b.post("C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("new", button("other", "g2", "Other"))))
	click := obj{"user": "U1", "channel": "C1", "message_ts": ts, "block_id": "old", "action_id": "reject", "seen": obj{"type": "button", "value": "g1"}}
	if code, body := b.act("action", click); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	if value := <-opened; value != "g1" {
		t.Errorf("value %q", value)
	}
	click["message_ts"] = "1.000000"
	if code, body := b.act("action", click); code != http.StatusBadRequest {
		t.Errorf("a message that nobody sees: %d %s", code, body)
	}
}

func TestUnackedClickIsPendingAndThenNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options, _ *tuning) { o.AckTimeout = 400_000_000 })
	b.connect(nil)
	anna := b.watchPage("U1")
	ts := b.post("C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("b", button("ok", "", "OK"))))
	if code, body := b.act("action", obj{"user": "U1", "channel": "C1", "message_ts": ts, "block_id": "b", "action_id": "ok"}); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	st := anna("pending", func(st pageState) bool { return len(st.Pending) == 1 })
	if p := st.Pending[0]; p.MessageTS != ts || p.ActionID != "ok" {
		t.Errorf("pending %+v", p)
	}
	st = anna("notice", func(st pageState) bool { return len(st.Notices) == 1 })
	if n := st.Notices[0]; len(st.Pending) != 0 || n.Tone != "error" || n.Channel != "C1" || !strings.Contains(n.Text, "operation_timeout") {
		t.Errorf("%+v, pending %v", n, st.Pending)
	}
}

func TestPageFilesAreServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/", "/page/index.html"} {
		status, body := b.request(http.MethodGet, b.URL()+path, "", "")
		if status != http.StatusOK || !strings.Contains(strings.ToLower(body), "<!doctype html>") {
			t.Errorf("%s: %d %.80s", path, status, body)
		}
	}
}

func TestAnotherSiteCannotActThroughABrowser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := toJSON(obj{"user": "U1", "channel": "C1", "text": "hello"})
	status, _ := b.request(http.MethodPost, b.URL()+"/page/api/message", "text/plain", string(body))
	if status != http.StatusBadRequest || len(b.Messages("C1")) != 0 {
		t.Errorf("status %d, messages %v", status, b.Messages("C1"))
	}
}
