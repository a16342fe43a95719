package refresh

import (
	"fmt"
	"slices"
	"time"
)

// advance starts whatever can start now.
func (d *decision) advance() {
	for d.broken == nil && !d.r.Status.Ended() && !d.r.Held() {
		before := len(d.events)
		d.startRetries()
		d.startPending()
		if len(d.events) == before {
			return
		}
	}
}

func (d *decision) startRetries() {
	for _, s := range d.r.Steps {
		if s.Status == Retrying && !s.RetryAt.IsZero() && !d.now.Time.Before(s.RetryAt) {
			d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1, Adopt: s.Adopt})
		}
	}
}

// startPending starts the steps whose turn has come. Within reconfigure every step is on its own: one that
// fails holds up nobody but those that write over what it writes. In the other phases each step waits for the one
// before it.
func (d *decision) startPending() {
	phase, unfinished := d.r.Phase(), false
	for _, s := range d.r.Steps {
		if s.Phase != phase {
			continue
		}
		if s.Status == Pending && (!unfinished || phase == PhaseReconfigure && d.finished(s.After)) {
			d.begin(s)
			if d.broken != nil || d.r.Status.Ended() {
				return
			}
			s, _ = d.r.Step(s.ID)
		}
		if !s.Status.Finished() {
			unfinished = true
		}
	}
	if !unfinished && d.allFinished() {
		d.emit(Ended{Status: Done})
	}
}

func (d *decision) finished(ids []string) bool {
	for _, id := range ids {
		if s, _ := d.r.Step(id); !s.Status.Finished() {
			return false
		}
	}
	return true
}

// awaited reports whether a step that has not begun waits for this one.
func (d *decision) awaited(id string) bool {
	return slices.ContainsFunc(d.r.Steps, func(s Step) bool { return s.Status == Pending && slices.Contains(s.After, id) })
}

func (d *decision) allFinished() bool {
	for _, s := range d.r.Steps {
		if !s.Status.Finished() {
			return false
		}
	}
	return true
}

func (d *decision) begin(s Step) {
	b := behaviours[s.Kind]
	switch {
	case s.Kind == KindStart && !d.now.Time.Before(d.r.StartAt.Add(-d.r.Settings.Notice)):
		d.emit(StepSucceeded{Step: s.ID})
	case s.Kind == KindNotice && !d.r.Window.From.IsZero() && d.now.Time.Sub(d.r.Window.From) > punctual:
		d.announceAnew() // the broadcast took longer than the notice
		d.openGate(s.ID, GateNotice, "")
	case s.Kind == KindAnnounce:
		d.setWindow(d.firstStart(), Person{})
		d.emit(StepSucceeded{Step: s.ID})
	case b.gate != "":
		d.openGate(s.ID, b.gate, "")
	default:
		d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1})
	}
}

// setWindow announces the downtime, or moves it: then somebody has.
func (d *decision) setWindow(from time.Time, by Person) {
	d.emit(WindowSet{Window: Window{from, from.Add(d.r.Settings.Downtime)}, By: by, Near: d.nears(from)})
}

// firstStart is when the copy is to begin, as seen when the downtime is announced: at the time that was asked for, or
// after the notice if that is later.
func (d *decision) firstStart() time.Time {
	from := d.now.Time.Add(d.r.Settings.Notice)
	if at := d.r.StartAt; !at.IsZero() && from.Sub(at) <= d.r.Settings.beat() {
		return at
	}
	return from
}

func (d *decision) openGate(step string, kind GateKind, question string, seen ...Operation) {
	s, _ := d.r.Step(step)
	g := Gate{
		ID: fmt.Sprintf("%s.%d", step, len(d.r.Gates)+1), Kind: kind, Step: step,
		Nonce: fmt.Sprintf("%s%d", d.now.Nonce, len(d.r.Gates)+1), Question: question, Seen: seen,
		By: d.r.Troubleshooters, Count: 1, OpenedAt: d.now.Time,
	}
	if s.Policy != nil {
		g.By, g.Count = s.Policy.By, max(1, s.Policy.Count)
		if s.Policy.Expires > 0 && !d.r.PointOfNoReturn() { // afterwards nothing is gained by giving up
			g.ExpiresAt = d.now.Time.Add(s.Policy.Expires)
		}
	}
	switch kind {
	case GateApprove:
		g.Actions = []Action{ActionApprove, ActionReject, ActionCancel}
	case GateStart:
		g.Actions = []Action{ActionPostpone, ActionStartNow, ActionCancel}
		g.By, g.Count, g.ExpiresAt = d.r.approvers(), 1, d.r.StartAt.Add(-d.r.Settings.Notice)
	case GateNotice:
		g.Actions = []Action{ActionPostpone, ActionStartNow, ActionCancel}
		g.By, g.Count, g.ExpiresAt = d.r.approvers(), 1, d.r.Window.From
	case GateSignOff:
		g.Actions = []Action{ActionSignOff, ActionAbort}
	case GateOffer:
		g.Actions = []Action{ActionRetry, ActionSkip}
	case GateManual:
		g.Actions = []Action{ActionDone, ActionSkip}
	case GateOpen:
		g.Actions = []Action{ActionOpen, ActionAbort}
	case GateOutcomeUnknown:
		g.Actions, g.By, g.Count, g.ExpiresAt = []Action{ActionAdopt, ActionStartAgain, ActionAbort}, d.r.Troubleshooters, 1, time.Time{}
	case GateStartedElsewhere:
		g.Actions, g.By, g.Count, g.ExpiresAt = []Action{ActionAdopt, ActionRetry}, d.r.Troubleshooters, 1, time.Time{}
		if !slices.ContainsFunc(seen, Operation.Running) { // it has ended, so that nothing runs that could be run over
			g.Actions = append(g.Actions, ActionStartAgain)
		}
		g.Actions = append(g.Actions, ActionCancel)
	case GateStepFailed:
		g.By, g.Count, g.ExpiresAt = d.r.Troubleshooters, 1, time.Time{}
		g.Actions = []Action{ActionRetry}
		if !behaviours[s.Kind].unskip {
			g.Actions = append(g.Actions, ActionSkip)
		}
		if d.r.PointOfNoReturn() {
			g.Actions = append(g.Actions, ActionAbort)
		} else {
			g.Actions = append(g.Actions, ActionCancel)
		}
	}
	if last, ok := d.r.lastGate(step); ok && last.Kind == kind && last.Outcome == OutcomeMoot { // asked anew
		g.Delegates = last.Delegates
	}
	if g.Count > 1 {
		g.Actions = append(g.Actions, ActionWithdraw)
	}
	if kind != GateStart && kind != GateNotice { // those close by themselves
		g.Actions = append(g.Actions, ActionDelegate)
	}
	_, g.RemindAt = d.r.ladder(g, d.now.Time)
	d.emit(GateOpened{g})
}
