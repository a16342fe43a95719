package refresh_test

import (
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

func TestABlackoutKeepsARefreshFromBeginning(t *testing.T) {
	t.Parallel()
	day := func(d, hour int) time.Time { return time.Date(2026, 12, d, hour, 0, 0, 0, time.UTC) }
	training := refresh.Blackout{From: day(7, 8), Until: day(11, 16), Why: "training"}
	monthEnd := refresh.Blackout{From: day(11, 12), Until: day(13, 0), Why: "month end"}
	later := refresh.Blackout{From: day(13, 3), Until: day(14, 0), Why: "later"}
	all := []refresh.Blackout{training, monthEnd, later}
	for name, tc := range map[string]struct {
		from   time.Time
		length time.Duration
		why    string // of what blocks it; nothing does when empty
		free   time.Time
	}{
		"before all":                       {from: day(6, 0), length: 4 * time.Hour},
		"it would end inside":              {from: day(7, 5), length: 4 * time.Hour, why: "training", free: day(14, 0)},
		"it ends as the blackout begins":   {from: day(7, 4), length: 4 * time.Hour},
		"inside":                           {from: day(9, 0), length: 3 * time.Hour, why: "training", free: day(13, 0)},
		"no room between the next two":     {from: day(9, 0), length: 4 * time.Hour, why: "training", free: day(14, 0)},
		"of two the one that ends last":    {from: day(11, 13), length: time.Hour, why: "month end", free: day(13, 0)},
		"it begins as the blackout ends":   {from: day(14, 0), length: 4 * time.Hour},
		"longer than the blackout":         {from: day(6, 0), length: 30 * 24 * time.Hour, why: "later", free: day(14, 0)},
		"a moment inside":                  {from: day(7, 8), why: "training", free: day(13, 0)},
		"a moment at the end of the last":  {from: day(14, 0)},
		"a moment just before it is free ": {from: day(13, 23), why: "later", free: day(14, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, free, blocked := refresh.Blocking(all, tc.from, tc.length)
			if blocked != (tc.why != "") || b.Why != tc.why {
				t.Fatalf("blocked %v by %q, want %q", blocked, b.Why, tc.why)
			}
			if want := tc.free; blocked && !free.Equal(want) || !blocked && !free.Equal(tc.from) {
				t.Errorf("free at %v, want %v", free, want)
			}
			if len(all) != 3 {
				t.Error("the list was changed")
			}
		})
	}
}
