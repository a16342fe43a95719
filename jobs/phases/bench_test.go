package phases_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/entra"
	"refreshbot/jobs/finops"
	"refreshbot/jobs/lcs"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulated cloud in which nothing moves by itself, and a Performer with the real clients.
type bench struct {
	*cloudsim.Cloud
	t *testing.T
	p *phases.Performer
	r refresh.Refresh

	journal journal
	people  people
	secrets map[string]string
}

// journal holds the entries that it was given, as a store does.
type journal []refresh.Entry

func (j *journal) Journal(_ context.Context, _ refresh.ID, after int64) (found []refresh.Entry, err error) {
	for _, e := range *j {
		if e.Seq > after {
			found = append(found, e)
		}
	}
	return found, nil
}

// people are the members of Slack user groups.
type people struct {
	groups map[string][]string
	down   error
}

func (p *people) Emails(_ context.Context, group string) ([]string, error) {
	return p.groups[group], p.down
}

// in is the bench for a subtest.
func (b *bench) in(t *testing.T) *bench {
	c := *b
	c.t = t
	return &c
}

// remember takes the snapshot and keeps it as the engine does.
func (b *bench) remember() refresh.Outcome {
	b.t.Helper()
	o := b.perform(refresh.KindSnapshot, nil)
	if o.Result != refresh.Succeeded {
		b.t.Fatalf("snapshot: %+v", o.Problem)
	}
	b.journal = append(b.journal, refresh.Entry{Seq: 6, Event: refresh.StepStarted{Step: "snapshot", Attempt: 1}},
		refresh.Entry{Seq: 7, Event: refresh.SnapshotTaken{Step: "snapshot", Data: o.Snapshot}})
	b.r.Snapshot = 7
	return o
}

// preview finds out who is let in, and keeps that as the engine does.
func (b *bench) preview(want phases.UsersParams) refresh.Outcome {
	b.t.Helper()
	o := b.perform(refresh.KindPreview, want)
	if o.Result == refresh.Succeeded {
		b.r.Roster = o.Roster
	}
	return o
}

func newBench(t *testing.T, change ...func(*cloudsim.Options)) *bench {
	t.Helper()
	options := cloudsim.Options{
		NoRateLimits: true,
		Timeline:     cloudsim.Timeline{NotStarted: time.Hour, Copy: time.Hour, Sync: time.Hour, Tail: time.Hour},
	}
	for _, f := range change {
		f(&options)
	}
	cloud, err := cloudsim.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	secret := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	user, err := entra.NewUser(entra.UserOptions{
		Authority: cloud.AuthorityURL(), Tenant: cloud.Tenant(), ClientID: cloud.LCSClientID(), Username: cloud.LCSUser(),
		Password: secret(cloud.LCSPassword()), Scope: entra.LCSScope(cloud.LCSURL()), HTTP: cloud.HTTPClient(),
	})
	if err != nil {
		t.Fatal(err)
	}
	app, err := entra.NewApp(entra.AppOptions{
		Authority: cloud.AuthorityURL(), Tenant: cloud.Tenant(), ClientID: cloud.AppID(), ClientSecret: secret(cloud.AppSecret()), HTTP: cloud.HTTPClient(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Cloud: cloud, t: t, secrets: map[string]string{}, r: refresh.Refresh{ID: "uat-20261122-abcdef", RequestedAt: time.Now()}}
	environments, companions := map[string]phases.Environment{}, map[string]phases.Companion{}
	for _, name := range []string{"prod", "uat"} {
		url := cloud.EnvironmentURL(name)
		client := finops.New(finops.Options{
			URL: url, HTTP: cloud.HTTPClient(), Timeout: 20 * time.Second,
			Token: func(ctx context.Context) (string, error) { return app.Token(ctx, url) },
		})
		environments[name], companions[name] = client, client.Companion()
	}
	b.r.Source = refresh.Environment{Name: "prod", URL: cloud.EnvironmentURL("prod"), LCS: cloud.LCSID("prod")}
	b.r.Target = refresh.Environment{Name: "uat", URL: cloud.EnvironmentURL("uat") + "/", LCS: strings.ReplaceAll(cloud.LCSID("uat"), "-", "")}
	b.p = phases.New(phases.Options{
		Copier:       lcs.New(lcs.Options{BaseURL: cloud.LCSURL(), ProjectID: cloud.ProjectID(), Token: user.Token, HTTP: cloud.HTTPClient(), Timeout: 20 * time.Second}),
		Environments: environments, Companions: companions, StatusPoll: time.Nanosecond, AnswerPoll: time.Nanosecond,
		AppID: cloud.AppID(), Journal: &b.journal, People: &b.people, HTTP: cloud.HTTPClient(),
		Secret: func(ref string) (string, error) {
			if s, ok := b.secrets[ref]; ok {
				return s, nil
			}
			return "", refresh.Errorf(refresh.Invalid, "%s is not set.", ref)
		},
	})
	return b
}

func (b *bench) perform(kind refresh.Kind, params any) refresh.Outcome {
	b.t.Helper()
	step := refresh.Step{Spec: refresh.Spec{ID: "s", Kind: kind, Name: string(kind)}}
	if params != nil {
		data, err := json.Marshal(params)
		if err != nil {
			b.t.Fatal(err)
		}
		step.Params = data
	}
	return b.p.Perform(b.t.Context(), b.r, step)
}

// start asks for the copy, which must be accepted.
func (b *bench) start() {
	b.t.Helper()
	o := b.perform(refresh.KindCopy, nil)
	if o.Result != refresh.Succeeded || o.Operation == "" {
		b.t.Fatalf("start: %+v", o)
	}
	b.r.Copy = refresh.Copy{Operation: o.Operation, Status: o.Status, SentAt: time.Now(), StatusAt: time.Now()}
}

// finish lets whatever runs on uat come to its end.
func (b *bench) finish() {
	for b.Advance("uat") {
	}
}

// refreshed lets a whole refresh pass.
func (b *bench) refreshed() *bench {
	b.t.Helper()
	b.start()
	b.finish()
	return b
}

// want fails the test unless the outcome has that result, and its problem the code and words.
func (b *bench) want(o refresh.Outcome, result refresh.Result, code refresh.Code, words ...string) {
	b.t.Helper()
	said := o.Note
	var got refresh.Code
	if o.Problem != nil {
		got, said = o.Problem.Code, o.Problem.Message
	}
	if o.Result != result || got != code {
		b.t.Fatalf("outcome %s %q (%s), want %s %q", o.Result, got, said, result, code)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			b.t.Errorf("it says %q, which lacks %q", said, w)
		}
	}
}

func finding(o refresh.Outcome, name string) (refresh.Finding, bool) {
	for _, f := range o.Findings {
		if f.Name == name {
			return f, true
		}
	}
	return refresh.Finding{}, false
}

// good and bad fail the test unless there is such a finding.
func (b *bench) good(o refresh.Outcome, name, detail string) {
	b.t.Helper()
	if f, ok := finding(o, name); !ok || !f.OK || !strings.Contains(f.Detail, detail) {
		b.t.Errorf("finding %q: %+v, want a good one with %q; all: %+v", name, f, detail, o.Findings)
	}
}

func (b *bench) bad(o refresh.Outcome, name, detail string) {
	b.t.Helper()
	if f, ok := finding(o, name); !ok || f.OK || !strings.Contains(f.Detail, detail) {
		b.t.Errorf("finding %q: %+v, want a bad one with %q; all: %+v", name, f, detail, o.Findings)
	}
}
