package refresh

import "time"

func (d *decision) reported(in Reported) {
	s, ok := d.r.Step(in.Step)
	o := in.Outcome
	if ok && s.Kind == KindSignOff && s.Status == Waiting { // the watch beside the gate
		d.signedOffElsewhere(s, o)
		return
	}
	if !ok || s.Status != Performing || s.Attempt != in.Attempt {
		return // the outcome of an attempt that has been given up
	}
	if s.Kind != KindCopy {
		o.Operation = "" // no other step can say what the copy is
	}
	if s.Kind != KindPreflight {
		o.Known, o.Refreshed = nil, time.Time{}
	}
	if o.Result == Foreign && !d.mayBeForeign(s, o) {
		o.Result = NotKnown
	}
	if s.Kind.Class() == ClassIrreversible && s.Adopt == "" && !o.certain() {
		d.settle(s, thenAsk, o.Problem.text("The reply was lost."))
		return
	}
	switch o.Result {
	case Succeeded:
		d.progress(s, o)
		if o.Snapshot != nil {
			d.emit(SnapshotTaken{s.ID, o.Snapshot})
		}
		d.emit(StepSucceeded{Step: s.ID, Note: o.Note, Findings: o.Findings, Operation: o.Operation, Adopted: s.Adopt != "", Known: o.Known, Refreshed: o.Refreshed, Roster: o.Roster, Status: o.Status})
	case Continues:
		d.progress(s, o)
	case NotKnown:
		d.fail(s, o, true)
	case Foreign:
		d.emit(StepFailed{Step: s.ID, Problem: o.Problem.orInternal(), Findings: o.Findings})
		d.openGate(s.ID, GateStartedElsewhere, o.Problem.text(""), o.Operations...)
	case Offered, ByHand:
		kind := GateManual
		if o.Result == Offered {
			kind = GateOffer
		}
		if s.Phase != PhaseReconfigure { // both can be skipped, and elsewhere not everything may
			d.fail(s, Outcome{Problem: &Problem{Refused, o.Note}}, false)
			return
		}
		d.openGate(s.ID, kind, o.Note)
	case Absent:
		if s.IfInstalled {
			d.emit(StepSkipped{Step: s.ID, By: Person{Name: "the configuration"}, Why: "Not installed in " + d.r.Target.Name + "."})
			return
		}
		d.fail(s, o, false)
	case Impossible:
		d.progress(s, o)
		d.emit(StepFailed{Step: s.ID, Problem: o.Problem.orInternal(), Findings: o.Findings})
		d.emit(Ended{Status: Failed, Why: o.Problem.text("The refresh failed.")})
	default:
		d.fail(s, o, o.Problem.passing())
	}
}

// mayBeForeign reports whether the outcome can be an operation of somebody else's that a person is asked about. Not
// when a request of ours may have become it, and not before the approvals, without which nothing can be adopted.
func (d *decision) mayBeForeign(s Step, o Outcome) bool {
	return (s.Kind == KindCopy || s.Kind == KindPreflight) && s.Adopt == "" && len(o.Operations) > 0 && d.r.Approved() && d.r.Copy.LostAt.IsZero()
}

// certain reports whether the outcome of an irreversible effect says beyond doubt that it happened, and as what,
// or that it did not. Everything else counts as lost, so that a performer's slip cannot start a second copy.
func (o Outcome) certain() bool {
	switch o.Result {
	case Succeeded:
		return o.Operation != ""
	case Failure, Impossible, Foreign:
		return o.Problem != nil && o.Problem.Code != Unknown
	}
	return false
}

// progress records what is new in the outcome and worth a line in the journal.
func (d *decision) progress(s Step, o Outcome) {
	if o.Offline && d.r.Copy.OfflineAt.IsZero() {
		d.emit(TargetOffline{s.ID})
	}
	if o.Online && !d.r.Copy.OfflineAt.IsZero() && d.r.Copy.OnlineAt.IsZero() {
		d.emit(TargetOnline{s.ID})
	}
	if o.Result == Continues && (o.Note != s.Note || o.Status != "" && o.Status != d.r.Copy.Status) {
		d.emit(StepProgressed{Step: s.ID, Note: o.Note, Status: o.Status})
	}
}

func (d *decision) fail(s Step, o Outcome, passing bool) {
	p := o.Problem.orInternal()
	most := maxTries
	if s.Retries > 0 {
		most = s.Retries + 1
	}
	if passing && s.Tries < most {
		wait := d.r.Settings.Retry << min(max(0, s.Tries-1), maxTries) // a plan may ask for very many
		d.emit(StepFailed{Step: s.ID, Problem: p, Findings: o.Findings, RetryAt: d.now.Time.Add(max(wait, o.RetryAfter))})
		return
	}
	d.emit(StepFailed{Step: s.ID, Problem: p, Findings: o.Findings})
	switch s.OnFailure {
	case FailureContinues:
		d.emit(StepSkipped{Step: s.ID, By: Person{Name: "the configuration"}, Why: "It failed, and the configuration says to go on: " + p.Message})
	case FailureStops:
		d.emit(Ended{Status: Failed, Why: s.Name + " failed, and the configuration says to stop then: " + p.Message})
	default:
		d.openGate(s.ID, GateStepFailed, p.Message)
	}
}

func (d *decision) settle(s Step, then Action, why string) {
	wait := max(d.r.Settings.Settle, time.Second) // looking may fail again and again: not without a pause
	adopt := ""
	if then == ActionAdopt {
		adopt = s.Adopt
		if g, ok := d.r.lastGate(s.ID); ok && s.Status == Troubled {
			if shown := d.r.New(g.Seen); len(shown) > 0 {
				adopt = shown[0].ID
			}
		}
	}
	d.emit(StepUnsettled{Step: s.ID, Until: d.now.Time.Add(wait), Then: then, Adopt: adopt, Why: why})
}

func (d *decision) sighted(in Sighted) {
	s, ok := d.r.Step(in.Step)
	if !ok || s.Status != Settling || s.Attempt != in.Attempt {
		return
	}
	if d.r.Held() {
		d.sightedInDoubt(s, in)
		return
	}
	found := len(in.Candidates)
	switch {
	case in.Problem != nil && s.Then == ActionAbort:
		d.giveUp(in.Problem.Message)
	case in.Problem.passing():
		d.settle(s, s.Then, in.Problem.Message)
	case in.Problem != nil:
		d.openGate(s.ID, GateOutcomeUnknown, "Looking for the copy failed: "+in.Problem.Message)
	case chosen(s, in.Candidates) != nil:
		d.adopted(s, in, *chosen(s, in.Candidates))
	case found == 1 && s.Then != ActionAdopt && d.r.mayBeOurs(in.Candidates[0]):
		d.adopted(s, in, in.Candidates[0])
	case found == 0 && s.Then == ActionStartAgain:
		d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1, Asked: true})
	case s.Then == ActionAbort:
		d.giveUp(in.Seen)
	default:
		if found == 1 && s.Then != ActionAdopt {
			in.Seen = sentenceAnd(in.Seen, "The time at which it began does not fit the request: somebody may have started it by hand.")
		}
		d.openGate(s.ID, GateOutcomeUnknown, in.Seen, in.History...)
	}
}

// chosen is the operation that a person wants to be adopted, if it is still there: the one that they were shown, or the
// only one there is when they were shown none.
func chosen(s Step, candidates []Operation) *Operation {
	if s.Then != ActionAdopt {
		return nil
	}
	for i, c := range candidates {
		if NormalizeID(c.ID) == NormalizeID(s.Adopt) || s.Adopt == "" && len(candidates) == 1 {
			return &candidates[i]
		}
	}
	return nil
}

func (d *decision) adopted(s Step, in Sighted, c Operation) {
	d.emit(StepSucceeded{Step: s.ID, Note: in.Seen, Operation: c.ID, Adopted: true, Status: c.Status})
}

func sentenceAnd(a, b string) string {
	if a == "" {
		return b
	}
	return a + " " + b
}

func (d *decision) giveUp(seen string) {
	d.emit(Ended{Status: Failed, Why: "It is not known whether the copy was started. " + seen})
}

func (d *decision) signedOffElsewhere(s Step, o Outcome) {
	if o.Result != Succeeded {
		return
	}
	for _, g := range d.r.OpenGates() {
		if g.Step == s.ID {
			d.emit(GateClosed{g.ID, OutcomeElsewhere})
			d.emit(StepSucceeded{Step: s.ID, Note: "Signed off in LCS.", Status: o.Status})
			return
		}
	}
}

func (p *Problem) text(otherwise string) string {
	if p == nil || p.Message == "" {
		return otherwise
	}
	return p.Message
}

func (p *Problem) orInternal() Problem {
	if p == nil {
		return Problem{Internal, "The step failed without saying why."}
	}
	return *p
}

// passing reports whether waiting may cure the problem.
func (p *Problem) passing() bool {
	if p == nil {
		return false
	}
	return p.Code == Offline || p.Code == Throttled || p.Code == Unknown
}
