package refresh_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

// The people of these tests. Rita asks; Ann and the members of S0RELEASE approve; Oz is an admin; Bea is nobody.
var (
	rita = actor("U0RITA", "Rita")
	ann  = actor("U0ANN", "Ann")
	bob  = actor("U0BOB", "Bob", "S0RELEASE")
	oz   = refresh.Actor{Person: refresh.Person{ID: "U0OZ", Name: "Oz"}, Admin: true}
	bea  = actor("U0BEA", "Bea")

	begin = time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
)

func actor(id, name string, in ...string) refresh.Actor {
	return refresh.Actor{Person: refresh.Person{ID: id, Name: name}, In: in}
}

func policy(count int, expires time.Duration) *refresh.Policy {
	return &refresh.Policy{By: []string{"U0ANN", "S0RELEASE"}, Count: count, Expires: expires}
}

func request() refresh.Request {
	step := func(id string, phase refresh.Phase, kind refresh.Kind, p *refresh.Policy) refresh.Spec {
		return refresh.Spec{ID: id, Phase: phase, Kind: kind, Name: strings.ToUpper(id), Policy: p}
	}
	return refresh.Request{
		ID: "uat-1", Channel: "C0UAT", By: rita.Person, Reason: "month end", Troubleshooters: []string{"S0RELEASE"},
		Source: refresh.Environment{Name: "prod", URL: "https://prod", LCS: "11111111"},
		Target: refresh.Environment{Name: "uat", URL: "https://uat", LCS: "22222222"},
		Settings: refresh.Settings{
			Notice: 30 * time.Minute, Downtime: 4 * time.Hour, Postpone: time.Hour, Settle: 2 * time.Minute, Retry: time.Minute,
		},
		Plan: []refresh.Spec{
			step("preflight", refresh.PhasePrepare, refresh.KindPreflight, nil),
			step("approval", refresh.PhasePrepare, refresh.KindApproval, policy(1, 24*time.Hour)),
			step("announce", refresh.PhasePrepare, refresh.KindAnnounce, nil),
			step("broadcast", refresh.PhasePrepare, refresh.KindBroadcast, nil),
			step("notice", refresh.PhasePrepare, refresh.KindNotice, nil),
			step("copy", refresh.PhaseRefresh, refresh.KindCopy, nil),
			step("follow", refresh.PhaseRefresh, refresh.KindFollow, nil),
			step("smoke", refresh.PhaseSignOff, refresh.KindSmoke, nil),
			step("sign-off", refresh.PhaseSignOff, refresh.KindSignOff, policy(1, 0)),
			step("email", refresh.PhaseReconfigure, refresh.KindEmail, nil),
			step("jobs", refresh.PhaseReconfigure, refresh.KindBatchJobs, nil),
			step("manual", refresh.PhaseReconfigure, refresh.KindManual, nil),
			step("open", refresh.PhaseOpen, refresh.KindOpenGate, policy(1, 0)),
			step("enable", refresh.PhaseOpen, refresh.KindEnable, nil),
		},
	}
}

// with returns the request with one step's policy replaced.
func with(step string, p *refresh.Policy) refresh.Request {
	req := request()
	for i := range req.Plan {
		if req.Plan[i].ID == step {
			req.Plan[i].Policy = p
		}
	}
	return req
}

// life is one refresh in a test. It keeps the journal as a store would, and checks after every input what must
// hold after every input.
type life struct {
	t       testingT
	r       refresh.Refresh
	now     time.Time
	journal []refresh.Entry
	inputs  int
}

// testingT is what testing.TB and rapid.T have in common.
type testingT interface {
	Helper()
	Fatalf(format string, args ...any)
}

func start(t testingT, req refresh.Request) *life {
	t.Helper()
	l := &life{t: t, now: begin}
	l.tell(req)
	return l
}

// try gives an input and returns why it was refused.
func (l *life) try(in refresh.Input) error {
	l.t.Helper()
	l.inputs++
	before := text(l.t, l.r)
	events, err := refresh.Decide(l.r, in, refresh.Now{Time: l.now, Nonce: fmt.Sprintf("n%d.", l.inputs)})
	if after := text(l.t, l.r); after != before {
		l.t.Fatalf("Decide(%T) changed its argument:\n%s", in, cmp.Diff(before, after))
	}
	if err != nil {
		if len(events) > 0 {
			l.t.Fatalf("Decide(%T) refused and still answered with events: %v", in, err)
		}
		return err
	}
	l.commit(events)
	return nil
}

func (l *life) commit(events []refresh.Event) {
	l.t.Helper()
	prev := ""
	if n := len(l.journal); n > 0 {
		prev = l.journal[n-1].Hash
	}
	if req, ok := slices.Concat(events, []refresh.Event{nil})[0].(refresh.Requested); ok {
		l.r.ID = req.ID
	}
	entries, err := refresh.Seal(l.r.ID, l.r.Version, prev, l.now, events)
	if err != nil {
		l.t.Fatalf("seal: %v", err)
	}
	for _, e := range entries {
		l.r = refresh.Apply(l.r, e.Event, e.At)
		data, err := json.Marshal(e)
		if err != nil {
			l.t.Fatalf("encode: %v", err)
		}
		var stored refresh.Entry
		if err := json.Unmarshal(data, &stored); err != nil {
			l.t.Fatalf("decode %s: %v", data, err)
		}
		if diff := cmp.Diff(e, stored); diff != "" {
			l.t.Fatalf("an entry does not decode to itself:\n%s", diff)
		}
		l.journal = append(l.journal, stored)
	}
	if l.r.Version != int64(len(l.journal)) {
		l.t.Fatalf("version %d after %d entries", l.r.Version, len(l.journal))
	}
	if !l.r.Status.Ended() && len(refresh.Effects(l.r)) == 0 && refresh.NextDue(l.r).IsZero() && len(l.r.OpenGates()) == 0 {
		l.t.Fatalf("silent: it has not ended, and waits for nothing\n%s", text(l.t, l.r))
	}
}

// audit checks the journal as a whole: it folds to the row, and it holds the promises.
func (l *life) audit() {
	l.t.Helper()
	folded, err := refresh.Fold(l.journal)
	if err != nil {
		l.t.Fatalf("fold: %v\n%s", err, l.lines())
	}
	if a, b := text(l.t, folded), text(l.t, l.r); a != b {
		l.t.Fatalf("the journal does not lead to the row:\n%s", cmp.Diff(a, b))
	}
	copies := map[string]bool{}
	approvals := map[string]int{}
	count := map[string]int{}
	for _, s := range l.r.Steps {
		copies[s.ID] = s.Kind == refresh.KindCopy
		if s.Kind == refresh.KindApproval {
			count[s.ID] = max(1, s.Policy.Count)
		}
	}
	approved := map[string]bool{} // gate/person
	sent, failed, lost, asked := false, false, false, false
	for i, e := range l.journal {
		switch ev := e.Event.(type) {
		case refresh.GateDecided:
			g, _ := l.r.Gate(ev.Gate)
			if key := g.ID + "/" + ev.Decision.By.ID; ev.Decision.Action == refresh.ActionApprove && !approved[key] {
				approved[key] = true
				approvals[g.Step]++
				if ev.Decision.By.ID == l.r.RequestedBy.ID {
					l.t.Fatalf("the requester approved\n%s", l.lines())
				}
			}
			if key := g.ID + "/" + ev.Decision.By.ID; ev.Decision.Action == refresh.ActionWithdraw && approved[key] {
				delete(approved, key)
				approvals[g.Step]--
			}
			asked = asked || ev.Decision.Action == refresh.ActionStartAgain
		case refresh.GateDelegated:
			g, _ := l.r.Gate(ev.Gate)
			if g.Kind == refresh.GateApprove && ev.Delegation.To.ID == l.r.RequestedBy.ID {
				l.t.Fatalf("the requester was given the approval\n%s", l.lines())
			}
		case refresh.StepUnsettled:
			lost = lost || copies[ev.Step]
			asked = asked && ev.Then == refresh.ActionStartAgain
		case refresh.StepFailed:
			failed = failed || copies[ev.Step] && !lost
		case refresh.StepStarted:
			if !copies[ev.Step] {
				continue
			}
			if ev.Adopt != "" { // starts nothing
				sent, failed = false, false
				continue
			}
			for step, n := range count {
				if approvals[step] < n {
					l.t.Fatalf("entry %d: the copy was started with %d of %d approvals at %s\n%s", i+1, approvals[step], n, step, l.lines())
				}
			}
			if sent && !failed && !asked {
				l.t.Fatalf("entry %d: a second intent, and the first was neither refused nor asked for again\n%s", i+1, l.lines())
			}
			sent, failed, lost, asked = true, false, false, false
		}
	}
}

func (l *life) tell(in refresh.Input) {
	l.t.Helper()
	if err := l.try(in); err != nil {
		l.t.Fatalf("%T was refused: %v\n%s", in, err, l.lines())
	}
}

// refused gives an input that must be refused for the reason, in these words.
func (l *life) refused(in refresh.Input, code refresh.Code, words string) {
	l.t.Helper()
	err := l.try(in)
	if refresh.CodeOf(err) != code || !strings.Contains(refresh.MessageOf(err), words) {
		l.t.Fatalf("%T: %s %q, want %s %q", in, refresh.CodeOf(err), refresh.MessageOf(err), code, words)
	}
}

func (l *life) after(d time.Duration) *life { l.now = l.now.Add(d); return l }

// gate returns the open gate of a step.
func (l *life) gate(step string) refresh.Gate {
	l.t.Helper()
	for _, g := range l.r.OpenGates() {
		if g.Step == step {
			return g
		}
	}
	l.t.Fatalf("no gate is open at %s\n%s", step, l.lines())
	return refresh.Gate{}
}

func click(g refresh.Gate, by refresh.Actor, a refresh.Action) refresh.Click {
	return refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: by}
}

func (l *life) decide(step string, by refresh.Actor, a refresh.Action) {
	l.t.Helper()
	l.tell(click(l.gate(step), by, a))
}

func (l *life) step(id string) refresh.Step {
	l.t.Helper()
	s, ok := l.r.Step(id)
	if !ok {
		l.t.Fatalf("no step %s", id)
	}
	return s
}

// report gives the outcome of a step's current attempt.
func (l *life) report(step string, o refresh.Outcome) {
	l.t.Helper()
	l.tell(refresh.Reported{Step: step, Attempt: l.step(step).Attempt, Outcome: o})
}

func (l *life) succeed(steps ...string) {
	l.t.Helper()
	for _, s := range steps {
		o := refresh.Outcome{Result: refresh.Succeeded}
		if s == "copy" {
			o.Operation = "op-1"
		}
		l.report(s, o)
	}
}

func (l *life) sight(ops ...string) {
	l.t.Helper()
	in := refresh.Sighted{Step: "copy", Attempt: l.step("copy").Attempt, Seen: fmt.Sprintf("Saw %d.", len(ops))}
	for _, id := range ops {
		in.Candidates = append(in.Candidates, running(id))
	}
	in.History = in.Candidates
	l.tell(in)
}

// running is a refresh of the target as LCS's history shows it, without a start time.
func running(id string) refresh.Operation {
	return refresh.Operation{ID: id, Title: "Refresh database", Status: refresh.CopyInProgress}
}

// want checks the statuses of steps, written "step=status".
func (l *life) want(states ...string) {
	l.t.Helper()
	for _, state := range states {
		id, status, _ := strings.Cut(state, "=")
		if s := l.step(id); string(s.Status) != status {
			l.t.Fatalf("step %s is %s, want %s\n%s", id, s.Status, status, l.lines())
		}
	}
}

func (l *life) ended(status refresh.Status) {
	l.t.Helper()
	if l.r.Status != status {
		l.t.Fatalf("it stands as %s, want %s\n%s", l.r.Status, status, l.lines())
	}
	l.audit()
}

// lines is the journal, a line for each entry.
func (l *life) lines() string {
	var b strings.Builder
	for _, e := range l.journal {
		data, _ := json.Marshal(e.Event)
		fmt.Fprintf(&b, "%3d %s %s %s\n", e.Seq, e.At.Format("02 15:04:05"), refresh.EventName(e.Event), data)
	}
	return b.String()
}

// names is the journal from entry n on, as event names with their steps.
func (l *life) names(from int) []string {
	var names []string
	for _, e := range l.journal[from:] {
		name := refresh.EventName(e.Event)
		if s := refresh.StepOf(e.Event); s != "" {
			name += " " + s
		}
		names = append(names, name)
	}
	return names
}

func text(t testingT, r refresh.Refresh) string {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("encode row: %v", err)
	}
	return string(data)
}

// Shortcuts through a life.

func atApproval(t testing.TB) *life {
	l := start(t, request())
	l.succeed("preflight")
	return l
}

func atNotice(t testing.TB) *life {
	l := atApproval(t)
	l.decide("approval", ann, refresh.ActionApprove)
	l.succeed("broadcast")
	return l
}

func atCopy(t testing.TB) *life {
	l := atNotice(t)
	l.decide("notice", rita, refresh.ActionStartNow)
	l.succeed("broadcast") // the users inside are told the new time
	return l
}

func atReconfigure(t testing.TB) *life {
	l := atCopy(t)
	l.succeed("copy", "follow", "smoke")
	l.decide("sign-off", ann, refresh.ActionSignOff)
	return l
}

// atUnknown has lost the reply of the start, looked, and seen nothing.
func atUnknown(t testing.TB) *life {
	l := atCopy(t)
	l.report("copy", refresh.Outcome{Result: refresh.NotKnown})
	l.after(2 * time.Minute).sight()
	return l
}

func failure(code refresh.Code) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: code, Message: "It said no."}}
}
