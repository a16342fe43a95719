package config

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
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
	"refreshbot/jobs/entra"
	"refreshbot/jobs/finops"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// stage is a simulated cloud on which the examples of the pages are performed.
type stage struct {
	*cloudsim.Cloud
	t *testing.T
	p *phases.Performer
	r refresh.Refresh

	taken []refresh.Entry
	mu    sync.Mutex
	told  []string // what the outside systems were told
}

func (s *stage) Journal(_ context.Context, _ refresh.ID, after int64) ([]refresh.Entry, error) {
	return s.taken[after:], nil
}

func (s *stage) Emails(context.Context, string) ([]string, error) {
	return []string{"dan@contoso.com"}, nil
}

// newStage prepares everything that the pages say their examples need, but the companion service only if asked to.
func newStage(t *testing.T, companion bool) *stage {
	t.Helper()
	cloud, err := cloudsim.Start(cloudsim.Options{
		NoRateLimits: true, Companion: companion, PackageTime: time.Hour,
		Timeline: cloudsim.Timeline{NotStarted: time.Hour, Copy: time.Hour, Sync: time.Hour, Tail: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, operation := range []string{"clearQueues", "rebuildSearch", "rebuildCaches"} { // a customer's own
		cloud.Fail("uat", "ContosoRefresh/PostRefresh/"+operation, cloudsim.Fault{Method: http.MethodPost, Body: `{"$id":"1","Success":true}`, Times: -1})
	}
	app, err := entra.NewApp(entra.AppOptions{
		Authority: cloud.AuthorityURL(), Tenant: cloud.Tenant(), ClientID: cloud.AppID(), HTTP: cloud.HTTPClient(),
		ClientSecret: func() (string, error) { return cloud.AppSecret(), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{Cloud: cloud, t: t, r: refresh.Refresh{
		ID:     "UAT-20261122-abcdef",
		Source: refresh.Environment{Name: "gold", URL: cloud.EnvironmentURL("prod")}, Target: refresh.Environment{Name: "UAT", URL: cloud.EnvironmentURL("uat")},
	}}
	o := phases.Options{
		Environments: map[string]phases.Environment{}, Companions: map[string]phases.Companion{}, AppID: cloud.AppID(),
		Journal: s, People: s, HTTP: s.outside(), AnswerPoll: time.Nanosecond,
		Secret: func(ref string) (string, error) { return "hush of " + ref, nil },
	}
	for name, env := range map[string]string{"gold": "prod", "UAT": "uat"} {
		client := finops.New(finops.Options{
			URL: cloud.EnvironmentURL(env), HTTP: cloud.HTTPClient(), Timeout: 20 * time.Second,
			Token: func(ctx context.Context) (string, error) { return app.Token(ctx, cloud.EnvironmentURL(env)) },
		})
		o.Environments[name], o.Companions[name] = client, client.Companion()
	}
	s.p = phases.New(o)
	return s
}

// outside is a client for which every host is a server that accepts whatever it is told.
func (s *stage) outside() *http.Client {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, r.Method+" "+r.Host+r.URL.Path+" "+r.Header.Get("X-Api-Key"))
		w.WriteHeader(http.StatusAccepted)
	}))
	s.t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// zipped writes a zip file of these names and texts.
func zipped(t *testing.T, file string, parts ...string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err == nil {
			_, err = io.WriteString(w, parts[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// beside writes the files that the examples name into the folder of the configuration.
func beside(t *testing.T, dir string) {
	t.Helper()
	zipped(t, filepath.Join(dir, "config.zip"),
		"Manifest.xml", `<DataManagementPackageManifest><PackageEntityList><DataManagementPackageEntityData><EntityName>EmailParameters</EntityName><InputFilePath>mail.csv</InputFilePath></DataManagementPackageEntityData></PackageEntityList></DataManagementPackageManifest>`,
		"PackageHeader.xml", `<DataManagementPackageHeader/>`, "mail.csv", "ID,SMTPRelayServerName\n0,smtp-uat.contoso.com\n")
	const sheets = `http://schemas.openxmlformats.org/spreadsheetml/2006/main`
	zipped(t, filepath.Join(dir, "trainees.xlsx"),
		"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`,
		"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml", `<workbook xmlns="`+sheets+`" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml", `<worksheet xmlns="`+sheets+`"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>EVA</t></is></c></row></sheetData></worksheet>`)
	if err := os.WriteFile(filepath.Join(dir, "testers.csv"), []byte("User ID\nGITA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// perform carries out a step until it is over.
func (s *stage) perform(spec refresh.Spec) refresh.Outcome {
	s.t.Helper()
	for range 5 {
		o := s.p.Perform(s.t.Context(), s.r, refresh.Step{Spec: spec, Attempt: 1, Tries: 1})
		if o.Result != refresh.Continues {
			return o
		}
		s.AdvancePackage("uat")
	}
	s.t.Fatalf("%s does not come to an end", spec.Name)
	return refresh.Outcome{}
}

// play performs the plan's steps from the snapshot on and returns how those that follow the copy came out, in their
// order. Questions to people are left out; a manual item is by hand.
func (s *stage) play(plan []refresh.Spec) []refresh.Result {
	s.t.Helper()
	var results []refresh.Result
	for _, r := range plan {
		s.r.Steps = append(s.r.Steps, refresh.Step{Spec: r})
	}
	for _, spec := range plan {
		switch {
		case spec.Kind == refresh.KindSnapshot:
			o := s.perform(spec)
			if o.Result != refresh.Succeeded {
				s.t.Fatalf("snapshot: %+v", o.Problem)
			}
			s.taken, s.r.Snapshot = []refresh.Entry{{Seq: 1, Event: refresh.SnapshotTaken{Step: spec.ID, Data: o.Snapshot}}}, 1
		case spec.Kind == refresh.KindCopy:
			if s.StartByHand("uat") == "" {
				s.t.Fatal("the copy was not accepted")
			}
			for s.Advance("uat") {
			}
		case spec.ID == "keep-offer" || spec.ID == "rest": // in every plan, whatever a page shows
			continue
		case spec.Kind == refresh.KindManual:
			results = append(results, refresh.ByHand)
		case spec.Kind == refresh.KindOpenGate || spec.Phase != refresh.PhaseReconfigure && spec.Phase != refresh.PhaseOpen:
		default:
			o := s.perform(spec)
			results = append(results, o.Result)
			if o.Result != refresh.Succeeded && o.Result != refresh.ByHand {
				s.t.Errorf("%q (%s): %s, %+v; findings %+v", spec.Name, spec.Kind, o.Result, o.Problem, o.Findings)
			}
			if strings.Contains(o.Note, "hush") {
				s.t.Errorf("%q shows a secret: %s", spec.Name, o.Note)
			}
			if spec.Kind == refresh.KindPreview {
				s.r.Roster = o.Roster
			}
		}
	}
	return results
}

// Each example does what its page says, against the simulated cloud: with all that it needs, and without the
// companion service.
func TestTheExampleOnEachPageCanBePerformed(t *testing.T) {
	t.Parallel()
	const ok, byHand = refresh.Succeeded, refresh.ByHand
	type outcome struct {
		with, without []refresh.Result // without the companion service; nil: the same
		did           func(*stage) bool
	}
	uat := func(holds func(cloudsim.Environment) bool) func(*stage) bool {
		return func(s *stage) bool { return holds(s.Snapshot("uat")) }
	}
	pagesDo := map[string]outcome{
		"batch_groups": {with: []refresh.Result{ok}, did: uat(func(e cloudsim.Environment) bool {
			return slices.Contains(e.BatchGroups, cloudsim.BatchGroup{GroupID: "MRP", ServerID: "BATCH2", Description: "Planning"})
		})},
		"batch_jobs": {with: []refresh.Result{ok}, did: uat(func(e cloudsim.Environment) bool {
			return slices.ContainsFunc(e.BatchJobs, func(j cloudsim.BatchJob) bool { return j.Status == "Waiting" })
		})},
		"email": {with: []refresh.Result{ok}, without: []refresh.Result{byHand}, did: uat(func(e cloudsim.Environment) bool {
			return e.Email.Server == "smtp.contoso.com" && e.Email.User == "uat@contoso.com"
		})},
		"entity_store":      {with: []refresh.Result{ok}, without: []refresh.Result{byHand}},
		"system_parameters": {with: []refresh.Result{ok}, without: []refresh.Result{byHand}},
		"encrypted_field":   {with: []refresh.Result{ok}, without: []refresh.Result{byHand}},
		"http": {with: []refresh.Result{ok}, did: func(s *stage) bool {
			return slices.Equal(s.told, []string{"POST hub.contoso.com/environments/uat/refreshed hush of env:HUB_KEY"})
		}},
		"keep": {with: []refresh.Result{ok, ok, byHand, ok, ok, ok, ok, ok}, did: uat(func(e cloudsim.Environment) bool {
			return e.Email.Server == "smtp-test.contoso.com" && len(e.AADClients) == 2 &&
				slices.ContainsFunc(e.Users, func(u cloudsim.User) bool { return u.ID == "ANNA" && u.Enabled })
		})},
		"manual":   {with: []refresh.Result{byHand}},
		"must_not": {with: []refresh.Result{ok}},
		"odata": {with: []refresh.Result{ok, ok}, did: uat(func(e cloudsim.Environment) bool {
			for _, server := range []string{"BATCH1", "BATCH2"} {
				if !slices.Contains(e.BatchGroups, cloudsim.BatchGroup{GroupID: "TEST", ServerID: server, Description: "Test team"}) {
					return false
				}
			}
			return slices.ContainsFunc(e.DocumentParameters, func(d cloudsim.DocumentParameters) bool {
				return d.Company == "usmf" && d.WebAppsServer == "https://office-uat.contoso.com"
			})
		})},
		"package":  {with: []refresh.Result{ok}, did: uat(func(e cloudsim.Environment) bool { return e.Email.Server == "smtp-uat.contoso.com" })},
		"parallel": {with: []refresh.Result{ok, ok, ok}, did: func(s *stage) bool { return len(s.told) == 1 }},
		"service":  {with: []refresh.Result{ok}},
		"users": {with: []refresh.Result{ok, ok, ok}, did: uat(func(e cloudsim.Environment) bool {
			on := map[string]bool{}
			for _, u := range e.Users {
				on[u.ID] = u.Enabled
			}
			return on["ANNA"] && on["BO"] && on["DAN"] && on["EVA"] && on["GITA"] && !on["HUGO"]
		})},
	}
	for name, page := range pages(t) {
		for how, companion := range map[string]bool{"with": true, "without": false} {
			t.Run(name+" "+how+" the companion service", func(t *testing.T) {
				t.Parallel()
				says, known := pagesDo[name]
				if !known {
					t.Fatal("nobody has said what comes of this page's example")
				}
				want := says.with
				if !companion && says.without != nil {
					want = says.without
				}
				dir := t.TempDir()
				beside(t, dir)
				c, err := Parse(filepath.Join(dir, "refreshbot.yml"), []byte(inRefresh(exampleOn(t, name, page))), anyVariable, os.ReadFile, canRead)
				if err != nil {
					t.Fatal(err)
				}
				s := newStage(t, companion)
				if got := s.play(planned(t, c)); !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
				if says.did != nil && !says.did(s) {
					t.Errorf("nothing came of it: told %q, %+v", s.told, s.Snapshot("uat"))
				}
			})
		}
	}
}

// Where the target does not have the service, the page says, its example is skipped.
func TestTheExampleOfAServiceThatIsNotThere(t *testing.T) {
	t.Parallel()
	c, err := generous(t, "/etc/bot/refreshbot.yml", inRefresh(exampleOn(t, "service", pages(t)["service"])))
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, false)
	s.ClearFaults()
	for _, spec := range planned(t, c) {
		if spec.Kind == refresh.KindService {
			if o := s.perform(spec); o.Result != refresh.Absent || !spec.IfInstalled {
				t.Errorf("%s, if installed %v", o.Result, spec.IfInstalled)
			}
		}
	}
}
