// Package failpoint names the places at which the crash matrix may end or halt the process, and the mistakes that it
// must be able to notice. Without the build tag faultpoints everything here compiles to nothing.
//
// With the tag, the environment of the process says what happens:
//
//	REFRESHBOT_POINTS  a file to which every point is written as it is passed: time, name#hit
//	REFRESHBOT_KILL    name#hit: SIGKILL there
//	REFRESHBOT_TERM    name#hit: SIGTERM there
//	REFRESHBOT_STOP    name#hit: SIGSTOP there; whoever watches sends SIGCONT
//	REFRESHBOT_MUTANT  a Mistake to make
//
// A point is named place:where. The place is the id of a step, the space of a record, a kind of HTTP request or a part
// of the program, so that a new step has points without anybody adding them.
package failpoint

// Mistake is a way to break the protocol of effects that the crash matrix has to catch.
type Mistake string

// The mistakes.
const (
	// ResultOnly remembers what came of an effect and nothing else: a lost reply, or an open intent found after a
	// restart, has the effect performed again.
	ResultOnly Mistake = "result-only"
	// NoSettling looks for a lost effect at once, while its request may still be under way.
	NoSettling Mistake = "no-settling"
)
