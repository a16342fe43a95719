package config

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"refreshbot/jobs/refresh"
)

// reminders are the defaults: twice by asking again, then the admins too, in office hours.
func reminders() refresh.Reminders {
	return refresh.Reminders{
		After: []time.Duration{time.Hour, 4 * time.Hour}, Escalate: 8 * time.Hour, Again: 24 * time.Hour,
		Before: []time.Duration{24 * time.Hour, 4 * time.Hour, time.Hour}, Near: []time.Duration{30 * time.Minute, 5 * time.Minute},
		Hours: refresh.Hours{From: 8 * time.Hour, To: 18 * time.Hour, Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}},
	}
}

// reminders reads when people are reminded. A key that is left out keeps its default; an empty list and a zero mean
// never.
func (d *decoder) reminders(out *refresh.Reminders) reader {
	return func(v value) {
		var zone *time.Location
		d.object(v,
			may("after", d.durations(&out.After)),
			may("escalate", d.duration(&out.Escalate, true)),
			may("again", d.duration(&out.Again, true)),
			may("before", d.durations(&out.Before)),
			may("days", d.days(&out.Hours.Days)),
			may("hours", d.span(&out.Hours.From, &out.Hours.To, "08:00-18:00", false)),
			may("zone", d.zone(&zone)),
			may("downtime", d.durations(&out.Near)),
		)
		if zone != nil {
			out.Hours.Zone = zone.String()
		}
		if again, ok := at(v, "again"); ok && out.Again > 0 && out.Again < time.Hour {
			d.fail(again, "must be at least an hour, or 0s for never")
		}
	}
}

// durations reads a list of lengths of time in place of what is there.
func (d *decoder) durations(out *[]time.Duration) reader {
	return func(v value) {
		*out = nil
		if n := resolve(v.node); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			return // never
		}
		var words []string
		list(d, &words, func(s *string) reader {
			return func(v value) {
				var n time.Duration
				if d.duration(&n, false)(v); n > 0 {
					*s, *out = n.String(), append(*out, n)
				}
			}
		})(v)
	}
}

func (d *decoder) days(out *[]time.Weekday) reader {
	return func(v value) {
		var words []string
		names := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
		list(d, &words, func(s *string) reader { return choice(d, s, names...) })(v)
		if len(words) == 0 {
			return // reported already
		}
		*out = nil
		for day, name := range names {
			for _, w := range words {
				if w == name {
					*out = append(*out, time.Weekday(day))
				}
			}
		}
	}
}

// clock reads a time of day; 24:00 is the end of it.
func clock(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if s == "24:00" {
		return 24 * time.Hour, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, fmt.Errorf("time of day: %w", err)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}
