package cloudsim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// said is an error in the service's own words, which begin and end as sentences do.
func said(format string, args ...any) error { return fmt.Errorf(format, args...) }

// entitySets describes every entity set that the environments have. Source: reference pages of the entities in the
// Common Data Model (operationsCommon, System administration).
func entitySets() []*entitySet {
	sets := []*entitySet{
		{
			name: "Companies", entity: "Company", table: "CompanyEntity",
			slice: func(d *Database) any { return &d.Companies },
		},
		{
			name: "SystemUsers", entity: "SystemUser", table: "SystemUserEntity", insert: true, update: true, remove: true,
			slice: func(d *Database) any { return &d.Users },
		},
		{
			name: "SecurityUserRoles", entity: "SecurityUserRole", table: "SecurityUserRoleEntity", insert: true, update: true,
			slice: func(d *Database) any { return &d.UserRoles },
			check: func(w *write, _, row any) error {
				if !w.c.switches.rolesWritable {
					return said("SecurityUserRoles does not allow changes.")
				}
				return checkRole(w, row)
			},
		},
		{
			name: "SecurityUserRoleAssociations", entity: "SecurityUserRoleAssociation", table: "SecurityUserRoleAssociationEntity",
			insert: true, update: true, remove: true, deaf: true,
			slice: func(d *Database) any { return &d.UserRoles },
			check: func(w *write, _, row any) error {
				if row.(*UserRole).RoleName == "" {
					return said("Field 'Security role name' must be filled in.")
				}
				return checkRole(w, row)
			},
		},
		{
			name: "BatchJobs", entity: "BatchJob", table: "BatchJobEntity", update: true,
			slice: func(d *Database) any { return &d.BatchJobs },
			check: func(w *write, old, row any) error {
				if o, n := old.(*BatchJob), row.(*BatchJob); o.Status != n.Status && !w.c.switches.batch.StatusWritable {
					return said("Field 'Status' does not allow editing.")
				}
				return nil
			},
		},
		{
			name: "BatchGroups", entity: "BatchGroup", table: "BatchGroupEntity", insert: true, update: true, remove: true,
			slice: func(d *Database) any { return &d.BatchGroups },
			check: func(w *write, _, row any) error {
				server := row.(*BatchGroup).ServerID
				if server != "" && !slices.ContainsFunc(w.env.db.BatchServers, func(s BatchServer) bool { return strings.EqualFold(s.Name, server) }) {
					return said("The value '%s' in field 'Server ID' is not found in the related table 'Server configuration'.", server)
				}
				return nil
			},
			after: func(w *write, old, row any) { settleBatchGroups(&w.env.db, old, row) },
		},
		{
			name: "ServerConfigurations", entity: "ServerConfiguration", table: "SysServerConfigEntity",
			slice: func(d *Database) any { return &d.BatchServers },
		},
		{
			name: "EmailParameters", entity: "EmailParameter", table: "SysEmailParametersEntity", update: true,
			single: func(d *Database) any { return &d.Email },
			check: func(_ *write, _, row any) error {
				if port := row.(*EmailParameters).Port; port < 0 || port > 65535 {
					return said("Port number %d is not valid.", port)
				}
				return nil
			},
		},
		{
			name: "SystemParameters", entity: "SystemParameter", table: "SystemParametersEntity", update: true,
			single: func(d *Database) any { return &d.System },
		},
		{
			name: "SysAADClients", entity: "SysAADClient", table: "SysAADClientTableEntity", insert: true, update: true, remove: true,
			slice: func(d *Database) any { return &d.AADClients },
			check: func(w *write, _, row any) error {
				a := row.(*AADClient)
				if len(bareGUID(a.ClientID)) != 32 {
					return said("Client Id '%s' is not a valid GUID.", a.ClientID)
				}
				if w.env.user(a.UserID) == nil {
					return said("The value '%s' in field 'User ID' is not found in the related table 'User information'.", a.UserID)
				}
				return nil
			},
		},
		{
			name: "DataManagementDefinitionGroups", entity: "DataManagementDefinitionGroup", table: "DMFDefinitionGroupEntity",
			slice: func(d *Database) any { return &d.DataProjects },
		},
		{
			name: "DocumentParameters", entity: "DocumentParameter", table: "DocuParametersEntity", update: true,
			slice: func(d *Database) any { return &d.DocumentParameters },
		},
	}
	for _, s := range sets {
		var db Database
		if s.single != nil {
			s.props = properties(reflect.ValueOf(s.single(&db)).Elem().Interface())
		} else {
			s.props = properties(reflect.Zero(reflect.TypeOf(s.slice(&db)).Elem().Elem()).Interface())
		}
	}
	return sets
}

func checkRole(w *write, row any) error {
	r := row.(*UserRole)
	if w.env.user(r.UserID) == nil {
		return said("The value '%s' in field 'User ID' is not found in the related table 'User information'.", r.UserID)
	}
	if r.Role == "" {
		return said("Field 'Security role identifier' must be filled in.")
	}
	return nil
}

// settleBatchGroups keeps each group visible: on its servers, or with no server as one row.
func settleBatchGroups(db *Database, old, row any) {
	if g, ok := row.(*BatchGroup); ok && g.ServerID != "" {
		group := g.GroupID // g points into the slice that changes now
		db.BatchGroups = slices.DeleteFunc(db.BatchGroups, func(b BatchGroup) bool {
			return b.ServerID == "" && strings.EqualFold(b.GroupID, group)
		})
		return
	}
	if o, ok := old.(*BatchGroup); ok && row == nil && o.ServerID != "" {
		if !slices.ContainsFunc(db.BatchGroups, func(b BatchGroup) bool { return strings.EqualFold(b.GroupID, o.GroupID) }) {
			db.BatchGroups = append(db.BatchGroups, BatchGroup{GroupID: o.GroupID, Description: o.Description})
		}
	}
}

// user finds a user of the environment by id; the database does not tell upper from lower case.
func (e *environment) user(id string) *User {
	for i := range e.db.Users {
		if strings.EqualFold(e.db.Users[i].ID, id) {
			return &e.db.Users[i]
		}
	}
	return nil
}
