package slacksim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// withShortcuts gives the app one shortcut of each kind.
func withShortcuts(o *Options, _ *tuning) {
	o.Shortcuts = []Shortcut{{Name: "Refresh", CallbackID: "refresh"}, {Name: "Explain", CallbackID: "explain", Message: true}}
}

func TestShortcuts(t *testing.T) {
	t.Parallel()
	b := setup(t, withShortcuts)
	a := b.connect(ackWith(nil))
	_, ts, err := b.api.PostMessageContext(b.ctx, "C1", slack.MsgOptionText("card", false), slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "card", EventPayload: map[string]any{"id": "r1"}}))
	if err != nil {
		t.Fatal(err)
	}
	if ack, err := b.UseShortcut(b.ctx, "U1", "refresh"); err != nil || !ack.OK {
		t.Fatalf("global: %+v %v", ack, err)
	}
	if ack, err := b.UseMessageShortcut(b.ctx, "U2", "explain", "C1", ts); err != nil || !ack.OK {
		t.Fatalf("message: %+v %v", ack, err)
	}
	var got []slack.InteractionCallback
	for _, r := range a.requests() {
		var in slack.InteractionCallback
		if err := json.Unmarshal(r.Payload, &in); err != nil {
			t.Fatal(err)
		}
		got = append(got, in)
	}
	if len(got) != 2 || got[0].Type != slack.InteractionTypeShortcut || got[0].CallbackID != "refresh" || got[0].User.ID != "U1" || got[0].TriggerID == "" {
		t.Fatalf("global: %+v", got)
	}
	if m := got[1]; m.Type != slack.InteractionTypeMessageAction || m.CallbackID != "explain" || m.Channel.ID != "C1" || m.MessageTs != ts || m.ResponseURL == "" || m.Message.Text != "card" {
		t.Errorf("message: %+v", m)
	}
	for name, use := range map[string]func() (Ack, error){
		"unknown":                  func() (Ack, error) { return b.UseShortcut(b.ctx, "U1", "nothing") },
		"of a message, anywhere":   func() (Ack, error) { return b.UseShortcut(b.ctx, "U1", "explain") },
		"anywhere, on a message":   func() (Ack, error) { return b.UseMessageShortcut(b.ctx, "U1", "refresh", "C1", ts) },
		"on no message":            func() (Ack, error) { return b.UseMessageShortcut(b.ctx, "U1", "explain", "C1", "1.000001") },
		"by somebody who has left": func() (Ack, error) { return b.UseShortcut(b.ctx, "U3", "refresh") },
		"on what one does not see": func() (Ack, error) { return b.UseMessageShortcut(b.ctx, "U2", "explain", "C2", ts) },
		"on an ephemeral message":  func() (Ack, error) { return b.UseMessageShortcut(b.ctx, "U1", "explain", "C1", b.whisperTo("U1")) },
	} {
		if ack, err := use(); err == nil {
			t.Errorf("%s: %+v", name, ack)
		}
	}
}

// whisperTo posts something that only one person sees and returns its timestamp.
func (b *bundle) whisperTo(user string) string {
	b.t.Helper()
	ts, err := b.api.PostEphemeralContext(b.ctx, "C1", user, slack.MsgOptionText("psst", false))
	if err != nil {
		b.t.Fatal(err)
	}
	return ts
}

// The page has the Home tab, the shortcuts, and pictures with what is to be seen in them.
func TestPageHasHomeShortcutsAndPictures(t *testing.T) {
	t.Parallel()
	b := setup(t, withShortcuts)
	a := b.connect(func(a *app, ev socketmode.Event) {
		var p struct {
			Type  string
			Event struct{ Type, User string }
		}
		_ = json.Unmarshal(ev.Request.Payload, &p)
		_ = a.client.Ack(*ev.Request)
		if p.Event.Type == "app_home_opened" {
			if _, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: p.Event.User, View: slack.HomeTabViewRequest{
				Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}},
			}}); err != nil {
				t.Error(err)
			}
		}
	})
	next := b.watchPage("U1")
	st := next("the first state", func(pageState) bool { return true })
	if len(st.Shortcuts) != 2 || !st.Shortcuts[1].Message || st.Home == nil || string(st.Home.Blocks) != "[]" {
		t.Fatalf("before: %+v, home %+v", st.Shortcuts, st.Home)
	}
	if status, body := b.act("home", obj{"user": "U1"}); status != http.StatusAccepted {
		t.Fatalf("home: %d %s", status, body)
	}
	next("the Home tab", func(st pageState) bool {
		return st.Home.ID != "" && strings.Contains(string(st.Home.Blocks), "divider")
	})
	if status, body := b.act("shortcut", obj{"user": "U1", "callback_id": "refresh"}); status != http.StatusAccepted {
		t.Errorf("shortcut: %d %s", status, body)
	}
	if status, _ := b.act("shortcut", obj{"user": "U1", "callback_id": "nothing"}); status != http.StatusBadRequest {
		t.Errorf("an unknown shortcut: %d", status)
	}
	to, err := b.api.GetUploadURLExternalContext(b.ctx, slack.GetUploadURLExternalParameters{FileName: "a.png", FileSize: 3, AltTxt: "three bars <"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.api.UploadToURL(b.ctx, slack.UploadToURLParameters{UploadURL: to.UploadURL, Filename: "a.png", Content: "png"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.api.CompleteUploadExternalContext(b.ctx, slack.CompleteUploadExternalParameters{Files: []slack.FileSummary{{ID: to.FileID, Title: "a.png"}}, Channel: "C1"}); err != nil {
		t.Fatal(err)
	}
	st = next("the picture", func(st pageState) bool {
		return len(st.Messages) > 0 && len(st.Messages[len(st.Messages)-1].Images) == 1
	})
	if got := st.Messages[len(st.Messages)-1].Images[0]; got.Alt != "three bars <" || !strings.HasPrefix(got.Link, b.URL()) {
		t.Errorf("picture %+v", got)
	}
	if _, err := b.api.GetUploadURLExternalContext(b.ctx, slack.GetUploadURLExternalParameters{FileName: "a.png", FileSize: 3, AltTxt: strings.Repeat("x", 1001)}); err == nil {
		t.Error("a description of 1001 characters was taken")
	}
	if first := string(a.requests()[0].Payload); !strings.Contains(first, `"app_home_opened"`) {
		t.Errorf("the first envelope: %s", first)
	}
}

func TestAnAppWithoutHomeTab(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options, _ *tuning) { o.NoHome = true })
	_, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U1", View: slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}}}})
	if err == nil || err.Error() != "not_enabled" {
		t.Errorf("published: %v", err)
	}
	if st := b.watchPage("U1")("the state", func(pageState) bool { return true }); st.Home != nil {
		t.Errorf("home %+v", st.Home)
	}
}
