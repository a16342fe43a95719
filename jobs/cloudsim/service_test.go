package cloudsim

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// at is a moment of a test that waits for nothing.
func at(d time.Duration) time.Time { return time.Date(2026, 11, 28, 22, 0, 0, 0, time.UTC).Add(d) }

// steady is a model without jitter and with round figures.
func steady() ServiceModel {
	return ServiceModel{
		RoundTrip: 100 * time.Millisecond, Request: 50 * time.Millisecond, Set: 10 * time.Millisecond, Row: 20 * time.Millisecond,
		Threads: 2, ThrottleAt: 2, RetryAfter: 1500 * time.Millisecond, CollapseAt: 6, Down503: 30 * time.Second, Down404: time.Minute,
	}
}

func TestServiceTime(t *testing.T) {
	t.Parallel()
	s := steady().Start()
	one := Load{Sets: 1, Rows: 1}
	const alone = 180 * time.Millisecond // 100 + 50 + 10 + 20
	for i, want := range []time.Duration{alone, alone, alone + 80*time.Millisecond, alone + 80*time.Millisecond} {
		if ticket := s.Arrive(at(0), one); ticket.Wait != want || s.Answer(ticket) != 0 {
			t.Errorf("request %d: waits %v with status %d, want %v and 0", i, ticket.Wait, s.Answer(ticket), want)
		}
	}
	if ticket := s.Arrive(at(0), one); s.Answer(ticket) != http.StatusTooManyRequests || ticket.Wait != 100*time.Millisecond {
		t.Errorf("the fifth: waits %v with status %d", ticket.Wait, s.Answer(ticket))
	}
	if ticket := s.Arrive(at(time.Second), Load{Sets: 2, Rows: 50}); ticket.Wait != 1170*time.Millisecond || s.Answer(ticket) != 0 {
		t.Errorf("a batch: waits %v with status %d", ticket.Wait, s.Answer(ticket))
	}
}

func TestServiceCollapse(t *testing.T) {
	t.Parallel()
	s := steady().Start()
	var tickets []Ticket
	for range 7 {
		tickets = append(tickets, s.Arrive(at(0), Load{Sets: 1, Rows: 1}))
	}
	for i, ticket := range tickets[:4] {
		if got := s.Answer(ticket); got != http.StatusServiceUnavailable {
			t.Errorf("request %d was in flight and gets %d", i, got)
		}
	}
	for when, want := range map[time.Duration]int{29 * time.Second: 503, 31 * time.Second: 404, 89 * time.Second: 404, 91 * time.Second: 0} {
		s := steady().Start()
		for range 7 {
			s.Arrive(at(0), Load{})
		}
		if got := s.Answer(s.Arrive(at(when), Load{})); got != want || s.Collapses() != 1 {
			t.Errorf("after %v: %d, want %d; %d collapses", when, got, want, s.Collapses())
		}
	}
}

// No packing beats the bound, and one request per thread reaches it.
func TestServiceBound(t *testing.T) {
	t.Parallel()
	m := steady()
	m.ThrottleAt, m.CollapseAt = 0, 0
	const rows = 1200
	for _, requests := range []int{1, 2, 3, 4, 10, 100, 1200} {
		s := m.Start()
		var last time.Duration
		for range requests {
			last = max(last, s.Arrive(at(0), Load{Sets: 1, Rows: rows / requests}).Wait)
		}
		if bound := m.Bound(rows); last < bound || requests == m.Threads && last != bound {
			t.Errorf("%d requests take %v, bound %v", requests, last, bound)
		}
	}
	if got := (ServiceModel{}).Bound(5); got != 0 {
		t.Errorf("without a model: %v", got)
	}
}

func TestLoadOf(t *testing.T) {
	t.Parallel()
	batch := "--b\r\n" + changeset("c1", part("1", "PATCH x HTTP/1.1\r\n\r\n{}"), part("2", "PATCH y HTTP/1.1\r\n\r\n{}")) +
		"--b\r\n" + changeset("c2", part("3", "PATCH z HTTP/1.1\r\n\r\n{}")) + "--b--\r\n"
	tests := []struct {
		method, body string
		want         Load
	}{
		{"GET", "", Load{}},
		{"PATCH", `{"Enabled":true}`, Load{1, 1}},
		{"POST", batch, Load{2, 3}},
	}
	for _, tt := range tests {
		if got := LoadOf(tt.method, []byte(tt.body)); got != tt.want {
			t.Errorf("%s %.20s: %+v, want %+v", tt.method, tt.body, got, tt.want)
		}
	}
}

// In the running cloud the model serves over sockets, in real time.
func TestServiceInTheCloud(t *testing.T) {
	t.Parallel()
	m := ServiceModel{RoundTrip: 200 * time.Millisecond, Request: time.Millisecond, Row: 40 * time.Millisecond, Threads: 1, ThrottleAt: 1, RetryAfter: 7 * time.Second, CollapseAt: 20, Down503: time.Hour}
	s := start(t, Options{Service: m})
	token := s.envToken("uat")
	enable := func() answer {
		return s.do("PATCH", s.EnvironmentURL("uat")+"/data/SystemUsers('FINN')", `{"Enabled":true}`, token, "Content-Type: application/json")
	}
	began := time.Now()
	if a := enable(); a.status != http.StatusNoContent || time.Since(began) < 241*time.Millisecond {
		t.Fatalf("alone: %d after %v", a.status, time.Since(began))
	}
	burst := func(n int) map[string]int {
		var mu sync.Mutex
		got := map[string]int{}
		var wait sync.WaitGroup
		for range n {
			wait.Go(func() {
				a := enable()
				mu.Lock()
				defer mu.Unlock()
				got[fmt.Sprint(a.status, a.header["Retry-After"])]++
			})
		}
		wait.Wait()
		return got
	}
	if got := burst(8); got["204 []"] == 0 || got["429 [7]"] == 0 || got["204 []"]+got["429 [7]"] != 8 {
		t.Errorf("eight at a time: %v", got)
	}
	// What is in flight is a matter of luck on a busy machine, so the flood goes on until the server falls.
	for range 20 {
		if burst(60)["503 []"] > 0 {
			break
		}
	}
	if a := enable(); a.status != http.StatusServiceUnavailable {
		t.Errorf("after the flood: %d", a.status)
	}
	if a := s.do("GET", s.EnvironmentURL("prod")+"/data/Companies?$top=1", "", s.envToken("prod")); a.status != http.StatusOK {
		t.Errorf("the other environment: %d", a.status)
	}
}

func TestIssuedTokensAreBounded(t *testing.T) {
	t.Parallel()
	o := Options{}
	if err := o.fill(); err != nil {
		t.Fatal(err)
	}
	d := newDirectory(o)
	for i := range 3 * maxIssued {
		d.remember(fmt.Sprint(i))
	}
	if n := len(d.issued); n > maxIssued || n < maxIssued/2 || d.issued[n-1] != fmt.Sprint(3*maxIssued-1) {
		t.Errorf("%d tokens, the last one %s", n, d.issued[n-1])
	}
}
