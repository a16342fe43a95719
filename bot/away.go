package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

const channelsSpace = "channels"

// closed says that a channel takes no posts, with the error that Slack gives for it.
type closed struct {
	channel string
	until   time.Time // not asked again before
	times   int
	err     error
}

func (c closed) Error() string { return c.err.Error() }
func (c closed) Unwrap() error { return c.err }

func isShut(err error) bool {
	_, shut := errors.AsType[closed](err)
	return shut
}

// channels knows which channels take no posts, so that one refresh finds it out for all.
type channels struct {
	mu     sync.Mutex
	shut   map[string]closed
	taking map[string]bool // has taken a post since this process began
}

// takes returns a closed while it is too early to ask the channel again.
func (c *channels) takes(channel string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if shut, ok := c.shut[channel]; ok && time.Now().Before(shut.until) {
		return shut
	}
	return nil
}

// why returns what a channel that takes no posts says; nil for another one.
func (c *channels) why(channel string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if shut, ok := c.shut[channel]; ok {
		return shut.err
	}
	return nil
}

// refusedBy notes that a channel takes no posts, and returns that as a closed.
func (p *publisher) refusedBy(channel string, err error) error {
	p.shut.mu.Lock()
	now, was := time.Now(), p.shut.shut[channel]
	c := closed{channel: channel, until: was.until, times: was.times, err: err}
	if !now.Before(was.until) { // of several that ask at a time, one counts
		c.times, c.until = was.times+1, now.Add(min(p.Retry<<min(was.times, 10), 60*p.Retry))
	}
	p.shut.shut[channel], p.shut.taking[channel] = c, false
	p.shut.mu.Unlock()
	if was.err == nil {
		p.Log.ErrorContext(context.Background(), "a channel takes no posts", "channel", channel, "err", refusal(err))
		p.due(task{channel: channel})
	}
	return c
}

// reached notes that a channel has taken a post. Whatever is shown elsewhere in its place goes back there.
func (p *publisher) reached(channel string) {
	p.shut.mu.Lock()
	_, was := p.shut.shut[channel]
	first := !p.shut.taking[channel]
	delete(p.shut.shut, channel)
	p.shut.taking[channel] = true
	p.shut.mu.Unlock()
	if first && !direct(channel) {
		p.due(task{channel: channel}) // an earlier process may have told the admins that it does not
	}
	if was {
		p.hurry()
	}
}

// direct reports whether a conversation is the one between the app and one person.
func direct(channel string) bool { return strings.HasPrefix(channel, "D") }

// outage is what is remembered of a channel that takes no posts.
type outage struct {
	Since time.Time `json:"since,omitzero"` // zero: it takes them again
}

// aboutChannel tells the admins, once, that a channel takes no posts, and what to do.
func (p *publisher) aboutChannel(ctx context.Context, channel string) error {
	var was outage
	data, known, err := p.Records.Record(ctx, channelsSpace, channel)
	if err == nil && known {
		err = json.Unmarshal(data, &was)
	}
	if err != nil {
		return fmt.Errorf("recall channel %s: %w", channel, err)
	}
	why := p.shut.why(channel)
	if (why != nil) == was.Since.IsZero() {
		was.Since = time.Time{}
		if why != nil {
			was.Since = time.Now().UTC()
		}
		data, err := json.Marshal(was)
		if err != nil {
			return err
		}
		if err := p.Records.PutRecord(context.WithoutCancel(ctx), channelsSpace, channel, data); err != nil {
			return fmt.Errorf("remember channel %s: %w", channel, err)
		}
	}
	if why == nil || direct(channel) {
		return nil
	}
	instead := ""
	if p.Fallback != channel && p.shut.why(p.Fallback) == nil {
		instead = p.Fallback
	}
	return p.tellAdmins(ctx, "channel-"+channel, fmt.Sprintf("shut-%d", was.Since.Unix()), view.ChannelShut(channel, instead, SlackProblem(why), p.View))
}

// showsAway reports whether a refresh is shown in that channel because its own takes no posts.
func (p *publisher) showsAway(ctx context.Context, id refresh.ID, channel string) bool {
	state, err := p.recall(ctx, id, "")
	return err == nil && slices.ContainsFunc(state.Away, func(at place) bool { return at.Channel == channel })
}

// home shows the refresh in its own channel.
func (s *showing) home(ctx context.Context) error { return s.at(ctx, &s.place) }

// elsewhere shows the refresh while its own channel takes no posts: in the default channel, or else to each admin. It
// begins there with what its own channel does not know yet.
func (s *showing) elsewhere(ctx context.Context) error {
	fallback := s.Fallback != "" && s.Fallback != s.Channel && s.shut.why(s.Fallback) == nil
	if len(s.Away) == 0 && fallback {
		s.Away = []place{{Channel: s.Fallback, Told: s.Told}}
	}
	if len(s.Away) == 0 || !fallback && !direct(s.Away[0].Channel) {
		told := s.Told
		if len(s.Away) > 0 {
			told = s.Away[0].Told
		}
		s.Away = nil
		for _, admin := range s.Admins {
			dm, err := s.dm(ctx, admin)
			switch {
			case err == nil:
				s.Away = append(s.Away, place{Channel: dm, Told: told})
			case !aboutOne(err):
				return err
			}
		}
	}
	var result error
	for i := range s.Away {
		err := s.at(ctx, &s.Away[i])
		if err != nil && !isShut(err) && direct(s.Away[i].Channel) && aboutOne(err) {
			s.Log.WarnContext(ctx, "an admin cannot be written to", "refresh", s.r.ID, "err", redact.Text(err.Error()))
			s.Away[i].Shown, s.Away[i].Told, s.Away[i].Report.Done = s.r.Version, s.r.Version, true
			err = s.note(ctx)
		}
		result = sooner(result, err)
	}
	return result
}

// comeBack ends what was shown elsewhere, now that its own channel shows the refresh: once no edit can land there any more.
func (s *showing) comeBack(ctx context.Context) error {
	for len(s.Away) > 0 {
		if away := s.Away[0]; away.Card != "" {
			if err := s.settled(away.Unsure); err != nil && !away.Unsure.IsZero() {
				return err
			}
			if err := s.updates.turn(string(s.r.ID) + away.Channel); err != nil {
				return err
			}
			m := view.Moved(s.r, s.Channel, s.View)
			_, _, _, err := s.API.UpdateMessageContext(ctx, away.Channel, away.Card, slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...))
			if err != nil && kindOf(err) == passing {
				return fmt.Errorf("point to the card: %w", err)
			}
		}
		s.Away = s.Away[1:]
		if err := s.note(ctx); err != nil {
			return err
		}
	}
	return nil
}

// untold reports whether there is something that the admins are still to be told.
func untold(known map[string]bool) bool {
	for _, told := range known {
		if !told {
			return true
		}
	}
	return false
}

// tellOfRefusals tells the admins, once for each error, that Slack did not take what a post looked like.
func (s *showing) tellOfRefusals(ctx context.Context) error {
	return s.tellOf(ctx, s.Refused, "refused-", func(code string) view.Message { return view.ContentRefused(s.r, code, s.View) })
}

// tellOfDeleted tells the admins, once for each card, that somebody deleted it.
func (s *showing) tellOfDeleted(ctx context.Context) error {
	return s.tellOf(ctx, s.Deleted, "deleted-", func(card string) view.Message {
		channel, _, _ := strings.Cut(card, "/")
		return view.CardDeleted(s.r, channel, s.View)
	})
}

// tellOf tells the admins each thing that they do not know yet.
func (s *showing) tellOf(ctx context.Context, known map[string]bool, prefix string, word func(string) view.Message) error {
	for what, told := range known {
		if told {
			continue
		}
		if err := s.tellAdmins(ctx, string(s.r.ID), prefix+what, word(what)); err != nil {
			return err
		}
		known[what] = true
		if err := s.note(ctx); err != nil {
			return err
		}
	}
	return nil
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
