package phases_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

func TestASnapshotHasAllThatIsTheTargetsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.remember()
	b.want(o, refresh.Succeeded, "", "enabled users", "6 waiting batch jobs", "3 batch group assignments", "2 Entra applications")
	if len(o.Findings) != 0 {
		t.Errorf("findings: %+v", o.Findings)
	}
	var s phases.Snapshot
	if err := json.Unmarshal(o.Snapshot, &s); err != nil {
		t.Fatal(err)
	}
	uat := b.Snapshot("uat")
	want := map[string]bool{}
	for _, u := range uat.Users {
		want[u.ID] = u.Enabled
	}
	got := 0
	for _, u := range s.Users {
		if !want[u.ID] {
			t.Errorf("%s is not enabled in the target", u.ID)
		}
		got++
	}
	for id, enabled := range want {
		if enabled {
			got--
		} else if strings.Contains(string(o.Snapshot), `"`+id+`"`) {
			t.Errorf("%s is disabled and in the snapshot", id)
		}
	}
	if got != 0 {
		t.Errorf("%d enabled users too many", got)
	}
	if len(s.UserRoles) != len(uat.UserRoles) {
		t.Errorf("%d roles, the target has %d", len(s.UserRoles), len(uat.UserRoles))
	}
	for _, j := range s.BatchJobs {
		if j.Status != refresh.BatchWaiting {
			t.Errorf("a job that does not wait: %+v", j)
		}
	}
	if diff := cmp.Diff([]refresh.AADClient{
		{ClientID: b.AppID(), UserID: "Admin", Name: "refreshbot"},
		{ClientID: "33330000-0000-4000-8000-00000000ed10", UserID: "ANNA", Name: "EDI hub (test)"},
	}, s.AADClients); diff != "" {
		t.Errorf("Entra applications (-want +got):\n%s", diff)
	}
	if len(s.Documents) != 3 || len(s.Email) != 1 || s.Email[0]["SMTPRelayServerName"] != "smtp-test.contoso.com" || s.Unread != nil {
		t.Errorf("e-mail %v, documents %v, unread %v", s.Email, s.Documents, s.Unread)
	}
	for _, secret := range append(b.IssuedTokens(), b.AppSecret(), b.LCSPassword(), "assword") {
		if strings.Contains(string(o.Snapshot), secret) {
			t.Error("a secret is in the snapshot")
		}
	}
}

func TestAnEntityThatIsNotExposedLeavesItsAreaToAPerson(t *testing.T) {
	t.Parallel()
	for area, entity := range map[phases.Area]string{
		phases.AreaBatchJobs: "BatchJobs", phases.AreaBatchGroups: "BatchGroups", phases.AreaEmail: "EmailParameters",
		phases.AreaEntraApplications: "SysAADClients", phases.AreaDocumentParameters: "DocumentParameters",
	} {
		t.Run(string(area), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.Fail("uat", "/data/"+entity, cloudsim.Fault{Status: 404, Times: -1})
			o := b.remember()
			b.bad(o, area.Title(), "could not be read: ")
			if len(o.Findings) != 1 {
				t.Errorf("findings: %+v", o.Findings)
			}
			b.ClearFaults()
			b.refreshed()
			b.want(b.perform(refresh.KindRestore, phases.RestoreParams{Area: area}), refresh.ByHand, "",
				"could not be read before the copy", "nothing of that name")
		})
	}
}

func TestWithoutTheUsersTheirRolesAreUnknownToo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Fail("uat", "/data/SystemUsers", cloudsim.Fault{Status: 403, Times: -1})
	o := b.remember()
	b.bad(o, phases.AreaUsers.Title(), "could not be read")
	b.bad(o, phases.AreaUserRoles.Title(), "could not be read")
	b.ClearFaults()
	b.refreshed()
	o = b.preview(phases.UsersParams{Enable: []string{"ANNA"}, Restore: true, Roles: true})
	b.want(o, refresh.Succeeded, "", "1 user to enable")
	b.bad(o, "Users enabled before", "are not known")
	b.want(b.perform(refresh.KindEnable, phases.UsersParams{Roles: true}), refresh.Failure, refresh.NotFound, "The users are enabled, but")
}

func TestASnapshotOfAnEnvironmentThatDoesNotAnswerIsTakenLater(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Fail("uat", "BatchGroups", cloudsim.Fault{Status: 503})
	b.want(b.perform(refresh.KindSnapshot, nil), refresh.Failure, refresh.Offline)
	b.Fail("uat", "DocumentParameters", cloudsim.Fault{Status: 429, RetryAfter: 11})
	if o := b.perform(refresh.KindSnapshot, nil); o.Problem == nil || o.Problem.Code != refresh.Throttled || o.RetryAfter.Seconds() != 11 || o.Snapshot != nil {
		t.Errorf("throttled: %+v", o)
	}
	b.remember()
}

func TestASnapshotThatCannotBeReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	email := phases.RestoreParams{Area: phases.AreaEmail}
	b.want(b.perform(refresh.KindRestore, email), refresh.ByHand, "", "No snapshot of uat was taken", "Email parameters: enter the server")
	b.want(b.perform(refresh.KindRestore, phases.RestoreParams{Area: "settings", Offer: true}), refresh.Succeeded, "", "nothing to write back")
	b.remember()
	b.r.Snapshot = 6
	b.want(b.perform(refresh.KindRestore, email), refresh.Failure, refresh.Internal, "not where the journal says")
	b.r.Snapshot = 70
	b.want(b.perform(refresh.KindRestore, email), refresh.Failure, refresh.Internal, "not where the journal says")
	b.r.Snapshot = 7
	b.journal[1].Event = refresh.SnapshotTaken{Data: []byte(`"nothing"`)}
	b.want(b.perform(refresh.KindRestore, email), refresh.Failure, refresh.Internal, "cannot be read")
}
