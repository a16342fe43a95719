package phases

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
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

// batchJobs sets jobs to Waiting and reads them back: F&O can accept a write of the status and not carry it out.
func (p *Performer) batchJobs(ctx context.Context, j job) refresh.Outcome {
	want, err := params[BatchJobsParams](j.step)
	if err != nil {
		return failed(err)
	}
	jobs, err := j.target.BatchJobs(ctx)
	if err != nil {
		return failed(err)
	}
	c, taken := checks{}, map[int64]bool{}
	var set []refresh.BatchJob
	for _, pattern := range want.ToWaiting {
		matched := false
		for _, b := range jobs {
			if !like(pattern, b.Description) {
				continue
			}
			matched = true
			if taken[b.RecID] { // another pattern fits it too
				continue
			}
			taken[b.RecID] = true
			if b.Status == refresh.BatchWaiting {
				c.that(b.Description, true, "waiting already"+in(b.Company), "")
			} else if err := j.target.SetBatchJobWaiting(ctx, b.RecID); err != nil {
				c.try(b.Description, err, "")
			} else {
				set = append(set, b)
			}
		}
		if !matched {
			c.that(pattern, false, "", "no batch job has this description")
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
		c.that(b.Description, released(now), "set to Waiting"+in(b.Company),
			"was set to Waiting, but %s says that it is %q. Set it by hand in System administration > Inquiries > Batch jobs.", j.refresh.Target.Name, now)
	}
	return judged(c.findings, c.errs, fmt.Sprintf("%d batch jobs set to Waiting", len(set)))
}

// released reports whether a job with this status was let go. One that is due begins within a minute.
func released(status string) bool {
	return slices.Contains([]string{refresh.BatchWaiting, "Ready", "Executing", "Finished"}, status)
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
