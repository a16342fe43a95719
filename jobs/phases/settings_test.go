package phases_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

func TestSmokeChecksOfARealRefresh(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	o := b.perform(refresh.KindSmoke, nil)
	b.want(o, refresh.Succeeded, "", "looks freshly refreshed")
	b.good(o, "Legal entities readable", "3 found")
	b.good(o, "Users disabled", "all but the admin")
	b.good(o, "Batch jobs withheld", "none of")
}

func TestSmokeChecksShowWhatNoRefreshLeavesBehind(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Mutate("uat", func(e *cloudsim.Environment) { e.Companies = nil })
	o := b.perform(refresh.KindSmoke, nil)
	b.want(o, refresh.Succeeded, "", "3 of 3 checks look wrong") // it does not fail: a person decides
	b.bad(o, "Legal entities readable", "none found")
	b.bad(o, "Users disabled", "8 are enabled, which a refresh does not leave behind: ANNA")
	b.bad(o, "Users disabled", "and 3 more")
	b.bad(o, "Batch jobs withheld", "are waiting")
	b.Fail("uat", "BatchJobs", cloudsim.Fault{Status: 503, Times: -1})
	b.want(b.perform(refresh.KindSmoke, nil), refresh.Failure, refresh.Offline)
}

func TestEmailIsWrittenAndReadBack(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	want := phases.EmailParams{EmailParameters: refresh.EmailParameters{Server: "smtp-test.contoso.com", Port: 2525, User: "uat@contoso.com"}}
	b.want(b.perform(refresh.KindEmail, want), refresh.ByHand, "", "smtp-test.contoso.com:2525", "Type in the SMTP password of uat@contoso.com")
	if got := b.Snapshot("uat").Email; got.Server != want.Server || got.Port != want.Port || got.User != want.User || got.RequireSSL != "No" {
		t.Errorf("the target has %+v", got)
	}
	// A write that is accepted and not carried out.
	b.Mutate("uat", func(e *cloudsim.Environment) { e.Email.Server = "" })
	b.Fail("uat", "EmailParameters", cloudsim.Fault{Method: "PATCH", Body: "{}"})
	b.want(b.perform(refresh.KindEmail, want), refresh.Failure, refresh.Refused, "reading them back shows")
	want.User = ""
	b.want(b.perform(refresh.KindEmail, want), refresh.Succeeded, "", "smtp-test.contoso.com:2525.")
	want.Port = 99999
	b.want(b.perform(refresh.KindEmail, want), refresh.Failure, refresh.Refused, "99999")
}

// With priority-based scheduling groups have no servers; only the companion service can tell.
func TestBatchGroupsNeedNoServersWhereJobsAreScheduledByPriority(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.InstallCompanion("uat", true)
	b.Mutate("uat", func(e *cloudsim.Environment) { e.PriorityScheduling = true })
	before := len(b.Snapshot("uat").BatchGroups)
	o := b.perform(refresh.KindBatchGroups, phases.BatchGroupsParams{Groups: []phases.BatchGroup{{Group: "NEW", Servers: []string{"BATCH2"}}}})
	b.want(o, refresh.Succeeded, "", "by priority", "nothing to do")
	if n := len(b.Snapshot("uat").BatchGroups); n != before {
		t.Errorf("%d rows of batch groups, before %d", n, before)
	}
}

func TestBatchGroupsGetTheirServersAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	o := b.perform(refresh.KindBatchGroups, phases.BatchGroupsParams{Groups: []phases.BatchGroup{
		{Group: "", Description: "Default"}, {Group: "mrp", Servers: []string{"BATCH1"}}, {Group: "NEW", Servers: []string{"BATCH2"}},
	}})
	b.want(o, refresh.Succeeded, "", "4 assignments added, 0 in place")
	has := func(group, server string) bool {
		return slices.ContainsFunc(b.Snapshot("uat").BatchGroups, func(g cloudsim.BatchGroup) bool {
			return strings.EqualFold(g.GroupID, group) && g.ServerID == server
		})
	}
	for _, g := range [][2]string{{"", "BATCH1"}, {"", "BATCH2"}, {"MRP", "BATCH1"}, {"NEW", "BATCH2"}} {
		if !has(g[0], g[1]) {
			t.Errorf("group %q does not run on %s", g[0], g[1])
		}
	}
	o = b.perform(refresh.KindBatchGroups, phases.BatchGroupsParams{Groups: []phases.BatchGroup{{Group: "MRP", Servers: []string{"batch1", "PRODBATCH1"}}, {Group: "EDI", Servers: []string{"BATCH2"}}}})
	b.want(o, refresh.Failure, refresh.Refused, "PRODBATCH1")
	b.good(o, "Batch group MRP", "on batch1 already")
	if !has("EDI", "BATCH2") {
		t.Error("a group that is refused holds up the next one")
	}
	b.Mutate("uat", func(e *cloudsim.Environment) { e.BatchServers = nil })
	o = b.perform(refresh.KindBatchGroups, phases.BatchGroupsParams{Groups: []phases.BatchGroup{{Group: ""}}})
	b.bad(o, "Batch group (default)", "no batch server")
}

// jobs returns the target's jobs that are in the status.
func (b *bench) jobs(status string) (names []string) {
	for _, j := range b.Snapshot("uat").BatchJobs {
		if j.Status == status {
			names = append(names, j.Description)
		}
	}
	return names
}

func TestBatchJobsAreSetToWaiting(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	o := b.perform(refresh.KindBatchJobs, phases.BatchJobsParams{ToWaiting: []string{"workflow*", "*processing", "Email distributor batch"}})
	b.want(o, refresh.Succeeded, "", "3 batch jobs set to Waiting")
	want := []string{"Email distributor batch", "Workflow line-item notifications", "Workflow message processing"}
	if got := b.jobs("Waiting"); !slices.Equal(got, want) {
		t.Errorf("waiting: %q, want %q", got, want)
	}
	if len(o.Findings) != 3 {
		t.Errorf("findings: %+v", o.Findings)
	}
	o = b.perform(refresh.KindBatchJobs, phases.BatchJobsParams{ToWaiting: []string{"Email*", "Nightly close", "Bank payment export"}})
	b.want(o, refresh.Failure, refresh.Refused, "Nightly close: no batch job has this description")
	b.bad(o, "Nightly close", "no batch job has this description")
	b.good(o, "Email distributor batch", "waiting already in usmf")
	b.good(o, "Bank payment export", "set to Waiting in usmf")
}

func TestABatchJobThatIsNotReleased(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	one := phases.BatchJobsParams{ToWaiting: []string{"Email distributor batch", "Workflow message processing"}}

	// The action says yes and does nothing, to one of the two.
	b.Fail("uat", "SetBatchJobToWaiting", cloudsim.Fault{Body: `{"value":{"ResponseStatusCode":200,"IsSuccess":true}}`})
	o := b.perform(refresh.KindBatchJobs, one)
	b.want(o, refresh.Failure, refresh.Refused, `Email distributor batch: was set to Waiting, but uat says that it is "Hold"`)
	b.good(o, "Workflow message processing", "set to Waiting")

	// The action refuses and the field cannot be written.
	b.SetBatchBehaviour(cloudsim.BatchBehaviour{WithholdRefused: true})
	o = b.perform(refresh.KindBatchJobs, one)
	b.bad(o, "Email distributor batch", "Set it by hand")
	b.good(o, "Workflow message processing", "waiting already")

	// The field can be written instead.
	b.SetBatchBehaviour(cloudsim.BatchBehaviour{WithholdRefused: true, StatusWritable: true})
	b.want(b.perform(refresh.KindBatchJobs, one), refresh.Succeeded, "", "1 batch job set")

	b.Fail("uat", "SetBatchJobToWaiting", cloudsim.Fault{Status: 503, Times: -1})
	b.want(b.perform(refresh.KindBatchJobs, phases.BatchJobsParams{ToWaiting: []string{"Bank*"}}), refresh.Failure, refresh.Offline)
}

func TestACustomServiceIsCalled(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	call := func(entities ...string) refresh.Outcome {
		return b.perform(refresh.KindService, phases.ServiceParams{
			Path: "ContosoRefresh/PostRefresh/refreshEntityStore", Body: map[string]any{"_request": map[string]any{"Entities": entities}},
		})
	}
	b.want(call("CustTransactions"), refresh.Succeeded, "", "refreshEntityStore answered")
	if got := b.Snapshot("uat").EntityStore; len(got) != 1 || got[0].Entity != "CustTransactions" {
		t.Errorf("entity store: %+v", got)
	}
	b.want(call("NoSuchMeasure"), refresh.Failure, refresh.Refused, "NoSuchMeasure")
	b.Fail("uat", "refreshEntityStore", cloudsim.Fault{DropReply: true})
	b.want(call("SalesOrderCube"), refresh.NotKnown, refresh.Unknown)
	b.want(b.perform(refresh.KindService, phases.ServiceParams{Path: "Nobody/Knows/this"}), refresh.Absent, refresh.NotFound, "is up but has nothing of that name")
}

func TestAnODataRecordIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	rec := phases.ODataParams{}
	rec.Record = refresh.Record{Entity: "DocumentParameters", Key: map[string]any{"dataAreaId": "usmf", "Key": 0}, Set: map[string]any{"WebAppsServerURL": "https://office-uat.contoso.com"}}
	b.want(b.perform(refresh.KindOData, rec), refresh.Succeeded, "", "1 field written to DocumentParameters.")
	for _, d := range b.Snapshot("uat").DocumentParameters {
		if want := d.Company == "usmf"; (d.WebAppsServer == "https://office-uat.contoso.com") != want {
			t.Errorf("%s: %s", d.Company, d.WebAppsServer)
		}
	}
	rec.Set = map[string]any{"NoSuchField": 1}
	b.want(b.perform(refresh.KindOData, rec), refresh.Failure, refresh.Refused, "NoSuchField")
	rec.Entity = "NoSuchEntities"
	b.want(b.perform(refresh.KindOData, rec), refresh.Failure, refresh.NotFound)
}

// enabled returns the people of the target who can sign in.
func (b *bench) enabled() (ids []string) {
	for _, u := range b.Snapshot("uat").Users {
		if u.Enabled && !(refresh.User{ID: u.ID}).ServiceUser() && u.ID != "Admin" && u.ID != "DBMovementAPI" {
			ids = append(ids, u.ID)
		}
	}
	return ids
}

func TestAnODataRecordIsAdded(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	var rec phases.ODataParams
	rec.Insert, rec.Record = true, refresh.Record{Entity: "BatchGroups", Key: map[string]any{"GroupId": "NIGHT", "ServerId": "BATCH1"}, Set: map[string]any{"Description": "At night"}}
	for range 2 { // the second time it is there
		b.want(b.perform(refresh.KindOData, rec), refresh.Succeeded, "", "1 field inserted into BatchGroups.")
	}
	if !slices.Contains(b.Snapshot("uat").BatchGroups, cloudsim.BatchGroup{GroupID: "NIGHT", ServerID: "BATCH1", Description: "At night"}) {
		t.Errorf("batch groups: %+v", b.Snapshot("uat").BatchGroups)
	}
	rec.Key["ServerId"] = "NOSUCH"
	b.want(b.perform(refresh.KindOData, rec), refresh.Failure, refresh.Refused, "NOSUCH")
}

// thirtyGroups are records of which one names a server that is not there.
func thirtyGroups() (rows []refresh.Record) {
	for i := range 30 {
		rows = append(rows, refresh.Record{Entity: "BatchGroups", Key: map[string]any{"GroupId": fmt.Sprintf("G%02d", i), "ServerId": "BATCH1"}, Set: map[string]any{"Description": "At night"}})
	}
	rows[17].Key["ServerId"] = "NOSUCH"
	return rows
}

func TestManyODataRecordsAreAdded(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	want := phases.ODataParams{Record: refresh.Record{Entity: "BatchGroups"}, Rows: thirtyGroups(), Insert: true}
	added := func() (n int) {
		for _, g := range b.Snapshot("uat").BatchGroups {
			if g.Description == "At night" && g.ServerID == "BATCH1" {
				n++
			}
		}
		return n
	}
	for range 2 { // the second time they are there
		o := b.perform(refresh.KindOData, want)
		b.want(o, refresh.Failure, refresh.Refused, "29 records of BatchGroups inserted, 1 refused: GroupId G17, ServerId NOSUCH: ", "NOSUCH")
		if len(o.Findings) != 1 || o.Findings[0].OK || o.Findings[0].Name != "GroupId G17, ServerId NOSUCH" {
			t.Errorf("findings %+v, want the one that was refused", o.Findings)
		}
		if n := added(); n != 29 {
			t.Errorf("%d groups were added, want 29", n)
		}
	}
	batches := 0
	for _, c := range b.Calls() {
		if strings.HasSuffix(c.Path, "/$batch") {
			batches++
		}
	}
	if batches == 0 || batches > 30 {
		t.Errorf("%d batches were sent for twice 30 records", batches)
	}
	want.Rows[17].Key["ServerId"] = "BATCH1" // a person has mended it and pressed Retry
	b.want(b.perform(refresh.KindOData, want), refresh.Succeeded, "", "30 records of BatchGroups inserted.")
	if n := added(); n != 30 {
		t.Errorf("%d groups were added, want 30", n)
	}
}

func TestManyODataRecordsAreChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	const office = "https://office-uat.contoso.com"
	var want phases.ODataParams
	want.Entity = "DocumentParameters"
	for _, company := range []string{"usmf", "demf", "nosuch"} {
		want.Rows = append(want.Rows, refresh.Record{Entity: want.Entity, Key: map[string]any{"dataAreaId": company, "Key": 0}, Set: map[string]any{"WebAppsServerURL": office}})
	}
	b.want(b.perform(refresh.KindOData, want), refresh.Failure, refresh.NotFound, "2 records of DocumentParameters written, 1 refused: Key 0, dataAreaId nosuch: ")
	for _, d := range b.Snapshot("uat").DocumentParameters {
		if named := d.Company == "usmf" || d.Company == "demf"; (d.WebAppsServer == office) != named {
			t.Errorf("%s: %s", d.Company, d.WebAppsServer)
		}
	}
	want.Rows = want.Rows[:1]
	b.want(b.perform(refresh.KindOData, want), refresh.Succeeded, "", "1 record of DocumentParameters written.")
	b.Fail("uat", "$batch", cloudsim.Fault{Status: http.StatusUnauthorized, Times: -1})
	b.want(b.perform(refresh.KindOData, want), refresh.Failure, refresh.Denied)
}

// A mistake in every record does not fill the journal.
func TestManyRefusedODataRecordsAreCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	want := phases.ODataParams{Record: refresh.Record{Entity: "BatchGroups"}, Insert: true}
	for i := range 120 {
		want.Rows = append(want.Rows, refresh.Record{Entity: "BatchGroups", Key: map[string]any{"GroupId": fmt.Sprint("G", i), "ServerId": "NOSUCH"}, Set: map[string]any{"Description": "x"}})
	}
	o := b.perform(refresh.KindOData, want)
	b.want(o, refresh.Failure, refresh.Refused, "0 records of BatchGroups inserted, 120 refused: GroupId G0, ServerId NOSUCH: ", "(and 119 more)")
	if n := len(o.Findings); n != 101 || o.Findings[100].Detail != "and 20 more" || o.Findings[100].OK {
		t.Errorf("%d findings, the last %+v", n, o.Findings[n-1])
	}
}

func TestTheAnswerOfACustomService(t *testing.T) {
	t.Parallel()
	const path = "ContosoRefresh/PostRefresh/refreshEntityStore"
	for _, tc := range []struct {
		expect, answer string
		ok             bool
	}{
		{`{"Success":true}`, `{"$id":"1","Success":true,"Message":"2 done"}`, true},
		{`{"Success":true}`, `{"$id":"1","Success":false}`, false},
		{`{"Success":true}`, `{"$id":"1"}`, false},
		{`{"Success":true}`, `null`, false},
		{`{"A":{"B":[1,{"C":2}]}}`, `{"A":{"$id":"2","B":[1,{"$id":"3","C":2.0}]}}`, true},
		{`{"A":[1]}`, `{"A":[1,2]}`, false},
		{`{"A":[1]}`, `{"A":{"0":1}}`, false},
		{`null`, `null`, true},
		{`null`, `false`, false},
		{`3`, `3`, true},
		{`"Done"`, `"done"`, false},
		{`{}`, `{"any":"thing"}`, true},
		{``, `{"any":"thing"}`, true},
	} {
		t.Run(tc.expect+" in "+tc.answer, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			answered(b, tc.answer)
			o := b.perform(refresh.KindService, phases.ServiceParams{Path: path, Expect: []byte(tc.expect)})
			if tc.ok {
				b.want(o, refresh.Succeeded, "", path+" answered.")
			} else {
				b.want(o, refresh.Failure, refresh.Refused, "answered something else than the configuration expects")
			}
		})
	}
}

// answered lets the target's custom service answer that.
func answered(b *bench, answer string) {
	b.p.Environments["uat"] = service{b.p.Environments["uat"], []byte(answer)}
}

type service struct {
	phases.Environment
	answer []byte
}

func (s service) CallService(context.Context, string, any) (json.RawMessage, error) {
	return s.answer, nil
}

func TestAVoidOperationAnswersNull(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	answered(b, "")
	b.want(b.perform(refresh.KindService, phases.ServiceParams{Path: "A/B/c", Expect: []byte("null")}), refresh.Succeeded, "")
	b.want(b.perform(refresh.KindService, phases.ServiceParams{Path: "A/B/c", Expect: []byte("{}")}), refresh.Failure, refresh.Refused)
}

func TestACustomServiceThatTakesLong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	slow := func(timeout time.Duration) refresh.Outcome {
		return b.perform(refresh.KindService, phases.ServiceParams{
			Path: "ContosoRefresh/PostRefresh/refreshEntityStore", Timeout: timeout, Body: map[string]any{"_request": map[string]any{"Entities": []string{"SalesOrderCube"}}},
		})
	}
	b.want(slow(time.Minute), refresh.Succeeded, "") // the connection and the token are there now
	b.Fail("uat", "refreshEntityStore", cloudsim.Fault{DelayReply: 300 * time.Millisecond, Times: -1})
	o := slow(50 * time.Millisecond)
	b.want(o, refresh.NotKnown, refresh.Unknown, "may or may not have been done")
	b.want(slow(time.Minute), refresh.Succeeded, "")
	o = b.p.Perform(t.Context(), b.r, refresh.Step{Spec: refresh.Spec{Kind: refresh.KindService, IfInstalled: true, Params: []byte(`{"path":"No/Such/service"}`)}})
	b.want(o, refresh.Absent, refresh.NotFound)
}
