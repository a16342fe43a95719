package cloudsim

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// companionContract is the contract of the companion service, which its client and its source are tested with too.
const companionContract = "../finops/xpp/contract.json"

func (s sim) companion(env, operation string, request map[string]any) answer {
	s.t.Helper()
	body, _ := json.Marshal(map[string]any{"_request": request})
	return s.do("POST", s.EnvironmentURL(env)+"/api/services/RefreshbotServices/Refreshbot/"+operation, string(body), s.envToken(env))
}

func (s sim) hostOf(env string) string { return strings.TrimPrefix(s.EnvironmentURL(env), "https://") }

func TestTheCompanionKeepsTheContract(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(companionContract)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Companion: true, Timeline: slow()})
	s.refresh()
	for s.Advance("uat") {
	}
	lost := s.Snapshot("uat")
	if lost.Email.PasswordSet || len(lost.EntityStore) > 0 || lost.HelpLibrary != "" || lost.EncryptedFields[0].Set {
		t.Fatalf("nothing to do after a refresh: %+v", lost)
	}
	raw = []byte(strings.NewReplacer("{host}", s.hostOf("uat"), "{id}", "c-1").Replace(string(raw)))
	var contract struct {
		Group, Service, Version string
		Operations              []struct {
			Name              string
			Request, Response map[string]any
		}
		Refusal struct {
			Status int
			Body   map[string]any
		}
	}
	if err := json.Unmarshal(raw, &contract); err != nil {
		t.Fatal(err)
	}
	if contract.Version != companionVersion {
		t.Errorf("version %s", contract.Version)
	}
	list := s.do("GET", s.EnvironmentURL("uat")+"/api/services/"+contract.Group+"/"+contract.Service, "", s.envToken("uat"))
	for _, o := range contract.Operations {
		if !strings.Contains(list.body, `"`+o.Name+`"`) {
			t.Errorf("%s is not among %s", o.Name, list.body)
		}
		var after [2]Environment
		for i := range after { // twice: the result must be the same
			a := s.companion("uat", o.Name, o.Request["_request"].(map[string]any))
			if d := cmp.Diff(o.Response, a.json); a.status != 200 || d != "" {
				t.Errorf("%s: %d %s", o.Name, a.status, d)
			}
			after[i] = s.Snapshot("uat")
			for j := range after[i].EntityStore {
				after[i].EntityStore[j].At = lost.DataAsOf
			}
		}
		if d := cmp.Diff(after[0], after[1]); d != "" {
			t.Errorf("%s done again changes something: %s", o.Name, d)
		}
	}
	now := s.Snapshot("uat")
	if !now.Email.PasswordSet || now.Email.User != "uat@contoso.com" || now.HelpLibrary != "Training help" || !now.EncryptedFields[0].Set {
		t.Errorf("%+v, %s, %+v", now.Email, now.HelpLibrary, now.EncryptedFields)
	}
	var measurements []string
	for _, r := range now.EntityStore {
		measurements = append(measurements, r.Entity)
	}
	if d := cmp.Diff([]string{"CustTransactions", "SalesOrderCube"}, measurements); d != "" {
		t.Error(d)
	}

	a := s.companion("uat", "status", map[string]any{"expectedHost": "elsewhere.sandbox.operations.dynamics.com", "correlationId": "c-1"})
	if a.status != contract.Refusal.Status || a.json["Message"] != contract.Refusal.Body["Message"] || len(a.json) != len(contract.Refusal.Body) {
		t.Errorf("refusal: %d %s", a.status, a.body)
	}
}

func TestTheCompanionIsGuarded(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Companion: true})
	before := map[string]Environment{"prod": s.Snapshot("prod"), "uat": s.Snapshot("uat")}
	for name, tt := range map[string]struct{ env, host, want string }{
		"production":                      {"prod", s.hostOf("prod"), "sandbox environments only"},
		"another environment":             {"uat", s.hostOf("prod"), "but this is " + s.hostOf("uat")},
		"no environment":                  {"uat", "", "but this is"},
		"production under another's name": {"prod", s.hostOf("uat"), "sandbox environments only"},
	} {
		for _, o := range companionServices() {
			a := s.companion(tt.env, o.operation, map[string]any{
				"expectedHost": tt.host, "correlationId": "c", "entities": []string{"CustTransactions"}, "user": "u", "password": "p", "library": "Training help",
				"table": "ExchangeRateProviderConfigurationDetails", "field": "Value", "value": "v",
			})
			if m, _ := a.json["Message"].(string); a.status != 500 || !strings.Contains(m, tt.want) {
				t.Errorf("%s, %s: %d %s", name, o.operation, a.status, a.body)
			}
		}
	}
	for env, was := range before {
		now := s.Snapshot(env)
		if d := cmp.Diff(was, now); d != "" {
			t.Errorf("%s changed: %s", env, d)
		}
	}
}

func TestWhatTheCompanionRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	s.InstallCompanion("uat", true)
	for name, tt := range map[string]struct {
		operation string
		request   map[string]any
		want      string
	}{
		"an unknown measurement": {"refreshEntityStore", map[string]any{"entities": []string{"CustTransactions", "Nope"}}, "'Nope'"},
		"no measurement":         {"refreshEntityStore", nil, "No aggregate measurement"},
		"no password":            {"setSmtpPassword", map[string]any{"user": "u"}, "no password"},
		"an unknown library":     {"setHelp", map[string]any{"library": "Nope"}, "not known here"},
		"a field off the list":   {"setEncryptedField", map[string]any{"table": "UserInfo", "field": "Id", "value": "v"}, "not on the list"},
		"no value":               {"setEncryptedField", map[string]any{"table": "ExchangeRateProviderConfigurationDetails", "field": "Value"}, "no value"},
		"no record":              {"setEncryptedField", map[string]any{"table": "FiscalEstablishment_BR", "field": "ConsumerEFDocCsc", "value": "v"}, "0 records"},
		"an unknown member":      {"status", map[string]any{"Entities": 1}, "Could not find member 'Entities'"},
	} {
		request := map[string]any{"expectedHost": s.hostOf("uat"), "correlationId": "c"}
		for k, v := range tt.request {
			request[k] = v
		}
		a := s.companion("uat", tt.operation, request)
		if m, _ := a.json["Message"].(string); a.status != 500 || !strings.Contains(m, tt.want) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestTheCompanionIsCodeAndStays(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow()})
	installed := func() bool {
		return s.do("GET", s.EnvironmentURL("uat")+"/api/services/RefreshbotServices", "", s.envToken("uat")).status == 200
	}
	if installed() {
		t.Error("it is installed by default")
	}
	s.InstallCompanion("uat", true)
	s.refresh() // from a production that has none
	for s.Advance("uat") {
	}
	if !installed() {
		t.Error("a refresh took it away")
	}
	s.InstallCompanion("uat", false)
	if installed() {
		t.Error("it cannot be taken away")
	}
}

func TestRolesAreAssignedThroughTheAssociations(t *testing.T) {
	t.Parallel()
	const role = `{"UserId":"TRAIN02","SecurityRoleIdentifier":"SYSTEMUSER","SecurityRoleName":"System user"}`
	key := "(UserId='TRAIN02',SecurityRoleIdentifier='SYSTEMUSER')"
	s := start(t, Options{})
	has := func() string {
		roles := s.Snapshot("uat").UserRoles
		if i := slices.IndexFunc(roles, func(r UserRole) bool { return r.UserID == "TRAIN02" }); i >= 0 {
			return roles[i].Status
		}
		return ""
	}
	if a := s.data("POST", "SecurityUserRoles", role); a.status != 400 || has() != "" {
		t.Errorf("SecurityUserRoles took it: %d, %s", a.status, has())
	}
	if a := s.data("POST", "SecurityUserRoleAssociations", strings.Replace(role, "System user", "", 1)); a.status != 400 || !strings.Contains(a.inner(), "Security role name") {
		t.Errorf("without a name: %d %s", a.status, a.body)
	}
	if a := s.data("POST", "SecurityUserRoleAssociations", strings.Replace(role, "TRAIN02", "NOBODY", 1)); a.status != 400 {
		t.Errorf("for nobody: %d", a.status)
	}
	if a := s.data("POST", "SecurityUserRoleAssociations", role); a.status != 201 || has() != "Enabled" {
		t.Errorf("%d %s, %s", a.status, a.body, has())
	}
	if a := s.data("DELETE", "SecurityUserRoleAssociations"+key, ""); a.status != 204 || has() != "Enabled" {
		t.Errorf("a DELETE did something: %d, %s", a.status, has())
	}
	if a := s.data("PATCH", "SecurityUserRoleAssociations"+key, `{"AssignmentStatus":"Disabled"}`); a.status != 204 || has() != "Disabled" {
		t.Errorf("%d %s, %s", a.status, a.body, has())
	}
	s.SetRolesWritable(true)
	if a := s.data("PATCH", "SecurityUserRoles"+key, `{"AssignmentStatus":"Enabled"}`); a.status != 204 || has() != "Enabled" {
		t.Errorf("%d %s, %s", a.status, a.body, has())
	}
}
