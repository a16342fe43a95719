package finops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

const (
	defaultTimeout = 100 * time.Second
	replyLimit     = 8 << 20  // one reply, in bytes
	listLimit      = 64 << 20 // all pages of one list together, in bytes: some 400,000 users
)

// Options says which environment to talk to, and as whom.
type Options struct {
	URL     string                                    // e.g. https://contoso-uat.sandbox.operations.dynamics.com
	Token   func(ctx context.Context) (string, error) // an access token for URL's host; asked for once per request
	Forget  func(ctx context.Context)                 // after an HTTP 401: Token is to return a fresh one; may be nil
	HTTP    *http.Client                              // default: the standard transport; its redirect policy is not used
	Timeout time.Duration                             // one request including its reply; default 100 s
	Settle  time.Duration                             // how long a write whose reply was lost may still land: the error's RetryAfter
}

// Client is safe for concurrent use.
type Client struct {
	base    string // scheme, host and path prefix, without a trailing slash
	host    string
	token   func(ctx context.Context) (string, error)
	forget  func(ctx context.Context)
	http    *http.Client
	timeout time.Duration
	settle  time.Duration
	lists   int64 // listLimit
	broken  error // Options that no request can be made with
}

// New makes a client. It makes no request; every call of a client with an unusable URL fails with Invalid.
func New(o Options) *Client {
	c := &Client{token: o.Token, forget: o.Forget, timeout: o.Timeout, settle: o.Settle, lists: listLimit}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	var hc http.Client
	if o.HTTP != nil {
		hc = *o.HTTP
	}
	// A redirect is an answer, not a direction: the token must not travel to another place.
	hc.CheckRedirect = wire.Stay
	c.http = &hc

	u, err := url.Parse(strings.TrimRight(o.URL, "/"))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		c.broken = refresh.Errorf(refresh.Invalid, "The environment URL is not usable: give it as https://name.operations.dynamics.com.")
	case u.Scheme != "https" && (u.Scheme != "http" || !wire.Loopback(u.Hostname())):
		c.broken = refresh.Errorf(refresh.Invalid, "The environment URL of %s must begin with https://.", u.Host)
	case o.Token == nil:
		c.broken = refresh.Errorf(refresh.Invalid, "There is no identity to sign in to %s with.", u.Host)
	default:
		c.base, c.host = u.String(), u.Host
	}
	return c
}

// URL is where the requests go, without a trailing slash; "" when the one it was made with is not usable.
func (c *Client) URL() string { return c.base }

// Ping asks for one company. Nil means that the environment is up and knows the app.
// Errors: Denied when the app is not registered there, Offline when nothing sensible answers, Throttled.
func (c *Client) Ping(ctx context.Context) error {
	r := request{doing: "asking whether it is up", method: http.MethodGet, url: c.data("Companies?$top=1"), ping: true}
	rep, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	_, err = decodePage[struct{}](c, r, rep.body)
	return err
}

// request is one HTTP request.
type request struct {
	doing  string // what is being done, as in "refused <doing>"
	method string
	url    string
	body   any            // sent as JSON unless nil
	batch  *multipartBody // sent in place of body; the reply is multipart too
	once   bool           // repeating it does harm, so a lost reply leaves the outcome unknown
	ping   bool           // it decides itself whether a 404 means that the environment is down
	hidden []string       // what the body holds and no text may show, whoever says it
	limit  int64
	own    bool // a deadline of the caller's counts in place of Options.Timeout
}

type multipartBody struct {
	contentType string
	raw         []byte
}

// reply is an HTTP reply with its body read.
type reply struct {
	status int
	header http.Header
	body   []byte
	token  string // what it was asked with; to be kept out of texts
	hidden []string
}

// do makes the request and returns a good reply, whose body is JSON or empty.
func (c *Client) do(ctx context.Context, r request) (reply, error) {
	rep, err := c.send(ctx, r)
	if err == nil && rep.status == http.StatusUnauthorized && c.forget != nil {
		c.forget(ctx) // the token may have been revoked before its time; nothing was done with it
		rep, err = c.send(ctx, r)
	}
	if err != nil {
		return reply{}, err
	}
	if rep.status == http.StatusNotFound && !r.ping {
		return reply{}, c.missing(ctx, r, rep)
	}
	return rep, c.judge(r, rep)
}

// missing decides what a 404 means. An application server that is down or restarting answers it on every path.
func (c *Client) missing(ctx context.Context, r request, rep reply) error {
	if err := c.Ping(ctx); err != nil {
		switch refresh.CodeOf(err) {
		case refresh.Offline, refresh.Throttled:
			return err
		}
	}
	return c.absent(r, rep)
}

// absent is the error for a 404 of an environment that is up.
func (c *Client) absent(r request, rep reply) error {
	msg := fmt.Sprintf("%s is up but has nothing of that name or key (%s)", c.host, r.doing)
	if why, _ := reason(rep); why != "" {
		msg += ": " + why
	}
	return refresh.Errorf(refresh.NotFound, "%s", sentence(msg))
}

// send makes the request and reads the reply, whatever its status.
func (c *Client) send(ctx context.Context, r request) (reply, error) {
	if c.broken != nil {
		return reply{}, c.broken
	}
	var body io.Reader
	switch {
	case r.batch != nil:
		body = bytes.NewReader(r.batch.raw)
	case r.body != nil:
		raw, err := json.Marshal(r.body)
		if err != nil {
			return reply{}, &refresh.Error{Code: refresh.Invalid, Msg: fmt.Sprintf("The values for %s on %s cannot be written as JSON.", r.doing, c.host), Err: err}
		}
		body = bytes.NewReader(raw)
	}
	token, err := c.token(ctx)
	if err != nil {
		return reply{}, c.noToken(r, err)
	}
	if token == "" {
		return reply{}, refresh.Errorf(refresh.Internal, "Signing in to %s gave an empty token (%s).", c.host, r.doing)
	}

	if _, set := ctx.Deadline(); !set || !r.own {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	// Without a connection nothing can have arrived. With one, it may have.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return reply{}, refresh.Errorf(refresh.Invalid, "The address for %s on %s cannot be built.", r.doing, c.host)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	switch {
	case r.body != nil:
		req.Header.Set("Content-Type", "application/json")
	case r.batch != nil:
		req.Header.Set("Content-Type", r.batch.contentType)
		req.Header.Set("Accept", "multipart/mixed, application/json")
		req.Header.Set("OData-Version", "4.0")
		req.Header.Set("Prefer", "odata.continue-on-error") // else a server may stop at the first set that fails
	}

	res, err := c.http.Do(req)
	if err != nil {
		return reply{}, c.lost(r, connected.Load(), token, err)
	}
	defer func() { _ = res.Body.Close() }()
	limit := r.limit
	if limit == 0 {
		limit = replyLimit
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	rep := reply{status: res.StatusCode, header: res.Header, body: bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), token: token, hidden: r.hidden}
	if rep.status/100 != 2 {
		return rep, nil // the status says enough; the body only explains
	}
	if err != nil {
		return reply{}, c.lost(r, true, token, err)
	}
	if int64(len(raw)) > limit {
		return reply{}, refresh.Errorf(tooLong(r), "The reply of %s is longer than refreshbot reads, which is %d bytes (%s).", c.host, limit, r.doing)
	}
	return rep, nil
}

// tooLong is the code for a reply that was too long: what was asked has been done all the same.
func tooLong(r request) refresh.Code {
	if r.once {
		return refresh.Unknown
	}
	return refresh.Internal
}

// noToken passes on what the token source says in the project's own error type. The text of any other error stays
// out, because libraries put the token endpoint's reply into theirs.
func (c *Client) noToken(r request, err error) error {
	if _, ok := errors.AsType[*refresh.Error](err); ok {
		return fmt.Errorf("token for %s, %s: %w", c.host, r.doing, err)
	}
	cause := fmt.Errorf("token source failed with %T", err)
	for _, e := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return &refresh.Error{Code: refresh.Offline, Msg: fmt.Sprintf("Signing in to %s was cut short (%s).", c.host, r.doing), Err: e}
		}
	}
	return &refresh.Error{Code: refresh.Internal, Msg: fmt.Sprintf("Signing in to %s failed (%s).", c.host, r.doing), Err: cause}
}

// lost makes the error for a request without a reply.
func (c *Client) lost(r request, connected bool, token string, err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	if said := err.Error(); hide(said, token) != said {
		err = errors.New(hide(said, token))
	}
	if r.once && connected {
		return c.unknown(r, err)
	}
	why := "no connection"
	if ne, ok := errors.AsType[net.Error](err); errors.Is(err, context.Canceled) {
		why = "the request was cut short"
	} else if ok && ne.Timeout() {
		why = "no reply in time"
	} else if connected {
		why = "the connection broke"
	}
	if connected {
		return c.unfinished(r, why, err)
	}
	return &refresh.Error{Code: refresh.Offline, Msg: c.silent(r, why), Err: err}
}

// unfinished makes the error for a request that was sent and may still be at work.
func (c *Client) unfinished(r request, why string, err error) error {
	e := &refresh.Error{Code: refresh.Offline, Msg: c.silent(r, why), Err: err}
	if r.method != http.MethodGet {
		e.RetryAfter = c.settle // it may still land, and must not do so after what is written next
	}
	return e
}

// unknown makes the error for a request that may have been carried out, or may still be.
func (c *Client) unknown(r request, err error) error {
	return &refresh.Error{Code: refresh.Unknown, RetryAfter: c.settle, Err: err,
		Msg: fmt.Sprintf("The reply of %s was lost (%s): it may or may not have been done. Look there before doing it again.", c.host, r.doing)}
}

// silent is the sentence for an environment that does not answer.
func (c *Client) silent(r request, why string) string {
	return fmt.Sprintf("%s does not answer at the moment (%s): %s.", c.host, r.doing, why)
}
