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

	mu    sync.Mutex
	lists map[string]members
}

type members struct {
	at    time.Time
	users []string
}

// NewDirectory returns a Directory that asks through api.
func NewDirectory(api *slack.Client) *Directory {
	return &Directory{api: api, lists: map[string]members{}}
}

// Groups returns those of the user groups that the user is in. An error when Slack does not answer and the
// list is not fresh.
func (d *Directory) Groups(ctx context.Context, user string, of []string) ([]string, error) {
	var in []string
	for _, group := range of {
		users, err := d.list(group, func() ([]string, error) { return d.api.GetUserGroupMembersContext(ctx, group) })
		if err != nil {
			return nil, fmt.Errorf("members of user group %s: %w", group, err)
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
