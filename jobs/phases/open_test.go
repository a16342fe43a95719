package phases_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// listed writes a file of users.
func listed(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "testers.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUsersComeFromEveryPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people.groups = map[string][]string{"S0TRAIN": {"dan@contoso.com", "guest@elsewhere.com"}}
	csv := listed(t, "User ID;Name\nCARLA;Carla Rossi\n")
	b.remember()
	b.refreshed()
	b.Mutate("uat", func(e *cloudsim.Environment) {
		e.UserRoles = append(e.UserRoles, cloudsim.UserRole{UserID: "HUGO", Role: "TRAINEE", RoleName: "Trainee", Status: "Enabled"},
			cloudsim.UserRole{UserID: "IDA", Role: "TRAINEE", RoleName: "Trainee", Status: "Disabled"})
	})
	for _, tc := range []struct {
		name   string
		want   phases.UsersParams
		listed []string
		in     []string
	}{
		{"nobody", phases.UsersParams{}, nil, []string{}},
		{"the configuration", phases.UsersParams{Enable: []string{"anna@contoso.com", "BO"}}, nil, []string{"ANNA", "BO"}},
		{"a file", phases.UsersParams{Files: []string{csv}}, nil, []string{"CARLA"}},
		{"a Slack user group", phases.UsersParams{SlackGroup: "S0TRAIN"}, nil, []string{"DAN"}},
		{"a role by its name", phases.UsersParams{Role: "trainee"}, nil, []string{"HUGO"}},
		{"a role by its identifier", phases.UsersParams{Role: "-SYSADMIN-"}, nil, nil},
		{"a role that nobody has", phases.UsersParams{Role: "Astronaut"}, nil, []string{}},
		{"handed in", phases.UsersParams{}, []string{"eva"}, []string{"EVA"}},
		{"whoever was enabled before", phases.UsersParams{Restore: true}, nil, []string{"ANNA", "BO", "CARLA", "DAN", "EVA"}},
		{"all of them", phases.UsersParams{Enable: []string{"ANNA"}, Files: []string{csv}, SlackGroup: "S0TRAIN", Role: "Trainee"}, []string{"EVA", "ANNA"},
			[]string{"ANNA", "CARLA", "DAN", "EVA", "HUGO"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := b.in(t)
			b.r.Listed = tc.listed
			o := b.preview(tc.want)
			b.want(o, refresh.Succeeded, "", "to enable")
			slices.Sort(o.Roster)
			if tc.in != nil && !slices.Equal(o.Roster, tc.in) {
				t.Errorf("let in: %q, want %q", o.Roster, tc.in)
			}
		})
	}
	o := b.preview(phases.UsersParams{SlackGroup: "S0TRAIN"})
	b.bad(o, "guest@elsewhere.com", "is no user of uat (Slack user group)")
	o = b.preview(phases.UsersParams{Restore: true})
	b.bad(o, "TRAIN01", "is no user of uat (enabled before)")
	if o.Note != "5 users to enable, 3 unknown" {
		t.Errorf("note %q", o.Note)
	}
}

func TestThePreviewShowsWhatItCannotMatch(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.Mutate("uat", func(e *cloudsim.Environment) {
		for i := range e.Users {
			if e.Users[i].ID == "BO" || e.Users[i].ID == "CARLA" {
				e.Users[i].Email = "team@contoso.com"
			}
		}
	})
	o := b.preview(phases.UsersParams{Enable: []string{"ana@contoso.com", "ANNA", "anna@contoso.com", " anna ", "team@contoso.com", "frserviceuser", "Admin", "zzz-nobody-near"}})
	b.want(o, refresh.Succeeded, "", "1 user to enable, 1 enabled already, 3 unknown, 1 refused")
	b.bad(o, "ana@contoso.com", "is no user of uat (configuration); nearest is anna@contoso.com")
	b.bad(o, "team@contoso.com", "2 users have this e-mail address (BO, CARLA)")
	b.bad(o, "frserviceuser", "never touched")
	b.bad(o, "zzz-nobody-near", "is no user of uat (configuration)")
	if want := []string{"ANNA", "Admin"}; !slices.Equal(o.Roster, want) {
		t.Errorf("let in: %q, want %q", o.Roster, want)
	}
	if len(b.enabled()) != 0 {
		t.Errorf("a preview has enabled %q", b.enabled())
	}
}

func TestAPreviewThatLacksAPlaceWaitsForIt(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.want(b.preview(phases.UsersParams{Files: []string{"/nowhere/trainees.xlsx"}}), refresh.Failure, refresh.Invalid, "There is no file /nowhere/trainees.xlsx")
	b.want(b.preview(phases.UsersParams{Files: []string{listed(t, "\n\n")}}), refresh.Failure, refresh.Invalid, "testers.csv holds no names")
	b.people.down = errors.New("xoxb-1-secret was refused")
	o := b.preview(phases.UsersParams{SlackGroup: "S0TRAIN"})
	b.want(o, refresh.Failure, refresh.Offline, "Slack did not say who is in the user group S0TRAIN")
	if strings.Contains(fmt.Sprint(o, o.Problem), "xoxb") {
		t.Errorf("a token is in the outcome: %+v", o.Problem)
	}
	o = b.preview(phases.UsersParams{Enable: []string{"ANNA"}, Restore: true})
	b.want(o, refresh.Succeeded, "", "1 user to enable")
	b.bad(o, "Users enabled before", "No snapshot of uat was taken")
	b.Fail("uat", "SystemUsers", cloudsim.Fault{Status: 503, Times: -1})
	b.want(b.preview(phases.UsersParams{}), refresh.Failure, refresh.Offline)
	b.want(b.perform(refresh.KindEnable, phases.UsersParams{}), refresh.Failure, refresh.Offline)
	b.want(b.perform(refresh.KindVerify, nil), refresh.Failure, refresh.Offline)
}

func TestUsersAreLetInAndVerified(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	names := phases.UsersParams{Enable: []string{"anna@contoso.com", "BO", " bo ", "CARLA", "Admin", "FRServiceUser"}}
	b.preview(names)
	b.want(b.perform(refresh.KindEnable, names), refresh.Succeeded, "", "3 users enabled")
	if got := b.enabled(); !slices.Equal(got, []string{"ANNA", "BO", "CARLA"}) {
		t.Errorf("enabled: %q", got)
	}
	o := b.perform(refresh.KindVerify, nil)
	b.want(o, refresh.Succeeded, "", "4 users can sign in")
	b.good(o, "ANNA (anna@contoso.com)", "enabled")
	b.want(b.perform(refresh.KindEnable, names), refresh.Succeeded, "", "everybody was enabled already")

	b.Mutate("uat", func(e *cloudsim.Environment) {
		for i := range e.Users {
			if e.Users[i].ID == "BO" {
				e.Users[i].Enabled = false
			}
		}
	})
	b.want(b.perform(refresh.KindVerify, nil), refresh.Failure, refresh.Refused, "BO (bo@contoso.com): was enabled, but uat says that it is not")
}

func TestAUserWhoIsRefusedHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.preview(phases.UsersParams{Enable: []string{"ANNA", "BO", "CARLA"}})
	b.Fail("uat", "SystemUsers('ANNA')", cloudsim.Fault{Method: "PATCH", Status: 400, Times: -1})
	o := b.perform(refresh.KindEnable, phases.UsersParams{})
	b.want(o, refresh.Failure, refresh.Refused, "ANNA: ", "refused enabling user ANNA")
	if got := b.enabled(); !slices.Equal(got, []string{"BO", "CARLA"}) {
		t.Errorf("enabled: %q", got)
	}
	b.want(b.perform(refresh.KindVerify, nil), refresh.Failure, refresh.Refused, "ANNA (anna@contoso.com)")
	b.ClearFaults()
	b.want(b.perform(refresh.KindEnable, phases.UsersParams{}), refresh.Succeeded, "", "1 user enabled")
	b.want(b.perform(refresh.KindVerify, nil), refresh.Succeeded, "", "3 users can sign in")
}

func TestUsersGetTheRolesTheyHadBefore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tester := cloudsim.UserRole{UserID: "ANNA", Role: "TESTER", RoleName: "Tester", Status: "Enabled", Mode: "Manual", LicenseType: "None"}
	other := tester
	other.UserID = "BO"
	b.Mutate("uat", func(e *cloudsim.Environment) { e.UserRoles = append(e.UserRoles, tester, other) })
	b.remember()
	b.refreshed()
	has := func(user string) bool {
		return slices.ContainsFunc(b.Snapshot("uat").UserRoles, func(r cloudsim.UserRole) bool { return r.UserID == user && r.Role == "TESTER" })
	}
	if has("ANNA") {
		t.Fatal("the copy has left the role in place")
	}
	names := phases.UsersParams{Enable: []string{"ANNA"}, Roles: true}
	b.preview(names)
	b.Fail("uat", "SecurityUserRoleAssociations", cloudsim.Fault{Method: "POST", Status: 400})
	b.want(b.perform(refresh.KindEnable, names), refresh.Failure, refresh.Refused, "ANNA: Tester: ")
	b.want(b.perform(refresh.KindEnable, names), refresh.Succeeded, "", "1 role assignment as before")
	if !has("ANNA") || has("BO") {
		t.Errorf("ANNA %v, BO %v; want the role for her alone, as BO is not let in", has("ANNA"), has("BO"))
	}
	b.want(b.perform(refresh.KindEnable, names), refresh.Succeeded, "", "everybody was enabled already")
}

func TestFiveThousandUsersAreLetIn(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *cloudsim.Options) { o.ODataPageSize = 10_000 })
	const many = 5000
	var text strings.Builder
	b.Mutate("uat", func(e *cloudsim.Environment) {
		for i := range many {
			id := fmt.Sprintf("TRAINEE%04d", i)
			e.Users = append(e.Users, cloudsim.User{ID: id, Name: id, Alias: strings.ToLower(id) + "@contoso.com", NetworkDomain: "d", Language: "en-US", HelpLanguage: "en-US"})
			fmt.Fprintf(&text, "%s@contoso.com\n", strings.ToLower(id))
		}
	})
	want := phases.UsersParams{Files: []string{listed(t, text.String())}}
	b.Fail("uat", "SystemUsers('TRAINEE1234')", cloudsim.Fault{Method: "PATCH", Status: 400, Times: -1})
	b.want(b.preview(want), refresh.Succeeded, "", "5000 users to enable")
	o := b.perform(refresh.KindEnable, want)
	b.want(o, refresh.Failure, refresh.Refused, "TRAINEE1234: ")
	if len(o.Findings) != 1 {
		t.Errorf("%d findings, want the one that was refused", len(o.Findings))
	}
	b.want(b.perform(refresh.KindVerify, nil), refresh.Failure, refresh.Refused, "TRAINEE1234 (trainee1234@contoso.com)")
	batches := 0
	for _, c := range b.Calls() {
		if strings.HasSuffix(c.Path, "/$batch") {
			batches++
		}
	}
	if batches == 0 || batches > 100 { // one at a time, as many users take an hour
		t.Errorf("%d batches for %d users", batches, many)
	}
	on := 0
	for _, u := range b.Snapshot("uat").Users {
		if strings.HasPrefix(u.ID, "TRAINEE") && u.Enabled {
			on++
		}
	}
	if on != many-1 {
		t.Errorf("%d are enabled, want all but one of %d", on, many)
	}
}
