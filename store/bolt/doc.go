// Package bolt keeps the store in one bbolt file, for a single process.
//
// Buckets:
//
//	meta        schema, id of the store, epoch (how often it was opened)
//	ops         refresh id -> row with the hash of the last journal entry
//	journal     refresh id / number (big-endian) -> entry
//	open        time asked for + refresh id, of those that have not ended
//	recent      time asked for + refresh id -> name of the target environment
//	locks       target environment, by name and by LCS id -> refresh id
//	inbox       key of an input -> when it was committed
//	inbox_time  when + key, so that old keys can be forgotten
//	records     space / key -> value
//
// One commit is one bbolt transaction: it is on disk (fdatasync) when Commit returns, or nothing of it is.
// What bbolt cannot give: its pages carry no checksum except for the two that point at all others. Damage to a
// row or a journal shows when the refresh is loaded, because they must agree and the hashes must fit; damage to
// the page of the very last transaction looks like a write that a crash cut short, and that transaction is lost.
package bolt
