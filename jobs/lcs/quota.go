package lcs

import (
	"time"

	"refreshbot/jobs/refresh"
)

// Quota returns how many operations LCS has begun on an environment with this history, of those that it accepts through
// its API, and when the next one comes free if none is left.
func (c *Client) Quota(history []refresh.Operation, now time.Time) refresh.Quota {
	used, free := QuotaUsed(history, now)
	return refresh.Quota{Used: used, Limit: quota, Within: quotaWindow, Free: free}
}
