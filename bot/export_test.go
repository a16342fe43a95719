package bot

import (
	"context"

	"github.com/slack-go/slack"

	"refreshbot/commands"
)

// Publish shows refreshes without listening to anybody.
func (b *Bot) Publish(ctx context.Context) { b.publisher.run(ctx) }

// TakeList takes a file of users that came with a form.
func (b *Bot) TakeList(ctx context.Context, form commands.Filled, f slack.File) {
	b.takeList(ctx, sentList{form, sentFile{f.ID, f.Name, f.Size, f.URLPrivate, f.URLPrivateDownload}})
}
