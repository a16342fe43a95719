package bot_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

// paced takes the time that a refresh takes, and says how far it got.
type paced struct{ performer }

func (p paced) Perform(ctx context.Context, r refresh.Refresh, s refresh.Step) refresh.Outcome {
	o := p.performer.Perform(ctx, r, s)
	switch s.Kind {
	case refresh.KindFollow:
		ran := time.Since(r.Copy.AcceptedAt)
		if ran >= 100*time.Minute {
			return o
		}
		o.Result, o.Status, o.Again = refresh.Continues, refresh.CopyInProgress, time.Minute
		o.Note = fmt.Sprintf("About %d min left", int((100*time.Minute - ran).Round(5*time.Minute).Minutes()))
		o.Offline, o.Online = ran > 10*time.Minute && ran < 80*time.Minute, ran >= 80*time.Minute
	case refresh.KindEmail, refresh.KindBatchJobs:
		<-time.After(20 * time.Second)
	}
	return o
}

// Slack's limits, in calls a minute (Slack, "Rate limits" and the pages of the methods). Posts are limited to about one
// a second in each channel.
const (
	tier2 = 20
	tier3 = 50
	tier4 = 100
	posts = 60
)

// tiers are the methods that showing refreshes calls.
var tiers = map[string]int{
	"chat.update": tier3, "chat.postMessage": posts, "conversations.history": tier3, "conversations.replies": tier3,
	"conversations.open": tier3, "usergroups.users.list": tier2, "users.info": tier4, "users.lookupByEmail": tier3,
	"files.getUploadURLExternal": tier4, "files.completeUploadExternal": tier4, "chat.getPermalink": 300, "upload": 300, "auth.test": 300,
}

// A day with twenty refreshes, of which five begin in the same minute. In no minute of it is more than half of what Slack
// allows used, so that other apps' habits, retries and people have the other half.
func TestADayWithTwentyRefreshesUsesLessThanHalfOfSlacksLimits(t *testing.T) {
	t.Parallel()
	inStill(t, func(b *bench) {
		began := len(b.sim.Calls())
		var ids []refresh.ID
		for i := range 20 {
			if i >= 5 {
				b.during(time.Hour)
			}
			ids = append(ids, b.begin(fmt.Sprintf("env%d", i)))
			if i >= 4 {
				for _, id := range ids {
					b.answer(id)
				}
			}
		}
		for range 6 {
			b.during(time.Hour)
			for _, id := range ids {
				b.answer(id)
			}
		}
		for _, id := range ids {
			if r, err := b.store.Load(b.ctx, id); err != nil || r.Status != refresh.Done {
				t.Fatalf("%s is %s: %v", id, r.Status, err)
			}
		}
		calls := b.sim.Calls()[began:]
		total, most := map[string]int{}, map[string]int{}
		for i, c := range calls {
			key := c.Method
			if c.Method == "chat.postMessage" {
				key += " " + c.Form["channel"]
			}
			total[key]++
			n := 0
			for _, later := range calls[i:] {
				if later.At.Sub(c.At) >= time.Minute {
					break
				}
				if later.Method == c.Method && (c.Method != "chat.postMessage" || later.Form["channel"] == c.Form["channel"]) {
					n++
				}
			}
			most[key] = max(most[key], n)
		}
		for key, n := range most {
			method, _, _ := strings.Cut(key, " ")
			limit := tiers[method]
			t.Logf("%-40s %5d a day, %3d in the busiest minute of %d", key, total[key], n, limit)
			if limit == 0 || 2*n >= limit {
				t.Errorf("%s: %d calls in a minute, Slack allows %d", key, n, limit)
			}
		}
		for _, c := range calls {
			if c.Status == 429 {
				t.Errorf("Slack refused %s for its limit", c.Method)
			}
		}
	}, func(b *bench, o *slacksim.Options) { b.perform = paced{} })
}

// answer decides what waits: it is approved, and never started early.
func (b *bench) answer(id refresh.ID) {
	b.t.Helper()
	r, err := b.store.Load(b.ctx, id)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, g := range r.OpenGates() {
		if g.Offers(refresh.ActionApprove) {
			b.decide(id, refresh.ActionApprove)
		}
	}
}
