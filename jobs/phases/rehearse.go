package phases

import (
	"context"
	"fmt"
	"slices"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/roster"
)

// Checks makes the preflight checks for a request that nobody has made yet.
func (p *Performer) Checks(ctx context.Context, req refresh.Request) refresh.Outcome {
	r := refresh.Refresh{Source: req.Source, Target: req.Target, Settings: req.Settings}
	return p.Perform(ctx, r, refresh.Step{Spec: refresh.Spec{Kind: refresh.KindPreflight, Name: "Checks"}})
}

// among names the first few of a list.
func among(names []string) string {
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return ": " + some(names)
}

// Guests is who would be let in. After the copy the target has the users and the roles of the source, so the names are
// matched with those; whoever is to be let in because they were in before is read from the target.
func (p *Performer) Guests(ctx context.Context, req refresh.Request) refresh.Outcome {
	i := slices.IndexFunc(req.Plan, func(s refresh.Spec) bool { return s.Kind == refresh.KindPreview })
	if i < 0 {
		return done("Nobody is let in")
	}
	source, target, err := p.pair(req)
	if err != nil {
		return failed(err)
	}
	want, err := params[UsersParams](refresh.Step{Spec: req.Plan[i]})
	if err != nil {
		return failed(err)
	}
	restore := want.Restore
	want.Restore = false // there is no snapshot yet
	after := job{refresh: refresh.Refresh{Source: req.Source, Target: req.Target}, target: source}
	names, _, err := p.names(ctx, after, want)
	if err != nil {
		return failed(err)
	}
	if restore {
		before, err := target.Users(ctx)
		if err != nil {
			return failed(err)
		}
		for _, u := range before {
			if u.Enabled && !survives(u) {
				names = append(names, roster.Name{Text: u.ID, Where: "enabled now"})
			}
		}
	}
	users, err := source.Users(ctx)
	if err != nil {
		return failed(err)
	}
	m := roster.Resolve(names, users)
	o := done(fmt.Sprintf("%s would be let in; %s unknown to %s", refresh.Count(len(m.Enable)+len(m.Already), "user"), refresh.Count(len(m.Unknown), "name"), req.Source.Name))
	for _, u := range m.Unknown {
		f := refresh.Finding{Name: u.Text, Detail: "is no user of " + req.Source.Name + " (" + u.Where + ")"}
		if u.Nearest != "" {
			f.Detail += ", nearest is " + u.Nearest
		}
		o.Findings = append(o.Findings, f)
	}
	return o
}

func (p *Performer) pair(req refresh.Request) (source, target Environment, err error) {
	source, target = p.Environments[req.Source.Name], p.Environments[req.Target.Name]
	if source == nil || target == nil {
		return nil, nil, refresh.Errorf(refresh.Invalid, "The environments %s and %s are not both in the configuration.", req.Source.Name, req.Target.Name)
	}
	return source, target, nil
}
