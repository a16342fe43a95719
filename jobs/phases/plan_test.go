package phases_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

func written(t *testing.T, r phases.Recipe) string {
	t.Helper()
	plan, err := phases.Plan(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := refresh.CheckPlan(plan); err != nil {
		t.Errorf("the plan contradicts itself: %v", err)
	}
	var lines []string
	for _, s := range plan {
		l := fmt.Sprintf("%-11s %-12s %-12s %s", s.Phase, s.ID, s.Kind, s.Name)
		if s.Policy != nil {
			l += fmt.Sprintf(" by %v", *s.Policy)
		}
		if s.Params != nil && s.ID != "rest" {
			l += " " + string(s.Params)
		}
		if s.Group != "" {
			l += fmt.Sprintf(" if installed %v, on failure %s, %d retries, in %s", s.IfInstalled, s.OnFailure, s.Retries, s.Group)
		}
		if s.After != nil {
			l += fmt.Sprintf(" after %v", s.After)
		}
		lines = append(lines, l)
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestThePlanOfARecipe(t *testing.T) {
	t.Parallel()
	who := refresh.Policy{By: []string{"S0RELEASE"}, Count: 2, Expires: 24 * time.Hour}
	got := written(t, phases.Recipe{
		Approve: who, SignOff: &refresh.Policy{By: []string{"U0BEN"}, Count: 1}, Open: &refresh.Policy{By: []string{"U0BEN"}, Count: 1},
		Items: []phases.Item{
			{Kind: refresh.KindBatchGroups, Name: "Batch groups", Params: phases.BatchGroupsParams{Groups: []phases.BatchGroup{{Group: "MRP", Servers: []string{"BATCH1"}}}}},
			{Kind: refresh.KindEmail, Name: "E-mail", Params: phases.EmailParams{EmailParameters: refresh.EmailParameters{Server: "smtp", Port: 25, User: "erp"}, Secret: "env:SMTP"}},
			{Kind: refresh.KindManual, Name: "Help", Params: phases.ManualParams{Text: "Reconnect"}},
			{
				Kind: refresh.KindService, Name: "Search", Params: phases.ServiceParams{Path: "A/B/c", Expect: []byte("null"), Timeout: time.Minute},
				IfInstalled: true, OnFailure: refresh.FailureContinues, Retries: 2, Group: "parallel-1",
			},
			{Kind: refresh.KindPackage, Name: "Texts", Params: phases.PackageParams{File: "a.zip", DefinitionGroup: "G", LegalEntity: "usmf"}},
		},
		Keep:  []phases.Area{phases.AreaUsers, phases.AreaUserRoles, phases.AreaBatchJobs, phases.AreaEmail},
		Guard: []phases.Probe{{Name: "Mail", Entity: "EmailParameters", Where: map[string]any{"SMTPPortNumber": 25}}},
		Users: phases.UsersParams{Enable: []string{"ANNA"}, Restore: true},
	})
	want := `prepare     preflight    preflight    Preflight checks
prepare     approval     approval     Approval by {[S0RELEASE] 2 24h0m0s}
prepare     blackouts    blackouts    Look for blackouts
prepare     announce     announce     Announce the downtime in the channel
prepare     broadcast    broadcast    Broadcast the downtime in the target
prepare     notice       notice       Notice period
refresh     final-checks preflight    Final checks
refresh     snapshot     snapshot     Snapshot of the target's own settings
refresh     copy         copy         Start the copy
refresh     follow       follow       Follow the copy
sign_off    smoke        smoke        Smoke checks
sign_off    sign-off     sign_off     Sign-off by {[U0BEN] 1 0s}
reconfigure keep-batch_jobs restore      Batch jobs as before {"area":"batch_jobs"}
reconfigure keep-email   restore      E-mail parameters as before {"area":"email"}
reconfigure set-1        batch_groups Batch groups {"groups":[{"group":"MRP","servers":["BATCH1"]}]}
reconfigure set-2        email        E-mail {"Server":"smtp","Port":25,"User":"erp","RequireSSL":false,"secret":"env:SMTP"} after [keep-email]
reconfigure set-3        manual       Help {"text":"Reconnect"}
reconfigure set-4        service      Search {"path":"A/B/c","expect":null,"timeout":60000000000} if installed true, on failure continue, 2 retries, in parallel-1 after [keep-batch_jobs keep-email]
reconfigure set-5        package      Texts {"file":"a.zip","definition_group":"G","legal_entity":"usmf"} after [keep-batch_jobs keep-email]
reconfigure rest         manual       What else a refresh resets
open        guard        guard        Nothing of the source's may be left {"probes":[{"name":"Mail","entity":"EmailParameters","where":{"SMTPPortNumber":25}}]}
open        preview      preview_users Preview of the users to let in {"enable":["ANNA"],"restore":true}
open        open         open_gate    Let users in by {[U0BEN] 1 0s}
open        enable       enable_users Enable users {"enable":["ANNA"],"restore":true}
open        verify       verify_users Verify users
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestTheShortestPlan(t *testing.T) {
	t.Parallel()
	got := written(t, phases.Recipe{Approve: refresh.Policy{By: []string{"U0BEN"}, Count: 1}})
	for _, s := range []string{"preview", "guard", "keep-email", "enable", "set-"} {
		if strings.Contains(got, s) {
			t.Errorf("the plan has %q, which the recipe does not ask for:\n%s", s, got)
		}
	}
	if !strings.Contains(got, "snapshot") {
		t.Errorf("after the copy it is too late for a snapshot:\n%s", got)
	}
	if strings.Contains(got, "sign-off") || strings.Contains(got, "open ") {
		t.Errorf("the plan asks for more than the recipe:\n%s", got)
	}
	if !strings.Contains(got, "approval") || !strings.Contains(got, "smoke") {
		t.Errorf("the plan leaves out what is never left out:\n%s", got)
	}
}

func TestAPlanThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	if _, err := phases.Plan(phases.Recipe{Items: []phases.Item{{Name: "Odd", Params: func() {}}}}); err == nil || !strings.Contains(err.Error(), "Odd") {
		t.Errorf("got %v", err)
	}
}

// What a refresh resets and nothing of the recipe sets again is on the list that a person works off.
func TestNothingIsSilentlyLeft(t *testing.T) {
	t.Parallel()
	list := func(r phases.Recipe) string {
		t.Helper()
		r.Approve = refresh.Policy{By: []string{"U0BEN"}, Count: 1}
		plan, err := phases.Plan(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range plan {
			if s.ID == "rest" {
				return string(s.Params)
			}
		}
		t.Fatal("no list of what is left")
		return ""
	}
	all := []string{"Batch groups", "batch jobs", "mail server", "Entra applications", "Document management", "entity store", "LCS Help", "Attachments", "Print management", "Encrypted", "dual-write", "SQL firewall"}
	for _, line := range all {
		if got := list(phases.Recipe{Keep: []phases.Area{phases.AreaUsers}}); !strings.Contains(got, line) {
			t.Errorf("%q is silently left: %s", line, got)
		}
	}
	got := list(phases.Recipe{
		Keep:  []phases.Area{phases.AreaBatchJobs, phases.AreaEntraApplications, phases.AreaDocumentParameters, phases.AreaBatchGroups},
		Items: []phases.Item{{Kind: refresh.KindEmail, Name: "E-mail"}, {Kind: refresh.KindEntityStore, Name: "Store"}, {Kind: refresh.KindParameters, Name: "Help"}},
	})
	for i, line := range all {
		if covered := i < 7; strings.Contains(got, line) == covered {
			t.Errorf("%q: on the list although it is done, or the other way round: %s", line, got)
		}
	}
}
