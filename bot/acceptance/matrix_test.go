//go:build faultpoints

package acceptance

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/jobs/failpoint"
)

var (
	columns = flag.String("columns", "kill,schedule,term,twice,fault,kill+fault,pairs,pause", "which `columns` of the matrix are run")
	drawn   = flag.Int("sample", 0, "run so many `cells` of every column but kill and schedule; 0: all")
	seed    = flag.Uint64("seed", 0, "of the sample and the pairs; 0: a new one")
	only    = flag.String("only", "", "run the cells whose name holds this `text`")
	again   = flag.Int("again", 1, "run each cell so many `times`")
	update  = flag.Bool("update", false, "write the list of points anew")
	report  = flag.String("report", "", "write the table into this `file`, between its marks")
)

// hits is how often a point that is passed again and again is killed at: the first few times.
const hits = 2

// pairs is how many second kills are drawn.
const pairs = 120

// pause is how long a process is halted: longer than its longest timeout, which is Slack's.
const pause = 16 * time.Second

// recording is what a run has passed.
type recording struct {
	points []string // name#hit, in order
	times  []time.Time
	calls  map[call]bool
	later  map[call]bool   // after the approval
	next   map[string]call // the first call after a point, which recovery may repeat
}

// The crash matrix. What is recorded in a clean run is what is killed at.
func TestMatrix(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	debug.SetGCPercent(400)
	clean, planned, recovery := record(t, cell{}), record(t, cell{scheduled: true}), record(t, cell{kill: "copy:after-call#1"})
	if t.Failed() {
		return
	}
	known(t, clean, planned, recovery)
	var mu sync.Mutex
	var all []outcome
	var whole map[string]int
	t.Run("cells", func(t *testing.T) {
		var list []cell
		list, whole = cells(clean, planned, recovery)
		for _, c := range list {
			for range *again {
				t.Run(c.column+": "+c.String(), func(t *testing.T) {
					t.Parallel()
					o := run(t, c, nil)
					mu.Lock()
					all = append(all, o)
					mu.Unlock()
					if len(o.wrong) > 0 {
						t.Errorf("%s\n%s", strings.Join(o.wrong, "\n"), strings.Join(o.said, "\n"))
					}
				})
			}
		}
	})
	table(t, clean, all, whole)
}

// The judge is proved by protocols that are known to be wrong: it has to catch them.
func TestMatrixCatchesTheMutants(t *testing.T) {
	start := call{"lcs", "POST", startPath}
	for _, c := range []cell{
		{mutant: failpoint.ResultOnly, kill: "copy:after-call#1"},
		{mutant: failpoint.ResultOnly, fault: &fault{start, "reply lost", "start"}},
		{mutant: failpoint.ResultOnly, fault: &fault{start, "late", "start"}},
		{mutant: failpoint.NoSettling, fault: &fault{start, "late", "start"}},
	} {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			o := run(t, c, nil)
			if !slices.ContainsFunc(o.wrong, func(w string) bool { return strings.HasPrefix(w, "started twice") }) {
				t.Errorf("the judge has not noticed a second start; it says: %q", o.wrong)
			}
			c.mutant = ""
			if o := run(t, c, nil); len(o.wrong) > 0 {
				t.Errorf("without the mistake the judge complains too: %q", o.wrong)
			}
		})
	}
}

// record runs one cell that must go well, and returns what it passed.
func record(t *testing.T, c cell) (r recording) {
	t.Helper()
	o := run(t, c, func(a *actor) {
		for i := range a.starts {
			points, times := readPoints(t, a.pointsFile(i))
			if c.kill != "" && i == 0 {
				continue // of a recovery only the second process matters
			}
			r.points, r.times = append(r.points, points...), append(r.times, times...)
		}
		r.calls, r.later = a.callsOf(time.Time{}), a.callsOf(r.approved())
		r.next = a.nextCalls(r)
	})
	if len(o.wrong) > 0 {
		t.Errorf("%s: %s\n%s", c, strings.Join(o.wrong, "\n"), strings.Join(o.said, "\n"))
	}
	return r
}

// approved is when the copy was still to come, and the approval was over.
func (r recording) approved() time.Time {
	if i := slices.Index(r.points, "approval:after-commit#1"); i >= 0 {
		return r.times[i]
	}
	return time.Time{}
}

func readPoints(t *testing.T, file string) (points []string, times []time.Time) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		at, point, _ := strings.Cut(scan.Text(), "\t")
		when, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Error(err)
		}
		points, times = append(points, point), append(times, when)
	}
	return points, times
}

// nameOf and hitOf take a point apart.
func nameOf(point string) string { name, _, _ := strings.Cut(point, "#"); return name }

func hitOf(point string) int {
	_, hit, _ := strings.Cut(point, "#")
	n, _ := strconv.Atoi(hit)
	return n
}

const pointsFile = "testdata/points.txt"

// known compares the points with those of the last recording. One that is gone took its kills with it.
func known(t *testing.T, all ...recording) {
	t.Helper()
	names := map[string]bool{}
	for _, r := range all {
		for _, p := range r.points {
			names[nameOf(p)] = true
		}
	}
	var list []string
	for n := range names {
		list = append(list, n)
	}
	slices.Sort(list)
	if *update {
		if err := os.MkdirAll(filepath.Dir(pointsFile), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pointsFile, []byte(strings.Join(list, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(pointsFile)
	if err != nil {
		t.Fatal(err)
	}
	for n := range strings.Lines(string(data)) {
		if n = strings.TrimSpace(n); !names[n] {
			t.Errorf("the point %s is gone: put it back, or write the list anew with -update", n)
		}
	}
}

// cells are the matrix, or what the flags leave of it, and how many cells each column has.
func cells(clean, planned, recovery recording) (all []cell, whole map[string]int) {
	random := rand.New(rand.NewPCG(*seed, 0))
	byColumn := map[string][]cell{}
	add := func(column string, c cell) {
		c.column = column
		byColumn[column] = append(byColumn[column], c)
	}
	var first []string // each point once
	for _, p := range clean.points {
		if hitOf(p) == 1 {
			first = append(first, p)
		}
		if hitOf(p) <= hits {
			add("kill", cell{kill: p})
		}
		if hitOf(p) <= hits || strings.HasPrefix(p, "inbox:") { // every click may come while the process stops
			add("term", cell{term: p})
		}
	}
	for _, p := range recovery.points {
		if hitOf(p) == 1 && !slices.Contains(first, p) {
			add("kill", cell{kill: "copy:after-call#1", second: p})
		}
	}
	for _, p := range planned.points {
		if hitOf(p) == 1 && (strings.HasPrefix(p, "schedule") || strings.HasPrefix(p, "requested")) {
			add("schedule", cell{kill: p, scheduled: true})
		}
	}
	add("twice", cell{twice: true})
	for _, p := range clean.points {
		if strings.HasPrefix(p, "inbox:") {
			add("twice", cell{kill: p, twice: true})
		}
	}
	for _, name := range faultNames() {
		for c := range clean.calls {
			add("fault", cell{fault: &fault{c, name, "start"}})
			if clean.later[c] {
				add("fault", cell{fault: &fault{c, name, "approved"}})
			}
		}
		for _, p := range first {
			if next, ok := clean.next[p]; ok {
				add("kill+fault", cell{kill: p, fault: &fault{next, name, "killed"}})
			}
			// And the process dies when it hears what came of a call that went wrong.
			if place, over := strings.CutSuffix(p, ":after-call#1"); over && strings.ContainsAny(place, ". ") {
				if meant, ok := clean.next[place+":before-call#1"]; ok {
					add("kill+fault", cell{kill: p, fault: &fault{meant, name, "start"}})
				}
			}
		}
	}
	for range pairs {
		c := cell{kill: first[random.IntN(len(first))]}
		if random.IntN(2) == 0 {
			c.second = first[random.IntN(len(first))]
		} else {
			c.second = recovery.points[random.IntN(len(recovery.points))]
		}
		add("pairs", c)
	}
	for _, p := range first {
		add("pause", cell{stop: p, pause: pause})
	}
	whole = map[string]int{}
	for _, column := range strings.Split(*columns, ",") {
		of := byColumn[column]
		whole[column] = len(of)
		slices.SortFunc(of, func(a, b cell) int { return strings.Compare(a.String(), b.String()) })
		if *drawn > 0 && *drawn < len(of) && column != "kill" && column != "schedule" {
			random.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
			of = of[:*drawn]
		}
		for _, c := range of {
			if strings.Contains(c.column+": "+c.String(), *only) {
				all = append(all, c)
			}
		}
	}
	return all, whole
}

// nextCalls finds the first call after each point.
func (a *actor) nextCalls(r recording) map[string]call {
	type seen struct {
		at time.Time
		call
	}
	var calls []seen
	for _, c := range a.slack.Calls() {
		calls = append(calls, seen{c.At, call{host: "slack", method: c.Method}})
	}
	for _, c := range a.cloud.Calls() {
		if kind, ok := kindOf(c); ok {
			calls = append(calls, seen{c.At, kind})
		}
	}
	slices.SortFunc(calls, func(a, b seen) int { return a.at.Compare(b.at) })
	next := map[string]call{}
	for i, p := range r.points {
		at, _ := slices.BinarySearchFunc(calls, r.times[i], func(s seen, t time.Time) int { return s.at.Compare(t) })
		if at < len(calls) {
			next[p] = calls[at].call
		}
	}
	return next
}

// table says what came of each column.
func table(t *testing.T, clean recording, all []outcome, whole map[string]int) {
	t.Helper()
	names := map[string]bool{}
	for _, p := range clean.points {
		names[nameOf(p)] = true
	}
	var sb strings.Builder
	fmt.Fprintf(&sb, "%d points, %d kinds of calls, %d faults of each.\n\n", len(names), len(clean.calls), len(faultNames()))
	fmt.Fprintln(&sb, "| column | cells | runs | not reached | starts of the bot | a person was asked about the copy | broadcasts twice | violations |")
	fmt.Fprintln(&sb, "|---|---|---|---|---|---|---|---|")
	sum := 0
	for _, column := range strings.Split(*columns, ",") {
		var runs, missed, starts, asked, banners, wrong int
		for _, o := range all {
			if o.column != column {
				continue
			}
			runs, starts, asked, banners = runs+1, starts+o.starts, asked+o.unknown, banners+o.banners
			if !o.reached {
				missed++
			}
			if len(o.wrong) > 0 {
				wrong++
			}
		}
		sum += wrong
		fmt.Fprintf(&sb, "| %s | %d | %d | %d | %d | %d | %d | %d |\n", column, whole[column], runs, missed, starts, asked, banners, wrong)
	}
	t.Logf("\n%s", sb.String())
	slices.SortFunc(all, func(a, b outcome) int { return int(b.took - a.took) })
	for _, o := range all[:min(10, len(all))] {
		t.Logf("%v %s: %s", o.took.Round(time.Millisecond), o.column, o.cell)
	}
	for _, o := range all {
		if !o.reached {
			t.Logf("not reached: %s", o.cell)
		}
	}
	if *report == "" {
		return
	}
	const begin, end = "<!-- matrix -->\n", "<!-- end of matrix -->"
	page, err := os.ReadFile(*report)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", *report)
	}
	if err := os.WriteFile(*report, []byte(head+begin+sb.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
