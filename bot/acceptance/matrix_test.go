//go:build faultpoints

package acceptance

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"hash/fnv"
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
	columns = flag.String("columns", "kill,kill 2nd,schedule,term,twice,fault,kill+fault,recovery,pairs,pause", "which `columns` of the matrix are run")
	drawn   = flag.Int("sample", 0, "run so many `cells` of every column but kill and schedule; 0: all")
	seed    = flag.Uint64("seed", 0, "of the sample and the pairs; 0: a new one")
	only    = flag.String("only", "", "run the cells whose name holds this `text`")
	again   = flag.Int("again", 1, "run each cell so many `times`")
	update  = flag.Bool("update", false, "write the list of points anew")
	report  = flag.String("report", "", "write the table into this `file`, between its marks")
)

// pairs is how many second kills are drawn.
const pairs = 120

// signIn is the longest timeout, that of a request to Entra.
const signIn = 30 * time.Second

// pause is how long a process is halted: longer than every timeout.
const pause = signIn + time.Second

// recording is what a run has passed.
type recording struct {
	points []string // name#hit, in order
	times  []time.Time
	calls  map[call]bool
	later  map[call]bool   // after the approval
	next   map[string]call // the first call after a point, which recovery may repeat
	after  map[call]bool   // of the process that came after a kill
}

// recordings are the runs that the matrix is made of.
type recordings struct {
	clean, planned       recording
	afterCopy, afterCard recording // after a kill
}

// A kill right after the copy was asked for, and one right after something was posted: what is then lost is looked for.
const (
	copyAsked  = "copy:after-call#1"
	cardPosted = "chat.postMessage:after-call#1"
)

// recorded plays the runs that everything else is compared with.
func recorded(t *testing.T) (all recordings) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() { all.clean = record(t, cell{}) })
	wg.Go(func() { all.planned = record(t, cell{scheduled: true}) })
	wg.Go(func() { all.afterCopy = record(t, cell{kill: copyAsked}) })
	wg.Go(func() { all.afterCard = record(t, cell{kill: cardPosted}) })
	wg.Wait()
	return all
}

// The crash matrix. What is recorded in a clean run is what is killed at.
func TestMatrix(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	debug.SetGCPercent(400)
	rec := recorded(t)
	if t.Failed() {
		return
	}
	known(t, rec.clean, rec.planned, rec.afterCopy, rec.afterCard)
	var mu sync.Mutex
	var all []outcome
	var whole map[string]int
	t.Run("cells", func(t *testing.T) {
		var list []cell
		list, whole = cells(rec)
		for _, c := range list {
			for range *again {
				t.Run(c.column+": "+c.String(), func(t *testing.T) {
					t.Parallel()
					tried := c
					o := run(t, tried, nil)
					for again := 0; again < 2 && !o.reached && len(o.wrong) == 0 && tried.sooner(); again++ {
						o = run(t, tried, nil)
					}
					if wholly(c.column) && !o.reached && hitOf(c.kill) == 1 && hitOf(c.second) <= 1 {
						o.wrong = append(o.wrong, "the point was not passed, three times")
					}
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
	table(t, rec.clean, all, whole)
}

// The judge is proved by protocols that are known to be wrong: it has to catch them.
func TestMatrixCatchesTheMutants(t *testing.T) {
	start := call{"lcs", "POST", startPath}
	for _, c := range []cell{
		{mutant: failpoint.ResultOnly, kill: copyAsked},
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
		if c.kill != "" {
			r.after = a.callsOf(r.times[0])
		}
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

// known compares the points with those of the last recording. One that is gone took its kills with it, and one that is new
// is to be missed when it goes.
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
		delete(names, n)
	}
	for n := range names {
		t.Errorf("the point %s is new: write the list anew with -update", n)
	}
}

// sooner takes a kill that was not reached to an earlier time that the point is passed, and reports whether the cell is
// one that is to be tried again: how often Slack and LCS are asked in a run hangs on how quick the machine is.
func (c *cell) sooner() bool {
	if c.column != "kill" && c.column != "schedule" && c.column != "term" {
		return false
	}
	for _, point := range []*string{&c.kill, &c.term} {
		if hit := hitOf(*point); hit > 1 {
			*point = fmt.Sprintf("%s#%d", nameOf(*point), hit-max(1, hit/6))
		}
	}
	return true
}

// wholly reports whether a column is not sampled.
func wholly(column string) bool { return column == "kill" || column == "schedule" }

// cells are the matrix, or what the flags leave of it, and how many cells each column has.
func cells(rec recordings) (all []cell, whole map[string]int) {
	byColumn := map[string][]cell{}
	add := func(column string, c cell) {
		c.column = column
		byColumn[column] = append(byColumn[column], c)
	}
	rec.kills(add)
	rec.faults(add)
	rec.pairs(add)
	afterKill := byColumn["kill+fault"]
	for _, c := range rec.clean.named(*only) {
		if !slices.ContainsFunc(afterKill, func(o cell) bool { return o.String() == c.String() }) {
			add("kill+fault", c)
		}
	}
	whole = map[string]int{}
	for _, column := range strings.Split(*columns, ",") {
		of := byColumn[column]
		whole[column] = len(of)
		if *only != "" {
			of = slices.DeleteFunc(of, func(c cell) bool { return !strings.Contains(c.column+": "+c.String(), *only) })
		}
		if column == "pairs" {
			of = drawnPairs(of)
			whole[column] = len(of)
		}
		if *drawn > 0 && !wholly(column) {
			of = lot(of, *drawn)
		}
		all = append(all, of...)
	}
	// Those that wait are spread among those that work.
	rand.New(rand.NewPCG(*seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, whole
}

// named returns the cell of that name among those of any point with any call: which call is the next one after a point
// differs from recording to recording.
func (r recording) named(name string) (list []cell) {
	kill, misfortune, ok := strings.Cut(strings.TrimPrefix(name, "kill+fault: "), ", ")
	kill, killed := strings.CutPrefix(kill, "kill ")
	if !ok || !killed {
		return nil
	}
	for _, what := range faultNames() {
		for c := range r.calls {
			f := fault{c, what, "killed"}
			if candidate := (cell{kill: strings.ReplaceAll(kill, "|", "/"), fault: &f}); strings.HasSuffix(candidate.String(), ", "+misfortune) {
				list = append(list, candidate)
			}
		}
	}
	return list
}

// lot returns n of the cells. Whether a cell is drawn depends on the seed and on its name alone, as far as there are
// others: recordings differ a little.
func lot(list []cell, n int) []cell {
	rank := func(c cell) uint64 {
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%d %s", *seed, c) // never fails
		return h.Sum64()
	}
	ranks := map[string]uint64{}
	for _, c := range list {
		ranks[c.String()] = rank(c)
	}
	slices.SortFunc(list, func(a, b cell) int { return cmp.Compare(ranks[a.String()], ranks[b.String()]) })
	return list[:min(n, len(list))]
}

// drawnPairs draws as many pairs that begin with a kill at the copy as others.
func drawnPairs(list []cell) []cell {
	var early, others []cell
	for _, c := range list {
		if c.kill == copyAsked {
			early = append(early, c)
		} else {
			others = append(others, c)
		}
	}
	return slices.Concat(lot(early, pairs/2), lot(others, pairs/2))
}

// first returns each point of a recording once, in order.
func (r recording) first() []string {
	return slices.DeleteFunc(slices.Clone(r.points), func(p string) bool { return hitOf(p) != 1 })
}

// last returns how often each point was passed.
func (r recording) last() map[string]int {
	last := map[string]int{}
	for _, p := range r.points {
		last[nameOf(p)] = max(last[nameOf(p)], hitOf(p))
	}
	return last
}

// kills adds the cells in which a process ends, is asked to, or is halted.
func (r recordings) kills(add func(string, cell)) {
	last := r.clean.last()
	for n, hits := range r.afterCard.last() { // how often Slack and LCS are asked is not the same each time
		if hits > 1 {
			last[n] = min(last[n], hits)
		}
	}
	for _, p := range r.clean.points {
		hit, everyTime := hitOf(p), strings.HasPrefix(p, "inbox:") // every click may come while the process ends
		if hit == 1 || hit == last[nameOf(p)] || everyTime {
			add("kill", cell{kill: p})
			add("term", cell{term: p})
		} else if hit == 2 {
			add("kill 2nd", cell{kill: p})
		}
		if everyTime {
			add("twice", cell{kill: p, twice: true})
		}
	}
	add("twice", cell{twice: true})
	first := r.clean.first()
	for _, p := range r.afterCopy.first() {
		if !slices.Contains(first, p) {
			add("kill", cell{kill: copyAsked, second: p})
		}
	}
	for _, p := range r.planned.first() {
		if strings.HasPrefix(p, "requested") || !slices.Contains(first, p) {
			add("schedule", cell{kill: p, scheduled: true})
		}
	}
	for _, p := range first {
		add("pause", cell{stop: p, pause: pause})
	}
}

// faults adds the cells in which a call meets a fault.
func (r recordings) faults(add func(string, cell)) {
	clean := r.clean
	for _, name := range faultNames() {
		for c := range clean.calls {
			add("fault", cell{fault: &fault{c, name, "start"}})
			if clean.later[c] {
				add("fault", cell{fault: &fault{c, name, "approved"}})
			}
		}
		for _, p := range clean.first() {
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
		for c := range r.afterCopy.after {
			add("recovery", cell{kill: copyAsked, fault: &fault{c, name, "killed"}})
		}
		for c := range r.afterCard.after {
			if c.host == "slack" {
				add("recovery", cell{kill: cardPosted, fault: &fault{c, name, "killed"}})
			}
		}
	}
}

// pairs adds the second kills that come after the first: at what follows in a clean run, and anywhere in a recovery.
func (r recordings) pairs(add func(string, cell)) {
	first := r.clean.first()
	for i, p := range first {
		for _, second := range first[i:] {
			add("pairs", cell{kill: p, second: second})
		}
	}
	for _, p := range r.afterCopy.points {
		add("pairs", cell{kill: copyAsked, second: p})
	}
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
		calls = append(calls, seen{c.At, kindOf(c)})
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
		if missed > 2 && missed*10 > runs {
			t.Errorf("%s: %d of %d runs have not met what they are about", column, missed, runs)
		}
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
