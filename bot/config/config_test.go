package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"

	"refreshbot/bot/notice"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

//go:embed testdata/example.yml
var example string

// surroundings are the environment variables and files that a test sees.
type surroundings struct {
	vars  map[string]string
	files map[string]string
}

func around() surroundings {
	return surroundings{
		vars: map[string]string{
			"SLACK_BOT_TOKEN":      "xoxb-bot-hush",
			"SLACK_APP_TOKEN":      "xapp-app-hush",
			"LCS_PASSWORD":         "lcs-hush",
			"FINOPS_CLIENT_SECRET": "finops-hush",
			"EMPTY":                "",
		},
		files: map[string]string{
			"/etc/bot/secret":   "from-a-file-hush\r\n",
			"/etc/bot/blank":    " \n",
			"/run/absolute":     "elsewhere-hush",
			"/etc/bot/pair.pem": "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
			"/etc/bot/cert.pem": "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
			"/etc/bot/text.pem": "hush",

			"/etc/bot/trainees.xlsx": "",
			"/etc/bot/config.zip":    "",
		},
	}
}

func (s surroundings) parse(file, text string) (*Config, error) {
	env := func(name string) (string, bool) { v, ok := s.vars[name]; return v, ok }
	readFile := func(path string) ([]byte, error) {
		if v, ok := s.files[path]; ok {
			return []byte(v), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return Parse(file, []byte(text), env, readFile, func(path string) error {
		_, err := readFile(path)
		return err
	})
}

// edit replaces text in the example, which must hold it exactly once.
func edit(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if n := strings.Count(text, pairs[i]); n != 1 {
			t.Fatalf("the example holds %q %d times", pairs[i], n)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

func TestExampleLoadsFully(t *testing.T) {
	t.Parallel()
	got, err := around().parse("/etc/bot/refreshbot.yml", example)
	if err != nil {
		t.Fatal(err)
	}
	copenhagen, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Slack:    Slack{BotToken: hushed("xoxb-bot-hush"), AppToken: hushed("xapp-app-hush"), Channel: "C0REFRESH", APIURL: "https://slack.com/api/", Settle: 20 * time.Second, Pace: 3 * time.Second},
		Entra:    Entra{Tenant: "6f0c1d2e-1111-4222-8333-444455556666", Authority: "https://login.microsoftonline.com"},
		LCS:      LCS{Project: 1234567, ClientID: "0a0a0a0a-1111-4222-8333-444455556666", Username: "refresh-svc@contoso.com", Password: hushed("lcs-hush"), APIURL: "https://lcsapi.lcs.dynamics.com", Poll: time.Minute, Timeout: 30 * time.Second, Settle: 2 * time.Minute},
		FinOps:   FinOps{ClientID: "0b0b0b0b-1111-4222-8333-444455556666", ClientSecret: hushed("finops-hush"), Poll: 15 * time.Second, Timeout: 100 * time.Second, Settle: 30 * time.Second},
		Store:    Store{Path: "/etc/bot/refreshbot.db"},
		HTTP:     HTTP{Addr: "127.0.0.1:9090"},
		TimeZone: copenhagen,
		Reminders: refresh.Reminders{
			After: []time.Duration{time.Hour, 4 * time.Hour}, Escalate: 8 * time.Hour, Again: 24 * time.Hour,
			Before: []time.Duration{24 * time.Hour, 4 * time.Hour, time.Hour}, Near: []time.Duration{30 * time.Minute, 5 * time.Minute},
			Hours: refresh.Hours{
				Zone: "Europe/Copenhagen", From: 8 * time.Hour, To: 18 * time.Hour,
				Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday},
			},
			Admins: []string{"U0ADMIN"},
		},
		Texts: notice.Standard(), QuietHours: notice.Quiet{Zone: copenhagen},
		Admins: []string{"U0ADMIN"},
		Environments: []Environment{
			{Name: "prod", URL: "https://contoso.operations.dynamics.com", LCSEnvironment: "3d6c5b4a-1111-4222-8333-444455556666", Production: true},
			{Name: "uat", URL: "https://contoso-uat.sandbox.operations.dynamics.com", LCSEnvironment: "4e7d6c5b-1111-4222-8333-444455556666", Refresh: &Refresh{
				From:       "prod",
				Channel:    "C0UAT",
				Requesters: []string{"S0FUNCTIONAL"},
				Approve:    Gate{By: []string{"S0RELEASE"}, Count: 1, Expires: 24 * time.Hour},
				SignOff:    Gate{By: []string{"S0RELEASE"}, Count: 1},
				Open:       &Gate{By: []string{"S0RELEASE"}, Count: 1},
				Schedule:   &Schedule{Cron: "0 20 * * FRI", Missed: schedule.Skip, Ask: 4 * time.Hour, Blackout: schedule.PassOver},
				Postpone:   30 * time.Minute, Notice: 30 * time.Minute,
				Downtime: 4 * time.Hour,
				Keep:     []phases.Area{phases.AreaUsers, phases.AreaBatchJobs, phases.AreaEntraApplications},
				Reconfigure: []phases.Item{
					{Kind: refresh.KindBatchGroups, Name: "Batch groups", Params: phases.BatchGroupsParams{
						Groups: []phases.BatchGroup{{Description: "Default"}, {Group: "MRP", Servers: []string{"BATCH1"}}}}},
					{Kind: refresh.KindEmail, Name: "E-mail parameters", Params: phases.EmailParams{
						EmailParameters: refresh.EmailParameters{Server: "smtp.contoso.com", Port: 587, User: "uat@contoso.com", RequireSSL: true}}},
					{Kind: refresh.KindBatchJobs, Name: "Batch jobs to Waiting", Params: phases.BatchJobsParams{
						ToWaiting: []string{"Workflow message processing", "Email distributor batch"}}},
					{Kind: refresh.KindService, Name: "Entity store", Params: phases.ServiceParams{Path: "ContosoRefresh/PostRefresh/refreshEntityStore",
						Body: map[string]any{"_request": map[string]any{"Entities": []any{"CustTransactions"}}}}},
					{Kind: refresh.KindOData, Name: "Document links", Params: phases.ODataParams{Record: refresh.Record{Entity: "DocumentParameters",
						Key: map[string]any{"dataAreaId": "usmf", "Key": int64(0)}, Set: map[string]any{"WebAppsServerURL": "https://office-uat.contoso.com"}}}},
					{Kind: refresh.KindManual, Name: "Reconnect LCS Help", Params: phases.ManualParams{
						Text: "System administration > Setup > System parameters > Help: choose the UAT Help library."}},
				},
				Users: Users{UsersParams: phases.UsersParams{Enable: []string{"anna@contoso.com", "TRAIN01"}, Files: []string{"/etc/bot/trainees.xlsx"}, SlackGroup: "S0TRAINEES", Restore: true}},
			}},
		},
	}
	if diff := cmp.Diff(want, got, comparers()...); diff != "" {
		t.Errorf("the example (-want +got):\n%s", diff)
	}
}

// hushed is a secret that came from nowhere.
func hushed(value string) Secret { return Secret{value: &value} }

func comparers() []cmp.Option {
	return []cmp.Option{
		cmp.Comparer(func(a, b Secret) bool { return a.Reveal() == b.Reveal() && a.IsSet() == b.IsSet() }),
		cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
		cmpopts.IgnoreUnexported(Config{}, TLS{}),
	}
}

// The commented keys of the example show the defaults: written out, they change nothing.
func TestCommentedKeysAreTheDefaults(t *testing.T) {
	t.Parallel()
	text := example
	for _, key := range []string{"api_url", "authority", "poll", "timeout", "settle"} {
		text = strings.ReplaceAll(text, "  # "+key+":", "  "+key+":")
	}
	if strings.Count(text, "#") != strings.Count(example, "#")-8 {
		t.Fatal("the example no longer has its eight commented defaults")
	}
	plain, err := around().parse("/etc/bot/refreshbot.yml", example)
	if err != nil {
		t.Fatal(err)
	}
	written, err := around().parse("/etc/bot/refreshbot.yml", text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, written, comparers()...); diff != "" {
		t.Errorf("the defaults differ from the example (-default +example):\n%s", diff)
	}
}

const smallest = `
slack: {bot_token: {env: SLACK_BOT_TOKEN}, app_token: {env: SLACK_APP_TOKEN}, channel: C0REFRESH}
entra: {tenant: contoso.onmicrosoft.com}
lcs:
  project: 7
  client_id: 0a0a0a0a-1111-4222-8333-444455556666
  username: refresh-svc@contoso.com
  password: {env: LCS_PASSWORD}
finops: {client_id: 0b0b0b0b-1111-4222-8333-444455556666, client_secret: {env: FINOPS_CLIENT_SECRET}}
environments:
  gold: {url: https://gold.contoso.com, lcs_environment: 3d6c5b4a111142228333444455556666}
  UAT:
    url: HTTPS://Uat.Contoso.com:443/
    lcs_environment: 4E7D6C5B-1111-4222-8333-444455556666
    refresh: {from: gold, approve: {by: [U0ANNA]}, sign_off: {by: [U0ANNA]}}
`

func TestLeftOutKeysGetTheirDefaults(t *testing.T) {
	t.Parallel()
	c, err := around().parse("refreshbot.yml", smallest)
	if err != nil {
		t.Fatal(err)
	}
	uat, ok := c.Environment("uat")
	if !ok || len(c.Targets()) != 1 || c.Targets()[0] != uat {
		t.Fatalf("uat is not the only target: %v", c.Targets())
	}
	want := &Environment{Name: "UAT", URL: "https://uat.contoso.com", LCSEnvironment: "4E7D6C5B-1111-4222-8333-444455556666", Refresh: &Refresh{
		From:     "gold",
		Channel:  "C0REFRESH",
		Approve:  Gate{By: []string{"U0ANNA"}, Count: 1, Expires: 24 * time.Hour},
		SignOff:  Gate{By: []string{"U0ANNA"}, Count: 1},
		Postpone: 30 * time.Minute, Notice: 30 * time.Minute,
		Downtime: 4 * time.Hour,
	}}
	if diff := cmp.Diff(want, uat, comparers()...); diff != "" {
		t.Errorf("uat (-want +got):\n%s", diff)
	}
	if c.TimeZone != time.UTC || c.HTTP.Addr != "127.0.0.1:9090" || c.Store.Path != "refreshbot.db" {
		t.Errorf("got %v %v %v", c.TimeZone, c.HTTP, c.Store)
	}
	if pool, err := c.TLS.RootCAs(); pool != nil || err != nil {
		t.Errorf("without ca_file, RootCAs() = %v, %v, want nil for the system's", pool, err)
	}
}

func TestOtherFormsThatAreAccepted(t *testing.T) {
	t.Parallel()
	text := edit(t, example,
		"# api_url: https://slack.com/api/", "api_url: http://127.0.0.1:8080/api",
		"bot_token: {env: SLACK_BOT_TOKEN} ", "bot_token: {env: TOKEN} ",
		"{env: LCS_PASSWORD}", "{file: secret}",
		"client_secret: {env: FINOPS_CLIENT_SECRET}", "certificate: {file: pair.pem}",
		"notice: 30m", "notice: 0s",
		"{group: MRP, servers: [BATCH1]}", "{group: 0012}",
		"https://contoso-uat.sandbox.operations.dynamics.com", "http://[::1]:8443",
		"{Entities: [\"CustTransactions\"]}", "{n: 9007199254740993, f: 1.5, yes: no, b: true, nothing: null, day: 2026-11-28, deep: [[1], {a: -2}]}",
		"channel: C0UAT", "channel: &uat G0UAT",
		"requesters: [S0FUNCTIONAL]", "requesters: &people [S0FUNCTIONAL, W0ANNA]",
		"open:     {by: [S0RELEASE], count: 1}", "open:     {by: *people, count: 40}",
		"path: refreshbot.db", "path: /data/bot.db",
	)
	s := around()
	s.vars["TOKEN"] = "xoxb-other\n"
	c, err := s.parse("/etc/bot/refreshbot.yml", text)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Environments[1].Refresh
	got := []any{c.Slack.APIURL, c.Slack.BotToken.Reveal(), c.LCS.Password.Reveal(), c.FinOps.Certificate, c.FinOps.ClientSecret.IsSet(), r.Notice,
		r.Reconfigure[0].Params.(phases.BatchGroupsParams).Groups[1].Group, c.Environments[1].URL, r.Channel, r.Open.By, r.Open.Count, c.Store.Path, r.Reconfigure[3].Params.(phases.ServiceParams).Body}
	want := []any{"http://127.0.0.1:8080/api/", "xoxb-other", "from-a-file-hush", "/etc/bot/pair.pem", false, time.Duration(0),
		"0012", "http://[::1]:8443", "G0UAT", []string{"S0FUNCTIONAL", "W0ANNA"}, 40, "/data/bot.db",
		map[string]any{"_request": map[string]any{"n": int64(9007199254740993), "f": 1.5, "yes": "no", "b": true, "nothing": nil, "day": "2026-11-28", "deep": []any{[]any{int64(1)}, map[string]any{"a": int64(-2)}}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFederatedTokenIsNotReadAtLoad(t *testing.T) {
	t.Parallel()
	c, err := around().parse("/etc/bot/refreshbot.yml", edit(t, example, "client_secret: {env: FINOPS_CLIENT_SECRET}", "federated_token: {file: later/token}"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.FinOps.FederatedToken, "/etc/bot/later/token"; got != want {
		t.Errorf("FederatedToken = %q, want %q", got, want)
	}
}

// corporate makes the certificate of an authority of one's own, in PEM.
func corporate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "corporate"}, IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestExtraCertificateAuthorities(t *testing.T) {
	t.Parallel()
	authority := corporate(t)
	s := around()
	s.files["/etc/bot/corporate-ca.pem"] = string(authority)
	c, err := s.parse("/etc/bot/refreshbot.yml", example+"\ntls: {ca_file: corporate-ca.pem}\n")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := c.TLS.RootCAs()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(authority)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("the extra authority is not trusted: %v", err)
	}
}

func TestLoadReadsFilesAndEnvironmentOfTheProcess(t *testing.T) {
	dir := t.TempDir() // not parallel: it sets the environment of the process
	for name, v := range around().vars {
		t.Setenv(name, v)
	}
	for name, content := range map[string]string{"pw": "from-disk\n", "trainees.xlsx": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "refreshbot.yml")
	if err := os.WriteFile(path, []byte(edit(t, example, "{env: LCS_PASSWORD}", "{file: pw}")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.LCS.Password.Reveal(); got != "from-disk" {
		t.Errorf("password = %q", got)
	}
}

func TestLoadOfAnAbsentFileSaysWhatToDo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.yml")
	_, err := Load(path)
	want := path + ": cannot be read (no such file or directory): check the path given with --config"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	t.Parallel()
	c, err := around().parse("/etc/bot/refreshbot.yml", example)
	if err != nil {
		t.Fatal(err)
	}
	js, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	ym, err := yaml.Dump(c.Slack)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("secret", "secret", c.Slack.BotToken, "config", c, "slack", c.Slack)
	secret := c.Slack.BotToken
	hiding := struct{ inner Secret }{secret} // fmt cannot call methods of what is in here
	printed := []string{string(js), string(ym), log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10.3s"} {
		for _, a := range []any{c, *c, c.Slack, secret, &secret, hiding, &hiding, []Secret{secret}} {
			printed = append(printed, fmt.Sprintf(verb, a))
		}
	}
	for _, p := range printed {
		for _, bad := range []string{"hush", fmt.Sprintf("%x", "hush"), fmt.Sprintf("%X", "hush")} {
			if strings.Contains(p, bad) {
				t.Errorf("a secret is printed: %s", p)
			}
		}
	}
	for _, p := range []string{string(js), string(ym), log.String(), fmt.Sprint(secret), secret.String(), fmt.Sprintf("%#v", c.Slack)} {
		if !strings.Contains(p, "***") {
			t.Errorf("nothing shows that a secret is set: %s", p)
		}
	}
	if secret.Reveal() != "xoxb-bot-hush" {
		t.Errorf("Reveal() = %q", secret.Reveal())
	}
}

func TestErrorsAreProblems(t *testing.T) {
	t.Parallel()
	_, err := around().parse("/etc/bot/refreshbot.yml", edit(t, example, "channel: C0UAT", "channel: uat"))
	problem, ok := errors.AsType[Problem](err)
	want := Problem{File: "/etc/bot/refreshbot.yml", Line: 52, Key: "environments.uat.refresh.channel",
		Text: `must be the id of a Slack channel, C… or G… (in Slack: channel name, About, at the bottom), not "uat"`}
	if !ok || problem != want {
		t.Errorf("got  %+v\nwant %+v", problem, want)
	}
}

// Parse must never panic and never repeat a secret, whatever stands in the file.
func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add(smallest)
	f.Add(inRefresh(everything))
	f.Add("a: &a [*a]")
	for _, spec := range []string{"TZ=", "CRON_TZ=UTC", "@every 0s", "*/0 * * * *"} {
		f.Add(strings.Replace(example, "0 20 * * FRI", spec, 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := fuller().parse("/etc/bot/refreshbot.yml", text)
		if err == nil {
			for _, target := range c.Targets() {
				if _, err := phases.Plan(target.Refresh.Recipe()); err != nil {
					t.Errorf("what loads cannot be planned: %v", err)
				}
			}
		}
		if err != nil && !strings.Contains(text, "hush") && strings.Contains(err.Error(), "hush") {
			t.Errorf("a secret is in the error: %v", err)
		}
	})
}
