package slacksim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
)

const modalTrouble = "We had some trouble connecting. Try again?"

// Submit plays a person filling in the modal they look at and submitting it. values is block_id to
// action_id to value: an option's value, a text, a date … or the whole state object; of a file_input
// {"files": [{"name", "data"}]}. Like Slack's own form it refuses missing required inputs without telling
// the app.
//
// The Ack is OK when the app accepted; otherwise Errors holds the complaints the modal now shows, or
// Error says why the submission failed.
func (s *Server) Submit(ctx context.Context, user, viewID string, values map[string]map[string]any) (Ack, error) {
	d, write, early, err := s.submit(user, viewID, values)
	if err != nil || d == nil {
		return early, err
	}
	write()
	return s.await(ctx, d)
}

func (s *Server) submit(user, viewID string, values map[string]map[string]any) (*delivery, func(), Ack, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.top(user)
	if v == nil || v.ID != viewID {
		return nil, nil, Ack{}, fmt.Errorf("slacksim: %s does not look at view %q", s.names.name(user), viewID)
	}
	elements := map[string]obj{}
	for _, e := range elementsOf(v.Blocks) {
		elements[e.blockID+"\n"+text(e.el, "action_id")] = e.el
	}
	for block, actions := range values {
		for action, value := range actions {
			el := elements[block+"\n"+action]
			if el == nil {
				return nil, nil, Ack{}, fmt.Errorf("slacksim: the modal has no input %s/%s", block, action)
			}
			held, err := chosen(el, value)
			if err == nil && text(el, "type") == "file_input" {
				held, err = s.dropped(user, el, held)
			}
			if err != nil {
				return nil, nil, Ack{}, err
			}
			s.remember(user, v.ID, block, action, held)
		}
	}
	v.Errors = s.missing(v)
	s.touch()
	if len(v.Errors) > 0 {
		return nil, nil, Ack{Error: "incomplete", Errors: maps.Clone(v.Errors)}, nil
	}
	payload := obj{
		"type": "view_submission", "team": s.team(), "user": s.actor(user), "api_app_id": appID, "token": "verification",
		"trigger_id": s.newTrigger(user), "view": s.wireView(v), "response_urls": []any{}, "enterprise": nil,
		"is_enterprise_install": false,
	}
	d, write := s.post("interactive", payload, nil, func(reply json.RawMessage, failure string) Ack {
		if failure == "" {
			var ack Ack
			if ack, failure = s.submitted(user, v, reply); failure == "" {
				return ack
			}
		}
		s.note(user, "", modalTrouble)
		return Ack{Error: failure}
	})
	return d, write, Ack{}, nil
}

// submitted applies the response_action of a view_submission's ack (docs.slack.dev, "Modals"). The
// lock is held.
func (s *Server) submitted(user string, v *View, reply json.RawMessage) (Ack, string) {
	if s.top(user) != v {
		return Ack{OK: true}, "" // the person closed it meanwhile
	}
	var r struct {
		Action string            `json:"response_action"`
		View   json.RawMessage   `json:"view"`
		Errors map[string]string `json:"errors"`
	}
	if reply != nil && json.Unmarshal(reply, &r) != nil {
		return Ack{}, "invalid_payload"
	}
	switch r.Action {
	case "":
		s.pop(user)
	case "clear":
		delete(s.views, user)
	case "errors":
		inputs := map[string]bool{}
		for _, b := range decodeBlocks(v.Blocks) {
			inputs[text(b, "block_id")] = text(b, "type") == "input"
		}
		for id := range r.Errors {
			if !inputs[id] {
				return Ack{}, "invalid_error_block_id"
			}
		}
		if len(r.Errors) == 0 {
			return Ack{}, "no_errors_given"
		}
		v.Errors = r.Errors
		return Ack{Error: "errors", Errors: maps.Clone(r.Errors)}, ""
	case "update", "push":
		next, err := s.readView(r.View, "modal")
		if err != nil {
			return Ack{}, err.Error()
		}
		if r.Action == "update" {
			s.replace(v, next)
		} else if err := s.push(user, next); err != nil {
			return Ack{}, err.Error()
		}
	default:
		return Ack{}, "invalid_response_action"
	}
	return Ack{OK: true}, ""
}

// pop takes the top modal off a person's stack. The lock is held.
func (s *Server) pop(user string) {
	stack := s.views[user]
	if len(stack) <= 1 {
		delete(s.views, user)
	} else {
		s.views[user] = stack[:len(stack)-1]
	}
	s.touch()
}

// CloseView plays a person closing the modal they look at. The app hears of it when the view asked for
// notify_on_close.
func (s *Server) CloseView(ctx context.Context, user, viewID string) (Ack, error) {
	s.mu.Lock()
	v := s.top(user)
	if v == nil || v.ID != viewID {
		s.mu.Unlock()
		return Ack{}, fmt.Errorf("slacksim: %s does not look at view %q", s.names.name(user), viewID)
	}
	if v.ClearOnClose {
		delete(s.views, user)
		s.touch()
	} else {
		s.pop(user)
	}
	if !v.NotifyOnClose {
		s.mu.Unlock()
		return Ack{OK: true}, nil
	}
	payload := obj{
		"type": "view_closed", "team": s.team(), "user": s.actor(user), "api_app_id": appID, "token": "verification",
		"view": s.wireView(v), "is_cleared": v.ClearOnClose, "enterprise": nil, "is_enterprise_install": false,
	}
	d, write := s.post("interactive", payload, nil, func(_ json.RawMessage, failure string) Ack {
		return Ack{OK: failure == "", Error: failure}
	})
	s.mu.Unlock()
	write()
	return s.await(ctx, d)
}
