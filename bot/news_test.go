package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

func freezing(n int) refresh.News {
	at := time.Date(2026, 11, 27, 19, 0, n, 0, time.UTC)
	return refresh.News{Key: fmt.Sprintf("freeze/%d", n), Target: "uat", Kind: refresh.NewsFrozen, At: time.Now(), By: refresh.Person{ID: anna, Name: "Anna"},
		Blackout: refresh.Blackout{From: at, Until: at.Add(time.Hour), Why: fmt.Sprintf("reason %d.", n)}}
}

// told waits until the channel holds a post with that text, and fails if there is more than one.
func (b *bench) told(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("a post with %q", text), func() bool { return b.posts(text) > 0 })
	if n := b.posts(text); n != 1 {
		b.t.Errorf("%d posts with %q, want one", n, text)
	}
}

func (b *bench) posts(text string) int {
	n := 0
	for _, m := range b.sim.Messages(channel) {
		if strings.Contains(m.Text, text) {
			n++
		}
	}
	return n
}

func withChannel(b *bench, _ *slacksim.Options) {
	b.options.NewsIn = func(target string) (string, bool) { return channel, target == "uat" }
}

func TestNewsAreToldOnceInTheirChannel(t *testing.T) {
	t.Parallel()
	b := newBench(t, withChannel).connected()
	for _, n := range []refresh.News{freezing(1), freezing(1), freezing(2), {Key: "x", Target: "gone", Kind: refresh.NewsFrozen}} {
		if err := b.bot.Load().Tell(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	b.told("reason 1.")
	b.told("reason 2.")
	b.stop()
	b.start()
	b.connected()
	if err := b.bot.Load().Tell(t.Context(), freezing(1)); err != nil { // as after a crash between telling and noting
		t.Fatal(err)
	}
	if err := b.bot.Load().Tell(t.Context(), freezing(3)); err != nil {
		t.Fatal(err)
	}
	b.told("reason 3.")
	b.told("reason 1.")
}

func TestNewsWhoseReplyIsLostAreNotToldTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t, withChannel).connected()
	b.sim.Fail("chat.postMessage", slacksim.Fault{DropReply: true})
	if err := b.bot.Load().Tell(t.Context(), freezing(1)); err != nil {
		t.Fatal(err)
	}
	b.told("reason 1.")
	if err := b.bot.Load().Tell(t.Context(), freezing(2)); err != nil {
		t.Fatal(err)
	}
	b.until("the news to be noted as told", func() bool {
		all, err := b.store.Records(t.Context(), "news")
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range all {
			if !strings.Contains(string(data), `"told"`) {
				return false
			}
		}
		return len(all) == 2
	})
	b.told("reason 1.")
	b.told("reason 2.")
}

// damaged is a store in which one record cannot be read.
type damaged struct{ kept }

func (d damaged) Records(ctx context.Context, space string) (map[string][]byte, error) {
	all, err := d.kept.Records(ctx, space)
	return all, errors.Join(err, refresh.Errorf(refresh.Internal, "One of them was changed after it was written."))
}

func TestNewsAreToldBesideSomeThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, withChannel, func(b *bench, _ *slacksim.Options) { b.options.Records = damaged{b.store} }).connected()
	if err := b.store.PutRecord(t.Context(), "news", "a", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if err := b.bot.Load().Tell(t.Context(), freezing(1)); err != nil {
		t.Fatal(err)
	}
	b.told("reason 1.")
}

// News whose channel takes no posts are told in the default one, once, and the admins hear of it.
func TestNewsOfAChannelThatTakesNoneAreToldElsewhere(t *testing.T) {
	t.Parallel()
	b := newBench(t, withChannel, withBoss(true)).connected()
	b.sim.SetArchived(channel, true)
	if err := b.bot.Load().Tell(t.Context(), freezing(1)); err != nil {
		t.Fatal(err)
	}
	b.until("the news elsewhere", func() bool { return len(b.standing(ops, false)) > 0 })
	b.until("the admin to hear of the channel", func() bool { return b.heard(boss, "Slack refuses posts to") == 1 })
	all := b.standing(ops, false)
	if len(all) != 1 || !strings.Contains(all[0].Plain(), "reason 1.") || !strings.Contains(all[0].Plain(), "Slack refuses posts to its own channel") {
		t.Errorf("the default channel has %+v", all)
	}
	b.sim.SetArchived(channel, false)
	b.stop()
	b.start()
	b.connected()
	if err := b.bot.Load().Tell(t.Context(), freezing(2)); err != nil {
		t.Fatal(err)
	}
	b.told("reason 2.")
	if len(b.standing(ops, false)) != 1 || b.posts("reason 1.") != 0 {
		t.Error("the news were told twice")
	}
}
