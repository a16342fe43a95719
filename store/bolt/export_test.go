package bolt

import "io"

// StillAt is for a test of what happens between opening a file and getting its lock.
var StillAt = stillAt

// WriteTo copies a store as Backup does, to a disk that a test makes hang.
func WriteTo(s *Store, w io.Writer) error { return s.writeTo(w) }
