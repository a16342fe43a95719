package cloudsim

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const extra = "99999999-1111-4222-8333-444455556666"

func TestRefreshIsRefused(t *testing.T) {
	t.Parallel()
	type p = func(s sim) string
	pair := func(source, target string) p { return func(s sim) string { return s.refreshPath(source, target) } }
	tests := map[string]struct {
		prepare func(sim)
		path    p
		want    string // in ErrorMessage
	}{
		"same environment":    {nil, pair("uat", "uat"), "must not be the same"},
		"production target":   {nil, pair("uat", "prod"), "production environment"},
		"not a sandbox":       {nil, pair("prod", "dev"), "not a standard sandbox"},
		"unknown target":      {nil, func(s sim) string { return strings.ReplaceAll(s.refreshPath("prod", "uat"), s.LCSID("uat"), extra) }, "target environment " + extra},
		"unknown source":      {nil, func(s sim) string { return strings.ReplaceAll(s.refreshPath("prod", "uat"), s.LCSID("prod"), extra) }, "source environment " + extra},
		"other release":       {func(s sim) { s.Mutate("prod", func(e *Environment) { e.Release = "10.0.44" }) }, pair("prod", "uat"), "release"},
		"target busy":         {func(s sim) { s.StartByHand("uat") }, pair("prod", "uat"), "already in progress on the target"},
		"source busy":         {func(s sim) { s.StartByHand("uat") }, pair("uat", "uat2"), "already in progress on the source"},
		"quota":               {func(s sim) { s.SetQuotaUsed("uat", 3) }, pair("prod", "uat"), "Maximum allowed API operations are 3 from 20"},
		"sign-off is missing": {func(s sim) { s.RequireSignOff(true); s.finishByHand() }, pair("prod", "uat"), "signed off"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Timeline: slow(), Environments: []EnvironmentSpec{
				{Name: "prod", Type: "Production"}, {Name: "uat", Type: "Sandbox"}, {Name: "uat2", Type: "Sandbox"}, {Name: "dev", Type: "DevTestDev"},
			}})
			if tt.prepare != nil {
				tt.prepare(s)
			}
			a := s.lcs("POST", tt.path(s))
			message, _ := a.json["ErrorMessage"].(string)
			if a.status != 200 || a.json["IsSuccess"] != false || !strings.Contains(message, tt.want) {
				t.Errorf("got %d %s, want 200, IsSuccess false and %q", a.status, a.body, tt.want)
			}
			for _, e := range []string{"prod", "uat", "uat2", "dev"} {
				if n := s.Starts(e); n != 0 {
					t.Errorf("%d starts of %s were accepted", n, e)
				}
			}
		})
	}
}

func (s sim) finishByHand() {
	s.StartByHand("uat")
	for s.Advance("uat") {
	}
}

func TestStartIsAcceptedAgain(t *testing.T) {
	t.Parallel()
	tests := map[string]func(sim){
		"after sign-off":            func(s sim) { s.RequireSignOff(true); s.finishByHand(); s.SignOff("uat") },
		"without sign-off":          func(s sim) { s.finishByHand() },
		"quota of another":          func(s sim) { s.SetQuotaUsed("prod", 3) },
		"portal starts do not tell": func(s sim) { s.SetQuotaUsed("uat", 2); s.finishByHand() },
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Timeline: slow()})
			prepare(s)
			s.refresh()
			if n := s.Starts("uat"); n != 1 {
				t.Errorf("%d starts, want 1", n)
			}
		})
	}
}

func TestQuotaRunsOut(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow(), NoRateLimits: true, Speed: 24 * 3600 * 5}) // a day takes 200 ms
	s.SetQuotaUsed("uat", 3)
	s.waitFor("the quota to free up", func() bool { return s.lcs("POST", s.refreshPath("prod", "uat")).json["IsSuccess"] == true })
}

func TestLCSAccess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(sim)
		project string
		want    int
	}{
		"project owner":       {nil, "1234567", 200},
		"environment manager": {func(s sim) { s.SetProjectRole(s.LCSUser(), "Environment manager") }, "1234567", 200},
		"team member":         {func(s sim) { s.SetProjectRole(s.LCSUser(), "Project team member") }, "1234567", 401},
		"another project":     {nil, "7654321", 401},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			if tt.prepare != nil {
				tt.prepare(s)
			}
			if a := s.lcs("GET", "/environmentinfo/v1/detail/project/"+tt.project+"/?page=1"); a.status != tt.want {
				t.Errorf("got %d, want %d", a.status, tt.want)
			}
		})
	}
}

func TestStatusTrap(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow()})
	id := s.refresh()
	path := "/databasemovement/v1/fetchstatus/project/1234567/environment/%s/operationactivity/%s"
	a := s.lcs("GET", fmt.Sprintf(path, bareGUID(s.LCSID("uat")), bareGUID(id)))
	if a.json["OperationActivityId"] == id || !sameGUID(a.json["ActivityId"].(string), id) {
		t.Errorf("OperationActivityId must be the call's own and ActivityId the operation's: %s", a.body)
	}
	if v, ok := a.json["CompletionDate"]; !ok || v != nil {
		t.Errorf("CompletionDate is %v, want null", v)
	}
	if a := s.lcs("GET", fmt.Sprintf(path, s.LCSID("uat"), extra)); a.status != 200 || a.json["IsSuccess"] != false {
		t.Errorf("unknown operation: %d %s", a.status, a.body)
	}
	s.SetUnknownStatus("PostCompletionCleanup")
	if got := s.status(id); got != "PostCompletionCleanup" {
		t.Errorf("status %q, want the unknown one", got)
	}
	for s.Advance("uat") {
	}
	if got := s.status(id); got != "Completed" {
		t.Errorf("status %q of an operation that ended, want Completed", got)
	}
}

// pages reads all pages of a list.
func (s sim) pages(path string) []map[string]any {
	s.t.Helper()
	var rows []map[string]any
	for page := 1; ; page++ {
		a := s.lcs("GET", path+"?page="+strconv.Itoa(page))
		data, ok := a.json["Data"].([]any)
		if !ok || a.json["ResultPageCurrent"] != float64(page) {
			s.t.Fatalf("page %d: %d %s", page, a.status, a.body)
		}
		for _, d := range data {
			rows = append(rows, d.(map[string]any))
		}
		if a.json["ResultHasMorePages"] != true {
			return rows
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow(), NoRateLimits: true, LCSPageSize: 3})
	id := s.refresh()
	rows := s.pages("/environmentinfo/v1/history/project/1234567/environment/" + s.LCSID("uat") + "/")
	if len(rows) != 9 {
		t.Fatalf("%d entries, want 9", len(rows))
	}
	newest := rows[0]
	if !sameGUID(newest["ActivityId"].(string), id) || newest["Status"] != "NotStarted" || newest["EndDateTimeUtc"] != nil || newest["TypeDisplay"] != "Refresh database" {
		t.Errorf("newest entry: %v", newest)
	}
	var dashed, bare int
	for i, r := range rows {
		at, err := time.Parse("2006-01-02T15:04:05.0", r["StartDateTimeUtc"].(string))
		if err != nil {
			t.Errorf("start of %d: %v", i, err)
		}
		if i > 0 {
			if before, _ := time.Parse("2006-01-02T15:04:05.0", rows[i-1]["StartDateTimeUtc"].(string)); at.After(before) {
				t.Errorf("entry %d is newer than the one before it", i)
			}
		}
		if strings.Contains(r["ActivityId"].(string), "-") {
			dashed++
		} else {
			bare++
		}
	}
	if dashed == 0 || bare == 0 {
		t.Errorf("%d ids with dashes and %d without: want both", dashed, bare)
	}
	if a := s.lcs("GET", "/environmentinfo/v1/history/project/1234567/environment/"+extra+"/?page=1"); a.json["IsSuccess"] != false {
		t.Errorf("unknown environment: %s", a.body)
	}
}

func TestDetail(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow(), NoRateLimits: true, LCSPageSize: 1})
	rows := s.pages("/environmentinfo/v1/detail/project/1234567/")
	if len(rows) != 2 || rows[0]["EnvironmentType"] != "Production" || rows[1]["EnvironmentType"] != "Sandbox" {
		t.Fatalf("environments: %v", rows)
	}
	if u := rows[1]["EnvironmentEndpointBaseUrl"]; u != s.EnvironmentURL("uat")+"/" {
		t.Errorf("URL is %v, want a trailing slash", u)
	}
	if _, err := time.Parse("1/2/2006 3:04 PM", rows[0]["DeployedOnUTC"].(string)); err != nil {
		t.Error(err)
	}
	s.refresh()
	for query, want := range map[string]string{
		"environmentId=" + s.LCSID("uat"):           "Servicing",
		"environmentId=" + bareGUID(s.LCSID("uat")): "Servicing",
		"environmentName=prod":                      "Finished",
		"environmentName=none":                      "",
	} {
		a := s.lcs("GET", "/environmentinfo/v1/detail/project/1234567/?"+query)
		var got string
		if data := a.json["Data"].([]any); len(data) == 1 {
			got = data[0].(map[string]any)["DeploymentState"].(string)
		}
		if got != want {
			t.Errorf("%s: state %q, want %q", query, got, want)
		}
	}
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	token := s.lcsToken()
	detail := s.LCSURL() + "/environmentinfo/v1/detail/project/1234567/?page=1"
	history := s.LCSURL() + "/environmentinfo/v1/history/project/1234567/environment/" + s.LCSID("uat") + "/?page=1"
	for target, limit := range map[string]int{detail: 60, history: 60} {
		var got []int
		var last answer
		for range 7 {
			last = s.do("GET", target, "", token)
			got = append(got, last.status)
		}
		if diff := cmp.Diff([]int{200, 200, 200, 200, 200, 200, 429}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
		if n, err := strconv.Atoi(last.header.Get("Retry-After")); err != nil || n < 1 || n > limit {
			t.Errorf("Retry-After is %q", last.header.Get("Retry-After"))
		}
	}
	quick := start(t, Options{Speed: 600}) // a minute takes 100 ms
	token = quick.lcsToken()
	for range 6 {
		quick.do("GET", quick.LCSURL()+"/environmentinfo/v1/detail/project/1234567", "", token)
	}
	quick.waitFor("the window to pass", func() bool {
		return quick.do("GET", quick.LCSURL()+"/environmentinfo/v1/detail/project/1234567", "", token).status == 200
	})
}
