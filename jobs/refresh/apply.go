package refresh

import (
	"slices"
	"time"
)

// Apply folds one event into r and returns the result; r itself is not changed. at is when it happened.
func Apply(r Refresh, e Event, at time.Time) Refresh {
	at = at.UTC().Round(0)
	r.Steps, r.Gates = slices.Clone(r.Steps), slices.Clone(r.Gates)
	r.Version++
	if i := r.stepIndex(StepOf(e)); i >= 0 {
		r.Steps[i] = applyStep(r.Steps[i], e, at)
	}
	switch e := e.(type) {
	case Requested:
		r = Refresh{
			ID: e.ID, Version: r.Version, Definition: e.Version, Status: Running, Reason: e.Reason,
			Source: e.Source, Target: e.Target, Channel: e.Channel, RequestedBy: e.By, RequestedAt: at,
			StartAt: e.StartAt, Settings: e.Settings, Troubleshooters: e.Troubleshooters,
		}
		for _, s := range e.Plan {
			r.Steps = append(r.Steps, Step{Spec: s, Status: Pending})
		}
	case Restored:
		r.Restored = e.Taken
		for _, s := range r.Steps {
			if s.Kind == KindCopy && !s.Status.Finished() && r.Copy.SentAt.IsZero() {
				r.Copy.Doubt = true
			}
		}
	case StepRuledOut:
		r.Copy.Doubt, r.Copy.LostAt = false, time.Time{}
	case StepStarted:
		if s, _ := r.Step(e.Step); s.Kind == KindCopy && e.Adopt == "" {
			r.Copy.SentAt = at
		}
	case StepProgressed:
		r.Copy = r.Copy.seen(e.Status, at)
	case TargetOffline:
		r.Copy.OfflineAt = at
	case TargetOnline:
		r.Copy.OnlineAt = at
	case StepSucceeded:
		r.Copy = r.Copy.seen(e.Status, at)
		if e.Known != nil && r.Restored.IsZero() { // else our own copy may be among them
			r.Copy.Known = e.Known
		}
		if e.Operation != "" {
			if r.Copy.Doubt && r.Copy.SentAt.IsZero() { // sent after the backup was taken
				r.Copy.SentAt = at
			}
			r.Copy.Operation, r.Copy.Adopted, r.Copy.AcceptedAt, r.Copy.Doubt = e.Operation, e.Adopted, at, false
		}
		if !e.Refreshed.IsZero() {
			r.Refreshed = e.Refreshed
		}
		if e.Roster != nil {
			r.Roster = e.Roster
		}
	case SnapshotTaken:
		r.Snapshot = r.Version
	case UsersListed:
		r.Listed = append(slices.Clone(r.Listed), e.Names...)
		for i, s := range r.Steps { // the preview is out of date, and so is a decision on it
			if s.Kind == KindPreview || s.Kind == KindOpenGate {
				r.Steps[i] = Step{Spec: s.Spec, Status: Pending, Attempt: s.Attempt}
			}
		}
	case StepUnsettled:
		if s, _ := r.Step(e.Step); s.Kind == KindCopy {
			r.Copy.LostAt = at
		}
	case StepFailed:
		// A definite failure means that nothing was sent: cancelling is possible again. It says nothing about
		// an earlier attempt whose reply was lost.
		if s, _ := r.Step(e.Step); s.Kind == KindCopy && r.Copy.LostAt.IsZero() {
			r.Copy.SentAt = time.Time{}
		}
	case WindowSet:
		r.Window, r.Near = e.Window, e.Near
		if e.By != (Person{}) { // moved: the environment has to be told again
			for i, s := range r.Steps {
				if s.Kind == KindBroadcast && s.Status != Skipped {
					r.Steps[i] = Step{Spec: s.Spec, Status: Pending, Attempt: s.Attempt}
				}
			}
		}
	case StartSet:
		r.StartAt = e.At
	case GateOpened:
		r.Gates = append(r.Gates, e.Gate)
		i := r.stepIndex(e.Gate.Step)
		r.Steps[i].Status, _ = openedBy[e.Gate.Kind].take(r.Steps[i].Status)
		r.Steps[i].RetryAt, r.Steps[i].SettleUntil = time.Time{}, time.Time{}
		if r.Steps[i].StartedAt.IsZero() {
			r.Steps[i].StartedAt = at
		}
	case GateDecided:
		i := r.gateIndex(e.Gate)
		if g := r.Gates[i]; g.Kind == GateStartedElsewhere && e.Decision.Action == ActionStartAgain { // seen, and to be overwritten
			r.Copy.Known = slices.Clone(r.Copy.Known)
			for _, op := range g.Seen {
				r.Copy.Known = append(r.Copy.Known, op.ID)
			}
		}
		r.Gates[i].Decisions = append(slices.Clone(r.Gates[i].Decisions), e.Decision)
	case GateDelegated:
		i := r.gateIndex(e.Gate)
		r.Gates[i].Delegates = append(slices.Clone(r.Gates[i].Delegates), e.Delegation)
	case GateReminded:
		i := r.gateIndex(e.Gate)
		r.Gates[i].Reminded, r.Gates[i].RemindAt, r.Gates[i].Escalated = e.Level, e.Next, e.Escalated
	case DowntimeNear:
		r.Near = slices.DeleteFunc(slices.Clone(r.Near), func(in time.Duration) bool { return in >= e.In })
		if len(r.Near) == 0 {
			r.Near = nil
		}
	case GateClosed:
		i := r.gateIndex(e.Gate)
		r.Gates[i].Outcome, r.Gates[i].ClosedAt = e.Outcome, at
	case Ended:
		r.Status, r.Ending, r.EndedBy, r.EndedAt = e.Status, e.Why, e.By, at
	}
	return r
}

func applyStep(s Step, e Event, at time.Time) Step {
	s.Status, _ = next(e.event(), s.Status)
	switch e := e.(type) {
	case StepStarted:
		s.Attempt, s.Adopt = e.Attempt, e.Adopt
		s.Tries++
		if e.Asked {
			s.Tries = 1
		}
		if s.StartedAt.IsZero() {
			s.StartedAt = at
		}
		s.RetryAt, s.SettleUntil, s.Then = time.Time{}, time.Time{}, ""
	case StepProgressed:
		s.Note = e.Note
	case StepSucceeded:
		s.EndedAt, s.EndedBy = at, e.By
		s.Findings, s.Problem = e.Findings, nil
		s.SettleUntil, s.Then, s.Adopt = time.Time{}, "", ""
		if e.Note != "" {
			s.Note = e.Note
		}
	case StepFailed:
		p := e.Problem
		s.Problem, s.Findings, s.RetryAt = &p, e.Findings, e.RetryAt
	case StepUnsettled:
		s.SettleUntil, s.Then, s.Adopt, s.Note, s.RetryAt = e.Until, e.Then, e.Adopt, e.Why, time.Time{}
	case StepRuledOut:
		s.SettleUntil, s.Then, s.Adopt, s.Note = time.Time{}, "", "", ""
	case StepReopened:
		s = Step{Spec: s.Spec, Status: s.Status, Attempt: s.Attempt}
	case StepSkipped:
		s.EndedAt, s.EndedBy = at, e.By
		s.RetryAt = time.Time{}
		if e.Why != "" {
			s.Note = e.Why
		}
	}
	return s
}

func (c Copy) seen(status CopyStatus, at time.Time) Copy {
	if status != "" && status != c.Status {
		c.Status, c.StatusAt = status, at
	}
	return c
}
