package slacksim

import (
	"slices"
	"strings"
	"time"
)

// Fault is one thing that goes wrong with a Web API call. Exactly one of Status, Error, DropReply,
// DropRequest and CutBody decides the outcome; with none of them the call is only delayed.
type Fault struct {
	Times      int    // how many calls it hits; 1 when zero, every call until ClearFaults when negative
	Channel    string // it hits only calls about this conversation; those about others pass it
	Status     int    // answer with this HTTP status and do nothing
	RetryAfter int    // seconds; alone it means Status 429
	Error      string // answer ok:false with this error and do nothing
	// DropReply cuts the connection instead of answering; the call takes effect all the same. With a
	// Delay the connection is cut at once and the effect lands after the delay.
	DropReply   bool
	DropRequest bool // cut the connection and do nothing
	CutBody     bool // the call takes effect; its answer ends half way
	Delay       time.Duration
	Met         func() // called for each call that meets the fault, before anything else
}

// Fail makes the next calls of a Web API method go wrong. Besides method names it knows
// "response_url", "upload" and "download" (the bytes of a file, which an Error does not hit) and "*" for
// every method. Faults of one method wait in line and come before those of "*".
func (s *Server) Fail(method string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	if f.RetryAfter > 0 && f.Status == 0 {
		f.Status = 429
	}
	s.faults[method] = append(s.faults[method], &f)
}

// ClearFaults forgets every fault that has not struck yet.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
}

// nextFault takes the fault that hits this call, if any. The lock is held.
func (s *Server) nextFault(method, channel string) *Fault {
	if strings.HasPrefix(channel, "U") { // a person stands for the direct conversation
		channel = dmID(channel)
	}
	for _, key := range []string{method, "*"} {
		i := slices.IndexFunc(s.faults[key], func(f *Fault) bool { return f.Channel == "" || f.Channel == channel })
		if i < 0 {
			continue
		}
		next := s.faults[key][i]
		f := *next
		if next.Times > 0 {
			if next.Times--; next.Times == 0 {
				s.faults[key] = slices.Delete(s.faults[key], i, i+1)
			}
		}
		return &f
	}
	return nil
}

// RevokeTokens makes every Web API call answer token_revoked and ends the open connections.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	s.revoked = true
	s.mu.Unlock()
	s.Disconnect("link_disabled")
}

// RevokeBotToken makes every call with the bot token answer token_revoked. The open connections are the app token's and
// stay.
func (s *Server) RevokeBotToken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.barred = true
}

// RestoreTokens undoes RevokeTokens and RevokeBotToken.
func (s *Server) RestoreTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked, s.barred = false, false
}

// ReplaceTokens reinstalls the app: it has new tokens, and the old ones are not known any more.
func (s *Server) ReplaceTokens() {
	s.mu.Lock()
	s.opts.BotToken, s.opts.AppToken = "xoxb-sim-"+randomID(20), "xapp-sim-"+randomID(20)
	s.revoked, s.barred = false, false
	s.mu.Unlock()
	s.Disconnect("link_disabled")
}

// SetScopes replaces the bot token's scopes.
func (s *Server) SetScopes(scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = append([]string(nil), scopes...)
}

// SetMember lets the bot join or leave a channel.
func (s *Server) SetMember(channel string, member bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channelByID(channel); c != nil {
		c.BotMember = member
	}
	s.touch()
}

// SetArchived archives a channel or brings it back.
func (s *Server) SetArchived(channel string, archived bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channelByID(channel); c != nil {
		c.Archived = archived
	}
	s.touch()
}

// SetUserGroup replaces the members of a user group.
func (s *Server) SetUserGroup(id string, users []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	groups := append([]UserGroup(nil), s.groups...)
	for i := range groups {
		if groups[i].ID == id {
			groups[i].Users = append([]string(nil), users...)
		}
	}
	s.groups = groups
	s.touch()
}

// SetDuplicates has every envelope delivered twice, with the same envelope_id.
func (s *Server) SetDuplicates(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.duplicates = on
}

// SetChaos switches chaos mode: each envelope goes to a random connection instead of the next one, and
// about one in five is delivered a second time with the same envelope_id.
func (s *Server) SetChaos(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chaos = on
}
