package finops_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/finops"
	"refreshbot/jobs/refresh"
)

func TestAnyEntityOfASimulatedEnvironment(t *testing.T) {
	t.Parallel()
	sim, c := cloud(t)
	ctx := t.Context()
	rows, err := c.Rows(ctx, refresh.Query{Entity: "DocumentParameters", Select: []string{"dataAreaId", "Key"}, Filter: "Key eq 0 and dataAreaId eq '*m*'", CrossCompany: true})
	wantCode(t, "document parameters", err, "")
	if d := cmp.Diff([]map[string]any{{"dataAreaId": "usmf", "Key": json.Number("0")}, {"dataAreaId": "demf", "Key": json.Number("0")}}, rows); d != "" {
		t.Error(d)
	}
	own, err := c.Rows(ctx, refresh.Query{Entity: "DocumentParameters"})
	wantCode(t, "of one legal entity", err, "")
	if len(own) != 1 || len(own[0]) != 6 {
		t.Errorf("%v", own)
	}
	jobs, err := c.Rows(ctx, refresh.Query{Entity: "BatchJobs"}) // more than a page
	wantCode(t, "batch jobs", err, "")
	for i, j := range sim.Snapshot("uat").BatchJobs {
		if id, _ := jobs[i]["BatchJobRecId"].(json.Number).Int64(); id != j.RecID {
			t.Errorf("job %d is %v, want %d", i, jobs[i]["BatchJobRecId"], j.RecID)
		}
	}
	_, err = c.Rows(ctx, refresh.Query{Entity: "Nope"})
	wantCode(t, "unknown entity", err, refresh.NotFound)
	_, err = c.Rows(ctx, refresh.Query{Entity: "SystemUsers", Filter: "Enabled in (true)"})
	wantCode(t, "a filter that F&O does not know", err, refresh.Refused)

	group := refresh.Record{Entity: "BatchGroups", Key: map[string]any{"GroupId": "E'DI", "ServerId": "BATCH1"}, Set: map[string]any{"Description": "Partners"}}
	has := func() bool {
		return slices.Contains(sim.Snapshot("uat").BatchGroups, cloudsim.BatchGroup{GroupID: "E'DI", ServerID: "BATCH1", Description: "Partners"})
	}
	for range 2 {
		wantCode(t, "insert", c.Insert(ctx, group), "")
		if !has() {
			t.Error("it is not there")
		}
	}
	wrong := group
	wrong.Key = map[string]any{"GroupId": "EDI", "ServerId": "NOWHERE"}
	wantCode(t, "insert of what cannot be", c.Insert(ctx, wrong), refresh.Refused)
	for range 2 {
		wantCode(t, "delete", c.Delete(ctx, group), "")
		if has() {
			t.Error("it is still there")
		}
	}
	group.Entity = "Nope"
	wantCode(t, "delete from an unknown entity", c.Delete(ctx, group), refresh.NotFound)
}

func TestAppsAndRolesOfASimulatedEnvironment(t *testing.T) {
	t.Parallel()
	for name, writable := range map[string]bool{"with the associations": false, "with the roles themselves": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, c := cloud(t)
			ctx := t.Context()
			sim.SetRolesWritable(writable)
			app := refresh.AADClient{ClientID: "44440000-0000-4000-8000-00000000ed10", UserID: "ANNA", Name: "EDI"}
			for _, user := range []string{"ANNA", "ANNA", "BO"} {
				app.UserID = user
				wantCode(t, "add an app", c.AddAADClient(ctx, app), "")
			}
			apps, err := c.AADClients(ctx)
			wantCode(t, "apps", err, "")
			if len(apps) != 3 || apps[2] != app {
				t.Errorf("%v", apps)
			}
			wantCode(t, "an app for nobody", c.AddAADClient(ctx, refresh.AADClient{ClientID: "44440000-0000-4000-8000-00000000ed11", UserID: "NOBODY"}), refresh.Refused)
			for range 2 {
				wantCode(t, "remove the app", c.DeleteAADClient(ctx, app.ClientID), "")
			}
			if n := len(sim.Snapshot("uat").AADClients); n != 2 {
				t.Errorf("%d apps", n)
			}

			role := refresh.UserRole{UserID: "TRAIN02", Role: "SYSTEMUSER", RoleName: "System user"}
			has := func() bool {
				roles, err := c.UserRoles(ctx)
				wantCode(t, "roles", err, "")
				return slices.Contains(roles, role)
			}
			for range 2 {
				wantCode(t, "assign", c.AssignRole(ctx, role), "")
				if !has() {
					t.Error("the user does not have the role")
				}
			}
			sim.Mutate("uat", func(e *cloudsim.Environment) {
				for i := range e.UserRoles {
					if e.UserRoles[i].UserID == role.UserID {
						e.UserRoles[i].Status = "Disabled"
					}
				}
			})
			if has() {
				t.Error("a disabled assignment is listed")
			}
			wantCode(t, "enable", c.AssignRole(ctx, role), "")
			if !has() {
				t.Error("it is still disabled")
			}
			role.UserID = "NOBODY"
			wantCode(t, "for nobody", c.AssignRole(ctx, role), refresh.Refused)
		})
	}
}

// settings makes a data package that sets the document parameters, and writes to an entity that may not exist.
func settings(t *testing.T, entity string) []byte {
	t.Helper()
	data, err := cloudsim.DataPackage(map[string]string{entity: "KEY,WEBAPPSSERVERURL\n0,https://office.test\n"})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestADataPackageInASimulatedEnvironment(t *testing.T) {
	t.Parallel()
	sim, c := cloud(t)
	ctx := t.Context()
	p := refresh.Package{Data: settings(t, "DocumentParameters"), Name: "settings 1.zip", DefinitionGroup: "Test settings", ExecutionID: "refresh-7", LegalEntity: "demf", Overwrite: true}
	status := func(want string) {
		t.Helper()
		if got, err := c.PackageStatus(ctx, "refresh-7"); err != nil || got != want {
			t.Fatalf("status %q, want %q: %v", got, want, err)
		}
	}
	status(refresh.PackageUnknown)
	wantCode(t, "import", c.ImportPackage(ctx, p), "")
	wantCode(t, "a second at a time", c.ImportPackage(ctx, p), refresh.Refused)
	status("NotRun")
	sim.AdvancePackage("uat")
	status("Executing")
	sim.AdvancePackage("uat")
	status(refresh.PackageSucceeded)
	errs, err := c.PackageErrors(ctx, "refresh-7")
	wantCode(t, "errors", err, "")
	if len(errs) != 0 {
		t.Errorf("%q", errs)
	}
	for _, d := range sim.Snapshot("uat").DocumentParameters {
		if (d.WebAppsServer == "https://office.test") != (d.Company == "demf") {
			t.Errorf("%+v", d)
		}
	}

	p.Data, p.ExecutionID = settings(t, "Nope"), "refresh-8"
	wantCode(t, "import of an unknown entity", c.ImportPackage(ctx, p), "")
	for sim.AdvancePackage("uat") {
	}
	if got, err := c.PackageStatus(ctx, p.ExecutionID); err != nil || got != refresh.PackageFailed {
		t.Errorf("status %q: %v", got, err)
	}
	if errs, err := c.PackageErrors(ctx, p.ExecutionID); err != nil || len(errs) != 1 || errs[0] != "Nope: The entity 'Nope' does not exist." {
		t.Errorf("%q, %v", errs, err)
	}
	p.Data = []byte("not a zip")
	wantCode(t, "not a zip", c.ImportPackage(ctx, p), refresh.Refused)
}

// A lost reply to the start leaves the outcome open, and the id that was given answers it.
func TestADataPackageWhoseReplyIsLost(t *testing.T) {
	t.Parallel()
	sim, c := cloud(t)
	ctx := t.Context()
	p := refresh.Package{Data: settings(t, "DocumentParameters"), Name: "s.zip", DefinitionGroup: "Test settings", ExecutionID: "refresh-7", LegalEntity: "usmf"}
	for _, f := range []struct {
		host, path string
		fault      cloudsim.Fault
		code       refresh.Code
		status     string
	}{
		{"uat", "GetAzureWriteUrl", cloudsim.Fault{DropReply: true}, refresh.Offline, refresh.PackageUnknown},
		{"storage", "", cloudsim.Fault{DropReply: true}, refresh.Offline, refresh.PackageUnknown},
		{"storage", "", cloudsim.Fault{Status: 503, RetryAfter: 2}, refresh.Throttled, refresh.PackageUnknown},
		{"uat", "ImportFromPackage", cloudsim.Fault{DropRequest: true}, refresh.Unknown, refresh.PackageUnknown},
		{"uat", "ImportFromPackage", cloudsim.Fault{DropReply: true}, refresh.Unknown, "NotRun"},
	} {
		sim.Fail(f.host, f.path, f.fault)
		err := c.ImportPackage(ctx, p)
		wantCode(t, f.path, err, f.code)
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), "sig=") || strings.Contains(e.Error(), "/dmf/") {
				t.Errorf("the upload address shows: %v", e)
			}
		}
		if got, err := c.PackageStatus(ctx, "refresh-7"); err != nil || got != f.status {
			t.Errorf("status %q, want %q: %v", got, f.status, err)
		}
	}
}

func TestTheCompanionOfASimulatedEnvironment(t *testing.T) {
	t.Parallel()
	sim, c := cloud(t)
	ctx := t.Context()
	s := c.Companion()
	_, err := s.Status(ctx)
	wantCode(t, "not installed", err, refresh.NotFound)
	wantCode(t, "not installed", s.SetHelp(ctx, "Training help"), refresh.NotFound)

	sim.InstallCompanion("uat", true)
	if sim.StartByHand("uat") == "" {
		t.Fatal("the refresh did not start")
	}
	for sim.Advance("uat") {
	}
	sim.AddApp("uat", sim.AppID(), "Admin")
	status, err := s.Status(ctx)
	wantCode(t, "installed", err, "")
	host := strings.TrimPrefix(sim.EnvironmentURL("uat"), "https://")
	if d := cmp.Diff(finops.CompanionStatus{Version: "1.0", Host: host, Operations: []string{"status", "refreshEntityStore", "setSmtpPassword", "setHelp", "setEncryptedField"}}, status); d != "" {
		t.Error(d)
	}
	sim.Mutate("uat", func(e *cloudsim.Environment) { e.PriorityScheduling = true })
	if status, err := s.Status(ctx); err != nil || !status.PriorityScheduling {
		t.Errorf("%+v, %v", status, err)
	}
	const password = "PLANTED-p@ss word"
	field := refresh.EncryptedField{Table: "ExchangeRateProviderConfigurationDetails", Field: "Value", RecID: sim.Snapshot("uat").EncryptedFields[0].RecID}
	for range 2 {
		wantCode(t, "entity store", s.RefreshEntityStore(ctx, []string{"CustTransactions"}), "")
		wantCode(t, "password", s.SetSMTPPassword(ctx, "", password), "")
		wantCode(t, "help", s.SetHelp(ctx, "Training help"), "")
		wantCode(t, "field", s.SetEncryptedField(ctx, field, password), "")
	}
	now := sim.Snapshot("uat")
	if len(now.EntityStore) != 1 || !now.Email.PasswordSet || now.Email.User != "erp@contoso.com" || now.HelpLibrary != "Training help" || !now.EncryptedFields[0].Set {
		t.Errorf("%+v %+v %s %+v", now.EntityStore, now.Email, now.HelpLibrary, now.EncryptedFields)
	}
	field.Table = "UserInfo"
	wantCode(t, "a field off the list", s.SetEncryptedField(ctx, field, password), refresh.Refused)
	sim.Fail("uat", "setSmtpPassword", cloudsim.Fault{DropReply: true})
	wantCode(t, "lost reply", s.SetSMTPPassword(ctx, "", password), refresh.Offline)
	for _, call := range sim.Calls() {
		if strings.Contains(call.Path, "PLANTED") {
			t.Errorf("the password is in an address: %s", call.Path)
		}
	}

	// Now the target is what was taken for it: production.
	sim.Mutate("uat", func(e *cloudsim.Environment) { e.Type = "Production" })
	wantCode(t, "in production", s.SetSMTPPassword(ctx, "", password), refresh.Refused)
	sim.Mutate("uat", func(e *cloudsim.Environment) { e.Type = "Sandbox" })
	// The same server under another name is not the environment that the service runs in.
	elsewhere := client(sim, "uat", strings.Replace(sim.EnvironmentURL("uat"), "127.0.0.1", "localhost", 1))
	err = elsewhere.Companion().SetHelp(ctx, "Test help")
	wantCode(t, "for another host", err, refresh.Refused)
	if msg := refresh.MessageOf(err); !strings.Contains(msg, "but this is "+host) {
		t.Errorf("%s", msg)
	}
}
