package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/report"
)

// stale is how long after its end a refresh still gets its report. After an upgrade, those of long ago are left alone.
const stale = 7 * 24 * time.Hour

// reported is what the publisher remembers about the report of one refresh.
type reported struct {
	Files  []string  `json:"files,omitempty"`    // Slack's ids of the files; noted before they are shared, found again by them
	SentAt time.Time `json:"sent_at,omitzero"`   // when they were shared, or when the reply was given up
	Shared bool      `json:"shared,omitempty"`   // Slack said that they are
	Link   string    `json:"link,omitempty"`     // of the message that has them
	Done   bool      `json:"finished,omitempty"` // nothing is left to do
}

func owesReport(r refresh.Refresh, state posted) bool {
	return r.Status.Ended() && !state.Report.Done && time.Since(r.EndedAt) < stale
}

// conclude does what remains when everything was told: the direct messages and the report. Neither waits for the
// other's failure to pass.
func (p *publisher) conclude(ctx context.Context, r refresh.Refresh, state *posted) error {
	var invited, shown error
	if owesInvitations(r, *state) {
		invited = p.invite(ctx, r, state)
	}
	if owesReport(r, *state) {
		shown = p.report(ctx, r, state)
	}
	return sooner(invited, shown)
}

// sooner joins two errors. A failure counts more than a wait, and of two waits the shorter one.
func sooner(a, b error) error {
	first, aWaits := errors.AsType[notYet](a)
	second, bWaits := errors.AsType[notYet](b)
	switch {
	case aWaits && bWaits && first.until.Before(second.until), bWaits && a != nil && !aWaits:
		return a
	case aWaits && b != nil, bWaits:
		return b
	}
	return errors.Join(a, b)
}

// report posts the report as one message with two files, or finds the one that was posted, and has the card link to
// it.
func (p *publisher) report(ctx context.Context, r refresh.Refresh, state *posted) error {
	if len(state.Report.Files) > 0 && !state.Report.Shared {
		if err := p.settled(state.Report.SentAt); err != nil {
			return err
		}
	}
	if len(state.Report.Files) == 0 {
		if err := p.share(ctx, r, state); err != nil {
			return err
		}
	}
	ts, err := p.find(ctx, state.Channel, state.Card, state.Report.SentAt, has(state.Report.Files))
	if err != nil {
		return err
	}
	switch {
	case ts != "":
		link, err := p.API.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: state.Channel, Ts: ts})
		if err != nil {
			return fmt.Errorf("link to the report: %w", err)
		}
		state.Report.Shared, state.Report.Link, state.Report.Done = true, link, true
		state.Shown = 0 // the card is to link to it
	case !state.Report.Shared:
		state.Report = reported{} // it never arrived
	default: // Slack takes a moment to show what it has accepted
		if err := p.settled(state.Report.SentAt); err != nil {
			return notYet{time.Now().Add(p.Retry)}
		}
		state.Report.Done = true // somebody deleted it
	}
	if err := p.remember(ctx, r.ID, *state); err != nil {
		return err
	}
	return notYet{time.Now()} // the card is next
}

// has recognises the message that shows one of the files.
func has(files []string) func(slack.Message) bool {
	return func(m slack.Message) bool {
		return slices.ContainsFunc(m.Files, func(f slack.File) bool { return slices.Contains(files, f.ID) })
	}
}

// share uploads the two files and shares them in the thread. Until the last of the three calls nobody can see
// anything of them, so the first two are simply made again (files.completeUploadExternal).
func (p *publisher) share(ctx context.Context, r refresh.Refresh, state *posted) error {
	entries, err := p.Journal.Journal(ctx, r.ID, 0)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	built, err := report.Build(entries)
	if err != nil {
		return err
	}
	data, err := built.JSON()
	if err != nil {
		return err
	}
	var files []slack.FileSummary
	var ids []string
	for _, f := range []struct{ suffix, text string }{{".md", string(built.Markdown(p.View.Zone))}, {".json", string(data)}} {
		name := string(r.ID) + f.suffix
		to, err := p.API.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: name, FileSize: len(f.text)})
		if err != nil {
			return fmt.Errorf("ask where to upload %s: %w", name, err)
		}
		if err := p.API.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: to.UploadURL, Filename: name, Content: f.text}); err != nil {
			return fmt.Errorf("upload %s: %w", name, err)
		}
		files, ids = append(files, slack.FileSummary{ID: to.FileID, Title: name}), append(ids, to.FileID)
	}
	state.Report = reported{Files: ids, SentAt: time.Now()}
	if err := p.remember(ctx, r.ID, *state); err != nil {
		return err
	}
	_, err = p.API.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files: files, Channel: state.Channel, ThreadTimestamp: state.Card,
		InitialComment: "The report of this refresh, for people and for machines.",
	})
	switch {
	case err == nil:
		state.Report.Shared = true
	case certainlyNotPosted(err):
		state.Report = reported{}
	default:
		state.Report.SentAt = time.Now() // the client may have waited for its turn, and then sent it only now
	}
	if noted := p.remember(ctx, r.ID, *state); noted != nil {
		return errors.Join(err, noted)
	}
	if err != nil {
		return fmt.Errorf("share the report: %w", err)
	}
	return nil
}
