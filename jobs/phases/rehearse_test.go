package phases_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// request is the refresh that the bench's is, before anybody has asked for it.
func (b *bench) request(users *phases.UsersParams) refresh.Request {
	b.t.Helper()
	r := phases.Recipe{Approve: refresh.Policy{By: []string{"S0RELEASE"}, Count: 1}}
	if users != nil {
		r.Users = *users
	}
	plan, err := phases.Plan(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return refresh.Request{Source: b.r.Source, Target: b.r.Target, Plan: plan, Settings: refresh.Settings{Notice: 30 * time.Minute, Downtime: 4 * time.Hour}}
}

// After the copy the target has the source's users, so who is known there is what counts.
func TestTheGuestsAreUsersOfTheSource(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Mutate("uat", func(e *cloudsim.Environment) {
		e.Users = append(e.Users, cloudsim.User{ID: "UATONLY", Alias: "uatonly@contoso.com", Name: "Only here", Enabled: true})
	})
	o := b.p.Guests(t.Context(), b.request(&phases.UsersParams{Enable: []string{"anna@contoso.com", "UATONLY"}}))
	b.want(o, refresh.Succeeded, "", "1 user would be let in; 1 name unknown to prod")
	b.bad(o, "UATONLY", "is no user of prod")

	o = b.p.Guests(t.Context(), b.request(&phases.UsersParams{Restore: true}))
	b.want(o, refresh.Succeeded, "", "users would be let in", "unknown to prod")
	b.bad(o, "UATONLY", "enabled now")

	if o = b.p.Guests(t.Context(), b.request(nil)); o.Note != "Nobody is let in" {
		t.Errorf("without users: %+v", o)
	}
	b.Fail("prod", "", cloudsim.Fault{Status: 503, Times: -1})
	b.want(b.p.Guests(t.Context(), b.request(&phases.UsersParams{Enable: []string{"ANNA"}})), refresh.Failure, refresh.Offline, "listing the users")
}

func TestTheChecksOfADryRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.p.Checks(t.Context(), b.request(nil))
	b.want(o, refresh.Succeeded, "", "checks passed")
	b.start()
	o = b.p.Checks(t.Context(), b.request(nil))
	b.want(o, refresh.Failure, refresh.Refused, "Nothing runs on uat")
}

// Looking ahead writes nothing anywhere.
func TestLookingAheadOnlyReads(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	req := b.request(&phases.UsersParams{Enable: []string{"ANNA"}, Restore: true, Role: "Trainee"})
	before := len(b.Calls())
	b.p.AtStake(t.Context(), req)
	b.p.Guests(t.Context(), req)
	b.p.Checks(t.Context(), req)
	for _, r := range b.Calls()[before:] {
		if r.Method != "GET" && r.Host != "entra" {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}
}

// Every kind of step says what it would do, in words that name what it is set to and nothing secret.
func TestEveryKindOfStepSaysWhatItWouldDo(t *testing.T) {
	t.Parallel()
	p := phases.New(phases.Options{})
	req := refresh.Request{Source: refresh.Environment{Name: "prod"}, Target: refresh.Environment{Name: "uat"}, Settings: refresh.Settings{Notice: 30 * time.Minute, Downtime: 4 * time.Hour}}
	params := map[refresh.Kind]struct {
		params any
		says   string
	}{
		refresh.KindNotice:      {nil, "30 min"},
		refresh.KindAnnounce:    {nil, "about 4 h"},
		refresh.KindCopy:        {nil, "overwrite the database of uat with that of prod"},
		refresh.KindBatchGroups: {phases.BatchGroupsParams{Groups: []phases.BatchGroup{{Group: "MRP", Servers: []string{"BATCH1"}}, {}}}, "MRP on BATCH1; the default group on every batch server"},
		refresh.KindBatchJobs:   {phases.BatchJobsParams{ToWaiting: []string{"Workflow*"}}, "Workflow*"},
		refresh.KindEmail:       {phases.EmailParams{EmailParameters: refresh.EmailParameters{Server: "smtp", Port: 587}, Secret: "env:SECRET"}, "smtp, port 587, with its password"},
		refresh.KindService:     {phases.ServiceParams{Path: "A/B/c"}, "A/B/c"},
		refresh.KindOData:       {phases.ODataParams{Rows: []refresh.Record{{Entity: "Parties"}, {Entity: "Parties"}}, Insert: true}, "adds 2 records of Parties"},
		refresh.KindManual:      {phases.ManualParams{Text: "Choose the library\nand more"}, "asks a person: Choose the library"},
		refresh.KindRestore:     {phases.RestoreParams{Area: phases.AreaBatchJobs}, "writes back what the snapshot holds of them"},
		refresh.KindEntityStore: {phases.EntityStoreParams{Entities: []string{"CustTransactions"}}, "CustTransactions"},
		refresh.KindParameters:  {phases.SystemParams{HelpLibrary: "UAT help"}, "UAT help"},
		refresh.KindEncrypted:   {phases.EncryptedParams{EncryptedField: refresh.EncryptedField{Table: "T", Field: "F"}, Secret: "env:SECRET"}, "T.F"},
		refresh.KindPackage:     {phases.PackageParams{File: "setup.zip", LegalEntity: "usmf"}, "setup.zip into usmf"},
		refresh.KindHTTP:        {phases.HTTPParams{Method: "POST", URL: "https://hooks.example.com/services/SECRET?key=SECRET", Secrets: map[string]string{"K": "env:SECRET"}}, "hooks.example.com"},
		refresh.KindGuard:       {phases.GuardParams{Probes: []phases.Probe{{Name: "Mail server of production"}}}, "Mail server of production"},
		refresh.KindEnable:      {phases.UsersParams{Roles: true}, "gives them the roles"},
	}
	for _, kind := range kinds(t) {
		s := refresh.Spec{ID: "s", Kind: kind, Policy: &refresh.Policy{By: []string{"U1"}, Count: 1, Expires: 24 * time.Hour}}
		want := params[kind]
		if want.params != nil {
			data, err := json.Marshal(want.params)
			if err != nil {
				t.Fatal(err)
			}
			s.Params = data
		}
		got := p.Would(req, s)
		if got == "" || strings.Contains(got, "not known to this version") || strings.Contains(got, "cannot be read") || strings.Contains(got, "SECRET") || !strings.Contains(got, want.says) {
			t.Errorf("%s %q, want %q", kind, got, want.says)
		}
	}
	if got := p.Would(req, refresh.Spec{Kind: refresh.KindEmail, Params: json.RawMessage("[")}); !strings.Contains(got, "cannot be read") {
		t.Errorf("with broken parameters: %q", got)
	}
	for _, tc := range []struct {
		s    refresh.Spec
		says string
	}{
		{refresh.Spec{Kind: refresh.KindSmoke, OnFailure: refresh.FailureContinues}, "goes on when it fails"},
		{refresh.Spec{Kind: refresh.KindSmoke, OnFailure: refresh.FailureStops}, "ends the refresh"},
		{refresh.Spec{Kind: refresh.KindSmoke, IfInstalled: true}, "skipped where it is not installed"},
		{refresh.Spec{Kind: refresh.KindSmoke, IfInstalled: true, OnFailure: refresh.FailureContinues}, "skipped where it is not installed; goes on when it fails"},
		{refresh.Spec{Kind: refresh.KindApproval, Policy: &refresh.Policy{Count: 2}}, "2 of those named"},
	} {
		if got := p.Would(req, tc.s); !strings.Contains(got, tc.says) {
			t.Errorf("%q, want %q", got, tc.says)
		}
	}
}

// kinds are the kinds of step that the domain declares.
func kinds(t *testing.T) (all []refresh.Kind) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../refresh/step.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Kind" {
				all = append(all, refresh.Kind(strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)))
			}
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("%d kinds", len(all))
	}
	return all
}
