package cloudsim

import (
	"net/http"
	"slices"
	"time"
)

// downState says whether and why an F&O host does not answer.
type downState int

const (
	up downState = iota
	offline
	recycling // the database is ready, the application servers still restart
)

// operation is an entry of an environment's history, and what is still to come of it.
type operation struct {
	Operation
	steps  []step
	copied Database // the source's database as it was at the start
	old    Database // the target's database, put away when the copy replaced it
	seeded bool     // belongs to the past that an environment starts with
}

// step is one move of an operation. Its time counts from the step before.
type step struct {
	at time.Time
	do func(now time.Time)
}

// startRefresh accepts a refresh. What was asked of FailNextRefresh is used up. Cloud.mu is held.
func (c *Cloud) startRefresh(source, target *environment, now time.Time, byHand bool) *operation {
	op := &operation{
		Operation: Operation{
			ID: newGUID(), Name: "Refresh database", Kind: "SFSourceDbToSandbox", Title: "Refresh database",
			Source: source.spec.Name, Target: target.spec.Name, Status: "NotStarted", ByHand: byHand, StartedAt: now,
		},
		copied: source.db.clone(),
	}
	if source.spec.Type == "Production" {
		op.copied.DataAsOf = now
	}
	t := c.opts.Timeline
	at := now
	then := func(d time.Duration, do func(now time.Time)) {
		at = at.Add(c.scaled(d))
		op.steps = append(op.steps, step{at, do})
	}
	status := func(s string) func(time.Time) { return func(time.Time) { op.Status = s } }
	online := func(time.Time) { target.down = up }

	then(t.NotStarted, status("InProgress"))
	then(t.Copy, func(time.Time) {
		target.down = offline
		op.old, target.db = target.db, op.copied
	})
	switch c.switches.nextRefresh {
	case succeeds:
		then(t.Sync, func(now time.Time) {
			op.Status, op.EndedAt, target.down = "Completed", now, recycling
			target.db = resetAfterRefresh(target.db, op.old, c.switches.enableDBMovementAPI)
		})
		then(t.Tail, online)
	case rollsBack:
		then(t.Sync/2, status("Failed"))
		then(t.Sync/10, status("RollbackInProgress"))
		then(t.Sync/2, func(now time.Time) {
			op.Status, op.EndedAt, target.down = "RollbackCompleted", now, recycling
			target.db = op.old
		})
		then(t.Tail, online)
	case failsForGood:
		then(t.Sync/2, status("Failed"))
		then(t.Sync/10, status("RollbackInProgress"))
		then(t.Sync/2, func(now time.Time) { op.Status, op.EndedAt = "RollbackFailed", now }) // and stays offline
	}
	c.switches.nextRefresh = succeeds
	target.history = append(target.history, op)
	c.arm(op)
	c.notify()
	return op
}

// arm sets a timer for the operation's next step, so that a transition is noticed although nobody asks.
// Cloud.mu is held.
func (c *Cloud) arm(op *operation) {
	if len(op.steps) == 0 {
		return
	}
	c.after(time.Until(op.steps[0].at), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.advance(time.Now())
	})
}

// advance takes all steps that are due, each at its own time. Whoever looks at the world calls it first, so
// that a late timer is never visible. Cloud.mu is held.
func (c *Cloud) advance(now time.Time) {
	for _, e := range c.envs {
		for _, op := range e.history {
			moved := false
			for len(op.steps) > 0 && !op.steps[0].at.After(now) {
				op.take()
				moved = true
			}
			if moved {
				c.arm(op)
				c.notify()
			}
		}
		c.runImports(e, now)
	}
}

func (op *operation) take() {
	s := op.steps[0]
	op.steps = op.steps[1:]
	s.do(s.at)
}

// Advance takes the next step of the target's operation now and moves all later ones forward by as much. It returns
// false when there is nothing left to do. With a long Timeline it lets a test walk through a refresh.
func (c *Cloud) Advance(target string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.advance(now)
	e := c.env(target)
	if e == nil || e.current() == nil || len(e.current().steps) == 0 {
		return false
	}
	op := e.current()
	early := op.steps[0].at.Sub(now)
	for i := range op.steps {
		op.steps[i].at = op.steps[i].at.Add(-early)
	}
	op.take()
	c.arm(op)
	c.notify()
	return true
}

// downMode is how an environment in that state answers. Cloud.mu is held.
func (c *Cloud) downMode(d downState) string {
	switch d {
	case offline:
		return c.switches.offlineMode
	case recycling:
		return c.switches.tailMode
	default:
		return ""
	}
}

// downReply is the answer of an environment that is down, or false for none at all. Cloud.mu is held.
func (c *Cloud) downReply(d downState) (reply, bool) {
	switch c.downMode(d) {
	case "404":
		return newReply(http.StatusNotFound, "text/html", []byte("<html><body>404 - File or directory not found.</body></html>")), true
	case "refused":
		return reply{}, false
	default:
		return unavailable(), true
	}
}

// resetAfterRefresh turns a copy of the source's database into what a refresh leaves in the target.
//
// Source: Microsoft's page "Refresh database", and the public clean-up script of d365fo.tools for which batch
// states become Hold. Everything not named here arrives as the source had it, the Entra applications included.
func resetAfterRefresh(copied, old Database, enableDBMovementAPI bool) Database {
	db := copied.clone()
	for i := range db.Users {
		u := &db.Users[i]
		switch {
		case u.ID == "Admin":
			u.Enabled = true
			if j := slices.IndexFunc(old.Users, func(o User) bool { return o.ID == "Admin" }); j >= 0 {
				u.Alias, u.Email = old.Users[j].Alias, old.Users[j].Email // the target's environment administrator
			}
		case u.ID == "DBMovementAPI":
			u.Enabled = enableDBMovementAPI
		case !isServiceUser(u.ID):
			u.Enabled = false
		}
	}
	for i := range db.BatchJobs {
		switch j := &db.BatchJobs[i]; j.Status {
		case "Waiting", "Executing", "Ready", "Cancelling":
			j.Status = "Hold"
		}
	}
	db.Email.Server, db.Email.PasswordSet, db.Email.Mailer = "", false, "SMTP"
	db.BatchGroups = withoutServers(db.BatchGroups)
	db.BatchServers = slices.Clone(old.BatchServers) // its own servers register again when they start
	db.Broadcasts, db.EntityStore, db.EventEndpoints = nil, nil, nil
	db.HelpLibrary = ""
	for i := range db.EncryptedFields {
		db.EncryptedFields[i].Set = false // encrypted with the source's key
	}
	for i, contact := range db.Contacts {
		if isEmailAddress(contact.Locator) {
			db.Contacts[i].Locator = ""
		}
	}
	return db
}

// withoutServers keeps each batch group once, on no server.
func withoutServers(groups []BatchGroup) []BatchGroup {
	var kept []BatchGroup
	for _, g := range groups {
		if !slices.ContainsFunc(kept, func(k BatchGroup) bool { return k.GroupID == g.GroupID }) {
			kept = append(kept, BatchGroup{GroupID: g.GroupID, Description: g.Description})
		}
	}
	return kept
}
