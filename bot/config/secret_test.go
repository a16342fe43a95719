package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"refreshbot/jobs/refresh"
)

func TestASecretSaysWhereItWasFound(t *testing.T) {
	t.Parallel()
	c, err := around().parse("/etc/bot/refreshbot.yml", edit(t, example, "{env: LCS_PASSWORD}", "{file: secret}"))
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		c.Slack.BotToken.Ref():     "env:SLACK_BOT_TOKEN",
		c.LCS.Password.Ref():       "file:/etc/bot/secret",
		hushed("hush").Ref():       "",
		(Secret{}).Ref() + "unset": "unset",
	} {
		if got != want {
			t.Errorf("Ref() = %q, want %q", got, want)
		}
	}
}

func TestAReferenceIsResolvedWhenItIsUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password") // not parallel: it sets the environment of the process
	for _, value := range []string{"first", "second"} {
		t.Setenv("REFRESHBOT_TEST_SECRET", value+"\n")
		if err := os.WriteFile(file, []byte(value+"\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, ref := range []string{"env:REFRESHBOT_TEST_SECRET", "file:" + file} {
			if got, err := Resolve(ref); err != nil || got != value {
				t.Errorf("Resolve(%q) = %q, %v, want %q", ref, got, err, value)
			}
		}
	}
}

func TestAReferenceThatLeadsNowhere(t *testing.T) {
	t.Setenv("REFRESHBOT_TEST_SECRET", " ")
	dir := t.TempDir()
	blank := filepath.Join(dir, "blank")
	if err := os.WriteFile(blank, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ref  string
		code refresh.Code
		want string
	}{
		{"env:REFRESHBOT_TEST_NOT_SET", refresh.Invalid, "The environment variable REFRESHBOT_TEST_NOT_SET is not set: set it and start refreshbot again."},
		{"env:REFRESHBOT_TEST_SECRET", refresh.Invalid, "There is nothing in the environment variable REFRESHBOT_TEST_SECRET: put the secret there."},
		{"file:" + blank, refresh.Invalid, "There is nothing in the file " + blank + ": put the secret there."},
		{"file:" + dir + "/absent", refresh.Invalid, "The file " + dir + "/absent cannot be read (no such file or directory): put the secret there and press Retry."},
		{"hush", refresh.Internal, "A secret is needed, and the plan does not say where it is."},
		{"", refresh.Internal, "A secret is needed, and the plan does not say where it is."},
	} {
		s, err := Resolve(c.ref)
		if s != "" || refresh.CodeOf(err) != c.code || refresh.MessageOf(err) != c.want {
			t.Errorf("Resolve(%q) = %q, %q (%s)\nwant %q (%s)", c.ref, s, refresh.MessageOf(err), refresh.CodeOf(err), c.want, c.code)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("what may be a secret is in the error: %v", err)
		}
	}
}
