package lcs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// Start begins a refresh of target with source's data and returns the operation's id. It sends the request at most
// once.
//
// Its errors keep one promise. Code Unknown: LCS may have begun the refresh, so asking again could begin another.
// Any other code: it certainly has not. Only these are certain: no token could be had, no connection was made,
// HTTP 400, 401, 403, 404 or 429, and a complete reply with IsSuccess false. Whatever else follows once a
// connection stands is Unknown, whether or not a byte of the request was seen to leave.
func (c *Client) Start(ctx context.Context, source, target string) (operationID string, err error) {
	if source == "" || target == "" || sameID(source, target) {
		return "", refresh.Errorf(refresh.Invalid, "A refresh needs a source and a target environment, and they must differ.")
	}
	path := fmt.Sprintf("/databasemovement/v1/refresh/project/%d/source/%s/target/%s", c.project, segment(source), segment(target))
	token, err := c.bearer(ctx)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var sent progress
	// No body and no GetBody: nothing that net/http could send again.
	req, err := c.request(sent.watch(ctx), http.MethodPost, path, token)
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", offline("The request to LCS was given up before it was sent.", err)
	}

	res, err := c.starts.Do(req)
	if err != nil {
		if sent.neverConnected(err) {
			return "", offline("No connection to LCS could be made; nothing was started.", wire.NetworkCause(err))
		}
		return "", unknown("the reply to the request was lost", wire.NetworkCause(err))
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return "", refresh.Errorf(refresh.Invalid, "LCS has no such address (HTTP 404): check lcs.api_url and lcs.project.")
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		if res.StatusCode == http.StatusUnauthorized && c.forget != nil {
			c.forget(ctx) // for when a person presses Retry
		}
		return "", c.statusError(res)
	default:
		return "", unknown(fmt.Sprintf("LCS answered with HTTP %d", res.StatusCode), nil)
	}

	var r envelope
	if err := decode(res.Body, &r); err != nil {
		return "", unknown("the reply cannot be read", err)
	}
	switch {
	case r.IsSuccess == nil:
		return "", unknown("the reply does not say whether it succeeded", nil)
	case !bool(*r.IsSuccess):
		return "", c.refused(r, token)
	case strings.Trim(refresh.NormalizeID(string(r.OperationActivityID)), "0") == "":
		return "", unknown("LCS agreed but named no operation", nil)
	}
	return dashed(string(r.OperationActivityID)), nil
}

func unknown(what string, cause error) error {
	return &refresh.Error{
		Code: refresh.Unknown,
		Msg:  "It is not known whether LCS started the refresh: " + what + ". Look at the target's history before starting again.",
		Err:  cause,
	}
}

// progress watches how far a request gets. Having a connection is the mark and not having written the headers: the
// headers are written by another goroutine, which may be about to do so when a timeout returns to us.
type progress struct{ dialled, connected atomic.Bool }

func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.dialled.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	})
}

// neverConnected reports whether the failed request certainly met no server. A transport that tells nothing of its
// steps is believed only when it says that dialling failed.
func (p *progress) neverConnected(err error) bool {
	if p.connected.Load() {
		return false
	}
	if p.dialled.Load() {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// quotaText is the refusal of a fourth start (Microsoft Learn, "Database Movement API - Throttling"):
// "Maximum allowed API operations are 3 from 2019-09-30T04:01:01.9999999".
var quotaText = regexp.MustCompile(`(?i)maximum allowed API operations are (\d+) from (\S.*)`)

// quotaWindow is how long a start counts, by its start time (same page).
const quotaWindow = 24 * time.Hour

// quota is how many operations LCS starts by API in that time on one environment (same page).
const quota = 3

// refused turns IsSuccess false into an error with LCS's own words. They are shown to people, so the token is taken
// out should they quote the request.
func (c *Client) refused(e envelope, token string) error {
	text := tidy(strings.ReplaceAll(string(e.ErrorMessage), token, "***"))
	if text == "" {
		text = "no reason given"
	}
	m := quotaText.FindStringSubmatch(text)
	if m == nil {
		return refresh.Errorf(refresh.Refused, "LCS refused: %s", text)
	}
	// The page does not say whether the time is the oldest start or the beginning of the window. In the second case
	// it lies 24 hours back and tells nothing.
	when := "when the oldest of them is 24 hours old"
	if from := parseTime(strings.TrimRight(m[2], ". ")); from.Add(quotaWindow).After(c.now().Add(time.Minute)) {
		when = "from " + refresh.Stamp(from.Add(quotaWindow))
	}
	return refresh.Errorf(refresh.Refused,
		"LCS allows %s operations started by API within 24 hours for an environment, and they are used up. The next start is possible %s; by hand in LCS it is possible now. LCS refused: %s", m[1], when, text)
}

// Quota returns how many operations LCS has begun on an environment with this history, of those that it accepts through
// its API, and when the next one comes free if none is left.
func (c *Client) Quota(history []refresh.Operation, now time.Time) refresh.Quota {
	used, free := quotaUsed(history, now)
	return refresh.Quota{Used: used, Limit: quota, Within: quotaWindow, Free: free}
}

// quotaUsed counts the database operations that began in the 24 hours before now, of which LCS allows three by API
// for each environment. freeAt is when one more becomes possible; it is zero when one is possible already. The
// history does not tell API calls from starts by hand, so all refreshes and exports count.
func quotaUsed(ops []refresh.Operation, now time.Time) (used int, freeAt time.Time) {
	ops = append([]refresh.Operation(nil), ops...)
	newestFirst(ops)
	for _, op := range ops {
		if !op.IsRefresh() && !isExport(op) {
			continue
		}
		start := op.StartedAt
		if start.IsZero() { // just begun, and running
			if !op.Running() {
				continue
			}
			start = now
		}
		if !start.After(now.Add(-quotaWindow)) {
			continue
		}
		if used++; used == quota { // newest first: once this one is out of the window, two are left
			freeAt = start.Add(quotaWindow)
		}
	}
	return used, freeAt
}

func isExport(op refresh.Operation) bool {
	return strings.Contains(strings.ToLower(op.Kind), "exportsandboxdb") || strings.EqualFold(op.Title, "Export database")
}
