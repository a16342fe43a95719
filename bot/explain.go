package bot

import (
	"cmp"
	"context"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// explain answers the shortcut in the menu of a message: what the refresh is that it is about, in a modal, since what is
// said in a channel is far away from a thread.
func (b *Bot) explain(ctx context.Context, in slack.InteractionCallback, at asker) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer := commands.Reply{Refused: true, Text: "That message is about no refresh.", Hint: "Use the shortcut on the card of a refresh, or on a message in its thread. /refresh status lists what runs."}
	if id := b.refreshOf(ctx, in); id != "" {
		answer = b.Handler.Explain(ctx, id)
	}
	_, err := b.API.OpenViewContext(ctx, in.TriggerID, view.Modal("This refresh", answer, time.Now(), b.optionsFor(ctx, answer)))
	switch {
	case err == nil, refusal(err) == "exchanged_trigger_id": // the first delivery has opened it
	default:
		b.Log.WarnContext(ctx, "an explanation could not be opened", "err", redact.Text(err.Error()))
		b.whisper(ctx, at, &answer)
	}
}

// refreshOf says which refresh a message is about: by the mark of the card, or of the card in whose thread it stands.
// Slack does not send the mark along, so it is read from the channel.
func (b *Bot) refreshOf(ctx context.Context, in slack.InteractionCallback) refresh.ID {
	root := cmp.Or(in.Message.ThreadTimestamp, in.MessageTs)
	page, err := b.API.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: in.Channel.ID, Latest: root, Oldest: root, Inclusive: true, Limit: 1, IncludeAllMetadata: true,
	})
	if err != nil { // refreshbot is not in that channel, so no card of it stands there
		b.Log.InfoContext(ctx, "a message to be explained cannot be read", "err", redact.Text(err.Error()))
		return ""
	}
	for _, m := range page.Messages {
		if m.Timestamp == root {
			return about(m)
		}
	}
	return ""
}

// about is the refresh that a post of ours is marked with.
func about(m slack.Message) refresh.ID {
	if m.Metadata.EventType != postEvent {
		return ""
	}
	id, _ := m.Metadata.EventPayload["refresh"].(string)
	return refresh.ID(id)
}
