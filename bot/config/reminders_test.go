package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

func TestReminders(t *testing.T) {
	t.Parallel()
	read := func(text string) refresh.Reminders {
		t.Helper()
		c, err := around().parse("/etc/bot/refreshbot.yml", "admins: [U0ADMIN]\n"+text+smallest)
		if err != nil {
			t.Fatal(err)
		}
		return c.Reminders
	}
	own := read("reminders: {after: [2h], escalate: 0s, again: 0s, before: [], days: [sat, sun], hours: 06:30-24:00, downtime: [1h]}\ntime_zone: Europe/Oslo\n")
	want := refresh.Reminders{
		After: []time.Duration{2 * time.Hour}, Near: []time.Duration{time.Hour}, Admins: []string{"U0ADMIN"},
		Hours: refresh.Hours{Zone: "Europe/Oslo", Days: []time.Weekday{time.Sunday, time.Saturday}, From: 6*time.Hour + 30*time.Minute, To: 24 * time.Hour},
	}
	if diff := cmp.Diff(want, own); diff != "" {
		t.Errorf("of its own (-want +got):\n%s", diff)
	}
	if away := read("reminders: {zone: America/New_York}\ntime_zone: Europe/Oslo\n"); away.Hours.Zone != "America/New_York" {
		t.Errorf("people work by the clock of %s", away.Hours.Zone)
	}
	some, none := read("reminders: {escalate: 3h}\n"), read("")
	if none.Escalate = 3 * time.Hour; len(none.After) != 2 || len(none.Hours.Days) != 5 || cmp.Diff(none, some) != "" {
		t.Errorf("what is left out is not the default: %+v, %+v", some, none)
	}
}

func TestMistakesInReminders(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{after: 1h}":                 "1: reminders.after: must be a list",
		"{after: [1h, 1h]}":           "1: reminders.after[1]: is listed twice",
		"{after: [0s]}":               "1: reminders.after[0]: must be more than zero",
		"{again: 5m}":                 "1: reminders.again: must be at least an hour, or 0s for never",
		"{days: []}":                  "1: reminders.days: is an empty list",
		"{days: [monday]}":            "1: reminders.days[0]: must be one of sun, mon",
		"{zone: Copenhagen}":          "1: reminders.zone: must be a time zone of the IANA database",
		"{hours: 8-18}":               `1: reminders.hours: must be two times of a day, such as 08:00-18:00, not "8-18"`,
		"{hours: 18:00-08:00}":        "1: reminders.hours: must be two times of a day",
		"{hours: 08:00}":              "1: reminders.hours: must be two times of a day",
		"{every: 1h}":                 "1: reminders.every: unknown key",
		"{escalate: tomorrow}":        "1: reminders.escalate: must be a duration",
		"{downtime: [half an hour]}":  "1: reminders.downtime[0]: must be a duration",
		"{before: [-1h], after: [1]}": "1: reminders.before[0]: must not be negative",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := around().parse("/etc/bot/refreshbot.yml", "reminders: "+text+smallest)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}
