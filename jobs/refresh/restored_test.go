package refresh_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refreshbot/jobs/refresh"
)

// before are lives in which the copy has not begun.
func before() map[string]func(t testing.TB) *life {
	return map[string]func(t testing.TB) *life{
		"preflight": func(t testing.TB) *life { return start(t, request()) },
		"approval": func(t testing.TB) *life {
			l := start(t, request())
			l.succeed("preflight")
			return l
		},
		"notice": func(t testing.TB) *life { return atNotice(t) },
		"throttled": func(t testing.TB) *life {
			l := atCopy(t)
			l.report("copy", failure(refresh.Throttled))
			return l
		},
		"refused": func(t testing.TB) *life {
			l := atCopy(t)
			l.report("copy", failure(refresh.Refused))
			return l
		},
	}
}

func restoredFrom(l *life) *life {
	l.after(3 * time.Hour).tell(refresh.FromBackup{Taken: l.now.Add(-3 * time.Hour)})
	return l
}

func TestARestoredRefreshDoesNothingBeforeAPersonHasSpokenAboutItsCopy(t *testing.T) {
	t.Parallel()
	for name, at := range before() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(t)
			old := l.r.OpenGates()
			restoredFrom(l)
			l.want("copy=settling")
			l.tell(refresh.Recovered{})
			l.after(100 * time.Hour).tell(refresh.Tick{})
			todo := refresh.Effects(l.r)
			if len(todo) != 1 || todo[0].Step.ID != "copy" || todo[0].Mode != refresh.ModeLook {
				t.Fatalf("effects %+v", todo)
			}
			if due := refresh.NextDue(l.r); !due.IsZero() || len(l.r.OpenGates()) > 0 {
				t.Errorf("it waits for %v and %v", due, l.r.OpenGates())
			}
			for _, g := range old {
				if g.Step != "copy" {
					l.refused(click(g, ann, g.Actions[0]), refresh.Refused, "comes from a backup")
				}
			}
			l.refused(refresh.Cancel{By: oz}, refresh.Refused, "may have begun since")
			l.sight()
			if g := l.gate("copy"); g.Kind != refresh.GateOutcomeUnknown {
				t.Errorf("gate %+v", g)
			}
			l.audit()
		})
	}
}

func TestARestoredRefreshGoesOnWhereItWasWhenTheCopyIsRuledOut(t *testing.T) {
	t.Parallel()
	for name, at := range before() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(t)
			was := len(l.r.OpenGates())
			restoredFrom(l).after(2 * time.Minute).sight()
			l.decide("copy", bob, refresh.ActionStartAgain)
			l.want("copy=settling")
			l.after(2 * time.Minute).sight()
			if l.r.Held() {
				t.Fatal("still held")
			}
			if name == "throttled" || name == "refused" {
				l.want("copy=running")
			} else {
				l.want("copy=pending")
				if len(l.r.OpenGates()) != was {
					t.Errorf("%d gates are open, %d were", len(l.r.OpenGates()), was)
				}
			}
			l.audit()
		})
	}
}

func TestACopyFoundAfterARestoreIsAdoptedOnlyByAPerson(t *testing.T) {
	t.Parallel()
	for name, at := range before() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(t)
			restoredFrom(l).after(2 * time.Minute).sight("op-9")
			l.want("copy=troubled")
			l.decide("copy", bob, refresh.ActionStartAgain)
			l.after(2 * time.Minute).sight("op-9")
			l.want("copy=troubled") // found: never run over
			l.decide("copy", bob, refresh.ActionAdopt)
			l.after(2 * time.Minute).sight("op-9")
			l.want("copy=done", "follow=running")
			if !l.r.PointOfNoReturn() || l.r.Copy.Operation != "op-9" || l.r.Held() {
				t.Errorf("copy %+v", l.r.Copy)
			}
			for _, s := range l.r.Steps[:5] {
				if !s.Status.Finished() {
					t.Errorf("step %s is %s after the copy", s.ID, s.Status)
				}
			}
			l.audit()
		})
	}
}

func TestARestoredRefreshCanBeGivenUp(t *testing.T) {
	t.Parallel()
	l := restoredFrom(before()["approval"](t))
	l.after(2 * time.Minute).sight("op-9")
	l.decide("copy", oz, refresh.ActionAbort)
	l.after(2 * time.Minute).sight("op-9")
	l.ended(refresh.Failed)
}

// The final checks after a restore would take our own copy for one that was there before.
func TestChecksAfterARestoreDoNotCountTheCopyAsKnown(t *testing.T) {
	t.Parallel()
	l := start(t, request())
	restoredFrom(l).after(2 * time.Minute).sight()
	l.decide("copy", bob, refresh.ActionStartAgain)
	l.after(2 * time.Minute).sight()
	l.report("preflight", refresh.Outcome{Result: refresh.Succeeded, Known: []string{"op-9"}})
	if len(l.r.Copy.Known) > 0 {
		t.Errorf("known: %v", l.r.Copy.Known)
	}
}

// What the backup itself says of the copy holds: no question is needed.
func TestARestoredRefreshWhoseCopyHadBegun(t *testing.T) {
	t.Parallel()
	t.Run("accepted", func(t *testing.T) {
		t.Parallel()
		l := atCopy(t)
		l.succeed("copy")
		restoredFrom(l)
		l.want("copy=done", "follow=running")
		if l.r.Held() {
			t.Error("held")
		}
	})
	t.Run("sent", func(t *testing.T) {
		t.Parallel()
		l := restoredFrom(atCopy(t))
		l.want("copy=settling")
		l.after(2 * time.Minute).sight("op-1")
		l.want("copy=done")
	})
	t.Run("to be started again", func(t *testing.T) {
		t.Parallel()
		l := atUnknown(t)
		l.decide("copy", bob, refresh.ActionStartAgain)
		restoredFrom(l).after(2 * time.Minute).sight() // that yes was for then
		l.want("copy=troubled")
		l.audit()
	})
}

// The promise: whenever a backup is taken and whenever it is restored, there is never a second start that nobody
// asked for. The far side remembers everything; the refresh only what was in the backup.
func TestARestoreNeverLeadsToASecondStart(t *testing.T) {
	t.Parallel()
	var again, adopted int
	rapid.Check(t, func(t *rapid.T) {
		l := start(t, request())
		begun := 0
		committed := map[int]bool{}
		backup := func() life { c := *l; c.journal = slices.Clone(l.journal); return c }
		saved, restores := backup(), 0
		for range rapid.IntRange(60, 200).Draw(t, "turns") {
			tell := func(in refresh.Input) {
				version := len(l.journal)
				if err := l.try(in); refresh.CodeOf(err) == refresh.Internal {
					t.Fatalf("%T: %v\n%s", in, err, l.lines())
				}
				for _, e := range l.journal[version:] {
					switch ev := e.Event.(type) {
					case refresh.StepStarted:
						if ev.Step == "copy" {
							committed[ev.Attempt] = true
						}
					case refresh.StepSucceeded:
						if ev.Adopted && restores > 0 {
							adopted++
						}
					}
				}
			}
			switch rapid.IntRange(0, 19).Draw(t, "turn") {
			case 0:
				saved = backup()
			case 1:
				now, inputs := l.now, l.inputs
				l = &life{t: l.t, r: saved.r, now: now, journal: slices.Clone(saved.journal), inputs: inputs}
				clear(committed)
				tell(refresh.FromBackup{Taken: saved.now})
				tell(refresh.Recovered{})
				restores++
			case 2, 3, 4, 5, 6:
				if open := l.r.OpenGates(); len(open) > 0 {
					actions := slices.DeleteFunc(slices.Clone(open[0].Actions), func(a refresh.Action) bool {
						return a == refresh.ActionReject || a == refresh.ActionCancel || a == refresh.ActionAbort
					})
					tell(click(open[0], bob, rapid.SampledFrom(actions).Draw(t, "action")))
				} else {
					l.now = l.now.Add(time.Hour)
					tell(refresh.Tick{})
				}
			default:
				todo := refresh.Effects(l.r)
				if len(todo) == 0 {
					l.now = l.now.Add(time.Hour)
					tell(refresh.Tick{})
					continue
				}
				s := todo[0].Step
				switch {
				case todo[0].Mode == refresh.ModeLook:
					in := refresh.Sighted{Step: s.ID, Attempt: s.Attempt}
					for i := range begun {
						in.Candidates = append(in.Candidates, refresh.Operation{ID: fmt.Sprint("op-", begun-i)})
					}
					tell(in)
				case s.Kind != refresh.KindCopy:
					tell(refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: refresh.Outcome{Result: refresh.Succeeded, Known: []string{}}})
				case !committed[s.Attempt]:
					tell(refresh.Recovered{})
				default:
					delete(committed, s.Attempt)
					begun++
					if begun > 1 {
						t.Fatalf("%d copies begun, %d restores\n%s", begun, restores, l.lines())
					}
					if restores > 0 {
						again++
					}
					tell(refresh.Reported{Step: s.ID, Attempt: s.Attempt, Outcome: refresh.Outcome{Result: refresh.Succeeded, Operation: "op-1"}})
				}
			}
		}
		l.audit()
	})
	// A property that never gets to the interesting part proves nothing.
	if again == 0 || adopted == 0 {
		t.Errorf("copies begun after a restore: %d; adopted after one: %d", again, adopted)
	}
	t.Logf("copies begun after a restore: %d; adopted after one: %d", again, adopted)
}
