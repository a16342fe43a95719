package bot

import (
	"context"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/view"
)

// TellAdmins sends each admin a direct message, as far as Slack takes it. It writes nothing into the store, so that it
// can tell of trouble with the store, and it does not try again: what it says is in the log and on the health pages.
func (b *Bot) TellAdmins(ctx context.Context, text string) {
	for _, user := range b.Admins {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		_, _, err := b.API.PostMessageContext(call, user, slack.MsgOptionText(view.Escape(text), false), slack.MsgOptionDisableLinkUnfurl())
		cancel()
		if err != nil {
			b.Log.WarnContext(ctx, "an admin was not told", "user", user, "err", SlackProblem(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(b.Pace):
		}
	}
}
