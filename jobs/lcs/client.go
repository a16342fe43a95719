package lcs

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// DefaultBaseURL is the API of the worldwide cloud. A project in another geography has another host.
const DefaultBaseURL = "https://lcsapi.lcs.dynamics.com"

// Options configures a Client.
type Options struct {
	BaseURL   string // empty means DefaultBaseURL
	ProjectID int
	Token     func(ctx context.Context) (string, error) // a delegated token; LCS accepts no other
	Forget    func(ctx context.Context)                 // after an HTTP 401: Token is to return a fresh one; may be nil
	HTTP      *http.Client                              // nil means a client of its own; redirects are never followed
	Timeout   time.Duration                             // one request, from connecting to the last byte; zero means 30 s
	Now       func() time.Time                          // nil means time.Now
}

// Client is safe for concurrent use.
type Client struct {
	base    string
	project int
	token   func(ctx context.Context) (string, error)
	forget  func(ctx context.Context)
	reads   *http.Client
	starts  *http.Client
	timeout time.Duration
	now     func() time.Time
}

// New returns a client; it sends nothing.
func New(o Options) *Client {
	c := &Client{base: strings.TrimRight(o.BaseURL, "/"), project: o.ProjectID, token: o.Token, forget: o.Forget, timeout: o.Timeout, now: o.Now}
	if c.base == "" {
		c.base = DefaultBaseURL
	}
	if c.timeout <= 0 {
		c.timeout = 30 * time.Second
	}
	if c.now == nil {
		c.now = time.Now
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{}
	}
	reads := *o.HTTP
	// A redirect could carry the token to another host, and a redirected POST would be a second one.
	reads.CheckRedirect = wire.Stay
	starts := reads
	starts.Transport = freshConnections(o.HTTP.Transport)
	c.reads, c.starts = &reads, &starts
	return c
}

// freshConnections returns a transport that opens a connection for each request. On a kept connection that the
// server has just closed, net/http sends the request again by itself. It does so for a POST only when it believes
// that nothing was written (net/http, Transport), but with a connection of its own the question does not arise,
// and an error before the connection stands is certain to mean that nothing was sent.
func freshConnections(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		rt = http.DefaultTransport
	}
	t, ok := rt.(*http.Transport)
	if !ok {
		return rt
	}
	t = t.Clone()
	t.DisableKeepAlives = true
	// HTTP/2 has a retry of its own. Clone brings along a TLS configuration that still offers it to the server.
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	return t
}

// Status reads the state of an operation. Errors: Refused when LCS does not know the operation or environment,
// and those of any read: Denied, NotFound, Throttled, Offline, Invalid.
func (c *Client) Status(ctx context.Context, target, operationID string) (refresh.CopyStatus, error) {
	if target == "" || operationID == "" {
		return "", refresh.Errorf(refresh.Invalid, "An operation's status needs the target environment and the operation's id.")
	}
	// The environment is the target: the documentation's sample is ambiguous, working clients use the target.
	path := fmt.Sprintf("/databasemovement/v1/fetchstatus/project/%d/environment/%s/operationactivity/%s",
		c.project, segment(target), segment(operationID))
	var r statusReply
	if err := c.get(ctx, path, &r); err != nil {
		return "", err
	}
	// The reply's own OperationActivityId names the status call, not the operation; ActivityId echoes the operation.
	if echo := string(r.ActivityID); echo != "" && !sameID(echo, operationID) {
		return "", refresh.Errorf(refresh.Offline, "LCS answered about another operation than the one asked for; ask again.")
	}
	if r.OperationStatus == "" {
		return "", refresh.Errorf(refresh.Offline, "LCS answered without a status; ask again.")
	}
	return refresh.CopyStatus(r.OperationStatus), nil
}

// maxDetailPages bounds the search through a project's environments. LCS allows 6 such calls a minute.
const maxDetailPages = 20

// Environment reads what LCS knows about an environment. When asking for the id finds nothing, it looks through
// all environments of the project, because LCS writes the same id in two forms. Errors: NotFound when the project
// has no such environment, and those of any read.
func (c *Client) Environment(ctx context.Context, id string) (refresh.EnvironmentDetail, error) {
	if id == "" {
		return refresh.EnvironmentDetail{}, refresh.Errorf(refresh.Invalid, "An environment's LCS id is missing.")
	}
	path := fmt.Sprintf("/environmentinfo/v1/detail/project/%d/", c.project)
	found, _, err := c.detailPage(ctx, path+"?environmentId="+url.QueryEscape(segment(id)), id)
	switch refresh.CodeOf(err) {
	case "", refresh.Refused, refresh.NotFound, refresh.Invalid:
	default:
		return refresh.EnvironmentDetail{}, err
	}
	for page, more := 1, true; found == nil && more && page <= maxDetailPages; page++ {
		if found, more, err = c.detailPage(ctx, path+"?page="+strconv.Itoa(page), id); err != nil {
			return refresh.EnvironmentDetail{}, err
		}
	}
	if found == nil {
		return refresh.EnvironmentDetail{}, refresh.Errorf(refresh.NotFound,
			"LCS project %d has no environment %s: check lcs.project, lcs.api_url and lcs_environment.", c.project, id)
	}
	return *found, nil
}

func (c *Client) detailPage(ctx context.Context, path, id string) (found *refresh.EnvironmentDetail, more bool, err error) {
	var r detailReply
	if err := c.get(ctx, path, &r); err != nil {
		return nil, false, err
	}
	for _, e := range r.Data {
		if sameID(string(e.EnvironmentID), id) {
			d := e.detail()
			return &d, false, nil
		}
	}
	return nil, bool(r.More) && len(r.Data) > 0, nil
}

const (
	maxHistoryPages = 5 // LCS allows 6 such calls in 30 seconds for an environment
	historyReach    = 48 * time.Hour
)

// History reads the operations of an environment, running and past, newest first: at most 5 pages, and none beyond
// the first that holds only what began more than 48 hours ago. An operation whose start is not known yet comes
// first. Errors: Refused when LCS does not know the environment, and those of any read.
func (c *Client) History(ctx context.Context, target string) ([]refresh.Operation, error) {
	if target == "" {
		return nil, refresh.Errorf(refresh.Invalid, "An environment's LCS id is missing.")
	}
	path := fmt.Sprintf("/environmentinfo/v1/history/project/%d/environment/%s/?page=", c.project, segment(target))
	var ops []refresh.Operation
	oldest := c.now().Add(-historyReach)
	for page, more := 1, true; more && page <= maxHistoryPages; page++ {
		var r historyReply
		if err := c.get(ctx, path+strconv.Itoa(page), &r); err != nil {
			return nil, err
		}
		recent := false
		for _, e := range r.Data {
			op := e.operation()
			ops = append(ops, op)
			recent = recent || op.StartedAt.IsZero() || op.StartedAt.After(oldest)
		}
		more = bool(r.More) && recent
	}
	newestFirst(ops)
	return ops, nil
}

// Link returns the address of the environment's page in the LCS portal, for a person to open. The address is
// observed, not documented; only the host's relation to the API's host (lcsapi. left out) carries the geography.
func (c *Client) Link(environmentID string) string {
	portal := strings.Replace(c.base, "://lcsapi.", "://", 1)
	return fmt.Sprintf("%s/V2/EnvironmentDetailsV3New/%d?EnvironmentId=%s", portal, c.project, url.QueryEscape(dashed(environmentID)))
}

func sameID(a, b string) bool { return refresh.NormalizeID(a) == refresh.NormalizeID(b) }

// dashed writes a GUID the way LCS mostly does, and leaves anything else as it is.
func dashed(id string) string {
	n := refresh.NormalizeID(id)
	if len(n) != 32 || strings.Trim(n, "0123456789abcdef") != "" {
		return strings.TrimSpace(id)
	}
	return n[:8] + "-" + n[8:12] + "-" + n[12:16] + "-" + n[16:20] + "-" + n[20:]
}

func segment(id string) string { return url.PathEscape(dashed(id)) }
