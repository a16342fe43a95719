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
		if s.Params != nil {
			l += " " + string(s.Params)
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
			{Kind: refresh.KindEmail, Name: "E-mail", Params: refresh.EmailParameters{Server: "smtp", Port: 25}},
			{Kind: refresh.KindManual, Name: "Help", Params: phases.ManualParams{Text: "Reconnect"}},
		},
		Users: []string{"ANNA"},
	})
	want := `prepare     preflight    preflight    Preflight checks
prepare     approval     approval     Approval by {[S0RELEASE] 2 24h0m0s}
prepare     announce     announce     Announce the downtime in the channel
prepare     broadcast    broadcast    Broadcast the downtime in the target
prepare     notice       notice       Notice period
refresh     final-checks preflight    Final checks
refresh     copy         copy         Start the copy
refresh     follow       follow       Follow the copy
sign_off    smoke        smoke        Smoke checks
sign_off    sign-off     sign_off     Sign-off by {[U0BEN] 1 0s}
reconfigure set-1        batch_groups Batch groups {"groups":[{"group":"MRP","servers":["BATCH1"]}]}
reconfigure set-2        email        E-mail {"Server":"smtp","Port":25,"User":"","RequireSSL":false}
reconfigure set-3        manual       Help {"text":"Reconnect"}
open        open         open_gate    Let users in by {[U0BEN] 1 0s}
open        enable       enable_users Enable users {"enable":["ANNA"]}
open        verify       verify_users Verify users {"enable":["ANNA"]}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestTheShortestPlan(t *testing.T) {
	t.Parallel()
	got := written(t, phases.Recipe{Approve: refresh.Policy{By: []string{"U0BEN"}, Count: 1}})
	if strings.Contains(got, "sign-off") || strings.Contains(got, "reconfigure") || strings.Contains(got, "open ") {
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
