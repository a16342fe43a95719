package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/spell"
)

// Engine is what commands need of the engine.
type Engine interface {
	Ask(ctx context.Context, req refresh.Request, key string) (refresh.Refresh, error)
	Tell(ctx context.Context, id refresh.ID, in refresh.Input, key string) (refresh.Refresh, error)
}

// Record is what commands read of the store.
type Record interface {
	Open(ctx context.Context) ([]refresh.Refresh, error)
	Recent(ctx context.Context, target string, limit int) ([]refresh.Refresh, error)
	// Load returns engine.ErrNotFound when there is no such refresh.
	Load(ctx context.Context, id refresh.ID) (refresh.Refresh, error)
	Seen(ctx context.Context, key string) (bool, error)
}

// Directory knows the people. An error means that it could not find out, and then nobody is let through.
type Directory interface {
	// Groups returns those of the user groups that the user is a member of now.
	Groups(ctx context.Context, user string, of []string) ([]string, error)
	// InChannel reports whether the user is a member of the channel.
	InChannel(ctx context.Context, user, channel string) (bool, error)
	// Membership returns what the user is, who acts from that workspace, in the one that refreshbot belongs to.
	Membership(ctx context.Context, user, workspace string) (Membership, error)
	// Zone returns the time zone that the user has set.
	Zone(ctx context.Context, user string) (*time.Location, error)
}

// Target is an environment that can be refreshed.
type Target struct {
	Request    refresh.Request // the template: everything but id, person and reason
	Requesters []string        // users and user groups; empty: anyone in the channel
}

// Options are what a Service works with.
type Options struct {
	Engine    Engine
	Record    Record
	Directory Directory
	Rehearsal Rehearsal
	Targets   map[string]Target
	Sources   []string // environments that cannot be refreshed, for a better refusal
	Admins    []string
	Next      func(target string) time.Time // when the schedule asks next; zero: never; set before the first line is answered

	Installation Installation
	Calendar     Calendar
	Schedules    Schedules // set before the first line is answered
	Starts       Starts    // nil: they are not counted
	News         News
	Zone         *time.Location // in which times are said, and read when the person's own is not known; nil: UTC
}

// Service answers people.
type Service struct {
	Options
	names []string // of the targets, in order
	once  once
	turns sync.Map // by what is decided about: a channel with room for the one whose input is being looked into
}

// New returns a Service. A target that is named like a command could never be asked for, and is an error.
func New(o Options) (*Service, error) {
	o.Engine = learner{o.Engine, o.Record}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	s := &Service{Options: o}
	for name := range o.Targets {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	for _, name := range s.names {
		if Named(name) {
			return nil, refresh.Errorf(refresh.Invalid, "No environment can be named %s, since /refresh %s is a command. Rename it in the configuration.", name, strings.ToLower(name))
		}
	}
	return s, nil
}

// Named reports whether a command is named like that, so that no target can be.
func Named(name string) bool {
	return name != "" && slices.ContainsFunc(verbs(), func(v verb) bool { return strings.EqualFold(v.name, name) })
}

// Line is a slash command as it was typed. Key names the delivery, so that a second one changes nothing.
type Line struct {
	Key       string
	User      refresh.Person
	Workspace string // from which it was sent
	Channel   string
	Text      string // what follows /refresh

	Confirmed bool // a button of ours sent it: the person has been shown what it means
}

// Press is a click on a button of a card.
type Press struct {
	Key       string
	User      refresh.Person
	Workspace string // from which it was sent
	Channel   string // where the button stands; empty: where only this person and refreshbot are
	Refresh   refresh.ID
	Gate      string
	Nonce     string
	Action    refresh.Action
}

// WholeRefresh stands in the place of the gate for what is decided at none, such as calling a refresh off.
const WholeRefresh = "refresh"

type handler func(s *Service, ctx context.Context, in Line, words []string) (Reply, error)

// verb is one command. Help and the nearest match for a typing error both come from the table.
type verb struct {
	name  string
	usage Usage
	run   handler
}

// verbs returns the table of commands; the first is what a line without a verb means.
func verbs() []verb {
	return []verb{
		{"", Usage{"/refresh <environment> [now | <time>] [for <reason>]", "ask for a refresh; an approver decides before anything happens. The environment alone opens a form", "/refresh uat tomorrow 22:00 for March training"}, (*Service).ask},
		{"plan", Usage{"/refresh plan <environment>", "the dry run: what each step would do, how long it took last time, what would stop it now", "/refresh plan uat"}, (*Service).plan},
		{"status", Usage{"/refresh status [environment]", "what runs, what waits and for whom, what is scheduled, blackouts, and how many starts LCS still takes", "/refresh status uat"}, (*Service).status},
		{"schedule", Usage{`/refresh schedule <environment> ["<cron>" [zone] [because <reason>]]`, "refresh at recurring times, or change a schedule; each refresh asks for approval before its time. The environment alone opens a form", cronExample}, (*Service).schedule},
		{"schedules", Usage{"/refresh schedules [environment]", "every schedule with its next three times, who made it and what came of the last", "/refresh schedules uat"}, (*Service).listSchedules},
		{"freeze", Usage{"/refresh freeze <environment> [from <time>] until <time> [because <reason>]", "keep refreshes from beginning, say at month end", freezeExample}, (*Service).freeze},
		{"unfreeze", Usage{"/refresh unfreeze <environment>", "lift your freeze; an admin lifts anybody's", "/refresh unfreeze uat"}, (*Service).unfreeze},
		{"cancel", Usage{"/refresh cancel <environment> [because <reason>]", "call a refresh off, as long as the copy has not begun", "/refresh cancel uat"}, (*Service).cancel},
		{"users", Usage{"/refresh users <environment>", "hand in a list of users to let in, as a file or pasted; it is previewed before anybody is enabled", "/refresh users uat"}, (*Service).users},
		{"history", Usage{"/refresh history [environment] [by @person] [outcome] [2026-11]", "what was refreshed, when, by whom, and how it ended", "/refresh history uat failed"}, (*Service).history},
		{"why", Usage{"/refresh why <environment>", "what a refresh is waiting for, since when, who can act, and what happens if nobody does", "/refresh why uat"}, (*Service).why},
		{"check", Usage{"/refresh check [environment]", "for admins: try every credential and permission, without changing anything", "/refresh check uat"}, (*Service).check},
		{"sign-in", Usage{"/refresh sign-in", "for admins: sign the LCS account in, where it has multi-factor authentication", "/refresh sign-in"}, (*Service).signIn},
		{"config", Usage{"/refresh config", "for admins: the configuration in use, secrets hidden", "/refresh config"}, (*Service).config},
		{"backup", Usage{"/refresh backup", "for admins: copy the store now, and check the copy", "/refresh backup"}, (*Service).backup},
		{"help", Usage{"/refresh help [command]", "this list, or more about one command", "/refresh help history"}, (*Service).help},
	}
}

// Slash answers a slash command. What it changes is committed when it returns.
func (s *Service) Slash(ctx context.Context, in Line) Reply {
	words := strings.Fields(in.Text)
	if len(words) == 0 {
		return reply(s.help(ctx, in, nil))
	}
	first := strings.ToLower(words[0])
	for _, v := range verbs() {
		if v.name == first {
			return reply(s.run(ctx, v, in, words[1:]))
		}
	}
	return reply(s.run(ctx, verbs()[0], in, words))
}

// run is a command of somebody who may send it. What it answers to a bad line is the same for everybody.
func (s *Service) run(ctx context.Context, v verb, in Line, words []string) (Reply, error) {
	may := s.vouch
	if looksOnly(v.name) {
		may = s.atHome
	}
	if v.name != "help" {
		if err := may(ctx, in.User, in.Workspace); err != nil {
			return Reply{}, err
		}
	}
	return v.run(s, ctx, in, words)
}

// Click answers a button. What it changes is committed when it returns.
func (s *Service) Click(ctx context.Context, in Press) Reply {
	r, actor, err := s.open(ctx, in.User, in.Refresh)
	if err != nil {
		return reply(Reply{}, err)
	}
	if in.Channel != "" && r.ID != "" && in.Channel != r.Channel {
		return reply(Reply{}, hinted{refresh.Errorf(refresh.Denied, "That button does not stand in the channel where %s is refreshed, so it does not count.", r.Target.Name),
			"The card there has buttons that work."})
	}
	if asksMore(in.Action) && r.ID != "" {
		return reply(s.more(ctx, r, in, actor))
	}
	if in.Gate == WholeRefresh && in.Action == refresh.ActionCancel {
		_, err = s.tell(ctx, in.Refresh, r, refresh.Cancel{By: actor}, delivery{in.Key, in.User, in.Workspace})
		return reply(Reply{}, err)
	}
	_, err = s.tell(ctx, in.Refresh, r, refresh.Click{Gate: in.Gate, Nonce: in.Nonce, Action: in.Action, By: actor}, delivery{in.Key, in.User, in.Workspace})
	return reply(Reply{}, err)
}

func reply(r Reply, err error) Reply {
	switch {
	case err == nil, errors.Is(err, engine.ErrSeen): // the first delivery was answered
		return r
	default:
		passing := slices.Contains([]refresh.Code{refresh.Offline, refresh.Throttled, refresh.Internal}, refresh.CodeOf(err))
		r = Reply{Refused: true, Passing: passing, Text: refresh.MessageOf(err), Hint: hint(err)}
		if a, ok := errors.AsType[toAdmins](err); ok {
			r.Admins = a.admins
		}
		if f, ok := errors.AsType[blackedOut](err); ok {
			r.Blackouts = []InBlackout{f.InBlackout}
		}
		return r
	}
}

// toAdmins is a refusal that an admin can help with, and who those are.
type toAdmins struct {
	error
	admins []string
}

func (a toAdmins) Unwrap() error { return a.error }

// hinted carries a next step beside an error.
type hinted struct {
	error
	next string
}

func (h hinted) Unwrap() error { return h.error }

func hint(err error) string {
	if h, ok := errors.AsType[hinted](err); ok {
		return h.next
	}
	return ""
}

func (s *Service) cancel(ctx context.Context, in Line, words []string) (Reply, error) {
	t, err := s.target("cancel ", words)
	if err != nil {
		return Reply{}, err
	}
	reason, err := reasonOf(words[1:], fmt.Sprintf("/refresh cancel %s because the training moved", t.Request.Target.Name))
	if err != nil {
		return Reply{}, err
	}
	name := t.Request.Target.Name
	if seen, err := s.Record.Seen(ctx, in.Key); err != nil || seen {
		return Reply{}, err
	}
	active, err := s.active(ctx, name)
	if err != nil {
		return Reply{}, err
	}
	if active == nil {
		next := ""
		if !s.Next(name).IsZero() {
			next = fmt.Sprintf("To skip one that is scheduled: /refresh schedules %s", name)
		}
		return Reply{}, hinted{refresh.Errorf(refresh.NotFound, "No refresh of %s is running, so there is nothing to cancel.", name), next}
	}
	actor, err := s.actorFor(ctx, in.User, *active)
	if err != nil {
		return Reply{}, err
	}
	if _, err := s.tell(ctx, active.ID, *active, refresh.Cancel{By: actor, Reason: reason}, delivery{in.Key, in.User, in.Workspace}); err != nil {
		return Reply{}, err
	}
	return Reply{Text: fmt.Sprintf("Cancelled. %s stays as it is.", name)}, nil
}

func (s *Service) status(ctx context.Context, _ Line, words []string) (Reply, error) {
	names := s.names
	if len(words) > 0 {
		t, err := s.target("status ", words)
		if err != nil {
			return Reply{}, err
		}
		if len(words) > 1 {
			return Reply{}, hinted{refresh.Errorf(refresh.Invalid, "I did not understand %q.", strings.Join(words[1:], " ")),
				"Name one environment, or none to see all: /refresh status"}
		}
		names = []string{t.Request.Target.Name}
	}
	var rep Reply
	var errs []error
	starts := s.starts(ctx, names...)
	for _, name := range names {
		st, err := s.standing(ctx, name)
		if q, ok := starts[name]; ok {
			st.Starts = &q
		}
		if err != nil {
			st.Unread = refresh.MessageOf(err)
			errs = append(errs, err)
		}
		rep.Targets = append(rep.Targets, st)
	}
	if len(errs) == len(names) {
		return Reply{}, errors.Join(errs...)
	}
	return rep, nil
}

// standing is how a target stands, as far as that can be read.
func (s *Service) standing(ctx context.Context, name string) (Standing, error) {
	st := Standing{Target: name, Source: s.Targets[name].Request.Source.Name, Next: s.Next(name)}
	var errs [3]error
	if st.Blackouts, errs[0] = s.Calendar.Blackouts(ctx, name, time.Now()); errs[0] != nil {
		errs[0] = fmt.Errorf("look for blackouts of %s: %w", name, errs[0])
	}
	if s.Schedules != nil {
		st.Schedules, errs[1] = s.Schedules.List(ctx, name)
	}
	recent, err := s.Record.Recent(ctx, name, 2)
	if err != nil {
		errs[2] = fmt.Errorf("read the history of %s: %w", name, err)
	}
	for _, r := range recent {
		switch {
		case !r.Status.Ended() && st.Active == nil:
			st.Active = &r
		case r.Status.Ended() && st.Last == nil:
			st.Last = &r
		}
	}
	return st, errors.Join(errs[:]...)
}

// target reads the environment at the head of words. verb is what stood before it, with a space behind, so that
// the nearest match suggests the same command again and not another.
func (s *Service) target(verb string, words []string) (Target, error) {
	if len(words) == 0 {
		return Target{}, hinted{refresh.Errorf(refresh.Invalid, "Which environment?"), "Environments that can be refreshed: " + strings.Join(s.names, ", ") + "."}
	}
	name := strings.ToLower(words[0])
	for _, known := range s.names {
		if strings.EqualFold(known, name) {
			return s.Targets[known], nil
		}
	}
	for _, source := range s.Sources {
		if strings.EqualFold(source, name) {
			return Target{}, hinted{refresh.Errorf(refresh.Invalid, "%s is only a source: nothing is ever copied into it.", source), "Environments that can be refreshed: " + strings.Join(s.names, ", ") + "."}
		}
	}
	choices, what := slices.Clone(s.names), "environment"
	if verb == "" {
		what = "command or environment"
		for _, v := range verbs()[1:] {
			choices = append(choices, v.name)
		}
	}
	next := "/refresh help lists what can be asked. Environments: " + strings.Join(s.names, ", ") + "."
	if near, ok := spell.Nearest(name, choices); ok {
		next = fmt.Sprintf("Did you mean /refresh %s%s? %s", verb, near, next)
	}
	return Target{}, hinted{refresh.Errorf(refresh.Invalid, "I know no %s %q.", what, words[0]), next}
}

// active returns the refresh of the target that goes on, nil when there is none. Only what cannot be read of this very
// target is an error: the damage of another is no reason to refuse.
func (s *Service) active(ctx context.Context, target string) (*refresh.Refresh, error) {
	open, err := s.Record.Open(ctx)
	for _, r := range open {
		if r.Target.Name == target {
			return &r, nil
		}
	}
	if err == nil {
		return nil, nil
	}
	latest, err := s.Record.Recent(ctx, target, 1)
	if err == nil && len(latest) > 0 && !latest[0].Status.Ended() { // its row can be read, so it is the journal that cannot
		_, err = s.Record.Load(ctx, latest[0].ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read the open refresh of %s: %w", target, err)
	}
	return nil, nil
}
