package view

import (
	"fmt"
	"strings"
	"time"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// blackout is why an environment is not to be refreshed, until when, and whom to talk to.
func blackout(p pen, f commands.InBlackout) string {
	text := fmt.Sprintf("%s until %s", p.at(f.From), p.at(f.Until))
	if f.Why != "" {
		text = p.bold(line(f.Why, maxReason)) + ": " + text
	}
	if f.Owner.ID != "" || f.Owner.Name != "" {
		owner := p.person(f.Owner)
		if slackID(f.Owner.ID, "S") {
			owner = mention(f.Owner.ID)
		}
		text += ", owner: " + owner
	}
	return sentences(text, possible(p, f))
}

// possible is when a refresh can begin again; "" when that is not known.
func possible(p pen, f commands.InBlackout) string {
	if f.Free.IsZero() {
		return ""
	}
	return "Possible again from " + p.at(f.Free)
}

// ahead is how far ahead a blackout is named in a status.
const ahead = 14 * 24 * time.Hour

// coming are the lines about what comes: schedules, blackouts, and how many copies can still be begun.
func coming(p pen, t commands.Standing, now time.Time) []string {
	var lines []string
	for _, s := range t.Schedules {
		switch {
		case s.Paused != nil:
			lines = append(lines, fmt.Sprintf("Schedule %s is paused by %s", p.code(s.ID), p.person(s.Paused.By)))
		case len(s.Next) > 0:
			var times []string
			for _, at := range s.Next {
				times = append(times, p.at(at))
			}
			lines = append(lines, fmt.Sprintf("Next by schedule %s: %s", p.code(s.ID), strings.Join(times, ", ")))
		}
	}
	if len(t.Schedules) == 0 && !t.Next.IsZero() {
		lines = append(lines, "Next by schedule: "+p.at(t.Next))
	}
	named := 0
	for _, b := range t.Blackouts {
		if named++; named > 2 || b.From.After(now.Add(ahead)) {
			break
		}
		word := "Blackout"
		if b.Touches(now, now.Add(time.Nanosecond)) {
			word = "Blackout now"
		}
		lines = append(lines, word+", "+blackout(p, commands.InBlackout{Blackout: b}))
	}
	if t.Starts != nil {
		lines = append(lines, quota(p, *t.Starts))
	}
	return lines
}

// quota is how many copies LCS has begun lately.
func quota(p pen, q refresh.Quota) string {
	text := "LCS: " + q.String()
	if q.Left() == 0 {
		text += ", the next is possible " + p.at(q.Free)
	}
	return text
}
