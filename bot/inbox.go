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
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// patience is how long an envelope may take to be handled and acknowledged, ackWithin what the acknowledgement has of its
// own. Slack gives up after 3 s.
const (
	patience  = 2500 * time.Millisecond
	ackWithin = 400 * time.Millisecond
)

// receive handles one envelope: decode, commit, acknowledge. A crash before the acknowledgement costs the user a
// visible failure and never a decision; a second delivery finds its key in the store. acked is called once the
// acknowledgement is on its way.
func (b *Bot) receive(ctx context.Context, log *slog.Logger, client *socketmode.Client, ev socketmode.Event, acked func()) {
	acked = sync.OnceFunc(acked)
	defer acked()
	// The envelope was received, so its handling goes on even while the process is asked to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	began := time.Now()
	failpoint.Hit("inbox", "received")
	defer recovered(ctx, log, "an envelope caused a panic")
	back := b.handle(ctx, log, ev)
	failpoint.Hit("inbox", "committed")
	back, err := acknowledge(ctx, client, ev.Request.EnvelopeID, back)
	if err != nil {
		log.ErrorContext(ctx, "acknowledge envelope", "err", redact.Text(err.Error()))
	}
	failpoint.Hit("inbox", "acked")
	acked()
	b.Health.acked(string(ev.Type), time.Since(began))
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if back.payload == nil && back.late != nil {
		back.late(ctx)
	}
	if back.after != nil {
		back.after(ctx)
	}
	if back.rest.next != nil {
		select {
		case b.rest <- back.rest:
		default:
			back.rest.show(ctx, commands.Reply{Refused: true, Text: "Too much is being asked at the same time. Try again in a minute."})
		}
	}
}

// acknowledge sends what the acknowledgement of a reply holds. What took all of the time to be handled may have been
// committed, so that there is always some time left for it.
func acknowledge(ctx context.Context, client *socketmode.Client, envelope string, r reply) (reply, error) {
	until := time.Now().Add(ackWithin)
	if given, ok := ctx.Deadline(); ok && given.After(until) {
		until = given
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	err := client.AckCtx(ctx, envelope, r.payload)
	if err != nil && r.payload != nil { // too long for an acknowledgement
		r.payload = nil
		err = client.AckCtx(ctx, envelope, nil)
	}
	return r, err
}

// handle decodes an envelope and has it answered. A panic is answered too: what was committed before it stays.
func (b *Bot) handle(ctx context.Context, log *slog.Logger, ev socketmode.Event) (back reply) {
	var at asker
	switch data := ev.Data.(type) {
	case slack.SlashCommand:
		at = asker{trigger: data.TriggerID, channel: data.ChannelID, user: data.UserID, url: data.ResponseURL}
	case slack.InteractionCallback:
		at = asker{trigger: data.TriggerID, channel: data.Channel.ID, user: data.User.ID, url: data.ResponseURL}
		if data.View.Type == slack.VTHomeTab {
			at.home = data.Team.ID
		}
	case slackevents.EventsAPIEvent:
		return b.event(data)
	default:
		return reply{}
	}
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, log, "an envelope caused a panic", p)
			back = b.answered(defective(), at)
		}
	}()
	if data, ok := ev.Data.(slack.SlashCommand); ok {
		return b.slash(ctx, data, at, ev.Request.EnvelopeID)
	}
	return b.interaction(ctx, log, ev.Data.(slack.InteractionCallback), at, ev.Request.EnvelopeID)
}

// defective answers what caused a panic.
func defective() commands.Reply {
	return commands.Reply{Refused: true, Text: "A defect in refreshbot stopped that. An admin finds the details in the log of the process.",
		Hint: "The card, or /refresh status, shows how things stand."}
}

// reply is how an envelope is answered.
type reply struct {
	payload any                   // of the acknowledgement
	late    func(context.Context) // instead of the payload, when there is none or it is too long
	after   func(context.Context) // what takes longer than Slack waits
	rest    rest                  // what is found out in the end
}

func (b *Bot) slash(ctx context.Context, in slack.SlashCommand, at asker, envelope string) reply {
	answer := b.Handler.Slash(ctx, commands.Line{
		Key: "slash/" + cmp.Or(in.TriggerID, envelope), User: refresh.Person{ID: in.UserID, Name: in.UserName},
		Workspace: in.TeamID, Channel: in.ChannelID, Text: in.Text,
	})
	back := b.answered(answer, at)
	if answer.Form == nil && !isSilent(answer) {
		m := b.render(ctx, answer)
		back.payload = map[string]any{"response_type": "ephemeral", "text": m.Text, "blocks": m.Blocks}
	}
	return back
}

// stands is the channel in which a button was pressed; "" for a view and for a direct conversation with the app.
func stands(in slack.InteractionCallback) string {
	id := cmp.Or(in.Container.ChannelID, in.Channel.ID)
	if strings.HasPrefix(id, "D") {
		return ""
	}
	return id
}

// interaction handles a click, a form or a shortcut.
func (b *Bot) interaction(ctx context.Context, log *slog.Logger, in slack.InteractionCallback, at asker, envelope string) reply {
	key, who := cmp.Or(in.TriggerID, envelope), refresh.Person{ID: in.User.ID, Name: in.User.Name}
	switch {
	case in.Type == slack.InteractionTypeViewSubmission:
		return b.submitted(ctx, log, in, key)
	case in.Type == slack.InteractionTypeShortcut && in.CallbackID == view.ShortcutRefresh:
		return b.answered(b.Handler.Shortcut(ctx, commands.Line{Key: "shortcut/" + key, User: who, Workspace: in.Team.ID}), at)
	case in.Type == slack.InteractionTypeMessageAction && in.CallbackID == view.ShortcutExplain:
		return reply{after: func(ctx context.Context) { b.explain(ctx, in, at) }}
	case in.Type != slack.InteractionTypeBlockActions || len(in.ActionCallback.BlockActions) != 1:
		return reply{}
	}
	action := in.ActionCallback.BlockActions[0]
	switch {
	case in.View.Type == slack.VTModal:
		return b.pressed(ctx, log, in, *action, key)
	case strings.HasPrefix(action.ActionID, view.LinePrefix):
		at.replaces = true
		if action.Value == "" {
			return reply{late: func(ctx context.Context) { b.whisper(ctx, at, nil) }}
		}
		return b.answered(b.Handler.Slash(ctx, commands.Line{
			Key: "line/" + key, User: who, Workspace: in.Team.ID, Channel: in.Channel.ID, Text: action.Value, Confirmed: true,
		}), at)
	case strings.HasPrefix(action.ActionID, view.ActionPrefix):
		return b.answered(b.click(ctx, in, *action, key, who), at)
	}
	return reply{} // a link; the browser has followed it
}

// click handles a button of a card. The card changes by itself; only a refusal needs words.
func (b *Bot) click(ctx context.Context, in slack.InteractionCallback, action slack.BlockAction, key string, who refresh.Person) commands.Reply {
	button, err := view.ParseButton(action.ActionID, action.Value)
	if err != nil {
		return commands.Reply{Refused: true, Text: "That button is from another version of refreshbot.", Hint: "The newest card in the channel has buttons that work."}
	}
	where := stands(in)
	if where == b.Fallback && b.publisher.showsAway(ctx, button.Refresh, where) {
		where = "" // its own channel takes no posts, so this is where it stands
	}
	return b.Handler.Click(ctx, commands.Press{
		Key: "click/" + key, User: who, Workspace: in.Team.ID, Channel: where,
		Refresh: button.Refresh, Gate: button.Gate, Nonce: button.Nonce, Action: button.Action,
	})
}

// asker is who is answered, and how.
type asker struct {
	trigger  string // opens a form, within three seconds
	channel  string
	user     string
	url      string // the response URL; empty for what did not happen in a conversation
	replaces bool   // the answer stands in the place of what was pressed
	home     string // the workspace of whoever pressed something on their Home tab, which shows the answer
}

// answered is an answer that the acknowledgement does not hold.
func (b *Bot) answered(answer commands.Reply, at asker) (back reply) {
	show := func(ctx context.Context, r commands.Reply) { b.say(ctx, at, r) }
	if answer.Form == nil {
		back.late = func(ctx context.Context) { show(ctx, answer) }
		back.after = func(ctx context.Context) { b.enclose(ctx, at, answer) }
		back.rest = rest{func(ctx context.Context, r commands.Reply) { show(ctx, r); b.enclose(ctx, at, r) }, answer.Later}
		return back
	}
	id := ""
	back.after = func(ctx context.Context) {
		var err error
		if id, err = b.openForm(ctx, at.trigger, *answer.Form); err != nil {
			b.Log.WarnContext(ctx, "a form could not be opened", "err", redact.Text(err.Error()))
			show(ctx, commands.Reply{Refused: true, Text: "Slack did not open the form.", Hint: "Try that again."})
		}
	}
	back.rest = rest{func(ctx context.Context, r commands.Reply) { b.updateForm(ctx, id, r) }, answer.Later}
	return back
}

// say shows an answer where the person asked.
func (b *Bot) say(ctx context.Context, at asker, r commands.Reply) {
	switch {
	case at.home != "": // what counted shows there too
		b.homes.asked(refresh.Person{ID: at.user}, at.home, spoken(r))
	case isSilent(r):
	case at.url != "":
		b.whisper(ctx, at, &r)
	default:
		b.tell(ctx, b.Log, at.channel, at.user, r)
	}
}

// whisper answers the person alone, after the acknowledgement. Without an answer it takes away what was pressed.
func (b *Bot) whisper(ctx context.Context, at asker, answer *commands.Reply) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	post := slack.WebhookMessage{ResponseType: "ephemeral", ReplaceOriginal: at.replaces}
	if answer == nil {
		post = slack.WebhookMessage{DeleteOriginal: true}
	} else {
		m := b.render(ctx, *answer)
		post.Text, post.Blocks = m.Text, &slack.Blocks{BlockSet: m.Blocks}
	}
	if err := slack.PostWebhookCustomHTTPContext(ctx, at.url, &http.Client{Timeout: callTimeout, Transport: failpoint.Transport(b.Transport), CheckRedirect: wire.Stay}, &post); err != nil {
		// The response URL is a secret of a kind: whoever has it can post.
		b.Log.WarnContext(ctx, "an answer could not be shown", "err", redact.Text(err.Error()))
	}
}

// rest is what is left of an answer, and how it is shown. Without next nothing is left.
type rest struct {
	show func(context.Context, commands.Reply)
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
					r.show(ctx, part)
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
	return r.Text == "" && len(r.Targets) == 0 && len(r.Help) == 0 && r.Listing == "" && r.History == nil && r.About == nil && r.Plan == nil
}
