// Package wire is what the clients of outside services do alike over HTTP: when to ask again, why there was no reply,
// and where a credential must not travel.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads the header of that name as seconds or as an HTTP date; false when it says neither. More than an
// hour is cut to an hour, so that no far side can park a refresh for a year. Source: RFC 9110, section 10.2.3.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	var wait time.Duration
	if n, err := strconv.Atoi(v); err == nil {
		wait = time.Duration(min(n, 3600)) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		wait = at.Sub(now).Round(time.Second)
	} else {
		return 0, false
	}
	return max(0, min(wait, time.Hour)), true
}

// NetworkCause returns the part of err that says why there was no reply, nil when there was one. Only kinds of error
// that quote nothing the far side sent are passed on: net/http's own text can hold the first line of a malformed
// reply, and with it a token.
func NetworkCause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return errors.New("the request failed")
	}
	return nil
}

// Stay takes a redirect for the answer: neither a credential nor a write goes where another host directs it.
func Stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Loopback reports whether the host is this machine, which may be spoken to in the clear: no network sees the token.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
