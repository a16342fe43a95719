package phases

import (
	"encoding/json"
	"time"

	"refreshbot/jobs/refresh"
)

// The parameters of the steps as they stand in the plan. None of them holds a secret: a Secret field is a
// reference that Options.Secret resolves when it is used.
type (
	// BatchGroupsParams: the groups that must have servers again.
	BatchGroupsParams struct {
		Groups []BatchGroup `json:"groups"`
	}
	// BatchGroup is one of them. No servers means every batch server there is.
	BatchGroup struct {
		Group       string   `json:"group"`
		Description string   `json:"description,omitempty"`
		Servers     []string `json:"servers,omitempty"`
	}
	// BatchJobsParams: descriptions of jobs to set to Waiting; * stands for any characters.
	BatchJobsParams struct {
		ToWaiting []string `json:"to_waiting"`
	}
	// EmailParams: the outgoing e-mail settings. The password needs the companion service.
	EmailParams struct {
		refresh.EmailParameters
		Secret string `json:"secret,omitempty"`
	}
	// EntityStoreParams: the entities to refresh, through the companion service.
	EntityStoreParams struct {
		Entities []string `json:"entities"`
	}
	// SystemParams: the system parameters that no entity holds, through the companion service.
	SystemParams struct {
		HelpLibrary string `json:"help_library"`
	}
	// EncryptedParams: a field that F&O keeps encrypted and every refresh blanks, through the companion service.
	EncryptedParams struct {
		refresh.EncryptedField
		Secret string `json:"secret"`
	}
	// ServiceParams: a custom service Group/Service/Operation and its body. With Expect, the reply must hold it: an object may
	// have more members, since F&O adds some of its own.
	ServiceParams struct {
		Path    string          `json:"path"`
		Body    any             `json:"body,omitempty"`
		Expect  json.RawMessage `json:"expect,omitempty"`
		Timeout time.Duration   `json:"timeout,omitempty"`
	}
	// ODataParams: one record to change, or with Insert to add. With Rows, all those instead, of the same entity; then
	// Key and Set are empty.
	ODataParams struct {
		refresh.Record
		Rows   []refresh.Record `json:"rows,omitempty"`
		Insert bool             `json:"insert,omitempty"`
	}
	// PackageParams: a data package to import. File is read when the step runs.
	PackageParams struct {
		File            string        `json:"file"`
		DefinitionGroup string        `json:"definition_group"`
		LegalEntity     string        `json:"legal_entity"`
		Overwrite       bool          `json:"overwrite,omitempty"`
		Timeout         time.Duration `json:"timeout,omitempty"`
	}
	// HTTPParams: an outside system that must know. It has to bear being told twice.
	HTTPParams struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers,omitempty"`
		Secrets map[string]string `json:"secrets,omitempty"` // header name to reference
		Body    any               `json:"body,omitempty"`
		Expect  []int             `json:"expect,omitempty"` // status codes; empty: any 2xx
	}
	// ManualParams: what a person has to do.
	ManualParams struct {
		Text string `json:"text"`
	}
	// RestoreParams: which area of the snapshot to write back.
	RestoreParams struct {
		Area  Area `json:"area"`
		Offer bool `json:"offer,omitempty"` // ask first: the configuration does not say that it is wanted
	}
	// GuardParams: what must not be so when users are let in.
	GuardParams struct {
		Probes []Probe `json:"probes"`
	}
	// Probe is violated by any record of Entity whose fields equal Where.
	Probe struct {
		Name   string         `json:"name"`
		Entity string         `json:"entity"`
		Where  map[string]any `json:"where"`
	}
	// UsersParams say who is let in, from all the places together.
	UsersParams struct {
		Enable     []string `json:"enable,omitempty"` // user ids or sign-in names
		Files      []string `json:"files,omitempty"`
		SlackGroup string   `json:"slack_group,omitempty"` // matched by e-mail
		Role       string   `json:"role,omitempty"`        // everybody who has this security role
		Restore    bool     `json:"restore,omitempty"`     // whoever was enabled before
		Roles      bool     `json:"roles,omitempty"`       // give them the roles they had before, too
	}
)

// Area is a part of the target's own settings that a refresh replaces.
type Area string

// The areas that can be kept.
const (
	AreaUsers              Area = "users"
	AreaUserRoles          Area = "user_roles"
	AreaBatchJobs          Area = "batch_jobs"
	AreaBatchGroups        Area = "batch_groups"
	AreaEmail              Area = "email"
	AreaEntraApplications  Area = "entra_applications"
	AreaDocumentParameters Area = "document_parameters"
	areaSettings           Area = "settings" // all but the users and their roles
)

// Title is the area's name as people read it.
func (a Area) Title() string {
	switch a {
	case AreaUsers:
		return "Users as before"
	case AreaUserRoles:
		return "Role assignments as before"
	case AreaBatchJobs:
		return "Batch jobs as before"
	case AreaBatchGroups:
		return "Batch groups as before"
	case AreaEmail:
		return "E-mail parameters as before"
	case AreaEntraApplications:
		return "Entra applications as before"
	case AreaDocumentParameters:
		return "Document parameters as before"
	}
	return string(a)
}
