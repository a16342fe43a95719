package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/view"
)

const toldSpace = "told"

// told is what is remembered about one direct message.
type told struct {
	User    string    `json:"user,omitempty"`    // Slack's id
	SentAt  time.Time `json:"sent_at,omitzero"`  // the intent; when, or when its reply was given up
	Outcome string    `json:"outcome,omitempty"` // sent, or why it cannot be; empty: not known
	Channel string    `json:"channel,omitempty"` // of the direct conversation
	TS      string    `json:"ts,omitempty"`
}

const outcomeSent = "sent"

// letter is a direct message to one person. What it is about and its key are its mark.
type letter struct {
	about, key string
	user       string // Slack's id
	message    view.Message
}

// deliver sends a letter once, or finds the one that was sent. record is where that is remembered. It is no error when
// the person cannot be written to: Outcome says so.
func (p *publisher) deliver(ctx context.Context, record string, l letter) (told, error) {
	rec, err := p.recallTold(ctx, record)
	if err != nil || rec.Outcome != "" {
		return rec, err
	}
	if !rec.SentAt.IsZero() {
		if rec, err = p.found(ctx, record, rec, l); err != nil || rec.Outcome != "" {
			return rec, err
		}
	}
	end := func(outcome string) (told, error) {
		rec.Outcome = outcome
		return rec, p.noteTold(ctx, record, rec)
	}
	if err := p.postTurn(l.user, record); err != nil {
		return rec, err
	}
	rec.User, rec.SentAt = l.user, time.Now()
	if err := p.noteTold(ctx, record, rec); err != nil {
		return rec, err
	}
	rec.Channel, rec.TS, err = p.API.PostMessageContext(ctx, l.user, slack.MsgOptionText(l.message.Text, false),
		slack.MsgOptionBlocks(l.message.Blocks...), slack.MsgOptionDisableLinkUnfurl(), mark(l.about, l.key))
	switch {
	case err == nil:
		return end(outcomeSent)
	case !certainlyNotPosted(err):
		rec.SentAt = time.Now() // it may land from now on, as long as things take to settle
	case aboutOne(err):
		return end("refused: " + refusal(err))
	default:
		rec.SentAt = time.Time{}
	}
	if noted := p.noteTold(ctx, record, rec); noted != nil {
		return rec, noted
	}
	return rec, fmt.Errorf("send a direct message: %w", err)
}

// found looks for a letter whose reply was lost, and notes it when it is there.
func (p *publisher) found(ctx context.Context, record string, rec told, l letter) (told, error) {
	if err := p.settled(rec.SentAt); err != nil {
		return rec, err
	}
	dm, err := p.dm(ctx, l.user)
	if err != nil {
		return rec, err
	}
	ts, err := p.find(ctx, dm, "", rec.SentAt, carries(l.about, l.key))
	if err != nil || ts == "" {
		return rec, err
	}
	rec.Channel, rec.TS, rec.Outcome = dm, ts, outcomeSent
	return rec, p.noteTold(ctx, record, rec)
}

func (p *publisher) recallTold(ctx context.Context, record string) (rec told, err error) {
	data, known, err := p.Records.Record(ctx, toldSpace, record)
	if err == nil && known {
		err = json.Unmarshal(data, &rec)
	}
	if err != nil {
		return rec, fmt.Errorf("recall who was told: %w", err)
	}
	return rec, nil
}

func (p *publisher) noteTold(ctx context.Context, record string, rec told) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	if err := p.Records.PutRecord(context.WithoutCancel(ctx), toldSpace, record, data); err != nil {
		return fmt.Errorf("remember who was told: %w", err)
	}
	return nil
}

// tellAdmins writes to each admin, once.
func (p *publisher) tellAdmins(ctx context.Context, about, key string, m view.Message) error {
	var result error
	for _, admin := range p.Admins {
		_, err := p.deliver(ctx, about+"/"+key+"/"+strings.ToLower(admin), letter{about, key, admin, m})
		result = sooner(result, err)
	}
	return result
}

// dm returns the direct conversation with a person.
func (p *publisher) dm(ctx context.Context, user string) (string, error) {
	p.mu.Lock()
	known := p.dms[user]
	p.mu.Unlock()
	if known != "" {
		return known, nil
	}
	dm, _, _, err := p.API.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
	if err != nil {
		return "", fmt.Errorf("open the direct messages: %w", err)
	}
	p.mu.Lock()
	p.dms[user] = dm.ID
	p.mu.Unlock()
	return dm.ID, nil
}

// aboutOne reports whether Slack's refusal is about this one person, and not about the app or the moment.
func aboutOne(err error) bool {
	switch refusal(err) {
	case "", "ratelimited", "rate_limited", "missing_scope", "invalid_auth", "not_authed", "token_revoked", "token_expired",
		"account_inactive", "not_allowed_token_type", "access_denied", "org_login_required", "team_access_not_granted",
		"internal_error", "fatal_error", "service_unavailable", "request_timeout", "messages_tab_disabled":
		return false
	}
	return true
}
