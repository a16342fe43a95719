package cloudsim

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSignInErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(sim)
		app     bool // start from the application's form instead of the user's
		set     url.Values
		path    string // after the host; the tenant's v2 endpoint when empty
		status  int
		kind    string
		code    string
	}{
		"wrong password":          {set: url.Values{"password": {"x"}}, status: 400, kind: "invalid_grant", code: "AADSTS50126"},
		"no password sign-in":     {prepare: func(s sim) { s.DisablePassword(s.LCSUser()) }, status: 400, kind: "invalid_grant", code: "AADSTS50126"},
		"unknown user":            {set: url.Values{"username": {"nobody@contoso.com"}}, status: 400, kind: "invalid_grant", code: "AADSTS50034"},
		"disabled user":           {prepare: func(s sim) { s.DisableUser(s.LCSUser()) }, status: 400, kind: "invalid_grant", code: "AADSTS50057"},
		"MFA":                     {prepare: func(s sim) { s.RequireMFA(true) }, status: 400, kind: "invalid_grant", code: "AADSTS50076"},
		"no consent":              {prepare: func(s sim) { s.SetConsent(s.LCSClientID(), false) }, status: 400, kind: "invalid_grant", code: "AADSTS65001"},
		"unknown app":             {set: url.Values{"client_id": {newGUID()}}, status: 400, kind: "unauthorized_client", code: "AADSTS700016"},
		"confidential, no secret": {prepare: func(s sim) { s.AddEntraApp(s.LCSClientID(), "lcs", "x") }, status: 401, kind: "invalid_client", code: "AADSTS7000218"},
		"unknown tenant":          {path: "/no-such-tenant/oauth2/v2.0/token", status: 400, kind: "invalid_request", code: "AADSTS90002"},
		"single slash":            {set: url.Values{"scope": {"LCS/.default"}}, status: 400, kind: "invalid_resource", code: "AADSTS500011"},
		"no scope":                {set: url.Values{"scope": {""}}, status: 400, kind: "invalid_resource", code: "AADSTS500011"},
		"malformed scope":         {set: url.Values{"scope": {"LCS"}}, status: 400, kind: "invalid_scope", code: "AADSTS70011"},
		"no grant type":           {set: url.Values{"grant_type": {""}}, status: 400, kind: "invalid_request", code: "AADSTS900144"},
		"unknown grant type":      {set: url.Values{"grant_type": {"magic"}}, status: 400, kind: "unsupported_grant_type", code: "AADSTS70003"},
		"made-up refresh token":   {set: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"0.Axx"}}, status: 400, kind: "invalid_grant", code: "AADSTS9002313"},
		"wrong secret":            {app: true, set: url.Values{"client_secret": {"x"}}, status: 401, kind: "invalid_client", code: "AADSTS7000215"},
		"no secret":               {app: true, set: url.Values{"client_secret": {""}}, status: 401, kind: "invalid_client", code: "AADSTS7000218"},
		"application for LCS":     {app: true, set: url.Values{"scope": {"LCS//.default"}}, status: 400, kind: "invalid_grant", code: "AADSTS501051"},
		"application, own scope":  {app: true, set: url.Values{"scope": {"LCS//user_impersonation"}}, status: 400, kind: "invalid_scope", code: "AADSTS1002012"},
		"application at common":   {app: true, path: "/common/oauth2/v2.0/token", status: 400, kind: "invalid_request", code: "AADSTS50059"},
		"assertion is no JWT":     {app: true, set: assertion("nonsense"), status: 401, kind: "invalid_client", code: "AADSTS50027"},
		"assertion for others":    {app: true, set: assertion(jwt(map[string]any{"aud": "https://other", "exp": future()})), status: 401, kind: "invalid_client", code: "AADSTS50027"},
		"assertion expired": {app: true, set: assertion(jwt(map[string]any{"aud": "api://AzureADTokenExchange", "iss": "i", "sub": "s", "exp": 1})),
			status: 401, kind: "invalid_client", code: "AADSTS700024"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			if tt.prepare != nil {
				tt.prepare(s)
			}
			form := s.passwordForm()
			if tt.app {
				form = s.secretForm("uat")
			}
			for k, v := range tt.set {
				form.Set(k, strings.ReplaceAll(v[0], "LCS", s.LCSURL()))
			}
			path := tt.path
			if path == "" {
				path = s.v2()
			}
			a := s.post(path, form)
			description, _ := a.json["error_description"].(string)
			if a.status != tt.status || a.json["error"] != tt.kind || !strings.HasPrefix(description, tt.code+": ") {
				t.Errorf("got %d %v %q, want %d %s %s", a.status, a.json["error"], description, tt.status, tt.kind, tt.code)
			}
			for _, field := range []string{"error_codes", "timestamp", "trace_id", "correlation_id"} {
				if a.json[field] == nil {
					t.Errorf("%s is missing in %s", field, a.body)
				}
			}
		})
	}
}

func assertion(text string) url.Values {
	return url.Values{"client_assertion": {text}, "client_assertion_type": {assertionType}}
}

func future() int64 { return time.Now().Add(time.Hour).Unix() }

func TestV1Endpoint(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoRateLimits: true})
	form := s.passwordForm()
	form.Set("scope", "openid")
	form.Set("resource", s.LCSURL()) // no slash, as people write it
	a := s.post("/common/oauth2/token", form)
	for _, field := range []string{"access_token", "refresh_token", "expires_on", "expires_in", "id_token"} {
		if v, ok := a.json[field].(string); !ok || v == "" {
			t.Errorf("%s is %v, want a text", field, a.json[field])
		}
	}
	renewed := s.post("/common/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {s.LCSClientID()},
		"refresh_token": {a.json["refresh_token"].(string)}, "resource": {s.LCSURL() + "/"}})
	token, _ := renewed.json["access_token"].(string)
	if got := s.do("GET", s.LCSURL()+"/environmentinfo/v1/detail/project/1234567", "", "Authorization: Bearer "+token); got.status != 200 {
		t.Errorf("LCS answers %d to the renewed token", got.status)
	}
	app := s.post("/"+s.Tenant()+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {s.AppID()},
		"client_secret": {s.AppSecret()}, "resource": {s.EnvironmentURL("uat")}})
	if app.status != 200 || app.json["resource"] != s.EnvironmentURL("uat") {
		t.Errorf("application: %d %s", app.status, app.body)
	}
}

func TestTokenIsForOneAudience(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoRateLimits: true})
	tokens := map[string]string{"lcs": s.lcsToken(), "prod": s.envToken("prod"), "uat": s.envToken("uat"), "none": "X-None: 1", "forged": "Authorization: Bearer a.b.c"}
	targets := map[string]string{
		"lcs": s.LCSURL() + "/environmentinfo/v1/detail/project/1234567", "prod": s.EnvironmentURL("prod") + "/data/Companies", "uat": s.EnvironmentURL("uat") + "/data/Companies",
	}
	for of, token := range tokens {
		for at, target := range targets {
			want := 401
			if of == at {
				want = 200
			}
			if a := s.do("GET", target, "", token); a.status != want {
				t.Errorf("token of %s at %s: %d, want %d", of, at, a.status, want)
			}
		}
	}
	s.ExpireTokens()
	for of, target := range targets {
		if a := s.do("GET", target, "", tokens[of]); a.status != 401 {
			t.Errorf("expired token of %s: %d, want 401", of, a.status)
		}
	}
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoRateLimits: true, TokenLifetime: 50 * time.Millisecond})
	token := s.envToken("uat")
	s.waitFor("the token to expire", func() bool { // each request is a change that Wait sees
		return s.do("GET", s.EnvironmentURL("uat")+"/data/Companies", "", token).status == 401
	})
}

func TestDiscoveryAndUserRealm(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a := s.do("GET", s.AuthorityURL()+"/"+s.Tenant()+"/v2.0/.well-known/openid-configuration", "")
	if issuer, _ := a.json["issuer"].(string); !strings.HasPrefix(issuer, s.AuthorityURL()+"/") {
		t.Errorf("issuer is %q", issuer)
	}
	if a := s.do("GET", s.AuthorityURL()+"/no-such-tenant/v2.0/.well-known/openid-configuration", ""); a.status != 400 {
		t.Errorf("unknown tenant: %d", a.status)
	}
	for upn, want := range map[string]string{s.LCSUser(): "Managed", "someone@elsewhere.example": "Unknown"} {
		if a := s.do("GET", s.AuthorityURL()+"/common/UserRealm/"+url.PathEscape(upn)+"?api-version=1.0", ""); a.json["account_type"] != want {
			t.Errorf("%s is %v, want %s", upn, a.json["account_type"], want)
		}
	}
}
