package view

import (
	"fmt"

	"github.com/slack-go/slack"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// ran is one page of the history.
func ran(p pen, h commands.History) []slack.Block {
	head := p.bold("Refreshes")
	if h.What != "" {
		head += " " + line(h.What, maxReason)
	}
	if h.Total == 0 {
		return []slack.Block{section(head + ": none.")}
	}
	head += fmt.Sprintf(": %d", h.Total)
	if h.Pages > 1 {
		head += fmt.Sprintf(", page %d of %d", h.Page, h.Pages)
	}
	if h.Cut {
		head += " (only the newest were searched)"
	}
	blocks := []slack.Block{section(head)}
	for _, row := range h.Rows {
		blocks = append(blocks, section(fit(ranLines(p, row), 900)))
	}
	return blocks
}

// ranLines says of one refresh how it ended, who asked for it and how long it took.
func ranLines(p pen, row commands.Ran) []string {
	r := row.Refresh
	lines := []string{fmt.Sprintf("%s from %s: %s", p.bold(env(r.Target)), env(r.Source), status(p, r).write(p))}
	asked := fmt.Sprintf("%s, asked for by %s", p.at(r.RequestedAt), p.person(r.RequestedBy))
	if r.Reason != "" {
		asked += ": " + line(r.Reason, 100)
	}
	lines = append(lines, asked)
	if took := tookLine(r); took != "" {
		lines = append(lines, took)
	}
	if link := p.link(row.Report, "Report of "+string(r.ID)); link != "" {
		lines = append(lines, link)
	}
	return lines
}

// tookLine is how long a refresh that has ended took from its copy on, and its downtime. What comes before the copy is
// mostly waiting, for an approval or for a time days ahead.
func tookLine(r refresh.Refresh) string {
	if !r.Status.Ended() || r.Copy.SentAt.IsZero() {
		return ""
	}
	took := "Took " + refresh.Span(r.EndedAt.Sub(r.Copy.SentAt))
	if c := r.Copy; !c.OfflineAt.IsZero() && !c.OnlineAt.IsZero() {
		took += ", downtime " + refresh.Span(c.OnlineAt.Sub(c.OfflineAt))
	}
	return took
}
