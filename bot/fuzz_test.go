package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

// agreeable is a Slack that answers every call with ok, in process.
type agreeable struct{}

func (agreeable) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"ok":true,"ts":"1.1","channel":"C0"}`))}, nil
}

// asked notes what reached the handler.
type asked struct {
	presses []commands.Press
	filled  []commands.Filled
}

func (a *asked) Slash(_ context.Context, in commands.Line) commands.Reply {
	return commands.Reply{Text: in.Text, Hint: in.User.Name}
}
func (a *asked) Shortcut(_ context.Context, in commands.Line) commands.Reply {
	return commands.Reply{Text: in.Text}
}
func (a *asked) Explain(_ context.Context, id refresh.ID) commands.Reply {
	return commands.Reply{Text: string(id)}
}
func (a *asked) Home(context.Context, refresh.Person, string) commands.Home { return commands.Home{} }
func (a *asked) Click(_ context.Context, in commands.Press) commands.Reply {
	a.presses = append(a.presses, in)
	return commands.Reply{Refused: true, Text: string(in.Refresh)}
}
func (a *asked) Fill(_ context.Context, in commands.Filled) commands.Reply {
	a.filled = append(a.filled, in)
	return commands.Reply{Refused: true, Text: "No."}
}

// Whatever an envelope holds: it is answered or passed over, never with a panic, with an acknowledgement that Slack
// takes, and no decision is made of what is none.
func FuzzEnvelope(f *testing.F) {
	button := view.Button{Refresh: "uat-20261122-abcdef", Gate: "approval.1", Nonce: "n0nce", Action: refresh.ActionApprove}
	click, err := json.Marshal(map[string]any{
		"type": "block_actions", "user": map[string]any{"id": "U0ANNA", "name": "anna", "team_id": "T0"}, "team": map[string]any{"id": "T0"},
		"channel": map[string]any{"id": "C0"}, "container": map[string]any{"type": "message", "channel_id": "C0", "message_ts": "1.1"}, "trigger_id": "1.2",
		"actions": []any{map[string]any{"type": "button", "action_id": button.ActionID(), "block_id": "b", "value": button.Value()}},
	})
	if err != nil {
		f.Fatal(err)
	}
	form := func(kind, metadata string) string {
		return `{"type":"` + kind + `","user":{"id":"U0ANNA"},"team":{"id":"T0"},"view":{"type":"modal","id":"V1","callback_id":"users","private_metadata":` + metadata +
			`,"state":{"values":{"names":{"given":{"type":"plain_text_input","value":"ANNA\nBO"}},"file":{"given":{"type":"file_input","files":[{"id":"F1","name":"a.csv","size":3}]}}}}},` +
			`"actions":[{"type":"button","action_id":"form:ok","block_id":"b","value":"x"}]}`
	}
	for _, seed := range []struct {
		slash   bool
		payload string
	}{
		{true, `{"team_id":"T0","channel_id":"C0","user_id":"U0RITA","user_name":"rita","command":"/refresh","text":"uat for March","trigger_id":"1.1","is_enterprise_install":"false"}`},
		{true, `{"text":"<!channel> \u202e","user_name":null,"is_enterprise_install":true}`}, {true, `[]`}, {true, `{`},
		{false, string(click)}, {false, strings.Replace(string(click), `"type":"block_actions"`, `"type":"view_closed"`, 1)},
		{false, `{"type":"block_actions","actions":[]}`}, {false, `{"type":"block_actions","actions":[null]}`}, {false, `{"type":"block_actions","actions":[{"action_id":"line:1","value":"uat now"}]}`},
		{false, `{"type":"shortcut","callback_id":"refresh"}`}, {false, `{"type":"message_action"}`}, {false, `null`},
		{false, form("view_submission", `"{}"`)}, {false, form("view_submission", `"{\"state\":[\"uat\"],\"channel\":\"C0\"}"`)}, {false, form("block_actions", `"nonsense"`)},
		{false, `{"type":"event_callback","team_id":"T0","event":{"type":"app_home_opened","user":"U0RITA","channel":"D0","tab":"home","event_ts":"1.1"}}`},
		{false, `{"type":"event_callback","event":{"type":"app_home_opened","tab":"messages","view":null}}`}, {false, `{"type":"event_callback","event":null}`},
		{false, `{"type":"event_callback","event":{"type":"message","channel":[],"message":{}}}`},
	} {
		f.Add(seed.slash, []byte(seed.payload))
	}
	f.Fuzz(func(t *testing.T, slash bool, payload []byte) {
		ev := socketmode.Event{Type: socketmode.EventTypeInteractive, Request: &socketmode.Request{EnvelopeID: "e1"}}
		switch { // as slack-go reads it
		case slash:
			var in slack.SlashCommand
			if json.Unmarshal(payload, &in) != nil {
				return
			}
			ev.Data = in
		case bytes.Contains(payload, []byte(`"event_callback"`)):
			in, err := slackevents.ParseEvent(payload, slackevents.OptionNoVerifyToken())
			if err != nil {
				return
			}
			ev.Type, ev.Data = socketmode.EventTypeEventsAPI, in
		default:
			var in slack.InteractionCallback
			if json.Unmarshal(payload, &in) != nil {
				return
			}
			ev.Data = in
		}
		var log bytes.Buffer
		handler, memory := &asked{}, storetest.NewMemory()
		logger := slog.New(slog.NewJSONHandler(&log, nil))
		b := New(Options{API: NewAPI("xoxb-x", "xapp-x", "https://slack.example/api/", agreeable{}), Handler: handler, Journal: memory, Records: memory, Health: NewHealth(), Log: logger})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		back := b.handle(ctx, logger, ev)
		if strings.Contains(log.String(), "caused a panic") {
			t.Fatal(log.String())
		}
		if ack, err := json.Marshal(back.payload); err != nil || len(ack) > 20_000 && len(payload) < 4000 {
			t.Errorf("an acknowledgement of %d bytes: %v", len(ack), err)
		}
		for _, p := range handler.presses {
			if p.Key == "click/" || p.Gate == "" || p.Nonce == "" || p.Refresh == "" {
				t.Errorf("no button of ours, and a decision: %+v", p)
			}
		}
		for _, p := range handler.filled {
			if p.Key == "form/" {
				t.Errorf("a form without a key: %+v", p)
			}
		}
	})
}
