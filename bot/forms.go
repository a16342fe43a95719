package bot

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/roster"
)

// maxFile is the largest file that Slack lets a person put into a form (Block Kit, file input element).
const maxFile = 10 << 20

// openForm shows a form to whoever caused the trigger. Slack allows it for three seconds, and once: of a second
// delivery nothing comes but an empty id.
func (b *Bot) openForm(ctx context.Context, trigger string, f commands.Form) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	show := b.API.OpenViewContext
	if f.Over {
		show = b.API.PushViewContext
	}
	switch opened, err := show(ctx, trigger, view.Form(f, b.View)); {
	case refusal(err) == "exchanged_trigger_id": // the first delivery has opened it
		return "", nil
	case err != nil:
		return "", err
	default:
		return opened.ID, nil
	}
}

// updateForm gives a form that somebody looks at another content, when the reply has one. They may have closed it, or
// never got it: then the id is empty.
func (b *Bot) updateForm(ctx context.Context, id string, r commands.Reply) {
	if id == "" || r.Form == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if _, err := b.API.UpdateViewContext(ctx, view.Form(*r.Form, b.View), "", "", id); err != nil && refusal(err) != "not_found" {
		b.Log.WarnContext(ctx, "a form could not be updated", "err", redact.Text(err.Error()))
	}
}

// otherVersion answers what this version of refreshbot did not make.
func otherVersion() commands.Reply {
	return commands.Reply{Refused: true, Text: "That form is from another version of refreshbot.", Hint: "Send the command again for one that works."}
}

// submitted handles a form that somebody sent. What it asks for is committed before the acknowledgement, and when it
// is not taken the form stays open and says why. A file takes longer to fetch than Slack waits, so what is committed first
// is that it was sent.
func (b *Bot) submitted(ctx context.Context, log *slog.Logger, in slack.InteractionCallback, key string) reply {
	filled, file, err := view.ReadForm(in.View)
	filled.Key, filled.User, filled.Workspace = "form/"+key, refresh.Person{ID: in.User.ID, Name: in.User.Name}, in.Team.ID
	tell := func(answer commands.Reply) func(context.Context) {
		return func(ctx context.Context) { b.tell(ctx, log, filled.Channel, in.User.ID, answer) }
	}
	switch {
	case err != nil:
		log.WarnContext(ctx, "a form cannot be read", "err", err)
		return reply{after: tell(otherVersion())}
	case file != nil:
		sent := sentList{filled, sentFile{file.ID, fileName(*file), file.Size, file.URLPrivate, file.URLPrivateDownload}}
		if err := b.noteList(ctx, sent); err != nil {
			log.ErrorContext(ctx, "a list of users cannot be taken", "err", err)
			return reply{payload: slack.NewErrorsViewSubmissionResponse(view.Complaints(commands.Reply{
				Refused: true, Text: "The list could not be noted. " + refresh.MessageOf(err), Hint: "Send it again in a minute.",
			}, in.View, b.View))}
		}
		return reply{after: func(ctx context.Context) { b.queueList(ctx, sent) }}
	}
	answer := b.Handler.Fill(ctx, filled)
	updated := func(ctx context.Context, r commands.Reply) { b.updateForm(ctx, in.View.ID, r) }
	switch {
	case answer.Form != nil:
		return reply{payload: slack.NewUpdateViewSubmissionResponse(new(view.Form(*answer.Form, b.View))),
			rest: rest{updated, answer.Later}}
	case answer.Refused:
		if wrong := view.Complaints(answer, in.View, b.View); len(wrong) > 0 {
			return reply{payload: slack.NewErrorsViewSubmissionResponse(wrong)}
		}
	}
	return reply{after: tell(answer)}
}

// pressed handles a button of a form, or a choice in it that is told at once.
func (b *Bot) pressed(ctx context.Context, log *slog.Logger, in slack.InteractionCallback, action slack.BlockAction, key string) reply {
	filled, _, err := view.ReadForm(in.View)
	filled.Key, filled.User, filled.Workspace = "form/"+key, refresh.Person{ID: in.User.ID, Name: in.User.Name}, in.Team.ID
	var answer commands.Reply
	switch {
	case err != nil:
		log.WarnContext(ctx, "a form cannot be read", "err", err)
		answer = otherVersion()
	case !view.Pressed(&filled, action):
		return reply{}
	default:
		answer = b.Handler.Fill(ctx, filled)
	}
	if answer.Form == nil || answer.Form.Over {
		return b.answered(answer, asker{trigger: in.TriggerID, channel: filled.Channel, user: in.User.ID})
	}
	updated := func(ctx context.Context, r commands.Reply) { b.updateForm(ctx, in.View.ID, r) }
	return reply{
		after: func(ctx context.Context) { updated(ctx, answer) },
		rest:  rest{updated, answer.Later},
	}
}

// readList fetches a file from Slack and reads the list of users in it. Every error is a *refresh.Error.
func (b *Bot) readList(ctx context.Context, f slack.File) ([]string, error) {
	tooLarge := refresh.Errorf(refresh.Invalid, "%s is larger than %d MB; save only the list of users in a new file.", fileName(f), maxFile>>20)
	notFetched := func(err error) error {
		return &refresh.Error{Code: refresh.Offline, Err: err, Msg: fmt.Sprintf(
			"Slack did not hand over %s. Try again, or paste the users; if that happens every time, refreshbot lacks the scope files:read, and refreshbot check says so.", fileName(f))}
	}
	// In a channel that is shared with another organization a file comes without its addresses (Slack, "Files").
	if f.URLPrivateDownload == "" && f.URLPrivate == "" {
		full, _, _, err := b.API.GetFileInfoContext(ctx, f.ID, 0, 0)
		if err != nil {
			return nil, notFetched(err)
		}
		full.Name = cmp.Or(full.Name, f.Name)
		f = *full
	}
	if f.Size > maxFile {
		return nil, tooLarge
	}
	content := capped{most: maxFile}
	// GetFile sends the token to Slack's own hosts only.
	err := b.API.GetFileContext(ctx, cmp.Or(f.URLPrivateDownload, f.URLPrivate), &content)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, tooLarge
	case err != nil:
		return nil, notFetched(err)
	}
	list, err := roster.Read(ctx, fileName(f), content.data.Bytes())
	if err != nil {
		return nil, err
	}
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = n.Text
	}
	return names, nil
}

func fileName(f slack.File) string { return cmp.Or(f.Name, f.Title, "the file") }

var errTooLarge = errors.New("larger than is allowed")

// capped keeps what is written to it, up to a limit. The size that Slack tells is not relied on.
type capped struct {
	data bytes.Buffer
	most int
}

func (c *capped) Write(p []byte) (int, error) {
	if c.data.Len()+len(p) > c.most {
		return 0, errTooLarge
	}
	return c.data.Write(p)
}

// tell says something to one person alone: in the channel, or in the direct conversation with the app when that
// fails, say because the person is not in the channel.
func (b *Bot) tell(ctx context.Context, log *slog.Logger, channel, user string, answer commands.Reply) {
	if isSilent(answer) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	m := b.render(ctx, answer)
	options := []slack.MsgOption{slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...)}
	if channel != "" {
		_, err := b.API.PostEphemeralContext(ctx, channel, user, options...)
		if err == nil {
			return
		}
		log.WarnContext(ctx, "an answer could not be shown in the channel", "err", redact.Text(err.Error()))
	}
	if _, err := patiently(ctx, func() (string, error) {
		_, ts, err := b.API.PostMessageContext(ctx, user, options...)
		return ts, err
	}); err != nil {
		log.WarnContext(ctx, "an answer could not be shown", "err", redact.Text(err.Error()))
	}
}
