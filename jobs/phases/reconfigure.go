package phases

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
)

func (p *Performer) email(ctx context.Context, j job) refresh.Outcome {
	want, err := params[EmailParams](j.step)
	if err != nil {
		return failed(err)
	}
	return p.setEmail(ctx, j, want.EmailParameters, want.Secret)
}

func (p *Performer) batchGroups(ctx context.Context, j job) refresh.Outcome {
	want, err := params[BatchGroupsParams](j.step)
	if err != nil {
		return failed(err)
	}
	return p.assignGroups(ctx, j, want)
}

// assignGroups adds the missing servers to batch groups.
func (p *Performer) assignGroups(ctx context.Context, j job, want BatchGroupsParams) refresh.Outcome {
	if c := p.Companions[j.refresh.Target.Name]; c != nil {
		byPriority, err := c.PriorityScheduling(ctx)
		if err != nil {
			return failed(err)
		}
		if byPriority {
			return done(j.refresh.Target.Name + " schedules batch jobs by priority, so batch groups need no servers: nothing to do.")
		}
	}
	servers, err := j.target.BatchServers(ctx)
	if err != nil {
		return failed(err)
	}
	rows, err := j.target.BatchGroups(ctx)
	if err != nil {
		return failed(err)
	}
	has := map[[2]string]bool{}
	for _, row := range rows {
		has[assignment(row.Group, row.Server)] = true
	}
	c, added := checks{}, 0
	for _, g := range want.Groups {
		on := g.Servers
		if len(on) == 0 {
			on = servers
		}
		name := g.Group
		if name == "" {
			name = "(default)"
		}
		if len(on) == 0 {
			c.that("Batch group "+name, false, "", "the environment reports no batch server to assign")
		}
		for _, server := range on {
			if has[assignment(g.Group, server)] {
				c.that("Batch group "+name, true, "on "+server+" already", "")
				continue
			}
			err := j.target.AddBatchGroup(ctx, refresh.BatchGroup{Group: g.Group, Server: server, Description: g.Description})
			c.try("Batch group "+name, err, "added to "+server)
			if err == nil {
				added++
			}
		}
	}
	return judged(c.findings, c.errs, fmt.Sprintf("%d assignments added, %d in place", added, len(c.findings)-added))
}

// assignment is a batch group on a server; F&O does not tell upper from lower case.
func assignment(group, server string) [2]string {
	return [2]string{strings.ToLower(group), strings.ToLower(server)}
}

func (p *Performer) batchJobs(ctx context.Context, j job) refresh.Outcome {
	want, err := params[BatchJobsParams](j.step)
	if err != nil {
		return failed(err)
	}
	fits := func(b refresh.BatchJob) bool {
		return slices.ContainsFunc(want.ToWaiting, func(pattern string) bool { return like(pattern, b.Description) })
	}
	return p.release(ctx, j, fits, func(found []refresh.BatchJob) []refresh.Finding {
		var none []refresh.Finding
		for _, pattern := range want.ToWaiting {
			if !slices.ContainsFunc(found, func(b refresh.BatchJob) bool { return like(pattern, b.Description) }) {
				none = append(none, refresh.Finding{Name: pattern, Detail: "no batch job has this description"})
			}
		}
		return none
	})
}

// release sets the jobs that fit to Waiting and reads them back: F&O can accept a write of the status and not
// carry it out. missing adds what is to be said about jobs that were not found.
func (p *Performer) release(ctx context.Context, j job, fits func(refresh.BatchJob) bool, missing func(found []refresh.BatchJob) []refresh.Finding) refresh.Outcome {
	jobs, err := j.target.BatchJobs(ctx)
	if err != nil {
		return failed(err)
	}
	c := checks{}
	var found, set []refresh.BatchJob
	for _, b := range jobs {
		if !fits(b) {
			continue
		}
		found = append(found, b)
		if b.Status == refresh.BatchWaiting {
			c.that(b.Description, true, "waiting already"+of(b), "")
		} else if err := j.target.SetBatchJobWaiting(ctx, b.RecID); err != nil {
			c.try(b.Description, err, "")
		} else {
			set = append(set, b)
		}
	}
	if len(set) > 0 {
		if jobs, err = j.target.BatchJobs(ctx); err != nil {
			return failed(err)
		}
	}
	status := map[int64]string{}
	for _, b := range jobs {
		status[b.RecID] = b.Status
	}
	for _, b := range set {
		now := status[b.RecID]
		c.that(b.Description, released(now), "set to Waiting"+of(b),
			"was set to Waiting, but %s says that it is %q. Set it by hand in System administration > Inquiries > Batch jobs.", j.refresh.Target.Name, now)
	}
	gone := missing(found)
	c.findings = append(c.findings, gone...)
	note := refresh.Count(len(set), "batch job") + " set to Waiting"
	if len(gone) > 0 {
		var names []string
		for _, f := range gone {
			names = append(names, f.Name)
		}
		note += fmt.Sprintf(", %d not there: %s", len(gone), some(names))
	}
	return judged(c.findings, c.errs, note)
}

// released reports whether a job with this status was let go. One that is due begins within a minute.
func released(status string) bool {
	return slices.Contains([]string{refresh.BatchWaiting, "Ready", "Executing", "Finished"}, status)
}

// of says which of the jobs of that description is meant.
func of(b refresh.BatchJob) string {
	if b.Recurring {
		return in(b.Company) + ", recurring"
	}
	return in(b.Company)
}

func in(company string) string {
	if company == "" {
		return ""
	}
	return " in " + company
}

// like compares without regard to case; * in the pattern stands for any characters.
func like(pattern, s string) bool {
	part, rest, star := strings.Cut(strings.ToLower(pattern), "*")
	s, ok := strings.CutPrefix(strings.ToLower(s), part)
	for ok && star {
		if part, rest, star = strings.Cut(rest, "*"); !star {
			return strings.HasSuffix(s, part)
		}
		_, s, ok = strings.Cut(s, part)
	}
	return ok && s == ""
}

func (p *Performer) service(ctx context.Context, j job) refresh.Outcome {
	want, err := params[ServiceParams](j.step)
	if err != nil {
		return failed(err)
	}
	if want.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, want.Timeout)
		defer cancel()
	}
	answer, err := j.target.CallService(ctx, want.Path, want.Body)
	switch {
	case refresh.CodeOf(err) == refresh.NotFound:
		return refresh.Outcome{Result: refresh.Absent, Problem: problem(err)}
	case err != nil:
		return failed(err)
	case want.Expect != nil && !holds(answer, want.Expect):
		return failed(refresh.Errorf(refresh.Refused, "The custom service %s answered something else than the configuration expects.", want.Path))
	}
	return done("The custom service " + want.Path + " answered.")
}

// holds reports whether the answer is what is wanted. An object may have more members: F&O adds $id to every data
// contract. No answer counts as null.
func holds(answer, want json.RawMessage) bool {
	if len(answer) == 0 {
		answer = json.RawMessage("null")
	}
	var a, w any
	return json.Unmarshal(answer, &a) == nil && json.Unmarshal(want, &w) == nil && includes(a, w)
}

func includes(a, w any) bool {
	switch w := w.(type) {
	case map[string]any:
		members, ok := a.(map[string]any)
		for name, v := range w {
			is, has := members[name]
			ok = ok && has && includes(is, v)
		}
		return ok
	case []any:
		list, ok := a.([]any)
		if !ok || len(list) != len(w) {
			return false
		}
		for i, v := range w {
			ok = ok && includes(list[i], v)
		}
		return ok
	}
	return a == w
}

func (p *Performer) odata(ctx context.Context, j job) refresh.Outcome {
	want, err := params[ODataParams](j.step)
	if err != nil {
		return failed(err)
	}
	if len(want.Rows) > 0 {
		return p.odataRows(ctx, j, want)
	}
	write, verb := j.target.Write, "written to"
	if want.Insert {
		write, verb = j.target.Insert, "inserted into"
	}
	if err := write(ctx, want.Record); err != nil {
		return failed(err)
	}
	return done(fmt.Sprintf("%s %s %s.", refresh.Count(len(want.Set), "field"), verb, want.Entity))
}

// odataRows writes many records. One that is refused keeps none of the others; Retry writes all of them again, and
// what is so already stays.
func (p *Performer) odataRows(ctx context.Context, j job, want ODataParams) refresh.Outcome {
	method, verb := http.MethodPatch, "written"
	if want.Insert {
		method, verb = http.MethodPost, "inserted"
	}
	changes := make([]refresh.Change, len(want.Rows))
	for i, rec := range want.Rows {
		changes[i] = refresh.Change{Method: method, Record: rec}
	}
	errs, err := j.target.WriteAll(ctx, changes)
	if err != nil {
		return failed(err)
	}
	c := checks{}
	for i, err := range errs {
		if err != nil {
			c.try(keyOf(want.Rows[i]), err, "")
		}
	}
	note := fmt.Sprintf("%s of %s %s", refresh.Count(len(errs)-len(c.errs), "record"), want.Entity, verb)
	o := judged(c.findings, c.errs, note+".")
	if o.Result == refresh.Failure {
		o.Problem.Message = fmt.Sprintf("%s, %d refused: %s", note, len(c.errs), o.Problem.Message)
	}
	const most = 100 // a field misspelt in every row is one mistake, not thousands
	if more := len(o.Findings) - most; more > 0 {
		o.Findings = append(o.Findings[:most], refresh.Finding{Name: want.Entity, Detail: fmt.Sprintf("and %d more", more)})
	}
	return o
}

// keyOf is how people read which record is meant.
func keyOf(rec refresh.Record) string {
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(rec.Key)) {
		parts = append(parts, fmt.Sprintf("%s %v", field, rec.Key[field]))
	}
	return strings.Join(parts, ", ")
}
