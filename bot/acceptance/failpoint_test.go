//go:build !faultpoints

package acceptance

import (
	"bytes"
	"os"
	"testing"
)

// What ends or halts the process at a point, and the mistakes that the crash matrix has to catch, are for its own
// binary only.
func TestShippedBinaryHasNoFailpoints(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range []string{"REFRESHBOT_KILL", "REFRESHBOT_MUTANT", "before-commit", "result-only"} {
		if bytes.Contains(program, []byte(trace)) {
			t.Errorf("the binary holds %q", trace)
		}
	}
}
