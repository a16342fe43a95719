package entra

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

func TestRefusalsSayWhatToChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		name string
		app  bool
		want string
	}{
		{50076, "invalid_grant", false, "exclude the account from that policy"},
		{50079, "invalid_grant", false, "exclude the account from that policy"},
		{50126, "invalid_grant", false, "lcs.password"},
		{50034, "invalid_grant", false, "lcs.username"},
		{50055, "invalid_grant", false, "expired"},
		{50057, "invalid_grant", false, "enable it"},
		{50053, "invalid_grant", false, "locked"},
		{53003, "invalid_grant", false, "Conditional Access"},
		{7000218, "invalid_client", false, "Allow public client flows"},
		{7000218, "invalid_client", true, "finops.client_secret"},
		{7000215, "invalid_client", true, "not its id"},
		{7000222, "invalid_client", true, "expired"},
		{700027, "invalid_client", true, "certificate"},
		{70021, "invalid_request", true, "federated"},
		{65001, "invalid_grant", false, "admin consent"},
		{700016, "unauthorized_client", false, clientID},
		{90002, "invalid_request", false, tenant},
		{500011, "invalid_resource", true, "https://contoso.operations.dynamics.com"},
		{9999999, "invalid_resource", true, "https://contoso.operations.dynamics.com"},
		{1234567, "invalid_grant", false, "https://login.microsoftonline.com/error"},
	} {
		t.Run(fmt.Sprintf("%d app=%v", c.code, c.app), func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.token = func(w http.ResponseWriter, _ *http.Request) { entraError(w, 400, c.name, c.code) }
			err := f.failWith(t, c.app)
			if refresh.CodeOf(err) != refresh.Denied {
				t.Errorf("code %q, want Denied", refresh.CodeOf(err))
			}
			for _, want := range []string{c.want, fmt.Sprintf("AADSTS%d", c.code), corr} {
				if msg := refresh.MessageOf(err); !strings.Contains(msg, want) {
					t.Errorf("%q does not say %q", msg, want)
				}
			}
		})
	}
}

func TestOtherReplies(t *testing.T) {
	t.Parallel()
	status := func(code int, header, value, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set(header, value)
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	planted := fmt.Sprintf(`%s %s %s %s`, password, secret, accessToken, refreshToken)
	for name, c := range map[string]struct {
		token http.HandlerFunc
		code  refresh.Code
		after time.Duration
	}{
		"too many requests":          {status(429, "Retry-After", "17", planted), refresh.Throttled, 17 * time.Second},
		"too many, no time named":    {status(429, "", "", ""), refresh.Throttled, 0},
		"server error":               {status(503, "Retry-After", "30", planted), refresh.Offline, 30 * time.Second},
		"server error, empty":        {status(500, "", "", ""), refresh.Offline, 0},
		"no code at all":             {status(400, "", "", planted), refresh.Denied, 0},
		"code in the text only":      {status(400, "", "", `{"error":"invalid_grant","error_description":"AADSTS50126: `+planted+`"}`), refresh.Denied, 0},
		"correlation id is a secret": {status(400, "", "", `{"error":"`+planted+`","correlation_id":"`+password+`"}`), refresh.Denied, 0},
		"redirect":                   {status(307, "Location", "https://elsewhere.example/"+secret, planted), refresh.Offline, 0},
		"no expires_in":              {status(200, "", "", `{"token_type":"Bearer","access_token":"`+accessToken+`"}`), refresh.Offline, 0},
		"not json":                   {status(200, "", "", `<html>`+planted), refresh.Offline, 0},
		"cut json":                   {status(200, "", "", `{"access_token":"`+accessToken+`","refresh_token":"`+refreshToken), refresh.Offline, 0},
		"cut body":                   {status(200, "Content-Length", "5000", `{"access_token":"`+accessToken), refresh.Offline, 0},
		"no token":                   {status(200, "", "", `{"expires_in":3600,"token_type":"`+planted+`"}`), refresh.Offline, 0},
		"error with status 200":      {status(200, "", "", `{"expires_in":3600,"error":"x","error_description":"`+planted+`"}`), refresh.Offline, 0},
		"other scope granted":        {status(200, "", "", `{"expires_in":3600,"access_token":"`+accessToken+`","scope":"`+accessToken+`"}`), refresh.Offline, 0},
		"endless reply": {func(w http.ResponseWriter, _ *http.Request) {
			for range 16 << 10 {
				if _, err := w.Write([]byte(strings.Repeat(accessToken, 50))); err != nil {
					return
				}
			}
			t.Error("16 MB of a token reply were read")
		}, refresh.Offline, 0},
	} {
		for _, app := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s app=%v", name, app), func(t *testing.T) {
				t.Parallel()
				f := newFake(t)
				f.token = c.token
				err := f.failWith(t, app)
				e, ok := errors.AsType[*refresh.Error](err)
				if !ok || e.Code != c.code || e.RetryAfter != c.after {
					t.Errorf("got %#v, want code %s and RetryAfter %s", err, c.code, c.after)
				}
			})
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	closed := newFake(t)
	closed.Close()
	for _, app := range []bool{false, true} {
		if err := closed.failWith(t, app); refresh.CodeOf(err) != refresh.Offline {
			t.Errorf("refused connection, app=%v: %v, want Offline", app, err)
		} else if _, ok := errors.AsType[*net.OpError](err); !ok {
			t.Errorf("the log does not learn why: %v", err)
		}
	}

	hangup := newFake(t)
	hangup.token = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	if err := hangup.failWith(t, false); refresh.CodeOf(err) != refresh.Offline {
		t.Errorf("hang-up: %v, want Offline", err)
	}

	f := newFake(t)
	o := f.userOptions()
	o.HTTP = &http.Client{} // does not trust the server's certificate
	_, err := mustUser(t, o).Token(t.Context())
	if refresh.CodeOf(err) != refresh.Offline || len(f.requests()) != 0 {
		t.Errorf("untrusted certificate: %v, want Offline and no request", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := mustUser(t, f.userOptions()).Token(ctx); refresh.CodeOf(err) != refresh.Offline || len(f.requests()) != 0 {
		t.Errorf("cancelled before the start: %v, want Offline and no request", err)
	}
}

func TestUnknownTenantIsDenied(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	o := f.userOptions()
	o.Tenant = "contoso.example"
	_, err := mustUser(t, o).Token(t.Context())
	if refresh.CodeOf(err) != refresh.Denied || !strings.Contains(refresh.MessageOf(err), "there is no tenant contoso.example") {
		t.Errorf("got %v", err)
	}
}

func TestPasswordGoesNowhereElse(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request reached the other host")
	}))
	t.Cleanup(elsewhere.Close)
	f := newFake(t)
	f.realm = `{"account_type":"Federated","domain_name":"contoso.com","cloud_instance_name":"microsoftonline.com","cloud_audience_urn":"urn:federation:MicrosoftOnline",` +
		`"federation_protocol":"WSTrust","federation_metadata_url":"` + elsewhere.URL + `/adfs/services/trust/mex"}`
	err := f.failWith(t, false)
	if refresh.CodeOf(err) != refresh.Denied || !strings.Contains(refresh.MessageOf(err), "federated") {
		t.Errorf("federated account: %v", err)
	}

	f = newFake(t)
	f.realm = `{"account_type":"Unknown","domain_name":"","cloud_instance_name":"microsoftonline.com","cloud_audience_urn":"urn:federation:MicrosoftOnline"}`
	err = f.failWith(t, false)
	if refresh.CodeOf(err) != refresh.Denied || !strings.Contains(refresh.MessageOf(err), "domain") {
		t.Errorf("unknown domain: %v", err)
	}

	f = newFake(t)
	f.token = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}
	if err := f.failWith(t, true); refresh.CodeOf(err) != refresh.Offline {
		t.Errorf("redirect: %v, want Offline", err)
	}
}

// A password or a client secret is sent over TLS or not at all, also to an address in a private network or on this machine.
func TestNoTokenTravelsInTheClear(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, address := range []string{"http://login.microsoftonline.com", "http://10.0.0.1", "http://127.0.0.1", "ftp://10.0.0.1", "10.0.0.1"} {
		user, app := f.userOptions(), f.appOptions()
		user.Authority, app.Authority = address, address
		if _, err := NewUser(user); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%s: a user signs in: %v", address, err)
		}
		if _, err := NewApp(app); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%s: an app signs in: %v", address, err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for name, change := range map[string]func(*UserOptions){
		"no tenant":   func(o *UserOptions) { o.Tenant = "" },
		"bad tenant":  func(o *UserOptions) { o.Tenant = "a/b" },
		"no client":   func(o *UserOptions) { o.ClientID = "" },
		"no password": func(o *UserOptions) { o.Password = nil },
	} {
		o := f.userOptions()
		change(&o)
		if _, err := NewUser(o); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
	unreadable := func() (string, error) { return "", fmt.Errorf("open %s: no such file", secret) }
	for name, change := range map[string]func(*AppOptions){
		"nothing given":        func(o *AppOptions) { o.ClientSecret = nil },
		"two given":            func(o *AppOptions) { o.FederatedTokenFile = "token" },
		"empty secret":         func(o *AppOptions) { o.ClientSecret = given("") },
		"unreadable secret":    func(o *AppOptions) { o.ClientSecret = unreadable },
		"not a certificate":    func(o *AppOptions) { o.ClientSecret, o.Certificate = nil, given(secret) },
		"no client":            func(o *AppOptions) { o.ClientID = "" },
		"not an https address": func(o *AppOptions) { o.Authority = "login" },
	} {
		o := f.appOptions()
		change(&o)
		_, err := NewApp(o)
		if refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%s: %v, want Invalid", name, err)
			continue
		}
		noSecrets(t, err)
	}
	o := f.userOptions()
	o.Password = unreadable
	if _, err := mustUser(t, o).Token(t.Context()); refresh.CodeOf(err) != refresh.Invalid {
		t.Errorf("unreadable password: %v, want Invalid", err)
	} else {
		noSecrets(t, err)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://lcsapi.lcs.dynamics.com":     "https://lcsapi.lcs.dynamics.com//.default",
		"https://lcsapi.eu.lcs.dynamics.com/": "https://lcsapi.eu.lcs.dynamics.com//.default",
	} {
		if got := LCSScope(in); got != want {
			t.Errorf("LCSScope(%s) = %s, want %s", in, got, want)
		}
	}
}

// failWith asks for a token, wants an error, and looks for secrets in it.
func (f *fakeEntra) failWith(t *testing.T, app bool) error {
	t.Helper()
	var err error
	if app {
		_, err = mustApp(t, f.appOptions()).Token(t.Context(), "https://contoso.operations.dynamics.com")
	} else {
		_, err = mustUser(t, f.userOptions()).Token(t.Context())
	}
	if err == nil {
		t.Fatal("a token where there should be an error")
	}
	noSecrets(t, err)
	return err
}
