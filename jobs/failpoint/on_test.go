//go:build faultpoints

package failpoint

import (
	"net/http"
	"net/url"
	"testing"
)

func TestKindIsTheSameForEveryRun(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/chat.postMessage":                         "chat.postMessage",
		"/data/SystemUsers(UserID='ANNA')":              "GET data/SystemUsers",
		"/data/DocumentParameters(dataAreaId='us/mf')":  "GET data/DocumentParameters",
		"/projects/1234567/x/4dd1cd70-15e1-4f8e-8f4e-a": "GET projects/*/x/*",
		"/upload/v1/F0AB12CD34E":                        "GET upload/v1/*",
		"/dmf/6dee860b-7bb8-47b6-98e2-ab264514faf7-refreshbot-uat-20261122-541f66-set-12-0.zip": "GET dmf/*",
	} {
		if got := kind(&http.Request{Method: "GET", URL: &url.URL{Path: path}}); got != want {
			t.Errorf("%s is %q, not %q", path, got, want)
		}
	}
}
