// Package recur names the times of a cron expression on the clock on the wall of a time zone, also where that clock
// jumps. robfig/cron reads the expression and steps from one time to the next, nothing more.
package recur

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"refreshbot/jobs/refresh"
)

// Times are the times of one expression in one zone. The zero value has none.
type Times struct {
	expression string
	hand       cron.Schedule
	zone       *time.Location
}

// What can be wrong with an expression.
var (
	ErrZone     = errors.New("it names a time zone inside the expression: write the zone beside it")
	ErrInterval = errors.New("it names an interval, which would start over with every restart: name times of day")
	ErrSyntax   = errors.New("it is not a cron expression: minute, hour, day, month and weekday with Sunday as 0, such as 0 20 * * FRI")
	ErrNever    = errors.New("it never comes round: there is no such day")
)

// Parse reads five fields, minute hour day month weekday with Sunday as 0, or a word such as @weekly. It wraps one of
// the errors above in a *refresh.Error with code Invalid.
func Parse(expression string, zone *time.Location) (Times, error) {
	t := Times{expression: expression, zone: zone}
	err := t.read()
	if err != nil {
		return Times{}, &refresh.Error{Code: refresh.Invalid, Msg: fmt.Sprintf("%q cannot be used: %v.", expression, err), Err: err}
	}
	return t, nil
}

func (ts *Times) read() (err error) {
	switch {
	case strings.Contains(ts.expression, "TZ="):
		// robfig/cron v3.0.1 panics on "TZ=" and on a zone without a space behind it (robfig/cron#470, #554), and a
		// zone of its own would be read on top of ours.
		return ErrZone
	case strings.HasPrefix(ts.expression, "@every"):
		return ErrInterval
	}
	if ts.hand, err = cron.ParseStandard(ts.expression); err != nil {
		return ErrSyntax
	}
	if ts.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() { // a leap year, and robfig/cron looks five years ahead
		return ErrNever
	}
	return nil
}

// Next returns the first time after t, zero when there is none. The expression is read as wall-clock time without a
// zone and only then placed in it: robfig/cron itself skips a run in the hour that the clocks jump over in spring and
// runs twice in the one they repeat in autumn.
func (ts Times) Next(t time.Time) time.Time {
	if ts.hand == nil {
		return time.Time{}
	}
	wall := ts.hand.Next(floating(t.In(ts.zone)))
	for !wall.IsZero() && !Place(wall, ts.zone).After(t) {
		wall = ts.hand.Next(wall)
	}
	if wall.IsZero() {
		return wall
	}
	return Place(wall, ts.zone)
}

// After returns the first n times after t, fewer when there are no more.
func (ts Times) After(t time.Time, n int) []time.Time {
	var list []time.Time
	for len(list) < n {
		if t = ts.Next(t); t.IsZero() {
			break
		}
		list = append(list, t)
	}
	return list
}

// Most returns the largest number of times that fall into any stretch of that length, as far as the next hundred
// times show.
func (ts Times) Most(within time.Duration, from time.Time) int {
	list := ts.After(from, 100)
	most := 0
	for i := range list {
		n := 0
		for _, t := range list[i:] {
			if t.Sub(list[i]) < within {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// Zone is the zone that the expression is read in.
func (ts Times) Zone() *time.Location { return ts.zone }

// String is the expression.
func (ts Times) String() string { return ts.expression }

// Words says in plain words when that is, such as "every Friday at 20:00", or repeats the expression where words
// would be longer than it.
func (ts Times) Words() string {
	f := strings.Fields(ts.expression)
	var minute, hour int
	if len(f) != 5 || !number(f[0], 59, &minute) || !number(f[1], 23, &hour) || f[3] != "*" {
		return "cron " + ts.expression
	}
	at := fmt.Sprintf(" at %02d:%02d", hour, minute)
	var day int
	switch days, named := weekdays(f[4]); {
	case f[2] == "*" && f[4] == "*":
		return "every day" + at
	case f[2] == "*" && named:
		return "every " + days + at
	case f[4] == "*" && number(f[2], 31, &day) && day > 0:
		return fmt.Sprintf("on day %d of every month%s", day, at)
	}
	return "cron " + ts.expression
}

func number(s string, most int, out *int) bool {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > most {
			return false
		}
		n = 10*n + int(c-'0')
	}
	*out = n
	return s != "" && n <= most
}

// weekdays reads a list of single weekdays such as MON,FRI.
func weekdays(field string) (words string, ok bool) {
	var names []string
	for part := range strings.SplitSeq(strings.ToUpper(field), ",") {
		name := ""
		for d := time.Sunday; d <= time.Saturday; d++ {
			if part == fmt.Sprint(int(d)) || part == strings.ToUpper(d.String()[:3]) {
				name = d.String()
			}
		}
		if part == "MON-FRI" || part == "1-5" {
			name = "working day"
		}
		if name == "" {
			return "", false
		}
		names = append(names, name)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1], true
	}
	return names[0], true
}

// floating is what a clock on the wall shows at t.
func floating(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Place returns when a clock on the wall of the zone shows what wall shows, whatever wall's own zone: the first time
// if it does so twice, and the moment of the jump if it jumps over it. time.Date alone leaves open which it returns.
func Place(wall time.Time, zone *time.Location) time.Time {
	wall = floating(wall)
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	began, ends := at.ZoneBounds()
	switch shown := floating(at); {
	case shown.Before(wall):
		return ends
	case shown.After(wall):
		return began
	case began.IsZero(): // a zone that never changed
		return at
	}
	_, now := at.Zone()
	_, before := began.Add(-time.Second).Zone()
	if earlier := at.Add(time.Duration(now-before) * time.Second); earlier.Before(began) {
		return earlier
	}
	return at
}
