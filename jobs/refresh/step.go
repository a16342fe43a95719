package refresh

import (
	"encoding/json"
	"time"
)

// Phase is one of the five parts of a refresh.
type Phase string

// The phases, in their order.
const (
	PhasePrepare     Phase = "prepare"
	PhaseRefresh     Phase = "refresh"
	PhaseSignOff     Phase = "sign_off"
	PhaseReconfigure Phase = "reconfigure"
	PhaseOpen        Phase = "open"
)

// Phases lists the phases in their order.
func Phases() []Phase {
	return []Phase{PhasePrepare, PhaseRefresh, PhaseSignOff, PhaseReconfigure, PhaseOpen}
}

// Title is the phase's name as people read it.
func (p Phase) Title() string {
	switch p {
	case PhasePrepare:
		return "Prepare"
	case PhaseRefresh:
		return "Refresh"
	case PhaseSignOff:
		return "Sign off"
	case PhaseReconfigure:
		return "Reconfigure"
	case PhaseOpen:
		return "Open"
	}
	return string(p)
}

// Kind says what a step does.
type Kind string

// The kinds of step. What each does to the outside world is written in package phases.
const (
	KindPreflight   Kind = "preflight"
	KindApproval    Kind = "approval"
	KindStart       Kind = "start"     // waits for the start time; in a plan only when one was asked for
	KindBlackouts   Kind = "blackouts" // looks whether the environment may be refreshed now
	KindAnnounce    Kind = "announce"
	KindBroadcast   Kind = "broadcast"
	KindNotice      Kind = "notice"
	KindCopy        Kind = "copy"
	KindFollow      Kind = "follow"
	KindSmoke       Kind = "smoke"
	KindSignOff     Kind = "sign_off"
	KindBatchGroups Kind = "batch_groups"
	KindEmail       Kind = "email"
	KindBatchJobs   Kind = "batch_jobs"
	KindService     Kind = "service"
	KindOData       Kind = "odata"
	KindManual      Kind = "manual"
	KindSnapshot    Kind = "snapshot"
	KindRestore     Kind = "restore" // writes back an area of the snapshot
	KindEntityStore Kind = "entity_store"
	KindParameters  Kind = "system_parameters"
	KindEncrypted   Kind = "encrypted_field"
	KindPackage     Kind = "package"
	KindHTTP        Kind = "http"
	KindGuard       Kind = "guard"
	KindPreview     Kind = "preview_users"
	KindOpenGate    Kind = "open_gate"
	KindEnable      Kind = "enable_users"
	KindVerify      Kind = "verify_users"
)

// Class says what may be done when the outcome of an effect is not known.
type Class string

// The classes. A findable effect, the first post of a card, is the publisher's and never a step.
const (
	ClassNone         Class = ""             // no effect on the outside world: a decision or a wait
	ClassRead         Class = "read"         // do it again
	ClassIdempotent   Class = "idempotent"   // do it again: the second time changes nothing
	ClassIrreversible Class = "irreversible" // settle, look, adopt; otherwise ask a person
)

type behaviour struct {
	class    Class
	gate     GateKind // opened when the step begins
	unskip   bool     // skipping it would defeat the refresh
	requires bool     // only after Approved
	asks     bool     // its plan has to name who decides
}

// behaviours is the one place that says how each kind of step behaves.
var behaviours = map[Kind]behaviour{
	KindPreflight:   {class: ClassRead, unskip: true},
	KindApproval:    {gate: GateApprove, unskip: true, asks: true},
	KindStart:       {gate: GateStart, requires: true},
	KindBlackouts:   {class: ClassRead, unskip: true, requires: true},
	KindAnnounce:    {requires: true},
	KindBroadcast:   {class: ClassIdempotent, requires: true},
	KindNotice:      {gate: GateNotice, requires: true},
	KindCopy:        {class: ClassIrreversible, unskip: true, requires: true},
	KindFollow:      {class: ClassRead, unskip: true},
	KindSmoke:       {class: ClassRead},
	KindSignOff:     {gate: GateSignOff, unskip: true, asks: true},
	KindBatchGroups: {class: ClassIdempotent},
	KindEmail:       {class: ClassIdempotent},
	KindBatchJobs:   {class: ClassIdempotent},
	KindService:     {class: ClassIdempotent},
	KindOData:       {class: ClassIdempotent},
	KindManual:      {gate: GateManual},
	KindSnapshot:    {class: ClassRead},
	KindRestore:     {class: ClassIdempotent},
	KindEntityStore: {class: ClassIdempotent},
	KindParameters:  {class: ClassIdempotent},
	KindEncrypted:   {class: ClassIdempotent},
	KindPackage:     {class: ClassIdempotent},
	KindHTTP:        {class: ClassIdempotent},
	KindGuard:       {class: ClassRead},
	KindPreview:     {class: ClassRead},
	KindOpenGate:    {gate: GateOpen, unskip: true, asks: true},
	KindEnable:      {class: ClassIdempotent},
	KindVerify:      {class: ClassRead},
}

// Class returns how an unknown outcome of this kind of step is treated.
func (k Kind) Class() Class { return behaviours[k].class }

// Spec is one step as planned. The plan is frozen when the refresh is asked for.
type Spec struct {
	ID     string          `json:"id"`
	Phase  Phase           `json:"phase"`
	Kind   Kind            `json:"kind"`
	Name   string          `json:"name"`
	Policy *Policy         `json:"policy,omitempty"` // who decides, for the kinds that ask
	Params json.RawMessage `json:"params,omitempty"` // read by package phases alone; never holds a secret

	// The rest is for the steps of reconfigure.
	IfInstalled bool      `json:"if_installed,omitempty"` // skip it where the target does not have what it calls
	OnFailure   OnFailure `json:"on_failure,omitempty"`
	Retries     int       `json:"retries,omitempty"` // how often a passing failure is tried again; 0: as usual
	Group       string    `json:"group,omitempty"`   // steps of one group may be performed side by side
	After       []string  `json:"after,omitempty"`   // steps before it that write the same and must have been done or skipped; else a late one would write over it
}

// OnFailure says what becomes of the refresh when a step has failed for good.
type OnFailure string

// The answers to a failed step.
const (
	FailureAsks      OnFailure = ""         // a person decides
	FailureContinues OnFailure = "continue" // it is skipped, and the report says so
	FailureStops     OnFailure = "stop"     // the refresh ends
)

// StepStatus is how a step stands.
type StepStatus string

// The statuses of a step; transitions between them stand in table.go.
const (
	Pending    StepStatus = "pending"
	Performing StepStatus = "running"  // the intent is in the journal, the outcome is not
	Retrying   StepStatus = "retrying" // failed for a passing reason; tried again at RetryAt
	Settling   StepStatus = "settling" // the reply was lost; looked for at SettleUntil
	Waiting    StepStatus = "waiting"  // a gate is open
	Troubled   StepStatus = "troubled" // failed; a person decides
	Completed  StepStatus = "done"
	Skipped    StepStatus = "skipped"
)

// Finished reports whether the step will not move again.
func (s StepStatus) Finished() bool { return s == Completed || s == Skipped }

// Finding is one line of what a step saw or did.
type Finding struct {
	OK     bool   `json:"ok"`
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
}

// Problem is a failure as people are told of it.
type Problem struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Step is a planned step together with how it stands.
type Step struct {
	Spec
	Status      StepStatus `json:"status"`
	Attempt     int        `json:"attempt,omitempty"`
	Tries       int        `json:"tries,omitempty"` // attempts since a person last asked for one
	StartedAt   time.Time  `json:"started_at,omitzero"`
	EndedAt     time.Time  `json:"ended_at,omitzero"`
	RetryAt     time.Time  `json:"retry_at,omitzero"`
	SettleUntil time.Time  `json:"settle_until,omitzero"`
	Then        Action     `json:"then,omitempty"`  // what to do when the look finds nothing
	Adopt       string     `json:"adopt,omitempty"` // the operation that a person wants to be the copy
	Note        string     `json:"note,omitempty"`  // the latest thing worth saying
	Findings    []Finding  `json:"findings,omitempty"`
	Problem     *Problem   `json:"problem,omitempty"`
	EndedBy     Person     `json:"ended_by,omitzero"` // who skipped it or did it by hand
}
