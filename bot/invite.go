package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

const (
	toldSpace = "told"
	// news is how long after its end it is still worth telling people that an environment is open.
	news = 24 * time.Hour
)

// told is what is remembered about one person's direct message.
type told struct {
	User    string    `json:"user,omitempty"`    // Slack's id
	SentAt  time.Time `json:"sent_at,omitzero"`  // the intent; when, or when its reply was given up
	Outcome string    `json:"outcome,omitempty"` // sent, or why it cannot be; empty: not known
}

const (
	outcomeSent      = "sent"
	outcomeNoAccount = "no account"
)

func owesInvitations(r refresh.Refresh, state posted) bool {
	return r.Status == refresh.Done && r.Settings.Notify && !state.Invited && time.Since(r.EndedAt) < news
}

// invite tells everybody who was let in that the environment is open: one direct message per call, so that the
// cards of other refreshes do not wait behind hundreds of them. In the end the thread names those it did not reach.
func (p *publisher) invite(ctx context.Context, r refresh.Refresh, state *posted) error {
	people := addresses(r)
	var untold []string
	var later time.Time
	for _, who := range people {
		rec, err := p.inviteOne(ctx, r, who)
		if wait, ok := errors.AsType[notYet](err); ok {
			if later.IsZero() || wait.until.Before(later) {
				later = wait.until
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("tell a user that %s is open: %w", r.Target.Name, err)
		}
		if rec.Outcome != outcomeSent {
			untold = append(untold, who)
		}
	}
	if !later.IsZero() {
		return notYet{later}
	}
	if len(untold) > 0 {
		if _, err := p.post(ctx, state, r.ID, "untold", false, view.Untold(r, untold, len(people), p.View)); err != nil {
			return err
		}
	}
	state.Intent, state.Invited = "", true
	return p.remember(ctx, r.ID, *state)
}

// addresses are the people who were let in, each once: by e-mail address, or by id when F&O knows none.
func addresses(r refresh.Refresh) []string {
	in, _ := r.UsersIn()
	var all []string
	for _, u := range in {
		who := u.SignIn
		if who == "" {
			who = u.ID
		}
		if !slices.ContainsFunc(all, func(known string) bool { return strings.EqualFold(known, who) }) {
			all = append(all, who)
		}
	}
	return all
}

// inviteOne sends one direct message, or finds the one that was sent. notYet when it is not this one's turn.
func (p *publisher) inviteOne(ctx context.Context, r refresh.Refresh, who string) (told, error) {
	key := string(r.ID) + "/" + strings.ToLower(who)
	var rec told
	data, known, err := p.Records.Record(ctx, toldSpace, key)
	if err != nil {
		return rec, fmt.Errorf("recall who was told: %w", err)
	}
	if known {
		if err := json.Unmarshal(data, &rec); err != nil {
			return rec, fmt.Errorf("recall who was told: %w", err)
		}
	}
	note := func() error {
		data, err := json.Marshal(rec)
		if err != nil {
			return err
		}
		if err := p.Records.PutRecord(context.WithoutCancel(ctx), toldSpace, key, data); err != nil {
			return fmt.Errorf("remember who was told: %w", err)
		}
		return nil
	}
	end := func(outcome string) (told, error) {
		rec.Outcome = outcome
		return rec, note()
	}
	if rec.Outcome != "" {
		return rec, nil
	}
	if !strings.Contains(who, "@") {
		return end(outcomeNoAccount)
	}
	if !rec.SentAt.IsZero() {
		if err := p.settled(rec.SentAt); err != nil {
			return rec, err
		}
	}
	if turn := p.invites.Reserve(); turn.Delay() > 0 {
		wait := turn.Delay()
		turn.Cancel()
		return rec, notYet{time.Now().Add(wait)}
	}
	if !rec.SentAt.IsZero() {
		found, err := p.invited(ctx, r.ID, rec)
		if err != nil {
			return rec, err
		}
		if found {
			return end(outcomeSent)
		}
	}
	user, err := p.API.GetUserByEmailContext(ctx, who)
	if refusal(err) == "users_not_found" {
		return end(outcomeNoAccount)
	}
	if err != nil {
		return rec, err
	}
	rec = told{User: user.ID, SentAt: time.Now()}
	if err := note(); err != nil {
		return rec, err
	}
	m := view.Opened(r, p.View)
	_, _, err = p.API.PostMessageContext(ctx, user.ID, slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), mark(r.ID, "open"))
	switch {
	case err == nil:
		return end(outcomeSent)
	case !certainlyNotPosted(err):
		rec.SentAt = time.Now() // the client may have waited for its turn, and then sent it only now
	case aboutOne(err):
		return end("refused: " + refusal(err))
	default:
		rec = told{}
	}
	if noted := note(); noted != nil {
		return rec, noted
	}
	return rec, err
}

// invited looks for a direct message whose reply did not arrive.
func (p *publisher) invited(ctx context.Context, id refresh.ID, rec told) (bool, error) {
	dm, _, _, err := p.API.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{rec.User}})
	if err != nil {
		return false, fmt.Errorf("open the direct messages: %w", err)
	}
	ts, err := p.find(ctx, dm.ID, "", rec.SentAt, carries(id, "open"))
	return ts != "", err
}

// aboutOne reports whether Slack's refusal is about this one person, and not about the app or the moment.
func aboutOne(err error) bool {
	switch refusal(err) {
	case "", "ratelimited", "rate_limited", "missing_scope", "invalid_auth", "not_authed", "token_revoked", "token_expired",
		"account_inactive", "not_allowed_token_type", "access_denied", "org_login_required", "team_access_not_granted",
		"request_timeout", "messages_tab_disabled":
		return false
	}
	return true
}
