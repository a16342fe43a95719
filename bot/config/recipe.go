package config

import (
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// Recipe says what the plan of a refresh is made from. It holds references to secrets, never a secret.
func (r *Refresh) Recipe() phases.Recipe {
	signOff := r.SignOff.policy()
	recipe := phases.Recipe{
		Approve: r.Approve.policy(),
		SignOff: &signOff,
		Keep:    r.Keep,
		Items:   r.Reconfigure,
		Guard:   r.MustNot,
		Users:   r.Users.UsersParams,
	}
	if r.Open != nil {
		open := r.Open.policy()
		recipe.Open = &open
	}
	return recipe
}

func (g Gate) policy() refresh.Policy {
	return refresh.Policy{By: g.By, Count: g.Count, Expires: g.Expires}
}
