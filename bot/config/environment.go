package config

import (
	"slices"
	"strings"
	"time"

	"refreshbot/bot/notice"
	"refreshbot/commands"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/schedule"
)

// Refresh says how an environment is refreshed. What is to be done after the copy stands in the terms of package
// phases, which does it.
type Refresh struct {
	From        string        // name of the source environment
	Channel     string        // default Slack.Channel
	Requesters  []string      // users (U…, W…) and user groups (S…); empty: anyone in the channel
	Approve     Gate          // Expires defaults to 24h
	SignOff     Gate          // never expires
	Open        *Gate         // never expires; nil: opens without asking
	Schedule    *Schedule     // nil: on request only
	Postpone    time.Duration // what one press of Postpone adds to the notice; default 30m
	Notice      time.Duration // between the downtime broadcast and the copy; default 30m, may be 0
	Downtime    time.Duration // announced to users; default 4h
	Keep        []phases.Area // in the order of the file
	Reconfigure []phases.Item // in the order of the file; each name once
	MustNot     []phases.Probe
	Users       Users
	Notify      []notice.Audience // who of the users hears about it; each channel once
}

// Gate says who decides, how many of them must agree, and by when.
type Gate struct {
	By      []string      // users (U…, W…) and user groups (S…); never empty
	Count   int           // default 1
	Expires time.Duration // 0: never, as after the copy, when nothing is gained by giving up
}

// Schedule asks for a refresh at recurring times.
type Schedule struct {
	Cron     string              // five fields, or @daily and the like; in Config.TimeZone
	Missed   schedule.Missed     // default Skip
	Within   time.Duration       // how late Once still asks; 0: however late
	Ask      time.Duration       // how long before the time approval is asked for; default 4h, 0: at the time
	Blackout schedule.InBlackout // default PassOver
}

// Users says who is let in at the end. The zero value lets in nobody. Restore and Roles are set only where Keep has
// what they need, and the files are named by absolute paths.
type Users struct {
	phases.UsersParams
	Notify bool // a direct message to each person who is let in
}

func (d *decoder) environments(out *[]Environment) reader {
	return func(v value) {
		var found []entry
		for _, e := range d.entries(v) {
			if !envName.MatchString(e.key) {
				d.fail(e.value, "must be a name of letters, digits, - and _, at most 32, that people can type in Slack")
				continue
			}
			if is(e.node, "!!null") {
				d.fail(e.value, "has no value: add url and lcs_environment")
				continue
			}
			env := Environment{Name: e.key}
			d.environment(&env)(e.value)
			*out = append(*out, env)
			found = append(found, e)
		}
		if len(found) == 0 {
			if is(v.node, "!!map") && len(v.node.Content) == 0 {
				d.fail(v, "is empty: add the environments, at least a source and a target")
			}
			return
		}
		d.sources(*out, found)
		d.distinct(*out, found)
		all := len(found) == len(v.node.Content)/2 // otherwise the target may be among those refused above
		if all && !slices.ContainsFunc(found, func(e entry) bool { _, ok := at(e.value, "refresh"); return ok }) {
			d.fail(v, "has no target: add refresh to the environment that is to be refreshed")
		}
	}
}

// sources checks that each target refreshes from another environment of the file.
func (d *decoder) sources(envs []Environment, found []entry) {
	for i, env := range envs {
		if env.Refresh == nil || env.Refresh.From == "" {
			continue
		}
		from, _ := at(found[i].value, "refresh", "from")
		var others []string
		for _, o := range envs {
			if o.Name != env.Name {
				others = append(others, o.Name)
			}
		}
		switch {
		case strings.EqualFold(env.Refresh.From, env.Name):
			d.fail(from, "%s cannot be refreshed from itself: name the environment whose data it is to receive", env.Name)
		case !slices.Contains(others, env.Refresh.From):
			d.fail(from, "there is no environment %s%s", show(env.Refresh.From), meant(env.Refresh.From, others))
		}
	}
}

// distinct checks that no two environments of the file are the same one, so that the source can never be
// reached under the target's name.
func (d *decoder) distinct(envs []Environment, found []entry) {
	for i, b := range envs {
		for _, a := range envs[:i] {
			if strings.EqualFold(a.Name, b.Name) {
				d.fail(found[i].value, "differs from %s in case only: choose another name", a.Name)
			}
			if b.URL != "" && a.URL == b.URL {
				url, _ := at(found[i].value, "url")
				d.fail(url, "is the address of %s too: every environment has its own", a.Name)
			}
			if b.LCSEnvironment != "" && bare(a.LCSEnvironment) == bare(b.LCSEnvironment) {
				id, _ := at(found[i].value, "lcs_environment")
				d.fail(id, "is the environment id of %s too: every environment has its own", a.Name)
			}
		}
	}
}

// bare brings the two ways to write a GUID into one.
func bare(guid string) string { return strings.ToLower(strings.ReplaceAll(guid, "-", "")) }

func (d *decoder) environment(out *Environment) reader {
	return func(v value) {
		refresh := &Refresh{Notice: 30 * time.Minute, Postpone: 30 * time.Minute, Downtime: 4 * time.Hour}
		d.object(v,
			must("url", "the address of the environment", d.base(&out.URL, false)),
			must("lcs_environment", "the environment id that Lifecycle Services shows", d.matching(&out.LCSEnvironment, looseGUID,
				"must be the environment id that Lifecycle Services shows, a GUID")),
			may("production", d.flag(&out.Production)),
			may("refresh", func(v value) {
				out.Refresh = refresh
				d.refresh(refresh)(v)
			}),
		)
		if r, ok := at(v, "refresh"); ok && out.Production {
			d.fail(r, "%s is marked production: a production environment can never be a target; remove refresh", out.Name)
		}
		if out.Refresh != nil && commands.Named(out.Name) {
			d.fail(v, "/refresh %s is a command, so that no target can have this name: choose another", strings.ToLower(out.Name))
		}
	}
}

func (d *decoder) refresh(out *Refresh) reader {
	return func(v value) {
		out.Approve.Expires = 24 * time.Hour
		d.object(v,
			must("from", "the name of the source environment", d.text(&out.From)),
			may("channel", d.channel(&out.Channel)),
			may("requesters", list(d, &out.Requesters, d.person)),
			must("approve", "who approves, such as {by: [S0RELEASE], count: 1}", d.gate(&out.Approve, d.duration(&out.Approve.Expires, false))),
			must("sign_off", "who signs off, such as {by: [S0RELEASE], count: 1}", d.gate(&out.SignOff, d.never)),
			may("open", func(v value) {
				out.Open = &Gate{}
				d.gate(out.Open, d.never)(v)
			}),
			may("schedule", func(v value) {
				out.Schedule = &Schedule{}
				d.schedule(out.Schedule)(v)
			}),
			may("notice", d.duration(&out.Notice, true)),
			may("postpone", d.duration(&out.Postpone, false)),
			may("downtime", d.duration(&out.Downtime, false)),
			may("keep", list(d, &out.Keep, func(a *phases.Area) reader { return choice(d, a, areas()...) })),
			may("reconfigure", d.reconfigure(&out.Reconfigure)),
			may("must_not", d.mustNot(&out.MustNot)),
			may("users", d.users(&out.Users)),
			may("notify", d.notify(&out.Notify)),
		)
		if restore, ok := at(v, "users", "restore"); ok && out.Users.Restore && !slices.Contains(out.Keep, phases.AreaUsers) {
			d.fail(restore, "needs to know who was enabled before: add users to keep")
		}
		if roles, ok := at(v, "users", "roles"); ok && out.Users.Roles && !slices.Contains(out.Keep, phases.AreaUserRoles) {
			d.fail(roles, "needs to know the roles from before: add user_roles to keep")
		}
	}
}

// gate reads who decides; expires reads by when.
func (d *decoder) gate(out *Gate, expires reader) reader {
	return func(v value) {
		out.Count = 1
		d.object(v,
			must("by", "the users (U…) or user groups (S…) who decide", list(d, &out.By, d.person)),
			may("count", whole(d, &out.Count, 1, 100)),
			may("expires", expires),
		)
		group := slices.ContainsFunc(out.By, groupID.MatchString)
		if count, ok := at(v, "count"); ok && !group && len(out.By) > 0 && out.Count > len(out.By) {
			d.fail(count, "asks for %d people, but by lists %d: lower it or list more", out.Count, len(out.By))
		}
	}
}

// never refuses an expiry where there is none.
func (d *decoder) never(v value) {
	d.fail(v, "only the approval expires, and after the copy a question waits until it is answered: remove it")
}

func (d *decoder) schedule(out *Schedule) reader {
	return func(v value) {
		out.Missed, out.Ask, out.Blackout = schedule.Skip, 4*time.Hour, schedule.PassOver
		d.object(v,
			must("cron", `when, such as "0 20 * * FRI"`, d.cron(&out.Cron)),
			may("missed", choice(d, &out.Missed, schedule.Skip, schedule.Once)),
			may("within", d.duration(&out.Within, false)),
			may("ask", d.duration(&out.Ask, true)),
			may("blackout", choice(d, &out.Blackout, schedule.PassOver, schedule.Postpone)),
		)
		if within, ok := at(v, "within"); ok && out.Missed != schedule.Once {
			d.fail(within, "says how late a missed start is still asked for: add missed: once beside it, or remove it")
		}
	}
}

// areas are what can be kept.
func areas() []phases.Area {
	return []phases.Area{
		phases.AreaUsers, phases.AreaUserRoles, phases.AreaBatchJobs, phases.AreaBatchGroups, phases.AreaEmail,
		phases.AreaEntraApplications, phases.AreaDocumentParameters,
	}
}

// mustNot reads what is looked for before users are let in.
func (d *decoder) mustNot(out *[]phases.Probe) reader {
	return func(v value) {
		first := map[string]int{}
		for _, i := range d.items(v) {
			var p phases.Probe
			d.object(i,
				must("name", aName, d.text(&p.Name)),
				must("entity", "the entity set to look at, such as EmailParameters", d.entity(&p.Entity)),
				must("where", "the fields that a record must not have together, such as {SMTPRelayServerName: smtp.contoso.com}",
					d.fields(&p.Where, "the value is compared with a field")),
			)
			d.notEmpty(i, "where")
			if at := first[strings.ToLower(p.Name)]; at > 0 {
				d.fail(i, "%s is here twice, first on line %d: give each a name of its own", show(p.Name), at)
			} else if p.Name != "" {
				first[strings.ToLower(p.Name)] = i.line
				*out = append(*out, p)
			}
		}
	}
}

func (d *decoder) users(out *Users) reader {
	return func(v value) {
		file := func(out *string) reader { return d.existing(out, userList, "must be a .csv or .xlsx file") }
		d.object(v,
			may("enable", list(d, &out.Enable, d.text)),
			may("files", list(d, &out.Files, file)),
			may("slack_group", d.group(&out.SlackGroup)),
			may("role", d.text(&out.Role)),
			may("restore", d.flag(&out.Restore)),
			may("roles", d.flag(&out.Roles)),
			may("notify", d.flag(&out.Notify)),
		)
		if notify, ok := at(v, "notify"); ok && out.Notify && len(v.node.Content) == 2 { // a key and its value
			d.fail(notify, "has nobody to tell: say beside it who is let in, such as enable or slack_group")
		}
	}
}
