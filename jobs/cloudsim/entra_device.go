package cloudsim

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// deviceCodeLife is how long a code can be entered (Microsoft Learn, "OAuth 2.0 device authorization grant", gives
// expires_in 900 in its sample).
const deviceCodeLife = 15 * time.Minute

// deviceSignIn is one sign-in for which a code was given out.
type deviceSignIn struct {
	code     string // what the application polls with
	app      string
	scope    string
	expires  time.Time
	user     *account // who entered the code; nil: nobody yet
	declined bool
}

// deviceEndpoint gives out a code to enter elsewhere. Source: Microsoft Learn, "OAuth 2.0 device authorization grant",
// Device authorization request.
func (c *Cloud) deviceEndpoint(r *request, tenant string) reply {
	d := &c.directory
	if !isCommon(tenant) && !d.hasTenant(tenant) {
		return unknownTenant(tenant).reply()
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil || r.method != http.MethodPost || form.Get("client_id") == "" {
		return aadError(900144, "invalid_request", "The request body must contain the following parameter: 'client_id'.").reply()
	}
	r.app = form.Get("client_id")
	a := d.apps[strings.ToLower(r.app)]
	if a == nil {
		return aadError(700016, "unauthorized_client", "Application with identifier '%s' was not found in the directory '%s'.", r.app, tenant).reply()
	}
	if !a.public {
		return aadError(7000218, "invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.").reply()
	}
	if d.devices == nil {
		d.devices = map[string]*deviceSignIn{}
	}
	user := strings.ToUpper(strings.ReplaceAll(newGUID(), "-", "")[:9])
	in := &deviceSignIn{code: "0.D" + newGUID(), app: a.id, scope: form.Get("scope"), expires: r.now.Add(deviceCodeLife)}
	d.devices[user] = in
	d.remember(in.code)
	page := c.entraURL + "/devicelogin"
	return noStore(jsonReply(http.StatusOK, map[string]any{
		"user_code": user, "device_code": in.code, "verification_uri": page, "expires_in": int(deviceCodeLife / time.Second), "interval": 5,
		"message": "To sign in, use a web browser to open the page " + page + " and enter the code " + user + " to authenticate.",
	}))
}

// deviceGrant answers an application that polls.
func (d *directory) deviceGrant(t *tokenRequest, a *app) (reply, *signInError) {
	for user, in := range d.devices {
		if in.code != t.Get("device_code") || in.app != a.id {
			continue
		}
		switch {
		case in.declined:
			return reply{}, aadError(70000, "authorization_declined", "The end user denied the authorization request.")
		case !t.now.Before(in.expires):
			return reply{}, aadError(70020, "expired_token", "The provided value for the input parameter 'device_code' is not valid. This device code has expired.")
		case in.user == nil:
			return reply{}, aadError(70016, "authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
		}
		delete(d.devices, user) // a code is good for one sign-in
		return d.signedIn(t, a, in.user, true)
	}
	return reply{}, aadError(70019, "bad_verification_code", "The device code is not recognized.")
}

// DeviceCodes returns the codes that wait to be entered.
func (c *Cloud) DeviceCodes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var codes []string
	now := time.Now()
	for user, in := range c.directory.devices {
		if in.user == nil && !in.declined && now.Before(in.expires) {
			codes = append(codes, user)
		}
	}
	return codes
}

// EnterDeviceCode plays a person who enters a code on Entra's page and signs in there, with a second factor if that is
// asked for. It reports whether the code and the account exist.
func (c *Cloud) EnterDeviceCode(code, user string) bool {
	return c.device(code, func(in *deviceSignIn) bool {
		in.user = c.directory.accounts[strings.ToLower(user)]
		return in.user != nil
	})
}

// DeclineDeviceCode plays a person who says no on that page.
func (c *Cloud) DeclineDeviceCode(code string) bool {
	return c.device(code, func(in *deviceSignIn) bool { in.declined = true; return true })
}

func (c *Cloud) device(code string, f func(*deviceSignIn) bool) (ok bool) {
	c.steer(func(now time.Time) {
		in := c.directory.devices[strings.ToUpper(strings.TrimSpace(code))]
		ok = in != nil && now.Before(in.expires) && f(in)
	})
	return ok
}

// AddAccount adds an account to the tenant that signs in with a password.
func (c *Cloud) AddAccount(name, password string) {
	c.steer(func(time.Time) {
		c.directory.accounts[strings.ToLower(name)] = &account{name: name, oid: newGUID(), password: password}
	})
}
