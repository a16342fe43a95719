package finops

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

const (
	patience    = 10 * time.Minute // without one row settled; an application server that restarts takes some minutes
	splitAfter  = 2                // tries without a clear answer; then a set goes on as two halves,
	giveUpAfter = 5                // and after so many a row alone is given up
)

// writing is one run of many writes. One goroutine owns it and hands requests to others.
type writing struct {
	c       *Client
	rows    []row
	open    int // rows not settled
	queue   []changeSet
	pace    pace
	resume  time.Time // no request before this
	fails   int       // requests in a row that came to nothing
	missing int       // of these, how often an environment that is up had no $batch
	alien   int       // requests in a row that were refused as such, whatever was in them
	last    time.Time // when a row was settled last
	lastErr error     // why the last request came to nothing
}

type row struct {
	write
	changes []int // the caller's changes that it stands for
	settled bool
	err     error
}

// changeSet is rows that are written together or not at all.
type changeSet struct {
	rows  []int
	tries int       // how often there was no clear answer
	busy  int       // how often it was too much
	alone bool      // goes in a request of its own
	from  time.Time // not before this
}

// flight is a request under way, and then its outcome.
type flight struct {
	sets    []changeSet
	sent    time.Time
	answers []setAnswer
	exists  []bool // by set: it is a refused insert whose row is there
	err     error  // the request as a whole came to nothing
	panic   string // what it panicked with, and where
}

func newWriting(c *Client) *writing {
	return &writing{c: c, pace: newPace()}
}

func (w *writing) add(r write, change int) {
	w.rows = append(w.rows, row{write: r, changes: []int{change}})
}

// run writes all rows. Its error is what stopped it; rows that are not settled then have no error of their own.
func (w *writing) run(ctx context.Context) error {
	for i := 0; i < len(w.rows); i += setRows {
		set := changeSet{}
		for j := i; j < min(i+setRows, len(w.rows)); j++ {
			set.rows = append(set.rows, j)
		}
		w.queue = append(w.queue, set)
	}
	w.open, w.last = len(w.rows), time.Now()
	landed := make(chan flight)
	defect, flying := "", 0
	var stop error
	for flying > 0 || w.open > 0 && stop == nil {
		var wake <-chan time.Time
		done := ctx.Done()
		if stop == nil && ctx.Err() != nil {
			stop = &refresh.Error{Code: refresh.Offline, Msg: fmt.Sprintf("Writing to %s was cut short with %d of %d rows open.", w.c.host, w.open, len(w.rows)), Err: context.Cause(ctx)}
		}
		for stop == nil && flying < w.pace.workers && len(w.queue) > 0 {
			f, next := w.take(time.Now())
			if next.Sub(w.last) > patience && w.lastErr != nil && (len(f.sets) > 0 || flying == 0) {
				w.queue = append(w.queue, f.sets...)
				stop = w.lastErr
				break
			}
			if len(f.sets) == 0 {
				wake = time.After(time.Until(next))
				break
			}
			flying++
			go func() { landed <- w.c.flyGuarded(ctx, w.rows, f) }()
		}
		if flying == 0 && stop != nil {
			break
		}
		if stop != nil {
			done = nil // what is under way ends by itself
		}
		select {
		case f := <-landed:
			flying--
			if f.panic != "" {
				defect = f.panic
				stop = refresh.Errorf(refresh.Internal, "A defect in refreshbot stopped writing to %s.", w.c.host)
			} else if err := w.read(f, time.Now()); err != nil && stop == nil {
				stop = err
			}
		case <-wake:
		case <-done:
		}
	}
	if defect != "" {
		panic(defect) // here, where the caller can recover: in a goroutine of its own it would end the process
	}
	return stop
}

// flyGuarded is fly, and brings back a panic as its outcome.
func (c *Client) flyGuarded(ctx context.Context, rows []row, f flight) (done flight) {
	defer func() {
		if p := recover(); p != nil {
			done = f
			done.panic = fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
	}()
	return c.fly(ctx, rows, f)
}

// take picks the sets of the next request. Without any, next is when there may be one; with some it is now.
func (w *writing) take(now time.Time) (f flight, next time.Time) {
	if now.Before(w.resume) {
		return f, w.resume
	}
	left := 0
	for _, s := range w.queue {
		left += len(s.rows)
	}
	room := w.pace.rows(left)
	next = now.Add(math.MaxInt64)
	keep := w.queue[:0:0]
	for _, s := range w.queue {
		switch {
		case now.Before(s.from):
			if s.from.Before(next) {
				next = s.from
			}
			keep = append(keep, s)
		case len(f.sets) > 0 && (s.alone || f.sets[0].alone || len(s.rows) > room):
			keep = append(keep, s)
		default:
			f.sets = append(f.sets, s)
			room -= len(s.rows)
		}
	}
	if len(f.sets) > 0 {
		next = now
	}
	w.queue, f.sent = keep, now
	return f, next
}

// fly sends a batch. It only reads rows.
func (c *Client) fly(ctx context.Context, rows []row, f flight) flight {
	sets, sizes := make([][]write, len(f.sets)), make([]int, len(f.sets))
	for i, s := range f.sets {
		for _, j := range s.rows {
			sets[i] = append(sets[i], rows[j].write)
		}
		sizes[i] = len(s.rows)
	}
	r := request{doing: fmt.Sprintf("writing %d records", slices.Max(sizes)), method: http.MethodPost, url: c.data("$batch"), batch: encodeBatch(sets)}
	if len(sets) == 1 && sizes[0] == 1 {
		r.doing = sets[0][0].doing
	}
	rep, err := c.send(ctx, r)
	switch {
	case err != nil:
		f.err = err
	case rep.status == http.StatusNotFound:
		f.err = c.missing(ctx, r, rep)
	case rep.status/100 != 2 || html(rep.header, rep.body):
		f.err = c.judge(r, rep)
	default:
		var garbled error
		if f.answers, garbled = readBatch(rep, sizes); garbled != nil {
			f.err = &refresh.Error{Code: refresh.Offline, Msg: c.silent(r, "the reply is not the one to a batch"), Err: garbled}
		}
	}
	f.exists = make([]bool, len(sets))
	for i := range f.answers {
		if a := f.answers[i]; f.err == nil && sizes[i] == 1 && a.verdict == failed {
			f.exists[i] = c.exists(ctx, sets[i][0], a.why.status)
		}
	}
	return f
}

// exists reports whether a refused insert was refused for a row that is there. "Already exists" comes in the language
// of the app's user, so the row is asked for and the text not read.
func (c *Client) exists(ctx context.Context, w write, status int) bool {
	if w.exists == "" || w.method != http.MethodPost || busy(status) || status == http.StatusUnauthorized {
		return false
	}
	_, err := c.do(ctx, request{doing: "looking for the row after " + w.doing, method: http.MethodGet, url: w.exists})
	return err == nil
}

// busy reports whether the status of a change set asks to come back later.
func busy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// read settles what a request settled and queues the rest again. Its error stops everything.
func (w *writing) read(f flight, now time.Time) error {
	if f.err == nil {
		return w.readAnswers(f, now)
	}
	w.lastErr = f.err
	code := refresh.CodeOf(f.err)
	switch {
	case code == refresh.Refused && len(f.sets) > 1: // the batch as such was refused, for what one of them holds
		for i := range f.sets {
			f.sets[i].alone = true
		}
		w.queue = append(f.sets, w.queue...)
		return nil
	case code == refresh.Refused:
		if w.alien++; len(f.sets[0].rows) == 1 && w.alien > 5*giveUpAfter {
			return f.err // it takes no batch at all
		}
		w.refused(f.sets[0], f.err)
		return nil
	case code == refresh.NotFound && w.missing+1 < giveUpAfter: // it may have come back between the two looks
		w.missing++
	case code != refresh.Offline && code != refresh.Throttled:
		return f.err
	}
	for _, s := range f.sets {
		if code == refresh.Offline {
			s.tries++
		}
		w.again(s) // at the end: if one of them is what brings the server down, the others come first
	}
	old := f.sent.Before(w.pace.cut) // of several that fail at the same time one counts
	if !old {
		w.fails++
	}
	wait := backoff(max(1, w.fails))
	if e, ok := errors.AsType[*refresh.Error](f.err); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter
	} else if old {
		return nil
	}
	if at := now.Add(wait); at.After(w.resume) {
		w.resume = at
	}
	if code == refresh.Throttled {
		w.pace.refused(f.sent, now)
	} else {
		w.pace.down(now)
	}
	return nil
}

// again queues a set that had no clear answer. One that keeps failing is split: a single row may be to blame.
func (w *writing) again(s changeSet) {
	if s.tries >= splitAfter && len(s.rows) > 1 {
		w.queue = append(w.queue, halves(s)...)
		return
	}
	w.queue = append(w.queue, s)
}

func halves(s changeSet) []changeSet {
	mid := len(s.rows) / 2
	return []changeSet{{rows: s.rows[:mid:mid], alone: s.alone}, {rows: s.rows[mid:], alone: s.alone}}
}

// refused splits the set, or names the row that is to blame. Its parts go first, so that none of them comes last.
func (w *writing) refused(s changeSet, why error) {
	if len(s.rows) == 1 {
		w.settle(s, why)
		return
	}
	w.queue = append(halves(s), w.queue...)
}

func (w *writing) settle(s changeSet, err error) {
	for _, i := range s.rows {
		w.rows[i].settled, w.rows[i].err = true, err
	}
	w.open -= len(s.rows)
	w.last = time.Now()
}

func (w *writing) readAnswers(f flight, now time.Time) (stop error) {
	w.fails, w.missing, w.alien = 0, 0, 0
	taken, tooMuch := 0, false
	for i, s := range f.sets {
		a := f.answers[i]
		switch {
		case a.verdict == succeeded:
			taken += len(s.rows)
			w.settle(s, nil)
		case a.verdict == failed && busy(a.why.status):
			tooMuch = true
			s.busy++
			wait, told := wire.RetryAfter(a.why.header, time.Now())
			if !told {
				wait = backoff(s.busy)
			}
			s.from = now.Add(wait)
			w.lastErr = w.c.throttled(request{doing: w.rows[s.rows[0]].doing}, wait)
			w.queue = append(w.queue, s)
		case a.verdict == failed:
			if err := w.readFailure(s, a.why, f.exists[i], now); err != nil {
				stop = err // what is said about the others holds all the same
			}
		case a.verdict == unanswered && len(f.sets) > 1: // some servers stop at the first set that fails
			s.alone = true
			w.queue = append(w.queue, s)
		default:
			w.unclear(s, now, refresh.Errorf(refresh.Offline, "%s gave no clear answer to %s. Look there before doing it again.", w.c.host, w.rows[s.rows[0]].doing))
		}
	}
	switch {
	case tooMuch:
		w.pace.refused(f.sent, now)
	case taken > 0:
		w.pace.answered(f.sent, now, taken)
	}
	return stop
}

// readFailure handles a set that the environment did not take.
func (w *writing) readFailure(s changeSet, why reply, exists bool, now time.Time) error {
	r := &w.rows[s.rows[0]].write
	q := request{doing: r.doing, method: r.method}
	err := w.c.judge(q, why)
	switch {
	case why.status == http.StatusUnauthorized:
		return err
	case len(s.rows) > 1:
		w.refused(s, err)
	case exists, r.method == http.MethodDelete && why.status == http.StatusNotFound:
		w.settle(s, nil)
	case why.status == http.StatusNotFound:
		w.settle(s, w.c.absent(q, why))
	case refresh.CodeOf(err) == refresh.Offline: // a 5xx that does not come from the application
		w.unclear(s, now, err)
	default:
		w.settle(s, err)
	}
	return nil
}

// unclear queues a set again after a while, or gives up its row.
func (w *writing) unclear(s changeSet, now time.Time, why error) {
	w.lastErr = why
	if s.tries++; s.tries >= giveUpAfter && len(s.rows) == 1 {
		w.settle(s, why)
		return
	}
	s.from = now.Add(backoff(s.tries))
	w.again(s)
}
