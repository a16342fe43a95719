package report_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var stories = map[string]func(t testing.TB) *story{
	"done": func(t testing.TB) *story {
		s := begin(t, request()).announced()
		s.pass(10*time.Minute).click(anna, refresh.ActionPostpone, "Finance needs half an hour")
		s.pass(time.Second).report("broadcast", good("1 user is signed in"))
		s.tick(50 * time.Minute)
		o := good("3 enabled users, 2 waiting batch jobs", not("Batch groups as before", "could not be read: the role lacks a privilege"))
		o.Snapshot = json.RawMessage(`{"users":[{"ID":"SECRETUSER"},{},{}],"batch_jobs":[{},{}],"email":{"server":"smtp-uat"},"unread":{"batch_groups":"the role lacks a privilege"}}`)
		s.pass(3*time.Second).report("snapshot", o)
		s.pass(5*time.Second).report("copy", refresh.Outcome{Result: refresh.NotKnown, Problem: &refresh.Problem{Code: refresh.Unknown, Message: "LCS did not answer within 30 s."}})
		s.sees(refresh.Sighted{Seen: "Started at 20:32.", Candidates: []refresh.Operation{{ID: "55eb4327-9346", Status: refresh.CopyInProgress}}})
		s.copied()
		s.report("jobs", bad(refresh.Offline, "uat does not answer (503)."))
		s.report("email", bad(refresh.Refused, "uat refused the port."))
		s.report("dashboard", bad(refresh.Refused, "The dashboard said 500."))
		s.tick(time.Minute).report("jobs", good("2 jobs set to Waiting", ok("Workflow", ""), not("Nightly MRP", "no batch job of that name")))
		s.pass(3*time.Minute).decide("email", dee, refresh.ActionSkip, "")
		s.input(refresh.ListUsers{By: anna, From: "testers.xlsx", Names: []string{"GITA"}})
		s.pass(7*time.Minute).click(anna, refresh.ActionDone)
		preview := good("2 users to enable", not("NOBODY", "is no user of uat"))
		preview.Roster = []string{"CARLA", "GITA", "HUGO"}
		s.pass(time.Second).report("preview", preview)
		s.pass(time.Minute).click(bo, refresh.ActionOpen)
		s.pass(time.Second).input(refresh.Recovered{})
		s.pass(time.Second).report("enable", good("3 users enabled"))
		return s.pass(time.Second).report("verify", good("2 users can sign in", ok("CARLA (carla@contoso.com)", "enabled"), ok("GITA", "enabled"), not("HUGO", "was enabled, but uat says that it is not.")))
	},
	"cancelled": func(t testing.TB) *story {
		s := begin(t, request())
		s.pass(4*time.Second).report("preflight", good("3 of 3 ok"))
		return s.pass(time.Hour).input(refresh.Cancel{By: anna, Reason: "Not needed after all"})
	},
	"failed": func(t testing.TB) *story {
		s := begin(t, request()).copying()
		s.pass(5*time.Second).report("copy", started("55eb4327-9346"))
		s.pass(time.Hour).report("follow", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Offline: true})
		s.pass(time.Hour).report("follow", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyFailed})
		s.pass(time.Hour).report("follow", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyRollbackCompleted})
		return s.report("follow", refresh.Outcome{Result: refresh.Impossible, Problem: &refresh.Problem{Code: refresh.Refused, Message: "The copy failed and LCS put the old data back."}})
	},
	"given-up": func(t testing.TB) *story {
		s := begin(t, request()).copying().input(refresh.Recovered{})
		s.sees(refresh.Sighted{Seen: "Nothing is running."})
		s.click(bo, refresh.ActionAbort)
		return s.sees(refresh.Sighted{Seen: "Nothing is running."})
	},
	"by-hand": func(t testing.TB) *story { // and not over yet
		s := begin(t, request()).copying()
		s.pass(5*time.Second).report("copy", started("op-1"))
		s.copied()
		return s.pass(time.Second).report("email", refresh.Outcome{Result: refresh.ByHand, Note: "Enter the password of smtp-uat by hand."})
	},
}

func build(t testing.TB, journal []refresh.Entry) report.Report {
	t.Helper()
	r, err := report.Build(journal)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func encode(t testing.TB, r report.Report) string {
	t.Helper()
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestReports(t *testing.T) {
	t.Parallel()
	for name, tell := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			r := build(t, s.journal)
			golden(t, name+".json", encode(t, r))
			md := string(r.Markdown(time.FixedZone("CET", 3600)))
			golden(t, name+".md", md)
			if strings.Contains(md+encode(t, r), "SECRETUSER") || strings.Contains(md+encode(t, r), "smtp-uat\"") {
				t.Error("the report holds the snapshot itself")
			}
			if r.Status != s.r.Status || r.Journal.Head != s.journal[len(s.journal)-1].Hash {
				t.Errorf("status %s, head %s", r.Status, r.Journal.Head)
			}
		})
	}
}

func golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// The figures that people will quote, computed by hand from the story.
func TestFigures(t *testing.T) {
	t.Parallel()
	r := build(t, stories["done"](t).journal)
	if got := r.Downtime; got.Seconds != 80*60 || got.Moved != 1 {
		t.Errorf("downtime %+v", got)
	}
	// Approval 20 min, sign-off 15 min, then by hand 11 min with a question about e-mail inside them, and opening 1 min.
	if want := int64((20 + 15 + 11 + 1) * 60); r.Waited != want {
		t.Errorf("waited %d s for people, want %d", r.Waited, want)
	}
	if r.Copy == nil || r.Copy.Learnt != report.LearntAdopted || r.Copy.Operation != "55eb4327-9346" {
		t.Errorf("copy %+v", r.Copy)
	}
	if diff := cmp.Diff([]string{"CARLA", "GITA"}, r.Users.Enabled); diff != "" {
		t.Errorf("enabled (-want +got):\n%s", diff)
	}
	results := map[string][]report.Result{}
	for _, s := range r.Steps {
		for _, a := range s.Attempts {
			results[s.ID] = append(results[s.ID], a.Result)
		}
	}
	for step, want := range map[string][]report.Result{
		"copy": {report.Adopted}, "jobs": {report.Failed, report.Succeeded}, "email": {report.Failed},
		"enable": {report.Interrupted, report.Succeeded}, "broadcast": {report.Succeeded, report.Succeeded},
	} {
		if !slices.Equal(results[step], want) {
			t.Errorf("attempts of %s: %v, want %v", step, results[step], want)
		}
	}
	skipped := map[string]string{}
	for _, s := range r.Skipped {
		skipped[s.Step] = s.By.Name
	}
	if diff := cmp.Diff(map[string]string{"email": "Dee", "dashboard": "the configuration"}, skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

func TestADecisionThatWasHandedOnStandsInTheReport(t *testing.T) {
	t.Parallel()
	s := begin(t, request())
	s.pass(4*time.Second).report("preflight", good(""))
	g := s.r.OpenGates()[0]
	dan := refresh.Actor{Person: refresh.Person{ID: "U0DAN", Name: "Dan"}}
	s.pass(time.Minute).input(refresh.Delegate{Gate: g.ID, Nonce: g.Nonce, By: bo, To: dan.Person, Reason: "on holiday"})
	s.pass(time.Minute).click(dan, refresh.ActionApprove)
	r := build(t, s.journal)
	want := []report.Decision{
		{At: sunday.Add(64 * time.Second), By: bo.Person, Action: refresh.ActionDelegate, To: dan.Person, Reason: "on holiday", Gate: g.ID, Step: "approval"},
		{At: sunday.Add(124 * time.Second), By: dan.Person, Action: refresh.ActionApprove, Gate: g.ID, Step: "approval"},
	}
	if diff := cmp.Diff(want, r.Decisions); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	if md := string(r.Markdown(nil)); !strings.Contains(md, "| Bo (U0BO) | handed on to Dan (U0DAN) | Approval | on holiday |") {
		t.Errorf("the page does not say so:\n%s", md)
	}
}

func TestAJournalThatCannotBeTrustedHasNoReport(t *testing.T) {
	t.Parallel()
	s := stories["cancelled"](t)
	if _, err := report.Build(nil); err == nil {
		t.Error("an empty journal has a report")
	}
	changed := slices.Clone(s.journal)
	changed[len(changed)-1].Event = refresh.Ended{Status: refresh.Done}
	if _, err := report.Build(changed); err == nil {
		t.Error("a changed journal has a report")
	}
	if _, err := report.Build(s.journal[1:]); err == nil {
		t.Error("a journal without its beginning has a report")
	}
}

// A report can be made at any moment: every beginning of a journal has one.
func TestEveryBeginningOfAJournalHasAReport(t *testing.T) {
	t.Parallel()
	for name, tell := range stories {
		journal := tell(t).journal
		for n := 1; n <= len(journal); n++ {
			r := build(t, journal[:n])
			if data := encode(t, r); strings.Contains(data, "null") {
				t.Errorf("%s: a list of the first %d entries is null:\n%s", name, n, data)
			}
			if md := r.Markdown(nil); !strings.HasPrefix(string(md), "# Refresh of uat from prod\n") {
				t.Errorf("%s: %s", name, md)
			}
		}
	}
}

// hostile is text that tries to be markup, to leave its cell, and to pose as something else.
const hostile = "x | y \\| z\n\n# Approved\n| a | b |\n<script>alert(1)</script> [free](javascript:x) ![i](http://e/p.png) `code` **bold** _em_ ~~no~~ $m$ &lt; \u202egnp.exe \x07 \xff ```\n- [x] done"

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	req := request()
	req.Reason, req.By.Name, req.Target.Name, req.Source.Name = hostile, hostile, hostile, hostile+"2"
	req.Target.URL, req.Source.URL = hostile, hostile
	for i := range req.Plan {
		req.Plan[i].Name = hostile
	}
	req.Plan[13].Params, _ = json.Marshal(map[string]string{"text": hostile})
	evil := func(a refresh.Actor) refresh.Actor { a.Name = hostile; return a }
	s := begin(t, req)
	s.report("preflight", good(hostile, ok(hostile, hostile), not(hostile, hostile)))
	s.click(evil(bo), refresh.ActionApprove, hostile)
	s.report("broadcast", good(hostile)).tick(30 * time.Minute)
	snap := good(hostile)
	area, _ := json.Marshal(map[string]any{hostile: []int{1}, "unread": map[string]string{hostile: hostile}})
	snap.Snapshot = area
	s.report("snapshot", snap).report("copy", started(hostile))
	s.report("follow", refresh.Outcome{Result: refresh.Continues, Status: hostile, Note: hostile})
	s.report("follow", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted}).report("smoke", good(hostile))
	s.click(evil(cleo), refresh.ActionSignOff, hostile)
	s.report("jobs", bad(refresh.Offline, hostile)).report("email", bad(refresh.Refused, hostile)).decide("email", evil(dee), refresh.ActionSkip, hostile)
	s.report("dashboard", bad(refresh.Refused, hostile))
	s.input(refresh.ListUsers{By: evil(anna), From: hostile, Names: []string{hostile}})
	s.tick(time.Minute).report("jobs", good("")).click(evil(anna), refresh.ActionDone)
	preview := good(hostile, not(hostile, hostile))
	preview.Roster = []string{hostile}
	s.report("preview", preview).click(evil(bo), refresh.ActionOpen).report("enable", good(hostile))
	s.report("verify", good(hostile, ok(hostile, hostile), not(hostile, hostile)))
	if s.r.Status != refresh.Done {
		t.Fatalf("the story ends %s", s.r.Status)
	}

	r := build(t, s.journal)
	md := string(r.Markdown(nil))
	want := []string{"Phases", "Decisions", "Questions", "Steps", "Attempts that did not simply work", "Findings", "Users", "Skipped", "By hand", "Settings of the target itself", "Journal"}
	var headings []string
	cells := 0
	for i, line := range strings.Split(md, "\n") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			headings = append(headings, title)
		}
		switch {
		case line == "":
			cells = 0
		case strings.HasPrefix(line, "|"):
			n := strings.Count(line, "|")
			if cells == 0 {
				cells = n
			}
			if n != cells {
				t.Errorf("line %d has %d cells, its table %d: %s", i+1, n-1, cells-1, line)
			}
		case !strings.HasPrefix(line, "# Refresh of ") && !strings.HasPrefix(line, "## ") && !strings.HasPrefix(line, "**") && !strings.HasPrefix(line, "Made from ") && !strings.HasPrefix(line, "Remembered "):
			t.Errorf("line %d is not ours: %s", i+1, line)
		}
	}
	if diff := cmp.Diff(want, headings); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
	for _, markup := range []string{`<`, `>`, `[^\\]\[`, `[^\\]~`, `[^\\]\$`, `\x{202e}`, `\x07`, `\\\|`, "[^\\\\]```"} {
		if at := regexp.MustCompile(markup).FindStringIndex(md); at != nil {
			t.Errorf("%s survived: %q", markup, md[max(0, at[0]-40):min(len(md), at[1]+40)])
		}
	}
	var back report.Report
	if err := json.Unmarshal([]byte(encode(t, r)), &back); err != nil {
		t.Fatal(err)
	}
	if clean := strings.ToValidUTF8(hostile, "\ufffd"); back.Asked.Reason != clean {
		t.Errorf("the JSON does not have the text as it was given: %q", back.Asked.Reason)
	}
}

func TestLongTextIsCutForPeopleOnly(t *testing.T) {
	t.Parallel()
	req := request()
	req.Reason = strings.Repeat("é", 100_000)
	r := build(t, begin(t, req).journal)
	if n := len(r.Markdown(nil)); n > 20_000 {
		t.Errorf("the Markdown has %d bytes", n)
	}
	if len(r.Asked.Reason) != len(req.Reason) {
		t.Error("the JSON is cut")
	}
}

const page = "../../docs/report.md"

// The page describes every field, and its examples are what the program writes.
func TestThePageIsTrue(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	var walk func(reflect.Type)
	walk = func(v reflect.Type) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(v.Elem())
		case reflect.Struct:
			if v == reflect.TypeFor[time.Time]() {
				return
			}
			for i := range v.NumField() {
				name, _, _ := strings.Cut(v.Field(i).Tag.Get("json"), ",")
				if name == "" {
					t.Errorf("%s.%s has no name in the JSON", v, v.Field(i).Name)
				}
				if !strings.Contains(doc, "`"+name+"`") {
					t.Errorf("%s does not describe %s of %s", page, name, v.Name())
				}
				walk(v.Field(i).Type)
			}
		}
	}
	walk(reflect.TypeFor[report.Report]())
	for fence, file := range map[string]string{"json": "cancelled.json", "markdown": "cancelled.md"} {
		want, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(doc, "```"+fence+"\n"+string(want)+"```") {
			t.Errorf("the %s example is not testdata/%s", fence, file)
		}
	}
}
