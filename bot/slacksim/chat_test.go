package slacksim

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

func TestRefusalsCarrySlacksErrorNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mine := b.post("C1", slack.MsgOptionText("mine", false))
	theirs, err := b.Say("U1", "C1", "theirs", "")
	if err != nil {
		t.Fatal(err)
	}
	send := func(ch string, o ...slack.MsgOption) func() error {
		return func() error { _, _, err := b.api.PostMessageContext(b.ctx, ch, o...); return err }
	}
	update := func(ts string, o ...slack.MsgOption) func() error {
		return func() error { _, _, _, err := b.api.UpdateMessageContext(b.ctx, "C1", ts, o...); return err }
	}
	hi := slack.MsgOptionText("hi", false)
	for _, tt := range []struct {
		want string
		call func() error
	}{
		{"not_in_channel", send("C2", hi)},
		{"channel_not_found", send("C9", hi)},
		{"channel_not_found", send("G1", hi)},
		{"is_archived", send("C3", hi)},
		{"no_text", send("C1", slack.MsgOptionText("", false))},
		{"thread_not_found", send("C1", hi, slack.MsgOptionTS("1.000001"))},
		{"cant_update_message", update(theirs.TS, hi)},
		{"message_not_found", update("1.000001", hi)},
		{"msg_too_long", update(mine, slack.MsgOptionText(strings.Repeat("x", 4001), false))},
		{"invalid_blocks", update(mine, slack.MsgOptionBlocks(section(strings.Repeat("x", 3001))))},
		{"user_not_in_channel", func() error { _, err := b.api.PostEphemeralContext(b.ctx, "C1", "U9", hi); return err }},
		{"cant_delete_message", func() error { _, _, err := b.api.DeleteMessageContext(b.ctx, "C1", theirs.TS); return err }},
		{"users_not_found", func() error { _, err := b.api.GetUserByEmailContext(b.ctx, "no@contoso.example"); return err }},
		{"user_not_found", func() error { _, err := b.api.GetUserInfoContext(b.ctx, "U9"); return err }},
		{"no_such_subteam", func() error { _, err := b.api.GetUserGroupMembersContext(b.ctx, "S9"); return err }},
		{"unknown_method", func() error { return b.api.AddPinContext(b.ctx, "C1", slack.NewRefToMessage("C1", mine)) }},
		{"invalid_auth", func() error {
			_, err := slack.New("xoxb-other", slack.OptionAPIURL(b.APIURL())).AuthTestContext(b.ctx)
			return err
		}},
		{"not_authed", func() error {
			_, err := slack.New("", slack.OptionAPIURL(b.APIURL())).AuthTestContext(b.ctx)
			return err
		}},
		{"not_allowed_token_type", func() error {
			_, err := slack.New(b.AppToken(), slack.OptionAPIURL(b.APIURL())).AuthTestContext(b.ctx)
			return err
		}},
	} {
		if got := slackError(tt.call()); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if got := b.Messages("C1"); len(got) != 2 || got[0].Text != "mine" {
		t.Errorf("a refused call changed something: %+v", got)
	}
}

func TestMissingScopeNamesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.SetScopes([]string{"chat:write", "channels:read"})
	for want, call := range map[string]func() error{
		"users:read":       func() error { _, err := b.api.GetUserInfoContext(b.ctx, "U1"); return err },
		"users:read.email": func() error { _, err := b.api.GetUserByEmailContext(b.ctx, "a@b"); return err },
		"usergroups:read":  func() error { _, err := b.api.GetUserGroupsContext(b.ctx); return err },
		"channels:history": func() error {
			_, err := b.api.GetConversationHistoryContext(b.ctx, &slack.GetConversationHistoryParameters{ChannelID: "C1"})
			return err
		},
		"im:read": func() error {
			_, err := b.api.GetConversationInfoContext(b.ctx, &slack.GetConversationInfoInput{ChannelID: b.DM("U1")})
			return err
		},
	} {
		var se slack.SlackErrorResponse
		if err := call(); !errors.As(err, &se) || se.Err != "missing_scope" || se.Needed != want || se.Provided != "chat:write,channels:read" {
			t.Errorf("want %s, got %+v", want, err)
		}
	}
}

func TestScopesStandInTheAnswersHeader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.SetScopes([]string{"chat:write", "commands"})
	var got http.Header
	api := slack.New(b.BotToken(), slack.OptionAPIURL(b.APIURL()), slack.OptionOnResponseHeaders(func(_ string, h http.Header) { got = h }))
	if _, err := api.AuthTestContext(b.ctx); err != nil {
		t.Fatal(err)
	}
	if s := got.Get("X-OAuth-Scopes"); s != "chat:write,commands" {
		t.Errorf("X-OAuth-Scopes %q", s)
	}
}

func TestAppTokenCountsOnlyInTheHeader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.request(http.MethodPost, b.APIURL()+"apps.connections.open", "application/x-www-form-urlencoded", "token="+url.QueryEscape(b.AppToken()))
	if c := b.Calls(); len(c) != 1 || c[0].Error != "not_authed" || c[0].Form["token"] != "" {
		t.Errorf("calls %+v", c)
	}
}

func TestMetadataComesBackWithHistoryAndReplies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	meta := slack.SlackMetadata{EventType: "refresh_card", EventPayload: map[string]any{"refresh": "r1", "n": 3.0}}
	parent := b.post("C1", slack.MsgOptionText("card", false), slack.MsgOptionMetadata(meta))
	child := b.post("C1", slack.MsgOptionText("step", false), slack.MsgOptionTS(parent), slack.MsgOptionMetadata(meta))
	// An update that does not name metadata keeps it.
	if _, _, _, err := b.api.UpdateMessageContext(b.ctx, "C1", parent, slack.MsgOptionText("card 2", false)); err != nil {
		t.Fatal(err)
	}
	for _, all := range []bool{true, false} {
		want := meta
		if !all {
			want.EventPayload = nil
		}
		h, err := b.api.GetConversationHistoryContext(b.ctx, &slack.GetConversationHistoryParameters{ChannelID: "C1", IncludeAllMetadata: all})
		if err != nil {
			t.Fatal(err)
		}
		if len(h.Messages) != 1 || h.Messages[0].Text != "card 2" || h.Messages[0].ReplyCount != 1 {
			t.Fatalf("history holds %+v", h.Messages)
		}
		if d := cmp.Diff(want, h.Messages[0].Metadata); d != "" {
			t.Error(d)
		}
		r, _, _, err := b.api.GetConversationRepliesContext(b.ctx, &slack.GetConversationRepliesParameters{ChannelID: "C1", Timestamp: parent, IncludeAllMetadata: all})
		if err != nil {
			t.Fatal(err)
		}
		if len(r) != 2 || r[0].Timestamp != parent || r[1].Timestamp != child || r[1].ThreadTimestamp != parent {
			t.Fatalf("replies %+v", r)
		}
		if d := cmp.Diff(want, r[1].Metadata); d != "" {
			t.Error(d)
		}
	}
}

func TestUpdateChangesWhatItNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ts := b.post("C1", slack.MsgOptionText("fallback", false), slack.MsgOptionBlocks(section("one")))
	now := func() Message { return b.Messages("C1")[0] }
	do := func(o ...slack.MsgOption) {
		t.Helper()
		if _, _, _, err := b.api.UpdateMessageContext(b.ctx, "C1", ts, o...); err != nil {
			t.Fatal(err)
		}
	}
	if now().Plain() != "one" || now().Edited {
		t.Errorf("posted %+v", now())
	}
	do(slack.MsgOptionText("new", false), slack.MsgOptionBlocks(section("two")))
	if m := now(); m.Plain() != "two" || m.Text != "new" || m.Edited {
		t.Errorf("with blocks: %+v", m)
	}
	do(slack.MsgOptionText("bare", false))
	if m := now(); m.Blocks != nil || m.Plain() != "bare" || !m.Edited {
		t.Errorf("text alone: %+v", m)
	}
	if _, _, err := b.api.DeleteMessageContext(b.ctx, "C1", ts); err != nil || !now().Deleted {
		t.Errorf("delete: %v %+v", err, now())
	}
}

func TestHistoryPagesAndRanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ts []string
	for range 7 {
		ts = append(ts, b.post("C1", slack.MsgOptionText("m", false)))
	}
	var got []string
	p := &slack.GetConversationHistoryParameters{ChannelID: "C1", Limit: 3}
	for {
		h, err := b.api.GetConversationHistoryContext(b.ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range h.Messages {
			got = append(got, m.Timestamp)
		}
		if !h.HasMore {
			break
		}
		p.Cursor = h.ResponseMetaData.NextCursor
		b.post("C1", slack.MsgOptionText("meanwhile", false))
	}
	slices.Reverse(got)
	if d := cmp.Diff(ts, got); d != "" {
		t.Error(d)
	}
	for inclusive, want := range map[bool]int{false: 1, true: 3} {
		h, err := b.api.GetConversationHistoryContext(b.ctx, &slack.GetConversationHistoryParameters{ChannelID: "C1", Oldest: ts[2], Latest: ts[4], Inclusive: inclusive})
		if err != nil || len(h.Messages) != want {
			t.Errorf("inclusive %v: %d messages, %v", inclusive, len(h.Messages), err)
		}
	}
}

func TestPeopleAndConversations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := b.api.GetUserByEmailContext(b.ctx, "ANNA@contoso.example")
	if err != nil || u.ID != "U1" || u.TZ != "Europe/Copenhagen" || u.TZOffset == 0 {
		t.Errorf("by e-mail: %+v %v", u, err)
	}
	b.SetScopes([]string{"users:read", "usergroups:read", "channels:read", "im:write", "im:read", "groups:read"})
	if u, err = b.api.GetUserInfoContext(b.ctx, "U1"); err != nil || u.Profile.Email != "" {
		t.Errorf("e-mail without its scope: %+v %v", u, err)
	}
	if us, err := b.api.GetUsersContext(b.ctx); err != nil || len(us) != 4 {
		t.Errorf("%d people, %v", len(us), err)
	}
	if g, err := b.api.GetUserGroupMembersContext(b.ctx, "S1"); err != nil || !slices.Equal(g, []string{"U2"}) {
		t.Errorf("group %v %v", g, err)
	}
	for id, member := range map[string]bool{"C1": true, "C2": false} {
		c, err := b.api.GetConversationInfoContext(b.ctx, &slack.GetConversationInfoInput{ChannelID: id})
		if err != nil || c.IsMember != member {
			t.Errorf("%s: %+v %v", id, c, err)
		}
	}
	members, _, err := b.api.GetUsersInConversationContext(b.ctx, &slack.GetUsersInConversationParameters{ChannelID: "C1"})
	if err != nil || !slices.Equal(members, []string{"U1", "U2", b.BotUserID()}) {
		t.Errorf("members %v %v", members, err)
	}
	list, _, err := b.api.GetConversationsContext(b.ctx, &slack.GetConversationsParameters{Types: []string{"public_channel", "private_channel"}, ExcludeArchived: true})
	if err != nil || len(list) != 2 {
		t.Errorf("list %+v %v", list, err)
	}
	dm, _, _, err := b.api.OpenConversationContext(b.ctx, &slack.OpenConversationParameters{Users: []string{"U1"}})
	if err != nil || dm.ID != b.DM("U1") {
		t.Errorf("direct conversation %+v %v", dm, err)
	}
	b.SetScopes(DefaultScopes())
	b.post("U1", slack.MsgOptionText("psst", false))
	if m := b.Messages(b.DM("U1")); len(m) != 1 || m[0].Text != "psst" {
		t.Errorf("posting to a person: %+v", m)
	}
	link, err := b.api.GetPermalinkContext(b.ctx, &slack.PermalinkParameters{Channel: b.DM("U1"), Ts: b.Messages(b.DM("U1"))[0].TS})
	if err != nil || !strings.HasPrefix(link, "https://contoso.slack.com/archives/D1/p") {
		t.Errorf("permalink %q %v", link, err)
	}
}

func TestRateLimitIsA429WithRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := setup(t, func(o *Options, tu *tuning) {
		o.NoRateLimits = false
		tu.now = func() time.Time { return now } // stands still, so nothing refills
	})
	limited := func(call func() error, after int) {
		t.Helper()
		for n := range after {
			if err := call(); err != nil {
				t.Fatalf("call %d: %v", n, err)
			}
		}
		var rl *slack.RateLimitedError
		if err := call(); !errors.As(err, &rl) || rl.RetryAfter < time.Second || rl.RetryAfter > 3*time.Second {
			t.Errorf("got %v", err)
		}
	}
	var ts string
	limited(func() error {
		_, at, err := b.api.PostMessageContext(b.ctx, "C1", slack.MsgOptionText("x", false))
		if err == nil {
			ts = at
		}
		return err
	}, postBurst)
	if _, _, err := b.api.PostMessageContext(b.ctx, "U1", slack.MsgOptionText("x", false)); err != nil {
		t.Errorf("another channel is limited too: %v", err)
	}
	limited(func() error {
		_, _, _, err := b.api.UpdateMessageContext(b.ctx, "C1", ts, slack.MsgOptionText("y", false))
		return err
	}, tier3)
	limited(func() error { _, err := b.api.GetUserGroupsContext(b.ctx); return err }, tier2)
}

func TestFilesAppearWhereTheyAreShared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.post("C1", slack.MsgOptionText("card", false))
	f, err := b.api.UploadFileContext(b.ctx, slack.UploadFileParameters{
		Filename: "journal.txt", Title: "Journal", FileSize: 5, Reader: strings.NewReader("hello"),
		Channel: "C1", ThreadTimestamp: parent, InitialComment: "the log",
	})
	if err != nil {
		t.Fatal(err)
	}
	m := b.Messages("C1")[1]
	if m.Text != "the log" || m.ThreadTS != parent || !slices.Equal(m.Files, []string{f.ID}) {
		t.Errorf("message %+v", m)
	}
	info, _, _, err := b.api.GetFileInfoContext(b.ctx, f.ID, 0, 0)
	if err != nil || info.Title != "Journal" || info.Size != 5 {
		t.Fatalf("info %+v %v", info, err)
	}
	var got strings.Builder
	if err := b.api.GetFileContext(b.ctx, info.URLPrivateDownload, &got); err != nil || got.String() != "hello" {
		t.Errorf("download %q %v", got.String(), err)
	}
	b.SetScopes([]string{"files:write"})
	if err := b.api.GetFileContext(b.ctx, info.URLPrivateDownload, &got); err == nil {
		t.Error("download without files:read worked")
	}
	if s := b.Transcript("C1"); !strings.Contains(s, "[file journal.txt, 5 bytes]") {
		t.Errorf("transcript:\n%s", s)
	}
}

func TestRevokedTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.RevokeTokens()
	if _, err := b.api.AuthTestContext(b.ctx); slackError(err) != "token_revoked" {
		t.Errorf("got %v", err)
	}
	if _, _, err := b.api.StartSocketModeContext(b.ctx); slackError(err) != "token_revoked" {
		t.Errorf("got %v", err)
	}
	b.RestoreTokens()
	if _, err := b.api.AuthTestContext(b.ctx); err != nil {
		t.Error(err)
	}
}
