package bot

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"refreshbot/bot/notice"
	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

// Notices say who of the users hears about which environment, and how.
type Notices struct {
	notice.Speaker
	Audiences map[string][]notice.Audience // by target environment
}

// owesNotices reports whether an audience has not heard everything.
func (s *showing) owesNotices() bool {
	for _, a := range s.Notices.Audiences[s.r.Target.Name] {
		if at := s.audience(a.Channel); at == nil || at.Told != s.r.Version {
			return true
		}
	}
	return false
}

func (s *showing) audience(channel string) *place {
	for i := range s.Noticed {
		if s.Noticed[i].Channel == channel {
			return &s.Noticed[i]
		}
	}
	return nil
}

// notify tells one audience what it has not heard. What has become stale meanwhile is left out.
func (s *showing) notify(ctx context.Context, a notice.Audience) error {
	if s.audience(a.Channel) == nil {
		begin := place{Channel: a.Channel}
		if s.r.Status.Ended() { // the audience was added since
			begin.Told = s.r.Version
		}
		s.Noticed = append(s.Noticed, begin)
	}
	at := s.audience(a.Channel)
	if at.Told == s.r.Version {
		return s.note(ctx)
	}
	if err := s.shut.takes(a.Channel); err != nil {
		return err
	}
	entries, err := s.Journal.Journal(ctx, s.r.ID, 0)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	type due struct {
		entry refresh.Entry
		state refresh.Refresh
		notice.Notice
	}
	var pending []due
	var before refresh.Refresh
	for _, e := range entries {
		after := refresh.Apply(before, e.Event, e.At)
		if n, ok := notice.Of(before, after, e); ok && e.Seq > at.Told && a.Hears(n.Kind) {
			pending = append(pending, due{e, after, n})
		}
		before = after
	}
	for i, d := range pending {
		key := "notice-" + strconv.FormatInt(d.entry.Seq, 10)
		if at.Intent != key && d.Stale(d.entry.At, time.Now(), i+1 < len(pending)) {
			continue
		}
		if _, err := s.post(ctx, at, key, false, view.Notice(s.Notices.Say(d.Notice, d.state, a, time.Now()))); err != nil {
			if kindOf(err) == channelRefused {
				return s.refusedBy(a.Channel, err)
			}
			return err
		}
		at.Told, at.Intent = d.entry.Seq, ""
		if err := s.note(ctx); err != nil {
			return err
		}
	}
	at.Told = int64(len(entries))
	return s.note(ctx)
}
