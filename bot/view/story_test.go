package view_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The people of the stories.
var (
	anna   = refresh.Actor{Person: refresh.Person{ID: "U0ANNA", Name: "Anna"}}
	bo     = refresh.Actor{Person: refresh.Person{ID: "U0BO", Name: "Bo"}, In: []string{"S0RELEASE"}}
	cleo   = refresh.Actor{Person: refresh.Person{ID: "U0CLEO", Name: "Cleo"}, In: []string{"S0RELEASE"}}
	dan    = refresh.Actor{Person: refresh.Person{ID: "U0DAN", Name: "Dan"}}
	boss   = refresh.Actor{Person: refresh.Person{ID: "U0ADMIN", Name: "Dee"}, Admin: true}
	friday = time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
)

func options() view.Options {
	return view.Options{
		LCSLink: func(id string) string { return "https://lcs.dynamics.com/V2/EnvironmentDetails/" + id + "?a=1&b=2" },
		Zone:    time.FixedZone("CET", 3600),
	}
}

func policy(count int, expires time.Duration) *refresh.Policy {
	return &refresh.Policy{By: []string{"S0RELEASE"}, Count: count, Expires: expires}
}

func spec(phase refresh.Phase, kind refresh.Kind, name string) refresh.Spec {
	return refresh.Spec{ID: strings.ReplaceAll(strings.ToLower(name), " ", "_"), Phase: phase, Kind: kind, Name: name}
}

func request() refresh.Request {
	plan := []refresh.Spec{
		spec(refresh.PhasePrepare, refresh.KindPreflight, "Preflight"),
		spec(refresh.PhasePrepare, refresh.KindApproval, "Approval"),
		spec(refresh.PhasePrepare, refresh.KindAnnounce, "Announcement"),
		spec(refresh.PhasePrepare, refresh.KindBroadcast, "Broadcast message"),
		spec(refresh.PhasePrepare, refresh.KindNotice, "Notice"),
		spec(refresh.PhaseRefresh, refresh.KindCopy, "Copy"),
		spec(refresh.PhaseRefresh, refresh.KindFollow, "Follow the copy"),
		spec(refresh.PhaseSignOff, refresh.KindSmoke, "Smoke checks"),
		spec(refresh.PhaseSignOff, refresh.KindSignOff, "Sign-off"),
		spec(refresh.PhaseReconfigure, refresh.KindBatchGroups, "Batch groups"),
		spec(refresh.PhaseReconfigure, refresh.KindEmail, "E-mail"),
		spec(refresh.PhaseReconfigure, refresh.KindBatchJobs, "Batch jobs"),
		spec(refresh.PhaseReconfigure, refresh.KindService, "Entity store"),
		spec(refresh.PhaseReconfigure, refresh.KindOData, "Document links"),
		spec(refresh.PhaseReconfigure, refresh.KindManual, "Reconnect LCS Help"),
		spec(refresh.PhaseOpen, refresh.KindOpenGate, "Opening"),
		spec(refresh.PhaseOpen, refresh.KindEnable, "Users"),
		spec(refresh.PhaseOpen, refresh.KindVerify, "Check of users"),
	}
	plan[1].Policy, plan[8].Policy, plan[15].Policy = policy(1, 24*time.Hour), policy(1, 0), policy(1, 48*time.Hour)
	plan[14].Params = json.RawMessage(`{"text":"System administration > Setup > System parameters > Help: choose the UAT Help library.\nSee https://wiki.contoso.com/help?x=1&y=2.","more":1}`)
	return refresh.Request{
		ID:      "uat-20261120-7f3a",
		Source:  refresh.Environment{Name: "prod", URL: "https://contoso.operations.dynamics.com", LCS: "3d6c5b4a-1111-4222-8333-444455556666"},
		Target:  refresh.Environment{Name: "uat", URL: "https://contoso-uat.sandbox.operations.dynamics.com", LCS: "4e7d6c5b-1111-4222-8333-444455556666"},
		Channel: "C0UAT", By: anna.Person, Reason: "Month-end test with fresh customers", Troubleshooters: []string{"S0RELEASE"}, Plan: plan,
		Settings: refresh.Settings{Notice: 30 * time.Minute, Downtime: 4 * time.Hour, Postpone: 30 * time.Minute, Settle: 2 * time.Minute, Retry: time.Minute},
	}
}

// story drives a refresh through the real rules. Each entry's message and each card on the way goes through
// Slack's limits; those of a named story are also golden files.
type story struct {
	t    testing.TB
	r    refresh.Refresh
	now  time.Time
	prev string
	news []posted

	files []view.File // that follow messages
}

// posted is a thread message as the golden files have it.
type posted struct {
	Event     string          `json:"event"`
	Broadcast bool            `json:"broadcast"`
	Message   json.RawMessage `json:"message"`
}

func begin(t testing.TB, req refresh.Request) *story {
	t.Helper()
	s := &story{t: t, now: friday}
	s.input(req)
	return s
}

func (s *story) input(in refresh.Input) {
	s.t.Helper()
	events, err := refresh.Decide(s.r, in, refresh.Now{Time: s.now, Nonce: fmt.Sprintf("n%d.", s.r.Version)})
	if err != nil {
		s.t.Fatalf("%T: %v", in, err)
	}
	entries, err := refresh.Seal("uat-20261120-7f3a", s.r.Version, s.prev, s.now, events)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		before := s.r
		s.r, s.prev = refresh.Apply(before, e.Event, e.At), e.Hash
		card := view.Card(s.r, s.now, options())
		check(s.t, card)
		check(s.t, view.Away(card, "C0UAT"))
		for _, plainer := range view.Plainer(card) {
			check(s.t, plainer)
		}
		post, notable := view.Event(before, s.r, e, options())
		if !notable {
			continue
		}
		check(s.t, post.Message)
		if post.Whole != nil {
			s.files = append(s.files, *post.Whole)
		}
		if said := strings.Contains(blockText(s.t, payload(s.t, post.Message)), "The file below has all of it."); said != (post.Whole != nil) {
			s.t.Errorf("a message says that a file follows: %v; the file: %+v", said, post.Whole)
		}
		s.news = append(s.news, posted{refresh.EventName(e.Event), post.Broadcast, payload(s.t, post.Message)})
	}
}

// thread compares the messages from now to the end of the test with a golden file.
func (s *story) thread(name string) *story {
	from := len(s.news)
	s.t.Cleanup(func() { golden(s.t, "threads/"+name, s.news[from:]) })
	return s
}

// card compares the card as it stands now with its golden file.
func (s *story) card(name string) *story {
	s.t.Helper()
	golden(s.t, "cards/"+name, payload(s.t, view.Card(s.r, s.now, options())))
	return s
}

func (s *story) pass(d time.Duration) *story {
	s.now = s.now.Add(d)
	return s
}

func (s *story) tick(d time.Duration) *story {
	s.t.Helper()
	s.pass(d).input(refresh.Tick{})
	return s
}

// delegates lets another person decide at the open gate.
func (s *story) delegates(by, to refresh.Actor, reason string) *story {
	s.t.Helper()
	g := s.r.OpenGates()[0]
	s.input(refresh.Delegate{Gate: g.ID, Nonce: g.Nonce, By: by, To: refresh.Person{ID: to.ID}, Reason: reason})
	return s
}

// due lets time pass until the refresh wants to be told that it has.
func (s *story) due() *story {
	s.t.Helper()
	s.now = refresh.NextDue(s.r)
	s.input(refresh.Tick{})
	return s
}

func (s *story) click(who refresh.Actor, a refresh.Action, reason ...string) *story {
	s.t.Helper()
	for _, g := range s.r.OpenGates() {
		if g.Offers(a) {
			s.input(refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: who, Reason: strings.Join(reason, " ")})
			return s
		}
	}
	s.t.Fatalf("no open gate offers %s", a)
	return s
}

func (s *story) report(id string, o refresh.Outcome) *story {
	s.t.Helper()
	step, ok := s.r.Step(id)
	if !ok {
		s.t.Fatalf("no step %q", id)
	}
	s.input(refresh.Reported{Step: id, Attempt: step.Attempt, Outcome: o})
	return s
}

func (s *story) sees(sighted refresh.Sighted) *story {
	s.t.Helper()
	step, _ := s.r.Step("copy")
	sighted.Step, sighted.Attempt = "copy", step.Attempt
	s.pass(2 * time.Minute).input(sighted)
	return s
}

func good(note string, seen ...refresh.Finding) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Succeeded, Note: note, Findings: seen}
}

func bad(code refresh.Code, msg string) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: code, Message: msg}}
}

func ok(name, detail string) refresh.Finding {
	return refresh.Finding{OK: true, Name: name, Detail: detail}
}

func not(name, detail string) refresh.Finding { return refresh.Finding{Name: name, Detail: detail} }

func (s *story) checked() *story {
	return s.report("preflight", good("", ok("Sign-in to LCS", ""), ok("uat is a sandbox", "Sandbox, SelfService"), ok(refresh.QuotaCheck, "1 of 3 starts in 24 h used")))
}

func (s *story) announced() *story {
	return s.checked().pass(20*time.Minute).click(bo, refresh.ActionApprove)
}

func (s *story) copying() *story {
	s.announced().report("broadcast_message", good("")).tick(30 * time.Minute)
	return s
}

func (s *story) following() *story {
	return s.copying().pass(5*time.Second).report("copy", refresh.Outcome{Result: refresh.Succeeded, Operation: "55eb4327-9346-4c7b-82bd-fe8ef15112c6"})
}

func following(status refresh.CopyStatus, note string) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Continues, Status: status, Note: note}
}

func (s *story) copied() *story {
	s.following().pass(time.Minute).report("follow_the_copy", following(refresh.CopyInProgress, "LCS: copying; uat still answers."))
	s.pass(40*time.Minute).report("follow_the_copy", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "LCS: copying; uat still answers.", Offline: true})
	s.pass(50*time.Minute).report("follow_the_copy", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "LCS: copying; uat still answers.", Online: true})
	return s.pass(5*time.Minute).report("follow_the_copy", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted})
}

func (s *story) smoked() *story {
	return s.copied().report("smoke_checks", good("", ok("uat answers", "2.1 s"), not("Customers", "CustomersV3 is empty; prod has 1,204"), ok("Legal entities", "12")))
}

func (s *story) signedOff() *story {
	return s.smoked().pass(10*time.Minute).click(cleo, refresh.ActionSignOff)
}

func (s *story) restored() *story {
	s.signedOff()
	s.report("batch_groups", good("2 groups joined by 3 servers"))
	s.report("e-mail", good("smtp.contoso.com. The password cannot be set from outside: enter it by hand"))
	s.report("batch_jobs", good("3 jobs set to Waiting; not found: Nightly <MRP>", ok("Workflow message processing", ""), not("Nightly <MRP>", "no batch job of that name")))
	s.report("entity_store", good("1 entity refreshed"))
	s.report("document_links", good(""))
	return s.pass(15*time.Minute).click(anna, refresh.ActionDone)
}

func users(n int) []refresh.Finding {
	var u []refresh.Finding
	for i := range n {
		u = append(u, ok(fmt.Sprintf("TRAIN%02d", i+1), ""))
	}
	return u
}

// payload is the message as it goes over the wire, readable.
func payload(t testing.TB, m view.Message) json.RawMessage {
	t.Helper()
	return encode(t, map[string]any{"text": m.Text, "blocks": m.Blocks})
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// check holds a message to Slack's limits, and to what every message of ours promises.
func check(t testing.TB, m view.Message) {
	t.Helper()
	data := payload(t, m)
	for _, p := range slacksim.CheckMessage(data) {
		t.Errorf("Slack would refuse the message: %v\n%s", p, data)
	}
	if m.Text == "" || utf8.RuneCountInString(m.Text) > 4000 {
		t.Errorf("text of %d characters", utf8.RuneCountInString(m.Text))
	}
	if !utf8.Valid(data) {
		t.Error("not UTF-8")
	}
	for _, m := range markup.FindAllString(string(data), -1) {
		if !ours.MatchString(m) {
			t.Errorf("markup that is not ours: %s", m)
		}
	}
	// Slack refuses much more text than this in one message, though its pages name no limit.
	if n := utf8.RuneCountInString(blockText(t, data)); n > 12000 {
		t.Errorf("%d characters of text in the blocks", n)
	}
}

var (
	markup = regexp.MustCompile(`<[^>]*>?`)
	ours   = regexp.MustCompile(`^<(@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|#[CG][A-Z0-9]+|!date\^\d+\^\{date_short_pretty\} at \{time\}\|[^<>|]+|https?://[^<>|\s]+(\|[^<>|]+)?)>$`)
)

// blockText is everything of a message that people read.
func blockText(t testing.TB, data []byte) string {
	t.Helper()
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if text, ok := v["text"].(string); ok && v["blocks"] == nil {
				b.WriteString(text + "\n")
			}
			for _, k := range slices.Sorted(func(yield func(string) bool) {
				for k := range v {
					if !yield(k) {
						return
					}
				}
			}) {
				walk(v[k])
			}
		}
	}
	walk(doc)
	return b.String()
}

func golden(t testing.TB, name string, v any) {
	t.Helper()
	got := encode(t, v)
	path := filepath.Join("testdata", filepath.FromSlash(name)+".golden.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}
