package cloudsim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// serveEntra answers the discovery document, user realm discovery, device codes and the v1 and v2 token endpoints.
// Cloud.mu is held.
func (c *Cloud) serveEntra(r *request) reply {
	parts := strings.Split(strings.Trim(r.url.Path, "/"), "/")
	tenant := parts[0]
	switch rest := strings.ToLower(strings.Join(parts[1:], "/")); {
	case rest == "v2.0/.well-known/openid-configuration" && r.method == http.MethodGet:
		return c.discovery(tenant)
	case strings.HasPrefix(rest, "userrealm/") && r.method == http.MethodGet:
		return c.userRealm(parts[len(parts)-1])
	case rest == "oauth2/v2.0/token":
		return c.tokenEndpoint(r, tenant, 2)
	case rest == "oauth2/v2.0/devicecode":
		return c.deviceEndpoint(r, tenant)
	case rest == "oauth2/token":
		return c.tokenEndpoint(r, tenant, 1)
	default:
		return newReply(http.StatusNotFound, "", nil)
	}
}

// discovery answers with an issuer on the authority's own host: MSAL compares the two.
func (c *Cloud) discovery(tenant string) reply {
	if !isCommon(tenant) && !c.directory.hasTenant(tenant) {
		return unknownTenant(tenant).reply()
	}
	base := c.entraURL + "/" + tenant
	return jsonReply(http.StatusOK, map[string]any{
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// userRealm says that the tenant's own domains are managed, and knows nothing of others.
func (c *Cloud) userRealm(upn string) reply {
	_, domain, _ := strings.Cut(upn, "@")
	if !c.directory.hasDomain(domain) {
		return jsonReply(http.StatusOK, map[string]any{"ver": "1.0", "account_type": "Unknown",
			"cloud_instance_name": "microsoftonline.com", "cloud_audience_urn": "urn:federation:MicrosoftOnline"})
	}
	return jsonReply(http.StatusOK, map[string]any{"ver": "1.0", "account_type": "Managed", "domain_name": domain,
		"cloud_instance_name": "microsoftonline.com", "cloud_audience_urn": "urn:federation:MicrosoftOnline"})
}

func isCommon(tenant string) bool {
	return strings.EqualFold(tenant, "common") || strings.EqualFold(tenant, "organizations")
}

// tokenRequest is a form posted to a token endpoint.
type tokenRequest struct {
	url.Values
	tenant   string
	version  int
	endpoint string // as the client addressed it, for the audience of an assertion
	now      time.Time
}

func (c *Cloud) tokenEndpoint(r *request, tenant string, version int) reply {
	d := &c.directory
	if r.method != http.MethodPost {
		return aadError(900561, "invalid_request", "The endpoint only accepts POST requests. Received a %s request.", r.method).reply()
	}
	if !isCommon(tenant) && !d.hasTenant(tenant) {
		return unknownTenant(tenant).reply()
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return aadError(900144, "invalid_request", "The request body must contain the following parameter: 'grant_type'.").reply()
	}
	t := &tokenRequest{Values: form, tenant: tenant, version: version, endpoint: c.entraURL + r.url.Path, now: r.now}
	r.app, r.user = form.Get("client_id"), form.Get("username")
	for _, name := range []string{"grant_type", "client_id"} {
		if form.Get(name) == "" {
			return aadError(900144, "invalid_request", "The request body must contain the following parameter: '%s'.", name).reply()
		}
	}
	a := d.apps[strings.ToLower(form.Get("client_id"))]
	if a == nil {
		return aadError(700016, "unauthorized_client", "Application with identifier '%s' was not found in the directory '%s'. This can happen if "+
			"the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "+
			"You may have sent your authentication request to the wrong tenant.", form.Get("client_id"), tenant).reply()
	}
	var rep reply
	var failure *signInError
	switch form.Get("grant_type") {
	case "password":
		rep, failure = d.passwordGrant(t, a)
	case "refresh_token":
		rep, failure = d.refreshGrant(t, a)
	case "client_credentials":
		rep, failure = d.clientGrant(t, a)
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code": // MSAL for Go sends the older name
		rep, failure = d.deviceGrant(t, a)
	default:
		failure = aadError(70003, "unsupported_grant_type", "The app requested an unsupported grant type '%s'.", form.Get("grant_type"))
	}
	if failure != nil {
		return failure.reply()
	}
	return rep
}

// signInError is an error in the shape that Entra gives it.
// Source: the page "Microsoft Entra authentication and authorization error codes".
type signInError struct {
	code           int
	kind, suberror string
	text           string
}

func aadError(code int, kind, format string, args ...any) *signInError {
	return &signInError{code: code, kind: kind, text: fmt.Sprintf(format, args...)}
}

func unknownTenant(tenant string) *signInError {
	return aadError(90002, "invalid_request", "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into "+
		"the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", tenant)
}

func (e *signInError) reply() reply {
	status := http.StatusBadRequest
	if e.kind == "invalid_client" {
		status = http.StatusUnauthorized
	}
	trace, correlation, at := newGUID(), newGUID(), time.Now().UTC().Format("2006-01-02 15:04:05Z")
	body := map[string]any{
		"error": e.kind,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			e.code, e.text, trace, correlation, at),
		"error_codes": []int{e.code}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": "https://login.microsoftonline.com/error?code=" + strconv.Itoa(e.code),
	}
	if e.suberror != "" {
		body["suberror"] = e.suberror
	}
	return jsonReply(status, body)
}

// grant writes a successful answer: numbers in v2, strings in v1. strong says that the user gave a second factor.
func (d *directory) grant(t *tokenRequest, a *app, user *account, res resource, strong bool) reply {
	token := accessToken{audience: res.audience, app: a.id}
	if user != nil {
		token.user = user.name
	}
	seconds := int(d.lifetime / time.Second)
	body := map[string]any{"token_type": "Bearer", "access_token": d.issue(token, t.now)}
	if t.version == 2 {
		body["expires_in"], body["ext_expires_in"] = seconds, seconds
	} else {
		s := strconv.Itoa(seconds)
		body["expires_in"], body["ext_expires_in"], body["resource"] = s, s, res.audience
		body["expires_on"] = strconv.FormatInt(t.now.Add(d.lifetime).Unix(), 10)
		body["not_before"] = strconv.FormatInt(t.now.Unix(), 10)
	}
	if user == nil {
		return noStore(jsonReply(http.StatusOK, body))
	}
	if t.version == 2 {
		body["scope"] = res.audience + "/user_impersonation " + res.audience + "/.default"
	} else {
		body["scope"] = "user_impersonation"
	}
	scopes := strings.Fields(t.Get("scope"))
	has := func(scope string) bool {
		for _, s := range scopes {
			if s == scope {
				return true
			}
		}
		return false
	}
	if has("offline_access") || t.version == 1 {
		refresh := "0.A" + jwt(map[string]any{"jti": newGUID()})
		d.refresh[refresh] = refreshToken{app: a.id, user: strings.ToLower(user.name), strong: strong}
		d.remember(refresh)
		body["refresh_token"] = refresh
	}
	if has("openid") {
		body["id_token"] = jwt(map[string]any{
			"aud": a.id, "iss": strings.TrimSuffix(t.endpoint, "/oauth2/v2.0/token") + "/v2.0", "iat": t.now.Unix(), "nbf": t.now.Unix(),
			"exp": t.now.Add(d.lifetime).Unix(), "oid": user.oid, "sub": user.oid, "tid": d.tenant, "preferred_username": user.name,
			"name": user.name, "upn": user.name, "ver": "2.0",
		})
	}
	if t.Get("client_info") != "" {
		info, _ := json.Marshal(map[string]string{"uid": user.oid, "utid": d.tenant})
		body["client_info"] = base64.RawURLEncoding.EncodeToString(info)
	}
	return noStore(jsonReply(http.StatusOK, body))
}

func noStore(r reply) reply {
	return r.with("Cache-Control", "no-store, no-cache").with("Pragma", "no-cache")
}
