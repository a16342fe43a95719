package bot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"refreshbot/commands"
)

// fresh is how long a list of members, and what somebody is, is believed. It is short because it decides who may
// approve.
const fresh = time.Minute

// soon is how long Slack has to say what somebody is: that person waits for the acknowledgement of a click.
const soon = 1500 * time.Millisecond

// Directory answers who is who, and who is in which user group and channel, from Slack.
type Directory struct {
	api    *slack.Client
	asking singleflight.Group // many who click at once are one question to Slack

	mu     sync.Mutex
	home   workspace // where the app is installed; empty until Slack has said so
	people map[string]membership
	lists  map[string]members
	emails map[string]address // by user id
	zones  map[string]zone    // by user id
}

// workspace is one workspace, and the organization that it is part of, if it is.
type workspace struct{ team, enterprise string }

type membership struct {
	at time.Time
	is commands.Membership
}

type members struct {
	at    time.Time
	users []string
}

// address is somebody's e-mail address; "" for who is no active person or has none.
type address struct {
	at    time.Time
	email string
}

// zone is the time zone that somebody has set in Slack.
type zone struct {
	at time.Time
	in *time.Location
}

// NewDirectory returns a Directory that asks through api.
func NewDirectory(api *slack.Client) *Directory {
	return &Directory{api: api, people: map[string]membership{}, lists: map[string]members{}, emails: map[string]address{}, zones: map[string]zone{}}
}

// Membership returns what the user is, who acts from that workspace, in the workspace where the app is installed. The
// app's connection brings what happens in every workspace that the app is installed in, and in channels that are
// shared with others. It needs the scope users:read.
func (d *Directory) Membership(ctx context.Context, user, from string) (commands.Membership, error) {
	home, err := d.workspace(ctx)
	if err != nil {
		return "", fmt.Errorf("the app's own workspace: %w", err)
	}
	if from != home.team {
		return commands.External, nil
	}
	d.mu.Lock()
	known, ok := d.people[user]
	d.mu.Unlock()
	if ok && time.Since(known.at) < fresh {
		return known.is, nil
	}
	brief, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	u, err := patiently(brief, func() (*slack.User, error) { return d.api.GetUserInfoContext(brief, user) })
	is := commands.External
	switch code := refusal(err); {
	case code == "user_not_found" || code == "user_not_visible":
	case err != nil:
		return "", fmt.Errorf("look up user %s: %w", user, err)
	default:
		is = home.holds(u)
	}
	d.mu.Lock()
	d.people[user] = membership{time.Now(), is}
	d.mu.Unlock()
	return is, nil
}

// holds says what a user is in the workspace. In a shared channel is_stranger is not set for people of the other
// organization, but their team is another (Slack, "User object"). With Enterprise Grid a person's first team may be
// another workspace of the same organization.
func (w workspace) holds(u *slack.User) commands.Membership {
	switch {
	case u.Deleted:
		return commands.Deactivated
	case u.IsStranger, u.TeamID != w.team && (w.enterprise == "" || u.Enterprise.EnterpriseID != w.enterprise):
		return commands.External
	case u.IsBot, u.IsWorkflowBot, u.IsConnectorBot:
		return commands.Automation
	case u.IsRestricted, u.IsUltraRestricted:
		return commands.Guest
	}
	return commands.Full
}

// workspace is where the app is installed, asked once. A token belongs to one workspace for good.
func (d *Directory) workspace(ctx context.Context) (workspace, error) {
	d.mu.Lock()
	home := d.home
	d.mu.Unlock()
	if home != (workspace{}) {
		return home, nil
	}
	answer, err, _ := d.asking.Do("", func() (any, error) { return d.api.AuthTestContext(ctx) })
	if err != nil {
		return home, err
	}
	who := answer.(*slack.AuthTestResponse)
	home = workspace{who.TeamID, who.EnterpriseID}
	d.mu.Lock()
	d.home = home
	d.mu.Unlock()
	return home, nil
}

// Groups returns those of the user groups that the user is in. An error when Slack does not answer and the
// list is not fresh.
func (d *Directory) Groups(ctx context.Context, user string, of []string) ([]string, error) {
	var in []string
	for _, group := range of {
		users, err := d.Members(ctx, group)
		if err != nil {
			return nil, err
		}
		if slices.Contains(users, user) {
			in = append(in, group)
		}
	}
	return in, nil
}

// InChannel reports whether the user is a member of the channel.
func (d *Directory) InChannel(ctx context.Context, user, channel string) (bool, error) {
	users, err := d.list(ctx, channel, func(ctx context.Context) ([]string, error) {
		var all []string
		for cursor := ""; ; {
			page, next, err := d.api.GetUsersInConversationContext(ctx, &slack.GetUsersInConversationParameters{ChannelID: channel, Cursor: cursor, Limit: 1000})
			if err != nil {
				return nil, err
			}
			all = append(all, page...)
			if next == "" {
				return all, nil
			}
			cursor = next
		}
	})
	if err != nil {
		return false, fmt.Errorf("members of channel %s: %w", channel, err)
	}
	return slices.Contains(users, user), nil
}

// Emails returns the e-mail addresses of the members of a user group, without those of deactivated users and apps.
// It needs the scopes users:read and users:read.email. An address is believed for an hour.
func (d *Directory) Emails(ctx context.Context, group string) ([]string, error) {
	users, err := d.Members(ctx, group)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, id := range users {
		email, err := d.email(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("e-mail address of %s in user group %s: %w", id, group, err)
		}
		if email != "" {
			all = append(all, email)
		}
	}
	return all, nil
}

func (d *Directory) email(ctx context.Context, id string) (string, error) {
	d.mu.Lock()
	known, ok := d.emails[id]
	d.mu.Unlock()
	if ok && time.Since(known.at) < time.Hour {
		return known.email, nil
	}
	user, err := patiently(ctx, func() (*slack.User, error) { return d.api.GetUserInfoContext(ctx, id) })
	if err != nil {
		return "", err
	}
	email := ""
	if !user.Deleted && !user.IsBot {
		email = user.Profile.Email
	}
	d.mu.Lock()
	d.emails[id] = address{time.Now(), email}
	d.mu.Unlock()
	return email, nil
}

// Zone returns the time zone that the user has set in Slack. It needs the scope users:read. It is believed for an hour.
func (d *Directory) Zone(ctx context.Context, user string) (*time.Location, error) {
	d.mu.Lock()
	known, ok := d.zones[user]
	d.mu.Unlock()
	if ok && time.Since(known.at) < time.Hour {
		return known.in, nil
	}
	// This stands between a command and its acknowledgement; the configuration's zone does as well.
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	info, err := d.api.GetUserInfoContext(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("time zone of %s: %w", user, err)
	}
	if info.TZ == "" {
		return nil, fmt.Errorf("time zone of %s: Slack knows none", user)
	}
	in, err := time.LoadLocation(info.TZ)
	if err != nil {
		return nil, fmt.Errorf("time zone of %s: %w", user, err)
	}
	d.mu.Lock()
	d.zones[user] = zone{time.Now(), in}
	d.mu.Unlock()
	return in, nil
}

// Members returns the members of a user group.
func (d *Directory) Members(ctx context.Context, group string) ([]string, error) {
	users, err := d.list(ctx, group, func(ctx context.Context) ([]string, error) {
		return patiently(ctx, func() ([]string, error) { return d.api.GetUserGroupMembersContext(ctx, group) })
	})
	if err != nil {
		return nil, fmt.Errorf("members of user group %s: %w", group, err)
	}
	return users, nil
}

// list returns a list that is fresh. Those who need the same one at a time wait for one answer, which is also there for
// those who come after ctx has ended.
func (d *Directory) list(ctx context.Context, id string, ask func(context.Context) ([]string, error)) ([]string, error) {
	d.mu.Lock()
	known, ok := d.lists[id]
	d.mu.Unlock()
	if ok && time.Since(known.at) < fresh {
		return known.users, nil
	}
	answer := d.asking.DoChan(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		users, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		d.mu.Lock()
		d.lists[id] = members{time.Now(), users}
		d.mu.Unlock()
		return users, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-answer:
		if a.Err != nil {
			return nil, a.Err
		}
		return a.Val.([]string), nil
	}
}
