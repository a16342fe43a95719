package acceptance

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
	"refreshbot/store/bolt"
)

// ran is what came of one run of the binary to its end.
type ran struct {
	code           int
	stdout, stderr string
}

func (w *world) run(args ...string) ran {
	w.t.Helper()
	var out, diag bytes.Buffer
	cmd := exec.CommandContext(w.ctx, binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	if cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), diag.String()}
}

// judgeRefusal wants one sentence that says what to do, and nothing that belongs to programmers or to nobody.
func (w *world) judgeRefusal(r ran, words ...string) {
	w.t.Helper()
	if r.code != 1 {
		w.t.Errorf("exit code %d, not 1", r.code)
	}
	text := strings.TrimSpace(r.stderr)
	if strings.Contains(text, "\n") {
		w.t.Errorf("more than one line:\n%s", text)
	}
	says(w.t, "whoever starts it", text, append(words, "refreshbot: ")...)
	for _, never := range []string{"goroutine ", "panic", ".go:", w.slack.BotToken(), w.slack.AppToken(), w.cloud.LCSPassword(), w.cloud.AppSecret()} {
		if strings.Contains(r.stdout+r.stderr, never) {
			w.t.Errorf("%q is shown:\n%s%s", never, r.stdout, r.stderr)
		}
	}
}

const keptSpace, keptKey = "acceptance", "kept"

// keep makes a store with something in it; kept wants it still to be there.
func (w *world) keep() {
	w.t.Helper()
	store := w.opened()
	defer func() { _ = store.Close() }()
	if err := store.PutRecord(w.ctx, keptSpace, keptKey, []byte("yes")); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) kept() {
	w.t.Helper()
	ctx := context.WithoutCancel(w.ctx)
	store, err := bolt.Open(ctx, w.storePath(), bolt.Options{})
	if err != nil {
		w.t.Fatalf("the store cannot be opened afterwards: %v", err)
	}
	defer func() { _ = store.Close() }()
	if err := store.Check(ctx); err != nil {
		w.t.Errorf("the store is damaged: %v", err)
	}
	if v, ok, err := store.Record(ctx, keptSpace, keptKey); err != nil || !ok || string(v) != "yes" {
		w.t.Errorf("what the store held is lost: %q %v %v", v, ok, err)
	}
}

func TestBadInputConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.keep()
	before, err := os.ReadFile(w.storePath())
	if err != nil {
		t.Fatal(err)
	}
	at := func(key string) string { return "refreshbot.yml:" + "|" + key }
	for name, c := range map[string]struct {
		edit  edit
		words []string
	}{
		"unknown key":        {edit{"time_zone:", "timezone:"}, []string{at("timezone"), "did you mean time_zone?"}},
		"duplicate key":      {edit{"downtime: 1h", "downtime: 1h\n      downtime: 2h"}, []string{at("downtime"), "remove one of the two"}},
		"missing secret":     {edit{"{file: lcs-password}", "{env: REFRESHBOT_ACCEPTANCE_NOT_SET}"}, []string{at("lcs.password"), "set it before starting"}},
		"missing file":       {edit{"{file: lcs-password}", "{file: nowhere}"}, []string{at("lcs.password"), "cannot be read"}},
		"plain-text secret":  {edit{"{file: slack-bot-token}", w.slack.BotToken()}, []string{at("slack.bot_token"), "must be a reference"}},
		"production target":  {edit{"    refresh:\n", "    production: true\n    refresh:\n"}, []string{at("environments.uat"), "production"}},
		"refresh of itself":  {edit{"from: prod", "from: uat"}, []string{at("environments.uat.refresh.from"), "itself"}},
		"swapped secrets":    {edit{"{file: slack-bot-token}", "{file: lcs-password}"}, []string{at("slack.bot_token"), "xoxb-"}},
		"impossible address": {edit{"addr: 127.0.0.1:0", "addr: nowhere"}, []string{at("http.addr")}},
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			v.configure(c.edit)
			for _, command := range []string{"run", "check"} {
				r := v.run(command, "--config", v.file)
				v.judgeRefusal(r, c.words[1:]...)
				file, key, _ := strings.Cut(c.words[0], "|")
				says(t, "whoever starts it", r.stderr, file, key)
			}
		})
	}
	t.Run("absent file", func(t *testing.T) {
		v := *w
		v.t = t
		v.judgeRefusal(v.run("run", "--config", filepath.Join(w.dir, "nowhere.yml")), "nowhere.yml", "check the path")
	})
	t.Run("a folder in place of the file", func(t *testing.T) {
		v := *w
		v.t = t
		v.judgeRefusal(v.run("run", "--config", w.dir), "check the path")
	})
	after, err := os.ReadFile(w.storePath())
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the store was touched: %v", err)
	}
}

func TestBadInputCommandLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	for name, c := range map[string]struct {
		args []string
		word string
	}{
		"no command":       {nil, "refreshbot check"},
		"unknown command":  {[]string{"refersh"}, `no command "refersh"`},
		"unknown flag":     {[]string{"run", "--colour", "blue"}, "-colour"},
		"surplus argument": {[]string{"check", "--config", w.file, "uat"}, `"uat" is too much`},
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			r := v.run(c.args...)
			if r.code != 2 {
				t.Errorf("exit code %d, not 2", r.code)
			}
			says(t, "whoever starts it", r.stderr, c.word)
			if strings.Contains(r.stderr, "goroutine ") || r.stdout != "" {
				t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
			}
		})
	}
}

func TestBadInputSlack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(w *world)
		words []string
	}{
		"wrong bot token": {func(w *world) { w.write("slack-bot-token", "xoxb-of-another-app") }, []string{"bot token", "copy it again"}},
		"wrong app token": {func(w *world) { w.write("slack-app-token", "xapp-of-another-app") }, []string{"app token", "copy it again"}},
		"missing scope": {func(w *world) {
			w.slack.SetScopes(slices.DeleteFunc(slacksim.DefaultScopes(), func(s string) bool { return s == "channels:history" }))
		}, []string{"channels:history", "manifest.yml"}},
		"bot not in the channel": {func(w *world) { w.slack.SetMember(channel, false) }, []string{"#uat-refresh", "/invite @refreshbot"}},
		"archived channel":       {func(w *world) { w.slack.SetArchived(channel, true) }, []string{"#uat-refresh", "archived"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{})
			w.keep()
			c.spoil(w)
			w.judgeRefusal(w.run("run", "--config", w.file), c.words...)
			w.kept()
			if r := w.run("check", "--config", w.file); r.code != 1 || !strings.Contains(r.stdout, "FAIL") {
				t.Errorf("check ends with %d:\n%s", r.code, r.stdout)
			} else {
				says(t, "whoever checks", r.stdout, c.words...)
			}
		})
	}
}

func TestBadInputPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.keep()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	garbage := []byte(strings.Repeat("this is not a store\n", 4000))
	w.write("garbage.db", string(garbage))
	for name, c := range map[string]struct {
		edit  edit
		words []string
	}{
		"http.addr in use":          {edit{"addr: 127.0.0.1:0", "addr: " + taken.Addr().String()}, []string{"http.addr", "choose another address"}},
		"store in a missing folder": {edit{"path: refreshbot.db", "path: nowhere/refreshbot.db"}, []string{"nowhere"}},
		"garbage in the store":      {edit{"path: refreshbot.db", "path: garbage.db"}, []string{"garbage.db"}},
		"a folder for a store":      {edit{"path: refreshbot.db", "path: ."}, []string{filepath.Base(w.dir)}},
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			v.configure(c.edit)
			v.judgeRefusal(v.run("run", "--config", v.file), c.words...)
		})
	}
	if after, err := os.ReadFile(filepath.Join(w.dir, "garbage.db")); err != nil || !bytes.Equal(after, garbage) {
		t.Errorf("the damaged store was changed: %v", err)
	}
	w.kept()
}

func TestBadInputSecondProcessOnTheSameStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.judgeRefusal(w.run("run", "--config", w.file), "refreshbot.db", "Another process", "store.path")
	says(t, "a requester", w.slash(rita, "/refresh status"), "uat")
	w.reject(anna, "uat is in use")
	w.waitClosed()
	w.judge("rejected")
}

func TestBadInputInSlackIsAnsweredToThatPersonAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, edit{"from: prod\n", "from: prod\n      requesters: [" + rita + "]\n"})
	w.start()
	for line, words := range map[string][]string{
		"/refresh uta":           {`"uta"`, "/refresh uat"},
		"/refresh prod":          {"prod is only a source"},
		"/refresh uat at 9":      {"at 9", "/refresh uat for"},
		"/refresh cancel uat":    {"nothing to cancel"},
		"/refresh cancel":        {"Which environment?"},
		"/refresh uat because":   {"because"},
		"/refresh <script>&nbsp": {"/refresh help"},
	} {
		says(t, "rita after "+line, w.slash(rita, line), words...)
	}
	says(t, "sam", w.slash(sam, "/refresh uat"), "not among those who may ask")
	if cards, thread := w.posts(); len(cards)+len(thread) > 0 {
		t.Errorf("the channel has %d cards and %d messages about refused commands", len(cards), len(thread))
	}
}

func TestBadInputAppNotRegisteredInTheSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.RemoveApp("prod", w.cloud.AppID())
	r := w.run("check", "--config", w.file)
	if r.code != 1 {
		t.Errorf("check ends with %d", r.code)
	}
	says(t, "whoever checks", r.stdout, "FAIL", "Sign-in to prod", "Microsoft Entra applications")

	w.start()
	w.ask()
	w.until("the card names the failing check", func() bool { return w.cardSays("Sign-in to prod") && w.cardSays("Check again") })
	says(t, "the channel", w.card().Plain(), "Microsoft Entra applications")
	if _, ok := w.offered("approve"); ok {
		t.Error("it can be approved although it cannot be done")
	}
	w.cloud.AddApp("prod", w.cloud.AppID(), "DBMovementAPI")
	w.press(rita, "retry")
	w.finish()
	w.judge("done")
}

func TestWhatIsNotConfiguredSaysWhatWouldBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.heard("/refresh backup", "The configuration has no store.backup", "store: {backup: {dir:")
	w.heard("/refresh sign-in", "lcs.password, so there is nothing to do", "lcs.token_key")
}
