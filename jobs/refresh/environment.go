package refresh

import (
	"strings"
	"time"
)

// EnvironmentDetail is what Lifecycle Services (or its successor) says about an environment.
type EnvironmentDetail struct {
	ID             string // as NormalizeID writes it
	Name           string
	Type           string // Production, Sandbox, DevTestDev, ... as LCS spells it
	Infrastructure string // SelfService, MicrosoftManaged, CustomerManaged
	URL            string // without a trailing slash
	Release        string // application release, e.g. 10.0.43
	Platform       string // platform release, e.g. Update67
	State          string // DeploymentState: Finished when idle
}

// Production reports whether this is the live environment, whatever a configuration file says of it.
func (d EnvironmentDetail) Production() bool { return strings.EqualFold(d.Type, "Production") }

// Sandbox reports whether this is a standard sandbox (Tier 2 and up), the only possible target.
func (d EnvironmentDetail) Sandbox() bool { return strings.EqualFold(d.Type, "Sandbox") }

// Operation is one entry of an environment's history: ongoing or past, ours or started by hand.
type Operation struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind,omitempty"`      // the machine's name, e.g. SFSourceDbToSandbox
	Title     string     `json:"title,omitempty"`     // the name people see, e.g. "Refresh database"
	StartedAt time.Time  `json:"started_at,omitzero"` // zero when not known
	EndedAt   time.Time  `json:"ended_at,omitzero"`   // zero while it runs
	Status    CopyStatus `json:"status,omitempty"`
}

// IsRefresh reports whether the operation is a database refresh. Both names are looked at, because the
// machine's name differs between self-service and older environments.
func (o Operation) IsRefresh() bool {
	return strings.Contains(strings.ToLower(o.Kind), "sourcedbtosandbox") || strings.EqualFold(o.Title, "Refresh database")
}

// Running reports whether the operation has not ended.
func (o Operation) Running() bool { return o.EndedAt.IsZero() && !o.Status.Ended() }

// CopyStatus is the state of an operation in LCS's words. LCS may add members: an unknown one is neither
// ended, succeeded nor failed, so following simply goes on.
type CopyStatus string

// The values that the documentation names, and those at an operation's end that LCS's portal has besides.
const (
	CopyNotStarted         CopyStatus = "NotStarted"
	CopyPreparing          CopyStatus = "PreparingEnvironment"
	CopyInProgress         CopyStatus = "InProgress"
	CopyCompleted          CopyStatus = "Completed"
	CopySignedOff          CopyStatus = "SignedOff"
	CopyFailed             CopyStatus = "Failed"
	CopyAborted            CopyStatus = "Aborted"
	CopyRollbackInProgress CopyStatus = "RollbackInProgress"
	CopyRollbackCompleted  CopyStatus = "RollbackCompleted"
	CopyRollbackFailed     CopyStatus = "RollbackFailed"

	CopyCompletedManually   CopyStatus = "CompletedManually"
	CopySignedOffWithIssues CopyStatus = "SignedOffWithIssues"
	CopyPreparationFailed   CopyStatus = "PreparationFailed"
	CopyValidationFailed    CopyStatus = "ValidationFailed"
	CopyRollbackSignedOff   CopyStatus = "RollbackSignedOff"
	CopyRollbackWithIssues  CopyStatus = "RollbackSignedOffWithIssues"
	CopyRollbackAborted     CopyStatus = "RollbackAborted"
)

// Succeeded reports whether the target now holds the source's data.
func (s CopyStatus) Succeeded() bool {
	switch s {
	case CopyCompleted, CopySignedOff, CopyCompletedManually, CopySignedOffWithIssues:
		return true
	}
	return false
}

// Failed reports whether the operation is known not to have put the source's data into the target.
func (s CopyStatus) Failed() bool {
	switch s {
	case CopyFailed, CopyAborted, CopyPreparationFailed, CopyValidationFailed, CopyRollbackFailed, CopyRollbackAborted:
		return true
	}
	return s.RolledBack()
}

// RolledBack reports whether the target holds its old data again.
func (s CopyStatus) RolledBack() bool {
	return s == CopyRollbackCompleted || s == CopyRollbackSignedOff || s == CopyRollbackWithIssues
}

// Words says it as people do. What LCS has never said before stands as LCS says it.
func (s CopyStatus) Words() string {
	if words, known := s.words(); known {
		return words
	}
	return string(s)
}

// Known reports whether refreshbot knows what LCS means by it.
func (s CopyStatus) Known() bool {
	_, known := s.words()
	return known
}

func (s CopyStatus) words() (words string, known bool) {
	words, known = map[CopyStatus]string{
		CopyNotStarted: "waiting to begin", CopyPreparing: "preparing", CopyInProgress: "copying", CopyCompleted: "complete",
		CopySignedOff: "signed off", CopyFailed: "failed", CopyAborted: "aborted", CopyRollbackInProgress: "rolling back",
		CopyRollbackCompleted: "rolled back", CopyRollbackFailed: "the rollback failed",
		CopyCompletedManually: "completed by hand", CopySignedOffWithIssues: "signed off with issues",
		CopyPreparationFailed: "the preparation failed", CopyValidationFailed: "the validation failed",
		CopyRollbackSignedOff: "rolled back and signed off", CopyRollbackWithIssues: "rolled back with issues",
		CopyRollbackAborted: "the rollback was aborted",
	}[s]
	return words, known
}

// Ended reports whether nothing more will happen to the operation by itself. A failure of the copy is not an end: since
// 2026 LCS rolls a failed refresh back on its own, and the rollback's result is what counts.
func (s CopyStatus) Ended() bool {
	return s.Succeeded() || s.RolledBack() || s == CopyAborted || s == CopyRollbackFailed || s == CopyRollbackAborted
}

// NormalizeID brings an LCS identifier into one form: LCS itself writes the same GUID with and without
// dashes and in either case.
func NormalizeID(id string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "{", "", "}", "").Replace(strings.TrimSpace(id)))
}

// User is a row of SystemUsers.
type User struct {
	ID      string // UserID, unique
	SignIn  string // Alias: the sign-in name
	Name    string
	Email   string
	Enabled bool
}

// ServiceUser reports whether the user belongs to Microsoft's own services. Those are never touched.
func (u User) ServiceUser() bool {
	switch strings.ToLower(u.ID) {
	case "frserviceuser", "syshealthserviceuser", "scaleunitmanagement", "powerplatformapp", "retailserviceaccount":
		return true
	}
	return false
}

// BatchJob is a row of BatchJobs. RecID is its only key.
type BatchJob struct {
	RecID       int64
	Description string
	Company     string
	Recurring   bool   // it comes again by itself
	Status      string // Hold (shown to people as Withhold), Waiting, Executing, ...
}

// The batch job states that refreshbot reasons about.
const (
	BatchHold    = "Hold"
	BatchWaiting = "Waiting"
)

// BatchGroup is a row of BatchGroups: one batch group on one batch server.
type BatchGroup struct {
	Group       string // the empty group is F&O's default
	Server      string
	Description string
}

// EmailParameters are the outgoing e-mail settings that OData can reach. It cannot reach the password.
type EmailParameters struct {
	Server     string
	Port       int
	User       string
	RequireSSL bool
}

// Record names one OData entity and the values to write to it.
type Record struct {
	Entity string         // the entity set, e.g. DocumentParameters
	Key    map[string]any // all key fields
	Set    map[string]any // the fields to change
}

// Change is one write to one record, where there are many.
type Change struct {
	Method string // PATCH changes the fields in Set, POST inserts Key and Set together, DELETE removes the record
	Record Record // for POST the key may be empty, when its fields are in Set
}

// AADClient is a row of SysAADClients: a Microsoft Entra application that may call, and the user it acts as.
type AADClient struct {
	ClientID string
	UserID   string
	Name     string
}

// UserRole is an enabled row of SecurityUserRoles: a security role that a user has in all legal entities.
type UserRole struct {
	UserID   string
	Role     string // SecurityRoleIdentifier, e.g. -SYSADMIN-
	RoleName string // e.g. System administrator; some environments assign roles only by identifier and name
}

// Query says which rows of an OData entity set to read, and what of them.
type Query struct {
	Entity       string   // the entity set, e.g. DocumentParameters
	Select       []string // fields; all of them when empty
	Filter       string   // an OData $filter, not escaped, e.g. dataAreaId eq 'usmf'; all rows when empty
	CrossCompany bool     // rows of all legal entities, and not only of the app user's own
}

// Package is a data package and how to import it.
type Package struct {
	Data            []byte // a zip with Manifest.xml, PackageHeader.xml and the data files
	Name            string // what the file is called in the environment's storage; unique for each import
	DefinitionGroup string // the data project
	ExecutionID     string // names this import, so that it can be found again
	LegalEntity     string // e.g. usmf
	Overwrite       bool   // a data project that exists is replaced by the package's
}

// The states of an import, as F&O names them, that mean that it is over or was never begun. Source: "Data management
// package REST API".
const (
	PackageUnknown            = "Unknown" // no import of that id
	PackageSucceeded          = "Succeeded"
	PackagePartiallySucceeded = "PartiallySucceeded"
	PackageFailed             = "Failed"
	PackageCanceled           = "Canceled"
)

// EncryptedField names a field that F&O stores encrypted, which every refresh blanks. The service takes only those on
// its own short list.
type EncryptedField struct {
	Table string
	Field string
	RecID int64 // 0 for a table with a single row
}
