package slacksim

import (
	"fmt"
	"time"
)

// notice is what Slack's own client shows to one person alone.
type notice struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Text    string `json:"text"`
	Tone    string `json:"tone"` // error, info
	At      int64  `json:"at"`   // unix seconds

	user string
}

// Notice is one line Slack's own client showed to one person, such as a failed command.
type Notice struct {
	Channel, Text, Tone string
	At                  time.Time
}

// pendingClick is a click whose envelope nobody acked yet.
type pendingClick struct {
	MessageTS string `json:"message_ts"`
	ActionID  string `json:"action_id"`

	user string
}

// note tells a person that something failed. The lock is held.
func (s *Server) note(user, channel, text string) {
	s.notices = append(s.notices, notice{
		ID: fmt.Sprintf("n%d", len(s.notices)+1), Channel: channel, Text: text, Tone: "error",
		At: s.tune.now().Unix(), user: user,
	})
	s.touch()
}

// Notices returns what Slack's own client showed to a person alone, oldest first.
func (s *Server) Notices(user string) []Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Notice
	for _, n := range s.notices {
		if n.user == user {
			out = append(out, Notice{n.Channel, n.Text, n.Tone, time.Unix(n.At, 0)})
		}
	}
	return out
}

// Messages returns every message of a conversation, oldest first: replies, deleted and ephemeral ones
// included.
func (s *Server) Messages(channel string) []Message {
	return s.pickMessages(func(m *Message) bool { return m.Channel == channel })
}

// Ephemerals returns the messages only this person sees and still can see, oldest first.
func (s *Server) Ephemerals(user string) []Message {
	return s.pickMessages(func(m *Message) bool { return m.Ephemeral && m.To == user && !m.Deleted })
}

func (s *Server) pickMessages(keep func(*Message) bool) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages {
		if keep(m) {
			out = append(out, *m)
		}
	}
	return out
}

// DM is the id of a person's direct conversation with the app.
func (s *Server) DM(user string) string { return dmID(user) }
