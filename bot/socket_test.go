package bot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// handler answers with functions.
type handler struct {
	slash func(context.Context, commands.Line) commands.Reply
	click func(context.Context, commands.Press) commands.Reply
	forms func(context.Context, commands.Filled) commands.Reply
}

func (h handler) Slash(ctx context.Context, in commands.Line) commands.Reply { return h.slash(ctx, in) }
func (h handler) Click(ctx context.Context, in commands.Press) commands.Reply {
	return h.click(ctx, in)
}
func (h handler) Fill(ctx context.Context, in commands.Filled) commands.Reply {
	return h.forms(ctx, in)
}
func (h handler) Shortcut(context.Context, commands.Line) commands.Reply { return commands.Reply{} }
func (h handler) Explain(context.Context, refresh.ID) commands.Reply     { return commands.Reply{} }
func (h handler) Home(context.Context, refresh.Person, string) commands.Home {
	return commands.Home{}
}

func handling(h handler) setting { return with(func(o *bot.Options) { o.Handler = h }) }

func TestASlashCommandIsCommittedAndAnsweredInTheAcknowledgement(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	ack := b.slash("/refresh uat for March training")
	if !ack.OK || ack.Took > 3*time.Second || !strings.Contains(ack.Text, "uat is to be refreshed from production") {
		t.Fatalf("ack: %+v", ack)
	}
	var payload struct {
		Type string `json:"response_type"`
	}
	if err := json.Unmarshal(ack.Payload, &payload); err != nil || payload.Type != "ephemeral" {
		t.Errorf("the payload is %s", ack.Payload)
	}
	if r := b.refresh(); r.Reason != "March training" || r.RequestedBy != (refresh.Person{ID: rita, Name: "rita"}) {
		t.Errorf("asked for by %+v for %q", r.RequestedBy, r.Reason)
	}
	if told := b.sim.Ephemerals(rita); len(told) != 1 {
		t.Errorf("rita sees %d answers", len(told))
	}
	if !strings.Contains(get(b.health, "/metrics").Body.String(), `refreshbot_ack_seconds_count{type="slash_commands"} 1`) {
		t.Error("the acknowledgement was not counted")
	}
}

func TestNothingIsAcknowledgedBeforeItIsCommitted(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	b := newBench(t, handling(handler{slash: func(context.Context, commands.Line) commands.Reply {
		close(entered)
		<-release
		return commands.Reply{Text: "Committed."}
	}})).connected()
	acks := make(chan slacksim.Ack, 1)
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() { acks <- b.slash("/refresh uat now") })
	<-entered
	// The handler holds the envelope; the other connection still works, so an acknowledgement would get through.
	if e := b.sim.Envelopes(); len(e) != 1 || !e[0].Acked.IsZero() {
		t.Errorf("acknowledged before the handler returned: %+v", e)
	}
	close(release)
	if ack := <-acks; !ack.OK || !strings.Contains(ack.Text, "Committed.") {
		t.Errorf("ack: %+v", ack)
	}
}

// Whoever ran into a defect is told so, and not what the panic says; everybody else notices nothing.
func TestAPanicCostsOneEnvelope(t *testing.T) {
	t.Parallel()
	var log lines
	b := newBench(t, letsUsersIn, with(func(o *bot.Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) }), handling(handler{
		slash: func(_ context.Context, in commands.Line) commands.Reply {
			switch in.Text {
			case "boom":
				panic("the token is xoxb-secret")
			case "later":
				return commands.Reply{Text: "Wait.", Later: func(context.Context) commands.Reply { panic("xoxb-secret") }}
			}
			return commands.Reply{Text: "Fine."}
		},
		click: func(context.Context, commands.Press) commands.Reply { panic(fmt.Errorf("xoxb-secret")) },
	})).connected()
	told := func(who string, times int) {
		t.Helper()
		b.until("the person is told", func() bool {
			n := 0
			for _, m := range b.sim.Ephemerals(who) {
				if strings.Contains(m.Plain(), "A defect in refreshbot") {
					n++
				}
				if strings.Contains(m.Plain(), "secret") {
					t.Errorf("%s is told %q", who, m.Plain())
				}
			}
			return n == times
		})
	}
	if ack := b.slash("/refresh boom"); !ack.OK {
		t.Errorf("the one that panics: %+v", ack)
	}
	told(rita, 1)
	good := view.Button{Refresh: "r", Gate: "g", Nonce: "n", Action: refresh.ActionApprove}
	if ack, err := b.sim.ClickRaw(b.ctx, anna, channel, "1.000001", map[string]any{"block_id": "b", "action_id": good.ActionID(), "value": good.Value()}); err != nil || !ack.OK {
		t.Errorf("the click that panics: %+v, %v", ack, err)
	}
	told(anna, 1)
	if ack := b.slash("/refresh later"); !ack.OK {
		t.Errorf("the one that panics afterwards: %+v", ack)
	}
	told(rita, 2) // beside "Wait.": the answer and its rest take different ways
	for range 3 {
		if ack := b.slash("/refresh uat"); !ack.OK || !strings.Contains(ack.Text, "Fine.") {
			t.Errorf("the next one: %+v", ack)
		}
	}
	b.until("all panics are in the log", func() bool { return strings.Count(log.String(), "caused a panic") == 3 })
	if text := log.String(); strings.Contains(text, "xoxb-secret") || strings.Count(text, "goroutine ") < 3 {
		t.Errorf("the log should have the stacks and not the token:\n%s", text)
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestARefusedClickIsToldToThatPersonAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.ask()
	before := len(b.sim.Ephemerals(rita))
	b.press(rita, refresh.ActionApprove)
	b.until("rita is told", func() bool { return len(b.sim.Ephemerals(rita)) > before })
	told := b.sim.Ephemerals(rita)
	if text := told[len(told)-1].Plain(); !strings.Contains(text, "somebody else has to approve") {
		t.Errorf("rita is told %q", text)
	}
	if len(b.sim.Ephemerals(anna)) != 0 || b.refresh().Approved() {
		t.Error("it should concern nobody else")
	}
	b.press(anna, refresh.ActionApprove)
	if !b.refresh().Approved() {
		t.Error("a click is committed when it is acknowledged")
	}
	if len(b.sim.Ephemerals(anna)) != 0 {
		t.Error("a click that counts needs no words")
	}
}

func TestForgedAndForeignButtons(t *testing.T) {
	t.Parallel()
	var clicks atomic.Int32
	b := newBench(t, handling(handler{click: func(context.Context, commands.Press) commands.Reply { clicks.Add(1); return commands.Reply{} }})).connected()
	for _, value := range []string{"", "{}", `["1","r","g","n","reject"]`, `["0","r","g","n","approve"]`, strings.Repeat("x", 3000)} {
		before := len(b.sim.Ephemerals(anna))
		ack, err := b.sim.ClickRaw(b.ctx, anna, channel, "1.000001", map[string]any{"block_id": "b", "action_id": "gate:approve", "value": value})
		if err != nil || !ack.OK {
			t.Fatalf("%q: %+v, %v", value, ack, err)
		}
		b.until("anna is told", func() bool { return len(b.sim.Ephemerals(anna)) > before })
	}
	if ack, err := b.sim.ClickRaw(b.ctx, anna, channel, "1.000001", map[string]any{"block_id": "b", "action_id": "link", "url": "https://lcs.example"}); err != nil || !ack.OK {
		t.Fatalf("a link: %+v, %v", ack, err)
	}
	good := view.Button{Refresh: "r", Gate: "g", Nonce: "n", Action: refresh.ActionApprove}
	if ack, err := b.sim.ClickRaw(b.ctx, anna, channel, "1.000001", map[string]any{"block_id": "b", "action_id": good.ActionID(), "value": good.Value()}); err != nil || !ack.OK {
		t.Fatalf("a good one: %+v, %v", ack, err)
	}
	if n := clicks.Load(); n != 1 {
		t.Errorf("%d clicks reached the handler, want the good one", n)
	}
}

func TestASecondDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	var seen atomic.Int32
	var real atomic.Pointer[commands.Service]
	b := newBench(t, handling(handler{
		slash: func(ctx context.Context, in commands.Line) commands.Reply {
			defer seen.Add(1)
			return real.Load().Slash(ctx, in)
		},
		click: func(ctx context.Context, in commands.Press) commands.Reply {
			defer seen.Add(1)
			return real.Load().Click(ctx, in)
		},
	}))
	real.Store(b.answers)
	b.connected()
	again := func() {
		t.Helper()
		n := seen.Load()
		b.sim.RedeliverLast()
		b.until("the second delivery is handled", func() bool { return seen.Load() > n })
	}
	b.slash("/refresh uat now")
	again()
	b.press(anna, refresh.ActionApprove)
	again()
	b.settled()
	if r := b.refresh(); len(r.Gates[0].Decisions) != 1 {
		t.Errorf("decisions: %+v", r.Gates[0].Decisions)
	}
	if n := len(b.sim.Ephemerals(rita)) + len(b.sim.Ephemerals(anna)); n != 1 {
		t.Errorf("%d answers, want the one to rita", n)
	}
	b.noDoubles()
}

func TestNothingIsLostWhileConnectionsComeAndGo(t *testing.T) {
	t.Parallel()
	var handled, late atomic.Int32
	b := newBench(t, handling(handler{slash: func(_ context.Context, in commands.Line) commands.Reply {
		handled.Add(1)
		return commands.Reply{Text: in.Text}
	}})).connected()
	var asking sync.WaitGroup
	for i := range 60 {
		if i%10 == 5 {
			b.connected()
			b.sim.DisconnectOne("refresh_requested")
		}
		asking.Go(func() {
			switch ack, err := b.sim.Slash(b.ctx, rita, channel, "/refresh uat now"); {
			case err == nil && ack.Error == "operation_timeout": // the acknowledgement was on the wire when it was cut
				late.Add(1)
			case err != nil || !ack.OK:
				t.Errorf("command %d: %+v, %v", i, ack, err)
			}
		})
	}
	asking.Wait()
	if handled.Load() != 60 || late.Load() > 6 {
		t.Errorf("of 60 commands %d were handled, and of %d the acknowledgement was lost", handled.Load(), late.Load())
	}
	b.connected()
}

func TestItComesBackAfterEachKindOfDisconnect(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"warning", "refresh_requested", "link_disabled", "too_many_websockets", ""} {
		t.Run("reason "+reason, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).connected()
			opened := b.opened()
			if reason == "" {
				b.sim.DropConnections()
			} else {
				b.sim.Disconnect(reason)
			}
			b.until("two new connections", func() bool { return b.opened() >= opened+2 && b.sim.Connections() == 2 })
			b.connected()
			// One of the two may still be an old one, which closes with an acknowledgement on the wire: who asked asks again.
			b.until("a command is answered", func() bool { return b.slash("/refresh help").OK })
		})
	}
}

// opened counts how often a connection was asked for.
func (b *bench) opened() (n int) {
	for _, c := range b.sim.Calls() {
		if c.Method == "apps.connections.open" {
			n++
		}
	}
	return n
}

func TestATokenThatIsRevokedAndComesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	select {
	case <-b.health.Ready():
	case <-b.ctx.Done():
		t.Fatal("never ready")
	}
	b.sim.RevokeTokens()
	b.until("not ready", func() bool {
		r := b.readyz()
		return r.status == 503 && !r.Ready && r.Connections == 0 && strings.Contains(r.Slack, "no longer valid: reinstall the app")
	})
	b.sim.RestoreTokens()
	b.connected()
	if r := b.readyz(); r.status != 200 || !r.Ready || r.Slack != "" {
		t.Errorf("readyz: %+v", r)
	}
}

func TestAWrongToken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		app  func(*slacksim.Options) string
		says string
	}{
		"unknown":      {func(*slacksim.Options) string { return "xapp-1-unknown" }, "does not accept the token"},
		"the bot's":    {func(o *slacksim.Options) string { return o.BotToken }, "wrong kind of Slack token"},
		"not even one": {func(*slacksim.Options) string { return "" }, "does not accept the token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(b *bench, o *slacksim.Options) {
				o.Addr, o.BotToken = freeAddr(t), "xoxb-for-this-test"
				b.options.API = bot.NewAPI(o.BotToken, tc.app(o), "http://"+o.Addr+"/api/", b.options.Transport)
			})
			b.until("the problem is named", func() bool { r := b.readyz(); return !r.Ready && strings.Contains(r.Slack, tc.says) })
			if r := b.readyz(); strings.Contains(r.Slack, "xapp-1-unknown") || strings.Contains(r.Slack, "xoxb") && !strings.Contains(r.Slack, "bot_token with xoxb-") {
				t.Errorf("a token is shown: %q", r.Slack)
			}
		})
	}
}

func TestAnAnswerTooLongForAnAcknowledgement(t *testing.T) {
	t.Parallel()
	long := commands.Reply{Refused: true, Text: strings.Repeat("<", 5000), Hint: strings.Repeat("&", 5000)}
	for range 40 {
		long.Help = append(long.Help, commands.Usage{Form: "/refresh", What: strings.Repeat("&", 300)})
		long.Targets = append(long.Targets, commands.Standing{Target: strings.Repeat("&", 80), Source: strings.Repeat("&", 80)})
	}
	b := newBench(t, handling(handler{slash: func(context.Context, commands.Line) commands.Reply { return long }})).connected()
	if ack := b.slash("/refresh help"); !ack.OK || ack.Payload != nil {
		t.Errorf("acknowledged %v with %d bytes, want none", ack.OK, len(ack.Payload))
	}
	b.until("rita is answered", func() bool { return len(b.sim.Ephemerals(rita)) == 1 })
}

func TestABotTokenThatIsRevokedWhileThereIsNothingToPostShows(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.until("it is ready", func() bool { return b.readyz().Ready })
	b.sim.RevokeBotToken()
	b.until("it is not", func() bool {
		r := b.readyz()
		return !r.Ready && r.Connections == 2 && strings.Contains(r.Slack, "reinstall the app and put the new token into the configuration")
	})
	b.sim.RestoreTokens()
	b.until("it is again", func() bool { r := b.readyz(); return r.Ready && r.Slack == "" })
}
