package blackout_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/blackout"
	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

const day = 24 * time.Hour

func at(month time.Month, d, hour int) time.Time {
	return time.Date(2026, month, d, hour, 0, 0, 0, time.UTC)
}

// spans are blackouts as text: from, until and why.
func spans(t *testing.T, c *blackout.Calendar, target string, from time.Time, most int) []string {
	t.Helper()
	list, err := c.Blackouts(t.Context(), target, from)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range list[:min(most, len(list))] {
		got = append(got, fmt.Sprintf("%s %s %s", b.From.UTC().Format("01-02T15"), b.Until.UTC().Format("01-02T15"), b.Why))
	}
	return got
}

func calendar(t *testing.T, records blackout.Records, zone *time.Location, rules ...blackout.Rule) *blackout.Calendar {
	t.Helper()
	c, err := blackout.New(rules, zone, records)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRulesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	copenhagen, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	c := calendar(t, storetest.NewMemory(), copenhagen, []blackout.Rule{
		{From: at(12, 21, 0), Until: at(12, 28, 0), Why: "Christmas", Environments: []string{"UAT"}},
		{Cron: "0 0 28 * *", For: 4 * day, Why: "month end", Owner: "U0FIN"},
		{From: at(1, 1, 0), Until: at(1, 2, 0), Why: "over"},
	}...)
	want := []string{"11-27T23 12-01T23 month end", "12-21T00 12-28T00 Christmas", "12-27T23 12-31T23 month end"}
	if diff := cmp.Diff(want, spans(t, c, "uat", at(11, 29, 12), 3)); diff != "" {
		t.Errorf("uat (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"12-27T23 12-31T23 month end"}, spans(t, c, "test", at(12, 2, 0), 1)); diff != "" {
		t.Errorf("test (-want +got):\n%s", diff)
	}
	list, err := c.Blackouts(t.Context(), "test", at(12, 2, 0))
	if err != nil || len(list) < 12 || list[0].Owner.ID != "U0FIN" || !list[0].Configured {
		t.Errorf("%d blackouts, the first %+v, %v; want a year of them, with their owner", len(list), list[0], err)
	}
	if _, err := blackout.New([]blackout.Rule{{Cron: "TZ=", Why: "broken"}}, copenhagen, storetest.NewMemory()); refresh.CodeOf(err) != refresh.Invalid {
		t.Errorf("a broken expression: %v", err)
	}
}

func TestFreezesAreKept(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	record := bolttest.Open(t)
	now := at(11, 23, 8)
	anna, bo := refresh.Person{ID: "U0ANNA", Name: "Anna"}, refresh.Person{ID: "U0BO", Name: "Bo"}
	freeze := func(who refresh.Person, from, until time.Time, why string) {
		t.Helper()
		if err := calendar(t, record, time.UTC).Freeze(ctx, "uat", refresh.Blackout{From: from, Until: until, Why: why, Owner: who}, now); err != nil {
			t.Fatal(err)
		}
	}
	freeze(anna, now, at(11, 27, 18), "training")
	freeze(bo, now, at(11, 24, 18), "month end")
	freeze(anna, at(12, 7, 8), at(12, 11, 18), "second training")
	c := calendar(t, record, time.UTC) // as after a restart
	all := []string{"11-23T08 11-24T18 month end", "11-23T08 11-27T18 training", "12-07T08 12-11T18 second training"}
	if diff := cmp.Diff(all, spans(t, c, "uat", now, 9)); diff != "" {
		t.Errorf("three freezes (-want +got):\n%s", diff)
	}
	freeze(anna, now, at(11, 30, 18), "longer training") // moves the first, and nobody else's
	all = []string{"11-23T08 11-24T18 month end", "11-23T08 11-30T18 longer training", "12-07T08 12-11T18 second training"}
	if diff := cmp.Diff(all, spans(t, c, "uat", now, 9)); diff != "" {
		t.Errorf("after moving one (-want +got):\n%s", diff)
	}
	if got := spans(t, c, "test", now, 9); len(got) != 0 {
		t.Errorf("another environment is frozen too: %q", got)
	}
	list, err := c.Blackouts(ctx, "uat", now)
	if err != nil {
		t.Fatal(err)
	}
	lifted, ok, err := c.Lift(ctx, "uat", list[0].ID, now)
	if err != nil || !ok || lifted.Why != "month end" {
		t.Errorf("lifted %+v, %v, %v", lifted, ok, err)
	}
	if _, ok, err := c.Lift(ctx, "uat", list[0].ID, now); ok || err != nil {
		t.Errorf("lifted twice: %v, %v", ok, err)
	}
	if diff := cmp.Diff(all[1:], spans(t, c, "uat", now, 9)); diff != "" {
		t.Errorf("after lifting one (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeReadFreezesNothingSilently(t *testing.T) {
	t.Parallel()
	record := storetest.NewMemory()
	if err := record.PutRecord(t.Context(), "freeze", "uat", []byte("{")); err != nil {
		t.Fatal(err)
	}
	c := calendar(t, record, time.UTC)
	if _, err := c.Blackouts(t.Context(), "uat", at(11, 23, 8)); err == nil || !strings.Contains(err.Error(), "uat") {
		t.Errorf("a damaged record: %v", err)
	}
	if err := c.Freeze(t.Context(), "uat", refresh.Blackout{Until: at(12, 1, 0)}, at(11, 23, 8)); err == nil || errors.Is(err, t.Context().Err()) {
		t.Errorf("a damaged record was written over: %v", err)
	}
}
