package slacksim

import (
	"math"
	"time"
)

// bucket is a token bucket. Slack counts per one-minute window and publishes no burst numbers
// (docs.slack.dev, "Rate limits"); a bucket that holds one minute's worth and refills evenly keeps
// the same long-run rate and asks for short waits.
type bucket struct {
	tokens float64
	at     time.Time
}

// take spends one token, or says how long until there is one.
func (b *bucket) take(now time.Time, perSecond, burst float64) time.Duration {
	b.tokens = math.Min(burst, b.tokens+now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		return 0
	}
	return time.Duration((1 - b.tokens) / perSecond * float64(time.Second))
}

const (
	postPerSecond = 1.0 // chat.postMessage: about one a second per channel, short bursts allowed
	postBurst     = 5.0
	postPerMinute = 300.0 // and "several hundred" a minute per workspace
)

// overLimit returns the Retry-After seconds of a refused call, 0 when the call may go on.
// The lock is held.
func (s *Server) overLimit(name string, m method, channel string) int {
	if s.opts.NoRateLimits {
		return 0
	}
	now := s.tune.now()
	take := func(key string, perSecond, burst float64) int {
		b := s.limits[key]
		if b == nil {
			b = &bucket{tokens: burst, at: now}
			s.limits[key] = b
		}
		wait := b.take(now, perSecond, burst)
		return int(math.Ceil(wait.Seconds()))
	}
	if m.perMinute > 0 {
		if wait := take(name, float64(m.perMinute)/60, float64(m.perMinute)); wait > 0 {
			return wait
		}
	}
	if name == "chat.postMessage" {
		return take(name+" "+channel, postPerSecond, postBurst)
	}
	return 0
}
