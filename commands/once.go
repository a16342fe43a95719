package commands

import (
	"slices"
	"sync"
)

// once remembers the deliveries of lines whose changes do not go through the engine, which remembers its own for good. A
// second delivery follows within minutes; after a restart it is answered like a line of its own, and finds that there is
// nothing left to change.
type once struct {
	mu   sync.Mutex
	keys []string
}

// mostOnce is how many deliveries are remembered.
const mostOnce = 500

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
