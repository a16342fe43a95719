package view_test

import (
	"strings"
	"testing"
	"time"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

func TestAQuestionInADirectMessage(t *testing.T) {
	t.Parallel()
	s := begin(t, request()).checked()
	g := s.r.OpenGates()[0]
	const card = "https://contoso.slack.com/archives/C0UAT/p1"
	m := view.Ask(s.r, g, card, options())
	check(t, m)
	data := string(payload(t, m)) + blockText(t, payload(t, m))
	for _, want := range []string{"May uat be overwritten with the data of prod?", "gate:approve", "<" + card + "|", "You can decide: May uat"} {
		if !strings.Contains(data, want) {
			t.Errorf("%q is not in %s", want, data)
		}
	}
	if m := view.Ask(s.r, g, "", options()); !strings.Contains(blockText(t, payload(t, m)), "<#"+s.r.Channel+">") {
		t.Error("without an address it does not say where the card is")
	}
	s.click(bo, refresh.ActionApprove)
	g, _ = s.r.Gate(g.ID)
	m = view.Asked(s.r, g, card, options())
	check(t, m)
	if data := string(payload(t, m)); !strings.Contains(data, "Approved by") || strings.Contains(data, "gate:") {
		t.Errorf("afterwards: %s", data)
	}
	check(t, view.Approved(s.r, card, options()))
}

func TestAQuestionThatNobodyDecides(t *testing.T) {
	t.Parallel()
	oz := refresh.Actor{Person: refresh.Person{ID: "U0ADMIN", Name: "Oz"}, Admin: true}
	lost := refresh.Outcome{Result: refresh.NotKnown, Problem: &refresh.Problem{Code: refresh.Unknown, Message: "LCS did not answer within 30 s."}}
	for name, c := range map[string]struct {
		s        *story
		has, not []string
	}{
		"an approval": {begin(t, request()).checked(), []string{"Nobody has decided: May uat be overwritten", "Please find one of those who can.", "gate:cancel"},
			[]string{"gate:approve", "gate:reject", "gate:delegate"}},
		"a failed step":               {begin(t, request()).copying().report("copy", bad(refresh.Refused, "LCS refused.")), []string{"You can decide too", "gate:retry", "gate:cancel", "gate:delegate"}, nil},
		"a sign-off":                  {begin(t, request()).smoked(), []string{"Please find one of those who can.", "Does uat hold what you expect?"}, []string{"gate:"}},
		"a copy that nobody knows of": {begin(t, request()).copying().report("copy", lost).sees(refresh.Sighted{Seen: "Nothing is running."}), []string{"You can decide too", "gate:adopt", "gate:abort"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := c.s.r.OpenGates()[0]
			m := view.Escalated(c.s.r, g.For(c.s.r, oz), "", options())
			check(t, m)
			data := string(payload(t, m)) + blockText(t, payload(t, m))
			for _, want := range append(c.has, "Nobody has decided since", "Decides:") {
				if !strings.Contains(data, want) {
					t.Errorf("%q is not in %s", want, data)
				}
			}
			for _, no := range c.not {
				if strings.Contains(data, no) {
					t.Errorf("%q is in %s", no, data)
				}
			}
		})
	}
}

func TestWhatBecameOfAQuestion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(*story)
		says string
	}{
		"expired":   {func(s *story) { s.tick(25 * time.Hour) }, "Nobody decided in time"},
		"cancelled": {func(s *story) { s.input(refresh.Cancel{By: anna, Reason: "the training moved"}) }, "No answer is needed any more: Cancelled by"},
		"rejected":  {func(s *story) { s.click(bo, refresh.ActionReject, "not this week") }, "not this week"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, request()).checked()
			id := s.r.OpenGates()[0].ID
			c.end(s)
			g, _ := s.r.Gate(id)
			m := view.Asked(s.r, g, "", options())
			check(t, m)
			if !strings.Contains(blockText(t, payload(t, m)), c.says) {
				t.Errorf("it says %s", payload(t, m))
			}
			m = view.Ended(s.r, "", options())
			check(t, m)
			if !strings.Contains(m.Text, "Your refresh of uat from prod has ended.") || strings.Contains(m.Text, ":.") {
				t.Errorf("the person who asked is told %q", m.Text)
			}
		})
	}
}

func TestHostileQuestionsStayWithinLimits(t *testing.T) {
	t.Parallel()
	s, failed := hostileStory(t, 3)
	for i := range 3 {
		failed.Result = refresh.Failure
		s.report("service"+string(rune('0'+i)), failed)
	}
	for _, g := range s.r.Gates {
		check(t, view.Ask(s.r, g, hostile, options()))
		check(t, view.Asked(s.r, g, hostile, options()))
		check(t, view.Escalated(s.r, g, hostile, options()))
	}
	check(t, view.Approved(s.r, hostile, options()))
	check(t, view.Ended(s.r, hostile, options()))
}
