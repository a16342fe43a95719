package bot

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"refreshbot/jobs/refresh"
)

// Health is what /healthz, /readyz and /metrics say. It is ready once recovery is done and Slack listens, as long as Slack
// accepts the token and the store can be written.
type Health struct {
	registry  *prometheus.Registry
	ack       *prometheus.HistogramVec
	connected prometheus.Gauge
	unshown   prometheus.Counter

	keeping keeping

	mu        sync.Mutex
	open      [connections]bool
	slack     string
	token     string                // why Slack does not accept the bot token
	unseen    map[refresh.ID]string // what keeps a refresh from being shown
	barred    map[refresh.ID]bool   // those where it is the token
	recovered bool
	ready     chan struct{}
	once      sync.Once
}

// NewHealth returns a Health that is not ready.
func NewHealth() *Health {
	h := &Health{
		registry: prometheus.NewRegistry(), ready: make(chan struct{}), unseen: map[refresh.ID]string{}, barred: map[refresh.ID]bool{},
		ack: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "refreshbot_ack_seconds",
			Help: "From the arrival of a Socket Mode envelope to its acknowledgement.", Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 2, 3}}, []string{"type"}),
		connected: prometheus.NewGauge(prometheus.GaugeOpts{Name: "refreshbot_slack_connections", Help: "Open Socket Mode connections."}),
		unshown:   prometheus.NewCounter(prometheus.CounterOpts{Name: "refreshbot_slack_post_failures_total", Help: "Posts and updates that Slack did not take; each is tried again."}),
	}
	h.registry.MustRegister(h.ack, h.connected, h.unshown, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h.keeping = newKeeping(h.registry)
	return h
}

// Recovered says that every open refresh has been taken up again.
func (h *Health) Recovered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.recovered = true
	h.announce()
}

// Ready is closed the first time that everything is.
func (h *Health) Ready() <-chan struct{} { return h.ready }

func (h *Health) announce() {
	if h.recovered && h.connections() > 0 {
		h.once.Do(func() { close(h.ready) })
	}
}

func (h *Health) connections() int {
	n := 0
	for _, open := range h.open {
		if open {
			n++
		}
	}
	return n
}

func (h *Health) connection(n int, open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[n] = open
	if open {
		h.slack = ""
	}
	h.connected.Set(float64(h.connections()))
	h.announce()
}

func (h *Health) slackError(problem string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slack = problem
}

// asked notes what Slack said of the bot token. Without an answer it stays as it was.
func (h *Health) asked(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil || unauthorized(err) {
		h.token = SlackProblem(err)
	}
}

// publishing notes whether a refresh could be shown.
func (h *Health) publishing(id refresh.ID, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.unseen, id)
	delete(h.barred, id)
	if err != nil {
		h.unseen[id] = SlackProblem(err)
		if unauthorized(err) {
			h.barred[id] = true
		}
	}
}

func (h *Health) acked(kind string, took time.Duration) {
	h.ack.WithLabelValues(kind).Observe(took.Seconds())
}

type readiness struct {
	Ready       bool                  `json:"ready"`
	Recovered   bool                  `json:"recovered"`
	Connections int                   `json:"slack_connections"`
	Slack       string                `json:"slack,omitempty"`
	Publishing  map[refresh.ID]string `json:"publishing,omitempty"` // by refresh: why it is not shown
	Store       string                `json:"store,omitempty"`      // why nothing can be written
	Backup      string                `json:"backup,omitempty"`     // why the latest backup was not taken
	LeftAlone   []string              `json:"left_alone,omitempty"` // what cannot be read of the store
	Stuck       map[refresh.ID]string `json:"stuck,omitempty"`      // by refresh: why it does not move
}

// Handler serves the three pages.
func (h *Health) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		h.mu.Lock()
		state := readiness{Recovered: h.recovered, Connections: h.connections(), Slack: cmp.Or(h.token, h.slack), Publishing: maps.Clone(h.unseen),
			Store: h.keeping.store, Backup: h.keeping.backup, LeftAlone: h.keeping.alone, Stuck: maps.Clone(h.keeping.stuck)}
		barred := h.token != "" || len(h.barred) > 0
		h.mu.Unlock()
		state.Ready = state.Recovered && state.Connections > 0 && !barred && state.Store == ""
		w.Header().Set("Content-Type", "application/json")
		if !state.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(state)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{}))
	return mux
}
