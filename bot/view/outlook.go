package view

import (
	"fmt"
	"time"

	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
)

// outlook is what to expect of a refresh that goes on: when the copy is complete, when the users are in, how sure that
// is, and whose turn comes next.
func outlook(p pen, r refresh.Refresh, now time.Time) []string {
	if r.Status.Ended() {
		return nil
	}
	var lines []string
	if e := p.o.Past.Copy(r, now); e.N > 0 {
		lines = append(lines, "Copy complete: "+expected(p, e))
	}
	open := p.o.Past.Open(r, now)
	if open.N > 0 {
		lines = append(lines, "Users in: "+expected(p, open))
	}
	switch whole := p.o.Past.Whole(); {
	case open.N > 0:
	case whole.N > 0: // nobody knows yet when it begins
		lines = append(lines, "From the start of the copy until users are in: "+usual(whole))
	default:
		lines = append(lines, fmt.Sprintf("How long it takes: no history yet of refreshes from %s to %s", env(r.Source), env(r.Target)))
	}
	if next := nextPerson(p, r); next != "" {
		lines = append(lines, next)
	}
	return lines
}

// expected is an estimate in words: "about 14:20, usually between 14:05 and 15:10 (5 refreshes)".
func expected(p pen, e history.Estimate) string {
	if e.Overdue {
		return fmt.Sprintf("later than in any earlier refresh; the longest took %s (%s)", refresh.Span(e.Longest), refresh.Count(e.N, "refresh"))
	}
	about := "about " + p.at(e.At)
	switch {
	case e.N == 1:
		about += ", if it takes as long as last time"
	case e.High.Sub(e.Low) < time.Minute:
	case e.Quartiles:
		about += fmt.Sprintf(", usually between %s and %s", p.at(e.Low), p.at(e.High))
	default:
		about += fmt.Sprintf(", so far between %s and %s", p.at(e.Low), p.at(e.High))
	}
	return fmt.Sprintf("%s (%s)", about, refresh.Count(e.N, "refresh"))
}

// usual is a spread of durations in words: "about 3 h 10 min, usually 2 h 50 min to 4 h (5 refreshes)".
func usual(s history.Spread) string {
	about := "about " + refresh.Span(s.Median)
	switch {
	case s.High-s.Low < time.Minute:
	case s.Quartiles():
		about += fmt.Sprintf(", usually %s to %s", refresh.Span(s.Low), refresh.Span(s.High))
	default:
		about += fmt.Sprintf(", so far %s to %s", refresh.Span(s.Low), refresh.Span(s.High))
	}
	return fmt.Sprintf("%s (%s)", about, refresh.Count(s.N, "refresh"))
}

// learnt says where the length of the announced downtime comes from, when it is not the configuration.
func learnt(r refresh.Refresh) string {
	if r.Settings.Learnt == 0 {
		return ""
	}
	return fmt.Sprintf(" (learnt from %s)", refresh.Count(r.Settings.Learnt, "refresh"))
}

// nextPerson says who is needed next, apart from those who are asked already. Before the approval it says nothing: the
// first post of a card notifies whom it names, and nobody else than the approvers is to be.
func nextPerson(p pen, r refresh.Refresh) string {
	if !r.Approved() {
		return ""
	}
	for _, s := range r.Steps {
		if s.Status != refresh.Pending {
			continue
		}
		var does string
		switch s.Kind {
		case refresh.KindSignOff:
			does = "signs off"
		case refresh.KindOpenGate:
			does = "lets the users in"
		case refresh.KindManual:
			does = "does by hand: " + stepName(s)
		default:
			continue
		}
		who, many := p.anyOf(r.Troubleshooters, "an admin"), ""
		if r.RequestedBy.ID != "" {
			who = p.person(r.RequestedBy)
		}
		if s.Policy != nil {
			who = p.anyOf(s.Policy.By)
			if s.Policy.Count > 1 {
				many = fmt.Sprintf(" (%d people)", s.Policy.Count)
			}
		}
		return fmt.Sprintf("Next to be needed: %s %s%s", who, does, many)
	}
	return ""
}
