package refresh

import (
	"slices"
	"time"
)

// Hours are the hours in which people work. The zero value is always.
type Hours struct {
	Zone string         `json:"zone,omitempty"` // of the IANA database; empty or unknown is UTC
	Days []time.Weekday `json:"days,omitempty"`
	From time.Duration  `json:"from,omitempty"` // since midnight, as the clock on the wall shows it
	To   time.Duration  `json:"to,omitempty"`
}

// always reports whether every moment counts.
func (h Hours) always() bool { return len(h.Days) == 0 || h.To <= h.From }

// on returns the working time of the day that is that many days after t's.
func (h Hours) on(t time.Time, days int) (from, to time.Time, works bool) {
	zone, err := time.LoadLocation(h.Zone)
	if err != nil {
		zone = time.UTC
	}
	y, m, d := t.In(zone).Date()
	clock := func(at time.Duration) time.Time {
		return time.Date(y, m, d+days, int(at/time.Hour), int(at%time.Hour/time.Minute), 0, 0, zone).UTC()
	}
	from, to = clock(h.From), clock(h.To)
	return from, to, slices.Contains(h.Days, time.Date(y, m, d+days, 12, 0, 0, 0, zone).Weekday())
}

// add returns when so much working time has passed since t.
func (h Hours) add(t time.Time, work time.Duration) time.Time {
	if h.always() {
		return t.Add(work)
	}
	for day := 0; ; day++ {
		from, to, works := h.on(t, day)
		if from = later(from, t); !works || !from.Before(to) {
			continue
		}
		if has := to.Sub(from); work > has {
			work -= has
			continue
		}
		return from.Add(work)
	}
}

// after returns the first working moment that is not before t.
func (h Hours) after(t time.Time) time.Time { return h.add(t, 0) }

// before returns the last working moment that is not after t.
func (h Hours) before(t time.Time) time.Time {
	if h.always() {
		return t
	}
	for day := 0; ; day-- {
		from, to, works := h.on(t, day)
		if works && !from.After(t) && from.Before(to) {
			if to.Before(t) {
				return to
			}
			return t
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
