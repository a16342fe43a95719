package finops

import (
	"context"
	"encoding/json"

	"refreshbot/jobs/refresh"
)

// EmailParameters reads the outgoing e-mail settings.
func (c *Client) EmailParameters(ctx context.Context) (refresh.EmailParameters, error) {
	type row struct {
		SMTPRelayServerName, SMTPUserName string
		SMTPPortNumber                    json.Number
		SMTPRequireSSL                    flag
	}
	rows, err := list[row](ctx, c, "reading the e-mail parameters", "EmailParameters",
		"SMTPRelayServerName", "SMTPPortNumber", "SMTPUserName", "SMTPRequireSSL")
	if err != nil {
		return refresh.EmailParameters{}, err
	}
	if len(rows) == 0 {
		return refresh.EmailParameters{}, refresh.Errorf(refresh.NotFound, "%s has no e-mail parameters yet: open System administration > Setup > Email > Email parameters there once.", c.host)
	}
	port, _ := rows[0].SMTPPortNumber.Int64() // null when it was never set
	return refresh.EmailParameters{
		Server: rows[0].SMTPRelayServerName, Port: int(port), User: rows[0].SMTPUserName, RequireSSL: bool(rows[0].SMTPRequireSSL),
	}, nil
}

// SetEmailParameters writes all four settings. The table has one row, whose key is 0.
// The password cannot be set this way: OData has no field for it.
func (c *Client) SetEmailParameters(ctx context.Context, p refresh.EmailParameters) error {
	return c.patch(ctx, "setting the e-mail parameters", "EmailParameters(0)", map[string]any{
		"SMTPRelayServerName": p.Server,
		"SMTPPortNumber":      p.Port,
		"SMTPUserName":        p.User,
		"SMTPRequireSSL":      noYes(p.RequireSSL),
	})
}
