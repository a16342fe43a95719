package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// trigger lets the app open one modal for one person, soon after that person did something.
type trigger struct {
	user    string
	expires time.Time
	used    bool
}

// responseURL lets the app answer one action, up to five times within half an hour
// (docs.slack.dev, "Handling user interaction").
type responseURL struct {
	channel, user string
	original      string // ts of the message acted on; empty for a slash command
	expires       time.Time
	uses          int
}

const maxResponses = 5

// newTrigger makes a trigger_id. The lock is held.
func (s *Server) newTrigger(user string) string {
	id := fmt.Sprintf("%d.%s.%s", s.tune.now().UnixMilli(), randomID(8), randomID(32))
	s.triggers[id] = &trigger{user: user, expires: s.tune.now().Add(s.tune.triggerLife)}
	return id
}

// useTrigger spends a trigger_id and says whose it was. The lock is held.
func (s *Server) useTrigger(id string) (string, error) {
	t := s.triggers[id]
	switch {
	case t == nil:
		return "", fail("invalid_trigger_id")
	case t.used:
		return "", fail("exchanged_trigger_id")
	case s.tune.now().After(t.expires):
		return "", fail("expired_trigger_id")
	}
	t.used = true
	return t.user, nil
}

// newResponseURL makes the address an action may be answered at. The lock is held.
func (s *Server) newResponseURL(channel, user, original string) string {
	id := randomID(32)
	s.replies[id] = &responseURL{
		channel: channel, user: user, original: original, expires: s.tune.now().Add(s.tune.responseLife),
	}
	return s.URL() + "/response/" + id
}

func (s *Server) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	a := args{}
	err := json.NewDecoder(r.Body).Decode(&a)
	s.answer(w, "response_url", tokenNone, a, func() (obj, error) {
		if err != nil {
			return nil, refusal("invalid_payload", http.StatusBadRequest)
		}
		u := s.replies[r.PathValue("id")]
		switch {
		case u == nil || s.tune.now().After(u.expires):
			return nil, refusal("expired_url", http.StatusNotFound)
		case u.uses >= maxResponses:
			return nil, refusal("used_url", http.StatusNotFound)
		}
		u.uses++
		return nil, s.respond(u, a)
	}, nil)
}

func refusal(code string, status int) error {
	return &apiError{code: code, extra: obj{"http_status": status}}
}

// respond applies one post to a response_url. Who can see a message never changes, so a replacement
// keeps the original's audience and response_type decides only about new messages. The lock is held.
func (s *Server) respond(u *responseURL, a args) error {
	var original *Message
	if u.original != "" {
		original = s.find(u.channel, u.original)
	}
	if a.flag("delete_original") {
		if original == nil {
			return refusal("message_not_found", http.StatusNotFound)
		}
		original.Deleted = true
		s.touch()
		return nil
	}
	c, err := readContent(a, maxPostText)
	if err != nil {
		var ae *apiError
		if errors.As(err, &ae) {
			extra := obj{"http_status": http.StatusBadRequest}
			for k, v := range ae.extra {
				extra[k] = v
			}
			return &apiError{code: ae.code, extra: extra}
		}
		return err
	}
	if a.flag("replace_original") && original != nil {
		original.Text, original.Blocks, original.Attachments = c.text, c.blocks, c.attachments
		if c.metadata != nil {
			original.Metadata = c.metadata
		}
		s.touch()
		return nil
	}
	m := Message{
		Channel: u.channel, User: s.BotUserID(), bot: true, Text: c.text, Blocks: c.blocks,
		Attachments: c.attachments, Metadata: c.metadata,
	}
	if ts := a.str("thread_ts"); ts != "" {
		ch := s.channelByID(u.channel)
		if m.ThreadTS, err = s.thread(ch, ts); err != nil {
			return err
		}
	}
	if a.str("response_type") != "in_channel" {
		m.Ephemeral, m.To = true, u.user
	}
	s.add(m)
	return nil
}
