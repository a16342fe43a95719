package finops

import "context"

// EnableUser is one small write, which the tests of requests make.
func (c *Client) EnableUser(ctx context.Context, id string) error {
	return c.patch(ctx, "enabling user "+id, userPath(id), map[string]any{"Enabled": true})
}
