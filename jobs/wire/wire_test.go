package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, " 7 ": 7 * time.Second, "0": 0, "-3": 0, "99999999": time.Hour,
		"Sun, 22 Nov 2026 12:00:30 GMT": 30 * time.Second, "Sun, 22 Nov 2026 11:00:00 GMT": 0, "Mon, 23 Nov 2026 12:00:00 GMT": time.Hour,
	} {
		if got, ok := RetryAfter(http.Header{"Retry-After": {header}}, now); got != want || !ok {
			t.Errorf("Retry-After %q: %v, %v; want %v", header, got, ok, want)
		}
	}
	for _, header := range []string{"", "soon"} {
		if got, ok := RetryAfter(http.Header{"Retry-After": {header}}, now); ok || got != 0 {
			t.Errorf("Retry-After %q: %v, %v", header, got, ok)
		}
	}
}

func TestNetworkCauseQuotesNothing(t *testing.T) {
	t.Parallel()
	const secret = "eyJ0b2tlbiI"
	sent := &url.Error{Op: "Get", URL: "https://example.com", Err: fmt.Errorf("malformed HTTP response %q", secret)}
	for name, err := range map[string]error{
		"malformed": sent,
		"timeout":   &url.Error{Op: "Get", URL: "https://example.com/" + secret, Err: context.DeadlineExceeded},
		"cut":       fmt.Errorf("read %s: %w", secret, io.ErrUnexpectedEOF),
		"refused":   fmt.Errorf("call %s: %w", secret, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}),
	} {
		cause := NetworkCause(err)
		if cause == nil || strings.Contains(cause.Error(), secret) {
			t.Errorf("%s: %v", name, cause)
		}
	}
	if cause := NetworkCause(errors.New("no matter of the network")); cause != nil {
		t.Errorf("a cause without a network: %v", cause)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{"localhost": true, "LOCALHOST": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true,
		"": false, "0.0.0.0": false, "10.0.0.1": false, "localhost.example.com": false, "127.0.0.1.example.com": false} {
		if got := Loopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
