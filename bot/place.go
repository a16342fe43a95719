package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/redact"
	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

// place is one conversation that shows a refresh, and how far that has got there.
type place struct {
	Channel string    `json:"channel"`
	Card    string    `json:"card,omitempty"`   // timestamp of the card
	Lost    int       `json:"lost,omitempty"`   // how many cards stood here before this one
	Asked   string    `json:"asked,omitempty"`  // what the card asked when it was posted
	Shown   int64     `json:"shown"`            // version of the refresh that the card shows
	Told    int64     `json:"told"`             // last journal entry that the thread has
	Intent  string    `json:"intent,omitempty"` // key of a post that may or may not have been made
	SentAt  time.Time `json:"sent_at,omitzero"` // when, or when its reply was given up
	Unsure  time.Time `json:"unsure,omitzero"`  // when the reply to an edit of the card was given up, or an earlier process ended during one: it may still land
	Owed    *owed     `json:"owed,omitempty"`   // the file that the last post in the thread says follows it
	Report  reported  `json:"report,omitzero"`
}

// showing is one refresh on its way to Slack: how it stands, and what is remembered of its posts.
type showing struct {
	*publisher
	posted
	r refresh.Refresh
}

// owes reports whether a place does not show the whole refresh.
func (s *showing) owes(at place) bool {
	return at.Shown != s.r.Version || at.Told != s.r.Version || !at.Unsure.IsZero() || at.Owed != nil || s.owesReport(at)
}

// at shows the refresh in one place: the card, the thread, in the end the report.
func (s *showing) at(ctx context.Context, at *place) error {
	if !s.owes(*at) {
		return nil
	}
	if err := s.shut.takes(at.Channel); err != nil {
		return err
	}
	err := s.card(ctx, at)
	if err == nil {
		err = s.thread(ctx, at)
	}
	if err == nil && s.owesReport(*at) {
		err = s.report(ctx, at)
	}
	if err == nil {
		err = s.editAgain(ctx, at)
	}
	switch kindOf(err) {
	case channelRefused:
		return s.refusedBy(at.Channel, err)
	case notThere: // somebody deleted the card after it was updated: updating it next time shows that
		at.Shown = 0
		if noted := s.note(ctx); noted != nil {
			return noted
		}
	}
	return err
}

// card makes the card equal to the refresh.
func (s *showing) card(ctx context.Context, at *place) error {
	for at.Shown != s.r.Version {
		options := s.View
		options.Report, options.Past = at.Report.Link, s.learnt.of(ctx, s.Journal, s.r)
		card := view.Card(s.r, time.Now(), options)
		if at.Channel != s.Channel {
			card = view.Away(card, s.Channel)
		}
		if at.Card != "" {
			if err := s.update(ctx, at, card); err != nil {
				return err
			}
			continue // when it could not be edited, it is posted anew
		}
		key := "card"
		if at.Lost > 0 { // the one before may still stand in the channel, and is not to be taken for this one
			key += "-" + strconv.Itoa(at.Lost+1)
		}
		lost := at.Intent == key
		ts, err := s.post(ctx, at, key, false, card)
		if err != nil {
			return err
		}
		at.Card, at.Shown, at.Intent, at.Asked = ts, s.r.Version, "", asks(s.r)
		if lost {
			at.Shown = 0 // what was found may show the refresh as it was then
		}
		if err := s.note(ctx); err != nil {
			return err
		}
	}
	return nil
}

// update edits the card. A card that cannot be edited any more is forgotten, so that it is posted anew.
func (s *showing) update(ctx context.Context, at *place, card view.Message) error {
	if err := s.updates.turn(string(s.r.ID) + at.Channel); err != nil {
		return err
	}
	err := s.plainly(ctx, "card", card, func(card view.Message) error {
		_, _, _, err := s.API.UpdateMessageContext(ctx, at.Channel, at.Card, slack.MsgOptionText(card.Text, false), slack.MsgOptionBlocks(card.Blocks...))
		return err
	})
	switch {
	case err == nil:
		at.Shown = s.r.Version // which says nothing about posts: a bot that was removed may still edit its own
	case refusal(err) == "edit_window_closed" && at.Asked == asks(s.r):
		at.Shown = s.r.Version // nothing new is asked: the thread has the news, and the channel is spared a second card
	case kindOf(err) == cardGone:
		s.Log.WarnContext(ctx, "the card cannot be edited and is posted anew", "refresh", s.r.ID, "err", refusal(err))
		if refusal(err) == "message_not_found" {
			s.Deleted = noted(s.Deleted, at.Channel+"/"+at.Card)
		}
		at.Card, at.Lost = "", at.Lost+1
	case certainlyNotPosted(err):
		return fmt.Errorf("update the card: %w", err)
	default:
		at.Unsure = time.Now()
		return errors.Join(fmt.Errorf("update the card: %w", err), s.note(ctx))
	}
	return s.note(ctx)
}

// editAgain makes the card equal to the refresh once more when an edit whose reply was given up must have landed: it has
// brought back what the card showed before, if a newer one came sooner.
func (s *showing) editAgain(ctx context.Context, at *place) error {
	if at.Unsure.IsZero() {
		return nil
	}
	if err := s.settled(at.Unsure); err != nil {
		return err
	}
	at.Unsure, at.Shown = time.Time{}, 0
	return s.card(ctx, at)
}

// asks names what a refresh asks of people, so that two states can be compared.
func asks(r refresh.Refresh) string {
	asked := []string{string(r.Status)}
	for _, g := range r.OpenGates() {
		asked = append(asked, g.Nonce)
	}
	return strings.Join(asked, " ")
}

// thread posts the notable events that the thread does not have, as long as the card is not behind.
func (s *showing) thread(ctx context.Context, at *place) error {
	if at.Told == s.r.Version && at.Owed == nil {
		return nil
	}
	entries, err := s.Journal.Journal(ctx, s.r.ID, 0)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	var before refresh.Refresh
	for _, e := range entries {
		after := refresh.Apply(before, e.Event, e.At)
		if e.Seq > at.Told || at.Owed != nil && at.Owed.Seq == e.Seq {
			if err := s.event(ctx, at, before, after, e); err != nil {
				return err
			}
		}
		before = after
	}
	if last := int64(len(entries)); last > at.Told {
		at.Told = last
		return s.note(ctx)
	}
	return nil
}

// event posts one event if it is notable, and the file that follows it.
func (s *showing) event(ctx context.Context, at *place, before, after refresh.Refresh, e refresh.Entry) error {
	post, notable := view.Event(before, after, e, s.View)
	if notable && e.Seq > at.Told {
		if _, err := s.post(ctx, at, strconv.FormatInt(e.Seq, 10), post.Broadcast, post.Message); err != nil {
			return err
		}
		at.Told, at.Intent = e.Seq, ""
		if post.Whole != nil {
			at.Owed = &owed{Seq: e.Seq}
		}
		if err := s.note(ctx); err != nil {
			return err
		}
		if s.behind(s.r.ID) {
			return notYet{time.Now()} // the card first: it has the buttons, and Slack takes one post a second
		}
	}
	if at.Owed != nil {
		return s.attach(ctx, at, post.Whole)
	}
	return nil
}

// post makes one post, or finds the one that was made. It notes its intent first.
func (s *showing) post(ctx context.Context, at *place, key string, broadcast bool, m view.Message) (string, error) {
	if at.Intent == key {
		if err := s.settled(at.SentAt); err != nil {
			return "", err
		}
		if ts, err := s.find(ctx, at.Channel, at.Card, at.SentAt, carries(string(s.r.ID), key)); err != nil || ts != "" {
			return ts, err
		}
	}
	if err := s.postTurn(at.Channel, string(s.r.ID)); err != nil {
		return "", err
	}
	var ts string
	err := s.plainly(ctx, key, m, func(m view.Message) (err error) {
		at.Intent, at.SentAt = key, time.Now()
		if err := s.note(ctx); err != nil {
			return err
		}
		options := []slack.MsgOption{
			slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...), slack.MsgOptionDisableLinkUnfurl(),
			mark(string(s.r.ID), key),
		}
		if at.Card != "" {
			options = append(options, slack.MsgOptionTS(at.Card))
			if broadcast && !strings.HasPrefix(at.Channel, "D") {
				options = append(options, slack.MsgOptionBroadcast())
			}
		}
		_, ts, err = s.API.PostMessageContext(ctx, at.Channel, options...)
		return err
	})
	if err == nil {
		s.reached(at.Channel)
		return ts, nil
	}
	if certainlyNotPosted(err) {
		at.Intent = ""
	} else {
		at.SentAt = time.Now() // it may land from now on, as long as things take to settle
	}
	if err := s.note(ctx); err != nil {
		return "", err
	}
	return "", fmt.Errorf("post %s: %w", key, err)
}

// plainly sends a message, and when Slack refuses what it looks like, the same in plainer forms. That is a mistake of
// refreshbot's, which an admin hears of; people must see the question all the same.
func (s *showing) plainly(ctx context.Context, key string, m view.Message, send func(view.Message) error) error {
	err := send(m)
	if kindOf(err) != contentRefused {
		return err
	}
	s.Log.ErrorContext(ctx, "Slack refuses a message and gets it in plain text", "refresh", s.r.ID, "post", key, "err", redact.Text(err.Error()))
	s.Refused = noted(s.Refused, refusal(err))
	for _, plainer := range view.Plainer(m) {
		if err = send(plainer); kindOf(err) != contentRefused {
			return err
		}
	}
	return err
}

// noted adds something that the admins are to know, unless they do already.
func noted(known map[string]bool, what string) map[string]bool {
	if known == nil {
		known = map[string]bool{}
	}
	if _, is := known[what]; !is {
		known[what] = false
	}
	return known
}
