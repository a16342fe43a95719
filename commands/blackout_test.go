package commands_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/blackout"
	"refreshbot/jobs/refresh"
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
		if !got.Refused || !strings.Contains(got.Text, "test is not to be refreshed then: Month end") {
			t.Errorf("answer: %+v", got)
		}
		if len(got.Blackouts) != 1 || got.Blackouts[0].Owner.ID != "U0FIN" || !got.Blackouts[0].Free.Equal(now.Add(60*time.Hour)) {
			t.Errorf("frozen: %+v", got.Blackouts)
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

// The copy takes two hours, a notice a quarter of one, and Postpone moves it by one.
func TestNobodyMovesACopyIntoABlackout(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		line        string
		from, until time.Duration // of the blackout, from now on
		move        refresh.Action
	}{
		"before the downtime is announced": {"uat in 1h", 3*time.Hour + 30*time.Minute, 24 * time.Hour, refresh.ActionPostpone},
		"after it was announced":           {"uat now", 3 * time.Hour, 24 * time.Hour, refresh.ActionPostpone},
		"by starting at once":              {"uat in 2h", -time.Hour, 80 * time.Minute, refresh.ActionStartNow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				in := line(sam, tc.line)
				in.Confirmed = true
				w.Slash(t.Context(), in)
				synctest.Wait()
				w.press(t, anna, refresh.ActionApprove)
				before := w.the(t)
				rule := blackout.Rule{From: time.Now().Add(tc.from), Until: time.Now().Add(tc.until), Why: "Month end", Owner: "U0FIN"}
				calendar, err := blackout.New([]blackout.Rule{rule}, time.UTC, storetest.NewMemory())
				if err != nil {
					t.Fatal(err)
				}
				w.Calendar = calendar
				if got := w.press(t, tom, tc.move); !got.Refused || len(got.Blackouts) > 0 {
					t.Errorf("who may not move it anyway hears just that: %+v", got)
				}
				got := w.press(t, anna, tc.move)
				if !got.Refused || !strings.Contains(got.Text, "and uat is not to be refreshed then: Month end.") || !strings.Contains(got.Hint, "Its time stays as it is.") {
					t.Errorf("answer: %+v", got)
				}
				if len(got.Blackouts) != 1 || got.Blackouts[0].Owner.ID != "U0FIN" || !got.Blackouts[0].Free.Equal(rule.Until) {
					t.Errorf("frozen: %+v", got.Blackouts)
				}
				if now := w.the(t); now.Version != before.Version {
					t.Error("something was committed")
				}
			})
		})
	}
}

func TestACopyIsMovedBetweenBlackouts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		w.press(t, anna, refresh.ActionApprove)
		from := w.the(t).Window.From
		calendar, err := blackout.New([]blackout.Rule{{From: from.Add(5 * time.Hour), Until: from.Add(9 * time.Hour), Why: "Month end"}}, time.UTC, storetest.NewMemory())
		if err != nil {
			t.Fatal(err)
		}
		w.Calendar = calendar
		if got := w.press(t, anna, refresh.ActionPostpone); got.Refused {
			t.Errorf("it would be over by then: %+v", got)
		}
		if now := w.the(t).Window.From; !now.After(from) {
			t.Errorf("it begins at %v still", now)
		}
	})
}
