package finops

import (
	"net/http"
	"strings"
	"testing"
)

// Writes go out in goroutines of their own. A panic there has to reach whoever asked, who can recover; in the goroutine
// it would end the process and with it every other refresh.
func TestAPanicWhileWritingReachesTheCaller(t *testing.T) {
	t.Parallel()
	c := New(Options{URL: "https://127.0.0.1", Token: signIn, HTTP: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		panic("a defect")
	})}})
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "a defect") || !strings.Contains(p, "fly") {
			t.Errorf("the panic is %q; it should say where it came from", p)
		}
	}()
	refused, err := c.EnableUsers(t.Context(), []string{"ANNA", "BO"})
	t.Errorf("no panic: %v, %v", refused, err)
}
