package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// Start is the time at which the fixtures begin.
func Start() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }

// Environment returns a target environment; each name has an LCS id of its own.
func Environment(name string) refresh.Environment {
	return refresh.Environment{Name: name, URL: "https://contoso-" + name + ".sandbox.operations.dynamics.com", LCS: "lcs-" + name}
}

// Request returns the input that begins a refresh of the target: preflight, approval, notice, copy, follow.
func Request(id refresh.ID, target refresh.Environment) refresh.Request {
	approvers := &refresh.Policy{By: []string{"U0ADA"}, Count: 1, Expires: 24 * time.Hour}
	return refresh.Request{
		ID: id, Source: Environment("production"), Target: target, Channel: "C0REFRESH",
		By: refresh.Person{ID: "U0BOB", Name: "Bob"}, Reason: "month end", Troubleshooters: []string{"U0ADA"},
		Settings: refresh.Settings{Notice: 15 * time.Minute, Downtime: 2 * time.Hour, Postpone: time.Hour, Settle: 2 * time.Minute, Retry: 30 * time.Second},
		Plan: []refresh.Spec{
			{ID: "preflight", Phase: refresh.PhasePrepare, Kind: refresh.KindPreflight, Name: "Preflight"},
			{ID: "approval", Phase: refresh.PhasePrepare, Kind: refresh.KindApproval, Name: "Approval", Policy: approvers},
			{ID: "announce", Phase: refresh.PhasePrepare, Kind: refresh.KindAnnounce, Name: "Announce"},
			{ID: "notice", Phase: refresh.PhasePrepare, Kind: refresh.KindNotice, Name: "Notice"},
			{ID: "copy", Phase: refresh.PhaseRefresh, Kind: refresh.KindCopy, Name: "Copy"},
			{ID: "follow", Phase: refresh.PhaseRefresh, Kind: refresh.KindFollow, Name: "Follow"},
			{ID: "email", Phase: refresh.PhaseReconfigure, Kind: refresh.KindEmail, Name: "E-mail", Params: json.RawMessage(`{"server": "smtp.contoso.com"}`)},
			{ID: "jobs", Phase: refresh.PhaseReconfigure, Kind: refresh.KindBatchJobs, Name: "Batch jobs"},
		},
	}
}

// Decide makes the commit that follows from the input. r is the zero Refresh before a Request. It fails the
// test when the input is refused.
func Decide(t testing.TB, r refresh.Refresh, in refresh.Input, at time.Time, key string) engine.Commit {
	t.Helper()
	c, err := decide(r, in, at, key)
	if err != nil {
		t.Fatalf("decide %T on %s at version %d: %v", in, r.ID, r.Version, err)
	}
	return c
}

func decide(r refresh.Refresh, in refresh.Input, at time.Time, key string) (engine.Commit, error) {
	events, err := refresh.Decide(r, in, refresh.Now{Time: at, Nonce: "n" + at.Format("150405.000000000")})
	if err != nil {
		return engine.Commit{}, err
	}
	return Commit(r, events, at, key), nil
}

// Commit is the commit of the events on r.
func Commit(r refresh.Refresh, events []refresh.Event, at time.Time, key string) engine.Commit {
	c := engine.Commit{Row: r, Base: r.Version, Events: events, At: at, Key: key}
	for _, e := range events {
		c.Row = refresh.Apply(c.Row, e, at)
	}
	return c
}

// Cancel is the requester's own.
func Cancel() refresh.Cancel {
	return refresh.Cancel{By: refresh.Actor{Person: refresh.Person{ID: "U0BOB", Name: "Bob"}}, Reason: "not today"}
}
