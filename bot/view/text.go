package view

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"refreshbot/jobs/refresh"
)

// Slack's limits on texts, in characters (Slack's Block Kit reference). maxText is the limit of chat.update on
// the top-level text, which is stricter than that of chat.postMessage.
const (
	maxHeader  = 150
	maxSection = 3000
	maxText    = 4000
)

// How much of the texts that come from outside is shown where they stand among others.
const (
	maxEnv    = 40
	maxName   = 80
	maxReason = 300
	maxNote   = 200
)

// Escape replaces the three characters that Slack gives a meaning in mrkdwn ("Formatting text for app surfaces").
func Escape(s string) string { return entities.Replace(s) }

// The replacers hold no state: they are tables, and safe for concurrent use.
var (
	entities   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	unescape   = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
	lookalikes = strings.NewReplacer("<", "‹", ">", "›")
)

// clip shortens mrkdwn to max characters. It never cuts through an entity, a mention or a link.
func clip(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	n, end := 0, 0 // characters and bytes of what surely fits with the ellipsis
	for end < len(s) {
		atom := atomAt(s[end:])
		if n += utf8.RuneCountInString(s[end : end+atom]); n > max-1 {
			break
		}
		end += atom
	}
	return strings.TrimRight(s[:end], " \n") + "…"
}

// atomAt returns the length in bytes of what must stay together at the start of s.
func atomAt(s string) int {
	switch s[0] {
	case '<':
		if i := strings.IndexByte(s, '>'); i > 0 {
			return i + 1
		}
	case '&':
		for _, entity := range []string{"&amp;", "&lt;", "&gt;"} {
			if strings.HasPrefix(s, entity) {
				return len(entity)
			}
		}
	}
	_, size := utf8.DecodeRuneInString(s)
	return size
}

// tidy drops what can spoil a line: control characters, broken UTF-8 and the marks that turn the direction of
// writing, with which a name could pose as another.
func tidy(s string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case keep(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
}

// oneLine tidies a text of which max characters will be shown. What could not be among them is not looked at:
// a text from outside may be of any length.
func oneLine(s string, max int) string {
	if most := 4 * max; len(s) > most {
		s = s[:most] + " …"
	}
	if clean(s) {
		return s
	}
	return strings.Join(strings.Fields(tidy(s, func(rune) bool { return false })), " ")
}

// clean reports whether s is plain ASCII on one line with single spaces, as most texts are.
func clean(s string) bool {
	space := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7f || c == ' ' && space {
			return false
		}
		space = c == ' '
	}
	return s == "" || !space
}

// line is a text from outside, on one line, escaped and at most max characters.
func line(s string, max int) string {
	return clip(Escape(oneLine(s, max)), max)
}

var webAddress = regexp.MustCompile(`https?://[^\s<>|]*[^\s<>|.,;:!?)'"]`)

// paragraph is a text from outside that may have several lines. Addresses in it can be clicked: blocks are
// verbatim, so Slack does not see to that.
func paragraph(s string, max int) string {
	s = Escape(strings.TrimSpace(tidy(s, func(r rune) bool { return r == '\n' })))
	return clip(webAddress.ReplaceAllString(s, "<$0>"), max)
}

// unmarked is a text for a plain_text object. Slack's pages leave open whether entities are decoded there, so
// the brackets are replaced by look-alikes that mean nothing to it.
func unmarked(s string, max int) string {
	s = lookalikes.Replace(oneLine(s, max))
	if r := []rune(s); len(r) > max {
		return strings.TrimRight(string(r[:max-1]), " ") + "…"
	}
	return s
}

// fit joins lines within max characters; what has no room is counted in a last line.
func fit(lines []string, max int) string {
	all := strings.Join(lines, "\n")
	if utf8.RuneCountInString(all) <= max {
		return all
	}
	const room = 22 // for "… and 12345 more"
	kept, n := 0, 0
	for kept < len(lines)-1 {
		n += utf8.RuneCountInString(lines[kept]) + 1
		if n > max-room {
			break
		}
		kept++
	}
	if kept == 0 { // even the first is too long, so it is cut itself
		if max <= 2*room || len(lines) == 1 {
			return clip(lines[0], max)
		}
		return fmt.Sprintf("%s\n… and %d more", clip(lines[0], max-room), len(lines)-1)
	}
	return fmt.Sprintf("%s\n… and %d more", strings.Join(lines[:kept], "\n"), len(lines)-kept)
}

// escaped makes upstream names fit for a list.
func escaped(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, line(n, maxName))
	}
	return out
}

// list is "a, b, c and 4 more": at most most items, which are already escaped.
func list(items []string, most int) string { return joined(items, ", ", most) }

// apart is list for items that have commas in them.
func apart(items []string, most int) string { return joined(items, "; ", most) }

func joined(items []string, by string, most int) string {
	if len(items) <= most {
		return strings.Join(items, by)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], by), len(items)-most)
}

// pen writes the parts of a sentence: with Slack's markup for blocks, or plain for notifications and screen
// readers, which do not render it.
type pen struct {
	o     Options
	plain bool
}

func (p pen) bold(s string) string {
	if p.plain || s == "" {
		return s
	}
	return "*" + s + "*"
}

func (p pen) code(s string) string { return p.codeOf(s, maxName) }

// codeOf is code for what is longer than a name.
func (p pen) codeOf(s string, max int) string {
	s = line(strings.ReplaceAll(s, "`", "'"), max)
	if p.plain {
		return s
	}
	return "`" + s + "`"
}

// at is a moment, shown by Slack in the reader's own time zone; the fallback names its zone.
func (p pen) at(t time.Time) string {
	zone := p.o.Zone
	if zone == nil {
		zone = time.UTC
	}
	fallback := Escape(t.In(zone).Format("2 Jan 2006 at 15:04 MST"))
	if p.plain {
		return fallback
	}
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), fallback)
}

var stamp = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d UTC\b`)

// dated puts the moments that a text of ours names into the reader's own time zone.
func (p pen) dated(s string) string {
	return stamp.ReplaceAllStringFunc(s, func(m string) string {
		t, err := time.Parse(refresh.StampLayout, m)
		if err != nil {
			return m
		}
		return p.at(t)
	})
}

// prose is a text that a step or a decision has left, on one line. Those name moments.
func (p pen) prose(s string, max int) string { return p.dated(line(s, max)) }

func (p pen) person(who refresh.Person) string {
	switch name := line(who.Name, maxName); {
	case name != "" && (p.plain || !slackID(who.ID, "UW")):
		return name
	case who.ID != "":
		return mention(who.ID)
	}
	return "somebody"
}

// anyOf names users and groups of whom any can decide; also adds people who are no ids.
func (p pen) anyOf(ids []string, also ...string) string {
	const most = 5
	var names []string
	for _, id := range ids {
		names = append(names, mention(id))
	}
	if len(names) > most {
		names = append(names[:most:most], fmt.Sprintf("%d others", len(names)-most))
	}
	names = append(names, also...)
	switch n := len(names); n {
	case 0:
		return "nobody named in the configuration"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

func (p pen) link(url, label string) string {
	if p.plain || !webAddress.MatchString(url) || strings.ContainsAny(url, "<>| \n") {
		return ""
	}
	return fmt.Sprintf("<%s|%s>", Escape(url), strings.ReplaceAll(label, "|", "¦"))
}

// lcs is a link to the environment in LCS, or nothing.
func (p pen) lcs(e refresh.Environment, label string) string {
	if p.o.LCSLink == nil {
		return ""
	}
	return p.link(p.o.LCSLink(e.LCS), label)
}

func mention(id string) string {
	switch {
	case slackID(id, "UW"):
		return "<@" + id + ">"
	case slackID(id, "S"):
		return "<!subteam^" + id + ">"
	}
	return line(id, maxName)
}

// slackID reports whether id can be an id of Slack's that begins with one of the letters.
func slackID(id, letters string) bool {
	if len(id) < 3 || len(id) > 30 || !strings.ContainsRune(letters, rune(id[0])) {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// capital begins a sentence with a word that stands inside one elsewhere.
func capital(s string) string { return begun(s, unicode.ToUpper) }

// uncapital has a sentence stand inside another one.
func uncapital(s string) string { return begun(s, unicode.ToLower) }

func begun(s string, as func(rune) rune) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(as(r)) + s[size:]
}

// sentence ends s with a full stop, unless it ends with a mark already.
func sentence(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

// sentences joins those that say something.
func sentences(all ...string) string {
	var said []string
	for _, s := range all {
		if s != "" {
			said = append(said, sentence(s))
		}
	}
	return strings.Join(said, " ")
}

// env is the name of an environment.
func env(e refresh.Environment) string { return line(e.Name, maxEnv) }

// stepName is the name of a step.
func stepName(s refresh.Step) string {
	if s.Name == "" {
		return line(s.ID, maxName)
	}
	return line(s.Name, maxName)
}
