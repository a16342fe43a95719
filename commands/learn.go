package commands

import (
	"context"

	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
)

// lookBack is how many refreshes of a target are looked through for those that tell how long one takes.
const lookBack = 50

// learner is the engine, except that a refresh is asked for with the downtime that was learnt. It stands here so that
// every way to ask goes through it.
type learner struct {
	Engine
	record Record
}

func (l learner) Ask(ctx context.Context, req refresh.Request, key string) (refresh.Refresh, error) {
	past := pastOf(ctx, l.record, refresh.Refresh{Source: req.Source, Target: req.Target})
	req.Settings.Downtime, req.Settings.Learnt = past.Announced(req.Settings.Downtime)
	return l.Engine.Ask(ctx, req, key)
}

// pastOf is what the earlier refreshes of the same pair tell about this one. One that cannot be read tells nothing, and
// holds up nobody: the store itself says so where it matters.
func pastOf(ctx context.Context, record Record, r refresh.Refresh) history.Past {
	recent, _ := record.Recent(ctx, r.Target.Name, lookBack)
	return history.Learn(recent, r)
}
