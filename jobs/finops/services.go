package finops

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
)

// CallService calls a custom service and returns what it answers, nil when it answers nothing. The path is
// group/service/operation. The body is an object with one member per parameter of the operation, named as in X++.
//
// A service may do anything, so a call is never safe to repeat: when its reply is lost the error is Unknown.
// Refused carries the text of the exception that the operation threw. A deadline of ctx counts in place of
// Options.Timeout: some operations run for many minutes.
func (c *Client) CallService(ctx context.Context, path string, body any) (json.RawMessage, error) {
	return c.service(ctx, "calling the service "+strings.Trim(path, "/"), path, body, true)
}

func (c *Client) service(ctx context.Context, doing, path string, body any, own bool) (json.RawMessage, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, p := range parts {
		if len(parts) != 3 || p == "" || p == "." || p == ".." {
			return nil, refresh.Errorf(refresh.Invalid, "%q is not the path of a service operation: give group/service/operation.", path)
		}
		parts[i] = url.PathEscape(p)
	}
	if body == nil {
		body = struct{}{}
	}
	rep, err := c.do(ctx, request{
		doing: doing, method: http.MethodPost, url: c.base + "/api/services/" + strings.Join(parts, "/"), body: body, once: true, own: own,
	})
	if err != nil {
		return nil, err
	}
	return bytes.TrimSpace(rep.body), nil
}

// Broadcast announces downtime to everyone signed in to the environment. The text of the banner is F&O's own; only
// the time can be chosen. Sent twice it shows twice; a lost reply is Unknown. Source: "Refresh for training purposes" in
// the Lifecycle Services documentation.
func (c *Client) Broadcast(ctx context.Context, from, to time.Time) error {
	if !to.After(from) {
		return refresh.Errorf(refresh.Invalid, "The announced downtime must end after it begins.")
	}
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
	_, err := c.service(ctx, "broadcasting the downtime", "SysBroadcastMessageServices/SysBroadcastMessageService/AddMessage", map[string]any{
		"request": map[string]string{"FromDateTime": stamp(from), "ToDateTime": stamp(to)},
	}, false)
	return err
}
