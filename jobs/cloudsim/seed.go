package cloudsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// serviceUsers belong to Microsoft's own services and keep working through a refresh.
func serviceUsers() []string {
	return []string{"FRServiceUser", "SysHealthServiceUser", "ScaleUnitManagement", "PowerPlatformApp", "RetailServiceAccount"}
}

func isServiceUser(id string) bool { return slices.Contains(serviceUsers(), id) }

func isEmailAddress(s string) bool { return strings.Contains(s, "@") }

// newEnvironment fills an environment: a Production one with live data, any other with what a test environment has
// gathered since its last refresh. The two have users, batch jobs and settings in common, and others that only one has.
func newEnvironment(spec EnvironmentSpec, o Options, index int, now time.Time) *environment {
	e := &environment{
		spec: spec, platform: "Update67", nextRecID: 68719476736 + int64(index)*1_000_000,
		deployed: now.AddDate(-2, 0, -index).Truncate(time.Hour),
	}
	e.db = Database{
		System: SystemParameters{Currency: "USD", Language: "en-US", ExchangeRateType: "Default", ReportMaximumRows: 10000, Increment: 10},
		Companies: []Company{
			{"dat", "Company accounts data"}, {"usmf", "Contoso Entertainment System USA"}, {"demf", "Contoso Entertainment System Germany"},
		},
	}
	if spec.Type == "Production" {
		e.seedProduction(o, now)
	} else {
		e.seedSandbox(o, now)
	}
	e.seedPackages(now)
	e.db.EncryptedFields = []EncryptedField{{Table: "ExchangeRateProviderConfigurationDetails", Field: "Value", RecID: e.recID(), Set: true}}
	for _, id := range serviceUsers() {
		e.db.Users = append(e.db.Users, newUser(id, id+"@dynamics.com", true))
	}
	e.seedHistory(now)
	return e
}

func newUser(id, alias string, enabled bool) User {
	return User{
		ID: id, Name: id, PersonName: id, Alias: alias, Email: alias, Enabled: enabled, Company: "dat",
		NetworkDomain: "https://sts.windows.net/", Language: "en-US", HelpLanguage: "en-US",
		AccountType: "ClaimsUser", TimeZone: "GMTMINUS0500EASTERNTIME",
	}
}

// people of Contoso. In production all but the last two, who have left, are enabled.
var people = [...]string{
	"Anna Berg", "Bo Lund", "Carla Rossi", "Dan Mills", "Eva Horak", "Finn Dahl", "Gita Rao", "Hugo Silva", "Ida Holm", "Jan Novak",
	"Kim Park", "Lea Martin", "Max Huber", "Nora Vik", "Otto Brandt", "Pia Lind", "Quinn Adams", "Rosa Diaz", "Sam Cole", "Tess Moore",
	"Uwe Kraus", "Vera Popa", "Will Hunt", "Xenia Wolf", "Yann Petit", "Zoe Clark", "Left Leaver", "Old Timer",
}

func person(i int, enabled bool) User {
	first, last, _ := strings.Cut(people[i], " ")
	u := newUser(strings.ToUpper(first), strings.ToLower(first)+"@contoso.com", enabled)
	u.Name, u.PersonName, u.Company = people[i], first+" "+last, "usmf"
	return u
}

func (e *environment) seedProduction(o Options, now time.Time) {
	db := &e.db
	db.Users = []User{newUser("Admin", "prod-admin@contoso.com", true), newUser("DBMovementAPI", "dbmovementapi@contoso.com", true)}
	for i := range people {
		db.Users = append(db.Users, person(i, i < len(people)-2))
	}
	db.UserRoles = seedRoles("Admin", "DBMovementAPI", "ANNA", "BO", "CARLA")
	e.seedJobs(now, map[string]string{
		"Workflow message processing": "Waiting", "Workflow line-item notifications": "Waiting", "Email distributor batch": "Waiting",
		"Master planning USMF": "Executing", "Bank statement import": "Waiting", "Bank payment export": "Ready",
		"Vendor EDI outbound": "Waiting", "Inventory recalculation": "Waiting", "Cleanup of batch history": "Finished",
		"Retail offline sync": "Error", "Currency exchange rate import": "Hold", "Deploy measurement": "Waiting",
	})
	db.BatchServers = servers("PRODBATCH1", "PRODBATCH2", "PRODBATCH3")
	db.BatchGroups = []BatchGroup{
		{"", "PRODBATCH1", "Default"}, {"", "PRODBATCH2", "Default"}, {"", "PRODBATCH3", "Default"},
		{"MRP", "PRODBATCH1", "Master planning"}, {"EDI", "PRODBATCH2", "Partner messages"}, {"WORKFLOW", "PRODBATCH3", "Workflow"},
	}
	db.Email = EmailParameters{
		Server: "smtp.contoso.com", Port: 587, User: "erp@contoso.com", RequireSSL: "Yes", UseNTLM: "No", Mailer: "SMTP",
		MaxAttachment: 10, PasswordSet: true,
	}
	db.AADClients = []AADClient{
		{o.AppID, "DBMovementAPI", "refreshbot"},
		{"11110000-0000-4000-8000-00000000ed10", "ANNA", "EDI hub (production)"},
		{"22220000-0000-4000-8000-00000000ba2c", "BO", "Bank connector (production)"},
	}
	db.DocumentParameters = documentParameters("https://office.contoso.com", "contoso.sharepoint.com")
	db.Contacts = []Contact{{"Fabrikam", "orders@fabrikam.com"}, {"Adatum", "ap@adatum.com"}, {"Fabrikam", "+1 425 555 0100"}}
	db.EventEndpoints = []string{"https://events.contoso.com/prod"}
	db.HelpLibrary = "Production help"
	db.EntityStore = []EntityStoreRefresh{{"CustTransactions", now.Add(-6 * time.Hour), "ANNA"}}
	db.SalesOrders, db.DataAsOf = 184_213, now
}

func (e *environment) seedSandbox(o Options, now time.Time) {
	db := &e.db
	admin := newUser("Admin", e.spec.Name+"-admin@contoso.com", true)
	db.Users = []User{admin, newUser("DBMovementAPI", "dbmovementapi@contoso.com", true)}
	for i := range 6 { // key users; FINN is a tester who is switched off here
		db.Users = append(db.Users, person(i, i != 5))
	}
	for i := range 4 { // trainees exist in test environments only
		id := fmt.Sprintf("TRAIN%02d", i+1)
		db.Users = append(db.Users, newUser(id, strings.ToLower(id)+"@contoso.com", i < 3))
	}
	db.UserRoles = seedRoles("Admin", "DBMovementAPI", "ANNA", "TRAIN01")
	e.seedJobs(now, map[string]string{
		"Workflow message processing": "Waiting", "Workflow line-item notifications": "Waiting", "Email distributor batch": "Waiting",
		"Master planning USMF": "Hold", "Bank statement import": "Hold", "Bank payment export": "Hold",
		"Inventory recalculation": "Waiting", "Cleanup of batch history": "Finished", "Test data generator": "Waiting",
		"Deploy measurement": "Waiting",
	})
	db.BatchServers = servers("BATCH1", "BATCH2")
	db.BatchGroups = []BatchGroup{{"", "BATCH1", "Default"}, {"", "BATCH2", "Default"}, {"MRP", "BATCH1", "Master planning"}}
	db.Email = EmailParameters{
		Server: "smtp-test.contoso.com", Port: 2525, User: e.spec.Name + "@contoso.com", RequireSSL: "No", UseNTLM: "No", Mailer: "SMTP",
		MaxAttachment: 5, PasswordSet: true,
	}
	db.AADClients = []AADClient{
		{o.AppID, "Admin", "refreshbot"},
		{"33330000-0000-4000-8000-00000000ed10", "ANNA", "EDI hub (test)"},
	}
	db.DocumentParameters = documentParameters("https://office-"+e.spec.Name+".contoso.com", "contoso-test.sharepoint.com")
	db.Contacts = []Contact{{"Fabrikam", ""}, {"Adatum", ""}, {"Fabrikam", "+1 425 555 0100"}}
	db.HelpLibrary = "Test help"
	db.SalesOrders, db.DataAsOf = 151_877, now.AddDate(0, -4, 0).Truncate(time.Second)
}

func seedRoles(users ...string) []UserRole {
	var roles []UserRole
	for _, u := range users {
		roles = append(roles, UserRole{u, "SYSTEMUSER", "System user", "Enabled", "Manual", "None"})
	}
	return append(roles, UserRole{users[0], "-SYSADMIN-", "System administrator", "Enabled", "Manual", "None"})
}

func servers(names ...string) []BatchServer {
	var s []BatchServer
	for _, n := range names {
		s = append(s, BatchServer{Name: n, IsBatch: "Yes", MaxSessions: 1000, GUID: newGUID()})
	}
	return append(s, BatchServer{Name: strings.TrimRight(names[0], "0123456789") + "AOS1", IsBatch: "No", MaxSessions: 1000, GUID: newGUID()})
}

func documentParameters(office, sharePoint string) []DocumentParameters {
	var p []DocumentParameters
	for _, company := range []string{"dat", "usmf", "demf"} {
		p = append(p, DocumentParameters{company, 0, office, sharePoint, 20, "Yes"})
	}
	return p
}

// seedJobs creates the jobs in the order of their names, with record ids that differ between environments.
func (e *environment) seedJobs(now time.Time, statuses map[string]string) {
	var names []string
	for name := range statuses {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		job := BatchJob{
			RecID: e.recID(), Description: name, Status: statuses[name], Company: "usmf", RunBy: "Admin", SaveHistory: "Always",
			ScheduledAt: now.Add(time.Duration(i-6) * time.Hour).Truncate(time.Second),
		}
		if job.Status == "Waiting" || job.Status == "Hold" {
			job.Recurrence = "BwEAAAAAAAAA" // a container; F&O alone reads it
		}
		if job.Status != "Hold" {
			job.StartedAt = job.ScheduledAt.Add(-24 * time.Hour)
			job.EndedAt = job.StartedAt.Add(3 * time.Minute)
		}
		e.db.BatchJobs = append(e.db.BatchJobs, job)
	}
}

// seedHistory gives the environment a past: updates for all, refreshes for a sandbox.
func (e *environment) seedHistory(now time.Time) {
	past := func(daysAgo int, took time.Duration, name, kind, title, status string) {
		start := now.AddDate(0, 0, -daysAgo).Truncate(time.Second)
		e.history = append(e.history, &operation{seeded: true, Operation: Operation{
			ID: newGUID(), Name: name, Kind: kind, Title: title, Target: e.spec.Name, Status: status,
			StartedAt: start, EndedAt: start.Add(took), ByHand: true,
		}})
	}
	past(240, 4*time.Hour, "10.0.42 service update", "SFBinaryHotfix", "Binary update", "Completed")
	if e.spec.Type != "Production" {
		past(200, 76*time.Minute, "Refresh database", "SFSourceDbToSandbox", "Refresh database", "SignedOff")
		past(160, 81*time.Minute, "Refresh database", "SFSourceDbToSandbox", "Refresh database", "RollbackCompleted")
		past(159, 79*time.Minute, "Refresh database", "SFSourceDbToSandbox", "Refresh database", "Completed")
		past(100, 25*time.Minute, "Golden configuration", "SFExportSandboxDb", "Export database", "Completed")
	}
	past(60, 70*time.Minute, "Contoso application package 7", "SFApplicationHotfix", "Application deployable package", "Completed")
	past(31, 4*time.Hour, "10.0.43 service update", "SFBinaryHotfix", "Binary update", "Completed")
	past(12, 8*time.Minute, "Finance insights", "InstallAddin", "Install addin", "Completed")
}
