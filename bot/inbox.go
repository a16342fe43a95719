package bot

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"refreshbot/bot/view"
	"refreshbot/commands"
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
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(ctx, "an envelope caused a panic", "panic", redact(fmt.Sprint(p)), "stack", string(debug.Stack()))
		}
	}()
	var payload any
	var after func()
	switch data := ev.Data.(type) {
	case slack.SlashCommand:
		payload = b.slash(ctx, data)
	case slack.InteractionCallback:
		after = b.interaction(ctx, data)
	}
	if err := client.AckCtx(ctx, ev.Request.EnvelopeID, payload); err != nil {
		log.ErrorContext(ctx, "acknowledge envelope", "err", redact(err.Error()))
	}
	b.Health.acked(string(ev.Type), time.Since(began))
	if after != nil {
		after()
	}
}

// slash answers in the acknowledgement itself: to the person alone, and without another call.
func (b *Bot) slash(ctx context.Context, in slack.SlashCommand) any {
	answer := b.Handler.Slash(ctx, commands.Line{
		Key: "slash/" + in.TriggerID, User: refresh.Person{ID: in.UserID, Name: in.UserName}, Channel: in.ChannelID, Text: in.Text,
	})
	if isSilent(answer) {
		return nil
	}
	m := view.Reply(answer, time.Now(), b.View)
	return map[string]any{"response_type": "ephemeral", "text": m.Text, "blocks": m.Blocks}
}

// interaction answers a click. The card changes by itself; only a refusal needs words, and those go to the
// person alone once the envelope has been acknowledged.
func (b *Bot) interaction(ctx context.Context, in slack.InteractionCallback) func() {
	if in.Type != slack.InteractionTypeBlockActions || len(in.ActionCallback.BlockActions) != 1 {
		return nil
	}
	action := in.ActionCallback.BlockActions[0]
	if !strings.HasPrefix(action.ActionID, view.ActionPrefix) {
		return nil // a link; the browser has followed it
	}
	var answer commands.Reply
	button, err := view.ParseButton(action.ActionID, action.Value)
	if err != nil {
		answer = commands.Reply{Refused: true, Text: "That button is from an older version of refreshbot.", Hint: "The newest card in the channel has buttons that work."}
	} else {
		answer = b.Handler.Click(ctx, commands.Press{
			Key: "click/" + in.TriggerID, User: refresh.Person{ID: in.User.ID, Name: in.User.Name},
			Refresh: button.Refresh, Gate: button.Gate, Nonce: button.Nonce, Action: button.Action,
		})
	}
	if isSilent(answer) || in.ResponseURL == "" {
		return nil
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		m := view.Reply(answer, time.Now(), b.View)
		err := slack.PostWebhookCustomHTTPContext(ctx, in.ResponseURL, &http.Client{Timeout: callTimeout}, &slack.WebhookMessage{
			ResponseType: "ephemeral", Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks},
		})
		if err != nil {
			// The response URL is a secret of a kind: whoever has it can post.
			b.Log.WarnContext(ctx, "a refusal could not be shown", "user", in.User.ID, "err", redact(err.Error()))
		}
	}
}

func isSilent(r commands.Reply) bool {
	return r.Text == "" && len(r.Targets) == 0 && len(r.Help) == 0
}
