//go:build faultpoints

package acceptance

// atOnce is how many tests are begun at a time: of these, running go on, and the others have a halted process.
const atOnce = "64"

// running is how many runs of the matrix go on at a time.
const running = 12

// tags are the build tags of the binary under test.
const tags = "faultpoints"
