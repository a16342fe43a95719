package refresh_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

// fullLife goes through every kind of event but failure to the end.
func fullLife(t testing.TB) *life {
	l := start(t, request())
	l.report("preflight", refresh.Outcome{Result: refresh.Succeeded, Known: []string{"old"}, Findings: []refresh.Finding{{OK: true, Name: "Quota", Detail: "1 left"}}})
	l.decide("approval", ann, refresh.ActionApprove)
	l.succeed("broadcast")
	l.after(time.Minute).decide("notice", rita, refresh.ActionPostpone)
	l.succeed("broadcast")
	l.decide("notice", rita, refresh.ActionStartNow)
	l.succeed("broadcast") // the users inside are told the new time
	l.report("copy", refresh.Outcome{Result: refresh.NotKnown, Problem: &refresh.Problem{Code: refresh.Unknown, Message: "Reply lost."}})
	l.after(2 * time.Minute).sight()
	l.decide("copy", bob, refresh.ActionAdopt)
	l.after(2 * time.Minute).sight("op-1")
	l.report("follow", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "offline", Offline: true})
	l.report("follow", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted, Online: true})
	l.succeed("smoke")
	l.decide("sign-off", ann, refresh.ActionSignOff)
	l.report("email", failure(refresh.Offline))
	l.after(time.Minute).tell(refresh.Tick{})
	l.report("email", failure(refresh.Refused))
	l.decide("email", bob, refresh.ActionSkip)
	l.succeed("jobs")
	l.decide("manual", rita, refresh.ActionDone)
	l.decide("open", ann, refresh.ActionOpen)
	l.succeed("enable")
	l.ended(refresh.Done)
	return l
}

func TestTheJournalShowsTampering(t *testing.T) {
	t.Parallel()
	l := fullLife(t)
	changed := 0
	for i, e := range l.journal {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for field, bad := range tampered(t, data) {
			entries := slices.Clone(l.journal)
			if err := json.Unmarshal(bad, &entries[i]); err != nil {
				changed++
				continue // it cannot even be read
			}
			if _, err := refresh.Fold(entries); err == nil {
				t.Errorf("entry %d: changing %s goes unnoticed: %s", i+1, field, bad)
			}
			changed++
		}
	}
	if changed < 5*len(l.journal) {
		t.Fatalf("only %d changes were tried", changed)
	}
	for i := range l.journal[1:] {
		out := slices.Delete(slices.Clone(l.journal), i, i+1)
		twice := slices.Insert(slices.Clone(l.journal), i, l.journal[i])
		swapped := slices.Clone(l.journal)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		for what, entries := range map[string][]refresh.Entry{"taken out": out, "put in twice": twice, "swapped": swapped} {
			if _, err := refresh.Fold(entries); err == nil {
				t.Errorf("entry %d %s goes unnoticed", i+1, what)
			}
		}
	}
}

// tampered returns the document once for each of its values, with that value changed.
func tampered(t testing.TB, data []byte) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	decode := func() any {
		var doc any
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := d.Decode(&doc); err != nil {
			t.Fatal(err)
		}
		return doc
	}
	var paths []string
	var walk func(at string, v any, visit func(at string, v any) any) any
	walk = func(at string, v any, visit func(string, any) any) any {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = walk(at+"/"+k, v[k], visit)
			}
			return v
		case []any:
			for i := range v {
				v[i] = walk(fmt.Sprintf("%s/%d", at, i), v[i], visit)
			}
			return v
		}
		return visit(at, v)
	}
	walk("", decode(), func(at string, v any) any { paths = append(paths, at); return v })
	for _, path := range paths {
		doc := walk("", decode(), func(at string, v any) any {
			if at != path {
				return v
			}
			switch v := v.(type) {
			case string:
				return v + "1"
			case json.Number:
				return json.Number(v.String() + "1")
			case bool:
				return !v
			}
			return "something"
		})
		bad, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = bad
	}
	return all
}

func TestAJournalThatCannotHaveHappened(t *testing.T) {
	t.Parallel()
	person := rita.Person
	l := start(t, request())
	first := l.journal[0].Event
	tests := map[string][]refresh.Event{
		"before it was asked for":   {refresh.StepStarted{Step: "preflight", Attempt: 1}},
		"asked for twice":           {first, first},
		"copy without approval":     {first, refresh.StepStarted{Step: "copy", Attempt: 1}},
		"a step that is not there":  {first, refresh.StepStarted{Step: "dance", Attempt: 1}},
		"success of a skipped step": {first, refresh.GateClosed{Gate: "approval.1", Outcome: refresh.ActionApprove}},
		"gate of no step":           {first, refresh.GateOpened{Gate: refresh.Gate{ID: "g", Kind: refresh.GateApprove, Step: "dance"}}},
		"gate of no kind":           {first, refresh.GateOpened{Gate: refresh.Gate{ID: "g", Kind: "dance", Step: "approval"}}},
		"decision without a gate":   {first, refresh.GateDecided{Gate: "g", Decision: refresh.Decision{By: person}}},
		"after the end":             {first, refresh.Ended{Status: refresh.Cancelled, By: person}, refresh.StepStarted{Step: "preflight", Attempt: 1}},
		"skipped from nowhere":      {first, refresh.StepSkipped{Step: "copy", By: person}},
	}
	for name, events := range tests {
		entries, err := refresh.Seal("uat-1", 0, "", begin, events)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := refresh.Fold(entries); err == nil {
			t.Errorf("%s: folded", name)
		}
	}

	// The unknown gate is not a way to a second start, even in a forged journal.
	u := atUnknown(t)
	forged, err := refresh.Seal("uat-1", u.r.Version, u.journal[len(u.journal)-1].Hash, u.now, []refresh.Event{refresh.StepStarted{Step: "copy", Attempt: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := refresh.Fold(append(u.journal, forged...)); err == nil {
		t.Error("a second start straight from the unknown gate: folded")
	}
}

func TestEntriesOfANewerProgramAreNotGuessedAt(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"refresh":"uat-1","seq":7,"event":"danced","data":{}}`:                                   `event "danced" is not known`,
		`{"refresh":"uat-1","seq":7,"event":"target_online","data":{"step":"follow","tempo":120}}`: `unknown field`,
		`{"refresh":"uat-1","seq":7,"event":"target_online"}`:                                      `decode event target_online`,
		`{"refresh":"uat-1","seq":7,"event":"target_online","data":{"step":7}}`:                    `decode event target_online`,
		`[]`: `decode journal entry`,
	} {
		var e refresh.Entry
		if err := json.Unmarshal([]byte(data), &e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", data, err, want)
		}
	}
}

// Broken UTF-8, as in an error text cut in the middle of a letter, does not make the journal unreadable.
func TestBrokenTextDoesNotBreakTheJournal(t *testing.T) {
	t.Parallel()
	l := start(t, request())
	o := failure(refresh.Refused)
	o.Problem.Message, o.Note = "Environnement occup\xc3", "\xff"
	l.report("preflight", o)
	l.audit()
}

// everyEvent is one of each, with every field set.
func everyEvent() []refresh.Event {
	at := begin.Add(90 * time.Second)
	req := request()
	plan := req.Plan[1:2:2]
	plan[0].IfInstalled, plan[0].OnFailure, plan[0].Retries, plan[0].Group = true, refresh.FailureContinues, 3, "mail"
	plan[0].Params = json.RawMessage(`{"server":"smtp.contoso.com"}`)
	p := bob.Person
	findings := []refresh.Finding{{OK: true, Name: "Quota", Detail: "1 left"}, {Name: "Users"}}
	return []refresh.Event{
		refresh.Requested{ID: "uat-1", Source: req.Source, Target: req.Target, Channel: "C0UAT", By: rita.Person, Reason: "month end", Settings: req.Settings, Troubleshooters: []string{"S0RELEASE"}, Plan: plan, Version: 1},
		refresh.StepStarted{Step: "copy", Attempt: 2, Asked: true},
		refresh.StepProgressed{Step: "follow", Note: "offline", Status: refresh.CopyInProgress},
		refresh.TargetOffline{Step: "follow"},
		refresh.TargetOnline{Step: "follow"},
		refresh.StepSucceeded{Step: "copy", Note: "found", Findings: findings, Operation: "op-1", Adopted: true, Known: []string{"old"}, By: p, Roster: []string{"CARL"}, Status: refresh.CopyNotStarted},
		refresh.StepSucceeded{Step: "preflight", Known: []string{}},
		refresh.StepFailed{Step: "email", Problem: refresh.Problem{Code: refresh.Offline, Message: "no answer"}, Findings: findings, RetryAt: at},
		refresh.StepUnsettled{Step: "copy", Until: at, Then: refresh.ActionStartAgain, Why: "reply lost"},
		refresh.StepSkipped{Step: "email", By: p, Why: "not installed"},
		refresh.SnapshotTaken{Step: "snapshot", Data: json.RawMessage(`{"jobs":[1,2]}`)},
		refresh.UsersListed{By: p, From: "uat.csv", Names: []string{"carl@contoso.com"}},
		refresh.WindowSet{Window: refresh.Window{From: at, To: at.Add(time.Hour)}, By: p},
		refresh.GateOpened{Gate: refresh.Gate{
			ID: "approval.1", Kind: refresh.GateApprove, Step: "approval", Nonce: "n1", Question: "why?", By: []string{"U0ANN"}, Count: 2,
			Actions: []refresh.Action{refresh.ActionApprove}, OpenedAt: begin, ExpiresAt: at, Outcome: refresh.ActionApprove, ClosedAt: at,
			Decisions: []refresh.Decision{{By: p, Action: refresh.ActionApprove, Reason: "fine", At: at}},
		}},
		refresh.GateDecided{Gate: "approval.1", Decision: refresh.Decision{By: p, Action: refresh.ActionApprove, Reason: "fine", At: at}},
		refresh.GateClosed{Gate: "approval.1", Outcome: refresh.OutcomeExpired},
		refresh.Ended{Status: refresh.Failed, Why: "rolled back", By: p},
		// What came later stands behind, so that the golden file shows that the older entries stay as they are.
		refresh.StartSet{At: at, By: p},
		refresh.Requested{ID: "uat-2", Source: req.Source, Target: req.Target, Channel: "C0UAT", By: rita.Person, StartAt: at, Settings: req.Settings, Plan: plan, Version: 1},
		refresh.Restored{Taken: at},
		refresh.StepRuledOut{Step: "copy"},
		refresh.StepStarted{Step: "copy", Attempt: 2, Asked: true, Adopt: "op-2"},
		refresh.StepUnsettled{Step: "copy", Until: at, Then: refresh.ActionAdopt, Adopt: "op-2", Why: "asked"},
		refresh.GateOpened{Gate: refresh.Gate{
			ID: "copy.2", Kind: refresh.GateStartedElsewhere, Step: "copy", Nonce: "n2", By: []string{"U0ANN"}, Count: 1, Actions: []refresh.Action{refresh.ActionAdopt}, OpenedAt: begin,
			Seen: []refresh.Operation{{ID: "op-2", Kind: "SFSourceDbToSandbox", Title: "Refresh database", StartedAt: begin, EndedAt: at, Status: refresh.CopyCompleted}},
		}},
		refresh.GateReminded{Gate: "approval.1", Level: 3, Escalated: true, Next: at},
		refresh.DowntimeNear{In: 30 * time.Minute},
		refresh.WindowSet{Window: refresh.Window{From: at, To: at.Add(time.Hour)}, Near: []time.Duration{30 * time.Minute}},
		refresh.GateDelegated{Gate: "approval.1", Delegation: refresh.Delegation{To: p, By: ann.Person, Reason: "on holiday", At: at}},
		refresh.StepSucceeded{Step: "preflight", Refreshed: at},
		refresh.StepReopened{Step: "copy"},
	}
}

// What is stored stays readable: each stored entry decodes, and its hash still fits. A change of shape that
// breaks this test needs a way to read the old shape before -update.
func TestStoredEntriesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	entries, err := refresh.Seal("uat-1", 0, "", begin, everyEvent())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "journal.golden.json", entries)
	var stored []refresh.Entry
	read(t, "journal.golden.json", &stored)
	names := map[string]bool{}
	for i, e := range stored {
		again, err := refresh.Seal(e.Refresh, e.Seq-1, e.Prev, e.At, []refresh.Event{e.Event})
		if err != nil {
			t.Fatal(err)
		}
		if again[0].Hash != e.Hash {
			t.Errorf("entry %d (%s): its hash does not fit any more", i+1, refresh.EventName(e.Event))
		}
		names[refresh.EventName(e.Event)] = true
	}
	if diff := cmp.Diff(refresh.EventNames(), slices.Sorted(maps.Keys(names))); diff != "" {
		t.Errorf("events in the golden file (-all +there):\n%s", diff)
	}
}

// A journal written by an earlier program folds to the row that it folded to then.
func TestAStoredLifeStillFolds(t *testing.T) {
	t.Parallel()
	l := fullLife(t)
	golden(t, "life.golden.json", struct {
		Entries []refresh.Entry `json:"entries"`
		Row     refresh.Refresh `json:"row"`
	}{l.journal, l.r})
	var stored struct {
		Entries []refresh.Entry `json:"entries"`
		Row     json.RawMessage `json:"row"`
	}
	read(t, "life.golden.json", &stored)
	r, err := refresh.Fold(stored.Entries)
	if err != nil {
		t.Fatal(err)
	}
	var row bytes.Buffer
	if err := json.Compact(&row, stored.Row); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(row.String(), text(t, r)); diff != "" {
		t.Errorf("row (-stored +folded):\n%s", diff)
	}
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	if *refresh.Update {
		if err := os.WriteFile("testdata/"+name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func read(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// Whatever bytes stand in a store: an entry or an error, never a panic, and an entry survives the way back.
func FuzzEntry(f *testing.F) {
	entries, err := refresh.Seal("uat-1", 0, "", begin, everyEvent())
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		data, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"event":"ended","data":null}`))
	f.Add([]byte(`{"event":"requested","data":{"plan":[{"params":"\ud800"}]}}`))
	f.Add([]byte(`nul`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e refresh.Entry
		if json.Unmarshal(data, &e) != nil {
			return
		}
		first, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("an entry that was read cannot be written: %v", err)
		}
		var again refresh.Entry
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatalf("an entry that was written cannot be read: %v", err)
		}
		second, err := json.Marshal(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s became %s (%v)", first, second, err)
		}
		_, _ = refresh.Fold([]refresh.Entry{e}) // must not panic
	})
}
