package cloudsim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServiceDiscovery(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	token := s.envToken("uat")
	for path, want := range map[string]string{
		"":                `{"ServiceGroups":[{"Name":"SysBroadcastMessageServices"},{"Name":"ContosoRefresh"}]}`,
		"/":               `{"ServiceGroups":[{"Name":"SysBroadcastMessageServices"},{"Name":"ContosoRefresh"}]}`,
		"/contosorefresh": `{"Services":[{"Name":"PostRefresh"}]}`,
		"/SysBroadcastMessageServices/SysBroadcastMessageService": `{"Operations":[{"Name":"AddMessage"}]}`,
		"/ContosoRefresh/PostRefresh/refreshEntityStore": `{"Parameters":[{"Name":"_request","Type":"ContosoRefreshEntityStoreRequest"}],` +
			`"Return":{"Name":"return","Type":"ContosoRefreshResponse"}}`,
	} {
		if a := s.do("GET", s.EnvironmentURL("uat")+"/api/services"+path, "", token); a.status != 200 || a.body != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.do("GET", s.EnvironmentURL("uat")+"/api/services/Nope", "", token); a.status != 404 {
		t.Errorf("unknown group: %d", a.status)
	}
}

func TestBroadcast(t *testing.T) {
	t.Parallel()
	const path = "/api/services/SysBroadcastMessageServices/SysBroadcastMessageService/AddMessage"
	tests := map[string]struct {
		body   string
		status int
		want   string // in the error's message
	}{
		"with offset":     {`{"request":{"FromDateTime":"2026-11-28T22:00:00.0000000+01:00","ToDateTime":"2026-11-29T01:00:00Z"}}`, 200, ""},
		"without offset":  {`{"request":{"FromDateTime":"2026-11-28T21:00:00","ToDateTime":"2026-11-29T01:00:00"}}`, 200, ""},
		"end first":       {`{"request":{"FromDateTime":"2026-11-29T21:00:00Z","ToDateTime":"2026-11-29T01:00:00Z"}}`, 500, "later than its start"},
		"no date":         {`{"request":{"FromDateTime":"tomorrow","ToDateTime":"2026-11-29T01:00:00Z"}}`, 500, "FromDateTime"},
		"end missing":     {`{"request":{"FromDateTime":"2026-11-29T01:00:00Z"}}`, 500, "ToDateTime"},
		"wrong parameter": {`{"_request":{"FromDateTime":"2026-11-28T21:00:00Z","ToDateTime":"2026-11-29T01:00:00Z"}}`, 500, "Parameter 'request' is not found"},
		"no body":         {``, 500, "Parameter 'request' is not found"},
		"no JSON":         {`{`, 500, "not valid JSON"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			a := s.do("POST", s.EnvironmentURL("uat")+path, tt.body, s.envToken("uat"))
			got := s.Snapshot("uat").Broadcasts
			if a.status != tt.status {
				t.Fatalf("got %d %s, want %d", a.status, a.body, tt.status)
			}
			if tt.status != 200 {
				message, _ := a.json["Message"].(string)
				if !strings.HasPrefix(message, "An exception occured when invoking the operation - ") || !strings.Contains(message, tt.want) || len(got) != 0 {
					t.Errorf("%s, %d messages", a.body, len(got))
				}
				return
			}
			want := []Broadcast{{From: time.Date(2026, 11, 28, 21, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 29, 1, 0, 0, 0, time.UTC)}}
			if err := json.Unmarshal([]byte(a.body), &want[0].RecID); err != nil {
				t.Fatalf("the answer is no bare number: %s", a.body)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefreshEntityStore(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entities string
		status   int
		want     []string
	}{
		"two":         {`["CustTransactions","VendTransactions"]`, 200, []string{"CustTransactions", "VendTransactions"}},
		"one unknown": {`["CustTransactions","Nope"]`, 500, nil},
		"none":        {`[]`, 500, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			a := s.do("POST", s.EnvironmentURL("uat")+"/api/services/ContosoRefresh/PostRefresh/refreshEntityStore",
				fmt.Sprintf(`{"_request":{"Entities":%s}}`, tt.entities), s.envToken("uat"))
			if a.status != tt.status || tt.status == 200 && (a.json["$id"] != "1" || a.json["Success"] != true) {
				t.Errorf("%d %s", a.status, a.body)
			}
			var got []string
			for _, e := range s.Snapshot("uat").EntityStore {
				got = append(got, e.Entity)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
