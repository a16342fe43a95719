package lcs

import (
	"testing"

	"refreshbot/jobs/refresh"
)

// The token goes to LCS and to nowhere else, and a start is not sent a second time to where a redirect points.
func TestAnLCSThatSendsElsewhereIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, code := range []int{301, 302, 303, 307, 308} {
		other := serve(t, body(`{"IsSuccess":true,"Data":[]}`))
		f := serve(t, status(code, "Location", other.URL+"/environmentinfo/v1/history"))
		_, err := f.client().History(t.Context(), target)
		wantCode(t, err, refresh.Offline)
		_, err = f.client().Start(t.Context(), source, target)
		wantCode(t, err, refresh.Unknown) // whoever answered had the request
		if seen := other.requests(); len(seen) > 0 {
			t.Errorf("HTTP %d led to %q", code, seen)
		}
	}
}

func TestNoTokenTravelsInTheClear(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://lcsapi.lcs.dynamics.com", "http://10.0.0.1", "ftp://lcsapi.lcs.dynamics.com", "lcsapi.lcs.dynamics.com"} {
		c := New(Options{BaseURL: address, ProjectID: 1, Token: good})
		_, err := c.History(t.Context(), target)
		wantCode(t, err, refresh.Invalid)
		_, err = c.Start(t.Context(), source, target)
		wantCode(t, err, refresh.Invalid)
	}
}
