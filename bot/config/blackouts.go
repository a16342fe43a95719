package config

import (
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/blackout"
	"refreshbot/jobs/recur"
)

// blackouts reads when environments are not to be refreshed. Times are read as a clock on the wall shows them, with
// UTC in place of the zone, since time_zone may stand further down; placed puts them into it.
func (d *decoder) blackouts(out *[]blackout.Rule) reader {
	return func(v value) {
		for _, i := range d.items(v) {
			var r blackout.Rule
			d.object(i,
				must("why", "why nobody is to refresh then, such as Month end", d.text(&r.Why)),
				may("owner", d.person(&r.Owner)),
				may("environments", list(d, &r.Environments, d.text)),
				may("from", d.wall(&r.From, false)),
				may("to", d.wall(&r.Until, true)),
				may("cron", d.cron(&r.Cron)),
				may("for", d.duration(&r.For, false)),
			)
			_, from := at(i, "from")
			to, hasTo := at(i, "to")
			_, cron := at(i, "cron")
			length, hasFor := at(i, "for")
			switch once, again := from && hasTo && !cron && !hasFor, cron && hasFor && !from && !hasTo; {
			case !once && !again:
				d.fail(i, `needs either from and to, or cron and for, such as cron: "0 0 28 * *", for: 96h`)
			case once && !r.From.IsZero() && !r.Until.IsZero() && !r.From.Before(r.Until):
				d.fail(to, "must be later than from")
			case again && r.For > maxBlackout:
				d.fail(length, "must be at most %d days: for longer write from and to", int(maxBlackout/(24*time.Hour)))
			default:
				*out = append(*out, r)
			}
		}
	}
}

const maxBlackout = 92 * 24 * time.Hour

// wall reads a date with or without a time of day. A date alone is its first moment, or as the end of something the
// first moment after it.
func (d *decoder) wall(out *time.Time, end bool) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s == "" {
			return
		}
		if t, err := time.Parse(time.DateOnly, s); err == nil {
			if end {
				t = t.AddDate(0, 0, 1)
			}
			*out = t
			return
		}
		t, err := time.Parse("2006-01-02 15:04", strings.Replace(s, "T", " ", 1))
		if err != nil {
			d.fail(v, "must be a date such as 2026-12-21 or a time such as 2026-12-21 18:00, not %s", show(s))
			return
		}
		*out = t
	}
}

// placed finishes what blackouts has read, once the zone and the environments are known.
func (d *decoder) placed(v value, out *Config) {
	list, ok := at(v, "blackouts")
	if !ok || len(out.Environments) == 0 { // reported already
		return
	}
	var targets []string
	for _, e := range out.Targets() {
		targets = append(targets, e.Name)
	}
	for i := range out.Blackouts {
		r := &out.Blackouts[i]
		if r.Cron == "" {
			r.From, r.Until = recur.Place(r.From, out.TimeZone), recur.Place(r.Until, out.TimeZone)
		}
		for _, name := range r.Environments {
			if !slices.ContainsFunc(targets, func(t string) bool { return strings.EqualFold(t, name) }) {
				d.fail(list, "%s is no environment that can be refreshed%s", show(name), meant(name, targets))
			}
		}
	}
}
