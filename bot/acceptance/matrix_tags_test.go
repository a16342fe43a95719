//go:build faultpoints

package acceptance

// atOnce is how many tests are run at a time.
const atOnce = "12"

// tags are the build tags of the binary under test.
const tags = "faultpoints"
