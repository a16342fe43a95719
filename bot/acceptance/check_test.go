package acceptance

import (
	"strings"
	"testing"

	"refreshbot/jobs/cloudsim"
)

func TestCheckPassesWhenARefreshCouldRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	r := w.run("check", "--config", w.file)
	if r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
	if strings.Contains(r.stdout, "FAIL") {
		t.Errorf("something failed:\n%s", r.stdout)
	}
	for _, row := range []string{"bot token", "app token", "scopes", "channel " + channel, "user group " + release, "LCS user", "F&O app for prod",
		"F&O app for uat", "Sign-in to prod", "Sign-in to uat", "Same application release", "LCS accepts a refresh", "passed: a refresh could run"} {
		if !strings.Contains(r.stdout, row) {
			t.Errorf("the table has no %q:\n%s", row, r.stdout)
		}
	}
	if w.cloud.Starts("uat") != 0 || len(w.cloud.Snapshot("uat").Broadcasts) > 0 || len(w.slack.Messages(channel)) > 0 {
		t.Error("checking has changed something")
	}
}

func TestCheckSaysWhetherTheCompanionServiceIsThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(w *world)
		code  int
		words []string
	}{
		"installed":     {func(w *world) { w.cloud.InstallCompanion("uat", true) }, 0, []string{"ok", "installed, version 1."}},
		"not installed": {func(*world) {}, 0, []string{"ok", "not installed", "the SMTP password, the entity store and LCS Help are manual items", "jobs/finops/xpp/README.md"}},
		"does not work": {func(w *world) {
			w.cloud.InstallCompanion("uat", true)
			w.cloud.Fail("uat", "Refreshbot/status", cloudsim.Fault{Status: 500, Body: `{"Message":"This is not a sandbox.","ExceptionType":"X"}`, Times: -1})
		}, 1, []string{"FAIL", "This is not a sandbox"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{})
			c.spoil(w)
			r := w.run("check", "--config", w.file)
			if r.code != c.code {
				t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
			}
			for line := range strings.Lines(r.stdout) {
				if strings.Contains(line, "Companion service") {
					says(t, "whoever checks", line, c.words...)
					return
				}
			}
			t.Errorf("the table has no row for it:\n%s", r.stdout)
		})
	}
}

func TestCheckFailsWithTheRowAndWhatToDo(t *testing.T) {
	t.Parallel()
	const nowhere = "99999999-0000-4000-8000-000000000000"
	for name, c := range map[string]struct {
		spoil func(w *world)
		row   string
		words []string
	}{
		"MFA required":       {func(w *world) { w.cloud.RequireMFA(true) }, "LCS user", []string{"multi-factor authentication", "use an account without"}},
		"wrong LCS password": {func(w *world) { w.write("lcs-password", "not-the-password") }, "LCS user", []string{"lcs.password"}},
		"wrong F&O secret":   {func(w *world) { w.write("finops-secret", "not-the-secret") }, "F&O app for uat", []string{"client_secret"}},
		"LCS user without a role": {func(w *world) { w.cloud.SetProjectRole(w.cloud.LCSUser(), "") }, "Target uat in LCS",
			[]string{"Project owner or Environment manager"}},
		"unknown LCS environment": {func(w *world) { w.configure(edit{w.cloud.LCSID("uat"), nowhere}) }, "Target uat in LCS", []string{nowhere}},
		"other release":           {func(w *world) { w.cloud.Mutate("uat", func(e *cloudsim.Environment) { e.Release = "10.0.44" }) }, "Same application release", []string{"10.0.43", "10.0.44"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{})
			c.spoil(w)
			r := w.run("check", "--config", w.file)
			w.judgeRefusal(r, "the table says what to do")
			for line := range strings.Lines(r.stdout) {
				if strings.Contains(line, c.row) {
					says(t, "whoever checks", line, append(c.words, "FAIL")...)
					return
				}
			}
			t.Errorf("the table has no row %q:\n%s", c.row, r.stdout)
		})
	}
}
