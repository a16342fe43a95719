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
