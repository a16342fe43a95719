package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// everything asks for all that can be done after the copy. The lines of mistakes below count from its first.
const everything = `keep: [document_parameters, users, user_roles, email]
reconfigure:
  - batch_groups: [{group: ""}]
  - email: {server: smtp, port: 25, user: uat, require_ssl: false, password: {env: SMTP_PASSWORD}, name: Mail, on_failure: stop}
  - batch_jobs: {to_waiting: [a], retries: 20}
  - entity_store: {entities: [CustTransactions], when: always, on_failure: ask}
  - parallel:
      - system_parameters: {help_library: UAT help, on_failure: continue}
      - service: {name: Queues, path: A/B/c, expect: [1, {ok: true}], timeout: 5m, when: if_installed}
      - package: {name: Settings, file: config.zip, definition_group: G, legal_entity: usmf, overwrite: false, timeout: 30m}
  - odata: {name: Links, entity: DocumentParameters, key: {dataAreaId: usmf}, set: {A: 1}, insert: true}
  - parallel:
      - service: {name: Nothing, path: A/B/d, expect: null}
      - http: {name: Hub, url: "https://hub.contoso.com/refreshed?env=uat", headers: {X-Env: uat, X-Api-Key: {env: HUB_KEY}, authorization: {file: hub.key}}, body: [1], expect: [200, 202]}
  - http: {name: Local, url: "http://127.0.0.1:8080", method: PUT}
  - package: {name: More, file: config.zip, definition_group: G, legal_entity: usmf}
  - manual: {name: Help, text: Do it.}
  - odata:
      name: Sites
      entity: Sites
      rows:
        - {key: {Id: A}, set: {Open: true}}
        - {key: {Id: B, No: 1}, set: {Open: false, Since: 2026-11-22}}
must_not:
  - {name: Mail through production, entity: EmailParameters, where: {SMTPRelayServerName: "", SMTPPortNumber: 25, Yes: true}}
users: {enable: [ANNA], role: Trainee, restore: true, roles: true, notify: true}
`

func fuller() surroundings {
	s := around()
	s.vars["SMTP_PASSWORD"] = "smtp-hush"
	s.vars["HUB_KEY"] = "hub-hush"
	s.files["/etc/bot/hub.key"] = "Bearer hush\n"
	return s
}

func TestTheRecipeHoldsAllThatWasWritten(t *testing.T) {
	t.Parallel()
	c, err := fuller().parse("/etc/bot/refreshbot.yml", inRefresh(everything))
	if err != nil {
		t.Fatal(err)
	}
	want := phases.Recipe{
		Approve: refresh.Policy{By: []string{"U0ANNA"}, Count: 1, Expires: 24 * time.Hour},
		SignOff: &refresh.Policy{By: []string{"U0ANNA"}, Count: 1},
		Keep:    []phases.Area{phases.AreaDocumentParameters, phases.AreaUsers, phases.AreaUserRoles, phases.AreaEmail},
		Items: []phases.Item{
			{Kind: refresh.KindBatchGroups, Name: "Batch groups", Params: phases.BatchGroupsParams{Groups: []phases.BatchGroup{{}}}},
			{Kind: refresh.KindEmail, Name: "Mail", OnFailure: refresh.FailureStops,
				Params: phases.EmailParams{EmailParameters: refresh.EmailParameters{Server: "smtp", Port: 25, User: "uat"}, Secret: "env:SMTP_PASSWORD"}},
			{Kind: refresh.KindBatchJobs, Name: "Batch jobs to Waiting", Retries: 20, Params: phases.BatchJobsParams{ToWaiting: []string{"a"}}},
			{Kind: refresh.KindEntityStore, Name: "Entity store", Params: phases.EntityStoreParams{Entities: []string{"CustTransactions"}}},
			{Kind: refresh.KindParameters, Name: "System parameters", Group: "parallel-1", OnFailure: refresh.FailureContinues, Params: phases.SystemParams{HelpLibrary: "UAT help"}},
			{Kind: refresh.KindService, Name: "Queues", Group: "parallel-1", IfInstalled: true,
				Params: phases.ServiceParams{Path: "A/B/c", Expect: json.RawMessage(`[1,{"ok":true}]`), Timeout: 5 * time.Minute}},
			{Kind: refresh.KindPackage, Name: "Settings", Group: "parallel-1",
				Params: phases.PackageParams{File: "/etc/bot/config.zip", DefinitionGroup: "G", LegalEntity: "usmf", Timeout: 30 * time.Minute}},
			{Kind: refresh.KindOData, Name: "Links", Params: phases.ODataParams{Insert: true,
				Record: refresh.Record{Entity: "DocumentParameters", Key: map[string]any{"dataAreaId": "usmf"}, Set: map[string]any{"A": int64(1)}}}},
			{Kind: refresh.KindService, Name: "Nothing", Group: "parallel-2", Params: phases.ServiceParams{Path: "A/B/d", Expect: json.RawMessage(`null`)}},
			{Kind: refresh.KindHTTP, Name: "Hub", Group: "parallel-2", Params: phases.HTTPParams{Method: "POST", URL: "https://hub.contoso.com/refreshed?env=uat",
				Headers: map[string]string{"X-Env": "uat"}, Secrets: map[string]string{"X-Api-Key": "env:HUB_KEY", "authorization": "file:/etc/bot/hub.key"},
				Body: []any{int64(1)}, Expect: []int{200, 202}}},
			{Kind: refresh.KindHTTP, Name: "Local", Params: phases.HTTPParams{Method: "PUT", URL: "http://127.0.0.1:8080"}},
			{Kind: refresh.KindPackage, Name: "More",
				Params: phases.PackageParams{File: "/etc/bot/config.zip", DefinitionGroup: "G", LegalEntity: "usmf", Overwrite: true}},
			{Kind: refresh.KindManual, Name: "Help", Params: phases.ManualParams{Text: "Do it."}},
			{Kind: refresh.KindOData, Name: "Sites", Params: phases.ODataParams{Record: refresh.Record{Entity: "Sites"}, Rows: []refresh.Record{
				{Entity: "Sites", Key: map[string]any{"Id": "A"}, Set: map[string]any{"Open": true}},
				{Entity: "Sites", Key: map[string]any{"Id": "B", "No": int64(1)}, Set: map[string]any{"Open": false, "Since": "2026-11-22"}},
			}}},
		},
		Guard: []phases.Probe{{Name: "Mail through production", Entity: "EmailParameters",
			Where: map[string]any{"SMTPRelayServerName": "", "SMTPPortNumber": int64(25), "Yes": true}}},
		Users: phases.UsersParams{Enable: []string{"ANNA"}, Role: "Trainee", Restore: true, Roles: true},
	}
	r := c.Targets()[0].Refresh
	if diff := cmp.Diff(want, r.Recipe()); diff != "" {
		t.Errorf("recipe (-want +got):\n%s", diff)
	}
	if !r.Users.Notify {
		t.Error("notify was lost")
	}
	planned(t, c)
}

// What is read later is found wherever the process works by then.
func TestFilesOfAPlanAreNamedByAbsolutePaths(t *testing.T) {
	t.Parallel()
	c, err := generous(t, "conf/refreshbot.yml", inRefresh(strings.Replace(everything, "users: {", "users: {files: [../trainees.csv], ", 1)))
	if err != nil {
		t.Fatal(err)
	}
	r := c.Targets()[0].Refresh
	secret := strings.TrimPrefix(r.Reconfigure[9].Params.(phases.HTTPParams).Secrets["authorization"], "file:")
	for got, end := range map[string]string{
		r.Users.Files[0]: "/trainees.csv",
		r.Reconfigure[6].Params.(phases.PackageParams).File: "/conf/config.zip",
		secret: "/conf/hub.key",
	} {
		if !strings.HasPrefix(got, "/") || !strings.HasSuffix(got, end) || strings.Contains(got, "..") {
			t.Errorf("got %s, want an absolute path that ends in %s", got, end)
		}
	}
}

func TestMistakesInWhatIsDoneAfterTheCopy(t *testing.T) {
	t.Parallel()
	const at = "environments.UAT.refresh."
	first := strings.Count(inRefresh(""), "\n") + 1
	cases := []struct {
		name     string
		old, new string
		line     int // of everything, from 1
		want     []string
	}{
		{"item with an unknown key", "retries: 20", "retrys: 20", 5,
			[]string{"reconfigure[2].batch_jobs.retrys: unknown key; did you mean retries?"}},
		{"rules on a list", `[{group: ""}]`, `{groups: [], retries: 1}`, 3,
			[]string{"reconfigure[0].batch_groups: must be a list, such as [a, b], not a mapping"}},
		{"too many retries", "retries: 20", "retries: 21", 5,
			[]string{"reconfigure[2].batch_jobs.retries: must be at most 20, not 21"}},
		{"unknown condition", "when: always", "when: never", 6,
			[]string{`reconfigure[3].entity_store.when: must be one of always, if_installed, not "never"`}},
		{"unknown answer to a failure", "on_failure: stop", "on_failure: abort", 4,
			[]string{`reconfigure[1].email.on_failure: must be one of ask, continue, stop, not "abort"`}},
		{"password in plain text", "password: {env: SMTP_PASSWORD}", "password: smtp-hush", 4,
			[]string{"reconfigure[1].email.password: must be a reference, {env: NAME} or {file: PATH}: what is secret never stands in this file itself"}},
		{"password that is not set", "password: {env: SMTP_PASSWORD}", "password: {env: SMTP_PASWORD}", 4,
			[]string{"reconfigure[1].email.password: the environment variable SMTP_PASWORD is not set: set it before starting"}},
		{"password of nobody", "user: uat, ", "", 4,
			[]string{"reconfigure[1].email.password: is the password of a user: add user, or remove it"}},
		{"no entity to refresh", "[CustTransactions]", "[]", 6,
			[]string{"reconfigure[3].entity_store.entities: is an empty list: list at least one, or remove the key"}},
		{"no Help library", "help_library: UAT help, ", "", 8,
			[]string{"reconfigure[4].parallel[0].system_parameters.help_library: is missing: add the Help library of Lifecycle Services to use"}},
		{"expectation without a value", "expect: null", "expect: ", 13,
			[]string{"reconfigure[6].parallel[0].service.expect: has no value: give it one or remove the key"}},
		{"expectation that JSON cannot hold", "expect: null", "expect: .nan", 13,
			[]string{"reconfigure[6].parallel[0].service.expect: must be a number that JSON can hold; put it in quotes if it is text"}},
		{"timeout of zero", "timeout: 5m", "timeout: 0s", 9,
			[]string{"reconfigure[4].parallel[1].service.timeout: must be more than zero: write a duration such as 30m"}},
		{"package that is not there", "file: config.zip, definition_group: G, legal_entity: usmf, overwrite", "file: hush.zip, definition_group: G, legal_entity: usmf, overwrite", 10,
			[]string{"reconfigure[4].parallel[2].package.file: the file named here cannot be read (file does not exist): a relative path starts at the folder of this file"}},
		{"package of another kind", "file: config.zip, definition_group: G, legal_entity: usmf, overwrite", "file: config.xml, definition_group: G, legal_entity: usmf, overwrite", 10,
			[]string{`reconfigure[4].parallel[2].package.file: must be a .zip file, not "config.xml"`}},
		{"two packages side by side", "service: {name: Queues, path: A/B/c,", "package: {name: Queues, file: config.zip, definition_group: G, legal_entity: usmf} #", 10,
			[]string{"reconfigure[4].parallel[2].package: is a second package in one parallel, and F&O imports one at a time: move it out, to an item of its own"}},
		{"parallel in parallel", "service: {name: Nothing,", "parallel: {name: Nothing,", 13,
			[]string{"reconfigure[6].parallel[0].parallel: cannot stand in parallel: move it out, to an item of its own"}},
		{"a person in parallel", "service: {name: Nothing,", "manual: {name: Nothing,", 13,
			[]string{"reconfigure[6].parallel[0].manual: cannot stand in parallel: move it out, to an item of its own"}},
		{"name used in a parallel already", "name: Local", "name: queues", 15,
			[]string{`reconfigure[7]: "queues" is here twice, first on line 28: give each step a name of its own, and put what is alike into one`}},
		{"address without https", `"http://127.0.0.1:8080"`, `"http://hub.contoso.com"`, 15,
			[]string{"reconfigure[7].http.url: must start with https://; plain http is for servers on this machine only"}},
		{"address with a signature", "?env=uat", "?env=uat&sig=hush", 14,
			[]string{"reconfigure[6].parallel[1].http.url: has a key or signature in its query: what is secret never stands in this file itself; send it as a header with {env: NAME}"}},
		{"address with a fragment", "?env=uat", "#uat", 14,
			[]string{"reconfigure[6].parallel[1].http.url: must not have a fragment: remove everything from the #"}},
		{"address with a broken query", "?env=uat", "?env=%zz", 14,
			[]string{"reconfigure[6].parallel[1].http.url: has a query that cannot be read: write it as name=value&name=value"}},
		{"method unknown", "method: PUT", "method: put", 15,
			[]string{`reconfigure[7].http.method: must be one of GET, POST, PUT, PATCH, DELETE, not "put"; did you mean PUT?`}},
		{"secret header in plain text", "X-Api-Key: {env: HUB_KEY}", "X-Api-Key: hush", 14,
			[]string{"reconfigure[6].parallel[1].http.headers.X-Api-Key: must be a reference, {env: NAME} or {file: PATH}: what is secret never stands in this file itself"}},
		{"secret header that is not set", "X-Api-Key: {env: HUB_KEY}", "X-Api-Key: {env: NOT_SET}", 14,
			[]string{"reconfigure[6].parallel[1].http.headers.X-Api-Key: the environment variable NOT_SET is not set: set it before starting"}},
		{"header of two lines", "X-Env: uat", `X-Env: "hush\nhush"`, 14,
			[]string{"reconfigure[6].parallel[1].http.headers.X-Env: must be one line of text without control characters"}},
		{"header with a bad name", "X-Env: uat", `"X Env": uat`, 14,
			[]string{`reconfigure[6].parallel[1].http.headers."X Env": must be the name of a header, such as X-Environment`}},
		{"header of the connection", "X-Env: uat", "Host: uat", 14,
			[]string{"reconfigure[6].parallel[1].http.headers.Host: is written by the connection itself: remove it"}},
		{"header in two spellings", "X-Env: uat", "X-Env: uat, x-env: sit", 14,
			[]string{"reconfigure[6].parallel[1].http.headers.x-env: is written twice, first on line 33: headers do not tell upper from lower case"}},
		{"no such status code", "[200, 202]", "[200, 20]", 14,
			[]string{"reconfigure[6].parallel[1].http.expect[1]: must be at least 100, not 20"}},
		{"row without its fields", "{key: {Id: A}, set: {Open: true}}", "{key: {Id: A}}", 22,
			[]string{"reconfigure[10].odata.rows[0].set: is missing: add the fields to change"}},
		{"row with an empty key", "{key: {Id: A}, set", "{key: {}, set", 22,
			[]string{"reconfigure[10].odata.rows[0].key: is empty: name at least one field"}},
		{"row with a nested key", "{key: {Id: A}, set", "{key: {Id: [hush]}, set", 22,
			[]string{"reconfigure[10].odata.rows[0].key.Id: must be text, a whole number, or true or false, not a list: the value is part of a key"}},
		{"row of another entity", "{key: {Id: A}, set", "{entity: Other, key: {Id: A}, set", 22,
			[]string{"reconfigure[10].odata.rows[0].entity: unknown key; known here: key, set"}},
		{"row written twice", "Id: B, No: 1", "Id: a", 23,
			[]string{"reconfigure[10].odata.rows[1]: has the key of another row, on line 41: put their fields into one"}},
		{"row that is no mapping", "{key: {Id: A}, set: {Open: true}}", "A", 22,
			[]string{"reconfigure[10].odata.rows[0]: must be a mapping of keys to values, not text"}},
		{"a record beside rows", "      rows:\n", "      set: {Open: true}\n      rows:\n", 21,
			[]string{"reconfigure[10].odata.set: cannot stand beside rows: write it into a row, or remove rows"}},
		{"no rows", "      rows:\n        - {key: {Id: A}, set: {Open: true}}\n        - {key: {Id: B, No: 1}, set: {Open: false, Since: 2026-11-22}}\n", "      rows: []\n", 21,
			[]string{"reconfigure[10].odata.rows: is an empty list: list at least one, or remove the key"}},
		{"neither a record nor rows", "key: {dataAreaId: usmf}, set: {A: 1}, ", "", 11,
			[]string{
				"reconfigure[5].odata.key: is missing: add all key fields of the record, such as {dataAreaId: usmf, Key: 0}, or rows for several records",
				"reconfigure[5].odata.set: is missing: add the fields to change",
			}},
		{"probe without a condition", `{SMTPRelayServerName: "", SMTPPortNumber: 25, Yes: true}`, "{}", 25,
			[]string{"must_not[0].where: is empty: name at least one field"}},
		{"probe with a nested value", "SMTPPortNumber: 25", "SMTPPortNumber: [25]", 25,
			[]string{"must_not[0].where.SMTPPortNumber: must be text, a whole number, or true or false, not a list: the value is compared with a field"}},
		{"probe without a name", "name: Mail through production, ", "", 25,
			[]string{"must_not[0].name: is missing: add a name that people read on the card"}},
		{"roles that are not kept", "user_roles, ", "", 26,
			[]string{"users.roles: needs to know the roles from before: add user_roles to keep"}},
		{"users that are not kept", "users, ", "", 26,
			[]string{"users.restore: needs to know who was enabled before: add users to keep"}},
		{"nobody to notify", "enable: [ANNA], role: Trainee, restore: true, roles: true, ", "", 26,
			[]string{"users.notify: has nobody to tell: say beside it who is let in, such as enable or slack_group"}},
		{"users file that is not there", "enable: [ANNA]", "files: [hush.csv]", 26,
			[]string{"users.files[0]: the file named here cannot be read (file does not exist): a relative path starts at the folder of this file"}},
		{"area unknown", "[document_parameters", "[documents", 1,
			[]string{`keep[0]: must be one of users, user_roles, batch_jobs, batch_groups, email, entra_applications, document_parameters, not "documents"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := edit(t, everything, c.old, c.new)
			_, err := fuller().parse("/etc/bot/refreshbot.yml", inRefresh(text))
			if err == nil {
				t.Fatalf("nothing is wrong, want %q", c.want)
			}
			all, _ := errors.AsType[Problems](err)
			var got []Problem
			for _, e := range all {
				got = append(got, Problem{Line: e.Line - first + 1, Text: strings.TrimPrefix(e.Key, at) + ": " + e.Text})
			}
			var want []Problem
			for _, w := range c.want {
				want = append(want, Problem{Line: c.line, Text: w})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
}

func TestAProbeMayStandOnlyOnce(t *testing.T) {
	t.Parallel()
	probe := "  - {name: EDI, entity: BatchJobs, where: {Status: Waiting}}\n"
	_, err := around().parse("/etc/bot/refreshbot.yml", inRefresh("must_not:\n"+probe+strings.Replace(probe, "EDI", "edi", 1)))
	if err == nil || !strings.Contains(err.Error(), "must_not[1]") || !strings.Contains(err.Error(), "is here twice, first on line") {
		t.Errorf("got %v", err)
	}
}

func TestHowManyRecordsAnItemMayWrite(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		10_000: "",
		10_001: "odata.rows: are 10001 records, more than 10000: import them with a package",
	} {
		var text strings.Builder
		text.WriteString("reconfigure:\n  - odata:\n      name: Sites\n      entity: Sites\n      rows:\n")
		for i := range n {
			fmt.Fprintf(&text, "        - {key: {dataAreaId: usmf, Site: S%d}, set: {Open: true, Name: Site %d, Zone: CET}}\n", i, i)
		}
		c, err := fuller().parse("/etc/bot/refreshbot.yml", inRefresh(text.String()))
		switch {
		case want != "":
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%d records: %v", n, err)
			}
		case err != nil:
			t.Errorf("%d records: %v", n, err)
		default:
			if got := len(c.Targets()[0].Refresh.Reconfigure[0].Params.(phases.ODataParams).Rows); got != n {
				t.Errorf("%d records, want %d", got, n)
			}
			planned(t, c)
		}
	}
}
