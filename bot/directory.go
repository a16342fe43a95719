package bot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

// fresh is how long a list of members is believed. It is short because it decides who may approve.
const fresh = time.Minute

// Directory answers who is in which user group and channel, from Slack.
type Directory struct {
	api *slack.Client

	mu     sync.Mutex
	lists  map[string]members
	emails map[string]address // by user id
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

// NewDirectory returns a Directory that asks through api.
func NewDirectory(api *slack.Client) *Directory {
	return &Directory{api: api, lists: map[string]members{}, emails: map[string]address{}}
}

// Groups returns those of the user groups that the user is in. An error when Slack does not answer and the
// list is not fresh.
func (d *Directory) Groups(ctx context.Context, user string, of []string) ([]string, error) {
	var in []string
	for _, group := range of {
		users, err := d.members(ctx, group)
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
	users, err := d.list(channel, func() ([]string, error) {
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
	users, err := d.members(ctx, group)
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
	user, err := d.api.GetUserInfoContext(ctx, id)
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

func (d *Directory) members(ctx context.Context, group string) ([]string, error) {
	users, err := d.list(group, func() ([]string, error) { return d.api.GetUserGroupMembersContext(ctx, group) })
	if err != nil {
		return nil, fmt.Errorf("members of user group %s: %w", group, err)
	}
	return users, nil
}

func (d *Directory) list(id string, ask func() ([]string, error)) ([]string, error) {
	d.mu.Lock()
	known, ok := d.lists[id]
	d.mu.Unlock()
	if ok && time.Since(known.at) < fresh {
		return known.users, nil
	}
	users, err := ask()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.lists[id] = members{time.Now(), users}
	d.mu.Unlock()
	return users, nil
}
