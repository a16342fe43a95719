package phases

import (
	"context"
	"fmt"
	"strings"

	"refreshbot/jobs/refresh"
)

// enableUsers enables the chosen users. One that is not there or is refused does not hold up the others.
func (p *Performer) enableUsers(ctx context.Context, j job) refresh.Outcome {
	chosen, c, err := p.choose(ctx, j)
	if err != nil {
		return failed(err)
	}
	enabled := 0
	for _, u := range chosen {
		if u.Enabled {
			c.that(u.label(), true, "enabled already", "")
			continue
		}
		err := j.target.EnableUser(ctx, u.ID)
		c.try(u.label(), err, "enabled")
		if err == nil {
			enabled++
		}
	}
	return judged(c.findings, c.errs, fmt.Sprintf("%d users enabled", enabled))
}

// verifyUsers reads back what enableUsers did. Names that were not found are not judged again: a person has
// decided to go on without them.
func (p *Performer) verifyUsers(ctx context.Context, j job) refresh.Outcome {
	chosen, _, err := p.choose(ctx, j)
	if err != nil {
		return failed(err)
	}
	c, in := checks{}, 0
	for _, u := range chosen {
		c.that(u.label(), u.Enabled, "enabled", "was enabled, but %s says that it is not. Enable it by hand.", j.refresh.Target.Name)
		if u.Enabled {
			in++
		}
	}
	return judged(c.findings, c.errs, fmt.Sprintf("%d users can sign in", in))
}

type chosen struct{ refresh.User }

func (u chosen) label() string {
	if u.SignIn == "" || strings.EqualFold(u.SignIn, u.ID) {
		return u.ID
	}
	return u.ID + " (" + u.SignIn + ")"
}

// choose finds the users that the plan names among those of the target; each once, however it is named.
func (p *Performer) choose(ctx context.Context, j job) ([]chosen, *checks, error) {
	want, err := params[UsersParams](j.step)
	if err != nil {
		return nil, nil, err
	}
	users, err := j.target.Users(ctx)
	if err != nil {
		return nil, nil, err
	}
	byName := map[string]refresh.User{}
	for _, u := range users {
		if u.SignIn != "" {
			byName[strings.ToLower(u.SignIn)] = u
		}
	}
	for _, u := range users { // an id wins over a sign-in name
		byName[strings.ToLower(u.ID)] = u
	}
	c, taken := &checks{}, map[string]bool{}
	var list []chosen
	for _, name := range want.Enable {
		u, ok := byName[strings.ToLower(strings.TrimSpace(name))]
		switch {
		case !ok:
			c.that(name, false, "", "is not a user of %s. Create it there and press Retry, or skip.", j.refresh.Target.Name)
		case u.ServiceUser():
			c.that(name, false, "", "belongs to Microsoft's own services and is never touched.")
		case !taken[u.ID]:
			taken[u.ID] = true
			list = append(list, chosen{u})
		}
	}
	return list, c, nil
}
