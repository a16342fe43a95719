package refresh

import (
	"encoding/json"
	"time"
)

// Input is what a refresh is told: a request, a click, an outcome, or that time has passed.
type Input interface{ input() }

// The inputs.
type (
	// Request asks for a refresh. Everything in it is kept as it is now. With StartAt the approved refresh waits so
	// long that its notice ends then, and the copy begins; a time that has passed is refused.
	Request struct {
		ID              ID
		Source          Environment
		Target          Environment
		Channel         string
		By              Person
		Reason          string
		StartAt         time.Time // zero: now
		Settings        Settings
		Troubleshooters []string
		Plan            []Spec
	}
	// Click is a person's answer at a gate.
	Click struct {
		Gate   string
		Nonce  string
		Action Action
		By     Actor
		Reason string
	}
	// Delegate lets another person decide at a gate, beside those who can.
	Delegate struct {
		Gate   string
		Nonce  string
		By     Actor
		To     Person
		Reason string
	}
	// Cancel calls the refresh off.
	Cancel struct {
		By     Actor
		Reason string
	}
	// ListUsers hands in users to let in, on top of those of the configuration.
	ListUsers struct {
		By    Actor
		From  string // the file they were in
		Names []string
	}
	// Tick says that time has passed.
	Tick struct{}
	// Recovered says that the process has begun anew, and knows of no effect that is under way.
	Recovered struct{}
	// FromBackup says that the refresh was restored from a backup taken at that time.
	FromBackup struct{ Taken time.Time }
	// Reported is the outcome of an effect.
	Reported struct {
		Step    string
		Attempt int
		Outcome Outcome
	}
	// Sighted is what looking for a lost effect has shown.
	Sighted struct {
		Step       string
		Attempt    int
		Candidates []Operation // what may be ours, newest first
		History    []Operation // the newest of all that is there
		Seen       string      // all that was seen, as a sentence
		Problem    *Problem    // looking itself failed; it is tried again
	}
)

func (Request) input()    {}
func (Click) input()      {}
func (Delegate) input()   {}
func (Cancel) input()     {}
func (ListUsers) input()  {}
func (Tick) input()       {}
func (Recovered) input()  {}
func (FromBackup) input() {}
func (Reported) input()   {}
func (Sighted) input()    {}

// Result is how an effect came out.
type Result string

// The results.
const (
	Succeeded  Result = "succeeded"
	Continues  Result = "continues"  // not over; ask again after Again
	Failure    Result = "failed"     // certainly not done, or done badly; see Problem
	NotKnown   Result = "not_known"  // may or may not have happened
	Absent     Result = "absent"     // the target does not have what the step calls; see Problem
	Offered    Result = "offered"    // it can be done if somebody wants it, as Note says
	ByHand     Result = "by_hand"    // it has to be done by a person, as Note says
	Foreign    Result = "foreign"    // somebody else has begun it, as Operations shows; nothing was done
	Impossible Result = "impossible" // the whole refresh has failed and nothing here can mend it
)

// Outcome is what came of performing an effect once.
type Outcome struct {
	Result     Result
	Note       string // one line for people
	Findings   []Finding
	Operation  string          // the copy's operation id
	Operations []Operation     // with Foreign: what was begun, newest first
	Known      []string        // the target's refreshes so far (only preflight)
	Status     CopyStatus      // of the copy, when it was asked
	Refreshed  time.Time       // when the target was refreshed last (only preflight)
	Snapshot   json.RawMessage // of the target's own settings (only snapshot)
	Roster     []string        // the user ids that will be let in (only preview)
	Offline    bool            // the target does not answer (only follow)
	Online     bool            // the target answers (only follow)
	Again      time.Duration   // with Continues
	Problem    *Problem
	RetryAfter time.Duration // with Failure: the far side's own wish
}
