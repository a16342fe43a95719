package finops

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 22, 0, 0, 0, time.UTC)
	p := newPace()
	// serve lets requests be answered, each with this time per row.
	serve := func(n int, row time.Duration) {
		for range n {
			sent := now
			now = now.Add(time.Duration(p.size) * row)
			p.answered(sent, now, p.size)
		}
	}
	check := func(when string, workers, size int) {
		t.Helper()
		if p.workers != workers || p.size != size {
			t.Errorf("%s: %d workers with %d rows, want %d with %d", when, p.workers, p.size, workers, size)
		}
	}
	check("at first", startWorkers, setRows)
	serve(50, 20*time.Millisecond)
	check("flat latency", maxWorkers, 100)
	serve(3, 30*time.Millisecond)
	check("a little slower", maxWorkers, 100)
	serve(4, 60*time.Millisecond)
	if p.workers >= maxWorkers {
		t.Errorf("three times as slow: %d workers", p.workers)
	}
	serve(1, 600*time.Millisecond)
	if p.size >= 100 {
		t.Errorf("a row takes 600 ms: %d rows", p.size)
	}
	serve(300, 20*time.Millisecond)
	check("as before", maxWorkers, 100)

	sent := now
	now = now.Add(time.Second)
	for range maxWorkers { // all requests under way are refused: that is one word, not five
		p.refused(sent, now)
	}
	check("too busy", maxWorkers/2, 100)
	serve(20, 20*time.Millisecond)
	check("what was too much is left alone", maxWorkers-1, 100)
	now = now.Add(settleTime)
	serve(10, 20*time.Millisecond)
	check("and tried again later", maxWorkers, 100)

	p.down(now)
	check("nothing answers", 1, setRows)
	for range 10 {
		now = now.Add(time.Minute)
		p.refused(now, now)
	}
	check("never none", 1, setRows)
	if got := p.rows(1000); got != setRows {
		t.Errorf("%d rows in a request", got)
	}
	for n, want := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 5: 30 * time.Second, 1000: 30 * time.Second} {
		if got := backoff(n); got != want {
			t.Errorf("backoff %d: %v, want %v", n, got, want)
		}
	}
}
