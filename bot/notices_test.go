package bot_test

import (
	"strings"
	"testing"

	"refreshbot/bot"
	"refreshbot/bot/notice"
	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

const (
	trainees = "C0TRAINEES"
	schooled = "C0SCHULUNG"
)

// withAudiences gives uat two channels of users: one hears everything, one in German that it is open or stays up.
func withAudiences(b *bench, o *slacksim.Options) {
	o.Channels = append(o.Channels, slacksim.Channel{ID: trainees, Name: "trainees", BotMember: true}, slacksim.Channel{ID: schooled, Name: "schulung", BotMember: true})
	b.options.Notices = bot.Notices{
		Speaker: notice.Speaker{Texts: notice.Standard(), Escape: view.Escape},
		Audiences: map[string][]notice.Audience{"uat": {
			{Channel: trainees, Mention: release},
			{Channel: schooled, Language: "de", About: []notice.Kind{notice.Open, notice.Cancelled}},
		}},
	}
}

// noticed waits until exactly these were posted, each known by a few words of it.
func (b *bench) noticed(where string, want ...string) {
	b.t.Helper()
	b.until("notices in "+where, func() bool { return len(b.standing(where, false)) >= len(want) })
	b.settled()
	all := b.standing(where, false)
	if len(all) != len(want) {
		b.t.Fatalf("%d notices in %s, want %d\n%s", len(all), where, len(want), b.sim.Transcript(where))
	}
	for i, m := range all {
		if !strings.Contains(m.Plain(), want[i]) {
			b.t.Errorf("%s is told %q, want %q", where, m.Plain(), want[i])
		}
	}
}

func TestUsersHearWhatChangesSomethingForThem(t *testing.T) {
	t.Parallel()
	b := newBench(t, withAudiences).connected()
	b.ask()
	b.press(anna, refresh.ActionApprove)
	b.offered(refresh.ActionPostpone)
	b.noticed(trainees, "uat will be down from")
	if text := b.standing(trainees, false)[0].Text; !strings.HasPrefix(text, "<!subteam^"+release+">") || strings.Count(text, release) != 1 {
		t.Errorf("the group is not called once: %s", text)
	}
	b.press(anna, refresh.ActionPostpone)
	b.noticed(trainees, "uat will be down from", "has moved")
	b.press(anna, refresh.ActionCancel)
	b.noticed(trainees, "uat will be down from", "has moved", "stays up")
	b.noticed(schooled, "uat bleibt verfügbar")
}

func TestANoticeWhoseReplyIsLostIsNotPostedTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t, withAudiences).connected()
	b.ask()
	b.settled()
	b.sim.Fail("chat.postMessage", slacksim.Fault{Times: 6, DropReply: true})
	b.press(anna, refresh.ActionApprove)
	b.offered(refresh.ActionPostpone)
	b.noticed(trainees, "uat will be down from")
}

func TestANewAudienceIsNotToldOfThePast(t *testing.T) {
	t.Parallel()
	b := newBench(t, withAudiences)
	audiences := b.options.Notices.Audiences
	b.connected().ask()
	b.press(anna, refresh.ActionReject)
	b.settled()
	b.stop()
	b.options.Notices.Audiences = map[string][]notice.Audience{"uat": append(audiences["uat"], notice.Audience{Channel: channel})}
	before := len(b.standing(channel, false))
	b.start()
	b.connected().settled()
	if n := len(b.standing(channel, false)); n != before {
		t.Errorf("%d posts more", n-before)
	}
	b.noticed(trainees)
}

// askAhead has rita ask for a refresh that begins tomorrow, and waits for the card's buttons.
func (b *bench) askAhead() {
	b.t.Helper()
	b.slash("/refresh uat in 26h")
	if ack, err := b.sim.Click(b.ctx, rita, channel, b.sim.Ephemerals(rita)[0].TS, "line:1"); err != nil || !ack.OK {
		b.t.Fatalf("confirmed: %+v, %v", ack, err)
	}
	b.offered(refresh.ActionApprove)
}

// The time is fixed days ahead: whoever works there hears of it then, of each change of it, and of none twice.
func TestUsersHearOfAStartTimeOnceItIsApproved(t *testing.T) {
	t.Parallel()
	b := newBench(t, withAudiences).connected()
	b.askAhead()
	b.noticed(trainees)
	b.press(anna, refresh.ActionApprove)
	b.offered(refresh.ActionPostpone)
	want := []string{"uat will be down from"}
	b.noticed(trainees, want...)
	b.press(anna, refresh.ActionPostpone)
	want = append(want, "has moved: from "+b.refresh().StartAt.Format("Jan 2, 2006 at 15:04 MST"))
	b.noticed(trainees, want...)
	b.stop()
	b.start()
	b.connected()
	b.press(anna, refresh.ActionStartNow)
	b.until("the announcement", func() bool { return !b.refresh().Window.From.IsZero() })
	if r := b.refresh(); !r.Window.From.Equal(r.StartAt) {
		t.Fatalf("announced for %v, and to start at %v", r.Window.From, r.StartAt)
	}
	want = append(want, "has moved: from "+b.refresh().StartAt.Format("Jan 2, 2006 at 15:04 MST"))
	b.noticed(trainees, want...)
	b.press(anna, refresh.ActionCancel)
	b.noticed(trainees, append(want, "stays up")...)
	b.noticed(schooled, "uat bleibt verfügbar")
}

func TestUsersHearThatAStartTimeIsGivenUp(t *testing.T) {
	t.Parallel()
	b := newBench(t, withAudiences).connected()
	b.askAhead()
	b.press(anna, refresh.ActionApprove)
	b.noticed(trainees, "uat will be down from")
	b.offered(refresh.ActionPostpone)
	b.press(rita, refresh.ActionCancel)
	b.noticed(trainees, "uat will be down from", "stays up")
}
