package slacksim

import (
	"cmp"
	"strings"
	"time"
)

// directory is who is who. After Start only who is deactivated changes, with the lock of the server held.
type directory struct {
	workspace string
	bot       User
	users     []User
	byID      map[string]*User
	channels  map[string]string // id to name
	groups    map[string]string // id to handle
}

func newDirectory(o Options, botUser string) *directory {
	d := &directory{
		workspace: o.Workspace,
		bot:       User{ID: botUser, Name: o.BotName, RealName: o.BotName, TZ: "UTC"},
		users:     o.Users,
		byID:      map[string]*User{}, channels: map[string]string{}, groups: map[string]string{},
	}
	for i := range o.Users {
		d.byID[o.Users[i].ID] = &o.Users[i]
	}
	d.byID[botUser] = &d.bot
	for _, c := range o.Channels {
		d.channels[c.ID] = c.Name
	}
	for _, g := range o.UserGroups {
		d.groups[g.ID] = g.Handle
	}
	return d
}

func (d *directory) user(id string) *User { return d.byID[id] }

// name is what a person is called in the conversation, the id when unknown.
func (d *directory) name(id string) string {
	if d == nil {
		return id
	}
	if u := d.byID[id]; u != nil {
		return u.Name
	}
	return id
}

func (s *Server) authTest(args) (obj, error) {
	return obj{
		"url": "https://" + s.teamDomain() + ".slack.com/", "team": s.opts.Workspace, "team_id": teamID,
		"user": s.opts.BotName, "user_id": s.BotUserID(), "bot_id": botID, "is_enterprise_install": false,
	}, nil
}

func (s *Server) wireUser(u *User) obj {
	offset, label := 0, u.TZ
	if loc, err := time.LoadLocation(u.TZ); err == nil {
		label, offset = s.tune.now().In(loc).Zone()
	}
	isBot := u.ID == s.BotUserID()
	team := cmp.Or(u.Team, teamID)
	profile := obj{
		"real_name": u.RealName, "real_name_normalized": u.RealName, "display_name": u.Name,
		"display_name_normalized": u.Name, "title": u.Title, "team": team,
	}
	if isBot {
		profile["api_app_id"], profile["bot_id"] = appID, botID
	} else if s.needScope("users:read.email") == nil && u.Email != "" {
		profile["email"] = u.Email
	}
	return obj{
		"id": u.ID, "team_id": team, "is_stranger": u.Stranger, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted,
		"tz": u.TZ, "tz_label": label, "tz_offset": offset, "profile": profile, "is_bot": isBot || u.App,
		"is_admin": false, "is_owner": false, "is_primary_owner": false, "is_restricted": u.Guest || u.OneChannel,
		"is_ultra_restricted": u.OneChannel, "is_app_user": false, "updated": 0,
	}
}

// Deactivate takes a person's account away. What they had on the screen stays there: see ClickRaw.
func (s *Server) Deactivate(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.names.user(user); u != nil {
		u.Deleted = true
	}
	s.touch()
}

func (s *Server) usersInfo(a args) (obj, error) {
	u := s.names.user(a.str("user"))
	if u == nil {
		return nil, fail("user_not_found")
	}
	return obj{"user": s.wireUser(u)}, nil
}

func (s *Server) usersList(a args) (obj, error) {
	members := []obj{s.wireUser(&s.names.bot)}
	for i := range s.names.users {
		members = append(members, s.wireUser(&s.names.users[i]))
	}
	page, next, err := paginate(a, members, 1000)
	if err != nil {
		return nil, err
	}
	return obj{"members": page, "cache_ts": s.tune.now().Unix(), "response_metadata": obj{"next_cursor": next}}, nil
}

func (s *Server) usersLookupByEmail(a args) (obj, error) {
	if email := a.str("email"); email != "" {
		for i := range s.names.users {
			if u := &s.names.users[i]; strings.EqualFold(u.Email, email) && !u.Deleted {
				return obj{"user": s.wireUser(u)}, nil
			}
		}
	}
	return nil, fail("users_not_found")
}

func (s *Server) usergroupsList(a args) (obj, error) {
	out := []obj{}
	for _, g := range s.groups {
		o := obj{
			"id": g.ID, "team_id": teamID, "is_usergroup": true, "name": g.Name, "handle": g.Handle,
			"description": "", "date_create": 0, "date_delete": 0, "user_count": len(g.Users),
		}
		if a.flag("include_users") {
			o["users"] = g.Users
		}
		out = append(out, o)
	}
	return obj{"usergroups": out}, nil
}

func (s *Server) usergroupsUsersList(a args) (obj, error) {
	for _, g := range s.groups {
		if g.ID == a.str("usergroup") {
			return obj{"users": append([]string{}, g.Users...)}, nil
		}
	}
	return nil, fail("no_such_subteam")
}
