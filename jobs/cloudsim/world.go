package cloudsim

import (
	"context"
	"slices"
	"time"
)

// Environment is what one F&O environment holds at a moment: a deep copy, safe to keep and to change.
type Environment struct {
	Name           string
	LCSID          string    // with dashes
	URL            string    // without a trailing slash
	Type           string    // Production or Sandbox
	Release        string    // application release, such as 10.0.43
	Platform       string    // platform release, such as Update67
	Infrastructure string    // SelfService, MicrosoftManaged or CustomerManaged
	Online         bool      // whether the F&O host answers requests
	Operation      Operation // the current or last one that began in this world's time; zero when there was none
	Database
}

// Operation is one entry of an environment's LCS history.
type Operation struct {
	ID        string // with dashes
	Name      string
	Kind      string // as LCS names the type, such as SFSourceDbToSandbox
	Title     string // what people see, such as "Refresh database"
	Source    string // environment name; empty unless it is a refresh
	Target    string // environment name
	Status    string
	ByHand    bool // started by a person in the LCS portal, not through the API
	StartedAt time.Time
	EndedAt   time.Time // zero while it runs
}

// Ended reports whether nothing more happens to the operation by itself.
func (o Operation) Ended() bool { return !o.EndedAt.IsZero() }

// Database is the part of an environment that a refresh replaces. Field tags name the OData property; see
// entitySets for the entity sets. Every field that is a slice must be copied in clone.
type Database struct {
	Users              []User
	UserRoles          []UserRole
	BatchJobs          []BatchJob
	BatchGroups        []BatchGroup
	BatchServers       []BatchServer
	Email              EmailParameters
	System             SystemParameters
	AADClients         []AADClient
	DocumentParameters []DocumentParameters
	Companies          []Company
	Broadcasts         []Broadcast
	DataProjects       []DataProject
	Packages           []PackageImport
	PackageErrors      []PackageError
	EncryptedFields    []EncryptedField
	EntityStore        []EntityStoreRefresh
	Contacts           []Contact
	EventEndpoints     []string // business event endpoints
	HelpLibrary        string   // the LCS Help configuration; no entity exposes it
	PriorityScheduling bool     // the feature that decouples batch groups from servers; no entity exposes it
	SalesOrders        int
	DataAsOf           time.Time // the newest transaction; for production that is always now
}

// User is a row of SystemUsers.
type User struct {
	ID            string `odata:"UserID,key,mandatory"`
	Name          string `odata:"UserName,mandatory"`
	Alias         string `odata:"Alias"` // the sign-in name
	Email         string `odata:"Email"`
	Enabled       bool   `odata:"Enabled"`
	Company       string `odata:"Company"`
	NetworkDomain string `odata:"NetworkDomain,mandatory"`
	Language      string `odata:"UserInfo_language,mandatory"`
	HelpLanguage  string `odata:"Helplanguage,mandatory"`
	AccountType   string `odata:"AccountType,enum=UserAccountType"`
	External      bool   `odata:"ExternalUser"`
	PersonName    string `odata:"PersonName"`
	TimeZone      string `odata:"PreferredTimeZone,enum=Timezone"`
}

// UserRole is a row of SecurityUserRoles.
type UserRole struct {
	UserID      string `odata:"UserId,key"`
	Role        string `odata:"SecurityRoleIdentifier,key"`
	RoleName    string `odata:"SecurityRoleName"`
	Status      string `odata:"AssignmentStatus,enum=RoleAssignmentStatus"`
	Mode        string `odata:"AssignmentMode,enum=RoleAssignmentMode"`
	LicenseType string `odata:"UserLicenseType,enum=UserLicenseType"`
}

// BatchJob is a row of BatchJobs.
type BatchJob struct {
	RecID       int64     `odata:"BatchJobRecId,key"`
	Description string    `odata:"JobDescription"`
	Status      string    `odata:"Status,enum=BatchStatus"`
	Company     string    `odata:"CompanyAccounts"`
	RunBy       string    `odata:"ExecutingBy"`
	ScheduledAt time.Time `odata:"OrigStartDateTime"`
	StartedAt   time.Time `odata:"StartDateTime"`
	EndedAt     time.Time `odata:"EndDateTime"`
	SaveHistory string    `odata:"SaveJobToHistory,enum=BatchSaveJobToHistory"`
	Runtime     bool      `odata:"RuntimeJob"`
	CanceledBy  string    `odata:"CanceledBy"`
	Finishing   int       `odata:"Finishing"`
	Recurrence  string    `odata:"Recurrence"` // a packed container, which JSON shows in base64; empty for a job that runs once
	Group       string    // the table has it, the entity does not
}

// BatchGroup is a row of BatchGroups: one batch group on one batch server. A group without any server is one row
// with an empty ServerID, which is how a refresh leaves all of them.
type BatchGroup struct {
	GroupID     string `odata:"GroupId,key"`
	ServerID    string `odata:"ServerId,key"`
	Description string `odata:"Description"`
}

// BatchServer is a row of ServerConfigurations.
type BatchServer struct {
	Name         string `odata:"AOSInstanceName,key"`
	LoadBalancer string `odata:"LoadBalancer,key"`
	Cluster      string `odata:"ClusterName,key"`
	IsBatch      string `odata:"IsBatchServer,enum=NoYes"`
	MaxSessions  int    `odata:"MaxConcurrentSessions"`
	GUID         string `odata:"ServerGUID"`
}

// EmailParameters is the only row of EmailParameters.
type EmailParameters struct {
	ID            int    `odata:"ID,key"`
	Server        string `odata:"SMTPRelayServerName"`
	Port          int    `odata:"SMTPPortNumber"`
	User          string `odata:"SMTPUserName"`
	RequireSSL    string `odata:"SMTPRequireSSL,enum=NoYes"`
	UseNTLM       string `odata:"SMTPUseNTLM,enum=NoYes"`
	Mailer        string `odata:"MailerNonInteractive"`
	MaxAttachment int    `odata:"MaximumEmailAttachmentSize"`
	PasswordSet   bool   // no entity exposes the password
}

// SystemParameters is the only row of SystemParameters.
type SystemParameters struct {
	ID                int    `odata:"ID,key"`
	Currency          string `odata:"SystemCurrencyCode"`
	Language          string `odata:"SystemLanguage"`
	ExchangeRateType  string `odata:"SystemExchangeRateTypeId"`
	ReportMaximumRows int    `odata:"MaximumRowsOfSSRSReports"`
	Increment         int    `odata:"Increment"`
}

// AADClient is a row of SysAADClients: a Microsoft Entra application that may call, and the user it acts as.
type AADClient struct {
	ClientID string `odata:"AADClientId,key"`
	UserID   string `odata:"UserId"`
	Name     string `odata:"Name"`
}

// DocumentParameters is a row of DocumentParameters: one per legal entity.
type DocumentParameters struct {
	Company          string `odata:"dataAreaId,key"`
	Key              int    `odata:"Key,key"`
	WebAppsServer    string `odata:"WebAppsServerURL"`
	SharePointServer string `odata:"DefaultSharePointServer"`
	MaxFileSize      int    `odata:"MaxFileSizeInFileSystem"`
	ActiveTable      string `odata:"ActiveTable,enum=NoYes"`
}

// Company is a row of Companies: a legal entity.
type Company struct {
	ID   string `odata:"DataArea,key"`
	Name string `odata:"Name"`
}

// Broadcast is a row of SysBroadcastMessage: a downtime banner.
type Broadcast struct {
	RecID    int64
	From, To time.Time
}

// EntityStoreRefresh is one refresh of one aggregate measurement in the entity store.
type EntityStoreRefresh struct {
	Entity string
	At     time.Time
	By     string // user id
}

// Contact is an electronic address of a party: an e-mail address when the locator holds an @.
type Contact struct{ Party, Locator string }

// clone copies the database deeply: all rows are flat, so copying the slices is enough.
func (d Database) clone() Database {
	d.Users = slices.Clone(d.Users)
	d.UserRoles = slices.Clone(d.UserRoles)
	d.BatchJobs = slices.Clone(d.BatchJobs)
	d.BatchGroups = slices.Clone(d.BatchGroups)
	d.BatchServers = slices.Clone(d.BatchServers)
	d.AADClients = slices.Clone(d.AADClients)
	d.DocumentParameters = slices.Clone(d.DocumentParameters)
	d.Companies = slices.Clone(d.Companies)
	d.Broadcasts = slices.Clone(d.Broadcasts)
	d.DataProjects = slices.Clone(d.DataProjects)
	d.Packages = slices.Clone(d.Packages)
	d.PackageErrors = slices.Clone(d.PackageErrors)
	d.EncryptedFields = slices.Clone(d.EncryptedFields)
	d.EntityStore = slices.Clone(d.EntityStore)
	d.Contacts = slices.Clone(d.Contacts)
	d.EventEndpoints = slices.Clone(d.EventEndpoints)
	return d
}

// EncryptedField is a field that F&O stores encrypted. The world keeps only whether it has a value.
type EncryptedField struct {
	Table, Field string
	RecID        int64
	Set          bool
}

// environment is the world's own record of an environment. Cloud.mu guards it.
type environment struct {
	spec      EnvironmentSpec
	url       string
	platform  string
	db        Database
	down      downState
	history   []*operation // oldest first
	deployed  time.Time
	apiStarts []time.Time // accepted starts through the API, for the quota
	starts    int
	nextRecID int64
	companion bool // the custom service is part of its code, which a refresh does not touch
	imports   []*packageRun
}

func (e *environment) current() *operation {
	if len(e.history) == 0 {
		return nil
	}
	return e.history[len(e.history)-1]
}

func (e *environment) busy() bool {
	op := e.current()
	return op != nil && !op.Ended()
}

func (e *environment) snapshot() Environment {
	s := Environment{
		Name: e.spec.Name, LCSID: e.spec.LCSID, URL: e.url, Type: e.spec.Type, Release: e.spec.Release,
		Platform: e.platform, Infrastructure: e.spec.Infrastructure, Online: e.down == up, Database: e.db.clone(),
	}
	if op := e.current(); op != nil && !op.seeded {
		s.Operation = op.Operation
	}
	return s
}

// recID hands out a record id as the database does: unique and growing.
func (e *environment) recID() int64 {
	e.nextRecID++
	return e.nextRecID
}

// Snapshot returns what the environment holds now. An unknown name gives the zero value.
func (c *Cloud) Snapshot(name string) Environment {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(time.Now())
	if e := c.env(name); e != nil {
		return e.snapshot()
	}
	return Environment{}
}

// Operations returns the LCS history of the environment, newest first.
func (c *Cloud) Operations(name string) []Operation {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(time.Now())
	var ops []Operation
	if e := c.env(name); e != nil {
		for _, op := range slices.Backward(e.history) {
			ops = append(ops, op.Operation)
		}
	}
	return ops
}

// Starts returns how often a refresh of the target was accepted through the API.
func (c *Cloud) Starts(target string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.env(target); e != nil {
		return e.starts
	}
	return 0
}

// Changed returns a channel that is closed when something in the world changes next: a request was handled, an
// operation moved on, or a test steered it. Take the channel before looking, or a change may be missed.
func (c *Cloud) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Wait returns once cond holds, or with the context's error. cond may call any method of the cloud.
func (c *Cloud) Wait(ctx context.Context, cond func() bool) error {
	for {
		changed := c.Changed()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// notify wakes everyone who waits for a change. Cloud.mu is held.
func (c *Cloud) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// env finds an environment by name. Cloud.mu is held.
func (c *Cloud) env(name string) *environment {
	for _, e := range c.envs {
		if e.spec.Name == name {
			return e
		}
	}
	return nil
}
