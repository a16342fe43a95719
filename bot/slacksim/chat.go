package slacksim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	maxPostText   = 40000 // chat.postMessage cuts longer text
	maxUpdateText = 4000  // chat.update refuses longer text
	// maxMetadata bounds the metadata of a message. Slack names the error but not the number.
	maxMetadata = 8 << 10
)

// target resolves the channel parameter of a posting method: a channel id, a person's id for the direct
// conversation, or a channel's name.
func (s *Server) target(id string) (*channel, error) {
	if strings.HasPrefix(id, "U") {
		id = dmID(id)
	}
	c := s.channelByID(id)
	if c == nil {
		for _, other := range s.channels {
			if other.im == "" && id != "" && other.Name == strings.TrimPrefix(id, "#") {
				c = other
			}
		}
	}
	if c == nil || (c.Private && !c.BotMember) {
		return nil, fail("channel_not_found")
	}
	return c, nil
}

// mayPost checks archive and membership.
func (s *Server) mayPost(c *channel) error {
	if c.Archived {
		return fail("is_archived")
	}
	if !c.BotMember && !slices.Contains(s.scopes, "chat:write.public") {
		return fail("not_in_channel")
	}
	return nil
}

// content is what a message says, after every check.
type content struct {
	text                          string
	blocks, attachments, metadata json.RawMessage
}

// readContent checks the parameters of a message against Slack's limits.
func readContent(a args, maxText int) (content, error) {
	c := content{
		text: a.str("text"), blocks: a.raw("blocks"),
		attachments: a.raw("attachments"), metadata: a.raw("metadata"),
	}
	if md := a.str("markdown_text"); md != "" && c.text == "" {
		c.text = md
	}
	if maxText == maxPostText {
		if r := []rune(c.text); len(r) > maxText {
			c.text = string(r[:maxText])
		}
	}
	if string(c.blocks) == "[]" {
		c.blocks = nil
	}
	if string(c.attachments) == "[]" {
		c.attachments = nil
	}
	if emptyObject(c.metadata) {
		c.metadata = nil
	}
	payload := obj{"text": c.text}
	for k, v := range map[string]json.RawMessage{"blocks": c.blocks, "attachments": c.attachments, "metadata": c.metadata} {
		if v == nil {
			continue
		}
		if !json.Valid(v) {
			if k == "blocks" {
				return content{}, fail("invalid_blocks_format")
			}
			return content{}, fail("invalid_" + k)
		}
		payload[k] = v
	}
	if problems := checkMessage(toJSON(payload), maxText); len(problems) > 0 {
		return content{}, refuse(problems)
	}
	c.blocks = withIDs(c.blocks)
	return c, nil
}

// emptyObject recognises {} and the empty metadata object that Go clients send.
func emptyObject(raw json.RawMessage) bool {
	var o struct {
		EventType    string         `json:"event_type"`
		EventPayload map[string]any `json:"event_payload"`
	}
	return len(raw) > 0 && json.Unmarshal(raw, &o) == nil && o.EventType == "" && len(o.EventPayload) == 0
}

// refuse turns problems into the answer Slack gives: the first one's error name, all of them as messages.
func refuse(problems []Problem) error {
	var messages []string
	for _, p := range problems {
		messages = append(messages, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", p.Message, p.Path))
	}
	return &apiError{code: problems[0].Error, extra: obj{"response_metadata": obj{"messages": messages}}}
}

func (s *Server) chatPostMessage(a args) (obj, error) {
	ch, err := s.target(a.str("channel"))
	if err != nil {
		return nil, err
	}
	if err := s.mayPost(ch); err != nil {
		return nil, err
	}
	c, err := readContent(a, maxPostText)
	if err != nil {
		return nil, err
	}
	thread, err := s.thread(ch, a.str("thread_ts"))
	if err != nil {
		return nil, err
	}
	m := s.add(Message{
		Channel: ch.ID, ThreadTS: thread, User: s.BotUserID(), bot: true, Text: c.text, Blocks: c.blocks,
		Attachments: c.attachments, Metadata: c.metadata, Broadcast: thread != "" && a.flag("reply_broadcast"),
	})
	return obj{"channel": ch.ID, "ts": m.TS, "message": s.wire(m)}, nil
}

// thread returns the parent a reply belongs to; naming a reply means its parent.
func (s *Server) thread(ch *channel, ts string) (string, error) {
	if ts == "" {
		return "", nil
	}
	p := s.find(ch.ID, ts)
	if p == nil || p.Ephemeral {
		return "", fail("thread_not_found")
	}
	if p.reply() {
		return p.ThreadTS, nil
	}
	return p.TS, nil
}

func (s *Server) chatPostEphemeral(a args) (obj, error) {
	ch, err := s.target(a.str("channel"))
	if err != nil {
		return nil, err
	}
	if err := s.mayPost(ch); err != nil {
		return nil, err
	}
	user := a.str("user")
	if u := s.names.user(user); u == nil || !ch.has(user) {
		return nil, fail("user_not_in_channel")
	}
	c, err := readContent(a, maxPostText)
	if err != nil {
		return nil, err
	}
	thread, err := s.thread(ch, a.str("thread_ts"))
	if err != nil {
		return nil, err
	}
	m := s.add(Message{
		Channel: ch.ID, ThreadTS: thread, User: s.BotUserID(), bot: true, Text: c.text, Blocks: c.blocks,
		Attachments: c.attachments, Ephemeral: true, To: user,
	})
	return obj{"message_ts": m.TS}, nil
}

// own finds one of the bot's own lasting messages for chat.update and chat.delete.
func (s *Server) own(a args, refusal string) (*Message, error) {
	id := a.str("channel")
	ch := s.channelByID(id) // a person's id does not do here
	if ch == nil {
		return nil, fail("channel_not_found")
	}
	m := s.find(id, a.str("ts"))
	switch {
	case m == nil || m.Ephemeral:
		return nil, fail("message_not_found")
	case !m.bot:
		return nil, fail(refusal)
	case ch.Archived:
		return nil, fail("is_archived")
	}
	return m, nil
}

func (s *Server) chatUpdate(a args) (obj, error) {
	m, err := s.own(a, "cant_update_message")
	if err != nil {
		return nil, err
	}
	// Only what is named changes: text without blocks removes the blocks, absent metadata stays.
	if !a.has("text") && a.raw("blocks") == nil && a.raw("attachments") == nil && a.raw("metadata") == nil {
		return nil, fail("no_text")
	}
	in := args{}
	for k, v := range a {
		in[k] = v
	}
	if !in.has("text") {
		in["text"] = toJSON(m.Text)
	}
	keepsContent := !a.has("text") && a.raw("blocks") == nil && a.raw("attachments") == nil
	if keepsContent {
		in["blocks"], in["attachments"] = orNull(m.Blocks), orNull(m.Attachments)
	}
	c, err := readContent(in, maxUpdateText)
	if err != nil {
		return nil, err
	}
	m.Text, m.Blocks, m.Attachments = c.text, c.blocks, c.attachments
	if a.raw("metadata") != nil {
		m.Metadata = c.metadata
	}
	m.Edited = len(c.blocks) == 0 // Slack shows "(edited)" only on messages without blocks
	if a.flag("reply_broadcast") && m.reply() {
		m.Broadcast = true
	}
	s.touch()
	return obj{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": s.wire(m)}, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

func (s *Server) chatDelete(a args) (obj, error) {
	m, err := s.own(a, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	m.Deleted = true
	s.touch()
	return obj{"channel": m.Channel, "ts": m.TS}, nil
}

func (s *Server) chatGetPermalink(a args) (obj, error) {
	ch := s.channelByID(a.str("channel"))
	if ch == nil {
		return nil, fail("channel_not_found")
	}
	m := s.find(ch.ID, a.str("message_ts"))
	if m == nil || m.Ephemeral {
		return nil, fail("message_not_found")
	}
	link := fmt.Sprintf("https://%s.slack.com/archives/%s/p%s", s.teamDomain(), ch.ID, strings.ReplaceAll(m.TS, ".", ""))
	if m.reply() {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + ch.ID
	}
	return obj{"channel": ch.ID, "permalink": link}, nil
}
