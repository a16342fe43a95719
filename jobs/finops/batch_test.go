package finops

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

const (
	action  = "POST /data/BatchJobs/Microsoft.Dynamics.DataEntities.SetBatchJobToWaiting"
	status  = "PATCH /data/BatchJobs(5637144577)"
	recID   = 5637144577
	success = `{"ResponseStatusCode":200,"IsSuccess":true,"Batch JobId":5637144577,"ExceptionDetails":"","reponseMessage":"ok"}`
	refusal = `{"ResponseStatusCode":400,"IsSuccess":false,"Batch JobId":5637144577,"ExceptionDetails":"Job is on hold\r\n   at Microsoft.X.Y()","reponseMessage":"no"}`
)

func TestBatchJobs(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{"GET /data/BatchJobs?$select=BatchJobRecId,JobDescription,CompanyAccounts,Status,Recurrence": {body: `{"value":[
		{"BatchJobRecId":9007199254740993,"JobDescription":"Email distributor batch","CompanyAccounts":"dat","Status":"Hold","Recurrence":"BwEAAAAAAAAA"},
		{"BatchJobRecId":"5637144577","JobDescription":"","CompanyAccounts":null,"Status":"Waiting","Recurrence":null}]}`}})
	got, err := e.client.BatchJobs(t.Context())
	wantError(t, err, "")
	want := []refresh.BatchJob{
		{RecID: 9007199254740993, Description: "Email distributor batch", Company: "dat", Recurring: true, Status: refresh.BatchHold},
		{RecID: 5637144577, Status: refresh.BatchWaiting},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	e = newEnv(t, map[string]answer{"GET /data/BatchJobs": {body: `{"value":[{"JobDescription":"x"}]}`}})
	_, err = e.client.BatchJobs(t.Context())
	wantError(t, err, refresh.Refused, "without a record id")
}

func TestSetBatchJobWaiting(t *testing.T) {
	t.Parallel()
	quoted := func(s string) string { return `{"@odata.context":"c","value":` + quoteJSON(s) + `}` }
	tests := map[string]struct {
		action, status, probe answer
		want                  refresh.Code
		words                 []string
		requests              int
	}{
		"plain":                       {action: answer{body: success}, requests: 1},
		"in value":                    {action: answer{body: `{"@odata.context":"c","value":` + success + `}`}, requests: 1},
		"in value as text":            {action: answer{body: quoted(success)}, requests: 1},
		"text":                        {action: answer{body: quoteJSON(success)}, requests: 1},
		"text in text":                {action: answer{body: quoted(quoteJSON(success))}, requests: 1},
		"no content":                  {action: done, requests: 1},
		"success as text":             {action: answer{body: `{"IsSuccess":"True"}`}, requests: 1},
		"only a status code":          {action: answer{body: `{"value":{"ResponseStatusCode":200}}`}, requests: 1},
		"refused, status works":       {action: answer{body: refusal}, status: done, requests: 2},
		"in value, refused":           {action: answer{body: `{"value":` + refusal + `}`}, status: done, requests: 2},
		"as text, refused":            {action: answer{body: quoted(refusal)}, status: answer{body: "{}"}, requests: 2},
		"not understood":              {action: answer{body: `{"value":"hello"}`}, status: done, requests: 2},
		"nothing said":                {action: answer{body: `{"value":null}`}, status: done, requests: 2},
		"a list":                      {action: answer{body: `[]`}, status: done, requests: 2},
		"wrapped without end":         {action: answer{body: `{"value":{"value":{"value":{"value":{"IsSuccess":true}}}}}`}, status: done, requests: 2},
		"no such action":              {action: answer{status: 404}, probe: up, status: done, requests: 3},
		"action throws":               {action: answer{status: 500, body: odataError}, status: done, requests: 2},
		"action is a bad request":     {action: answer{status: 400, body: outerOnly}, status: done, requests: 2},
		"both refuse":                 {action: answer{body: refusal}, status: answer{status: 400, body: internalOnly}, want: refresh.Refused, words: []string{"Job is on hold", "locked by SYSTEM", "by hand"}, requests: 2},
		"both refuse, second reason":  {action: answer{body: `{"IsSuccess":false,"reponseMessage":"Too old."}`}, status: answer{status: 400, body: outerOnly}, want: refresh.Refused, words: []string{"Too old.", "Enabledd"}, requests: 2},
		"refuses without a reason":    {action: answer{body: `{"IsSuccess":false}`}, status: answer{status: 400}, want: refresh.Refused, words: []string{"no reason", "HTTP 400"}, requests: 2},
		"refuses and shows the token": {action: answer{body: `{"IsSuccess":false,"ExceptionDetails":"` + secret + `"}`}, status: answer{status: 400}, want: refresh.Refused, words: []string{"***"}, requests: 2},
		"neither is there":            {action: answer{status: 404}, probe: up, status: answer{status: 404}, want: refresh.NotFound, requests: 4},
		"environment down":            {action: down, probe: down, want: refresh.Offline, requests: 2},
		"environment goes down":       {action: answer{body: refusal}, status: answer{status: 503}, want: refresh.Offline, requests: 2},
		"busy":                        {action: answer{status: 429, header: map[string]string{"Retry-After": "3"}}, want: refresh.Throttled, requests: 1},
		"busy at the second":          {action: answer{body: refusal}, status: answer{status: 429}, want: refresh.Throttled, requests: 2},
		"not registered":              {action: answer{status: 401}, want: refresh.Denied, requests: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, map[string]answer{action: tt.action, status: tt.status, companies: tt.probe})
			wantError(t, e.client.SetBatchJobWaiting(t.Context(), recID), tt.want, tt.words...)
			got := e.requests()
			if len(got) != tt.requests || got[0] != action+` {"batchJobId":5637144577}` {
				t.Errorf("requests: %q", got)
			}
			if last := got[len(got)-1]; tt.want == "" && len(got) > 1 && last != status+` {"Status":"Waiting"}` {
				t.Errorf("last request: %q", last)
			}
		})
	}
}

func quoteJSON(s string) string {
	b := []byte{'"'}
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(append(b, '"'))
}

func TestBatchGroups(t *testing.T) {
	t.Parallel()
	const get, post = "GET /data/BatchGroups?$select=GroupId,ServerId,Description", "POST /data/BatchGroups"
	group := refresh.BatchGroup{Group: "MRP", Server: "BATCH1", Description: "Planning"}
	have := answer{body: `{"value":[{"GroupId":"","ServerId":"Batch1","Description":"Default"},{"GroupId":"mrp","ServerId":"BATCH1","Description":""}]}`}
	exists := answer{status: 400, body: `{"error":{"message":"x","innererror":{"message":"Posten findes allerede.","type":"Microsoft.Dynamics.Ax.Xpp.ErrorException"}}}`}

	t.Run("list", func(t *testing.T) {
		t.Parallel()
		got, err := newEnv(t, map[string]answer{get: have}).client.BatchGroups(t.Context())
		wantError(t, err, "")
		if d := cmp.Diff([]refresh.BatchGroup{{Server: "Batch1", Description: "Default"}, {Group: "mrp", Server: "BATCH1"}}, got); d != "" {
			t.Error(d)
		}
	})
	tests := map[string]struct {
		post, get answer
		want      refresh.Code
		words     []string
		requests  int
	}{
		"new":                      {post: answer{status: 201, body: `{"GroupId":"MRP"}`}, requests: 1},
		"there, said in Danish":    {post: exists, get: have, requests: 2},
		"there, said as 409":       {post: answer{status: 409}, get: have, requests: 2},
		"there, said as exception": {post: answer{status: 500, body: exists.body}, get: have, requests: 2},
		"refused for another":      {post: exists, get: answer{body: `{"value":[{"GroupId":"MRP","ServerId":"BATCH2"}]}`}, want: refresh.Refused, words: []string{"Posten findes allerede"}, requests: 2},
		"cannot be looked up":      {post: exists, get: answer{status: 503}, want: refresh.Offline, requests: 2},
		"down":                     {post: answer{status: 503}, want: refresh.Offline, requests: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, map[string]answer{post: tt.post, get: tt.get})
			wantError(t, e.client.AddBatchGroup(t.Context(), group), tt.want, tt.words...)
			got := e.requests()
			if len(got) != tt.requests || got[0] != post+` {"Description":"Planning","GroupId":"MRP","ServerId":"BATCH1"}` {
				t.Errorf("requests: %q", got)
			}
		})
	}
}

func TestBatchServers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{"GET /data/ServerConfigurations?$select=AOSInstanceName,IsBatchServer": {body: `{"value":[
		{"AOSInstanceName":"BATCH2","IsBatchServer":"Yes"},{"AOSInstanceName":"AOS1","IsBatchServer":"No"},
		{"AOSInstanceName":"BATCH1","IsBatchServer":"Yes"},{"AOSInstanceName":"BATCH2","IsBatchServer":"Yes"}]}`}})
	got, err := e.client.BatchServers(t.Context())
	wantError(t, err, "")
	if d := cmp.Diff([]string{"BATCH2", "BATCH1"}, got); d != "" {
		t.Error(d)
	}
}

func TestBroadcast(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 28, 23, 30, 0, 5, time.FixedZone("CET", 3600))
	const path = "POST /api/services/SysBroadcastMessageServices/SysBroadcastMessageService/AddMessage"
	for _, reply := range []string{`5637144577`, `"{A-1}"`, `null`, ``, `{"$id":"1"}`, " 7\r\n"} {
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, map[string]answer{path: {body: reply}})
			wantError(t, e.client.Broadcast(t.Context(), from, from.Add(4*time.Hour)), "")
			want := []string{path + ` {"request":{"FromDateTime":"2026-11-28T22:30:00Z","ToDateTime":"2026-11-29T02:30:00Z"}}`}
			if d := cmp.Diff(want, e.requests()); d != "" {
				t.Error(d)
			}
		})
	}
	e := newEnv(t, nil)
	if err := e.client.Broadcast(t.Context(), from, from); refresh.CodeOf(err) != refresh.Invalid {
		t.Errorf("an empty window: %v", err)
	}
	if got := e.requests(); len(got) != 0 {
		t.Errorf("requests: %q", got)
	}
}

func TestCallService(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{
		"POST /api/services/ContosoRefresh/PostRefresh/refreshEntityStore": {body: `{"$id":"1","Success":true}`},
		"POST /api/services/A/B%20C/D":                                     {},
	})
	got, err := e.client.CallService(t.Context(), "/ContosoRefresh/PostRefresh/refreshEntityStore", map[string]any{"_request": map[string]any{"Entities": []string{"X"}}})
	wantError(t, err, "")
	if string(got) != `{"$id":"1","Success":true}` {
		t.Errorf("reply %s", got)
	}
	got, err = e.client.CallService(t.Context(), "A/B C/D", nil)
	wantError(t, err, "")
	if got != nil {
		t.Errorf("reply %q to a call that answers nothing", got)
	}
	want := []string{
		`POST /api/services/ContosoRefresh/PostRefresh/refreshEntityStore {"_request":{"Entities":["X"]}}`,
		"POST /api/services/A/B%20C/D {}",
	}
	if d := cmp.Diff(want, e.requests()); d != "" {
		t.Error(d)
	}
	for _, path := range []string{"", "A", "A/B", "A/B/C/D", "A//C", "A/../C", "../A/B", "/"} {
		if _, err := e.client.CallService(t.Context(), path, nil); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%q: %v", path, err)
		}
	}
}
