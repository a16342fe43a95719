package when_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"refreshbot/commands/when"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// A Sunday afternoon in Copenhagen.
var sunday = time.Date(2026, 11, 22, 14, 30, 20, 0, time.UTC)

func reader(t testing.TB) when.Reader {
	return when.Reader{Now: sunday, Zone: zone(t, "Europe/Copenhagen")}
}

func TestUnderstood(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ text, want, rest string }{
		{"now", "", ""},
		{"NOW for March training", "", "for March training"},
		{"in 2h", "Sunday 22 November 2026 17:30 (Europe/Copenhagen, UTC+01:00)", ""},
		{"in 90m because of the demo", "Sunday 22 November 2026 17:00 (Europe/Copenhagen, UTC+01:00)", "because of the demo"},
		{"in 1h30m", "Sunday 22 November 2026 17:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"in 90 minutes", "Sunday 22 November 2026 17:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"in 1 hour", "Sunday 22 November 2026 16:30 (Europe/Copenhagen, UTC+01:00)", ""},
		{"in 3 days for training", "Wednesday 25 November 2026 15:30 (Europe/Copenhagen, UTC+01:00)", "for training"},
		{"in 60d", "Thursday 21 January 2027 15:30 (Europe/Copenhagen, UTC+01:00)", ""},
		{"today 22:00", "Sunday 22 November 2026 22:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"today at 22:00", "Sunday 22 November 2026 22:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"Tomorrow 22:00 for March training", "Monday 23 November 2026 22:00 (Europe/Copenhagen, UTC+01:00)", "for March training"},
		{"tomorrow 9:05", "Monday 23 November 2026 09:05 (Europe/Copenhagen, UTC+01:00)", ""},
		{"friday 22:00", "Friday 27 November 2026 22:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"fri 22:00", "Friday 27 November 2026 22:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"sunday 22:00", "Sunday 22 November 2026 22:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"sunday 08:00", "Sunday 29 November 2026 08:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"2026-12-04 22:00", "Friday 4 December 2026 22:00 (Europe/Copenhagen, UTC+01:00)", ""},
		{"2026-12-04 22:00 UTC", "Friday 4 December 2026 22:00 (UTC)", ""},
		{"2026-12-04 22:00 utc for x", "Friday 4 December 2026 22:00 (UTC)", "for x"},
		{"2026-12-04 22:00 +00:00", "Friday 4 December 2026 22:00 (UTC)", ""},
		{"2026-12-04 22:00 -05:00", "Friday 4 December 2026 22:00 (UTC-05:00)", ""},
		{"2026-12-04 22:00 UTC+2", "Friday 4 December 2026 22:00 (UTC+02:00)", ""},
		{"2026-12-04 22:00 +0530", "Friday 4 December 2026 22:00 (UTC+05:30)", ""},
		{"2026-12-04 22:00 America/New_York", "Friday 4 December 2026 22:00 (America/New_York, UTC-05:00)", ""},
		{"2026-12-04 22:00 america/new_york", "Friday 4 December 2026 22:00 (America/New_York, UTC-05:00)", ""},
		// The day is the zone's: in Tokyo it is 23:30 of the same Sunday, in Auckland Monday already.
		{"tomorrow 22:00 Asia/Tokyo", "Monday 23 November 2026 22:00 (Asia/Tokyo, UTC+09:00)", ""},
		{"tomorrow 22:00 Pacific/Auckland", "Tuesday 24 November 2026 22:00 (Pacific/Auckland, UTC+13:00)", ""},
	} {
		at, rest, err := reader(t).Split(strings.Fields(tc.text))
		if err != nil {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		got := ""
		if !at.IsZero() {
			got = when.Said(at)
		}
		if got != tc.want || strings.Join(rest, " ") != tc.rest {
			t.Errorf("%s:\n got %q, rest %q\nwant %q, rest %q", tc.text, got, rest, tc.want, tc.rest)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const examples = "Times are written like this: now, in 2h, in 3 days, tomorrow 22:00, friday 22:00, 2026-12-04 22:00, 2026-12-04 22:00 UTC."
	for _, tc := range []struct{ text, want, next string }{
		{"", "When?", examples},
		{"tonight", `I did not understand "tonight" as a time.`, examples},
		{"tomorow 22:00", `I did not understand "tomorow 22:00" as a time.`, "Did you mean tomorrow 22:00? " + examples},
		{"firday 22:00", `I did not understand "firday 22:00" as a time.`, "Did you mean friday 22:00? " + examples},
		{"noww", `I did not understand "noww" as a time.`, "Did you mean now? " + examples},
		{"next friday 22:00", `I did not understand "next friday 22:00" as a time.`, ""},
		{"22:00", `I did not understand "22:00" as a time.`, "Say on which day: today 22:00 or tomorrow 22:00. " + examples},
		{"4/12/2026 22:00", `I did not understand "4/12/2026 22:00" as a time.`, "A date is written as year-month-day, like 2026-12-04. " + examples},
		{"2026-02-30 22:00", `I did not understand "2026-02-30 22:00" as a time.`, "A date is written as year-month-day, like 2026-12-04. " + examples},
		{"tomorrow", "At what time tomorrow?", "Write it as tomorrow 22:00, from 00:00 to 23:59."},
		{"friday for training", "At what time on Friday?", "Write it as friday 22:00, from 00:00 to 23:59."},
		{"2026-12-04", "At what time on 2026-12-04?", "Write it as 2026-12-04 22:00, from 00:00 to 23:59."},
		{"tomorrow 24:00", `"24:00" is no time of day.`, "Write it as tomorrow 22:00, from 00:00 to 23:59."},
		{"tomorrow 10pm", `"10pm" is no time of day.`, "Write it as tomorrow 22:00, from 00:00 to 23:59."},
		{"tomorrow 22.00", `"22.00" is no time of day.`, "Write it as tomorrow 22:00, from 00:00 to 23:59."},
		{"tomorrow 22:00 CET", `I know no time zone "CET".`, ""},
		{"tomorrow 22:00 Europe/Kopenhagen", `I know no time zone "Europe/Kopenhagen".`, ""},
		{"tomorrow 22:00 ../../etc/passwd", `I know no time zone "../../etc/passwd".`, ""},
		{"tomorrow 22:00 +25:00", `I know no time zone "+25:00".`, ""},
		{"tomorrow 22:00 +", `I know no time zone "+".`, ""},
		{"tomorrow 22:00 or later", `I did not understand "tomorrow 22:00 or later" as a time.`, examples},
		{"today 08:00", "Sunday 22 November 2026 08:00 (Europe/Copenhagen, UTC+01:00) has passed.", examples},
		{"2026-11-22 14:30 UTC", "Sunday 22 November 2026 14:30 (UTC) has passed.", examples},
		{"2025-12-04 22:00", "Thursday 4 December 2025 22:00 (Europe/Copenhagen, UTC+01:00) has passed.", examples},
		{"in 0h", "Sunday 22 November 2026 15:30 (Europe/Copenhagen, UTC+01:00) has passed.", examples},
		{"2027-12-04 22:00", "Saturday 4 December 2027 22:00 (Europe/Copenhagen, UTC+01:00) is more than 60 days ahead.", ""},
		{"in 61 days", "Friday 22 January 2027 15:30 (Europe/Copenhagen, UTC+01:00) is more than 60 days ahead.", ""},
		{"in 9999d", "In 9999d is more than 60 days ahead.", ""},
		{"in 123456789012345678901234567890 minutes", "In 123456789012345678901234567890 minutes is more than 60 days ahead.", ""},
		{"in", "In how long?", examples},
		{"in 2", `I did not understand "in 2" as a time.`, examples},
		{"in two hours", `I did not understand "in two hours" as a time.`, examples},
		{"in 2 weeks", `I did not understand "in 2 weeks" as a time.`, examples},
		{"in 1.5h", `I did not understand "in 1.5h" as a time.`, examples},
		{"in -2h", `I did not understand "in -2h" as a time.`, examples},
	} {
		at, err := reader(t).Parse(tc.text)
		refused, ok := errors.AsType[*when.Error](err)
		if !ok {
			t.Errorf("%s: %v, %v", tc.text, at, err)
			continue
		}
		if refused.Text != tc.want || refused.Next == "" || (tc.next != "" && refused.Next != tc.next) {
			t.Errorf("%s:\n got %q, %q\nwant %q, %q", tc.text, refused.Text, refused.Next, tc.want, tc.next)
		}
	}
}

// When the clocks are put forward an hour does not exist; when they are put back one occurs twice. Neither is guessed
// at, and the hours around them mean what they say.
func TestEdgesOfDaylightSaving(t *testing.T) {
	t.Parallel()
	copenhagen := zone(t, "Europe/Copenhagen")
	for _, tc := range []struct {
		name string
		now  time.Time
		text string
		want string // UTC
		says string
		next string
	}{
		{name: "the last minute before the gap", now: spring, text: "tomorrow 01:59", want: "2026-03-29 00:59"},
		{name: "the first of the gap", now: spring, text: "tomorrow 02:00", says: "02:00 does not exist"},
		{name: "the gap", now: spring, text: "sunday 02:30", says: "On Sunday 29 March 2026 the clocks in Europe/Copenhagen are put forward, and 02:30 does not exist."},
		{name: "the end of the gap", now: spring, text: "2026-03-29 03:00", want: "2026-03-29 01:00"},
		{name: "the gap elsewhere", now: spring, text: "2026-03-29 02:30 UTC", want: "2026-03-29 02:30"},
		{name: "hours pass through the gap", now: spring, text: "in 14h", want: "2026-03-29 02:00"},
		{name: "days keep the time of day", now: spring, text: "in 1 day", want: "2026-03-29 11:00"},
		{name: "a day from 02:30 is in the gap", now: time.Date(2026, 3, 28, 1, 30, 0, 0, time.UTC), text: "in 1d", says: "02:30 does not exist"},
		{name: "before the double hour", now: autumn, text: "tomorrow 01:59", want: "2026-10-24 23:59"},
		{name: "the double hour", now: autumn, text: "tomorrow 02:30",
			says: "On Sunday 25 October 2026 the clocks in Europe/Copenhagen are put back, and 02:30 occurs twice.",
			next: "Say which: 2026-10-25 02:30 +02:00 is the first, 2026-10-25 02:30 +01:00 the second."},
		{name: "the first of the two", now: autumn, text: "2026-10-25 02:30 +02:00", want: "2026-10-25 00:30"},
		{name: "the second of the two", now: autumn, text: "2026-10-25 02:30 +01:00", want: "2026-10-25 01:30"},
		{name: "after the double hour", now: autumn, text: "tomorrow 03:00", want: "2026-10-25 02:00"},
		{name: "days keep the time of day in autumn", now: autumn, text: "in 1 day", want: "2026-10-25 11:00"},
		{name: "a gap of half an hour", now: time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC), text: "2026-10-04 02:15 Australia/Lord_Howe", says: "02:15 does not exist"},
		{name: "after a gap of half an hour", now: time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC), text: "2026-10-04 02:30 Australia/Lord_Howe", want: "2026-10-03 15:30"},
	} {
		at, err := when.Reader{Now: tc.now, Zone: copenhagen}.Parse(tc.text)
		if tc.want != "" {
			if err != nil || at.UTC().Format("2006-01-02 15:04") != tc.want {
				t.Errorf("%s: %v, %v; want %s", tc.name, at.UTC(), err, tc.want)
			}
			continue
		}
		refused, ok := errors.AsType[*when.Error](err)
		if !ok || !strings.Contains(refused.Text, tc.says) || !strings.Contains(refused.Next, tc.next) {
			t.Errorf("%s: %v, %v", tc.name, at, err)
		}
	}
}

var (
	spring = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)  // the day before the clocks are put forward
	autumn = time.Date(2026, 10, 24, 10, 0, 0, 0, time.UTC) // the day before they are put back
)

func TestFurthestCanBeMore(t *testing.T) {
	t.Parallel()
	r := reader(t)
	r.Furthest = 400 * 24 * time.Hour
	if at, err := r.Parse("2027-12-04 22:00"); err != nil || at.Year() != 2027 {
		t.Errorf("%v, %v", at, err)
	}
	if _, err := r.Parse("2028-12-04 22:00"); err == nil || !strings.Contains(err.Error(), "more than 400 days") {
		t.Error(err)
	}
}

// What is understood lies ahead and not too far, leaves the end of the line untouched, and is said back in a way that
// means the same moment.
func FuzzSplit(f *testing.F) {
	for _, text := range []string{
		"now", "in 2h", "in 90m for x", "in 3 days", "in 1h30m", "tomorrow 22:00 for March training", "today at 22:00",
		"fri 22:00 because", "2026-12-04 22:00 UTC", "2026-12-04 22:00 America/New_York", "2026-12-04 22:00 -05:00",
		"tomorrow 22:00 CET", "in 99999999999999999999 days", "2026-02-30 22:00", "4.12. 22:00", "\x00 22:00", "in dhm",
	} {
		f.Add(text, sunday.Unix())
	}
	f.Add("tomorrow 02:30", spring.Unix())
	f.Add("tomorrow 02:30", autumn.Unix())
	copenhagen := zone(f, "Europe/Copenhagen")
	f.Fuzz(func(t *testing.T, text string, now int64) {
		if now < 0 || now > 1<<33 {
			t.Skip()
		}
		r := when.Reader{Now: time.Unix(now, 0), Zone: copenhagen}
		words := strings.Fields(text)
		at, rest, err := r.Split(words)
		if err != nil {
			refused, ok := errors.AsType[*when.Error](err)
			if !ok || refused.Text == "" || refused.Next == "" || len(refused.Text) > 1000 {
				t.Fatalf("%q is refused with %#v", text, err)
			}
			return
		}
		if !strings.HasSuffix(strings.Join(words, " "), strings.Join(rest, " ")) || len(rest) >= len(words) {
			t.Fatalf("%q leaves %q", words, rest)
		}
		if at.IsZero() {
			if !strings.EqualFold(words[0], "now") {
				t.Fatalf("%q is now", text)
			}
			return
		}
		if ahead := at.Sub(r.Now); ahead <= 0 || ahead > when.Furthest {
			t.Fatalf("%q is %v ahead", text, ahead)
		}
		again, err := r.Parse(at.Format("2006-01-02 15:04 -07:00"))
		if err != nil || !again.Equal(at) {
			t.Fatalf("%q is %v; written out it is %v, %v", text, at, again, err)
		}
		if said := when.Said(at); !strings.Contains(said, at.Weekday().String()) || !strings.Contains(said, "UTC") {
			t.Fatalf("%q is said as %q", text, said)
		}
	})
}
