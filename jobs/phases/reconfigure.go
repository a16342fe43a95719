package phases

import (
	"context"
	"fmt"
	"path"
	"strings"

	"refreshbot/jobs/refresh"
)

// The parameters of the reconfigure steps as they stand in the plan.
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
	// ServiceParams: a custom service Group/Service/Operation and its body.
	ServiceParams struct {
		Path string `json:"path"`
		Body any    `json:"body,omitempty"`
	}
	// ManualParams: what a person has to do.
	ManualParams struct {
		Text string `json:"text"`
	}
)

func (p *Performer) email(ctx context.Context, j job) refresh.Outcome {
	want, err := params[refresh.EmailParameters](j.step)
	if err != nil {
		return failed(err)
	}
	if err := j.target.SetEmailParameters(ctx, want); err != nil {
		return failed(err)
	}
	got, err := j.target.EmailParameters(ctx)
	if err != nil {
		return failed(err)
	}
	if got != want {
		return failed(refresh.Errorf(refresh.Refused, "The e-mail parameters were written, but reading them back shows %s:%d. Check them in System administration > Setup > Email parameters.", got.Server, got.Port))
	}
	return done(fmt.Sprintf("E-mail goes through %s:%d. The SMTP password has to be typed in by hand.", want.Server, want.Port))
}

func (p *Performer) batchGroups(ctx context.Context, j job) refresh.Outcome {
	want, err := params[BatchGroupsParams](j.step)
	if err != nil {
		return failed(err)
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
		has[[2]string{row.Group, row.Server}] = true
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
			if has[[2]string{g.Group, server}] {
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

func (p *Performer) batchJobs(ctx context.Context, j job) refresh.Outcome {
	want, err := params[BatchJobsParams](j.step)
	if err != nil {
		return failed(err)
	}
	jobs, err := j.target.BatchJobs(ctx)
	if err != nil {
		return failed(err)
	}
	c, set := checks{}, 0
	for _, pattern := range want.ToWaiting {
		matched := false
		for _, b := range jobs {
			if !like(pattern, b.Description) {
				continue
			}
			matched = true
			if b.Status == refresh.BatchWaiting {
				c.that(b.Description, true, "waiting already"+in(b.Company), "")
				continue
			}
			err := j.target.SetBatchJobWaiting(ctx, b.RecID)
			c.try(b.Description, err, "set to Waiting"+in(b.Company))
			if err == nil {
				set++
			}
		}
		if !matched {
			c.that(pattern, false, "", "no batch job has this description")
		}
	}
	return judged(c.findings, c.errs, fmt.Sprintf("%d batch jobs set to Waiting", set))
}

func in(company string) string {
	if company == "" {
		return ""
	}
	return " in " + company
}

// like compares without regard to case; * in the pattern stands for any characters.
func like(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	if !strings.Contains(pattern, "*") {
		return pattern == s
	}
	quoted := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `?`, `\?`).Replace(pattern)
	// path.Match stops * at a slash; descriptions may hold one.
	ok, err := path.Match(strings.ReplaceAll(quoted, "/", "\x00"), strings.ReplaceAll(s, "/", "\x00"))
	return err == nil && ok
}

func (p *Performer) service(ctx context.Context, j job) refresh.Outcome {
	want, err := params[ServiceParams](j.step)
	if err != nil {
		return failed(err)
	}
	if _, err := j.target.CallService(ctx, want.Path, want.Body); err != nil {
		return failed(err)
	}
	return done("The custom service " + want.Path + " answered.")
}

func (p *Performer) odata(ctx context.Context, j job) refresh.Outcome {
	rec, err := params[refresh.Record](j.step)
	if err != nil {
		return failed(err)
	}
	if err := j.target.Write(ctx, rec); err != nil {
		return failed(err)
	}
	return done(fmt.Sprintf("%d fields of %s written.", len(rec.Set), rec.Entity))
}
