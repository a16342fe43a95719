package slacksim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		fault  Fault
		landed bool // the message is there afterwards
		check  func(error) bool
	}{
		{"429", Fault{RetryAfter: 7}, false, func(err error) bool {
			var rl *slack.RateLimitedError
			return errors.As(err, &rl) && rl.RetryAfter == 7*time.Second
		}},
		{"503", Fault{Status: 503}, false, func(err error) bool {
			var sc slack.StatusCodeError
			return errors.As(err, &sc) && sc.Code == http.StatusServiceUnavailable
		}},
		{"error", Fault{Error: "fatal_error"}, false, func(err error) bool { return slackError(err) == "fatal_error" }},
		{"request lost", Fault{DropRequest: true}, false, func(err error) bool { return err != nil }},
		{"reply lost", Fault{DropReply: true}, true, func(err error) bool { return err != nil }},
		{"slow", Fault{Delay: time.Millisecond}, true, func(err error) bool { return err == nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.Fail("chat.postMessage", tt.fault)
			send := func() error {
				_, _, err := b.api.PostMessageContext(b.ctx, "C1", slack.MsgOptionText("x", false))
				return err
			}
			if err := send(); !tt.check(err) {
				t.Errorf("got %v", err)
			}
			if got := len(b.Messages("C1")) == 1; got != tt.landed {
				t.Errorf("landed: %v", got)
			}
			if err := send(); err != nil {
				t.Errorf("the fault struck twice: %v", err)
			}
			if c := b.Calls(); len(c) != 2 || (c[0].Error == "") != tt.landed {
				t.Errorf("calls %+v", c)
			}
		})
	}
}

// The bytes of a file meet the faults that methods meet, on their way up and on their way down.
func TestFaultsOfFiles(t *testing.T) {
	t.Parallel()
	const content = "User ID\nANNA\n"
	failed := func(err error) bool { return err != nil }
	for _, tt := range []struct {
		name   string
		fault  Fault
		landed bool // the bytes that were sent up are there afterwards
		check  func(error) bool
		got    string // what came of those that were fetched
	}{
		{"429", Fault{RetryAfter: 7}, false, func(err error) bool {
			var rl *slack.RateLimitedError
			return errors.As(err, &rl) && rl.RetryAfter == 7*time.Second
		}, ""},
		{"503", Fault{Status: 503}, false, func(err error) bool {
			var sc slack.StatusCodeError
			return errors.As(err, &sc) && sc.Code == http.StatusServiceUnavailable
		}, ""},
		{"request lost", Fault{DropRequest: true}, false, failed, ""},
		{"reply lost", Fault{DropReply: true}, true, failed, ""},
		{"cut", Fault{CutBody: true}, true, nil, content[:len(content)/2]},
		{"slow", Fault{Delay: time.Millisecond}, true, func(err error) bool { return err == nil }, content},
	} {
		// A connection of its own for each call: one that breaks when it is used again is no failure of a GET to net/http.
		alone := func(b *bundle) *slack.Client {
			return slack.New(b.BotToken(), slack.OptionAPIURL(b.APIURL()), slack.OptionHTTPClient(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}))
		}
		t.Run("upload: "+tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			api := alone(b)
			to, err := api.GetUploadURLExternalContext(b.ctx, slack.GetUploadURLExternalParameters{FileName: "a.csv", FileSize: len(content)})
			if err != nil {
				t.Fatal(err)
			}
			var met atomic.Int32
			fault := tt.fault
			fault.Met = func() { met.Add(1) }
			b.Fail("upload", fault)
			err = api.UploadToURL(b.ctx, slack.UploadToURLParameters{UploadURL: to.UploadURL, Filename: "a.csv", Content: content})
			if tt.check != nil && !tt.check(err) { // slack-go does not read the answer, so one that is cut is none the worse
				t.Errorf("got %v", err)
			}
			_, err = api.CompleteUploadExternalContext(b.ctx, slack.CompleteUploadExternalParameters{Files: []slack.FileSummary{{ID: to.FileID}}})
			if landed := err == nil; landed != tt.landed {
				t.Errorf("landed: %v, %v", landed, err)
			}
			if c := b.Calls(); met.Load() != 1 || c[1].Method != "upload" || c[1].Form["file_id"] != to.FileID || (c[1].Error == "") != tt.landed {
				t.Errorf("met %d times, calls %+v", met.Load(), c)
			}
		})
		t.Run("download: "+tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			api := alone(b)
			up, err := api.UploadFileContext(b.ctx, slack.UploadFileParameters{Filename: "a.csv", FileSize: len(content), Reader: strings.NewReader(content)})
			if err != nil {
				t.Fatal(err)
			}
			info, _, _, err := api.GetFileInfoContext(b.ctx, up.ID, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			before := len(b.Calls())
			b.Fail("download", tt.fault)
			check := tt.check
			if check == nil {
				check = func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }
			}
			var got strings.Builder
			if err := api.GetFileContext(b.ctx, info.URLPrivateDownload, &got); !check(err) || got.String() != tt.got {
				t.Errorf("got %q, %v", got.String(), err)
			}
			got.Reset()
			if err := api.GetFileContext(b.ctx, info.URLPrivateDownload, &got); err != nil || got.String() != content {
				t.Errorf("the fault struck twice: %q, %v", got.String(), err)
			}
			c := b.Calls()[before:]
			if len(c) != 2 || c[0].Method != "download" || c[0].Token != string(tokenBot) || c[0].Form["file_id"] != up.ID || (c[0].Error == "") != tt.landed || c[1].Status != http.StatusOK {
				t.Errorf("calls %+v", c)
			}
		})
	}
}

// In process a download that is cut breaks off after half of it, as over a connection.
func TestADownloadIsCutInProcess(t *testing.T) {
	t.Parallel()
	s, reach := InProcess(workspace())
	defer func() { _ = s.Close() }()
	api := slack.New(s.BotToken(), slack.OptionAPIURL(s.APIURL()), slack.OptionHTTPClient(&http.Client{Transport: reach}))
	up, err := api.UploadFileContext(t.Context(), slack.UploadFileParameters{Filename: "a.csv", FileSize: 4, Reader: strings.NewReader("ANNA")})
	if err != nil {
		t.Fatal(err)
	}
	info, _, _, err := api.GetFileInfoContext(t.Context(), up.ID, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.Fail("download", Fault{CutBody: true})
	var got strings.Builder
	if err := api.GetFileContext(t.Context(), info.URLPrivateDownload, &got); !errors.Is(err, io.ErrUnexpectedEOF) || got.String() != "AN" {
		t.Errorf("got %q, %v", got.String(), err)
	}
}

func TestEffectLandsAfterItsReplyIsLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Fail("chat.postMessage", Fault{DropReply: true, Delay: 100 * time.Millisecond})
	_, _, err := b.api.PostMessageContext(b.ctx, "C1", slack.MsgOptionText("late", false))
	if err == nil {
		t.Fatal("no error")
	}
	if n := len(b.Messages("C1")); n != 0 {
		t.Fatalf("%d messages at once", n)
	}
	b.until("message", func() bool { return len(b.Messages("C1")) == 1 })
}

func TestFaultsOfEveryMethodLastUntilCleared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Fail("*", Fault{Times: -1, Status: 500})
	for range 3 {
		if _, err := b.api.AuthTestContext(b.ctx); err == nil {
			t.Fatal("no error")
		}
	}
	b.ClearFaults()
	if _, err := b.api.AuthTestContext(b.ctx); err != nil {
		t.Error(err)
	}
}

// A client that has gone may have a call under way; once there are no callers, it has landed.
func TestNoCallersMeansThatNoCallIsUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	met := make(chan struct{})
	b.Fail("chat.postMessage", Fault{Delay: 100 * time.Millisecond, Met: func() { close(met) }})
	ctx, leave := context.WithCancel(b.ctx)
	left := make(chan error, 1)
	api := slack.New(b.BotToken(), slack.OptionAPIURL(b.APIURL()), slack.OptionHTTPClient(&http.Client{Transport: &http.Transport{}}))
	go func() {
		_, _, err := api.PostMessageContext(ctx, "C1", slack.MsgOptionText("late", false))
		left <- err
	}()
	<-met
	leave()
	if err := <-left; err == nil {
		t.Fatal("the client has waited for the reply")
	}
	b.until("no callers", func() bool { return b.Callers() == 0 })
	if got := b.Messages("C1"); len(got) != 1 {
		t.Errorf("no callers, and %d messages", len(got))
	}
}
