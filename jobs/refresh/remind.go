package refresh

import (
	"slices"
	"time"
)

// Reminders say when people are reminded of an open question, and users of a downtime. The zero value: never.
type Reminders struct {
	After    []time.Duration `json:"after,omitempty"`    // of working time since the question was asked
	Escalate time.Duration   `json:"escalate,omitempty"` // likewise; then the admins are told too. Half way to the expiry if that is sooner
	Again    time.Duration   `json:"again,omitempty"`    // after that, how often; all hours count, and it waits for working hours
	Before   []time.Duration `json:"before,omitempty"`   // before the time at which a fixed start has to be approved
	Hours    Hours           `json:"hours,omitzero"`
	Admins   []string        `json:"admins,omitempty"` // who is told when nobody decides
	Near     []time.Duration `json:"near,omitempty"`   // before the downtime begins; within the notice
}

// rung is one reminder of a gate.
type rung struct {
	at        time.Time
	level     int // counts from 1
	escalated bool
}

// ladder returns the newest reminder of the gate that is due at a time, and when the next one is. Zero: none.
func (r Refresh) ladder(g Gate, now time.Time) (newest rung, next time.Time) {
	n := r.Settings.Remind
	if g.Kind == GateStart || g.Kind == GateNotice || n == nil { // those wait for the time, and not for people
		return rung{}, time.Time{}
	}
	rungs, again := n.rungs(r, g)
	for k := 0; ; k++ {
		var next rung
		switch {
		case k < len(rungs):
			next = rungs[k]
		case n.Again <= 0 || again.at.IsZero():
			return newest, time.Time{}
		default:
			again.at = n.Hours.after(again.at.Add(n.Again))
			next = again
		}
		next.level = k + 1
		if !g.ExpiresAt.IsZero() && !next.at.Before(g.ExpiresAt) {
			return newest, time.Time{}
		}
		if next.at.After(now) {
			return newest, next.at
		}
		newest = next
	}
}

// rungs are the reminders but for those that come again and again after the last of them, in their order.
func (n Reminders) rungs(r Refresh, g Gate) (all []rung, again rung) {
	escalates := n.escalates(g)
	if !escalates.IsZero() {
		all = append(all, rung{at: escalates})
	}
	for _, d := range n.After {
		all = append(all, rung{at: n.Hours.add(g.OpenedAt, d)})
	}
	for _, t := range all {
		again.at = later(again.at, t.at)
	}
	if g.Kind == GateApprove && !r.StartAt.IsZero() {
		for _, d := range n.Before {
			if at := n.Hours.before(r.StartAt.Add(-r.Settings.Notice - d)); at.After(g.OpenedAt) {
				all = append(all, rung{at: at})
			}
		}
	}
	slices.SortFunc(all, func(a, b rung) int { return a.at.Compare(b.at) })
	all = slices.CompactFunc(all, func(a, b rung) bool { return a.at.Equal(b.at) })
	for i, t := range all {
		all[i].escalated = !escalates.IsZero() && !t.at.Before(escalates)
	}
	again.escalated = !escalates.IsZero()
	if n := len(all); n > 0 { // what comes again does so behind everything else
		again.at = later(again.at, all[n-1].at)
	}
	return all, again
}

// escalates is when the admins are told of a gate; zero: never.
func (n Reminders) escalates(g Gate) time.Time {
	if n.Escalate <= 0 {
		return time.Time{}
	}
	at := n.Hours.add(g.OpenedAt, n.Escalate)
	if g.ExpiresAt.IsZero() {
		return at
	}
	half := g.OpenedAt.Add(g.ExpiresAt.Sub(g.OpenedAt) / 2)
	if !half.Before(at) {
		return at
	}
	if before := n.Hours.before(half); before.After(g.OpenedAt) {
		return before
	}
	return n.Hours.after(half)
}

// remind reminds of a gate: once, whatever was missed while the process was down.
func (d *decision) remind(g Gate) {
	if g.RemindAt.IsZero() || d.now.Time.Before(g.RemindAt) {
		return
	}
	newest, next := d.r.ladder(g, d.now.Time)
	d.emit(GateReminded{Gate: g.ID, Level: max(newest.level, g.Reminded+1), Escalated: newest.escalated, Next: next})
}

// nears are the reminders of a downtime that are still to come and follow well after its users were told of it, the
// longest first.
func (d *decision) nears(from time.Time) []time.Duration {
	if d.r.Settings.Remind == nil {
		return nil
	}
	left, room := from.Sub(d.now.Time), from.Sub(d.toldOf(from))
	near := slices.DeleteFunc(slices.Clone(d.r.Settings.Remind.Near), func(in time.Duration) bool {
		return in <= 0 || in > left+d.r.Settings.beat() || in >= room-room/10
	})
	slices.SortFunc(near, func(a, b time.Duration) int { return int(b - a) })
	return slices.Compact(near)
}

// toldOf is when the users were told that the downtime begins at from: when its start time was fixed, or only now.
func (d *decision) toldOf(from time.Time) time.Time {
	if !d.r.Window.From.IsZero() || !from.Equal(d.r.StartAt) {
		return d.now.Time
	}
	for _, g := range slices.Backward(d.r.Gates) {
		switch {
		case g.Kind != GateStart:
		case g.Outcome == ActionStartNow:
			return g.ClosedAt
		default:
			return g.OpenedAt
		}
	}
	return d.now.Time
}

// nearAt is when the next reminder of the downtime is due; zero: never. It is told while the notice runs.
func (r Refresh) nearAt() time.Time {
	if len(r.Near) == 0 || !slices.ContainsFunc(r.OpenGates(), func(g Gate) bool { return g.Kind == GateNotice }) {
		return time.Time{}
	}
	return r.Window.From.Add(-r.Near[0])
}

// near says that the downtime is near: once, whatever was missed.
func (d *decision) near() {
	at := d.r.nearAt()
	if at.IsZero() || d.now.Time.Before(at) {
		return
	}
	in := d.r.Near[0]
	for _, n := range d.r.Near {
		if !d.now.Time.Before(d.r.Window.From.Add(-n)) {
			in = n
		}
	}
	d.emit(DowntimeNear{In: in})
}
