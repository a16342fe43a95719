package bot_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
)

func TestDirectoryAsksSlack(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 2500 {
		many = append(many, fmt.Sprintf("U%04d", i))
	}
	b := newBench(t, func(_ *bench, o *slacksim.Options) {
		o.Channels = append(o.Channels, slacksim.Channel{ID: "C0BIG", Name: "big", Members: many, BotMember: true})
		o.UserGroups = append(o.UserGroups, slacksim.UserGroup{ID: "S0OTHER", Handle: "other", Users: []string{rita}})
	})
	d := bot.NewDirectory(b.options.API)
	in, err := d.Groups(b.ctx, anna, []string{release, "S0OTHER"})
	if err != nil || !slices.Equal(in, []string{release}) {
		t.Errorf("anna is in %v: %v", in, err)
	}
	for user, want := range map[string]bool{"U0000": true, "U1500": true, "U2499": true, "U2500": false, anna: false} {
		if got, err := d.InChannel(b.ctx, user, "C0BIG"); err != nil || got != want {
			t.Errorf("%s in the channel: %v, %v", user, got, err)
		}
	}
	if n := len(b.calls("conversations.members")); n != 3 {
		t.Errorf("the members were asked for in %d pages, want 3 for all five questions", n)
	}
	if _, err := d.Groups(b.ctx, anna, []string{"S0GONE"}); err == nil {
		t.Error("a group that does not exist is no answer")
	}
	b.sim.Fail("conversations.members", slacksim.Fault{Status: 503})
	if in, err := d.InChannel(b.ctx, anna, channel); err == nil || in {
		t.Errorf("while Slack fails: %v, %v", in, err)
	}
	if in, err := d.InChannel(b.ctx, anna, channel); err != nil || !in {
		t.Errorf("afterwards: %v, %v", in, err)
	}
}

// canned answers every call with the members of the moment, in process.
type canned struct {
	users []string
	down  bool
	calls int
}

func (c *canned) RoundTrip(*http.Request) (*http.Response, error) {
	c.calls++
	if c.down {
		return nil, &url.Error{Op: "Post", URL: "https://slack.example", Err: io.ErrUnexpectedEOF}
	}
	body, err := json.Marshal(map[string]any{"ok": true, "users": c.users})
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
}

func TestDirectoryBelievesAListForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &canned{users: []string{anna}}
		d := bot.NewDirectory(bot.NewAPI("xoxb-x", "xapp-x", "https://slack.example/api/", c))
		member := func(want bool) {
			t.Helper()
			in, err := d.Groups(t.Context(), anna, []string{release})
			if err != nil || (len(in) == 1) != want {
				t.Errorf("anna is in %v: %v", in, err)
			}
		}
		member(true)
		c.users = nil
		<-time.After(59 * time.Second)
		member(true)
		if c.calls != 1 {
			t.Errorf("%d calls, want one", c.calls)
		}
		<-time.After(time.Second)
		member(false)
		<-time.After(time.Minute)
		c.down = true
		if in, err := d.Groups(t.Context(), anna, []string{release}); err == nil {
			t.Errorf("an old list is believed while Slack does not answer: %v", in)
		}
	})
}
