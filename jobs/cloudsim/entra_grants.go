package cloudsim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// passwordGrant signs a user in with name and password (ROPC).
func (d *directory) passwordGrant(t *tokenRequest, a *app) (reply, *signInError) {
	if failure := d.authenticate(t, a, a.public); failure != nil {
		return reply{}, failure
	}
	for _, name := range []string{"username", "password"} {
		if t.Get(name) == "" {
			return reply{}, aadError(900144, "invalid_request", "The request body must contain the following parameter: '%s'.", name)
		}
	}
	user := d.accounts[strings.ToLower(t.Get("username"))]
	switch {
	case user == nil:
		return reply{}, aadError(50034, "invalid_grant", "The user account {EUII Hidden} does not exist in the %s directory. "+
			"To sign into this application, the account must be added to the directory.", d.tenant)
	case user.noPassword || user.password != t.Get("password"):
		return reply{}, aadError(50126, "invalid_grant", "Error validating credentials due to invalid username or password.")
	}
	return d.signedIn(t, a, user, false)
}

// refreshGrant renews a user's token. Like the real one it looks at the user again.
func (d *directory) refreshGrant(t *tokenRequest, a *app) (reply, *signInError) {
	if failure := d.authenticate(t, a, a.public); failure != nil {
		return reply{}, failure
	}
	rt, ok := d.refresh[t.Get("refresh_token")]
	if !ok || rt.app != a.id {
		return reply{}, aadError(9002313, "invalid_grant", "Invalid request. Request is malformed or invalid.")
	}
	user := d.accounts[rt.user]
	if rt.revoked || user == nil {
		return reply{}, aadError(50173, "invalid_grant", "The provided grant has expired due to it being revoked, a fresh auth token is needed. "+
			"The user might have changed or reset their password.")
	}
	return d.signedIn(t, a, user, rt.strong)
}

// signedIn does what all ways of signing in a user have in common. strong says that a second factor was given.
func (d *directory) signedIn(t *tokenRequest, a *app, user *account, strong bool) (reply, *signInError) {
	if user.disabled {
		return reply{}, aadError(50057, "invalid_grant", "The user account is disabled.")
	}
	res, failure := d.requested(t)
	if failure != nil {
		return reply{}, failure
	}
	if d.mfa && !strong {
		failure := aadError(50076, "invalid_grant", "Due to a configuration change made by your administrator, or because you moved to a new "+
			"location, you must use multi-factor authentication to access '%s'.", res.audience)
		failure.suberror = "basic_action"
		return reply{}, failure
	}
	if a.noConsent {
		failure := aadError(65001, "invalid_grant", "The user or administrator has not consented to use the application with ID '%s' named '%s'. "+
			"Send an interactive authorization request for this user and resource.", a.id, a.name)
		failure.suberror = "consent_required"
		return reply{}, failure
	}
	return d.grant(t, a, user, res, strong), nil
}

// clientGrant gives an application a token of its own.
func (d *directory) clientGrant(t *tokenRequest, a *app) (reply, *signInError) {
	if isCommon(t.tenant) {
		return reply{}, aadError(50059, "invalid_request", "No tenant-identifying information found in either the request or implied by any "+
			"provided credentials.")
	}
	if failure := d.authenticate(t, a, false); failure != nil {
		return reply{}, failure
	}
	if t.version == 2 && !strings.Contains(t.Get("scope")+" ", "/.default ") { // MSAL sends openid and others along
		return reply{}, aadError(1002012, "invalid_scope", "The provided value for scope %s is not valid. Client credential flows must have a scope "+
			"value with /.default suffixed to the resource identifier (application ID URI).", t.Get("scope"))
	}
	res, failure := d.requested(t)
	if failure != nil {
		return reply{}, failure
	}
	if res.delegatedOnly {
		return reply{}, aadError(501051, "invalid_grant", "Application '%s'(%s) is not assigned to a role for the application '%s'.", a.id, a.name, res.audience)
	}
	return d.grant(t, a, nil, res, false), nil
}

// requested finds the API that a request asks a token for: by scope in v2, by resource in v1.
func (d *directory) requested(t *tokenRequest) (resource, *signInError) {
	var id string
	if t.version == 1 {
		id = t.Get("resource")
	} else {
		for _, s := range strings.Fields(t.Get("scope")) {
			if slices.Contains([]string{"openid", "profile", "offline_access", "email"}, s) {
				continue
			}
			next, found := strings.CutSuffix(s, "/.default")
			if !found {
				next, found = strings.CutSuffix(s, "/user_impersonation")
			}
			if !found || id != "" && id != next {
				return resource{}, aadError(70011, "invalid_scope", "The provided request must include a 'scope' input parameter. The provided value "+
					"for the input parameter 'scope' is not valid. The scope %s is not valid.", t.Get("scope"))
			}
			id = next
		}
	}
	for _, res := range d.resources {
		if res.audience == id || t.version == 1 && slices.Contains(res.v1, id) {
			return res, nil
		}
	}
	return resource{}, aadError(500011, "invalid_resource", "The resource principal named %s was not found in the tenant named %s. This can happen if "+
		"the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.", id, d.tenant)
}

// authenticate checks that the application is who it says: by secret, certificate or federated token. A public
// client needs nothing, but what it does send must be right.
func (d *directory) authenticate(t *tokenRequest, a *app, public bool) *signInError {
	secret, assertion := t.Get("client_secret"), t.Get("client_assertion")
	switch {
	case assertion != "":
		return d.checkAssertion(t, a, assertion)
	case secret != "":
		if a.secret == "" || secret != a.secret {
			return aadError(7000215, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client "+
				"secret value, not the client secret ID, for a secret added to app '%s'.", a.id)
		}
		return nil
	case !public:
		return aadError(7000218, "invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	}
	return nil
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// checkAssertion accepts a JWT that the application signed with its certificate, or one that another identity
// provider wrote for the fixed audience of federated credentials. What is registered for the application is checked
// in full; without any registration the claims alone decide.
func (d *directory) checkAssertion(t *tokenRequest, a *app, assertion string) *signInError {
	malformed := aadError(50027, "invalid_client", "JWT token is invalid or malformed.")
	if t.Get("client_assertion_type") != assertionType {
		return aadError(900144, "invalid_request", "The request body must contain the following parameter: 'client_assertion_type'.")
	}
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return malformed
	}
	var header struct{ Alg string }
	var claims struct {
		Iss, Sub string
		Aud      any
		Exp, Nbf int64
	}
	if !decodeSegment(parts[0], &header) || !decodeSegment(parts[1], &claims) {
		return malformed
	}
	now := t.now.Unix()
	if claims.Exp <= now || claims.Nbf > now+300 {
		return aadError(700024, "invalid_client", "Client assertion is not within its valid time range.")
	}
	if hasAudience(claims.Aud, "api://AzureADTokenExchange") {
		if f := a.federated; claims.Iss == "" || claims.Sub == "" || f != nil && (f.issuer != claims.Iss || f.subject != claims.Sub) {
			return aadError(700213, "invalid_client", "No matching federated identity record found for presented assertion subject '%s'.", claims.Sub)
		}
		return nil
	}
	base := strings.TrimSuffix(strings.TrimSuffix(t.endpoint, "/oauth2/v2.0/token"), "/oauth2/token")
	if !slices.ContainsFunc([]string{t.endpoint, base + "/v2.0", base + "/"}, func(aud string) bool { return hasAudience(claims.Aud, aud) }) {
		return aadError(50027, "invalid_client", "JWT token is invalid or malformed: the audience is not this token endpoint.")
	}
	if !strings.EqualFold(claims.Iss, a.id) || !strings.EqualFold(claims.Sub, a.id) {
		return aadError(700021, "invalid_client", "Client assertion application identifier doesn't match 'client_id' parameter.")
	}
	if len(a.keys) > 0 && !slices.ContainsFunc(a.keys, func(k *rsa.PublicKey) bool { return verify(k, header.Alg, parts) }) {
		return aadError(700027, "invalid_client", "The certificate with identifier used to sign the client assertion is not registered on application.")
	}
	return nil
}

func decodeSegment(segment string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(segment)
	return err == nil && json.Unmarshal(b, v) == nil
}

// hasAudience looks into an aud claim, which is a string or a list.
func hasAudience(claim any, want string) bool {
	switch v := claim.(type) {
	case string:
		return strings.EqualFold(v, want)
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return hasAudience(one, want) })
	}
	return false
}

func verify(key *rsa.PublicKey, alg string, parts []string) bool {
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch alg {
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil) == nil
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}
