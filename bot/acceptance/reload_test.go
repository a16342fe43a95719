package acceptance

import (
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

// readies counts how often the bot said that it is ready.
func (w *world) readies() int {
	lines, _ := w.bot.stderr()
	n := 0
	for _, l := range lines {
		if strings.Contains(l, `"msg":"ready"`) {
			n++
		}
	}
	return n
}

// heard has ben, an admin, ask and waits for an answer of the bot's with all the words.
func (w *world) heard(line string, words ...string) {
	w.t.Helper()
	first := w.slash(ben, line)
	w.until(line+" answers "+strings.Join(words, ", "), func() bool {
		said := first
		for _, m := range w.slack.Ephemerals(ben) {
			said += "\n" + m.Plain()
		}
		for _, word := range words {
			if !strings.Contains(said, word) {
				return false
			}
		}
		return true
	})
}

// warned waits until the admin was told, once, of a refused configuration with all the words.
func (w *world) warned(words ...string) {
	w.t.Helper()
	w.until("the admin is told of "+strings.Join(words, ", "), func() bool {
		told := 0
		for _, m := range w.slack.Messages(w.slack.DM(ben)) {
			if strings.Contains(m.Plain(), "refused as a whole") && !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(m.Plain(), word) }) {
				told++
			}
		}
		return told == 1
	})
}

// What reading it does not show turns out only when the bot begins anew with it.
func TestAChangedConfigurationThatDoesNotWorkIsPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	taken, err := new(net.ListenConfig).Listen(w.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	w.configure(edit{"addr: 127.0.0.1:0", "addr: " + taken.Addr().String()})
	w.bot.signal(syscall.SIGHUP)
	w.until("the bot is ready again", func() bool { return w.readies() == 2 && w.slack.Connections() == 2 })
	w.warned("http.addr", "choose another address")
}

func TestAChangedConfigurationIsTakenUpInTheMiddleOfARefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Timeline: cloudsim.Timeline{NotStarted: 2 * time.Minute, Copy: 20 * time.Minute, Sync: 20 * time.Minute, Tail: time.Minute}})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the copy runs", func() bool { return w.cloud.Starts("uat") == 1 })

	w.configure(edit{"sign_off: {by: [" + release + "], count: 1}", "sign_off: {by: [" + release + "], cuont: 1}"})
	w.bot.signal(syscall.SIGHUP)
	w.until("the broken file is refused", func() bool {
		return w.bot.logged(map[string]string{"level": "ERROR", "msg": "the changed configuration is refused and the old one stays in use; correct it, or send SIGHUP to have it tried again"})
	})
	w.heard("/refresh config", "refused as a whole", "cuont", "notice: 200ms")
	w.warned("sign_off.cuont", "did you mean count?")

	w.configure(edit{"notice: 200ms", "notice: 3h"})
	w.bot.signal(syscall.SIGHUP)
	w.until("the bot is ready again", func() bool { return w.readies() == 2 && w.slack.Connections() == 2 })
	w.heard("/refresh config", "This configuration is in use", "notice: 3h", "file: slack-bot-token")
	w.heard("/refresh check uat", "Same application release")
	w.finish()
	w.judge(refresh.Done)
}

// The app is reinstalled while a copy runs: its old tokens are worth nothing. Once the files hold the new ones, the bot is
// ready again without a restart, and everything that happened meanwhile is told.
func TestTokensThatAreReplacedInTheMiddleOfARefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.start()
	w.ask()
	w.press(anna, "approve")
	w.until("the copy runs", func() bool { return w.cloud.Starts("uat") == 1 })
	w.slack.ReplaceTokens()
	w.until("the copy is followed to its end without Slack", func() bool {
		return w.bot.logged(map[string]string{"event": "step_succeeded", "step": "follow"})
	})
	w.write("slack-bot-token", w.slack.BotToken())
	w.write("slack-app-token", w.slack.AppToken())
	w.bot.signal(syscall.SIGHUP)
	w.until("the bot is ready again", func() bool { return w.readies() == 2 && w.slack.Connections() == 2 })
	w.finish()
	w.judge(refresh.Done)
}
