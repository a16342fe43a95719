package finops

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"refreshbot/jobs/refresh"
)

// AADClients returns the Microsoft Entra applications that may call the environment.
func (c *Client) AADClients(ctx context.Context) ([]refresh.AADClient, error) {
	type row struct{ AADClientId, UserId, Name string }
	rows, err := list[row](ctx, c, "listing the Microsoft Entra applications", "SysAADClients", "AADClientId", "UserId", "Name")
	if err != nil {
		return nil, err
	}
	clients := make([]refresh.AADClient, len(rows))
	for i, r := range rows {
		clients[i] = refresh.AADClient{ClientID: r.AADClientId, UserID: r.UserId, Name: r.Name}
	}
	return clients, nil
}

// AddAADClient lets the application call, as the user. One that is registered already is given this user and name.
// Refused: no such user, or the client id is no GUID.
func (c *Client) AddAADClient(ctx context.Context, a refresh.AADClient) error {
	if a.ClientID == "" || a.UserID == "" {
		return refresh.Errorf(refresh.Invalid, "A Microsoft Entra application needs a client id and a user.")
	}
	doing := fmt.Sprintf("registering the app %s", a.ClientID)
	_, err := c.do(ctx, request{
		doing: doing, method: http.MethodPost, url: c.data("SysAADClients"),
		body: map[string]string{"AADClientId": a.ClientID, "UserId": a.UserID, "Name": a.Name},
	})
	if refresh.CodeOf(err) != refresh.Refused {
		return err
	}
	have, listErr := c.AADClients(ctx)
	if listErr != nil {
		return listErr
	}
	for _, h := range have {
		if refresh.NormalizeID(h.ClientID) != refresh.NormalizeID(a.ClientID) {
			continue
		}
		if strings.EqualFold(h.UserID, a.UserID) && h.Name == a.Name {
			return nil
		}
		return c.patch(ctx, doing, aadClient(h.ClientID), map[string]any{"UserId": a.UserID, "Name": a.Name})
	}
	return err
}

// DeleteAADClient takes the application off the list. One that is not there is no error.
func (c *Client) DeleteAADClient(ctx context.Context, clientID string) error {
	if clientID == "" {
		return refresh.Errorf(refresh.Invalid, "A Microsoft Entra application needs a client id.")
	}
	return c.remove(ctx, "SysAADClients", write{
		doing: "removing the app " + clientID, method: http.MethodDelete, url: c.data(aadClient(clientID)),
	})
}

func aadClient(id string) string { return "SysAADClients(" + escape(quote(id)) + ")" }

const roleEnabled = "Enabled"

type roleRow struct{ UserId, SecurityRoleIdentifier, SecurityRoleName, AssignmentStatus string }

// UserRoles returns all role assignments that are enabled.
func (c *Client) UserRoles(ctx context.Context) ([]refresh.UserRole, error) {
	rows, err := list[roleRow](ctx, c, "listing the role assignments", "SecurityUserRoles",
		"UserId", "SecurityRoleIdentifier", "SecurityRoleName", "AssignmentStatus")
	if err != nil {
		return nil, err
	}
	roles := make([]refresh.UserRole, 0, len(rows))
	for _, r := range rows {
		if r.AssignmentStatus == roleEnabled {
			roles = append(roles, refresh.UserRole{UserID: r.UserId, Role: r.SecurityRoleIdentifier, RoleName: r.SecurityRoleName})
		}
	}
	return roles, nil
}

// AssignRole gives the user the role; one that the user has stays, one that is disabled is enabled.
//
// Sources disagree about which of two entity sets takes role assignments, SecurityUserRoles or
// SecurityUserRoleAssociations, so what the first refuses is tried with the second, which needs the role's name.
// When both refuse, the error has both reasons.
func (c *Client) AssignRole(ctx context.Context, r refresh.UserRole) error {
	if r.UserID == "" || r.Role == "" {
		return refresh.Errorf(refresh.Invalid, "A role assignment needs a user and a role.")
	}
	doing := fmt.Sprintf("giving user %s the role %s", r.UserID, r.Role)
	key := fmt.Sprintf("(UserId=%s,SecurityRoleIdentifier=%s)", escape(quote(r.UserID)), escape(quote(r.Role)))
	body := map[string]string{"UserId": r.UserID, "SecurityRoleIdentifier": r.Role, "AssignmentStatus": roleEnabled}
	if r.RoleName != "" {
		body["SecurityRoleName"] = r.RoleName
	}
	enable := map[string]any{"AssignmentStatus": roleEnabled}

	_, err := c.do(ctx, request{doing: doing, method: http.MethodPost, url: c.data("SecurityUserRoles"), body: body})
	if !declined(err) {
		return err
	}
	status, readErr := c.roleStatus(ctx, doing, key)
	switch {
	case readErr != nil:
		return readErr
	case status == roleEnabled:
		return nil
	case status != "":
		first := c.patch(ctx, doing, "SecurityUserRoles"+key, enable)
		if !declined(first) {
			return first
		}
		return both(first, c.patch(ctx, doing, "SecurityUserRoleAssociations"+key, enable))
	case r.RoleName == "":
		return err
	}
	_, second := c.do(ctx, request{doing: doing, method: http.MethodPost, url: c.data("SecurityUserRoleAssociations"), body: body})
	return both(err, second)
}

// roleStatus is the status of the assignment, empty when there is none.
func (c *Client) roleStatus(ctx context.Context, doing, key string) (string, error) {
	var found struct{ AssignmentStatus string }
	r := request{doing: doing, method: http.MethodGet, url: c.data("SecurityUserRoles" + key + "?$select=AssignmentStatus")}
	rep, err := c.do(ctx, r)
	if refresh.CodeOf(err) == refresh.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := decodeInto(c, r, rep, &found); err != nil {
		return "", err
	}
	return found.AssignmentStatus, nil
}

// both joins the reasons of two refusals of the same thing; any other outcome of the second stands alone.
func both(first, second error) error {
	if !declined(second) {
		return second
	}
	return refresh.Errorf(refresh.CodeOf(second), "%s %s", refresh.MessageOf(first), refresh.MessageOf(second))
}
