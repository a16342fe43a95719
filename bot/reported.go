package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/picture"
	"refreshbot/bot/view"
	"refreshbot/jobs/history"
	"refreshbot/jobs/report"
)

// reported is what the publisher remembers about the report of one refresh.
type reported struct {
	Files  []string  `json:"files,omitempty"`    // Slack's ids of the files; noted before they are shared, found again by them
	SentAt time.Time `json:"sent_at,omitzero"`   // when they were shared, or when the reply was given up
	Shared bool      `json:"shared,omitempty"`   // Slack said that they are
	Link   string    `json:"link,omitempty"`     // of the message that has them
	Done   bool      `json:"finished,omitempty"` // nothing is left to do
}

func (s *showing) owesReport(at place) bool { return s.r.Status.Ended() && !at.Report.Done }

// report posts the report as one message with its files, or finds the one that was posted, and has the card link to
// it.
func (s *showing) report(ctx context.Context, at *place) error {
	if len(at.Report.Files) > 0 && !at.Report.Shared {
		if err := s.settled(at.Report.SentAt); err != nil {
			return err
		}
	}
	if len(at.Report.Files) == 0 {
		if err := s.share(ctx, at); err != nil {
			return err
		}
	}
	ts, err := s.find(ctx, at.Channel, at.Card, at.Report.SentAt, has(at.Report.Files))
	if err != nil {
		return err
	}
	switch {
	case ts != "":
		link, err := s.API.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: at.Channel, Ts: ts})
		if err != nil {
			return fmt.Errorf("link to the report: %w", err)
		}
		at.Report.Shared, at.Report.Link, at.Report.Done = true, link, true
		at.Shown = 0 // the card is to link to it
	case !at.Report.Shared:
		at.Report = reported{} // it never arrived
	default: // Slack takes a moment to show what it has accepted
		if err := s.settled(at.Report.SentAt); err != nil {
			return notYet{time.Now().Add(s.Retry)}
		}
		at.Report.Done = true // somebody deleted it
	}
	if err := s.note(ctx); err != nil {
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

// chart is what the picture of a refresh beside the ones before it shows; false where nothing was copied.
func (s *showing) chart(ctx context.Context) (picture.Chart, bool) {
	recent, _ := s.Journal.Recent(ctx, s.r.Target.Name, lookBack) // one that cannot be read is not in the picture
	return picture.Build(s.r, history.Learn(recent, s.r), s.View.Zone)
}

// share uploads the files and shares them in the thread. Until the last of the three calls nobody can see
// anything of them, so the first two are simply made again (files.completeUploadExternal).
func (s *showing) share(ctx context.Context, at *place) error {
	entries, err := s.Journal.Journal(ctx, s.r.ID, 0)
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
	name := string(s.r.ID)
	attached := []attachment{{name: name + ".md", text: string(built.Markdown(s.View.Zone))}, {name: name + ".json", text: string(data)}}
	says := "The report of this refresh, for people and for machines."
	if chart, ok := s.chart(ctx); ok {
		drawn, err := chart.PNG()
		if err != nil {
			return fmt.Errorf("draw the timeline of %s: %w", s.r.ID, err)
		}
		attached = append([]attachment{{name: name + ".png", text: string(drawn), alt: chart.Alt()}}, attached...)
		says = "How this refresh went, beside the ones before it. " + view.Escape(chart.Sum) + " " + says
	}
	files, err := upload(ctx, s.API, attached)
	if err != nil {
		return err
	}
	at.Report = reported{Files: idsOf(files), SentAt: time.Now()}
	if err := s.note(ctx); err != nil {
		return err
	}
	_, err = s.API.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files: files, Channel: at.Channel, ThreadTimestamp: at.Card,
		InitialComment: says,
	})
	switch {
	case err == nil:
		at.Report.Shared = true
	case certainlyNotPosted(err):
		at.Report = reported{}
	default:
		at.Report.SentAt = time.Now() // it may land from now on, as long as things take to settle
	}
	if noted := s.note(ctx); noted != nil {
		return errors.Join(err, noted)
	}
	if err != nil {
		return fmt.Errorf("share the report: %w", err)
	}
	return nil
}
