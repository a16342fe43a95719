package entra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// DefaultAuthority is the sign-in address of the worldwide cloud.
const DefaultAuthority = "https://login.microsoftonline.com"

const (
	// signInTimeout bounds one sign-in, which is up to three requests the first time.
	signInTimeout = 30 * time.Second
	// maxBody bounds what is read of one reply. A token reply is a few kilobytes.
	maxBody = 1 << 20
)

// LCSScope is the scope of a token for Lifecycle Services at apiURL. The double slash is no slip: the resource's
// name itself ends in a slash (Microsoft Learn, "Database Movement API - Authentication").
func LCSScope(apiURL string) string { return strings.TrimRight(apiURL, "/") + "//.default" }

// appScope is the scope of an app's token for a resource. Finance and Operations wants no trailing slash before
// "/.default" (Microsoft Learn, "Service endpoints overview", Authentication).
func appScope(resourceURL string) string { return strings.TrimRight(resourceURL, "/") + "/.default" }

// endpoint is where an identity signs in.
type endpoint struct {
	url       string // authority and tenant, as MSAL wants it
	host      string
	microsoft bool
}

func newEndpoint(authority, tenant string) (endpoint, error) {
	if authority == "" {
		authority = DefaultAuthority
	}
	u, err := url.Parse(authority)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return endpoint{}, refresh.Errorf(refresh.Invalid, "entra.authority must be an https address such as %s.", DefaultAuthority)
	}
	if tenant == "" || strings.ContainsAny(tenant, "/?#% ") {
		return endpoint{}, refresh.Errorf(refresh.Invalid, "entra.tenant must be the tenant's id or its domain name.")
	}
	return endpoint{
		url:       strings.TrimRight(authority, "/") + "/" + tenant,
		host:      strings.ToLower(u.Host),
		microsoft: microsoftHost(u.Host),
	}, nil
}

// microsoftHost reports whether host is a sign-in host of one of Microsoft's clouds. Only for those does MSAL's
// instance discovery make sense; for any other it would ask login.microsoftonline.com about a foreign host.
func microsoftHost(host string) bool {
	switch strings.ToLower(host) {
	case "login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net",
		"login.microsoftonline.us", "login.usgovcloudapi.net",
		"login.partner.microsoftonline.cn", "login.chinacloudapi.cn":
		return true
	}
	return false
}

// httpClient returns a copy of c that keeps credentials at the endpoint: it follows no redirect, talks to no other
// host, and reads no more of a reply than a token could need.
func (e endpoint) httpClient(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{}
	}
	guarded := *c
	guarded.CheckRedirect = wire.Stay
	guarded.Transport = guard{base: c.Transport, endpoint: e}
	return &guarded
}

// errForeignHost says that MSAL wanted to talk to a host other than the authority. It does so for a federated
// account, whose password it would post to the organisation's own sign-in server.
var errForeignHost = errors.New("sign-in leads to another host")

type guard struct {
	base     http.RoundTripper
	endpoint endpoint
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	same := strings.EqualFold(r.URL.Host, g.endpoint.host)
	if r.URL.Scheme != "https" || !same && (!g.endpoint.microsoft || !microsoftHost(r.URL.Host)) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errForeignHost
	}
	base := g.base
	if base == nil {
		base = http.DefaultTransport
	}
	res, err := base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = limited{io.LimitReader(res.Body, maxBody), res.Body}
	return res, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// flight makes concurrent callers of one key share one request. MSAL itself sends one per caller as long as its
// cache is cold.
type flight struct{ group singleflight.Group }

// do runs fetch for key unless it runs already, and waits for it or for ctx. The shared request hangs on no
// caller's context: one who gives up must not fail the others.
func (f *flight) do(ctx context.Context, key string, fetch func(context.Context) (string, error)) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", interrupted(err)
	}
	done := f.group.DoChan(key, func() (any, error) {
		shared, cancel := context.WithTimeout(context.Background(), signInTimeout)
		defer cancel()
		return guarded(shared, fetch)
	})
	select {
	case <-ctx.Done():
		return "", interrupted(ctx.Err())
	case r := <-done:
		if defect, ok := r.Val.(defect); ok {
			panic(string(defect)) // here, where the caller can recover: in singleflight's goroutine it ends the process
		}
		if r.Err != nil {
			return "", r.Err
		}
		return r.Val.(string), nil
	}
}

// defect is what a sign-in panicked with, and where.
type defect string

func guarded(ctx context.Context, fetch func(context.Context) (string, error)) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = defect(fmt.Sprintf("%v\n%s", p, debug.Stack())), nil
		}
	}()
	return fetch(ctx)
}

func interrupted(err error) error {
	return &refresh.Error{Code: refresh.Offline, Msg: "The sign-in to Microsoft Entra was interrupted before it ended; try again.", Err: err}
}
