package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// written is a folder with the example configuration and its secrets as files.
func written(t *testing.T) (file string, write func(name, text string)) {
	t.Helper()
	dir := t.TempDir()
	write = func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, secret := range map[string]string{"bot": "xoxb-1", "app": "xapp-1", "lcs": "pw", "finops": "secret"} {
		write(name, secret)
	}
	write("refreshbot.yml", small("30m"))
	return filepath.Join(dir, "refreshbot.yml"), write
}

func small(notice string) string {
	return strings.NewReplacer("NOTICE", notice).Replace(`slack: {bot_token: {file: bot}, app_token: {file: app}, channel: C0REFRESH}
entra: {tenant: 6f0c1d2e-1111-4222-8333-444455556666}
lcs: {project: 1, client_id: 0a0a0a0a-1111-4222-8333-444455556666, username: a@contoso.com, password: {file: lcs}}
finops: {client_id: 0b0b0b0b-1111-4222-8333-444455556666, client_secret: {file: finops}}
admins: [U0ADMIN]
environments:
  prod: {url: "https://contoso.operations.dynamics.com", lcs_environment: 3d6c5b4a-1111-4222-8333-444455556666, production: true}
  uat:
    url: https://contoso-uat.sandbox.operations.dynamics.com
    lcs_environment: 4e7d6c5b-1111-4222-8333-444455556666
    refresh: {from: prod, approve: {by: [S0RELEASE], count: 1}, sign_off: {by: [S0RELEASE], count: 1}, notice: NOTICE, downtime: 4h}
`)
}

func TestAChangedConfigurationIsTakenUpAndABrokenOneRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file, write := written(t)
		cfg, w, err := Watch(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := cfg.Targets()[0].Refresh.Notice.String(); n != "30m0s" {
			t.Fatalf("notice %s", n)
		}
		ctx, stop := context.WithCancel(t.Context())
		var refusals []error
		var veto error
		found := make(chan *Config)
		next := func() {
			found <- w.Next(ctx, nil, func(*Config) error { return veto }, func(err error) { refusals = append(refusals, err) })
		}
		refused := func(want string) {
			t.Helper()
			for range 3 { // it is told once, however often the same file is looked at
				<-afterLook()
				synctest.Wait()
			}
			if why := w.Refused(); len(refusals) != 1 || !strings.Contains(refusals[0].Error(), want) || why == nil {
				t.Fatalf("refused: %v, and %v; want one with %q", refusals, why, want)
			}
			refusals = nil
		}

		go next()
		write("refreshbot.yml", strings.ReplaceAll(small("1h"), "count: 1", "cuont: 1"))
		refused("cuont")
		write("refreshbot.yml", small("30m")) // as it was
		<-afterLook()
		<-afterLook()
		synctest.Wait()
		if why := w.Refused(); why != nil {
			t.Errorf("still refused after the file was put back: %v", why)
		}
		veto = errors.New("the bot is not in that channel")
		write("refreshbot.yml", small("1h"))
		refused("not in that channel")
		veto = nil
		write("refreshbot.yml", small("2h"))
		if n := (<-found).Targets()[0].Refresh.Notice.String(); n != "2h0m0s" {
			t.Errorf("the new notice is %s", n)
		}

		go next()
		write("bot", "xoxb-2") // a secret that the file refers to
		if got := (<-found).Slack.BotToken.Reveal(); got != "xoxb-2" {
			t.Errorf("the new token is %s", got)
		}

		go next()
		stop()
		if cfg := <-found; cfg != nil {
			t.Error("a configuration although nothing is watched any more")
		}
	})
}

func TestASignalHasTheFileReadAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file, write := written(t)
		_, w, err := Watch(file)
		if err != nil {
			t.Fatal(err)
		}
		hup := make(chan os.Signal, 1)
		write("refreshbot.yml", small("45m"))
		hup <- os.Interrupt
		cfg := w.Next(t.Context(), hup, func(*Config) error { return nil }, func(err error) { t.Error(err) })
		if n := cfg.Targets()[0].Refresh.Notice.String(); n != "45m0s" {
			t.Errorf("notice %s", n)
		}
	})
}

func TestAListOrPackageWithNewContentIsNoNewConfigurationAndOneThatIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file, write := written(t)
		named := func(notice string) string {
			return strings.ReplaceAll(small(notice), "downtime: 4h}", `downtime: 4h, users: {files: [trainees.csv]},
      reconfigure: [{package: {name: P, file: config.zip, definition_group: G, legal_entity: usmf}}]}`)
		}
		write("refreshbot.yml", named("30m"))
		write("trainees.csv", "ANNA")
		write("config.zip", "")
		_, w, err := Watch(file)
		if err != nil {
			t.Fatal(err)
		}
		refusals := make(chan error)
		found := make(chan *Config)
		go func() {
			found <- w.Next(t.Context(), nil, func(*Config) error { return nil }, func(err error) { refusals <- err })
		}()
		write("trainees.csv", "ANNA\nBENT")
		write("config.zip", "a package")
		<-time.After(3 * look)
		synctest.Wait()
		select {
		case <-found:
			t.Error("a new configuration, although only a list and a package are new")
		case err := <-refusals:
			t.Errorf("refused: %v", err)
		default:
		}

		if err := os.Remove(filepath.Join(filepath.Dir(file), "config.zip")); err != nil {
			t.Fatal(err)
		}
		if err := <-refusals; !strings.Contains(err.Error(), "package.file: the file named here cannot be read") {
			t.Errorf("refused: %v", err)
		}
		if err := os.Mkdir(filepath.Join(filepath.Dir(file), "config.zip"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := <-refusals; !strings.Contains(err.Error(), "package.file: the file named here cannot be read") {
			t.Errorf("refused: %v", err)
		}
		write("refreshbot.yml", small("1h"))
		<-found
	})
}

func afterLook() <-chan time.Time { return time.After(look) }
