package slacksim

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxConnections = 10       // per app (docs.slack.dev, "Using Socket Mode")
	maxAckFrame    = 20 << 10 // Slack silently drops larger ack frames
	ticketLife     = 30 * time.Second
	writeWait      = 5 * time.Second
	socketHost     = "applink-sim"
)

// conn is one Socket Mode connection of the app.
type conn struct {
	s       *Server
	n       int // number shown in Envelope.Connection, from 1
	ws      *websocket.Conn
	writeMu sync.Mutex
	gone    chan struct{} // closed when the read loop ended
	leaving bool          // told to go: gets no more envelopes
}

func (s *Server) connectionsOpen(args) (obj, error) {
	now := s.tune.now()
	for t, at := range s.tickets {
		if now.Sub(at) > ticketLife {
			delete(s.tickets, t)
		}
	}
	ticket := uuid()
	s.tickets[ticket] = now
	return obj{"url": "ws://" + s.host() + "/link/?ticket=" + ticket + "&app_id=" + appID}, nil
}

// serveSocket upgrades one connection and reads it to its end. A ticket opens one connection. Any
// Origin and any further query parameter is fine.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	at, ok := s.tickets[ticket]
	delete(s.tickets, ticket)
	ok = ok && s.tune.now().Sub(at) <= ticketLife
	s.mu.Unlock()
	if !ok {
		http.Error(w, "invalid ticket", http.StatusForbidden)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }, WriteBufferSize: 32 << 10}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	c := &conn{s: s, ws: ws, gone: make(chan struct{})}
	s.mu.Lock()
	s.connSeq++
	c.n = s.connSeq
	num := len(s.conns) + 1
	s.mu.Unlock()
	defer c.close()
	if num > maxConnections {
		_ = c.write(obj{"type": "disconnect", "reason": "too_many_websockets", "debug_info": obj{"host": socketHost}})
		c.sayGoodbye()
		return
	}
	hello := obj{
		"type": "hello", "num_connections": num,
		"connection_info": obj{"app_id": appID},
		"debug_info":      obj{"host": socketHost, "build_number": 1, "approximate_connection_time": 18060},
	}
	if c.write(hello) != nil {
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.conns = append(s.conns, c)
	s.touch()
	s.mu.Unlock()
	s.spawn(c.ping)
	c.read()
}

// read handles acks until the connection ends. Answering pings and the close handshake happens inside
// the WebSocket library, which needs this loop.
func (c *conn) read() {
	alive := func() { _ = c.ws.SetReadDeadline(time.Now().Add(4*c.s.tune.pingEvery + writeWait)) }
	alive()
	c.ws.SetPongHandler(func(string) error { alive(); return nil })
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		alive()
		var ack struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		switch {
		case len(data) >= maxAckFrame:
			c.s.opts.Logger.Warn("ack frame dropped", "bytes", len(data), "limit", maxAckFrame)
		case json.Unmarshal(data, &ack) != nil || ack.EnvelopeID == "":
			c.s.opts.Logger.Warn("frame is not an ack", "bytes", len(data))
		default:
			c.s.acked(ack.EnvelopeID, ack.Payload)
		}
	}
}

func (c *conn) ping() {
	t := time.NewTicker(c.s.tune.pingEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if c.ws.WriteControl(websocket.PingMessage, []byte("Ping from "+socketHost), time.Now().Add(writeWait)) != nil {
				c.kill()
				return
			}
		case <-c.gone:
			return
		}
	}
}

func (c *conn) write(v any) error { return c.writeBytes(toJSON(v)) }

func (c *conn) writeBytes(b []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeWait))
	return c.ws.WriteMessage(websocket.TextMessage, b)
}

// close ends the TCP connection and forgets it. Called once, when the read loop is over.
func (c *conn) close() {
	close(c.gone)
	c.kill()
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(o *conn) bool { return o == c })
	s.touch()
}

// kill cuts the TCP connection without a close frame.
func (c *conn) kill() { _ = c.ws.Close() }

// sayGoodbye sends a close frame, and cuts the connection if the client does not answer it.
func (c *conn) sayGoodbye() {
	msg := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, msg, time.Now().Add(writeWait))
	_ = c.ws.SetReadDeadline(time.Now().Add(time.Second))
}

// disconnect tells one connection to go, and closes it once its grace has passed.
func (c *conn) disconnect(reason string) {
	s := c.s
	grace := s.tune.closeGrace
	s.mu.Lock()
	if reason == "warning" {
		grace = s.tune.warnGrace // until then the connection still gets envelopes
	} else {
		c.leaving = true
	}
	s.mu.Unlock()
	_ = c.write(obj{"type": "disconnect", "reason": reason, "debug_info": obj{"host": socketHost}})
	s.spawn(func() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-c.gone:
		case <-s.ctx.Done():
		case <-t.C:
			c.sayGoodbye()
		}
	})
}

// Disconnect sends a disconnect message to every connection: warning, refresh_requested, link_disabled
// or too_many_websockets. A client that does not leave is closed after a grace.
func (s *Server) Disconnect(reason string) {
	for _, c := range s.openConns() {
		c.disconnect(reason)
	}
}

// DisconnectOne does the same to the oldest connection only, as Slack's own refreshes do.
func (s *Server) DisconnectOne(reason string) {
	if cs := s.openConns(); len(cs) > 0 {
		cs[0].disconnect(reason)
	}
}

// DropConnections cuts every connection without a close frame.
func (s *Server) DropConnections() {
	for _, c := range s.openConns() {
		c.kill()
	}
}

func (s *Server) openConns() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.conns)
}

// Connections counts the app's open Socket Mode connections that still get envelopes.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable()
}

func (s *Server) usable() int {
	n := 0
	for _, c := range s.conns {
		if !c.leaving {
			n++
		}
	}
	return n
}

// pick chooses the connection for the next envelope, nil when there is none. The lock is held.
func (s *Server) pick() *conn {
	var open []*conn
	for _, c := range s.conns {
		if !c.leaving {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return nil
	}
	if s.chaos {
		return open[rand.IntN(len(open))]
	}
	s.nextConn++
	return open[s.nextConn%len(open)]
}
