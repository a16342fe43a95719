package lcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	reply := func(fields string) string {
		return `{"IsSuccess":true,"OperationActivityId":"` + callID + `","ErrorMessage":null,"VersionEOL":"9999-12-31T23:59:59.9999999","EnvironmentId":"` + target + `",` + fields + `}`
	}
	echo := `"ActivityId":"` + operation + `","CompletionDate":null,`
	for name, c := range map[string]struct {
		body string
		want refresh.CopyStatus
		code refresh.Code
	}{
		"running":             {reply(echo + `"ProjectId":1234567,"OperationStatus":"InProgress"`), refresh.CopyInProgress, ""},
		"project as a string": {reply(echo + `"ProjectId":"1234567","OperationStatus":"Completed"`), refresh.CopyCompleted, ""},
		"id without dashes":   {reply(`"ActivityId":"55EB432793464C7B82BDFE8EF15112C6","OperationStatus":"SignedOff"`), refresh.CopySignedOff, ""},
		"no echo":             {reply(`"OperationStatus":"Failed"`), refresh.CopyFailed, ""},
		"a status to come":    {reply(echo + `"OperationStatus":"PostCompletionCleanup"`), "PostCompletionCleanup", ""},
		"a number":            {reply(echo + `"OperationStatus":23`), "23", ""},
		"another operation":   {reply(`"ActivityId":"` + callID + `","OperationStatus":"Completed"`), "", refresh.Offline},
		"no status":           {reply(echo + `"OperationStatus":null`), "", refresh.Offline},
		"not known":           {`{"IsSuccess":false,"ErrorMessage":"Environment not found"}`, "", refresh.Refused},
		"html":                {`<html>`, "", refresh.Offline},
		"no success":          {`{}`, "", refresh.Offline},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, body(c.body))
			got, err := f.client().Status(t.Context(), target, refresh.NormalizeID(operation))
			wantCode(t, err, c.code)
			if got != c.want {
				t.Errorf("status %q, want %q", got, c.want)
			}
			want := "GET /databasemovement/v1/fetchstatus/project/1234567/environment/" + target + "/operationactivity/" + operation
			if seen := f.requests(); len(seen) != 1 || seen[0] != want {
				t.Errorf("asked %q, want only %q", seen, want)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply http.HandlerFunc
		code  refresh.Code
		after time.Duration
	}{
		"400":                   {status(400, "", ""), refresh.Invalid, 0},
		"401":                   {status(401, "", ""), refresh.Denied, 0},
		"403":                   {status(403, "", ""), refresh.Denied, 0},
		"404":                   {status(404, "", ""), refresh.NotFound, 0},
		"429 with seconds":      {status(429, "Retry-After", "42"), refresh.Throttled, 42 * time.Second},
		"429 with a date":       {status(429, "Retry-After", now.Add(time.Minute).Format(http.TimeFormat)), refresh.Throttled, time.Minute},
		"429 with a past date":  {status(429, "Retry-After", now.Add(-time.Minute).Format(http.TimeFormat)), refresh.Throttled, 10 * time.Second},
		"429 with nothing":      {status(429, "", ""), refresh.Throttled, 10 * time.Second},
		"500":                   {status(500, "", ""), refresh.Offline, 0},
		"503":                   {status(503, "", ""), refresh.Offline, 0},
		"302":                   {status(302, "Location", "/elsewhere"), refresh.Offline, 0},
		"hang-up":               {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, refresh.Offline, 0},
		"refused, quotes token": {body(`{"IsSuccess":false,"ErrorMessage":"` + token + `"}`), refresh.Refused, 0},
		"cut":                   {body(`{"IsSuccess":true,"Data":[`), refresh.Offline, 0},
		"too long":              {body(`{"IsSuccess":true,"x":"` + strings.Repeat("x", maxBody) + `"}`), refresh.Offline, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, c.reply)
			_, err := f.client().History(t.Context(), target)
			wantCode(t, err, c.code)
			if e, ok := errors.AsType[*refresh.Error](err); !ok || e.RetryAfter != c.after {
				t.Errorf("got %#v, want RetryAfter %s", err, c.after)
			}
			if seen := f.requests(); c.code != refresh.Offline && len(seen) != 1 {
				t.Errorf("asked %d times, want once", len(seen))
			}
		})
	}
	gone := serve(t, body(""))
	gone.Close()
	_, err := gone.client().Status(t.Context(), target, operation)
	wantCode(t, err, refresh.Offline)
}

func TestReadRespectsTimeoutAndContext(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := f.client()
	c.timeout = 50 * time.Millisecond
	_, err := c.Status(t.Context(), target, operation)
	wantCode(t, err, refresh.Offline)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v hides the timeout from the log", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.client().History(ctx, target)
	wantCode(t, err, refresh.Offline)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v hides the cancellation from the caller", err)
	}
}

func env(id, name string) string {
	return `{"EnvironmentId":"` + id + `","EnvironmentName":"` + name + `","ProjectId":1234567,"EnvironmentInfrastructure":"SelfService","EnvironmentType":"Sandbox",` +
		`"EnvironmentEndpointBaseUrl":"https://contoso-uat.sandbox.operations.dynamics.com/","DeploymentState":"Finished","CurrentApplicationReleaseName":"10.0.43",` +
		`"CurrentPlatformReleaseName":"Update67","DeployedOnUTC":"8/5/2021 11:00 PM","CanStart":false,"DatabaseBackupLocation":null}`
}

func page(n int, more bool, items ...string) string {
	return fmt.Sprintf(`{"ResultPageCurrent":%d,"ResultHasMorePages":%v,"Data":[%s],"IsSuccess":true,"OperationActivityId":"%s","ErrorMessage":null}`, n, more, strings.Join(items, ","), callID)
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	want := refresh.EnvironmentDetail{ID: refresh.NormalizeID(target), Name: "UAT", Type: "Sandbox", Infrastructure: "SelfService",
		URL: "https://contoso-uat.sandbox.operations.dynamics.com", Release: "10.0.43", Platform: "Update67", State: "Finished"}
	const detail = "GET /environmentinfo/v1/detail/project/1234567/"
	filter := detail + "?environmentId=" + target
	for name, c := range map[string]struct {
		filter, page1, page2 string
		code                 refresh.Code
		asked                []string
	}{
		"by id":                   {filter: page(1, false, env(refresh.NormalizeID(target), "UAT")), asked: []string{filter}},
		"filter finds nothing":    {filter: page(1, false), page1: page(1, true, env(source, "PROD")), page2: page(2, false, env(strings.ToUpper(target), "UAT")), asked: []string{filter, detail + "?page=1", detail + "?page=2"}},
		"filter is ignored":       {filter: page(1, true, env(source, "PROD")), page1: page(1, false, env(target, "UAT")), asked: []string{filter, detail + "?page=1"}},
		"filter is refused":       {filter: `{"IsSuccess":false,"ErrorMessage":"no"}`, page1: page(1, false, env(target, "UAT")), asked: []string{filter, detail + "?page=1"}},
		"nowhere":                 {filter: page(1, false), page1: page(1, false, env(source, "PROD")), code: refresh.NotFound, asked: []string{filter, detail + "?page=1"}},
		"pages without an end":    {filter: page(1, false), page1: page(1, true), code: refresh.NotFound, asked: []string{filter, detail + "?page=1"}},
		"filter refused and page": {filter: `{"IsSuccess":false,"ErrorMessage":"no"}`, page1: `{"IsSuccess":false,"ErrorMessage":"no"}`, code: refresh.Refused, asked: []string{filter, detail + "?page=1"}},
		"null data":               {filter: strings.Replace(page(1, false), "[]", "null", 1), page1: page(1, false, "null", env(target, "UAT")), asked: []string{filter, detail + "?page=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, func(w http.ResponseWriter, r *http.Request) {
				text := c.filter
				switch r.URL.Query().Get("page") {
				case "1":
					text = c.page1
				case "2":
					text = c.page2
				}
				_, _ = w.Write([]byte(text))
			})
			got, err := f.client().Environment(t.Context(), target)
			wantCode(t, err, c.code)
			if err == nil && got != want {
				t.Error(cmp.Diff(want, got))
			}
			if diff := cmp.Diff(c.asked, f.requests()); diff != "" {
				t.Error(diff)
			}
		})
	}

	denied := serve(t, status(401, "", ""))
	_, err := denied.client().Environment(t.Context(), target)
	wantCode(t, err, refresh.Denied)
	if n := len(denied.requests()); n != 1 {
		t.Errorf("went on asking after a 401: %d requests", n)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	entry := func(id, kind, title, start, end, status string) string {
		return fmt.Sprintf(`{"Name":"n","Type":%q,"TypeDisplay":%q,"StartDateTimeUTC":%s,"EndDateTimeUtc":%s,"Status":%q,"ActivityId":%q,"EnvironmentId":%q,"ProjectId":"1234567"}`,
			kind, title, start, end, status, id, target)
	}
	f := serve(t, body(page(1, false,
		entry(callID, "SFExportSandboxDb", "Export database", `"2026-11-20T09:00:00Z"`, `"2026-11-20T11:30:00.1234567+01:00"`, "Completed"),
		entry("", "SFSourceDbToSandbox", "Refresh database", `null`, `null`, "NotStarted"),
		entry(refresh.NormalizeID(operation), "SFSourceDbToSandbox", "Refresh database", `"2026-11-20T14:00:00"`, `null`, "NewInTheFuture"),
		entry(source, "SFBinaryHotfix", "Binary hotfix", `"11/19/2026 3:17:00 PM"`, `"0001-01-01T00:00:00"`, "RollbackFailed"),
	)))
	got, err := f.client().History(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	at := func(d, h, m, s, ns int) time.Time { return time.Date(2026, 11, d, h, m, s, ns, time.UTC) }
	want := []refresh.Operation{
		{Kind: "SFSourceDbToSandbox", Title: "Refresh database", Status: refresh.CopyNotStarted},
		{ID: operation, Kind: "SFSourceDbToSandbox", Title: "Refresh database", StartedAt: at(20, 14, 0, 0, 0), Status: "NewInTheFuture"},
		{ID: callID, Kind: "SFExportSandboxDb", Title: "Export database", StartedAt: at(20, 9, 0, 0, 0), EndedAt: at(20, 10, 30, 0, 123456700), Status: refresh.CopyCompleted},
		{ID: source, Kind: "SFBinaryHotfix", Title: "Binary hotfix", StartedAt: at(19, 15, 17, 0, 0), Status: refresh.CopyRollbackFailed},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantAsked := []string{"GET /environmentinfo/v1/history/project/1234567/environment/" + target + "/?page=1"}
	if diff := cmp.Diff(wantAsked, f.requests()); diff != "" {
		t.Error(diff)
	}
}

func TestHistoryStopsReading(t *testing.T) {
	t.Parallel()
	daysAgo := func(n string) string {
		return `{"ActivityId":"` + operation + `","StartDateTimeUtc":"2026-11-` + n + `T12:00:00"}`
	}
	for name, c := range map[string]struct {
		page  func(n string) string
		asked int
	}{
		"after five pages": {func(string) string { return page(1, true, daysAgo("20")) }, 5},
		"after the first old page": {func(n string) string {
			if n == "1" {
				return page(1, true, daysAgo("20"))
			}
			return page(2, true, daysAgo("17"))
		}, 2},
		"not while anything is recent":  {func(n string) string { return page(1, n != "3", daysAgo("17"), daysAgo("20")) }, 3},
		"at the last page":              {func(string) string { return page(1, false, daysAgo("20")) }, 1},
		"at an empty page":              {func(string) string { return page(1, true) }, 1},
		"more pages given as a string":  {func(n string) string { return strings.Replace(page(1, n == "1", daysAgo("20")), "true", `"True"`, 1) }, 2},
		"more pages not mentioned (v1)": {func(string) string { return `{"IsSuccess":true,"Data":[` + daysAgo("20") + `]}` }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(c.page(r.URL.Query().Get("page"))))
			})
			if _, err := f.client().History(t.Context(), target); err != nil {
				t.Fatal(err)
			}
			if n := len(f.requests()); n != c.asked {
				t.Errorf("read %d pages, want %d", n, c.asked)
			}
		})
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"":                                    "https://lcs.dynamics.com",
		"https://lcsapi.eu.lcs.dynamics.com/": "https://eu.lcs.dynamics.com",
		"https://lcsapi.lcs.dynamics.cn":      "https://lcs.dynamics.cn",
		"https://lcsapi.gov.lcs.microsoftdynamics.us": "https://gov.lcs.microsoftdynamics.us",
		"https://127.0.0.1:8443":                      "https://127.0.0.1:8443",
	} {
		got := New(Options{BaseURL: base, ProjectID: 1234567}).Link(refresh.NormalizeID(target))
		if want += "/V2/EnvironmentDetailsV3New/1234567?EnvironmentId=" + target; got != want {
			t.Errorf("Link with %q: %s, want %s", base, got, want)
		}
	}
}
