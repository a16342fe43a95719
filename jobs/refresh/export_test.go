package refresh

import (
	"maps"
	"slices"
)

// EventNames is every event that a journal can hold.
func EventNames() []string { return slices.Sorted(maps.Keys(decoders)) }
