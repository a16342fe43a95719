package view

import (
	"time"

	"github.com/slack-go/slack"

	"refreshbot/commands"
)

// Modal shows an answer in a modal that is only to be read.
func Modal(title string, r commands.Reply, now time.Time, o Options) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(title, maxTitle), Close: plain("Close", maxTitle),
		Blocks: slack.Blocks{BlockSet: Reply(r, now, o).Blocks},
	}
}
