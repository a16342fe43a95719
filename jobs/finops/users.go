package finops

import (
	"context"

	"refreshbot/jobs/refresh"
)

// Companies returns the identifiers of all legal entities, e.g. usmf.
func (c *Client) Companies(ctx context.Context) ([]string, error) {
	rows, err := list[struct{ DataArea string }](ctx, c, "listing the legal entities", "Companies", "DataArea")
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.DataArea
	}
	return ids, nil
}

// Users returns every user, those of Microsoft's own services included.
func (c *Client) Users(ctx context.Context) ([]refresh.User, error) {
	type row struct {
		UserID, Alias, UserName, Email string
		Enabled                        flag
	}
	rows, err := list[row](ctx, c, "listing the users", "SystemUsers", "UserID", "Alias", "UserName", "Email", "Enabled")
	if err != nil {
		return nil, err
	}
	users := make([]refresh.User, len(rows))
	for i, r := range rows {
		users[i] = refresh.User{ID: r.UserID, SignIn: r.Alias, Name: r.UserName, Email: r.Email, Enabled: bool(r.Enabled)}
	}
	return users, nil
}

// userPath is the address of one user.
func userPath(id string) string { return "SystemUsers(" + escape(quote(id)) + ")" }
