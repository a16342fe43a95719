package bot

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
)

// patience is how long an envelope may take from arrival to acknowledgement. Slack gives up after 3 s.
const patience = 2500 * time.Millisecond

// receive handles one envelope: decode, commit, acknowledge. A crash before the acknowledgement costs the user a
// visible failure and never a decision; a second delivery finds its key in the store.
func (b *Bot) receive(ctx context.Context, log *slog.Logger, client *socketmode.Client, ev socketmode.Event) {
	// The envelope was received, so its handling goes on even while the process is asked to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	began := time.Now()
	failpoint.Hit("inbox", "received")
	defer recovered(ctx, log, "an envelope caused a panic")
	answer, url, payload, after := b.handle(ctx, log, ev)
	failpoint.Hit("inbox", "committed")
	err := client.AckCtx(ctx, ev.Request.EnvelopeID, payload)
	if err != nil && payload != nil { // too long for an acknowledgement
		payload = nil
		err = client.AckCtx(ctx, ev.Request.EnvelopeID, nil)
	}
	if err != nil {
		log.ErrorContext(ctx, "acknowledge envelope", "err", redact.Text(err.Error()))
	}
	failpoint.Hit("inbox", "acked")
	b.Health.acked(string(ev.Type), time.Since(began))
	if payload == nil && !isSilent(answer) && url != "" {
		b.whisper(ctx, url, answer, log)
	}
	if answer.Later != nil && url != "" {
		select {
		case b.rest <- rest{url, answer.Later}:
		default:
			b.whisper(ctx, url, commands.Reply{Refused: true, Text: "Too much is being asked at the same time. Try again in a minute."}, log)
		}
	}
	if after != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
		defer cancel()
		after(ctx)
	}
}

// handle decodes an envelope and has it answered. payload is for the acknowledgement; url is where to answer when that
// cannot; after is what takes longer than Slack waits. A panic is answered too: what was committed before it stays.
func (b *Bot) handle(ctx context.Context, log *slog.Logger, ev socketmode.Event) (answer commands.Reply, url string, payload any, after func(context.Context)) {
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, log, "an envelope caused a panic", p)
			answer = defective()
			payload, after = nil, nil
			if in, ok := ev.Data.(slack.InteractionCallback); ok && in.Type == slack.InteractionTypeViewSubmission {
				after = func(ctx context.Context) { b.tell(ctx, log, "", in.User.ID, answer) }
			}
		}
	}()
	switch data := ev.Data.(type) {
	case slack.SlashCommand:
		url = data.ResponseURL
		answer = b.slash(ctx, data, ev.Request.EnvelopeID)
		switch {
		case answer.Form != nil:
			after = func(ctx context.Context) { b.openForm(ctx, log, data.TriggerID, data.ResponseURL, *answer.Form) }
		case !isSilent(answer):
			m := b.render(ctx, answer)
			payload = map[string]any{"response_type": "ephemeral", "text": m.Text, "blocks": m.Blocks}
		}
	case slack.InteractionCallback:
		if data.Type == slack.InteractionTypeViewSubmission {
			payload, after = b.submitted(ctx, log, data, ev.Request.EnvelopeID)
		} else {
			url = data.ResponseURL
			answer = b.interaction(ctx, data, ev.Request.EnvelopeID)
		}
	}
	return answer, url, payload, after
}

// defective answers what caused a panic.
func defective() commands.Reply {
	return commands.Reply{Refused: true, Text: "A defect in refreshbot stopped that. An admin finds the details in the log of the process.",
		Hint: "The card, or /refresh status, shows how things stand."}
}

func (b *Bot) slash(ctx context.Context, in slack.SlashCommand, envelope string) commands.Reply {
	return b.Handler.Slash(ctx, commands.Line{
		Key: "slash/" + cmp.Or(in.TriggerID, envelope), User: refresh.Person{ID: in.UserID, Name: in.UserName},
		Workspace: in.TeamID, Channel: in.ChannelID, Text: in.Text,
	})
}

// stands is the channel in which a button was pressed; "" for a view and for a direct conversation with the app.
func stands(in slack.InteractionCallback) string {
	id := cmp.Or(in.Container.ChannelID, in.Channel.ID)
	if strings.HasPrefix(id, "D") {
		return ""
	}
	return id
}

// interaction handles a click. The card changes by itself; only a refusal needs words.
func (b *Bot) interaction(ctx context.Context, in slack.InteractionCallback, envelope string) commands.Reply {
	if in.Type != slack.InteractionTypeBlockActions || len(in.ActionCallback.BlockActions) != 1 {
		return commands.Reply{}
	}
	action := in.ActionCallback.BlockActions[0]
	if !strings.HasPrefix(action.ActionID, view.ActionPrefix) {
		return commands.Reply{} // a link; the browser has followed it
	}
	button, err := view.ParseButton(action.ActionID, action.Value)
	if err != nil {
		return commands.Reply{Refused: true, Text: "That button is from another version of refreshbot.", Hint: "The newest card in the channel has buttons that work."}
	}
	where := stands(in)
	if where == b.Fallback && b.publisher.showsAway(ctx, button.Refresh, where) {
		where = "" // its own channel takes no posts, so this is where it stands
	}
	return b.Handler.Click(ctx, commands.Press{
		Key: "click/" + cmp.Or(in.TriggerID, envelope), User: refresh.Person{ID: in.User.ID, Name: in.User.Name},
		Workspace: in.Team.ID, Channel: where,
		Refresh: button.Refresh, Gate: button.Gate, Nonce: button.Nonce, Action: button.Action,
	})
}

// whisper answers the person alone, after the acknowledgement.
func (b *Bot) whisper(ctx context.Context, url string, answer commands.Reply, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	m := b.render(ctx, answer)
	err := slack.PostWebhookCustomHTTPContext(ctx, url, &http.Client{Timeout: callTimeout, Transport: b.Transport, CheckRedirect: stay}, &slack.WebhookMessage{
		ResponseType: "ephemeral", Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks},
	})
	if err != nil {
		// The response URL is a secret of a kind: whoever has it can post.
		log.WarnContext(ctx, "an answer could not be shown", "err", redact.Text(err.Error()))
	}
}

// rest is what is left of an answer, and where it goes.
type rest struct {
	url  string
	next func(context.Context) commands.Reply
}

// later gives the rest of answers, each part by part, until the process stops. They are no part of a connection: one
// may take as long as a person needs to sign in somewhere.
func (b *Bot) later(ctx context.Context) {
	const good = 25 * time.Minute // a response_url is good for 30 minutes and 5 uses (Slack: "Handling user interaction")
	var answers sync.WaitGroup
	defer answers.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-b.rest:
			answers.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, good)
				defer cancel()
				for next := r.next; next != nil; {
					part := b.part(ctx, next)
					b.whisper(ctx, r.url, part, b.Log)
					next = part.Later
				}
			})
		}
	}
}

// part makes a panic an answer: one bad command must not take the process down.
func (b *Bot) part(ctx context.Context, next func(context.Context) commands.Reply) (r commands.Reply) {
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, b.Log, "an answer caused a panic", p)
			r = defective()
		}
	}()
	return next(ctx)
}

// isSilent reports whether there is nothing to say: a click that counts shows on the card, and a second delivery
// was answered the first time.
func isSilent(r commands.Reply) bool {
	return r.Text == "" && len(r.Targets) == 0 && len(r.Help) == 0 && r.Listing == "" && r.History == nil && r.About == nil
}
