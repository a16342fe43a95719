package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

// newsSpace holds what is to be told in channels. What was told stays for a while, so that the same news is not told
// twice.
const newsSpace = "news"

const rememberNews = 8 * 24 * time.Hour

// item is one piece of news and how far it got.
type item struct {
	News   refresh.News `json:"news"`
	SentAt time.Time    `json:"sent_at,omitzero"` // a post may or may not have been made then,
	In     string       `json:"in,omitempty"`     // in that channel; "": its own
	Told   time.Time    `json:"told,omitzero"`
}

// Tell takes news for the channel of its target. They are on disk when it returns, and told as soon as Slack takes
// them: once, whatever happens to the process meanwhile.
func (b *Bot) Tell(ctx context.Context, n refresh.News) error {
	_, known, err := b.Records.Record(ctx, newsSpace, n.Key)
	if err != nil {
		return fmt.Errorf("look up the news: %w", err)
	}
	if known {
		return nil
	}
	if err := b.herald.note(ctx, item{News: n}); err != nil {
		return err
	}
	select {
	case b.herald.fresh <- struct{}{}:
	default:
	}
	b.homes.changed(b.homePace()) // which show the schedules
	return nil
}

// herald tells the news. It posts with the publisher and as that does: an intent first, in its turn, a post whose reply was
// lost is looked for, and elsewhere while a channel takes none.
type herald struct {
	*publisher
	fresh chan struct{}
	tries int // rounds in a row in which something failed
}

func newHerald(p *publisher) *herald { return &herald{publisher: p, fresh: make(chan struct{}, 1)} }

// run tells until ctx ends, beginning with what an earlier process did not get to tell.
func (h *herald) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := h.round(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-h.fresh:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round tells what there is, the oldest first, and returns how long to wait before the next round. What cannot be read or
// told holds up nothing else.
func (h *herald) round(ctx context.Context) time.Duration {
	wait, failed := time.Hour, false
	all, err := h.items(ctx)
	if err != nil {
		h.Log.ErrorContext(ctx, "some news cannot be read; trying again", "err", err)
		wait, failed = h.patience(h.tries), true
	}
	for _, i := range all {
		if !i.Told.IsZero() {
			if time.Since(i.Told) > rememberNews {
				if err := h.Records.DeleteRecord(ctx, newsSpace, i.News.Key); err != nil {
					h.Log.WarnContext(ctx, "old news cannot be dropped", "err", err)
				}
			}
			continue
		}
		err := h.tell(ctx, i)
		if ctx.Err() != nil {
			return wait
		}
		if later, ok := errors.AsType[notYet](err); ok {
			wait = min(wait, time.Until(later.until))
		} else if shut, ok := errors.AsType[closed](err); ok { // which the publisher has logged
			wait = min(wait, time.Until(shut.until))
		} else if err != nil {
			retry := h.patience(h.tries)
			if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
				retry = max(retry, limited.RetryAfter)
			}
			h.Log.WarnContext(ctx, "news are not shown in Slack; trying again", "news", i.News.Key, "err", redact.Text(err.Error()))
			wait, failed = min(wait, retry), true
		}
	}
	if h.tries++; !failed {
		h.tries = 0
	}
	return wait
}

// items returns the news that can be read, and joins the errors of those that cannot.
func (h *herald) items(ctx context.Context) ([]item, error) {
	records, result := h.Records.Records(ctx, newsSpace)
	var all []item
	for key, data := range records {
		var i item
		if err := json.Unmarshal(data, &i); err != nil {
			result = errors.Join(result, fmt.Errorf("read the news %s: %w", key, err))
			continue
		}
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b item) int { return cmp.Or(a.News.At.Compare(b.News.At), cmp.Compare(a.News.Key, b.News.Key)) })
	return all, result
}

// tell makes one post, or finds the one that was made.
func (h *herald) tell(ctx context.Context, i item) error {
	channel, ok := "", false
	if h.NewsIn != nil {
		channel, ok = h.NewsIn(i.News.Target)
	}
	if !ok || time.Since(i.News.At) > stale { // nobody is left to tell, or to whom it would be news
		i.Told = time.Now()
		return h.note(ctx, i)
	}
	const about = "news"
	if !i.SentAt.IsZero() {
		if err := h.settled(i.SentAt); err != nil {
			return err
		}
		ts, err := h.find(ctx, cmp.Or(i.In, channel), "", i.SentAt, carries(about, i.News.Key))
		if err != nil {
			return err
		}
		if ts != "" {
			i.Told = time.Now()
			return h.note(ctx, i)
		}
	}
	m := view.News(i.News, h.View)
	i.In = channel
	if h.shut.takes(channel) != nil && h.Fallback != "" && h.Fallback != channel {
		i.In, m = h.Fallback, view.NewsAway(m, channel)
	}
	if err := h.shut.takes(i.In); err != nil {
		return err
	}
	if err := h.postTurn(i.In, newsSpace+" "+i.News.Key); err != nil {
		return err
	}
	i.SentAt = time.Now()
	if err := h.note(ctx, i); err != nil {
		return err
	}
	_, _, err := h.API.PostMessageContext(ctx, i.In, slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), mark(about, i.News.Key))
	if err == nil {
		h.reached(i.In)
		i.Told = time.Now()
		return h.note(ctx, i)
	}
	i.SentAt = time.Now() // the client may have waited for its turn, and then sent it only now
	if certainlyNotPosted(err) {
		i.SentAt = time.Time{}
	}
	if noted := h.note(ctx, i); noted != nil {
		return noted
	}
	if kindOf(err) == channelRefused {
		_ = h.refusedBy(i.In, err) // which knows it from now on
		return h.tell(ctx, i)
	}
	return fmt.Errorf("post the news: %w", err)
}

func (h *herald) note(ctx context.Context, i item) error {
	data, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if err := h.Records.PutRecord(context.WithoutCancel(ctx), newsSpace, i.News.Key, data); err != nil {
		return fmt.Errorf("note the news: %w", err)
	}
	return nil
}
