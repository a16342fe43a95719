package phases_test

import (
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// stake is what a refresh by that recipe would do away with.
func (b *bench) stake(r phases.Recipe) refresh.Outcome {
	b.t.Helper()
	req := b.request(nil)
	var err error
	if req.Plan, err = phases.Plan(r); err != nil {
		b.t.Fatal(err)
	}
	return refresh.Outcome{Findings: b.p.AtStake(b.t.Context(), req)}
}

// ownApplication gives uat an application and a document server of its own.
func ownApplication(e *cloudsim.Environment) {
	e.AADClients = append(e.AADClients, cloudsim.AADClient{ClientID: "0e0e0e0e-1111-4222-8333-444455556666", Name: "Uat reports", UserID: "ANNA"})
	e.Email.User = "uat@contoso.com"
}

func TestWhatIsAtStakeAndWrittenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Mutate("uat", ownApplication)
	o := b.stake(phases.Recipe{
		Keep: []phases.Area{phases.AreaBatchJobs, phases.AreaBatchGroups, phases.AreaEmail, phases.AreaEntraApplications, phases.AreaDocumentParameters},
		Items: []phases.Item{
			{Kind: refresh.KindOData, Name: "Documents", Params: phases.ODataParams{Record: refresh.Record{Entity: "DocumentParameters"}}},
		},
		Users: phases.UsersParams{Restore: true, Roles: true},
	})
	b.good(o, "Data", "everything entered in uat since its database was last replaced, in every legal entity. It is lost for good")
	b.good(o, "Users who can sign in", "8 users: ANNA (anna@contoso.com)")
	b.good(o, "Users who can sign in", "refreshbot lets in again whom prod knows, with the roles they have now. Not in prod, and so lost: TRAIN01, TRAIN02, TRAIN03")
	b.good(o, "Batch jobs", "refreshbot writes them back, but for 1 that prod does not have: Test data generator")
	b.good(o, "Batch groups", "3 assignments to servers: MRP on BATCH1, the default group on BATCH1, the default group on BATCH2. refreshbot writes them back")
	b.good(o, "E-mail server", "smtp-test.contoso.com, port 2525. refreshbot writes it back, and asks for the password of uat@contoso.com, which cannot be read")
	b.good(o, "Entra applications", "Uat reports. refreshbot writes them back")
	b.good(o, "Document parameters", "other than in prod for 3 legal entities: DefaultSharePointServer contoso-test.sharepoint.com, WebAppsServerURL https://office-uat.contoso.com. refreshbot writes them back; then it changes one record of DocumentParameters")
}

func TestWhatIsAtStakeAndOffered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.stake(phases.Recipe{
		Items: []phases.Item{{Kind: refresh.KindEmail, Name: "E-mail", Params: phases.EmailParams{EmailParameters: refresh.EmailParameters{Server: "smtp", Port: 25}}}},
		Users: phases.UsersParams{Restore: true},
	})
	b.good(o, "Users who can sign in", "refreshbot lets in again whom prod knows, with the roles they have in prod")
	b.good(o, "Batch jobs", "refreshbot offers to write them back, but for 1 that prod does not have: Test data generator")
	b.good(o, "Batch groups", "refreshbot offers to write them back")
	b.good(o, "E-mail server", "refreshbot offers to write it back; then it sets the outgoing e-mail server to smtp, port 25")
}

func TestWhatIsAtStakeAndLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Mutate("uat", ownApplication)
	o := b.stake(phases.Recipe{
		Keep:  []phases.Area{phases.AreaUsers},
		Items: []phases.Item{{Kind: refresh.KindBatchJobs, Name: "Jobs", Params: phases.BatchJobsParams{ToWaiting: []string{"Workflow*"}}}},
	})
	b.good(o, "Users who can sign in", "All are disabled by the copy, until somebody lets them in again")
	b.good(o, "Batch jobs", ". refreshbot sets batch jobs to Waiting: Workflow*")
	b.good(o, "Batch groups", "Lost: nothing writes them back")
	b.good(o, "E-mail server", "Lost: nothing writes it back")
	b.good(o, "Entra applications", "Lost: nothing writes them back")
	b.good(o, "Document parameters", "Lost: nothing writes them back")
}

func TestAnEnvironmentWithNothingOfItsOwnLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prod := b.Snapshot("prod")
	b.Mutate("uat", func(e *cloudsim.Environment) {
		e.Users, e.BatchJobs, e.BatchGroups, e.Email = e.Users[:2], nil, nil, cloudsim.EmailParameters{}
		e.AADClients, e.DocumentParameters = prod.AADClients, prod.DocumentParameters
	})
	o := b.stake(phases.Recipe{})
	for name, says := range map[string]string{
		"Users who can sign in": "nobody but the admin", "Batch jobs": "none is waiting", "Batch groups": "none is assigned to a server",
		"E-mail server": "none is set", "Entra applications": "0 applications that prod does not have", "Document parameters": "the same as in prod",
	} {
		b.good(o, name, says)
	}
}

func TestWhatIsAtStakeIsSaidAsFarAsItCanBeRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Fail("uat", "", cloudsim.Fault{Status: 503, Times: -1})
	o := b.stake(phases.Recipe{})
	b.good(o, "Data", "everything")
	b.bad(o, "Users and settings", "uat could not be read")
	if len(o.Findings) != 2 {
		t.Errorf("one reason is said several times: %+v", o.Findings)
	}

	b.ClearFaults()
	b.Fail("uat", "BatchJobs", cloudsim.Fault{Status: 503, Times: -1})
	o = b.stake(phases.Recipe{})
	b.bad(o, "Batch jobs", "does not answer")
	b.good(o, "Users who can sign in", "ANNA")

	b.ClearFaults()
	b.Fail("prod", "", cloudsim.Fault{Status: 403, Times: -1})
	o = b.stake(phases.Recipe{})
	b.good(o, "Users who can sign in", "Which of them prod has could not be read")
	b.good(o, "Batch jobs", "Which of them prod has could not be read")
	b.good(o, "E-mail server", "smtp-test.contoso.com")
	b.bad(o, "Document parameters", "does not let this app do that")

	gone := b.request(nil)
	gone.Target.Name = "sit"
	o.Findings = b.p.AtStake(t.Context(), gone)
	b.bad(o, "What will be lost", "sit")
}
