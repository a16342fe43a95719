package bot

import (
	"context"
	"time"

	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// render is an answer as Slack shows it. What only the publisher knows is added first: where the reports are.
func (b *Bot) render(ctx context.Context, answer commands.Reply) view.Message {
	if answer.History != nil {
		for i, row := range answer.History.Rows {
			answer.History.Rows[i].Report = b.reportOf(ctx, row.Refresh)
		}
	}
	return view.Reply(answer, time.Now(), b.optionsFor(ctx, answer))
}

// optionsFor knows where the report is of the refresh that an answer is about.
func (b *Bot) optionsFor(ctx context.Context, answer commands.Reply) view.Options {
	o := b.View
	if answer.About != nil {
		o.Report = b.reportOf(ctx, answer.About.Refresh)
	}
	return o
}

// reportOf is the address of a report; "" when there is none, or when it cannot be looked up now.
func (b *Bot) reportOf(ctx context.Context, r refresh.Refresh) string {
	state, err := b.publisher.recall(ctx, r.ID, r.Channel)
	if err != nil {
		b.Log.WarnContext(ctx, "what was posted cannot be looked up", "refresh", r.ID, "err", err)
	}
	return state.Report.Link
}
