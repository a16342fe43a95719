package refresh

import (
	"slices"
	"time"
)

// ID names one refresh, e.g. "uat-20261122-7f3a".
type ID string

// Status is how a refresh stands as a whole.
type Status string

// A refresh is Running until one of the others ends it.
const (
	Running   Status = "running"
	Done      Status = "done"      // the users are in
	Failed    Status = "failed"    // it ended with the job not done
	Cancelled Status = "cancelled" // somebody called it off before the copy
	Rejected  Status = "rejected"  // an approver said no
	Expired   Status = "expired"   // nobody decided in time
)

// Ended reports whether nothing more will happen.
func (s Status) Ended() bool { return s != Running && s != "" }

// Environment is what a refresh remembers of its source and of its target.
type Environment struct {
	Name string `json:"name"` // as the configuration calls it, e.g. uat
	URL  string `json:"url"`
	LCS  string `json:"lcs"` // environment id in Lifecycle Services
}

// Person is somebody who asked or decided. A schedule is a Person without an ID.
type Person struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// Actor is a Person together with what they may do, looked up at the moment they act.
type Actor struct {
	Person
	Admin bool
	In    []string // the user groups they are a member of, as far as they matter here
}

// Settings are the figures of the configuration that a running refresh keeps even when the file changes.
type Settings struct {
	Notice   time.Duration `json:"notice"`           // between the downtime announcement and the copy
	Downtime time.Duration `json:"downtime"`         // length of the downtime as announced
	Learnt   int           `json:"learnt,omitempty"` // from how many refreshes Downtime was learnt; 0: it is the configured one
	Postpone time.Duration `json:"postpone"`         // what one press of Postpone adds
	Settle   time.Duration `json:"settle"`           // how long a request whose reply was lost may still land
	Retry    time.Duration `json:"retry"`            // first wait before a failed step is tried again; doubles
	Remind   *Reminders    `json:"remind,omitempty"` // nil: nobody is reminded
	Notify   bool          `json:"notify,omitempty"` // tell each user who was let in, in a direct message
}

// beat is how much of the notice may be missing: timers and the approval itself take a moment.
func (s Settings) beat() time.Duration { return min(s.Notice/10, time.Minute) }

// Window is the downtime as announced.
type Window struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Copy is what is known about the one thing that cannot be taken back.
type Copy struct {
	Operation  string     `json:"operation,omitempty"` // LCS's operation activity id
	Adopted    bool       `json:"adopted,omitempty"`   // found in LCS's history instead of in a reply
	Known      []string   `json:"known,omitempty"`     // the target's earlier refreshes: none of these is ours
	SentAt     time.Time  `json:"sent_at,omitzero"`    // the latest intent
	LostAt     time.Time  `json:"lost_at,omitzero"`    // the latest time that nobody knew whether it had begun
	Doubt      bool       `json:"doubt,omitempty"`     // it had not begun when the backup was taken; it may have since
	AcceptedAt time.Time  `json:"accepted_at,omitzero"`
	Status     CopyStatus `json:"status,omitempty"`
	StatusAt   time.Time  `json:"status_at,omitzero"` // when Status was first seen
	OfflineAt  time.Time  `json:"offline_at,omitzero"`
	OnlineAt   time.Time  `json:"online_at,omitzero"`
}

// Refresh is one refresh as it stands: the row of the store. It is a value; Apply returns a changed copy.
type Refresh struct {
	ID              ID              `json:"id"`
	Version         int64           `json:"version"` // number of the last event folded in
	Definition      int             `json:"definition"`
	Status          Status          `json:"status"`
	Reason          string          `json:"reason,omitempty"` // why it was asked for
	Ending          string          `json:"ending,omitempty"` // why it ended, when not Done
	Source          Environment     `json:"source"`
	Target          Environment     `json:"target"`
	Channel         string          `json:"channel"` // where it is posted
	RequestedBy     Person          `json:"requested_by"`
	RequestedAt     time.Time       `json:"requested_at"`
	EndedAt         time.Time       `json:"ended_at,omitzero"`
	EndedBy         Person          `json:"ended_by,omitzero"`
	StartAt         time.Time       `json:"start_at,omitzero"` // when the copy is to begin; zero: as soon as the notice is over
	Settings        Settings        `json:"settings"`
	Troubleshooters []string        `json:"trouble,omitempty"` // users and groups who may decide when a step fails
	Steps           []Step          `json:"steps"`
	Gates           []Gate          `json:"gates,omitempty"`
	Window          Window          `json:"window,omitzero"`
	Near            []time.Duration `json:"near,omitempty"` // so long before Window.From the users are still to be told
	Copy            Copy            `json:"copy,omitzero"`
	Refreshed       time.Time       `json:"refreshed,omitzero"` // when the target was refreshed last before this, as LCS says; zero: not known
	Snapshot        int64           `json:"snapshot,omitempty"` // the journal entry that holds the target's own settings
	Listed          []string        `json:"listed,omitempty"`   // names of users that were handed in, beside the configured ones
	Roster          []string        `json:"roster,omitempty"`   // ids of the users to let in, as previewed
	Restored        time.Time       `json:"restored,omitzero"`  // when the backup was taken that this comes from
}

// DefinitionVersion is stored in each refresh, so that a later program knows which rules it began under.
const DefinitionVersion = 1

// Step returns the step with that id.
func (r Refresh) Step(id string) (Step, bool) {
	if i := r.stepIndex(id); i >= 0 {
		return r.Steps[i], true
	}
	return Step{}, false
}

// Gate returns the gate with that id.
func (r Refresh) Gate(id string) (Gate, bool) {
	if i := r.gateIndex(id); i >= 0 {
		return r.Gates[i], true
	}
	return Gate{}, false
}

// OpenGates returns the gates that wait for a person, oldest first. While a refresh is held, only those about the
// copy do.
func (r Refresh) OpenGates() []Gate {
	if r.Status.Ended() {
		return nil
	}
	var open []Gate
	for _, g := range r.Gates {
		if g.Open() && !r.withheld(g.Step) {
			open = append(open, g)
		}
	}
	return open
}

// Held reports whether nothing may happen before a person has said what became of the copy: the refresh was
// restored from a backup in which the copy had not begun, and nobody knows whether it has begun since.
func (r Refresh) Held() bool { return r.Copy.Doubt && !r.Status.Ended() }

// withheld reports whether a step has to wait because the refresh is held.
func (r Refresh) withheld(step string) bool {
	s, _ := r.Step(step)
	return r.Held() && s.Kind.Class() != ClassIrreversible
}

// Phase returns the phase the refresh is in: that of its first step that is not finished, or the last one.
func (r Refresh) Phase() Phase {
	for _, s := range r.Steps {
		if !s.Status.Finished() {
			return s.Phase
		}
	}
	return PhaseOpen
}

// Promised is the downtime that people know of: as announced, or before that as it follows from the time at which an
// approved refresh is to start. The zero value: they were told of none.
func (r Refresh) Promised() Window {
	if r.Window.From.IsZero() && slices.ContainsFunc(r.Gates, func(g Gate) bool { return g.Kind == GateStart }) {
		return Window{r.StartAt, r.StartAt.Add(r.Settings.Downtime)}
	}
	return r.Window
}

// PointOfNoReturn reports whether the copy has been asked for, or one that runs was adopted: from then on there is no
// cancelling.
func (r Refresh) PointOfNoReturn() bool { return !r.Copy.SentAt.IsZero() || r.Copy.Operation != "" }

// foreignClock is how far LCS's clock and time zone may be off. What LCS says began longer than this before the
// refresh was asked for is not ours, though the preflight need not have seen it: it reads no further back than the
// recent history, and how far that is depends on how the entries fall on pages.
const foreignClock = 24 * time.Hour

// New returns the refreshes in the target's history that were not there at the latest checks before the copy, newest
// first: this refresh's own, and those that somebody has started by hand since.
func (r Refresh) New(history []Operation) []Operation {
	known := map[string]bool{}
	for _, id := range r.Copy.Known {
		known[NormalizeID(id)] = true
	}
	oldest := r.RequestedAt.Add(-foreignClock)
	var ops []Operation
	for _, op := range history {
		if op.IsRefresh() && !known[NormalizeID(op.ID)] && (op.StartedAt.IsZero() || !op.StartedAt.Before(oldest)) {
			ops = append(ops, op)
		}
	}
	return ops
}

// mayBeOurs reports whether the time at which an operation began fits the latest request to start the copy. One that
// does not is nothing that a program may take for its own.
func (r Refresh) mayBeOurs(op Operation) bool {
	const clocks = 10 * time.Minute // by which LCS's clock and this one may differ, the request's timeout included
	if op.StartedAt.IsZero() {
		return true
	}
	return !op.StartedAt.Before(r.Copy.SentAt.Add(-clocks)) && !op.StartedAt.After(r.Copy.SentAt.Add(r.Settings.Settle+clocks))
}

// Approved reports whether every approval that the plan asks for before the copy was given. A plan without
// an approval step is never approved: missing input refuses.
func (r Refresh) Approved() bool {
	asked := false
	for _, s := range r.Steps {
		if s.Kind != KindApproval {
			continue
		}
		asked = true
		if s.Status != Completed || !slices.ContainsFunc(r.Gates, func(g Gate) bool {
			return g.Step == s.ID && g.Outcome == ActionApprove && g.Votes(ActionApprove) >= g.Count
		}) {
			return false
		}
	}
	return asked
}

// lastGate returns the gate that was opened last for a step.
func (r Refresh) lastGate(step string) (Gate, bool) {
	for _, g := range slices.Backward(r.Gates) {
		if g.Step == step {
			return g, true
		}
	}
	return Gate{}, false
}

// takesUsers reports whether the list of users to let in can still change: there is a preview of it, and nobody
// has been enabled.
func (r Refresh) takesUsers() bool {
	previewed := false
	for _, s := range r.Steps {
		switch s.Kind {
		case KindPreview:
			previewed = true
		case KindEnable:
			if s.Status != Pending {
				return false
			}
		}
	}
	return previewed && !r.Status.Ended()
}

func (r Refresh) stepIndex(id string) int {
	return slices.IndexFunc(r.Steps, func(s Step) bool { return s.ID == id })
}

func (r Refresh) gateIndex(id string) int {
	return slices.IndexFunc(r.Gates, func(g Gate) bool { return g.ID == id })
}
