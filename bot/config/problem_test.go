package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEachMistakeIsNamedWithLineKeyAndRemedy(t *testing.T) {
	t.Parallel()
	for _, c := range badEdits() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuses(t, edit(t, example, c.pairs...), c.want)
		})
	}
}

// refuses checks the whole report, and that no secret is in it.
func refuses(t *testing.T, text string, want []string) {
	t.Helper()
	c, err := around().parse("/etc/bot/refreshbot.yml", text)
	if err == nil || c != nil {
		t.Fatalf("got %v, %v, want no configuration and %q", c, err, want)
	}
	var lines []string
	for _, l := range want {
		lines = append(lines, "/etc/bot/refreshbot.yml:"+l)
	}
	if diff := cmp.Diff(lines, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("a secret is in the error: %v", err)
	}
}

func TestWholeFileMistakes(t *testing.T) {
	t.Parallel()
	environments := strings.Index(example, "environments:")
	uat := strings.Index(example, "  uat:")
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 'b'; i <= 'i'; i++ {
		name, last := string(i), string(i-1)
		bomb += name + ": &" + name + " [" + strings.Repeat("*"+last+", ", 9) + "*" + last + "]\n"
	}
	cases := []struct {
		name string
		text string
		want []string
	}{
		{"empty", "", []string{" is empty: start from the example in the documentation"}},
		{"comments only", "# nothing\n", []string{" is empty: start from the example in the documentation"}},
		{"null", "~\n", []string{" is empty: start from the example in the documentation"}},
		{"a list", "- slack\n", []string{"1: must be a mapping of keys to values, not a list"}},
		{"second document", example + "---\nslack: {}\n", []string{"87: a second YAML document starts here: keep everything in one and remove the ---"}},
		{"alias bomb", bomb, []string{"1: the file grows beyond 500000 values once its aliases are followed: write the values out"}},
		{"alias of itself", "slack: &a [*a]\n", []string{"1: the file grows beyond 500000 values once its aliases are followed: write the values out"}},
		{"tab as indentation", "slack:\n\tchannel: C0\n", []string{"2: is not valid YAML: found character that cannot start any token; check the indentation and quotes here"}},
		{"bracket left open", "slack: [1\nentra: 2\n", []string{"2: is not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence that starts on line 1); check the indentation and quotes here"}},
		{"not text", "slack: \xff\xfe", []string{" is not valid YAML: invalid leading UTF-8 octet (value: 255); check the indentation and quotes here"}},
		{"no target", example[:uat], []string{"41: environments: has no target: add refresh to the environment that is to be refreshed"}},
		{"no environments", example[:environments] + "environments: {}\n", []string{"41: environments: is empty: add the environments, at least a source and a target"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuses(t, c.text, c.want)
		})
	}
}

func TestAllProblemsAreReportedAtOnceInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	refuses(t, edit(t, example,
		"{env: SLACK_BOT_TOKEN} ", "xoxb-hush ",
		"{env: FINOPS_CLIENT_SECRET}", "{env: NOT_SET}",
		"time_zone: Europe/Copenhagen", "zone: Europe/Copenhagen",
		"from: prod", "from: uat",
		"port: 587", "port: 0",
		"restore: true", "restore: true\n        restore: false",
	), []string{
		"4: slack.bot_token: must be a reference, {env: NAME} or {file: PATH}: what is secret never stands in this file itself",
		"25: finops.client_secret: the environment variable NOT_SET is not set: set it before starting",
		"37: zone: unknown key; known here: slack, entra, lcs, finops, tls, store, http, time_zone, admins, reminders, quiet_hours, texts, blackouts, environments",
		"51: environments.uat.refresh.from: uat cannot be refreshed from itself: name the environment whose data it is to receive",
		"68: environments.uat.refresh.reconfigure[1].email.port: must be at least 1, not 0",
		"87: environments.uat.refresh.users.restore: is written twice, first on line 86: remove one of the two",
	})
}
