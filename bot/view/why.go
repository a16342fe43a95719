package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/commands"
	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
)

// about is what there is to say of one refresh: what it waits for and, as a story, what it is and has done.
func about(p pen, a commands.About, now time.Time) []slack.Block {
	p.o.Past = a.Past
	r := a.Refresh
	what := p.bold(Escape(title(r)))
	if slackID(r.Channel, "CG") {
		what += fmt.Sprintf(" · its card is in <#%s>", r.Channel)
	}
	blocks := []slack.Block{section(what), section(status(p, r).write(p))}
	if a.Story {
		blocks = append(blocks, section(fit(story(p, r, now), 2500)))
	}
	if !r.Status.Ended() {
		blocks = append(blocks, section(fit(waits(p, r, now), 2900)))
		if lines := outlook(p, r, now); len(lines) > 0 {
			blocks = append(blocks, context(strings.Join(lines, "\n")))
		}
	} else if !a.Story {
		blocks = append(blocks, context(fmt.Sprintf("Ended %s.", p.at(r.EndedAt))))
	}
	return blocks
}

// story is what a refresh is, what became of each of its phases, and what people decided.
func story(p pen, r refresh.Refresh, now time.Time) []string {
	lines := []string{
		fmt.Sprintf("A refresh copies the whole database of %s over that of %s, then brings back what belongs to %s itself and lets its users in. What was entered in %s before is replaced.",
			env(r.Source), env(r.Target), env(r.Target), env(r.Target)),
	}
	lines = append(lines, facts(p, r, now)...)
	for _, phase := range refresh.Phases() {
		from, to := history.PhaseOf(r, phase)
		switch {
		case from.IsZero():
		case !to.IsZero():
			lines = append(lines, fmt.Sprintf("✓ %s: took %s, until %s", phase.Title(), refresh.Span(to.Sub(from)), p.at(to)))
		case r.Status.Ended():
			lines = append(lines, fmt.Sprintf("✗ %s: not finished", phase.Title()))
		default:
			lines = append(lines, fmt.Sprintf("▸ %s: since %s", phase.Title(), p.at(from)))
		}
	}
	if r.Status.Ended() {
		return append(lines, summary(p, r)...) // who decided what stands in it
	}
	return append(lines, decided(p, r)...)
}

// waits says what a refresh is waiting for, since when, who can act, and what happens if nobody does.
func waits(p pen, r refresh.Refresh, now time.Time) []string {
	var lines []string
	for _, g := range urgent(r.OpenGates()) {
		s, _ := r.Step(g.Step)
		head, _ := asks(p, r, g, s)
		lines = append(lines, p.bold("Waiting for: "+waitsFor(r, g, head)),
			fmt.Sprintf("Since: %s (%s)", p.at(g.OpenedAt), refresh.Span(now.Sub(g.OpenedAt))),
			fmt.Sprintf("Who can act: %s%s", decides(p, r, g), soFar(g)),
			"If nobody does: "+ifNobody(p, r, g, s))
	}
	if len(lines) > 0 {
		return lines
	}
	for _, s := range r.Steps {
		switch s.Status {
		case refresh.Performing:
			since := fmt.Sprintf("Since: %s (%s)", p.at(s.StartedAt), refresh.Span(now.Sub(s.StartedAt)))
			return []string{p.bold("Working: " + working(pen{o: p.o, plain: true}, r, s).lead), since,
				"Who can act: nobody has to. refreshbot goes on by itself, and asks here if something fails."}
		case refresh.Retrying:
			why := "It did not work"
			if s.Problem != nil {
				why = p.prose(s.Problem.Message, maxReason)
			}
			return []string{p.bold("Trying again: " + stepName(s)), "Why: " + sentence(why), "Next try: " + p.at(s.RetryAt),
				"Who can act: whoever can fix the cause. If it never works, refreshbot asks on the card what to do."}
		case refresh.Settling:
			return []string{p.bold("Waiting until a lost request must have landed"), "Until: " + p.at(s.SettleUntil),
				"Then refreshbot looks in LCS whether the copy was started. Nothing is done before that, so that it is never started twice.", "Who can act: nobody has to."}
		}
	}
	return []string{p.bold("Nothing is waited for: the next step is about to begin.")}
}

// waitsFor names what is missing, in a few words.
func waitsFor(r refresh.Refresh, g refresh.Gate, head string) string {
	switch g.Kind {
	case refresh.GateApprove:
		return "approval"
	case refresh.GateStart:
		return "the time it is to start"
	case refresh.GateNotice:
		return "the end of the notice"
	case refresh.GateSignOff:
		return fmt.Sprintf("sign-off of %s", env(r.Target))
	case refresh.GateOpen:
		return fmt.Sprintf("somebody to let the users into %s", env(r.Target))
	}
	return strings.TrimSuffix(head, "?")
}

func soFar(g refresh.Gate) string {
	if g.Count <= 1 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d so far)", agreed(g), g.Count)
}

// ifNobody is what becomes of a question that nobody answers.
func ifNobody(p pen, r refresh.Refresh, g refresh.Gate, s refresh.Step) string {
	target := env(r.Target)
	after := fmt.Sprintf("%s stays closed to its users, and no other refresh of it can begin.", target)
	if !r.PointOfNoReturn() {
		after = fmt.Sprintf("%s stays as it is, and no other refresh of it can begin.", target)
	}
	switch {
	case g.Kind == refresh.GateStart:
		return fmt.Sprintf("the downtime is announced %s, and the copy starts by itself %s.", p.at(g.ExpiresAt), p.at(r.StartAt))
	case g.Kind == refresh.GateNotice:
		return fmt.Sprintf("the copy starts by itself %s.", p.at(r.Window.From))
	case !g.ExpiresAt.IsZero(): // which only questions before the copy do
		return fmt.Sprintf("it expires %s: the refresh ends, and %s stays as it is.", p.at(g.ExpiresAt), target)
	case s.Phase == refresh.PhaseReconfigure:
		return "it waits. The other settings go on, but the users are let in only after this is decided."
	}
	return "it waits for as long as it takes. Meanwhile " + after
}
