package refresh

import (
	"errors"
	"fmt"
	"slices"
)

// ErrVersion marks a refresh that is whole, but was written by a version of the program with other rules.
var ErrVersion = errors.New("written by another version of refreshbot")

// CheckVersion says what of r this program has no rules for. Such a refresh is left alone: guessing could move it
// wrongly.
func CheckVersion(r Refresh) error {
	if r.Definition > DefinitionVersion {
		return fmt.Errorf("%w: it began under definition %d, known here: %d", ErrVersion, r.Definition, DefinitionVersion)
	}
	for _, s := range r.Steps {
		if _, ok := behaviours[s.Kind]; !ok {
			return fmt.Errorf("%w: step %s is of kind %q", ErrVersion, s.ID, s.Kind)
		}
		if !slices.Contains(Phases(), s.Phase) {
			return fmt.Errorf("%w: step %s is in phase %q", ErrVersion, s.ID, s.Phase)
		}
	}
	for _, g := range r.Gates {
		if _, ok := openedBy[g.Kind]; !ok {
			return fmt.Errorf("%w: gate %s is of kind %q", ErrVersion, g.ID, g.Kind)
		}
	}
	return nil
}
