package phases

import (
	"fmt"
	"net/url"
	"strings"

	"refreshbot/jobs/refresh"
)

// Would is what a step would do, in a sentence for people. It reads the parameters and nothing else; none of them holds
// a secret.
func (p *Performer) Would(req refresh.Request, s refresh.Spec) string {
	say, ok := wording()[s.Kind]
	if !ok {
		return "is not known to this version of refreshbot"
	}
	text, err := say(req, refresh.Step{Spec: s})
	if err != nil {
		return refresh.MessageOf(err)
	}
	if s.IfInstalled {
		text += "; skipped where it is not installed"
	}
	switch s.OnFailure {
	case refresh.FailureContinues:
		text += "; goes on when it fails"
	case refresh.FailureStops:
		text += "; ends the refresh when it fails"
	}
	return text
}

type phrase = func(req refresh.Request, s refresh.Step) (string, error)

// plain is for what has no parameters.
func plain(format string, args ...func(refresh.Request) string) phrase {
	return func(req refresh.Request, _ refresh.Step) (string, error) {
		var all []any
		for _, a := range args {
			all = append(all, a(req))
		}
		return fmt.Sprintf(format, all...), nil
	}
}

// with is for what its parameters say.
func with[T any](say func(req refresh.Request, v T) string) phrase {
	return func(req refresh.Request, s refresh.Step) (string, error) {
		v, err := params[T](s)
		if err != nil {
			return "", err
		}
		return say(req, v), nil
	}
}

// asks is for what waits for people: what one of them does, and what several do.
func asks(what, several string) phrase {
	return func(_ refresh.Request, s refresh.Step) (string, error) {
		if s.Policy == nil {
			return what, nil
		}
		text := "waits"
		if s.Policy.Expires > 0 {
			text += ", for " + refresh.Span(s.Policy.Expires) + " at most,"
		}
		if s.Policy.Count == 1 {
			return text + " until one of those named in the configuration " + what, nil
		}
		return fmt.Sprintf("%s until %d of those named in the configuration %s", text, s.Policy.Count, several), nil
	}
}

// wording is the table of what each kind of step would do.
func wording() map[refresh.Kind]phrase {
	source := func(r refresh.Request) string { return r.Source.Name }
	target := func(r refresh.Request) string { return r.Target.Name }
	notice := func(r refresh.Request) string { return refresh.Span(r.Settings.Notice) }
	downtime := func(r refresh.Request) string { return refresh.Span(r.Settings.Downtime) }
	return map[refresh.Kind]phrase{
		refresh.KindPreflight: plain("looks up %s and %s in LCS, what runs there, how many refreshes LCS still takes, and signs in to both; changes nothing", source, target),
		refresh.KindApproval:  asks("approves; whoever asked does not count", "approve; whoever asked does not count"),
		refresh.KindStart:     plain("waits for the start time"),
		refresh.KindBlackouts: plain("looks whether a blackout forbids it by now, and waits for a person if so"),
		refresh.KindAnnounce:  plain("posts in the channel that %s is down for about %s", target, downtime),
		refresh.KindBroadcast: plain("shows whoever works in %s a banner with the time of the downtime", target),
		refresh.KindNotice:    plain("waits %s; meanwhile it can be postponed, started at once or cancelled", notice),
		refresh.KindSnapshot:  plain("reads from %s its enabled users and their roles, waiting batch jobs, batch groups, e-mail and document parameters and Entra applications", target),
		refresh.KindCopy:      plain("asks LCS to overwrite the database of %s with that of %s; from here there is no way back", target, source),
		refresh.KindFollow:    plain("follows LCS until the copy is done and %s answers again", target),
		refresh.KindSmoke:     plain("looks whether %s has legal entities, nobody but the admin enabled and no batch job waiting", target),
		refresh.KindSignOff:   asks("has looked at it and signs off", "have looked at it and sign off"),
		refresh.KindBatchGroups: with(func(_ refresh.Request, v BatchGroupsParams) string {
			var all []string
			for _, g := range v.Groups {
				name := g.Group
				if name == "" {
					name = "the default group"
				}
				servers := "every batch server"
				if len(g.Servers) > 0 {
					servers = strings.Join(g.Servers, ", ")
				}
				all = append(all, name+" on "+servers)
			}
			return "puts batch groups on their servers: " + strings.Join(all, "; ")
		}),
		refresh.KindBatchJobs: with(func(_ refresh.Request, v BatchJobsParams) string {
			return "sets batch jobs to Waiting: " + strings.Join(v.ToWaiting, ", ")
		}),
		refresh.KindEmail: with(func(_ refresh.Request, v EmailParams) string {
			text := fmt.Sprintf("sets the outgoing e-mail server to %s, port %d", v.Server, v.Port)
			if v.Secret != "" {
				text += ", with its password"
			}
			return text
		}),
		refresh.KindService: with(func(_ refresh.Request, v ServiceParams) string { return "calls the custom service " + v.Path }),
		refresh.KindOData: with(func(_ refresh.Request, v ODataParams) string {
			verb := "changes"
			if v.Insert {
				verb = "adds"
			}
			if n := len(v.Rows); n > 0 {
				return fmt.Sprintf("%s %s of %s", verb, refresh.Count(n, "record"), v.Rows[0].Entity)
			}
			return fmt.Sprintf("%s one record of %s", verb, v.Entity)
		}),
		refresh.KindManual: with(func(_ refresh.Request, v ManualParams) string {
			first, _, _ := strings.Cut(strings.TrimSpace(v.Text), "\n")
			return "asks a person: " + first
		}),
		refresh.KindRestore: with(func(_ refresh.Request, v RestoreParams) string {
			if v.Offer {
				return "offers to write back the settings as they were; nothing is written unless somebody accepts"
			}
			return "writes back what the snapshot holds of them"
		}),
		refresh.KindEntityStore: with(func(_ refresh.Request, v EntityStoreParams) string {
			return "refreshes the entity store: " + strings.Join(v.Entities, ", ")
		}),
		refresh.KindParameters: with(func(_ refresh.Request, v SystemParams) string { return "chooses the Help library " + v.HelpLibrary }),
		refresh.KindEncrypted: with(func(_ refresh.Request, v EncryptedParams) string {
			return fmt.Sprintf("enters the secret in %s.%s, which a refresh blanks", v.Table, v.Field)
		}),
		refresh.KindPackage: with(func(_ refresh.Request, v PackageParams) string {
			return fmt.Sprintf("imports the data package %s into %s", v.File, v.LegalEntity)
		}),
		refresh.KindHTTP: with(func(_ refresh.Request, v HTTPParams) string {
			return fmt.Sprintf("tells %s", hostOf(v.URL))
		}),
		refresh.KindGuard: with(func(_ refresh.Request, v GuardParams) string {
			var all []string
			for _, probe := range v.Probes {
				all = append(all, probe.Name)
			}
			return "looks whether anything of the source's is left, and stops if so: " + strings.Join(all, ", ")
		}),
		refresh.KindPreview:  plain("shows who would be let in, and which names are unknown"),
		refresh.KindOpenGate: asks("lets the users in", "let the users in"),
		refresh.KindEnable: with(func(req refresh.Request, v UsersParams) string {
			text := "enables the users of the preview in " + req.Target.Name
			if v.Roles {
				text += " and gives them the roles they had"
			}
			return text
		}),
		refresh.KindVerify: plain("reads back that each of them can sign in to %s", target),
	}
}

// hostOf is the host of an address: what follows it may hold a key, as webhooks do.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "an outside system"
	}
	return u.Host
}
