package bot_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"refreshbot/bot"
)

func TestHealthPages(t *testing.T) {
	t.Parallel()
	h := bot.NewHealth()
	if rec := get(h, "/healthz"); rec.Code != http.StatusOK || rec.Body.String() != "ok\n" {
		t.Errorf("healthz: %d %q", rec.Code, rec.Body)
	}
	if rec := get(h, "/readyz"); rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), `"ready":false`) ||
		rec.Header().Get("Content-Type") != "application/json" {
		t.Errorf("readyz before anything: %d %s", rec.Code, rec.Body)
	}
	h.Recovered()
	if rec := get(h, "/readyz"); rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), `"recovered":true`) {
		t.Errorf("readyz without Slack: %d %s", rec.Code, rec.Body)
	}
	select {
	case <-h.Ready():
		t.Error("ready without Slack")
	default:
	}
	metrics := get(h, "/metrics").Body.String()
	for _, name := range []string{"refreshbot_slack_connections 0", "refreshbot_slack_post_failures_total 0", "\ngo_goroutines ", "\nprocess_open_fds "} {
		if !strings.Contains(metrics, name) {
			t.Errorf("metrics lack %s:\n%s", name, metrics)
		}
	}
	if rec := get(h, "/"); rec.Code != http.StatusNotFound {
		t.Errorf("/: %d", rec.Code)
	}
}

func TestSlackProblemSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"invalid_auth": "copy it again", "not_authed": "copy it again", "token_revoked": "reinstall", "token_expired": "reinstall",
		"account_inactive": "reinstall", "not_allowed_token_type": "xapp-", "not_in_channel": "/invite", "channel_not_found": "/invite",
		"is_archived": "unarchive", "ekm_access_denied": "Slack refuses: ekm_access_denied. Ask an admin",
	} {
		if got := bot.SlackProblem(slack.SlackErrorResponse{Err: code}); !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", code, got, want)
		}
	}
	if got := bot.SlackProblem(slack.SlackErrorResponse{Err: "missing_scope", Needed: "chat:write"}); !strings.Contains(got, "chat:write") {
		t.Errorf("missing_scope: %q", got)
	}
	if got := bot.SlackProblem(errors.New("dial wss://wss-primary.slack.com/link/?ticket=abc-def&app_id=1: link_disabled")); !strings.Contains(got, "Socket Mode is switched off") {
		t.Errorf("link_disabled: %q", got)
	}
	if got := bot.SlackProblem(errors.New("dial wss://wss-primary.slack.com/link/?ticket=abc-def&app_id=1: no such host")); strings.Contains(got, "abc-def") || !strings.Contains(got, "no such host. Check that this machine reaches") {
		t.Errorf("a network error: %q", got)
	}
	if got := bot.SlackProblem(nil); got != "" {
		t.Errorf("nil: %q", got)
	}
}
