package refresh

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Event is something that happened to a refresh. Events are facts: they are never refused once in the journal.
type Event interface{ event() string }

// The events. Fields are what the journal keeps; they never hold a secret.
type (
	// Requested begins a refresh.
	Requested struct {
		ID              ID          `json:"id"`
		Source          Environment `json:"source"`
		Target          Environment `json:"target"`
		Channel         string      `json:"channel"`
		By              Person      `json:"by"`
		Reason          string      `json:"reason,omitempty"`
		StartAt         time.Time   `json:"start_at,omitzero"` // when the copy is to begin; zero: as soon as it may
		Settings        Settings    `json:"settings"`
		Troubleshooters []string    `json:"trouble,omitempty"`
		Plan            []Spec      `json:"plan"`
		Version         int         `json:"definition"`
	}
	// StepStarted is the intent: it is in the journal before the effect is attempted.
	StepStarted struct {
		Step    string `json:"step"`
		Attempt int    `json:"attempt"`
		Asked   bool   `json:"asked,omitempty"` // a person asked for this attempt
		Adopt   string `json:"adopt,omitempty"` // the operation that is taken over as the copy; nothing is started then
	}
	// StepProgressed records something worth saying about a step that goes on.
	StepProgressed struct {
		Step   string     `json:"step"`
		Note   string     `json:"note,omitempty"`
		Status CopyStatus `json:"status,omitempty"` // of the copy, when it changed
	}
	// TargetOffline: the target stopped answering, as a refresh makes it.
	TargetOffline struct {
		Step string `json:"step"`
	}
	// TargetOnline: the target answers again.
	TargetOnline struct {
		Step string `json:"step"`
	}
	// StepSucceeded is a good outcome.
	StepSucceeded struct {
		Step      string     `json:"step"`
		Note      string     `json:"note,omitempty"`
		Findings  []Finding  `json:"findings,omitempty"`
		Operation string     `json:"operation,omitempty"` // the copy's operation id
		Adopted   bool       `json:"adopted,omitempty"`
		Known     []string   `json:"known,omitzero"`     // the target's earlier refreshes, seen before the copy; empty is news, nil is not
		By        Person     `json:"by,omitzero"`        // who did it by hand
		Roster    []string   `json:"roster,omitzero"`    // user ids that will be let in; nil: it has nothing to do with them
		Refreshed time.Time  `json:"refreshed,omitzero"` // when the target was refreshed last, as the checks saw it
		Status    CopyStatus `json:"status,omitempty"`
	}
	// StepFailed is a bad outcome. With RetryAt it will be tried again by itself.
	StepFailed struct {
		Step     string    `json:"step"`
		Problem  Problem   `json:"problem"`
		Findings []Finding `json:"findings,omitempty"`
		RetryAt  time.Time `json:"retry_at,omitzero"`
	}
	// StepUnsettled: nobody knows whether the effect happened. After Until it is looked for.
	StepUnsettled struct {
		Step  string    `json:"step"`
		Until time.Time `json:"until"`
		Then  Action    `json:"then"`
		Adopt string    `json:"adopt,omitempty"` // the operation that the person saw, with Then adopt
		Why   string    `json:"why,omitempty"`
	}
	// StepSkipped: a person, or a rule of the configuration, decided to go on without it.
	StepSkipped struct {
		Step string `json:"step"`
		By   Person `json:"by"` // without an id: a rule
		Why  string `json:"why,omitempty"`
	}
	// SnapshotTaken keeps what belonged to the target before the copy. The journal has it; the row only says where.
	SnapshotTaken struct {
		Step string          `json:"step"`
		Data json.RawMessage `json:"data"`
	}
	// UsersListed adds users to let in, on top of those of the configuration.
	UsersListed struct {
		By    Person   `json:"by"`
		From  string   `json:"from"` // the file they were in
		Names []string `json:"names"`
	}
	// WindowSet announces the downtime, or moves it.
	WindowSet struct {
		Window Window          `json:"window"`
		By     Person          `json:"by,omitzero"`    // who moved it; nobody when first announced
		Near   []time.Duration `json:"near,omitempty"` // so long before the users are told again
	}
	// DowntimeNear tells the users that the announced downtime begins soon.
	DowntimeNear struct {
		In time.Duration `json:"in"` // as planned; Window.From says when
	}
	// StartSet moves the time at which the copy is to begin, before the downtime is announced.
	StartSet struct {
		At time.Time `json:"at"`
		By Person    `json:"by"`
	}
	// GateOpened asks people.
	GateOpened struct {
		Gate Gate `json:"gate"`
	}
	// GateDecided is one person's answer.
	GateDecided struct {
		Gate     string   `json:"gate"`
		Decision Decision `json:"decision"`
	}
	// GateDelegated lets another person decide too.
	GateDelegated struct {
		Gate       string     `json:"gate"`
		Delegation Delegation `json:"delegation"`
	}
	// GateReminded: nobody has decided yet, and those who can are told again.
	GateReminded struct {
		Gate      string    `json:"gate"`
		Level     int       `json:"level"`               // counts from 1; a level that was missed is left out
		Escalated bool      `json:"escalated,omitempty"` // the admins are told too
		Next      time.Time `json:"next,omitzero"`       // when the next reminder is due; zero: never
	}
	// GateClosed is what came of the question.
	GateClosed struct {
		Gate    string `json:"gate"`
		Outcome Action `json:"outcome"`
	}
	// Restored: the journal up to here comes from a backup. What happened after Taken is not in it.
	Restored struct {
		Taken time.Time `json:"taken"`
	}
	// StepRuledOut: a person has decided that the effect did not happen since the backup, and LCS shows none.
	StepRuledOut struct {
		Step string `json:"step"`
	}
	// StepReopened takes a step back to before its turn: what was to be adopted as the copy is none, or the copy was
	// ruled out, and what stands before a copy of one's own has to be done again.
	StepReopened struct {
		Step string `json:"step"`
	}
	// Ended is the last event of every refresh.
	Ended struct {
		Status Status `json:"status"`
		Why    string `json:"why,omitempty"`
		By     Person `json:"by,omitzero"`
	}
)

func (Requested) event() string      { return "requested" }
func (StepStarted) event() string    { return "step_started" }
func (StepProgressed) event() string { return "step_progressed" }
func (TargetOffline) event() string  { return "target_offline" }
func (TargetOnline) event() string   { return "target_online" }
func (StepSucceeded) event() string  { return "step_succeeded" }
func (StepFailed) event() string     { return "step_failed" }
func (StepUnsettled) event() string  { return "step_unsettled" }
func (StepSkipped) event() string    { return "step_skipped" }
func (SnapshotTaken) event() string  { return "snapshot_taken" }
func (UsersListed) event() string    { return "users_listed" }
func (WindowSet) event() string      { return "window_set" }
func (DowntimeNear) event() string   { return "downtime_near" }
func (GateDelegated) event() string  { return "gate_delegated" }
func (GateReminded) event() string   { return "gate_reminded" }
func (StartSet) event() string       { return "start_set" }
func (GateOpened) event() string     { return "gate_opened" }
func (GateDecided) event() string    { return "gate_decided" }
func (GateClosed) event() string     { return "gate_closed" }
func (Restored) event() string       { return "restored" }
func (StepRuledOut) event() string   { return "step_ruled_out" }
func (StepReopened) event() string   { return "step_reopened" }
func (Ended) event() string          { return "ended" }

// EventName is the name under which an event stands in the journal.
func EventName(e Event) string { return e.event() }

// decoders is the closed list of events that a journal can hold.
var decoders = map[string]func([]byte) (Event, error){
	"requested":       decode[Requested],
	"step_started":    decode[StepStarted],
	"step_progressed": decode[StepProgressed],
	"target_offline":  decode[TargetOffline],
	"target_online":   decode[TargetOnline],
	"step_succeeded":  decode[StepSucceeded],
	"step_failed":     decode[StepFailed],
	"step_unsettled":  decode[StepUnsettled],
	"step_skipped":    decode[StepSkipped],
	"snapshot_taken":  decode[SnapshotTaken],
	"users_listed":    decode[UsersListed],
	"window_set":      decode[WindowSet],
	"downtime_near":   decode[DowntimeNear],
	"gate_delegated":  decode[GateDelegated],
	"gate_reminded":   decode[GateReminded],
	"start_set":       decode[StartSet],
	"gate_opened":     decode[GateOpened],
	"gate_decided":    decode[GateDecided],
	"gate_closed":     decode[GateClosed],
	"restored":        decode[Restored],
	"step_ruled_out":  decode[StepRuledOut],
	"step_reopened":   decode[StepReopened],
	"ended":           decode[Ended],
}

func decode[E Event](data []byte) (Event, error) {
	var e E
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return nil, fmt.Errorf("decode event %s: %w", e.event(), err)
	}
	return e, nil
}

// asRead returns the event as the journal will give it back. JSON mends broken UTF-8, as an error text of the far
// side cut in the middle of a letter has it; a row built from the unmended event would not be the journal's.
func asRead(e Event) (Event, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.event(), err)
	}
	return decoders[e.event()](data)
}
