package refresh_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refreshbot/jobs/refresh"
)

// anyRequest draws a plan of any sound shape.
func anyRequest(t *rapid.T) refresh.Request {
	some := func(label string) bool { return rapid.Bool().Draw(t, label) }
	req := request()
	hours := func(label string) time.Duration {
		return time.Duration(rapid.IntRange(0, 3).Draw(t, label)) * time.Hour
	}
	req.Settings = refresh.Settings{Notice: hours("notice"), Downtime: hours("downtime"), Postpone: hours("postpone"), Settle: hours("settle"), Retry: hours("retry")}
	if some("reminders") {
		req.Settings.Remind = &refresh.Reminders{
			After: []time.Duration{time.Hour}, Escalate: hours("escalate"), Again: hours("again"), Before: []time.Duration{time.Hour}, Near: []time.Duration{hours("near"), 5 * time.Minute},
			Hours: rapid.SampledFrom([]refresh.Hours{{}, office}).Draw(t, "hours"), Admins: []string{"U0OZ"},
		}
	}
	if some("start time") {
		req.StartAt = begin.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "start")) * time.Minute)
	}
	var plan []refresh.Spec
	for _, s := range req.Plan {
		keep := s.Kind == refresh.KindApproval || s.Kind == refresh.KindCopy || some("with "+s.ID)
		if !keep {
			continue
		}
		if s.Policy != nil {
			s.Policy = policy(rapid.IntRange(0, 2).Draw(t, "count"), hours("expires"))
		}
		if s.Kind == refresh.KindEmail || s.Kind == refresh.KindBatchJobs {
			s.IfInstalled, s.Retries = some("if installed"), rapid.SampledFrom([]int{0, 0, 1, 100}).Draw(t, "retries")
			s.OnFailure = rapid.SampledFrom([]refresh.OnFailure{"", "", refresh.FailureContinues, refresh.FailureStops}).Draw(t, "on failure")
		}
		if s.Kind == refresh.KindOpenGate && some("preview") {
			plan = append(plan, refresh.Spec{ID: "preview", Phase: refresh.PhaseOpen, Kind: refresh.KindPreview, Name: "PREVIEW"})
		}
		if s.Kind == refresh.KindCopy && some("final checks") {
			plan = append(plan, refresh.Spec{ID: "final-checks", Phase: refresh.PhaseRefresh, Kind: refresh.KindPreflight, Name: "FINAL CHECKS"})
		}
		plan = append(plan, s)
		if s.Kind == refresh.KindPreflight {
			plan = append(plan, refresh.Spec{ID: "snapshot", Phase: refresh.PhasePrepare, Kind: refresh.KindSnapshot, Name: "SNAPSHOT"})
		}
		if s.Kind == refresh.KindApproval && some("second approval") {
			s.ID = "approval-2"
			plan = append(plan, s)
		}
	}
	req.Plan = plan
	return req
}

func anyActor(t *rapid.T) refresh.Actor {
	return rapid.SampledFrom([]refresh.Actor{
		rita, ann, bob, oz, bea, {},
		{Person: rita.Person, Admin: true, In: []string{"S0RELEASE"}},
		actor("U0CY", "Cy", "S0RELEASE"),
	}).Draw(t, "by")
}

var allActions = []refresh.Action{
	refresh.ActionApprove, refresh.ActionReject, refresh.ActionCancel, refresh.ActionPostpone, refresh.ActionStartNow,
	refresh.ActionSignOff, refresh.ActionDone, refresh.ActionOpen, refresh.ActionRetry, refresh.ActionSkip, refresh.ActionAbort,
	refresh.ActionAdopt, refresh.ActionStartAgain, refresh.ActionWithdraw, refresh.ActionDelegate, refresh.OutcomeExpired, refresh.OutcomeElapsed, "",
}

// anyClick presses any button, old ones and forged ones too; mostly one that is offered.
func anyClick(t *rapid.T, l *life) refresh.Click {
	in := refresh.Click{By: anyActor(t)}
	gates := l.r.Gates
	if open := l.r.OpenGates(); len(open) > 0 && rapid.IntRange(0, 9).Draw(t, "open") > 0 {
		gates = open
	}
	if len(gates) == 0 {
		return in
	}
	g := rapid.SampledFrom(gates).Draw(t, "gate")
	in.Gate, in.Nonce = g.ID, g.Nonce
	// The buttons that end everything are pressed less often, so that more lives get far.
	var tame []refresh.Action
	for _, a := range g.Actions {
		if a != refresh.ActionReject && a != refresh.ActionCancel && a != refresh.ActionAbort {
			tame = append(tame, a)
		}
	}
	in.Action = rapid.SampledFrom(tame).Draw(t, "action")
	switch rapid.IntRange(0, 19).Draw(t, "odd click") {
	case 0:
		in.Action = rapid.SampledFrom(allActions).Draw(t, "action")
	case 1:
		in.Nonce = rapid.SampledFrom([]string{"", "n0.1", l.r.Gates[0].Nonce}).Draw(t, "nonce")
	case 2:
		in.Action = rapid.SampledFrom(g.Actions).Draw(t, "action")
	}
	return in
}

func anyOutcome(t *rapid.T) refresh.Outcome {
	o := refresh.Outcome{
		Result:  rapid.SampledFrom([]refresh.Result{refresh.Succeeded, refresh.Succeeded, refresh.Succeeded, refresh.Continues, refresh.Failure, refresh.NotKnown, refresh.Absent, refresh.ByHand, refresh.Offered, refresh.Foreign, refresh.Impossible, ""}).Draw(t, "result"),
		Note:    rapid.SampledFrom([]string{"", "a", "b<&>", "\xff"}).Draw(t, "note"),
		Offline: rapid.Bool().Draw(t, "offline"), Online: rapid.Bool().Draw(t, "online"),
		Status: rapid.SampledFrom([]refresh.CopyStatus{"", refresh.CopyInProgress, refresh.CopyCompleted, "Surprise"}).Draw(t, "status"),
		Known:  rapid.SampledFrom([][]string{nil, {}, {"a"}, {"a", "b"}}).Draw(t, "known"),
	}
	if o.Result == refresh.Impossible && rapid.IntRange(0, 4).Draw(t, "really") > 0 {
		o.Result = refresh.Succeeded
	}
	if rapid.Bool().Draw(t, "snapshot") {
		o.Snapshot, o.Roster = []byte(`{ "jobs": ["<a>"] }`), []string{"CARL"}
	}
	if o.Result == refresh.Foreign && rapid.IntRange(0, 4).Draw(t, "which") > 0 {
		o.Operations = []refresh.Operation{running("by-hand")}
	}
	if rapid.Bool().Draw(t, "operation") {
		o.Operation = "op"
	}
	if rapid.IntRange(0, 4).Draw(t, "problem") > 0 {
		o.Problem = &refresh.Problem{Code: rapid.SampledFrom([]refresh.Code{refresh.Offline, refresh.Throttled, refresh.Unknown, refresh.Refused, refresh.Internal, ""}).Draw(t, "code"), Message: "m"}
	}
	if rapid.Bool().Draw(t, "findings") {
		o.Findings = []refresh.Finding{{OK: true, Name: "f"}}
	}
	return o
}

// anyInput draws any input at all, sensible more often than not.
func anyInput(t *rapid.T, l *life) refresh.Input {
	step := func() refresh.Step {
		var now []refresh.Step
		for _, e := range refresh.Effects(l.r) {
			now = append(now, e.Step)
		}
		if len(now) > 0 && rapid.IntRange(0, 9).Draw(t, "due") > 0 {
			return rapid.SampledFrom(now).Draw(t, "step")
		}
		s := rapid.SampledFrom(l.r.Steps).Draw(t, "step")
		s.Attempt += rapid.IntRange(-1, 1).Draw(t, "attempt")
		return s
	}
	switch rapid.IntRange(0, 19).Draw(t, "input") {
	default:
		s := step()
		return refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: anyOutcome(t)}
	case 9, 10, 11, 12, 13:
		return anyClick(t, l)
	case 14:
		s := step()
		in := refresh.Sighted{Step: s.ID, Attempt: s.Attempt, Seen: "seen"}
		for i := range rapid.IntRange(0, 2).Draw(t, "candidates") {
			in.Candidates = append(in.Candidates, refresh.Operation{ID: fmt.Sprint("op-", i), StartedAt: rapid.SampledFrom([]time.Time{{}, begin, l.now}).Draw(t, "began")})
		}
		if rapid.IntRange(0, 3).Draw(t, "blind") == 0 {
			in.Problem = anyOutcome(t).Problem
		}
		return in
	case 15:
		if click := anyClick(t, l); rapid.Bool().Draw(t, "delegate") {
			return refresh.Delegate{Gate: click.Gate, Nonce: click.Nonce, By: click.By, To: anyActor(t).Person}
		}
		return refresh.ListUsers{By: anyActor(t), From: "uat.csv", Names: []string{"carl@contoso.com"}}
	case 16:
		l.now = l.now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes")) * time.Minute)
		return refresh.Tick{}
	case 17:
		if due := refresh.NextDue(l.r); due.After(l.now) {
			l.now = due
		}
		return refresh.Tick{}
	case 18:
		if rapid.IntRange(0, 3).Draw(t, "restored") == 0 {
			return refresh.FromBackup{Taken: l.now.Add(-time.Minute)}
		}
		return refresh.Recovered{}
	case 19:
		if rapid.IntRange(0, 9).Draw(t, "really") > 0 {
			return refresh.Tick{}
		}
		return rapid.SampledFrom([]refresh.Input{refresh.Cancel{By: anyActor(t)}, request(), nil}).Draw(t, "rare")
	}
}

// decideAnything tells a refresh anything, in any order. What life checks must hold after every input; the
// promises of the journal must hold at the end; and nothing may be a defect in the eyes of Decide itself.
func decideAnything(t *rapid.T) {
	l := start(t, anyRequest(t))
	given := map[int]bool{} // attempts of the copy that a restart has given up
	for range rapid.IntRange(0, 150).Draw(t, "inputs") {
		in := anyInput(t, l)
		copying := l.r.Steps[slices.IndexFunc(l.r.Steps, func(s refresh.Step) bool { return s.Kind == refresh.KindCopy })]
		switch in.(type) {
		case refresh.Recovered, refresh.FromBackup:
			if copying.Status == refresh.Performing {
				given[copying.Attempt] = true
			}
		}
		ended := l.r.Status.Ended()
		version := l.r.Version
		if err := l.try(in); refresh.CodeOf(err) == refresh.Internal && in != nil {
			t.Fatalf("%T is answered with a defect: %v\n%s", in, err, l.lines())
		}
		if ended && l.r.Version != version {
			t.Fatalf("%T moved a refresh that had ended\n%s", in, l.lines())
		}
		for _, e := range refresh.Effects(l.r) {
			if e.Step.Kind == refresh.KindCopy && e.Mode == refresh.ModePerform && given[e.Step.Attempt] {
				t.Fatalf("attempt %d of the copy comes back after a restart\n%s", e.Step.Attempt, l.lines())
			}
		}
		for _, g := range l.r.OpenGates() {
			if s, _ := l.r.Step(g.Step); s.Status != refresh.Waiting && s.Status != refresh.Troubled {
				t.Fatalf("gate %s is open and its step is %s\n%s", g.ID, s.Status, l.lines())
			}
		}
	}
	l.audit()
}

func TestAnythingMayBeToldInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, decideAnything)
}

func FuzzDecide(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(strings.Repeat("\x00", 4096)))
	f.Add([]byte(strings.Repeat("\x01\x00\x03\x07\x0b\x11\x13", 600)))
	f.Add([]byte(strings.Repeat("\xff\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00", 256)))
	f.Fuzz(rapid.MakeFuzz(decideAnything))
}

// farSide is LCS in miniature: it counts the copies that were really begun and answers looks truthfully.
type farSide struct{ begun []refresh.Operation }

// start is one request to begin the copy. It may begin it or not, and the reply may be lost in several ways.
func (f *farSide) start(t *rapid.T) (o refresh.Outcome, replied bool) {
	begins := rapid.Bool().Draw(t, "begins")
	if begins {
		f.begun = append(f.begun, refresh.Operation{ID: fmt.Sprint("op-", len(f.begun)+1)})
	}
	switch rapid.IntRange(0, 6).Draw(t, "reply") {
	case 0: // it arrives
		if begins {
			return refresh.Outcome{Result: refresh.Succeeded, Operation: f.begun[len(f.begun)-1].ID}, true
		}
		return failure(rapid.SampledFrom([]refresh.Code{refresh.Refused, refresh.Throttled, refresh.Offline, refresh.Denied}).Draw(t, "refusal")), true
	case 1:
		return refresh.Outcome{Result: refresh.NotKnown}, true
	case 2:
		return failure(refresh.Unknown), true
	case 3:
		return refresh.Outcome{Result: refresh.Succeeded}, true // a reply without an operation id
	}
	return refresh.Outcome{}, false // the process dies first
}

// The promise: however the start goes, whenever the process dies and whatever people press, the far side never
// sees a second start, unless somebody chose it while nothing was there.
func TestTheFarSideNeverCountsTwoStarts(t *testing.T) {
	t.Parallel()
	var lost, adopted, again, done int
	rapid.Check(t, func(t *rapid.T) {
		l, far := start(t, anyRequest(t)), farSide{}
		committed := map[int]bool{} // attempts whose intent this process has committed and not used, as the engine keeps them
		tell := func(in refresh.Input) {
			version := len(l.journal)
			if err := l.try(in); refresh.CodeOf(err) == refresh.Internal {
				t.Fatalf("%T: %v\n%s", in, err, l.lines())
			}
			for _, e := range l.journal[version:] {
				if ev, ok := e.Event.(refresh.StepStarted); ok && ev.Step == "copy" {
					committed[ev.Attempt] = true
				}
			}
		}
		crash := func() {
			clear(committed)
			if rapid.IntRange(0, 4).Draw(t, "recovers") > 0 { // else the store fails just then
				tell(refresh.Recovered{})
			}
		}
		for range rapid.IntRange(100, 250).Draw(t, "turns") {
			var due []refresh.Effect
			for _, e := range refresh.Effects(l.r) {
				if !e.NotTill.After(l.now) {
					due = append(due, e)
				}
			}
			turn := rapid.IntRange(0, 9).Draw(t, "turn")
			switch {
			case turn == 0:
				crash()
			case turn == 1:
				l.now = l.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
				tell(refresh.Tick{})
			case turn <= 4 || len(due) == 0:
				if len(l.r.OpenGates()) > 0 {
					tell(anyClick(t, l))
				} else {
					l.now = l.now.Add(time.Hour)
					tell(refresh.Tick{})
				}
			default:
				e := rapid.SampledFrom(due).Draw(t, "effect")
				s := e.Step
				switch {
				case e.Mode == refresh.ModeLook:
					in := refresh.Sighted{Step: s.ID, Attempt: s.Attempt, Candidates: slices.Clone(far.begun)}
					slices.Reverse(in.Candidates)
					if rapid.IntRange(0, 4).Draw(t, "blind") == 0 {
						in = refresh.Sighted{Step: s.ID, Attempt: s.Attempt, Problem: failure(rapid.SampledFrom([]refresh.Code{refresh.Offline, refresh.Denied}).Draw(t, "code")).Problem}
					}
					tell(in)
				case s.Kind != refresh.KindCopy:
					tell(refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: anyOutcome(t)})
				case !committed[s.Attempt]:
					tell(refresh.Recovered{})
				case s.Adopt != "": // somebody else's has been rolled back; nothing is started
					delete(committed, s.Attempt)
					tell(refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: failure(refresh.Refused)})
				default:
					delete(committed, s.Attempt)
					before := len(far.begun)
					o, replied := far.start(t)
					if s.Attempt > 1 && len(far.begun) > before {
						again++
					}
					if !replied {
						lost++
						crash()
						break
					}
					tell(refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: o})
				}
			}
			if len(far.begun) > 1 {
				t.Fatalf("the far side has begun %d copies\n%s", len(far.begun), l.lines())
			}
		}
		l.audit()
		if op := l.r.Copy.Operation; op != "" && (len(far.begun) != 1 || op != far.begun[0].ID) {
			t.Fatalf("it believes in operation %q; the far side knows %v\n%s", op, far.begun, l.lines())
		}
		if l.r.Copy.Adopted {
			adopted++
		}
		if l.r.Status == refresh.Done {
			done++
		}
	})
	// A property that never gets to the interesting part proves nothing.
	if lost == 0 || adopted == 0 || again == 0 {
		t.Errorf("replies lost to a crash: %d; adopted: %d; begun at a later attempt: %d; done: %d", lost, adopted, again, done)
	}
	t.Logf("replies lost to a crash: %d; adopted: %d; begun at a later attempt: %d; done: %d", lost, adopted, again, done)
}
