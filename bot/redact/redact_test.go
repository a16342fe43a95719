package redact_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"refreshbot/bot/redact"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain",
		"token xoxb-1234-abc_DEF refused, xapp-1-A0-99 too":                            "token *** refused, *** too",
		"Post \"https://hooks.slack.com/commands/T0/1/x-y\": EOF":                      "Post \"***\": EOF",
		"Post \"https://hooks.slack.com/actions/T0/1/xyz\": EOF":                       "Post \"***\": EOF",
		"post http://127.0.0.1:80/response/abcdef failed":                              "post *** failed",
		"wss://x/link/?ticket=6f-2&app_id=A1":                                          "wss://x/link/?***&app_id=A1",
		"https://lcs.dynamics.com/V2/EnvironmentDetailsV3New/1?EnvironmentId=2":        "https://lcs.dynamics.com/V2/EnvironmentDetailsV3New/1?EnvironmentId=2",
		"got eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln-_ back":                         "got *** back",
		"Authorization: [Bearer 0123456789abcdef.xyz=]":                                "Authorization: [***]",
		"PUT https://x.blob.core.windows.net/a?sv=1&sig=aB%2Fc%3D&se=2":                "PUT https://x.blob.core.windows.net/a?sv=1&***&se=2",
		`"key":"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"`: `"key":"***"`,
		"a bearer of bad news": "a bearer of bad news", "design=new": "design=new",
	} {
		if got := redact.Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

// However a secret gets into a line of the log, it does not come out.
func TestNoSecretReachesTheLog(t *testing.T) {
	t.Parallel()
	secrets := []string{"hunter2hunter2", `p"a\ss<&>word`, "hunter2hunter2-and-more", "päss wörd/ß"}
	var out bytes.Buffer
	w := redact.NewWriter(&out)
	w.Hide(secrets...)
	w.Hide("abc", "") // too short to be looked for
	log := slog.New(slog.NewJSONHandler(w, nil))
	for _, s := range secrets {
		log.Error("failed "+s, "err", fmt.Errorf("sign in with %q: %w", s, errors.New(s)), "panic", fmt.Sprint(s), "list", []string{s},
			"address", "https://x/?p="+url.QueryEscape(s), "nested", map[string]any{"password": s})
		if _, err := fmt.Fprintln(w, "refreshbot:", s, "abc"); err != nil {
			t.Fatal(err)
		}
	}
	got := out.String()
	for _, part := range []string{"hunter2", "-and-more", "<&>", `u003c`, "wörd", "p%C3%A4ss"} {
		if strings.Contains(got, part) {
			t.Errorf("the log holds %q:\n%s", part, got)
		}
	}
	if !strings.Contains(got, "abc") {
		t.Error("words are garbled")
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "{") && !json.Valid([]byte(line)) {
			t.Errorf("no JSON any more: %s", line)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAWriterThatFails(t *testing.T) {
	t.Parallel()
	if n, err := redact.NewWriter(broken{}).Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
}
