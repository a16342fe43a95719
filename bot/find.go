package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"
)

// settled returns notYet while a request of that time may still land. That is counted from when its reply was given
// up, or from when this process began if an earlier one sent it: when that one ended, nobody wrote down.
func (p *publisher) settled(sent time.Time) error {
	if sent.Before(p.began) {
		sent = p.began
	}
	if until := sent.Add(p.Settle); time.Now().Before(until) {
		return notYet{until}
	}
	return nil
}

// postEvent is the event type of the metadata of every post that is to be found again.
const postEvent = "refreshbot_post"

// mark is what a post carries to be found by: what it is about, and which of the posts about that it is.
func mark(about, key string) slack.MsgOption {
	return slack.MsgOptionMetadata(slack.SlackMetadata{EventType: postEvent, EventPayload: map[string]any{"refresh": about, "key": key}})
}

// carries recognises a post by its mark.
func carries(about, key string) func(slack.Message) bool {
	return func(m slack.Message) bool {
		return m.Metadata.EventPayload["refresh"] == about && m.Metadata.EventPayload["key"] == key
	}
}

// find looks through a thread, or with no thread through a channel, for a message of about that time, and returns
// its timestamp; "" when it is not there.
func (p *publisher) find(ctx context.Context, channel, thread string, sent time.Time, is func(slack.Message) bool) (string, error) {
	oldest := fmt.Sprintf("%d.000000", sent.Add(-10*time.Minute).Unix()) // timestamps are of Slack's clock
	for cursor := ""; ; {
		messages, next, err := p.read(ctx, channel, thread, oldest, cursor)
		if err != nil {
			return "", fmt.Errorf("look for a post: %w", err)
		}
		for _, m := range messages {
			if is(m) {
				return m.Timestamp, nil
			}
		}
		if next == "" {
			return "", nil
		}
		cursor = next
	}
}

func (p *publisher) read(ctx context.Context, channel, thread, oldest, cursor string) ([]slack.Message, string, error) {
	if thread != "" {
		messages, _, next, err := p.API.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: thread, Oldest: oldest, Cursor: cursor, Limit: 200, IncludeAllMetadata: true,
		})
		return messages, next, err
	}
	page, err := p.API.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: channel, Oldest: oldest, Cursor: cursor, Limit: 200, IncludeAllMetadata: true,
	})
	if err != nil {
		return nil, "", err
	}
	return page.Messages, page.ResponseMetaData.NextCursor, nil
}

// certainlyNotPosted reports whether Slack itself said no. Some of its own failures leave it open: "it's possible
// some aspect of the operation succeeded" (chat.postMessage, errors).
func certainlyNotPosted(err error) bool {
	if _, limited := errors.AsType[*slack.RateLimitedError](err); limited {
		return true
	}
	switch refusal(err) {
	case "", "internal_error", "fatal_error", "service_unavailable":
		return false
	}
	return true
}
