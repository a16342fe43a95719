package bot_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/blackout"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	rita    = "U0RITA" // asks
	anna    = "U0ANNA" // approves
	channel = "C0REFRESH"
	release = "S0RELEASE"
)

// store is what a bot and an engine need of one.
type store interface {
	engine.Store
	kept
}

// bench is a simulated Slack, a bot on real sockets, and the real engine with commands behind it.
type bench struct {
	t        testing.TB
	ctx      context.Context
	sim      *slacksim.Server
	store    store
	machine  *engine.Engine
	answers  *commands.Service
	options  bot.Options
	extra    []refresh.Spec // steps that a refresh has after those of request
	more     []string       // targets besides uat
	looks    looks          // how looking ahead goes
	health   *bot.Health
	bot      atomic.Pointer[bot.Bot]
	stopping atomic.Bool
	perform  engine.Performer
	still    bool // within the process and on a fake clock: nobody is listened to
	stop     func()
	through  func(http.RoundTripper) http.RoundTripper // changes the way to Slack; nil: nothing does
}

// setting changes what a bench is made of before it starts.
type setting func(*bench, *slacksim.Options)

func with(change func(o *bot.Options)) setting {
	return func(b *bench, _ *slacksim.Options) { change(&b.options) }
}

func newBench(t testing.TB, settings ...setting) *bench {
	t.Helper()
	b := &bench{t: t, store: storetest.NewMemory(), perform: performer{}}
	so := slacksim.Options{
		NoRateLimits: true,
		Users:        []slacksim.User{{ID: rita, Name: "rita"}, {ID: anna, Name: "anna"}},
		Channels:     []slacksim.Channel{{ID: channel, Name: "uat-refresh", BotMember: true}},
		UserGroups:   []slacksim.UserGroup{{ID: release, Handle: "release", Users: []string{rita, anna}}},
	}
	b.options = bot.Options{
		Journal: nil, Log: slog.New(slog.DiscardHandler), View: view.Options{Zone: time.UTC},
		Transport: &http.Transport{}, Settle: 400 * time.Millisecond, Retry: 20 * time.Millisecond, Pace: 5 * time.Millisecond,
	}
	t.Cleanup(b.options.Transport.CloseIdleConnections)
	for _, s := range settings {
		s(b, &so)
	}
	lifetime := 4 * time.Minute // long because the machine may be busy; nothing waits it out
	if b.still {
		lifetime = 3 * 24 * time.Hour
	}
	ctx, cancel := context.WithTimeout(t.Context(), lifetime)
	t.Cleanup(cancel)
	b.ctx = ctx
	var sim *slacksim.Server
	var reach http.RoundTripper = b.options.Transport
	var err error
	if b.still {
		sim, reach = slacksim.InProcess(so)
	} else if sim, err = slacksim.Start(so); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	b.sim = sim
	if b.through != nil {
		reach = b.through(reach)
	}
	if b.options.API == nil {
		b.options.API = bot.NewAPI(sim.BotToken(), sim.AppToken(), sim.APIURL(), reach)
	}
	b.machine = engine.New(engine.Options{
		Store: b.store, Performer: b.perform, Log: slog.New(slog.DiscardHandler), Committed: func(id refresh.ID) { b.bot.Load().Committed(id) },
	})
	targets := map[string]commands.Target{}
	for _, name := range append([]string{"uat"}, b.more...) {
		req := request(name)
		req.Plan = append(req.Plan, b.extra...)
		targets[name] = commands.Target{Request: req}
	}
	calendar, err := blackout.New(nil, time.UTC, b.store)
	if err != nil {
		t.Fatal(err)
	}
	b.answers, err = commands.New(commands.Options{
		Engine: b.machine, Record: b.store, Directory: bot.NewDirectory(b.options.API), Sources: []string{"prod"},
		Targets: targets, Rehearsal: rehearsal{&b.looks}, Next: func(string) time.Time { return time.Time{} },
		Calendar: calendar, Zone: time.UTC, Admins: b.options.Admins,
	})
	if err != nil {
		t.Fatal(err)
	}
	if b.options.Handler == nil {
		b.options.Handler = b.answers
	}
	if b.options.Journal == nil {
		b.options.Journal = b.store
	}
	if b.options.Records == nil {
		b.options.Records = b.store
	}
	b.start()
	machine, stopMachine := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.machine.Run(machine); err != nil {
			t.Error(err)
		}
	})
	<-b.machine.Recovered()
	t.Cleanup(func() {
		stopMachine()
		running.Wait()
		b.stop()
	})
	return b
}

// start begins a new process of the bot.
func (b *bench) start() {
	b.health = bot.NewHealth()
	b.health.Recovered()
	o := b.options
	o.Health = b.health
	slackBot := bot.New(o)
	b.bot.Store(slackBot)
	ctx, cancel := context.WithCancel(b.ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if b.still {
			slackBot.Publish(ctx)
		} else if err := slackBot.Run(ctx); err != nil {
			b.t.Error(err)
		}
	})
	b.stopping.Store(false)
	b.stop = func() { cancel(); b.stopping.Store(true); running.Wait() }
}

// connected waits until both connections stand.
func (b *bench) connected() *bench {
	b.t.Helper()
	b.until("two connections", func() bool { return b.sim.Connections() == 2 && b.readyz().Connections == 2 })
	return b
}

// until waits for something that the simulated Slack can see change, or that follows soon after.
func (b *bench) until(what string, cond func() bool) {
	b.t.Helper()
	every := 10 * time.Millisecond
	if b.still {
		every = time.Second // an hour passes at once, but each look takes its time
	}
	for tick := time.NewTicker(every); ; {
		next := b.sim.Changed()
		if cond() {
			tick.Stop()
			return
		}
		select {
		case <-next:
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("%s: it did not come to that\nreadyz %+v\n%s", what, b.readyz(), b.sim.Transcript(channel))
		}
	}
}

type readyz struct {
	status      int
	Ready       bool
	Recovered   bool
	Connections int `json:"slack_connections"`
	Slack       string
	Publishing  map[string]string
}

func (b *bench) readyz() (r readyz) {
	b.t.Helper()
	rec := get(b.health, "/readyz")
	if err := json.Unmarshal(rec.Body.Bytes(), &r); err != nil {
		b.t.Fatal(err)
	}
	r.status = rec.Code
	return r
}

func get(h *bot.Health, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil))
	return rec
}

// slash has rita send a command.
func (b *bench) slash(text string) slacksim.Ack {
	b.t.Helper()
	ack, err := b.sim.Slash(b.ctx, rita, channel, text)
	if err != nil {
		b.t.Fatal(err)
	}
	return ack
}

// ask has rita ask for a refresh and waits for the card's buttons.
func (b *bench) ask() slacksim.Message {
	b.t.Helper()
	if ack := b.slash("/refresh uat now"); !ack.OK {
		b.t.Fatalf("/refresh uat: %+v", ack)
	}
	return b.offered(refresh.ActionApprove)
}

// offered waits until the card has the button.
func (b *bench) offered(a refresh.Action) (card slacksim.Message) {
	b.t.Helper()
	b.until("the button "+string(a), func() bool {
		for _, m := range b.cards() {
			for _, button := range m.Buttons() {
				if button.ActionID == "gate:"+string(a) {
					card = m
					return true
				}
			}
		}
		return false
	})
	return card
}

// press has a person press a button, which must be acknowledged.
func (b *bench) press(user string, a refresh.Action) {
	b.t.Helper()
	card := b.offered(a)
	ack, err := b.sim.Click(b.ctx, user, channel, card.TS, "gate:"+string(a))
	if err != nil || !ack.OK {
		b.t.Fatalf("press %s: %+v, %v", a, ack, err)
	}
}

// cards returns the cards that stand in the channel, replies those in threads, oldest first.
func (b *bench) cards() []slacksim.Message {
	return b.messages(func(m slacksim.Message) bool { return m.ThreadTS == "" || m.ThreadTS == m.TS })
}
func (b *bench) replies() []slacksim.Message {
	return b.messages(func(m slacksim.Message) bool { return m.ThreadTS != "" && m.ThreadTS != m.TS })
}

func (b *bench) messages(keep func(slacksim.Message) bool) (list []slacksim.Message) {
	for _, m := range b.sim.Messages(channel) {
		if !m.Deleted && !m.Ephemeral && len(m.Metadata) > 0 && keep(m) {
			list = append(list, m)
		}
	}
	return list
}

// keyOf reads the mark that a post carries.
func (b *bench) keyOf(m slacksim.Message) string {
	b.t.Helper()
	var mark struct {
		Type    string `json:"event_type"`
		Payload struct{ Refresh, Key string }
	}
	if err := json.Unmarshal(m.Metadata, &struct {
		Type    *string `json:"event_type"`
		Payload any     `json:"event_payload"`
	}{&mark.Type, &mark.Payload}); err != nil {
		b.t.Fatal(err)
	}
	if mark.Type != "refreshbot_post" || !strings.HasPrefix(mark.Payload.Refresh, "uat-") && !b.still {
		b.t.Fatalf("the mark of a post is %s", m.Metadata)
	}
	return mark.Payload.Key
}

func (b *bench) refresh() refresh.Refresh {
	b.t.Helper()
	list, err := b.store.Recent(b.ctx, "", 10)
	if err != nil || len(list) != 1 {
		b.t.Fatalf("%d refreshes, want one: %v", len(list), err)
	}
	return list[0]
}

// settled waits until the journal has nothing that Slack does not show.
func (b *bench) settled() {
	b.t.Helper()
	b.until("everything is shown", func() bool {
		r := b.refresh()
		var state struct {
			Shown, Told int64
			Noticed     []struct{ Told int64 }
			Asks        []struct {
				Gate         string
				Sent, Closed bool
			}
		}
		data, ok, err := b.store.Record(b.ctx, "posts", string(r.ID))
		if err != nil {
			b.t.Fatal(err)
		}
		if ok {
			if err := json.Unmarshal(data, &state); err != nil {
				b.t.Fatal(err)
			}
		}
		heard := !slices.ContainsFunc(state.Noticed, func(a struct{ Told int64 }) bool { return a.Told != r.Version })
		for _, g := range r.OpenGates() {
			asked := slices.Contains([]refresh.GateKind{refresh.GateApprove, refresh.GateSignOff, refresh.GateOpen}, g.Kind)
			for _, a := range state.Asks {
				asked = asked && (a.Gate != g.ID || !a.Sent)
			}
			heard = heard && !asked
		}
		for _, a := range state.Asks {
			g, _ := r.Gate(a.Gate)
			heard = heard && (a.Closed || g.Open() && !r.Status.Ended())
		}
		return state.Shown == r.Version && state.Told == r.Version && heard
	})
}

// noDoubles fails the test when two posts that stand carry the same mark.
func (b *bench) noDoubles() {
	b.t.Helper()
	seen := map[string]bool{}
	for _, m := range append(b.cards(), b.replies()...) {
		if key := string(m.Metadata); seen[key] {
			b.t.Errorf("post %s was made twice:\n%s", key, b.sim.Transcript(channel))
		} else {
			seen[key] = true
		}
	}
}

func request(target string) refresh.Request {
	req := storetest.Request("", storetest.Environment(target))
	req.By, req.Channel = refresh.Person{}, channel
	req.Plan[1].Policy = &refresh.Policy{By: []string{release}, Count: 1}
	return req
}

// looks holds up looking ahead, until it is let go.
type looks struct{ hold chan struct{} }

// rehearsal foresees the same for every request.
type rehearsal struct{ *looks }

func (r rehearsal) wait(ctx context.Context) {
	if r.hold != nil {
		select {
		case <-r.hold:
		case <-ctx.Done():
		}
	}
}

func (r rehearsal) Would(_ refresh.Request, s refresh.Spec) string { return "would do " + s.ID }

func (r rehearsal) Checks(ctx context.Context, req refresh.Request) refresh.Outcome {
	r.wait(ctx)
	return refresh.Outcome{Result: refresh.Failure, Findings: []refresh.Finding{
		{OK: true, Name: "Two environments"}, {Name: "Nothing runs on " + req.Target.Name, Detail: "LCS is busy with a backup."},
	}}
}

func (r rehearsal) AtStake(ctx context.Context, req refresh.Request) []refresh.Finding {
	r.wait(ctx)
	return []refresh.Finding{{OK: true, Name: "Users who can sign in", Detail: "2 users: ANNA, BO"}, {Name: "Batch jobs", Detail: req.Target.Name + " does not answer."}}
}

func (r rehearsal) Guests(ctx context.Context, _ refresh.Request) refresh.Outcome {
	r.wait(ctx)
	return refresh.Outcome{Result: refresh.Succeeded, Note: "3 users would be let in; 1 name unknown to production"}
}

// performer does everything at once.
type performer struct{}

func (performer) Perform(_ context.Context, _ refresh.Refresh, s refresh.Step) refresh.Outcome {
	o := refresh.Outcome{Result: refresh.Succeeded, Note: "done: " + s.Name}
	switch s.Kind {
	case refresh.KindCopy:
		o.Operation = "op-1"
	case refresh.KindFollow:
		o.Status = refresh.CopyCompleted
	case refresh.KindVerify: // the plan says what is seen
		if err := json.Unmarshal(s.Params, &o.Findings); err != nil {
			panic(err)
		}
	}
	return o
}

func (performer) Look(context.Context, refresh.Refresh, refresh.Step) refresh.Sighted {
	return refresh.Sighted{}
}

func (performer) Watch(context.Context, refresh.Refresh, refresh.Step) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Continues, Again: time.Hour}
}

// failing fails at whatever is to be reconfigured.
type failing struct{ performer }

func (f failing) Perform(ctx context.Context, r refresh.Refresh, s refresh.Step) refresh.Outcome {
	if s.Phase == refresh.PhaseReconfigure {
		return refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Refused, Message: "It cannot be set."}}
	}
	return f.performer.Perform(ctx, r, s)
}
