package cloudsim

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRefreshReplacesTheTargetsDatabase(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Speed: 36_000, NoRateLimits: true}) // 63 minutes take about a tenth of a second
	before, prod := s.Snapshot("uat"), s.Snapshot("prod")
	id := s.refresh()
	s.waitFor("the refresh to end", func() bool { return s.Snapshot("uat").Operation.Ended() })
	s.waitFor("the environment to come up", func() bool { return s.Snapshot("uat").Online })
	if got := s.status(id); got != "Completed" {
		t.Fatalf("status is %s, want Completed", got)
	}

	after := s.Snapshot("uat")
	if after.SalesOrders != prod.SalesOrders || after.DataAsOf.Before(prod.DataAsOf) {
		t.Errorf("holds %d orders as of %v, want production's", after.SalesOrders, after.DataAsOf)
	}
	var enabled []string
	for _, u := range after.Users {
		if u.Enabled {
			enabled = append(enabled, u.ID)
		}
	}
	if diff := cmp.Diff(append([]string{"Admin", "DBMovementAPI"}, serviceUsers()...), enabled); diff != "" {
		t.Errorf("enabled users (-want +got):\n%s", diff)
	}
	if after.Users[0].Alias != before.Users[0].Alias {
		t.Errorf("Admin signs in as %s, want the target's own %s", after.Users[0].Alias, before.Users[0].Alias)
	}
	for i, j := range after.BatchJobs {
		was := prod.BatchJobs[i]
		active := slices.Contains([]string{"Waiting", "Executing", "Ready", "Cancelling"}, was.Status)
		if want := was.Status; j.RecID != was.RecID || active && j.Status != "Hold" || !active && j.Status != want {
			t.Errorf("job %q is %s, was %s in production", j.Description, j.Status, want)
		}
	}
	if after.Email.Server != "" || after.Email.PasswordSet {
		t.Errorf("e-mail server %q, password set %v: want both blank", after.Email.Server, after.Email.PasswordSet)
	}
	want := []BatchGroup{{"", "", "Default"}, {"MRP", "", "Master planning"}, {"EDI", "", "Partner messages"}, {"WORKFLOW", "", "Workflow"}}
	if diff := cmp.Diff(want, after.BatchGroups); diff != "" {
		t.Errorf("batch groups (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(prod.AADClients, after.AADClients); diff != "" {
		t.Errorf("Entra applications are not the source's (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.BatchServers, after.BatchServers); diff != "" {
		t.Errorf("batch servers are not the target's own (-want +got):\n%s", diff)
	}
	if after.Contacts[0].Locator != "" || after.Contacts[2].Locator == "" || after.HelpLibrary != "" || after.EventEndpoints != nil {
		t.Errorf("contacts %v, help %q, endpoints %v", after.Contacts, after.HelpLibrary, after.EventEndpoints)
	}
	if diff := cmp.Diff(prod.Users, s.Snapshot("prod").Users); diff != "" {
		t.Errorf("production changed (-was +is):\n%s", diff)
	}
}

func TestTimelineStepByStep(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow(), NoRateLimits: true})
	old := s.Snapshot("uat")
	id := s.refresh()
	type moment struct {
		Status string
		Online bool
		OldDB  bool
		Host   int
	}
	look := func() moment {
		e := s.Snapshot("uat")
		return moment{s.status(id), e.Online, e.SalesOrders == old.SalesOrders, s.data("GET", "Companies?$top=1", "").status}
	}
	got := []moment{look()}
	for s.Advance("uat") {
		got = append(got, look())
	}
	want := []moment{
		{"NotStarted", true, true, 200},
		{"InProgress", true, true, 200},
		{"InProgress", false, false, 503},
		{"Completed", false, false, 404},
		{"Completed", true, false, 200},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !s.SignOff("uat") || s.status(id) != "SignedOff" || s.SignOff("uat") {
		t.Errorf("signing off once did not lead to SignedOff")
	}
}

func TestFailedRefresh(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rollbackOK bool
		statuses   []string
		online     bool
		oldData    bool
	}{
		"rolled back":     {true, []string{"NotStarted", "InProgress", "InProgress", "Failed", "RollbackInProgress", "RollbackCompleted", "RollbackCompleted"}, true, true},
		"rollback failed": {false, []string{"NotStarted", "InProgress", "InProgress", "Failed", "RollbackInProgress", "RollbackFailed"}, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Timeline: slow(), NoRateLimits: true})
			before := s.Snapshot("uat")
			s.FailNextRefresh(tt.rollbackOK)
			id := s.refresh()
			got := []string{s.status(id)}
			for s.Advance("uat") {
				got = append(got, s.status(id))
			}
			if diff := cmp.Diff(tt.statuses, got); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
			after := s.Snapshot("uat")
			if after.Online != tt.online {
				t.Errorf("online is %v, want %v", after.Online, tt.online)
			}
			if same := cmp.Equal(before.Database, after.Database); same != tt.oldData {
				t.Errorf("database is the old one: %v, want %v", same, tt.oldData)
			}
		})
	}
}

func TestCopyIsTheSourceAsItWasAtTheStart(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow(), NoRateLimits: true})
	s.refresh()
	want := s.Snapshot("prod").SalesOrders
	s.Mutate("prod", func(e *Environment) { e.SalesOrders++; e.Users[2].Name = "Changed" })
	for s.Advance("uat") {
	}
	if got := s.Snapshot("uat"); got.SalesOrders != want || got.Users[2].Name == "Changed" {
		t.Errorf("the copy has %d orders and user %q: changes after the start arrived", got.SalesOrders, got.Users[2].Name)
	}
}

func TestOfflineModes(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]int{"503": 503, "404": 404, "refused": 0} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Timeline: slow(), NoRateLimits: true})
			s.SetOfflineMode(mode)
			s.SetTailMode(mode)
			s.refresh()
			token := s.envToken("uat") // also leaves an open connection behind
			s.data("GET", "Companies", "")
			s.Advance("uat")
			s.Advance("uat")
			for range 2 { // offline, then restarting
				a, err := s.try("POST", s.EnvironmentURL("uat")+"/data/anything", "{}", token)
				if (err != nil) != (want == 0) || a.status != want {
					t.Errorf("answered %d, %v; want %d", a.status, err, want)
				}
				s.Advance("uat")
			}
			if a := s.data("GET", "Companies", ""); a.status != 200 {
				t.Errorf("after the refresh: %d", a.status)
			}
		})
	}
}

func TestAppsAfterRefresh(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(sim)
		want    int
	}{
		"registered in the source":        {func(sim) {}, 200},
		"not registered in the source":    {func(s sim) { s.RemoveApp("prod", s.AppID()) }, 401},
		"mapped to an ordinary user":      {func(s sim) { s.AddApp("prod", s.AppID(), "ANNA") }, 401},
		"mapped to Admin":                 {func(s sim) { s.AddApp("prod", s.AppID(), "Admin") }, 200},
		"DBMovementAPI stays disabled":    {func(s sim) { s.SetDBMovementAPI(false) }, 401},
		"removed in the target meanwhile": {func(s sim) { s.RemoveApp("uat", s.AppID()) }, 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Timeline: slow(), NoRateLimits: true})
			tt.prepare(s)
			s.refresh()
			for s.Advance("uat") {
			}
			if a := s.data("GET", "Companies", ""); a.status != tt.want {
				t.Errorf("got %d, want %d", a.status, tt.want)
			}
		})
	}
}

func TestChangedFiresOnTransitionsNobodyAsksFor(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: Timeline{NotStarted: 20 * time.Millisecond, Copy: 20 * time.Millisecond, Sync: 20 * time.Millisecond}})
	if s.StartByHand("uat") == "" {
		t.Fatal("the portal refused")
	}
	s.waitFor("completion", func() bool { return s.Snapshot("uat").Operation.Status == "Completed" })
	if n := s.Starts("uat"); n != 0 {
		t.Errorf("a start by hand counted as %d starts through the API", n)
	}
}
