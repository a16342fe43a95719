package bot

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

func TestAFileThatComesWithoutItsAddresses(t *testing.T) {
	t.Parallel()
	sim, err := slacksim.Start(slacksim.Options{NoRateLimits: true})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &Bot{Options: Options{API: NewAPI(sim.BotToken(), sim.AppToken(), sim.APIURL(), transport)}}
	const content = "User ID\nANNA\nBO\n"
	f, err := b.API.UploadFileContext(t.Context(), slack.UploadFileParameters{Filename: "list.csv", FileSize: len(content), Reader: strings.NewReader(content)})
	if err != nil {
		t.Fatal(err)
	}
	names, err := b.readList(t.Context(), slack.File{ID: f.ID})
	if err != nil || !slices.Equal(names, []string{"ANNA", "BO"}) {
		t.Errorf("%q, %v", names, err)
	}
	for what, file := range map[string]slack.File{
		"unknown":         {ID: "F0NONE", Name: "x.csv"},
		"not at Slack":    {ID: f.ID, Name: "x.csv", URLPrivate: "https://files.example.com/x.csv"},
		"Slack lookalike": {ID: f.ID, Name: "x.csv", URLPrivate: "https://slack.com.example.com/x.csv"},
	} {
		if _, err := b.readList(t.Context(), file); refresh.CodeOf(err) != refresh.Offline || !strings.Contains(refresh.MessageOf(err), "did not hand over x.csv") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestMoreThanALimitIsNotKept(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]error{0: nil, 10: nil, 11: errTooLarge, 1 << 20: errTooLarge} {
		c := capped{most: 10}
		if _, err := io.Copy(&c, strings.NewReader(strings.Repeat("x", size))); !errors.Is(err, want) || c.data.Len() > 10 {
			t.Errorf("%d bytes: %d kept, %v", size, c.data.Len(), err)
		}
	}
}
