package phases

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/roster"
)

// Checks makes the preflight checks for a request that nobody has made yet.
func (p *Performer) Checks(ctx context.Context, req refresh.Request) refresh.Outcome {
	r := refresh.Refresh{Source: req.Source, Target: req.Target, Settings: req.Settings}
	return p.Perform(ctx, r, refresh.Step{Spec: refresh.Spec{Kind: refresh.KindPreflight, Name: "Checks"}})
}

// AtStake is what the target holds that a refresh does away with, a finding for each sort of it. One that could not be
// read is not OK and says why.
func (p *Performer) AtStake(ctx context.Context, req refresh.Request) []refresh.Finding {
	source, target, err := p.pair(req)
	if err != nil {
		return []refresh.Finding{{Name: "What will be lost", Detail: refresh.MessageOf(err)}}
	}
	name := req.Target.Name
	looks := []struct {
		name string
		look func() (string, error)
	}{
		{"Data", func() (string, error) {
			return fmt.Sprintf("everything entered in %s since its database was last replaced, in every legal entity", name), nil
		}},
		{"Users who can sign in", func() (string, error) {
			users, err := target.Users(ctx)
			if err != nil {
				return "", err
			}
			var in []string
			for _, u := range users {
				if u.Enabled && !survives(u) {
					in = append(in, label(u))
				}
			}
			return fmt.Sprintf("%s%s. All of them are disabled until they are let in again", counted(len(in), "user"), among(in)), nil
		}},
		{"Batch jobs", func() (string, error) {
			jobs, err := target.BatchJobs(ctx)
			if err != nil {
				return "", err
			}
			var waiting []string
			for _, b := range jobs {
				if b.Status == refresh.BatchWaiting {
					waiting = append(waiting, cmp.Or(b.Description, "without a description"))
				}
			}
			return counted(len(waiting), "job") + " waiting" + among(waiting), nil
		}},
		{"Entra applications", func() (string, error) {
			theirs, err := target.AADClients(ctx)
			if err != nil {
				return "", err
			}
			ours, err := source.AADClients(ctx)
			if err != nil {
				return "", err
			}
			known := map[string]bool{}
			for _, c := range ours {
				known[strings.ToLower(c.ClientID)] = true
			}
			var own []string
			for _, c := range theirs {
				if !known[strings.ToLower(c.ClientID)] {
					own = append(own, cmp.Or(c.Name, c.ClientID))
				}
			}
			return fmt.Sprintf("%s that %s does not have%s", counted(len(own), "application"), req.Source.Name, among(own)), nil
		}},
		{"E-mail server", func() (string, error) {
			theirs, err := target.EmailParameters(ctx)
			if err != nil {
				return "", err
			}
			ours, err := source.EmailParameters(ctx)
			switch {
			case err != nil:
				return "", err
			case theirs == ours:
				return fmt.Sprintf("the same as in %s", req.Source.Name), nil
			}
			return fmt.Sprintf("%s instead of %s, which %s has", cmp.Or(theirs.Server, "none"), cmp.Or(ours.Server, "none"), req.Source.Name), nil
		}},
	}
	// At once: an environment that is down lets each of them wait as long as it may.
	found := make([]refresh.Finding, len(looks))
	var all sync.WaitGroup
	for i, l := range looks {
		all.Go(func() {
			text, err := l.look()
			found[i] = refresh.Finding{OK: err == nil, Name: l.name, Detail: text}
			if err != nil {
				found[i].Detail = refresh.MessageOf(err)
			}
		})
	}
	all.Wait()
	if rest := found[1:]; !slices.ContainsFunc(rest, func(f refresh.Finding) bool { return f.OK }) { // the same reason each time
		found = append(found[:1], refresh.Finding{Name: "Users, batch jobs, applications, e-mail", Detail: fmt.Sprintf("%s could not be read. %s", name, rest[0].Detail)})
	}
	return found
}

// among names the first few of a list.
func among(names []string) string {
	const most = 5
	slices.Sort(names)
	switch n := len(names); {
	case n == 0:
		return ""
	case n > most:
		return fmt.Sprintf(": %s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return ": " + strings.Join(names, ", ")
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
	o := done(fmt.Sprintf("%s would be let in; %s unknown to %s", counted(len(m.Enable)+len(m.Already), "user"), counted(len(m.Unknown), "name"), req.Source.Name))
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
