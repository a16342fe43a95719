package lcs

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

const (
	token     = "pl4nted.access.token"
	source    = "3d6c5b4a-1111-4222-8333-444455556666"
	target    = "4e7d6c5b-1111-4222-8333-444455556666"
	operation = "55eb4327-9346-4c7b-82bd-fe8ef15112c6"
	callID    = "11111111-2222-4333-8444-555555555555" // the id of a status call itself
)

var now = time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC)

// fake is an LCS made of one handler; it keeps what was asked.
type fake struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
	last *http.Request
}

func serve(t *testing.T, h http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.seen, f.last = append(f.seen, r.Method+" "+r.URL.String()), r.Clone(context.Background())
		f.mu.Unlock()
		h(w, r)
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of the tests
	f.EnableHTTP2 = true                           // as the real service may
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *fake) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.seen...)
}

func (f *fake) client() *Client {
	return New(Options{BaseURL: f.URL, ProjectID: 1234567, Token: good, HTTP: f.Client(), Timeout: 5 * time.Second, Now: func() time.Time { return now }})
}

func good(context.Context) (string, error) { return token, nil }

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

func status(code int, header, value string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(token))
	}
}

// wantCode checks the code of an error and that no printed form of it holds the token.
func wantCode(t *testing.T, err error, want refresh.Code) {
	t.Helper()
	if got := refresh.CodeOf(err); got != want {
		t.Errorf("code %q (%v), want %q", got, err, want)
	}
	if err == nil {
		return
	}
	for _, text := range []string{err.Error(), refresh.MessageOf(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		if strings.Contains(text, "pl4nted") {
			t.Errorf("an error gives away the token: %s", text)
		}
	}
}
