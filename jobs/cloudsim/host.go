package cloudsim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// request is one HTTP request with its body read. Parts of a $batch become requests too.
type request struct {
	method string
	url    *url.URL // path and query; never a host
	header http.Header
	body   []byte
	now    time.Time

	app, user string // who called, filled in by the handler for the call log
}

// target is what a Fault's path is looked for in.
func (r *request) target() string {
	if r.url.RawQuery == "" {
		return r.url.Path
	}
	query, err := url.QueryUnescape(r.url.RawQuery)
	if err != nil {
		query = r.url.RawQuery
	}
	return r.url.Path + "?" + query
}

// reply is one HTTP answer. It can be lost, cut or put into a $batch before it reaches anyone.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func newReply(status int, contentType string, body []byte) reply {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return reply{status: status, header: h, body: body}
}

func jsonReply(status int, v any) reply {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return newReply(http.StatusInternalServerError, "text/plain", []byte(err.Error()))
	}
	return newReply(status, "application/json; charset=utf-8", bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func (r reply) with(key, value string) reply {
	r.header.Set(key, value)
	return r
}

// write sends the reply. Of a cut one only the first half arrives, after a Content-Length that promised all of it.
func (r reply) write(w http.ResponseWriter, cut bool) {
	for k, v := range r.header {
		w.Header()[k] = v
	}
	if r.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	body := r.body
	if cut {
		body = body[:len(body)/2]
	}
	if _, err := w.Write(body); err != nil {
		return // the client is gone
	}
	if cut {
		_ = http.NewResponseController(w).Flush() // what follows cuts the connection anyway
		panic(http.ErrAbortHandler)
	}
}

// host serves one part of the cloud on a port of its own.
type host struct {
	cloud    *Cloud
	name     string
	handle   func(*request) reply // with Cloud.mu held
	down     func() downState     // nil for a host that is never down; with Cloud.mu held
	service  *Service             // nil for a host that answers at once
	listener net.Listener
	server   *http.Server
	served   chan struct{}
}

func (c *Cloud) listen(name string, handle func(*request) reply, down func() downState) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", net.JoinHostPort(c.opts.Addr, "0"))
	if err != nil {
		return "", fmt.Errorf("simulated cloud: listening for %s: %w", name, err)
	}
	h := &host{cloud: c, name: name, handle: handle, down: down, listener: l, served: make(chan struct{})}
	h.server = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(c.opts.Logger.Handler(), slog.LevelDebug),
		// HTTP/2 would share one connection among requests; cutting it would then cut them all.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	c.hosts = append(c.hosts, h)
	return hostURL(c.opts.Addr, l), nil
}

func (h *host) serve() {
	l := tls.NewListener(&refusingListener{h.listener, h.refusing}, &tls.Config{
		Certificates: []tls.Certificate{h.cloud.ca.leaf}, MinVersion: tls.VersionTLS12,
	})
	go func() {
		defer close(h.served)
		if err := h.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			h.cloud.opts.Logger.Error("serving stopped", "host", h.name, "error", err)
		}
	}()
	h.listener = nil // the server owns it now
}

func (h *host) close() error {
	if h.listener != nil { // never served
		return h.listener.Close()
	}
	err := h.server.Close()
	<-h.served
	return err
}

func (h *host) refusing() bool {
	c := h.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(time.Now())
	return h.down != nil && c.downMode(h.down()) == "refused"
}

// ServeHTTP lets the request meet, in this order: an environment that is down, a fault, the service model, the handler.
func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := h.cloud
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	if err != nil {
		http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	req := &request{method: r.Method, url: &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}, header: r.Header, body: body}

	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	c.pending.Add(1)
	defer c.pending.Done()
	c.advance(time.Now())
	if h.down != nil && h.down() != up {
		rep, answered := c.downReply(h.down())
		c.record(h.name, req, rep.status, !answered)
		c.mu.Unlock()
		if !answered {
			panic(http.ErrAbortHandler)
		}
		rep.write(w, false)
		return
	}
	f := c.takeFault(h.name, req, false)
	c.mu.Unlock()

	wait := func(d time.Duration) {
		if d <= 0 {
			return
		}
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		case <-c.done:
		}
	}
	if f.Met != nil {
		f.Met()
	}
	wait(f.Delay)
	if f.DropRequest {
		c.mu.Lock()
		c.record(h.name, req, 0, true)
		c.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	if f.LandLate > 0 {
		c.mu.Lock()
		c.after(f.LandLate, func() { h.run(req, Fault{}, true) })
		c.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	if h.service != nil {
		t := h.service.Arrive(time.Now(), LoadOf(req.method, req.body))
		wait(t.Wait)
		if status := h.service.Answer(t); status != 0 {
			c.mu.Lock()
			c.record(h.name, req, status, false)
			c.mu.Unlock()
			h.service.Respond(w, status)
			return
		}
	}
	rep := h.run(req, f, f.DropReply)
	wait(f.DelayReply)
	if f.DropReply {
		panic(http.ErrAbortHandler)
	}
	rep.write(w, f.CutBody)
}

// run lets the request take effect, or the fault answer in its place, and records it.
func (h *host) run(req *request, f Fault, lost bool) reply {
	c := h.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	req.now = time.Now()
	c.advance(req.now)
	rep, canned := f.reply(h)
	if !canned {
		if h.down != nil && h.down() != up { // it went down while the request was delayed
			rep, _ = c.downReply(h.down())
		} else {
			rep = h.handle(req)
		}
	}
	c.record(h.name, req, rep.status, lost)
	return rep
}

// refusingListener resets connections while refuse holds, as a host does whose server is not there.
type refusingListener struct {
	net.Listener
	refuse func() bool
}

func (l *refusingListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || !l.refuse() {
			return conn, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset instead of an orderly end; without it the close below still ends it
		}
		_ = conn.Close()
	}
}

// Call is one request as a host saw it. It holds no token, password or body.
type Call struct {
	At     time.Time
	Host   string // entra, lcs or the environment's name
	Method string
	Path   string // with the query
	Status int    // what the host answered; 0 when the request was dropped before it did anything
	Lost   bool   // the answer did not reach the client
	App    string // client id, when known
	User   string // sign-in name or F&O user id, when known
}

// maxCalls bounds the call log of a cloud that runs for days.
const maxCalls = 20_000

// Calls returns the most recent requests to all hosts, oldest first. The parts of a $batch come before it.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Call(nil), c.calls...)
}

// record notes the call and wakes everyone who waits for a change. Cloud.mu is held.
func (c *Cloud) record(host string, r *request, status int, lost bool) {
	call := Call{
		At: time.Now(), Host: host, Method: r.method, Path: r.target(), Status: status, Lost: lost, App: r.app, User: r.user,
	}
	if host == storageHost {
		call.Path = r.url.Path // its query is a signature
	}
	if len(c.calls) >= maxCalls {
		c.calls = append(c.calls[:0], c.calls[maxCalls/2:]...)
	}
	c.calls = append(c.calls, call)
	c.opts.Logger.Debug("request", "host", call.Host, "method", call.Method, "path", call.Path, "status", status, "lost", lost)
	c.notify()
}

// newGUID makes a random GUID with dashes.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
