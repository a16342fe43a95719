package refresh

import (
	"fmt"
	"slices"
)

// move is one line of the transition table: an event takes a step from one of some statuses to another.
type move struct {
	from []StepStatus
	to   StepStatus
}

// table is every transition of a step there is, drawn in docs/state-machine.md. What is not here cannot happen: Decide
// does not emit it and Fold refuses a journal that holds it.
var table = map[string][]move{
	StepStarted{}.event(): {{[]StepStatus{Pending, Performing, Retrying, Troubled, Settling, Waiting}, Performing}},
	StepProgressed{}.event(): {
		{[]StepStatus{Performing}, Performing},
	},
	SnapshotTaken{}.event(): {{[]StepStatus{Performing}, Performing}},
	TargetOffline{}.event(): {{[]StepStatus{Performing}, Performing}},
	TargetOnline{}.event():  {{[]StepStatus{Performing}, Performing}},
	StepSucceeded{}.event(): {{[]StepStatus{Pending, Performing, Settling, Waiting}, Completed}},
	StepFailed{}.event():    {{[]StepStatus{Performing}, Retrying}},
	StepUnsettled{}.event(): {{[]StepStatus{Pending, Performing, Retrying, Settling, Troubled}, Settling}},
	StepRuledOut{}.event():  {{[]StepStatus{Settling}, Pending}},
	StepReopened{}.event():  {{[]StepStatus{Completed, Skipped, Troubled}, Pending}},
	StepSkipped{}.event():   {{[]StepStatus{Pending, Performing, Retrying, Troubled, Waiting}, Skipped}},
}

// openedBy is what opening a gate does to the step it belongs to.
var openedBy = map[GateKind]move{
	GateApprove:          {[]StepStatus{Pending}, Waiting},
	GateStart:            {[]StepStatus{Pending, Waiting}, Waiting},
	GateNotice:           {[]StepStatus{Pending, Waiting}, Waiting},
	GateSignOff:          {[]StepStatus{Pending}, Waiting},
	GateManual:           {[]StepStatus{Pending, Performing}, Waiting},
	GateOffer:            {[]StepStatus{Performing}, Waiting},
	GateOpen:             {[]StepStatus{Pending}, Waiting},
	GateStepFailed:       {[]StepStatus{Retrying}, Troubled},
	GateOutcomeUnknown:   {[]StepStatus{Settling}, Troubled},
	GateStartedElsewhere: {[]StepStatus{Retrying}, Troubled},
}

// next returns the status that the event gives to a step in the status from.
func next(name string, from StepStatus) (StepStatus, bool) {
	for _, m := range table[name] {
		if to, ok := m.take(from); ok {
			return to, true
		}
	}
	return "", false
}

func (m move) take(from StepStatus) (StepStatus, bool) {
	for _, f := range m.from {
		if f == from {
			return m.to, true
		}
	}
	return "", false
}

// legal says why the event cannot happen to r, or nil.
func legal(r Refresh, e Event) error {
	if _, first := e.(Requested); first {
		if r.Version != 0 {
			return fmt.Errorf("%s was asked for already", r.ID)
		}
		return nil
	}
	if r.Version == 0 {
		return fmt.Errorf("%s before the refresh was asked for", e.event())
	}
	if r.Status.Ended() {
		return fmt.Errorf("%s after the refresh ended", e.event())
	}
	switch e := e.(type) {
	case GateOpened:
		s, ok := r.Step(e.Gate.Step)
		if !ok {
			return fmt.Errorf("gate %s belongs to no step", e.Gate.ID)
		}
		if _, ok := r.Gate(e.Gate.ID); ok {
			return fmt.Errorf("gate %s was opened before", e.Gate.ID)
		}
		if _, ok := openedBy[e.Gate.Kind].take(s.Status); !ok {
			return fmt.Errorf("gate %s cannot open while step %s is %s", e.Gate.Kind, s.ID, s.Status)
		}
	case GateDecided:
		return openGate(r, e.Gate)
	case GateClosed:
		return openGate(r, e.Gate)
	case GateReminded:
		return openGate(r, e.Gate)
	case GateDelegated:
		return openGate(r, e.Gate)
	case DowntimeNear:
		if !slices.Contains(r.Near, e.In) {
			return fmt.Errorf("nobody is to be told %s before the downtime", e.In)
		}
	case UsersListed:
		if !r.takesUsers() {
			return fmt.Errorf("users cannot be listed any more")
		}
	case WindowSet, StartSet, Restored, Ended:
	default:
		id := StepOf(e)
		s, ok := r.Step(id)
		if !ok {
			return fmt.Errorf("%s names no step of the plan: %q", e.event(), id)
		}
		if _, ok := next(e.event(), s.Status); !ok {
			return fmt.Errorf("%s cannot happen to step %s while it is %s", e.event(), s.ID, s.Status)
		}
		switch e := e.(type) {
		case StepStarted:
			return mayStart(r, s, e)
		case StepUnsettled:
			if (s.Status == Pending || s.Status == Retrying) && r.Restored.IsZero() {
				return fmt.Errorf("%s cannot happen to step %s while it is %s, except after a restore", e.event(), s.ID, s.Status)
			}
		case StepSkipped:
			if s.Status == Pending && r.Restored.IsZero() && !r.tookOver() {
				return fmt.Errorf("step %s cannot be skipped before its turn", s.ID)
			}
		case StepReopened:
			if s.Phase != PhaseRefresh || r.PointOfNoReturn() {
				return fmt.Errorf("step %s cannot be taken back to before its turn", s.ID)
			}
		case StepRuledOut:
			if !r.Copy.Doubt {
				return fmt.Errorf("%s: nobody doubts it", e.event())
			}
		}
	}
	return nil
}

// mayStart holds the two promises that the whole program is built around: nothing happens to the target
// without its approvals, and an irreversible effect whose outcome is open is never begun again.
func mayStart(r Refresh, s Step, e StepStarted) error {
	b := behaviours[s.Kind]
	if b.requires && !r.Approved() {
		return fmt.Errorf("step %s cannot start without its approvals", s.ID)
	}
	if e.Adopt != "" && s.Kind != KindCopy {
		return fmt.Errorf("step %s has nothing to adopt", s.ID)
	}
	adopts := s.Adopt != "" && e.Adopt == s.Adopt // such an attempt has sent nothing, and will not
	if b.class == ClassIrreversible && (s.Status == Performing && !adopts || s.Status == Settling && s.Then != ActionStartAgain) {
		return fmt.Errorf("step %s cannot start again while nobody knows whether it happened", s.ID)
	}
	if g, ok := r.lastGate(s.ID); ok && s.Status == Troubled && g.Kind == GateOutcomeUnknown {
		return fmt.Errorf("step %s cannot start again before it was looked for once more", s.ID)
	}
	if g, ok := r.lastGate(s.ID); s.Status == Waiting && (!ok || g.Kind != GateOffer || g.Outcome != ActionRetry) {
		return fmt.Errorf("step %s waits for a person", s.ID)
	}
	if b.class == ClassIrreversible && r.Copy.Doubt {
		return fmt.Errorf("step %s cannot start while nobody knows whether it happened since the backup", s.ID)
	}
	if b.class == ClassIrreversible && e.Adopt == "" {
		if left, ok := r.leftOut(s); ok {
			return fmt.Errorf("step %s cannot start before %s was done", s.ID, left)
		}
	}
	if s.Kind == KindCopy && r.Copy.Operation != "" {
		return fmt.Errorf("the copy was started already, as operation %s", r.Copy.Operation)
	}
	return nil
}

// tookOver reports whether a person has chosen to adopt a refresh that was started by hand. What stands before the copy
// is then too late, and left out before its turn.
func (r Refresh) tookOver() bool {
	return slices.ContainsFunc(r.Gates, func(g Gate) bool { return g.Kind == GateStartedElsewhere && g.Outcome == ActionAdopt })
}

// leftOut returns a step of the same phase that has to be done before this one and was not: such as the final checks,
// which an adoption leaves out.
func (r Refresh) leftOut(before Step) (id string, ok bool) {
	for _, s := range r.Steps {
		if s.ID == before.ID {
			return "", false
		}
		if s.Phase == before.Phase && behaviours[s.Kind].unskip && s.Status != Completed {
			return s.ID, true
		}
	}
	return "", false
}

func openGate(r Refresh, id string) error {
	if g, ok := r.Gate(id); !ok || !g.Open() {
		return fmt.Errorf("gate %q is not open", id)
	}
	return nil
}

// StepOf returns the id of the step that a step event is about, "" for the other events.
func StepOf(e Event) string {
	switch e := e.(type) {
	case StepStarted:
		return e.Step
	case StepProgressed:
		return e.Step
	case TargetOffline:
		return e.Step
	case TargetOnline:
		return e.Step
	case StepSucceeded:
		return e.Step
	case StepFailed:
		return e.Step
	case StepUnsettled:
		return e.Step
	case StepSkipped:
		return e.Step
	case StepRuledOut:
		return e.Step
	case StepReopened:
		return e.Step
	case SnapshotTaken:
		return e.Step
	}
	return ""
}
