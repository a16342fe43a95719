package refresh

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Input is what a refresh is told: a request, a click, an outcome, or that time has passed.
type Input interface{ input() }

// The inputs.
type (
	// Request asks for a refresh. Everything in it is kept as it is now.
	Request struct {
		ID       ID
		Source   Environment
		Target   Environment
		Channel  string
		By       Person
		Reason   string
		Settings Settings
		Trouble  []string
		Plan     []Spec
	}
	// Click is a person's answer at a gate.
	Click struct {
		Gate   string
		Nonce  string
		Action Action
		By     Actor
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
		Seen       string      // all that was seen, as a sentence
		Problem    *Problem    // looking itself failed; it is tried again
	}
)

func (Request) input()   {}
func (Click) input()     {}
func (Cancel) input()    {}
func (ListUsers) input() {}
func (Tick) input()      {}
func (Recovered) input() {}
func (Reported) input()  {}
func (Sighted) input()   {}

// Result is how an effect came out.
type Result string

// The results.
const (
	Succeeded  Result = "succeeded"
	Continues  Result = "continues"  // not over; ask again after Again
	Failure    Result = "failed"     // certainly not done, or done badly; see Problem
	NotKnown   Result = "not_known"  // may or may not have happened
	Absent     Result = "absent"     // the target does not have what the step calls; see Problem
	ByHand     Result = "by_hand"    // it has to be done by a person, as Note says
	Impossible Result = "impossible" // the whole refresh has failed and nothing here can mend it
)

// Outcome is what came of performing an effect once.
type Outcome struct {
	Result     Result
	Note       string // one line for people
	Findings   []Finding
	Operation  string          // the copy's operation id
	Known      []string        // the target's refreshes so far (only preflight)
	Status     CopyStatus      // of the copy, when it was asked
	Snapshot   json.RawMessage // of the target's own settings (only snapshot)
	Roster     []string        // the user ids that will be let in (only preview)
	Offline    bool            // the target does not answer (only follow)
	Online     bool            // the target answers (only follow)
	Again      time.Duration   // with Continues
	Problem    *Problem
	RetryAfter time.Duration // with Failure: the far side's own wish
}

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
		case Tick, Recovered, Reported, Sighted:
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
	case Cancel:
		err = d.cancel(in)
	case ListUsers:
		err = d.listUsers(in)
	case Tick:
		d.tick()
	case Recovered:
		d.recover()
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
	}
	if err := CheckPlan(in.Plan); err != nil {
		return &Error{Code: Internal, Msg: "This refresh cannot be planned: its steps contradict each other.", Err: err}
	}
	d.emit(Requested{
		ID: in.ID, Source: in.Source, Target: in.Target, Channel: in.Channel, By: in.By, Reason: in.Reason,
		Settings: in.Settings, Trouble: in.Trouble, Plan: in.Plan, Version: DefinitionVersion,
	})
	return nil
}

func (d *decision) click(in Click) error {
	g, ok := d.r.Gate(in.Gate)
	switch {
	case !ok || g.Nonce != in.Nonce:
		return Errorf(Stale, "That button belongs to an earlier question. The card shows what is open now.")
	case !g.Open():
		return Errorf(Stale, "%s", alreadyDecided(g))
	case !g.Offers(in.Action):
		return Errorf(Invalid, "That cannot be chosen here.")
	}
	if !g.ExpiresAt.IsZero() && !d.now.Time.Before(g.ExpiresAt) { // the tick that closes it is on its way
		if g.Kind == GateNotice {
			return Errorf(Stale, "The notice is over: the refresh is starting.")
		}
		return Errorf(Stale, "Too late: this was to be decided by %s.", g.ExpiresAt.Format("15:04 MST"))
	}
	if err := g.permit(d.r, in.Action, in.By); err != nil {
		return err
	}
	d.emit(GateDecided{Gate: g.ID, Decision: Decision{By: in.By.Person, Action: in.Action, Reason: in.Reason, At: d.now.Time}})
	switch in.Action {
	case ActionPostpone:
		from := d.r.Window.From.Add(d.r.Settings.Postpone)
		d.emit(GateClosed{g.ID, ActionPostpone})
		d.dropBroadcastGate()
		d.emit(WindowSet{Window: Window{from, from.Add(d.r.Settings.Downtime)}, By: in.By.Person})
		d.openGate(g.Step, GateNotice, "")
	case ActionApprove, ActionSignOff, ActionOpen:
		g, _ = d.r.Gate(g.ID)
		if g.votes(in.Action) >= g.Count {
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
		if g.Kind == GateUnknown {
			d.settle(s, ActionAbort, "Looking once more before this refresh is given up.")
			return
		}
		d.emit(Ended{Failed, "Stopped by hand.", in.By.Person})
	case ActionStartNow:
		d.emit(StepSucceeded{Step: s.ID, Note: "Started before the notice was over.", By: in.By.Person})
	case ActionDone:
		d.emit(StepSucceeded{Step: s.ID, Note: "Done by hand.", By: in.By.Person})
	case ActionSkip:
		d.emit(StepSkipped{Step: s.ID, By: in.By.Person})
	case ActionRetry:
		d.emit(StepStarted{s.ID, s.Attempt + 1, true})
	case ActionAdopt, ActionStartAgain:
		d.settle(s, in.Action, "Looking once more before anything is done.")
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
	outcome := strings.ReplaceAll(string(g.Outcome), "_", " ")
	last, ok := g.Last()
	if !ok || last.Action != g.Outcome { // it closed by itself
		return fmt.Sprintf("Already decided: %s at %s.", outcome, g.ClosedAt.Format("15:04 MST"))
	}
	return fmt.Sprintf("Already decided: %s by %s at %s.", outcome, last.By.Name, last.At.Format("15:04 MST"))
}

func (d *decision) cancel(in Cancel) error {
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

func (d *decision) tick() {
	for _, g := range d.r.OpenGates() {
		if g.ExpiresAt.IsZero() || d.now.Time.Before(g.ExpiresAt) {
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
}

// announceAnew moves the downtime when its announced beginning has passed unused, say because the process was
// down: it would otherwise begin at a moment that nobody was told.
func (d *decision) announceAnew() {
	d.dropBroadcastGate()
	from := d.now.Time.Add(d.r.Settings.Notice)
	d.emit(WindowSet{Window: Window{from, from.Add(d.r.Settings.Downtime)}, By: Person{Name: "refreshbot, because the announced time has passed"}})
}

// recover answers for the effects that the last process may have left half done.
func (d *decision) recover() {
	for _, s := range d.r.Steps {
		if s.Status != Performing {
			continue
		}
		if s.Kind.Class() == ClassIrreversible {
			d.settle(s, thenAsk, "refreshbot was restarted before the reply came. Looking whether the copy was started.")
			continue
		}
		d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1})
	}
}

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
		o.Known = nil
	}
	if s.Kind.Class() == ClassIrreversible && !o.certain() {
		d.settle(s, thenAsk, o.Problem.text("The reply was lost."))
		return
	}
	switch o.Result {
	case Succeeded:
		d.progress(s, o)
		if o.Snapshot != nil {
			d.emit(SnapshotTaken{s.ID, o.Snapshot})
		}
		d.emit(StepSucceeded{Step: s.ID, Note: o.Note, Findings: o.Findings, Operation: o.Operation, Known: o.Known, Roster: o.Roster, Status: o.Status})
	case Continues:
		d.progress(s, o)
	case NotKnown:
		d.fail(s, o, true)
	case ByHand:
		if s.Phase != PhaseReconfigure {
			d.fail(s, Outcome{Problem: &Problem{Refused, o.Note}}, false)
			return
		}
		d.openGate(s.ID, GateManual, o.Note)
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

// certain reports whether the outcome of an irreversible effect says beyond doubt that it happened, and as what,
// or that it did not. Everything else counts as lost, so that a performer's slip cannot start a second copy.
func (o Outcome) certain() bool {
	switch o.Result {
	case Succeeded:
		return o.Operation != ""
	case Failure, Impossible:
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
		d.openGate(s.ID, GateTrouble, p.Message)
	}
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

func (d *decision) settle(s Step, then Action, why string) {
	wait := max(d.r.Settings.Settle, time.Second) // looking may fail again and again: not without a pause
	d.emit(StepUnsettled{Step: s.ID, Until: d.now.Time.Add(wait), Then: then, Why: why})
}

func (d *decision) sighted(in Sighted) {
	s, ok := d.r.Step(in.Step)
	if !ok || s.Status != Settling || s.Attempt != in.Attempt {
		return
	}
	found := len(in.Candidates)
	switch {
	case in.Problem != nil && s.Then == ActionAbort:
		d.giveUp(in.Problem.Message)
	case in.Problem.passing():
		d.settle(s, s.Then, in.Problem.Message)
	case in.Problem != nil:
		d.openGate(s.ID, GateUnknown, "Looking for the copy failed: "+in.Problem.Message)
	case found == 1 || found > 1 && s.Then == ActionAdopt:
		c := in.Candidates[0]
		d.emit(StepSucceeded{Step: s.ID, Note: in.Seen, Operation: c.ID, Adopted: true, Status: c.Status})
	case found == 0 && s.Then == ActionStartAgain:
		d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1, Asked: true})
	case s.Then == ActionAbort:
		d.giveUp(in.Seen)
	default:
		d.openGate(s.ID, GateUnknown, in.Seen)
	}
}

func (d *decision) giveUp(seen string) {
	d.emit(Ended{Status: Failed, Why: "Given up: it is not known whether the copy was started. " + seen})
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

// advance starts whatever can start now.
func (d *decision) advance() {
	for d.broken == nil && !d.r.Status.Ended() {
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
			d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1})
		}
	}
}

// startPending starts the steps whose turn has come. Within reconfigure every step is on its own: one that
// fails holds up nobody. In the other phases each step waits for the one before it.
func (d *decision) startPending() {
	phase, unfinished := d.r.Phase(), false
	for _, s := range d.r.Steps {
		if s.Phase != phase {
			continue
		}
		if s.Status == Pending && (!unfinished || phase == PhaseReconfigure) {
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
	case s.Kind == KindNotice && !d.r.Window.From.IsZero() && d.now.Time.Sub(d.r.Window.From) > punctual:
		d.announceAnew() // the broadcast took longer than the notice
		d.openGate(s.ID, GateNotice, "")
	case s.Kind == KindAnnounce:
		from := d.now.Time.Add(d.r.Settings.Notice)
		d.emit(WindowSet{Window: Window{from, from.Add(d.r.Settings.Downtime)}})
		d.emit(StepSucceeded{Step: s.ID})
	case b.gate != "":
		d.openGate(s.ID, b.gate, "")
	default:
		d.emit(StepStarted{Step: s.ID, Attempt: s.Attempt + 1})
	}
}

func (d *decision) openGate(step string, kind GateKind, question string) {
	s, _ := d.r.Step(step)
	g := Gate{
		ID: fmt.Sprintf("%s.%d", step, len(d.r.Gates)+1), Kind: kind, Step: step,
		Nonce: fmt.Sprintf("%s%d", d.now.Nonce, len(d.r.Gates)+1), Question: question,
		By: d.r.Trouble, Count: 1, OpenedAt: d.now.Time,
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
	case GateNotice:
		g.Actions = []Action{ActionPostpone, ActionStartNow, ActionCancel}
		g.By, g.Count, g.ExpiresAt = d.r.approvers(), 1, d.r.Window.From
	case GateSignOff:
		g.Actions = []Action{ActionSignOff, ActionAbort}
	case GateManual:
		g.Actions = []Action{ActionDone, ActionSkip}
	case GateOpen:
		g.Actions = []Action{ActionOpen, ActionAbort}
	case GateUnknown:
		g.Actions, g.By, g.Count, g.ExpiresAt = []Action{ActionAdopt, ActionStartAgain, ActionAbort}, d.r.Trouble, 1, time.Time{}
	case GateTrouble:
		g.By, g.Count, g.ExpiresAt = d.r.Trouble, 1, time.Time{}
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
	d.emit(GateOpened{g})
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
