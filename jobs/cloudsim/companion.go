package cloudsim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// companionVersion is the version of the companion service whose behaviour this is.
const companionVersion = "1.0"

// companionServices are the operations of the refreshbot companion service, a custom service that people may install.
// All take one contract, RefreshbotRequest, and answer another.
func companionServices() []customService {
	operation := func(name string, do func(c companionCall) (map[string]any, error)) customService {
		return customService{
			group: "RefreshbotServices", service: "Refreshbot", operation: name,
			parameters: []serviceParameter{{"_request", "RefreshbotRequest"}}, returns: "RefreshbotResponse",
			invoke: func(_ *Cloud, e *environment, who caller, args map[string]json.RawMessage, now time.Time) (any, error) {
				call := companionCall{env: e, who: who, now: now}
				if err := call.read(args["_request"]); err != nil {
					return nil, err
				}
				if err := call.guard(); err != nil {
					return nil, err
				}
				more, err := do(call)
				if err != nil {
					return nil, err
				}
				out := map[string]any{"$id": "1", "success": true, "message": "", "correlationId": call.CorrelationID}
				for name, v := range more {
					out[name] = v
				}
				return out, nil
			},
		}
	}
	return []customService{
		operation("status", companionCall.status),
		operation("refreshEntityStore", companionCall.refreshEntityStore),
		operation("setSmtpPassword", companionCall.setSMTPPassword),
		operation("setHelp", companionCall.setHelp),
		operation("setEncryptedField", companionCall.setEncryptedField),
	}
}

// companionCall is one call with the members of RefreshbotRequest.
type companionCall struct {
	ExpectedHost  string   `json:"expectedHost"`
	CorrelationID string   `json:"correlationId"`
	Entities      []string `json:"entities"`
	User          string   `json:"user"`
	Password      string   `json:"password"`
	Library       string   `json:"library"`
	Table         string   `json:"table"`
	Field         string   `json:"field"`
	RecID         int64    `json:"recId"`
	Value         string   `json:"value"`

	env *environment
	who caller
	now time.Time
}

// read decodes the contract. Names must be written exactly so: X++ tells a member's case apart.
func (c *companionCall) read(raw json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return said("Error converting the value of parameter '_request'.")
	}
	known := []string{"expectedHost", "correlationId", "entities", "user", "password", "library", "table", "field", "recId", "value"}
	for name := range members {
		if !slices.Contains(known, name) {
			return said("Could not find member '%s' on object of type 'RefreshbotRequest'.", name)
		}
	}
	if err := json.Unmarshal(raw, c); err != nil {
		return said("Error converting the value of parameter '_request'.")
	}
	return nil
}

// host is the environment's host as its own configuration has it.
func (c companionCall) host() string {
	return strings.ToLower(strings.TrimPrefix(c.env.url, "https://"))
}

// guard keeps the service out of production, and out of an environment that the caller takes for another one.
func (c companionCall) guard() error {
	switch {
	case c.env.spec.Type != "Sandbox":
		return said("Refreshbot runs in sandbox environments only, and %s is none.", c.host())
	case c.ExpectedHost != c.host():
		return said("Refreshbot was called for %s, but this is %s.", c.ExpectedHost, c.host())
	}
	return nil
}

func (c companionCall) status() (map[string]any, error) {
	return map[string]any{"version": companionVersion, "host": c.host(), "priorityScheduling": c.env.db.PriorityScheduling}, nil
}

// refreshEntityStore leaves one row for each measurement, however often it is called.
func (c companionCall) refreshEntityStore() (map[string]any, error) {
	if len(c.Entities) == 0 {
		return nil, said("No aggregate measurement was named.")
	}
	for _, name := range c.Entities {
		if !slices.Contains(entityStoreEntities(), name) {
			return nil, said("There is no entity store batch job with the description '%s'.", name)
		}
	}
	db := &c.env.db
	for _, name := range c.Entities {
		db.EntityStore = slices.DeleteFunc(db.EntityStore, func(r EntityStoreRefresh) bool { return r.Entity == name })
		db.EntityStore = append(db.EntityStore, EntityStoreRefresh{Entity: name, At: c.now, By: c.who.user.ID})
	}
	return nil, nil
}

func (c companionCall) setSMTPPassword() (map[string]any, error) {
	if c.Password == "" {
		return nil, said("There is no password.")
	}
	if c.User != "" {
		c.env.db.Email.User = c.User
	}
	c.env.db.Email.PasswordSet = true
	return nil, nil
}

// helpLibraries are the Lifecycle Services libraries that an environment knows.
func helpLibraries() []string { return []string{"Production help", "Test help", "Training help"} }

func (c companionCall) setHelp() (map[string]any, error) {
	if !slices.Contains(helpLibraries(), c.Library) {
		return nil, said("The library '%s' is not known here. Open System administration > Setup > System parameters > Help once.", c.Library)
	}
	c.env.db.HelpLibrary = c.Library
	return nil, nil
}

func (c companionCall) setEncryptedField() (map[string]any, error) {
	allowed := []string{"ExchangeRateProviderConfigurationDetails.Value", "FiscalEstablishment_BR.ConsumerEFDocCsc"}
	if name := c.Table + "." + c.Field; !slices.Contains(allowed, name) {
		return nil, said("The field '%s' is not on the list of those that may be set.", name)
	}
	if c.Value == "" {
		return nil, said("There is no value.")
	}
	var found []*EncryptedField
	for i := range c.env.db.EncryptedFields {
		f := &c.env.db.EncryptedFields[i]
		if f.Table == c.Table && f.Field == c.Field && (c.RecID == 0 || f.RecID == c.RecID) {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		return nil, said("%d records of '%s' match. Name one by its record id.", len(found), c.Table)
	}
	found[0].Set = true
	return nil, nil
}
