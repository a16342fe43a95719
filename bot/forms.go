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

// pastedList is what names that came without a file are said to come from.
const pastedList = "the pasted list"

// openForm shows the form to the person who sent the command. Slack allows it for three seconds, and once.
func (b *Bot) openForm(ctx context.Context, log *slog.Logger, trigger, url string, f commands.Form) {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.API.OpenViewContext(limited, trigger, view.Form(f))
	switch {
	case err == nil, refusal(err) == "exchanged_trigger_id": // the first delivery of the command has opened it
		return
	}
	log.WarnContext(ctx, "a form could not be opened", "err", redact.Text(err.Error()))
	if url != "" {
		b.whisper(ctx, url, commands.Reply{Refused: true, Text: "Slack did not open the form.", Hint: "Send the same command again."}, log)
	}
}

// submitted handles a form that somebody sent. payload is for the acknowledgement; then comes after, when it is not
// nil. Pasted names are committed before the acknowledgement, and when they are not taken the form stays open and
// says why. A file takes longer to fetch than Slack waits, so what is committed first is that it was sent.
func (b *Bot) submitted(ctx context.Context, log *slog.Logger, in slack.InteractionCallback, envelope string) (payload any, after func(context.Context)) {
	form, complaints, err := view.ReadForm(in.View)
	tell := func(answer commands.Reply) func(context.Context) {
		return func(ctx context.Context) { b.tell(ctx, log, form.Channel, in.User.ID, answer) }
	}
	switch {
	case err != nil:
		log.WarnContext(ctx, "a form cannot be read", "err", err)
		return nil, tell(commands.Reply{Refused: true, Text: "That form is from another version of refreshbot.", Hint: "Send the command again for one that works."})
	case len(complaints) > 0:
		return slack.NewErrorsViewSubmissionResponse(complaints), nil
	}
	list := commands.HandIn{
		Key: "form/" + cmp.Or(in.TriggerID, envelope), User: refresh.Person{ID: in.User.ID, Name: in.User.Name}, Workspace: in.Team.ID,
		Refresh: form.Refresh, From: pastedList, Names: form.Names,
	}
	if form.File == nil {
		answer := b.Handler.HandIn(ctx, list)
		if answer.Refused {
			return slack.NewErrorsViewSubmissionResponse(view.Complaint(answer)), nil
		}
		return nil, tell(answer)
	}
	sent := sentList{list, form.Channel, sentFile{form.File.ID, fileName(*form.File), form.File.Size, form.File.URLPrivate, form.File.URLPrivateDownload}}
	if err := b.noteList(ctx, sent); err != nil {
		log.ErrorContext(ctx, "a list of users cannot be taken", "err", err)
		return slack.NewErrorsViewSubmissionResponse(view.Complaint(commands.Reply{Refused: true, Text: "The list could not be noted. " + refresh.MessageOf(err), Hint: "Send it again in a minute."})), nil
	}
	return nil, func(ctx context.Context) { b.takeList(ctx, log, sent) }
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
