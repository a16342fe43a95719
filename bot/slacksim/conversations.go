package slacksim

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// readable resolves the channel parameter of a reading method and checks the scope of its kind,
// "channels:" + what, "groups:" + what or "im:" + what.
func (s *Server) readable(id, what string) (*channel, error) {
	c := s.channelByID(id)
	if c == nil {
		if err := s.needScope("channels:" + what); err != nil {
			return nil, err
		}
		return nil, fail("channel_not_found")
	}
	if err := s.needScope(c.scopePrefix() + ":" + what); err != nil {
		return nil, err
	}
	if c.Private && !c.BotMember {
		return nil, fail("channel_not_found")
	}
	return c, nil
}

func (s *Server) wireChannel(c *channel) obj {
	if c.im != "" {
		return obj{
			"id": c.ID, "created": c.created, "is_im": true, "is_org_shared": false, "user": c.im,
			"is_user_deleted": false, "is_archived": false, "context_team_id": teamID,
		}
	}
	return obj{
		"id": c.ID, "name": c.Name, "name_normalized": c.Name, "created": c.created, "creator": "USLACKBOT",
		"is_channel": !c.Private, "is_group": c.Private, "is_im": false, "is_mpim": false,
		"is_private": c.Private, "is_archived": c.Archived, "is_general": false, "is_shared": false,
		"is_org_shared": false, "is_member": c.BotMember, "num_members": len(s.membersOf(c)),
		"topic":           obj{"value": c.Topic, "creator": "", "last_set": 0},
		"purpose":         obj{"value": "", "creator": "", "last_set": 0},
		"context_team_id": teamID,
	}
}

func (s *Server) membersOf(c *channel) []string {
	if c.BotMember {
		return append(slices.Clone(c.Members), s.BotUserID())
	}
	return c.Members
}

func (s *Server) conversationsInfo(a args) (obj, error) {
	c, err := s.readable(a.str("channel"), "read")
	if err != nil {
		return nil, err
	}
	return obj{"channel": s.wireChannel(c)}, nil
}

func (s *Server) conversationsMembers(a args) (obj, error) {
	c, err := s.readable(a.str("channel"), "read")
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(a, s.membersOf(c), 100)
	if err != nil {
		return nil, err
	}
	return obj{"members": page, "response_metadata": obj{"next_cursor": next}}, nil
}

func (s *Server) conversationsList(a args) (obj, error) {
	types := a.str("types")
	if types == "" {
		types = "public_channel"
	}
	var out []obj
	for _, kind := range strings.Split(types, ",") {
		prefix, ok := map[string]string{
			"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim",
		}[strings.TrimSpace(kind)]
		if !ok {
			return nil, fail("invalid_types")
		}
		if err := s.needScope(prefix + ":read"); err != nil {
			return nil, err
		}
		for _, c := range s.channels {
			if c.scopePrefix() != prefix || (c.Private && !c.BotMember) || (c.Archived && a.flag("exclude_archived")) {
				continue
			}
			out = append(out, s.wireChannel(c))
		}
	}
	page, next, err := paginate(a, out, 100)
	if err != nil {
		return nil, err
	}
	return obj{"channels": page, "response_metadata": obj{"next_cursor": next}}, nil
}

func (s *Server) conversationsOpen(a args) (obj, error) {
	if id := a.str("channel"); id != "" {
		if c := s.channelByID(id); c != nil && c.im != "" {
			return obj{"channel": s.wireChannel(c)}, nil
		}
		return nil, fail("channel_not_found")
	}
	users := a.str("users")
	if users == "" {
		return nil, fail("users_list_not_supplied")
	}
	if strings.Contains(users, ",") {
		return nil, fail("method_not_supported_for_channel_type") // group conversations are not played here
	}
	u := s.names.user(users)
	if u == nil || users == s.BotUserID() {
		return nil, fail("user_not_found")
	}
	if u.Deleted {
		return nil, fail("user_disabled")
	}
	return obj{"channel": s.wireChannel(s.channelByID(dmID(u.ID)))}, nil
}

func (s *Server) conversationsHistory(a args) (obj, error) {
	c, err := s.readable(a.str("channel"), "history")
	if err != nil {
		return nil, err
	}
	if !c.BotMember {
		return nil, fail("not_in_channel")
	}
	var found []*Message
	for i := len(s.messages) - 1; i >= 0; i-- { // newest first
		m := s.messages[i]
		if m.Channel == c.ID && !m.Deleted && !m.Ephemeral && (!m.reply() || m.Broadcast) && inRange(m.TS, a) {
			found = append(found, m)
		}
	}
	return s.messagePage(a, found)
}

func (s *Server) conversationsReplies(a args) (obj, error) {
	c, err := s.readable(a.str("channel"), "history")
	if err != nil {
		return nil, err
	}
	if !c.BotMember {
		return nil, fail("not_in_channel")
	}
	p := s.find(c.ID, a.str("ts"))
	if p == nil || p.Ephemeral {
		return nil, fail("thread_not_found")
	}
	found := []*Message{p}
	if !p.reply() { // oldest first, the parent always leads
		for _, m := range s.repliesTo(p) {
			if inRange(m.TS, a) {
				found = append(found, m)
			}
		}
	}
	return s.messagePage(a, found)
}

// inRange applies oldest and latest. Timestamps of one server have equal width, so text order is time order.
func inRange(ts string, a args) bool {
	oldest, latest, inclusive := a.str("oldest"), a.str("latest"), a.flag("inclusive")
	if oldest != "" && oldest != "0" && (ts < oldest || (ts == oldest && !inclusive)) {
		return false
	}
	return latest == "" || ts < latest || (ts == latest && inclusive)
}

func (s *Server) messagePage(a args, found []*Message) (obj, error) {
	page, next, err := paginate(a, found, 100)
	if err != nil {
		return nil, err
	}
	out := []obj{}
	for _, m := range page {
		o := s.wire(m)
		if len(m.Metadata) > 0 && !a.flag("include_all_metadata") {
			var meta struct {
				EventType string `json:"event_type"`
			}
			_ = json.Unmarshal(m.Metadata, &meta) // checked when it was posted
			o["metadata"] = obj{"event_type": meta.EventType}
		}
		out = append(out, o)
	}
	body := obj{"messages": out, "has_more": next != "", "pin_count": 0}
	if next != "" {
		body["response_metadata"] = obj{"next_cursor": next}
	}
	return body, nil
}

// paginate cuts one page out of a list. The cursor holds the identity of the first item of the next
// page, so that items which arrive meanwhile neither repeat nor hide others.
func paginate[T any](a args, list []T, fallback int) ([]T, string, error) {
	limit, err := a.num("limit", fallback)
	if err != nil || limit < 0 || limit > 1000 {
		return nil, "", fail("invalid_limit")
	}
	if limit == 0 {
		limit = fallback
	}
	start := 0
	if cursor := a.str("cursor"); cursor != "" {
		key, err := base64.StdEncoding.DecodeString(cursor)
		if err != nil {
			return nil, "", fail("invalid_cursor")
		}
		start = slices.IndexFunc(list, func(v T) bool { return identity(v) == string(key) })
		if start < 0 {
			return nil, "", fail("invalid_cursor")
		}
	}
	end := min(start+limit, len(list))
	next := ""
	if end < len(list) {
		next = base64.StdEncoding.EncodeToString([]byte(identity(list[end])))
	}
	return list[start:end], next, nil
}

func identity(v any) string {
	switch v := v.(type) {
	case *Message:
		return "next_ts:" + v.TS
	case obj:
		return "next_id:" + text(v, "id")
	case string:
		return "next_id:" + v
	}
	return ""
}
