package commands_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"refreshbot/commands"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

// past is a history of forty refreshes, a day apart, newest first: of uat and test in turn, each fifth failed.
type past struct{ nothing }

func (past) list() []refresh.Refresh {
	var all []refresh.Refresh
	for i := range 40 {
		r := refresh.Refresh{
			ID: refresh.ID(fmt.Sprintf("r%02d", i)), Status: refresh.Done, Channel: channel, RequestedAt: nextTest.Add(-time.Duration(i) * 24 * time.Hour),
			Source: storetest.Environment("production"), Target: storetest.Environment([]string{"uat", "test"}[i%2]), RequestedBy: refresh.Person{ID: sam, Name: "Sam Cole"},
		}
		r.EndedAt = r.RequestedAt.Add(5 * time.Hour)
		if i%5 == 0 {
			r.Status = refresh.Failed
		}
		if i == 7 {
			r.RequestedBy = refresh.Person{ID: rita, Name: "rita"}
			r.Gates = []refresh.Gate{{Decisions: []refresh.Decision{{By: refresh.Person{ID: anna, Name: "anna"}}}}}
		}
		all = append(all, r)
	}
	return all
}

func (p past) Recent(_ context.Context, target string, limit int) ([]refresh.Refresh, error) {
	var some []refresh.Refresh
	for _, r := range p.list() {
		if (target == "" || r.Target.Name == target) && len(some) < limit {
			some = append(some, r)
		}
	}
	return some, nil
}

func (p past) Load(_ context.Context, id refresh.ID) (refresh.Refresh, error) {
	for _, r := range p.list() {
		if r.ID == id {
			return r, nil
		}
	}
	return refresh.Refresh{}, engine.ErrNotFound
}

func historian(t *testing.T) *commands.Service {
	t.Helper()
	o := options(&asked{}, past{}, newDirectory())
	o.Zone = time.FixedZone("CET", 3600)
	svc, err := commands.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

func TestHistoryIsSearchedAndPaged(t *testing.T) {
	t.Parallel()
	svc := historian(t)
	for text, want := range map[string]struct {
		total, page, pages int
		first              refresh.ID
		hint               string
	}{
		"history":                             {40, 1, 5, "r00", "/refresh history page 2"},
		"history page 5":                      {40, 5, 5, "r32", ""},
		"HISTORY UAT":                         {20, 1, 3, "r00", "/refresh history uat page 2"},
		"history test failed":                 {4, 1, 1, "r05", ""},
		"history failed test":                 {4, 1, 1, "r05", ""},
		"history by @rita":                    {1, 1, 1, "r07", ""},
		"history by RITA":                     {1, 1, 1, "r07", ""},
		"history by <@U0RITA|rita>":           {1, 1, 1, "r07", ""},
		"history @anna":                       {1, 1, 1, "r07", ""}, // she decided
		"history by me":                       {39, 1, 5, "r00", "/refresh history by me page 2"},
		"history @sam cancelled":              {0, 1, 1, "", ""},
		"history 2026-10":                     {13, 1, 2, "r27", "/refresh history 2026-10 page 2"},
		"history uat by me done 2026-11":      {11, 1, 2, "r02", "/refresh history uat by me done 2026-11 page 2"},
		"history page 2 2026-11 done by sam":  {20, 2, 3, "r12", "/refresh history by sam done 2026-11 page 3"},
		"history running":                     {0, 1, 1, "", ""},
		"history by nobody":                   {0, 1, 1, "", ""},
		"history uat failed 2026-11 by @sam":  {3, 1, 1, "r00", ""},
		"history canceled":                    {0, 1, 1, "", ""},
		"history\u00a0uat\u00a0failed":        {4, 1, 1, "r00", ""},
		"history by U0SAM expired 2026-01":    {0, 1, 1, "", ""},
		"history golden rejected by <@U0EVE>": {0, 1, 1, "", ""},
	} {
		got := svc.Slash(t.Context(), line(sam, text))
		h := got.History
		if got.Refused || h == nil {
			t.Errorf("%q: %+v", text, got)
			continue
		}
		var first refresh.ID
		if len(h.Rows) > 0 {
			first = h.Rows[0].Refresh.ID
		}
		if h.Total != want.total || h.Page != want.page || h.Pages != want.pages || first != want.first || !strings.HasSuffix(got.Hint, want.hint) || (got.Hint == "") != (want.hint == "") {
			t.Errorf("%q: %d refreshes, page %d of %d, first %s, hint %q; want %+v", text, h.Total, h.Page, h.Pages, first, got.Hint, want)
		}
		if got.Hint != "" { // the way to the next page works
			next := svc.Slash(t.Context(), line(sam, got.Hint[strings.Index(got.Hint, "/refresh ")+len("/refresh "):]))
			if next.History == nil || next.History.Page != h.Page+1 || next.History.Total != h.Total {
				t.Errorf("%q: the next page is %+v", text, next)
			}
		}
	}
}

func TestWhatTheHistoryCannotBeSearchedFor(t *testing.T) {
	t.Parallel()
	svc := historian(t)
	for text, want := range map[string][2]string{
		"history uaat":              {`"uaat" is no environment`, "Did you mean uat?"},
		"history faild":             {`"faild" is no environment, no outcome`, "Did you mean failed?"},
		"history uat test":          {"one environment at a time", "For example"},
		"history done failed":       {"one outcome at a time", "For example"},
		"history 2026-13":           {`"2026-13" is no month`, "/refresh history uat"},
		"history 2026":              {`"2026" is no month`, ""},
		"history by":                {`missing after "by"`, ""},
		"history page":              {`missing after "page"`, ""},
		"history page 0":            {`"0" is no page`, ""},
		"history page -1":           {`"-1" is no page`, ""},
		"history page two":          {`"two" is no page`, ""},
		"history page 99999999999":  {`is no page`, ""},
		"history page 6":            {"has only 5 pages", "/refresh history page 5"},
		"history uat failed page 2": {"The history of uat (failed) has only one page", "/refresh history uat failed page 1"},
		"history by rita by sam":    {"one person at a time", ""},
		"history <!channel>":        {"is no environment", ""},
		"why":                       {"Which environment?", "uat"},
		"why uta":                   {`no environment "uta"`, "/refresh why uat"},
		"why prod":                  {"only a source", ""},
		"why uat now":               {`"now"`, "/refresh why uat"},
	} {
		if got := svc.Slash(t.Context(), line(sam, text)); !got.Refused || !strings.Contains(got.Text, want[0]) || !strings.Contains(got.Hint, want[1]) {
			t.Errorf("%q: %+v, want %q", text, got, want)
		}
	}
}

func TestWhyAndExplain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		if got := w.say(t, eve, "why uat"); got.Refused || got.About != nil || !strings.Contains(got.Text, "No refresh of uat is running") {
			t.Errorf("nothing runs: %+v", got)
		}
		w.say(t, sam, "uat for training")
		r := w.the(t)
		got := w.say(t, eve, "why uat")
		if got.About == nil || got.About.Refresh.ID != r.ID || got.About.Story {
			t.Errorf("why: %+v", got)
		}
		if got := w.Explain(t.Context(), r.ID); got.About == nil || got.About.Refresh.ID != r.ID || !got.About.Story {
			t.Errorf("explain: %+v", got)
		}
		if got := w.Explain(t.Context(), "another"); !got.Refused || !strings.Contains(got.Text, "not known here") {
			t.Errorf("explain what is not known: %+v", got)
		}
		w.say(t, sam, "cancel uat")
		if got := w.say(t, eve, "why uat"); got.About == nil || got.About.Refresh.Status != refresh.Cancelled {
			t.Errorf("it has ended: %+v", got)
		}
	})
}

// Every command has a page of help, which begins with how it is written.
func TestHelpForOneCommand(t *testing.T) {
	t.Parallel()
	svc := historian(t)
	all := svc.Slash(t.Context(), line(sam, "help")).Help
	for _, u := range all {
		name := strings.Trim(strings.Fields(u.Form)[1], "<>")
		got := svc.Slash(t.Context(), line(sam, "help "+name))
		if got.Refused || len(got.Help) == 0 || got.Help[0].Form != u.Form || got.Text == "" {
			t.Errorf("help %s: %+v", name, got)
		}
		for _, more := range got.Help {
			if !strings.HasPrefix(more.Form, "/refresh") || more.What == "" {
				t.Errorf("help %s has an example without words: %+v", name, more)
			}
		}
	}
	for text, hint := range map[string]string{"help histroy": "/refresh help history?", "help <!channel>": "Environments", "help ME please": "Environments"} {
		if got := svc.Slash(t.Context(), line(sam, text)); len(got.Help) != len(all) || !strings.Contains(got.Text, "There is no command") || !strings.Contains(got.Hint, hint) {
			t.Errorf("%s: %+v", text, got)
		}
	}
	if got := svc.Slash(t.Context(), line(sam, "help uat")); len(got.Help) == len(all) || !strings.Contains(got.Help[0].Form, "<environment>") {
		t.Errorf("help uat: %+v", got)
	}
}
