package phases

import (
	"context"
	"fmt"
	"strings"

	"refreshbot/jobs/refresh"
)

// smoke looks for the traces that only a real refresh leaves: everybody disabled, no batch job waiting. What
// looks wrong does not fail the step; it is shown to the person who signs off.
func (p *Performer) smoke(ctx context.Context, j job) refresh.Outcome {
	companies, err := j.target.Companies(ctx)
	if err != nil {
		return failed(err)
	}
	users, err := j.target.Users(ctx)
	if err != nil {
		return failed(err)
	}
	jobs, err := j.target.BatchJobs(ctx)
	if err != nil {
		return failed(err)
	}
	var enabled, waiting []string
	for _, u := range users {
		if u.Enabled && !survives(u) {
			enabled = append(enabled, u.ID)
		}
	}
	for _, b := range jobs {
		if b.Status == refresh.BatchWaiting {
			waiting = append(waiting, b.Description)
		}
	}
	c := checks{}
	c.that("Legal entities readable", len(companies) > 0, fmt.Sprintf("%d found", len(companies)), "none found")
	c.that("Users disabled", len(enabled) == 0, fmt.Sprintf("all but the admin and Microsoft's own, of %d", len(users)),
		"%d are enabled, which a refresh does not leave behind: %s", len(enabled), some(enabled))
	c.that("Batch jobs withheld", len(waiting) == 0, fmt.Sprintf("none of %d is waiting", len(jobs)),
		"%d are waiting, which a refresh does not leave behind: %s", len(waiting), some(waiting))
	wrong := 0
	for _, f := range c.findings {
		if !f.OK {
			wrong++
		}
	}
	if wrong > 0 {
		return done(fmt.Sprintf("%d of %d checks look wrong: was the environment really refreshed?", wrong, len(c.findings)), c.findings...)
	}
	return done("The environment looks freshly refreshed.", c.findings...)
}

// survives reports whether a refresh leaves the user enabled.
func survives(u refresh.User) bool {
	return u.ServiceUser() || strings.EqualFold(u.ID, "Admin") || strings.EqualFold(u.ID, "DBMovementAPI")
}

// Watch sees whether somebody has signed the refresh off in LCS. LCS has no way to do it for them.
func (p *Performer) Watch(ctx context.Context, r refresh.Refresh, _ refresh.Step) refresh.Outcome {
	status, err := p.Copier.Status(ctx, r.Target.LCS, r.Copy.Operation)
	if err != nil {
		return refresh.Outcome{Result: refresh.Continues, Again: max(p.StatusPoll, retryAfter(err))}
	}
	if status != refresh.CopySignedOff {
		return refresh.Outcome{Result: refresh.Continues, Again: p.StatusPoll}
	}
	return refresh.Outcome{Result: refresh.Succeeded, Status: status}
}

// some names the first few of a list.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
