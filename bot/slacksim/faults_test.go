package slacksim

import (
	"context"
	"errors"
	"net/http"
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
