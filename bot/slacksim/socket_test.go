package slacksim

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

func TestSlashCommandIsAnsweredByItsAck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.connect(ackWith(map[string]any{"text": "on it, <@U1>"}))
	ack, err := b.Slash(b.ctx, "U1", "C1", "/refresh uat now")
	if err != nil || !ack.OK || ack.Text != "on it, @anna" || ack.Took <= 0 {
		t.Fatalf("ack %+v, err %v", ack, err)
	}
	a.mu.Lock()
	hellos := a.hellos
	a.mu.Unlock()
	if hellos != 1 {
		t.Errorf("%d hellos before the first envelope", hellos)
	}
	var cmd slack.SlashCommand
	if err := json.Unmarshal(a.requests()[0].Payload, &cmd); err != nil {
		t.Fatal(err)
	}
	if cmd.Command != "/refresh" || cmd.Text != "uat now" || cmd.UserID != "U1" || cmd.ChannelID != "C1" || cmd.TriggerID == "" {
		t.Errorf("payload %+v", cmd)
	}
	if got := b.Ephemerals("U1"); len(got) != 1 || got[0].To != "U1" {
		t.Errorf("ephemerals of the sender: %+v", got)
	}
	if got := b.Ephemerals("U2"); len(got) != 0 {
		t.Errorf("somebody else sees %+v", got)
	}
}

func TestInChannelAckShowsCommandAndReply(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect(ackWith(map[string]any{"response_type": "in_channel", "text": "hello all"}))
	if _, err := b.Slash(b.ctx, "U1", "C1", "/refresh status"); err != nil {
		t.Fatal(err)
	}
	m := b.Messages("C1")
	if len(m) != 2 || m[0].Text != "/refresh status" || m[0].User != "U1" || m[1].Text != "hello all" || m[1].Ephemeral {
		t.Errorf("messages %+v", m)
	}
}

func TestCommandWithoutConnectionOrAckFailsVisibly(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options, _ *tuning) { o.AckTimeout = 300 * time.Millisecond })
	ack, err := b.Slash(b.ctx, "U1", "C1", "/refresh uat")
	if err != nil || ack.OK || ack.Error != "dispatch_failed" {
		t.Fatalf("no connection: %+v %v", ack, err)
	}
	// The app leaves the first envelope alone and acks it only together with the second one.
	a := b.connect(func(a *app, ev socketmode.Event) {
		if seen := a.requests(); len(seen) == 2 {
			_ = a.client.Ack(seen[0], map[string]any{"text": "late"})
			_ = a.client.Ack(seen[1], map[string]any{"text": "in time"})
		}
	})
	ack, err = b.Slash(b.ctx, "U1", "C1", "/refresh uat")
	if err != nil || ack.OK || ack.Error != "operation_timeout" {
		t.Fatalf("no ack: %+v %v", ack, err)
	}
	n := b.Notices("U1")
	if len(n) != 2 || n[1].Text != `/refresh failed with the error "operation_timeout"` {
		t.Errorf("notices %+v", n)
	}
	b.until("first envelope", func() bool { return len(a.requests()) == 1 })
	if ack, err = b.Slash(b.ctx, "U1", "C1", "/refresh uat"); err != nil || ack.Text != "in time" {
		t.Fatalf("%+v %v", ack, err)
	}
	if got := b.Ephemerals("U1"); len(got) != 1 {
		t.Errorf("late reply shown: %+v", got)
	}
	if ack, _ = b.Slash(b.ctx, "U1", "C1", "/nonsense"); ack.Error != "unknown_command" {
		t.Errorf("undeclared command: %+v", ack)
	}
}

func TestEachEnvelopeGoesToOneConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.connect(ackWith(nil)), b.connect(ackWith(nil))
	for range 8 {
		if ack, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); err != nil || !ack.OK {
			t.Fatalf("%+v %v", ack, err)
		}
	}
	seen := map[string]int{}
	for _, r := range append(one.requests(), two.requests()...) {
		seen[r.EnvelopeID]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("envelope %s delivered %d times", id, n)
		}
	}
	if len(seen) != 8 || len(one.requests()) != 4 || len(two.requests()) != 4 {
		t.Errorf("%d + %d envelopes", len(one.requests()), len(two.requests()))
	}
}

func TestClientsComeBackAfterDisconnect(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name string
		cut  func(*Server)
	}{
		{"refresh_requested", func(s *Server) { s.Disconnect("refresh_requested") }},
		{"warning", func(s *Server) { s.Disconnect("warning") }},
		{"one of them", func(s *Server) { s.DisconnectOne("refresh_requested") }},
		{"abrupt", func(s *Server) { s.DropConnections() }},
	} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			a := b.connect(ackWith(nil))
			how.cut(b.Server)
			b.until("second hello", func() bool {
				open := b.openConns()
				return len(open) == 1 && open[0].n == 2
			})
			if ack, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); err != nil || !ack.OK {
				t.Fatalf("%+v %v", ack, err)
			}
			if len(a.requests()) != 1 {
				t.Errorf("%d requests", len(a.requests()))
			}
		})
	}
}

func TestEnvelopeCanBeDeliveredTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := make(chan string, 4)
	b.connect(func(a *app, ev socketmode.Event) {
		_ = a.client.Ack(*ev.Request)
		got <- ev.Request.EnvelopeID
	})
	ack, err := b.Slash(b.ctx, "U1", "C1", "/refresh")
	if err != nil {
		t.Fatal(err)
	}
	first := <-got
	b.RedeliverLast()
	if second := <-got; second != first || second != ack.EnvelopeID {
		t.Errorf("%s then %s", first, second)
	}
	if e := b.Envelopes(); len(e) != 1 || e[0].Duplicates != 1 || e[0].Connection != 1 {
		t.Errorf("envelopes %+v", e)
	}
}

func TestUnackedEventIsSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options, tu *tuning) {
		o.AckTimeout = 30 * time.Millisecond
		tu.eventRetries = [3]time.Duration{0, time.Millisecond, time.Millisecond}
	})
	tries := 0
	a := b.connect(func(a *app, ev socketmode.Event) {
		if tries++; tries == 3 {
			_ = a.client.Ack(*ev.Request)
		}
	})
	ack, err := b.OpenHome(b.ctx, "U1")
	if err != nil || !ack.OK {
		t.Fatalf("%+v %v", ack, err)
	}
	var ids []string
	for i, r := range a.requests() {
		var p struct {
			EventID string `json:"event_id"`
		}
		_ = json.Unmarshal(r.Payload, &p)
		ids = append(ids, p.EventID)
		reason := map[bool]string{true: "", false: "timeout"}[i == 0]
		if r.RetryAttempt != i || r.RetryReason != reason {
			t.Errorf("delivery %d: attempt %d, reason %q", i, r.RetryAttempt, r.RetryReason)
		}
	}
	if len(ids) != 3 || ids[0] == "" || ids[0] != ids[1] || ids[1] != ids[2] {
		t.Errorf("event ids %v", ids)
	}
	tries = 10 // never acks again
	if ack, err = b.OpenHome(b.ctx, "U2"); err != nil || ack.OK || len(a.requests()) != 7 {
		t.Errorf("gave up after %d deliveries: %+v %v", len(a.requests())-3, ack, err)
	}
}

func TestMentionIsRaisedOnlyWhenSubscribed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options, _ *tuning) { o.Events = []string{"app_mention"} })
	a := b.connect(ackWith(nil))
	if _, err := b.Say("U1", "C1", "hi <@"+b.BotUserID()+">", ""); err != nil {
		t.Fatal(err)
	}
	b.until("event", func() bool { e := b.Envelopes(); return len(e) == 1 && !e[0].Acked.IsZero() })
	if p := string(a.requests()[0].Payload); !strings.Contains(p, `"app_mention"`) {
		t.Errorf("payload %s", p)
	}
}

func TestEleventhConnectionIsTurnedAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range maxConnections {
		b.connect(nil)
	}
	ws := dial(b)
	defer func() { _ = ws.Close() }()
	var msg struct{ Type, Reason string }
	if err := ws.ReadJSON(&msg); err != nil || msg.Type != "disconnect" || msg.Reason != "too_many_websockets" {
		t.Errorf("%+v %v", msg, err)
	}
}

func TestTicketOpensOneConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws := dial(b)
	defer func() { _ = ws.Close() }()
	var hello struct {
		Type           string
		NumConnections int `json:"num_connections"`
		ConnectionInfo struct {
			AppID string `json:"app_id"`
		} `json:"connection_info"`
		DebugInfo struct {
			Host string
			Time int `json:"approximate_connection_time"`
		} `json:"debug_info"`
	}
	if err := ws.ReadJSON(&hello); err != nil || hello.Type != "hello" || hello.NumConnections != 1 ||
		hello.ConnectionInfo.AppID != appID || hello.DebugInfo.Host == "" || hello.DebugInfo.Time == 0 {
		t.Errorf("hello %+v %v", hello, err)
	}
	if err := redial(ws); err == nil {
		t.Error("the same ticket opened a second connection")
	}
}

func TestServerPingsAndAnswersPings(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Options, tu *tuning) { tu.pingEvery = 10 * time.Millisecond })
	ws := dial(b)
	defer func() { _ = ws.Close() }()
	pings, pongs := 0, 0
	ws.SetPingHandler(func(string) error {
		if pings++; pings == 1 {
			return writePing(ws)
		}
		return nil
	})
	stop := time.Now().Add(5 * time.Second)
	ws.SetPongHandler(func(data string) error {
		if data != "from client" {
			t.Errorf("pong carries %q", data)
		}
		pongs++
		return ws.SetReadDeadline(time.Now()) // ends the read below
	})
	_ = ws.SetReadDeadline(stop)
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			break
		}
	}
	if pings == 0 || pongs != 1 {
		t.Errorf("%d pings, %d pongs", pings, pongs)
	}
}

func TestOversizedAckIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options, _ *tuning) { o.AckTimeout = 200 * time.Millisecond })
	ws := dial(b)
	defer func() { _ = ws.Close() }()
	go func() {
		for {
			var e struct {
				ID string `json:"envelope_id"`
			}
			if ws.ReadJSON(&e) != nil {
				return
			}
			if e.ID != "" {
				_ = ws.WriteJSON(map[string]any{"envelope_id": e.ID, "payload": map[string]any{"text": strings.Repeat("x", maxAckFrame)}})
			}
		}
	}()
	b.until("connection", func() bool { return b.Connections() == 1 })
	if ack, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); err != nil || ack.Error != "operation_timeout" {
		t.Errorf("%+v %v", ack, err)
	}
}

func TestChaosDeliversSomeEnvelopesTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.SetChaos(true)
	b.connect(ackWith(nil))
	b.connect(ackWith(nil))
	twice := 0
	for range 200 { // the chance that none of them is doubled is below 1e-19
		if ack, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); err != nil || !ack.OK {
			t.Fatalf("%+v %v", ack, err)
		}
	}
	for _, e := range b.Envelopes() {
		twice += e.Duplicates
	}
	if twice == 0 {
		t.Error("no envelope was doubled")
	}
}

func TestClientThatIgnoresADisconnectIsClosed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *Options, tu *tuning) { tu.closeGrace = 10 * time.Millisecond })
	ws := dial(b)
	defer func() { _ = ws.Close() }()
	b.until("connection", func() bool { return b.Connections() == 1 })
	b.Disconnect("link_disabled")
	if b.Connections() != 0 {
		t.Error("a connection that was told to go still counts")
	}
	var last struct{ Type, Reason string }
	var err error
	for err == nil {
		var msg struct{ Type, Reason string }
		if err = ws.ReadJSON(&msg); err == nil {
			last = msg
		}
	}
	if last.Type != "disconnect" || last.Reason != "link_disabled" || !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("last message %+v, then %v", last, err)
	}
	// Our side answered the close frame; the server then ends the TCP connection.
	_ = ws.UnderlyingConn().SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := ws.UnderlyingConn().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the close handshake: %v", err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect(nil)
	b.watchPage("U1")
	done := make(chan error, 1)
	go func() { _, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); done <- err }()
	b.until("envelope", func() bool { return len(b.Envelopes()) == 1 })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("a command outlived the server")
	}
	if _, err := b.api.AuthTestContext(b.ctx); err == nil {
		t.Error("the API still answers")
	}
}
