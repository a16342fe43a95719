package lcs

import (
	"time"

	"refreshbot/jobs/refresh"
)

// Quota returns how many more operations LCS accepts through its API on an environment with this history, and
// when the next one comes free if that is none.
func (c *Client) Quota(history []refresh.Operation, now time.Time) (left int, free time.Time) {
	used, free := QuotaUsed(history, now)
	return max(0, quota-used), free
}
