package refresh

import (
	"fmt"
	"slices"
	"time"
)

// GateKind says what a gate asks.
type GateKind string

// The gates. The last three appear only in trouble.
const (
	GateApprove          GateKind = "approve"
	GateStart            GateKind = "start"  // closes by itself when it is time to announce the downtime
	GateNotice           GateKind = "notice" // closes by itself when the notice is over
	GateSignOff          GateKind = "sign_off"
	GateManual           GateKind = "manual"
	GateOffer            GateKind = "offer" // something could be done that nobody configured
	GateOpen             GateKind = "open"
	GateStepFailed       GateKind = "step_failed"
	GateOutcomeUnknown   GateKind = "outcome_unknown"
	GateStartedElsewhere GateKind = "started_elsewhere" // somebody has started a refresh of the target by hand
)

// Action is one thing a person can decide at a gate.
type Action string

// The actions, and how a gate can close without one.
const (
	ActionApprove    Action = "approve"
	ActionReject     Action = "reject"
	ActionCancel     Action = "cancel"
	ActionPostpone   Action = "postpone"
	ActionStartNow   Action = "start_now"
	ActionSignOff    Action = "sign_off"
	ActionDone       Action = "done"
	ActionOpen       Action = "open"
	ActionRetry      Action = "retry"
	ActionSkip       Action = "skip"
	ActionAbort      Action = "abort"
	ActionAdopt      Action = "adopt"
	ActionStartAgain Action = "start_again"
	ActionWithdraw   Action = "withdraw" // takes one's own approval back, while others are still waited for
	ActionDelegate   Action = "delegate" // lets another person decide too; told as Delegate, which names them

	OutcomeExpired   Action = "expired"   // nobody decided in time
	OutcomeElapsed   Action = "elapsed"   // the time that was waited for has come
	OutcomeElsewhere Action = "elsewhere" // decided outside, e.g. signed off in LCS
	OutcomeMoot      Action = "no_need"   // the question went away
	thenAsk          Action = "ask"       // settle, look, and ask a person if nothing is found
)

// Answers reports whether the action is an answer to the question itself.
func (a Action) Answers() bool {
	return a != ActionCancel && a != ActionWithdraw && a != ActionDelegate
}

// Policy says who decides at a gate, how many of them, and by when.
type Policy struct {
	By      []string      `json:"by"`                // users (U…) and user groups (S…)
	Count   int           `json:"count"`             // how many must agree
	Expires time.Duration `json:"expires,omitempty"` // counts until the copy begins; zero: never
}

// Decision is one person's answer.
type Decision struct {
	By     Person    `json:"by"`
	Action Action    `json:"action"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Delegation lets somebody decide at one gate, in the place of somebody who can.
type Delegation struct {
	To     Person    `json:"to"`
	By     Person    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Gate is a question to people. A click names the gate and its nonce, so that a button of an earlier
// question cannot answer a later one.
type Gate struct {
	ID        string       `json:"id"`
	Kind      GateKind     `json:"kind"`
	Step      string       `json:"step"`
	Nonce     string       `json:"nonce"`
	Question  string       `json:"question,omitempty"` // what was seen, for the gates of trouble
	Seen      []Operation  `json:"seen,omitempty"`     // the newest of the target's history then, for the gates about the copy
	By        []string     `json:"by,omitempty"`
	Delegates []Delegation `json:"delegates,omitempty"`
	Count     int          `json:"count"`
	Actions   []Action     `json:"actions"`
	OpenedAt  time.Time    `json:"opened_at"`
	ExpiresAt time.Time    `json:"expires_at,omitzero"`
	RemindAt  time.Time    `json:"remind_at,omitzero"`  // when people are reminded next
	Reminded  int          `json:"reminded,omitempty"`  // the level of the latest reminder
	Escalated bool         `json:"escalated,omitempty"` // the admins were told
	Decisions []Decision   `json:"decisions,omitempty"`
	Outcome   Action       `json:"outcome,omitempty"`
	ClosedAt  time.Time    `json:"closed_at,omitzero"`
}

// Open reports whether the gate still waits.
func (g Gate) Open() bool { return g.Outcome == "" }

// Offers reports whether the action is one of the gate's buttons.
func (g Gate) Offers(a Action) bool { return slices.Contains(g.Actions, a) }

// Deciders are the users and user groups who are asked: those of the plan, and those to whom it was delegated.
func (g Gate) Deciders() []string {
	all := slices.Clone(g.By)
	for _, d := range g.Delegates {
		if !slices.Contains(all, d.To.ID) {
			all = append(all, d.To.ID)
		}
	}
	return all
}

// Last returns the decision that closed the gate, or the latest one.
func (g Gate) Last() (Decision, bool) {
	if len(g.Decisions) == 0 {
		return Decision{}, false
	}
	return g.Decisions[len(g.Decisions)-1], true
}

func others(n int) string {
	if n == 1 {
		return "one other person"
	}
	return fmt.Sprintf("%d other people", n)
}

// standing is the person's latest answer, if it is no withdrawal.
func (g Gate) standing(by string) Action {
	for _, d := range slices.Backward(g.Decisions) {
		if d.By.ID == by {
			if d.Action == ActionWithdraw {
				return ""
			}
			return d.Action
		}
	}
	return ""
}

// Votes counts the people who have said a and have not taken it back.
func (g Gate) Votes(a Action) int {
	people := map[string]bool{}
	for _, d := range g.Decisions {
		if g.standing(d.By.ID) == a {
			people[d.By.ID] = true
		}
	}
	return len(people)
}

// permit says whether the actor may take the action at this gate of r now, and if not, why.
func (g Gate) permit(r Refresh, a Action, by Actor) *Error {
	if a == ActionWithdraw {
		if by.ID == "" || g.standing(by.ID) == "" {
			return Errorf(Invalid, "You have not agreed to this, so there is nothing to take back.")
		}
		return nil
	}
	if err := g.entitle(r, a, by); err != nil {
		return err
	}
	if g.standing(by.ID) == a {
		return Errorf(Stale, "You have decided this already; it waits for %s.", others(g.Count-g.Votes(a)))
	}
	return nil
}

// entitle says whether the action is the actor's to take at this gate of r, and if not, why. The requester never counts
// towards approve, whoever else they are.
func (g Gate) entitle(r Refresh, a Action, by Actor) *Error {
	requester := by.ID != "" && by.ID == r.RequestedBy.ID
	listed := slices.Contains(g.Deciders(), by.ID) || slices.ContainsFunc(by.In, func(group string) bool { return slices.Contains(g.By, group) })
	switch {
	case by.ID == "":
		return Errorf(Denied, "Only a person can decide this.")
	case a == ActionApprove && requester:
		return Errorf(Denied, "You asked for this refresh, so somebody else has to approve it.")
	case a == ActionCancel && (requester || by.Admin), listed:
	case (g.Kind == GateStart || g.Kind == GateNotice || g.Kind == GateManual || g.Kind == GateOffer) && (requester || by.Admin):
	case (g.Kind == GateStepFailed || g.Kind == GateOutcomeUnknown || g.Kind == GateStartedElsewhere) && by.Admin:
	case (g.Kind == GateStepFailed || g.Kind == GateStartedElsewhere) && requester && a == ActionRetry:
	default:
		return Errorf(Denied, "This is not yours to decide: ask one of the people named on the card.")
	}
	return nil
}

// For returns the gate with only those of its actions that the actor may take at this gate of r.
func (g Gate) For(r Refresh, by Actor) Gate {
	g.Actions = slices.DeleteFunc(slices.Clone(g.Actions), func(a Action) bool {
		if a == ActionDelegate {
			return g.handOver(r, by, Person{ID: "-"}) != nil
		}
		return g.permit(r, a, by) != nil
	})
	return g
}

// handOver says whether the actor may let another person decide at this gate of r, and if not, why: whoever may
// decide all of it. The requester gets no say in the approval that way.
func (g Gate) handOver(r Refresh, by Actor, to Person) *Error {
	for _, a := range g.Actions {
		if !a.Answers() {
			continue
		}
		if err := g.entitle(r, a, by); err != nil {
			return err
		}
	}
	switch {
	case to.ID == "":
		return Errorf(Invalid, "Name the person who is to decide.")
	case to.ID == by.ID:
		return Errorf(Invalid, "You can decide this already. Choose somebody else.")
	case g.Kind == GateApprove && to.ID == r.RequestedBy.ID:
		return Errorf(Denied, "%s asked for this refresh and cannot approve it. Name somebody else.", r.RequestedBy.Name)
	case slices.Contains(g.Deciders(), to.ID):
		return Errorf(Stale, "This person can decide this already. Choose somebody else.")
	case len(g.Delegates) >= maxDelegates:
		return Errorf(Refused, "This was handed on to %d people already. One of them has to decide.", maxDelegates)
	}
	return nil
}

// maxDelegates bounds a card: far more than anybody needs.
const maxDelegates = 20
