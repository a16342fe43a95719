// Package when reads a point in time as people type it, in a small strict grammar, and says it back. It is pure: the
// clock and the zone are given to it.
//
//	now
//	in <n> minutes|hours|days      also in 90m, in 2h, in 1h30m, in 3d
//	<day> [at] <hh:mm> [<zone>]    day: today, tomorrow, a weekday or its first three letters, 2026-12-04
//	                               zone: UTC, a name such as Europe/Copenhagen, or an offset such as +01:00
//
// Whatever else is refused, and never guessed at.
package when

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"refreshbot/jobs/spell"
)

// Furthest is how far ahead a time may be when a Reader does not say otherwise. Who writes a later one has most
// likely mistyped the month.
const Furthest = 60 * 24 * time.Hour

// Error is why a time was not taken, in a sentence, and the next step. Both are plain text for the person who typed.
type Error struct {
	Text    string
	Next    string
	Misread bool // it may not have been meant as a time at all
}

func (e *Error) Error() string { return e.Text }

// Reader reads times at one moment for one person.
type Reader struct {
	Now      time.Time
	Zone     *time.Location // for times without a zone; never nil
	Furthest time.Duration  // zero: the constant
}

// Parse reads text as a time and nothing else. The zero time means now; any other is a full minute in the zone that was
// meant, later than Now and no further ahead than Furthest. Every error is an *Error.
func (r Reader) Parse(text string) (time.Time, error) {
	at, rest, err := r.Split(strings.Fields(text))
	if err == nil && len(rest) > 0 {
		err = r.misread(strings.Join(strings.Fields(text), " "))
	}
	if err != nil {
		return time.Time{}, err
	}
	return at, nil
}

// Split reads the time at the head of words, as Parse does, and returns what follows it.
func (r Reader) Split(words []string) (at time.Time, rest []string, err error) {
	if len(words) == 0 {
		return at, nil, &Error{Text: "When?", Next: r.Examples()}
	}
	switch strings.ToLower(words[0]) {
	case "now":
		return at, words[1:], nil
	case "in":
		at, rest, err = r.ahead(words)
	default:
		at, rest, err = r.onDay(words)
	}
	if err == nil {
		err = r.Check(at)
	}
	if err != nil {
		return time.Time{}, nil, err
	}
	return at, rest, nil
}

// Check says why a time that was not typed, say picked from a calendar, is not taken either: it has passed, or too far
// ahead. Its error is an *Error.
func (r Reader) Check(at time.Time) error {
	switch {
	case !at.After(r.Now):
		return &Error{Text: Said(at) + " has passed.", Next: r.Examples()}
	case at.Sub(r.Now) > r.furthest():
		return r.tooFar(Said(at))
	}
	return nil
}

// Examples is a sentence with one example of each form. The date in it is to come.
func (r Reader) Examples() string {
	day := r.Now.In(r.Zone).AddDate(0, 0, 12).Format(time.DateOnly)
	return "Times are written like this: now, in 2h, in 3 days, tomorrow 22:00, friday 22:00, " + day + " 22:00, " + day + " 22:00 UTC."
}

func (r Reader) furthest() time.Duration {
	if r.Furthest > 0 {
		return r.Furthest
	}
	return Furthest
}

func (r Reader) tooFar(what string) *Error {
	return &Error{Text: fmt.Sprintf("%s is more than %d days ahead.", what, r.furthest()/(24*time.Hour)), Next: "Name an earlier time, or ask when it is nearer."}
}

func (r Reader) misread(text string) *Error {
	return &Error{Text: fmt.Sprintf("I did not understand %q as a time.", clip(text)), Next: r.Examples(), Misread: true}
}

func clip(text string) string {
	if s := []rune(text); len(s) > 60 {
		return string(s[:59]) + "…"
	}
	return text
}

var (
	amount   = regexp.MustCompile(`^\d{1,4}$`)
	amounted = regexp.MustCompile(`^(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,4})m)?$`)
	tooMany  = regexp.MustCompile(`^\d{5,}`)
)

// ahead reads "in …". Minutes and hours are counted as they pass; days are those of the calendar, so that three days
// from 22:00 are 22:00 also when the clocks change in between.
func (r Reader) ahead(words []string) (time.Time, []string, error) {
	if len(words) < 2 {
		return time.Time{}, nil, &Error{Text: "In how long?", Next: r.Examples()}
	}
	var days, hours, minutes int
	rest := words[2:]
	word := strings.ToLower(words[1])
	switch m := amounted.FindStringSubmatch(word); {
	case tooMany.MatchString(word):
		return time.Time{}, nil, r.tooFar("In " + clip(strings.Join(words[1:min(3, len(words))], " ")))
	case m != nil:
		days, hours, minutes = number(m[1]), number(m[2]), number(m[3])
	case amount.MatchString(word) && len(rest) > 0:
		switch n := number(word); strings.ToLower(rest[0]) {
		case "m", "min", "mins", "minute", "minutes":
			minutes = n
		case "h", "hour", "hours":
			hours = n
		case "d", "day", "days":
			days = n
		default:
			return time.Time{}, nil, r.misread(strings.Join(words[:3], " "))
		}
		rest = rest[1:]
	default:
		return time.Time{}, nil, r.misread(strings.Join(words[:min(3, len(words))], " "))
	}
	at := r.Now.In(r.Zone).Truncate(time.Minute)
	if days > 0 {
		day := at.AddDate(0, 0, days)
		if day.Sub(at) > r.furthest()+24*time.Hour {
			return time.Time{}, nil, r.tooFar("In " + clip(strings.Join(words[1:len(words)-len(rest)], " ")))
		}
		var err error
		if at, err = local(at.Year(), at.Month(), at.Day()+days, at.Hour(), at.Minute(), r.Zone); err != nil {
			return time.Time{}, nil, err
		}
	}
	return at.Add(time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute), rest, nil
}

// number reads what a pattern has matched: at most four digits, or nothing.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// onDay reads "<day> [at] <hh:mm> [<zone>]".
func (r Reader) onDay(words []string) (time.Time, []string, error) {
	day, err := r.day(words)
	if err != nil {
		return time.Time{}, nil, err
	}
	rest := words[1:]
	if len(rest) > 1 && strings.EqualFold(rest[0], "at") {
		rest = rest[1:]
	}
	if len(rest) == 0 || !strings.ContainsAny(rest[0], "0123456789") {
		return time.Time{}, nil, &Error{Text: fmt.Sprintf("At what time %s?", day.said), Next: fmt.Sprintf("Write it as %s 22:00, from 00:00 to 23:59.", words[0])}
	}
	hour, minute, ok := clock(rest[0])
	if !ok {
		return time.Time{}, nil, &Error{Text: fmt.Sprintf("%q is no time of day.", clip(rest[0])), Next: fmt.Sprintf("Write it as %s 22:00, from 00:00 to 23:59.", words[0])}
	}
	zone, rest, err := r.zone(rest[1:])
	if err != nil {
		return time.Time{}, nil, err
	}
	// Today is where the zone is: tomorrow 22:00 Asia/Tokyo is counted from Tokyo's date.
	y, m, d := day.date(r.Now.In(zone))
	at, err := local(y, m, d, hour, minute, zone)
	if day.weekly && err == nil && !at.After(r.Now) {
		at, err = local(y, m, d+7, hour, minute, zone)
	}
	return at, rest, err
}

// day is which day is meant, once it is known what day it is.
type day struct {
	said   string
	weekly bool // the same again a week later
	date   func(today time.Time) (int, time.Month, int)
}

func (r Reader) day(words []string) (day, error) {
	word := strings.ToLower(words[0])
	after := func(days int) func(time.Time) (int, time.Month, int) {
		return func(today time.Time) (int, time.Month, int) { return today.AddDate(0, 0, days).Date() }
	}
	switch word {
	case "today":
		return day{said: word, date: after(0)}, nil
	case "tomorrow":
		return day{said: word, date: after(1)}, nil
	}
	for i, name := range weekdays {
		if word == name || word == name[:3] {
			return day{said: "on " + strings.ToUpper(name[:1]) + name[1:], weekly: true, date: func(today time.Time) (int, time.Month, int) {
				return today.AddDate(0, 0, (i-int(today.Weekday())+7)%7).Date()
			}}, nil
		}
	}
	if date, err := time.Parse(time.DateOnly, word); err == nil {
		return day{said: "on " + word, date: func(time.Time) (int, time.Month, int) { return date.Date() }}, nil
	}
	next := r.Examples()
	switch near, ok := spell.Nearest(word, slices.Concat([]string{"now", "today", "tomorrow"}, weekdays)); {
	case looksLikeDate.MatchString(word):
		next = "A date is written as year-month-day, like " + r.Now.In(r.Zone).AddDate(0, 0, 12).Format(time.DateOnly) + ". " + next
	case strings.Contains(word, ":"):
		next = fmt.Sprintf("Say on which day: today %s or tomorrow %s. %s", clip(words[0]), clip(words[0]), next)
	case ok && near == "now":
		next = "Did you mean now? " + next
	case ok:
		next = fmt.Sprintf("Did you mean %s 22:00? %s", near, next)
	}
	e := r.misread(strings.Join(words[:min(3, len(words))], " "))
	e.Next = next
	return day{}, e
}

var (
	looksLikeDate = regexp.MustCompile(`^\d+[-./]\d+`)
	clockPattern  = regexp.MustCompile(`^(\d{1,2}):(\d{2})$`)
	offset        = regexp.MustCompile(`^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$`)
	abbreviation  = regexp.MustCompile(`^[A-Z]{2,5}$`)
)

func clock(word string) (hour, minute int, ok bool) {
	m := clockPattern.FindStringSubmatch(word)
	if m == nil {
		return 0, 0, false
	}
	hour, minute = number(m[1]), number(m[2])
	return hour, minute, hour < 24 && minute < 60
}

// zone reads the zone at the head of words, if there is one. Abbreviations are refused: CST is four zones.
func (r Reader) zone(words []string) (*time.Location, []string, error) {
	if len(words) == 0 {
		return r.Zone, words, nil
	}
	word, upper := words[0], strings.ToUpper(words[0])
	unknown := &Error{Text: fmt.Sprintf("I know no time zone %q.", clip(word)), Next: "Write UTC, a name such as Europe/Copenhagen or America/New_York, or an offset such as +01:00."}
	switch {
	case upper == "UTC", upper == "GMT", upper == "Z":
		return time.UTC, words[1:], nil
	case offset.MatchString(upper):
		m := offset.FindStringSubmatch(upper)
		seconds := number(m[2])*3600 + number(m[3])*60
		if seconds > 14*3600 || number(m[3]) > 59 { // no place on Earth is further from UTC
			return nil, nil, unknown
		}
		if m[1] == "-" {
			seconds = -seconds
		}
		if seconds == 0 {
			return time.UTC, words[1:], nil
		}
		return time.FixedZone(offsetOf(seconds), seconds), words[1:], nil
	case strings.Contains(word, "/"):
		for _, name := range []string{word, capitals(word)} {
			if zone, err := time.LoadLocation(name); err == nil {
				return zone, words[1:], nil
			}
		}
		return nil, nil, unknown
	case abbreviation.MatchString(word), word[0] == '+', word[0] == '-':
		return nil, nil, unknown
	}
	return r.Zone, words, nil
}

// capitals writes a zone's name as the database does, e.g. america/new_york as America/New_York.
func capitals(name string) string {
	out, start := []byte(strings.ToLower(name)), true
	for i, c := range out {
		if start && 'a' <= c && c <= 'z' {
			out[i] = c - 'a' + 'A'
		}
		start = c == '/' || c == '_' || c == '-'
	}
	return string(out)
}

// local returns the one moment at which the clocks of a zone show this. When they are put forward there may be none,
// and when they are put back two.
func local(y int, m time.Month, d, hour, minute int, zone *time.Location) (time.Time, error) {
	shown := time.Date(y, m, d, hour, minute, 0, 0, time.UTC)
	var found []time.Time
	// Every offset that the zone has within a day and a bit of it; no offset is larger than that.
	for t := shown.Add(-26 * time.Hour).In(zone); ; {
		_, seconds := t.Zone()
		at := shown.Add(-time.Duration(seconds) * time.Second).In(zone)
		if at.Format(clockLayout) == shown.Format(clockLayout) && !slices.ContainsFunc(found, at.Equal) {
			found = append(found, at)
		}
		_, end := t.ZoneBounds()
		if end.IsZero() || end.After(shown.Add(26*time.Hour)) {
			break
		}
		t = end
	}
	said := shown.Format("Monday 2 January 2006")
	date := shown.Format(time.DateOnly)
	switch len(found) {
	case 0:
		return time.Time{}, &Error{
			Text: fmt.Sprintf("On %s the clocks in %s are put forward, and %s does not exist.", said, zone, shown.Format("15:04")),
			Next: "Take a time at least an hour before or after it.",
		}
	case 1:
		return found[0], nil
	}
	slices.SortFunc(found, time.Time.Compare)
	example := func(at time.Time) string { return date + at.Format(" 15:04 -07:00") }
	return time.Time{}, &Error{
		Text: fmt.Sprintf("On %s the clocks in %s are put back, and %s occurs twice.", said, zone, shown.Format("15:04")),
		Next: fmt.Sprintf("Say which: %s is the first, %s the second.", example(found[0]), example(found[1])),
	}
}

const clockLayout = "2006-01-02 15:04"

// Said is a time in words, with its weekday, its zone and the zone's offset at that time, e.g.
// "Friday 4 December 2026 22:00 (Europe/Copenhagen, UTC+01:00)".
func Said(at time.Time) string {
	return at.Format("Monday 2 January 2006 15:04") + " (" + Zone(at) + ")"
}

// Zone is the zone of a time, and its offset then where the name does not say it.
func Zone(at time.Time) string {
	_, seconds := at.Zone()
	name, off := at.Location().String(), offsetOf(seconds)
	if name == off || name == "" {
		return off
	}
	return name + ", " + off
}

func offsetOf(seconds int) string {
	if seconds == 0 {
		return "UTC"
	}
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	return fmt.Sprintf("UTC%c%02d:%02d", sign, seconds/3600, seconds/60%60)
}
