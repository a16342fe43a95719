package slacksim

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// bundle is one running workspace with a Web API client.
type bundle struct {
	*Server
	t   *testing.T
	ctx context.Context
	api *slack.Client
}

func workspace() Options {
	return Options{
		Users: []User{
			{ID: "U1", Name: "anna", RealName: "Anna Holm", Email: "anna@contoso.example", TZ: "Europe/Copenhagen", Pick: true},
			{ID: "U2", Name: "ben", RealName: "Ben Ode", Email: "ben@contoso.example", Pick: true},
			{ID: "U3", Name: "gone", Deleted: true},
		},
		Channels: []Channel{
			{ID: "C1", Name: "uat-refresh", Topic: "UAT", BotMember: true},
			{ID: "C2", Name: "elsewhere", Members: []string{"U1"}},
			{ID: "C3", Name: "old", BotMember: true, Archived: true},
			{ID: "G1", Name: "secret", Private: true, Members: []string{"U1"}},
		},
		UserGroups: []UserGroup{{ID: "S1", Handle: "release", Name: "Release managers", Users: []string{"U2"}}},
		Commands:   []Command{{Command: "/refresh", Description: "Refreshes", Examples: []string{"/refresh uat"}}},
	}
}

func setup(t *testing.T, change ...func(*Options, *tuning)) *bundle {
	t.Helper()
	o, tune := workspace(), defaultTuning()
	o.NoRateLimits = true
	for _, f := range change {
		f(&o, &tune)
	}
	s, err := start(o, tune)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(func() {
		cancel()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	api := slack.New(s.BotToken(), slack.OptionAPIURL(s.APIURL()), slack.OptionAppLevelToken(s.AppToken()))
	return &bundle{s, t, ctx, api}
}

// until waits for a condition that the server can see change.
func (b *bundle) until(what string, cond func() bool) {
	b.t.Helper()
	if err := b.Wait(b.ctx, cond); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// app is a slack-go Socket Mode client that hands every envelope to a function.
type app struct {
	client *socketmode.Client
	mu     sync.Mutex
	hellos int
	seen   []socketmode.Request
}

// connect runs a client whose handler acks; a nil handler never acks anything.
func (b *bundle) connect(handle func(*app, socketmode.Event)) *app {
	b.t.Helper()
	before := b.Connections()
	a := &app{client: socketmode.New(b.api)}
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan struct{}, 2)
	go func() {
		if err := a.client.RunContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
			slog.Debug("socket mode ended", "err", err)
		}
		done <- struct{}{}
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			select {
			case ev := <-a.client.Events:
				a.mu.Lock()
				if ev.Type == socketmode.EventTypeHello {
					a.hellos++
				}
				if ev.Request != nil && ev.Request.EnvelopeID != "" {
					a.seen = append(a.seen, *ev.Request)
				}
				a.mu.Unlock()
				if handle != nil && ev.Request != nil && ev.Request.EnvelopeID != "" {
					handle(a, ev)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	b.t.Cleanup(func() { cancel(); <-done; <-done })
	b.until("connection", func() bool { return b.Connections() > before })
	return a
}

func (a *app) requests() []socketmode.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]socketmode.Request(nil), a.seen...)
}

// ackWith acks every envelope with a payload; nil acks bare.
func ackWith(payload any) func(*app, socketmode.Event) {
	return func(a *app, ev socketmode.Event) {
		if payload == nil {
			_ = a.client.Ack(*ev.Request)
			return
		}
		_ = a.client.Ack(*ev.Request, payload)
	}
}

// request does one plain HTTP request and returns status and body.
func (b *bundle) request(method, url, contentType, body string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.ctx, method, url, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// slackError reads Slack's error name.
func slackError(err error) string {
	var se slack.SlackErrorResponse
	if errors.As(err, &se) {
		return se.Err
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// post posts a message as the bot and returns its ts.
func (b *bundle) post(channel string, opts ...slack.MsgOption) string {
	b.t.Helper()
	_, ts, err := b.api.PostMessageContext(b.ctx, channel, opts...)
	if err != nil {
		b.t.Fatal(err)
	}
	return ts
}

func button(actionID, value, label string) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(actionID, value, slack.NewTextBlockObject(slack.PlainTextType, label, false, false))
}

func section(text string) *slack.SectionBlock {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, false), nil, nil)
}
