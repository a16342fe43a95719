package finops

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

const usersPath = "GET /data/SystemUsers?$select=UserID,Alias,UserName,Email,Enabled"

func TestUsersAreReadToTheLastPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{
		usersPath: {body: `{"@odata.context":"c","value":[
			{"@odata.etag":"W/\"1\"","UserID":"Admin","Alias":"admin@contoso.com","UserName":"Admin","Email":"","Enabled":true}],
			"@odata.nextLink":"HOST/data/SystemUsers?$skiptoken=2"}`},
		"GET /data/SystemUsers?$skiptoken=2": {body: `{"value":[{"UserID":"anna","Alias":"anna@contoso.com","UserName":"Anna","Email":"a@c","Enabled":false}],
			"@odata.nextLink":"SystemUsers?$skiptoken=3"}`},
		"GET /data/SystemUsers?$skiptoken=3": {body: `{"value":[{"UserID":"bo","Alias":null,"UserName":null,"Email":null,"Enabled":"Yes"}]}`},
	})
	got, err := e.client.Users(t.Context())
	wantError(t, err, "")
	want := []refresh.User{
		{ID: "Admin", SignIn: "admin@contoso.com", Name: "Admin", Enabled: true},
		{ID: "anna", SignIn: "anna@contoso.com", Name: "Anna", Email: "a@c"},
		{ID: "bo", Enabled: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := len(e.requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestALinkToAnotherAddressIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := newEnv(t, nil)
	u, err := url.Parse(other.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{
		other.srv.URL + "/data/SystemUsers?$skiptoken=2", // another port
		"https://evil.example/data/SystemUsers",
		"//evil.example/data/SystemUsers",
		"http://127.0.0.1:" + u.Port() + "/data/SystemUsers",
		"javascript:alert(1)",
		"https://127.0.0.1.evil.example/",
		"https://user:pw@127.0.0.1/",
		"https://%zz",
	} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, map[string]answer{usersPath: {body: fmt.Sprintf(`{"value":[],"@odata.nextLink":%q}`, link)}})
			_, err := e.client.Users(t.Context())
			wantError(t, err, refresh.Refused, "another address")
			if got := e.requests(); len(got) != 1 {
				t.Errorf("requests: %q", got)
			}
		})
	}
	t.Cleanup(func() {
		if got := other.requests(); len(got) != 0 {
			t.Errorf("the other address was asked: %q", got)
		}
	})
}

func TestALinkMustStayOnSchemeHostAndPort(t *testing.T) {
	t.Parallel()
	c := New(Options{URL: "https://contoso.example", Token: signIn})
	for link, ok := range map[string]bool{
		"https://CONTOSO.example:443/data/X?$skiptoken=1": true,
		"https://contoso.example:8443/data/X":             false,
		"http://contoso.example:443/data/X":               false,
		"https://evil.example/data/X":                     false,
		"https://contoso.example.evil.example/data/X":     false,
		"https://user:pw@contoso.example/data/X":          false,
	} {
		if _, err := c.follow("listing", "https://contoso.example/data/X", link); (err == nil) != ok {
			t.Errorf("%s: %v", link, err)
		}
	}
}

// Every list fails as a whole and says which list it was.
func TestListsThatFail(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{
		"GET /data/Companies": {status: 503}, "GET /data/BatchJobs": {status: 503}, "GET /data/BatchGroups": {status: 503},
		"GET /data/ServerConfigurations": {status: 503}, "GET /data/EmailParameters": {status: 503},
	})
	for what, list := range map[string]func() error{
		"legal entities":    func() error { _, err := e.client.Companies(t.Context()); return err },
		"batch jobs":        func() error { _, err := e.client.BatchJobs(t.Context()); return err },
		"batch groups":      func() error { _, err := e.client.BatchGroups(t.Context()); return err },
		"batch servers":     func() error { _, err := e.client.BatchServers(t.Context()); return err },
		"e-mail parameters": func() error { _, err := e.client.EmailParameters(t.Context()); return err },
	} {
		wantError(t, list(), refresh.Offline, what)
	}
}

// The limit holds for all pages together: a page may be small and the list without end.
func TestAListWithoutEndIsNotRead(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	big := strings.Repeat(" ", limit/2)
	e := newEnv(t, map[string]answer{
		usersPath:                            {body: `{"value":[],"@odata.nextLink":"HOST/data/SystemUsers?$skiptoken=2"}` + big},
		"GET /data/SystemUsers?$skiptoken=2": {body: `{"value":[],"@odata.nextLink":"HOST/data/SystemUsers?$skiptoken=3"}` + big},
	})
	e.client.lists = limit
	_, err := e.client.Users(t.Context())
	wantError(t, err, refresh.Internal, "longer than refreshbot reads")
}

func TestAListThatLeadsBackEnds(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]string{"to itself": "HOST/data/SystemUsers?$skiptoken=2", "to the start": "HOST/data/SystemUsers?$select=UserID,Alias,UserName,Email,Enabled"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, map[string]answer{
				usersPath:                            {body: `{"value":[],"@odata.nextLink":"HOST/data/SystemUsers?$skiptoken=2"}`},
				"GET /data/SystemUsers?$skiptoken=2": {body: `{"value":[],"@odata.nextLink":"` + second + `"}`},
			})
			_, err := e.client.Users(t.Context())
			wantError(t, err, refresh.Internal, "does not come to an end")
			if n := len(e.requests()); n != 2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestAFailureOnALaterPageIsAFailure(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{
		usersPath:                            {body: `{"value":[{"UserID":"a"}],"@odata.nextLink":"HOST/data/SystemUsers?$skiptoken=2"}`},
		"GET /data/SystemUsers?$skiptoken=2": {status: 503},
	})
	got, err := e.client.Users(t.Context())
	wantError(t, err, refresh.Offline)
	if got != nil {
		t.Errorf("half a list came back: %v", got)
	}
}

func TestAListOfSomethingElseIsOffline(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `[]`, `null`, `"x"`, `{"value":null}`, `{"value":{}}`, `{"value":[{"Enabled":"perhaps"}]}`, ``} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			_, err := newEnv(t, map[string]answer{usersPath: {body: body}}).client.Users(t.Context())
			wantError(t, err, refresh.Offline)
		})
	}
}

func TestEnableUser(t *testing.T) {
	t.Parallel()
	for id, path := range map[string]string{
		"TRAIN01":       "/data/SystemUsers('TRAIN01')",
		"O'Brien":       "/data/SystemUsers('O''Brien')",
		"a/b c?d#e%f+g": "/data/SystemUsers('a%2Fb%20c%3Fd%23e%25f%2Bg')",
		"Søren":         "/data/SystemUsers('S%C3%B8ren')",
		"../Companies":  "/data/SystemUsers('..%2FCompanies')",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, map[string]answer{"PATCH " + path: done})
			wantError(t, e.client.EnableUser(t.Context(), id), "")
			if d := cmp.Diff([]string{"PATCH " + path + ` {"Enabled":true}`}, e.requests()); d != "" {
				t.Error(d)
			}
		})
	}
	if err := New(Options{}).EnableUser(t.Context(), ""); refresh.CodeOf(err) != refresh.Invalid {
		t.Errorf("no id: %v", err)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	set := map[string]any{"WebAppsServerURL": "https://office?a&b", "Active": "Yes"}
	const sent = ` {"Active":"Yes","WebAppsServerURL":"https://office?a\u0026b"}`
	at := time.Date(2026, 11, 28, 23, 30, 0, 0, time.FixedZone("", 3600))
	tests := map[string]struct {
		key  map[string]any
		want string
	}{
		"company":       {map[string]any{"dataAreaId": "usmf", "Key": 0}, "Things(Key=0,dataAreaId='usmf')?cross-company=true"},
		"company alone": {map[string]any{"dataAreaId": "usmf"}, "Things(dataAreaId='usmf')?cross-company=true"},
		"string":        {map[string]any{"Name": "it's a/b"}, "Things(Name='it''s%20a%2Fb')"},
		"empty string":  {map[string]any{"Name": ""}, "Things(Name='')"},
		"digits":        {map[string]any{"Name": "0012"}, "Things(Name='0012')"},
		"int64":         {map[string]any{"RecId": int64(5637144576)}, "Things(RecId=5637144576)"},
		"negative":      {map[string]any{"RecId": -1}, "Things(RecId=-1)"},
		"float":         {map[string]any{"RecId": float64(5637144576)}, "Things(RecId=5637144576)"},
		"json number":   {map[string]any{"RecId": json.Number("9007199254740993")}, "Things(RecId=9007199254740993)"},
		"small float":   {map[string]any{"Rate": float32(0.5)}, "Things(Rate=0.5)"},
		"bool":          {map[string]any{"On": true}, "Things(On=true)"},
		"enum":          {map[string]any{"Type": "Microsoft.Dynamics.DataEntities.NoYes'Yes'"}, "Things(Type=Microsoft.Dynamics.DataEntities.NoYes'Yes')"},
		"almost enum":   {map[string]any{"Type": "Other.NoYes'Yes'"}, "Things(Type='Other.NoYes''Yes''')"},
		"time":          {map[string]any{"From": at}, "Things(From=2026-11-28T22%3A30%3A00Z)"},
		"time as text":  {map[string]any{"From": "2026-11-28T23:30:00+01:00"}, "Things(From=2026-11-28T22%3A30%3A00Z)"},
		"date as text":  {map[string]any{"Name": "2026-11-28"}, "Things(Name='2026-11-28')"},
		"sorted":        {map[string]any{"c": 3, "a": 1, "b": "2"}, "Things(a=1,b='2',c=3)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, ok := range []answer{done, {body: `{"@odata.context":"c"}`}, {}} {
				e := newEnv(t, map[string]answer{"PATCH /data/" + tt.want: ok})
				wantError(t, e.client.Write(t.Context(), refresh.Record{Entity: "Things", Key: tt.key, Set: set}), "")
				if d := cmp.Diff([]string{"PATCH /data/" + tt.want + sent}, e.requests()); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func TestARecordThatHasNoAddressIsInvalid(t *testing.T) {
	t.Parallel()
	key, set := map[string]any{"Key": 0}, map[string]any{"A": 1}
	for name, rec := range map[string]refresh.Record{
		"no entity":       {Key: key, Set: set},
		"entity is path":  {Entity: "A/B", Key: key, Set: set},
		"entity has key":  {Entity: "A(1)", Key: key, Set: set},
		"no key":          {Entity: "A", Set: set},
		"nothing to set":  {Entity: "A", Key: key},
		"null in key":     {Entity: "A", Key: map[string]any{"Key": nil}, Set: set},
		"list in key":     {Entity: "A", Key: map[string]any{"Key": []any{1}}, Set: set},
		"inexact number":  {Entity: "A", Key: map[string]any{"Key": float64(1 << 60)}, Set: set},
		"not a number":    {Entity: "A", Key: map[string]any{"Key": math.NaN()}, Set: set},
		"no json number":  {Entity: "A", Key: map[string]any{"Key": json.Number("1)/x")}, Set: set},
		"field is query":  {Entity: "A", Key: map[string]any{"Key)?x=(": 0}, Set: set},
		"value not JSON":  {Entity: "A", Key: key, Set: map[string]any{"A": math.Inf(1)}},
		"value a channel": {Entity: "A", Key: key, Set: map[string]any{"A": make(chan int)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, nil)
			if err := e.client.Write(t.Context(), rec); refresh.CodeOf(err) != refresh.Invalid || refresh.MessageOf(err) == "" {
				t.Errorf("got %v", err)
			}
			if got := e.requests(); len(got) != 0 {
				t.Errorf("requests: %q", got)
			}
		})
	}
}

func TestCompanies(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{"GET /data/Companies?$select=DataArea": {body: `{"value":[{"DataArea":"dat"},{"DataArea":"usmf"}]}`}})
	got, err := e.client.Companies(t.Context())
	wantError(t, err, "")
	if d := cmp.Diff([]string{"dat", "usmf"}, got); d != "" {
		t.Error(d)
	}
}

func TestEmailParameters(t *testing.T) {
	t.Parallel()
	const get = "GET /data/EmailParameters"
	tests := map[string]struct {
		body string
		want refresh.EmailParameters
		code refresh.Code
	}{
		"set":     {`{"value":[{"SMTPRelayServerName":"smtp.contoso.com","SMTPPortNumber":587,"SMTPUserName":"u","SMTPRequireSSL":"Yes"}]}`, refresh.EmailParameters{Server: "smtp.contoso.com", Port: 587, User: "u", RequireSSL: true}, ""},
		"blanked": {`{"value":[{"SMTPRelayServerName":"","SMTPPortNumber":null,"SMTPUserName":null,"SMTPRequireSSL":"No"}]}`, refresh.EmailParameters{}, ""},
		"no row":  {`{"value":[]}`, refresh.EmailParameters{}, refresh.NotFound},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newEnv(t, map[string]answer{get: {body: tt.body}}).client.EmailParameters(t.Context())
			wantError(t, err, tt.code)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	t.Run("write", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t, map[string]answer{"PATCH /data/EmailParameters(0)": done})
		wantError(t, e.client.SetEmailParameters(t.Context(), refresh.EmailParameters{Server: "s", Port: 25, User: "u"}), "")
		wantError(t, e.client.SetEmailParameters(t.Context(), refresh.EmailParameters{Server: "s", Port: 587, RequireSSL: true}), "")
		want := []string{`PATCH /data/EmailParameters(0) {"SMTPPortNumber":25,"SMTPRelayServerName":"s","SMTPRequireSSL":"No","SMTPUserName":"u"}`,
			`PATCH /data/EmailParameters(0) {"SMTPPortNumber":587,"SMTPRelayServerName":"s","SMTPRequireSSL":"Yes","SMTPUserName":""}`}
		if d := cmp.Diff(want, e.requests()); d != "" {
			t.Error(d)
		}
	})
}

// Whatever a key holds, the address stays one row of one entity.
func FuzzEscapedKeysStayInTheirPlace(f *testing.F) {
	for _, s := range []string{"", "a", "O'Brien", "a/b", "../x", "%2F", "ø ?#+&;=", "')/x('", "\x00\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse("https://h/data/A(" + escape(quote(s)) + ")?x=1")
		if err != nil {
			t.Fatal(err)
		}
		if u.RawQuery != "x=1" || u.Fragment != "" || strings.Count(u.EscapedPath(), "/") != 2 {
			t.Fatalf("%q breaks out: %v", s, u)
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(u.Path, "/data/A('"), "')")
		if got := strings.ReplaceAll(inner, "''", "'"); got != s {
			t.Fatalf("%q arrives as %q", s, got)
		}
		if strings.Contains(strings.ReplaceAll(inner, "''", ""), "'") {
			t.Fatalf("%q ends its quotes", s)
		}
	})
}
