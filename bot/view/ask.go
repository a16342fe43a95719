package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"refreshbot/jobs/refresh"
)

// Ask is the direct message that brings a question to one of those who can answer it: the question with its buttons, as
// on the card. card is the address of the card; "" when it is not known.
func Ask(r refresh.Refresh, g refresh.Gate, card string, o Options) Message {
	p := pen{o: o}
	s, _ := r.Step(g.Step)
	head, _ := asks(pen{o: o, plain: true}, r, g, s)
	return Message{
		Text: clip(Escape(unmarked(title(r), maxHeader))+". You can decide: "+head, maxText),
		Blocks: []slack.Block{
			slack.NewHeaderBlock(plain(title(r), maxHeader)),
			section(question(p, r, g, 2500)),
			buttons(p, r, g),
			context(origin(p, r, card)...),
		},
	}
}

// Escalated is the direct message that tells an admin that nobody has decided. The gate has the actions that are the
// admin's to take, which may be none.
func Escalated(r refresh.Refresh, g refresh.Gate, card string, o Options) Message {
	p := pen{o: o}
	s, _ := r.Step(g.Step)
	head, _ := asks(pen{o: o, plain: true}, r, g, s)
	next := "Please find one of those who can."
	if slices.ContainsFunc(g.Actions, refresh.Action.Answers) {
		next = "You can decide too, or find one of those who can."
	}
	blocks := []slack.Block{
		slack.NewHeaderBlock(plain(title(r), maxHeader)),
		section(headline{":rotating_light:", fmt.Sprintf("Nobody has decided since %s.", p.at(g.OpenedAt)), next}.write(p)),
		section(question(p, r, g, 2500)),
	}
	if len(g.Actions) > 0 {
		blocks = append(blocks, buttons(p, r, g))
	}
	return Message{
		Text:   clip(Escape(unmarked(title(r), maxHeader))+". Nobody has decided: "+head, maxText),
		Blocks: append(blocks, context(origin(p, r, card)...)),
	}
}

// Asked takes the place of that message once the question is closed: it says what was decided, and by whom.
func Asked(r refresh.Refresh, g refresh.Gate, card string, o Options) Message {
	s, _ := r.Step(g.Step)
	m := told(o, func(p pen) headline {
		head, _ := asks(p, r, g, s)
		return headline{":ballot_box_with_check:", title(r) + ".", sentences(head, outcome(p, r, g))}
	})
	m.Blocks = append(m.Blocks, context(origin(pen{o: o}, r, card)...))
	return m
}

// outcome is what came of a question, in words.
func outcome(p pen, r refresh.Refresh, g refresh.Gate) string {
	if last, ok := g.Last(); ok && (last.Action == g.Outcome || g.Open()) {
		said := fmt.Sprintf("%s by %s, %s", past(r, g, last.Action), p.person(last.By), p.at(last.At))
		if last.Reason != "" {
			said += ": " + line(last.Reason, 150)
		}
		return said
	}
	switch g.Outcome {
	case refresh.OutcomeExpired:
		return "Nobody decided in time"
	case refresh.OutcomeElsewhere:
		return "Decided in LCS, " + p.at(g.ClosedAt)
	}
	if g.Open() { // the refresh ended without an answer
		return "No answer is needed any more: " + strings.TrimSuffix(ended(p, r).lead, ":")
	}
	return "No answer is needed any more"
}

// origin says where a refresh comes from and where its card is.
func origin(p pen, r refresh.Refresh, card string) []string {
	asked := fmt.Sprintf("Asked for by %s, %s", p.person(r.RequestedBy), p.at(r.RequestedAt))
	if r.Reason != "" {
		asked += ": " + line(r.Reason, maxReason)
	}
	where := "Every step is shown in " + p.channel(r.Channel)
	if link := p.link(card, "The card shows every step"); link != "" {
		where = link
	}
	return []string{asked, where}
}

// Approved tells the person who asked that the refresh was approved.
func Approved(r refresh.Refresh, card string, o Options) Message {
	m := told(o, func(p pen) headline {
		rest := ""
		for _, g := range r.Gates {
			if g.Kind == refresh.GateApprove && !g.Open() {
				rest = sentence(outcome(p, r, g))
			}
		}
		if !r.Window.From.IsZero() {
			rest += fmt.Sprintf(" Downtime announced: %s to %s.", p.at(r.Window.From), p.at(r.Window.To))
		}
		return headline{":white_check_mark:", fmt.Sprintf("Your refresh of %s from %s was approved.", env(r.Target), env(r.Source)), rest}
	})
	m.Blocks = append(m.Blocks, context(origin(pen{o: o}, r, card)...))
	return m
}

// Ended tells the person who asked how the refresh has ended.
func Ended(r refresh.Refresh, card string, o Options) Message {
	m := told(o, func(p pen) headline {
		h := ended(p, r)
		why := h.lead
		if h.rest != "" {
			why += " " + h.rest
		}
		return headline{h.emoji, fmt.Sprintf("Your refresh of %s from %s has ended.", env(r.Target), env(r.Source)), sentences(why, aftermath(p, r))}
	})
	m.Blocks = append(m.Blocks, context(origin(pen{o: o}, r, card)...))
	return m
}
