package notice

import (
	"cmp"
	"slices"
	"time"

	"refreshbot/jobs/refresh"
)

// Audience is a channel whose people hear about an environment.
type Audience struct {
	Channel  string
	Mention  string // a user group (S…) that each notice calls, outside quiet hours; empty: nobody
	Language string // empty: Default
	About    []Kind // empty: everything
}

// Hears reports whether the audience is told notices of the kind.
func (a Audience) Hears(k Kind) bool { return len(a.About) == 0 || slices.Contains(a.About, k) }

// Quiet is when nobody is called: notices are posted, without a mention. The zero value is never.
type Quiet struct {
	From, To time.Duration // since midnight; From after To: over midnight. Equal: never
	Weekends bool          // Saturdays and Sundays as well
	Zone     *time.Location
}

// At reports whether it is quiet at t.
func (q Quiet) At(t time.Time) bool {
	if q.Zone != nil {
		t = t.In(q.Zone)
	}
	if q.Weekends && (t.Weekday() == time.Saturday || t.Weekday() == time.Sunday) {
		return true
	}
	since := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	if q.From <= q.To {
		return q.From <= since && since < q.To
	}
	return since >= q.From || since < q.To
}

// Speaker words notices for audiences.
type Speaker struct {
	Texts Texts
	Quiet Quiet
	Zone  *time.Location // of times where Slack does not show the reader's own
	// Escape takes the meaning from what a person wrote.
	Escape func(string) string
}

// Say is a notice as the audience gets it now: in Slack's mark-up, and plain for notifications and screen readers. Both
// call whoever is to be called: Slack makes the notification from the plain one.
func (s Speaker) Say(n Notice, r refresh.Refresh, a Audience, now time.Time) (marked, plain string) {
	marked, plain = s.write(n, r, cmp.Or(a.Language, Default))
	if a.Mention != "" && !s.Quiet.At(now) {
		call := "<!subteam^" + a.Mention + "> "
		marked, plain = call+marked, call+plain
	}
	return marked, plain
}
