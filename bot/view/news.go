package view

import (
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/jobs/refresh"
)

// News is something about an environment that happened outside of any refresh, for its channel.
func News(n refresh.News, o Options) Message {
	p := pen{o: o}
	block := tiding(p, n)
	p.plain = true
	return Message{Text: clip(tiding(p, n), maxText), Blocks: []slack.Block{section(clip(block, maxSection))}}
}

func tiding(p pen, n refresh.News) string {
	target, by := p.bold(line(n.Target, maxEnv)), p.person(n.By)
	which := fmt.Sprintf("schedule %s of %s, %s", p.code(n.Schedule), target, line(n.Times, maxName))
	due := fmt.Sprintf("The refresh of %s that was scheduled for %s", target, p.at(n.Due))
	text, next, emoji := "", n.Next, ":calendar:"
	switch n.Kind {
	case refresh.NewsScheduled:
		text = fmt.Sprintf("%s has scheduled refreshes of %s, %s, as %s", by, target, line(n.Times, maxName), p.code(n.Schedule))
		if n.Why != "" {
			text += ", because: " + line(n.Why, maxReason)
		}
		text = sentences(text, "Each asks for approval before its time")
	case refresh.NewsPaused:
		text, emoji = fmt.Sprintf("%s has paused the %s. Nothing comes due until it is resumed.", by, which), ":double_vertical_bar:"
	case refresh.NewsResumed:
		text, emoji = fmt.Sprintf("%s has resumed the %s.", by, which), ":arrow_forward:"
	case refresh.NewsSkipped:
		text = fmt.Sprintf("%s has skipped %s.", by, uncapital(due))
	case refresh.NewsRemoved:
		text, emoji = fmt.Sprintf("%s has removed the %s.", by, which), ":wastebasket:"
	case refresh.NewsInBlackout:
		text, emoji = fmt.Sprintf("%s is skipped. %s", due, because(p, n.Blackout)), ":snowflake:"
	case refresh.NewsPostponed:
		text, emoji = fmt.Sprintf("%s is moved to %s. %s", due, p.at(n.Next), because(p, n.Blackout)), ":snowflake:"
		next = time.Time{} // it stands in the sentence
	case refresh.NewsMissed:
		text, emoji = due+" was missed, because refreshbot was not running then.", ":warning:"
	case refresh.NewsBusy:
		text, emoji = due+" is skipped, because another one is running.", ":warning:"
	case refresh.NewsNotPossible:
		text, emoji = sentences(due+" could not be asked for", p.prose(n.Why, maxReason)), ":warning:"
	case refresh.NewsFrozen:
		text, emoji = fmt.Sprintf("%s has frozen %s: no refresh begins there from %s until %s.", by, target, p.at(n.Blackout.From), p.at(n.Blackout.Until)), ":snowflake:"
		if n.Blackout.Why != "" {
			text = sentences(text, "Why: "+line(n.Blackout.Why, maxReason))
		}
	case refresh.NewsUnfrozen:
		text, emoji = fmt.Sprintf("%s has lifted the freeze of %s: refreshes can begin again.", by, target), ":sunny:"
	default:
		text = fmt.Sprintf("News about %s: %s.", target, line(string(n.Kind), maxName))
	}
	if !next.IsZero() {
		text += " Next: " + p.at(next) + "."
	}
	for _, who := range n.For {
		if slackID(who.ID, "UWS") {
			text += " " + mention(who.ID)
		}
	}
	if p.plain {
		return text
	}
	return emoji + " " + text
}

// because says why a blackout is and who is to be asked about it.
func because(p pen, b refresh.Blackout) string {
	text := fmt.Sprintf("Blackout until %s", p.at(b.Until))
	if b.Why != "" {
		text += ": " + line(b.Why, maxReason)
	}
	return sentence(text)
}
