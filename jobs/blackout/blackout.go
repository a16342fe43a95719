// Package blackout knows when environments are not to be refreshed: the blackouts of the configuration, some of which
// come again, and the freezes that people ask for, which are kept in the store.
package blackout

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"refreshbot/jobs/recur"
	"refreshbot/jobs/refresh"
)

const space = "freeze"

// horizon is how far a blackout that comes again is unrolled, and so how far ahead a free time is looked for.
const horizon = 400 * 24 * time.Hour

// Rule is a blackout of the configuration: once, from From until Until, or whenever Cron says, each time for For.
type Rule struct {
	From, Until  time.Time
	Cron         string
	For          time.Duration
	Environments []string // empty: every target
	Why          string
	Owner        string // a user's or a user group's id; may be empty
}

// Records keeps small named records.
type Records interface {
	Record(ctx context.Context, space, key string) ([]byte, bool, error)
	PutRecord(ctx context.Context, space, key string, value []byte) error
}

// Calendar is safe for concurrent use.
type Calendar struct {
	records Records
	rules   []rule

	writing sync.Mutex // one change to the freezes at a time
}

type rule struct {
	Rule
	times recur.Times
}

// New returns a calendar of the rules and of the freezes in the records. Expressions are read in the zone.
func New(rules []Rule, zone *time.Location, records Records) (*Calendar, error) {
	c := &Calendar{records: records}
	for _, r := range rules {
		read := rule{Rule: r}
		if r.Cron != "" {
			times, err := recur.Parse(r.Cron, zone)
			if err != nil {
				return nil, fmt.Errorf("blackout %q: %w", r.Why, err)
			}
			read.times = times
		}
		c.rules = append(c.rules, read)
	}
	return c, nil
}

// Blackouts returns those of the target that have not ended at from, the earliest first: all that are known, and those
// that come again for more than a year.
func (c *Calendar) Blackouts(ctx context.Context, target string, from time.Time) ([]refresh.Blackout, error) {
	list, err := c.freezes(ctx, target)
	if err != nil {
		return nil, err
	}
	for _, r := range c.rules {
		if len(r.Environments) == 0 || slices.ContainsFunc(r.Environments, func(e string) bool { return strings.EqualFold(e, target) }) {
			list = append(list, r.from(from)...)
		}
	}
	list = slices.DeleteFunc(list, func(b refresh.Blackout) bool { return !b.Until.After(from) })
	slices.SortStableFunc(list, func(a, b refresh.Blackout) int { return cmp.Or(a.From.Compare(b.From), a.Until.Compare(b.Until)) })
	return list, nil
}

// from unrolls a rule.
func (r rule) from(t time.Time) []refresh.Blackout {
	b := refresh.Blackout{From: r.From, Until: r.Until, Why: r.Why, Owner: refresh.Person{ID: r.Owner}, Configured: true}
	if r.Cron == "" {
		return []refresh.Blackout{b}
	}
	var list []refresh.Blackout
	for at := r.times.Next(t.Add(-r.For)); !at.IsZero() && at.Before(t.Add(horizon)); at = r.times.Next(at) {
		b.From, b.Until = at, at.Add(r.For)
		list = append(list, b)
	}
	return list
}

// Freeze adds a freeze of the target. Freezes of the same owner that it touches make way for it: asking again is how
// one is moved.
func (c *Calendar) Freeze(ctx context.Context, target string, b refresh.Blackout, now time.Time) error {
	return c.change(ctx, target, now, func(list []refresh.Blackout) []refresh.Blackout {
		list = slices.DeleteFunc(list, func(old refresh.Blackout) bool { return old.Owner.ID == b.Owner.ID && old.Touches(b.From, b.Until) })
		n := 1
		for slices.ContainsFunc(list, func(old refresh.Blackout) bool { return old.ID == fmt.Sprint(n) }) {
			n++
		}
		b.ID = fmt.Sprint(n)
		return append(list, b)
	})
}

// Lift removes a freeze of the target and returns it; false when there is none of that id.
func (c *Calendar) Lift(ctx context.Context, target, id string, now time.Time) (lifted refresh.Blackout, found bool, err error) {
	err = c.change(ctx, target, now, func(list []refresh.Blackout) []refresh.Blackout {
		return slices.DeleteFunc(list, func(b refresh.Blackout) bool {
			if b.ID == id {
				lifted, found = b, true
			}
			return b.ID == id
		})
	})
	return lifted, found, err
}

// change rewrites the freezes of a target; those that have ended are dropped.
func (c *Calendar) change(ctx context.Context, target string, now time.Time, with func([]refresh.Blackout) []refresh.Blackout) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	list, err := c.freezes(ctx, target)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(b refresh.Blackout) bool { return !b.Until.After(now) })
	data, err := json.Marshal(with(list))
	if err != nil {
		return err
	}
	if err := c.records.PutRecord(ctx, space, target, data); err != nil {
		return fmt.Errorf("keep the freezes of %s: %w", target, err)
	}
	return nil
}

func (c *Calendar) freezes(ctx context.Context, target string) ([]refresh.Blackout, error) {
	data, ok, err := c.records.Record(ctx, space, target)
	if err != nil {
		return nil, fmt.Errorf("read the freezes of %s: %w", target, err)
	}
	var list []refresh.Blackout
	if ok {
		if err := json.Unmarshal(data, &list); err != nil {
			return nil, fmt.Errorf("read the freezes of %s: %w", target, err)
		}
	}
	return list, nil
}
