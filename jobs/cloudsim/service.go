package cloudsim

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// ServiceModel is how fast an F&O environment serves and how it suffers. The zero value answers at once, always.
// Durations are real time, never divided by Options.Speed.
//
// A request first needs a thread of the application server. There are Threads of them; who finds none free waits in
// line, and so latency rises. Too many at work or in line are answered 429. Too many in flight at all bring the
// server down: what is in flight is lost, then everything gets 503, then 404, and then the server is back.
type ServiceModel struct {
	RoundTrip time.Duration // network and gateways, there and back; takes no thread
	Jitter    float64       // a round trip takes up to this part longer, at random
	Request   time.Duration // thread time of a request: session, routing, reading it
	Set       time.Duration // thread time of a transaction: a change set, or a write on its own
	Row       time.Duration // thread time of a row written

	Threads    int           // requests worked on at a time; 0 switches the model off
	ThrottleAt float64       // utilisation above which a request gets 429: at work and in line, over Threads; 0 is never
	RetryAfter time.Duration // what a 429 tells to wait, rounded up to seconds

	CollapseAt int           // more requests in flight than this bring the server down; 0 is never
	Down503    time.Duration // how long everything gets 503 then, from the load balancer
	Down404    time.Duration // and how long 404 after that, from a server that starts
}

// FieldModel is a small sandbox as field notes describe one.
//
// From the sources: resource-based 429 with Retry-After when utilisation is high (Microsoft, "Service protection API
// limits"); 3 to 5 workers were safe, about 660 PATCHes at a time brought a test environment down, with 503 first
// and then 404 on every path while the application servers restarted (field notes on real environments).
//
// Assumed, for no source has numbers: the times; that 4 threads are what lies behind "3 to 5"; that a seventh
// request is one too many; and that a server falls at 57 in flight, the geometric mean of 5 and 660.
func FieldModel() ServiceModel {
	return ServiceModel{
		RoundTrip: 80 * time.Millisecond, Jitter: 0.5,
		Request: 60 * time.Millisecond, Set: 15 * time.Millisecond, Row: 20 * time.Millisecond,
		Threads: 4, ThrottleAt: 1.5, RetryAfter: 5 * time.Second,
		CollapseAt: 57, Down503: 30 * time.Second, Down404: 4 * time.Minute,
	}
}

// Load is the work that a request brings.
type Load struct{ Sets, Rows int }

// LoadOf tells the work of a request from its method and body. The parts of a $batch are counted by their headers.
func LoadOf(method string, body []byte) Load {
	if method == http.MethodGet || method == http.MethodHead {
		return Load{}
	}
	rows := bytes.Count(body, []byte("\nContent-Type: application/http"))
	if rows == 0 {
		return Load{Sets: 1, Rows: 1}
	}
	return Load{Sets: max(1, bytes.Count(body, []byte("\nContent-Type: multipart/mixed"))), Rows: rows}
}

// work is the thread time that the load takes.
func (m ServiceModel) work(l Load) time.Duration {
	return m.Request + time.Duration(l.Sets)*m.Set + time.Duration(l.Rows)*m.Row
}

// Bound is the time below which no client can write so many rows, however it packs and orders them: one request per
// thread, each with one set and an equal share of the rows. Fewer requests leave threads idle, more cost more.
func (m ServiceModel) Bound(rows int) time.Duration {
	if rows == 0 || m.Threads == 0 {
		return 0
	}
	return m.RoundTrip + m.Request + m.Set + time.Duration(rows)*m.Row/time.Duration(min(m.Threads, rows))
}

// Service is one environment under the model. It holds no clock and waits for nothing: the caller says what time it
// is and does the waiting, so that it works in real and in fake time.
type Service struct {
	model ServiceModel

	mu        sync.Mutex
	random    *rand.Rand
	free      []time.Time // when each thread is done with what was given to it
	working   []time.Time // when each request that is at work or in line is done
	flying    []time.Time // when each request's answer arrives
	fell      time.Time   // the last collapse
	collapses int
}

// Start makes an idle environment. Its jitter is the same each time.
func (m ServiceModel) Start() *Service {
	return &Service{model: m, random: rand.New(rand.NewPCG(1, 2)), free: make([]time.Time, m.Threads)}
}

// Ticket is what a request that arrived has to expect.
type Ticket struct {
	Wait time.Duration // until the answer

	status    int
	collapses int // how often the server had fallen before
}

// Arrive takes a request. The caller waits for Ticket.Wait and then asks Answer.
func (s *Service) Arrive(now time.Time, l Load) Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := Ticket{collapses: s.collapses}
	if s.model.Threads == 0 {
		return t
	}
	t.Wait = s.model.RoundTrip + time.Duration(s.model.Jitter*s.random.Float64()*float64(s.model.RoundTrip))
	gone := func(at time.Time) bool { return !at.After(now) }
	s.working = slices.DeleteFunc(s.working, gone)
	s.flying = slices.DeleteFunc(s.flying, gone)
	switch {
	case s.down(now) != 0:
		t.status = s.down(now)
		return t
	case s.model.CollapseAt > 0 && len(s.flying)+1 > s.model.CollapseAt:
		s.fell = now
		s.collapses++
		s.working, s.flying = nil, nil
		clear(s.free)
		t.status = http.StatusServiceUnavailable
		return t
	case s.model.ThrottleAt > 0 && float64(len(s.working)+1) > s.model.ThrottleAt*float64(s.model.Threads):
		t.status = http.StatusTooManyRequests
	default:
		i := 0
		for j := range s.free {
			if s.free[j].Before(s.free[i]) {
				i = j
			}
		}
		begin := now
		if s.free[i].After(now) {
			begin = s.free[i]
		}
		s.free[i] = begin.Add(s.model.work(l))
		s.working = append(s.working, s.free[i])
		t.Wait += s.free[i].Sub(now)
	}
	s.flying = append(s.flying, now.Add(t.Wait))
	return t
}

// down is the status that everything gets at the moment, 0 when the server is up.
func (s *Service) down(now time.Time) int {
	switch since := now.Sub(s.fell); {
	case s.fell.IsZero() || since >= s.model.Down503+s.model.Down404:
		return 0
	case since < s.model.Down503:
		return http.StatusServiceUnavailable
	default:
		return http.StatusNotFound
	}
}

// Answer is the status with which the model answers in the handler's place, or 0 when the request takes effect now.
func (s *Service) Answer(t Ticket) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.status == 0 && s.collapses > t.collapses {
		return http.StatusServiceUnavailable // it was in flight when the server fell
	}
	return t.status
}

// Collapses is how often the server fell.
func (s *Service) Collapses() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.collapses
}

// Respond writes the answer for a status of Answer, as the load balancer, the starting server or F&O does.
func (s *Service) Respond(w http.ResponseWriter, status int) { s.reply(status).write(w, false) }

func (s *Service) reply(status int) reply {
	switch status {
	case http.StatusTooManyRequests:
		return faultBody(&host{}, status).with("Retry-After", strconv.Itoa(int((s.model.RetryAfter+time.Second-1)/time.Second)))
	case http.StatusNotFound:
		return newReply(status, "text/html", []byte("<html><body>404 - File or directory not found.</body></html>"))
	default:
		return unavailable()
	}
}
