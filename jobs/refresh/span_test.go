package refresh_test

import (
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", -time.Second: "0 s", 45 * time.Second: "45 s", 30 * time.Minute: "30 min", 24 * time.Hour: "24 h", 90 * time.Minute: "1 h 30 min",
	} {
		if got := refresh.Span(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for one, want := range map[string][3]string{
		"user":         {"0 users", "1 user", "2 users"},
		"refresh":      {"0 refreshes", "1 refresh", "2 refreshes"},
		"legal entity": {"0 legal entities", "1 legal entity", "2 legal entities"},
		"day":          {"0 days", "1 day", "2 days"},
	} {
		for n, words := range want {
			if got := refresh.Count(n, one); got != words {
				t.Errorf("got %q, want %q", got, words)
			}
		}
	}
}
