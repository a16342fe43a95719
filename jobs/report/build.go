package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"refreshbot/jobs/refresh"
)

// Build makes the report of a journal. A journal that was changed after it was written is an error. One of a
// refresh that has not ended gives the report so far.
func Build(entries []refresh.Entry) (Report, error) {
	if len(entries) == 0 {
		return Report{}, errors.New("report: the journal is empty")
	}
	r, err := refresh.Fold(entries)
	if err != nil {
		return Report{}, fmt.Errorf("report: %w", err)
	}
	last := entries[len(entries)-1]
	b := builder{r: r, until: last.At, tracks: map[string]*track{}}
	for _, s := range r.Steps {
		b.tracks[s.ID] = &track{}
	}
	b.out = Report{
		Format: Format, Refresh: r.ID, Status: r.Status, Why: r.Ending, EndedBy: someone(r.EndedBy), EndedAt: r.EndedAt,
		Seconds: seconds(r.RequestedAt, last.At), Restored: r.Restored,
		Asked: Asked{r.RequestedBy, r.RequestedAt, r.Reason, r.Source, r.Target, r.Channel, r.StartAt},
		Downtime: Downtime{
			AnnouncedFrom: r.Window.From, AnnouncedTo: r.Window.To,
			OfflineAt: r.Copy.OfflineAt, OnlineAt: r.Copy.OnlineAt, Seconds: seconds(r.Copy.OfflineAt, r.Copy.OnlineAt),
		},
		Phases: []Phase{}, Gates: []Gate{}, Decisions: []Decision{}, Steps: []Step{}, Skipped: []Skipped{}, ByHand: []ByHand{},
		Users:   Users{Planned: append([]string{}, r.Roster...), Enabled: []string{}},
		Journal: Journal{len(entries), last.Hash},
	}
	var before refresh.Event
	for _, e := range entries {
		b.take(before, e)
		before = e.Event
	}
	b.finish()
	return b.out, nil
}

// builder walks through a journal once.
type builder struct {
	r      refresh.Refresh // as the journal leaves it
	until  time.Time       // of the last entry
	out    Report
	tracks map[string]*track
	copied bool   // the copy was asked for at least once
	said   []Said // by LCS
}

// track is what the journal says of one step that the step itself does not remember.
type track struct {
	first    time.Time
	attempts []Attempt
}

func (b *builder) take(before refresh.Event, e refresh.Entry) {
	id := refresh.StepOf(e.Event)
	if g, ok := e.Event.(refresh.GateOpened); ok {
		id = g.Gate.Step
	}
	t := b.tracks[id]
	if t != nil && t.first.IsZero() {
		t.first = e.At
	}
	switch ev := e.Event.(type) {
	case refresh.StepStarted:
		t.end(Interrupted, e.At, refresh.Problem{}, nil)
		t.attempts = append(t.attempts, Attempt{Number: ev.Attempt, Asked: ev.Asked, StartedAt: e.At, Result: Unfinished})
		s, _ := b.r.Step(ev.Step)
		b.copied = b.copied || s.Kind == refresh.KindCopy
	case refresh.StepProgressed:
		b.hear(ev.Status, e.At)
	case refresh.StepSucceeded:
		b.hear(ev.Status, e.At)
		b.copied = b.copied || ev.Operation != ""
		if ev.Adopted {
			t.found()
		}
		t.end(Succeeded, e.At, refresh.Problem{}, nil)
	case refresh.StepFailed:
		t.end(Failed, e.At, ev.Problem, ev.Findings)
	case refresh.StepUnsettled:
		t.end(NotKnown, e.At, refresh.Problem{Message: ev.Why}, nil)
	case refresh.StepSkipped:
		t.end(LeftOut, e.At, refresh.Problem{Message: ev.Why}, nil)
		s, _ := b.r.Step(ev.Step)
		b.out.Skipped = append(b.out.Skipped, Skipped{e.At, s.ID, s.Name, ev.By, ev.Why})
	case refresh.StepReopened:
		b.out.Skipped = slices.DeleteFunc(b.out.Skipped, func(s Skipped) bool { return s.Step == ev.Step })
	case refresh.SnapshotTaken:
		b.snapshot(ev, e)
	case refresh.UsersListed:
		b.out.Users.HandedIn = append(b.out.Users.HandedIn, HandedIn{e.At, ev.By, ev.From, ev.Names})
	case refresh.WindowSet:
		if ev.By != (refresh.Person{}) {
			b.out.Downtime.Moved++
		}
	case refresh.GateOpened:
		t.end(HandedOver, e.At, refresh.Problem{Message: ev.Gate.Question}, nil)
	case refresh.GateDecided:
		g, _ := b.r.Gate(ev.Gate)
		b.out.Decisions = append(b.out.Decisions, Decision{At: e.At, By: ev.Decision.By, Action: ev.Decision.Action, Reason: ev.Decision.Reason, Gate: g.ID, Step: g.Step})
	case refresh.GateDelegated:
		g, _ := b.r.Gate(ev.Gate)
		d := ev.Delegation
		b.out.Decisions = append(b.out.Decisions, Decision{At: e.At, By: d.By, Action: refresh.ActionDelegate, To: d.To, Reason: d.Reason, Gate: g.ID, Step: g.Step})
	case refresh.GateClosed:
		if g, _ := b.r.Gate(ev.Gate); ev.Outcome == refresh.OutcomeElsewhere {
			b.out.Decisions = append(b.out.Decisions, Decision{At: e.At, By: refresh.Person{Name: "somebody in LCS"}, Action: refresh.ActionSignOff, Gate: g.ID, Step: g.Step})
		}
	case refresh.Ended:
		if _, atGate := before.(refresh.GateClosed); !atGate && ev.Status == refresh.Cancelled {
			b.out.Decisions = append(b.out.Decisions, Decision{At: e.At, By: ev.By, Action: refresh.ActionCancel, Reason: ev.Why})
		}
	}
}

// end gives the running attempt its result; nothing when none is running.
func (t *track) end(result Result, at time.Time, why refresh.Problem, seen []refresh.Finding) {
	if n := len(t.attempts); n > 0 && t.attempts[n-1].Result == Unfinished {
		a := &t.attempts[n-1]
		a.Result, a.EndedAt, a.Code, a.Why, a.Findings = result, at, why.Code, why.Message, seen
	}
}

// found says of the attempt whose outcome was lost that it had worked after all.
func (t *track) found() {
	if n := len(t.attempts); n > 0 && t.attempts[n-1].Result == NotKnown {
		t.attempts[n-1].Result = Adopted
	}
}

func (b *builder) hear(status refresh.CopyStatus, at time.Time) {
	if n := len(b.said); status != "" && (n == 0 || b.said[n-1].Status != status) {
		b.said = append(b.said, Said{at, status})
	}
}

// snapshot counts what is in the snapshot. It knows no area by name, so that an older report program still counts
// what a newer one remembers.
func (b *builder) snapshot(ev refresh.SnapshotTaken, e refresh.Entry) {
	s, _ := b.r.Step(ev.Step)
	out := &Snapshot{At: e.At, Entry: e.Seq, Note: s.Note, Counts: map[string]int{}}
	var areas map[string]json.RawMessage
	if json.Unmarshal(ev.Data, &areas) == nil {
		for area, data := range areas {
			var list []json.RawMessage
			switch {
			case area == "unread":
				_ = json.Unmarshal(data, &out.Unread) // another shape of it is nothing that could be told
			case json.Unmarshal(data, &list) == nil:
				out.Counts[area] = len(list)
			default:
				out.Counts[area] = 1
			}
		}
	}
	b.out.Snapshot = out
}

// finish adds what follows from the refresh as it stands in the end.
func (b *builder) finish() {
	for _, s := range b.r.Steps {
		t := b.tracks[s.ID]
		step := Step{
			ID: s.ID, Name: s.Name, Phase: s.Phase, Kind: s.Kind, Status: s.Status, StartedAt: t.first, EndedAt: s.EndedAt,
			Seconds: seconds(t.first, s.EndedAt), EndedBy: someone(s.EndedBy), Note: s.Note, Findings: s.Findings, Attempts: t.attempts,
		}
		b.out.Steps = append(b.out.Steps, step)
		b.byHand(s)
	}
	for _, phase := range refresh.Phases() {
		b.phase(phase)
	}
	b.gates()
	in, wrong := b.r.UsersIn()
	for _, u := range in {
		b.out.Users.Enabled = append(b.out.Users.Enabled, u.ID)
	}
	b.out.Users.Wrong = wrong
	if b.copied || b.r.Copy.Operation != "" { // adopted after a restore without having been asked for
		c := b.r.Copy
		b.out.Copy = &Copy{c.Operation, LearntNever, c.SentAt, c.AcceptedAt, c.Status, append([]Said{}, b.said...)}
		switch {
		case c.Adopted:
			b.out.Copy.Learnt = LearntAdopted
		case c.Operation != "":
			b.out.Copy.Learnt = LearntReply
		}
	}
}

// byHand lists what was planned for a person, and what turned out to need one.
func (b *builder) byHand(s refresh.Step) {
	item := ByHand{Step: s.ID, Name: s.Name, Status: s.Status, By: someone(s.EndedBy), At: s.EndedAt}
	found := s.Kind == refresh.KindManual
	if found {
		var params struct {
			Text string `json:"text"`
		}
		_ = json.Unmarshal(s.Params, &params) // a plan without the text still names the step
		item.Text = params.Text
	}
	for _, g := range b.r.Gates {
		if g.Step == s.ID && g.Kind == refresh.GateManual && s.Kind != refresh.KindManual {
			item.Text, found = g.Question, true
		}
	}
	if found {
		b.out.ByHand = append(b.out.ByHand, item)
	}
}

func (b *builder) phase(phase refresh.Phase) {
	p := Phase{Phase: phase, Finished: true}
	planned := false
	for _, s := range b.r.Steps {
		if s.Phase != phase {
			continue
		}
		planned = true
		first := b.tracks[s.ID].first
		if !first.IsZero() && (p.StartedAt.IsZero() || first.Before(p.StartedAt)) {
			p.StartedAt = first
		}
		if s.EndedAt.After(p.EndedAt) {
			p.EndedAt = s.EndedAt
		}
		p.Finished = p.Finished && s.Status.Finished()
	}
	if !planned {
		return
	}
	if !p.Finished {
		p.EndedAt = time.Time{}
		if !p.StartedAt.IsZero() {
			p.EndedAt = b.r.EndedAt
			p.Seconds = seconds(p.StartedAt, b.until)
		}
	} else {
		p.Seconds = seconds(p.StartedAt, p.EndedAt)
	}
	b.out.Phases = append(b.out.Phases, p)
}

// gates lists the questions and adds up the time in which people were waited for. Questions that were open at the
// same time count once.
func (b *builder) gates() {
	var waited time.Duration
	var covered time.Time
	open := slices.Clone(b.r.Gates)
	slices.SortStableFunc(open, func(x, y refresh.Gate) int { return x.OpenedAt.Compare(y.OpenedAt) })
	for _, g := range open {
		to := g.ClosedAt
		if to.IsZero() {
			to = b.until
		}
		b.out.Gates = append(b.out.Gates, Gate{g.ID, g.Kind, g.Step, g.Question, g.OpenedAt, g.ClosedAt, seconds(g.OpenedAt, to), g.Outcome, g.Count})
		if g.Kind == refresh.GateStart || g.Kind == refresh.GateNotice { // waits for the time
			continue
		}
		from := g.OpenedAt
		if from.Before(covered) {
			from = covered
		}
		if to.After(from) {
			waited += to.Sub(from)
			covered = to
		}
	}
	b.out.Waited = int64(waited.Round(time.Second).Seconds())
}

func someone(p refresh.Person) *refresh.Person {
	if p == (refresh.Person{}) {
		return nil
	}
	return &p
}

// seconds is the time between two moments, zero unless there are both.
func seconds(from, to time.Time) int64 {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return 0
	}
	return int64(to.Sub(from).Round(time.Second).Seconds())
}
