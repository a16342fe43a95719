package commands_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"refreshbot/commands"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

// installation finds as many failures as it is told.
type installation struct {
	asked  []string
	failed int
	err    error
	why    string
}

func (i *installation) Check(_ context.Context, target string) (string, int, error) {
	i.asked = append(i.asked, target)
	return "ok  Slack  bot token\n", i.failed, i.err
}

func (i *installation) Config() (string, string, error) {
	return "slack:\n  channel: C0\n", i.why, i.err
}

func (i *installation) SignIn(context.Context) (commands.SignIn, error) {
	return commands.SignIn{Account: "refresh-svc@contoso.com", Code: "ABC", Page: "https://microsoft.com/devicelogin", Expires: time.Now().Add(15 * time.Minute),
		Finish: func(context.Context) (time.Time, error) { return time.Date(2027, 2, 20, 0, 0, 0, 0, time.UTC), i.err }}, nil
}

func (i *installation) Backup(context.Context) (commands.Backup, error) {
	return commands.Backup{File: "/backups/refreshbot-1.db", Size: 32768, Refreshes: 7, Open: 2}, i.err
}

func adminService(t *testing.T, i *installation) *commands.Service {
	t.Helper()
	record := storetest.NewMemory()
	o := options(engine.New(engine.Options{Store: record}), record, newDirectory())
	o.Installation = i
	s, err := commands.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAdminsTryTheCredentials(t *testing.T) {
	t.Parallel()
	i := &installation{}
	s := adminService(t, i)
	rep := s.Slash(t.Context(), line(admin, "check UAT"))
	if rep.Refused || rep.Later == nil || !strings.Contains(rep.Text, "a refresh of uat needs") || len(i.asked) != 0 {
		t.Fatalf("at first: %+v, tried %v", rep, i.asked)
	}
	if rest := rep.Later(t.Context()); rest.Refused || rest.Listing == "" || len(i.asked) != 1 || i.asked[0] != "uat" {
		t.Errorf("then: %+v, tried %v", rest, i.asked)
	}
	i.failed = 2
	if rest := s.Slash(t.Context(), line(admin, "check")).Later(t.Context()); !rest.Refused || rest.Listing == "" || i.asked[1] != "" {
		t.Errorf("with failures: %+v, tried %v", rest, i.asked)
	}
	i.err = errors.New("the disk is gone")
	if rest := s.Slash(t.Context(), line(admin, "check")).Later(t.Context()); !rest.Refused || rest.Listing != "" {
		t.Errorf("with an error: %+v", rest)
	}
}

func TestAnAdminSignsTheAccountIn(t *testing.T) {
	t.Parallel()
	i := &installation{}
	code := adminService(t, i).Slash(t.Context(), line(admin, "sign-in")).Later(t.Context())
	for _, want := range []string{"https://microsoft.com/devicelogin", "ABC", "refresh-svc@contoso.com"} {
		if !strings.Contains(code.Text, want) {
			t.Errorf("not told: %s\n%s", want, code.Text)
		}
	}
	if !strings.Contains(code.Hint, "15 minutes") {
		t.Error(code.Hint)
	}
	if done := code.Later(t.Context()); done.Refused || done.Later != nil || !strings.Contains(done.Hint, "20 February 2027") {
		t.Errorf("%+v", done)
	}
	i.err = errors.New("declined")
	if done := code.Later(t.Context()); !done.Refused {
		t.Errorf("with an error: %+v", done)
	}
}

func TestTheConfigurationInUse(t *testing.T) {
	t.Parallel()
	i := &installation{}
	s := adminService(t, i)
	if rep := s.Slash(t.Context(), line(admin, "config")); rep.Refused || !strings.Contains(rep.Listing, "channel: C0") {
		t.Errorf("%+v", rep)
	}
	i.why = "refreshbot.yml:7: admins: must be a user"
	if rep := s.Slash(t.Context(), line(admin, "config")); rep.Refused || !strings.Contains(rep.Text, i.why) || !strings.Contains(rep.Listing, "channel: C0") {
		t.Errorf("with a refused one: %+v", rep)
	}
}

func TestAdminsTakeABackup(t *testing.T) {
	t.Parallel()
	i := &installation{}
	s := adminService(t, i)
	rep := s.Slash(t.Context(), line(admin, "backup"))
	if rep.Refused || rep.Later == nil {
		t.Fatalf("at first: %+v", rep)
	}
	if rest := rep.Later(t.Context()); rest.Refused || rest.Text != "Backup taken and checked: /backups/refreshbot-1.db, 32 kB, 7 refreshes, 2 of them under way." {
		t.Errorf("then: %+v", rest)
	}
	i.err = refresh.Errorf(refresh.Invalid, "The configuration has no store.backup.")
	if rest := rep.Later(t.Context()); !rest.Refused || !strings.Contains(rest.Text, "no store.backup") {
		t.Errorf("without a directory: %+v", rest)
	}
}

func TestOnlyAdminsAskAboutTheInstallation(t *testing.T) {
	t.Parallel()
	i := &installation{}
	s := adminService(t, i)
	for _, text := range []string{"check", "check uat", "config", "sign-in", "backup"} {
		if rep := s.Slash(t.Context(), line(anna, text)); !rep.Refused || rep.Later != nil || rep.Listing != "" || !strings.Contains(rep.Text, "Only admins may") {
			t.Errorf("%s: %+v", text, rep)
		}
	}
	for text, want := range map[string]string{"check prod": "only a source", "check uta": `no environment "uta"`, "check uat now": "not understand", "config uat": "not understand", "sign-in now": "not understand", "backup now": "not understand"} {
		if rep := s.Slash(t.Context(), line(admin, text)); !rep.Refused || rep.Later != nil || !strings.Contains(rep.Text, want) {
			t.Errorf("%s: %+v", text, rep)
		}
	}
	s.Admins = nil
	if rep := s.Slash(t.Context(), line(admin, "config")); !rep.Refused || !strings.Contains(rep.Text, "names none") {
		t.Errorf("without admins: %+v", rep)
	}
}
