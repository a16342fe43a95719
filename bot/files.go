package bot

import (
	"cmp"
	"context"
	"errors"
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

// owed is a file that is to follow a post in a thread, and how far it got.
type owed struct {
	Seq    int64     `json:"seq"`              // of the journal entry that the post is about
	Files  []string  `json:"files,omitempty"`  // Slack's id; noted before it is shared, found again by it
	SentAt time.Time `json:"sent_at,omitzero"` // when it was shared, or when the reply was given up
}

// attach shares the file that the last post in a thread says follows it, or finds the one that was shared. One that
// Slack will never take is left out: the report has it all in the end, and the thread must go on.
func (s *showing) attach(ctx context.Context, at *place, f *view.File) error {
	if f == nil { // another version of refreshbot had more to say
		at.Owed = nil
		return s.note(ctx)
	}
	if len(at.Owed.Files) > 0 {
		if err := s.settled(at.Owed.SentAt); err != nil {
			return err
		}
		ts, err := s.find(ctx, at.Channel, at.Card, at.Owed.SentAt, has(at.Owed.Files))
		if err != nil {
			return err
		}
		if ts != "" {
			at.Owed = nil
			return s.note(ctx)
		}
		at.Owed.Files = nil // it never arrived
	}
	if err := s.postTurn(at.Channel, string(s.r.ID)); err != nil {
		return err
	}
	err := s.shareBelow(ctx, at, f)
	if refusedForGood(err) {
		s.Log.ErrorContext(ctx, "Slack refuses a file in a thread; it is left out", "refresh", s.r.ID, "file", f.Name, "err", redact.Text(err.Error()))
		at.Owed, err = nil, nil
	}
	return errors.Join(err, s.note(ctx))
}

// shareBelow shares the file in the thread. The note of its id comes first.
func (s *showing) shareBelow(ctx context.Context, at *place, f *view.File) error {
	files, err := upload(ctx, s.API, enclosed(f))
	if err != nil {
		return err
	}
	at.Owed.Files, at.Owed.SentAt = idsOf(files), time.Now()
	if err := s.note(ctx); err != nil {
		return err
	}
	_, err = s.API.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files: files, Channel: at.Channel, ThreadTimestamp: at.Card, InitialComment: view.Escape(f.Title) + ".",
	})
	switch {
	case err == nil:
		at.Owed = nil
		return nil
	case certainlyNotPosted(err):
		at.Owed.Files = nil
	default:
		at.Owed.SentAt = time.Now() // it may land from now on, as long as things take to settle
	}
	return fmt.Errorf("share %s: %w", f.Name, err)
}

// refusedForGood reports whether Slack refuses a file itself, and not the moment, the channel or the token.
func refusedForGood(err error) bool {
	switch refusal(err) {
	case "", "ratelimited", "rate_limited", "request_timeout":
		return false
	}
	return certainlyNotPosted(err) && kindOf(err) == passing && !unauthorized(err)
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
