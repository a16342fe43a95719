package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
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

// warning is trouble with a refresh that its card cannot show.
type warning struct {
	stuck refresh.ID // which refresh does not move; "": why names the one that cannot be read
	why   string
}

// LeftAlone says on the health pages which refreshes cannot be read, and tells the admins once Slack listens: once for
// each reason, whatever happens to the process. err may join several.
func (b *Bot) LeftAlone(err error) {
	for _, why := range b.Health.leftAlone(err) {
		b.publisher.due(task{warning: warning{why: why}})
	}
}

// Stuck says the same of a refresh that does not move; with nil, that it moves again.
func (b *Bot) Stuck(id refresh.ID, err error) {
	b.Health.stuck(id, err)
	if err != nil {
		b.publisher.due(task{warning: warning{id, refresh.MessageOf(err)}})
	}
}

func (p *publisher) warn(ctx context.Context, w warning) error {
	m := view.LeftAlone(w.why, p.View)
	if w.stuck != "" {
		m = view.Stuck(w.stuck, w.why, p.View)
	}
	sum := sha256.Sum256([]byte(w.stuck + "\x00" + refresh.ID(w.why)))
	return p.tellAdmins(ctx, "warning", hex.EncodeToString(sum[:8]), m)
}
