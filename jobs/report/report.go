// Package report says what became of one refresh, from its journal alone: as Markdown for people and as JSON for
// machines. Its functions are pure; docs/report.md describes the fields.
package report

import (
	"encoding/json"
	"fmt"
	"time"

	"refreshbot/jobs/refresh"
)

// Format is the version of the JSON. A field may be added within a version; none changes its meaning.
const Format = 1

// Report is what one journal says. Times are UTC, lengths of time whole seconds. What has not happened is left
// out.
type Report struct {
	Format  int             `json:"format"`
	Refresh refresh.ID      `json:"refresh"`
	Status  refresh.Status  `json:"status"`
	Why     string          `json:"why,omitempty"` // why it ended so
	EndedBy *refresh.Person `json:"ended_by,omitempty"`
	EndedAt time.Time       `json:"ended_at,omitzero"`
	// Restored is when the backup was taken that this journal was restored from; what came after it may be missing.
	Restored time.Time `json:"restored,omitzero"`
	Seconds  int64     `json:"seconds"` // from the request to the end, or to the last entry

	Asked     Asked      `json:"asked"`
	Downtime  Downtime   `json:"downtime"`
	Copy      *Copy      `json:"copy,omitempty"`
	Waited    int64      `json:"waited_seconds"` // time in which at least one question was open to people
	Phases    []Phase    `json:"phases"`
	Gates     []Gate     `json:"gates"`
	Decisions []Decision `json:"decisions"`
	Steps     []Step     `json:"steps"`
	Snapshot  *Snapshot  `json:"snapshot,omitempty"`
	Users     Users      `json:"users"`
	Skipped   []Skipped  `json:"skipped"`
	ByHand    []ByHand   `json:"by_hand"`
	Journal   Journal    `json:"journal"`
}

type (
	// Asked is the request.
	Asked struct {
		By      refresh.Person      `json:"by"` // without an id: a schedule
		At      time.Time           `json:"at"`
		Reason  string              `json:"reason,omitempty"`
		Source  refresh.Environment `json:"source"`
		Target  refresh.Environment `json:"target"`
		Channel string              `json:"channel"`
		StartAt time.Time           `json:"start_at,omitzero"` // when the copy was to begin, as last set; zero: after the notice
	}
	// Downtime is that of the target: as announced, and as it was seen.
	Downtime struct {
		AnnouncedFrom time.Time `json:"announced_from,omitzero"`
		AnnouncedTo   time.Time `json:"announced_to,omitzero"`
		Moved         int       `json:"moved"` // how often the announcement was changed
		OfflineAt     time.Time `json:"offline_at,omitzero"`
		OnlineAt      time.Time `json:"online_at,omitzero"`
		Seconds       int64     `json:"seconds,omitempty"` // only when both were seen
	}
	// Copy is the copy of the database, if it was ever asked for.
	Copy struct {
		Operation  string             `json:"operation,omitempty"` // LCS's operation activity id
		Learnt     Learnt             `json:"learnt"`
		SentAt     time.Time          `json:"sent_at,omitzero"` // the latest request
		AcceptedAt time.Time          `json:"accepted_at,omitzero"`
		Status     refresh.CopyStatus `json:"status,omitempty"` // the last that LCS said
		History    []Said             `json:"history"`
	}
	// Said is one change of what LCS says about the copy.
	Said struct {
		At     time.Time          `json:"at"`
		Status refresh.CopyStatus `json:"status"`
	}
	// Phase is one part of the refresh.
	Phase struct {
		Phase     refresh.Phase `json:"phase"`
		StartedAt time.Time     `json:"started_at,omitzero"`
		EndedAt   time.Time     `json:"ended_at,omitzero"`
		Seconds   int64         `json:"seconds"`
		Finished  bool          `json:"finished"`
	}
	// Gate is a question to people.
	Gate struct {
		ID       string           `json:"id"`
		Kind     refresh.GateKind `json:"kind"`
		Step     string           `json:"step"`
		Question string           `json:"question,omitempty"`
		OpenedAt time.Time        `json:"opened_at"`
		ClosedAt time.Time        `json:"closed_at,omitzero"`
		Waited   int64            `json:"waited_seconds"` // for kind notice: until the notice was over
		Outcome  refresh.Action   `json:"outcome,omitempty"`
		Needed   int              `json:"needed"` // how many people had to agree
	}
	// Decision is what one person decided.
	Decision struct {
		At     time.Time      `json:"at"`
		By     refresh.Person `json:"by"`
		Action refresh.Action `json:"action"`
		To     refresh.Person `json:"to,omitzero"` // whom the decision was handed to; for action delegate
		Reason string         `json:"reason,omitempty"`
		Gate   string         `json:"gate,omitempty"` // empty: by a command
		Step   string         `json:"step,omitempty"`
	}
	// Step is one step of the plan.
	Step struct {
		ID        string             `json:"id"`
		Name      string             `json:"name"`
		Phase     refresh.Phase      `json:"phase"`
		Kind      refresh.Kind       `json:"kind"`
		Status    refresh.StepStatus `json:"status"`
		StartedAt time.Time          `json:"started_at,omitzero"`
		EndedAt   time.Time          `json:"ended_at,omitzero"`
		Seconds   int64              `json:"seconds"`
		EndedBy   *refresh.Person    `json:"ended_by,omitempty"`
		Note      string             `json:"note,omitempty"`
		Findings  []refresh.Finding  `json:"findings,omitempty"`
		Attempts  []Attempt          `json:"attempts,omitempty"`
	}
	// Attempt is one try at a step.
	Attempt struct {
		Number    int               `json:"number"`
		Asked     bool              `json:"asked,omitempty"` // a person asked for it
		StartedAt time.Time         `json:"started_at"`
		EndedAt   time.Time         `json:"ended_at,omitzero"`
		Result    Result            `json:"result"`
		Code      refresh.Code      `json:"code,omitempty"` // of a failure
		Why       string            `json:"why,omitempty"`
		Findings  []refresh.Finding `json:"findings,omitempty"` // of a failure
	}
	// Snapshot says what was remembered of the target before the copy, not what was in it.
	Snapshot struct {
		At     time.Time         `json:"at"`
		Entry  int64             `json:"entry"` // the journal entry that holds it
		Note   string            `json:"note,omitempty"`
		Counts map[string]int    `json:"counts"`
		Unread map[string]string `json:"unread,omitempty"` // areas that could not be read, and why
	}
	// Users are those who were to be let in and those who were.
	Users struct {
		Planned  []string          `json:"planned"`             // ids, as previewed
		Enabled  []string          `json:"enabled"`             // ids, as the last look saw them
		Wrong    []refresh.Finding `json:"wrong,omitempty"`     // what that look found wrong
		HandedIn []HandedIn        `json:"handed_in,omitempty"` // on top of the configuration
	}
	// HandedIn is a list of users that a person gave to a running refresh.
	HandedIn struct {
		At    time.Time      `json:"at"`
		By    refresh.Person `json:"by"`
		From  string         `json:"from"`
		Names []string       `json:"names"`
	}
	// Skipped is a step that was left out.
	Skipped struct {
		At   time.Time      `json:"at"`
		Step string         `json:"step"`
		Name string         `json:"name"`
		By   refresh.Person `json:"by"` // without an id: a rule of the configuration
		Why  string         `json:"why,omitempty"`
	}
	// ByHand is something that only a person could do.
	ByHand struct {
		Step   string             `json:"step"`
		Name   string             `json:"name"`
		Text   string             `json:"text,omitempty"` // what had to be done
		Status refresh.StepStatus `json:"status"`
		By     *refresh.Person    `json:"by,omitempty"`
		At     time.Time          `json:"at,omitzero"`
	}
	// Journal says which journal this is made from.
	Journal struct {
		Entries int    `json:"entries"`
		Head    string `json:"head"` // hash of the last entry, which covers every one before it
	}
)

// Learnt says how it became known that the copy was started.
type Learnt string

// The ways.
const (
	LearntReply   Learnt = "reply"   // LCS answered the request
	LearntAdopted Learnt = "adopted" // the answer was lost, and it was found in LCS's history
	LearntNever   Learnt = "never"   // it was refused, or nobody knows
)

// Result is how an attempt came out.
type Result string

// The results of an attempt.
const (
	Succeeded   Result = "succeeded"
	Failed      Result = "failed"
	NotKnown    Result = "not_known"   // the outcome was lost and not found
	Adopted     Result = "adopted"     // the outcome was lost and found later
	Interrupted Result = "interrupted" // by a restart of refreshbot
	HandedOver  Result = "by_hand"     // it turned out that a person has to do it
	LeftOut     Result = "skipped"
	Unfinished  Result = "unfinished" // the journal ends before it does
)

// JSON is the report for machines.
func (r Report) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the report of %s: %w", r.Refresh, err)
	}
	return append(data, '\n'), nil
}
