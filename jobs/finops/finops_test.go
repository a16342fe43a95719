package finops

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"refreshbot/jobs/refresh"
)

// secret is what the client signs in with in every test; no error may hold it.
const secret = "eyJ0eXAiOiJKV1Qi.PLANTED-SECRET.c2lnbmF0dXJl"

// env is a fake environment that answers from a table: "METHOD /path?query" as sent on the wire, or only "METHOD /path".
type env struct {
	t      *testing.T
	srv    *httptest.Server
	client *Client
	routes map[string]answer

	mu   sync.Mutex
	seen []string // "METHOD uri body"
}

type answer struct {
	status int // 200 when zero
	header map[string]string
	body   string
}

const companies = "GET /data/Companies?$top=1"

var (
	up   = answer{body: `{"@odata.context":"x","value":[{"dataAreaId":"dat","DataArea":"DAT"}]}`}
	down = answer{status: 404, header: map[string]string{"Content-Type": "text/html"}, body: "<html>Not found</html>"}
	done = answer{status: 204}
)

func newEnv(t *testing.T, routes map[string]answer) *env {
	t.Helper()
	e := &env{t: t, routes: routes}
	e.srv = serve(t, e.serve)
	e.client = e.connect(Options{})
	return e
}

// serve starts a server that keeps complaints about bad clients to itself.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func signIn(context.Context) (string, error) { return secret, nil }

func (e *env) connect(o Options) *Client {
	o.URL = e.srv.URL
	if o.HTTP == nil {
		o.HTTP = e.srv.Client()
	}
	o.Token = signIn
	return New(o)
}

func (e *env) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	e.mu.Lock()
	e.seen = append(e.seen, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)))
	e.mu.Unlock()
	if got := r.Header.Get("Authorization"); got != "Bearer "+secret {
		e.t.Errorf("%s %s came with Authorization %q", r.Method, r.RequestURI, got)
	}
	if len(body) > 0 && r.Header.Get("Content-Type") != "application/json" {
		e.t.Errorf("%s %s came with Content-Type %q", r.Method, r.RequestURI, r.Header.Get("Content-Type"))
	}
	a, ok := e.routes[r.Method+" "+r.RequestURI]
	if !ok {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		if a, ok = e.routes[r.Method+" "+path]; !ok {
			a = answer{status: 404, body: `{"error":{"code":"","message":"No HTTP resource was found."}}`}
		}
	}
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	if a.header["Content-Type"] == "" {
		w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	}
	if a.status == 0 {
		a.status = 200
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, strings.ReplaceAll(a.body, "HOST", e.srv.URL))
}

func (e *env) requests() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.seen...)
}

// wantError checks the code, that the message names the environment and holds the words, and that nothing secret or
// technical shows in any form of the error.
func wantError(t *testing.T, err error, code refresh.Code, words ...string) {
	t.Helper()
	if refresh.CodeOf(err) != code {
		t.Fatalf("code %q, want %q: %v", refresh.CodeOf(err), code, err)
	}
	if code == "" {
		return
	}
	if _, ok := errors.AsType[*refresh.Error](err); !ok {
		t.Fatalf("%T is not a refresh.Error: %v", err, err)
	}
	msg := refresh.MessageOf(err)
	for _, w := range append(words, "127.0.0.1") {
		if !strings.Contains(msg, w) {
			t.Errorf("message %q does not say %q", msg, w)
		}
	}
	if !strings.HasSuffix(msg, ".") && !strings.HasSuffix(msg, "…") {
		t.Errorf("message %q is not a sentence", msg)
	}
	for text := err; text != nil; text = errors.Unwrap(text) {
		for _, bad := range []string{secret, "PLANTED", " at Microsoft.", "stacktrace", `"https://`} {
			if strings.Contains(text.Error(), bad) {
				t.Errorf("%q shows in the error %q", bad, text)
			}
		}
	}
}

const (
	odataError = `{"error":{"code":"","message":"An error has occurred.","innererror":{"message":"Write failed for table row of type 'SystemUserEntity'.\r\nInfolog: Error: Field Alias must be filled in.` +
		`\r\n   at Microsoft.Dynamics.Ax.Xpp.Write(String a)\r\n   at Microsoft.Dynamics.B.C()","type":"System.InvalidOperationException","stacktrace":"   at Microsoft.Dynamics.Platform.X()","internalexception":{"message":"deep"}}}}`
	internalOnly = `{"error":{"message":"An error has occurred.","innererror":{"message":"","internalexception":{"message":"The record is locked by SYSTEM"}}}}`
	xppError     = `{"error":{"message":"An error has occurred.","innererror":{"message":"No.","type":"Microsoft.Dynamics.Ax.Xpp.ErrorException"}}}`
	outerOnly    = `{"error":{"code":"","message":"The request is invalid: Enabledd"}}`
	serviceError = `{"Message":"An exception occured when invoking the operation - Entity store is busy\r\n   at Microsoft.X.Y()","ExceptionType":"XppException","ActivityId":"0a"}`
)

// Every way in which a request can go wrong, for a read, an OData write and a service call.
func TestAFailureSaysWhatCanBeDoneAboutIt(t *testing.T) {
	t.Parallel()
	page := answer{header: map[string]string{"Content-Type": "text/html; charset=utf-8"}, body: "<!doctype html><title>Sign in</title>"}
	tests := map[string]struct {
		answer               answer
		probe                answer // what Companies answers to the question after a 404
		read, write, service refresh.Code
		words                []string
	}{
		"not registered":            {answer: answer{status: 401}, read: refresh.Denied, write: refresh.Denied, service: refresh.Denied, words: []string{"does not know this app", "Microsoft Entra applications"}},
		"no right":                  {answer: answer{status: 403, body: outerOnly}, read: refresh.Denied, write: refresh.Denied, service: refresh.Denied, words: []string{"Enabledd", "role"}},
		"throttled":                 {answer: answer{status: 429, header: map[string]string{"Retry-After": "17"}}, read: refresh.Throttled, write: refresh.Throttled, service: refresh.Throttled, words: []string{"17s"}},
		"throttled without a time":  {answer: answer{status: 429}, read: refresh.Throttled, write: refresh.Throttled, service: refresh.Throttled, words: []string{"later"}},
		"busy":                      {answer: answer{status: 503, header: map[string]string{"Retry-After": "5"}}, read: refresh.Throttled, write: refresh.Throttled, service: refresh.Throttled, words: []string{"5s"}},
		"down":                      {answer: answer{status: 503}, read: refresh.Offline, write: refresh.Offline, service: refresh.Offline, words: []string{"does not answer", "503"}},
		"gateway lost the reply":    {answer: answer{status: 502, body: "<html>"}, read: refresh.Offline, write: refresh.Offline, service: refresh.Unknown},
		"gateway gave up waiting":   {answer: answer{status: 504}, read: refresh.Offline, write: refresh.Offline, service: refresh.Unknown},
		"request timed out":         {answer: answer{status: 408}, read: refresh.Offline, write: refresh.Offline, service: refresh.Unknown},
		"no right, no word":         {answer: answer{status: 403}, read: refresh.Denied, write: refresh.Denied, service: refresh.Denied, words: []string{"role"}},
		"server error":              {answer: answer{status: 500, body: "<html>boom"}, read: refresh.Offline, write: refresh.Offline, service: refresh.Unknown},
		"server error, nameless":    {answer: answer{status: 500, body: `{"Message":"An error has occurred."}`}, read: refresh.Offline, write: refresh.Offline, service: refresh.Unknown},
		"exception in X++":          {answer: answer{status: 500, body: serviceError}, read: refresh.Offline, write: refresh.Refused, service: refresh.Refused},
		"exception in an entity":    {answer: answer{status: 500, body: odataError}, read: refresh.Offline, write: refresh.Refused, service: refresh.Refused},
		"exception in an action":    {answer: answer{status: 500, body: xppError}, read: refresh.Offline, write: refresh.Refused, service: refresh.Refused},
		"exception in the server":   {answer: answer{status: 500, body: internalOnly}, read: refresh.Offline, write: refresh.Offline, service: refresh.Unknown},
		"404 and all is down":       {answer: down, probe: down, read: refresh.Offline, write: refresh.Offline, service: refresh.Offline, words: []string{"does not answer"}},
		"404 and then 503":          {answer: down, probe: answer{status: 503}, read: refresh.Offline, write: refresh.Offline, service: refresh.Offline},
		"404 and then a web page":   {answer: down, probe: page, read: refresh.Offline, write: refresh.Offline, service: refresh.Offline},
		"404 and the rest is up":    {answer: answer{status: 404, body: outerOnly}, probe: up, read: refresh.NotFound, write: refresh.NotFound, service: refresh.NotFound, words: []string{"is up", "Enabledd"}},
		"404 and not registered":    {answer: down, probe: answer{status: 401}, read: refresh.NotFound, write: refresh.NotFound, service: refresh.NotFound},
		"404 and busy":              {answer: down, probe: answer{status: 503, header: map[string]string{"Retry-After": "9"}}, read: refresh.Throttled, write: refresh.Throttled, service: refresh.Throttled},
		"400":                       {answer: answer{status: 400, body: odataError}, read: refresh.Refused, write: refresh.Refused, service: refresh.Refused, words: []string{"Field Alias must be filled in"}},
		"409":                       {answer: answer{status: 409, body: internalOnly}, read: refresh.Refused, write: refresh.Refused, service: refresh.Refused, words: []string{"locked by SYSTEM"}},
		"412":                       {answer: answer{status: 412, body: outerOnly}, read: refresh.Refused, write: refresh.Refused, service: refresh.Refused, words: []string{"Enabledd"}},
		"422 that echoes the token": {answer: answer{status: 422, body: `{"error":{"message":"You sent Bearer ` + secret + `"}}`}, read: refresh.Refused, write: refresh.Refused, service: refresh.Refused, words: []string{"***"}},
		"405 without a word":        {answer: answer{status: 405}, read: refresh.Refused, write: refresh.Refused, service: refresh.Refused, words: []string{"HTTP 405"}},
		"a web page":                {answer: page, read: refresh.Offline, write: refresh.Offline, service: refresh.Offline},
		"half a reply":              {answer: answer{body: `{"value":[{"UserID":`}, read: refresh.Offline, write: refresh.Offline, service: refresh.Unknown},
		"elsewhere":                 {answer: answer{status: 302, header: map[string]string{"Location": "HOST/elsewhere"}}, read: refresh.Offline, write: refresh.Offline, service: refresh.Offline, words: []string{"does not follow"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := map[string]struct {
				code refresh.Code
				does string
				call func(*Client) error
			}{
				"read":    {tt.read, "listing the users", func(c *Client) error { _, err := c.Users(t.Context()); return err }},
				"write":   {tt.write, "enabling user TRAIN01", func(c *Client) error { return c.EnableUser(t.Context(), "TRAIN01") }},
				"service": {tt.service, "calling the service A/B/C", func(c *Client) error { _, err := c.CallService(t.Context(), "A/B/C", nil); return err }},
			}
			for kind, k := range calls {
				t.Run(kind, func(t *testing.T) {
					t.Parallel()
					e := newEnv(t, map[string]answer{
						"GET /data/SystemUsers":              tt.answer,
						"PATCH /data/SystemUsers('TRAIN01')": tt.answer,
						"POST /api/services/A/B/C":           tt.answer,
						companies:                            tt.probe,
					})
					err := k.call(e.client)
					words := tt.words
					if tt.probe.status == 0 && tt.probe.body == "" {
						words = append([]string{k.does}, words...)
					}
					wantError(t, err, k.code, words...)
					want := 1
					if tt.answer.status == 404 {
						want = 2
					}
					if got := e.requests(); len(got) != want {
						t.Errorf("%d requests, want %d: %q", len(got), want, got)
					}
				})
			}
		})
	}
}

func TestTheReasonIsTheInnermostUsefulText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body, want string
		app        bool
	}{
		"inner":           {odataError, "Write failed for table row of type 'SystemUserEntity'. Infolog: Error: Field Alias must be filled in.", true},
		"internal":        {internalOnly, "The record is locked by SYSTEM", false},
		"X++ exception":   {xppError, "No.", true},
		"outer":           {outerOnly, "The request is invalid: Enabledd", false},
		"service":         {serviceError, "Entity store is busy", true},
		"service, spelt":  {`{"Message":"An exception occurred when invoking the operation - No."}`, "No.", true},
		"plain message":   {`{"Message":"An error has occurred."}`, "An error has occurred.", false},
		"prose with at":   {`{"error":{"message":"Meet at noon (sharp) at example.com or so"}}`, "Meet at noon (sharp) at example.com or so", false},
		"only a trace":    {`{"error":{"message":"x","innererror":{"message":"   at Microsoft.A.B(String c)"}}}`, "", false},
		"not JSON":        {`<html>`, "", false},
		"not an object":   {`[1]`, "", false},
		"a very long one": {`{"error":{"message":"` + strings.Repeat("ø", 2000) + `"}}`, strings.Repeat("ø", 599) + "…", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, app := reason(reply{body: []byte(tt.body), token: secret})
			if text != tt.want || app != tt.app {
				t.Errorf("got %q, %v; want %q, %v", text, app, tt.want, tt.app)
			}
		})
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer answer
		want   refresh.Code
	}{
		"up":             {up, ""},
		"up, empty":      {answer{body: `{"value":[]}`}, ""},
		"not registered": {answer{status: 401}, refresh.Denied},
		"down":           {down, refresh.Offline},
		"recycling":      {answer{status: 503}, refresh.Offline},
		"web page":       {answer{body: "<html>Maintenance</html>"}, refresh.Offline},
		"not a list":     {answer{body: `{"status":"ok"}`}, refresh.Offline},
		"nothing":        {answer{}, refresh.Offline},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, map[string]answer{companies: tt.answer})
			wantError(t, e.client.Ping(t.Context()), tt.want)
			if got := e.requests(); len(got) != 1 || got[0] != companies {
				t.Errorf("requests: %q", got)
			}
		})
	}
}
