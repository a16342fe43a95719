package history

import (
	"slices"
	"time"

	"refreshbot/jobs/refresh"
)

// Spread is what a number of durations have in common. From four on, Low and High are the quartiles: half of them lie
// between. Below that they are the shortest and the longest.
type Spread struct {
	N                 int
	Low, Median, High time.Duration

	sorted []time.Duration
}

// Quartiles reports whether Low and High are the quartiles.
func (s Spread) Quartiles() bool { return s.N >= 4 }

// Longest is the longest of the durations.
func (s Spread) Longest() time.Duration {
	if s.N == 0 {
		return 0
	}
	return s.sorted[s.N-1]
}

func spreadOf(all []time.Duration) Spread {
	s := Spread{N: len(all), sorted: slices.Sorted(slices.Values(all))}
	if s.N == 0 {
		return s
	}
	s.Low, s.Median, s.High = s.sorted[0], s.at(0.5), s.sorted[s.N-1]
	if s.Quartiles() {
		s.Low, s.High = s.at(0.25), s.at(0.75)
	}
	return s
}

// at is a quantile, interpolated between its two neighbours.
func (s Spread) at(q float64) time.Duration {
	place := q * float64(s.N-1)
	i := int(place)
	if i+1 >= s.N {
		return s.sorted[s.N-1]
	}
	return s.sorted[i] + time.Duration((place-float64(i))*float64(s.sorted[i+1]-s.sorted[i]))
}

// beyond is the spread of those durations that are longer than what has passed already: the others cannot be what this
// one takes.
func (s Spread) beyond(passed time.Duration) Spread {
	i, _ := slices.BinarySearch(s.sorted, passed+1)
	return spreadOf(s.sorted[i:])
}

// Estimate is when something is expected, and how sure that is.
type Estimate struct {
	At        time.Time // the median; zero when Overdue
	Low, High time.Time
	N         int           // how many refreshes it is learnt from; 0: there is no estimate
	Quartiles bool          // half of them lay between Low and High; otherwise all of them
	Overdue   bool          // it takes longer than in any of them
	Longest   time.Duration // of them, with Overdue
}

// from turns durations counted from a moment into times.
func (s Spread) from(began, now time.Time) Estimate {
	if s.N == 0 || began.IsZero() {
		return Estimate{}
	}
	e := Estimate{N: s.N}
	left := s
	if now.After(began) {
		left = s.beyond(now.Sub(began))
	}
	if left.N == 0 {
		e.Overdue, e.Longest = true, s.Longest()
		return e
	}
	e.At, e.Low, e.High, e.Quartiles = began.Add(left.Median), began.Add(left.Low), began.Add(left.High), left.Quartiles()
	return e
}

// Copy estimates when the copy is complete: none before its time is known, and none afterwards.
func (p Past) Copy(r refresh.Refresh, now time.Time) Estimate {
	if r.Status.Ended() || !Copied(r).IsZero() && followed(r) {
		return Estimate{}
	}
	return p.Downtime().from(copyStart(r), now)
}

// Open estimates when the users are in: none before the time of the copy is known, and none afterwards. It is counted
// from the last milestone that was reached, so that a late sign-off moves it.
func (p Past) Open(r refresh.Refresh, now time.Time) Estimate {
	if r.Status.Ended() {
		return Estimate{}
	}
	m := milestone(r)
	return p.spread(func(old refresh.Refresh) (time.Duration, bool) { return between(reached(old, m), old.EndedAt) }).from(reached(r, m), now)
}

// A milestone is the start of the copy, or the end of a phase from the copy on.
func milestone(r refresh.Refresh) refresh.Phase {
	last := refresh.Phase("")
	for _, phase := range refresh.Phases()[1:] {
		planned := slices.ContainsFunc(r.Steps, func(s refresh.Step) bool { return s.Phase == phase })
		if _, to := PhaseOf(r, phase); planned && to.IsZero() {
			break
		} else if planned {
			last = phase
		}
	}
	return last
}

// reached is when a refresh reached the milestone; zero when it did not, or has none such.
func reached(r refresh.Refresh, m refresh.Phase) time.Time {
	if m == "" {
		return copyStart(r)
	}
	_, to := PhaseOf(r, m)
	return to
}

// copyStart is when the copy was asked for, or will be as announced.
func copyStart(r refresh.Refresh) time.Time {
	switch {
	case !r.Copy.SentAt.IsZero():
		return r.Copy.SentAt
	case !r.Window.From.IsZero():
		return r.Window.From
	}
	return r.StartAt
}

func followed(r refresh.Refresh) bool {
	return slices.ContainsFunc(r.Steps, func(s refresh.Step) bool { return s.Kind == refresh.KindFollow && s.Status.Finished() })
}
