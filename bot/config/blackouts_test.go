package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/blackout"
	"refreshbot/jobs/schedule"
)

func TestBlackouts(t *testing.T) {
	t.Parallel()
	c, err := around().parse("/etc/bot/refreshbot.yml", `
blackouts:
  - {why: Christmas, from: 2026-12-21, to: 2027-01-03, owner: U0FIN}
  - {why: Training, from: 2026-03-23 08:00, to: "2026-03-27T16:30", environments: [uat]}
  - {why: Month end, cron: "0 0 28 * *", for: 96h, owner: S0FINANCE}
`+smallest+"time_zone: Europe/Copenhagen\n")
	if err != nil {
		t.Fatal(err)
	}
	in := func(s string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04", s, c.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	want := []blackout.Rule{
		{Why: "Christmas", From: in("2026-12-21 00:00"), Until: in("2027-01-04 00:00"), Owner: "U0FIN"},
		{Why: "Training", From: in("2026-03-23 08:00"), Until: in("2026-03-27 16:30"), Environments: []string{"uat"}},
		{Why: "Month end", Cron: "0 0 28 * *", For: 96 * time.Hour, Owner: "S0FINANCE"},
	}
	if diff := cmp.Diff(want, c.Blackouts); diff != "" {
		t.Errorf("blackouts (-want +got):\n%s", diff)
	}
}

func TestMistakesInBlackoutsAndSchedules(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ blackout, schedule, want string }{
		"no end":               {blackout: "{why: x, from: 2026-12-21}", want: "3: blackouts[0]: needs either from and to, or cron and for"},
		"both ways":            {blackout: `{why: x, from: 2026-12-21, to: 2026-12-22, cron: "@daily"}`, want: "3: blackouts[0]: needs either from and to"},
		"no length":            {blackout: `{why: x, cron: "0 0 28 * *"}`, want: "3: blackouts[0]: needs either from and to"},
		"no reason":            {blackout: "{from: 2026-12-21, to: 2026-12-22}", want: "3: blackouts[0].why: is missing: add why nobody"},
		"the wrong way round":  {blackout: "{why: x, from: 2026-12-21 18:00, to: 2026-12-21 08:00}", want: "3: blackouts[0].to: must be later than from"},
		"not a date":           {blackout: "{why: x, from: 21.12.2026, to: 2026-12-22}", want: `3: blackouts[0].from: must be a date such as 2026-12-21 or a time such as 2026-12-21 18:00, not "21.12.2026"`},
		"a day that is not":    {blackout: "{why: x, from: 2026-11-31, to: 2026-12-22}", want: "3: blackouts[0].from: must be a date"},
		"an owner that is not": {blackout: "{why: x, from: 2026-12-21, to: 2026-12-22, owner: finance}", want: "3: blackouts[0].owner: "},
		"not a target":         {blackout: "{why: x, from: 2026-12-21, to: 2026-12-22, environments: [gold]}", want: `2: blackouts: "gold" is no environment that can be refreshed`},
		"too long again":       {blackout: `{why: x, cron: "@yearly", for: 9000h}`, want: "3: blackouts[0].for: must be at most 92 days"},
		"never":                {blackout: `{why: x, cron: "0 0 30 2 *", for: 9h}`, want: "3: blackouts[0].cron: never comes round"},
		"within without once":  {schedule: `{cron: "@daily", within: 2h}`, want: "schedule.within: says how late a missed start is still asked for: add missed: once"},
		"a negative lead":      {schedule: `{cron: "@daily", ask: -2h}`, want: "schedule.ask: must not be negative"},
		"an unknown policy":    {schedule: `{cron: "@daily", blackout: ignore}`, want: `schedule.blackout: must be one of skip, postpone, not "ignore"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := smallest
			if tc.schedule != "" {
				text = inRefresh("schedule: " + tc.schedule + "\n")
			}
			if tc.blackout != "" {
				text = "\nblackouts:\n  - " + tc.blackout + "\n" + text
			}
			_, err := around().parse("x.yml", text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestASchedulesOtherKeys(t *testing.T) {
	t.Parallel()
	c, err := around().parse("x.yml", inRefresh(`schedule: {cron: "@daily", missed: once, within: 2h, ask: 0s, blackout: postpone}`+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Schedule{Cron: "@daily", Missed: schedule.Once, Within: 2 * time.Hour, Blackout: schedule.Postpone}
	if diff := cmp.Diff(want, c.Targets()[0].Refresh.Schedule); diff != "" {
		t.Errorf("schedule (-want +got):\n%s", diff)
	}
}
