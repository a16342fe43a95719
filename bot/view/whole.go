package view

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// File is the whole of what a message has room for a part of, as a text.
type File struct {
	Name  string
	Title string // says what it is, also to who does not see it
	Text  string
}

// inFull makes a file of a text. about is what it is, in a few words.
func inFull(about string, lines []string) *File {
	name := strings.Trim(unnamed.ReplaceAllString(strings.ToLower(unmarked(about, maxEnv)), "-"), "-")
	return &File{Name: "refreshbot-" + name + ".txt", Title: unmarked(capital(about), maxHeader) + ", in full", Text: strings.Join(lines, "\n") + "\n"}
}

var (
	unnamed   = regexp.MustCompile(`[^a-z0-9]+`)
	mentioned = regexp.MustCompile(`<(?:@|#|!subteam\^)([A-Z0-9]+)>`)
)

// read is what the views write, outside of Slack: nothing there resolves a mention.
func read(lines ...string) []string {
	for i, l := range lines {
		lines[i] = unescape.Replace(mentioned.ReplaceAllString(l, "@$1"))
	}
	return lines
}

// long reports whether a text is longer than what is shown of it.
func long(s string, most int) bool { return utf8.RuneCountInString(s) > most }

// Whole is an answer in full when a message has room for a part of it; otherwise nil.
func Whole(r commands.Reply, now time.Time, o Options) *File {
	p := pen{o: o, plain: true}
	lines, cut := []string{r.Text}, false
	about := r.Name
	if d := r.Plan; d != nil {
		about = "dry run of " + d.Target
		lines, cut = append(lines, wholePlan(p, *d)...), cut || planCut(p, *d)
	}
	cut = cut || len(r.Targets) > mostTargets
	for _, t := range r.Targets {
		about = "status"
		told := standing(p, t, now)
		lines, cut = append(append(lines, ""), read(told...)...), cut || long(strings.Join(told, "\n"), maxStanding)
	}
	cut = cut || len(r.Items) > mostItems
	for _, i := range r.Items {
		told := []string{i.Title}
		for _, f := range i.Facts {
			told = append(told, wholeFact(p, f))
		}
		lines, cut = append(append(lines, ""), told...), cut || long(strings.Join(told, "\n"), maxItem)
	}
	if r.Listing != "" {
		lines, cut = append(lines, "", strings.TrimRight(r.Listing, "\n")), cut || len(pages(r.Listing, maxPage, mostListed+1)) > mostListed
	}
	for l := range strings.Lines(r.Listing) {
		cut = cut || long(l, maxPage/2)
	}
	if !cut {
		return nil
	}
	return inFull(cmp.Or(about, "answer"), append(lines, "", r.Hint))
}

func planCut(p pen, d commands.Plan) bool {
	cut, shown := long(strings.Join(planHead(p, d), "\n"), maxSection), 0
	for _, f := range d.Stops {
		cut = cut || long(f.Detail, maxReason)
	}
	for _, s := range d.Steps {
		shown += len(foreseen(s))
		cut = cut || long(s.Would, maxReason)
	}
	return cut || shown > maxMessagePlan
}

func wholePlan(p pen, d commands.Plan) []string {
	stops := d.Stops
	d.Stops = nil // its lines are cut there
	lines := read(planHead(p, d)...)
	if len(stops) > 0 {
		lines = append(lines, "What would stop it now:")
	}
	lines = append(lines, wholeFindings(p, stops)...)
	var phase refresh.Phase
	for _, s := range d.Steps {
		if s.Phase != phase {
			phase, lines = s.Phase, append(lines, "", s.Phase.Title())
		}
		lines = append(lines, fmt.Sprintf("- %s: %s%s", s.Name, s.Would, lastTook(s)))
	}
	return lines
}

func wholeFact(p pen, f commands.Fact) string {
	l := f.Name + ": "
	if f.Unknown {
		l += "not known. "
	}
	if !f.At.IsZero() {
		l += p.at(f.At) + ", "
	}
	return l + factOf(f, p.dated(f.Text), read(p.person(f.Who))[0], f.Why)
}

// wholeFindings are findings, the bad ones first, each as it was found.
func wholeFindings(p pen, all []refresh.Finding) (lines []string) {
	for _, ok := range []bool{false, true} {
		for _, f := range all {
			if f.OK != ok {
				continue
			}
			l := map[bool]string{true: "ok", false: "NOT OK"}[ok] + "  " + f.Name
			if f.Detail != "" {
				l += ": " + p.dated(f.Detail)
			}
			lines = append(lines, l)
		}
	}
	return lines
}
