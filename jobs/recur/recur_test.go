package recur_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/recur"
	"refreshbot/jobs/refresh"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func parse(t testing.TB, expression, in string) recur.Times {
	t.Helper()
	ts, err := recur.Parse(expression, zone(t, in))
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// Nothing is skipped and nothing comes twice, whichever way the clocks go. Package schedule tests the same over a
// running process.
func TestTimesWhereTheClockJumps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		expression, zone, from string
		want                   []string
	}{
		"the hour that is jumped over": {"30 2 * * *", "Europe/Copenhagen", "2026-03-28T00:00:00Z",
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		"the hour that comes twice": {"30 2 * * *", "Europe/Copenhagen", "2026-10-24T00:00:00Z",
			[]string{"2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		"asked between the two": {"30 2 * * *", "Europe/Copenhagen", "2026-10-25T00:45:00Z",
			[]string{"2026-10-26T02:30:00+01:00"}},
		"a midnight that does not exist": {"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z",
			[]string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"}},
		"a zone without changes": {"@weekly", "UTC", "2026-11-23T00:00:00Z", []string{"2026-11-29T00:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, err := time.Parse(time.RFC3339, tc.from)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, at := range parse(t, tc.expression, tc.zone).After(from, len(tc.want)) {
				got = append(got, at.Format(time.RFC3339))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("times (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBadExpressionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		"", "TZ=", "CRON_TZ=UTC", "TZ=UTC", "CRON_TZ=Europe/Berlin 0 2 * * *", "TZ=Europe/Berlin 0 2 * * *",
		"0 0 30 2 *", "0 2 * *", "0 2 * * * *", "60 2 * * *", "0 2 * * 7", "@never", "@every", "@every 1h", "0 2 * * *; rm", "\x00",
	} {
		if _, err := recur.Parse(expression, time.UTC); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%q: %v", expression, err)
		}
	}
	if got := (recur.Times{}).Next(time.Now()); !got.IsZero() {
		t.Errorf("the zero value comes at %v", got)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"0 20 * * FRI":     "every Friday at 20:00",
		"5 7 * * mon,3":    "every Monday and Wednesday at 07:05",
		"0 6 * * 1-5":      "every working day at 06:00",
		"30 2 * * *":       "every day at 02:30",
		"0 0 28 * *":       "on day 28 of every month at 00:00",
		"0 20 13 * FRI":    "cron 0 20 13 * FRI",
		"*/30 * * * *":     "cron */30 * * * *",
		"0 20 * * TUE-SAT": "cron 0 20 * * TUE-SAT",
		"@weekly":          "cron @weekly",
		"0 0 1 1 *":        "cron 0 0 1 1 *",
	} {
		if got := parse(t, expression, "UTC").Words(); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
}

func TestMost(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	from := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for expression, want := range map[string]int{"0 20 * * FRI": 1, "0 0 * * *": 1, "0 6,12,18 * * *": 3, "0 */6 * * *": 4, "* * * * *": 100} {
		if got := parse(t, expression, "UTC").Most(day, from); got != want {
			t.Errorf("%s comes %d times in a day, want %d", expression, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0 20 * * FRI", "TZ=", "CRON_TZ=UTC", "@every 1h", "0 0 30 2 *", "*/7 1-5 ? * MON-FRI/2", "TZ= ", "0 0 31 4,6 *"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, expression string) {
		ts, err := recur.Parse(expression, zone(t, "Europe/Copenhagen"))
		if err != nil {
			return
		}
		if next := ts.Next(now); !next.After(now) {
			t.Errorf("%q comes next at %v", expression, next)
		}
		if ts.Words() == "" {
			t.Errorf("%q has no words", expression)
		}
	})
}
