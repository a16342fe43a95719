package refresh

import (
	"fmt"
	"time"
)

// Quota is how many copies of a target a copier begins within some time, and how many of them are used.
type Quota struct {
	Used   int
	Limit  int
	Within time.Duration
	Free   time.Time // when the next one can begin; zero: now
}

// QuotaCheck names the finding that a copier takes another copy; its detail is the count.
const QuotaCheck = "LCS accepts a refresh"

// Left is how many can begin now.
func (q Quota) Left() int { return max(0, q.Limit-q.Used) }

// String is the count in words.
func (q Quota) String() string {
	return fmt.Sprintf("%d of %d starts in %d h used", q.Used, q.Limit, int(q.Within.Hours()))
}
