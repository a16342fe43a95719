package phases

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/roster"
)

// People knows who is in a Slack user group.
type People interface {
	// Emails returns the e-mail addresses of the group's members.
	Emails(ctx context.Context, group string) ([]string, error)
}

// previewUsers finds out who will be let in, from all the places that the configuration names and what was handed
// in, before anything is written. What it could not match is shown to the person who opens the environment.
func (p *Performer) previewUsers(ctx context.Context, j job) refresh.Outcome {
	want, err := params[UsersParams](j.step)
	if err != nil {
		return failed(err)
	}
	names, missing, err := p.names(ctx, j, want)
	if err != nil {
		return failed(err)
	}
	users, err := j.target.Users(ctx)
	if err != nil {
		return failed(err)
	}
	m := roster.Resolve(names, users)
	o := refresh.Outcome{Result: refresh.Succeeded, Roster: []string{}, Findings: missing}
	for _, u := range slices.Concat(m.Enable, m.Already) {
		o.Roster = append(o.Roster, u.ID)
	}
	for _, u := range m.Unknown {
		f := refresh.Finding{Name: u.Text, Detail: "is no user of " + j.refresh.Target.Name + " (" + u.Where + ")"}
		if u.Note != "" {
			f.Detail = u.Note + " (" + u.Where + ")"
		}
		if u.Nearest != "" {
			f.Detail += "; nearest is " + u.Nearest
		}
		o.Findings = append(o.Findings, f)
	}
	for _, n := range m.Refused {
		o.Findings = append(o.Findings, refresh.Finding{Name: n.Text, Detail: "belongs to Microsoft's own services and is never touched (" + n.Where + ")"})
	}
	o.Note = refresh.Count(len(m.Enable), "user") + " to enable"
	for _, also := range []struct {
		n    int
		what string
	}{{len(m.Already), "enabled already"}, {len(m.Unknown), "unknown"}, {len(m.Refused), "refused"}} {
		if also.n > 0 {
			o.Note += fmt.Sprintf(", %d %s", also.n, also.what)
		}
	}
	return o
}

// names gathers everybody who is to be let in, in whatever way they are named. What cannot be known any more is
// missing; it holds up nobody.
func (p *Performer) names(ctx context.Context, j job, want UsersParams) (names []roster.Name, missing []refresh.Finding, err error) {
	add := func(where string, list ...string) {
		for _, n := range list {
			names = append(names, roster.Name{Text: n, Where: where})
		}
	}
	add("configuration", want.Enable...)
	add("handed in", j.refresh.Listed...)
	for _, file := range want.Files {
		list, err := roster.ReadFile(ctx, file)
		if err != nil {
			return nil, nil, err
		}
		names = append(names, list...)
	}
	if want.SlackGroup != "" {
		emails, err := p.People.Emails(ctx, want.SlackGroup)
		if err != nil {
			return nil, nil, &refresh.Error{Code: refresh.Offline, Msg: "Slack did not say who is in the user group " + want.SlackGroup + ".", Err: err}
		}
		add("Slack user group", emails...)
	}
	if want.Role != "" {
		roles, err := j.target.UserRoles(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range roles {
			if strings.EqualFold(r.RoleName, want.Role) || strings.EqualFold(r.Role, want.Role) {
				add("role "+want.Role, r.UserID)
			}
		}
	}
	if want.Restore {
		s, err := p.remembered(ctx, j.refresh)
		why := s.Unread[AreaUsers]
		switch {
		case refresh.CodeOf(err) == refresh.NotFound:
			why = refresh.MessageOf(err)
		case err != nil:
			return nil, nil, err
		}
		if why != "" {
			missing = append(missing, refresh.Finding{Name: "Users enabled before", Detail: "are not known: " + why})
		}
		for _, u := range s.Users {
			if !survives(u) { // those never lost their access
				add("enabled before", u.ID)
			}
		}
	}
	return names, missing, nil
}

// enableUsers enables those of the preview. One that is refused does not hold up the others.
func (p *Performer) enableUsers(ctx context.Context, j job) refresh.Outcome {
	want, err := params[UsersParams](j.step)
	if err != nil {
		return failed(err)
	}
	users, err := p.rostered(ctx, j)
	if err != nil {
		return failed(err)
	}
	var ids []string
	for _, u := range users {
		if !u.Enabled {
			ids = append(ids, u.ID)
		}
	}
	refused, err := j.target.EnableUsers(ctx, ids)
	if err != nil {
		return failed(err)
	}
	c, enabled := checks{}, 0
	for _, id := range ids {
		if err := refused[id]; err != nil {
			c.try(id, err, "")
			continue
		}
		enabled++
	}
	assigned := 0
	if want.Roles {
		if assigned, err = p.restoreRoles(ctx, j, users, &c); err != nil {
			return failed(err)
		}
	}
	return judged(c.findings, c.errs, letIn(len(users), enabled, assigned))
}

// letIn says what was done to let users in. What there was nothing of is left out.
func letIn(users, enabled, assigned int) string {
	var did []string
	if enabled > 0 {
		did = append(did, refresh.Count(enabled, "user")+" enabled")
	}
	if assigned > 0 {
		did = append(did, refresh.Count(assigned, "role assignment")+" as before")
	}
	switch {
	case len(did) > 0:
		return strings.Join(did, ", ")
	case users == 0:
		return "there is nobody to enable"
	}
	return "everybody was enabled already"
}

// restoreRoles gives the users the roles that they had in the target before the copy and do not have now.
func (p *Performer) restoreRoles(ctx context.Context, j job, users []refresh.User, c *checks) (int, error) {
	s, err := p.remembered(ctx, j.refresh)
	if err != nil {
		return 0, err
	}
	if why := s.Unread[AreaUserRoles]; why != "" {
		return 0, refresh.Errorf(refresh.NotFound, "The users are enabled, but the roles they had before are not known: %s", why)
	}
	now, err := j.target.UserRoles(ctx)
	if err != nil {
		return 0, err
	}
	key := func(r refresh.UserRole) [2]string {
		return [2]string{strings.ToLower(r.UserID), strings.ToLower(r.Role)}
	}
	has, in := map[[2]string]bool{}, map[string]bool{}
	for _, r := range now {
		has[key(r)] = true
	}
	for _, u := range users {
		in[strings.ToLower(u.ID)] = true
	}
	assigned := 0
	for _, r := range s.UserRoles {
		if !in[strings.ToLower(r.UserID)] || has[key(r)] {
			continue
		}
		if err := j.target.AssignRole(ctx, r); err != nil {
			c.try(r.UserID+": "+r.RoleName, err, "")
			continue
		}
		assigned++
	}
	return assigned, nil
}

// verifyUsers reads back what enableUsers did.
func (p *Performer) verifyUsers(ctx context.Context, j job) refresh.Outcome {
	users, err := p.rostered(ctx, j)
	if err != nil {
		return failed(err)
	}
	c, in := checks{}, 0
	for _, u := range users {
		c.that(label(u), u.Enabled, "enabled", "was enabled, but %s says that it is not. Enable it by hand.", j.refresh.Target.Name)
		if u.Enabled {
			in++
		}
	}
	return judged(c.findings, c.errs, refresh.Count(in, "user")+" can sign in")
}

// rostered returns the users of the preview as they stand now.
func (p *Performer) rostered(ctx context.Context, j job) ([]refresh.User, error) {
	all, err := j.target.Users(ctx)
	if err != nil {
		return nil, err
	}
	in := map[string]bool{}
	for _, id := range j.refresh.Roster {
		in[id] = true
	}
	return slices.DeleteFunc(all, func(u refresh.User) bool { return !in[u.ID] }), nil
}

func label(u refresh.User) string {
	if u.SignIn == "" || strings.EqualFold(u.SignIn, u.ID) {
		return u.ID
	}
	return u.ID + " (" + u.SignIn + ")"
}
