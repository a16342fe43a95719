package finops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/finops"
	"refreshbot/jobs/refresh"
)

// cloud starts a simulated cloud with small pages and a client of its environment uat.
func cloud(t *testing.T) (*cloudsim.Cloud, *finops.Client) {
	t.Helper()
	return cloudOf(t, cloudsim.Options{ODataPageSize: 3})
}

func cloudOf(t *testing.T, o cloudsim.Options) (*cloudsim.Cloud, *finops.Client) {
	t.Helper()
	sim, err := cloudsim.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return sim, client(sim, "uat", sim.EnvironmentURL("uat"))
}

// client makes a client that calls the environment at the address.
func client(sim *cloudsim.Cloud, name, address string) *finops.Client {
	env := sim.EnvironmentURL(name)
	token := func(ctx context.Context) (string, error) {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {sim.AppID()}, "client_secret": {sim.AppSecret()}, "scope": {env + "/.default"}}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, sim.AuthorityURL()+"/"+sim.Tenant()+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
		if err != nil {
			return "", err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := sim.HTTPClient().Do(req)
		if err != nil {
			return "", err
		}
		defer func() { _ = res.Body.Close() }()
		var body struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil || body.AccessToken == "" {
			return "", fmt.Errorf("token: HTTP %d, %w", res.StatusCode, errors.Join(err, errors.New("no token")))
		}
		return body.AccessToken, nil
	}
	return finops.New(finops.Options{URL: address, HTTP: sim.HTTPClient(), Token: token, Timeout: 30 * time.Second})
}

func wantCode(t *testing.T, what string, err error, want refresh.Code) {
	t.Helper()
	if got := refresh.CodeOf(err); got != want {
		t.Fatalf("%s: code %q, want %q: %v", what, got, want, err)
	}
}

func TestReadingASimulatedEnvironment(t *testing.T) {
	t.Parallel()
	sim, c := cloud(t)
	have := sim.Snapshot("uat")
	wantCode(t, "ping", c.Ping(t.Context()), "")

	companies, err := c.Companies(t.Context())
	wantCode(t, "companies", err, "")
	var wantCompanies []string
	for _, x := range have.Companies {
		wantCompanies = append(wantCompanies, x.ID)
	}
	users, err := c.Users(t.Context())
	wantCode(t, "users", err, "")
	var wantUsers []refresh.User
	for _, u := range have.Users {
		wantUsers = append(wantUsers, refresh.User{ID: u.ID, SignIn: u.Alias, Name: u.Name, Email: u.Email, Enabled: u.Enabled})
	}
	jobs, err := c.BatchJobs(t.Context())
	wantCode(t, "batch jobs", err, "")
	var wantJobs []refresh.BatchJob
	for _, j := range have.BatchJobs {
		wantJobs = append(wantJobs, refresh.BatchJob{RecID: j.RecID, Description: j.Description, Company: j.Company, Recurring: j.Recurrence != "", Status: j.Status})
	}
	groups, err := c.BatchGroups(t.Context())
	wantCode(t, "batch groups", err, "")
	var wantGroups []refresh.BatchGroup
	for _, g := range have.BatchGroups {
		wantGroups = append(wantGroups, refresh.BatchGroup{Group: g.GroupID, Server: g.ServerID, Description: g.Description})
	}
	servers, err := c.BatchServers(t.Context())
	wantCode(t, "batch servers", err, "")
	var wantServers []string
	for _, s := range have.BatchServers {
		if s.IsBatch == "Yes" {
			wantServers = append(wantServers, s.Name)
		}
	}
	email, err := c.EmailParameters(t.Context())
	wantCode(t, "e-mail", err, "")
	wantEmail := refresh.EmailParameters{Server: have.Email.Server, Port: have.Email.Port, User: have.Email.User, RequireSSL: have.Email.RequireSSL == "Yes"}

	if len(wantUsers) <= 3 {
		t.Fatalf("%d users do not make a second page", len(wantUsers))
	}
	type all struct {
		Companies, Servers []string
		Users              []refresh.User
		Jobs               []refresh.BatchJob
		Groups             []refresh.BatchGroup
		Email              refresh.EmailParameters
	}
	sortAll := func(a all) all {
		slices.Sort(a.Companies)
		slices.Sort(a.Servers)
		slices.SortFunc(a.Users, func(x, y refresh.User) int { return strings.Compare(x.ID, y.ID) })
		slices.SortFunc(a.Jobs, func(x, y refresh.BatchJob) int { return int(x.RecID - y.RecID) })
		slices.SortFunc(a.Groups, func(x, y refresh.BatchGroup) int { return strings.Compare(x.Group+"/"+x.Server, y.Group+"/"+y.Server) })
		return a
	}
	want := sortAll(all{wantCompanies, wantServers, wantUsers, wantJobs, wantGroups, wantEmail})
	if d := cmp.Diff(want, sortAll(all{companies, servers, users, jobs, groups, email})); d != "" {
		t.Error(d)
	}
}

func TestWritingToASimulatedEnvironment(t *testing.T) {
	t.Parallel()
	sim, c := cloud(t)
	ctx := t.Context()

	wantCode(t, "enable", c.EnableUser(ctx, "FINN"), "")
	wantCode(t, "enable nobody", c.EnableUser(ctx, "O'Nobody/x"), refresh.NotFound)
	wantCode(t, "add group", c.AddBatchGroup(ctx, refresh.BatchGroup{Group: "MRP", Server: "BATCH2", Description: "Master planning"}), "")
	wantCode(t, "add it again", c.AddBatchGroup(ctx, refresh.BatchGroup{Group: "MRP", Server: "BATCH2", Description: "Master planning"}), "")
	wantCode(t, "unknown server", c.AddBatchGroup(ctx, refresh.BatchGroup{Group: "MRP", Server: "NOWHERE"}), refresh.Refused)
	email := refresh.EmailParameters{Server: "smtp.uat", Port: 25, User: "u", RequireSSL: true}
	wantCode(t, "e-mail", c.SetEmailParameters(ctx, email), "")
	wantCode(t, "bad port", c.SetEmailParameters(ctx, refresh.EmailParameters{Port: -1}), refresh.Refused)
	document := refresh.Record{Entity: "DocumentParameters", Key: map[string]any{"dataAreaId": "demf", "Key": 0}, Set: map[string]any{"WebAppsServerURL": "https://office-uat"}}
	wantCode(t, "document parameters", c.Write(ctx, document), "")
	document.Set = map[string]any{"NoSuchField": 1}
	wantCode(t, "unknown field", c.Write(ctx, document), refresh.Refused)
	document.Entity = "NoSuchEntities"
	wantCode(t, "unknown entity", c.Write(ctx, document), refresh.NotFound)
	_, err := c.CallService(ctx, "No/Such/Service", nil)
	wantCode(t, "unknown service", err, refresh.NotFound)
	from := time.Date(2026, 11, 28, 22, 0, 0, 0, time.UTC)
	wantCode(t, "broadcast", c.Broadcast(ctx, from, from.Add(4*time.Hour)), "")

	now := sim.Snapshot("uat")
	for _, u := range now.Users {
		if u.ID == "FINN" && !u.Enabled {
			t.Error("FINN is not enabled")
		}
	}
	if got := slices.DeleteFunc(now.BatchGroups, func(g cloudsim.BatchGroup) bool { return g.GroupID != "MRP" || g.ServerID != "BATCH2" }); len(got) != 1 {
		t.Errorf("batch groups: %v", got)
	}
	if got, err := c.EmailParameters(ctx); err != nil || got != email {
		t.Errorf("e-mail: %v, %v", got, err)
	}
	for _, d := range now.DocumentParameters {
		if (d.WebAppsServer == "https://office-uat") != (d.Company == "demf") {
			t.Errorf("document parameters of %s: %s", d.Company, d.WebAppsServer)
		}
	}
	if b := now.Broadcasts; len(b) != 1 || !b[0].From.Equal(from) || !b[0].To.Equal(from.Add(4*time.Hour)) {
		t.Errorf("broadcast: %v", b)
	}
}

func TestBatchJobsOfASimulatedEnvironment(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		is   cloudsim.BatchBehaviour
		want refresh.Code
	}{
		"complex":              {cloudsim.BatchBehaviour{Reply: "complex"}, ""},
		"string":               {cloudsim.BatchBehaviour{Reply: "string"}, ""},
		"plain":                {cloudsim.BatchBehaviour{Reply: "plain"}, ""},
		"only the status":      {cloudsim.BatchBehaviour{Reply: "string", WithholdRefused: true, StatusWritable: true}, ""},
		"only the status, too": {cloudsim.BatchBehaviour{WithholdRefused: true, StatusWritable: true}, ""},
		"neither":              {cloudsim.BatchBehaviour{WithholdRefused: true}, refresh.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, c := cloud(t)
			sim.SetBatchBehaviour(tt.is)
			find := func(jobs []cloudsim.BatchJob) cloudsim.BatchJob {
				return jobs[slices.IndexFunc(jobs, func(j cloudsim.BatchJob) bool { return j.Description == "Bank payment export" })]
			}
			job := find(sim.Snapshot("uat").BatchJobs)
			wantCode(t, "set waiting", c.SetBatchJobWaiting(t.Context(), job.RecID), tt.want)
			if got := find(sim.Snapshot("uat").BatchJobs).Status; (got == refresh.BatchWaiting) != (tt.want == "") {
				t.Errorf("the job is now %s", got)
			}
			if err := c.SetBatchJobWaiting(t.Context(), 42); refresh.CodeOf(err) != refresh.Refused && refresh.CodeOf(err) != refresh.NotFound {
				t.Errorf("a job that is not there: %v", err)
			}
		})
	}
}

func TestASimulatedEnvironmentInTrouble(t *testing.T) {
	t.Parallel()
	sim, c := cloud(t)
	ctx := t.Context()
	from := time.Now()
	broadcast := func() error { return c.Broadcast(ctx, from, from.Add(time.Hour)) }

	sim.Fail("uat", "SystemUsers", cloudsim.Fault{Status: 429, RetryAfter: 3})
	_, err := c.Users(ctx)
	wantCode(t, "429", err, refresh.Throttled)
	sim.Fail("uat", "", cloudsim.Fault{Status: 503})
	wantCode(t, "503", c.Ping(ctx), refresh.Offline)
	sim.Fail("uat", "", cloudsim.Fault{Status: 500})
	wantCode(t, "500", c.EnableUser(ctx, "FINN"), refresh.Offline)
	sim.Fail("uat", "", cloudsim.Fault{Body: "<html>Sign in</html>"})
	wantCode(t, "a page", c.EnableUser(ctx, "FINN"), refresh.Offline)
	sim.Fail("uat", "", cloudsim.Fault{DropReply: true, Method: http.MethodPatch})
	wantCode(t, "lost reply to a write", c.EnableUser(ctx, "FINN"), refresh.Offline)
	sim.Fail("uat", "AddMessage", cloudsim.Fault{DropReply: true})
	wantCode(t, "lost reply to a broadcast", broadcast(), refresh.Unknown)
	sim.Fail("uat", "AddMessage", cloudsim.Fault{CutBody: true})
	wantCode(t, "cut reply to a broadcast", broadcast(), refresh.Unknown)
	if n := len(sim.Snapshot("uat").Broadcasts); n != 2 {
		t.Errorf("%d broadcasts", n)
	}

	sim.RemoveApp("uat", sim.AppID())
	wantCode(t, "not registered", c.Ping(ctx), refresh.Denied)
	wantCode(t, "not registered", c.EnableUser(ctx, "FINN"), refresh.Denied)
	sim.AddApp("uat", sim.AppID(), "Admin")
	wantCode(t, "registered again", c.Ping(ctx), "")
}

func TestASimulatedEnvironmentDuringARefresh(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"503", "404", "refused"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			sim, c := cloud(t)
			sim.SetOfflineMode(mode)
			sim.SetTailMode(mode)
			if sim.StartByHand("uat") == "" {
				t.Fatal("the refresh did not start")
			}
			wentDown := false
			for {
				online := sim.Snapshot("uat").Online
				want := refresh.Offline
				if online {
					want = ""
				}
				wentDown = wentDown || !online
				_, err := c.Users(t.Context())
				wantCode(t, "users", err, want)
				wantCode(t, "e-mail", c.SetEmailParameters(t.Context(), refresh.EmailParameters{Server: "s"}), want)
				if !sim.Advance("uat") {
					break
				}
			}
			if !wentDown {
				t.Error("the environment never went down")
			}
		})
	}
}

// Over real sockets and in real time, with the same service model as in the benchmark, only faster.
func TestManyWritesToASimulatedEnvironment(t *testing.T) {
	t.Parallel()
	m := cloudsim.FieldModel()
	m.RoundTrip, m.Request, m.Set, m.Row = m.RoundTrip/20, m.Request/20, m.Set/20, m.Row/20
	sim, c := cloudOf(t, cloudsim.Options{Service: m})
	const many = 600
	var ids []string
	sim.Mutate("uat", func(e *cloudsim.Environment) {
		for i := range many {
			u := e.Users[0]
			u.ID, u.Enabled = fmt.Sprintf("NEW%04d", i), false
			e.Users = append(e.Users, u)
			ids = append(ids, u.ID)
		}
	})
	sim.Fail("uat", "SystemUsers('NEW0444')", cloudsim.Fault{Times: -1, Status: http.StatusBadRequest,
		Body: `{"error":{"code":"","message":"Der opstod en fejl.","innererror":{"message":"Infolog: Fejl: Brugeren NEW0444 er spærret."}}}`})
	sim.Fail("uat", "SystemUsers('NEW0007')", cloudsim.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1})
	refused, err := c.EnableUsers(t.Context(), append(ids, "NOBODY"))
	wantCode(t, "enable", err, "")
	wantCode(t, "the bad one", refused["NEW0444"], refresh.Refused)
	wantCode(t, "nobody", refused["NOBODY"], refresh.NotFound)
	if msg := refresh.MessageOf(refused["NEW0444"]); !strings.Contains(msg, "Brugeren NEW0444 er spærret") {
		t.Errorf("message: %s", msg)
	}
	enabled, batches := 0, 0
	for _, u := range sim.Snapshot("uat").Users {
		if u.Enabled && strings.HasPrefix(u.ID, "NEW") {
			enabled++
		}
	}
	for _, call := range sim.Calls() {
		if strings.HasSuffix(call.Path, "/$batch") {
			batches++
		}
	}
	if len(refused) != 2 || enabled != many-1 || batches > 60 {
		t.Errorf("refused %v, %d enabled, %d batches", refused, enabled, batches)
	}

	group := refresh.Record{Entity: "BatchGroups", Key: map[string]any{"GroupId": "MRP", "ServerId": "BATCH2"}, Set: map[string]any{"Description": "Master planning"}}
	there := refresh.Record{Entity: "BatchGroups", Key: map[string]any{"GroupId": "MRP", "ServerId": "BATCH1"}, Set: map[string]any{"Description": "Other"}}
	office := refresh.Record{Entity: "DocumentParameters", Key: map[string]any{"dataAreaId": "demf", "Key": 0}, Set: map[string]any{"WebAppsServerURL": "https://office-uat"}}
	edi := refresh.Record{Entity: "SysAADClients", Key: map[string]any{"AADClientId": "33330000-0000-4000-8000-00000000ed10"}}
	errs, err := c.WriteAll(t.Context(), []refresh.Change{
		{Method: http.MethodPost, Record: group}, {Method: http.MethodPost, Record: there}, {Method: http.MethodPatch, Record: office},
		{Method: http.MethodDelete, Record: edi}, {Method: http.MethodPatch, Record: refresh.Record{Entity: "SystemUsers", Key: map[string]any{"UserID": "FINN"}, Set: map[string]any{"Nonsense": 1}}},
	})
	wantCode(t, "write all", err, "")
	for i, want := range []refresh.Code{"", "", "", "", refresh.Refused} {
		wantCode(t, fmt.Sprint("change ", i), errs[i], want)
	}
	now := sim.Snapshot("uat")
	if !slices.Contains(now.BatchGroups, cloudsim.BatchGroup{GroupID: "MRP", ServerID: "BATCH2", Description: "Master planning"}) ||
		!slices.Contains(now.BatchGroups, cloudsim.BatchGroup{GroupID: "MRP", ServerID: "BATCH1", Description: "Master planning"}) ||
		slices.ContainsFunc(now.AADClients, func(a cloudsim.AADClient) bool { return strings.HasPrefix(a.ClientID, "3333") }) {
		t.Errorf("groups %v, apps %v", now.BatchGroups, now.AADClients)
	}
}
