package finops

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	entities "html"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

// contract is xpp/contract.json: what client and service have agreed on.
type contract struct {
	Group, Service, Version string
	Operations              []struct {
		Name              string
		Request, Response map[string]any
	}
}

func readContract(t *testing.T) contract {
	t.Helper()
	raw, err := os.ReadFile("xpp/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var c contract
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// companionCalls makes the call of each operation that the contract has an example of.
func companionCalls(ctx context.Context, s *Companion) map[string]func() error {
	return map[string]func() error{
		"status":             func() error { _, err := s.Status(ctx); return err },
		"refreshEntityStore": func() error { return s.RefreshEntityStore(ctx, []string{"CustTransactions", "SalesOrderCube"}) },
		"setSmtpPassword":    func() error { return s.SetSMTPPassword(ctx, "uat@contoso.com", `pass "word" & <more>`) },
		"setHelp":            func() error { return s.SetHelp(ctx, "Training help") },
		"setEncryptedField": func() error {
			return s.SetEncryptedField(ctx, refresh.EncryptedField{Table: "ExchangeRateProviderConfigurationDetails", Field: "Value"}, "key-of-the-provider")
		},
	}
}

const companionGET = "GET " + companionPath

var companionOperations = answer{body: `{"Operations":[{"Name":"status"},{"Name":"setHelp"}]}`}

// fakeCompanion answers as fill says to what it was asked, and keeps the requests.
func fakeCompanion(t *testing.T, reply func(operation string, in map[string]any) (int, any)) (*Client, func() map[string]map[string]any) {
	t.Helper()
	seen := map[string]map[string]any{}
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(companionOperations.body))
			return
		}
		var in map[string]any
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		operation := filepath.Base(r.URL.Path)
		if r.URL.Path != companionPath+"/"+operation {
			t.Errorf("called %s", r.URL.Path)
		}
		seen[operation] = in
		status, out := reply(operation, in["_request"].(map[string]any))
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(out)
	})
	return New(Options{URL: srv.URL, HTTP: srv.Client(), Token: signIn}), func() map[string]map[string]any { return seen }
}

func TestTheClientKeepsTheContract(t *testing.T) {
	t.Parallel()
	want := readContract(t)
	if companionPath != "/api/services/"+want.Group+"/"+want.Service {
		t.Errorf("the service is at %s", companionPath)
	}
	host, ids := "", map[string]bool{}
	fill := func(v map[string]any, id any) map[string]any {
		raw, _ := json.Marshal(v)
		var filled map[string]any
		_ = json.Unmarshal([]byte(strings.NewReplacer("{host}", host, "{id}", fmt.Sprint(id)).Replace(string(raw))), &filled)
		return filled
	}
	c, seen := fakeCompanion(t, func(operation string, in map[string]any) (int, any) {
		i := slices.IndexFunc(want.Operations, func(o struct {
			Name              string
			Request, Response map[string]any
		}) bool {
			return o.Name == operation
		})
		return 200, fill(want.Operations[i].Response, in["correlationId"])
	})
	host = c.host
	calls := companionCalls(t.Context(), c.Companion())
	for _, o := range want.Operations {
		call, ok := calls[o.Name]
		if !ok {
			t.Fatalf("the client has no call for %s", o.Name)
		}
		if err := call(); err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
		got := seen()[o.Name]
		id, _ := got["_request"].(map[string]any)["correlationId"].(string)
		if len(id) < 16 || ids[id] {
			t.Errorf("%s: correlation id %q", o.Name, id)
		}
		ids[id] = true
		if d := cmp.Diff(fill(o.Request, id), got); d != "" {
			t.Errorf("%s: %s", o.Name, d)
		}
		delete(calls, o.Name)
	}
	if len(calls) > 0 {
		t.Errorf("the contract has no example of %v", slices.Collect(maps.Keys(calls)))
	}
	status, err := c.Companion().Status(t.Context())
	wantError(t, err, "")
	if d := cmp.Diff(CompanionStatus{Version: want.Version, Host: host, Operations: []string{"status", "setHelp"}}, status); d != "" {
		t.Error(d)
	}
}

// The X++ cannot be compiled here, but it can be held to the contract.
func TestTheXppSourcesKeepTheContract(t *testing.T) {
	t.Parallel()
	want := readContract(t)
	var service struct {
		Name, Class string
		Operations  []struct{ Name, Method string } `xml:"ServiceOperations>AxServiceOperation"`
	}
	var group struct {
		Name     string
		Services []struct{ Name, Service string } `xml:"Services>AxServiceGroupService"`
	}
	type class struct {
		Name        string
		Declaration string                          `xml:"SourceCode>Declaration"`
		Methods     []struct{ Name, Source string } `xml:"SourceCode>Methods>Method"`
	}
	read := func(path string, v any) {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join("xpp", path))
		if err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal(raw, v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	read("AxService/"+want.Service+".xml", &service)
	read("AxServiceGroup/"+want.Group+".xml", &group)
	if group.Name != want.Group || len(group.Services) != 1 || group.Services[0].Service != service.Name || group.Services[0].Name != want.Service {
		t.Errorf("group %+v, service %s", group, service.Name)
	}
	classes := map[string]class{}
	files, err := filepath.Glob("xpp/AxClass/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, f := range files {
		var c class
		read(strings.TrimPrefix(f, "xpp/"), &c)
		if c.Name+".xml" != filepath.Base(f) || !strings.Contains(c.Declaration, "class "+c.Name) {
			t.Errorf("%s holds the class %s", f, c.Name)
		}
		for _, m := range c.Methods {
			if !strings.Contains(m.Source, " "+m.Name+"(") {
				t.Errorf("%s.%s is not the method that it says", c.Name, m.Name)
			}
		}
		classes[c.Name] = c
	}
	source := func(class, method string) string {
		for _, m := range classes[class].Methods {
			if m.Name == method {
				return m.Source
			}
		}
		return ""
	}
	members := func(class string) []string {
		var names []string
		for _, m := range classes[class].Methods {
			if _, after, ok := strings.Cut(m.Source, "DataMember('"); ok {
				name, _, _ := strings.Cut(after, "'")
				names = append(names, name)
			}
		}
		return names
	}
	known := members("RefreshbotRequest")
	for f := range reflect.TypeFor[companionRequest]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !slices.Contains(known, name) {
			t.Errorf("RefreshbotRequest has no member %s", name)
		}
	}
	var operations []string
	for _, o := range want.Operations {
		operations = append(operations, o.Name)
		in, _ := o.Request["_request"].(map[string]any)
		for name := range in {
			if !slices.Contains(known, name) {
				t.Errorf("RefreshbotRequest has no member %s", name)
			}
		}
		response := "RefreshbotResponse"
		if o.Name == "status" {
			response = "RefreshbotStatusResponse"
		}
		for name := range o.Response {
			if name != "$id" && !slices.Contains(members(response), name) {
				t.Errorf("%s has no member %s", response, name)
			}
		}
		code := source(service.Class, o.Name)
		_, body, ok := strings.Cut(code, "(RefreshbotRequest _request)\n    {\n")
		if !ok || !strings.Contains(code, "public "+response+" "+o.Name+"(") {
			t.Errorf("%s is declared differently:\n%s", o.Name, code)
		}
		if !strings.HasPrefix(strings.TrimSpace(body), "RefreshbotGuard::check(_request);") {
			t.Errorf("%s does not begin with the guard", o.Name)
		}
	}
	var exposed []string
	for _, o := range service.Operations {
		exposed = append(exposed, o.Name)
		if o.Name != o.Method {
			t.Errorf("operation %s is the method %s", o.Name, o.Method)
		}
	}
	if d := cmp.Diff(operations, exposed); d != "" {
		t.Errorf("the service's operations: %s", d)
	}
	if !strings.Contains(classes[service.Class].Declaration, "Version = '"+want.Version+"'") {
		t.Errorf("%s is not version %s", service.Class, want.Version)
	}
}

const (
	planted = `PLANTED "p4ss" & <w0rd>/+ü`
	short   = "xy"
)

// Whatever the service says, and however it writes it: the secret that it was given does not come back to anyone.
func TestTheCompanionsSecretsStaySecret(t *testing.T) {
	t.Parallel()
	answers := map[string]func(in map[string]any, value string) (int, any){
		"an exception": func(_ map[string]any, v string) (int, any) {
			return 500, map[string]string{"Message": "An exception occured when invoking the operation - Cannot set " + v + " here", "ExceptionType": "X"}
		},
		"an exception with the request in it": func(in map[string]any, _ string) (int, any) {
			raw, _ := json.Marshal(in)
			return 500, map[string]string{"Message": "An exception occured when invoking the operation - " + string(raw), "ExceptionType": "X"}
		},
		"an exception with the request in it, as .NET writes it": func(in map[string]any, _ string) (int, any) {
			raw, _ := json.Marshal(in)
			text := strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(raw))
			return 500, map[string]string{"Message": "An exception occured when invoking the operation - " + text, "ExceptionType": "X"}
		},
		"an exception with it in an address": func(_ map[string]any, v string) (int, any) {
			return 500, map[string]string{"Message": "An exception occured when invoking the operation - ?p=" + url.QueryEscape(v) + " /" + url.PathEscape(v) + " <" + entities.EscapeString(v), "ExceptionType": "X"}
		},
		"a refusal": func(in map[string]any, v string) (int, any) {
			return 200, map[string]any{"success": false, "message": "Not " + v, "correlationId": in["correlationId"]}
		},
		"an OData error": func(_ map[string]any, v string) (int, any) {
			return 400, map[string]any{"error": map[string]any{"message": v}}
		},
		"no right": func(_ map[string]any, v string) (int, any) {
			return 403, map[string]any{"Message": "You may not set " + v}
		},
		"another answer": func(_ map[string]any, v string) (int, any) { return 200, v },
	}
	for name, reply := range answers {
		for _, value := range []string{planted, short} {
			t.Run(name+" "+value, func(t *testing.T) {
				t.Parallel()
				c, _ := fakeCompanion(t, func(_ string, in map[string]any) (int, any) { return reply(in, value) })
				for what, err := range map[string]error{
					"password": c.Companion().SetSMTPPassword(t.Context(), "u", value),
					"field":    c.Companion().SetEncryptedField(t.Context(), refresh.EncryptedField{Table: "T", Field: "F", RecID: 7}, value),
				} {
					if err == nil {
						t.Fatalf("%s: no error", what)
					}
					for e := err; e != nil; e = errors.Unwrap(e) {
						for _, bad := range []string{value, "PLANTED", "w0rd"} {
							if strings.Contains(e.Error(), bad) {
								t.Errorf("%s: %q shows %q", what, e, bad)
							}
						}
					}
				}
			})
		}
	}
}

func TestWhatTheCompanionAnswers(t *testing.T) {
	t.Parallel()
	const help = "POST " + companionPath + "/setHelp"
	tests := map[string]struct {
		answer answer
		code   refresh.Code
		words  []string
	}{
		"guard": {answer{status: 500, body: `{"Message":"An exception occured when invoking the operation - Refreshbot runs in sandbox environments only, and prod is none.","ExceptionType":"X"}`},
			refresh.Refused, []string{"connecting Help to the library Test help", "sandbox environments only"}},
		"lost":                {answer{status: 502}, refresh.Offline, nil}, // may be repeated
		"another's answer":    {answer{body: `{"success":true,"correlationId":"other"}`}, refresh.Refused, []string{"Install the version"}},
		"not what was agreed": {answer{body: `7`}, refresh.Offline, nil},
		"not there":           {answer{status: 404}, refresh.NotFound, []string{"not installed", "jobs/finops/xpp"}},
		"busy":                {answer{status: 429}, refresh.Throttled, nil},
		"not registered":      {answer{status: 401}, refresh.Denied, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, map[string]answer{help: tt.answer, companies: up})
			wantError(t, e.client.Companion().SetHelp(t.Context(), "Test help"), tt.code, tt.words...)
		})
	}
}

func TestWhetherTheCompanionIsInstalled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		routes map[string]answer
		code   refresh.Code
	}{
		"no":                      {map[string]answer{companies: up}, refresh.NotFound},
		"no such operation":       {map[string]answer{companies: up, companionGET: {body: `{"Operations":[]}`}}, refresh.NotFound},
		"only in name":            {map[string]answer{companies: up, companionGET: companionOperations}, refresh.NotFound},
		"the environment is down": {map[string]answer{companies: down}, refresh.Offline},
		"a list that is none":     {map[string]answer{companionGET: {body: `[]`}}, refresh.Offline},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newEnv(t, tt.routes).client.Companion().Status(t.Context())
			wantError(t, err, tt.code)
		})
	}
}

func TestWhatTheCompanionIsNotAsked(t *testing.T) {
	t.Parallel()
	e := newEnv(t, nil)
	s := e.client.Companion()
	for name, err := range map[string]error{
		"no measurement":      s.RefreshEntityStore(t.Context(), nil),
		"a nameless one":      s.RefreshEntityStore(t.Context(), []string{"A", ""}),
		"no password":         s.SetSMTPPassword(t.Context(), "u", ""),
		"no library":          s.SetHelp(t.Context(), ""),
		"no value":            s.SetEncryptedField(t.Context(), refresh.EncryptedField{Table: "A", Field: "B"}, ""),
		"a table that is SQL": s.SetEncryptedField(t.Context(), refresh.EncryptedField{Table: "A;B", Field: "B"}, "x"),
		"a record below 0":    s.SetEncryptedField(t.Context(), refresh.EncryptedField{Table: "A", Field: "B", RecID: -1}, "x"),
	} {
		if refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if sent := e.requests(); len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}
}

func TestWhatRepeatsAShortSecretIsDropped(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{"Cannot do it": "", "No": "No"} {
		if got := redact(said, []string{"", "a"}); got != want {
			t.Errorf("%q became %q", said, got)
		}
	}
}
