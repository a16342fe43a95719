package slacksim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

func TestStartNeedsNoOptions(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{Users: []User{{Name: "anna"}}, Channels: []Channel{{Name: "uat-refresh"}}, UserGroups: []UserGroup{{Handle: "release"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") || s.APIURL() != s.URL()+"/api/" ||
		!strings.HasPrefix(s.BotToken(), "xoxb-") || !strings.HasPrefix(s.AppToken(), "xapp-") {
		t.Errorf("%s %s", s.URL(), s.APIURL())
	}
	if _, err := s.Say("UANNA", "CUATREFRESH", "hello", ""); err != nil {
		t.Error(err)
	}
	if _, err := Start(Options{Addr: "127.0.0.1:notaport"}); err == nil {
		t.Error("a bad address worked")
	}
}

func TestSteeringTheWorkspace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	send := func() string {
		_, _, err := b.api.PostMessageContext(b.ctx, "C1", slack.MsgOptionText("x", false))
		return slackError(err)
	}
	b.SetMember("C1", false)
	if got := send(); got != "not_in_channel" {
		t.Errorf("after leaving: %q", got)
	}
	b.SetScopes(append(DefaultScopes(), "chat:write.public"))
	if got := send(); got != "" {
		t.Errorf("with chat:write.public: %q", got)
	}
	b.SetMember("C1", true)
	b.SetArchived("C1", true)
	if got := send(); got != "is_archived" {
		t.Errorf("archived: %q", got)
	}
	b.SetUserGroup("S1", []string{"U1", "U2"})
	if g, err := b.api.GetUserGroupMembersContext(b.ctx, "S1"); err != nil || !slices.Equal(g, []string{"U1", "U2"}) {
		t.Errorf("group %v %v", g, err)
	}
	if g, err := b.api.GetUserGroupsContext(b.ctx, slack.GetUserGroupsOptionIncludeUsers(true)); err != nil || len(g) != 1 || len(g[0].Users) != 2 {
		t.Errorf("groups %+v %v", g, err)
	}
}

func TestUpdateOfMetadataAloneKeepsTheMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ts := b.post("C1", slack.MsgOptionText("t", false), slack.MsgOptionBlocks(section("body")))
	body := toJSON(obj{"channel": "C1", "ts": ts, "metadata": obj{"event_type": "e", "event_payload": obj{"a": "b"}}})
	if got := b.rawCall("chat.update", body); got["ok"] != true {
		t.Fatalf("%v", got)
	}
	m := b.Messages("C1")[0]
	if m.Plain() != "body" || !strings.Contains(string(m.Metadata), `"a"`) {
		t.Errorf("%+v", m)
	}
	if got := b.rawCall("chat.update", toJSON(obj{"channel": "C1", "ts": ts, "text": "t", "blocks": nil, "metadata": obj{}})); got["ok"] != true {
		t.Fatalf("%v", got)
	}
	if m = b.Messages("C1")[0]; m.Metadata != nil || m.Blocks != nil {
		t.Errorf("cleared: %+v", m)
	}
}

// rawCall posts a JSON body with the bot token in the header.
func (b *bundle) rawCall(method string, body []byte) obj {
	b.t.Helper()
	req, _ := http.NewRequestWithContext(b.ctx, http.MethodPost, b.APIURL()+method, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Authorization", "Bearer "+b.BotToken())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var out obj
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		b.t.Fatal(err)
	}
	return out
}

func TestBrokenBodiesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, want := range map[string]string{
		`{"channel":`: "invalid_json",
		`{"channel":"C1","text":"x","blocks":"[{"}`:       "invalid_blocks_format",
		`{"channel":"C1","text":"x","metadata":"{"}`:      "invalid_metadata",
		`{"channel":"C1","text":"x","thread_ts":"1.0"}`:   "thread_not_found",
		`{"channel":"#uat-refresh","text":"by its name"}`: "",
	} {
		if got := text(b.rawCall("chat.postMessage", []byte(body)), "error"); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	for cursor, want := range map[string]string{"nonsense!": "invalid_cursor", "": ""} {
		if got := text(b.rawCall("users.list", toJSON(obj{"limit": 2, "cursor": cursor})), "error"); got != want {
			t.Errorf("cursor %q: %q", cursor, got)
		}
	}
}

func TestViewsUpdateChecksTheHash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.connect(ackWith(nil))
	if _, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); err != nil {
		t.Fatal(err)
	}
	var cmd slack.SlashCommand
	_ = json.Unmarshal(a.requests()[0].Payload, &cmd)
	v, err := b.api.OpenViewContext(b.ctx, cmd.TriggerID, modal(section("one")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.api.UpdateViewContext(b.ctx, modal(section("two")), "", v.Hash, v.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.api.UpdateViewContext(b.ctx, modal(section("three")), "", v.Hash, v.ID); slackError(err) != "hash_conflict" {
		t.Errorf("stale hash: %v", err)
	}
	if _, err := b.api.UpdateViewContext(b.ctx, modal(section("three")), "", "", "V0"); slackError(err) != "not_found" {
		t.Errorf("unknown view: %v", err)
	}
	if got, _ := b.View("U1"); !strings.Contains(string(got.Blocks), "two") {
		t.Errorf("blocks %s", got.Blocks)
	}
}

func TestUploadedFileCanBeReadBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f, err := b.api.UploadFileContext(b.ctx, slack.UploadFileParameters{Filename: "a.txt", FileSize: 2, Reader: strings.NewReader("ok"), Channel: "C1"})
	if err != nil {
		t.Fatal(err)
	}
	name, data, ok := b.File(f.ID)
	if !ok || name != "a.txt" || string(data) != "ok" {
		t.Errorf("%q %q %v", name, data, ok)
	}
	if _, body := b.request(http.MethodGet, b.URL()+"/page/api/file/"+f.ID, "", ""); body != "ok" {
		t.Errorf("through the page: %q", body)
	}
	b.Fail("upload", Fault{Status: 500})
	if _, err := b.api.UploadFileContext(b.ctx, slack.UploadFileParameters{Filename: "a.txt", FileSize: 2, Reader: strings.NewReader("ok"), Channel: "C1"}); err == nil {
		t.Error("the upload fault did not strike")
	}
}

func TestChosenValuesTakeTheElementsShape(t *testing.T) {
	t.Parallel()
	el := func(typ, more string) obj {
		var o obj
		if err := json.Unmarshal([]byte(`{"type":"`+typ+`","action_id":"a"`+more+`}`), &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	options := `,"options":[{"value":"x"},{"value":"y"}]`
	groups := `,"option_groups":[{"options":[{"value":"x"}]}]`
	x := map[string]any{"value": "x"}
	for _, tt := range []struct {
		el   obj
		pick any
		want obj
	}{
		{el("plain_text_input", ""), "why", obj{"type": "plain_text_input", "value": "why"}},
		{el("users_select", ""), "U1", obj{"type": "users_select", "selected_user": "U1"}},
		{el("datetimepicker", ""), 17, obj{"type": "datetimepicker", "selected_date_time": 17}},
		{el("static_select", options), "x", obj{"type": "static_select", "selected_option": x}},
		{el("static_select", groups), "x", obj{"type": "static_select", "selected_option": x}},
		{el("static_select", options), nil, obj{"type": "static_select", "selected_option": nil}},
		{el("checkboxes", options), []string{"x"}, obj{"type": "checkboxes", "selected_options": []any{x}}},
		{el("checkboxes", options), nil, obj{"type": "checkboxes", "selected_options": []any{}}},
		{el("overflow", options), "x", obj{"type": "overflow", "selected_option": x}},
		{el("datepicker", ""), obj{"selected_date": "2026-11-22"}, obj{"type": "datepicker", "selected_date": "2026-11-22"}},
	} {
		got, err := chosen(tt.el, tt.pick)
		if err != nil {
			t.Errorf("%v: %v", tt.el, err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Error(d)
		}
	}
	for _, bad := range []struct {
		el   obj
		pick any
	}{{el("button", ""), "x"}, {el("checkboxes", options), "z"}, {el("static_select", options), "z"}} {
		if got, err := chosen(bad.el, bad.pick); err == nil {
			t.Errorf("%v took %v", bad.el, got)
		}
	}
}

func TestPlainReadsEveryKindOfBlock(t *testing.T) {
	t.Parallel()
	blocks := `[
	 {"type":"section","fields":[{"type":"mrkdwn","text":"*a*\n1"}],"accessory":{"type":"overflow","action_id":"o"}},
	 {"type":"divider"},
	 {"type":"context","elements":[{"type":"image","image_url":"u","alt_text":"logo"},{"type":"mrkdwn","text":"note"}]},
	 {"type":"image","image_url":"u","alt_text":"chart","title":{"type":"plain_text","text":"Load"}},
	 {"type":"input","label":{"type":"plain_text","text":"Why"},"element":{"type":"static_select","placeholder":{"type":"plain_text","text":"Pick"}}},
	 {"type":"rich_text","elements":[
	   {"type":"rich_text_section","elements":[{"type":"text","text":"a<b "},{"type":"user","user_id":"U1"},{"type":"emoji","name":"tada"},{"type":"link","url":"u","text":"here"}]},
	   {"type":"rich_text_list","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"item"}]}]}]},
	 {"type":"table","rows":[[{"type":"raw_text","text":"c1"},{"type":"raw_text","text":"c2"}]]},
	 {"type":"plan","title":"Plan","tasks":[{"type":"task_card","task_id":"t","title":"Copy","status":"complete","output":{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"done"}]}]}}]},
	 {"type":"card","title":{"type":"plain_text","text":"Card"},"actions":[{"type":"button","action_id":"b","text":{"type":"plain_text","text":"Go"}}]},
	 {"type":"markdown","text":"**md** <!here> <#C1> <!date^x^y|soon>"}]`
	want := "*a* 1\n[overflow]\n---\n[logo] note\nLoad\n[chart]\nWhy: [Pick]\na<b @anna:tada:here\n• item\nc1 | c2\nPlan\n" +
		"[complete] Copy\ndone\nCard\n[Go]\n**md** @here #uat-refresh soon"
	if p := CheckMessage([]byte(blocks)); len(p) != 2 { // the overflow and the select have no options
		t.Errorf("problems %v", p)
	}
	m := Message{Blocks: json.RawMessage(blocks), names: newDirectory(workspace(), "UBOT")}
	if d := cmp.Diff(want, m.Plain()); d != "" {
		t.Error(d)
	}
}
