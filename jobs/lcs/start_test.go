package lcs

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

func TestStart(t *testing.T) {
	t.Parallel()
	f := serve(t, body(`{"IsSuccess":true,"OperationActivityId":" 55EB43279346 ","ErrorMessage":null}`))
	if id, err := f.client().Start(t.Context(), source, target); err != nil || id != "55EB43279346" {
		t.Errorf("an id that is no GUID: %q, %v; want it as it came", id, err)
	}

	f = serve(t, body(`{"IsSuccess":true,"OperationActivityId":"55EB432793464c7b82bdfe8ef15112c6","ErrorMessage":null,"VersionEOL":"9999-12-31T23:59:59.9999999"}`))
	id, err := f.client().Start(t.Context(), source, refresh.NormalizeID(target))
	if err != nil || id != operation {
		t.Errorf("Start: %q, %v; want %q", id, err, operation)
	}
	want := "POST /databasemovement/v1/refresh/project/1234567/source/" + source + "/target/" + target
	if got := f.requests(); len(got) != 1 || got[0] != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	for k, v := range map[string]string{"Authorization": "Bearer " + token, "X-Ms-Version": "2017-09-15", "Idempotency-Key": ""} {
		if f.last.Header.Get(k) != v {
			t.Errorf("header %s: %q, want %q", k, f.last.Header.Get(k), v)
		}
	}
}

func TestStartHasAConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	f := serve(t, body(`{"IsSuccess":true,"OperationActivityId":"`+operation+`"}`))
	client, kept := f.client(), ""
	for range 2 {
		if _, err := client.Start(t.Context(), source, target); err != nil {
			t.Fatal(err)
		}
		if f.last.ProtoMajor != 1 || !f.last.Close || f.last.RemoteAddr == kept {
			t.Errorf("a start came over %s from %s, on a connection that is kept", f.last.Proto, f.last.RemoteAddr)
		}
		kept = f.last.RemoteAddr
	}
}

// The contract: Unknown whenever LCS may have begun the refresh, and one request at most.
func TestStartReplies(t *testing.T) {
	t.Parallel()
	refused := func(text string) http.HandlerFunc {
		return body(`{"IsSuccess":false,"OperationActivityId":"` + operation + `","ErrorMessage":"` + text + `"}`)
	}
	cut := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			_, _ = w.Write([]byte(text))
		}
	}
	for name, c := range map[string]struct {
		reply http.HandlerFunc
		want  refresh.Code
		says  string
	}{
		"400": {status(400, "", ""), refresh.Invalid, "HTTP 400"},
		"401": {status(401, "", ""), refresh.Denied, "accepted the invitation"},
		"403": {status(403, "", ""), refresh.Denied, "LCS project 1234567"},
		"404": {status(404, "", ""), refresh.Invalid, "lcs.api_url"},
		"429": {status(429, "Retry-After", "30"), refresh.Throttled, ""},

		"refused":                  {refused("Target is busy"), refresh.Refused, "LCS refused: Target is busy"},
		"refused, quotes token":    {refused("no " + token), refresh.Refused, "LCS refused: no ***"},
		"refused, on two lines":    {refused(`one\r\n\ttwo`), refresh.Refused, "one two"},
		"refused without a reason": {body(`{"IsSuccess":false}`), refresh.Refused, "no reason given"},
		"refused, as a string":     {body(`{"IsSuccess":"False","ErrorMessage":"busy"}`), refresh.Refused, "busy"},
		"quota":                    {refused("Maximum allowed API operations are 3 from 2026-11-19T18:00:00.1234567"), refresh.Refused, "possible from 2026-11-20 18:00 UTC"},
		"quota, window's start":    {refused("Maximum allowed API operations are 3 from 2026-11-19T15:04:05.9999999"), refresh.Refused, "when the oldest of them is 24 hours old"},
		"quota, odd time":          {refused("Maximum allowed API operations are 3 from yesterday"), refresh.Refused, "when the oldest"},

		"408": {status(408, "", ""), refresh.Unknown, "HTTP 408"},
		"409": {status(409, "", ""), refresh.Unknown, "HTTP 409"},
		"500": {status(500, "", ""), refresh.Unknown, "HTTP 500"},
		"503": {status(503, "Retry-After", "5"), refresh.Unknown, "HTTP 503"},
		"504": {status(504, "", ""), refresh.Unknown, "HTTP 504"},
		"202": {status(202, "", ""), refresh.Unknown, "HTTP 202"},
		"302": {status(302, "Location", "/elsewhere?"+token), refresh.Unknown, "HTTP 302"},
		"307": {status(307, "Location", "/elsewhere"), refresh.Unknown, "HTTP 307"},

		"success without id":        {body(`{"IsSuccess":true,"OperationActivityId":null}`), refresh.Unknown, "named no operation"},
		"success with empty GUID":   {body(`{"IsSuccess":true,"OperationActivityId":"00000000-0000-0000-0000-000000000000"}`), refresh.Unknown, ""},
		"success or not is missing": {body(`{"OperationActivityId":"` + operation + `"}`), refresh.Unknown, ""},
		"success is null":           {body(`{"IsSuccess":null,"ErrorMessage":"x"}`), refresh.Unknown, ""},
		"success is a word":         {body(`{"IsSuccess":"perhaps"}`), refresh.Unknown, ""},
		"empty":                     {body(``), refresh.Unknown, ""},
		"html":                      {body(`<html>` + token), refresh.Unknown, ""},
		"null":                      {body(`null`), refresh.Unknown, ""},
		"two objects":               {body(`{"IsSuccess":false}{"IsSuccess":true}`), refresh.Unknown, ""},
		"too long":                  {body(`{"IsSuccess":false,"x":"` + strings.Repeat("x", maxBody) + `"}`), refresh.Unknown, "cannot be read"},
		"body cut":                  {cut(`{"IsSuccess":true,"Operat`), refresh.Unknown, "cannot be read"},
		"body cut after refusal":    {cut(`{"IsSuccess":false}`), refresh.Unknown, "cannot be read"},
		"hang-up":                   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, refresh.Unknown, "history"},
		"malformed reply":           {raw("pl4nted.access.token\r\n\r\n"), refresh.Unknown, ""},
		"reset":                     {raw(""), refresh.Unknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, c.reply)
			client := f.client()
			// A read first, so that there is a kept connection that a start could be tempted to use.
			_, _ = client.History(t.Context(), target)
			before := len(f.requests())
			id, err := client.Start(t.Context(), source, target)
			wantCode(t, err, c.want)
			if id != "" {
				t.Errorf("an id (%s) together with an error", id)
			}
			if msg := refresh.MessageOf(err); !strings.Contains(msg, c.says) {
				t.Errorf("%q does not say %q", msg, c.says)
			}
			if e, _ := errors.AsType[*refresh.Error](err); e.Code == refresh.Throttled && e.RetryAfter != 30*time.Second {
				t.Errorf("RetryAfter %s, want 30s", e.RetryAfter)
			}
			if n := len(f.requests()) - before; n != 1 {
				t.Errorf("%d requests, want exactly 1: %v", n, f.requests())
			}
		})
	}
}

// raw answers with these bytes and closes the connection, with a reset if there are none.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h, ok := w.(http.Hijacker)
		if !ok { // HTTP/2: a read
			panic(http.ErrAbortHandler)
		}
		conn, _, err := h.Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(text))
		_ = conn.Close()
	}
}

func TestStartThatNeverReachesLCSIsDefinite(t *testing.T) {
	t.Parallel()
	never := func(t *testing.T, c *Client, ctx context.Context, want refresh.Code) {
		t.Helper()
		_, err := c.Start(ctx, source, target)
		wantCode(t, err, want)
	}
	reached := func(http.ResponseWriter, *http.Request) { t.Error("a request reached LCS") }
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	f := serve(t, reached)
	never(t, f.client(), cancelled, refresh.Offline)

	gone := serve(t, reached)
	gone.Close()
	never(t, gone.client(), t.Context(), refresh.Offline)

	c := f.client()
	c = New(Options{BaseURL: f.URL, Token: c.token, HTTP: &http.Client{}}) // does not trust the server's certificate
	never(t, c, t.Context(), refresh.Offline)

	never(t, New(Options{BaseURL: "https://lcsapi.invalid", Token: good}), t.Context(), refresh.Offline)
	never(t, New(Options{BaseURL: "lcsapi", Token: good}), t.Context(), refresh.Invalid)

	// A handshake that never ends, given up by the client.
	mute, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	never(t, New(Options{BaseURL: "https://" + mute.Addr().String(), Token: good, Timeout: 50 * time.Millisecond}), t.Context(), refresh.Offline)

	// A transport that tells nothing of its steps, but clearly failed to dial.
	dial := roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	})
	never(t, New(Options{Token: good, HTTP: &http.Client{Transport: dial}}), t.Context(), refresh.Offline)

	for name, c := range map[string]struct {
		err  error
		want refresh.Code
	}{
		"denied":              {refresh.Errorf(refresh.Denied, "MFA"), refresh.Denied},
		"throttled":           {refresh.Errorf(refresh.Throttled, "slow down"), refresh.Throttled},
		"unknown at sign-in":  {refresh.Errorf(refresh.Unknown, "?"), refresh.Offline},
		"anything else":       {errors.New("broken"), refresh.Offline},
		"not a token (empty)": {nil, refresh.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, reached)
			o := Options{BaseURL: f.URL, HTTP: f.Client(), Token: func(context.Context) (string, error) { return "", c.err }}
			never(t, New(o), t.Context(), c.want)
		})
	}
	bad := New(Options{BaseURL: f.URL, HTTP: f.Client(), Token: func(context.Context) (string, error) { return token + "\r\nX: y", nil }})
	never(t, bad, t.Context(), refresh.Denied)

	for _, pair := range [][2]string{{"", target}, {source, ""}, {target, refresh.NormalizeID(target)}} {
		_, err := f.client().Start(t.Context(), pair[0], pair[1])
		wantCode(t, err, refresh.Invalid)
	}
}

func TestStartGivenUpAfterItWasSentIsUnknown(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 2)
	f := serve(t, func(_ http.ResponseWriter, r *http.Request) { arrived <- struct{}{}; <-r.Context().Done() })

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := f.client().Start(ctx, source, target); done <- err }()
	<-arrived
	cancel()
	err := <-done
	wantCode(t, err, refresh.Unknown)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v hides the reason from the log", err)
	}

	c := f.client()
	c.timeout = 3 * time.Second // a busy machine takes its time to connect, and what is not connected has sent nothing
	_, err = c.Start(t.Context(), source, target)
	wantCode(t, err, refresh.Unknown)
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d requests for two starts", n)
	}
}

func TestStartThroughASilentTransportIsUnknown(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{errors.New("no idea"), context.DeadlineExceeded, &net.OpError{Op: "read", Err: errors.New("reset")}} {
		rt := roundTrip(func(*http.Request) (*http.Response, error) { return nil, cause })
		_, err := New(Options{Token: good, HTTP: &http.Client{Transport: rt}}).Start(t.Context(), source, target)
		wantCode(t, err, refresh.Unknown)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestQuotaUsed(t *testing.T) {
	t.Parallel()
	op := func(hours int, kind, title string) refresh.Operation {
		o := refresh.Operation{Kind: kind, Title: title, Status: refresh.CopyCompleted}
		o.StartedAt = now.Add(-time.Duration(hours) * time.Hour)
		return o
	}
	copied, exported := "SFSourceDbToSandbox", "SFExportSandboxDb"
	running := refresh.Operation{Kind: copied, Status: refresh.CopyNotStarted}
	for name, c := range map[string]struct {
		ops  []refresh.Operation
		used int
		free time.Time
	}{
		"none":             {nil, 0, time.Time{}},
		"two":              {[]refresh.Operation{op(1, copied, ""), op(23, exported, "")}, 2, time.Time{}},
		"three":            {[]refresh.Operation{op(20, "", "Refresh database"), op(1, copied, ""), op(3, "", "Export database")}, 3, now.Add(4 * time.Hour)},
		"by hand a fourth": {[]refresh.Operation{op(1, copied, ""), op(20, copied, ""), op(5, copied, ""), op(3, copied, "")}, 4, now.Add(19 * time.Hour)},
		"too old":          {[]refresh.Operation{op(24, copied, ""), op(25, copied, ""), op(1, copied, "")}, 1, time.Time{}},
		"other kinds":      {[]refresh.Operation{op(1, "SFBinaryHotfix", ""), op(1, "InstallAddin", "")}, 0, time.Time{}},
		"just begun":       {[]refresh.Operation{op(1, copied, ""), op(2, copied, ""), running}, 3, now.Add(22 * time.Hour)},
	} {
		if used, free := quotaUsed(c.ops, now); used != c.used || !free.Equal(c.free) {
			t.Errorf("%s: %d used, free at %s; want %d and %s", name, used, free, c.used, c.free)
		}
	}
}
