package commands_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
	"refreshbot/store/storetest"
)

// known is a store with refreshes that are over.
type known struct {
	nothing
	over []refresh.Refresh
	err  error
}

func (k known) Recent(context.Context, string, int) ([]refresh.Refresh, error) { return k.over, k.err }

// The downtime that is announced is learnt from three refreshes on, whoever asks, and frozen with the request.
func TestTheDowntimeIsLearntFromThreeRefreshesOn(t *testing.T) {
	t.Parallel()
	var over []refresh.Refresh
	for i := range 3 {
		at := nextTest.Add(-time.Duration(i+1) * 7 * 24 * time.Hour)
		over = append(over, refresh.Refresh{
			ID: refresh.ID(fmt.Sprint(i)), Status: refresh.Done, RequestedAt: at, EndedAt: at.Add(5 * time.Hour),
			Source: storetest.Environment("production"), Target: storetest.Environment("uat"), Copy: refresh.Copy{SentAt: at, OnlineAt: at.Add(3 * time.Hour)},
		})
	}
	damaged := errors.New("a row that cannot be read")
	for name, tc := range map[string]struct {
		past   known
		want   time.Duration
		learnt int
	}{
		"three":                {known{over: over}, 3 * time.Hour, 3},
		"three and a bad one":  {known{over: over, err: damaged}, 3 * time.Hour, 3},
		"two":                  {known{over: over[:2]}, 2 * time.Hour, 0},
		"nothing can be read":  {known{err: damaged}, 2 * time.Hour, 0},
		"nothing has happened": {known{}, 2 * time.Hour, 0},
	} {
		e := &asked{}
		svc, err := commands.New(options(e, tc.past, newDirectory()))
		if err != nil {
			t.Fatal(err)
		}
		in := line(sam, "uat now")
		in.Channel = channel
		svc.Slash(t.Context(), in)
		if _, err := svc.Scheduled(t.Context(), schedule.Request{Entry: schedule.Entry{ID: "uat.config", Target: "uat"}, Due: nextTest}); err != nil {
			t.Fatal(err)
		}
		if len(e.requests) != 2 {
			t.Fatalf("%s: %d requests", name, len(e.requests))
		}
		for _, req := range e.requests {
			if s := req.Settings; s.Downtime != tc.want || s.Learnt != tc.learnt {
				t.Errorf("%s: %v learnt from %d, want %v from %d", name, s.Downtime, s.Learnt, tc.want, tc.learnt)
			}
		}
	}
}
