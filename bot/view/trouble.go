package view

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"refreshbot/jobs/refresh"
)

// Away is a card that stands somewhere else because its own channel takes no posts.
func Away(card Message, home string) Message {
	return away(card, home, " The buttons work here too.")
}

// NewsAway are news that are told somewhere else for the same reason.
func NewsAway(news Message, home string) Message { return away(news, home, "") }

func away(m Message, home, more string) Message {
	p := pen{}
	note := func(p pen) string {
		return fmt.Sprintf("Shown here because Slack refuses posts to its own channel, %s.%s", p.channel(home), more)
	}
	m.Blocks = append([]slack.Block{context(note(p))}, m.Blocks...)
	p.plain = true
	m.Text = clip(m.Text+" "+note(p), maxText)
	return m
}

// Moved takes the place of a card that stood somewhere else, once its own channel takes posts again.
func Moved(r refresh.Refresh, home string, o Options) Message {
	return told(o, func(p pen) headline {
		return headline{":leftwards_arrow_with_hook:", title(r) + ":", fmt.Sprintf("shown in %s again.", p.channel(home))}
	})
}

// ChannelShut tells an admin that a channel takes no posts. problem says why and what to do, instead where refreshes
// are shown meanwhile; "": to each admin.
func ChannelShut(channel, instead, problem string, o Options) Message {
	return told(o, func(p pen) headline {
		where := "here"
		if instead != "" {
			where = "in " + p.channel(instead)
		}
		return headline{":warning:", fmt.Sprintf("Slack refuses posts to %s.", p.channel(channel)),
			sentences(line(problem, maxReason), fmt.Sprintf("Its refreshes go on, and are shown %s until it takes posts again", where))}
	})
}

// ContentRefused tells an admin that Slack refused what a post looked like.
func ContentRefused(r refresh.Refresh, code string, o Options) Message {
	return told(o, func(p pen) headline {
		return headline{":warning:", fmt.Sprintf("Slack did not take a message about the refresh of %s: %s.", env(r.Target), line(code, maxName)),
			"It was posted in plain text instead. That is a mistake of refreshbot: please report it with the log of this time."}
	})
}

// CardDeleted tells an admin that somebody deleted the card of a refresh.
func CardDeleted(r refresh.Refresh, channel string, o Options) Message {
	return told(o, func(p pen) headline {
		return headline{":warning:", fmt.Sprintf("Somebody deleted the card of the refresh of %s in %s.", env(r.Target), p.channel(channel)),
			"It was posted anew: its buttons work, and the thread goes on below it. Ask people to leave it there until the refresh is over."}
	})
}

// LeftAlone tells an admin that a refresh under way cannot be read. why names it and says what to do.
func LeftAlone(why string, o Options) Message {
	return told(o, func(pen) headline {
		return headline{":warning:", "A refresh is left alone: it does not go on, and its buttons do nothing.",
			sentences(line(why, maxReason), "Nothing else refreshes that target meanwhile: refreshbot release gives it free, after a look at it")}
	})
}

// Stuck tells an admin that a refresh does not move.
func Stuck(id refresh.ID, why string, o Options) Message {
	return told(o, func(pen) headline {
		return headline{":warning:", fmt.Sprintf("The refresh %s does not move.", line(string(id), maxName)),
			sentences(line(why, maxReason), "It is tried again and again. Look at the log of the process, and at its target in LCS")}
	})
}

func told(o Options, what func(pen) headline) Message {
	plain := pen{o: o, plain: true}
	return Message{Text: clip(what(plain).write(plain), maxText), Blocks: []slack.Block{section(what(pen{o: o}).write(pen{o: o}))}}
}

// Plainer returns simpler forms of a message that Slack refused, the better one first: plain text with the questions
// and their buttons, and then text alone.
func Plainer(m Message) []Message {
	const most = 300
	text := clip(m.Text, 2*maxSection/3)
	simple := Message{Text: text, Blocks: []slack.Block{slack.NewSectionBlock(plain(text, maxSection), nil, nil)}}
	alone := []string{text}
	question := ""
	for _, b := range m.Blocks {
		switch b := b.(type) {
		case *slack.SectionBlock:
			if question = ""; b.Text != nil {
				first, _, _ := strings.Cut(b.Text.Text, "\n")
				question = clip(strings.Trim(first, "*"), most-20)
			}
		case *slack.ActionBlock:
			simple.Blocks = append(simple.Blocks, slack.NewSectionBlock(plain("Question: "+unescape.Replace(question), most), nil, nil), b)
			alone = append(alone, "Question: "+question)
		}
	}
	if len(alone) > 1 {
		alone = append(alone, "Slack refuses the buttons; an admin knows.")
	}
	return []Message{simple, {Text: clip(strings.Join(alone, "\n"), maxText)}}
}

func (p pen) channel(id string) string {
	if slackID(id, "CG") && !p.plain {
		return "<#" + id + ">"
	}
	return "channel " + line(id, maxName)
}
