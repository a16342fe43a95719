package view

import (
	"fmt"

	"refreshbot/commands"
)

// blackout is why an environment is not to be refreshed, until when, and whom to talk to.
func blackout(p pen, f commands.Frozen) string {
	text := fmt.Sprintf("%s until %s", p.at(f.From), p.at(f.Until))
	if f.Why != "" {
		text = p.bold(line(f.Why, maxReason)) + ": " + text
	}
	if f.Owner.ID != "" || f.Owner.Name != "" {
		owner := p.person(f.Owner)
		if slackID(f.Owner.ID, "S") {
			owner = mention(f.Owner.ID)
		}
		text += ", says " + owner
	}
	if !f.Free.IsZero() {
		text += ". Possible again from " + p.at(f.Free)
	}
	return sentence(text)
}
