package commands_test

import (
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/blackout"
	"refreshbot/store/storetest"
)

// The clock of a bubble begins at midnight on Saturday, 1 January 2000.
func TestARefreshInABlackoutIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		now := time.Now()
		calendar, err := blackout.New([]blackout.Rule{
			{From: now.Add(-time.Hour), Until: now.Add(50 * time.Hour), Why: "Month end", Owner: "U0FIN", Environments: []string{"test"}},
			{From: now.Add(51 * time.Hour), Until: now.Add(60 * time.Hour), Why: "Training"},
		}, time.UTC, storetest.NewMemory())
		if err != nil {
			t.Fatal(err)
		}
		w.Calendar = calendar
		got := w.say(t, rita, "test now")
		if !got.Refused || !strings.Contains(got.Text, "test is not to be refreshed then: Month end") || !strings.Contains(got.Hint, "Monday 3 January 2000 12:00 (UTC)") {
			t.Errorf("answer: %+v", got)
		}
		if len(got.Frozen) != 1 || got.Frozen[0].Owner.ID != "U0FIN" || !got.Frozen[0].Free.Equal(now.Add(60*time.Hour)) {
			t.Errorf("frozen: %+v", got.Frozen)
		}
		if len(w.all(t)) > 0 {
			t.Error("it was asked for all the same")
		}
		if got := w.say(t, admin, "test now"); !got.Refused {
			t.Errorf("an admin lifts a freeze first: %+v", got)
		}
		if got := w.say(t, sam, "uat now"); got.Refused {
			t.Errorf("uat is free: %+v", got)
		}
	})
}

func TestACalendarThatCannotBeReadRefuses(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		record := storetest.NewMemory()
		if err := record.PutRecord(t.Context(), "freeze", "uat", []byte("{")); err != nil {
			t.Fatal(err)
		}
		calendar, err := blackout.New(nil, time.UTC, record)
		if err != nil {
			t.Fatal(err)
		}
		w.Calendar = calendar
		if got := w.say(t, sam, "uat now"); !got.Refused || len(w.all(t)) > 0 {
			t.Errorf("answer: %+v", got)
		}
	})
}
