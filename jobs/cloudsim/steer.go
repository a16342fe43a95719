package cloudsim

import (
	"crypto/rsa"
	"slices"
	"strings"
	"time"
)

// switches are the settings that a test turns while the cloud runs. Cloud.mu guards them.
type switches struct {
	nextRefresh         outcome
	requireSignOff      bool
	unknownStatus       string
	offlineMode         string
	tailMode            string
	enableDBMovementAPI bool
	batch               BatchBehaviour
	rolesWritable       bool
}

// outcome is how the next refresh ends.
type outcome int

const (
	succeeds outcome = iota
	rollsBack
	failsForGood
)

// BatchBehaviour settles what the documentation of BatchJobs leaves open.
type BatchBehaviour struct {
	// Reply is how SetBatchJobToWaiting wraps its answer: "complex" (an object in value, the default),
	// "string" (JSON text in value) or "plain" (no value at all).
	Reply string
	// WithholdRefused makes SetBatchJobToWaiting refuse a job that is on Hold.
	WithholdRefused bool
	// StatusWritable lets a PATCH set Status, which the table marks as read-only.
	StatusWritable bool
}

func defaultSwitches() switches {
	return switches{offlineMode: "503", tailMode: "404", enableDBMovementAPI: true, batch: BatchBehaviour{Reply: "complex"}}
}

// steer changes the world under the lock and wakes everyone who waits for a change.
func (c *Cloud) steer(f func(now time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.advance(now)
	f(now)
	c.notify()
}

// FailNextRefresh makes the next refresh that starts fail half way through its offline time. Then it is rolled back
// to the target's old database, or, when rollbackOK is false, the rollback fails too and the target stays offline.
func (c *Cloud) FailNextRefresh(rollbackOK bool) {
	c.steer(func(time.Time) {
		c.switches.nextRefresh = failsForGood
		if rollbackOK {
			c.switches.nextRefresh = rollsBack
		}
	})
}

// RequireSignOff makes LCS refuse a new refresh of a target whose last one is Completed and not signed off.
func (c *Cloud) RequireSignOff(on bool) { c.steer(func(time.Time) { c.switches.requireSignOff = on }) }

// SignOff is a person pressing Sign off in the LCS portal. It returns false when there is no Completed operation.
func (c *Cloud) SignOff(target string) (done bool) {
	c.steer(func(time.Time) {
		if e := c.env(target); e != nil && e.current() != nil && e.current().Status == "Completed" {
			e.current().Status, done = "SignedOff", true
		}
	})
	return done
}

// StartByHand is a person starting a refresh of the target from the first production environment in the LCS portal.
// It returns the operation's id, or "" when LCS refuses. It counts neither for the quota nor in Starts.
func (c *Cloud) StartByHand(target string) (id string) {
	c.steer(func(now time.Time) {
		i := slices.IndexFunc(c.envs, func(e *environment) bool { return e.spec.Type == "Production" })
		e := c.env(target)
		if i < 0 || e == nil || c.refuseRefresh(c.envs[i], e) != "" {
			return
		}
		id = c.startRefresh(c.envs[i], e, now, true).ID
	})
	return id
}

// SetQuotaUsed makes it as if n refreshes of the target had been started through the API a moment ago.
func (c *Cloud) SetQuotaUsed(target string, n int) {
	c.steer(func(now time.Time) {
		if e := c.env(target); e != nil {
			e.apiStarts = slices.Repeat([]time.Time{now}, n)
		}
	})
}

// SetUnknownStatus makes LCS report this status for every running operation, as a later version might. "" ends it.
func (c *Cloud) SetUnknownStatus(status string) {
	c.steer(func(time.Time) { c.switches.unknownStatus = status })
}

// SetOfflineMode chooses how an F&O host answers while a refresh has it offline: "503" (the default), "404" on every
// path, or "refused", which resets connections.
func (c *Cloud) SetOfflineMode(mode string) {
	c.steer(func(time.Time) { c.switches.offlineMode = mode })
}

// SetTailMode chooses the same for the time after completion while the servers restart; "404" is the default.
func (c *Cloud) SetTailMode(mode string) { c.steer(func(time.Time) { c.switches.tailMode = mode }) }

// SetDBMovementAPI says whether a refresh leaves the user DBMovementAPI enabled in the target. It does by default;
// the documentation promises it for environment copies only.
func (c *Cloud) SetDBMovementAPI(enabled bool) {
	c.steer(func(time.Time) { c.switches.enableDBMovementAPI = enabled })
}

// SetBatchBehaviour settles what the documentation of BatchJobs leaves open.
func (c *Cloud) SetBatchBehaviour(b BatchBehaviour) {
	setDefault(&b.Reply, "complex")
	c.steer(func(time.Time) { c.switches.batch = b })
}

// Mutate changes an environment as its people might. Type, Release, Platform, Infrastructure and the database are
// taken over; the rest is not for changing.
func (c *Cloud) Mutate(name string, change func(*Environment)) {
	c.steer(func(time.Time) {
		e := c.env(name)
		if e == nil {
			return
		}
		s := e.snapshot()
		change(&s)
		e.spec.Type, e.spec.Release, e.platform, e.spec.Infrastructure = s.Type, s.Release, s.Platform, s.Infrastructure
		e.db = s.clone()
	})
}

// AddApp registers an Entra application in an environment, to act as the user; it replaces a registration it had.
func (c *Cloud) AddApp(env, appID, userID string) {
	c.Mutate(env, func(e *Environment) {
		e.AADClients = slices.DeleteFunc(e.AADClients, func(a AADClient) bool { return strings.EqualFold(a.ClientID, appID) })
		e.AADClients = append(e.AADClients, AADClient{appID, userID, appID})
	})
}

// RemoveApp removes an application's registration from an environment. Its tokens then get 401 there.
func (c *Cloud) RemoveApp(env, appID string) {
	c.Mutate(env, func(e *Environment) {
		e.AADClients = slices.DeleteFunc(e.AADClients, func(a AADClient) bool { return strings.EqualFold(a.ClientID, appID) })
	})
}

// SetProjectRole gives a user a role in the LCS project: "Project owner" and "Environment manager" may use the API;
// any other, such as "Project team member" or "", gets 401.
func (c *Cloud) SetProjectRole(user, role string) {
	c.steer(func(time.Time) { c.roles[strings.ToLower(user)] = role })
}

// RequireMFA makes every sign-in of a user without a second factor fail with AADSTS50076.
func (c *Cloud) RequireMFA(on bool) { c.steer(func(time.Time) { c.directory.mfa = on }) }

// SetUserPassword changes a password or adds an account, enables it, and revokes its refresh tokens.
func (c *Cloud) SetUserPassword(user, password string) {
	c.steer(func(time.Time) {
		a := c.directory.accounts[strings.ToLower(user)]
		if a == nil {
			a = &account{name: user, oid: newGUID()}
			c.directory.accounts[strings.ToLower(user)] = a
		}
		a.password, a.disabled, a.noPassword = password, false, false
		c.directory.revoke(strings.ToLower(user))
	})
}

// DisablePassword makes the account one that cannot sign in with a password, such as a synchronised or a
// passwordless one: AADSTS50126 whatever is sent. Refresh tokens stay valid.
func (c *Cloud) DisablePassword(user string) {
	c.steer(func(time.Time) {
		if a := c.directory.accounts[strings.ToLower(user)]; a != nil {
			a.noPassword = true
		}
	})
}

// DisableUser disables the account in Entra: AADSTS50057.
func (c *Cloud) DisableUser(user string) {
	c.steer(func(time.Time) {
		if a := c.directory.accounts[strings.ToLower(user)]; a != nil {
			a.disabled = true
		}
	})
}

// AddEntraApp adds an application to the directory, or replaces it. Without a secret it is a public client.
func (c *Cloud) AddEntraApp(clientID, name, secret string) {
	c.steer(func(time.Time) {
		c.directory.apps[strings.ToLower(clientID)] = &app{id: clientID, name: name, secret: secret, public: secret == ""}
	})
}

// SetConsent says whether users have consented to the application; without, their sign-in fails with AADSTS65001.
func (c *Cloud) SetConsent(clientID string, given bool) {
	c.steer(func(time.Time) {
		if a := c.directory.apps[strings.ToLower(clientID)]; a != nil {
			a.noConsent = !given
		}
	})
}

// RegisterCertificate registers a certificate's key for an application. Its client assertions must then be signed
// with one of its registered keys.
func (c *Cloud) RegisterCertificate(clientID string, key *rsa.PublicKey) {
	c.steer(func(time.Time) {
		if a := c.directory.apps[strings.ToLower(clientID)]; a != nil {
			a.keys = append(a.keys, key)
		}
	})
}

// RegisterFederatedCredential lets an application sign in with tokens of this issuer and subject only.
func (c *Cloud) RegisterFederatedCredential(clientID, issuer, subject string) {
	c.steer(func(time.Time) {
		if a := c.directory.apps[strings.ToLower(clientID)]; a != nil {
			a.federated = &federation{issuer, subject}
		}
	})
}

// ExpireTokens ends all access tokens now. Refresh tokens stay valid.
func (c *Cloud) ExpireTokens() { c.steer(func(time.Time) { clear(c.directory.access) }) }

// RevokeSessions ends all access and refresh tokens, as a change of policy does.
func (c *Cloud) RevokeSessions() {
	c.steer(func(time.Time) {
		clear(c.directory.access)
		for user := range c.directory.accounts {
			c.directory.revoke(user)
		}
	})
}

func (d *directory) revoke(user string) {
	for token, rt := range d.refresh {
		if rt.user == user {
			rt.revoked = true
			d.refresh[token] = rt
		}
	}
}
