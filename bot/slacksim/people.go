package slacksim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// standsIn checks that a person can act in a conversation. The lock is held.
func (s *Server) standsIn(user, channel string) (*channel, error) {
	u := s.names.user(user)
	if u == nil || u.Deleted || user == s.BotUserID() {
		return nil, fmt.Errorf("slacksim: no active person %q", user)
	}
	c := s.channelByID(channel)
	if c == nil || !c.has(user) {
		return nil, fmt.Errorf("slacksim: %s is in no channel %q", u.Name, channel)
	}
	return c, nil
}

// actor is the person as interaction payloads show them.
func (s *Server) actor(user string) obj {
	name, team := s.names.name(user), teamID
	if u := s.names.user(user); u != nil {
		team = cmp.Or(u.Team, team)
	}
	return obj{"id": user, "username": name, "name": name, "team_id": team}
}

func (s *Server) team() obj { return obj{"id": teamID, "domain": s.teamDomain()} }

func (c *channel) shownName() string {
	if c.im != "" {
		return "directmessage"
	}
	return c.Name
}

// Slash plays a person sending a slash command, for example "/refresh uat", and returns what they see.
// An error means the person could not have sent it.
func (s *Server) Slash(ctx context.Context, user, channel, text string) (Ack, error) {
	d, write, err := s.slash(user, channel, text)
	if err != nil {
		return Ack{}, err
	}
	if d == nil {
		return Ack{Error: "unknown_command"}, nil
	}
	write()
	return s.await(ctx, d)
}

func (s *Server) slash(user, channel, line string) (*delivery, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.standsIn(user, channel)
	if err != nil {
		return nil, nil, err
	}
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	i := slices.IndexFunc(s.opts.Commands, func(k Command) bool { return k.Command == name })
	if i < 0 {
		s.note(user, channel, name+" is not a valid command.")
		return nil, nil, nil
	}
	if s.opts.Commands[i].ShouldEscape {
		rest = s.names.escape(rest)
	}
	payload := obj{
		"token": "verification", "team_id": teamID, "team_domain": s.teamDomain(), "channel_id": c.ID,
		"channel_name": c.shownName(), "user_id": user, "user_name": s.names.name(user), "command": name,
		"text": rest, "api_app_id": appID, "is_enterprise_install": "false",
		"response_url": s.newResponseURL(c.ID, user, ""), "trigger_id": s.newTrigger(user),
	}
	d, write := s.post("slash_commands", payload, nil, func(reply json.RawMessage, failure string) Ack {
		if failure == "" {
			var ack Ack
			if ack, failure = s.commandReply(user, c.ID, line, reply); failure == "" {
				return ack
			}
		}
		s.note(user, c.ID, fmt.Sprintf("%s failed with the error %q", name, failure))
		return Ack{Error: failure}
	})
	return d, write, nil
}

// commandReply shows the message that a slash command's ack may carry; ephemeral unless it says
// in_channel, which also shows the command itself. The lock is held.
func (s *Server) commandReply(user, channel, line string, reply json.RawMessage) (Ack, string) {
	if reply == nil {
		return Ack{OK: true}, ""
	}
	a := args{}
	if json.Unmarshal(reply, &a) != nil {
		return Ack{}, "invalid_payload"
	}
	inChannel := a.str("response_type") == "in_channel"
	if inChannel {
		s.add(Message{Channel: channel, User: user, Text: line})
	}
	if a.str("text") == "" && a.raw("blocks") == nil && a.raw("attachments") == nil {
		return Ack{OK: true}, ""
	}
	c, err := readContent(a, maxPostText)
	if err != nil {
		return Ack{}, err.Error()
	}
	m := s.add(Message{
		Channel: channel, User: s.BotUserID(), bot: true, Text: c.text, Blocks: c.blocks,
		Attachments: c.attachments, Ephemeral: !inChannel,
	})
	if !inChannel {
		m.To = user
	}
	return Ack{OK: true, Text: m.Plain()}, ""
}

var reference = regexp.MustCompile(`[@#][\p{L}\p{N}._-]+`)

// escape turns @name, @group and #channel into the references an escaping command receives.
func (d *directory) escape(line string) string {
	return reference.ReplaceAllStringFunc(line, func(ref string) string {
		name := ref[1:]
		if ref[0] == '#' {
			for id, n := range d.channels {
				if n == name {
					return "<#" + id + "|" + name + ">"
				}
			}
			return ref
		}
		for _, u := range d.byID {
			if u.Name == name {
				return "<@" + u.ID + "|" + name + ">"
			}
		}
		for id, h := range d.groups {
			if h == name {
				return "<!subteam^" + id + "|@" + name + ">"
			}
		}
		return ref
	})
}

// place is where an interactive element stands: on a message or in a view.
type place struct {
	channel, ts string
	view        string
}

func (p place) surface() string {
	if p.view != "" {
		return p.view
	}
	return p.channel + "/" + p.ts
}

// Click plays a person pressing a button on a message as it stands now. actionID names the button
// exactly or by a prefix that fits only one. An error means the person could not see such a button.
func (s *Server) Click(ctx context.Context, user, channel, ts, actionID string) (Ack, error) {
	return s.do(ctx, user, place{channel: channel, ts: ts}, func(e element) (obj, error) { return obj{}, nil }, actionID)
}

// Select plays a person choosing on a message: value is an option's value, a person, a date …, or the
// whole selected_* object.
func (s *Server) Select(ctx context.Context, user, channel, ts, actionID string, value any) (Ack, error) {
	return s.do(ctx, user, place{channel: channel, ts: ts}, func(e element) (obj, error) { return chosen(e.el, value) }, actionID)
}

// ActInView plays a person pressing a button (value nil) or choosing in a modal or on the Home tab.
func (s *Server) ActInView(ctx context.Context, user, viewID, actionID string, value any) (Ack, error) {
	return s.do(ctx, user, place{view: viewID}, func(e element) (obj, error) {
		if value == nil {
			return obj{}, nil
		}
		return chosen(e.el, value)
	}, actionID)
}

// ClickRaw sends a block_actions envelope for any action on any message, as a stale screen or a forger
// would. Missing type and action_ts are filled in; nothing is checked.
func (s *Server) ClickRaw(ctx context.Context, user, channel, ts string, action map[string]any) (Ack, error) {
	s.mu.Lock()
	a := cloneObj(action)
	if a["type"] == nil {
		a["type"] = "button"
	}
	d, write := s.blockAction(user, place{channel: channel, ts: ts}, a)
	s.mu.Unlock()
	write()
	return s.await(ctx, d)
}

// ActInViewRaw is ClickRaw for a modal or a Home tab.
func (s *Server) ActInViewRaw(ctx context.Context, user, viewID string, action map[string]any) (Ack, error) {
	s.mu.Lock()
	a := cloneObj(action)
	if a["type"] == nil {
		a["type"] = "button"
	}
	d, write := s.blockAction(user, place{view: viewID}, a)
	s.mu.Unlock()
	write()
	return s.await(ctx, d)
}

// Deliver sends an envelope with any payload: what comes of another workspace in which the app is installed, or of a
// forger. Nothing is checked, and an answer in its ack is not shown.
func (s *Server) Deliver(ctx context.Context, kind string, payload map[string]any) (Ack, error) {
	s.mu.Lock()
	d, write := s.post(kind, cloneObj(payload), nil, func(_ json.RawMessage, failure string) Ack {
		return Ack{OK: failure == "", Error: failure}
	})
	s.mu.Unlock()
	write()
	return s.await(ctx, d)
}

func (s *Server) do(ctx context.Context, user string, at place, pick func(element) (obj, error), actionID string) (Ack, error) {
	s.mu.Lock()
	d, write, err := s.begin(user, at, "", actionID, pick)
	s.mu.Unlock()
	if err != nil {
		return Ack{}, err
	}
	write()
	return s.await(ctx, d)
}

// begin finds the element a person means and sends its action. The lock is held.
func (s *Server) begin(user string, at place, blockID, actionID string, pick func(element) (obj, error)) (*delivery, func(), error) {
	blocks, err := s.blocksAt(user, at)
	if err != nil {
		return nil, nil, err
	}
	var exact, prefix []element
	for _, e := range elementsOf(blocks) {
		id := text(e.el, "action_id")
		switch {
		case blockID != "" && e.blockID != blockID:
		case id == actionID:
			exact = append(exact, e)
		case strings.HasPrefix(id, actionID):
			prefix = append(prefix, e)
		}
	}
	found := exact
	if len(found) == 0 {
		found = prefix
	}
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("slacksim: %s sees no %q there", s.names.name(user), actionID)
	}
	if len(found) > 1 && len(exact) == 0 {
		return nil, nil, fmt.Errorf("slacksim: %q fits %d elements there", actionID, len(found))
	}
	e := found[0]
	picked, err := pick(e)
	if err != nil {
		return nil, nil, err
	}
	a := obj{"type": text(e.el, "type"), "block_id": e.blockID, "action_id": text(e.el, "action_id")}
	for _, k := range []string{"text", "value", "style", "placeholder", "confirm", "initial_option", "url"} {
		if v, ok := e.el[k]; ok {
			a[k] = v
		}
	}
	for k, v := range picked {
		a[k] = v
	}
	if kind, _ := elementKinds(text(e.el, "type")); kind.value != "" {
		held := obj{"type": a["type"], kind.value: a[kind.value]}
		s.remember(user, at.surface(), e.blockID, text(e.el, "action_id"), held)
	}
	d, write := s.blockAction(user, at, a)
	return d, write, nil
}

// blocksAt returns what the person sees at a place. The lock is held.
func (s *Server) blocksAt(user string, at place) (json.RawMessage, error) {
	if u := s.names.user(user); u == nil || u.Deleted {
		return nil, fmt.Errorf("slacksim: no active person %q", user)
	}
	if at.view != "" {
		v := s.viewBy(at.view, "")
		if v == nil || v.User != user || (v.Type == "modal" && s.top(user) != v) {
			return nil, fmt.Errorf("slacksim: %s does not look at view %q", s.names.name(user), at.view)
		}
		return v.Blocks, nil
	}
	m := s.find(at.channel, at.ts)
	if m == nil || !s.visible(m, user) {
		return nil, fmt.Errorf("slacksim: %s sees no message %s in %s", s.names.name(user), at.ts, at.channel)
	}
	return m.Blocks, nil
}

// blockAction sends one block_actions envelope. The lock is held.
func (s *Server) blockAction(user string, at place, action obj) (*delivery, func()) {
	if action["action_ts"] == nil {
		action["action_ts"] = tsOf(s.tune.now())
	}
	payload := obj{
		"type": "block_actions", "user": s.actor(user), "api_app_id": appID, "token": "verification",
		"trigger_id": s.newTrigger(user), "team": s.team(), "enterprise": nil, "is_enterprise_install": false,
		"actions": []obj{action},
	}
	if at.view != "" {
		payload["container"] = obj{"type": "view", "view_id": at.view}
		if v := s.viewBy(at.view, ""); v != nil {
			payload["view"] = s.wireView(v)
			payload["state"] = obj{"values": s.values(user, v.ID, v.Blocks)}
		}
	} else {
		s.addMessage(payload, user, at)
	}
	id := text(action, "action_id")
	s.pending = append(s.pending, pendingClick{user: user, MessageTS: at.ts, ActionID: id})
	return s.post("interactive", payload, nil, func(_ json.RawMessage, failure string) Ack {
		i := slices.IndexFunc(s.pending, func(p pendingClick) bool {
			return p.user == user && p.MessageTS == at.ts && p.ActionID == id
		})
		s.pending = slices.Delete(s.pending, i, i+1)
		if failure != "" {
			s.note(user, at.channel, fmt.Sprintf("That did not reach %s (%s).", s.opts.BotName, failure))
		}
		return Ack{OK: failure == "", Error: failure}
	})
}

// addMessage adds what a click on a message carries. An ephemeral message comes without its content,
// because only its reader's client holds it.
func (s *Server) addMessage(payload obj, user string, at place) {
	container := obj{"type": "message", "message_ts": at.ts, "channel_id": at.channel, "is_ephemeral": false}
	payload["container"] = container
	payload["state"] = obj{"values": obj{}}
	if c := s.channelByID(at.channel); c != nil {
		payload["channel"] = obj{"id": c.ID, "name": c.shownName()}
	} else {
		payload["channel"] = obj{"id": at.channel, "name": ""}
	}
	payload["response_url"] = s.newResponseURL(at.channel, user, at.ts)
	m := s.find(at.channel, at.ts)
	if m == nil {
		payload["message"] = obj{"type": "message", "ts": at.ts}
		return
	}
	if m.reply() {
		container["thread_ts"] = m.ThreadTS
	}
	payload["state"] = obj{"values": s.values(user, at.surface(), m.Blocks)}
	payload["message"] = s.wire(m)
	if m.Ephemeral {
		container["is_ephemeral"] = true
		payload["message"] = obj{"type": "message", "user": m.User, "ts": m.TS, "team": teamID, "bot_id": botID, "app_id": appID}
	}
}
