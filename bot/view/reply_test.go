package view_test

import (
	"strings"
	"testing"
	"time"

	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

func TestReply(t *testing.T) {
	t.Parallel()
	running := begin(t, request()).following()
	running.report("follow_the_copy", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Offline: true})
	stuck := begin(t, request()).copying()
	stuck.report("copy", bad(refresh.Refused, "LCS refused: another operation is running on uat. Wait for it, then retry."))
	over := begin(t, request()).checked().click(bo, refresh.ActionReject, "UAT is in use until Monday")
	next := time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC)
	var many []commands.Standing
	for range 12 {
		many = append(many, commands.Standing{Target: "sit", Source: "prod", Active: &running.r, Last: &over.r, Next: next})
	}
	replies := map[string]commands.Reply{
		"help": {Text: "refreshbot refreshes sandboxes.", Hint: "Ask in the channel of the environment.", Help: []commands.Usage{
			{Form: "/refresh status [environment]", What: "How things stand", Example: "/refresh status uat"},
			{Form: "/refresh <environment> [reason]", What: "Ask for a refresh"},
		}},
		"help-alone":         {Help: []commands.Usage{{Form: "/refresh help", What: "This text"}}},
		"status-nothing-yet": {Targets: []commands.Standing{{Target: "uat", Source: "prod"}}},
		"status-scheduled":   {Targets: []commands.Standing{{Target: "uat", Source: "prod", Last: &over.r, Next: next}}},
		"status-running":     {Text: "2 environments.", Targets: []commands.Standing{{Target: "uat", Source: "prod", Active: &running.r, Last: &over.r, Next: next}, {Target: "sit", Source: "prod", Active: &stuck.r}}},
		"status-many":        {Targets: many},
		"refused":            {Refused: true, Text: "uat is being refreshed already.", Hint: "Wait for it to end: /refresh status uat shows how far it is."},
		"refused-hostile":    {Refused: true, Text: "There is no environment <!channel> & co.", Hint: "Try /refresh help."},
		"listing":            {Text: "This configuration is in use.", Listing: "slack:\n  channel: C0 # <not> `quoted`\n", Hint: "A changed file is taken up by itself."},
		"items": {Text: "2 schedules.", Items: []commands.Item{
			{Title: "uat.1: uat refreshed every Friday at 20:00 (Europe/Copenhagen)", Facts: []commands.Fact{
				{Name: "Next", At: next, Text: "Friday 27 November 2026 20:00 (Europe/Copenhagen, UTC+01:00)"}, {Name: "From", Text: "Anna, because: <!channel>"},
			}, Buttons: []commands.Button{{Text: "Pause uat.1", Line: "schedule uat.1 pause", Sure: "Nothing comes due until it is resumed."}, {Text: "Remove uat.1", Line: "schedule uat.1 remove"}}},
			{Title: "uat.config: uat refreshed every day at 02:00 (UTC)", Facts: []commands.Fact{{Name: "Paused", At: next, Text: "by Bo"}}},
		}},
		"status-planned": {Targets: []commands.Standing{{
			Target: "uat", Source: "prod", Next: next,
			Schedules: []schedule.Standing{
				{Entry: schedule.Entry{ID: "uat.config"}, Next: []time.Time{next, next.Add(168 * time.Hour), next.Add(336 * time.Hour)}},
				{Entry: schedule.Entry{ID: "uat.1"}, Paused: &schedule.Pause{By: refresh.Person{ID: "U0ANNA", Name: "Anna"}}},
			},
			Blackouts: []refresh.Blackout{
				{From: friday.Add(-time.Hour), Until: friday.Add(time.Hour), Why: "Month end", Owner: refresh.Person{ID: "U0FIN"}},
				{From: next, Until: next.Add(time.Hour), Why: "Training"}, {From: next.Add(2 * time.Hour), Until: next.Add(3 * time.Hour)},
			},
			Starts: &refresh.Quota{Used: 3, Limit: 3, Within: 24 * time.Hour, Free: next},
		}}},
		"refused-frozen": {Refused: true, Text: "uat is not to be refreshed then: Month end.", Hint: "Whoever froze it, or an admin, can lift that: /refresh unfreeze uat.", Blackouts: []commands.InBlackout{
			{Blackout: refresh.Blackout{From: next, Until: next.Add(99 * time.Hour), Why: "Month end", Owner: refresh.Person{ID: "S0FINANCE"}, Configured: true}, Free: next.Add(99 * time.Hour)},
			{Blackout: refresh.Blackout{From: next, Until: next.Add(9 * time.Hour), Why: "<!channel>", Owner: refresh.Person{ID: "U0FIN", Name: "Fiona"}}},
		}},
		"refused-admins": {Refused: true, Text: "Only admins may take a backup.", Admins: []string{"U0ADMIN", "U0BOSS"}},
		"done":           {Text: "The refresh of uat was asked for."},
	}
	for name, r := range replies {
		m := view.Reply(r, friday, options())
		check(t, m)
		golden(t, "replies/"+name, payload(t, m))
	}
	long := commands.Reply{Refused: true, Text: strings.Repeat("é<&>", 3000), Hint: strings.Repeat("x", 5000)}
	for range 200 {
		long.Help = append(long.Help, commands.Usage{Form: strings.Repeat("`a", 200), What: strings.Repeat("<!here>", 400), Example: "x"})
	}
	check(t, view.Reply(long, friday, options()))
	check(t, view.Reply(commands.Reply{}, friday, options()))
	check(t, view.Reply(commands.Reply{Listing: strings.Repeat("key: <&`>"+strings.Repeat("x", 300)+"\n", 300)}, friday, options()))
	check(t, view.Reply(commands.Reply{Listing: strings.Repeat("é<&>", 30000)}, friday, options()))
}
