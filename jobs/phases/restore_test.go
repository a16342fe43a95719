package phases_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

func (b *bench) restore(area phases.Area) refresh.Outcome {
	b.t.Helper()
	return b.perform(refresh.KindRestore, phases.RestoreParams{Area: area})
}

// asBefore are the parts of an environment that are to be after a refresh as they were before it.
func asBefore(e cloudsim.Environment) map[phases.Area]any {
	groups := slices.DeleteFunc(e.BatchGroups, func(g cloudsim.BatchGroup) bool {
		return g.ServerID == "" || g.GroupID == "EDI" || g.GroupID == "WORKFLOW" // groups that only the source has stay
	})
	slices.SortFunc(groups, func(a, b cloudsim.BatchGroup) int {
		return cmp.Or(cmp.Compare(a.GroupID, b.GroupID), cmp.Compare(a.ServerID, b.ServerID))
	})
	slices.SortFunc(e.AADClients, func(a, b cloudsim.AADClient) int { return cmp.Compare(a.ClientID, b.ClientID) })
	e.Email.PasswordSet = false // nobody can read it
	return map[phases.Area]any{
		phases.AreaBatchGroups: groups, phases.AreaEmail: e.Email, phases.AreaEntraApplications: e.AADClients,
		phases.AreaDocumentParameters: e.DocumentParameters,
	}
}

func TestEachAreaIsAfterTheRefreshAsItWasBefore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := asBefore(b.Snapshot("uat"))
	b.remember()
	b.refreshed()
	for area, was := range before {
		if gocmp.Equal(was, asBefore(b.Snapshot("uat"))[area]) {
			t.Errorf("the refresh has not touched %s", area)
		}
	}
	b.want(b.restore(phases.AreaBatchGroups), refresh.Succeeded, "", "3 assignments added, 0 in place")
	b.want(b.restore(phases.AreaEmail), refresh.ByHand, "", "Type in the SMTP password of uat@contoso.com")
	b.want(b.restore(phases.AreaDocumentParameters), refresh.Succeeded, "", "3 records of DocumentParameters as before")
	b.want(b.restore(phases.AreaEntraApplications), refresh.Succeeded, "", "1 application added, 2 of the source's removed")
	for area, is := range asBefore(b.Snapshot("uat")) {
		if diff := gocmp.Diff(before[area], is); diff != "" {
			t.Errorf("%s (-before +after):\n%s", area, diff)
		}
	}
	// Everything may be done twice.
	b.want(b.restore(phases.AreaBatchGroups), refresh.Succeeded, "", "0 assignments added, 3 in place")
	b.want(b.restore(phases.AreaDocumentParameters), refresh.Succeeded, "", "0 records")
	b.want(b.restore(phases.AreaEntraApplications), refresh.Succeeded, "", "0 applications added, 0 of the source's removed")
}

func TestTheJobsThatWaitedWaitAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	waited := b.jobs("Waiting")
	b.remember()
	b.refreshed()
	o := b.restore(phases.AreaBatchJobs)
	b.want(o, refresh.Succeeded, "", "set to Waiting", "1 not there: Test data generator")
	b.good(o, "Test data generator", "no longer exists in usmf: the source has no such job")
	slices.Sort(waited)
	got := b.jobs("Waiting")
	slices.Sort(got)
	if want := slices.DeleteFunc(waited, func(s string) bool { return s == "Test data generator" }); !slices.Equal(got, want) {
		t.Errorf("waiting: %q, want %q", got, want)
	}
	b.want(b.restore(phases.AreaBatchJobs), refresh.Succeeded, "", "0 batch jobs set to Waiting")
	b.SetBatchBehaviour(cloudsim.BatchBehaviour{WithholdRefused: true})
	b.Mutate("uat", func(e *cloudsim.Environment) {
		for i := range e.BatchJobs {
			e.BatchJobs[i].Status = "Hold"
		}
	})
	b.want(b.restore(phases.AreaBatchJobs), refresh.Failure, refresh.Refused, "Set it by hand")
}

func TestNothingToWriteBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Mutate("uat", func(e *cloudsim.Environment) {
		e.BatchGroups, e.DocumentParameters, e.Email.User = nil, nil, ""
		for i := range e.BatchJobs {
			e.BatchJobs[i].Status = "Hold"
		}
	})
	b.remember()
	for area, says := range map[phases.Area]string{
		phases.AreaBatchJobs: "0 batch jobs", phases.AreaBatchGroups: "0 assignments", phases.AreaEmail: "0 records of EmailParameters",
		phases.AreaEntraApplications: "0 applications added", phases.AreaDocumentParameters: "0 records of DocumentParameters",
	} {
		b.want(b.restore(area), refresh.Succeeded, "", says)
	}
	b.want(b.restore("colours"), refresh.Failure, refresh.Internal, "colours")
}

func TestARecordThatIsRefusedIsNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.remember()
	b.refreshed()
	b.Fail("uat", "dataAreaId='usmf'", cloudsim.Fault{Method: "PATCH", Status: 400, Times: -1})
	o := b.restore(phases.AreaDocumentParameters)
	b.want(o, refresh.Failure, refresh.Refused, "DocumentParameters usmf, 0")
	b.good(o, "DocumentParameters demf, 0", "WebAppsServerURL as before")
	b.Fail("uat", "BatchGroups", cloudsim.Fault{Method: "POST", Status: 503, Times: -1})
	b.want(b.restore(phases.AreaBatchGroups), refresh.Failure, refresh.Offline)
}

func TestTheMailServersPasswordIsAskedForOnlyOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.remember()
	b.refreshed()
	b.r.Steps = []refresh.Step{{Spec: refresh.Spec{ID: "set-1", Kind: refresh.KindEmail}}} // an item sets it
	b.want(b.restore(phases.AreaEmail), refresh.Succeeded, "", "1 record of EmailParameters")
}

func (b *bench) mapping() string {
	for _, c := range b.Snapshot("uat").AADClients {
		if strings.EqualFold(c.ClientID, b.AppID()) {
			return c.UserID
		}
	}
	return ""
}

func TestTheBotsOwnRegistrationComesLast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.remember()
	b.refreshed()
	if got := b.mapping(); got != "DBMovementAPI" {
		t.Fatalf("the bot acts as %s after the copy, want the source's mapping", got)
	}
	from := len(b.Calls())
	b.want(b.restore(phases.AreaEntraApplications), refresh.Succeeded, "")
	if got := b.mapping(); got != "Admin" {
		t.Errorf("the bot acts as %s, want Admin as before", got)
	}
	var writes []string
	for _, c := range b.Calls()[from:] {
		if c.Host == "uat" && c.Method != "GET" {
			writes = append(writes, c.Method+" "+c.Path)
		}
		if c.Method == "DELETE" && strings.Contains(strings.ToLower(c.Path), strings.ToLower(b.AppID())) {
			t.Error("the bot deleted its own registration")
		}
	}
	if len(writes) != 4 || !strings.HasPrefix(writes[3], "PATCH ") || !strings.Contains(writes[3], b.AppID()) {
		t.Errorf("writes: %q, want the bot's own last", writes)
	}
}

func TestTheBotsOwnRegistrationStaysThoughTheTargetHadNone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.remember()
	data := b.journal[1].Event.(refresh.SnapshotTaken)
	data.Data = []byte(strings.ReplaceAll(string(data.Data), b.AppID(), "44440000-0000-4000-8000-000000000001"))
	b.journal[1].Event = data
	b.refreshed()
	b.want(b.restore(phases.AreaEntraApplications), refresh.Succeeded, "", "2 applications added, 2 of the source's removed")
	if b.mapping() == "" {
		t.Error("the bot cannot sign in any more")
	}
}

func TestAnApplicationOfAUserWhomTheSourceDoesNotHave(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.AddApp("uat", "55550000-0000-4000-8000-000000000001", "TRAIN01")
	b.remember()
	b.refreshed()
	o := b.restore(phases.AreaEntraApplications)
	b.want(o, refresh.Failure, refresh.Refused, "55550000-0000-4000-8000-000000000001", "TRAIN01")
	b.good(o, "EDI hub (test)", "added, as ANNA")
	b.good(o, "EDI hub (production)", "came from the source and is removed")
	if got := b.mapping(); got != "Admin" {
		t.Errorf("the bot acts as %s, want Admin whatever else fails", got)
	}
}

func TestTheBotsOwnRegistrationIsLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.remember()
	b.refreshed()
	b.RemoveApp("uat", b.AppID())
	b.want(b.restore(phases.AreaEntraApplications), refresh.Failure, refresh.Denied, "Microsoft Entra applications")
}

// Where the configuration says nothing about keeping, the snapshot is offered, and used once somebody wants it.
func TestTheSnapshotIsOfferedWhereNothingIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := asBefore(b.Snapshot("uat"))
	b.remember()
	b.refreshed()
	plan, err := phases.Plan(phases.Recipe{Approve: refresh.Policy{By: []string{"U0BEN"}, Count: 1}})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(plan, func(s refresh.Spec) bool { return s.Kind == refresh.KindRestore })
	if i < 0 {
		t.Fatal("a plan that keeps nothing offers nothing")
	}
	step := refresh.Step{Spec: plan[i]}
	o := b.p.Perform(t.Context(), b.r, step)
	b.want(o, refresh.Offered, "", "does not say what to keep", "6 batch jobs waiting", "2 Entra applications")
	if gocmp.Equal(before, asBefore(b.Snapshot("uat"))) {
		t.Error("it was written back before anybody wanted it")
	}
	b.r.Gates = []refresh.Gate{{ID: "keep-offer.1", Step: step.ID, Kind: refresh.GateOffer, Outcome: refresh.ActionRetry}}
	b.want(b.p.Perform(t.Context(), b.r, step), refresh.Succeeded, "", "batch jobs set to Waiting", "1 application added")
	for area, is := range asBefore(b.Snapshot("uat")) {
		if diff := gocmp.Diff(before[area], is); diff != "" {
			t.Errorf("%s (-before +after):\n%s", area, diff)
		}
	}
}
