package view

import "github.com/slack-go/slack"

// Notice is a message to the users of an environment: its mark-up, which is taken as it is, and the same in plain words.
func Notice(marked, plain string) Message {
	return Message{Text: clip(plain, maxText), Blocks: []slack.Block{section(marked)}}
}
