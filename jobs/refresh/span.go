package refresh

import (
	"fmt"
	"strings"
	"time"
)

// StampLayout is how a moment stands in a text that is kept.
const StampLayout = "2006-01-02 15:04 UTC"

// Stamp writes a moment into a text that is kept. Whoever shows the text can find it in there again, and put it into the
// reader's own time zone.
func Stamp(t time.Time) string { return t.UTC().Format(StampLayout) }

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

// Count is how many there are of something, in words: "1 user", "3 refreshes", "2 legal entities".
func Count(n int, one string) string {
	stem, isY := strings.CutSuffix(one, "ty")
	switch {
	case n == 1:
		return "1 " + one
	case isY:
		return fmt.Sprintf("%d %sties", n, stem)
	case strings.HasSuffix(one, "sh"):
		return fmt.Sprintf("%d %ses", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
