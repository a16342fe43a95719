package cloudsim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestODataQueries(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	job := s.Snapshot("uat").BatchJobs[0].RecID
	tests := map[string]struct {
		path   string // spaces are escaped for the test
		status int
		want   string // the rows' first field named, joined; or part of the error
		field  string
	}{
		"top and skip":           {"SystemUsers?$top=2&$skip=1", 200, "DBMovementAPI ANNA", "UserID"},
		"eq":                     {"SystemUsers?$filter=UserID eq 'anna'", 200, "ANNA", "UserID"},
		"and":                    {"SystemUsers?$filter=Enabled eq false and Company eq 'usmf'", 200, "FINN", "UserID"},
		"or, parentheses":        {"SystemUsers?$filter=(UserID eq 'ANNA' or UserID eq 'BO') and not (UserID eq 'BO')", 200, "ANNA", "UserID"},
		"ne and wildcard":        {"SystemUsers?$filter=UserID eq 'TRAIN*' and UserID ne 'TRAIN02' and Enabled ne false", 200, "TRAIN01 TRAIN03", "UserID"},
		"wildcard inside":        {"SystemUsers?$filter=Alias eq '*arla@*com'", 200, "CARLA", "UserID"},
		"order":                  {"Companies?$orderby=DataArea desc", 200, "usmf demf dat", "DataArea"},
		"enum":                   {"BatchJobs?$filter=Status eq Microsoft.Dynamics.DataEntities.BatchStatus'Finished'", 200, "Cleanup of batch history", "JobDescription"},
		"int64":                  {fmt.Sprintf("BatchJobs?$filter=BatchJobRecId le %d", job), 200, "Bank payment export", "JobDescription"},
		"date":                   {"BatchJobs?$filter=OrigStartDateTime lt 2001-01-01T00:00:00Z", 200, "", "JobDescription"},
		"quote in text":          {"SystemUsers?$filter=UserName eq 'O''Brien'", 200, "", "UserID"},
		"own company only":       {"DocumentParameters", 200, "dat", "dataAreaId"},
		"cross-company":          {"DocumentParameters?cross-company=true&$filter=dataAreaId eq 'usmf'", 200, "usmf", "dataAreaId"},
		"batch servers":          {"ServerConfigurations?$filter=IsBatchServer eq Microsoft.Dynamics.DataEntities.NoYes'Yes'", 200, "BATCH1 BATCH2", "AOSInstanceName"},
		"roles":                  {"SecurityUserRoles?$filter=UserId eq 'TRAIN01'", 200, "SYSTEMUSER", "SecurityRoleIdentifier"},
		"enum as text":           {"BatchJobs?$filter=Status eq 'Hold'", 400, "incompatible types", ""},
		"enum, greater":          {"BatchJobs?$filter=Status gt Microsoft.Dynamics.DataEntities.BatchStatus'Hold'", 400, "not supported", ""},
		"wrong case of a field":  {"SystemUsers?$filter=UserId eq 'ANNA'", 400, "Could not find a property named 'UserId'", ""},
		"wrong case in select":   {"SystemUsers?$select=userid", 400, "Could not find a property named 'userid'", ""},
		"wrong field in orderby": {"SystemUsers?$orderby=Nope", 400, "Could not find a property named 'Nope'", ""},
		"wrong case of a set":    {"systemusers", 404, "Resource not found for the segment 'systemusers'", ""},
		"in":                     {"SystemUsers?$filter=UserID in ('ANNA')", 400, "Syntax error", ""},
		"contains":               {"SystemUsers?$filter=contains(UserName,'a')", 400, "unknown function", ""},
		"unfinished":             {"SystemUsers?$filter=UserID eq", 400, "Syntax error", ""},
		"unterminated":           {"SystemUsers?$filter=UserID eq 'x", 400, "Syntax error", ""},
		"expand":                 {"SystemUsers?$expand=Roles", 400, "$expand", ""},
		"negative top":           {"SystemUsers?$top=-1", 400, "Invalid value", ""},
		"no such row":            {"SystemUsers('NOBODY')", 404, "No record", ""},
		"too few keys":           {"BatchGroups('MRP')", 400, "not a key property", ""},
		"key of wrong type":      {"BatchJobs('1')", 400, "incompatible types", ""},
		"not a key":              {"SystemUsers(UserName='x')", 400, "not a key property", ""},
		"other company's row":    {"DocumentParameters(dataAreaId='usmf',Key=0)", 404, "No record", ""},
		"unknown action":         {"BatchJobs/Microsoft.Dynamics.DataEntities.Nope", 404, "Nope", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := s.data("GET", strings.ReplaceAll(tt.path, " ", "%20"), "")
			if a.status != tt.status {
				t.Fatalf("got %d %s, want %d", a.status, a.body, tt.status)
			}
			if tt.status != 200 {
				if e, ok := a.json["error"].(map[string]any); !ok || !strings.Contains(e["message"].(string)+a.inner(), tt.want) {
					t.Errorf("error %s, want %q", a.body, tt.want)
				}
				return
			}
			var got []string
			for _, v := range a.values() {
				got = append(got, v[tt.field].(string))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestODataKeys(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	job := s.Snapshot("uat").BatchJobs[0]
	for path, want := range map[string]any{
		"SystemUsers('ANNA')":                                                   "ANNA",
		"SystemUsers('anna')?$select=UserID":                                    "ANNA",
		"SystemUsers(UserID='ANNA')":                                            "ANNA",
		fmt.Sprintf("BatchJobs(%d)", job.RecID):                                 float64(job.RecID),
		fmt.Sprintf("BatchJobs(BatchJobRecId=%d)", job.RecID):                   float64(job.RecID),
		"BatchGroups(GroupId='',ServerId='BATCH1')":                             "",
		"BatchGroups(ServerId='BATCH1',GroupId='MRP')":                          "MRP",
		"EmailParameters(0)":                                                    float64(0),
		"EmailParameters(ID=0)":                                                 float64(0),
		"DocumentParameters(dataAreaId='usmf',Key=0)?cross-company=true":        "usmf",
		"SecurityUserRoles(UserId='Admin',SecurityRoleIdentifier='-SYSADMIN-')": "Admin",
	} {
		a := s.data("GET", path, "")
		set, _, _ := strings.Cut(path, "(")
		key := map[string]string{"SystemUsers": "UserID", "BatchJobs": "BatchJobRecId", "BatchGroups": "GroupId", "EmailParameters": "ID",
			"DocumentParameters": "dataAreaId", "SecurityUserRoles": "UserId"}[set]
		if a.status != 200 || a.json[key] != want || a.json["@odata.etag"] == nil {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.data("GET", "SystemUsers/$count", ""); a.body != fmt.Sprint(len(s.Snapshot("uat").Users)) {
		t.Errorf("$count says %s", a.body)
	}
	if a := s.data("GET", "$metadata", ""); !strings.Contains(a.body, `<EntitySet Name="BatchJobs"`) {
		t.Errorf("$metadata: %d", a.status)
	}
	if a := s.data("GET", "", ""); len(a.values()) != len(entitySets()) {
		t.Errorf("service document: %s", a.body)
	}
}

func TestServerPaging(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"?$count=true", "?$count=true&$top=7", "?$count=true&$skip=2&$orderby=UserID"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{ODataPageSize: 4})
			want := len(s.Snapshot("uat").Users)
			if strings.Contains(query, "top=7") {
				want = 7
			} else if strings.Contains(query, "skip=2") {
				want -= 2
			}
			seen := map[any]bool{}
			token := s.envToken("uat")
			for next := s.EnvironmentURL("uat") + "/data/SystemUsers" + query; next != ""; {
				a := s.do("GET", next, "", token)
				if len(a.values()) > 4 || a.json["@odata.count"] != float64(len(s.Snapshot("uat").Users)) {
					t.Fatalf("page: %s", a.body)
				}
				for _, v := range a.values() {
					seen[v["UserID"]] = true
				}
				next, _ = a.json["@odata.nextLink"].(string)
			}
			if len(seen) != want {
				t.Errorf("saw %d users, want %d", len(seen), want)
			}
		})
	}
}

func TestODataWrites(t *testing.T) {
	t.Parallel()
	newUserBody := `{"UserID":"NEW","UserName":"New one","NetworkDomain":"d","UserInfo_language":"en-us","Helplanguage":"en-us","Alias":"new@contoso.com","Enabled":true}`
	user := func(id string) func(Environment) any {
		return func(e Environment) any {
			for _, u := range e.Users {
				if u.ID == id {
					return u.Enabled
				}
			}
			return nil
		}
	}
	tests := map[string]struct {
		method, path, body string
		status             int
		look               func(Environment) any
		want               any    // what look finds afterwards
		inner              string // part of the error
	}{
		"enable":                {"PATCH", "SystemUsers('FINN')", `{"Enabled":true}`, 204, user("FINN"), true, ""},
		"enable by text":        {"PATCH", "SystemUsers('FINN')", `{"Enabled":"True"}`, 204, user("FINN"), true, ""},
		"disable by text":       {"PATCH", "SystemUsers(UserID='ANNA')", `{"Enabled":"False"}`, 204, user("ANNA"), false, ""},
		"not a boolean":         {"PATCH", "SystemUsers('ANNA')", `{"Enabled":1}`, 400, user("ANNA"), true, "'Enabled'"},
		"unknown field":         {"PATCH", "SystemUsers('ANNA')", `{"enabled":false}`, 400, user("ANNA"), true, "'enabled' does not exist"},
		"not JSON":              {"PATCH", "SystemUsers('ANNA')", `{`, 400, user("ANNA"), true, "not a valid JSON"},
		"change a key":          {"PATCH", "SystemUsers('ANNA')", `{"UserID":"BERTA"}`, 400, user("BERTA"), nil, "Write failed for table row of type 'SystemUserEntity'. Infolog: Error: "},
		"unknown row":           {"PATCH", "SystemUsers('NOBODY')", `{"Enabled":true}`, 404, user("NOBODY"), nil, "No record"},
		"create a user":         {"POST", "SystemUsers", newUserBody, 201, user("NEW"), true, ""},
		"create, no language":   {"POST", "SystemUsers", strings.Replace(newUserBody, "UserInfo_language", "PersonName", 1), 400, user("NEW"), nil, "'UserInfo_language' must be filled in"},
		"create twice":          {"POST", "SystemUsers", strings.Replace(newUserBody, "NEW", "anna", 1), 400, user("anna"), nil, "already exists"},
		"delete":                {"DELETE", "SystemUsers('TRAIN01')", "", 204, user("TRAIN01"), nil, ""},
		"batch group":           {"POST", "BatchGroups", `{"GroupId":"MRP","ServerId":"BATCH2","Description":"Master planning"}`, 201, groups, "@BATCH1 @BATCH2 MRP@BATCH1 MRP@BATCH2", ""},
		"batch group twice":     {"POST", "BatchGroups", `{"GroupId":"MRP","ServerId":"BATCH1"}`, 400, groups, "@BATCH1 @BATCH2 MRP@BATCH1", "already exists"},
		"unknown server":        {"POST", "BatchGroups", `{"GroupId":"MRP","ServerId":"BATCH9"}`, 400, groups, "@BATCH1 @BATCH2 MRP@BATCH1", "'BATCH9'"},
		"last server of group":  {"DELETE", "BatchGroups(GroupId='MRP',ServerId='BATCH1')", "", 204, groups, "@BATCH1 @BATCH2 MRP@", ""},
		"e-mail":                {"PATCH", "EmailParameters(ID=0)", `{"SMTPRelayServerName":"smtp.x","SMTPPortNumber":25,"SMTPRequireSSL":"Yes"}`, 204, email, "smtp.x:25 Yes", ""},
		"e-mail, bare key":      {"PATCH", "EmailParameters(0)", `{"SMTPPortNumber":26}`, 204, email, "smtp-test.contoso.com:26 No", ""},
		"e-mail, wrong enum":    {"PATCH", "EmailParameters(0)", `{"SMTPRequireSSL":"Perhaps"}`, 400, email, "smtp-test.contoso.com:2525 No", "'SMTPRequireSSL'"},
		"e-mail, port":          {"PATCH", "EmailParameters(0)", `{"SMTPPortNumber":99999}`, 400, email, "smtp-test.contoso.com:2525 No", "Port number"},
		"e-mail, create":        {"POST", "EmailParameters", `{"ID":1}`, 400, email, "smtp-test.contoso.com:2525 No", "not allowed"},
		"Entra app":             {"POST", "SysAADClients", `{"AADClientId":"` + extra + `","UserId":"anna","Name":"x"}`, 201, apps, 3, ""},
		"Entra app, no user":    {"POST", "SysAADClients", `{"AADClientId":"` + extra + `","UserId":"nobody"}`, 400, apps, 2, "'nobody'"},
		"Entra app, no GUID":    {"POST", "SysAADClients", `{"AADClientId":"x","UserId":"ANNA"}`, 400, apps, 2, "GUID"},
		"remove Entra app":      {"DELETE", "SysAADClients('33330000-0000-4000-8000-00000000ed10')", "", 204, apps, 1, ""},
		"status is read-only":   {"PATCH", "BatchJobs(JOB)", `{"Status":"Waiting"}`, 400, job, "Hold", "'Status' does not allow editing"},
		"job, other field":      {"PATCH", "BatchJobs(JOB)", `{"JobDescription":"Renamed"}`, 204, job, "Hold", ""},
		"document parameters":   {"PATCH", "DocumentParameters(dataAreaId='usmf',Key=0)?cross-company=true", `{"WebAppsServerURL":"https://o"}`, 204, office, "https://o", ""},
		"other company":         {"PATCH", "DocumentParameters(dataAreaId='usmf',Key=0)", `{"WebAppsServerURL":"https://o"}`, 404, office, "https://office-uat.contoso.com", "No record"},
		"system parameters":     {"PATCH", "SystemParameters(0)", `{"SystemCurrencyCode":"EUR"}`, 204, func(e Environment) any { return e.System.Currency }, "EUR", ""},
		"read-only entity":      {"PATCH", "Companies('usmf')", `{"Name":"x"}`, 400, func(e Environment) any { return e.Companies[1].Name }, "Contoso Entertainment System USA", "not allowed"},
		"method that is no one": {"POST", "SystemUsers('ANNA')", `{}`, 405, user("ANNA"), true, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			path := strings.ReplaceAll(tt.path, "JOB", fmt.Sprint(heldJob(s.Snapshot("uat")).RecID))
			a := s.data(tt.method, path, tt.body, "Content-Type: application/json")
			if a.status != tt.status || !strings.Contains(a.inner(), tt.inner) {
				t.Errorf("got %d %s, want %d and %q", a.status, a.body, tt.status, tt.inner)
			}
			if diff := cmp.Diff(tt.want, tt.look(s.Snapshot("uat"))); diff != "" {
				t.Errorf("afterwards (-want +got):\n%s", diff)
			}
		})
	}
}

func groups(e Environment) any {
	var all []string
	for _, g := range e.BatchGroups {
		all = append(all, g.GroupID+"@"+g.ServerID)
	}
	return strings.Join(all, " ")
}

func email(e Environment) any {
	return fmt.Sprintf("%s:%d %s", e.Email.Server, e.Email.Port, e.Email.RequireSSL)
}

func apps(e Environment) any   { return len(e.AADClients) }
func job(e Environment) any    { return heldJob(e).Status }
func office(e Environment) any { return e.DocumentParameters[1].WebAppsServer }

// heldJob is the job that a sandbox starts with on Hold.
func heldJob(e Environment) BatchJob { return e.BatchJobs[0] }

func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	tag := s.data("GET", "SystemUsers('FINN')", "").json["@odata.etag"].(string)
	for _, tt := range []struct {
		match string
		want  int
	}{{`W/"stale"`, 412}, {tag, 204}, {tag, 412}, {"*", 204}} {
		enabled := !s.data("GET", "SystemUsers('FINN')", "").json["Enabled"].(bool)
		if a := s.data("PATCH", "SystemUsers('FINN')", fmt.Sprintf(`{"Enabled":%v}`, enabled), "If-Match: "+tt.match); a.status != tt.want {
			t.Errorf("If-Match %s: %d, want %d", tt.match, a.status, tt.want)
		}
	}
}

func TestSetBatchJobToWaiting(t *testing.T) {
	t.Parallel()
	const action = "BatchJobs/Microsoft.Dynamics.DataEntities.SetBatchJobToWaiting"
	for shape, open := range map[string]func(answer) map[string]any{
		"plain":   func(a answer) map[string]any { return a.json },
		"complex": func(a answer) map[string]any { return a.json["value"].(map[string]any) },
		"string": func(a answer) (v map[string]any) {
			_ = json.Unmarshal([]byte(a.json["value"].(string)), &v)
			return v
		},
	} {
		for _, refused := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, refused %v", shape, refused), func(t *testing.T) {
				t.Parallel()
				s := start(t, Options{})
				s.SetBatchBehaviour(BatchBehaviour{Reply: shape, WithholdRefused: refused})
				id := heldJob(s.Snapshot("uat")).RecID
				a := s.data("POST", action, fmt.Sprintf(`{"batchJobId":%d}`, id))
				got := open(a)
				if a.status != 200 || got["IsSuccess"] != !refused || got["Batch JobId"] != float64(id) || got["reponseMessage"] == nil {
					t.Errorf("%d %s", a.status, a.body)
				}
				want := map[bool]string{false: "Waiting", true: "Hold"}[refused]
				if status := heldJob(s.Snapshot("uat")).Status; status != want {
					t.Errorf("job is %s, want %s", status, want)
				}
			})
		}
	}
	s := start(t, Options{})
	if a := s.data("POST", action, `{"batchJobId":1}`); a.json["value"].(map[string]any)["IsSuccess"] != false {
		t.Errorf("unknown job: %s", a.body)
	}
	if a := s.data("POST", action, `{"BatchJobId":"x"}`); a.status != 400 {
		t.Errorf("wrong parameter: %d %s", a.status, a.body)
	}
	s.SetBatchBehaviour(BatchBehaviour{StatusWritable: true})
	if a := s.data("PATCH", fmt.Sprintf("BatchJobs(%d)", heldJob(s.Snapshot("uat")).RecID), `{"Status":"Waiting"}`); a.status != 204 {
		t.Errorf("PATCH Status: %d %s", a.status, a.body)
	}
}

func TestCallersOfAnEnvironment(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	s.SetUserPassword("anna@contoso.com", "pw-anna")
	s.SetUserPassword("stranger@contoso.com", "pw-stranger")
	user := func(upn, password string) string {
		form := url.Values{"grant_type": {"password"}, "client_id": {s.LCSClientID()}, "username": {upn}, "password": {password},
			"scope": {s.EnvironmentURL("uat") + "/.default"}}
		return s.token(form)
	}
	target := s.EnvironmentURL("uat") + "/data/Companies"
	app, anna := s.envToken("uat"), user("anna@contoso.com", "pw-anna")
	for name, tt := range map[string]struct {
		token string
		want  int
	}{"application": {app, 200}, "user": {anna, 200}, "user without an account here": {user("stranger@contoso.com", "pw-stranger"), 401}} {
		if a := s.do("GET", target, "", tt.token); a.status != tt.want {
			t.Errorf("%s: %d, want %d", name, a.status, tt.want)
		}
	}
	s.data("PATCH", "SystemUsers('ANNA')", `{"Enabled":false}`)
	if a := s.do("GET", target, "", anna); a.status != 401 {
		t.Errorf("disabled user: %d, want 401", a.status)
	}
	s.AddApp("uat", s.AppID(), "ANNA")
	if a := s.do("GET", target, "", app); a.status != 401 {
		t.Errorf("application of a disabled user: %d, want 401", a.status)
	}
	s.RemoveApp("uat", s.AppID())
	if a := s.do("GET", target, "", app); a.status != 401 {
		t.Errorf("removed application: %d, want 401", a.status)
	}
}
