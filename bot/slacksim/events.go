package slacksim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Event raises an events_api event, for example {"type": "app_home_opened", "user": "U1", "tab": "home"}.
// It returns at the first ack. An event nobody acks is sent again up to three times under the same
// event_id: at once, after a minute and after five minutes.
func (s *Server) Event(ctx context.Context, event map[string]any) (Ack, error) {
	e := obj{"event_ts": tsOf(s.tune.now())}
	for k, v := range event {
		e[k] = v
	}
	user := text(e, "user")
	payload := obj{
		"token": "verification", "team_id": teamID, "api_app_id": appID, "event": e, "type": "event_callback",
		"event_id": "Ev" + strings.ToUpper(randomID(10)), "event_time": s.tune.now().Unix(),
		"authorizations": []obj{{
			"enterprise_id": nil, "team_id": teamID, "user_id": s.BotUserID(), "is_bot": true, "is_enterprise_install": false,
		}},
		"is_ext_shared_channel": false, "event_context": "4-" + user,
	}
	reason := ""
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			t := time.NewTimer(s.tune.eventRetries[attempt-1])
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
				return Ack{}, fmt.Errorf("slacksim: wait for the next delivery: %w", context.Cause(ctx))
			case <-s.ctx.Done():
				t.Stop()
				return Ack{}, fmt.Errorf("slacksim: wait for the next delivery: server closed")
			}
		}
		s.mu.Lock()
		d, write := s.post("events_api", payload, obj{"retry_attempt": attempt, "retry_reason": reason},
			func(_ json.RawMessage, failure string) Ack { return Ack{OK: failure == "", Error: failure} })
		s.mu.Unlock()
		write()
		ack, err := s.await(ctx, d)
		if err != nil || ack.OK || attempt == len(s.tune.eventRetries) {
			return ack, err
		}
		reason = "timeout"
	}
}

// OpenHome plays a person opening the app's Home tab.
func (s *Server) OpenHome(ctx context.Context, user string) (Ack, error) {
	if s.names.user(user) == nil {
		return Ack{}, fmt.Errorf("slacksim: no person %q", user)
	}
	event := obj{"type": "app_home_opened", "user": user, "channel": dmID(user), "tab": "home"}
	s.mu.Lock()
	if v := s.homes[user]; v != nil {
		event["view"] = s.wireView(v)
	}
	s.mu.Unlock()
	return s.Event(ctx, event)
}

// Say plays a person writing a message. The app hears of it only through the events it subscribes to;
// Say does not wait for that.
func (s *Server) Say(user, channel, text, threadTS string) (Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.standsIn(user, channel)
	if err != nil {
		return Message{}, err
	}
	if threadTS != "" {
		if threadTS, err = s.thread(c, threadTS); err != nil {
			return Message{}, fmt.Errorf("slacksim: no such thread in %s", channel)
		}
	}
	m := s.add(Message{Channel: c.ID, ThreadTS: threadTS, User: user, Text: text})
	kind := "message." + map[string]string{"im": "im", "groups": "groups", "channels": "channels"}[c.scopePrefix()]
	event := s.wire(m)
	event["channel"], event["event_ts"], event["client_msg_id"] = c.ID, m.TS, uuid()
	if c.BotMember && slices.Contains(s.opts.Events, kind) {
		e := cloneObj(event)
		e["channel_type"] = map[string]string{"im": "im", "groups": "group", "channels": "channel"}[c.scopePrefix()]
		s.raise(e)
	}
	if c.im == "" && strings.Contains(text, "<@"+s.BotUserID()+">") && slices.Contains(s.opts.Events, "app_mention") {
		e := cloneObj(event)
		e["type"] = "app_mention"
		s.raise(e)
	}
	return *m, nil
}

// raise sends an event in the background. The lock is held.
func (s *Server) raise(event obj) {
	if s.closed {
		return
	}
	s.wg.Go(func() {
		if ack, err := s.Event(s.ctx, event); err == nil && !ack.OK {
			s.opts.Logger.Warn("event never acked", "type", text(event, "type"))
		}
	})
}

func cloneObj(o obj) obj {
	out := obj{}
	for k, v := range o {
		out[k] = v
	}
	return out
}

func tsOf(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }
