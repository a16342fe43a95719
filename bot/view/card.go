package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/jobs/refresh"
)

// Card is the one message of a refresh, which is edited in place as the refresh goes on. It has buttons for
// what can be decided now and for nothing else.
func Card(r refresh.Refresh, now time.Time, o Options) Message {
	p := pen{o: o}
	blocks := []slack.Block{
		slack.NewHeaderBlock(plain(title(r), maxHeader)),
		section(status(p, r).write(p)),
		context(facts(p, r, now)...),
		context(phases(p, r)),
	}
	if lines := outlook(p, r, now); len(lines) > 0 {
		blocks = append(blocks, context(strings.Join(lines, "\n")))
	}
	if r.Status.Ended() {
		blocks = append(blocks, section(fit(summary(p, r), 2900))) // who decided what stands in it
	} else {
		blocks = append(blocks, openGates(p, r)...)
		if b := cancelButton(p, r); b != nil {
			blocks = append(blocks, b)
		}
		if lines := decided(p, r); len(lines) > 0 {
			blocks = append(blocks, context(fit(lines, 1000)))
		}
		if lines := steps(p, r); len(lines) > 0 {
			blocks = append(blocks, section(fit(lines, 1500)))
		}
	}
	p.plain = true
	return Message{Text: clip(Escape(unmarked(title(r), maxHeader))+". "+sentence(status(p, r).write(p)), maxText), Blocks: blocks}
}

func title(r refresh.Refresh) string {
	return fmt.Sprintf("Refresh of %s from %s", unmarked(r.Target.Name, maxEnv), unmarked(r.Source.Name, maxEnv))
}

// facts are who asked, why and when, and the downtime as announced.
func facts(p pen, r refresh.Refresh, now time.Time) []string {
	f := []string{fmt.Sprintf("Asked for by %s, %s", p.person(r.RequestedBy), p.at(r.RequestedAt))}
	if r.Reason != "" {
		f = append(f, "Why: "+line(r.Reason, maxReason))
	}
	if !r.StartAt.IsZero() && r.Window.From.IsZero() {
		when := "Starts "
		if r.Status.Ended() {
			when = "Was to start "
		}
		f = append(f, when+p.at(r.StartAt))
	}
	if !r.Restored.IsZero() {
		f = append(f, "Restored from a backup of "+p.at(r.Restored))
	}
	if !r.Window.From.IsZero() {
		w := fmt.Sprintf("Downtime announced: %s to %s%s", p.at(r.Window.From), p.at(r.Window.To), learnt(r))
		if late(r, now) {
			w += " (it takes longer than announced)"
		}
		f = append(f, w)
	}
	return f
}

// phases is the way through the refresh in one line.
func phases(p pen, r refresh.Refresh) string {
	current := slices.Index(refresh.Phases(), r.Phase())
	var parts []string
	for i, phase := range refresh.Phases() {
		if !slices.ContainsFunc(r.Steps, func(s refresh.Step) bool { return s.Phase == phase }) {
			continue
		}
		switch {
		case i < current || r.Status == refresh.Done:
			parts = append(parts, "✓ "+phase.Title())
		case i == current && r.Status.Ended():
			parts = append(parts, p.bold("✗ "+phase.Title()+" (ended here)"))
		case i == current:
			parts = append(parts, p.bold("▸ "+phase.Title()+" (now)"))
		default:
			parts = append(parts, phase.Title())
		}
	}
	return strings.Join(parts, " › ")
}

// decided is the latest of what people have decided, a line each, newest first.
func decided(p pen, r refresh.Refresh) []string {
	const most = 5
	var lines []string
	for _, g := range slices.Backward(r.Gates) {
		if g.Outcome == refresh.OutcomeElsewhere {
			lines = append(lines, "Signed off in LCS, "+p.at(g.ClosedAt))
		}
		for _, d := range slices.Backward(g.Decisions) {
			l := fmt.Sprintf("%s by %s, %s", past(r, g, d.Action), p.person(d.By), p.at(d.At))
			if d.Reason != "" {
				l += ": " + line(d.Reason, 150)
			}
			lines = append(lines, l)
		}
	}
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most:most], fmt.Sprintf("and %d more in the thread", more))
	}
	return lines
}

// past says what was decided, as in "Approved" or "Skipped: Batch groups".
func past(r refresh.Refresh, g refresh.Gate, a refresh.Action) string {
	s, _ := r.Step(g.Step)
	of := func(verb string) string { return verb + ": " + stepName(s) + "," }
	switch a {
	case refresh.ActionApprove:
		return "Approved"
	case refresh.ActionReject:
		return "Rejected"
	case refresh.ActionCancel:
		return "Cancelled"
	case refresh.ActionPostpone:
		return "Postponed"
	case refresh.ActionStartNow:
		return "Started without waiting"
	case refresh.ActionSignOff:
		return "Signed off"
	case refresh.ActionOpen:
		return "Users let in"
	case refresh.ActionDone:
		return of("Done by hand")
	case refresh.ActionRetry:
		return of("Another try")
	case refresh.ActionSkip:
		return of("Skipped")
	case refresh.ActionAbort:
		return "Stopped"
	case refresh.ActionAdopt:
		if g.Kind == refresh.GateStartedElsewhere {
			return "Refresh in LCS adopted"
		}
		return "Copy to be adopted: decided"
	case refresh.ActionStartAgain:
		return "Copy to be started again: decided"
	case refresh.ActionWithdraw:
		return "Withdrawn"
	}
	return line(string(a), maxName)
}

// steps are those of the current phase. When they are too many for a card, the ones that still need something
// come first and the rest is counted.
func steps(p pen, r refresh.Refresh) []string {
	const most = 15
	var all []refresh.Step
	for _, s := range r.Steps {
		if s.Phase == r.Phase() {
			all = append(all, s)
		}
	}
	rest := 0
	if len(all) > most {
		slices.SortStableFunc(all, func(a, b refresh.Step) int { return attention(a.Status) - attention(b.Status) })
		rest, all = len(all)-most, all[:most]
	}
	var lines []string
	for _, s := range all {
		lines = append(lines, stepLine(p, s))
	}
	if rest > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more", rest))
	}
	return lines
}

func attention(s refresh.StepStatus) int {
	switch s {
	case refresh.Troubled, refresh.Waiting, refresh.Settling:
		return 0
	case refresh.Retrying, refresh.Performing:
		return 1
	case refresh.Pending:
		return 2
	}
	return 3
}

func stepLine(p pen, s refresh.Step) string {
	mark, word, note := "○", "to do", s.Note
	switch s.Status {
	case refresh.Performing:
		mark, word = "▸", "running"
		if s.Kind == refresh.KindCopy {
			note = "" // left by a look that is over
		}
	case refresh.Retrying:
		mark, word = "✗", "failed"
		if !s.RetryAt.IsZero() {
			word = "trying again " + p.at(s.RetryAt)
		}
		if s.Problem != nil {
			note = s.Problem.Message
		}
	case refresh.Settling:
		mark, word = "▸", "looking "+p.at(s.SettleUntil)
	case refresh.Waiting:
		mark, word, note = "▸", "waits for a person", ""
		if s.Kind == refresh.KindStart || s.Kind == refresh.KindNotice {
			word = "waiting"
		}
	case refresh.Troubled:
		mark, word, note = "✗", "failed, waits for a person", "" // the gate above says why
		if s.Then != "" {
			mark, word = "▸", "not known, waits for a person"
		}
	case refresh.Completed:
		mark, word = "✓", "done"
		if s.EndedBy != (refresh.Person{}) {
			word, note = "done by "+p.person(s.EndedBy), ""
		}
	case refresh.Skipped:
		mark, word, note = "✗", "skipped"+whySkipped(p, s), ""
	}
	l := fmt.Sprintf("%s %s: %s", mark, stepName(s), word)
	if note != "" {
		l += " · " + p.prose(note, maxNote)
	}
	return l
}

func section(mrkdwn string) slack.Block {
	return slack.NewSectionBlock(marked(clip(mrkdwn, maxSection)), nil, nil)
}

func context(mrkdwn ...string) slack.Block {
	var elements []slack.MixedElement
	for _, m := range mrkdwn {
		elements = append(elements, marked(clip(m, maxSection)))
	}
	return slack.NewContextBlock("", elements...)
}

// marked is a mrkdwn text that Slack takes as it is: verbatim, so that nothing in it is parsed into a link or
// a mention but what is written as one.
func marked(mrkdwn string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, mrkdwn, false, true)
}

func plain(s string, max int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, unmarked(s, max), false, false)
}
