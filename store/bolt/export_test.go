package bolt

// StillAt is for a test of what happens between opening a file and getting its lock.
var StillAt = stillAt
