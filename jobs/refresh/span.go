package refresh

import (
	"fmt"
	"time"
)

// Span is a length of time in words: "24 h", "1 h 30 min", "45 s". What is negative is no time.
func Span(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", max(0, int(d.Round(time.Second).Seconds())))
	}
	minutes := int(d.Round(time.Minute).Minutes())
	switch h, m := minutes/60, minutes%60; {
	case h == 0:
		return fmt.Sprintf("%d min", m)
	case m == 0:
		return fmt.Sprintf("%d h", h)
	default:
		return fmt.Sprintf("%d h %d min", h, m)
	}
}
