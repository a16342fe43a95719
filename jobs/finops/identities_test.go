package finops

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

func TestMicrosoftEntraApplications(t *testing.T) {
	t.Parallel()
	const (
		list = "GET /data/SysAADClients?$select=AADClientId,UserId,Name"
		id   = "33330000-0000-4000-8000-00000000ED10"
	)
	have := answer{body: `{"value":[{"AADClientId":"{33330000-0000-4000-8000-00000000ed10}","UserId":"ANNA","Name":"EDI"}]}`}
	add := `POST /data/SysAADClients {"AADClientId":"` + id + `","Name":"EDI","UserId":"anna"}`
	row := "/data/SysAADClients('%7B33330000-0000-4000-8000-00000000ed10%7D')"
	tests := map[string]struct {
		app    refresh.AADClient
		routes map[string]answer
		code   refresh.Code
		sent   []string
	}{
		"new": {refresh.AADClient{ClientID: id, UserID: "anna", Name: "EDI"}, map[string]answer{"POST /data/SysAADClients": {status: 201}}, "", []string{add}},
		"as it is already": {refresh.AADClient{ClientID: id, UserID: "anna", Name: "EDI"},
			map[string]answer{"POST /data/SysAADClients": {status: 400, body: odataError}, list: have}, "", []string{add, list}},
		"with another user": {refresh.AADClient{ClientID: id, UserID: "BO", Name: "EDI"},
			map[string]answer{"POST /data/SysAADClients": {status: 400, body: odataError}, list: have, "PATCH " + row: done}, "",
			[]string{`POST /data/SysAADClients {"AADClientId":"` + id + `","Name":"EDI","UserId":"BO"}`, list, `PATCH ` + row + ` {"Name":"EDI","UserId":"BO"}`}},
		"refused": {refresh.AADClient{ClientID: "x", UserID: "anna"},
			map[string]answer{"POST /data/SysAADClients": {status: 400, body: odataError}, list: have}, refresh.Refused,
			[]string{`POST /data/SysAADClients {"AADClientId":"x","Name":"","UserId":"anna"}`, list}},
		"busy": {refresh.AADClient{ClientID: id, UserID: "anna", Name: "EDI"}, map[string]answer{"POST /data/SysAADClients": {status: 429}}, refresh.Throttled, []string{add}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, tt.routes)
			wantError(t, e.client.AddAADClient(t.Context(), tt.app), tt.code)
			if d := cmp.Diff(tt.sent, e.requests()); d != "" {
				t.Error(d)
			}
		})
	}
	t.Run("listed and removed", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t, map[string]answer{list: have, "DELETE /data/SysAADClients('a%2Fb')": done, companies: up, "GET /data/SysAADClients?$top=1": {body: "{}"}})
		got, err := e.client.AADClients(t.Context())
		wantError(t, err, "")
		if d := cmp.Diff([]refresh.AADClient{{ClientID: "{33330000-0000-4000-8000-00000000ed10}", UserID: "ANNA", Name: "EDI"}}, got); d != "" {
			t.Error(d)
		}
		wantError(t, e.client.DeleteAADClient(t.Context(), "a/b"), "")
		wantError(t, e.client.DeleteAADClient(t.Context(), "not there"), "")
		for _, err := range []error{e.client.DeleteAADClient(t.Context(), ""), e.client.AddAADClient(t.Context(), refresh.AADClient{ClientID: id})} {
			if refresh.CodeOf(err) != refresh.Invalid {
				t.Error(err)
			}
		}
	})
}

func TestOnlyEnabledRoleAssignmentsAreListed(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{"GET /data/SecurityUserRoles": {body: `{"value":[
		{"UserId":"ANNA","SecurityRoleIdentifier":"-SYSADMIN-","SecurityRoleName":"System administrator","AssignmentStatus":"Enabled"},
		{"UserId":"BO","SecurityRoleIdentifier":"SYSTEMUSER","SecurityRoleName":"System user","AssignmentStatus":"Disabled"}]}`}})
	got, err := e.client.UserRoles(t.Context())
	wantError(t, err, "")
	if d := cmp.Diff([]refresh.UserRole{{UserID: "ANNA", Role: "-SYSADMIN-", RoleName: "System administrator"}}, got); d != "" {
		t.Error(d)
	}
}

func TestARoleIsAssignedWithWhicheverEntityTakesIt(t *testing.T) {
	t.Parallel()
	const (
		set   = "POST /data/SecurityUserRoles"
		assoc = "POST /data/SecurityUserRoleAssociations"
		key   = "(UserId='ANNA',SecurityRoleIdentifier='-SYSADMIN-')"
		body  = ` {"AssignmentStatus":"Enabled","SecurityRoleIdentifier":"-SYSADMIN-","SecurityRoleName":"System administrator","UserId":"ANNA"}`
		look  = "GET /data/SecurityUserRoles" + key + "?$select=AssignmentStatus"
		probe = companies
	)
	no := answer{status: 400, body: odataError}
	other := answer{status: 400, body: `{"error":{"message":"x","innererror":{"message":"The role is not known"}}}`}
	status := func(s string) answer { return answer{body: `{"AssignmentStatus":"` + s + `"}`} }
	enable := ` {"AssignmentStatus":"Enabled"}`
	tests := map[string]struct {
		nameless bool
		routes   map[string]answer
		code     refresh.Code
		words    []string
		sent     []string
	}{
		"the first takes it": {routes: map[string]answer{set: {status: 201}}, sent: []string{set + body}},
		"the second does":    {routes: map[string]answer{set: no, assoc: {status: 201}, probe: up}, sent: []string{set + body, look, probe, assoc + body}},
		"neither does": {routes: map[string]answer{set: no, assoc: other, probe: up}, code: refresh.Refused, words: []string{"Field Alias", "role is not known"},
			sent: []string{set + body, look, probe, assoc + body}},
		"the user has it": {routes: map[string]answer{set: no, look: status("Enabled")}, sent: []string{set + body, look}},
		"it is disabled": {routes: map[string]answer{set: no, look: status("Disabled"), "PATCH /data/SecurityUserRoles" + key: done},
			sent: []string{set + body, look, "PATCH /data/SecurityUserRoles" + key + enable}},
		"it is disabled, and only the second takes it": {
			routes: map[string]answer{set: no, look: status("Disabled"), "PATCH /data/SecurityUserRoles" + key: no, "PATCH /data/SecurityUserRoleAssociations" + key: done},
			sent:   []string{set + body, look, "PATCH /data/SecurityUserRoles" + key + enable, "PATCH /data/SecurityUserRoleAssociations" + key + enable}},
		"without a name": {nameless: true, routes: map[string]answer{set: no, probe: up}, code: refresh.Refused, words: []string{"Field Alias"},
			sent: []string{set + ` {"AssignmentStatus":"Enabled","SecurityRoleIdentifier":"-SYSADMIN-","UserId":"ANNA"}`, look, probe}},
		"down":         {routes: map[string]answer{set: {status: 503}}, code: refresh.Offline, sent: []string{set + body}},
		"down halfway": {routes: map[string]answer{set: no, look: {status: 503}}, code: refresh.Offline, sent: []string{set + body, look}},
		"busy at last": {routes: map[string]answer{set: no, probe: up, assoc: {status: 429}}, code: refresh.Throttled, sent: []string{set + body, look, probe, assoc + body}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, tt.routes)
			r := refresh.UserRole{UserID: "ANNA", Role: "-SYSADMIN-", RoleName: "System administrator"}
			if tt.nameless {
				r.RoleName = ""
			}
			wantError(t, e.client.AssignRole(t.Context(), r), tt.code, tt.words...)
			if d := cmp.Diff(tt.sent, e.requests()); d != "" {
				t.Error(d)
			}
		})
	}
	if err := newEnv(t, nil).client.AssignRole(t.Context(), refresh.UserRole{UserID: "ANNA"}); refresh.CodeOf(err) != refresh.Invalid {
		t.Error(err)
	}
}
