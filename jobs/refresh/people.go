package refresh

import (
	"fmt"
	"slices"
)

// asked returns the open gate that an answer is for.
func (d *decision) asked(id, nonce string, a Action) (Gate, error) {
	g, ok := d.r.Gate(id)
	switch {
	case !ok || g.Nonce != nonce:
		return g, Errorf(Stale, "That button belongs to an earlier question. The card shows what is open now.")
	case !g.Open():
		return g, Errorf(Stale, "%s", alreadyDecided(g))
	case d.r.withheld(g.Step):
		return g, Errorf(Refused, "This refresh comes from a backup. Decide first what became of its copy: the question is on the card.")
	case !g.Offers(a):
		return g, Errorf(Invalid, "That cannot be chosen here.")
	}
	if !g.ExpiresAt.IsZero() && !d.now.Time.Before(g.ExpiresAt) { // the tick that closes it is on its way
		switch g.Kind {
		case GateNotice:
			return g, Errorf(Stale, "The notice is over: the refresh is starting.")
		case GateStart:
			return g, Errorf(Stale, "The wait is over: the downtime is being announced.")
		}
		return g, Errorf(Stale, "Too late: this was to be decided by %s.", Stamp(g.ExpiresAt))
	}
	return g, nil
}

func (d *decision) delegate(in Delegate) error {
	g, err := d.asked(in.Gate, in.Nonce, ActionDelegate)
	if err != nil {
		return err
	}
	if err := g.handOver(d.r, in.By, in.To); err != nil {
		return err
	}
	d.emit(GateDelegated{g.ID, Delegation{To: in.To, By: in.By.Person, Reason: in.Reason, At: d.now.Time}})
	return nil
}

func (d *decision) click(in Click) error {
	g, err := d.asked(in.Gate, in.Nonce, in.Action)
	if err != nil {
		return err
	}
	if in.Action == ActionDelegate {
		return Errorf(Invalid, "Name the person who is to decide.")
	}
	if err := g.permit(d.r, in.Action, in.By); err != nil {
		return err
	}
	d.emit(GateDecided{Gate: g.ID, Decision: Decision{By: in.By.Person, Action: in.Action, Reason: in.Reason, At: d.now.Time}})
	switch in.Action {
	case ActionPostpone:
		if g.Kind == GateStart {
			d.emit(GateClosed{g.ID, ActionPostpone})
			d.emit(StartSet{d.r.StartAt.Add(d.r.Settings.Postpone), in.By.Person})
			d.openGate(g.Step, GateStart, "")
			return nil
		}
		d.emit(GateClosed{g.ID, ActionPostpone})
		d.dropBroadcastGate()
		d.setWindow(d.r.Window.From.Add(d.r.Settings.Postpone), in.By.Person)
		d.openGate(g.Step, GateNotice, "")
	case ActionWithdraw:
	case ActionApprove, ActionSignOff, ActionOpen:
		g, _ = d.r.Gate(g.ID)
		if g.Votes(in.Action) >= g.Count {
			d.emit(GateClosed{g.ID, in.Action})
			d.emit(StepSucceeded{Step: g.Step, By: in.By.Person})
		}
	default:
		d.emit(GateClosed{g.ID, in.Action})
		d.act(g, in)
	}
	return nil
}

// act does what a single decision at a gate means.
func (d *decision) act(g Gate, in Click) {
	s, _ := d.r.Step(g.Step)
	switch in.Action {
	case ActionReject:
		d.emit(Ended{Rejected, in.Reason, in.By.Person})
	case ActionCancel:
		d.emit(Ended{Cancelled, in.Reason, in.By.Person})
	case ActionAbort:
		if g.Kind == GateOutcomeUnknown {
			d.settle(s, ActionAbort, "Looking once more before this refresh is given up.")
			return
		}
		d.emit(Ended{Failed, "Stopped by hand.", in.By.Person})
	case ActionStartNow:
		if g.Kind == GateStart { // the users still get their notice
			d.emit(StartSet{d.now.Time.Add(d.r.Settings.Notice), in.By.Person})
			d.emit(StepSucceeded{Step: s.ID, Note: "Not waited for.", By: in.By.Person})
			return
		}
		d.emit(StepSucceeded{Step: s.ID, Note: "Started before the notice was over.", By: in.By.Person})
		if !d.r.Window.From.IsZero() { // whoever works in the target was told another time
			d.dropBroadcastGate()
			d.setWindow(d.now.Time, in.By.Person)
		}
	case ActionDone:
		d.emit(StepSucceeded{Step: s.ID, Note: "Done by hand.", By: in.By.Person})
	case ActionSkip:
		d.emit(StepSkipped{Step: s.ID, By: in.By.Person})
	case ActionRetry:
		if s.Adopt != "" && !s.Problem.passing() { // that is not to be had, so the copy is refreshbot's own again
			d.checkAnew(s)
			return
		}
		d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1, Asked: true, Adopt: s.Adopt})
	case ActionAdopt, ActionStartAgain:
		switch {
		case g.Kind == GateOutcomeUnknown:
			d.settle(s, in.Action, "Looking once more before anything is done.")
		case in.Action == ActionStartAgain:
			d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1, Asked: true})
		default:
			d.takeOver(g, in.By.Person)
		}
	}
}

// takeOver has the newest operation that the gate shows become the copy.
func (d *decision) takeOver(g Gate, by Person) {
	i := slices.IndexFunc(d.r.Steps, func(s Step) bool { return s.Kind == KindCopy })
	d.passOver(d.r.Steps[i], by, "A refresh that was started by hand is adopted, so this came too late.")
	d.emit(StepStarted{Step: d.r.Steps[i].ID, Attempt: d.r.Steps[i].Attempt + 1, Asked: true, Adopt: g.Seen[0].ID})
}

// checkAnew goes back to before a copy, so that one of refreshbot's own begins with checks of now, and after all that
// was left out when there was to be none. A snapshot that was taken stays: it may be the last of the target's own data.
func (d *decision) checkAnew(copied Step) {
	for _, s := range d.r.Steps {
		if s.ID == copied.ID {
			break
		}
		if s.Phase == copied.Phase && (s.Status == Skipped || s.Status == Completed && s.Kind == KindPreflight) {
			d.emit(StepReopened{s.ID})
		}
	}
	if copied.Status == Troubled {
		d.emit(StepReopened{copied.ID})
	}
}

// dropBroadcastGate closes the question about a failed broadcast: moving the window starts it afresh.
func (d *decision) dropBroadcastGate() {
	for _, g := range d.r.OpenGates() {
		if s, _ := d.r.Step(g.Step); s.Kind == KindBroadcast {
			d.emit(GateClosed{g.ID, OutcomeMoot})
		}
	}
}

func alreadyDecided(g Gate) string {
	last, ok := g.Last()
	if !ok || last.Action != g.Outcome { // it closed by itself
		return fmt.Sprintf("Too late: %s, %s.", closed(g.Outcome), Stamp(g.ClosedAt))
	}
	return fmt.Sprintf("Already decided: %s by %s, %s.", chose(g.Outcome), last.By.Name, Stamp(last.At))
}

// closed says how a question came to its end without anybody's decision.
func closed(outcome Action) string {
	switch outcome {
	case OutcomeExpired:
		return "nobody decided in time"
	case OutcomeElapsed:
		return "the wait is over"
	case OutcomeElsewhere:
		return "it was decided in LCS"
	}
	return "this needs no answer any more"
}

// chose says what was decided, before "by".
func chose(a Action) string {
	did, ok := map[Action]string{
		ActionApprove: "approved", ActionReject: "rejected", ActionCancel: "cancelled", ActionPostpone: "postponed",
		ActionStartNow: "started now", ActionSignOff: "signed off", ActionDone: "done", ActionOpen: "users let in",
		ActionRetry: "tried again", ActionSkip: "skipped", ActionAbort: "stopped", ActionAdopt: "adopted",
		ActionStartAgain: "started again",
	}[a]
	if !ok {
		return string(a)
	}
	return did
}

func (d *decision) cancel(in Cancel) error {
	if d.r.Held() {
		return Errorf(Refused, "This refresh comes from a backup, and its copy may have begun since. Press Abort on its card: refreshbot looks in LCS before it ends.")
	}
	if d.r.PointOfNoReturn() {
		return Errorf(Refused, "The copy has begun and cannot be called off: LCS has no way to cancel it.")
	}
	g := Gate{By: d.r.approvers()}
	if err := g.permit(d.r, ActionCancel, in.By); err != nil {
		return Errorf(Denied, "Only the requester, an approver or an admin can cancel this refresh.")
	}
	d.emit(Ended{Cancelled, in.Reason, in.By.Person})
	return nil
}

// approvers are those who decide at the approval gate.
func (r Refresh) approvers() []string {
	for _, s := range r.Steps {
		if s.Kind == KindApproval && s.Policy != nil {
			return s.Policy.By
		}
	}
	return nil
}

// listUsers takes in users that were handed in. An open question about letting users in is asked again, with a
// new preview: nobody may have agreed to a list that they have not seen.
func (d *decision) listUsers(in ListUsers) error {
	g := Gate{Kind: GateManual, By: d.r.approvers()}
	if err := g.permit(d.r, ActionDone, in.By); err != nil {
		return Errorf(Denied, "Only the requester, an approver or an admin can say who is let in.")
	}
	if !d.r.takesUsers() {
		return Errorf(Stale, "It is too late to add users to this refresh.")
	}
	if len(in.Names) == 0 {
		return Errorf(Invalid, "There is no user in %s.", in.From)
	}
	for _, g := range d.r.OpenGates() {
		if s, _ := d.r.Step(g.Step); s.Kind == KindOpenGate || s.Kind == KindPreview {
			d.emit(GateClosed{g.ID, OutcomeMoot})
		}
	}
	d.emit(UsersListed{By: in.By.Person, From: in.From, Names: in.Names})
	return nil
}
