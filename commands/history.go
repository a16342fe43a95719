package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/spell"
)

const (
	// perPage is how many refreshes one page of the history shows.
	perPage = 8
	// mostHistory is how many refreshes are searched, the newest first: what a person waits for has an end.
	mostHistory = 500
)

// History is one page of the refreshes that were looked for, newest first.
type History struct {
	Rows  []Ran
	What  string // what was looked for, in words: "of uat by Rita in November 2026 (done)"
	Page  int    // from 1
	Pages int
	Total int  // of all pages
	Cut   bool // only the newest were searched
}

// Ran is one refresh in the history.
type Ran struct {
	Refresh refresh.Refresh
	Report  string // address of its report; filled in by the chat system, "" when there is none
}

// wanted is what somebody looks for in the history. What is zero is not asked for.
type wanted struct {
	target  string
	person  string // as typed: an id, or a name or its beginning
	me      bool
	outcome refresh.Status
	month   time.Time // its first moment
	page    int
}

// history shows what was refreshed, when and by whom. The words may come in any order.
func (s *Service) history(ctx context.Context, in Line, words []string) (Reply, error) {
	w, err := s.wanted(words, in)
	if err != nil {
		return Reply{}, err
	}
	all, err := s.Record.Recent(ctx, w.target, mostHistory)
	if err != nil && len(all) == 0 {
		return Reply{}, fmt.Errorf("read the history: %w", err)
	}
	cut := len(all) == mostHistory
	all = slices.DeleteFunc(all, func(r refresh.Refresh) bool { return !w.fits(r) })
	h := &History{What: w.words(), Page: w.page, Pages: max(1, (len(all)+perPage-1)/perPage), Total: len(all), Cut: cut}
	if w.page > h.Pages {
		return Reply{}, hinted{refresh.Errorf(refresh.Invalid, "The history%s has %s.", lead(h.What), pagesOf(h.Pages)),
			fmt.Sprintf("The last one: %s", w.line(h.Pages))}
	}
	for _, r := range all[(w.page-1)*perPage : min(w.page*perPage, len(all))] {
		h.Rows = append(h.Rows, Ran{Refresh: r})
	}
	rep := Reply{History: h}
	line := func(page int) string { return strings.TrimPrefix(w.line(page), "/refresh ") }
	if h.Page > 1 {
		rep.Buttons = append(rep.Buttons, Button{Text: "Newer refreshes", Line: line(w.page - 1)})
	}
	if h.Page < h.Pages {
		rep.Buttons = append(rep.Buttons, Button{Text: "Older refreshes", Line: line(w.page + 1)})
		rep.Hint = "Older ones: " + w.line(w.page+1)
	}
	return rep, nil
}

func lead(what string) string {
	if what == "" {
		return ""
	}
	return " " + what
}

func pagesOf(n int) string {
	if n == 1 {
		return "only one page"
	}
	return fmt.Sprintf("only %d pages", n)
}

// outcomes are the ends of a refresh as people type them.
func outcomes() map[string]refresh.Status {
	return map[string]refresh.Status{
		"running": refresh.Running, "done": refresh.Done, "failed": refresh.Failed, "cancelled": refresh.Cancelled,
		"canceled": refresh.Cancelled, "rejected": refresh.Rejected, "expired": refresh.Expired,
	}
}

// wanted reads what is looked for. Nothing is asked for twice, since it is not clear which of the two counts.
func (s *Service) wanted(words []string, in Line) (wanted, error) {
	w := wanted{page: 1}
	once := map[string]bool{}
	twice := func(what string) error {
		if once[what] {
			return hinted{refresh.Errorf(refresh.Invalid, "The history can be searched for one %s at a time.", what), historyExample}
		}
		once[what] = true
		return nil
	}
	for i := 0; i < len(words); i++ {
		word := strings.ToLower(words[i])
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		var err error
		switch {
		case word == "by" && next == "":
			return w, hinted{refresh.Errorf(refresh.Invalid, "Whose refreshes? A name is missing after %q.", words[i]), historyExample}
		case word == "page" && next == "":
			return w, hinted{refresh.Errorf(refresh.Invalid, "Which page? A number is missing after %q.", words[i]), pageExample}
		case word == "by":
			i++
			err = twice("person")
			w.person, w.me = personOf(next, in)
		case strings.HasPrefix(word, "@"), strings.HasPrefix(word, "<@"):
			err = twice("person")
			w.person, w.me = personOf(words[i], in)
		case word == "page":
			i++
			err = twice("page")
			if n, bad := strconv.Atoi(next); bad == nil && n >= 1 && n <= mostHistory {
				w.page = n
			} else {
				return w, hinted{refresh.Errorf(refresh.Invalid, "%q is no page: pages are numbered from 1.", next), pageExample}
			}
		case outcomes()[word] != "":
			err = twice("outcome")
			w.outcome = outcomes()[word]
		case strings.Trim(word, "0123456789-") == "":
			err = twice("month")
			month, bad := time.ParseInLocation("2006-01", word, s.Zone)
			if bad != nil {
				return w, hinted{refresh.Errorf(refresh.Invalid, "%q is no month: it is written like 2026-11.", words[i]), historyExample}
			}
			w.month = month
		default:
			name, ok := s.knownName(word)
			if !ok {
				return w, s.notHistory(words[i])
			}
			err = twice("environment")
			w.target = name
		}
		if err != nil {
			return w, err
		}
	}
	return w, nil
}

const (
	historyExample = "For example: /refresh history uat by @rita done 2026-11"
	pageExample    = "For example: /refresh history uat page 2"
)

func (s *Service) knownName(word string) (string, bool) {
	i := slices.IndexFunc(s.names, func(known string) bool { return strings.EqualFold(known, word) })
	if i < 0 {
		return "", false
	}
	return s.names[i], true
}

// notHistory says of a word that it is nothing that the history can be searched for.
func (s *Service) notHistory(word string) error {
	if i := slices.IndexFunc(s.Sources, func(source string) bool { return strings.EqualFold(source, word) }); i >= 0 {
		return hinted{refresh.Errorf(refresh.Invalid, "%s is only a source: nothing is ever copied into it, so it has no history.", s.Sources[i]),
			"Environments that are refreshed: " + strings.Join(s.names, ", ") + ". " + historyExample}
	}
	choices := slices.Clone(s.names)
	for o := range outcomes() {
		choices = append(choices, o)
	}
	slices.Sort(choices)
	next := historyExample
	if near, ok := spell.Nearest(strings.ToLower(word), choices); ok {
		next = fmt.Sprintf("Did you mean %s? %s", near, next)
	}
	return hinted{refresh.Errorf(refresh.Invalid, "%q is no environment, no outcome and no month.", word), next}
}

// personOf reads a person: "me", a mention as Slack sends it, or a name with or without @.
func personOf(word string, in Line) (person string, me bool) {
	if strings.EqualFold(word, "me") {
		return in.User.ID, true
	}
	if id, ok := strings.CutPrefix(word, "<@"); ok {
		id, _, _ = strings.Cut(strings.TrimSuffix(id, ">"), "|")
		return id, false
	}
	return strings.TrimPrefix(word, "@"), false
}

// fits reports whether a refresh is looked for. A person fits who asked for it or decided something about it.
func (w wanted) fits(r refresh.Refresh) bool {
	if w.outcome != "" && r.Status != w.outcome {
		return false
	}
	if at := r.RequestedAt.In(w.month.Location()); !w.month.IsZero() && (at.Before(w.month) || !at.Before(w.month.AddDate(0, 1, 0))) {
		return false
	}
	if w.person == "" || w.is(r.RequestedBy) || w.is(r.EndedBy) {
		return true
	}
	for _, g := range r.Gates {
		if slices.ContainsFunc(g.Decisions, func(d refresh.Decision) bool { return w.is(d.By) }) {
			return true
		}
	}
	return false
}

func (w wanted) is(p refresh.Person) bool {
	name, want := strings.ToLower(p.Name), strings.ToLower(w.person)
	return p.ID != "" && strings.EqualFold(p.ID, w.person) || !w.me && strings.HasPrefix(name, want)
}

// words is what is looked for as part of a sentence.
func (w wanted) words() string {
	var parts []string
	if w.target != "" {
		parts = append(parts, "of "+w.target)
	}
	switch {
	case w.me:
		parts = append(parts, "by you")
	case w.person != "":
		parts = append(parts, "by "+w.person)
	}
	if !w.month.IsZero() {
		parts = append(parts, "in "+w.month.Format("January 2006"))
	}
	if w.outcome != "" {
		parts = append(parts, "("+string(w.outcome)+")")
	}
	return strings.Join(parts, " ")
}

// line is the command that asks for a page of the same.
func (w wanted) line(page int) string {
	parts := []string{"/refresh history"}
	if w.target != "" {
		parts = append(parts, w.target)
	}
	switch {
	case w.me:
		parts = append(parts, "by me")
	case w.person != "":
		parts = append(parts, "by "+w.person)
	}
	if w.outcome != "" {
		parts = append(parts, string(w.outcome))
	}
	if !w.month.IsZero() {
		parts = append(parts, w.month.Format("2006-01"))
	}
	return strings.Join(append(parts, fmt.Sprintf("page %d", page)), " ")
}
