package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
	"refreshbot/store/bolt"
)

// The people of the simulated workspace, and where they meet.
const (
	rita    = "U0RITA" // asks; is among the approvers too
	anna    = "U0ANNA" // approves
	ben     = "U0BEN"  // approves, and is an admin
	sam     = "U0SAM"  // may do nothing
	release = "S0RELEASE"
	channel = "C0UAT"
)

// patience bounds everything that is waited for. It is long because the machine may be busy; nothing waits it out.
const patience = 90 * time.Second

// world is one simulated surrounding with at most one bot in it.
type world struct {
	t      testing.TB
	ctx    context.Context
	slack  *slacksim.Server
	cloud  *cloudsim.Cloud
	dir    string
	file   string // the configuration
	data   string // the folder of the store below dir; mostly dir itself
	before struct{ prod, uat cloudsim.Environment }
	bot    *process
	how    func(*exec.Cmd) // how it is started; nil: the usual way
	log    []string        // of the bots before this one
	used   map[string]bool // buttons that were pressed

	handedIn []string          // users to let in, beside those of the configuration
	planted  map[string]string // secrets that only the configuration of this test has, by what they are
}

// edit is a change of the configuration: the text that has to be there, and what takes its place.
type edit struct{ old, new string }

// Edits that tests have in common.
var (
	longNotice = edit{"notice: 200ms", "notice: 1h"}
	withOpen   = edit{"      notice:", "      open: {by: [" + release + "], count: 1}\n      notice:"}
	withManual = edit{"      users:", "        - manual: {name: Reconnect LCS Help, text: \"System parameters > Help: choose the UAT Help library.\"}\n      users:"}
)

// newWorld starts the simulators and writes a configuration; no bot yet.
func newWorld(t testing.TB, o cloudsim.Options, edits ...edit) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), used: map[string]bool{}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	w.ctx = ctx
	if o.Speed == 0 {
		o.Speed = 2000
	}
	o.NoRateLimits = true
	var err error
	if w.cloud, err = cloudsim.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cloud.Close() })
	w.slack, err = slacksim.Start(slacksim.Options{
		NoRateLimits: true,
		AckTimeout:   20 * time.Second, // how quick the bot is on a busy machine is not what is tested here
		Commands:     []slacksim.Command{{Command: "/refresh"}},
		Users: []slacksim.User{
			{ID: rita, Name: "rita", RealName: "Rita Sato", Email: "rita@contoso.com"}, {ID: anna, Name: "anna", RealName: "Anna Berg", Email: "anna@contoso.com"},
			{ID: ben, Name: "ben", RealName: "Ben Okafor", Email: "ben@contoso.com"}, {ID: sam, Name: "sam", RealName: "Sam Cole", Email: "sam@contoso.com"},
		},
		Channels:   []slacksim.Channel{{ID: channel, Name: "uat-refresh", BotMember: true}},
		UserGroups: []slacksim.UserGroup{{ID: release, Handle: "release", Name: "Release managers", Users: []string{rita, anna, ben}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.slack.Close() })
	w.before.prod, w.before.uat = w.cloud.Snapshot("prod"), w.cloud.Snapshot("uat")
	w.configure(edits...)
	t.Cleanup(w.report)
	return w
}

// configure writes the configuration and the secrets that it refers to.
func (w *world) configure(edits ...edit) {
	w.t.Helper()
	for name, secret := range map[string]string{
		"slack-bot-token": w.slack.BotToken(), "slack-app-token": w.slack.AppToken(),
		"lcs-password": w.cloud.LCSPassword(), "finops-secret": w.cloud.AppSecret(), "ca.pem": string(w.cloud.CAPEM()),
	} {
		w.write(name, secret)
	}
	text := fmt.Sprintf(`slack:
  bot_token: {file: slack-bot-token}
  app_token: {file: slack-app-token}
  channel: %[1]s
  api_url: %[2]s
  settle: 1200ms
  pace: 20ms
tls:
  ca_file: ca.pem
entra:
  tenant: %[3]s
  authority: %[4]s
lcs:
  project: %[5]d
  client_id: %[6]s
  username: %[7]s
  password: {file: lcs-password}
  api_url: %[8]s
  poll: 30ms
  settle: 1200ms
finops:
  client_id: %[9]s
  client_secret: {file: finops-secret}
  poll: 30ms
  settle: 1200ms
store:
  path: refreshbot.db
http:
  addr: 127.0.0.1:0
time_zone: Europe/Copenhagen
admins: [%[10]s]
environments:
  prod:
    url: %[11]s
    lcs_environment: %[12]s
    production: true
  uat:
    url: %[13]s
    lcs_environment: %[14]s
    refresh:
      from: prod
      approve:  {by: [%[15]s], count: 1, expires: 24h}
      sign_off: {by: [%[15]s], count: 1}
      notice: 200ms
      downtime: 1h
      keep: [users]
      reconfigure:
        - batch_groups:
            - {group: "", description: Default}
            - {group: MRP, servers: [BATCH1]}
        - email: {server: smtp-uat.contoso.com, port: 2526, user: uat@contoso.com, require_ssl: false}
        - batch_jobs: {to_waiting: ["Workflow message processing", "Email distributor batch"]}
        - service:
            name: Entity store
            path: ContosoRefresh/PostRefresh/refreshEntityStore
            body: {_request: {Entities: ["CustTransactions"]}}
        - odata:
            name: Document links
            entity: DocumentParameters
            key: {dataAreaId: usmf, Key: 0}
            set: {WebAppsServerURL: "https://office-uat.contoso.com"}
      users:
        enable: [anna@contoso.com, BO, carla@contoso.com, GITA]
`,
		channel, w.slack.APIURL(), w.cloud.Tenant(), w.cloud.AuthorityURL(), w.cloud.ProjectID(), w.cloud.LCSClientID(), w.cloud.LCSUser(),
		w.cloud.LCSURL(), w.cloud.AppID(), ben, w.cloud.EnvironmentURL("prod"), w.cloud.LCSID("prod"), w.cloud.EnvironmentURL("uat"), w.cloud.LCSID("uat"), release)
	for _, e := range edits {
		if strings.Count(text, e.old) != 1 {
			w.t.Fatalf("the configuration has %d times %q, not once", strings.Count(text, e.old), e.old)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	w.file = w.write("refreshbot.yml", text)
}

// withTargets are production and n sandboxes, uat among them.
func withTargets(n int) []cloudsim.EnvironmentSpec {
	specs := []cloudsim.EnvironmentSpec{{Name: "prod", Type: "Production", LCSID: "3d6c5b4a-1111-4222-8333-444455556666"}}
	for i := range n {
		specs = append(specs, cloudsim.EnvironmentSpec{Name: targetName(i), Type: "Sandbox", LCSID: fmt.Sprintf("4e7d6c5b-1111-4222-8333-%012d", i)})
	}
	return specs
}

func targetName(i int) string {
	if i == 0 {
		return "uat"
	}
	return fmt.Sprintf("uat%d", i)
}

// others puts the targets besides uat into the configuration, with fewer settings.
func (w *world) others(n int) edit {
	const last = "        enable: [anna@contoso.com, BO, carla@contoso.com, GITA]\n"
	var b strings.Builder
	for i := 1; i < n; i++ {
		name := targetName(i)
		fmt.Fprintf(&b, `  %s:
    url: %s
    lcs_environment: %s
    refresh:
      from: prod
      approve:  {by: [%s], count: 1, expires: 24h}
      sign_off: {by: [%s], count: 1}
      notice: 200ms
      downtime: 1h
      reconfigure:
        - email: {server: smtp-uat.contoso.com, port: 2526, user: uat@contoso.com, require_ssl: false}
      keep: [users, batch_jobs]
      users:
        enable: [anna@contoso.com, BO]
`, name, w.cloud.EnvironmentURL(name), w.cloud.LCSID(name), release, release)
	}
	return edit{last, last + b.String()}
}

func (w *world) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) storePath() string { return filepath.Join(w.dir, w.data, "refreshbot.db") }

// opened is the stopped bot's store.
func (w *world) opened() *bolt.Store {
	w.t.Helper()
	s, err := bolt.Open(context.WithoutCancel(w.ctx), w.storePath(), bolt.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// start runs the bot and waits until it says that it is ready.
func (w *world) start() {
	w.t.Helper()
	if w.how == nil {
		w.bot = spawn(w.t, nil, "run", "--config", w.file)
	} else {
		w.bot = spawnAs(w.t, w.how, "run", "--config", w.file)
	}
	w.until("the bot is ready", func() bool { return w.bot.logged(map[string]string{"msg": "ready"}) })
	w.until("both connections to Slack stand", func() bool { return w.slack.Connections() == 2 })
}

// kill ends the bot without warning and waits until Slack has noticed.
func (w *world) kill() {
	w.t.Helper()
	w.bot.kill()
	w.over()
}

// stop asks the bot to end and returns how long it took.
func (w *world) stop() time.Duration {
	w.t.Helper()
	began := time.Now()
	w.bot.terminate()
	select {
	case <-w.bot.done:
	case <-w.ctx.Done():
		w.t.Fatal("the bot does not stop")
	}
	took := time.Since(began)
	if code := w.bot.cmd.ProcessState.ExitCode(); code != 0 {
		w.t.Errorf("after SIGTERM the bot ended with exit code %d", code)
	}
	w.over()
	return took
}

func (w *world) over() {
	w.t.Helper()
	lines, _ := w.bot.stderr()
	w.log, w.bot = append(w.log, lines...), nil
	w.until("Slack sees no connection any more", func() bool { return w.slack.Connections() == 0 })
}

func (w *world) restart() {
	w.t.Helper()
	w.kill()
	w.start()
}

// until waits for a condition, which may look at anything: it is asked whenever Slack, the cloud or the log changes.
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	for {
		slack, cloud := w.slack.Changed(), w.cloud.Changed()
		var wrote, ended <-chan struct{}
		if w.bot != nil {
			_, wrote = w.bot.stderr()
			ended = w.bot.done
		}
		if cond() {
			return
		}
		select {
		case <-slack:
		case <-cloud:
		case <-wrote:
		case <-ended:
			if cond() {
				return
			}
			w.t.Fatalf("the bot ended while this was waited for: %s", what)
		case <-w.ctx.Done():
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// report prints what happened when the test has failed.
func (w *world) report() {
	if !w.t.Failed() {
		return
	}
	if w.bot != nil {
		lines, _ := w.bot.stderr()
		w.log = append(w.log, lines...)
	}
	w.t.Logf("transcript:\n%s\nlog:\n%s", w.slack.Transcript(channel), strings.Join(w.log, "\n"))
}

// slash plays a person typing a command, and returns the answer.
func (w *world) slash(who, line string) string {
	w.t.Helper()
	ack, err := w.slack.Slash(w.ctx, who, channel, line)
	if err != nil || !ack.OK {
		w.t.Fatalf("%s as %s: %v %s", line, who, err, ack.Error)
	}
	return ack.Text
}

func (w *world) ask() {
	w.t.Helper()
	if answer := w.slash(rita, "/refresh uat for March training"); !strings.Contains(answer, "Asked") {
		w.t.Fatalf("/refresh uat: %s", answer)
	}
}

// mark is what the bot leaves on each of its posts.
type mark struct {
	Payload struct {
		Refresh string `json:"refresh"`
		Key     string `json:"key"`
	} `json:"event_payload"`
}

// posts returns the cards and the messages of their threads, by key.
func (w *world) posts() (cards []slacksim.Message, thread map[string][]slacksim.Message) {
	thread = map[string][]slacksim.Message{}
	for _, m := range w.slack.Messages(channel) {
		var k mark
		if len(m.Metadata) == 0 || m.Deleted || json.Unmarshal(m.Metadata, &k) != nil {
			continue
		}
		if m.ThreadTS == "" || m.ThreadTS == m.TS {
			cards = append(cards, m)
		} else {
			thread[k.Payload.Key] = append(thread[k.Payload.Key], m)
		}
	}
	return cards, thread
}

// card is the latest one.
func (w *world) card() slacksim.Message {
	cards, _ := w.posts()
	if len(cards) == 0 {
		return slacksim.Message{}
	}
	return cards[len(cards)-1]
}

func (w *world) cardSays(text string) bool { return strings.Contains(w.card().Plain(), text) }

// threadSays counts the thread messages that hold the text.
func (w *world) threadSays(text string) int {
	n := 0
	_, thread := w.posts()
	for _, ms := range thread {
		for _, m := range ms {
			if strings.Contains(m.Plain(), text) {
				n++
			}
		}
	}
	return n
}

// offered returns the button of an action, if the card has one that was not pressed yet.
func (w *world) offered(action string) (slacksim.Button, bool) {
	return w.among(w.card().Buttons(), action)
}

// among is offered, of buttons that were read already: a matrix would spend its time on reading cards over and over.
func (w *world) among(buttons []slacksim.Button, action string) (slacksim.Button, bool) {
	for _, b := range buttons {
		if b.ActionID == "gate:"+action && !w.used[b.Value] {
			return b, true
		}
	}
	return slacksim.Button{}, false
}

// press waits for a button, presses it and waits for the acknowledgement.
func (w *world) press(who, action string) {
	w.t.Helper()
	var button slacksim.Button
	w.until("the card offers "+action, func() (ok bool) { button, ok = w.offered(action); return ok })
	w.used[button.Value] = true
	ack, err := w.slack.ClickRaw(w.ctx, who, channel, w.card().TS, map[string]any{
		"action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value,
	})
	if err != nil || !ack.OK {
		w.t.Fatalf("press %s as %s: %v %s", action, who, err, ack.Error)
	}
}

// fill waits for a form, fills it in and sends it.
func (w *world) fill(who string, values map[string]map[string]any) {
	w.t.Helper()
	var form slacksim.View
	w.until("the form is open", func() (ok bool) { form, ok = w.slack.View(who); return ok })
	if ack, err := w.slack.Submit(w.ctx, who, form.ID, values); err != nil || !ack.OK && len(ack.Errors) == 0 {
		w.t.Fatalf("the form: %+v, %v", ack, err)
	}
}

// reject presses Reject and gives the reason.
func (w *world) reject(who, reason string) {
	w.t.Helper()
	w.press(who, "reject")
	values := map[string]map[string]any{}
	if reason != "" {
		values["reason"] = map[string]any{"given": reason}
	}
	w.fill(who, values)
}

// refused presses a button as somebody who may not, and returns what they are told.
func (w *world) refused(who, action string) string {
	w.t.Helper()
	told := len(w.slack.Ephemerals(who))
	w.press(who, action)
	w.until(who+" is told why not", func() bool { return len(w.slack.Ephemerals(who)) > told })
	delete(w.used, w.buttonValue(action))
	all := w.slack.Ephemerals(who)
	return all[len(all)-1].Plain()
}

func (w *world) buttonValue(action string) string {
	for _, b := range w.card().Buttons() {
		if b.ActionID == "gate:"+action {
			return b.Value
		}
	}
	return ""
}

// played are the gates of a refresh and who decides there. The copy is only ever started again when the bot asks.
func played() map[string]string {
	return map[string]string{"approve": anna, "sign_off": ben, "done": ben, "open": anna, "start_again": anna}
}

// next is a button of these that the card offers and nobody has pressed, or "".
func (w *world) next() string {
	for action := range played() {
		if _, ok := w.offered(action); ok {
			return action
		}
	}
	return ""
}

// finish presses whatever the refresh still needs, until the thread says that it is over.
func (w *world) finish() {
	w.t.Helper()
	w.finishAt(w.closed)
}

// finishAt does so for a refresh whose end is told in some other way.
func (w *world) finishAt(over func() bool) {
	w.t.Helper()
	for {
		var next string
		w.until("the refresh goes on or ends", func() bool {
			next = w.next()
			return next != "" || over()
		})
		if next == "" {
			return
		}
		w.press(played()[next], next)
	}
}

// closed reports whether card and thread both tell the end.
func (w *world) closed() bool {
	decisions := slices.ContainsFunc(w.card().Buttons(), func(b slacksim.Button) bool { return strings.HasPrefix(b.ActionID, "gate:") })
	return !decisions && w.cardSays("Ended:") && w.threadSays("uat is open:")+w.threadSays("has ended.") > 0
}

func (w *world) waitClosed() {
	w.t.Helper()
	w.until("card and thread tell the end", w.closed)
}
