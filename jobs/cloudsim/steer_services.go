package cloudsim

import "time"

// InstallCompanion deploys the refreshbot companion service to an environment, or takes it away. A refresh moves data
// and not code, so it stays.
func (c *Cloud) InstallCompanion(env string, installed bool) {
	c.steer(func(time.Time) {
		if e := c.env(env); e != nil {
			e.companion = installed
		}
	})
}

// SetRolesWritable says whether SecurityUserRoles takes writes. Sources disagree; by default it does not, and roles
// are assigned with SecurityUserRoleAssociations.
func (c *Cloud) SetRolesWritable(on bool) { c.steer(func(time.Time) { c.switches.rolesWritable = on }) }

// AdvancePackage lets the import of a data package in the environment take its next step now: it begins, or it ends.
// It returns false when no import has a step to take.
func (c *Cloud) AdvancePackage(env string) (moved bool) {
	c.steer(func(now time.Time) {
		e := c.env(env)
		if e == nil || len(e.imports) == 0 || e.down != up {
			return
		}
		if run := e.imports[0]; run.starts.After(now) {
			run.starts, run.ends = now, run.ends.Add(now.Sub(run.starts))
		} else {
			run.ends = now
		}
		moved = true
		c.runImports(e, now)
	})
	return moved
}
