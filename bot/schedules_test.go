package bot_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// scheduled gives the bench schedules that nobody runs, and a place for news.
func (b *bench) scheduled() *schedule.Schedule {
	b.t.Helper()
	s, err := schedule.New(schedule.Options{Zone: time.UTC, Asker: b.answers, News: told{b}, Records: b.store, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	b.answers.Schedules, b.answers.News = s, told{b}
	return s
}

type told struct{ b *bench }

func (n told) Tell(ctx context.Context, item refresh.News) error {
	return n.b.bot.Load().Tell(ctx, item)
}

// shown is what a form holds.
func shown(v slacksim.View) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(v.Blocks))
}

// A person who does not write cron fills in a form, sees the times, and sends those.
func TestAScheduleFromAForm(t *testing.T) {
	t.Parallel()
	b := newBench(t, withChannel).connected()
	timetable := b.scheduled()
	if ack := b.slash("/refresh schedule uat"); !ack.OK || ack.Text != "" {
		t.Fatalf("/refresh schedule uat: %+v", ack)
	}
	var v slacksim.View
	b.until("the form", func() (ok bool) { v, ok = b.sim.View(rita); return ok })
	send := func(values map[string]map[string]any) slacksim.Ack {
		t.Helper()
		ack, err := b.sim.Submit(b.ctx, rita, v.ID, values)
		if err != nil {
			t.Fatal(err)
		}
		return ack
	}
	send(map[string]map[string]any{"days": {"given": []string{"MON", "FRI"}}, "clock": {"given": "06:30"}, "reason": {"given": "Fresh data"}})
	b.until("the times", func() bool {
		v, _ = b.sim.View(rita)
		return strings.Contains(shown(v), "every Monday and Friday at 06:30")
	})
	if list, err := timetable.List(t.Context(), "uat"); err != nil || len(list) > 0 {
		t.Errorf("it counts already: %+v, %v", list, err)
	}
	if text := shown(v); strings.Count(text, "<!date^") != 3 || !strings.Contains(text, "(UTC)") {
		t.Errorf("shown: %s", text)
	}
	send(nil)
	b.told("rita has scheduled refreshes of uat, every Monday and Friday at 06:30 (UTC)")
	b.answered("Scheduled as uat.1")
	list, err := timetable.List(t.Context(), "uat")
	if err != nil || len(list) != 1 || list[0].Cron != "30 6 * * MON,FRI" || list[0].Owner.ID != rita {
		t.Errorf("%+v, %v", list, err)
	}
	if ack := b.slash("/refresh schedules"); !ack.OK || !strings.Contains(ack.Text, "uat.1") {
		t.Errorf("the list: %+v", ack)
	}
	seen := b.sim.Ephemerals(rita)
	if ack, err := b.sim.Click(b.ctx, rita, channel, seen[len(seen)-1].TS, "line:1"); err != nil || !ack.OK {
		t.Errorf("pause: %+v, %v", ack, err)
	}
	b.told("rita has paused the schedule uat.1 of uat")
}
