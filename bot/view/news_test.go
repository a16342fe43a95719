package view_test

import (
	"testing"
	"time"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

func TestNews(t *testing.T) {
	t.Parallel()
	anna, fiona := refresh.Person{ID: "U0ANNA", Name: "Anna"}, refresh.Person{ID: "U0FIN", Name: "Fiona"}
	due := time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC)
	frozen := refresh.Blackout{From: due, Until: due.Add(90 * time.Hour), Why: "Month end <!channel>", Owner: fiona}
	for _, n := range []refresh.News{
		{Kind: refresh.NewsScheduled, By: anna, Next: due, Why: "fresh data on Monday"},
		{Kind: refresh.NewsPaused, By: anna},
		{Kind: refresh.NewsResumed, By: anna, Next: due},
		{Kind: refresh.NewsSkipped, By: fiona, Due: due, Next: due.Add(168 * time.Hour), For: []refresh.Person{anna}},
		{Kind: refresh.NewsRemoved, By: anna},
		{Kind: refresh.NewsInBlackout, Due: due, Next: due.Add(168 * time.Hour), Blackout: frozen, For: []refresh.Person{anna, fiona, {ID: "S0FINANCE"}, {ID: "<!here>"}}},
		{Kind: refresh.NewsPostponed, Due: due, Next: frozen.Until, Blackout: frozen, For: []refresh.Person{fiona}},
		{Kind: refresh.NewsMissed, Due: due, Next: due.Add(168 * time.Hour)},
		{Kind: refresh.NewsBusy, Due: due},
		{Kind: refresh.NewsNotPossible, Due: due, Why: "Anna, who made the schedule, may not ask for a refresh of uat any more.", For: []refresh.Person{anna}},
		{Kind: refresh.NewsFrozen, By: fiona, Blackout: frozen},
		{Kind: refresh.NewsUnfrozen, By: fiona},
		{Kind: "of a later version"},
	} {
		n.Target, n.Schedule, n.Times = "uat", "uat.1", "every Friday at 20:00 (Europe/Copenhagen)"
		m := view.News(n, options())
		check(t, m)
		if n.Kind != "of a later version" {
			golden(t, "news/"+string(n.Kind), payload(t, m))
		}
	}
}
