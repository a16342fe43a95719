package bot

import "context"

// Publish shows refreshes without listening to anybody.
func (b *Bot) Publish(ctx context.Context) { b.publisher.run(ctx) }
