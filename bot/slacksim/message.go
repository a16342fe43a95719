package slacksim

import (
	"encoding/json"
	"strings"
)

// Message is one message of a conversation as the workspace holds it.
type Message struct {
	Channel, TS string
	ThreadTS    string // the parent's TS; empty when the message stands in the channel itself
	User        string
	Text        string
	Blocks      json.RawMessage
	Attachments json.RawMessage
	Metadata    json.RawMessage
	Files       []string // ids of the files shown with it
	Edited      bool
	Ephemeral   bool
	To          string // the only reader of an ephemeral message
	Deleted     bool
	Broadcast   bool // a thread reply shown in the channel too

	bot   bool
	names *directory
}

// Button is something on a message that a person can press.
type Button struct {
	ActionID, BlockID, Text, Value, Style string
	Confirm                               bool
}

// reply says whether the message stands in a thread below another one.
func (m *Message) reply() bool { return m.ThreadTS != "" && m.ThreadTS != m.TS }

// Buttons lists the buttons of the message from top to bottom.
func (m Message) Buttons() []Button {
	var out []Button
	for _, e := range elementsOf(m.Blocks) {
		if text(e.el, "type") != "button" {
			continue
		}
		_, confirm := e.el["confirm"].(obj)
		label, _ := e.el["text"].(obj)
		out = append(out, Button{
			ActionID: text(e.el, "action_id"), BlockID: e.blockID, Text: text(label, "text"),
			Value: text(e.el, "value"), Style: text(e.el, "style"), Confirm: confirm,
		})
	}
	return out
}

// element is one interactive element with the block it stands in.
type element struct {
	blockID string
	el      obj
}

// elementsOf collects the elements of blocks that carry an action_id.
func elementsOf(blocks json.RawMessage) []element {
	var out []element
	for _, b := range decodeBlocks(blocks) {
		collectElements(text(b, "block_id"), b, &out)
	}
	return out
}

// collectElements descends into a block in the order a person reads it.
func collectElements(blockID string, node any, out *[]element) {
	switch n := node.(type) {
	case []any:
		for _, v := range n {
			collectElements(blockID, v, out)
		}
	case obj:
		if id := text(n, "block_id"); id != "" {
			blockID = id
		}
		if n["action_id"] != nil {
			*out = append(*out, element{blockID, n})
			return
		}
		for _, k := range []string{"elements", "element", "accessory", "actions", "child_blocks", "rows", "items", "block"} {
			if v, ok := n[k]; ok {
				collectElements(blockID, v, out)
			}
		}
	}
}

// decodeBlocks reads a JSON array of blocks; anything else is empty.
func decodeBlocks(raw json.RawMessage) []obj {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var blocks []obj
	if dec.Decode(&blocks) != nil {
		return nil
	}
	return blocks
}

// withIDs gives every block without a block_id, and every interactive element without an action_id,
// one of Slack's making.
func withIDs(raw json.RawMessage) json.RawMessage {
	blocks := decodeBlocks(raw)
	if len(blocks) == 0 {
		return nil
	}
	for _, b := range blocks {
		if text(b, "block_id") == "" {
			b["block_id"] = randomID(5)
		}
		giveActionIDs(b)
	}
	return toJSON(blocks)
}

func giveActionIDs(node any) {
	switch n := node.(type) {
	case []any:
		for _, v := range n {
			giveActionIDs(v)
		}
	case obj:
		if _, known := elementKinds(text(n, "type")); known && text(n, "action_id") == "" {
			n["action_id"] = randomID(5)
		}
		for _, k := range []string{"elements", "element", "accessory", "actions", "child_blocks"} {
			if v, ok := n[k]; ok {
				giveActionIDs(v)
			}
		}
	}
}

// text reads a string member of a JSON object, "" when absent or of another type.
func text(o obj, key string) string {
	v, _ := o[key].(string)
	return v
}

// wire is the message as the Web API and block_actions payloads show it.
func (s *Server) wire(m *Message) obj {
	o := obj{"type": "message", "user": m.User, "ts": m.TS, "team": teamID, "text": m.Text}
	if m.bot {
		o["bot_id"], o["app_id"] = botID, appID
	}
	if len(m.Blocks) > 0 {
		o["blocks"] = m.Blocks
	}
	if len(m.Attachments) > 0 {
		o["attachments"] = m.Attachments
	}
	if len(m.Metadata) > 0 {
		o["metadata"] = m.Metadata
	}
	if m.Edited {
		o["edited"] = obj{"user": m.User, "ts": m.TS}
	}
	if m.Broadcast {
		o["subtype"] = "thread_broadcast"
	}
	if len(m.Files) > 0 {
		var files []obj
		for _, id := range m.Files {
			if f := s.files[id]; f != nil {
				files = append(files, s.wireFile(f))
			}
		}
		o["files"], o["upload"] = files, true
	}
	if m.reply() {
		o["thread_ts"] = m.ThreadTS
		if p := s.find(m.Channel, m.ThreadTS); p != nil {
			o["parent_user_id"] = p.User
		}
	} else if replies := s.repliesTo(m); len(replies) > 0 {
		var users []string
		seen := map[string]bool{}
		for _, r := range replies {
			if !seen[r.User] {
				seen[r.User] = true
				users = append(users, r.User)
			}
		}
		o["thread_ts"], o["reply_count"], o["reply_users"] = m.TS, len(replies), users
		o["reply_users_count"], o["latest_reply"] = len(users), replies[len(replies)-1].TS
	}
	return o
}

// find returns a message that is still there, ephemeral ones included. The lock is held.
func (s *Server) find(channel, ts string) *Message {
	for i := len(s.messages) - 1; i >= 0; i-- {
		if m := s.messages[i]; m.TS == ts && m.Channel == channel && !m.Deleted {
			return m
		}
	}
	return nil
}

// repliesTo lists the lasting replies below a message, oldest first. The lock is held.
func (s *Server) repliesTo(p *Message) []*Message {
	var out []*Message
	for _, m := range s.messages {
		if m.Channel == p.Channel && m.ThreadTS == p.TS && m.reply() && !m.Deleted && !m.Ephemeral {
			out = append(out, m)
		}
	}
	return out
}

// add stores a message under a fresh timestamp. The lock is held.
func (s *Server) add(m Message) *Message {
	m.TS = s.newTS()
	m.names = s.names
	s.messages = append(s.messages, &m)
	s.touch()
	return &m
}

// visible says whether a person can see the message. The lock is held.
func (s *Server) visible(m *Message, user string) bool {
	if m.Deleted || (m.Ephemeral && m.To != user) {
		return false
	}
	c := s.channelByID(m.Channel)
	return c != nil && (c.has(user) || m.Ephemeral)
}
