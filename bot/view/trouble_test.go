package view_test

import (
	"strings"
	"testing"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

func TestAdminsAreToldWhatToDoAboutAChannel(t *testing.T) {
	t.Parallel()
	const todo = "The channel is archived: unarchive it, or name another one in the configuration."
	for instead, where := range map[string]string{"": "shown here", "C0OPS": "shown in <#C0OPS>"} {
		m := view.ChannelShut("C0UAT", instead, todo, options())
		check(t, m)
		said := blockText(t, payload(t, m))
		for _, want := range []string{"Slack refuses posts to <#C0UAT>", "unarchive it", where} {
			if !strings.Contains(said, want) {
				t.Errorf("%q is not in %s", want, said)
			}
		}
	}
	check(t, view.ChannelShut("C0UAT", hostile, hostile, options()))
}

func TestTroubleWithSlackItselfIsTold(t *testing.T) {
	t.Parallel()
	s, _ := hostileStory(t, 1)
	check(t, view.ContentRefused(s.r, hostile, options()))
	check(t, view.CardDeleted(s.r, hostile, options()))
	check(t, view.LeftAlone(hostile, options()))
	check(t, view.Stuck(refresh.ID(hostile), hostile, options()))
	check(t, view.Moved(s.r, "C0UAT", options()))
	s = begin(t, request()).checked()
	if m := view.Moved(s.r, "C0UAT", options()); !strings.Contains(blockText(t, payload(t, m)), "in <#C0UAT> again") {
		t.Errorf("it does not say where: %s", payload(t, m))
	}
}

func TestAPlainerCardStillAsks(t *testing.T) {
	t.Parallel()
	s := begin(t, request()).checked()
	forms := view.Plainer(view.Card(s.r, s.now, options()))
	if len(forms) != 2 {
		t.Fatalf("%d forms", len(forms))
	}
	for i, m := range forms {
		data := string(payload(t, m))
		if !strings.Contains(data, "Question: May uat be overwritten with the data of prod?") || strings.Contains(data, "mrkdwn") {
			t.Errorf("form %d: %s", i, data)
		}
		if buttons := strings.Contains(data, "gate:approve"); buttons != (i == 0) {
			t.Errorf("form %d has buttons: %v", i, buttons)
		}
	}
}
