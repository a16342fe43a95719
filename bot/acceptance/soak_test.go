package acceptance

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
)

var (
	soakFor    = flag.Duration("soak", 0, "how `long` the soak takes; 0: none")
	soakEvery  = flag.Duration("soak-every", time.Minute, "how `often` a refresh is asked for")
	soakSeed   = flag.Uint64("soak-seed", 0, "of the faults and kills; 0: a new one")
	soakReport = flag.String("soak-report", "", "write the figures into this `file`, between its marks")
)

// What LCS allows is three refreshes of a target in 24 hours, so a soak has many targets.
const quota = 3

// soak is a bot that works for a long time while everything around it goes wrong now and then.
type soak struct {
	*world
	random *rand.Rand
	began  time.Time
	end    time.Time
	life   int // of the bot
	kills  int
	faults int

	pressed map[string]time.Time // when each button was pressed last
	played  []asked
	samples []sample
	looked  time.Time // when the last sample was taken
	next    time.Time // when the next thing goes wrong
	doom    time.Time // when the process is killed next
}

// asked is one refresh that was asked for.
type asked struct {
	target string
	took   time.Duration
}

// sample is what the process says of itself at one moment.
type sample struct {
	at                          time.Duration
	life                        int
	goroutines, heap, rss, open float64 // heap and rss in MB
	file                        float64 // of the store, in MB
	refreshes                   int
}

// A refresh every so often, with faults on every side, kills in the first half and backups all the time. In the end the
// record, LCS and Slack agree about each of them, and the process has grown by nothing that it does not need.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("give -soak=10m")
	}
	if *soakSeed == 0 {
		*soakSeed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *soakSeed)
	targets := int(*soakFor / *soakEvery)/quota + 2
	s := &soak{world: newWorld(t, cloudsim.Options{Environments: withTargets(targets)}), random: rand.New(rand.NewPCG(*soakSeed, 1)), pressed: map[string]time.Time{}}
	s.ctx = t.Context() // the test's own timeout counts
	s.configure(edit{"path: refreshbot.db", "path: refreshbot.db\n  backup: {dir: backups, every: 30s, keep: 3}"},
		s.others(targets))
	s.start()
	s.life, s.began = 1, time.Now()
	s.end, s.doom = s.began.Add(*soakFor), s.began.Add(5*time.Second)
	for i := 0; time.Now().Before(s.end) && i < targets*quota; i++ {
		due := s.began.Add(time.Duration(i) * *soakEvery)
		s.idle(due)
		s.one(targetName(i / quota))
	}
	s.slack.ClearFaults()
	s.idle(time.Now().Add(5 * time.Second))
	s.look()
	s.stop()
	s.judge()
	s.judgeBackups()
	s.judgePanics()
	s.judgeSecrets(strings.Join(s.log, "\n"))
	s.grown()
	s.write()
}

// one plays a refresh from the slash to its report, whatever happens meanwhile.
func (s *soak) one(target string) {
	s.t.Helper()
	began, starts, before := time.Now(), s.cloud.Starts(target), s.card().TS
	sent := false
	limit := time.Now().Add(5 * time.Minute)
	for !s.shown(before) {
		if time.Now().After(limit) {
			s.t.Fatalf("the refresh of %s does not end", target)
		}
		s.misfortune()
		s.sample()
		switch {
		case s.slack.Connections() == 0:
		case !sent:
			ack, err := s.slack.Slash(s.ctx, rita, channel, "/refresh "+target+" now for the soak")
			sent = err == nil && ack.OK && (strings.Contains(ack.Text, "Asked") || strings.Contains(ack.Text, "is being refreshed already"))
		case s.card().TS != before:
			s.answer(target, starts)
		}
		s.pause(100 * time.Millisecond)
	}
	s.played = append(s.played, asked{target, time.Since(began)})
}

// shown reports whether the newest card is another than before, and tells the end with its report.
func (s *soak) shown(before string) bool {
	c := s.card()
	open := slices.ContainsFunc(c.Buttons(), func(b slacksim.Button) bool { return strings.HasPrefix(b.ActionID, "gate:") })
	return c.TS != "" && c.TS != before && !open && strings.Contains(c.Plain(), "Ended:") && strings.Contains(string(c.Blocks), "every step, decision and time")
}

// answer presses what the card offers, as people would.
func (s *soak) answer(target string, starts int) {
	copied := s.cloud.Starts(target) > starts
	for _, action := range []string{"approve", "sign_off", "done", "open", "retry", "adopt", "start_again"} {
		button, ok := s.offered(action)
		if !ok || action == "adopt" && !copied || action == "start_again" && copied {
			continue
		}
		// Whoever is told that Slack does not answer presses once more.
		if time.Since(s.pressed[button.Value]) < 3*time.Second {
			return
		}
		s.pressed[button.Value] = time.Now()
		_, _ = s.slack.ClickRaw(s.ctx, anna, channel, s.card().TS, map[string]any{"action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value})
		return
	}
}

// pause waits for a change or for the time.
func (s *soak) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.slack.Changed():
	case <-s.cloud.Changed():
	case <-timer.C:
	case <-s.ctx.Done():
		s.t.Fatal("the soak was cut short: give go test a longer -timeout")
	}
}

func (s *soak) idle(until time.Time) {
	for time.Now().Before(until) {
		s.sample()
		s.pause(time.Until(until))
	}
}

// misfortune makes something go wrong about every other second, and ends the process about twice a minute in the
// first half, always in the middle of a refresh. In the second half the process lives on, so that what it grows by can be
// seen.
func (s *soak) misfortune() {
	now := time.Now()
	if now.Before(s.next) {
		return
	}
	s.next = now.Add(time.Duration(500+s.random.IntN(3000)) * time.Millisecond)
	if now.After(s.doom) && now.Sub(s.began) < *soakFor/2 {
		s.doom = now.Add(time.Duration(10+s.random.IntN(40)) * time.Second)
		s.kills++
		s.bot.kill()
		s.over()
		s.start()
		s.life++
		return
	}
	s.faults++
	method := draw(s.random, "chat.postMessage", "chat.update", "users.info", "usergroups.users.list", "conversations.replies", "files.completeUploadExternal", "*")
	status := draw(s.random, 429, 500, 503)
	switch s.random.IntN(8) {
	case 0:
		s.slack.Fail(method, slacksim.Fault{Status: status, RetryAfter: 1})
	case 1:
		s.slack.Fail(method, slacksim.Fault{DropReply: true})
	case 2:
		s.slack.Fail(method, slacksim.Fault{DropRequest: true})
	case 3:
		s.slack.DisconnectOne(draw(s.random, "warning", "refresh_requested", "link_disabled"))
	case 4:
		s.cloud.Fail(s.host(), "", cloudsim.Fault{Status: status, RetryAfter: 1})
	case 5:
		s.cloud.Fail(s.host(), "", cloudsim.Fault{DropReply: true})
	case 6:
		s.cloud.Fail(s.host(), "", cloudsim.Fault{DropRequest: true})
	case 7:
		s.cloud.ExpireTokens()
	}
}

// draw takes one of those named, each as likely as another.
func draw[T any](random *rand.Rand, from ...T) T {
	return from[random.IntN(len(from))]
}

// host is LCS or the target that is at work.
func (s *soak) host() string {
	if s.random.IntN(2) == 0 {
		return "lcs"
	}
	return targetName(len(s.played) / quota)
}

// sample takes down what the process says of itself, every five seconds.
func (s *soak) sample() {
	if time.Since(s.looked) >= 5*time.Second {
		s.look()
	}
}

func (s *soak) look() {
	s.looked = time.Now()
	address := ""
	lines, _ := s.bot.stderr()
	for _, line := range lines {
		if _, rest, ok := strings.Cut(line, `"http":"`); ok && strings.Contains(line, `"msg":"ready"`) {
			address, _, _ = strings.Cut(rest, `"`)
		}
	}
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return // it is being started
	}
	defer res.Body.Close()
	m := map[string]float64{}
	for scan := bufio.NewScanner(res.Body); scan.Scan(); {
		if name, value, ok := strings.Cut(scan.Text(), " "); ok && !strings.HasPrefix(name, "#") {
			m[name], _ = strconv.ParseFloat(value, 64) // NaN and the like are of no interest here
		}
	}
	info, err := os.Stat(s.storePath())
	if err != nil {
		s.t.Fatal(err)
	}
	const mb = 1 << 20
	s.samples = append(s.samples, sample{
		at: time.Since(s.began), life: s.life, goroutines: m["go_goroutines"], heap: m["go_memstats_heap_alloc_bytes"] / mb,
		rss: m["process_resident_memory_bytes"] / mb, open: m["process_open_fds"], file: float64(info.Size()) / mb, refreshes: len(s.played),
	})
}

// judge holds the record against LCS and Slack, refresh by refresh.
func (s *soak) judge() {
	s.t.Helper()
	store, err := bolt.Open(s.ctx, s.storePath(), bolt.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if err := store.Check(s.ctx); err != nil {
		s.t.Errorf("the record is damaged: %v", err)
	}
	all, err := store.Recent(s.ctx, "", 10_000)
	if err != nil || len(all) != len(s.played) {
		s.t.Errorf("the record has %d refreshes, and %d were asked for: %v", len(all), len(s.played), err)
	}
	posts := map[string]int{} // refresh and key
	for _, m := range s.marked() {
		posts[m.Payload.Refresh+" "+m.Payload.Key]++
	}
	copies, done := map[string]int{}, 0
	for _, r := range all {
		if r.Status == refresh.Done {
			done++
		} else {
			s.t.Errorf("%s ended %s: %s", r.ID, r.Status, r.Ending)
		}
		if !r.Approved() {
			s.t.Errorf("%s went on without an approval", r.ID)
		}
		if r.Copy.Operation != "" {
			copies[r.Target.Name]++
		}
		entries, err := store.Journal(s.ctx, r.ID, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		wanted := map[string]bool{"card": true, "untold": posts[string(r.ID)+" untold"] > 0}
		var before refresh.Refresh
		for _, e := range entries {
			after := refresh.Apply(before, e.Event, e.At)
			if _, notable := view.Event(before, after, e, view.Options{}); notable {
				wanted[strconv.FormatInt(e.Seq, 10)] = true
			}
			before = after
		}
		for key, want := range wanted {
			if n := posts[string(r.ID)+" "+key]; want && n != 1 {
				s.t.Errorf("%s: post %s is there %d times", r.ID, key, n)
			}
		}
	}
	for i := range (len(s.played) + quota - 1) / quota {
		if name := targetName(i); s.cloud.Starts(name) != copies[name] {
			s.t.Errorf("%s: LCS counted %d starts, the record has %d copies", name, s.cloud.Starts(name), copies[name])
		}
	}
	if n := len(s.backups()); n > 3 {
		s.t.Errorf("%d backups are kept, not 3", n)
	}
	s.t.Logf("%d refreshes, %d done, %d faults, %d kills", len(all), done, s.faults, s.kills)
}

// marked are the marks of all posts that stand in the channel, cards and threads.
func (s *soak) marked() (all []mark) {
	for _, m := range s.slack.Messages(channel) {
		var k mark
		if len(m.Metadata) > 0 && !m.Deleted && json.Unmarshal(m.Metadata, &k) == nil {
			all = append(all, k)
		}
	}
	return all
}

// grown compares the beginning of the longest life with its end.
func (s *soak) grown() {
	s.t.Helper()
	var last []sample
	for _, x := range s.samples {
		if x.life == s.life {
			last = append(last, x)
		}
	}
	if len(last) < 8 {
		s.t.Fatalf("%d samples of the last life are too few; soak for longer", len(last))
	}
	quarter := len(last) / 4
	first, end := last[:quarter], last[len(last)-quarter:]
	for name, c := range map[string]struct {
		of     func(sample) float64
		factor float64
		more   float64
	}{
		"goroutines":       {func(x sample) float64 { return x.goroutines }, 1.2, 10},
		"open files":       {func(x sample) float64 { return x.open }, 1.2, 8},
		"heap in MB":       {func(x sample) float64 { return x.heap }, 1.5, 8},
		"resident size MB": {func(x sample) float64 { return x.rss }, 1.5, 16},
	} {
		// The least of a while: what is there when nothing happens and the heap was just cleaned.
		if was, is := least(first, c.of), least(end, c.of); is > was*c.factor+c.more {
			s.t.Errorf("%s grew from %.1f to %.1f", name, was, is)
		}
	}
	const perRefresh = 0.5 // MB; a row, a journal with its snapshot, and what bbolt rounds up
	if file := end[len(end)-1].file; file > 1+perRefresh*float64(len(s.played)) {
		s.t.Errorf("the store has %.1f MB after %d refreshes", file, len(s.played))
	}
}

func least(xs []sample, of func(sample) float64) float64 {
	low := of(xs[0])
	for _, x := range xs {
		low = min(low, of(x))
	}
	return low
}

// write notes the figures, a row for each tenth of the time.
func (s *soak) write() {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, a refresh every %s, seed %d: %d refreshes, %d faults, %d kills, %d violations.\n\n",
		time.Since(s.began).Round(time.Second), *soakEvery, *soakSeed, len(s.played), s.faults, s.kills, map[bool]int{true: 1}[s.t.Failed()])
	b.WriteString("| after | life | refreshes | goroutines | open files | heap | resident | store |\n|---|---|---|---|---|---|---|---|\n")
	step := max(1, len(s.samples)/10)
	for i := 0; i < len(s.samples); i += step {
		x := s.samples[i]
		fmt.Fprintf(&b, "| %s | %d | %d | %.0f | %.0f | %.1f MB | %.0f MB | %.2f MB |\n", x.at.Round(time.Second), x.life, x.refreshes, x.goroutines, x.open, x.heap, x.rss, x.file)
	}
	s.t.Log("\n" + b.String())
	if *soakReport == "" {
		return
	}
	const from, to = "<!-- soak -->\n", "<!-- end of soak -->"
	page, err := os.ReadFile(*soakReport)
	if err != nil {
		s.t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), from)
	_, tail, ends := strings.Cut(rest, to)
	if !ok || !ends {
		s.t.Fatalf("%s has no place for the figures", *soakReport)
	}
	if err := os.WriteFile(*soakReport, []byte(head+from+b.String()+to+tail), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
