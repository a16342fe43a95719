package bot

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// connections is how many Socket Mode connections are kept. Slack recycles each every few hours, and slack-go
// closes the old one before it opens the new one; with two, nobody's click falls into the gap.
const connections = 2

// listen keeps one connection alive. slack-go itself reconnects after most failures; after those that end its
// loop, such as a revoked token, this begins anew: the token may be valid again later.
func (b *Bot) listen(ctx context.Context, n int) {
	log := b.Log.With("connection", n)
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		began := time.Now()
		err := b.connect(ctx, log, n)
		b.Health.connection(n, false)
		if ctx.Err() != nil {
			return
		}
		b.Health.slackError(SlackProblem(err))
		log.ErrorContext(ctx, "Slack connection ended; trying again", "err", SlackProblem(err), "in", wait)
		if time.Since(began) > 5*time.Minute {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// connect runs one socketmode client until it gives up. It returns when that client's loop has ended and every
// envelope it brought has been handled.
func (b *Bot) connect(ctx context.Context, log *slog.Logger, n int) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	client := socketmode.New(b.API)
	var handlers sync.WaitGroup
	defer handlers.Wait()
	ended := make(chan error, 1)
	go func() { ended <- client.RunContext(ctx) }()
	for {
		select {
		case err := <-ended:
			return err
		case ev := <-client.Events:
			switch ev.Type {
			case socketmode.EventTypeHello:
				b.Health.connection(n, true)
				log.InfoContext(ctx, "connected to Slack")
			case socketmode.EventTypeConnecting:
				b.Health.connection(n, false)
			case socketmode.EventTypeConnectionError:
				b.Health.connection(n, false)
				if failure, ok := ev.Data.(*slack.ConnectionErrorEvent); ok {
					b.Health.slackError(SlackProblem(failure.ErrorObj))
					log.WarnContext(ctx, "cannot connect to Slack", "err", SlackProblem(failure.ErrorObj), "attempt", failure.Attempt)
				}
			case socketmode.EventTypeErrorBadMessage, socketmode.EventTypeErrorWriteFailed:
				log.WarnContext(ctx, "a Socket Mode message was lost", "kind", string(ev.Type))
			default:
				// One goroutine an envelope: reading must never wait, or pings go unanswered.
				if ev.Request != nil {
					handlers.Go(func() { b.receive(ctx, log, client, ev) })
				}
			}
		}
	}
}

// SlackProblem says in a sentence what is wrong with the connection to Slack and what to do about it. It
// returns nil for nil.
func SlackProblem(err error) error {
	if err == nil {
		return nil
	}
	var code string
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) {
		code = refused.Err
	} else {
		code = err.Error()
	}
	switch {
	case code == "invalid_auth", code == "not_authed":
		return errors.New("Slack does not accept the token: copy it again from the app's page (bot token under OAuth & Permissions, app token under Basic Information)") //nolint:staticcheck // a sentence that begins with a name
	case code == "token_revoked", code == "token_expired", code == "account_inactive":
		return errors.New("the Slack token is no longer valid: reinstall the app and put the new token into the configuration")
	case code == "not_allowed_token_type":
		return errors.New("the wrong kind of Slack token: app_token begins with xapp-, bot_token with xoxb-")
	case code == "missing_scope":
		return errors.New("a Slack scope is missing: " + refused.Needed + "; update the app from manifest.yml and reinstall it")
	case strings.Contains(code, "link_disabled"):
		return errors.New("Socket Mode is switched off for the app: switch it on in the app's settings") //nolint:staticcheck // a sentence that begins with a name
	}
	return errors.New("no connection to Slack: " + redact(code))
}
