package cloudsim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveLCS answers the endpoints of the LCS API that a refresh needs. Cloud.mu is held.
//
// Sources: the pages "Database movement API", "Fetch environment metadata" and "Fetch environment history". Texts of
// errors other than the quota's are not documented and made up here.
func (c *Cloud) serveLCS(r *request) reply {
	token, ok := c.directory.check(r.header.Get("Authorization"), c.lcsURL+"/", r.now)
	if !ok {
		return lcsDenied()
	}
	r.app, r.user = token.app, token.user
	p := strings.Split(strings.Trim(strings.ToLower(r.url.Path), "/"), "/")
	route := func(method string, pattern ...string) bool {
		if method != r.method || len(p) != len(pattern) {
			return false
		}
		for i, want := range pattern {
			if want != "*" && want != p[i] {
				return false
			}
		}
		return true
	}
	handlers := []struct {
		matches bool
		project int // which path segment names it
		serve   func() reply
	}{
		{route("POST", "databasemovement", "v1", "refresh", "project", "*", "source", "*", "target", "*"), 4,
			func() reply { return c.lcsRefresh(r, p[6], p[8]) }},
		{route("GET", "databasemovement", "v1", "fetchstatus", "project", "*", "environment", "*", "operationactivity", "*"), 4,
			func() reply { return c.lcsStatus(p[6], p[8]) }},
		{route("GET", "environmentinfo", "v1", "detail", "project", "*"), 4,
			func() reply { return c.lcsDetail(r) }},
		{route("GET", "environmentinfo", "v1", "history", "project", "*", "environment", "*"), 4,
			func() reply { return c.lcsHistory(r, p[6]) }},
	}
	for _, h := range handlers {
		if !h.matches {
			continue
		}
		if p[h.project] != strconv.Itoa(c.opts.ProjectID) || !mayManage(c.roles[strings.ToLower(token.user)]) {
			return lcsDenied()
		}
		return h.serve()
	}
	return jsonReply(http.StatusNotFound, map[string]any{
		"Message": fmt.Sprintf("No HTTP resource was found that matches the request URI '%s%s'.", c.lcsURL, r.url.Path)})
}

// mayManage reports whether a project role may work with environments.
// Source: the page "Configure Lifecycle Services security".
func mayManage(role string) bool { return role == "Project owner" || role == "Environment manager" }

func lcsDenied() reply {
	return jsonReply(http.StatusUnauthorized, map[string]any{"Message": "Authorization has been denied for this request."}).
		with("WWW-Authenticate", "Bearer")
}

// envelope is on every answer. Its OperationActivityId is that of the call itself; only the answer to a start makes
// it the operation's.
func envelope(id string) map[string]any {
	return map[string]any{"IsSuccess": true, "OperationActivityId": id, "ErrorMessage": nil, "VersionEOL": "9999-12-31T23:59:59.9999999"}
}

func lcsFailure(format string, args ...any) reply {
	e := envelope(newGUID())
	e["IsSuccess"], e["ErrorMessage"] = false, fmt.Sprintf(format, args...)
	return jsonReply(http.StatusOK, e)
}

func (c *Cloud) lcsRefresh(r *request, sourceID, targetID string) reply {
	source, target := c.byLCSID(sourceID), c.byLCSID(targetID)
	if source == nil {
		return lcsFailure("The source environment %s was not found in project %d.", sourceID, c.opts.ProjectID)
	}
	if target == nil {
		return lcsFailure("The target environment %s was not found in project %d.", targetID, c.opts.ProjectID)
	}
	if problem := c.refuseRefresh(source, target); problem != "" {
		return lcsFailure("%s", problem)
	}
	window := c.scaled(24 * time.Hour)
	target.apiStarts = slices.DeleteFunc(target.apiStarts, func(at time.Time) bool { return !at.After(r.now.Add(-window)) })
	if len(target.apiStarts) >= 3 {
		return lcsFailure("Maximum allowed API operations are 3 from %s", r.now.Add(-window).UTC().Format("2006-01-02T15:04:05.0000000"))
	}
	op := c.startRefresh(source, target, r.now, false)
	target.apiStarts = append(target.apiStarts, r.now)
	target.starts++
	return jsonReply(http.StatusOK, envelope(op.ID))
}

// refuseRefresh gives the reason why LCS will not refresh the target now, if it has one. Cloud.mu is held.
func (c *Cloud) refuseRefresh(source, target *environment) string {
	switch {
	case source == target:
		return "The source and target environments must not be the same."
	case target.spec.Type == "Production":
		return fmt.Sprintf("The target environment %s is a production environment. A production environment cannot be the target of a refresh.", target.spec.Name)
	case target.spec.Type != "Sandbox":
		return fmt.Sprintf("The target environment %s is not a standard sandbox environment.", target.spec.Name)
	case source.spec.Release != target.spec.Release:
		return fmt.Sprintf("The application release of the source environment (%s) does not match that of the target environment (%s).", source.spec.Release, target.spec.Release)
	case target.busy():
		return fmt.Sprintf("Another operation is already in progress on the target environment %s.", target.spec.Name)
	case source.busy():
		return fmt.Sprintf("Another operation is already in progress on the source environment %s.", source.spec.Name)
	}
	if op := target.current(); c.switches.requireSignOff && op != nil && op.Status == "Completed" && !op.seeded {
		return fmt.Sprintf("The previous operation on %s has to be signed off before a new one can start.", target.spec.Name)
	}
	return ""
}

// lcsStatus takes the environment id of either side: the documentation's sample has the source's, clients send the
// target's.
func (c *Cloud) lcsStatus(environmentID, activityID string) reply {
	asked := c.byLCSID(environmentID)
	if asked == nil {
		return lcsFailure("The environment %s was not found in project %d.", environmentID, c.opts.ProjectID)
	}
	for _, e := range c.envs {
		for _, op := range e.history {
			if !sameGUID(op.ID, activityID) || op.Source != asked.spec.Name && op.Target != asked.spec.Name {
				continue
			}
			e := envelope(newGUID())
			e["ProjectId"], e["EnvironmentId"], e["ActivityId"] = c.opts.ProjectID, asked.spec.LCSID, op.ID
			e["CompletionDate"], e["OperationStatus"] = lcsTime(op.EndedAt), c.statusOf(op)
			return jsonReply(http.StatusOK, e)
		}
	}
	return lcsFailure("The operation activity %s was not found for environment %s.", activityID, environmentID)
}

// statusOf is the operation's status as LCS tells it now. Cloud.mu is held.
func (c *Cloud) statusOf(op *operation) string {
	if s := c.switches.unknownStatus; s != "" && !op.Ended() {
		return s
	}
	return op.Status
}

func (c *Cloud) lcsDetail(r *request) reply {
	if rep, limited := c.limit(r.now, rate{"detail", 6, time.Minute}); limited {
		return rep
	}
	id, name := r.url.Query().Get("environmentId"), r.url.Query().Get("environmentName")
	var rows []any
	for i, e := range c.envs {
		if id != "" && !sameGUID(id, e.spec.LCSID) || name != "" && !strings.EqualFold(name, e.spec.Name) {
			continue
		}
		state, display := "Finished", "Deployed"
		if e.busy() {
			state, display = "Servicing", "Servicing"
		}
		rows = append(rows, map[string]any{
			"EnvironmentId": mixedGUID(i, e.spec.LCSID), "EnvironmentName": e.spec.Name, "ProjectId": c.opts.ProjectID,
			"EnvironmentInfrastructure": e.spec.Infrastructure, "EnvironmentType": e.spec.Type, "EnvironmentGroup": "Primary",
			"EnvironmentProduct": "Finance and Operations", "EnvironmentEndpointBaseUrl": e.url + "/", "DeploymentState": state,
			"TopologyDisplayName":            fmt.Sprintf("Finance and Operations - High Availability (%s with Platform %s)", e.spec.Release, strings.ToLower(e.platform)),
			"CurrentApplicationBuildVersion": e.spec.Release + ".1", "CurrentApplicationReleaseName": e.spec.Release,
			"CurrentPlatformReleaseName": e.platform, "CurrentPlatformVersion": "7.0.7690.21",
			"DeployedOnUTC": e.deployed.UTC().Format("1/2/2006 3:04 PM"), "CloudStorageLocation": "West Europe",
			"DisasterRecoveryLocation": "North Europe", "DeploymentStatusDisplay": display, "CanStart": false, "CanStop": false,
			"DatabaseDailyBackupsEnabled": true, "DatabaseBackupLocation": nil,
		})
	}
	return c.paged(r, rows)
}

func (c *Cloud) lcsHistory(r *request, environmentID string) reply {
	if rep, limited := c.limit(r.now, rate{"history of " + bareGUID(environmentID), 6, 30 * time.Second}, rate{"history", 6, time.Minute}); limited {
		return rep
	}
	e := c.byLCSID(environmentID)
	if e == nil {
		return lcsFailure("The environment %s was not found in project %d.", environmentID, c.opts.ProjectID)
	}
	var rows []any
	for i, op := range slices.Backward(e.history) {
		rows = append(rows, map[string]any{
			"Name": op.Name, "Type": op.Kind, "TypeDisplay": op.Title, "StartDateTimeUtc": lcsTime(op.StartedAt), "EndDateTimeUtc": lcsTime(op.EndedAt),
			"Status": c.statusOf(op), "ActivityId": mixedGUID(i, op.ID), "EnvironmentId": bareGUID(e.spec.LCSID), "ProjectId": c.opts.ProjectID,
		})
	}
	return c.paged(r, rows)
}

// paged answers one page of rows. Pages count from 1.
func (c *Cloud) paged(r *request, rows []any) reply {
	page := 1
	if s := r.url.Query().Get("page"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return lcsFailure("The page %q is not valid.", s)
		}
		page = n
	}
	size := c.opts.LCSPageSize
	from, to := min((page-1)*size, len(rows)), min(page*size, len(rows))
	e := envelope(newGUID())
	e["ResultPageCurrent"], e["ResultHasMorePages"], e["Data"] = page, to < len(rows), append([]any{}, rows[from:to]...)
	return jsonReply(http.StatusOK, e)
}

// rate allows count calls in any window.
type rate struct {
	name   string
	count  int
	window time.Duration
}

// limit counts the call against the rates, or refuses it with 429. A refused call does not count. Cloud.mu is held.
func (c *Cloud) limit(now time.Time, rates ...rate) (reply, bool) {
	if c.opts.NoRateLimits {
		return reply{}, false
	}
	for _, rt := range rates {
		window := c.scaled(rt.window)
		recent := slices.DeleteFunc(c.rates[rt.name], func(at time.Time) bool { return !at.After(now.Add(-window)) })
		c.rates[rt.name] = recent
		if len(recent) >= rt.count {
			wait := recent[len(recent)-rt.count].Add(window).Sub(now)
			seconds := int((wait + time.Second - 1) / time.Second)
			return jsonReply(http.StatusTooManyRequests, map[string]any{"Message": "Too many requests. Try again later."}).
				with("Retry-After", strconv.Itoa(max(seconds, 1))), true
		}
	}
	for _, rt := range rates {
		c.rates[rt.name] = append(c.rates[rt.name], now)
	}
	return reply{}, false
}

// byLCSID finds an environment by its LCS id in any notation. Cloud.mu is held.
func (c *Cloud) byLCSID(id string) *environment {
	for _, e := range c.envs {
		if sameGUID(e.spec.LCSID, id) {
			return e
		}
	}
	return nil
}

// lcsTime writes a UTC time as LCS does: without a zone. The zero time is null.
func lcsTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.0")
}

func bareGUID(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }

func sameGUID(a, b string) bool { return bareGUID(a) == bareGUID(b) }

// mixedGUID leaves every other id without dashes: the documented samples have both notations in one list.
func mixedGUID(i int, id string) string {
	if i%2 == 0 {
		return bareGUID(id)
	}
	return id
}
