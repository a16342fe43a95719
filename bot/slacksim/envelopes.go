package slacksim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Envelope is one Socket Mode envelope that was sent, or would have been had a connection been open.
type Envelope struct {
	ID         string
	Type       string // slash_commands, interactive, events_api
	Sent       time.Time
	Connection int       // number of the connection that got it, 0 when none was open
	Acked      time.Time // zero while not acked in time
	Duplicates int       // how often it was delivered again
	Payload    json.RawMessage
	AckPayload json.RawMessage
}

// Ack is what came of something a person did.
type Ack struct {
	OK         bool
	Error      string            // operation_timeout, dispatch_failed, or why Slack would not have it
	Errors     map[string]string // block_id to text: what a modal complains about
	Payload    json.RawMessage   // of the ack; nil when it carried none
	Text       string            // the reply a slash command's ack carried, as plain text
	EnvelopeID string
	Took       time.Duration // from sending the envelope to its ack
}

const (
	errTimeout  = "operation_timeout"
	errDispatch = "dispatch_failed"
)

// delivery is one envelope that waits for its ack.
type delivery struct {
	env    *Envelope
	finish func(payload json.RawMessage, failure string) Ack // runs once, with the lock held
	timer  *time.Timer
	result Ack
	done   chan struct{}
}

type frame struct {
	env  *Envelope
	body []byte
}

// post registers an envelope and returns the function that writes it to its connection, to be called
// without the lock. The lock is held. finish sees either the ack's payload or a failure's name.
func (s *Server) post(typ string, payload obj, extra obj, finish func(json.RawMessage, string) Ack) (*delivery, func()) {
	env := &Envelope{ID: uuid(), Type: typ, Sent: s.tune.now(), Payload: toJSON(payload)}
	out := obj{"envelope_id": env.ID, "type": typ, "payload": env.Payload, "accepts_response_payload": typ != "events_api"}
	for k, v := range extra {
		out[k] = v
	}
	d := &delivery{env: env, finish: finish, done: make(chan struct{})}
	s.envelopes = append(s.envelopes, env)
	c := s.pick()
	if c == nil {
		s.settle(d, nil, errDispatch)
		return d, func() {}
	}
	env.Connection = c.n
	f := &frame{env, toJSON(out)}
	s.lastFrame = f
	s.deliveries[env.ID] = d
	d.timer = time.AfterFunc(s.opts.AckTimeout, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle(d, nil, errTimeout)
	})
	var again *conn
	if s.duplicates || s.chaos && rand.IntN(5) == 0 {
		again = s.pick()
		env.Duplicates++
	}
	s.touch()
	write := func() {
		// A failed write means the connection is dying; the ack then simply does not come.
		_ = c.writeBytes(f.body)
		if again != nil {
			_ = again.writeBytes(f.body)
		}
	}
	if s.holding {
		s.held = append(s.held, write)
		return d, func() {}
	}
	return d, write
}

// Hold keeps envelopes back until Release, as a network that reorders them would.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// Held counts the envelopes that are kept back.
func (s *Server) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// Release sends what was held, the newest first.
func (s *Server) Release() {
	s.mu.Lock()
	held := s.held
	s.holding, s.held = false, nil
	s.mu.Unlock()
	for _, write := range slices.Backward(held) {
		write()
	}
}

// acked handles one ack frame. Acks of unknown, late and duplicate envelopes change nothing.
func (s *Server) acked(id string, payload json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.deliveries[id]
	if d == nil {
		return
	}
	if p := bytes.TrimSpace(payload); len(p) == 0 || string(p) == "null" || string(p) == "{}" {
		payload = nil // clients differ in how they say "nothing"
	}
	d.env.Acked, d.env.AckPayload = s.tune.now(), payload
	s.settle(d, payload, "")
}

// settle ends a delivery exactly once. The lock is held.
func (s *Server) settle(d *delivery, payload json.RawMessage, failure string) {
	select {
	case <-d.done:
		return
	default:
	}
	if d.timer != nil {
		d.timer.Stop()
	}
	delete(s.deliveries, d.env.ID)
	d.result = d.finish(payload, failure)
	d.result.EnvelopeID, d.result.Payload = d.env.ID, payload
	if !d.env.Acked.IsZero() {
		d.result.Took = d.env.Acked.Sub(d.env.Sent)
	}
	close(d.done)
	s.touch()
}

// await returns what came of a delivery.
func (s *Server) await(ctx context.Context, d *delivery) (Ack, error) {
	select {
	case <-d.done:
		return d.result, nil
	case <-ctx.Done():
		return Ack{}, fmt.Errorf("slacksim: wait for the ack: %w", context.Cause(ctx))
	case <-s.ctx.Done():
		return Ack{}, fmt.Errorf("slacksim: wait for the ack: server closed")
	}
}

// Envelopes returns every envelope so far, oldest first.
func (s *Server) Envelopes() []Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Envelope, len(s.envelopes))
	for i, e := range s.envelopes {
		out[i] = *e
	}
	return out
}

// RedeliverLast sends the newest envelope once more, with the same envelope_id, to the next connection.
func (s *Server) RedeliverLast() {
	s.mu.Lock()
	f, c := s.lastFrame, s.pick()
	if f != nil && c != nil {
		f.env.Duplicates++
		s.touch()
	}
	s.mu.Unlock()
	if f != nil && c != nil {
		_ = c.writeBytes(f.body) // a dying connection loses it, as it would the first one
	}
}
