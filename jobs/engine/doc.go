// Package engine runs refreshes: it commits what Decide answers, performs the effects that follow, and feeds
// each outcome back. While the bot runs, nothing else writes the store's rows.
//
// # The order of things
//
// Every effect on the outside world is framed by two commits. The intent (StepStarted) is in the journal before
// the call leaves; the outcome follows when the call is over. A process can die at any moment between them. What
// the next process finds is an open intent, which is a normal state and not an error:
//
//   - a read or idempotent effect is simply performed again;
//   - the irreversible one, starting the copy, is never repeated on a guess. The engine lets a request that
//     may still be under way land (it settles), looks in LCS's history of the target, and adopts what it finds.
//     When nothing or too much is found, a gate asks a person.
//
// One rule holds whatever else fails: only the process that committed an irreversible intent may act on it, and
// once. An intent that was merely found in the store, even where recovery could not be recorded, is looked for.
//
// Settling matters: looking at once and finding nothing proves nothing while a request may still be in flight.
//
// # Who runs where
//
// Tell is synchronous: a click is committed before Tell returns, which is what lets the Slack edge acknowledge
// after the commit. Each refresh that has not ended has one goroutine, its runner. The runner performs one effect
// at a time, or a few of a group that the plan marks as parallel, and sleeps until the next thing is due; times are
// absolute and stored, so a restart or a moved clock neither loses nor repeats one.
package engine
