package refresh

import (
	"errors"
	"fmt"
	"slices"
)

// withStart returns the plan with a step that waits for the start time, before anything that needs the approvals.
func withStart(plan []Spec) []Spec {
	i := slices.IndexFunc(plan, func(s Spec) bool { return behaviours[s.Kind].requires })
	if i < 0 {
		return plan
	}
	wait := Spec{ID: string(KindStart), Phase: plan[i].Phase, Kind: KindStart, Name: "Wait for the start time"}
	return slices.Insert(slices.Clone(plan), i, wait)
}

// CheckPlan says why a plan could never be carried out, or nil. A refresh that began under such a plan would
// stop in the middle, with the environment already replaced, so it is not begun.
func CheckPlan(plan []Spec) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	ids := map[string]bool{}
	phase, approved, copied := 0, false, false
	for _, s := range plan {
		b, known := behaviours[s.Kind]
		at := slices.Index(Phases(), s.Phase)
		switch {
		case s.ID == "" || ids[s.ID]:
			wrong("step %q: its id is empty or used twice", s.ID)
		case !known:
			wrong("step %s: kind %q is not known", s.ID, s.Kind)
		case at < phase:
			wrong("step %s: phase %q is unknown or comes too late", s.ID, s.Phase)
		case b.requires && !approved:
			wrong("step %s comes before any approval", s.ID)
		case b.asks && (s.Policy == nil || len(s.Policy.By) == 0):
			wrong("step %s names nobody who could decide", s.ID)
		case s.Phase == PhaseReconfigure && (b.requires || b.asks):
			wrong("step %s cannot stand in %s, where steps do not wait for each other", s.ID, s.Phase)
		case s.Phase != PhaseReconfigure && (s.IfInstalled || s.OnFailure != "" || s.Group != "" || len(s.After) > 0):
			wrong("step %s has a rule that only the steps of %s can have", s.ID, PhaseReconfigure)
		case slices.ContainsFunc(s.After, func(id string) bool { return !ids[id] }):
			wrong("step %s waits for a step that does not come before it", s.ID)
		case s.Kind == KindCopy && copied:
			wrong("step %s is a second copy", s.ID)
		case s.Kind == KindFollow && !copied:
			wrong("step %s has no copy to follow", s.ID)
		}
		ids[s.ID], phase = true, max(phase, at)
		approved = approved || s.Kind == KindApproval
		copied = copied || s.Kind == KindCopy
	}
	return errors.Join(errs...)
}
