package bot

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
)

// A Slack that sends callers elsewhere, be it a proxy that was tampered with, gets no token to go there.
func TestASlackThatSendsElsewhereIsNotFollowed(t *testing.T) {
	t.Parallel()
	var visits atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(other.Close)
	for _, code := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+r.URL.Path, code)
		}))
		t.Cleanup(srv.Close)
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		api := NewAPI("xoxb-secret", "xapp-secret", srv.URL+"/api/", transport)
		ctx := t.Context()
		for what, call := range map[string]func() error{
			"a form": func() error { _, err := api.AuthTestContext(ctx); return err },
			"JSON":   func() error { _, err := api.OpenViewContext(ctx, "1.1", slack.ModalViewRequest{}); return err },
			"a post": func() error {
				_, _, err := api.PostMessageContext(ctx, "C0", slack.MsgOptionText("hi", false))
				return err
			},
			"socket":  func() error { _, _, err := api.StartSocketModeContext(ctx); return err },
			"a file":  func() error { return api.GetFileContext(ctx, srv.URL+"/files/1", &capped{most: maxFile}) },
			"members": func() error { _, err := api.GetUserGroupMembersContext(ctx, "S0"); return err },
		} {
			if err := call(); err == nil {
				t.Errorf("%s, HTTP %d: no error", what, code)
			}
		}
	}
	if n := visits.Load(); n > 0 {
		t.Errorf("%d requests went where they were sent", n)
	}
}

// The ticket of a socket stands in its address.
func TestASocketInTheClearIsOfThisMachineOnly(t *testing.T) {
	t.Parallel()
	d := dialer(&http.Transport{})
	for address, refused := range map[string]bool{
		"ws://wss-primary.slack.com/link/?ticket=x": true, "ws://10.0.0.1/": true,
		"ws://127.0.0.1:1/": false, "ws://localhost:1/": false, "ws://[::1]:1/": false,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if !refused {
			cancel() // whether it could be reached does not matter
		}
		conn, res, err := d.DialContext(ctx, address, nil)
		cancel()
		if res != nil && res.Body != nil {
			_ = res.Body.Close()
		}
		if conn != nil {
			_ = conn.Close()
		}
		if got := errors.Is(err, errInClear); got != refused || err == nil {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && strings.Contains(redact.Text(err.Error()), "ticket=x") {
			t.Errorf("the ticket is told: %v", err)
		}
	}
}
