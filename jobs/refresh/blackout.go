package refresh

import (
	"slices"
	"time"
)

// Blackout is a time in which a target environment is not to be refreshed: month end, say, or a week of training.
type Blackout struct {
	ID         string    `json:"id,omitempty"` // of one that was asked for by a person; the configuration's have none
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"` // the first moment that is free again
	Why        string    `json:"why,omitempty"`
	Owner      Person    `json:"owner,omitzero"` // whom to talk to; zero: nobody is named
	Configured bool      `json:"-"`              // from the configuration: nobody can lift it from a chat
}

// Touches reports whether any moment from–until falls into the blackout.
func (b Blackout) Touches(from, until time.Time) bool {
	return b.From.Before(until) && from.Before(b.Until)
}

// Blocking returns the blackout that keeps a refresh of that length from beginning at from: of several, the one that
// ends last. free is then the first time after from at which it has room between the blackouts that are listed.
func Blocking(all []Blackout, from time.Time, length time.Duration) (b Blackout, free time.Time, blocked bool) {
	length = max(length, time.Nanosecond)
	free = from
	for {
		at := -1
		for i, b := range all {
			if b.Touches(free, free.Add(length)) && (at < 0 || b.Until.After(all[at].Until)) {
				at = i
			}
		}
		if at < 0 {
			return b, free, blocked
		}
		if !blocked {
			b, blocked = all[at], true
		}
		free = all[at].Until
		all = slices.DeleteFunc(slices.Clone(all), func(b Blackout) bool { return !b.Until.After(free) })
	}
}
