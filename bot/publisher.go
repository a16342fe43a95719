package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/time/rate"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

const (
	postsSpace = "posts"
	// backlog is how many refreshes are looked at on start for something that was not shown.
	backlog = 50
)

// posted is what the publisher remembers about one refresh.
type posted struct {
	Channel string    `json:"channel"`
	Card    string    `json:"card,omitempty"`   // timestamp of the card
	Shown   int64     `json:"shown"`            // version of the refresh that the card shows
	Told    int64     `json:"told"`             // last journal entry that the thread has
	Intent  string    `json:"intent,omitempty"` // key of a post that may or may not have been made
	SentAt  time.Time `json:"sent_at,omitzero"` // when, or when its reply was given up
	Report  reported  `json:"report,omitzero"`
	Invited bool      `json:"invited,omitempty"` // everybody who was let in was told, as far as they can be
}

// publisher makes Slack equal to the journal. Posts are findable effects: each carries its key as metadata, so
// that one whose reply was lost is looked for and adopted instead of being made again.
type publisher struct {
	Options
	began   time.Time
	updates *rate.Limiter // chat.update allows about 50 a minute for the whole workspace
	invites *rate.Limiter // so does users.lookupByEmail

	learnt learnt // used by publish alone

	mu    sync.Mutex
	dirty map[refresh.ID]time.Time // what to show, not before
	wake  chan struct{}
}

func newPublisher(o Options) *publisher {
	return &publisher{Options: o, updates: rate.NewLimiter(rate.Every(o.Pace), 6), invites: rate.NewLimiter(rate.Every(o.Pace), 1), dirty: map[refresh.ID]time.Time{}, wake: make(chan struct{}, 1)}
}

// changed notes that a refresh is to be shown: at once, unless it waits for a failure to pass. Then that wait
// shows the newest state too.
func (p *publisher) changed(id refresh.ID) {
	p.mu.Lock()
	if _, waits := p.dirty[id]; !waits {
		p.dirty[id] = time.Time{}
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// behind reports whether a refresh has changed since it was taken up.
func (p *publisher) behind(id refresh.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, changed := p.dirty[id]
	return changed
}

// delay has a refresh shown no sooner than at.
func (p *publisher) delay(id refresh.ID, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirty[id] = at
}

// run publishes until ctx ends, beginning with whatever an earlier process did not get to show.
func (p *publisher) run(ctx context.Context) {
	p.began = time.Now()
	recent, err := p.Journal.Recent(ctx, "", backlog)
	if err != nil {
		p.Log.ErrorContext(ctx, "some refreshes cannot be read and are not shown", "err", err)
	}
	slices.Reverse(recent)
	for _, r := range recent {
		p.changed(r.ID)
	}
	for {
		id, wait := p.next()
		if id != "" {
			p.publish(ctx, id)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next takes the refresh that has waited longest, or says how long nothing will be due.
func (p *publisher) next() (refresh.ID, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var first refresh.ID
	for id, at := range p.dirty {
		if first == "" || at.Before(p.dirty[first]) || at.Equal(p.dirty[first]) && id < first {
			first = id
		}
	}
	if first == "" {
		return "", time.Hour
	}
	if wait := time.Until(p.dirty[first]); wait > 0 {
		return "", wait
	}
	delete(p.dirty, first)
	return first, 0
}

// publish shows one refresh as far as it goes; what fails is tried again later.
func (p *publisher) publish(ctx context.Context, id refresh.ID) {
	err := p.show(ctx, id)
	if ctx.Err() != nil {
		return
	}
	if later, ok := errors.AsType[notYet](err); ok {
		p.delay(id, later.until)
		return
	}
	p.Health.publishing(id, err)
	if err == nil {
		return
	}
	wait := p.Retry
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		wait = max(wait, limited.RetryAfter)
	}
	p.Log.WarnContext(ctx, "not shown in Slack; trying again", "refresh", id, "err", redact(err.Error()))
	p.delay(id, time.Now().Add(wait))
}

// notYet says that a post may still be under way.
type notYet struct{ until time.Time }

func (n notYet) Error() string { return "a post may still be under way" }

func (p *publisher) show(ctx context.Context, id refresh.ID) error {
	r, err := p.Journal.Load(ctx, id)
	if err != nil {
		return fmt.Errorf("load %s: %w", id, err)
	}
	state, err := p.recall(ctx, r)
	if err != nil {
		return err
	}
	if state.Shown == r.Version && state.Told == r.Version && !owesReport(r, state) && !owesInvitations(r, state) {
		return nil
	}
	options := p.View
	options.Report, options.Past = state.Report.Link, p.learnt.of(ctx, p.Journal, r)
	card := view.Card(r, time.Now(), options)
	if state.Card == "" {
		lost := state.Intent == "card"
		ts, err := p.post(ctx, &state, id, "card", false, card)
		if err != nil {
			return err
		}
		state.Card, state.Shown, state.Intent = ts, r.Version, ""
		if lost {
			state.Shown = 0 // what was found may show the refresh as it was then
		}
		if err := p.remember(ctx, id, state); err != nil {
			return err
		}
	}
	if state.Shown != r.Version {
		if err := p.update(ctx, &state, r, card); err != nil {
			return err
		}
		if err := p.remember(ctx, id, state); err != nil {
			return err
		}
		if state.Card == "" {
			return p.show(ctx, id) // it was deleted: post it anew
		}
	}
	if err = p.tell(ctx, r, &state); err == nil {
		err = p.conclude(ctx, r, &state)
	}
	if refusal(err) == "thread_not_found" {
		state.Shown = 0 // updating the card next time shows whether somebody deleted it
		return errors.Join(err, p.remember(ctx, id, state))
	}
	return err
}

// update edits the card. A card that somebody deleted is forgotten, so that it is posted anew.
func (p *publisher) update(ctx context.Context, state *posted, r refresh.Refresh, card view.Message) error {
	if err := p.updates.Wait(ctx); err != nil {
		return err
	}
	_, _, _, err := p.API.UpdateMessageContext(ctx, state.Channel, state.Card, slack.MsgOptionText(card.Text, false), slack.MsgOptionBlocks(card.Blocks...))
	if refusal(err) == "message_not_found" {
		state.Card = ""
		return nil
	}
	if err != nil {
		return fmt.Errorf("update the card: %w", err)
	}
	state.Shown = r.Version
	return nil
}

// tell posts the notable events that the thread does not have, as long as the card is not behind.
func (p *publisher) tell(ctx context.Context, r refresh.Refresh, state *posted) error {
	entries, err := p.Journal.Journal(ctx, r.ID, 0)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	var before refresh.Refresh
	for _, e := range entries {
		after := refresh.Apply(before, e.Event, e.At)
		if e.Seq > state.Told {
			if post, notable := view.Event(before, after, e, p.View); notable {
				key := strconv.FormatInt(e.Seq, 10)
				if _, err := p.post(ctx, state, r.ID, key, post.Broadcast, post.Message); err != nil {
					return err
				}
				state.Told, state.Intent = e.Seq, ""
				if err := p.remember(ctx, r.ID, *state); err != nil {
					return err
				}
				if p.behind(r.ID) {
					return nil // the card first: it has the buttons, and Slack takes one post a second
				}
			}
		}
		before = after
	}
	if last := int64(len(entries)); last > state.Told {
		state.Told = last
		return p.remember(ctx, r.ID, *state)
	}
	return nil
}

// post makes one post, or finds the one that was made. It notes its intent first.
func (p *publisher) post(ctx context.Context, state *posted, id refresh.ID, key string, broadcast bool, m view.Message) (string, error) {
	if state.Intent == key {
		ts, err := p.lost(ctx, state, id, key)
		if err != nil || ts != "" {
			return ts, err
		}
	}
	state.Intent, state.SentAt = key, time.Now()
	if err := p.remember(ctx, id, *state); err != nil {
		return "", err
	}
	options := []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...), slack.MsgOptionDisableLinkUnfurl(),
		mark(id, key),
	}
	if state.Card != "" {
		options = append(options, slack.MsgOptionTS(state.Card))
		if broadcast {
			options = append(options, slack.MsgOptionBroadcast())
		}
	}
	_, ts, err := p.API.PostMessageContext(ctx, state.Channel, options...)
	if err != nil {
		if certainlyNotPosted(err) {
			state.Intent = ""
		} else {
			state.SentAt = time.Now() // the client may have waited for its turn, and then sent it only now
		}
		if err := p.remember(ctx, id, *state); err != nil {
			return "", err
		}
		return "", fmt.Errorf("post %s: %w", key, err)
	}
	return ts, nil
}

// lost looks for a post whose reply did not arrive.
func (p *publisher) lost(ctx context.Context, state *posted, id refresh.ID, key string) (string, error) {
	if err := p.settled(state.SentAt); err != nil {
		return "", err
	}
	return p.find(ctx, state.Channel, state.Card, state.SentAt, carries(id, key))
}

// settled returns notYet while a request of that time may still land. That is counted from when its reply was given
// up, or from when this process began if an earlier one sent it.
func (p *publisher) settled(sent time.Time) error {
	until := sent.Add(p.Settle)
	if sent.Before(p.began) {
		until = p.began.Add(p.Settle / 4) // the request died with its process; only Slack itself may still be slow
	}
	if time.Now().Before(until) {
		return notYet{until}
	}
	return nil
}

// mark is what a post carries to be found by.
func mark(id refresh.ID, key string) slack.MsgOption {
	return slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "refreshbot_post", EventPayload: map[string]any{"refresh": string(id), "key": key}})
}

// carries recognises a post by its mark.
func carries(id refresh.ID, key string) func(slack.Message) bool {
	return func(m slack.Message) bool {
		return m.Metadata.EventPayload["refresh"] == string(id) && m.Metadata.EventPayload["key"] == key
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

func (p *publisher) recall(ctx context.Context, r refresh.Refresh) (posted, error) {
	state := posted{Channel: r.Channel}
	data, ok, err := p.Records.Record(ctx, postsSpace, string(r.ID))
	if err != nil {
		return state, fmt.Errorf("recall what was posted: %w", err)
	}
	if ok {
		if err := json.Unmarshal(data, &state); err != nil {
			return state, fmt.Errorf("recall what was posted about %s: %w", r.ID, err)
		}
	}
	return state, nil
}

func (p *publisher) remember(ctx context.Context, id refresh.ID, state posted) error {
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := p.Records.PutRecord(context.WithoutCancel(ctx), postsSpace, string(id), data); err != nil {
		return fmt.Errorf("remember what was posted: %w", err)
	}
	return nil
}
