package config

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsShownMeansTheSame(t *testing.T) {
	t.Parallel()
	file, write := written(t)
	write("refreshbot.yml", strings.NewReplacer(", count: 1", "", "downtime: 4h}",
		`downtime: 4h, open: {by: [U0ANNA]}, schedule: {cron: "@weekly"}}`).Replace(small("30m"))+"store: {backup: {dir: b}}\n")
	first, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := first.Show()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Parse(file, []byte(shown), os.LookupEnv, os.ReadFile, canRead)
	if err != nil {
		t.Fatalf("what is shown is no configuration: %v\n%s", err, shown)
	}
	if diff := cmp.Diff(first, second, comparers()...); diff != "" {
		t.Errorf("what is shown means something else:\n%s", diff)
	}
	for _, want := range []string{"settle: 2m # default", "channel: C0REFRESH # default", "poll: 1m # default", "file: lcs", "notice: 30m\n",
		"keep: 48 # default", "expires: 24h # default", "count: 1 # default", "missed: skip # default", "ask: 4h # default", "blackout: skip # default"} {
		if !strings.Contains(shown, want) {
			t.Errorf("not shown: %s", want)
		}
	}
	for _, secret := range []string{"xoxb-1", "xapp-1", "pw\n"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if t.Failed() {
		t.Log(shown)
	}
}

func TestAValueThatLooksLikeASecretIsNotShown(t *testing.T) {
	t.Parallel()
	file, write := written(t)
	write("refreshbot.yml", strings.Replace(small("1h"), "downtime: 4h", `downtime: 4h, reconfigure: [{odata: {name: Mail, entity: SysEmailParameters, key: {ID: 0}, set: {Password: "hunter2 # not a comment", Server: mail}}}]`, 1))
	cfg, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := cfg.Show()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "***") || !strings.Contains(shown, "Server: mail") {
		t.Error(shown)
	}
}
