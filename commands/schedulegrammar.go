package commands

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/recur"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// usualLead is how long before its time a scheduled refresh is asked for, unless the schedule says otherwise.
const usualLead = 4 * time.Hour

// mostADay is how many starts LCS accepts in 24 hours for an environment (Microsoft Learn, "Database Movement API -
// Throttling"); a schedule of more could not be kept.
const mostADay = 3

// quotes are the marks that people, and their telephones, put around a cron expression.
const quotes = "\"'`“”„‟«»‘’‚"

// dashes are what telephones make of a hyphen, as in MON-FRI.
var dashes = strings.NewReplacer("–", "-", "—", "-", "−", "-")

// entryOf reads `"0 20 * * FRI" [zone] [ask 8h] [missed skip|once] [within 2h] [blackout skip|postpone] [because …]`. The
// quotes may be of any kind, or missing.
func (s *Service) entryOf(t Target, by refresh.Person, words []string) (schedule.Entry, error) {
	name := t.Request.Target.Name
	e := schedule.Entry{Target: name, Zone: s.Zone.String(), Missed: schedule.Skip, Ask: usualLead, Blackout: schedule.PassOver, Owner: by}
	bad := func(err error) (schedule.Entry, error) {
		return e, hinted{err, fmt.Sprintf("For example: /refresh schedule %s \"0 20 * * FRI\" because fresh data on Monday. Without cron: /refresh schedule %s opens a form.", name, name)}
	}
	expression, words := cronOf(words)
	e.Cron = expression
	if e.Cron == "" {
		return bad(refresh.Errorf(refresh.Invalid, "At which times?"))
	}
	times, err := recur.Parse(e.Cron, s.Zone)
	if err != nil {
		return bad(err)
	}
	if n := times.Most(24*time.Hour, time.Now()); n > mostADay {
		return bad(refresh.Errorf(refresh.Invalid, "%q comes up more often than Lifecycle Services begins refreshes: at most %d in 24 hours.", e.Cron, mostADay))
	}
	if len(words) > 0 && !isReason(words[0]) && !slices.Contains(options(), strings.ToLower(words[0])) {
		zone, ok := zoneNamed(words[0])
		if !ok {
			return bad(refresh.Errorf(refresh.Invalid, "There is no time zone %q: write it as Europe/Copenhagen or UTC.", words[0]))
		}
		e.Zone, words = zone, words[1:]
	}
	for len(words) > 0 && !isReason(words[0]) {
		if len(words) == 1 && slices.Contains(options(), strings.ToLower(words[0])) {
			return bad(option(&e, strings.ToLower(words[0]), ""))
		}
		if len(words) == 1 {
			return bad(refresh.Errorf(refresh.Invalid, "I did not understand %q.", words[0]))
		}
		if err := option(&e, strings.ToLower(words[0]), strings.ToLower(words[1])); err != nil {
			return bad(err)
		}
		words = words[2:]
	}
	if e.Within > 0 && e.Missed != schedule.Once {
		return bad(refresh.Errorf(refresh.Invalid, "within says how late a missed time is still asked for, so it needs missed once."))
	}
	if e.Why, err = reasonOf(words, cronExample); err != nil {
		return e, err
	}
	return e, nil
}

// cronOf takes the expression from the head of words: what stands in quotes, a word such as @weekly, or five fields.
func cronOf(words []string) (expression string, rest []string) {
	text := strings.Join(words, " ")
	if open := firstRune(text); strings.ContainsRune(quotes, open) {
		text = strings.TrimLeft(text, quotes)
		if end := strings.IndexAny(text, quotes); end >= 0 {
			return dashes.Replace(strings.Join(strings.Fields(text[:end]), " ")), strings.Fields(strings.TrimLeft(text[end:], quotes))
		}
		words = strings.Fields(text)
	}
	n := min(5, len(words))
	if n > 0 && strings.HasPrefix(words[0], "@") {
		n = 1
	}
	return dashes.Replace(strings.TrimRight(strings.Join(words[:n], " "), quotes)), words[n:]
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

// zoneNamed finds a time zone by its name in the IANA database, whatever its case.
func zoneNamed(word string) (string, bool) {
	titled := []rune(strings.ToLower(word))
	for i := range titled {
		if i == 0 || strings.ContainsRune("/_-", titled[i-1]) {
			titled[i] = []rune(strings.ToUpper(string(titled[i])))[0]
		}
	}
	for _, name := range []string{word, strings.ToUpper(word), string(titled)} {
		if zone, err := time.LoadLocation(name); err == nil && name != "" && !strings.EqualFold(name, "local") {
			return zone.String(), true
		}
	}
	return "", false
}

func options() []string { return []string{"ask", "missed", "within", "blackout"} }

// option reads one of the options of a schedule. No value is an error too.
func option(e *schedule.Entry, name, value string) error {
	not := "."
	if value != "" {
		not = fmt.Sprintf(", not %q.", value)
	}
	span := func(out *time.Duration, least, most time.Duration) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < least || d > most {
			return refresh.Errorf(refresh.Invalid, "%s takes a time such as 8h, from %s to %s%s", name, refresh.Span(least), refresh.Span(most), not)
		}
		*out = d
		return nil
	}
	oneOf := func(words ...string) error {
		if !slices.Contains(words, value) {
			return refresh.Errorf(refresh.Invalid, "%s takes %s%s", name, strings.Join(words, " or "), not)
		}
		return nil
	}
	switch name {
	case "ask":
		return span(&e.Ask, 0, 7*24*time.Hour)
	case "within":
		return span(&e.Within, time.Minute, 7*24*time.Hour)
	case "missed":
		e.Missed = schedule.Missed(value)
		return oneOf(string(schedule.Skip), string(schedule.Once))
	case "blackout":
		e.Blackout = schedule.InBlackout(value)
		return oneOf(string(schedule.PassOver), string(schedule.Postpone))
	}
	return refresh.Errorf(refresh.Invalid, "I did not understand %q. Behind the expression can stand a time zone, %s, and a reason.", name, strings.Join(options(), ", "))
}

// lineOf is the line that makes the schedule.
func lineOf(e schedule.Entry) string {
	line := fmt.Sprintf("schedule %s \"%s\" %s ask %s missed %s blackout %s", e.Target, e.Cron, e.Zone, e.Ask, e.Missed, e.Blackout)
	if e.Within > 0 {
		line += " within " + e.Within.String()
	}
	if e.Why != "" {
		line += " because " + e.Why
	}
	return line
}
