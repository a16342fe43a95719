package view_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

// hostile is a text that tries everything: a ping, a link, a false line, markup, marks that turn the writing
// around, characters of many bytes, entities of its own, and length.
var hostile = "<!channel> <https://evil.example|Approve> <@U0BOSS>\n*Approved* by `x` & &lt; \u202egnirts \x00\xff ümläut 🎉 " +
	strings.Repeat("long < text & ", 200)

// hostileRequest has n manual items and n services to restore.
func hostileRequest(n int) refresh.Request {
	req := request()
	req.Reason, req.By.Name, req.Source.Name, req.Target.Name = hostile, hostile, "prod "+hostile, "uat "+hostile
	req.By.ID, req.Troubleshooters = "not a Slack id "+hostile, []string{hostile, "S0RELEASE"}
	for range 30 {
		req.Troubleshooters = append(req.Troubleshooters, "S0TROUBLE")
	}
	plan := req.Plan[:9:9]
	params, _ := json.Marshal(map[string]string{"text": hostile})
	for i := range n {
		plan = append(plan,
			refresh.Spec{ID: fmt.Sprintf("manual%d", i), Phase: refresh.PhaseReconfigure, Kind: refresh.KindManual, Name: hostile, Params: params},
			refresh.Spec{ID: fmt.Sprintf("service%d", i), Phase: refresh.PhaseReconfigure, Kind: refresh.KindService, Name: hostile})
	}
	req.Plan = append(plan, req.Plan[15:]...)
	req.Plan[8].Policy = &refresh.Policy{By: append([]string{hostile}, req.Troubleshooters...), Count: 1}
	return req
}

// hostileStory is told up to the settings; failed is how each step in it can fail.
func hostileStory(t *testing.T, n int) (s *story, failed refresh.Outcome) {
	t.Helper()
	var seen []refresh.Finding
	for i := range 200 {
		seen = append(seen, refresh.Finding{OK: i%3 > 0, Name: hostile, Detail: hostile})
	}
	failed = bad(refresh.Denied, hostile)
	failed.Findings = seen[:20]
	s = begin(t, hostileRequest(n))
	s.report("preflight", failed).click(boss, refresh.ActionRetry).report("preflight", good(hostile, seen...))
	s.click(bo, refresh.ActionApprove, hostile).report("broadcast_message", good(hostile)).tick(30 * time.Minute)
	s.report("copy", refresh.Outcome{Result: refresh.NotKnown, Problem: &refresh.Problem{Code: refresh.Unknown, Message: hostile}})
	s.sees(refresh.Sighted{Seen: hostile}).click(boss, refresh.ActionAdopt, hostile)
	s.sees(refresh.Sighted{Seen: hostile, Candidates: []refresh.Operation{{ID: hostile, Status: refresh.CopyStatus(hostile)}}})
	s.report("follow_the_copy", following(refresh.CopyStatus("New"+hostile), hostile))
	s.report("follow_the_copy", refresh.Outcome{Result: refresh.Succeeded, Note: hostile, Status: refresh.CopyCompleted})
	return s.report("smoke_checks", good(hostile, seen...)).click(bo, refresh.ActionSignOff, hostile), failed
}

// Whatever stands in a refresh, each card and each thread message on its way is one that Slack takes, and
// nothing in it but our own markup has a meaning. The story checks every message it meets.
func TestHostileRefreshStaysWithinLimits(t *testing.T) {
	t.Parallel()
	s, failed := hostileStory(t, 1)
	s.report("service0", failed).click(boss, refresh.ActionSkip, hostile).click(boss, refresh.ActionSkip, hostile)
	s.click(bo, refresh.ActionOpen, hostile).report("users", good(hostile, failed.Findings...))
	s.report("check_of_users", good(hostile, failed.Findings...))
	if s.r.Status != refresh.Done {
		t.Fatalf("status %s", s.r.Status)
	}
}

// A card has room for some of the questions. It says how many more there are, and they move up.
func TestManyOpenGatesStayWithinLimits(t *testing.T) {
	t.Parallel()
	s, failed := hostileStory(t, 30)
	for i := range 12 {
		if i == 8 { // the ones that are shown have findings
			failed.Findings = nil
		}
		s.report(fmt.Sprintf("service%d", i), failed)
	}
	for _, left := range []int{42, 41, 40} {
		card := view.Card(s.r, s.now, options())
		if want := fmt.Sprintf("%d more wait for a person", left-8); !strings.Contains(blockText(t, payload(t, card)), want) {
			t.Errorf("the card hides gates: no %q", want)
		}
		s.click(boss, refresh.ActionSkip, hostile)
	}
	s.click(boss, refresh.ActionAbort, hostile)
	if s.r.Status != refresh.Failed {
		t.Fatalf("status %s", s.r.Status)
	}
}

func TestPlanOfSixtyStepsIsCutWithCount(t *testing.T) {
	t.Parallel()
	req := request()
	plan := req.Plan[:9:9]
	for i := range 60 {
		plan = append(plan, spec(refresh.PhaseReconfigure, refresh.KindOData, fmt.Sprintf("Setting %02d", i)))
	}
	req.Plan = append(plan, req.Plan[15:]...)
	s := begin(t, req).signedOff()
	s.report("setting_57", bad(refresh.Denied, "No rights.")).card("sixty-steps")
	card := blockText(t, payload(t, view.Card(s.r, s.now, options())))
	for _, want := range []string{"✗ Setting 57: failed", "… and 45 more"} {
		if !strings.Contains(card, want) {
			t.Errorf("card has no %q:\n%s", want, card)
		}
	}
}

// Buttons are only for what can be decided now: each one on a card answers an open gate of this refresh.
func TestEveryButtonAnswersAnOpenGate(t *testing.T) {
	t.Parallel()
	s := begin(t, request()).signedOff()
	s.report("entity_store", bad(refresh.Denied, "No rights."))
	for _, b := range buttonsOf(t, view.Card(s.r, s.now, options())) {
		g, ok := s.r.Gate(b.Gate)
		if !ok || !g.Open() || g.Nonce != b.Nonce || !g.Offers(b.Action) || b.Refresh != s.r.ID {
			t.Errorf("button %+v answers nothing", b)
		}
	}
	s.click(boss, refresh.ActionAbort)
	if left := buttonsOf(t, view.Card(s.r, s.now, options())); len(left) > 0 {
		t.Errorf("an ended refresh has buttons: %+v", left)
	}
}

func buttonsOf(t *testing.T, m view.Message) []view.Button {
	t.Helper()
	var msg struct {
		Blocks []struct {
			Type     string
			Elements []struct {
				ActionID string `json:"action_id"`
				Value    string
			}
		}
	}
	if err := json.Unmarshal(payload(t, m), &msg); err != nil {
		t.Fatal(err)
	}
	var all []view.Button
	for _, b := range msg.Blocks {
		if b.Type != "actions" {
			continue
		}
		for _, e := range b.Elements {
			button, err := view.ParseButton(e.ActionID, e.Value)
			if err != nil {
				t.Errorf("a button of a card cannot be read: %v", err)
			}
			all = append(all, button)
		}
	}
	return all
}

func TestRefreshWithoutOptionsAndLinks(t *testing.T) {
	t.Parallel()
	s := begin(t, request()).smoked()
	check(t, view.Card(s.r, s.now, view.Options{}))
	for _, link := range []string{"", "javascript:alert(1)", "https://x.example/<!channel>|y", "https://x.example/a b"} {
		m := view.Card(s.r, s.now, view.Options{LCSLink: func(string) string { return link }})
		check(t, m)
		if strings.Contains(blockText(t, payload(t, m)), "Open uat in LCS") {
			t.Errorf("a link was made of %q", link)
		}
	}
}

func BenchmarkCard(b *testing.B) {
	s := begin(b, request()).signedOff()
	s.report("entity_store", bad(refresh.Denied, "No rights."))
	o := options()
	b.ReportAllocs()
	for b.Loop() {
		view.Card(s.r, s.now, o)
	}
}
