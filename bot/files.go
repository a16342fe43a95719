package bot

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/commands"
)

// attachment is a file that goes with a message.
type attachment struct {
	name, text string
	title      string // empty: the name
	alt        string // what it holds, for who does not see it
}

// enclosed is what a message had no room for.
func enclosed(f *view.File) []attachment {
	return []attachment{{name: f.Name, text: f.Text, title: f.Title, alt: f.Title}}
}

// upload hands files to Slack. Until they are shared nobody can see anything of them, so it may simply be done again
// (files.completeUploadExternal).
func upload(ctx context.Context, api *slack.Client, list []attachment) (files []slack.FileSummary, err error) {
	for _, f := range list {
		to, err := api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: f.name, FileSize: len(f.text), AltTxt: f.alt})
		if err != nil {
			return nil, fmt.Errorf("ask where to upload %s: %w", f.name, err)
		}
		if err := api.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: to.UploadURL, Filename: f.name, Content: f.text}); err != nil {
			return nil, fmt.Errorf("upload %s: %w", f.name, err)
		}
		files = append(files, slack.FileSummary{ID: to.FileID, Title: cmp.Or(f.title, f.name)})
	}
	return files, nil
}

func idsOf(files []slack.FileSummary) (ids []string) {
	for _, f := range files {
		ids = append(ids, f.ID)
	}
	return ids
}

// enclose sends a person what an answer to them had no room for, in a direct message, or says that it could not.
func (b *Bot) enclose(ctx context.Context, at asker, answer commands.Reply) {
	whole := view.Whole(answer, time.Now(), b.View)
	if whole == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	_, err := patiently(ctx, func() (any, error) { return nil, b.hand(ctx, at.user, whole) })
	if err == nil {
		return
	}
	b.Log.WarnContext(ctx, "the file with the whole answer could not be sent", "user", at.user, "err", redact.Text(err.Error()))
	at.replaces = false
	b.say(ctx, at, commands.Reply{Refused: true, Text: "The file with all of it could not be sent. " + SlackProblem(err), Hint: "Send the same command again in a minute."})
}

// hand gives a file to a person, in a direct message.
func (b *Bot) hand(ctx context.Context, user string, f *view.File) error {
	dm, err := b.publisher.dm(ctx, user)
	if err != nil {
		return err
	}
	files, err := upload(ctx, b.API, enclosed(f))
	if err != nil {
		return err
	}
	_, err = b.API.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files: files, Channel: dm, InitialComment: view.Escape(f.Title) + ": the answer had no room for all of it.",
	})
	return err
}
