package cloudsim

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// directory is the Entra tenant: who exists, which applications, and which tokens were given out.
// Cloud.mu guards it.
type directory struct {
	tenant    string
	lifetime  time.Duration
	mfa       bool
	accounts  map[string]*account // by sign-in name, lower case
	apps      map[string]*app     // by client id, lower case
	resources []resource
	access    map[string]accessToken
	refresh   map[string]refreshToken
	devices   map[string]*deviceSignIn // by the code that a person enters
	issued    []string                 // the most recent tokens, for IssuedTokens
}

type account struct {
	name       string // as written, for claims
	oid        string
	password   string
	disabled   bool
	noPassword bool // signs in without one, or elsewhere: the password grant never works
}

type app struct {
	id        string
	name      string
	public    bool   // "Allow public client flows": no secret needed for the password grant
	secret    string // empty when it has none
	noConsent bool
	keys      []*rsa.PublicKey // registered certificates
	federated *federation
}

// federation is a federated credential: whose tokens are taken in place of a secret.
type federation struct{ issuer, subject string }

// resource is an API that tokens are for. An identifier must match exactly, trailing slash included.
type resource struct {
	audience      string
	v1            []string // further identifiers that the v1 endpoint takes
	delegatedOnly bool     // no application may have a token of its own
}

// lcsResource has an identifier that ends in a slash, hence the two in its scope. People use the v1 endpoint
// without it, and that works.
func lcsResource(url string) resource {
	return resource{audience: url + "/", v1: []string{url}, delegatedOnly: true}
}

func finOpsResource(url string) resource { return resource{audience: url} }

type accessToken struct {
	audience, app, user string // user is a sign-in name, empty for an application's own token
	expires             time.Time
}

type refreshToken struct {
	app, user string
	revoked   bool
	strong    bool // bought with a second factor
}

func newDirectory(o Options) directory {
	d := directory{
		tenant: strings.ToLower(o.Tenant), lifetime: o.TokenLifetime,
		accounts: map[string]*account{}, apps: map[string]*app{},
		access: map[string]accessToken{}, refresh: map[string]refreshToken{},
	}
	d.accounts[strings.ToLower(o.LCSUser)] = &account{name: o.LCSUser, oid: newGUID(), password: o.LCSPassword}
	d.apps[strings.ToLower(o.LCSClientID)] = &app{id: o.LCSClientID, name: "refreshbot for LCS", public: true}
	d.apps[strings.ToLower(o.AppID)] = &app{id: o.AppID, name: "refreshbot", secret: o.AppSecret}
	return d
}

func (d *directory) addResource(r resource) { d.resources = append(d.resources, r) }

// hasDomain reports whether a domain belongs to the tenant: those of its accounts do.
func (d *directory) hasDomain(name string) bool {
	for upn := range d.accounts {
		if _, domain, _ := strings.Cut(upn, "@"); strings.EqualFold(domain, name) {
			return true
		}
	}
	return false
}

func (d *directory) hasTenant(name string) bool {
	return strings.EqualFold(name, d.tenant) || d.hasDomain(name)
}

// issue gives out an access token. It has the shape of a JWT, but hosts look it up: nothing can be forged.
func (d *directory) issue(t accessToken, now time.Time) string {
	for old, o := range d.access { // few live at a time, so this stays small
		if now.After(o.expires.Add(time.Hour)) {
			delete(d.access, old)
		}
	}
	t.expires = now.Add(d.lifetime)
	claims := map[string]any{
		"aud": t.audience, "appid": t.app, "tid": d.tenant, "iat": now.Unix(), "nbf": now.Unix(), "exp": t.expires.Unix(), "jti": newGUID(),
	}
	if t.user != "" {
		claims["upn"], claims["scp"] = t.user, "user_impersonation"
	}
	token := jwt(claims)
	d.access[token] = t
	d.remember(token)
	return token
}

// maxIssued bounds the list of tokens in a cloud that runs for days.
const maxIssued = 10_000

// remember keeps a token for IssuedTokens.
func (d *directory) remember(token string) {
	if len(d.issued) >= maxIssued {
		d.issued = append(d.issued[:0], d.issued[maxIssued/2:]...)
	}
	d.issued = append(d.issued, token)
}

// check finds the token of an Authorization header that is valid now for the audience.
func (d *directory) check(header, audience string, now time.Time) (accessToken, bool) {
	scheme, token, _ := strings.Cut(header, " ")
	t, ok := d.access[token]
	if !ok || !strings.EqualFold(scheme, "Bearer") || t.audience != audience || !now.Before(t.expires) {
		return accessToken{}, false
	}
	return t, true
}

// jwt writes claims in the shape of a JWT with a random signature.
func jwt(claims map[string]any) string {
	var signature [32]byte
	_, _ = rand.Read(signature[:]) // never fails, says crypto/rand
	body, _ := json.Marshal(claims)
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"typ":"JWT","alg":"RS256"}`)) + "." + enc.EncodeToString(body) + "." + enc.EncodeToString(signature[:])
}
