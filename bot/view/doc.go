// Package view turns a refresh as it stands into what Slack shows: its one card, the thread message of a journal entry
// and the file that follows one, direct messages to people, notices to users, news of a channel, the Home tab, forms,
// and the answer to a command. Its functions are pure: nothing here reads a clock, keeps state or talks to Slack.
package view

import (
	"time"

	"github.com/slack-go/slack"

	"refreshbot/jobs/history"
)

// ShortcutRefresh is the callback_id of the global shortcut "Refresh an environment", as in manifest.yml.
const ShortcutRefresh = "refresh"

// ShortcutExplain is that of the message shortcut "Explain this refresh".
const ShortcutExplain = "explain"

// Message is what Slack is asked to show.
type Message struct {
	Text   string // for notifications and screen readers; always set
	Blocks []slack.Block
}

// Post is a thread message.
type Post struct {
	Message
	Broadcast bool  // also show it in the channel (reply_broadcast of chat.postMessage)
	Whole     *File // what the message has room for a part of, to follow it; nil: it has all
}

// Options is what the views need to know besides the refresh.
type Options struct {
	LCSLink func(lcsID string) string // page of an environment in LCS; nil or "" when there is none
	Zone    *time.Location            // for the fallback of dates; nil is UTC
	Report  string                    // address of the report of the refresh that is shown; "" when there is none yet
	Past    history.Past              // what is known from earlier refreshes of the pair that is shown
}
