package slacksim

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed page
var pageFiles embed.FS

// Server is one running workspace. Its methods are safe for concurrent use.
type Server struct {
	opts   Options
	tune   tuning
	names  *directory
	ln     net.Listener // nil in process
	http   *http.Server
	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{}
	closed   bool
	lastTS   int64 // microseconds of the newest message timestamp
	scopes   []string
	revoked  bool
	barred   bool // the bot token alone is revoked
	channels []*channel
	groups   []UserGroup
	messages []*Message
	files    map[string]*file
	views    map[string][]*View // open modals of each person, bottom first
	homes    map[string]*View
	state    map[string]map[string]map[string]any // chosen values: user and surface, block_id, action_id
	triggers map[string]*trigger
	replies  map[string]*responseURL
	notices  []notice
	pending  []pendingClick
	calls    []Call
	limits   map[string]*bucket
	faults   map[string][]*Fault
	callers  int // open connections, those of Socket Mode left out

	tickets    map[string]time.Time
	conns      []*conn
	connSeq    int
	nextConn   int
	chaos      bool
	duplicates bool
	envelopes  []*Envelope
	deliveries map[string]*delivery
	holding    bool
	held       []func() // writes envelopes that are kept back
	lastFrame  *frame
	watchers   int
	polling    bool // the panel is being polled
	panel      []PanelSection
}

type channel struct {
	Channel
	created int64
	im      string // the person of a direct conversation
}

// Start listens and serves until Close.
func Start(opts Options) (*Server, error) { return start(opts, defaultTuning()) }

func start(opts Options, tune tuning) (*Server, error) {
	var lc net.ListenConfig
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	ln, err := lc.Listen(context.Background(), "tcp", opts.Addr)
	if err != nil {
		return nil, fmt.Errorf("slacksim: listen on %s: %w", opts.Addr, err)
	}
	s := build(opts, tune)
	s.ln = ln
	s.wg.Go(func() { _ = s.http.Serve(ln) }) // always ends with ErrServerClosed, at Close
	return s, nil
}

// build makes a workspace that nobody can reach yet.
func build(opts Options, tune tuning) *Server {
	opts.fillIn()
	s := &Server{
		opts: opts, tune: tune,
		changed:    make(chan struct{}),
		scopes:     append([]string(nil), opts.Scopes...),
		groups:     opts.UserGroups,
		files:      map[string]*file{},
		views:      map[string][]*View{},
		homes:      map[string]*View{},
		state:      map[string]map[string]map[string]any{},
		triggers:   map[string]*trigger{},
		replies:    map[string]*responseURL{},
		limits:     map[string]*bucket{},
		faults:     map[string][]*Fault{},
		tickets:    map[string]time.Time{},
		deliveries: map[string]*delivery{},
	}
	s.names = newDirectory(opts, s.BotUserID())
	s.ctx, s.cancel = context.WithCancel(context.Background())
	created := tune.now().Unix()
	for _, c := range opts.Channels {
		ch := &channel{Channel: c, created: created}
		ch.Members = append([]string(nil), c.Members...)
		if c.Members == nil {
			for _, u := range opts.Users {
				if !u.Deleted {
					ch.Members = append(ch.Members, u.ID)
				}
			}
		}
		s.channels = append(s.channels, ch)
	}
	for _, u := range opts.Users {
		if !u.Deleted {
			dm := Channel{ID: dmID(u.ID), Name: opts.BotName, Members: []string{u.ID}, BotMember: true}
			s.channels = append(s.channels, &channel{Channel: dm, created: created, im: u.ID})
		}
	}

	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)
	mux.HandleFunc("POST /response/{id}", s.serveResponseURL)
	mux.HandleFunc("POST /upload/v1/{id}", s.serveUpload)
	mux.HandleFunc("GET /files-pri/{id}/{name}", s.serveFile)
	mux.HandleFunc("GET /signin", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title>")
	})
	mux.HandleFunc("GET /link/", s.serveSocket)
	s.routePage(mux)
	s.http = &http.Server{Handler: s.counted(mux), ReadHeaderTimeout: 10 * time.Second, ConnState: s.connState}
	return s
}

// connState counts the connections that requests come over; one of Socket Mode is none any more.
func (s *Server) connState(_ net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.callers++
	case http.StateHijacked, http.StateClosed:
		s.callers--
		s.touch()
	}
}

// Callers counts the open connections over which somebody may call. Once the client's process has ended and it is zero,
// no call of that process is still to come or being served.
func (s *Server) Callers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.callers
}

// counted makes Close wait for every request that is being served.
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		closed := s.closed
		if !closed {
			s.wg.Add(1)
		}
		s.mu.Unlock()
		if closed {
			http.Error(w, "closed", http.StatusServiceUnavailable)
			return
		}
		defer s.wg.Done()
		next.ServeHTTP(w, r)
	})
}

// Close stops serving, drops every connection and waits for the server's goroutines.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	conns := append([]*conn(nil), s.conns...)
	for _, d := range s.deliveries {
		d.timer.Stop()
	}
	s.mu.Unlock()
	s.cancel()
	for _, c := range conns {
		c.kill()
	}
	err := s.http.Close()
	s.wg.Wait()
	if err != nil {
		return fmt.Errorf("slacksim: close: %w", err)
	}
	return nil
}

// URL is the page's address, without a slash at the end.
func (s *Server) URL() string { return "http://" + s.host() }

// host is the address clients on this machine use, also when the server listens on every interface.
func (s *Server) host() string {
	if s.ln == nil {
		return inProcessHost
	}
	addr, ok := s.ln.Addr().(*net.TCPAddr)
	if ok && addr.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(addr.Port))
	}
	return s.ln.Addr().String()
}

// APIURL is the base address for Slack clients. It ends in "/api/".
func (s *Server) APIURL() string { return s.URL() + "/api/" }

// BotToken is the app's bot token.
func (s *Server) BotToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.BotToken
}

// AppToken is the app-level token for Socket Mode.
func (s *Server) AppToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.AppToken
}

// BotUserID is the user id of the app's bot.
func (s *Server) BotUserID() string { return "U0" + idFrom("", s.opts.BotName) }

const (
	teamID = "T0SIMTEAM"
	appID  = "A0SIMAPP"
	botID  = "B0SIMBOT"
)

func (s *Server) teamDomain() string { return strings.ToLower(idFrom("", s.opts.Workspace)) }

// Changed returns a channel that is closed at the next change of anything a person or a test can see.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Wait returns nil once cond holds. It looks again at every change; cond runs without any lock held.
func (s *Server) Wait(ctx context.Context, cond func() bool) error {
	for {
		next := s.Changed()
		if cond() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return fmt.Errorf("slacksim: condition not met: %w", context.Cause(ctx))
		case <-s.ctx.Done():
			return fmt.Errorf("slacksim: condition not met: server closed")
		}
	}
}

// touch tells everyone who waits that something changed. The lock is held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// spawn runs f in the background; Close waits for it. Nothing starts once the server closes.
// The lock is not held.
func (s *Server) spawn(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Go(f)
	}
}

// newTS returns a message timestamp that is unique and rising. The lock is held.
func (s *Server) newTS() string {
	us := s.tune.now().UnixMicro()
	if us <= s.lastTS {
		us = s.lastTS + 1
	}
	s.lastTS = us
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}

func dmID(user string) string { return "D" + strings.TrimPrefix(user, "U") }

// channelByID finds a conversation by id. The lock is held.
func (s *Server) channelByID(id string) *channel {
	for _, c := range s.channels {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (c *channel) has(user string) bool {
	for _, m := range c.Members {
		if m == user {
			return true
		}
	}
	return false
}

// scopePrefix names the scope family of the conversation: channels, groups or im.
func (c *channel) scopePrefix() string {
	switch {
	case c.im != "":
		return "im"
	case c.Private:
		return "groups"
	}
	return "channels"
}

func randomID(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)[:n]
}

func uuid() string {
	h := randomID(32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func pageFS() fs.FS {
	sub, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic("slacksim: " + err.Error()) // the folder is embedded at build time
	}
	return sub
}
