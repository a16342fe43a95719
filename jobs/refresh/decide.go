package refresh

import "time"

// Now is what Decide may not find out by itself: the time, and fresh randomness for the gates it opens.
type Now struct {
	Time  time.Time
	Nonce string
}

// punctual is how late an announced downtime may begin.
const punctual = 10 * time.Minute

// maxTries is how often a step is tried by itself before a person is asked.
const maxTries = 6

// Decide answers an input with the events that follow from it. It changes nothing: the caller commits the
// events and then performs Effects of the result. An *Error says why the input is refused; no event then.
func Decide(r Refresh, in Input, now Now) ([]Event, error) {
	now.Time = now.Time.UTC().Round(0)
	d := &decision{r: r, now: now}
	if _, first := in.(Request); !first && r.Version == 0 {
		return nil, Errorf(NotFound, "There is no such refresh.")
	}
	if r.Status.Ended() {
		switch in := in.(type) {
		case Tick, Recovered, FromBackup, Reported, Sighted:
			return nil, nil // a late outcome of a refresh that a person has ended
		case Click:
			if g, ok := r.Gate(in.Gate); ok && g.Nonce == in.Nonce && !g.Open() {
				return nil, Errorf(Stale, "%s", alreadyDecided(g))
			}
		}
		return nil, Errorf(Stale, "This refresh has ended: nothing is left to decide.")
	}
	var err error
	switch in := in.(type) {
	case Request:
		err = d.request(in)
	case Click:
		err = d.click(in)
	case Delegate:
		err = d.delegate(in)
	case Cancel:
		err = d.cancel(in)
	case ListUsers:
		err = d.listUsers(in)
	case Tick:
		d.tick()
	case Recovered:
		d.recover()
	case FromBackup:
		d.fromBackup(in)
	case Reported:
		d.reported(in)
	case Sighted:
		d.sighted(in)
	default:
		err = Errorf(Internal, "Unknown input %T.", in)
	}
	if err == nil {
		d.advance()
		err = d.broken
	}
	if err != nil {
		return nil, err
	}
	return d.events, nil
}

// decision collects events and the refresh as they leave it.
type decision struct {
	r      Refresh
	now    Now
	events []Event
	broken error
}

func (d *decision) emit(e Event) {
	if d.broken != nil {
		return
	}
	if err := legal(d.r, e); err != nil {
		d.broken = &Error{Code: Internal, Msg: "This refresh cannot do that now.", Err: err}
		return
	}
	e, err := asRead(e)
	if err != nil {
		d.broken = &Error{Code: Internal, Msg: "This refresh cannot be recorded.", Err: err}
		return
	}
	d.events = append(d.events, e)
	d.r = Apply(d.r, e, d.now.Time)
}

func (d *decision) request(in Request) error {
	switch {
	case d.r.Version != 0:
		return Errorf(Stale, "This refresh exists already.")
	case in.ID == "" || len(in.Plan) == 0:
		return Errorf(Internal, "A refresh needs an id and a plan.")
	case in.Source.Name == in.Target.Name || NormalizeID(in.Source.LCS) == NormalizeID(in.Target.LCS):
		return Errorf(Invalid, "%s cannot be refreshed from itself.", in.Target.Name)
	case !in.StartAt.IsZero() && !in.StartAt.After(d.now.Time):
		return Errorf(Invalid, "The time at which %s is to be refreshed has passed.", in.Target.Name)
	}
	if in.StartAt = in.StartAt.UTC().Round(0); !in.StartAt.IsZero() {
		in.Plan = withStart(in.Plan)
	}
	if err := CheckPlan(in.Plan); err != nil {
		return &Error{Code: Internal, Msg: "This refresh cannot be planned: its steps contradict each other.", Err: err}
	}
	d.emit(Requested{
		ID: in.ID, Source: in.Source, Target: in.Target, Channel: in.Channel, By: in.By, Reason: in.Reason,
		StartAt: in.StartAt, Settings: in.Settings, Troubleshooters: in.Troubleshooters, Plan: in.Plan, Version: DefinitionVersion,
	})
	return nil
}

func (d *decision) tick() {
	for _, g := range d.r.OpenGates() {
		if now, _ := d.r.Gate(g.ID); !now.Open() {
			continue // moving the window has closed it
		}
		if g.ExpiresAt.IsZero() || d.now.Time.Before(g.ExpiresAt) {
			d.remind(g)
			continue
		}
		if g.Kind == GateStart {
			d.emit(GateClosed{g.ID, OutcomeElapsed})
			d.emit(StepSucceeded{Step: g.Step})
			continue
		}
		if g.Kind == GateNotice {
			if d.now.Time.Sub(g.ExpiresAt) > punctual {
				d.emit(GateClosed{g.ID, OutcomeMoot})
				d.announceAnew()
				d.openGate(g.Step, GateNotice, "")
				continue
			}
			d.emit(GateClosed{g.ID, OutcomeElapsed})
			d.emit(StepSucceeded{Step: g.Step, Note: "The notice is over."})
			continue
		}
		d.emit(GateClosed{g.ID, OutcomeExpired})
		d.emit(Ended{Status: Expired, Why: "Nobody decided in time."})
		return
	}
	d.near()
}

// announceAnew moves the downtime when its announced beginning has passed unused, say because the process was
// down: it would otherwise begin at a moment that nobody was told.
func (d *decision) announceAnew() {
	d.dropBroadcastGate()
	d.setWindow(d.now.Time.Add(d.r.Settings.Notice), Person{Name: "refreshbot, because the announced time has passed"})
}

// recover answers for the effects that the last process may have left half done.
func (d *decision) recover() {
	for _, s := range d.r.Steps {
		if s.Status != Performing {
			continue
		}
		if s.Kind.Class() == ClassIrreversible && s.Adopt == "" {
			d.settle(s, thenAsk, "refreshbot was restarted before the reply came. Looking whether the copy was started.")
			continue
		}
		if d.awaited(s.ID) {
			// What the last process sent may land late, and must not land on what the steps that wait write next.
			d.emit(StepFailed{Step: s.ID, RetryAt: d.now.Time.Add(d.r.Settings.Settle), Problem: Problem{Unknown,
				"refreshbot was restarted while this was being written. It is written again once an earlier request must have arrived."}})
			continue
		}
		d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1, Adopt: s.Adopt})
	}
}
