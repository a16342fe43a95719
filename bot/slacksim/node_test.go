package slacksim

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

// boltApp is a small app on Slack's own JavaScript framework. Everything it does goes through the
// official packages: auth.test and apps.connections.open at the start, the socket, the Web API, modals.
const boltApp = `
const { App, LogLevel } = require("@slack/bolt");
const app = new App({
  token: process.env.BOT, appToken: process.env.APP, socketMode: true, logLevel: LogLevel.ERROR,
  clientOptions: { slackApiUrl: process.env.API },
});
app.command("/refresh", async ({ ack, command, client, respond }) => {
  if (command.text === "modal") {
    await client.views.open({ trigger_id: command.trigger_id, view: {
      type: "modal", callback_id: "why", title: { type: "plain_text", text: "Why" },
      submit: { type: "plain_text", text: "Send" },
      blocks: [{ type: "input", block_id: "b", label: { type: "plain_text", text: "Why?" },
        element: { type: "plain_text_input", action_id: "a" } }] } });
    return ack();
  }
  await ack("got " + command.text);
  await client.chat.postMessage({ channel: command.channel_id, text: "card", metadata: { event_type: "card", event_payload: { id: "r1" } },
    blocks: [{ type: "actions", block_id: "x", elements: [{ type: "button", action_id: "ok", value: "v", text: { type: "plain_text", text: "OK" } }] }] });
  await respond({ text: "through response_url" });
});
app.action("ok", async ({ ack, body, client }) => {
  await ack();
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text: "pressed by " + body.user.id + " for " + body.message.metadata.event_payload.id, blocks: [] });
});
app.view("why", async ({ ack, view }) => {
  const text = view.state.values.b.a.value;
  await ack(text === "bad" ? { response_action: "errors", errors: { b: "no" } } : undefined);
});
app.event("app_home_opened", async ({ event, client }) => {
  await client.views.publish({ user_id: event.user, view: { type: "home", blocks: [{ type: "divider" }] } });
  const f = await client.files.uploadV2({ channel_id: process.env.CHANNEL, filename: "log.txt", content: "hello" });
  if (!f.ok) console.error(f);
});
app.error(async (e) => console.error("app error", e));
app.start().then(() => console.log("ready"), (e) => { console.error(e); process.exit(1); });
`

// The simulator has to serve Slack's official Node packages unchanged. They come from the npm registry,
// so the test runs only when asked to.
func TestOfficialNodeClients(t *testing.T) {
	if os.Getenv("SLACKSIM_NODE") != "1" {
		t.Skip("set SLACKSIM_NODE=1 to run @slack/bolt against the simulator (needs node and the npm registry)")
	}
	t.Parallel()
	b := setup(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.js"), []byte(boltApp), 0o600); err != nil {
		t.Fatal(err)
	}
	npm := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "@slack/bolt@5.1.0")
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	node := exec.CommandContext(t.Context(), "node", "app.js")
	node.Dir, node.WaitDelay = dir, time.Second
	node.Env = append(os.Environ(), "BOT="+b.BotToken(), "APP="+b.AppToken(), "API="+b.APIURL(), "CHANNEL=C1")
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errs.Close() }()
	node.Stderr = errs
	complaints := func() string { data, _ := os.ReadFile(errs.Name()); return string(data) }
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = node.Process.Kill()
		_ = node.Wait() // "killed" is what we wanted
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("start: %q %v", line, err)
	}

	ack, err := b.Slash(t.Context(), "U1", "C1", "/refresh uat")
	if err != nil || !ack.OK || ack.Text != "got uat" {
		t.Fatalf("slash: %+v %v", ack, err)
	}
	t.Logf("command to ack: %v", ack.Took)
	wait := func(what string, cond func() bool) {
		t.Helper()
		ctx := t.Context()
		if err := b.Wait(ctx, cond); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	wait("card and reply", func() bool { return len(b.Messages("C1")) == 3 })
	card := b.Messages("C1")[1]
	if ack, err = b.Click(t.Context(), "U2", "C1", card.TS, "ok"); err != nil || !ack.OK {
		t.Fatalf("click: %+v %v", ack, err)
	}
	wait("update", func() bool { return b.Messages("C1")[1].Text == "pressed by U2 for r1" })

	if ack, err = b.Slash(t.Context(), "U1", "C1", "/refresh modal"); err != nil || !ack.OK {
		t.Fatalf("modal: %+v %v", ack, err)
	}
	v, ok := b.View("U1")
	if !ok {
		t.Fatal("no modal")
	}
	submit := func(text string) Ack {
		t.Helper()
		ack, err := b.Submit(t.Context(), "U1", v.ID, map[string]map[string]any{"b": {"a": text}})
		if err != nil {
			t.Fatal(err)
		}
		return ack
	}
	if ack := submit("bad"); ack.Errors["b"] != "no" {
		t.Errorf("refused submission: %+v", ack)
	}
	if ack := submit("good"); !ack.OK {
		t.Errorf("submission: %+v", ack)
	}
	if ack, err = b.OpenHome(t.Context(), "U1"); err != nil || !ack.OK {
		t.Fatalf("home: %+v %v", ack, err)
	}
	wait("home and file", func() bool {
		_, home := b.Home("U1")
		m := b.Messages("C1")
		return home && len(m) == 4 && len(m[3].Files) == 1
	})

	if c := complaints(); c != "" {
		t.Errorf("the app complained:\n%s", c)
	}
	for _, cut := range []func(){func() { b.Disconnect("refresh_requested") }, b.DropConnections} {
		before := b.openConns()[0].n
		start := time.Now()
		cut()
		wait("reconnect", func() bool { open := b.openConns(); return len(open) == 1 && open[0].n > before })
		t.Logf("back after %v", time.Since(start).Round(time.Millisecond))
		if ack, err = b.Slash(t.Context(), "U1", "C1", "/refresh again"); err != nil || !ack.OK {
			t.Fatalf("after reconnect: %+v %v", ack, err)
		}
	}
	if c := complaints(); strings.Contains(c, "app error") { // a cut connection it may mention
		t.Errorf("the app complained:\n%s", c)
	}
	h, err := b.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: "C1"})
	if err != nil || len(h.Messages) == 0 {
		t.Errorf("history %v %v", h, err)
	}
	for _, c := range b.Calls() {
		if c.Error != "" {
			t.Errorf("%s answered %s", c.Method, c.Error)
		}
	}
}
