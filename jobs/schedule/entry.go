package schedule

import (
	"strings"
	"time"

	"refreshbot/jobs/recur"
	"refreshbot/jobs/refresh"
)

// Missed says what becomes of a due time that passed while nobody was running.
type Missed string

// The two policies.
const (
	Skip Missed = "skip" // wait for the next one
	Once Missed = "once" // ask late, once however many were missed
)

// InBlackout says what becomes of a due time that falls into a blackout.
type InBlackout string

// The two policies.
const (
	PassOver InBlackout = "skip"
	Postpone InBlackout = "postpone" // to the end of the blackout, unless the next due time comes first
)

// Entry is one schedule.
type Entry struct {
	ID       string         `json:"id"` // uat.config is the configuration's own; those that people made are uat.1, uat.2 and so on
	Target   string         `json:"target"`
	Cron     string         `json:"cron"`
	Zone     string         `json:"zone,omitempty"` // of the IANA database, in which Cron is read; empty: that of the Options
	Missed   Missed         `json:"missed"`
	Within   time.Duration  `json:"within,omitempty"` // how late Once still asks; 0: however late
	Ask      time.Duration  `json:"ask,omitempty"`    // how long before its time the refresh is asked for
	Blackout InBlackout     `json:"blackout,omitempty"`
	Owner    refresh.Person `json:"owner,omitzero"` // who made it; nobody: the configuration
	Why      string         `json:"why,omitempty"`
	MadeAt   time.Time      `json:"made_at,omitzero"`
}

// configured ends the id of a schedule of the configuration. A name of an environment has no full stop in it.
const configured = ".config"

// Configured returns the id of the schedule that the configuration gives to a target.
func Configured(target string) string { return target + configured }

// Configured reports whether the schedule is the configuration's own.
func (e Entry) Configured() bool { return strings.HasSuffix(e.ID, configured) }

// times reads the expression.
func (e Entry) times(otherwise *time.Location) (recur.Times, error) {
	zone := otherwise
	if e.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(e.Zone); err != nil {
			return recur.Times{}, refresh.Errorf(refresh.Invalid, "There is no time zone %q.", e.Zone)
		}
	}
	return recur.Parse(e.Cron, zone)
}

// Pause says who keeps a schedule from coming due.
type Pause struct {
	By refresh.Person `json:"by"`
	At time.Time      `json:"at"`
}

// Standing is a schedule and how it stands.
type Standing struct {
	Entry
	Times      recur.Times
	Next       []time.Time // the next three; none while it is paused
	Paused     *Pause      // nil: it is not
	Unreadable bool        // what is kept of it cannot be read, so nothing comes due
	Postponed  time.Time   // when the first of Next was due before it was moved behind a blackout; zero: it was not
	Last       time.Time   // the due time that was dealt with last; zero: none yet
	Outcome    string      // how: one of the constants below
	Refresh    refresh.ID  // the refresh that was asked for then, if one was
}

// What became of a due time.
const (
	Asked         = "asked"
	WasMissed     = "missed"
	WasBusy       = "busy"
	WasSkipped    = "skipped" // by a person
	WasInBlackout = "blackout"
	WasRefused    = "refused"
)

// kept is what the store knows about one schedule. The configuration's are kept under the name of their target.
type kept struct {
	Cron      string         `json:"cron"`
	Zone      string         `json:"zone"`
	Due       time.Time      `json:"due"`
	Fired     time.Time      `json:"fired,omitzero"`    // the last due time that was dealt with
	Outcome   string         `json:"outcome,omitempty"` // how
	Refresh   refresh.ID     `json:"refresh,omitempty"`
	Paused    *Pause         `json:"paused,omitempty"`
	Postponed time.Time      `json:"postponed,omitzero"`
	Entry     *Entry         `json:"entry,omitempty"`   // one that a person made
	Key       string         `json:"key,omitempty"`     // the delivery that made it
	News      []refresh.News `json:"news,omitempty"`    // what is to be told, the oldest first
	Changes   []string       `json:"changes,omitempty"` // the last deliveries that changed it
}
