package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// What the Home tab has room for: Slack takes 100 blocks.
const (
	mostWaiting   = 8  // two blocks each
	mostRunning   = 10 // two each
	mostScheduled = 8  // two each
	mostOwn       = 20
	mostHome      = 100
)

// Home is the Home tab of one person: what waits for them, what runs and what is scheduled, each with the buttons that they
// may press, what was refreshed lately, and their environments. notice is what their last click came to, when it was refused.
func Home(h commands.Home, notice *commands.Reply, now time.Time, o Options) slack.HomeTabViewRequest {
	p := pen{o: o}
	var blocks []slack.Block
	heading := func(text string) {
		blocks = append(blocks, slack.NewHeaderBlock(plain(text, maxHeader)))
	}
	if notice != nil {
		blocks = append(blocks, Reply(*notice, now, o).Blocks...)
		blocks = append(blocks, slack.NewDividerBlock())
	}
	if h.Unread != "" {
		blocks = append(blocks, section(":warning: "+p.bold("Not everything is shown.")+" "+line(h.Unread, maxReason)))
	}
	heading("Waits for you")
	if len(h.Waiting) == 0 {
		blocks = append(blocks, section("Nothing."))
	}
	for _, w := range h.Waiting[:min(len(h.Waiting), mostWaiting)] {
		blocks = append(blocks, waitsForYou(p, w)...)
	}
	if more := len(h.Waiting) - mostWaiting; more > 0 {
		blocks = append(blocks, section(fmt.Sprintf("… and %d more, on the cards of the refreshes below.", more)))
	}

	heading("Runs now")
	if len(h.Running) == 0 {
		blocks = append(blocks, section("No refresh is running."))
	}
	for _, a := range h.Running[:min(len(h.Running), mostRunning)] {
		blocks = append(blocks, runs(p, a, now)...)
	}
	if more := len(h.Running) - mostRunning; more > 0 {
		blocks = append(blocks, section(fmt.Sprintf("… and %d more: /refresh status shows them.", more)))
	}

	heading("Scheduled")
	if len(h.Scheduled) == 0 {
		blocks = append(blocks, section("Nothing is scheduled."))
	}
	for _, i := range h.Scheduled[:min(len(h.Scheduled), mostScheduled)] {
		blocks = append(blocks, item(p, i)...)
	}
	if more := len(h.Scheduled) - mostScheduled; more > 0 {
		blocks = append(blocks, section(fmt.Sprintf("… and %d more: /refresh schedules shows them.", more)))
	}

	heading("Lately")
	if len(h.Recent) == 0 {
		blocks = append(blocks, section("Nothing has been refreshed yet."))
	}
	for _, row := range h.Recent {
		blocks = append(blocks, section(fit(ranLines(p, row), 900)))
	}
	blocks = append(blocks, context("/refresh history shows more, and searches it."))

	heading("Your environments")
	if len(h.Own) == 0 {
		blocks = append(blocks, section("There is no environment that you may ask to have refreshed. An admin can add you to requesters in the configuration."))
	}
	for _, st := range h.Own[:min(len(h.Own), mostOwn)] {
		blocks = append(blocks, own(p, st))
	}
	if more := len(h.Own) - mostOwn; more > 0 {
		blocks = append(blocks, section(fmt.Sprintf("… and %d more: /refresh help names them.", more)))
	}
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: blocks[:min(len(blocks), mostHome)]}}
}

// waitsForYou is one question with the buttons that this person may press.
func waitsForYou(p pen, w commands.Waiting) []slack.Block {
	r := w.Refresh
	text := fmt.Sprintf("%s\n%s\n_If nobody decides:_ %s", p.bold(Escape(title(r))), question(p, r, w.Gate, 1500), ifNobody(p, r, w.Gate, stepOf(r, w.Gate)))
	return []slack.Block{section(text), buttons(p, r, w.Gate)}
}

func stepOf(r refresh.Refresh, g refresh.Gate) refresh.Step {
	s, _ := r.Step(g.Step)
	return s
}

// runs is how one refresh stands, in a few lines, with the buttons that this person may press.
func runs(p pen, a commands.Running, now time.Time) []slack.Block {
	p.o.Past = a.Past
	r := a.Refresh
	head := fmt.Sprintf("%s from %s", p.bold(env(r.Target)), env(r.Source))
	if slackID(r.Channel, "CG") {
		head += fmt.Sprintf(" in <#%s>", r.Channel)
	}
	lines := append([]string{head + ": " + status(p, r).write(p), phases(p, r)}, outlook(p, r, now)...)
	blocks := []slack.Block{section(fit(lines, 1200))}
	if a.Gate != nil {
		blocks = append(blocks, buttons(p, r, *a.Gate))
	}
	if a.Cancel {
		blocks = append(blocks, callOff(p, r))
	}
	return blocks
}

// own is one environment with a button to have it refreshed.
func own(p pen, st commands.Standing) slack.Block {
	name := line(st.Target, maxName)
	lines := []string{fmt.Sprintf("%s from %s", p.bold(name), line(st.Source, maxName))}
	switch {
	case st.Active != nil:
		lines = append(lines, "It is being refreshed now.")
	case st.Last != nil && st.Last.Status == refresh.Done:
		lines = append(lines, "Last refreshed: "+p.at(st.Last.EndedAt))
	case st.Last != nil:
		lines = append(lines, fmt.Sprintf("Last, until %s: %s", p.at(st.Last.EndedAt), status(p, *st.Last).write(p)))
	default:
		lines = append(lines, "It has not been refreshed by refreshbot yet.")
	}
	s := slack.NewSectionBlock(marked(clip(strings.Join(lines, "\n"), maxSection)), nil, nil)
	if st.Active == nil && len(st.Target) <= maxValue {
		b := slack.NewButtonBlockElement(LinePrefix+"home", st.Target, plain(fmt.Sprintf("Refresh %s…", unmarked(st.Target, maxEnv)), maxLabel))
		b.AccessibilityLabel = unmarked(fmt.Sprintf("Refresh %s from %s", st.Target, st.Source), maxLabel)
		s.Accessory = slack.NewAccessory(b)
	}
	return s
}
