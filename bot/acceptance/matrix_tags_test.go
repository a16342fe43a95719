//go:build faultpoints

package acceptance

// tags are the build tags of the binary under test.
const tags = "faultpoints"
