package finops

import (
	"cmp"
	"time"
)

const (
	startWorkers = 2
	maxWorkers   = 5                // 3 to 5 at a time were safe in the field; hundreds brought an environment down
	setRows      = 25               // rows of a change set: what one bad row holds up
	maxRows      = 250              // rows of a request; the documented limit of a batch is 5,000
	requestTime  = 2 * time.Second  // how long a request should take: long enough to be worth it, short to be steered
	settleTime   = time.Minute      // for how long a number of workers that was too many is not tried again
	tolerance    = 1.4              // a row may take so many times its best time before no worker is added,
	intolerance  = 2.0              // and so many before half of them go
	firstBackoff = 2 * time.Second  // after a failure that names no time; doubled each time
	maxBackoff   = 30 * time.Second // up to this
)

// pace says how many requests are under way at a time and how many rows each has. It adds a worker while rows take
// no longer than before and halves them when the far side says it is too busy, or shows it by taking longer.
type pace struct {
	workers int
	good    int           // good replies since the number of workers changed
	cut     time.Time     // when it was last lowered; replies to requests from before then are old news
	ceiling int           // no more workers than this,
	until   time.Time     // until then
	size    int           // rows of a request
	row     time.Duration // what a row takes, the last few requests smoothed
	best    time.Duration // and what it took at best, drifting up so that a bad time is forgotten
}

func newPace() pace { return pace{workers: startWorkers, ceiling: maxWorkers, size: setRows} }

// answered notes a request whose rows were all taken.
func (p *pace) answered(sent, now time.Time, rows int) {
	took, slower := now.Sub(sent), 1.0
	switch {
	case took > 3*requestTime:
		p.size = max(setRows, p.size/2/setRows*setRows)
	case took < requestTime && rows > p.size-setRows:
		p.size = min(maxRows, p.size+setRows)
	}
	if rows >= setRows { // for a few rows it is the request that takes time
		row := took / time.Duration(rows)
		p.row = (3*cmp.Or(p.row, row) + row) / 4 // who has to wait in line takes twice as long; that says little
		p.best = min(row, cmp.Or(p.best, row)+p.best/50)
		slower = float64(p.row) / float64(max(p.best, 1))
	}
	if sent.Before(p.cut) {
		return
	}
	if now.After(p.until) {
		p.ceiling = maxWorkers
	}
	switch {
	case slower > intolerance:
		p.halve(now)
	case slower <= tolerance:
		if p.good++; p.good >= p.workers && p.workers < p.ceiling {
			p.workers++
			p.good = 0
		}
	}
}

// refused notes that the far side is too busy for a request sent then.
func (p *pace) refused(sent, now time.Time) {
	if sent.Before(p.cut) {
		return
	}
	p.ceiling, p.until = max(1, p.workers-1), now.Add(settleTime)
	p.halve(now)
}

// down notes that nothing answers. Then one request goes out at a time, with one set, until one is answered.
func (p *pace) down(now time.Time) {
	p.workers, p.size, p.row, p.best, p.good, p.cut = 1, setRows, 0, 0, 0, now
}

func (p *pace) halve(now time.Time) {
	p.workers, p.good, p.cut, p.row = max(1, p.workers/2), 0, now, 0
}

// rows is how many rows the next request should have when so many are left. Towards the end requests get smaller, so
// that all workers are done at about the same time.
func (p *pace) rows(left int) int {
	return max(setRows, min(p.size, left/(2*p.workers)))
}

// backoff is the wait after the nth failure in a row.
func backoff(n int) time.Duration {
	return min(firstBackoff<<min(n-1, 10), maxBackoff)
}
