package view_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/view"
	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
)

// past is what refreshes tell whose copies took so long, and whose users were in two hours after the copy.
func past(copies ...time.Duration) view.Options {
	o := options()
	for i, d := range copies {
		at := friday.Add(-time.Duration(i+1) * 7 * 24 * time.Hour)
		o.Past.Done = append(o.Past.Done, refresh.Refresh{
			ID: refresh.ID(fmt.Sprintf("uat-%d", i)), Status: refresh.Done, RequestedAt: at.Add(-time.Hour), EndedAt: at.Add(d + 2*time.Hour),
			Source: request().Source, Target: request().Target, Copy: refresh.Copy{SentAt: at, OnlineAt: at.Add(d)},
			Steps: []refresh.Step{{Spec: refresh.Spec{Phase: refresh.PhaseRefresh, Kind: refresh.KindFollow}, Status: refresh.Completed, StartedAt: at, EndedAt: at.Add(d)}},
		})
	}
	return o
}

// The card says what is expected and how sure that is, and never more than is known.
func TestCardSaysWhatToExpect(t *testing.T) {
	t.Parallel()
	five := past(100*time.Minute, 110*time.Minute, 2*time.Hour, 130*time.Minute, 4*time.Hour)
	asked := begin(t, request()).checked()
	announced := begin(t, request()).announced()
	copying := begin(t, request()).following()
	long := begin(t, request()).following().pass(9 * time.Hour)
	for name, tc := range map[string]struct {
		s    *story
		o    view.Options
		want []string
		not  []string
	}{
		"nothing is known":          {asked, options(), []string{"How long it takes: no history yet of refreshes from prod to uat"}, []string{"about <", "Next to be needed"}},
		"somebody is next":          {announced, options(), []string{"Next to be needed: <!subteam^S0RELEASE> signs off"}, nil},
		"before its time is known":  {asked, five, []string{"From the start of the copy until users are in: about 4 h, usually 3 h 50 min to 4 h 10 min (5 refreshes)"}, []string{"no history", "Copy complete"}},
		"announced":                 {announced, five, []string{"Copy complete: about <!date^", ", usually between <!date^", "(5 refreshes)", "Users in: about"}, []string{"no history"}},
		"copying, and two are past": {copying, past(time.Hour, 2*time.Hour), []string{"Copy complete: about <!date^", "so far between <!date^", "(2 refreshes)"}, []string{"usually"}},
		"copying, and one is past":  {copying, past(3 * time.Hour), []string{"if it takes as long as last time (1 refresh)"}, []string{"between"}},
		"longer than ever":          {long, five, []string{"Copy complete: later than in any earlier refresh; the longest took 4 h (5 refreshes)"}, nil},
	} {
		card := view.Card(tc.s.r, tc.s.now, tc.o)
		check(t, card)
		said := blockText(t, payload(t, card))
		for _, want := range tc.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: no %q in\n%s", name, want, said)
			}
		}
		for _, not := range tc.not {
			if strings.Contains(said, not) {
				t.Errorf("%s: %q in\n%s", name, not, said)
			}
		}
	}
	golden(t, "outlook/copying", payload(t, view.Card(copying.r, copying.now, five)))
}

// Where the announced length of the downtime comes from is said where it is announced.
func TestLearntDowntimeIsSaidToBe(t *testing.T) {
	t.Parallel()
	req := request()
	req.Settings.Downtime, req.Settings.Learnt = 135*time.Minute, 5
	s := begin(t, req).announced()
	if said := blockText(t, payload(t, view.Card(s.r, s.now, options()))); !strings.Contains(said, "(learnt from 5 refreshes)") {
		t.Errorf("the card does not say so:\n%s", said)
	}
}

// Nothing is expected of what is over.
func TestARefreshThatEndedHasNoOutlook(t *testing.T) {
	t.Parallel()
	s := begin(t, request()).checked().click(bo, refresh.ActionReject, "no")
	if said := blockText(t, payload(t, view.Card(s.r, s.now, past(time.Hour)))); strings.Contains(said, "Users in") || strings.Contains(said, "Next to be needed") {
		t.Errorf("an outlook:\n%s", said)
	}
	if (history.Past{}).Open(s.r, s.now).N != 0 {
		t.Error("an estimate")
	}
}
