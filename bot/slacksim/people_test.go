package slacksim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// interaction decodes the newest interactive payload the app saw.
func (a *app) interaction(t *testing.T) slack.InteractionCallback {
	t.Helper()
	reqs := a.requests()
	var cb slack.InteractionCallback
	if err := json.Unmarshal(reqs[len(reqs)-1].Payload, &cb); err != nil {
		t.Fatal(err)
	}
	return cb
}

func TestClickCarriesTheMessageAsItStands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.connect(ackWith(nil))
	parent := b.post("C1", slack.MsgOptionText("card", false))
	ts := b.post("C1", slack.MsgOptionTS(parent), slack.MsgOptionText("approve?", false),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "gate", EventPayload: map[string]any{"id": "g1"}}),
		slack.MsgOptionBlocks(section("Approve?"), slack.NewActionBlock("gate-1", button("approve:g1", "r1|g1", "Approve"), button("reject:g1", "no", "Reject"))))
	ack, err := b.Click(b.ctx, "U2", "C1", ts, "approve")
	if err != nil || !ack.OK {
		t.Fatalf("%+v %v", ack, err)
	}
	cb := a.interaction(t)
	act := cb.ActionCallback.BlockActions
	if len(act) != 1 || act[0].ActionID != "approve:g1" || act[0].BlockID != "gate-1" || act[0].Value != "r1|g1" ||
		act[0].Text.Text != "Approve" || act[0].ActionTs == "" || act[0].Type != "button" {
		t.Errorf("actions %+v", act)
	}
	if cb.Type != slack.InteractionTypeBlockActions || cb.User.ID != "U2" || cb.Channel.ID != "C1" || cb.TriggerID == "" ||
		!strings.HasPrefix(cb.ResponseURL, b.URL()) || cb.Team.ID != teamID {
		t.Errorf("payload %+v", cb)
	}
	if c := cb.Container; c.Type != "message" || c.MessageTs != ts || c.ChannelID != "C1" || c.ThreadTs != parent || c.IsEphemeral {
		t.Errorf("container %+v", c)
	}
	if m := cb.Message; m.Timestamp != ts || m.ThreadTimestamp != parent || len(m.Blocks.BlockSet) != 2 || m.Text != "approve?" ||
		m.Metadata.EventType != "gate" || m.Metadata.EventPayload["id"] != "g1" {
		t.Errorf("message %+v", m)
	}
	// What a person cannot see they cannot press; a forged click still reaches the app.
	for _, bad := range []struct{ user, channel, ts, action string }{
		{"U2", "C1", ts, "cancel"}, {"U2", "C1", ts, ""}, {"U2", "C2", ts, "approve"}, {"U3", "C1", ts, "approve"}, {"U2", "C1", "1.000001", "approve"},
	} {
		if _, err := b.Click(b.ctx, bad.user, bad.channel, bad.ts, bad.action); err == nil {
			t.Errorf("%+v worked", bad)
		}
	}
	if ack, err = b.ClickRaw(b.ctx, "U2", "C1", ts, map[string]any{"action_id": "gone", "block_id": "old", "value": "v"}); err != nil || !ack.OK {
		t.Errorf("forged: %+v %v", ack, err)
	}
	if act := a.interaction(t).ActionCallback.BlockActions; act[0].ActionID != "gone" || act[0].Value != "v" {
		t.Errorf("forged action %+v", act[0])
	}
}

func TestChoiceOnAMessageIsInItsState(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.connect(ackWith(nil))
	opt := func(v string) *slack.OptionBlockObject {
		return slack.NewOptionBlockObject(v, slack.NewTextBlockObject(slack.PlainTextType, v, false, false), nil)
	}
	ts := b.post("C1", slack.MsgOptionText("pick", false), slack.MsgOptionBlocks(slack.NewActionBlock("b1",
		slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, slack.NewTextBlockObject(slack.PlainTextType, "Which?", false, false), "env", opt("uat"), opt("test")),
		button("go", "", "Go"))))
	if ack, err := b.Select(b.ctx, "U1", "C1", ts, "env", "test"); err != nil || !ack.OK {
		t.Fatalf("%+v %v", ack, err)
	}
	if got := a.interaction(t).ActionCallback.BlockActions[0].SelectedOption.Value; got != "test" {
		t.Errorf("selected %q", got)
	}
	if _, err := b.Select(b.ctx, "U1", "C1", ts, "env", "prod"); err == nil {
		t.Error("an option that is not offered worked")
	}
	if _, err := b.Click(b.ctx, "U1", "C1", ts, "go"); err != nil {
		t.Fatal(err)
	}
	if got := a.interaction(t).BlockActionState.Values["b1"]["env"].SelectedOption.Value; got != "test" {
		t.Errorf("state holds %q", got)
	}
	if _, err := b.Click(b.ctx, "U2", "C1", ts, "go"); err != nil {
		t.Fatal(err)
	}
	if a.interaction(t).BlockActionState.Values["b1"]["env"].SelectedOption.Value != "" {
		t.Error("one person's choice shows in another's state")
	}
}

func TestClickOnAnEphemeralMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.connect(ackWith(nil))
	ts, err := b.api.PostEphemeralContext(b.ctx, "C1", "U1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("b", button("ok", "", "OK"))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Click(b.ctx, "U2", "C1", ts, "ok"); err == nil {
		t.Error("somebody else could press it")
	}
	if _, err := b.Click(b.ctx, "U1", "C1", ts, "ok"); err != nil {
		t.Fatal(err)
	}
	if cb := a.interaction(t); !cb.Container.IsEphemeral || len(cb.Message.Blocks.BlockSet) != 0 {
		t.Errorf("%+v", cb)
	}
	if _, _, _, err := b.api.UpdateMessageContext(b.ctx, "C1", ts, slack.MsgOptionText("y", false)); slackError(err) != "message_not_found" {
		t.Errorf("chat.update of an ephemeral message: %v", err)
	}
}

func TestResponseURLRules(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := setup(t, func(_ *Options, tu *tuning) { tu.now = func() time.Time { return now } })
	a := b.connect(ackWith(nil))
	ts := b.post("C1", slack.MsgOptionText("card", false), slack.MsgOptionBlocks(slack.NewActionBlock("b", button("ok", "", "OK"))))
	click := func() string {
		t.Helper()
		if _, err := b.Click(b.ctx, "U1", "C1", ts, "ok"); err != nil {
			t.Fatal(err)
		}
		return a.interaction(t).ResponseURL
	}
	send := func(to, body string) int {
		t.Helper()
		status, _ := b.request(http.MethodPost, to, "application/json", body)
		return status
	}
	last := func() Message { m := b.Messages("C1"); return m[len(m)-1] }

	to := click()
	if send(to, `{"text":"for you"}`); !last().Ephemeral || last().To != "U1" {
		t.Errorf("default audience: %+v", last())
	}
	if send(to, `{"text":"for all","response_type":"in_channel"}`); last().Ephemeral || last().Text != "for all" {
		t.Errorf("in_channel: %+v", last())
	}
	if err := slack.PostWebhookContext(b.ctx, to, &slack.WebhookMessage{Text: "done", ReplaceOriginal: true}); err != nil {
		t.Fatal(err)
	}
	if m := b.Messages("C1")[0]; m.Text != "done" || m.Blocks != nil {
		t.Errorf("replaced: %+v", m)
	}
	// The way slack-go itself posts: "blocks":null and an empty metadata object.
	if _, _, err := b.api.PostMessageContext(b.ctx, "C1", slack.MsgOptionResponseURL(to, slack.ResponseTypeEphemeral), slack.MsgOptionText("hi", false)); err != nil {
		t.Errorf("MsgOptionResponseURL: %v", err)
	}
	if code := send(to, `{"text":""}`); code != http.StatusBadRequest {
		t.Errorf("empty message: %d", code)
	}
	if code := send(to, `{"text":"sixth"}`); code != http.StatusNotFound {
		t.Errorf("sixth use: %d", code)
	}
	if c := b.Calls(); c[len(c)-1].Error != "used_url" {
		t.Errorf("sixth use: %+v", c[len(c)-1])
	}

	ts = b.post("C1", slack.MsgOptionText("card", false), slack.MsgOptionBlocks(slack.NewActionBlock("b", button("ok", "", "OK"))))
	to = click()
	if send(to, `{"delete_original":true}`); !last().Deleted {
		t.Errorf("delete_original: %+v", last())
	}
	b.mu.Lock()
	now = now.Add(31 * time.Minute)
	b.mu.Unlock()
	if code := send(to, `{"text":"late"}`); code != http.StatusNotFound {
		t.Errorf("after half an hour: %d", code)
	}
}

func modal(blocks ...slack.Block) slack.ModalViewRequest {
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
	}
	return slack.ModalViewRequest{Type: slack.VTModal, Title: plain("Reject"), Submit: plain("Send"), Close: plain("Cancel"),
		CallbackID: "reject", PrivateMetadata: "g1", Blocks: slack.Blocks{BlockSet: blocks}}
}

func reasonInput() *slack.InputBlock {
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
	}
	return slack.NewInputBlock("why", plain("Why?"), nil, slack.NewPlainTextInputBlockElement(plain("…"), "reason"))
}

func TestTriggerRules(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := setup(t, func(_ *Options, tu *tuning) { tu.now = func() time.Time { return now } })
	a := b.connect(ackWith(nil))
	trigger := func() string {
		if _, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); err != nil {
			t.Fatal(err)
		}
		r := a.requests()
		var cmd slack.SlashCommand
		_ = json.Unmarshal(r[len(r)-1].Payload, &cmd)
		return cmd.TriggerID
	}
	open := func(id string) string {
		_, err := b.api.OpenViewContext(b.ctx, id, modal(section("x")))
		return slackError(err)
	}
	id := trigger()
	for _, want := range []string{"", "exchanged_trigger_id"} {
		if got := open(id); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := open("123.456.abc"); got != "invalid_trigger_id" {
		t.Errorf("made up: %q", got)
	}
	id = trigger()
	b.mu.Lock()
	now = now.Add(3*time.Second + time.Millisecond)
	b.mu.Unlock()
	if got := open(id); got != "expired_trigger_id" {
		t.Errorf("after 3 s: %q", got)
	}
	if _, err := b.api.PushViewContext(b.ctx, trigger(), modal(section("x"))); err != nil {
		t.Errorf("push on the open modal: %v", err)
	}
	if _, err := b.api.PushViewContext(b.ctx, trigger(), modal(section("x"))); err != nil {
		t.Errorf("third level: %v", err)
	}
	if _, err := b.api.PushViewContext(b.ctx, trigger(), modal(section("x"))); slackError(err) != "push_limit_reached" {
		t.Errorf("fourth level: %v", err)
	}
}

func TestModalFromOpenToClose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reply := make(chan any, 1)
	a := b.connect(func(a *app, ev socketmode.Event) {
		switch ev.Type {
		case socketmode.EventTypeSlashCommand:
			cmd, _ := ev.Data.(slack.SlashCommand)
			if _, err := b.api.OpenViewContext(b.ctx, cmd.TriggerID, modal(section("Sure?"), reasonInput())); err != nil {
				t.Error(err)
			}
			_ = a.client.Ack(*ev.Request)
		case socketmode.EventTypeInteractive:
			if p := <-reply; p != nil {
				_ = a.client.Ack(*ev.Request, p)
			} else {
				_ = a.client.Ack(*ev.Request)
			}
		}
	})
	if _, err := b.Slash(b.ctx, "U1", "C1", "/refresh reject"); err != nil {
		t.Fatal(err)
	}
	v, ok := b.View("U1")
	if !ok || v.Title != "Reject" || v.CallbackID != "reject" || v.PrivateMetadata != "g1" {
		t.Fatalf("view %+v", v)
	}
	answer := func(text any, p any) Ack {
		t.Helper()
		if p != "none" {
			reply <- p
		}
		ack, err := b.Submit(b.ctx, "U1", v.ID, map[string]map[string]any{"why": {"reason": text}})
		if err != nil {
			t.Fatal(err)
		}
		return ack
	}
	if ack := answer("", "none"); ack.OK || ack.Errors["why"] == "" || len(a.requests()) != 1 {
		t.Errorf("empty required input: %+v", ack)
	}
	if ack := answer("no", map[string]any{"response_action": "errors", "errors": map[string]string{"why": "too short"}}); ack.OK || ack.Errors["why"] != "too short" {
		t.Errorf("errors: %+v", ack)
	}
	if v, _ := b.View("U1"); v.Errors["why"] != "too short" {
		t.Errorf("the modal shows %+v", v.Errors)
	}
	if ack := answer("no", map[string]any{"response_action": "errors", "errors": map[string]string{"other": "x"}}); ack.OK || ack.Error != "invalid_error_block_id" {
		t.Errorf("errors for a block that is no input: %+v", ack)
	}
	if n := b.Notices("U1"); len(n) != 1 || n[0].Text != modalTrouble {
		t.Errorf("notices %+v", n)
	}
	if ack := answer("because", map[string]any{"response_action": "update", "view": modal(section("Really?"), reasonInput())}); !ack.OK {
		t.Errorf("update: %+v", ack)
	}
	cb := a.interaction(t)
	if cb.Type != slack.InteractionTypeViewSubmission || cb.View.State.Values["why"]["reason"].Value != "because" || cb.View.PrivateMetadata != "g1" {
		t.Errorf("submission %+v", cb.View)
	}
	if ack := answer("because", map[string]any{"response_action": "push", "view": modal(section("On top"))}); !ack.OK {
		t.Errorf("push: %+v", ack)
	}
	top, _ := b.View("U1")
	if top.PreviousID != v.ID || top.RootID != v.ID {
		t.Errorf("pushed view %+v", top)
	}
	if _, err := b.Submit(b.ctx, "U1", v.ID, nil); err == nil {
		t.Error("submitted a view that is not on top")
	}
	reply <- map[string]any{"response_action": "clear"}
	if ack, err := b.Submit(b.ctx, "U1", top.ID, nil); err != nil || !ack.OK {
		t.Errorf("clear: %+v %v", ack, err)
	}
	if _, open := b.View("U1"); open {
		t.Error("a view is still open")
	}
}

func TestClosingAModalIsToldOnRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.connect(func(a *app, ev socketmode.Event) {
		if cmd, ok := ev.Data.(slack.SlashCommand); ok {
			v := modal(section("x"))
			v.NotifyOnClose = true
			if _, err := b.api.OpenViewContext(b.ctx, cmd.TriggerID, v); err != nil {
				t.Error(err)
			}
		}
		_ = a.client.Ack(*ev.Request)
	})
	if _, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); err != nil {
		t.Fatal(err)
	}
	v, _ := b.View("U1")
	if ack, err := b.CloseView(b.ctx, "U1", v.ID); err != nil || !ack.OK {
		t.Fatalf("%+v %v", ack, err)
	}
	if cb := a.interaction(t); cb.Type != slack.InteractionTypeViewClosed || cb.View.ID != v.ID {
		t.Errorf("%+v", cb)
	}
}

func TestHomeTab(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.connect(ackWith(nil))
	home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{
		section("Hello"), slack.NewActionBlock("b", button("mine", "", "Mine"))}}}
	pub, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U1", View: home})
	if err != nil {
		t.Fatal(err)
	}
	stale := "old"
	if _, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U1", View: home, Hash: &stale}); slackError(err) != "hash_conflict" {
		t.Errorf("stale hash: %v", err)
	}
	v, ok := b.Home("U1")
	if !ok || v.ID != pub.ID {
		t.Fatalf("home %+v", v)
	}
	if ack, err := b.ActInView(b.ctx, "U1", v.ID, "mine", nil); err != nil || !ack.OK {
		t.Fatalf("%+v %v", ack, err)
	}
	if cb := a.interaction(t); cb.Container.Type != "view" || cb.Container.ViewID != v.ID || cb.View.ID != v.ID || cb.ResponseURL != "" {
		t.Errorf("%+v", cb)
	}
}

func TestEscapedCommandText(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options, _ *tuning) { o.Commands[0].ShouldEscape = true })
	a := b.connect(ackWith(nil))
	if _, err := b.Slash(b.ctx, "U1", "C1", "/refresh uat for @ben and @release in #uat-refresh not @nobody"); err != nil {
		t.Fatal(err)
	}
	var cmd slack.SlashCommand
	_ = json.Unmarshal(a.requests()[0].Payload, &cmd)
	if want := "uat for <@U2|ben> and <!subteam^S1|@release> in <#C1|uat-refresh> not @nobody"; cmd.Text != want {
		t.Errorf("got %q", cmd.Text)
	}
}

func TestTranscriptReadsLikeTheChannel(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 9, 14, 5, 0, time.UTC)
	b := setup(t, func(_ *Options, tu *tuning) { tu.now = func() time.Time { return at } })
	card := b.post("C1", slack.MsgOptionText("f", false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, "Refresh of UAT", false, false)),
		section("asked by <@U1>, seen by <!subteam^S1>, starts <!date^1795338845^{date_num} {time}|soon> &amp; <https://x.example|here>"),
		slack.NewActionBlock("b", button("a", "", "Approve"), button("r", "", "Reject"))))
	b.post("C1", slack.MsgOptionText("step *one*", false), slack.MsgOptionTS(card))
	if _, err := b.Say("U2", "C1", "fine", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := b.api.PostEphemeralContext(b.ctx, "C1", "U2", slack.MsgOptionText("psst", false)); err != nil {
		t.Fatal(err)
	}
	want := `#uat-refresh

09:14:05 refreshbot
  Refresh of UAT
  asked by @anna, seen by @release, starts 2026-11-22 09:14 UTC & here
  [Approve] [Reject]

    09:14:05 refreshbot
      step *one*

09:14:05 ben
  fine

09:14:05 refreshbot (only ben sees this)
  psst
`
	if got := b.Transcript("C1"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	bs := b.Messages("C1")[0].Buttons()
	if len(bs) != 2 || bs[1] != (Button{ActionID: "r", BlockID: "b", Text: "Reject"}) {
		t.Errorf("buttons %+v", bs)
	}
}

// openOnClick is an app that opens a modal for a click and does not like the answer "wrong".
func openOnClick(b *bundle, opened chan<- string) func(*app, socketmode.Event) {
	return func(a *app, ev socketmode.Event) {
		cb, _ := ev.Data.(slack.InteractionCallback)
		if cb.Type == slack.InteractionTypeBlockActions {
			if _, err := b.api.OpenViewContext(b.ctx, cb.TriggerID, modal(reasonInput())); err != nil {
				b.t.Error(err)
			}
			_ = a.client.Ack(*ev.Request)
			opened <- cb.ActionCallback.BlockActions[0].Value
			return
		}
		if cb.View.State.Values["why"]["reason"].Value == "wrong" {
			_ = a.client.Ack(*ev.Request, map[string]any{"response_action": "errors", "errors": map[string]string{"why": "not that"}})
			return
		}
		_ = a.client.Ack(*ev.Request)
	}
}
