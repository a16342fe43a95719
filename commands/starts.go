package commands

import (
	"context"
	"fmt"
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

// counted is what a person who asks is told of it; empty when it is not known.
func (s *Service) counted(ctx context.Context, name string) string {
	q, ok := s.starts(ctx, name)[name]
	if !ok {
		return ""
	}
	return " LCS: " + startsSaid(q, s.Zone) + "."
}

// startsSaid is a count, and when the next start is possible if none is left.
func startsSaid(q refresh.Quota, zone *time.Location) string {
	if q.Left() > 0 {
		return q.String()
	}
	return fmt.Sprintf("%s, the next is possible on %s", q, when.Said(q.Free.In(zone)))
}
