package notice

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/spell"
)

// Texts are the words of every notice, by language and kind.
type Texts map[string]map[Kind]string

// Default is the language of an audience that names none.
const Default = "en"

// Standard returns the texts that need no configuration. What stands in braces is filled in; see placeholders.
func Standard() Texts {
	return Texts{
		"en": {
			Announced: "*{environment} will be down from {from} to about {to}.* It gets a fresh copy of {source}: everything entered in {environment} since its last refresh will be gone. Please finish and log out before. [Why: {why}.]",
			Postponed: "*The downtime of {environment} has moved: from {from} to about {to}.* [Why: {why}.]",
			Soon:      "*{environment} goes down in {left}.* Please save your work and log out now. It is expected back about {to}.",
			Offline:   "*{environment} is down now.* It is expected back about {to}. There is nothing you need to do.",
			Back:      "*{environment} answers again, and is not ready yet.* It is still being set up: please wait until it is said here that it is open.",
			Open:      "*{environment} is open again*, with a fresh copy of {source}.",
			Cancelled: "*{environment} stays up.* The downtime that was announced will not take place: go on as before.",
			Failed:    "*The refresh of {environment} did not work out.* Please do not work in it before you hear from those who look after it.",
		},
		"de": {
			Announced: "*{environment} ist von {from} bis etwa {to} nicht verfügbar.* Die Umgebung bekommt eine frische Kopie von {source}: Alles, was seit der letzten Aktualisierung in {environment} erfasst wurde, ist danach weg. Bitte vorher fertig werden und abmelden. [Grund: {why}.]",
			Postponed: "*Die Auszeit von {environment} hat sich verschoben: von {from} bis etwa {to}.* [Grund: {why}.]",
			Soon:      "*{environment} ist in {left} nicht mehr verfügbar.* Bitte jetzt speichern und abmelden. Voraussichtlich wieder da: etwa {to}.",
			Offline:   "*{environment} ist jetzt nicht verfügbar.* Voraussichtlich wieder da: etwa {to}. Es ist nichts zu tun.",
			Back:      "*{environment} antwortet wieder, ist aber noch nicht bereit.* Die Umgebung wird noch eingerichtet: Bitte warten, bis hier steht, dass sie offen ist.",
			Open:      "*{environment} ist wieder offen*, mit einer frischen Kopie von {source}.",
			Cancelled: "*{environment} bleibt verfügbar.* Die angekündigte Auszeit findet nicht statt: einfach weiterarbeiten.",
			Failed:    "*Die Aktualisierung von {environment} ist nicht gelungen.* Bitte nicht darin arbeiten, bevor sich jemand meldet, der die Umgebung betreut.",
		},
	}
}

// placeholders are what a text can have filled in.
func placeholders() []string { return []string{"environment", "source", "from", "to", "left", "why"} }

// aside is a part that is left out when no reason was given.
var aside = regexp.MustCompile(`\[([^\[\]]*\{why\}[^\[\]]*)\]`)

var brace = regexp.MustCompile(`\{([^{}]*)\}`)

// Check says what is wrong with a text of somebody's own.
func Check(text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("is empty")
	}
	const longest = 1000
	if len([]rune(text)) > longest {
		return fmt.Errorf("is longer than %d characters", longest)
	}
	for _, m := range brace.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(placeholders(), m[1]) {
			advice := "known: {" + strings.Join(placeholders(), "}, {") + "}"
			if near, ok := spell.Nearest(m[1], placeholders()); ok {
				advice = "did you mean {" + near + "}?"
			}
			return fmt.Errorf("has {%s} in it, which nothing is filled in for; %s", m[1], advice)
		}
	}
	return nil
}

// With returns t with the texts of own in place of its own.
func (t Texts) With(own Texts) Texts {
	all := Texts{}
	for lang, texts := range t {
		all[lang] = maps.Clone(texts)
	}
	for lang, texts := range own {
		if all[lang] == nil {
			all[lang] = map[Kind]string{}
		}
		maps.Copy(all[lang], texts)
	}
	return all
}

// Missing returns the kinds that a language has no text for.
func (t Texts) Missing(lang string) []Kind {
	var missing []Kind
	for _, k := range Kinds() {
		if t[lang][k] == "" {
			missing = append(missing, k)
		}
	}
	return missing
}

// Languages returns those that are complete, in order.
func (t Texts) Languages() []string {
	var complete []string
	for lang := range t {
		if len(t.Missing(lang)) == 0 {
			complete = append(complete, lang)
		}
	}
	slices.Sort(complete)
	return complete
}

// write fills in the text of n. Times are shown by Slack in each reader's own zone; in the plain text they are in the
// speaker's.
func (s Speaker) write(n Notice, r refresh.Refresh, lang string) (marked, plain string) {
	text := s.Texts[lang][n.Kind]
	if text == "" {
		text = s.Texts[Default][n.Kind]
	}
	part := "$1"
	if r.Reason == "" {
		part = ""
	}
	text = aside.ReplaceAllString(text, part)
	fill := func(at func(time.Time) string) string {
		return strings.Join(strings.Fields(strings.NewReplacer(
			"{environment}", s.Escape(r.Target.Name), "{source}", s.Escape(r.Source.Name), "{why}", s.Escape(strings.TrimRight(r.Reason, ". ")),
			"{from}", at(n.Window.From), "{to}", at(n.Window.To), "{left}", minutes(n.Left),
		).Replace(text)), " ")
	}
	zone := cmp.Or(s.Zone, time.UTC)
	fallback := func(at time.Time) string { return at.In(zone).Format(layout(lang)) }
	marked = fill(func(at time.Time) string {
		return fmt.Sprintf("<!date^%d^{date_short_pretty}%s{time}|%s>", at.Unix(), between(lang), fallback(at))
	})
	return marked, strings.ReplaceAll(fill(fallback), "*", "")
}

// between stands between the day and the time that Slack writes.
func between(lang string) string {
	switch lang {
	case "en":
		return " at "
	case "de":
		return " um "
	}
	return " "
}

// layout is how a time is written where Slack does not do it.
func layout(lang string) string {
	if lang == "en" {
		return "Mon 2 Jan 15:04 MST"
	}
	return "2.1.2006 15:04 MST" // in digits, which need no translation
}

// minutes is the same in every language that is written with digits.
func minutes(d time.Duration) string {
	return fmt.Sprintf("%d min", max(1, int(d.Round(time.Minute).Minutes())))
}
