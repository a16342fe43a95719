package bot

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

// throttle keeps to Slack's limits: after a 429 no call of that method leaves before its Retry-After has passed. Slack
// limits each method for a whole workspace ("Rate limits"), so a call that does not wait harms all others.
type throttle struct {
	next http.RoundTripper

	mu    sync.Mutex
	until map[string]time.Time // by the path of the method
}

// RoundTrip implements http.RoundTripper. It returns a *slack.RateLimitedError while the method is limited.
func (t *throttle) RoundTrip(req *http.Request) (*http.Response, error) {
	t.mu.Lock()
	wait := time.Until(t.until[req.URL.Path])
	t.mu.Unlock()
	if wait > 0 {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &slack.RateLimitedError{RetryAfter: wait}
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil || seconds < 1 {
			seconds = 1
		}
		t.mu.Lock()
		t.until[req.URL.Path] = time.Now().Add(time.Duration(seconds) * time.Second)
		t.mu.Unlock()
	}
	return resp, err
}

// patiently calls again what Slack's limits refused, as long as ctx leaves time for it.
func patiently[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for {
		got, err := call()
		limited, ok := errors.AsType[*slack.RateLimitedError](err)
		if !ok {
			return got, err
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < limited.RetryAfter {
			return got, err
		}
		timer := time.NewTimer(limited.RetryAfter)
		select {
		case <-ctx.Done():
			timer.Stop()
			return got, err
		case <-timer.C:
		}
	}
}
