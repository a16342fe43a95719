package finops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/refresh"
)

// kinds makes one call of each kind and returns the errors.
func kinds(ctx context.Context, c *Client) map[string]error {
	_, read := c.Users(ctx)
	_, service := c.CallService(ctx, "A/B/C", nil)
	broadcast := c.Broadcast(ctx, time.Unix(0, 0), time.Unix(60, 0))
	return map[string]error{"read": read, "write": c.EnableUser(ctx, "x"), "service": service, "broadcast": broadcast, "ping": c.Ping(ctx)}
}

func wantKinds(t *testing.T, errs map[string]error, others, once refresh.Code) {
	t.Helper()
	for kind, err := range errs {
		want := others
		if kind == "service" || kind == "broadcast" {
			want = once
		}
		t.Run(kind, func(t *testing.T) { wantError(t, err, want) })
	}
}

func TestAnEnvironmentThatIsNotThereIsOffline(t *testing.T) {
	t.Parallel()
	e := newEnv(t, nil)
	e.srv.Close()
	wantKinds(t, kinds(t.Context(), e.client), refresh.Offline, refresh.Offline)
}

func TestACertificateNobodyTrustsIsOffline(t *testing.T) {
	t.Parallel()
	e := newEnv(t, nil)
	c := e.connect(Options{HTTP: &http.Client{Transport: &http.Transport{}}})
	wantKinds(t, kinds(t.Context(), c), refresh.Offline, refresh.Offline)
	if got := e.requests(); len(got) != 0 {
		t.Errorf("the requests arrived: %q", got)
	}
}

// A lost reply matters only where doing it again does harm.
func TestALostReplyToAServiceCallLeavesTheOutcomeUnknown(t *testing.T) {
	t.Parallel()
	tests := map[string]http.HandlerFunc{
		"cut before the reply": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut inside the body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"value":[`)
			panic(http.ErrAbortHandler)
		},
		"reset": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		},
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := serve(t, h)
			c := New(Options{URL: srv.URL, HTTP: srv.Client(), Token: signIn, Settle: time.Minute})
			got := kinds(t.Context(), c)
			wantKinds(t, got, refresh.Offline, refresh.Unknown)
			if e, ok := errors.AsType[*refresh.Error](got["service"]); !ok || e.RetryAfter != time.Minute {
				t.Errorf("repeated before it has settled: %#v", e)
			}
		})
	}
}

// Time is fake here, and so is the transport: it says whether it got as far as a connection and then hangs.
func TestARequestEndsInTime(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		timeout, takes time.Duration
		connected      bool
		once           refresh.Code
	}{
		"by default":           {0, 100 * time.Second, true, refresh.Unknown},
		"as set":               {7 * time.Second, 7 * time.Second, true, refresh.Unknown},
		"before it was let in": {time.Second, time.Second, false, refresh.Offline},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hang := roundTripper(func(r *http.Request) (*http.Response, error) {
					if tt.connected {
						httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
					}
					<-r.Context().Done()
					return nil, r.Context().Err()
				})
				c := New(Options{URL: "https://127.0.0.1", HTTP: &http.Client{Transport: hang}, Token: signIn, Timeout: tt.timeout})
				began := time.Now()
				wantError(t, c.Ping(t.Context()), refresh.Offline, "no reply in time")
				if took := time.Since(began); took != tt.takes {
					t.Errorf("it took %v, want %v", took, tt.takes)
				}
				_, err := c.CallService(t.Context(), "A/B/C", nil)
				wantError(t, err, tt.once)

				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // the caller's own, for an operation that takes long
				defer cancel()
				began = time.Now()
				_, err = c.CallService(ctx, "A/B/C", nil)
				wantError(t, err, tt.once)
				if took := time.Since(began); took != 20*time.Minute {
					t.Errorf("a service call took %v, want the 20 minutes it was given", took)
				}
			})
		})
	}
}

func TestCancelledRequests(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	c := New(Options{URL: srv.URL, HTTP: srv.Client(), Token: signIn})
	_, err := c.CallService(ctx, "A/B/C", nil)
	wantError(t, err, refresh.Unknown)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not say that it was cancelled", err)
	}
	_, err = c.CallService(ctx, "A/B/C", nil) // never sent
	wantError(t, err, refresh.Offline)
}

// The token goes to the environment and to nowhere else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			other := newEnv(t, map[string]answer{companies: up})
			redirect := answer{status: status, header: map[string]string{"Location": other.srv.URL + "/data/Companies?$top=1"}}
			e := newEnv(t, map[string]answer{companies: redirect})
			hc := *e.srv.Client()
			hc.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
			wantError(t, e.connect(Options{HTTP: &hc}).Ping(t.Context()), refresh.Offline)
			if got := other.requests(); len(got) != 0 {
				t.Errorf("the redirect was followed: %q", got)
			}
		})
	}
}

func TestTheTokenSourceFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		token string
		err   error
		want  refresh.Code
	}{
		"with an error of ours": {err: refresh.Errorf(refresh.Denied, "Entra at 127.0.0.1 refused the app's secret."), want: refresh.Denied},
		"with one that leaks":   {err: fmt.Errorf("cannot decode reply %q", secret), want: refresh.Internal},
		"by being cut short":    {err: fmt.Errorf("token %q: %w", secret, context.Canceled), want: refresh.Offline},
		"with an empty token":   {want: refresh.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, nil)
			c := New(Options{URL: e.srv.URL, HTTP: e.srv.Client(), Token: func(context.Context) (string, error) { return tt.token, tt.err }})
			wantError(t, c.EnableUser(t.Context(), "x"), tt.want)
			if got := e.requests(); len(got) != 0 {
				t.Errorf("requests without a token: %q", got)
			}
		})
	}
}

// A transport, such as one that logs, may put the request's headers into its error.
func TestATransportErrorDoesNotShowTheToken(t *testing.T) {
	t.Parallel()
	c := New(Options{URL: "https://127.0.0.1", Token: signIn,
		HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("proxy refused " + r.Header.Get("Authorization"))}
		})}})
	wantError(t, c.Ping(t.Context()), refresh.Offline)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestUnusableOptions(t *testing.T) {
	t.Parallel()
	token := signIn
	for _, u := range []string{
		"", "contoso.operations.dynamics.com", "ftp://127.0.0.1",
		"https://user:PLANTED@127.0.0.1", "https://127.0.0.1/?a=b", "https://127.0.0.1/#x", "https://%zz", "https://",
	} {
		err := New(Options{URL: u, Token: token}).Ping(t.Context())
		if refresh.CodeOf(err) != refresh.Invalid || strings.Contains(err.Error(), "PLANTED") {
			t.Errorf("%q: %v", u, err)
		}
	}
	if err := New(Options{URL: "https://127.0.0.1"}).Ping(t.Context()); refresh.CodeOf(err) != refresh.Invalid {
		t.Errorf("without a token source: %v", err)
	}
}

// An address in a private network is no exception: whoever is between reads the token all the same. None is even made.
func TestNoTokenTravelsInTheClear(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://contoso.operations.dynamics.com", "http://10.0.0.1", "http://10.0.0.1:8443/prefix", "http://localhost.contoso.com"} {
		c := New(Options{URL: address, Token: func(context.Context) (string, error) {
			t.Errorf("%s: a token is asked for", address)
			return "", nil
		}})
		if err := c.Ping(t.Context()); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%s is asked: %v", address, err)
		}
		if err := c.EnableUser(t.Context(), "ANNA"); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%s is written to: %v", address, err)
		}
		if _, err := c.CallService(t.Context(), "A/B/C", nil); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("a service of %s is called: %v", address, err)
		}
	}
}

func TestAPathPrefixAndATrailingSlashAreKept(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{"GET /namespaces/AXSF/data/Companies?$top=1": up})
	c := New(Options{URL: e.srv.URL + "/namespaces/AXSF/", HTTP: e.srv.Client(), Token: signIn})
	wantError(t, c.Ping(t.Context()), "")
}

func TestAReplyWithoutEndIsNotRead(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{
		"POST /api/services/A/B/C":      {body: `"` + strings.Repeat("x", replyLimit) + `"`},
		"PATCH /data/SystemUsers('x')":  {body: `"` + strings.Repeat("x", replyLimit) + `"`},
		"PATCH /data/SystemUsers('ok')": {body: "\xef\xbb\xbf{}"},
	})
	_, err := e.client.CallService(t.Context(), "A/B/C", nil)
	wantError(t, err, refresh.Unknown)
	wantError(t, e.client.EnableUser(t.Context(), "x"), refresh.Internal)
	wantError(t, e.client.EnableUser(t.Context(), "ok"), "")
}

// A gateway that has lost patience answers, and the write behind it may still land: not on top of what is written after
// the error's RetryAfter.
func TestAWriteThatAGatewayGaveUpDoesNotLandOnWhatIsWrittenNext(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var server atomic.Value
				failing := true
				gateway := roundTripper(func(r *http.Request) (*http.Response, error) {
					said := http.StatusNoContent
					if failing {
						said = status
					}
					if r.Method == http.MethodPatch {
						body, _ := io.ReadAll(r.Body)
						if !failing {
							server.Store(string(body))
						} else {
							time.AfterFunc(50*time.Second, func() { server.Store(string(body)) })
						}
					}
					return &http.Response{StatusCode: said, Body: http.NoBody, Request: r}, nil
				})
				c := New(Options{URL: "https://127.0.0.1", HTTP: &http.Client{Transport: gateway}, Token: signIn, Settle: time.Minute})
				write := func(host string) error {
					return c.Write(t.Context(), refresh.Record{Entity: "EmailParameters", Key: map[string]any{"ID": 0}, Set: map[string]any{"SMTPRelayServerName": host}})
				}
				failed, ok := errors.AsType[*refresh.Error](write("kept"))
				if !ok || failed.Code != refresh.Offline {
					t.Fatalf("error %#v", failed)
				}
				if e, _ := errors.AsType[*refresh.Error](c.Ping(t.Context())); e == nil || e.RetryAfter != 0 {
					t.Errorf("a read: %#v", e)
				}
				failing = false
				<-time.After(failed.RetryAfter)
				for _, host := range []string{"kept", "configured"} {
					if err := write(host); err != nil {
						t.Fatal(err)
					}
				}
				<-time.After(time.Hour)
				if last, _ := server.Load().(string); !strings.Contains(last, "configured") {
					t.Errorf("the first write has landed last: %s", last)
				}
			})
		})
	}
}

// A write without a reply may still be done. Until then nothing else is to be written there.
func TestAWriteThatMayStillLandIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	c := New(Options{URL: srv.URL, HTTP: srv.Client(), Token: signIn, Settle: time.Minute})
	for what, err := range map[string]error{
		"write": c.Write(t.Context(), refresh.Record{Entity: "EmailParameters", Key: map[string]any{"ID": 0}, Set: map[string]any{"SMTPPortNumber": 25}}),
		"read":  c.Ping(t.Context()),
	} {
		want := map[string]time.Duration{"write": time.Minute}[what]
		if e, ok := errors.AsType[*refresh.Error](err); !ok || e.Code != refresh.Offline || e.RetryAfter != want {
			t.Errorf("%s: %#v; it may be repeated after %v", what, err, want)
		}
	}
}
