package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// How much of a plan is shown, in characters: Slack refuses a message whose blocks have somewhat more than 13 000
// together, while a modal may have a hundred sections.
const (
	maxMessagePlan = 9_000
	maxModalPlan   = 100_000
)

// plan is a dry run: first what would stop it, then each step.
func plan(p pen, d commands.Plan, most int) []slack.Block {
	blocks := []slack.Block{section(fit(planHead(p, d), maxSection))}
	shown := 0
	for i := 0; i < len(d.Steps) && shown <= most; {
		phase := d.Steps[i].Phase
		lines := []string{p.bold(phase.Title())}
		for ; i < len(d.Steps) && d.Steps[i].Phase == phase; i++ {
			l := foreseen(d.Steps[i])
			if shown += len(l); shown > most {
				lines = append(lines, fmt.Sprintf("… and %s more: the form that /refresh %s opens shows all of them, under Dry run.", refresh.Count(len(d.Steps)-i, "step"), line(d.Target, maxEnv)))
				break
			}
			lines = append(lines, l)
		}
		for _, text := range paged(lines, maxSection) {
			blocks = append(blocks, section(text))
		}
	}
	return blocks
}

// planHead is what a dry run comes to.
func planHead(p pen, d commands.Plan) []string {
	head := []string{p.bold(fmt.Sprintf("Dry run: %s from %s", line(d.Target, maxEnv), line(d.Source, maxEnv))) + " Nothing has been changed."}
	switch n := len(d.Stops); {
	case n > 0:
		head = append(head, p.bold(fmt.Sprintf("What would stop it now: %s", refresh.Count(n, "thing"))))
		for _, f := range d.Stops {
			head = append(head, fmt.Sprintf("• %s: %s", line(f.Name, maxName), p.prose(f.Detail, maxReason)))
		}
	case d.Checked:
		head = append(head, fmt.Sprintf("Nothing would stop it now: %s passed.", refresh.Count(d.Passed, "check")))
	}
	if !d.Checked {
		head = append(head, "The checks are being made …")
	}
	if d.Starts != nil {
		head = append(head, quota(p, *d.Starts))
	}
	return append(head, lengths(p, d))
}

// paged joins lines into as few texts of at most max characters as they need. No line is longer than that.
func paged(lines []string, max int) (pages []string) {
	page := ""
	for _, l := range lines {
		if page != "" && len(page)+1+len(l) > max { // bytes: never fewer than characters
			pages, page = append(pages, page), ""
		}
		page = strings.TrimPrefix(page+"\n"+l, "\n")
	}
	if page != "" {
		pages = append(pages, page)
	}
	return pages
}

// foreseen is one step of the plan.
func foreseen(s commands.Foreseen) string {
	return fmt.Sprintf("• %s: %s%s", line(s.Name, maxName), line(s.Would, maxReason), lastTook(s))
}

func lastTook(s commands.Foreseen) string {
	switch {
	case s.Took >= time.Second && s.Waits:
		return fmt.Sprintf(" (last time people took %s)", refresh.Span(s.Took))
	case s.Took >= time.Second:
		return fmt.Sprintf(" (last time %s)", refresh.Span(s.Took))
	}
	return ""
}

// lengths says what is known of how long it takes.
func lengths(p pen, d commands.Plan) string {
	if d.Last.IsZero() {
		return "How long the steps take is not known: refreshbot has not refreshed it yet."
	}
	var work, people time.Duration
	for _, s := range d.Steps {
		if s.Waits {
			people += s.Took
		} else {
			work += s.Took
		}
	}
	return fmt.Sprintf("The last refresh that was done, until %s, worked for about %s and waited for people for %s.", p.at(d.Last), refresh.Span(work), refresh.Span(people))
}
