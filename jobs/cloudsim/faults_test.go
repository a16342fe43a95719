package cloudsim

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault    Fault
		status   int // 0: no answer arrives
		contains string
		header   string // Retry-After
		effect   bool
	}{
		"status":         {Fault{Status: 503}, 503, "Service Unavailable", "", false},
		"throttled":      {Fault{Status: 429, RetryAfter: 3}, 429, "high resource utilization", "3", false},
		"body":           {Fault{Body: "<html>sign in</html>"}, 200, "sign in", "", false},
		"dropped":        {Fault{DropRequest: true}, 0, "", "", false},
		"reply lost":     {Fault{DropReply: true}, 0, "", "", true},
		"body cut":       {Fault{CutBody: true}, 0, "", "", true},
		"delay":          {Fault{Delay: time.Millisecond}, 201, extra, "", true},
		"other method":   {Fault{Status: 503, Method: "GET"}, 201, extra, "", true},
		"lost error":     {Fault{Status: 500, DropReply: true}, 0, "", "", false},
		"status and cut": {Fault{Status: 500, CutBody: true}, 0, "", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			before := len(s.Snapshot("uat").AADClients)
			token := s.envToken("uat")
			s.Fail("uat", "SysAADClients", tt.fault)
			post := func() (answer, error) {
				return s.try("POST", s.EnvironmentURL("uat")+"/data/SysAADClients", `{"AADClientId":"`+extra+`","UserId":"ANNA"}`, token)
			}
			a, err := post()
			if a.status != tt.status || (err != nil) != (tt.status == 0) || !strings.Contains(a.body, tt.contains) || a.header.Get("Retry-After") != tt.header {
				t.Errorf("got %d %q, %v", a.status, a.body, err)
			}
			if effect := len(s.Snapshot("uat").AADClients) > before; effect != tt.effect {
				t.Errorf("effect is %v, want %v", effect, tt.effect)
			}
			if a, err := post(); err != nil || (a.status == 201) == tt.effect { // used up: created now, or a duplicate
				t.Errorf("after the fault: %d, %v", a.status, err)
			}
		})
	}
}

func TestFaultTurnsAndOrder(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	s.Fail("uat", "$top=1", Fault{Status: 500, Times: 2})
	s.Fail("uat", "Companies", Fault{Status: 503, Times: -1})
	s.Fail("prod", "", Fault{Status: 500, Times: -1})
	var got []int
	for range 4 {
		got = append(got, s.data("GET", "Companies?%24top=1", "").status)
	}
	s.ClearFaults()
	got = append(got, s.data("GET", "Companies?$top=1", "").status)
	if diff := cmp.Diff([]int{500, 500, 503, 503, 200}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLostStartOfARefresh(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault  Fault
		starts int
	}{
		"request lost":  {Fault{DropRequest: true}, 0},
		"reply lost":    {Fault{DropReply: true}, 1},
		"landed late":   {Fault{LandLate: 30 * time.Millisecond}, 1},
		"refused by it": {Fault{IsSuccessFalse: "Something unheard of."}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Timeline: slow()})
			token := s.lcsToken()
			s.Fail("lcs", "/refresh/", tt.fault)
			a, err := s.try("POST", s.LCSURL()+s.refreshPath("prod", "uat"), "", token)
			if tt.fault.IsSuccessFalse != "" {
				if a.status != 200 || a.json["ErrorMessage"] != tt.fault.IsSuccessFalse {
					t.Errorf("got %d %s", a.status, a.body)
				}
			} else if err == nil {
				t.Errorf("an answer arrived: %s", a.body)
			}
			if tt.fault.LandLate > 0 && len(s.Calls()) > 0 && s.Starts("uat") == 0 {
				s.waitFor("the request to land", func() bool { return s.Starts("uat") == 1 })
			}
			if n := s.Starts("uat"); n != tt.starts {
				t.Errorf("%d starts, want %d", n, tt.starts)
			}
			if running := s.Snapshot("uat").Operation.Status == "NotStarted"; running != (tt.starts == 1) {
				t.Errorf("an operation runs: %v", running)
			}
		})
	}
}

func TestCloseStopsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow()})
	token := s.lcsToken()
	s.Fail("lcs", "/refresh/", Fault{LandLate: time.Hour})
	_, _ = s.try("POST", s.LCSURL()+s.refreshPath("prod", "uat"), "", token) // its reply is lost by design
	s.Fail("lcs", "/detail/", Fault{Delay: time.Hour})
	ended := make(chan error, 1)
	go func() {
		_, err := s.try("GET", s.LCSURL()+"/environmentinfo/v1/detail/project/1234567", "", token)
		ended <- err
	}()
	s.StartByHand("uat")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("a request was answered after Close")
	}
	if n := s.Starts("uat"); n != 0 {
		t.Errorf("a request landed after Close: %d starts", n)
	}
}

func TestCallsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Timeline: slow()})
	s.refresh()
	s.data("GET", "Companies?$top=1", "")
	var got []string
	for _, c := range s.Calls() {
		got = append(got, strings.Join([]string{c.Host, c.Method, c.App, c.User}, " "))
		if strings.Contains(c.Path, s.LCSPassword()) || strings.Contains(c.Path, s.AppSecret()) {
			t.Errorf("a secret in %+v", c)
		}
	}
	want := []string{
		"entra POST " + s.LCSClientID() + " " + s.LCSUser(), "lcs POST " + s.LCSClientID() + " " + s.LCSUser(),
		"entra POST " + s.AppID() + " ", "uat GET " + s.AppID() + " Admin",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"reserved name": {Environments: []EnvironmentSpec{{Name: "lcs", Type: "Sandbox"}}},
		"used twice":    {Environments: []EnvironmentSpec{{Name: "a", Type: "Sandbox"}, {Name: "a", Type: "Sandbox"}}},
		"no type":       {Environments: []EnvironmentSpec{{Name: "a"}}},
		"speed":         {Speed: -1},
		"address":       {Addr: "203.0.113.1"},
	} {
		if c, err := Start(o); err == nil {
			t.Errorf("%s: accepted", name)
			_ = c.Close()
		}
	}
}

// A slice that clone forgets would let a copy and its original share rows.
func TestCloneCopiesEverySlice(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	s.Mutate("prod", func(e *Environment) { e.Broadcasts = []Broadcast{{RecID: 1}} })
	db := s.Snapshot("prod").Database
	original, copied := reflect.ValueOf(db), reflect.ValueOf(db.clone())
	for i := range original.NumField() {
		name := original.Type().Field(i).Name
		if original.Field(i).Kind() != reflect.Slice {
			continue
		}
		if original.Field(i).Len() == 0 {
			t.Errorf("%s is empty: the test needs a row in it", name)
		} else if original.Field(i).Pointer() == copied.Field(i).Pointer() {
			t.Errorf("%s is shared", name)
		}
	}
}

func TestEnvironmentsDifferRecognisably(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	prod, uat := s.Snapshot("prod"), s.Snapshot("uat")
	for name, same := range map[string]bool{
		"users": cmp.Equal(prod.Users, uat.Users), "jobs": cmp.Equal(prod.BatchJobs, uat.BatchJobs), "email": prod.Email == uat.Email,
		"groups": slices.Equal(prod.BatchGroups, uat.BatchGroups), "apps": slices.Equal(prod.AADClients, uat.AADClients),
		"orders": prod.SalesOrders == uat.SalesOrders, "data as of": prod.DataAsOf.Equal(uat.DataAsOf),
		"documents": slices.Equal(prod.DocumentParameters, uat.DocumentParameters),
	} {
		if same {
			t.Errorf("%s are the same in both", name)
		}
	}
	for _, e := range []Environment{prod, uat} {
		for _, job := range []string{"Workflow message processing", "Email distributor batch"} {
			if !slices.ContainsFunc(e.BatchJobs, func(b BatchJob) bool { return b.Description == job && b.Status == "Waiting" }) {
				t.Errorf("%s has no waiting job %q", e.Name, job)
			}
		}
		if len(e.Users) < 12 || len(e.Users) > 40 || len(e.BatchJobs) < 10 {
			t.Errorf("%s has %d users and %d batch jobs", e.Name, len(e.Users), len(e.BatchJobs))
		}
	}
}

func TestFaultTellsThatItWasMet(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	met := make(chan struct{}, 1)
	s.Fail("uat", "Companies", Fault{Status: 503, Met: func() { met <- struct{}{} }})
	s.data("GET", "Companies", "")
	select {
	case <-met:
	default:
		t.Error("the fault was met in silence")
	}
}

func TestIssuedTokensAreAllKnown(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a := s.post(s.v2(), s.passwordForm())
	for _, kind := range []string{"access_token", "refresh_token"} {
		if token, ok := a.json[kind].(string); !ok || !slices.Contains(s.IssuedTokens(), token) {
			t.Errorf("%s is not among the issued ones", kind)
		}
	}
}
