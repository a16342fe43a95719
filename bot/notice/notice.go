// Package notice words what the users of a target environment are told about its refresh: in their language, without
// jargon, and only what changes something for them. What those who run the refresh are told is the business of package
// view.
package notice

import (
	"time"

	"refreshbot/jobs/refresh"
)

// Kind says what a notice is about.
type Kind string

// What users are told.
const (
	Announced Kind = "announced" // when the environment will be down
	Postponed Kind = "postponed" // the downtime was moved, later or earlier
	Soon      Kind = "soon"      // it begins in a few minutes
	Offline   Kind = "offline"   // it has begun
	Back      Kind = "back"      // the environment answers again, and is not ready yet
	Open      Kind = "open"      // people can work
	Cancelled Kind = "cancelled" // the announced downtime will not be
	Failed    Kind = "failed"    // the refresh ended with its job not done
)

// Kinds returns all of them, in the order of a refresh.
func Kinds() []Kind {
	return []Kind{Announced, Postponed, Soon, Offline, Back, Open, Cancelled, Failed}
}

// Notice is one thing to tell.
type Notice struct {
	Kind   Kind
	Until  time.Time // it is no news after that; zero: always
	Left   time.Duration
	Window refresh.Window
}

// Of returns what users are told about a journal entry that took the refresh from before to after.
func Of(before, after refresh.Refresh, e refresh.Entry) (Notice, bool) {
	was, is := before.Promised(), after.Promised()
	n := Notice{Window: is}
	switch ev := e.Event.(type) {
	case refresh.GateOpened, refresh.StartSet, refresh.WindowSet:
		switch {
		case is.From.Equal(was.From): // nothing that they do not know
			return Notice{}, false
		case was.From.IsZero():
			n.Kind = Announced
		default:
			n.Kind = Postponed
		}
		n.Until = is.To
	case refresh.DowntimeNear:
		n.Kind, n.Left, n.Until = Soon, is.From.Sub(e.At), is.From
	case refresh.TargetOffline:
		n.Kind = Offline
	case refresh.TargetOnline:
		n.Kind = Back
	case refresh.Ended:
		announced, begun := !was.From.IsZero(), before.PointOfNoReturn()
		switch {
		case ev.Status == refresh.Done:
			n.Kind = Open
		case begun:
			n.Kind = Failed
		case announced:
			n.Kind = Cancelled
		default:
			return Notice{}, false // nobody was told that anything would happen
		}
	default:
		return Notice{}, false
	}
	return n, true
}

// Stale reports whether telling n now, of an entry made at made, would only confuse: its time has passed, or it was made
// a while ago and later says more.
func (n Notice) Stale(made, now time.Time, later bool) bool {
	const fresh = 10 * time.Minute
	return !n.Until.IsZero() && now.After(n.Until) || later && now.Sub(made) > fresh
}
