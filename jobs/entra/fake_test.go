package entra

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

const (
	tenant   = "6f0c1d2e-1111-4222-8333-444455556666"
	clientID = "0a0a0a0a-1111-4222-8333-444455556666"
	account  = "refresh-svc@contoso.com"
	corr     = "aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb"

	// What must never appear in an error.
	password     = "pl4nted-Passw0rd"
	secret       = "pl4nted~client~secret"
	accessToken  = "pl4nted.access.token"
	refreshToken = "pl4nted.refresh.token"
	assertion    = "pl4nted.federated.token"
)

// fakeEntra speaks the endpoints that MSAL uses, as documented for the v2.0 endpoint, and keeps the forms it got.
type fakeEntra struct {
	*httptest.Server
	realm string           // body of the UserRealm reply
	token http.HandlerFunc // answers the token endpoint

	mu    sync.Mutex
	forms []url.Values
}

func newFake(t *testing.T) *fakeEntra {
	t.Helper()
	f := &fakeEntra{
		realm: `{"account_type":"Managed","domain_name":"contoso.com","cloud_instance_name":"microsoftonline.com","cloud_audience_urn":"urn:federation:MicrosoftOnline"}`,
		token: func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(tokenReply(r.PostForm, 3600))) },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("tenant") != tenant {
			entraError(w, 400, "invalid_tenant", 90002)
			return
		}
		_, _ = fmt.Fprintf(w, `{"authorization_endpoint":"%[1]s/authorize","token_endpoint":"%[1]s/%[2]s/oauth2/v2.0/token","issuer":"%[1]s/%[2]s/v2.0"}`, f.URL, tenant)
	})
	mux.HandleFunc("GET /common/UserRealm/{upn}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(f.realm)) })
	mux.HandleFunc("POST /"+tenant+"/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		f.mu.Lock()
		f.forms = append(f.forms, r.PostForm)
		f.mu.Unlock()
		f.token(w, r)
	})
	f.Server = httptest.NewUnstartedServer(mux)
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of the tests
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

// requests returns the token requests so far.
func (f *fakeEntra) requests() []url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]url.Values(nil), f.forms...)
}

// tokenReply is a successful reply: a user's one has an id token and a refresh token as well.
func tokenReply(form url.Values, seconds int) string {
	enc := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	if form.Get("grant_type") == "client_credentials" {
		return fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"access_token":"%s %s"}`, seconds, accessToken, form.Get("scope"))
	}
	id := enc(`{"alg":"none"}`) + "." + enc(fmt.Sprintf(`{"aud":"%s","sub":"s","oid":"o","tid":"%s","preferred_username":"%s"}`, clientID, tenant, account)) + "."
	return fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"scope":%q,"access_token":%q,"refresh_token":%q,"id_token":%q,"client_info":%q}`,
		seconds, form.Get("scope"), accessToken, refreshToken, id, enc(`{"uid":"o","utid":"`+tenant+`"}`))
}

// entraError is the documented error body.
func entraError(w http.ResponseWriter, status int, name string, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":"AADSTS%d: %s %s %s","error_codes":[%d],"timestamp":"2026-11-20 15:04:05Z","trace_id":"t","correlation_id":%q}`,
		name, code, password, secret, accessToken, code, corr)
}

func (f *fakeEntra) userOptions() UserOptions {
	return UserOptions{Authority: f.URL, Tenant: tenant, ClientID: clientID, Username: account,
		Password: given(password), Scope: LCSScope("https://lcsapi.lcs.dynamics.com"), HTTP: f.Client()}
}

func (f *fakeEntra) appOptions() AppOptions {
	return AppOptions{Authority: f.URL, Tenant: tenant, ClientID: clientID, ClientSecret: given(secret), HTTP: f.Client()}
}

func given(s string) func() (string, error) { return func() (string, error) { return s, nil } }

func mustUser(t *testing.T, o UserOptions) *User {
	t.Helper()
	u, err := NewUser(o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func mustApp(t *testing.T, o AppOptions) *App {
	t.Helper()
	a, err := NewApp(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// noSecrets fails the test when any printed form of err holds one of the planted secrets.
func noSecrets(t *testing.T, err error) {
	t.Helper()
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		if strings.Contains(text, "pl4nted") {
			t.Errorf("an error gives away a secret: %s", text)
		}
	}
}
