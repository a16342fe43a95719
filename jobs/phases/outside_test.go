package phases_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// hub is an outside system. It answers with the status that the path names and keeps what it was told.
type hub struct {
	*httptest.Server
	mu   sync.Mutex
	told []string
}

func newHub(t *testing.T, b *bench) *hub {
	t.Helper()
	h := &hub{}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.told = append(h.told, fmt.Sprintf("%s %s key=%q env=%q type=%q %s", r.Method, r.URL.Path, r.Header.Get("X-Api-Key"), r.Header.Get("X-Env"), r.Header.Get("Content-Type"), body))
		h.mu.Unlock()
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
		status := 0
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &status); err != nil {
			status = http.StatusTeapot
		}
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "the hub's own secret")
	}))
	t.Cleanup(h.Close)
	b.p.HTTP = h.Client()
	t.Cleanup(h.Client().CloseIdleConnections)
	return h
}

func TestAnOutsideSystemIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := newHub(t, b)
	b.secrets["env:HUB_KEY"] = "k3y-of-the-hub"
	host := strings.TrimPrefix(h.URL, "https://")
	for _, tc := range []struct {
		path   string
		expect []int
		result refresh.Result
		code   refresh.Code
		says   string
	}{
		{"/200", nil, refresh.Succeeded, "", host + " answered 200."},
		{"/204", nil, refresh.Succeeded, "", "answered 204."},
		{"/404", nil, refresh.Failure, refresh.Refused, "answered 404. Check the address and the header"},
		{"/401", nil, refresh.Failure, refresh.Refused, "answered 401."},
		{"/429", nil, refresh.Failure, refresh.Offline, "answered 429."},
		{"/503", nil, refresh.Failure, refresh.Offline, "answered 503."},
		{"/302", nil, refresh.Failure, refresh.Refused, "answered 302."},
		{"/307", nil, refresh.Failure, refresh.Refused, "answered 307."},
		{"/302", []int{302}, refresh.Succeeded, "", "answered 302."},
		{"/404", []int{200, 404}, refresh.Succeeded, "", "answered 404."},
		{"/204", []int{200}, refresh.Failure, refresh.Refused, "answered 204."},
		{"/cut", nil, refresh.Failure, refresh.Offline, host + " does not answer."},
	} {
		t.Run(tc.path+fmt.Sprint(tc.expect), func(t *testing.T) {
			b := b.in(t)
			h.mu.Lock()
			before := len(h.told)
			h.mu.Unlock()
			o := b.perform(refresh.KindHTTP, phases.HTTPParams{
				Method: "POST", URL: h.URL + tc.path + "?sig=s1gnature", Headers: map[string]string{"X-Env": "uat"},
				Secrets: map[string]string{"X-Api-Key": "env:HUB_KEY"}, Body: map[string]any{"id": json.Number("9007199254740993")}, Expect: tc.expect,
			})
			b.want(o, tc.result, tc.code, tc.says)
			if text := fmt.Sprintf("%+v %+v", o, o.Problem); strings.Contains(text, "s1gnature") || strings.Contains(text, "k3y") || strings.Contains(text, "own secret") {
				t.Errorf("it tells too much: %s", text)
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			want := fmt.Sprintf(`POST %s key="k3y-of-the-hub" env="uat" type="application/json" {"id":9007199254740993}`, tc.path)
			if got := h.told[before:]; !slices.Equal(got, []string{want}) { // nor was a redirect followed
				t.Errorf("the hub was told %q, want %q", got, want)
			}
		})
	}
}

func TestAnOutsideSystemThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := newHub(t, b)
	call := func(url string) refresh.Outcome {
		return b.perform(refresh.KindHTTP, phases.HTTPParams{Method: "PUT", URL: url, Secrets: map[string]string{"X-Api-Key": "env:HUB_KEY"}})
	}
	b.want(call(h.URL+"/200"), refresh.Failure, refresh.Invalid, "env:HUB_KEY is not set")
	b.secrets["env:HUB_KEY"] = "k3y"
	b.want(call(h.URL+"/200"), refresh.Succeeded, "")
	h.Close()
	o := call(h.URL + "/200?sig=s1gnature")
	b.want(o, refresh.Failure, refresh.Offline, "does not answer")
	if strings.Contains(o.Problem.Message, "s1gnature") {
		t.Errorf("the address's query is shown: %s", o.Problem.Message)
	}
	b.want(call("https://[broken?sig=s1gnature"), refresh.Failure, refresh.Invalid, "cannot be used")
	if got := len(h.told); got != 1 {
		t.Errorf("told %d times, want once", got)
	}
}

// dataPackage writes a package of entity files: names and texts of Manifest entities.
func dataPackage(t *testing.T, files map[string]string) string {
	t.Helper()
	data, err := cloudsim.DataPackage(files)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.zip")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const goodRows = "ID,SMTPRelayServerName\n0,smtp-uat.contoso.com\n"

// importing is a step that imports a package, as the engine would hand it in.
func (b *bench) importing(file string, attempt, tries int, timeout time.Duration) refresh.Outcome {
	b.t.Helper()
	data, err := json.Marshal(phases.PackageParams{File: file, DefinitionGroup: "UATConfig", LegalEntity: "usmf", Overwrite: true, Timeout: timeout})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.p.Perform(b.t.Context(), b.r, refresh.Step{Attempt: attempt, Tries: tries, Spec: refresh.Spec{ID: "set-3", Kind: refresh.KindPackage, Name: "UAT configuration", Params: data}})
}

func newImport(t *testing.T) *bench {
	t.Helper()
	return newBench(t, func(o *cloudsim.Options) { o.PackageTime = time.Hour }).refreshed()
}

// imports returns the ids of the packages that were imported, without the one of long ago.
func (b *bench) imports() (ids []string) {
	for _, p := range b.Snapshot("uat").Packages[1:] {
		ids = append(ids, p.ExecutionID)
	}
	return ids
}

func TestADataPackageIsImported(t *testing.T) {
	t.Parallel()
	b := newImport(t)
	file := dataPackage(t, map[string]string{"EmailParameters": goodRows})
	step := func() refresh.Outcome { return b.importing(file, 1, 1, 0) }
	b.want(step(), refresh.Continues, "", "F&O imports config.zip.")
	b.want(step(), refresh.Continues, "")
	b.AdvancePackage("uat") // it begins
	o := step()
	b.want(o, refresh.Continues, "")
	if o.Again <= 0 {
		t.Errorf("asked again after %v", o.Again)
	}
	b.AdvancePackage("uat")
	b.want(step(), refresh.Succeeded, "", "config.zip is imported.")
	b.want(step(), refresh.Succeeded, "")
	if got := b.Snapshot("uat").Email.Server; got != "smtp-uat.contoso.com" {
		t.Errorf("the mail server is %q", got)
	}
	if got := b.imports(); len(got) != 1 {
		t.Errorf("imports: %q, want one", got)
	}
}

func TestADataPackageThatFails(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status string
		files  map[string]string
		says   string
	}{
		{"Failed", map[string]string{"NoSuchEntity": "A\n1\n"}, "The entity 'NoSuchEntity' does not exist."},
		{"PartiallySucceeded", map[string]string{"EmailParameters": goodRows, "DocumentParameters": "NoSuchField\n1\n"}, "NoSuchField"},
	} {
		t.Run(tc.status, func(t *testing.T) {
			t.Parallel()
			b := newImport(t)
			file := dataPackage(t, tc.files)
			b.want(b.importing(file, 1, 1, 0), refresh.Continues, "")
			b.AdvancePackage("uat")
			b.AdvancePackage("uat")
			b.want(b.importing(file, 1, 1, 0), refresh.Failure, refresh.Refused, "The import of config.zip ended as "+tc.status, tc.says)
			b.Fail("uat", "GetExecutionErrors", cloudsim.Fault{Status: 400})
			b.want(b.importing(file, 1, 1, 0), refresh.Failure, refresh.Refused, "F&O does not say why")

			good := dataPackage(t, map[string]string{"EmailParameters": goodRows})
			b.want(b.importing(good, 2, 1, 0), refresh.Continues, "") // a person has pressed Retry
			b.AdvancePackage("uat")
			b.AdvancePackage("uat")
			b.want(b.importing(good, 2, 1, 0), refresh.Succeeded, "")
			if got := b.imports(); len(got) != 2 || got[0] == got[1] {
				t.Errorf("imports: %q, want a second one", got)
			}
		})
	}
}

func TestAnImportIsFollowedByWhoeverComesNext(t *testing.T) {
	t.Parallel()
	b := newImport(t)
	file := dataPackage(t, map[string]string{"EmailParameters": goodRows})
	b.Fail("uat", "ImportFromPackage", cloudsim.Fault{DropReply: true})
	b.want(b.importing(file, 1, 1, 0), refresh.NotKnown, refresh.Unknown) // it has begun all the same
	b.want(b.importing(file, 2, 2, 0), refresh.Continues, "")             // tried again by itself
	b.Fail("uat", "GetExecutionSummaryStatus", cloudsim.Fault{Status: 503})
	b.want(b.importing(file, 2, 2, 0), refresh.Failure, refresh.Offline)
	b.p = phases.New(b.p.Options) // a new process
	b.want(b.importing(file, 3, 3, 0), refresh.Continues, "")
	b.AdvancePackage("uat")
	b.AdvancePackage("uat")
	b.want(b.importing(file, 4, 4, 0), refresh.Succeeded, "")
	if got := b.imports(); len(got) != 1 || !strings.HasPrefix(got[0], "refreshbot-uat-20261122-abcdef-set-3-") {
		t.Errorf("imports: %q, want one, named after the refresh and the step", got)
	}
}

func TestAnImportThatLandsAfterItWasAskedAbout(t *testing.T) {
	t.Parallel()
	b := newImport(t)
	file := dataPackage(t, map[string]string{"EmailParameters": goodRows})
	b.want(b.importing(file, 1, 1, 0), refresh.Continues, "")
	b.Fail("uat", "GetExecutionSummaryStatus", cloudsim.Fault{Body: `{"value": "Unknown"}`}) // as before it had landed
	b.want(b.importing(file, 2, 2, 0), refresh.Continues, "")
	b.AdvancePackage("uat")
	b.AdvancePackage("uat")
	b.want(b.importing(file, 2, 2, 0), refresh.Succeeded, "")
	if got := b.imports(); len(got) != 1 {
		t.Errorf("imports: %q, want one", got)
	}
}

func TestAnImportThatTakesTooLong(t *testing.T) {
	t.Parallel()
	b := newImport(t)
	file := dataPackage(t, map[string]string{"EmailParameters": goodRows})
	b.want(b.importing(file, 1, 1, time.Nanosecond), refresh.Continues, "")
	b.want(b.importing(file, 1, 1, time.Nanosecond), refresh.Failure, refresh.Refused, "has not ended within 1ns", "Job history")
	b.want(b.importing(file, 2, 1, 0), refresh.Failure, refresh.Refused, "Another data package is being imported")
	b.AdvancePackage("uat")
	b.AdvancePackage("uat")
	// The time of the second import is its own.
	b.want(b.importing(file, 2, 1, time.Hour), refresh.Continues, "")
	b.want(b.importing(file, 2, 1, time.Hour), refresh.Continues, "")
}

func TestAStatusOfALaterVersionIsFollowed(t *testing.T) {
	t.Parallel()
	b := newImport(t)
	b.Fail("uat", "GetExecutionSummaryStatus", cloudsim.Fault{Body: `{"value":"Queued"}`})
	b.want(b.importing("/nowhere.zip", 1, 1, 0), refresh.Continues, "")
	if got := b.imports(); len(got) != 0 {
		t.Errorf("imports: %q", got)
	}
}

func TestADataPackageThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newImport(t)
	b.want(b.importing("/nowhere/config.zip", 1, 1, 0), refresh.Failure, refresh.Invalid, "/nowhere/config.zip cannot be read")
	b.want(b.importing(t.TempDir(), 1, 1, 0), refresh.Failure, refresh.Invalid, "cannot be read")
	huge := filepath.Join(t.TempDir(), "huge.zip")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 200<<20+1); err != nil { // sparse
		t.Fatal(err)
	}
	b.want(b.importing(huge, 1, 1, 0), refresh.Failure, refresh.Invalid, "larger than 200 MB")
	junk := filepath.Join(t.TempDir(), "junk.zip")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(b.importing(junk, 1, 1, 0), refresh.Failure, refresh.Refused, "not a valid zip file")
	b.Fail("storage", "", cloudsim.Fault{Status: 503})
	b.want(b.importing(junk, 1, 1, 0), refresh.Failure, refresh.Offline)
}
