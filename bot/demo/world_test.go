package demo

import (
	"testing"
	"time"

	"refreshbot/jobs/recur"
)

func TestTheScheduleOfTheDemoIsNotNear(t *testing.T) {
	t.Parallel()
	for day := range 7 {
		now := time.Date(2026, 11, 22+day, 23, 0, 0, 0, time.UTC)
		times, err := recur.Parse("0 20 * * "+evening(now), time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if next := times.Next(now); next.Sub(now) < 24*time.Hour {
			t.Errorf("on %s the next is %s", now.Weekday(), next)
		}
	}
}
