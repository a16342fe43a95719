package commands

import (
	"context"
	"sync"
	"time"

	"refreshbot/commands/when"
	"refreshbot/jobs/refresh"
)

// Starts counts how many copies of a target the copier has begun lately, of those that it allows.
type Starts interface {
	Quota(ctx context.Context, target refresh.Environment) (refresh.Quota, error)
}

// countingTime is how long an answer waits for the count. The copier may be slower; then nothing is said about it.
const countingTime = time.Second

// starts counts for each of the targets at the same time. One that is not known by then is left out.
func (s *Service) starts(ctx context.Context, names ...string) map[string]refresh.Quota {
	if s.Starts == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, countingTime)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	known := map[string]refresh.Quota{}
	for _, name := range names {
		all.Go(func() {
			q, err := s.Starts.Quota(ctx, s.Targets[name].Request.Target)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			known[name] = q
		})
	}
	all.Wait()
	return known
}

// counted is what a person is told of it before they ask; empty when it is not known.
func (s *Service) counted(ctx context.Context, name string) string {
	q, ok := s.starts(ctx, name)[name]
	if !ok {
		return ""
	}
	text := " LCS: " + q.String()
	if q.Left() == 0 {
		text += ", the next is possible on " + when.Said(q.Free.In(s.Zone))
	}
	return text + "."
}
