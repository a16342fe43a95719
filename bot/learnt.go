package bot

import (
	"context"
	"sync"

	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
)

// lookBack is how many refreshes of a target are looked through for those that tell how long one takes.
const lookBack = 50

// learnt remembers what the past tells about each refresh that goes on. It cannot change meanwhile: a target has one
// refresh at a time. The zero value is ready.
type learnt struct {
	mu    sync.Mutex
	known map[refresh.ID]history.Past
}

func (l *learnt) of(ctx context.Context, journal Journal, r refresh.Refresh) history.Past {
	l.mu.Lock()
	past, ok := l.known[r.ID]
	if r.Status.Ended() {
		delete(l.known, r.ID) // its card says how long it took
	}
	l.mu.Unlock()
	if ok || r.Status.Ended() {
		return past
	}
	recent, err := journal.Recent(ctx, r.Target.Name, lookBack)
	past = history.Learn(recent, r) // of those that can be read
	if err != nil {
		return past
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[refresh.ID]history.Past{}
	}
	l.known[r.ID] = past
	return past
}
