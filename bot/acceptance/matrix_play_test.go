//go:build faultpoints

package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
	"refreshbot/store/bolt"
)

// matrixEdits make the configuration have every kind of effect that a refresh can have.
var matrixEdits = []edit{
	withOpen, withManual,
	{"name: Entity store\n", "name: Statistics\n"},
	{"approve:  {by: [" + release + "], count: 1,", "approve:  {by: [" + release + "], count: 2,"},
	{"  path: refreshbot.db\n", "  path: refreshbot.db\n  backup: {dir: backups, every: 9h, keep: 5}\n"},
	{"keep: [users]", "keep: [users, user_roles, batch_groups, email, entra_applications, document_parameters]"},
	{"        enable: [", "        notify: true\n        enable: ["},
	{"        - service:\n", "        - parallel:\n            - system_parameters: {help_library: Test help}\n            - odata: {name: E-mail size, entity: EmailParameters, key: {ID: 0}, set: {MaximumEmailAttachmentSize: 7}}\n        - service:\n"},
	{"      users:\n", `        - encrypted_field: {name: Exchange rate key, table: ExchangeRateProviderConfigurationDetails, field: Value, value: {file: smtp-password}}
        - entity_store: {entities: [CustTransactions]}
        - odata:
            name: Batch groups of the test team
            entity: BatchGroups
            insert: true
            rows:
              - {key: {GroupId: TEST, ServerId: BATCH1}, set: {Description: Test team}}
              - {key: {GroupId: TEST, ServerId: BATCH2}, set: {Description: Test team}}
        - package: {name: Size of documents, file: config.zip, definition_group: Documents, legal_entity: usmf}
        - http: {name: Tell the hub, url: "HUB/refreshed", body: {state: refreshed}}
      users:
`},
	{"      users:\n", "      must_not:\n        - {name: E-mail through production, entity: EmailParameters, where: {SMTPRelayServerName: smtp.contoso.com}}\n      users:\n"},
}

// scheduleCron is the schedule of the runs that nobody asks for.
const scheduleCron = "0 20 * * FRI"

const (
	late      = 700 * time.Millisecond // what lands late lands sooner than the configuration's settle
	timeout   = time.Second            // of the configuration, for LCS and F&O
	mostTimes = 8                      // that a bot is started in one run
)

// actor plays everybody through one refresh, and the supervisor that starts the bot again whenever it has ended.
type actor struct {
	*world
	cell        cell
	starts      int            // of the bot
	asked       bool           // the refresh was asked for
	tried       []string       // presses by people who may not
	pressed     map[choice]int // and how often that person had been told something before
	handed      int            // lists of users handed in
	armed       bool
	met         atomic.Bool  // a call has met the fault
	lands       atomic.Int64 // when a call of Slack that met it has landed, in Unix nanoseconds
	hub         atomic.Int32 // times that the system outside F&O was told
	halting     func()       // told once the process is halted
	unknown     int          // how often a person was asked whether the copy was started
	killed      bool         // the process died at the cell's point
	termed      bool         // it was asked to stop there, and did
	stopped     bool         // it was halted there
	second      bool         // and at the second one
	interrupted []time.Time  // when it was killed or halted
	finished    bool
}

// choice is a button that somebody has pressed.
type choice struct{ user, button string }

// env is what the next process of the bot is told.
func (a *actor) env() []string {
	env := []string{"REFRESHBOT_POINTS=" + a.pointsFile(a.starts), "GOGC=400"} // for speed: it lives for a second
	if a.cell.mutant != "" {
		env = append(env, "REFRESHBOT_MUTANT="+string(a.cell.mutant))
	}
	switch {
	case a.starts == 0 && a.cell.kill != "":
		env = append(env, "REFRESHBOT_KILL="+a.cell.kill)
	case a.starts == 0 && a.cell.term != "":
		env = append(env, "REFRESHBOT_TERM="+a.cell.term)
	case a.starts == 0 && a.cell.stop != "":
		env = append(env, "REFRESHBOT_STOP="+a.cell.stop)
	case a.starts == 1 && a.cell.second != "":
		env = append(env, "REFRESHBOT_KILL="+a.cell.second)
	}
	return env
}

func (a *actor) pointsFile(start int) string { return fmt.Sprintf("%s/points-%d", a.dir, start) }

// prepare leaves a due time of the schedule in the store, as a process does that was stopped before it came.
func (a *actor) prepare() {
	if !a.cell.scheduled {
		return
	}
	store, err := bolt.Open(a.ctx, a.storePath(), bolt.Options{})
	if err != nil {
		a.t.Fatal(err)
	}
	due := fmt.Sprintf(`{"cron":%q,"zone":"Europe/Copenhagen","due":%q}`, scheduleCron, time.Now().Add(-time.Minute).Format(time.RFC3339))
	if err := store.PutRecord(a.ctx, "schedule", "uat", []byte(due)); err != nil {
		a.t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		a.t.Fatal(err)
	}
}

// play goes on until card and thread tell the end.
func (a *actor) play() {
	a.t.Helper()
	a.prepare()
	a.arm("start")
	for !a.finished {
		if a.bot == nil {
			a.begin()
		}
		slack, cloud := a.slack.Changed(), a.cloud.Changed()
		_, wrote := a.bot.stderr()
		if ended(a.bot.done) {
			a.buried()
			continue
		}
		a.resume()
		if a.act() {
			continue
		}
		wake := time.NewTimer(100 * time.Millisecond) // a halted process changes nothing that could be waited for
		select {
		case <-slack:
		case <-cloud:
		case <-wrote:
		case <-a.bot.done:
		case <-wake.C:
		case <-a.ctx.Done():
			a.t.Fatalf("the refresh does not end")
		}
		wake.Stop()
		a.breathe()
	}
}

// breathe lets what comes in a burst be looked at once: hundreds of changes a second are not for people.
func (a *actor) breathe() {
	pause := time.NewTimer(20 * time.Millisecond)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-a.bot.done:
	}
}

func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (a *actor) begin() {
	if a.starts > mostTimes {
		a.t.Fatalf("the bot was started %d times", a.starts)
	}
	env := a.env()
	a.starts++
	a.bot = spawn(a.t, env, "run", "--config", a.file)
}

// buried notes how the process ended.
func (a *actor) buried() {
	state := a.bot.cmd.ProcessState
	lines, _ := a.bot.stderr()
	began := a.bot.logged(map[string]string{"msg": "ready"})
	a.log, a.bot = append(a.log, lines...), nil
	status, _ := state.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		a.second = a.second || a.starts == 2
		a.killed = true
		a.interrupted = append(a.interrupted, time.Now())
	case state.Success() && a.finished:
		// It was told to.
	case state.Success() && a.cell.term != "" && !a.termed:
		a.termed = true
	case a.cell.fault != nil && state.ExitCode() == 1 && !began:
		// What it needs to begin was not to be had, and the supervisor starts it again.
	default:
		a.t.Errorf("the bot ended by itself: %v\n%s", state, strings.Join(lines[max(0, len(lines)-3):], "\n"))
	}
	a.until("Slack sees no connection any more", func() bool { return a.slack.Connections() == 0 })
	// A fault once killed is for the next process to meet, and what is slow lands later than things settle here, though not
	// later than by default.
	if f := a.cell.fault; f != nil && (f.moment == "killed" || f.call.host == "slack" && f.name == "slow") {
		a.until("no call of the dead process is under way", func() bool { return a.slack.Callers() == 0 })
	}
	a.arm("killed")
}

// resume lets a process that halted itself go on once every timeout has passed.
func (a *actor) resume() {
	if a.cell.stop == "" || a.stopped || !halted(a.bot.cmd.Process.Pid) {
		return
	}
	a.stopped = true
	a.interrupted = append(a.interrupted, time.Now())
	a.halting()
	pause := time.NewTimer(a.cell.pause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-a.ctx.Done():
	}
	if err := a.bot.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		a.t.Errorf("go on: %v", err)
	}
}

// halted reports whether the kernel says that the process is stopped.
func halted(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "T")
}

// while returns a context that ends with the bot's process: nobody waits for an answer from the dead.
func (a *actor) while() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(a.ctx)
	go func(done <-chan struct{}) {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}(a.bot.done)
	return ctx, cancel
}

// act does the next thing that a person would, and reports whether there was one.
func (a *actor) act() bool {
	switch {
	case a.slack.Connections() == 0:
		return false
	case a.over():
		a.finished = true
		return true
	case !a.asked && !a.cell.scheduled:
		a.askAgain()
		return true
	}
	card := a.card()
	if card.TS == "" {
		return false
	}
	buttons := card.Buttons()
	for c, before := range a.pressed {
		if now := a.slack.Ephemerals(c.user); len(now) > before && strings.Contains(now[len(now)-1].Plain(), "Try again") {
			delete(a.pressed, c)
		}
	}
	if button, ok := a.among(buttons, "approve"); ok {
		forbidden := []string{sam}
		if !a.cell.scheduled {
			forbidden = append(forbidden, rita) // who asked
		}
		for _, who := range forbidden {
			if key := who + button.Value; !slices.Contains(a.tried, key) {
				a.tried = append(a.tried, key)
				a.click(who, button)
				return true
			}
		}
		if a.handed == 0 && !a.cell.scheduled {
			return a.handIn()
		}
		if a.threadSays("hands in 2 users") == 0 && !a.cell.scheduled {
			return false
		}
		a.arm("approved")
	}
	for _, action := range []string{"approve", "sign_off", "done", "open", "retry", "adopt", "start_again"} {
		button, ok := a.among(buttons, action)
		if !ok || action == "adopt" && a.cloud.Starts("uat") == 0 || action == "start_again" && a.cloud.Starts("uat") > 0 {
			continue
		}
		for _, who := range deciders(action) {
			c := choice{who, button.Value}
			if _, done := a.pressed[c]; done {
				continue
			}
			before := len(a.slack.Ephemerals(who))
			if a.click(who, button) {
				a.pressed[c] = before
				if action == "adopt" || action == "start_again" {
					a.unknown++
				}
			}
			return true
		}
	}
	return false
}

// deciders are who presses a button. The approval needs two.
func deciders(action string) []string {
	switch action {
	case "approve":
		return []string{anna, ben}
	case "sign_off", "done":
		return []string{ben}
	}
	return []string{anna}
}

// close stops the bot. It may meet its point only then.
func (a *actor) close() {
	a.t.Helper()
	a.bot.terminate()
	select {
	case <-a.bot.done:
	case <-a.ctx.Done():
		a.t.Fatalf("the bot does not stop")
	}
	if a.bot.cmd.ProcessState.Success() {
		a.buried()
		return
	}
	a.buried()
	a.begin()
	a.until("the bot is ready", func() bool { return a.bot.logged(map[string]string{"msg": "ready"}) })
	a.stop()
}

// over reports whether everything that Slack is to show is there: the end, the report and the card's link to it, the
// direct messages and who was not reached by one. What is still to land may have to be made good.
func (a *actor) over() bool {
	_, thread := a.posts()
	return time.Now().UnixNano() > a.lands.Load() && len(thread["untold"]) > 0 && a.reports() > 0 && a.invited(anna) > 0 && a.answered() &&
		strings.Contains(string(a.card().Blocks), "every step, decision and time") && a.closed()
}

func (a *actor) askAgain() {
	ctx, cancel := a.while()
	defer cancel()
	ack, err := a.slack.Slash(ctx, rita, channel, "/refresh uat for March training")
	if err != nil || !ack.OK {
		return // the person sees that it failed, and types it once more
	}
	a.asked = strings.Contains(ack.Text, "Asked") || strings.Contains(ack.Text, "is being refreshed already")
	if !a.asked {
		a.asked = a.card().TS != ""
	}
}

// click presses a button and reports whether Slack showed no failure.
func (a *actor) click(who string, b slacksim.Button) bool {
	ctx, cancel := a.while()
	defer cancel()
	ack, err := a.slack.ClickRaw(ctx, who, channel, a.card().TS, map[string]any{"action_id": b.ActionID, "block_id": b.BlockID, "value": b.Value})
	return err == nil && ack.OK
}

// handIn opens the form and sends a file of users with it.
func (a *actor) handIn() bool {
	ctx, cancel := a.while()
	defer cancel()
	form, open := a.slack.View(rita)
	if !open {
		if ack, err := a.slack.Slash(ctx, rita, channel, "/refresh users uat"); err != nil || !ack.OK {
			return true
		}
		wait := time.NewTimer(5 * time.Second)
		defer wait.Stop()
		for !open {
			changed := a.slack.Changed()
			if form, open = a.slack.View(rita); open {
				break
			}
			select {
			case <-changed:
			case <-wait.C:
				return true // it was not opened; the person asks again
			case <-ctx.Done():
				return true
			}
		}
	}
	ack, err := a.slack.Submit(ctx, rita, form.ID, map[string]map[string]any{
		"file": {"given": map[string]any{"files": []map[string]any{{"name": "trainees.csv", "data": "Name;User ID\nDan Mills;DAN\n;CARLA\n"}}}},
	})
	if err == nil && ack.OK {
		a.handed++
		a.handedIn = []string{"DAN", "CARLA"}
	}
	return true
}

// arm sets the cell's fault when its moment has come.
func (a *actor) arm(moment string) {
	f := a.cell.fault
	if f == nil || a.armed || f.moment != moment {
		return
	}
	a.armed = true
	f.set(a.slack, a.cloud, func() {
		a.met.Store(true)
		if f.call.host == "slack" {
			a.lands.Store(time.Now().Add(slackFaults()[f.name].Delay + late).UnixNano())
		}
	})
}

// newActor makes the surroundings of one run.
func newActor(t testing.TB, c cell) *actor {
	edits := append(slices.Clone(matrixEdits),
		edit{"lcs:\n", fmt.Sprintf("lcs:\n  timeout: %s\n", timeout)},
		edit{"finops:\n", fmt.Sprintf("finops:\n  timeout: %s\n", timeout)})
	if !c.scheduled { // there a person is asked to type it in
		edits = append(edits, edit{"user: uat@contoso.com, ", "user: uat@contoso.com, password: {file: smtp-password}, "})
	} else {
		edits = append(edits, edit{"      downtime:", "      schedule: {cron: \"" + scheduleCron + "\", missed: once}\n      downtime:"})
	}
	a := &actor{cell: c, pressed: map[choice]int{}}
	hub := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { a.hub.Add(1) }))
	t.Cleanup(hub.Close)
	edits = append(edits, edit{"HUB", hub.URL})
	a.world = newWorld(t, cloudsim.Options{Speed: 6000, Companion: true}, edits...)
	a.planted = map[string]string{"the SMTP password": smtpPassword}
	a.write("smtp-password", smtpPassword)
	data, err := cloudsim.DataPackage(map[string]string{"DocumentParameters": "KEY,MAXFILESIZEINFILESYSTEM\n0,7\n"})
	if err != nil {
		t.Fatal(err)
	}
	a.write("config.zip", string(data))
	ctx, cancel := context.WithTimeout(t.Context(), patience+c.pause)
	t.Cleanup(cancel)
	a.ctx = ctx
	return a
}

// smtpPassword is written in other ways in JSON, in an address and in base64.
const smtpPassword = `Hush&"<7/+ü\x`
