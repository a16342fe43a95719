package acceptance

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

// withBackups has the bot keep backups; none is due again while a test runs.
var withBackups = edit{"  path: refreshbot.db", "  path: refreshbot.db\n  backup: {dir: backups, every: 9h, keep: 5}"}

// answered waits until somebody alone is told something with these words, after what they were told before.
func (w *world) answered(who string, before int, words string) (said string) {
	w.t.Helper()
	w.until(who+" is told: "+words, func() bool {
		for _, m := range w.slack.Ephemerals(who)[before:] {
			if said = m.Plain(); strings.Contains(said, words) {
				return true
			}
		}
		return false
	})
	return said
}

// backup has an admin take one, and returns its file.
func (w *world) backup() string {
	w.t.Helper()
	told := len(w.slack.Ephemerals(ben))
	if said := w.slash(ben, "/refresh backup"); !strings.Contains(said, "Taking a backup") {
		w.t.Fatalf("/refresh backup: %s", said)
	}
	said := w.answered(ben, told, "Backup")
	_, file, ok := strings.Cut(said, "Backup taken and checked: ")
	file, _, _ = strings.Cut(file, ", ")
	if !ok || !strings.Contains(said, "1 refresh, 1 of them under way") {
		w.t.Fatalf("the backup: %s", said)
	}
	return file
}

// page returns what the bot's own listener says.
func (w *world) page(path string) string {
	w.t.Helper()
	addr := ""
	lines, _ := w.bot.stderr()
	for _, l := range lines {
		var entry struct{ Msg, HTTP string }
		if json.Unmarshal([]byte(l), &entry) == nil && entry.Msg == "ready" {
			addr = entry.HTTP
		}
	}
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// restore puts a backup back while the bot is stopped.
func (w *world) restore(args ...string) ran {
	w.t.Helper()
	r := w.run(append([]string{"restore", "--config", w.file}, args...)...)
	if r.code != 0 {
		w.t.Fatalf("restore: %d %s%s", r.code, r.stdout, r.stderr)
	}
	return r
}

func (w *world) asksAfterRestore() {
	w.t.Helper()
	w.until("the card asks what became of the copy", func() bool {
		_, ok := w.offered("start_again")
		return ok && w.cardSays("Was the copy started after the backup of")
	})
}

// The promise: a backup from before the copy knows nothing of it. Restored after the copy, it never leads to a second
// one: not when the bot starts, not by an old button, and not when somebody says by mistake that it was not started.
func TestRestoreNeverLeadsToASecondCopy(t *testing.T) {
	t.Parallel()
	for name, past := range map[string][]string{
		"before the approval": nil,
		"in the notice":       {"approve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{}, longNotice, withBackups)
			w.start()
			w.ask()
			rest := []string{"approve", "start_now"}
			for _, action := range past {
				w.press(anna, action)
				rest = rest[1:]
			}
			w.until("the card offers "+rest[0], func() bool { _, ok := w.offered(rest[0]); return ok })
			stale, _ := w.offered(rest[0])
			card := w.card().TS
			w.backup()
			for _, action := range rest {
				w.press(anna, action)
			}
			w.until("the copy has ended", func() bool { _, ok := w.offered("sign_off"); return ok })
			w.kill()

			said := w.restore()
			says(t, "whoever restores", said.stdout, "Restored "+w.storePath(), "The replaced file is kept as ", "Lost: the last ", "Under way then: uat-", "a person has to say on the card")
			w.used = map[string]bool{}
			w.start()
			w.asksAfterRestore()
			told := len(w.slack.Ephemerals(anna))
			if ack, err := w.slack.ClickRaw(w.ctx, anna, channel, card, map[string]any{"action_id": stale.ActionID, "block_id": stale.BlockID, "value": stale.Value}); err != nil || !ack.OK {
				t.Fatalf("the old button: %v %s", err, ack.Error)
			}
			w.answered(anna, told, "comes from a backup")
			w.press(anna, "start_again")
			w.asksAfterRestore()
			if n := w.cloud.Starts("uat"); n != 1 {
				t.Fatalf("%d copies were started", n)
			}
			w.press(ben, "adopt")
			w.finish()
			w.stop()
			r, _ := w.record()
			if r.Status != refresh.Done || !r.Copy.Adopted {
				t.Errorf("it ended %s, adopted %v", r.Status, r.Copy.Adopted)
			}
			w.judgeRefreshed()
		})
	}
}

// What had not happened when the backup was taken, and has not since, goes on where it was.
func TestRestoreGoesOnWhereNothingWasStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, withBackups)
	w.start()
	w.ask()
	w.until("the card offers approve", func() bool { _, ok := w.offered("approve"); return ok })
	file := w.backup()
	if r := w.run("restore", "--config", w.file); r.code != 1 || !strings.Contains(r.stderr, "Another process has "+w.storePath()+" open") {
		t.Errorf("restore while the bot runs: %d %s", r.code, r.stderr)
	}
	w.kill()
	if err := os.WriteFile(w.storePath(), []byte("not a store any more"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.judgeRefusal(w.run("run", "--config", w.file), "damaged", "Restore it from a backup", "Nothing was changed")
	w.restore("--from", file)
	private(t, w.storePath())
	w.start()
	w.asksAfterRestore()
	w.press(anna, "start_again")
	w.finish()
	w.stop()
	// What the thread was told after the backup it is told again: the record of it is gone.
	if r, _ := w.record(); r.Status != refresh.Done || r.Copy.Adopted {
		t.Errorf("it ended %s, adopted %v, though nothing was there", r.Status, r.Copy.Adopted)
	}
	w.judgeRefreshed()
}

func private(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("%s has mode %v", path, info.Mode())
	}
}

func TestBackupsAreTakenWhileTheBotRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, edit{"  path: refreshbot.db", "  path: refreshbot.db\n  backup: {dir: backups, every: 300ms, keep: 2}"})
	w.start()
	w.ask()
	backups := func() (n int) {
		lines, _ := w.bot.stderr()
		for _, l := range lines {
			n += strings.Count(l, `"msg":"backup taken"`)
		}
		return n
	}
	w.finish()
	enough := backups() + 3
	w.until("three more were taken", func() bool { return backups() >= enough })
	if told := w.slash(sam, "/refresh backup"); !strings.Contains(told, "Only admins may") {
		t.Errorf("a bystander is told: %s", told)
	}
	w.judge(refresh.Done)
	files, err := filepath.Glob(filepath.Join(w.dir, "backups", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		private(t, f)
		if r := w.run("verify", "--file", f); r.code != 0 || !strings.Contains(r.stdout, "Sound: 1 refreshes") {
			t.Errorf("verify: %d %s%s", r.code, r.stdout, r.stderr)
		}
	}
}

// A backup that cannot be taken is told to the admins once, shown on the health pages, and stops nothing.
func TestABackupThatFailsIsToldAndStopsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, edit{"  path: refreshbot.db", "  path: refreshbot.db\n  backup: {dir: backups, every: 200ms, keep: 2}"})
	blocked := w.write("backups", "a file stands where the directory belongs")
	w.start()
	heard := func(words string) bool {
		for _, m := range w.slack.Messages(w.slack.DM(ben)) {
			if strings.Contains(m.Plain(), words) {
				return true
			}
		}
		return false
	}
	w.until("the admin hears of it", func() bool { return heard("cannot be backed up. The directory") })
	if page := w.page("/readyz"); !strings.Contains(page, `"ready":true`) || !strings.Contains(page, `"backup":"The directory`) {
		t.Errorf("readyz: %s", page)
	}
	if page := w.page("/metrics"); strings.Contains(page, `refreshbot_backups_total{result="failed"} 0`) {
		t.Error("no failure is counted")
	}
	w.ask()
	w.finish()
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	w.until("the admin hears that it works", func() bool { return heard("is backed up again") })
	w.judge(refresh.Done)
}

// One refresh that cannot be read is left alone and named, on the health page, in the log and to whoever clicks. Another
// one goes its way beside it, and the target can be given free.
func TestARefreshThatCannotBeReadIsLeftAloneAndReleased(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*world)
		whole string // what stands about it, before and after its name
		rest  string
		told  string
		line  string // what verify begins its line with
		end   string // what verify ends with
	}{
		"damaged":            {(*world).damage, "The journal and the row of ", " do not agree", "do not agree, so it is left alone", "DAMAGED   ", "the store is not sound"},
		"of another version": {(*world).dance, "", " was written by another version of refreshbot", "Start the version that wrote it, and it goes on.", "UNCHECKED ", "1 of 1 refreshes could not be checked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{Environments: withTargets(2)})
			w.configure(w.others(2))
			w.start()
			w.ask()
			w.until("the card offers approve", func() bool { _, ok := w.offered("approve"); return ok })
			button, _ := w.offered("approve")
			card := w.card().TS
			w.stop()
			r, _ := w.record()
			id := string(r.ID)
			c.spoil(w)
			says := c.whole + id + c.rest
			if r := w.run("verify", "--config", w.file); r.code != 1 || !strings.Contains(r.stdout, c.line+id+": "+says) || strings.Count(r.stdout, id) != 2 || !strings.Contains(r.stderr, c.end) {
				t.Errorf("verify: %d %s%s", r.code, r.stdout, r.stderr)
			}
			if r := w.run("export", "--config", w.file); r.code != 1 || !strings.Contains(r.stdout, `"error":"`+says) {
				t.Errorf("export: %d %s%s", r.code, r.stdout, r.stderr)
			}

			w.start()
			if page := w.page("/readyz"); !strings.Contains(page, `"left_alone":["`+says) || !strings.Contains(page, `"ready":true`) {
				t.Errorf("readyz: %s", page)
			}
			warned := func() (n int) {
				for _, m := range w.slack.Messages(w.slack.DM(ben)) {
					if strings.Contains(m.Plain(), "A refresh is left alone") && strings.Contains(m.Plain(), says) {
						n++
					}
				}
				return n
			}
			w.until("the admin is told", func() bool { return warned() > 0 })
			lines, _ := w.bot.stderr()
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "left alone") && strings.Contains(l, says) }) {
				t.Error("the log does not name it")
			}
			told := len(w.slack.Ephemerals(anna))
			if ack, err := w.slack.ClickRaw(w.ctx, anna, channel, card, map[string]any{"action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value}); err != nil || !ack.OK {
				t.Fatal(err, ack.Error)
			}
			w.answered(anna, told, c.told)
			if told := w.slash(rita, "/refresh uat now"); !strings.Contains(told, "being refreshed already") {
				t.Errorf("asking anew: %s", told)
			}
			w.stop()
			w.start()
			w.beside()
			w.stop()
			if n := warned(); n != 1 {
				t.Errorf("the admin is told %d times", n)
			}

			w.judgeRefusal(w.run("release", "--config", w.file, id), "nothing was released", "Lifecycle Services", "--yes")
			w.judgeRefusal(w.run("release", "--config", w.file, "--yes", "uat-nobody"), "no refresh uat-nobody")
			if r := w.run("release", "--config", w.file, "--yes", id); r.code != 0 || !strings.Contains(r.stdout, "Released "+id) || !strings.Contains(r.stdout, "name:uat") {
				t.Fatalf("release: %d %s%s", r.code, r.stdout, r.stderr)
			}
			if r := w.run("verify", "--config", w.file); r.code != 0 || !strings.Contains(r.stdout, "released  "+id) {
				t.Errorf("verify: %d %s%s", r.code, r.stdout, r.stderr)
			}
			w.start()
			w.ask()
			w.until("the new one has a card", func() bool { c, _ := w.posts(); return len(c) == 3 })
			w.finish()
			w.judgeRefreshed()
			w.stop()
		})
	}
}

// beside has uat1 refreshed from the slash to the end, while nobody can do anything about uat.
func (w *world) beside() {
	w.t.Helper()
	before, starts := w.card().TS, w.cloud.Starts("uat")
	for _, text := range []string{"why uat1", "users uat1", "cancel uat1"} {
		if answer := w.slash(rita, "/refresh "+text); !strings.Contains(answer, "No refresh of uat1 is running") {
			w.t.Errorf("%s: %s", text, answer)
		}
	}
	if answer := w.slash(rita, "/refresh status"); !strings.Contains(answer, "uat1") {
		w.t.Errorf("status: %s", answer)
	}
	if answer := w.slash(rita, "/refresh uat1 now"); !strings.Contains(answer, "Asked") {
		w.t.Fatalf("/refresh uat1: %s", answer)
	}
	w.until("the other one has a card", func() bool { return w.card().TS != before })
	w.finishAt(func() bool { return w.cardSays("Ended:") && w.threadSays("uat1 is open:") == 1 })
	if w.cloud.Starts("uat1") != 1 || w.cloud.Starts("uat") != starts {
		w.t.Errorf("LCS counted %d starts of uat1, %d of uat", w.cloud.Starts("uat1"), w.cloud.Starts("uat"))
	}
}

// damage changes a word in the row of the only refresh.
func (w *world) damage() {
	w.t.Helper()
	w.tamper(func(tx *bbolt.Tx) error {
		k, v := tx.Bucket([]byte("ops")).Cursor().First()
		return tx.Bucket([]byte("ops")).Put(bytes.Clone(k), bytes.ReplaceAll(v, []byte("March training"), []byte("Marxh training")))
	})
}

// dance makes the record that of a version whose last step is of a kind that this one has no rules for.
func (w *world) dance() {
	w.t.Helper()
	r, entries := w.record()
	old := w.opened()
	posts, err := old.Records(w.ctx, "posts")
	if err := errors.Join(err, old.Close(), os.Remove(w.storePath())); err != nil {
		w.t.Fatal(err)
	}
	asked, ok := entries[0].Event.(refresh.Requested)
	if !ok {
		w.t.Fatalf("the journal begins with %T", entries[0].Event)
	}
	asked.Plan[len(asked.Plan)-1].Kind = "dance"
	entries[0].Event = asked
	other := w.opened()
	var row refresh.Refresh
	for _, e := range entries {
		c := storetest.Commit(row, []refresh.Event{e.Event}, e.At, "")
		err, row = errors.Join(err, other.Commit(w.ctx, c)), c.Row
	}
	for key, value := range posts {
		err = errors.Join(err, other.PutRecord(w.ctx, "posts", key, value))
	}
	if err := errors.Join(err, other.Close()); err != nil || row.Version != r.Version {
		w.t.Fatalf("version %d of %d: %v", row.Version, r.Version, err)
	}
}

// tamper changes the stopped bot's store as somebody with the file in their hands would.
func (w *world) tamper(change func(*bbolt.Tx) error) {
	w.t.Helper()
	db, err := bbolt.Open(w.storePath(), 0o600, &bbolt.Options{Timeout: 10 * time.Second})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// An export has every refresh with its whole journal, and no secret.
func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.finish()
	r := w.judge(refresh.Done)
	out := w.run("export", "--config", w.file)
	if out.code != 0 || strings.Count(out.stdout, "\n") != 1 {
		t.Fatalf("export: %d %s%s", out.code, out.stdout, out.stderr)
	}
	var line struct {
		ID      refresh.ID      `json:"id"`
		Refresh refresh.Refresh `json:"refresh"`
		Journal []refresh.Entry `json:"journal"`
	}
	if err := json.Unmarshal([]byte(out.stdout), &line); err != nil {
		t.Fatal(err)
	}
	folded, err := refresh.Fold(line.Journal)
	if err != nil || folded.Version != r.Version || line.Refresh.Version != r.Version || line.ID != r.ID {
		t.Errorf("%d entries lead to version %d of %d: %v", len(line.Journal), folded.Version, r.Version, err)
	}
	secrets := append([]string{w.slack.BotToken(), w.slack.AppToken(), w.cloud.LCSPassword(), w.cloud.AppSecret()}, w.cloud.IssuedTokens()...)
	for _, s := range secrets {
		if strings.Contains(out.stdout, s) {
			t.Error("a secret is exported")
		}
	}
	if out := w.run("compact", "--config", w.file); out.code != 0 || !strings.Contains(out.stdout, "Compacted") {
		t.Errorf("compact: %d %s%s", out.code, out.stdout, out.stderr)
	}
	if out := w.run("verify", "--config", w.file); out.code != 0 {
		t.Errorf("verify: %d %s%s", out.code, out.stdout, out.stderr)
	}
}

// Command lines that make no sense are answered with what to do.
func TestStoreCommandLines(t *testing.T) {
	t.Parallel()
	w := &world{t: t, ctx: t.Context(), dir: t.TempDir()}
	for line, says := range map[string]string{
		"release":                    "which refresh?",
		"release a b":                `"b" is too much`,
		"verify x":                   `"x" is too much`,
		"verify --file a --config b": "either --config or --file",
		"compact --file a":           "flag provided but not defined",
	} {
		if r := w.run(strings.Fields(line)...); r.code != 2 || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: %d %s", line, r.code, r.stderr)
		}
	}
	for line, says := range map[string]string{
		"verify --file /nowhere/r.db":   "There is no file /nowhere/r.db.",
		"export --file /nowhere/r.db":   "There is no file /nowhere/r.db.",
		"restore --config /nowhere.yml": "cannot be read",
	} {
		if r := w.run(strings.Fields(line)...); r.code != 1 || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: %d %s", line, r.code, r.stderr)
		}
	}
}
