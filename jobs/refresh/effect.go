package refresh

import "time"

// Mode says what the engine is to do about a step.
type Mode string

// The modes of an effect.
const (
	ModePerform Mode = "perform" // do it; the intent is in the journal
	ModeLook    Mode = "look"    // find out whether it happened
	ModeWatch   Mode = "watch"   // see whether the gate was decided elsewhere
)

// Effect is something to be done in the outside world.
type Effect struct {
	Step    Step
	Mode    Mode
	NotTill time.Time // zero: now
}

// Effects returns what is to be done about r, in the order of its plan. It follows from the state alone, so
// that a new process finds just what the last one left.
func Effects(r Refresh) []Effect {
	if r.Status.Ended() {
		return nil
	}
	var todo []Effect
	for _, s := range r.Steps {
		switch {
		case r.withheld(s.ID):
		case s.Status == Performing:
			todo = append(todo, Effect{Step: s, Mode: ModePerform})
		case s.Status == Settling:
			todo = append(todo, Effect{Step: s, Mode: ModeLook, NotTill: s.SettleUntil})
		case s.Status == Waiting && s.Kind == KindSignOff:
			todo = append(todo, Effect{Step: s, Mode: ModeWatch})
		}
	}
	return todo
}

// NextDue returns when r wants a Tick: the earliest of its expiries, reminders and retries; zero when it waits for
// nothing but people and effects.
func NextDue(r Refresh) time.Time {
	var due time.Time
	earliest := func(t time.Time) {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	for _, g := range r.OpenGates() {
		earliest(g.ExpiresAt)
		earliest(g.RemindAt)
	}
	earliest(r.nearAt())
	if !r.Status.Ended() && !r.Held() {
		for _, s := range r.Steps {
			if s.Status == Retrying {
				earliest(s.RetryAt)
			}
		}
	}
	return due
}
