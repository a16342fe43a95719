package view_test

import (
	"strings"
	"testing"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

func TestTheCardOfARefreshThatHasEndedLinksToItsReport(t *testing.T) {
	t.Parallel()
	s := begin(t, request()).checked()
	s.input(refresh.Cancel{By: anna})
	const link = "https://contoso.slack.com/archives/C0UAT/p1?thread_ts=2&cid=C0UAT"
	o := options()
	if card := view.Card(s.r, s.now, o); strings.Contains(string(payload(t, card)), "Report:") {
		t.Error("a card without a report links to one")
	}
	o.Report = link
	card := view.Card(s.r, s.now, o)
	check(t, card)
	if !strings.Contains(blockText(t, payload(t, card)), "<"+strings.ReplaceAll(link, "&", "&amp;")+"|") {
		t.Errorf("no link: %s", payload(t, card))
	}
}

func TestADirectMessageSaysWhatIsOpenAndWhere(t *testing.T) {
	t.Parallel()
	s := begin(t, request()).restored()
	m := view.Opened(s.r, options())
	check(t, m)
	for _, want := range []string{"uat is open: you can sign in", "the data of prod", "20 Nov 2026"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is not in %s", want, m.Text)
		}
	}
	if !strings.Contains(blockText(t, payload(t, m)), "<"+s.r.Target.URL+"|Sign in>") {
		t.Errorf("no link to uat: %s", payload(t, m))
	}
}

func TestThoseWhoWereNotToldAreNamed(t *testing.T) {
	t.Parallel()
	s := begin(t, request()).restored()
	m := view.Untold(s.r, []string{"hugo@contoso.com", "<!channel>"}, 12, options())
	check(t, m)
	for _, want := range []string{"2 of 12 users", "hugo@contoso.com", "&lt;!channel&gt;"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is not in %s", want, m.Text)
		}
	}
	many := strings.Split(strings.Repeat(strings.Repeat("x", 200)+" ", 500), " ")
	check(t, view.Untold(s.r, many, 500, options()))
}
