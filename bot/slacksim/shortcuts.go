package slacksim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Shortcut is one shortcut of the app's manifest.
type Shortcut struct {
	Name, CallbackID, Description string
	Message                       bool // it stands in the menu of every message; otherwise it can be used anywhere
}

// UseShortcut plays a person using a global shortcut.
func (s *Server) UseShortcut(ctx context.Context, user, callbackID string) (Ack, error) {
	return s.shortcut(ctx, user, callbackID, "", "")
}

// UseMessageShortcut plays a person using a shortcut in the menu of a message.
func (s *Server) UseMessageShortcut(ctx context.Context, user, callbackID, channel, ts string) (Ack, error) {
	return s.shortcut(ctx, user, callbackID, channel, ts)
}

func (s *Server) shortcut(ctx context.Context, user, callbackID, channel, ts string) (Ack, error) {
	s.mu.Lock()
	d, write, err := s.beginShortcut(user, callbackID, channel, ts)
	s.mu.Unlock()
	if err != nil {
		return Ack{}, err
	}
	write()
	return s.await(ctx, d)
}

// beginShortcut sends a shortcut; with a message one of its menu. The lock is held.
func (s *Server) beginShortcut(user, callbackID, channel, ts string) (*delivery, func(), error) {
	if u := s.names.user(user); u == nil || u.Deleted {
		return nil, nil, fmt.Errorf("slacksim: no active person %q", user)
	}
	i := slices.IndexFunc(s.opts.Shortcuts, func(c Shortcut) bool { return c.CallbackID == callbackID && c.Message == (ts != "") })
	if i < 0 {
		return nil, nil, fmt.Errorf("slacksim: the app has no shortcut %q there", callbackID)
	}
	payload := obj{
		"type": "shortcut", "token": "verification", "action_ts": tsOf(s.tune.now()), "team": s.team(), "user": s.actor(user),
		"callback_id": callbackID, "trigger_id": s.newTrigger(user), "enterprise": nil, "is_enterprise_install": false,
	}
	if ts != "" {
		m := s.find(channel, ts)
		if m == nil || m.Ephemeral || !s.visible(m, user) {
			return nil, nil, fmt.Errorf("slacksim: %s sees no message %s with a menu in %s", s.names.name(user), ts, channel)
		}
		c := s.channelByID(channel)
		message := s.wire(m)
		delete(message, "metadata") // no page of Slack's says that it is sent
		payload["type"], payload["message_ts"], payload["message"] = "message_action", ts, message
		payload["channel"] = obj{"id": c.ID, "name": c.shownName()}
		payload["response_url"] = s.newResponseURL(channel, user, "")
	}
	d, write := s.post("interactive", payload, nil, func(_ json.RawMessage, failure string) Ack {
		if failure != "" {
			s.note(user, channel, fmt.Sprintf("That did not reach %s (%s).", s.opts.BotName, failure))
		}
		return Ack{OK: failure == "", Error: failure}
	})
	return d, write, nil
}
