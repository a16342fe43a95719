package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

// The people of the stories. Anna asks; Bo and Cleo are in S0RELEASE; Dee is an admin.
var (
	anna   = refresh.Actor{Person: refresh.Person{ID: "U0ANNA", Name: "Anna"}}
	bo     = refresh.Actor{Person: refresh.Person{ID: "U0BO", Name: "Bo"}, In: []string{"S0RELEASE"}}
	cleo   = refresh.Actor{Person: refresh.Person{ID: "U0CLEO", Name: "Cleo"}, In: []string{"S0RELEASE"}}
	dee    = refresh.Actor{Person: refresh.Person{ID: "U0DEE", Name: "Dee"}, Admin: true}
	sunday = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
)

// story drives a refresh through the real rules and keeps its journal.
type story struct {
	t       testing.TB
	r       refresh.Refresh
	now     time.Time
	journal []refresh.Entry
}

func request() refresh.Request {
	policy := &refresh.Policy{By: []string{"S0RELEASE"}, Count: 1}
	spec := func(phase refresh.Phase, kind refresh.Kind, id, name string) refresh.Spec {
		s := refresh.Spec{ID: id, Phase: phase, Kind: kind, Name: name}
		switch kind {
		case refresh.KindApproval, refresh.KindSignOff, refresh.KindOpenGate:
			s.Policy = policy
		case refresh.KindManual:
			s.Params = json.RawMessage(`{"text":"Choose the UAT library under System parameters > Help."}`)
		case refresh.KindHTTP:
			s.OnFailure = refresh.FailureContinues
		}
		return s
	}
	return refresh.Request{
		ID:      "uat-20261122-7f3a",
		Source:  refresh.Environment{Name: "prod", URL: "https://contoso.operations.dynamics.com", LCS: "3d6c5b4a-1111-4222-8333-444455556666"},
		Target:  refresh.Environment{Name: "uat", URL: "https://contoso-uat.sandbox.operations.dynamics.com", LCS: "4e7d6c5b-1111-4222-8333-444455556666"},
		Channel: "C0UAT", By: anna.Person, Reason: "Month-end test", Troubleshooters: []string{"S0RELEASE"},
		Settings: refresh.Settings{Notice: 30 * time.Minute, Downtime: 4 * time.Hour, Postpone: 30 * time.Minute, Settle: 2 * time.Minute, Retry: time.Minute},
		Plan: []refresh.Spec{
			spec(refresh.PhasePrepare, refresh.KindPreflight, "preflight", "Preflight checks"),
			spec(refresh.PhasePrepare, refresh.KindApproval, "approval", "Approval"),
			spec(refresh.PhasePrepare, refresh.KindAnnounce, "announce", "Announcement"),
			spec(refresh.PhasePrepare, refresh.KindBroadcast, "broadcast", "Broadcast message"),
			spec(refresh.PhasePrepare, refresh.KindNotice, "notice", "Notice"),
			spec(refresh.PhaseRefresh, refresh.KindSnapshot, "snapshot", "Settings of the target itself"),
			spec(refresh.PhaseRefresh, refresh.KindCopy, "copy", "Start of the copy"),
			spec(refresh.PhaseRefresh, refresh.KindFollow, "follow", "Copy"),
			spec(refresh.PhaseSignOff, refresh.KindSmoke, "smoke", "Smoke checks"),
			spec(refresh.PhaseSignOff, refresh.KindSignOff, "sign-off", "Sign-off"),
			spec(refresh.PhaseReconfigure, refresh.KindEmail, "email", "E-mail"),
			spec(refresh.PhaseReconfigure, refresh.KindBatchJobs, "jobs", "Batch jobs"),
			spec(refresh.PhaseReconfigure, refresh.KindHTTP, "dashboard", "Tell the dashboard"),
			spec(refresh.PhaseReconfigure, refresh.KindManual, "help", "Help library"),
			spec(refresh.PhaseOpen, refresh.KindPreview, "preview", "Who is let in"),
			spec(refresh.PhaseOpen, refresh.KindOpenGate, "open", "Opening"),
			spec(refresh.PhaseOpen, refresh.KindEnable, "enable", "Users"),
			spec(refresh.PhaseOpen, refresh.KindVerify, "verify", "Check of the users"),
		},
	}
}

func begin(t testing.TB, req refresh.Request) *story {
	t.Helper()
	s := &story{t: t, now: sunday}
	return s.input(req)
}

func (s *story) input(in refresh.Input) *story {
	s.t.Helper()
	events, err := refresh.Decide(s.r, in, refresh.Now{Time: s.now, Nonce: fmt.Sprintf("n%d.", s.r.Version)})
	if err != nil {
		s.t.Fatalf("%T: %v", in, err)
	}
	prev := ""
	if n := len(s.journal); n > 0 {
		prev = s.journal[n-1].Hash
	}
	entries, err := refresh.Seal("uat-20261122-7f3a", s.r.Version, prev, s.now, events)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		s.r = refresh.Apply(s.r, e.Event, e.At)
	}
	s.journal = append(s.journal, entries...)
	return s
}

func (s *story) pass(d time.Duration) *story { s.now = s.now.Add(d); return s }

func (s *story) tick(d time.Duration) *story { s.t.Helper(); return s.pass(d).input(refresh.Tick{}) }

func (s *story) click(who refresh.Actor, a refresh.Action, reason ...string) *story {
	s.t.Helper()
	for _, g := range s.r.OpenGates() {
		if g.Offers(a) {
			return s.input(refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: who, Reason: strings.Join(reason, " ")})
		}
	}
	s.t.Fatalf("no open gate offers %s", a)
	return s
}

// decide answers the question that is open at a step.
func (s *story) decide(step string, who refresh.Actor, a refresh.Action, reason string) {
	s.t.Helper()
	for _, g := range s.r.OpenGates() {
		if g.Step == step {
			s.input(refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: who, Reason: reason})
			return
		}
	}
	s.t.Fatalf("no gate is open at %s", step)
}

func (s *story) report(id string, o refresh.Outcome) *story {
	s.t.Helper()
	step, ok := s.r.Step(id)
	if !ok {
		s.t.Fatalf("no step %q", id)
	}
	return s.input(refresh.Reported{Step: id, Attempt: step.Attempt, Outcome: o})
}

func (s *story) sees(in refresh.Sighted) *story {
	s.t.Helper()
	step, _ := s.r.Step("copy")
	in.Step, in.Attempt = "copy", step.Attempt
	return s.pass(2 * time.Minute).input(in)
}

func good(note string, seen ...refresh.Finding) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Succeeded, Note: note, Findings: seen}
}

func bad(code refresh.Code, message string) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: code, Message: message}}
}

func ok(name, detail string) refresh.Finding {
	return refresh.Finding{OK: true, Name: name, Detail: detail}
}

func not(name, detail string) refresh.Finding { return refresh.Finding{Name: name, Detail: detail} }

// announced is approved, and the users inside were told.
func (s *story) announced() *story {
	s.t.Helper()
	s.pass(4*time.Second).report("preflight", good("3 of 3 ok", ok("Sign-in to LCS", ""), ok("uat is a sandbox", "Sandbox, SelfService")))
	s.pass(20*time.Minute).click(bo, refresh.ActionApprove, "go ahead")
	return s.pass(2*time.Second).report("broadcast", good("2 users are signed in"))
}

// copying is past the notice, and the start of the copy was asked for.
func (s *story) copying() *story {
	s.t.Helper()
	s.announced().tick(30 * time.Minute)
	o := good("3 enabled users, 2 waiting batch jobs", not("Batch groups as before", "could not be read: the role lacks a privilege"))
	o.Snapshot = json.RawMessage(`{"users":[{"ID":"SECRETUSER"},{},{}],"batch_jobs":[{},{}],"email":{"server":"smtp-uat"},"unread":{"batch_groups":"the role lacks a privilege"}}`)
	return s.pass(3*time.Second).report("snapshot", o)
}

// copied has the source's data.
func (s *story) copied() {
	s.t.Helper()
	follow := func(d time.Duration, o refresh.Outcome) { s.t.Helper(); s.pass(d).report("follow", o) }
	follow(time.Minute, refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyPreparing, Note: "Preparing"})
	follow(20*time.Minute, refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "About 1 h left", Offline: true})
	follow(80*time.Minute, refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "Nearly done", Online: true})
	follow(5*time.Minute, refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted})
	s.pass(10*time.Second).report("smoke", good("", ok("uat answers", "2.1 s"), not("Customers", "CustomersV3 is empty; prod has 1,204")))
	s.pass(15*time.Minute).click(cleo, refresh.ActionSignOff)
}

func started(operation string) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Succeeded, Operation: operation}
}
