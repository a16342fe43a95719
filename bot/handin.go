package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
	"refreshbot/commands"
	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
)

const listsSpace = "lists"

// sentList is a file of users whose form was acknowledged and that is not in the journal yet.
type sentList struct {
	Form commands.Filled `json:"form"` // but for what is in the file
	File sentFile        `json:"file"`
}

// sentFile is what is needed of a slack.File to fetch it.
type sentFile struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Size     int    `json:"size"`
	URL      string `json:"url,omitempty"`
	Download string `json:"download,omitempty"`
}

// noteList remembers that a file was sent. From then on it can be acknowledged: a later process takes it up.
func (b *Bot) noteList(ctx context.Context, sent sentList) error {
	data, err := json.Marshal(sent)
	if err != nil {
		return fmt.Errorf("note a list of users: %w", err)
	}
	return b.Records.PutRecord(ctx, listsSpace, sent.Form.Key, data)
}

// takeList fetches and reads a file that was noted, hands its users in and tells who sent it what came of that. A
// second time changes nothing: the key of the delivery is in the store.
func (b *Bot) takeList(ctx context.Context, log *slog.Logger, sent sentList) {
	failpoint.Hit("roster", "sent")
	f := sent.File
	names, err := b.readList(ctx, slack.File{ID: f.ID, Name: f.Name, Size: f.Size, URLPrivate: f.URL, URLPrivateDownload: f.Download})
	failpoint.Hit("roster", "read")
	answer := commands.Reply{Refused: true, Text: refresh.MessageOf(err), Hint: "No user was handed in. Send the command again when the list is ready."}
	if err != nil {
		log.WarnContext(ctx, "a file that was handed in cannot be read", "err", redact.Text(err.Error()))
	} else {
		form := sent.Form
		form.File = &commands.List{From: f.Name, Names: names}
		answer = b.Handler.Fill(ctx, form)
	}
	b.tell(ctx, log, sent.Form.Channel, sent.Form.User.ID, answer)
	if err := b.Records.DeleteRecord(context.WithoutCancel(ctx), listsSpace, sent.Form.Key); err != nil {
		log.WarnContext(ctx, "a list of users that was dealt with is still noted", "err", err)
	}
}

// leftLists returns the files that an earlier process was sent and did not get to.
func (b *Bot) leftLists(ctx context.Context) []sentList {
	records, err := b.Records.Records(ctx, listsSpace)
	if err != nil {
		b.Log.ErrorContext(ctx, "lists of users that were handed in cannot be looked up", "err", err)
	}
	var left []sentList
	for key, data := range records {
		var sent sentList
		if err := json.Unmarshal(data, &sent); err != nil {
			b.Log.ErrorContext(ctx, "a list of users that was handed in cannot be taken up", "key", key, "err", err)
			continue
		}
		left = append(left, sent)
	}
	return left
}

// takeUp deals with them.
func (b *Bot) takeUp(ctx context.Context, left []sentList) {
	for _, sent := range left {
		func() {
			ctx, cancel := context.WithTimeout(ctx, afterwards)
			defer cancel()
			defer func() {
				if p := recover(); p != nil {
					logPanic(ctx, b.Log, "a list of users caused a panic", p) // it stays noted, and the others go on
				}
			}()
			b.takeList(ctx, b.Log, sent)
		}()
		if ctx.Err() != nil {
			return
		}
	}
}

// afterwards is how long may be spent on a form once it is acknowledged: fetching the file, reading it, answering.
const afterwards = 30 * time.Second
