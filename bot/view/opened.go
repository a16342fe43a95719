package view

import (
	"fmt"

	"github.com/slack-go/slack"

	"refreshbot/jobs/refresh"
)

// Opened is the direct message to somebody who was let in.
func Opened(r refresh.Refresh, o Options) Message {
	write := func(p pen) string {
		rest := ""
		if !r.Copy.AcceptedAt.IsZero() {
			rest = fmt.Sprintf("It holds the data of %s of %s; what was entered in it before is gone.", env(r.Source), p.at(r.Copy.AcceptedAt))
		}
		if link := p.link(r.Target.URL, "Sign in"); link != "" {
			rest += " " + link
		}
		return headline{":white_check_mark:", fmt.Sprintf("%s is open: you can sign in.", env(r.Target)), rest}.write(p)
	}
	return Message{Text: clip(write(pen{o: o, plain: true}), maxText), Blocks: []slack.Block{section(write(pen{o: o}))}}
}

// Untold is the thread message about people who were let in and could not be told so, by their sign-in names; all
// is how many were let in.
func Untold(r refresh.Refresh, untold []string, all int, o Options) Message {
	p := pen{o: o}
	h := headline{":grey_question:", fmt.Sprintf("%d of %s let in could not be told in a direct message:", len(untold), refresh.Count(all, "user")),
		sentences(list(escaped(untold), 20), "Slack has no account with that e-mail address, or did not take the message")}
	m := Message{Blocks: []slack.Block{section(h.write(p))}}
	p.plain = true
	m.Text = clip(Escape(unmarked(title(r), maxHeader))+": "+h.write(p), maxText)
	return m
}
