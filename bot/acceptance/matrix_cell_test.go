//go:build faultpoints

package acceptance

import (
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/failpoint"
)

// cell is one run of the matrix: what is done to one refresh.
type cell struct {
	column    string
	kill      string // point#hit at which the first process dies
	second    string // and the one after it
	term      string // at which it is asked to stop
	stop      string // at which it halts
	pause     time.Duration
	fault     *fault
	twice     bool // every envelope is delivered twice
	scheduled bool // the schedule asks, not a person
	mutant    failpoint.Mistake
}

func (c cell) String() string {
	var parts []string
	add := func(what, value string) {
		if value != "" {
			parts = append(parts, what+" "+value)
		}
	}
	add("kill", c.kill)
	add("then", c.second)
	add("term", c.term)
	add("stop", c.stop)
	if c.fault != nil {
		parts = append(parts, c.fault.String())
	}
	if c.twice {
		parts = append(parts, "twice")
	}
	if c.scheduled {
		parts = append(parts, "scheduled")
	}
	add("mutant", string(c.mutant))
	if len(parts) == 0 {
		return "clean"
	}
	return strings.ReplaceAll(strings.Join(parts, ", "), "/", "|") // a slash would begin a test below the test
}

// call is a kind of request that a simulator gets.
type call struct {
	host   string // slack, or a host of the cloud
	method string // of the Web API, or of HTTP
	path   string // as far as it is the same in every run
}

func (c call) String() string { return strings.TrimSpace(c.host + " " + c.method + " " + c.path) }

// fault is one misfortune of one call, the first of its kind after a moment: start, approved, killed.
type fault struct {
	call   call
	name   string
	moment string
}

func (f fault) String() string { return f.name + " " + f.call.String() + " once " + f.moment }

// slackFaults and cloudFaults are what can befall a call. What is slow takes longer than the bot waits.
func slackFaults() map[string]slacksim.Fault {
	return map[string]slacksim.Fault{
		"dropped":    {DropRequest: true},
		"reply lost": {DropReply: true},
		"late":       {DropReply: true, Delay: late},
		"429":        {Status: 429, RetryAfter: 1},
		"503":        {Status: 503},
		"slow":       {Delay: 15*time.Second + late},
		"cut":        {CutBody: true},
	}
}

func cloudFaults() map[string]cloudsim.Fault {
	return map[string]cloudsim.Fault{
		"dropped":    {DropRequest: true},
		"reply lost": {DropReply: true},
		"late":       {LandLate: late},
		"429":        {Status: 429, RetryAfter: 1},
		"503":        {Status: 503},
		"slow":       {DelayReply: timeout + late},
		"cut":        {CutBody: true},
	}
}

func faultNames() []string { return slices.Sorted(maps.Keys(cloudFaults())) }

// set has the fault meet the next call of its kind, which met is told.
func (f fault) set(slack *slacksim.Server, cloud *cloudsim.Cloud, met func()) {
	if f.call.host == "slack" {
		misfortune := slackFaults()[f.name]
		misfortune.Met = met
		slack.Fail(f.call.method, misfortune)
		return
	}
	misfortune := cloudFaults()[f.name]
	misfortune.Method, misfortune.Met = f.call.method, met
	if f.name == "slow" && f.call.host == "entra" {
		misfortune.DelayReply = signIn + late
	}
	cloud.Fail(f.call.host, f.call.path, misfortune)
}

// theVarying is where the part of a path begins that differs from run to run.
var theVarying = regexp.MustCompile(`\(|\?|/[0-9]+(/|$)|/[0-9a-fA-F-]{20,}`)

// callsOf returns the kinds of calls that the simulators have seen since a moment.
func (a *actor) callsOf(since time.Time) map[call]bool {
	all := map[call]bool{}
	for _, c := range a.slack.Calls() {
		if !c.At.Before(since) {
			all[call{host: "slack", method: c.Method}] = true
		}
	}
	for _, c := range a.cloud.Calls() {
		if !c.At.Before(since) {
			all[kindOf(c)] = true
		}
	}
	return all
}

// kindOf returns the kind of a call of the cloud's.
func kindOf(c cloudsim.Call) call {
	path := c.Path
	if c.Host == "entra" { // the tenant comes first
		_, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		path = "/" + path
	}
	if at := theVarying.FindStringIndex(path); at != nil {
		path = path[:at[0]]
	}
	return call{c.Host, c.Method, path}
}

// verdict takes what a run complains about instead of the test, so that a mutant's can be wanted.
type verdict struct {
	testing.TB
	mu       sync.Mutex
	wrong    []string
	said     []string
	cleanups []func()
}

func (v *verdict) Errorf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

func (v *verdict) Error(args ...any) { v.Errorf("%s", fmt.Sprint(args...)) }

func (v *verdict) Fatalf(format string, args ...any) {
	v.Errorf(format, args...)
	runtime.Goexit()
}

func (v *verdict) Fatal(args ...any) { v.Fatalf("%s", fmt.Sprint(args...)) }

func (v *verdict) Failed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.wrong) > 0
}

func (v *verdict) Logf(format string, args ...any) {
	v.said = append(v.said, fmt.Sprintf(format, args...))
}

func (v *verdict) Cleanup(f func()) { v.cleanups = append(v.cleanups, f) }

// outcome is what came of one run.
type outcome struct {
	cell
	wrong   []string
	said    []string
	reached bool // every point and fault that the cell names was met
	starts  int
	unknown int // how often a person was asked whether the copy was started
	banners int // broadcasts in the target beyond the first
	took    time.Duration
}

// slots bounds how many runs go on at a time. One whose process is halted for long leaves its slot to others.
var slots = make(chan struct{}, running)

// run plays and judges one cell. look may see the run before its surroundings are gone.
func run(t *testing.T, c cell, look func(*actor)) outcome {
	slots <- struct{}{}
	leave := sync.OnceFunc(func() { <-slots })
	defer leave()
	v := &verdict{TB: t}
	o := outcome{cell: c}
	began := time.Now()
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() {
			for _, f := range slices.Backward(v.cleanups) {
				f()
			}
		}()
		a := newActor(v, c)
		a.halting = leave
		if c.twice {
			a.slack.SetDuplicates(true)
		}
		a.play()
		a.close()
		o.starts, o.unknown, o.reached = a.starts, a.unknown, a.reached()
		if look != nil {
			look(a)
		}
		o.banners = a.judgeAll()
	}()
	<-over
	o.wrong, o.said, o.took = v.wrong, v.said, time.Since(began)
	return o
}

// reached reports whether every point and fault that the cell names was met.
func (a *actor) reached() bool {
	c := a.cell
	return (c.kill == "" || a.killed) && (c.second == "" || a.second) && (c.term == "" || a.termed) && (c.stop == "" || a.stopped) && (c.fault == nil || a.met.Load())
}
