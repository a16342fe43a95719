package entra

import (
	"net/http"
	"strings"
	"testing"
)

type exploding struct{}

func (exploding) RoundTrip(*http.Request) (*http.Response, error) { panic("a defect") }

// A sign-in runs in a goroutine that several callers share. A panic there has to reach each of them, who can recover.
func TestAPanicWhileSigningInReachesTheCaller(t *testing.T) {
	t.Parallel()
	o := newFake(t).userOptions()
	o.HTTP = &http.Client{Transport: exploding{}}
	u := mustUser(t, o)
	for range 2 {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, "a defect") || !strings.Contains(p, "RoundTrip") {
					t.Errorf("the panic is %q; it should say where it came from", p)
				}
			}()
			_, err := u.Token(t.Context())
			t.Errorf("no panic: %v", err)
		}()
	}
}
