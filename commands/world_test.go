package commands_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"refreshbot/commands"
	"refreshbot/jobs/blackout"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
	"refreshbot/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The people of these tests.
const (
	rita  = "U0RITA" // listed by name among test's requesters
	tom   = "U0TOM"  // in the group among test's requesters
	anna  = "U0ANNA" // in the group that approves
	admin = "U0ADMIN"
	sam   = "U0SAM" // in the channel, and nothing else
	eve   = "U0EVE" // not even in the channel
)

const (
	channel   = "C0REFRESH"
	testers   = "S0TESTERS"
	approvers = "S0APPROVE"
)

// world is a Service over the real engine in fake time. uat may be asked for by anyone in the channel, test by
// rita and the testers; Golden is there for its capital letter.
type world struct {
	*commands.Service
	record    *storetest.Memory
	directory *directory
	performer *performer
	news      *news
}

// inWorld runs a test in a bubble of fake time.
func inWorld(t *testing.T, f func(t *testing.T, w world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := world{record: storetest.NewMemory(), directory: newDirectory(), performer: &performer{}, news: &news{}}
		machine := engine.New(engine.Options{Store: w.record, Performer: w.performer, Log: slog.New(slog.DiscardHandler)})
		var err error
		if w.Service, err = commands.New(options(machine, w.record, w.directory)); err != nil {
			t.Fatal(err)
		}
		timetable, err := schedule.New(schedule.Options{
			Entries: []schedule.Entry{{Target: "test", Cron: "0 19 * * FRI", Ask: 4 * time.Hour}}, Zone: time.UTC,
			Asker: w.Service, News: w.news, Records: w.record, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.Schedules, w.News = timetable, w.news
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := machine.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		defer running.Wait()
		defer stop()
		<-machine.Recovered()
		f(t, w)
	})
}

func options(e commands.Engine, r commands.Record, d commands.Directory) commands.Options {
	calendar, err := blackout.New(nil, time.UTC, storetest.NewMemory())
	if err != nil {
		panic(err) // there is no rule that could be wrong
	}
	o := commands.Options{
		Engine: e, Record: r, Directory: d, Targets: map[string]commands.Target{}, Sources: []string{"prod"}, Admins: []string{admin},
		Next: func(target string) time.Time {
			if target == "test" {
				return nextTest
			}
			return time.Time{}
		},
		Calendar: calendar, Zone: time.UTC, News: &news{}, Rehearsal: rehearsal{},
	}
	o.Installation = &installation{}
	for _, name := range []string{"uat", "test", "Golden"} {
		req := storetest.Request("", storetest.Environment(name))
		req.By, req.Reason, req.Channel = refresh.Person{}, "", channel
		req.Plan[1].Policy = &refresh.Policy{By: []string{approvers}, Count: 1, Expires: 24 * time.Hour}
		o.Targets[name] = commands.Target{Request: req}
	}
	test := o.Targets["test"]
	test.Requesters = []string{rita, testers}
	o.Targets["test"] = test
	return o
}

// rehearsal foresees the same for every request.
type rehearsal struct{}

func (rehearsal) Would(_ refresh.Request, s refresh.Spec) string { return "would do " + s.ID }

func (rehearsal) Checks(_ context.Context, req refresh.Request) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Refused, Message: "busy"}, Findings: []refresh.Finding{
		{OK: true, Name: "Two environments"}, {Name: "Nothing runs on " + req.Target.Name, Detail: "LCS is busy."},
	}}
}

func (rehearsal) AtStake(_ context.Context, req refresh.Request) []refresh.Finding {
	return []refresh.Finding{{OK: true, Name: "Users who can sign in", Detail: "2 users: ANNA, BO"}, {Name: "Batch jobs", Detail: req.Target.Name + " does not answer."}}
}

func (rehearsal) Guests(context.Context, refresh.Request) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Succeeded, Note: "3 users would be let in; 1 name unknown to production", Findings: []refresh.Finding{{Name: "BOB", Detail: "is no user of production (configuration), nearest is BO"}}}
}

// news is what the channels were told.
type news struct {
	mu   sync.Mutex
	told []refresh.News
	slow time.Duration // what it takes to note one
}

func (n *news) set(slow time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.slow = slow
}

func (n *news) Tell(_ context.Context, item refresh.News) error {
	n.mu.Lock()
	slow := n.slow
	n.mu.Unlock()
	<-time.After(slow)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, item)
	return nil
}

// kinds are the kinds of news that were told since the last time.
func (n *news) kinds() []refresh.NewsKind {
	n.mu.Lock()
	defer n.mu.Unlock()
	var kinds []refresh.NewsKind
	for _, item := range n.told {
		kinds = append(kinds, item.Kind)
	}
	n.told = nil
	return kinds
}

var nextTest = time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC)

// all returns every refresh there is, newest first.
func (w world) all(t *testing.T) []refresh.Refresh {
	t.Helper()
	list, err := w.record.Recent(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// the returns the only refresh, once nothing moves any more.
func (w world) the(t *testing.T) refresh.Refresh {
	t.Helper()
	synctest.Wait()
	list := w.all(t)
	if len(list) != 1 {
		t.Fatalf("%d refreshes, want one", len(list))
	}
	return list[0]
}

func (w world) say(t *testing.T, user, text string) commands.Reply {
	t.Helper()
	return w.Slash(t.Context(), line(user, text))
}

var keys struct {
	sync.Mutex
	n int
}

func key() string {
	keys.Lock()
	defer keys.Unlock()
	keys.n++
	return "key-" + time.Duration(keys.n).String()
}

func line(user, text string) commands.Line {
	return commands.Line{Key: key(), User: refresh.Person{ID: user, Name: user}, Channel: "C0ELSEWHERE", Text: text}
}

// performer succeeds at everything and then follows the copy for ever, unless it is told that the copy is done.
// Package engine tests what it does with worse.
type performer struct {
	mu     sync.Mutex
	copies int
	done   bool         // the copy ends at once
	stuck  refresh.Kind // what goes on for ever
}

func (p *performer) Perform(_ context.Context, _ refresh.Refresh, s refresh.Step) refresh.Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case s.Kind == refresh.KindCopy:
		p.copies++
		return refresh.Outcome{Result: refresh.Succeeded, Operation: "op-1"}
	case s.Kind == refresh.KindFollow && !p.done, s.Kind == p.stuck:
		return refresh.Outcome{Result: refresh.Continues, Again: time.Hour}
	}
	return refresh.Outcome{Result: refresh.Succeeded}
}

func (p *performer) set(change func(*performer)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *performer) Look(context.Context, refresh.Refresh, refresh.Step) refresh.Sighted {
	return refresh.Sighted{}
}

func (p *performer) Watch(context.Context, refresh.Refresh, refresh.Step) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Continues, Again: time.Hour}
}

// directory is who is where, until it does not answer.
type directory struct {
	mu     sync.Mutex
	zone   string // of everybody
	groups map[string][]string
	in     []string                       // the members of the channel
	are    map[string]commands.Membership // who is no full member
	down   bool
}

func newDirectory() *directory {
	return &directory{groups: map[string][]string{testers: {tom}, approvers: {anna, rita}}, in: []string{rita, tom, anna, sam}}
}

var errDown = errors.New("dial tcp 192.0.2.1:443: connection refused")

func (d *directory) Groups(_ context.Context, user string, of []string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, errDown
	}
	var in []string
	for group := range maps.Keys(d.groups) {
		if slices.Contains(of, group) && slices.Contains(d.groups[group], user) {
			in = append(in, group)
		}
	}
	return in, nil
}

func (d *directory) InChannel(_ context.Context, user, ch string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return false, errDown
	}
	return ch == channel && slices.Contains(d.in, user), nil
}

func (d *directory) Membership(_ context.Context, user, _ string) (commands.Membership, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return "", errDown
	}
	if is, ok := d.are[user]; ok {
		return is, nil
	}
	return commands.Full, nil
}

func (d *directory) Zone(context.Context, string) (*time.Location, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, errDown
	}
	return time.LoadLocation(d.zone)
}

func (d *directory) set(change func(*directory)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}
