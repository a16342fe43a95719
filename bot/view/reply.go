package view

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// How much of a list a message shows: Slack takes about 13,000 characters in all its blocks. The rest is in a file.
const (
	mostTargets = 8
	maxStanding = 1200
	mostItems   = 8
	mostListed  = 3 // sections of a listing
	maxPage     = maxSection - 10
)

// Reply is the ephemeral answer to one person: help, status, or why something was not done.
func Reply(r commands.Reply, now time.Time, o Options) Message {
	p, whole := pen{o: o}, Whole(r, now, o)
	emoji := ":information_source:"
	if r.Refused {
		emoji = ":no_entry:"
	}
	text := p.dated(paragraph(r.Text, 2000))
	var blocks []slack.Block
	if text != "" {
		lead := text
		if r.Refused {
			lead = p.bold("Not done.") + " " + text
		}
		blocks = append(blocks, section(emoji+" "+lead))
	}
	for _, f := range r.Blackouts {
		blocks = append(blocks, section(blackout(p, f)))
	}
	if len(r.Admins) > 0 {
		blocks = append(blocks, section(p.bold("Admins:")+" "+p.anyOf(r.Admins)))
	}
	if !r.At.IsZero() {
		blocks = append(blocks, section(p.bold("In your time zone:")+" "+p.at(r.At)))
	}
	if r.Plan != nil {
		blocks = append(blocks, plan(p, *r.Plan, maxMessagePlan)...)
	}
	all := len(r.Targets)
	r.Targets = r.Targets[:min(all, mostTargets)]
	for _, t := range r.Targets {
		blocks = append(blocks, section(fit(standing(p, t, now), maxStanding)))
	}
	if more := all - len(r.Targets); more > 0 {
		blocks = append(blocks, section(fmt.Sprintf("… and %d more. To see one: /refresh status and its name.", more)))
	}
	for _, i := range r.Items[:min(len(r.Items), mostItems)] {
		blocks = append(blocks, item(p, i)...)
	}
	if more := len(r.Items) - mostItems; more > 0 {
		blocks = append(blocks, section(fmt.Sprintf("… and %d more.", more)))
	}
	if r.History != nil {
		blocks = append(blocks, ran(p, *r.History)...)
	}
	if r.About != nil {
		blocks = append(blocks, about(p, *r.About, now)...)
	}
	if len(r.Help) > 0 {
		var lines []string
		for _, u := range r.Help {
			l := fmt.Sprintf("%s  %s", p.codeOf(u.Form, maxNote), line(u.What, maxReason))
			if u.Example != "" && u.Example != u.Form {
				l += ", e.g. " + p.codeOf(u.Example, maxNote)
			}
			lines = append(lines, l)
		}
		blocks = append(blocks, section(fit(lines, 2900)))
	}
	for _, part := range pages(r.Listing, maxPage, mostListed) {
		blocks = append(blocks, section("```\n"+part+"\n```"))
	}
	if len(r.Buttons) > 0 {
		blocks = append(blocks, goOn(r.Buttons))
	}
	if r.Hint != "" {
		blocks = append(blocks, context(p.dated(paragraph(r.Hint, 1000))))
	}
	if whole != nil {
		blocks = append(blocks, context(fmt.Sprintf("There is more than fits here: refreshbot sends you all of it in a direct message, as the file %s.", whole.Name)))
	}
	p.plain = true
	return Message{Text: clip(spoken(p, r), maxText), Blocks: blocks}
}

// pages cuts a listing at its line ends into escaped parts of at most max characters, and says when there is more.
func pages(listing string, max, most int) []string {
	var parts []string
	var part []string
	size := 0
	for l := range strings.Lines(strings.TrimRight(listing, "\n")) {
		l = clip(Escape(strings.ReplaceAll(tidy(strings.TrimRight(l, "\n"), func(rune) bool { return false }), "`", "'")), max/2)
		if n := utf8.RuneCountInString(l) + 1; size+n > max {
			parts, part, size = append(parts, strings.Join(part, "\n")), nil, 0
		}
		if len(parts) == most {
			parts[most-1] += "\n…"
			return parts
		}
		part, size = append(part, l), size+utf8.RuneCountInString(l)+1
	}
	if len(part) > 0 {
		parts = append(parts, strings.Join(part, "\n"))
	}
	return parts
}

// LinePrefix begins the action_id of every button that sends a line; its value is the line.
const LinePrefix = "line:"

// goOn are the buttons of a reply.
func goOn(buttons []commands.Button) slack.Block {
	var all []slack.BlockElement
	for i, b := range buttons[:min(len(buttons), 5)] {
		e := slack.NewButtonBlockElement(fmt.Sprintf("%s%d", LinePrefix, i+1), b.Line, plain(b.Text, maxLabel))
		if b.Main {
			e.Style = slack.StylePrimary
		}
		if b.Sure != "" {
			e.Confirm = confirmation(b.Text+"?", b.Sure, b.Text)
		}
		does := "nothing is done"
		if b.Line != "" {
			does = "/refresh " + b.Line
		}
		e.AccessibilityLabel = unmarked(b.Text+": "+does, maxLabel)
		all = append(all, e)
	}
	return slack.NewActionBlock("", all...)
}

// item is one of a list, with its buttons.
func item(p pen, i commands.Item) []slack.Block {
	var lines []string
	if i.Title != "" {
		lines = append(lines, p.bold(line(i.Title, maxReason)))
	}
	if len(i.Facts) > 0 {
		lines = append(lines, facted(p, i.Facts))
	}
	blocks := []slack.Block{section(fit(strings.Split(strings.Join(lines, "\n"), "\n"), maxItem))}
	if len(i.Buttons) > 0 {
		blocks = append(blocks, goOn(i.Buttons))
	}
	return blocks
}

// maxItem is how much of one thing in a list is shown: a message holds about 13,000 characters in all.
const maxItem = 1400

// spoken is a reply in plain words.
func spoken(p pen, r commands.Reply) string {
	said := p.prose(r.Text, 1000)
	if r.Refused {
		said = sentences("Not done", said)
	}
	for _, f := range r.Blackouts {
		said = sentences(said, blackout(p, f))
	}
	if d := r.Plan; d != nil {
		said = sentences(said, fmt.Sprintf("Dry run of %s: %s, %s that would stop it now", line(d.Target, maxName), refresh.Count(len(d.Steps), "step"), refresh.Count(len(d.Stops), "thing")))
	}
	for _, t := range r.Targets {
		how := cmp.Or(line(t.Unread, maxReason), "no refresh is running")
		if t.Active != nil {
			how = status(p, *t.Active).write(p)
		}
		said = sentences(said, fmt.Sprintf("%s: %s", line(t.Target, maxName), how))
	}
	for _, i := range r.Items {
		said = sentences(said, line(i.Title, maxReason))
		for _, f := range i.Facts {
			if i.Title == "" || f.Name == "Next" || f.Name == "Paused" {
				said = sentences(said, fmt.Sprintf("%s: %s", line(f.Name, maxName), factText(p, f)))
			}
		}
	}
	if h := r.History; h != nil {
		said = sentences(said, strings.TrimSpace(fmt.Sprintf("%s %s", refresh.Count(h.Total, "refresh"), line(h.What, maxReason))))
		for _, row := range h.Rows {
			said = sentences(said, fmt.Sprintf("%s: %s", line(row.Refresh.Target.Name, maxName), status(p, row.Refresh).write(p)))
		}
	}
	if r.About != nil {
		said = sentences(said, Escape(unmarked(title(r.About.Refresh), maxHeader))+": "+status(p, r.About.Refresh).write(p))
	}
	if said = sentences(said, line(r.Hint, 500)); said == "" {
		return "Help for refreshbot."
	}
	return said
}

// standing is how one target environment stands.
func standing(p pen, t commands.Standing, now time.Time) []string {
	a, l := t.Active, t.Last
	lines := []string{fmt.Sprintf("%s from %s", p.bold(line(t.Target, maxName)), line(t.Source, maxName))}
	if a != nil {
		lines = append(lines, status(p, *a).write(p), phases(p, *a))
		if g, ok := mostUrgent(*a); ok && g.Question != "" {
			lines = append(lines, p.prose(g.Question, maxReason))
		}
		if slackID(a.Channel, "CG") {
			lines = append(lines, fmt.Sprintf("Its card is in <#%s>", a.Channel))
		}
		lines = append(lines, facts(p, *a, now)...)
	} else if t.Unread == "" {
		lines = append(lines, "No refresh is running.")
	}
	if t.Unread != "" {
		lines = append(lines, line(t.Unread, maxReason))
	}
	if l != nil {
		lines = append(lines, fmt.Sprintf("Last, until %s: %s", p.at(l.EndedAt), status(p, *l).write(p)))
	} else if a == nil && t.Unread == "" {
		lines = append(lines, "It has not been refreshed by refreshbot yet.")
	}
	return append(lines, coming(p, t, now)...)
}
