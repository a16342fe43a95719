package finops

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
)

// The companion's place among the custom services. Its X++ source and its contract are in the folder xpp.
const companionPath = "/api/services/RefreshbotServices/Refreshbot"

// Companion calls the custom service that reaches what OData does not. It is installed in an environment or not;
// Status tells. Every operation may be repeated, so a lost reply is Offline.
//
// The service runs in a sandbox only, and only in the one that it is told it is in: the client sends the host of its
// own URL with each call, and the service compares it with the one that it runs under. Refused says so.
type Companion struct{ c *Client }

// Companion returns the companion service of the environment. It makes no request.
func (c *Client) Companion() *Companion { return &Companion{c} }

// CompanionStatus is what the service says about itself and its environment.
type CompanionStatus struct {
	Version            string
	Host               string   // the environment's host as it knows it
	PriorityScheduling bool     // batch jobs are scheduled by priority: batch groups need no servers
	Operations         []string // what it can do, e.g. setSmtpPassword
}

// Status asks the service how it is. NotFound: it is not installed there. Refused: it is, and will not work there.
func (s *Companion) Status(ctx context.Context) (CompanionStatus, error) {
	r := request{doing: "looking for the companion service", method: http.MethodGet, url: s.c.base + companionPath}
	rep, err := s.c.do(ctx, r)
	if err != nil {
		return CompanionStatus{}, s.absent(err)
	}
	var found struct{ Operations []struct{ Name string } }
	if err := decodeInto(s.c, r, rep, &found); err != nil {
		return CompanionStatus{}, err
	}
	var status CompanionStatus
	for _, o := range found.Operations {
		status.Operations = append(status.Operations, o.Name)
	}
	if !slices.Contains(status.Operations, "status") {
		return CompanionStatus{}, s.absent(refresh.Errorf(refresh.NotFound, "no operation status"))
	}
	answer, err := s.call(ctx, "asking the companion service how it is", "status", companionRequest{})
	if err != nil {
		return CompanionStatus{}, err
	}
	status.Version, status.Host, status.PriorityScheduling = answer.Version, answer.Host, answer.PriorityScheduling
	return status, nil
}

// Installed reports whether the service is there.
func (s *Companion) Installed(ctx context.Context) (bool, error) {
	_, err := s.Status(ctx)
	if refresh.CodeOf(err) == refresh.NotFound {
		return false, nil
	}
	return err == nil, err
}

// PriorityScheduling reports whether the environment schedules batch jobs by priority, so that batch groups need no
// servers. False where the service is not installed: nothing else tells.
// Source: "Priority-based batch scheduling" in the system administration documentation.
func (s *Companion) PriorityScheduling(ctx context.Context) (bool, error) {
	status, err := s.Status(ctx)
	if refresh.CodeOf(err) == refresh.NotFound {
		return false, nil
	}
	return status.PriorityScheduling, err
}

// RefreshEntityStore starts the refresh of these aggregate measurements, all or none of them. One that is under way
// is left alone.
func (s *Companion) RefreshEntityStore(ctx context.Context, entities []string) error {
	if len(entities) == 0 || slices.Contains(entities, "") {
		return refresh.Errorf(refresh.Invalid, "Name the aggregate measurements to refresh in the entity store.")
	}
	_, err := s.call(ctx, "refreshing the entity store", "refreshEntityStore", companionRequest{Entities: entities})
	return err
}

// SetSMTPPassword sets the password of outgoing e-mail, and the user unless it is empty.
func (s *Companion) SetSMTPPassword(ctx context.Context, user, password string) error {
	if password == "" {
		return refresh.Errorf(refresh.Invalid, "There is no SMTP password to set.")
	}
	_, err := s.call(ctx, "setting the SMTP password", "setSmtpPassword", companionRequest{User: user, Password: password}, password)
	return err
}

// SetHelp makes the Lifecycle Services library of this name the one that Help shows. The environment must know it.
func (s *Companion) SetHelp(ctx context.Context, library string) error {
	if library == "" {
		return refresh.Errorf(refresh.Invalid, "Name the Lifecycle Services library that Help should show.")
	}
	_, err := s.call(ctx, "connecting Help to the library "+library, "setHelp", companionRequest{Library: library})
	return err
}

// SetEncryptedField sets the value of a field that is stored encrypted.
func (s *Companion) SetEncryptedField(ctx context.Context, f refresh.EncryptedField, value string) error {
	if !identifier.MatchString(f.Table) || !identifier.MatchString(f.Field) || f.RecID < 0 || value == "" {
		return refresh.Errorf(refresh.Invalid, "An encrypted field needs its table, its field and a value.")
	}
	_, err := s.call(ctx, "setting "+f.Table+"."+f.Field, "setEncryptedField",
		companionRequest{Table: f.Table, Field: f.Field, RecID: f.RecID, Value: value}, value)
	return err
}

// companionRequest is the one contract of all operations; each reads the members that it needs. See xpp/contract.json.
type companionRequest struct {
	ExpectedHost  string   `json:"expectedHost"`
	CorrelationID string   `json:"correlationId"`
	Entities      []string `json:"entities,omitempty"`
	User          string   `json:"user,omitempty"`
	Password      string   `json:"password,omitempty"`
	Library       string   `json:"library,omitempty"`
	Table         string   `json:"table,omitempty"`
	Field         string   `json:"field,omitempty"`
	RecID         int64    `json:"recId,omitempty"`
	Value         string   `json:"value,omitempty"`
}

// companionResponse is what every operation answers; only status fills in more than the first three members.
type companionResponse struct {
	Success            flag   `json:"success"`
	Message            string `json:"message"`
	CorrelationID      string `json:"correlationId"`
	Version            string `json:"version"`
	Host               string `json:"host"`
	PriorityScheduling flag   `json:"priorityScheduling"`
}

// companionAnswer is a response that succeeded.
type companionAnswer struct {
	Version, Host      string
	PriorityScheduling bool
}

func (s *Companion) call(ctx context.Context, doing, operation string, in companionRequest, hidden ...string) (companionAnswer, error) {
	in.ExpectedHost = strings.TrimSuffix(strings.ToLower(s.c.host), ":443")
	in.CorrelationID = rand.Text()
	r := request{
		doing: doing, method: http.MethodPost, url: s.c.base + companionPath + "/" + operation,
		body: map[string]any{"_request": in}, hidden: hidden,
	}
	rep, err := s.c.do(ctx, r)
	if err != nil {
		return companionAnswer{}, s.absent(err)
	}
	var out companionResponse
	if err := decodeInto(s.c, r, rep, &out); err != nil {
		return companionAnswer{}, err
	}
	// F&O's own exceptions come as errors above; this is what the service itself has to say.
	switch {
	case out.CorrelationID != in.CorrelationID:
		return companionAnswer{}, refresh.Errorf(refresh.Refused, "The companion service of %s answered something else than it was asked (%s). Install the version that came with refreshbot.", s.c.host, doing)
	case !bool(out.Success):
		return companionAnswer{}, refresh.Errorf(refresh.Refused, "%s", sentence(fmt.Sprintf("The companion service of %s refused %s%s", s.c.host, doing, after(clean(redact(out.Message, hidden), rep.token)))))
	}
	return companionAnswer{clean(out.Version, rep.token), clean(out.Host, rep.token), bool(out.PriorityScheduling)}, nil
}

// absent turns the environment's words for a service that does not exist into ours.
func (s *Companion) absent(err error) error {
	if refresh.CodeOf(err) != refresh.NotFound {
		return err
	}
	return &refresh.Error{Code: refresh.NotFound, Err: err, Msg: fmt.Sprintf("The companion service is not installed in %s. "+
		"Install it as the README in jobs/finops/xpp says, or do by hand what needs it.", s.c.host)}
}
