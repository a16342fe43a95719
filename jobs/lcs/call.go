package lcs

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// get does one read. A token that LCS refuses may have been revoked before its time, so a fresh one is tried once.
func (c *Client) get(ctx context.Context, path string, into interface{ outcome() envelope }) error {
	unauthorized, err := c.read(ctx, path, into)
	if unauthorized && c.forget != nil {
		c.forget(ctx)
		_, err = c.read(ctx, path, into)
	}
	return err
}

func (c *Client) read(ctx context.Context, path string, into interface{ outcome() envelope }) (unauthorized bool, err error) {
	token, err := c.bearer(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, path, token)
	if err != nil {
		return false, err
	}
	res, err := c.reads.Do(req)
	if err != nil {
		return false, offline("LCS does not answer.", wire.NetworkCause(err))
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return res.StatusCode == http.StatusUnauthorized, c.statusError(res)
	}
	if err := decode(res.Body, into); err != nil {
		return false, offline("LCS's answer cannot be read; if that lasts, check lcs.api_url and any proxy in between.", err)
	}
	switch e := into.outcome(); {
	case e.IsSuccess == nil:
		return false, offline("LCS's answer does not say whether it succeeded.", nil)
	case !bool(*e.IsSuccess):
		return false, c.refused(e, token)
	}
	return false, nil
}

// bearer gets a token. Nothing has been sent to LCS when it fails, so the code is never Unknown.
func (c *Client) bearer(ctx context.Context) (string, error) {
	token, err := c.token(ctx)
	if err != nil {
		switch refresh.CodeOf(err) {
		case refresh.Unknown, refresh.Internal:
			return "", &refresh.Error{Code: refresh.Offline, Msg: "No token for LCS could be had.", Err: err}
		}
		return "", fmt.Errorf("sign in to LCS: %w", err)
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", refresh.Errorf(refresh.Denied, "The sign-in to LCS returned something that is not a token.")
	}
	return token, nil
}

func (c *Client) request(ctx context.Context, method, path, token string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil || req.URL.Host == "" || req.URL.Scheme != "https" && (req.URL.Scheme != "http" || !wire.Loopback(req.URL.Hostname())) {
		return nil, refresh.Errorf(refresh.Invalid, "lcs.api_url is no address that a token can be sent to: it should look like %s.", DefaultBaseURL)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("x-ms-version", "2017-09-15") // documented as required
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "refreshbot")
	return req, nil
}

// statusError turns any status but 200 into an error; nothing of the body is used.
func (c *Client) statusError(res *http.Response) error {
	switch code := res.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return refresh.Errorf(refresh.Denied, "LCS does not let the account in (HTTP %d): it must be Project owner or Environment manager in LCS project %d and have accepted the invitation, and lcs.api_url must be the host of the project's geography.", code, c.project)
	case code == http.StatusTooManyRequests:
		return &refresh.Error{Code: refresh.Throttled, Msg: "LCS is asked too often; wait and ask again.", RetryAfter: c.retryAfter(res.Header)}
	case code == http.StatusNotFound:
		return refresh.Errorf(refresh.NotFound, "LCS has no such address (HTTP 404): check lcs.api_url and lcs.project.")
	case code == http.StatusBadRequest:
		return refresh.Errorf(refresh.Invalid, "LCS does not understand the request (HTTP 400): check lcs.project and lcs_environment.")
	case code >= 300 && code < 400:
		return refresh.Errorf(refresh.Offline, "LCS answered with a redirect (HTTP %d), which is not followed because it could carry the token elsewhere: if that lasts, check lcs.api_url.", code)
	default:
		return refresh.Errorf(refresh.Offline, "LCS cannot answer at the moment (HTTP %d).", code)
	}
}

// retryAfter is 10 seconds when LCS does not say, as with working clients of this API.
func (c *Client) retryAfter(h http.Header) time.Duration {
	if wait, ok := wire.RetryAfter(h, c.now()); ok && wait > 0 {
		return wait
	}
	return 10 * time.Second
}

func offline(msg string, cause error) error {
	return &refresh.Error{Code: refresh.Offline, Msg: msg, Err: cause}
}
