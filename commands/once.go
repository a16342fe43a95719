package commands

import (
	"context"
	"slices"
	"sync"
)

// once remembers the deliveries of lines whose changes do not go through the engine, which remembers its own for good. A
// second delivery follows within minutes. After a restart it is answered like a line of its own: a schedule itself
// remembers the deliveries that have changed it, and a freeze that is lifted is gone.
type once struct {
	mu   sync.Mutex
	keys []string
}

// mostOnce is how many deliveries are remembered.
const mostOnce = 500

// first waits until nobody else changes that thing, and then reports whether the delivery was handled: both connections may
// bring it at once. done lets the next one in, and is nil for one that was handled.
func (s *Service) first(ctx context.Context, thing, key string) (done func(), seen bool, err error) {
	done, err = s.turn(ctx, thing)
	if err == nil && s.once.seen(key) {
		done()
		return nil, true, nil
	}
	return done, false, err
}

// seen reports whether a delivery was handled.
func (o *once) seen(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Contains(o.keys, key)
}

// handled notes that one was.
func (o *once) handled(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys = append(o.keys, key)
	if len(o.keys) > mostOnce {
		o.keys = slices.Delete(o.keys, 0, len(o.keys)-mostOnce)
	}
}
