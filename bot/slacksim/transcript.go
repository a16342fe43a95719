package slacksim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Transcript is a conversation as readable text: each message with its time of day in UTC and its
// author, the replies of its thread indented below it. Ephemeral messages name their one reader.
func (s *Server) Transcript(channelID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sb strings.Builder
	if c := s.channelByID(channelID); c != nil {
		fmt.Fprintf(&sb, "#%s\n", c.shownName())
	}
	for _, m := range s.messages {
		if m.Channel != channelID || m.Deleted || m.reply() {
			continue
		}
		s.transcribe(&sb, m, "")
		for _, r := range s.messages {
			if r.Channel == channelID && r.ThreadTS == m.TS && r.reply() && !r.Deleted {
				s.transcribe(&sb, r, "    ")
			}
		}
	}
	return sb.String()
}

func (s *Server) transcribe(sb *strings.Builder, m *Message, indent string) {
	secs, _ := strconv.ParseInt(strings.Split(m.TS, ".")[0], 10, 64)
	note := ""
	if m.Ephemeral {
		note = " (only " + s.names.name(m.To) + " sees this)"
	} else if m.Broadcast {
		note = " (shown in the channel too)"
	} else if m.Edited {
		note = " (edited)"
	}
	fmt.Fprintf(sb, "\n%s%s %s%s\n", indent, time.Unix(secs, 0).UTC().Format("15:04:05"), s.names.name(m.User), note)
	body := m.Plain()
	for _, id := range m.Files {
		if f := s.files[id]; f != nil {
			body += fmt.Sprintf("\n[file %s, %d bytes]", f.name, len(f.data))
		}
	}
	for _, line := range strings.Split(strings.Trim(body, "\n"), "\n") {
		fmt.Fprintf(sb, "%s  %s\n", indent, line)
	}
}
