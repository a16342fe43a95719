package config

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"refreshbot/bot/notice"
)

// notify reads which channels of users hear about an environment.
func (d *decoder) notify(out *[]notice.Audience) reader {
	return func(v value) {
		first := map[string]int{}
		for _, i := range d.items(v) {
			a := notice.Audience{Language: notice.Default}
			d.object(i,
				must("channel", "the id of the channel where the users are", d.channel(&a.Channel)),
				may("mention", d.matching(&a.Mention, groupID, "must be the id of a Slack user group, S…")),
				may("language", d.matching(&a.Language, language, "must be a language such as en or de")),
				may("about", list(d, &a.About, func(k *notice.Kind) reader { return choice(d, k, notice.Kinds()...) })),
			)
			if at := first[a.Channel]; at > 0 {
				d.fail(i, "%s is here twice, first on line %d: keep one of the two", a.Channel, at)
			} else if a.Channel != "" {
				first[a.Channel] = i.line
				*out = append(*out, a)
			}
		}
	}
}

var language = regexp.MustCompile(`^[a-z]{2}(-[A-Z]{2})?$`)

// texts reads what is to be said in place of the standard texts, and in which languages beside the standard ones.
func (d *decoder) texts(out *notice.Texts) reader {
	return func(v value) {
		own := notice.Texts{}
		for _, lang := range d.entries(v) {
			if !language.MatchString(lang.key) {
				d.fail(lang.value, "must be a language such as en or de")
				continue
			}
			own[lang.key] = map[notice.Kind]string{}
			for _, text := range d.entries(lang.value) {
				kind, said := notice.Kind(text.key), ""
				if !slices.Contains(notice.Kinds(), kind) {
					d.fail(text.value, "is nothing that users are told%s", meant(text.key, words(notice.Kinds())))
					continue
				}
				d.text(&said)(text.value)
				if said == "" {
					continue // reported
				}
				if err := notice.Check(said); err != nil {
					d.fail(text.value, "%v", err)
				}
				own[lang.key][kind] = said
			}
		}
		*out = out.With(own)
		for _, lang := range d.entries(v) {
			if missing := out.Missing(lang.key); len(missing) > 0 && own[lang.key] != nil {
				d.fail(lang.value, "has no text for %s: a language has to be complete, so that nobody is told half of it", strings.Join(words(missing), ", "))
			}
		}
	}
}

// languages checks that every audience has its texts.
func (d *decoder) languages(v value, cfg *Config) {
	for _, t := range cfg.Targets() {
		for _, a := range t.Refresh.Notify {
			if len(cfg.Texts.Missing(a.Language)) > 0 {
				at, _ := at(v, "environments", t.Name, "refresh", "notify")
				d.fail(at, "speaks %s, for which there are no texts: known are %s; others can be added under texts", a.Language, strings.Join(cfg.Texts.Languages(), ", "))
			}
		}
	}
}

// quiet reads when nobody is called.
func (d *decoder) quiet(out *notice.Quiet) reader {
	return func(v value) {
		d.object(v,
			must("hours", "from when to when, such as 19:00-07:00", d.span(&out.From, &out.To, "19:00-07:00", true)),
			may("weekends", d.flag(&out.Weekends)),
		)
	}
}

// span reads two times of a day, such as those of the example; overnight, the second may be on the next day.
func (d *decoder) span(from, to *time.Duration, example string, overnight bool) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s == "" {
			return
		}
		first, last, ok := strings.Cut(s, "-")
		begin, err := clock(first)
		end, err2 := clock(last)
		if !ok || err != nil || err2 != nil || begin == end || end < begin && !overnight {
			d.fail(v, "must be two times of a day, such as %s, not %s", example, show(s))
			return
		}
		*from, *to = begin, end
	}
}
