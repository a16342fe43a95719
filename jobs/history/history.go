package history

import (
	"slices"
	"time"

	"refreshbot/jobs/refresh"
)

const (
	// enough is how many refreshes of a pair there have to be before the length of the downtime is announced from them
	// instead of from the configuration.
	enough = 3
	// remembered is how many of them count: environments grow, so what is long ago says little.
	remembered = 10
)

// Past is what the refreshes of one source and target that were done tell. The zero value knows nothing.
type Past struct {
	Done []refresh.Refresh // newest first, at most ten
}

// Learn picks those of a list of refreshes that were done from the same source to the same target as r, and before it.
// The list is in any order; r itself may be in it.
func Learn(list []refresh.Refresh, r refresh.Refresh) Past {
	var p Past
	for _, old := range list {
		before := r.RequestedAt.IsZero() || old.RequestedAt.Before(r.RequestedAt)
		if old.Status == refresh.Done && old.ID != r.ID && old.Source.Name == r.Source.Name && old.Target.Name == r.Target.Name && before {
			p.Done = append(p.Done, old)
		}
	}
	slices.SortFunc(p.Done, func(a, b refresh.Refresh) int { return b.RequestedAt.Compare(a.RequestedAt) })
	p.Done = p.Done[:min(len(p.Done), remembered)]
	return p
}

// Downtime is how long the target was down: from the request for the copy until the copy was complete and the target
// answered again.
func (p Past) Downtime() Spread {
	return p.spread(func(r refresh.Refresh) (time.Duration, bool) { return between(r.Copy.SentAt, Copied(r)) })
}

// Whole is how long it took from the request for the copy until the users were in.
func (p Past) Whole() Spread {
	return p.spread(func(r refresh.Refresh) (time.Duration, bool) { return between(r.Copy.SentAt, r.EndedAt) })
}

// spread is what the durations have in common; of says false where one is not known.
func (p Past) spread(of func(refresh.Refresh) (time.Duration, bool)) Spread {
	var all []time.Duration
	for _, r := range p.Done {
		if d, ok := of(r); ok {
			all = append(all, d)
		}
	}
	return spreadOf(all)
}

// Announced is how long a downtime to announce: learnt when there is enough to learn from, otherwise as configured. n
// is how many refreshes it is learnt from, 0 for the configured one.
func (p Past) Announced(configured time.Duration) (d time.Duration, n int) {
	seen := p.Downtime()
	if seen.N < enough {
		return configured, 0
	}
	return roundUp(seen.High), seen.N
}

// roundUp makes a time that people are told an even one. It never promises less.
func roundUp(d time.Duration) time.Duration {
	step := time.Second
	switch {
	case d >= 2*time.Hour:
		step = 15 * time.Minute
	case d >= 30*time.Minute:
		step = 5 * time.Minute
	case d >= 5*time.Minute:
		step = time.Minute
	}
	return (d + step - 1) / step * step
}

// Copied is when the copy was complete and the target answered again; zero when it is not known.
func Copied(r refresh.Refresh) time.Time {
	at := r.Copy.OnlineAt
	for _, s := range r.Steps {
		if s.Kind == refresh.KindFollow && s.EndedAt.After(at) {
			at = s.EndedAt
		}
	}
	return at
}

// PhaseOf is when a phase began and ended. Either is zero when it has not, or when the plan has no such phase.
func PhaseOf(r refresh.Refresh, phase refresh.Phase) (from, to time.Time) {
	finished := true
	for _, s := range r.Steps {
		if s.Phase != phase {
			continue
		}
		if !s.StartedAt.IsZero() && (from.IsZero() || s.StartedAt.Before(from)) {
			from = s.StartedAt
		}
		if s.EndedAt.After(to) {
			to = s.EndedAt
		}
		finished = finished && s.Status.Finished()
	}
	if !finished {
		to = time.Time{}
	}
	return from, to
}

// Interval is a stretch of time.
type Interval struct{ From, To time.Time }

// Waits are the times in which at least one question was open to people, in order and apart. A question that was never
// answered is waited for until the refresh ended; in one that has not ended it does not count yet.
func Waits(r refresh.Refresh) []Interval { return gates(r, false) }

// Pauses are the times in which the start time or the end of the notice was waited for, in order and apart.
func Pauses(r refresh.Refresh) []Interval { return gates(r, true) }

func gates(r refresh.Refresh, clock bool) []Interval {
	var all []Interval
	for _, g := range r.Gates {
		to := g.ClosedAt
		if to.IsZero() {
			to = r.EndedAt
		}
		if (g.Kind == refresh.GateStart || g.Kind == refresh.GateNotice) == clock && to.After(g.OpenedAt) {
			all = append(all, Interval{g.OpenedAt, to})
		}
	}
	slices.SortFunc(all, func(a, b Interval) int { return a.From.Compare(b.From) })
	var apart []Interval
	for _, w := range all {
		if n := len(apart); n > 0 && !w.From.After(apart[n-1].To) {
			if w.To.After(apart[n-1].To) {
				apart[n-1].To = w.To
			}
			continue
		}
		apart = append(apart, w)
	}
	return apart
}

// Waited is for how long people were waited for.
func Waited(r refresh.Refresh) time.Duration {
	var all time.Duration
	for _, w := range Waits(r) {
		all += w.To.Sub(w.From)
	}
	return all
}

// between is the time between two moments, false unless both are known.
func between(from, to time.Time) (time.Duration, bool) {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return 0, false
	}
	return to.Sub(from), true
}
