package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
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

// takeLists takes what an earlier process left, and what is noted from now on. A list whose time has not come waits for
// itself alone.
func (b *Bot) takeLists(ctx context.Context, left []sentList) {
	var taking sync.WaitGroup
	defer taking.Wait()
	take := func(sent sentList) {
		taking.Go(func() {
			defer recovered(ctx, b.Log, "a list of users caused a panic") // it stays noted for the next process
			b.takeList(ctx, sent)
		})
	}
	for _, sent := range left {
		take(sent)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case sent := <-b.lists:
			take(sent)
		}
	}
}

// queueList has a list that was noted taken. What is too much for this process is left to the next one.
func (b *Bot) queueList(ctx context.Context, sent sentList) {
	select {
	case b.lists <- sent:
	default:
		b.Log.ErrorContext(ctx, "too many lists of users at a time; one waits for the next start", "key", sent.Form.Key)
	}
}

// listTries is how often a process tries to take a list while what is in its way may pass: for some six minutes.
const listTries = 10

// takeList takes a file that was noted and tells who sent it what came of that. What may pass is waited for, and a list
// that is not taken when the process stops stays noted for the next one.
func (b *Bot) takeList(ctx context.Context, sent sentList) {
	failpoint.Hit("roster", "sent")
	answer := b.handIn(ctx, sent)
	for tries := 1; answer.Passing && tries < listTries; tries++ {
		b.Log.WarnContext(ctx, "a list of users cannot be taken yet; trying again", "key", sent.Form.Key, "times", tries, "why", answer.Text)
		select {
		case <-ctx.Done():
			return
		case <-time.After(b.publisher.patience(tries - 1)):
		}
		answer = b.handIn(ctx, sent)
	}
	if answer.Passing && ctx.Err() != nil {
		return
	}
	b.tell(ctx, b.Log, sent.Form.Channel, sent.Form.User.ID, answer)
	if err := b.Records.DeleteRecord(context.WithoutCancel(ctx), listsSpace, sent.Form.Key); err != nil {
		b.Log.WarnContext(ctx, "a list of users that was dealt with is still noted", "err", err)
	}
}

// handIn fetches and reads a file and hands its users in. A second time changes nothing: the key of the delivery is in
// the store.
func (b *Bot) handIn(ctx context.Context, sent sentList) commands.Reply {
	ctx, cancel := context.WithTimeout(ctx, afterwards)
	defer cancel()
	f := sent.File
	names, err := b.readList(ctx, slack.File{ID: f.ID, Name: f.Name, Size: f.Size, URLPrivate: f.URL, URLPrivateDownload: f.Download})
	failpoint.Hit("roster", "read")
	if err != nil {
		b.Log.WarnContext(ctx, "a file that was handed in cannot be read", "err", redact.Text(err.Error()))
		return commands.Reply{Refused: true, Text: refresh.MessageOf(err), Passing: ctx.Err() != nil || mayPass(err),
			Hint: "No user was handed in. Send the command again when the list is ready."}
	}
	form := sent.Form
	form.File = &commands.List{From: f.Name, Names: names}
	return b.Handler.Fill(ctx, form)
}

// mayPass reports whether a file that could not be fetched may be there the next time. A connection breaks in more ways
// than can be listed, so it is said what stays as it is: what is in the file, and a no of Slack's.
func mayPass(err error) bool {
	if refresh.CodeOf(err) != refresh.Offline {
		return false
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		return status.Code >= http.StatusInternalServerError || status.Code == http.StatusTooManyRequests
	}
	said := refusal(err)
	return said == "" || slices.Contains([]string{"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable"}, said)
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

// afterwards is how long may be spent on a form once it is acknowledged: fetching the file, reading it, answering.
const afterwards = 30 * time.Second
