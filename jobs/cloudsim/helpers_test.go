package cloudsim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sim is a cloud under test with raw HTTP access.
type sim struct {
	*Cloud
	t *testing.T
}

// slow is a timeline in which nothing moves unless a test says so with Advance.
func slow() Timeline {
	return Timeline{NotStarted: time.Hour, Copy: time.Hour, Sync: time.Hour, Tail: time.Hour}
}

func start(t *testing.T, o Options) sim {
	t.Helper()
	c, err := Start(o)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return sim{c, t}
}

// answer is a reply as a client sees it.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any // nil when the body is not an object
}

// try sends a request; headers are "Name: value".
func (s sim) try(method, target, body string, headers ...string) (answer, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		req.Header.Set(k, v)
	}
	resp, err := s.HTTPClient().Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(b)}
	_ = json.Unmarshal(b, &a.json) // stays nil
	return a, nil
}

func (s sim) do(method, target, body string, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(method, target, body, headers...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	return a
}

// post sends a form to a token endpoint.
func (s sim) post(path string, form url.Values) answer {
	s.t.Helper()
	return s.do("POST", s.AuthorityURL()+path, form.Encode(), "Content-Type: application/x-www-form-urlencoded")
}

func (s sim) passwordForm() url.Values {
	return url.Values{"grant_type": {"password"}, "client_id": {s.LCSClientID()}, "username": {s.LCSUser()}, "password": {s.LCSPassword()},
		"scope": {s.LCSURL() + "//.default openid offline_access"}}
}

func (s sim) secretForm(env string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {s.AppID()}, "client_secret": {s.AppSecret()},
		"scope": {s.EnvironmentURL(env) + "/.default"}}
}

func (s sim) v2() string { return "/" + s.Tenant() + "/oauth2/v2.0/token" }

func (s sim) token(form url.Values) string {
	s.t.Helper()
	a := s.post(s.v2(), form)
	token, ok := a.json["access_token"].(string)
	if !ok {
		s.t.Fatalf("no token: %d %s", a.status, a.body)
	}
	return "Authorization: Bearer " + token
}

func (s sim) lcsToken() string           { s.t.Helper(); return s.token(s.passwordForm()) }
func (s sim) envToken(env string) string { s.t.Helper(); return s.token(s.secretForm(env)) }

func (s sim) lcs(method, path string) answer {
	s.t.Helper()
	return s.do(method, s.LCSURL()+path, "", s.lcsToken(), "x-ms-version: 2017-09-15")
}

func (s sim) refreshPath(source, target string) string {
	return "/databasemovement/v1/refresh/project/1234567/source/" + s.LCSID(source) + "/target/" + s.LCSID(target)
}

// refresh starts one from prod to uat and returns its id.
func (s sim) refresh() string {
	s.t.Helper()
	a := s.lcs("POST", s.refreshPath("prod", "uat"))
	if a.json["IsSuccess"] != true {
		s.t.Fatalf("refresh refused: %s", a.body)
	}
	return a.json["OperationActivityId"].(string)
}

func (s sim) status(id string) string {
	s.t.Helper()
	a := s.lcs("GET", "/databasemovement/v1/fetchstatus/project/1234567/environment/"+s.LCSID("uat")+"/operationactivity/"+id)
	status, _ := a.json["OperationStatus"].(string)
	return status
}

// data sends an OData request to uat.
func (s sim) data(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.do(method, s.EnvironmentURL("uat")+"/data/"+path, body, append([]string{s.envToken("uat")}, headers...)...)
}

func (s sim) waitFor(what string, cond func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Wait(ctx, cond); err != nil {
		s.t.Fatalf("waiting for %s: %v", what, err)
	}
}

// inner is the useful text of an F&O error.
func (a answer) inner() string {
	e, _ := a.json["error"].(map[string]any)
	i, _ := e["innererror"].(map[string]any)
	m, _ := i["message"].(string)
	return m
}

func (a answer) values() []map[string]any {
	list, _ := a.json["value"].([]any)
	var rows []map[string]any
	for _, v := range list {
		rows = append(rows, v.(map[string]any))
	}
	return rows
}
