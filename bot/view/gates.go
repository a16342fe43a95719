package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"refreshbot/jobs/refresh"
)

// A card shows this many open gates; the others are named below them and move up. The budget is for their
// texts together: Slack refuses a message whose blocks hold much more than 13,000 characters in all.
const (
	maxGates   = 8
	gateBudget = 3500
)

// urgent orders open gates: trouble before planned questions, then the oldest first.
func urgent(gates []refresh.Gate) []refresh.Gate {
	rank := func(g refresh.Gate) int {
		switch g.Kind {
		case refresh.GateOutcomeUnknown, refresh.GateStartedElsewhere:
			return 0
		case refresh.GateStepFailed:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(gates, func(a, b refresh.Gate) int { return cmp.Compare(rank(a), rank(b)) })
	return gates
}

func mostUrgent(r refresh.Refresh) (refresh.Gate, bool) {
	if open := urgent(r.OpenGates()); len(open) > 0 {
		return open[0], true
	}
	return refresh.Gate{}, false
}

// openGates shows each question with its buttons.
func openGates(p pen, r refresh.Refresh) []slack.Block {
	open := urgent(r.OpenGates())
	shown := open[:min(len(open), maxGates)]
	var blocks []slack.Block
	for _, g := range shown {
		blocks = append(blocks, section(question(p, r, g, min(2500, gateBudget/len(shown)))), buttons(p, r, g))
	}
	if rest := open[len(shown):]; len(rest) > 0 {
		var names []string
		for _, g := range rest {
			s, _ := r.Step(g.Step)
			names = append(names, clip(stepName(s), 40))
		}
		blocks = append(blocks, section(fmt.Sprintf("%s %s. They appear here as those above are decided.",
			p.bold(fmt.Sprintf("%d more wait for a person:", len(rest))), list(names, 12))))
	}
	return blocks
}

// question is what a gate asks: the question, what was seen, and who decides.
func question(p pen, r refresh.Refresh, g refresh.Gate, max int) string {
	s, _ := r.Step(g.Step)
	head, body := asks(p, r, g, s)
	foot := "\n_Decides:_ " + decides(p, r, g)
	if g.Count > 1 {
		foot += fmt.Sprintf(" · %d of %d so far", agreed(g), g.Count)
	}
	if g.Kind != refresh.GateStart && g.Kind != refresh.GateNotice && !g.ExpiresAt.IsZero() {
		foot += " · expires " + p.at(g.ExpiresAt)
	}
	const latest = 3
	hidden := 0
	if n := len(g.Delegates); n > latest {
		hidden = n - latest
	}
	for _, d := range g.Delegates[hidden:] {
		foot += fmt.Sprintf("\n%s asked %s to decide too", p.person(d.By), p.person(d.To))
		if d.Reason != "" {
			foot += ": " + line(d.Reason, 150)
		}
	}
	text := p.bold(head)
	if room := max - utf8.RuneCountInString(head+foot) - 10; len(body) > 0 && room > 40 {
		text += "\n" + fit(body, room)
	}
	return text + foot
}

// asks returns the question and what a person needs to see to answer it.
func asks(p pen, r refresh.Refresh, g refresh.Gate, s refresh.Step) (head string, body []string) {
	source, target := env(r.Source), env(r.Target)
	switch g.Kind {
	case refresh.GateApprove:
		last := ""
		if !r.Refreshed.IsZero() {
			last = " on " + p.at(r.Refreshed)
		}
		body = []string{fmt.Sprintf("Everything entered in %s since its last refresh%s is lost. %s of notice, then about %s of downtime.",
			target, last, refresh.Span(r.Settings.Notice), refresh.Span(r.Settings.Downtime))}
		if !r.StartAt.IsZero() {
			body[0] += fmt.Sprintf(" The copy starts %s.", p.at(r.StartAt))
		}
		body = append(body, startsUsed(r)...)
		return fmt.Sprintf("May %s be overwritten with the data of %s?", target, source),
			append(body, tally(p, kindFindings(r, refresh.KindPreflight))...)
	case refresh.GateStart:
		return fmt.Sprintf("%s goes down %s", target, p.at(r.StartAt)),
			[]string{fmt.Sprintf("The downtime is announced %s, and the copy starts by itself %s later. Expected back %s. Postpone moves it to %s.",
				p.at(g.ExpiresAt), refresh.Span(r.Settings.Notice), p.at(r.StartAt.Add(r.Settings.Downtime)), p.at(r.StartAt.Add(r.Settings.Postpone)))}
	case refresh.GateNotice:
		return fmt.Sprintf("%s goes down %s", target, p.at(r.Window.From)),
			[]string{fmt.Sprintf("The copy starts by itself then, and cannot be called off any more. Expected back %s. Postpone moves it to %s.",
				p.at(r.Window.To), p.at(r.Window.From.Add(r.Settings.Postpone)))}
	case refresh.GateSignOff:
		lcs := "LCS cannot be signed off from outside. A sign-off there counts here as well."
		if link := p.lcs(r.Target, "Open "+target+" in LCS"); link != "" {
			lcs += " " + link
		}
		return fmt.Sprintf("Does %s hold what you expect?", target), append([]string{lcs}, findings(p, kindFindings(r, refresh.KindSmoke))...)
	case refresh.GateOffer:
		return stepName(s) + "?", []string{p.dated(paragraph(g.Question, 2000))}
	case refresh.GateManual:
		return stepName(s), instructions(p, s, g)
	case refresh.GateOpen:
		return fmt.Sprintf("Let the users into %s?", target), append(roster(p, r), reconfigured(p, r)...)
	case refresh.GateOutcomeUnknown:
		body = append([]string{p.prose(g.Question, 600)}, sent(p, r)...)
		body = append(append(body, operations(p, r, g)...), "Look at the history of "+target+" in LCS, then choose. Before anything is done, refreshbot looks once more.")
		body = append(body, inLCS(p, r)...)
		if r.Held() {
			return fmt.Sprintf("Was the copy started after the backup of %s?", p.at(r.Restored)), body
		}
		return "Nobody knows whether the copy was started", body
	case refresh.GateStartedElsewhere:
		body = append([]string{p.prose(g.Question, 600)}, operations(p, r, g)...)
		next := "Adopt it to have refreshbot follow it and do the rest, or wait for its end and check again."
		if g.Offers(refresh.ActionStartAgain) {
			next = "Adopt it to have refreshbot do the rest, or have it copied once more."
		}
		return fmt.Sprintf("Somebody has started a refresh of %s in LCS by hand", target), append(append(body, next), inLCS(p, r)...)
	case refresh.GateStepFailed:
		body := append([]string{wayOut(g, s)}, tally(p, s.Findings)...)
		if bad := notOK(s.Findings); len(bad) < 2 || !strings.HasPrefix(g.Question, bad[0].Name) { // which would be said twice
			body = append([]string{p.prose(g.Question, 600)}, body...)
		}
		return stepName(s) + " failed", body
	}
	return stepName(s), []string{p.prose(g.Question, 600)}
}

// startsUsed is how many starts LCS counted when the checks were made. One that is missing stands among what is not ok.
func startsUsed(r refresh.Refresh) []string {
	for _, f := range kindFindings(r, refresh.KindPreflight) {
		if f.Name == refresh.QuotaCheck && f.OK {
			return []string{"LCS, when this was checked: " + line(f.Detail, maxNote) + "."}
		}
	}
	return nil
}

// sent is what was asked of LCS, and when.
func sent(p pen, r refresh.Refresh) []string {
	if r.Copy.SentAt.IsZero() {
		return nil
	}
	return []string{fmt.Sprintf("Sent %s: refresh %s from %s.", p.at(r.Copy.SentAt), env(r.Target), env(r.Source))}
}

// operations lists what LCS's history showed when the gate was opened. LCS names neither the source of an operation nor
// who started it, so all that can be told is whether it was there at the last checks.
func operations(p pen, r refresh.Refresh, g refresh.Gate) []string {
	if len(g.Seen) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("LCS's history of %s, newest first:", env(r.Target))}
	added := r.New(g.Seen)
	for _, op := range g.Seen {
		mark := "• Known before:"
		if slices.ContainsFunc(added, func(n refresh.Operation) bool { return n.ID == op.ID }) {
			mark = "• New:"
		} else if !op.IsRefresh() {
			mark = "•"
		}
		name := op.Title
		if name == "" {
			name = op.Kind
		}
		l := fmt.Sprintf("%s %s, %s", mark, line(name, maxName), lcsSays(op.Status))
		if !op.StartedAt.IsZero() {
			l += ", started " + p.at(op.StartedAt)
		}
		if !op.EndedAt.IsZero() {
			l += ", ended " + p.at(op.EndedAt)
		}
		lines = append(lines, l+", operation "+p.code(op.ID))
	}
	return append(lines, "LCS says neither who started an operation nor what it copies from.")
}

func inLCS(p pen, r refresh.Refresh) []string {
	if link := p.lcs(r.Target, "Open "+env(r.Target)+" in LCS"); link != "" {
		return []string{link}
	}
	return nil
}

// wayOut says what each of the buttons of a failed step leads to.
func wayOut(g refresh.Gate, s refresh.Step) string {
	next := "Fix the cause, then try again."
	if g.Offers(refresh.ActionSkip) {
		next = "Fix the cause and retry, or skip it and do it by hand."
	}
	if s.Phase == refresh.PhaseReconfigure {
		next += " The other settings go on meanwhile."
	}
	return next
}

// instructions is the text of a manual item: what the step itself said when it turned out that a person has to do
// it, or what was planned. The parameters belong to package phases; without a text in them the name has to do.
func instructions(p pen, s refresh.Step, g refresh.Gate) []string {
	if g.Question != "" {
		return []string{p.dated(paragraph(g.Question, 2000))}
	}
	var params struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(s.Params, &params); err != nil || params.Text == "" {
		return nil
	}
	return []string{paragraph(params.Text, 2000)}
}

func decides(p pen, r refresh.Refresh, g refresh.Gate) string {
	switch g.Kind {
	case refresh.GateStart, refresh.GateNotice, refresh.GateManual, refresh.GateOffer:
		if r.RequestedBy.ID != "" && !slices.Contains(g.Deciders(), r.RequestedBy.ID) {
			return p.anyOf(g.Deciders(), p.person(r.RequestedBy), "an admin")
		}
		return p.anyOf(g.Deciders(), "an admin")
	case refresh.GateStepFailed, refresh.GateStartedElsewhere:
		if r.RequestedBy.ID != "" && !slices.Contains(g.Deciders(), r.RequestedBy.ID) {
			return p.anyOf(g.Deciders(), "an admin", p.person(r.RequestedBy)+" (another try only)")
		}
		return p.anyOf(g.Deciders(), "an admin")
	case refresh.GateOutcomeUnknown:
		return p.anyOf(g.Deciders(), "an admin")
	}
	return p.anyOf(g.Deciders())
}

// roster is who would be let in, as the preview found it, with whom it could not place first.
func roster(p pen, r refresh.Refresh) []string {
	for _, s := range r.Steps {
		if s.Kind == refresh.KindPreview && s.Status == refresh.Completed {
			return append([]string{sentence(p.prose(s.Note, maxNote))}, findings(p, notOK(s.Findings))...)
		}
	}
	return nil
}

// reconfigured sums up the settings for the person who opens the environment.
func reconfigured(p pen, r refresh.Refresh) []string {
	var done int
	var odd []string
	for _, s := range r.Steps {
		if s.Phase != refresh.PhaseReconfigure {
			continue
		}
		switch s.Status {
		case refresh.Skipped:
			odd = append(odd, fmt.Sprintf("✗ %s: skipped%s", stepName(s), whySkipped(p, s)))
		case refresh.Completed:
			done++
		}
		odd = append(odd, findings(p, notOK(s.Findings))...)
	}
	return append([]string{refresh.Count(done, "setting") + " restored."}, odd...)
}

func kindFindings(r refresh.Refresh, k refresh.Kind) []refresh.Finding {
	for _, s := range r.Steps {
		if s.Kind == k {
			return s.Findings
		}
	}
	return nil
}

func notOK(all []refresh.Finding) []refresh.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f refresh.Finding) bool { return f.OK })
}

// tally names what is not ok and only counts the rest: a question has to be read in seconds. The thread has all.
func tally(p pen, all []refresh.Finding) []string {
	bad := notOK(all)
	lines := findings(p, bad)
	switch good := len(all) - len(bad); {
	case good > 0 && len(bad) > 0:
		lines = append(lines, "✓ "+refresh.Count(good, "more check")+" passed.")
	case good > 0:
		lines = append(lines, "✓ "+refresh.Count(good, "check")+" passed.")
	}
	return lines
}

// findings are lines with the bad news first, so that a cut never hides it. Every caller fits them into one
// text, so once they fill the largest there is, the rest only has to be counted.
func findings(p pen, all []refresh.Finding) []string {
	var lines []string
	size := 0
	for _, ok := range []bool{false, true} {
		mark := "✗ Not ok:"
		if ok {
			mark = "✓"
		}
		for _, f := range all {
			switch {
			case f.OK != ok:
			case size > maxSection:
				lines = append(lines, "")
			default:
				l := mark + " " + line(f.Name, maxName)
				if f.Detail != "" {
					l += ": " + p.prose(f.Detail, maxNote)
				}
				lines, size = append(lines, l), size+utf8.RuneCountInString(l)
			}
		}
	}
	return lines
}
