package finops

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"refreshbot/jobs/refresh"
)

// BatchJobs returns every batch job with its status.
func (c *Client) BatchJobs(ctx context.Context) ([]refresh.BatchJob, error) {
	type row struct {
		BatchJobRecId                           json.Number // as a number or as text: 64 bits do not fit every JSON reader
		JobDescription, CompanyAccounts, Status string
		Recurrence                              string // a packed container in base64: what is in it is F&O's own affair
	}
	rows, err := list[row](ctx, c, "listing the batch jobs", "BatchJobs", "BatchJobRecId", "JobDescription", "CompanyAccounts", "Status", "Recurrence")
	if err != nil {
		return nil, err
	}
	jobs := make([]refresh.BatchJob, len(rows))
	for i, r := range rows {
		id, err := r.BatchJobRecId.Int64()
		if err != nil {
			return nil, refresh.Errorf(refresh.Refused, "%s lists a batch job without a record id: %s.", c.host, r.JobDescription)
		}
		jobs[i] = refresh.BatchJob{RecID: id, Description: r.JobDescription, Company: r.CompanyAccounts, Recurring: r.Recurrence != "", Status: r.Status}
	}
	return jobs, nil
}

// SetBatchJobWaiting sets the job to Waiting. It uses the documented action SetBatchJobToWaiting (10.0.22 and
// later). The documentation does not say that the action takes a withheld job, so where it is missing or says no
// the status field is written instead. When both say no the error has both reasons.
// Source: "Batch OData API" in the system administration documentation.
func (c *Client) SetBatchJobWaiting(ctx context.Context, recID int64) error {
	byAction := c.batchAction(ctx, recID)
	if !declined(byAction) {
		return byAction
	}
	byStatus := c.patch(ctx, fmt.Sprintf("setting the status of batch job %d to Waiting", recID),
		"BatchJobs("+strconv.FormatInt(recID, 10)+")", map[string]any{"Status": refresh.BatchWaiting})
	if !declined(byStatus) {
		return byStatus
	}
	return refresh.Errorf(refresh.CodeOf(byStatus), "%s %s Set it by hand in System administration > Inquiries > Batch jobs.",
		refresh.MessageOf(byAction), refresh.MessageOf(byStatus))
}

// declined reports whether the environment answered and would not.
func declined(err error) bool {
	code := refresh.CodeOf(err)
	return code == refresh.Refused || code == refresh.NotFound
}

func (c *Client) batchAction(ctx context.Context, recID int64) error {
	doing := fmt.Sprintf("moving batch job %d to Waiting", recID)
	rep, err := c.do(ctx, request{
		doing: doing, method: http.MethodPost, url: c.data("BatchJobs/Microsoft.Dynamics.DataEntities.SetBatchJobToWaiting"),
		body: map[string]int64{"batchJobId": recID},
	})
	if err != nil {
		return err
	}
	if done, why := actionResult(rep.body, 3); !done {
		return refresh.Errorf(refresh.Refused, "%s", sentence(fmt.Sprintf("%s refused %s: %s", c.host, doing, clean(why, rep.token))))
	}
	return nil
}

// actionResult reads what SetBatchJobToWaiting answers. The members are documented, with their odd spelling, but not
// how they are wrapped: bare, in "value", or in a "value" that is a string of JSON. It unwraps up to depth times.
func actionResult(raw []byte, depth int) (done bool, why string) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return true, "" // 204: an action without a result
	}
	const odd = "its answer is not one that refreshbot understands"
	var s string
	if json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		if depth == 0 || strings.TrimSpace(s) == "" {
			return false, odd
		}
		return actionResult([]byte(s), depth-1)
	}
	var r struct {
		Value              json.RawMessage `json:"value"`
		IsSuccess          *flag
		ResponseStatusCode json.Number
		ExceptionDetails   string
		ReponseMessage     string // sic
		ResponseMessage    string
	}
	if json.Unmarshal(raw, &r) != nil {
		return false, odd
	}
	switch status, err := r.ResponseStatusCode.Int64(); {
	case r.IsSuccess != nil:
		done = bool(*r.IsSuccess)
	case err == nil:
		done = status/100 == 2
	case len(r.Value) > 0 && depth > 0:
		return actionResult(r.Value, depth-1)
	default:
		return false, odd
	}
	for _, m := range []string{r.ExceptionDetails, r.ReponseMessage, r.ResponseMessage} {
		if why == "" {
			why = strings.TrimSpace(m)
		}
	}
	if why == "" {
		why = "it gives no reason"
	}
	return done, why
}

// BatchGroups returns which batch group runs on which batch server.
func (c *Client) BatchGroups(ctx context.Context) ([]refresh.BatchGroup, error) {
	type row struct{ GroupId, ServerId, Description string }
	rows, err := list[row](ctx, c, "listing the batch groups", "BatchGroups", "GroupId", "ServerId", "Description")
	if err != nil {
		return nil, err
	}
	groups := make([]refresh.BatchGroup, len(rows))
	for i, r := range rows {
		groups[i] = refresh.BatchGroup{Group: r.GroupId, Server: r.ServerId, Description: r.Description}
	}
	return groups, nil
}

// AddBatchGroup lets the group run on the server. One that is there already is left as it is.
func (c *Client) AddBatchGroup(ctx context.Context, g refresh.BatchGroup) error {
	_, err := c.do(ctx, request{
		doing: fmt.Sprintf("adding batch group %q on server %q", g.Group, g.Server), method: http.MethodPost, url: c.data("BatchGroups"),
		body: map[string]string{"GroupId": g.Group, "ServerId": g.Server, "Description": g.Description},
	})
	if refresh.CodeOf(err) != refresh.Refused {
		return err
	}
	// "Already exists" comes in the language of the app's user, so the list is asked and not the text.
	groups, listErr := c.BatchGroups(ctx)
	if listErr != nil {
		return listErr
	}
	for _, have := range groups {
		if strings.EqualFold(have.Group, g.Group) && strings.EqualFold(have.Server, g.Server) {
			return nil
		}
	}
	return err
}

// BatchServers returns the names of the application servers that run batch jobs, each once.
func (c *Client) BatchServers(ctx context.Context) ([]string, error) {
	type row struct {
		AOSInstanceName string
		IsBatchServer   flag
	}
	rows, err := list[row](ctx, c, "listing the batch servers", "ServerConfigurations", "AOSInstanceName", "IsBatchServer")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range rows {
		if bool(r.IsBatchServer) && !slices.Contains(names, r.AOSInstanceName) {
			names = append(names, r.AOSInstanceName)
		}
	}
	return names, nil
}
