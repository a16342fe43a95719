package refresh

import "fmt"

// fromBackup takes up a refresh whose record comes from a backup. The copy may have begun since the backup was taken,
// and no record would say so. Unless the backup itself says what became of it, it is looked for first.
func (d *decision) fromBackup(in FromBackup) {
	d.emit(Restored(in))
	for _, s := range d.r.Steps {
		if s.Kind.Class() != ClassIrreversible || s.Status.Finished() {
			continue
		}
		d.closeGates(s.ID)
		d.settle(s, thenAsk, fmt.Sprintf("Restored from a backup of %s. Looking whether the copy was started since.", Stamp(in.Taken)))
	}
}

// sightedInDoubt answers a look for a copy that the backup knows nothing of. Whatever is found, a person decides:
// it can be the copy of this refresh or of another one that is not in the backup either.
func (d *decision) sightedInDoubt(s Step, in Sighted) {
	found := len(in.Candidates)
	switch {
	case s.Then == ActionAbort && in.Problem != nil:
		d.giveUp(in.Problem.Message)
	case s.Then == ActionAbort:
		d.giveUp(in.Seen)
	case in.Problem.passing():
		d.settle(s, s.Then, in.Problem.Message)
	case in.Problem != nil:
		d.openGate(s.ID, GateOutcomeUnknown, "Looking for the copy failed: "+in.Problem.Message)
	case chosen(s, in.Candidates) != nil:
		by := Person{Name: "the restored backup"}
		if g, ok := d.r.lastGate(s.ID); ok {
			if last, ok := g.Last(); ok {
				by = last.By
			}
		}
		d.passOver(s, by, "The copy had begun already; the backup is older.")
		d.adopted(s, in, *chosen(s, in.Candidates))
	case found == 0 && s.Then == ActionStartAgain:
		d.emit(StepRuledOut{s.ID})
		d.checkAnew(s)
	default:
		d.openGate(s.ID, GateOutcomeUnknown, in.Seen, in.History...)
	}
}

// passOver skips what comes before a copy that has begun already. Some of it would do harm now: a snapshot would
// take the source's settings for the target's.
func (d *decision) passOver(copied Step, by Person, why string) {
	for _, s := range d.r.Steps {
		if s.ID == copied.ID {
			return
		}
		if s.Status.Finished() {
			continue
		}
		d.closeGates(s.ID)
		d.emit(StepSkipped{Step: s.ID, By: by, Why: why})
	}
}

func (d *decision) closeGates(step string) {
	for _, g := range d.r.Gates {
		if g.Step == step && g.Open() {
			d.emit(GateClosed{g.ID, OutcomeMoot})
		}
	}
}
