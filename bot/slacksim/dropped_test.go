package slacksim

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

func fileInput(most int) slack.Block {
	b := slack.NewInputBlock("file", slack.NewTextBlockObject(slack.PlainTextType, "File", false, false), nil,
		slack.NewFileInputBlockElement("f").WithFileTypes("csv").WithMaxFiles(most))
	return b
}

// opened has anna look at a modal with a file input.
func opened(t *testing.T, change ...func(*Options, *tuning)) (*bundle, *app, View) {
	t.Helper()
	b := setup(t, change...)
	a := b.connect(func(a *app, ev socketmode.Event) {
		if cmd, ok := ev.Data.(slack.SlashCommand); ok {
			if _, err := b.api.OpenViewContext(b.ctx, cmd.TriggerID, modal(fileInput(2))); err != nil {
				t.Error(err)
			}
		}
		_ = a.client.Ack(*ev.Request)
	})
	if _, err := b.Slash(b.ctx, "U1", "C1", "/refresh"); err != nil {
		t.Fatal(err)
	}
	v, ok := b.View("U1")
	if !ok {
		t.Fatal("no modal")
	}
	return b, a, v
}

func files(list ...map[string]any) map[string]map[string]any {
	return map[string]map[string]any{"file": {"f": map[string]any{"files": list}}}
}

func TestAFileInAModalIsThereForTheBotAlone(t *testing.T) {
	t.Parallel()
	b, a, v := opened(t)
	content := []byte("user\nANNA\x00\xff")
	ack, err := b.Submit(b.ctx, "U1", v.ID, files(map[string]any{"name": "trainees 1.csv", "data": content}, map[string]any{"name": "b.csv", "data": "BO\n"}))
	if err != nil || !ack.OK {
		t.Fatalf("%+v, %v", ack, err)
	}
	sent := a.interaction(t).View.State.Values["file"]["f"].Files
	if len(sent) != 2 || sent[0].Name != "trainees 1.csv" || sent[0].Size != len(content) || sent[0].User != "U1" || !strings.HasPrefix(sent[0].URLPrivateDownload, b.URL()) {
		t.Fatalf("files %+v", sent)
	}
	var got bytes.Buffer
	if err := b.api.GetFileContext(b.ctx, sent[0].URLPrivateDownload, &got); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("fetched %q, %v", got.Bytes(), err)
	}
	if info, _, _, err := b.api.GetFileInfoContext(b.ctx, sent[1].ID, 0, 0); err != nil || info.URLPrivate != sent[1].URLPrivate || info.Name != "b.csv" {
		t.Errorf("files.info: %+v, %v", info, err)
	}
	if status, page := b.request(http.MethodGet, sent[0].URLPrivate, "", ""); bytes.Contains([]byte(page), content) {
		t.Errorf("anybody can fetch it: %d", status)
	}
}

func TestAFormWithAFileInputRefusesWhatSlacksFormWould(t *testing.T) {
	t.Parallel()
	b, a, v := opened(t)
	one := map[string]any{"name": "a.csv", "data": "A"}
	for name, values := range map[string]map[string]map[string]any{
		"too many": files(one, one, one), "no name": files(map[string]any{"data": "A"}), "no content": files(map[string]any{"name": "a.csv"}),
	} {
		if ack, err := b.Submit(b.ctx, "U1", v.ID, values); err == nil {
			t.Errorf("%s: %+v", name, ack)
		}
	}
	if ack, err := b.Submit(b.ctx, "U1", v.ID, files()); err != nil || ack.OK || ack.Errors["file"] == "" {
		t.Errorf("a required file that is missing: %+v, %v", ack, err)
	}
	if n := len(a.requests()); n != 1 { // the command
		t.Errorf("the app heard of %d things", n)
	}
}

func TestAFileWithoutTheScopeIsASignInPage(t *testing.T) {
	t.Parallel()
	b, a, v := opened(t, func(o *Options, _ *tuning) { o.Scopes = []string{"commands", "chat:write"} })
	if ack, err := b.Submit(b.ctx, "U1", v.ID, files(map[string]any{"name": "a.csv", "data": "A"})); err != nil || !ack.OK {
		t.Fatalf("%+v, %v", ack, err)
	}
	sent := a.interaction(t).View.State.Values["file"]["f"].Files
	var got bytes.Buffer
	if err := b.api.GetFileContext(b.ctx, sent[0].URLPrivateDownload, &got); err == nil || got.Len() > 0 {
		t.Errorf("fetched %q, %v", got.String(), err)
	}
}
