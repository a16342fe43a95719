package finops

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

func TestRowsAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	first := "GET /data/DocumentParameters?$select=dataAreaId,Key&$filter=dataAreaId%20eq%20%27us+f%27%20and%20Key%20gt%200&cross-company=true"
	first = strings.ReplaceAll(first, "us+f", "us%2Bf")
	e := newEnv(t, map[string]answer{
		first:                              {body: `{"value":[{"@odata.etag":"W/1","dataAreaId":"usmf","Key":9223372036854775807,"Rate":0.1,"On":true,"None":null}],"@odata.nextLink":"HOST/data/DocumentParameters?p=2"}`},
		"GET /data/DocumentParameters?p=2": {body: `{"value":[{"dataAreaId":"demf","Key":0,"Key@odata.type":"#Int64"}]}`},
		"GET /data/Empty":                  {body: `{"value":[]}`},
	})
	got, err := e.client.Rows(t.Context(), refresh.Query{
		Entity: "DocumentParameters", Select: []string{"dataAreaId", "Key"}, Filter: "dataAreaId eq 'us+f' and Key gt 0", CrossCompany: true,
	})
	wantError(t, err, "")
	want := []map[string]any{
		{"dataAreaId": "usmf", "Key": json.Number("9223372036854775807"), "Rate": json.Number("0.1"), "On": true, "None": nil},
		{"dataAreaId": "demf", "Key": json.Number("0")},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d, e.requests())
	}
	none, err := e.client.Rows(t.Context(), refresh.Query{Entity: "Empty"})
	wantError(t, err, "")
	if len(none) != 0 {
		t.Errorf("%v", none)
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	e := newEnv(t, map[string]answer{
		"GET /data/Numbers": {body: `{"value":[7]}`}, companies: up,
		"GET /data/SystemUsers": {status: 400, body: `{"error":{"message":"x","innererror":{"message":"Could not find a property named 'UserId'."}}}`},
	})
	for name, tt := range map[string]struct {
		q     refresh.Query
		code  refresh.Code
		words []string
	}{
		"an unknown entity":  {refresh.Query{Entity: "Nope"}, refresh.NotFound, []string{"reading Nope"}},
		"an unknown field":   {refresh.Query{Entity: "SystemUsers", Select: []string{"UserId"}}, refresh.Refused, []string{"Could not find a property"}},
		"rows that are none": {refresh.Query{Entity: "Numbers"}, refresh.Offline, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := e.client.Rows(t.Context(), tt.q)
			wantError(t, err, tt.code, tt.words...)
		})
	}
	for _, q := range []refresh.Query{{}, {Entity: "A/B"}, {Entity: "A", Select: []string{"x&y"}}, {Entity: "A?$top=1"}} {
		if _, err := e.client.Rows(t.Context(), q); refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestInsertAndDelete(t *testing.T) {
	t.Parallel()
	const row = "Things(At=2026-11-22T10:00:00Z,Id=9007199254740993,Name='O''Neil',Status=Microsoft.Dynamics.DataEntities.NoYes'Yes',dataAreaId='usmf')"
	escaped := strings.NewReplacer("10:00:00", "10%3A00%3A00").Replace(row) + "?cross-company=true"
	rec := refresh.Record{Entity: "Things", Key: map[string]any{
		"At": time.Date(2026, 11, 22, 11, 0, 0, 0, time.FixedZone("", 3600)), "Id": int64(9007199254740993), "Name": "O'Neil",
		"Status": "Microsoft.Dynamics.DataEntities.NoYes'Yes'", "dataAreaId": "usmf",
	}, Set: map[string]any{"Rate": json.Number("1.10")}}
	exists := answer{status: 400, body: odataError}
	tests := map[string]struct {
		routes map[string]answer
		delete bool
		code   refresh.Code
		words  []string
		sent   int
	}{
		"inserted":               {routes: map[string]answer{"POST /data/Things": {status: 201, body: "{}"}}, sent: 1},
		"there already":          {routes: map[string]answer{"POST /data/Things": exists, "GET /data/" + escaped: {body: "{}"}}, sent: 2},
		"refused":                {routes: map[string]answer{"POST /data/Things": exists, companies: up}, code: refresh.Refused, words: []string{"adding Things(", "Field Alias"}, sent: 3},
		"no such entity to add":  {routes: map[string]answer{companies: up}, code: refresh.NotFound, words: []string{"adding Things("}, sent: 2},
		"busy":                   {routes: map[string]answer{"POST /data/Things": {status: 429}}, code: refresh.Throttled, sent: 1},
		"deleted":                {delete: true, routes: map[string]answer{"DELETE /data/" + escaped: done}, sent: 1},
		"gone already":           {delete: true, routes: map[string]answer{companies: up, "GET /data/Things?$top=1": {body: `{"value":[]}`}}, sent: 3},
		"no such entity":         {delete: true, routes: map[string]answer{companies: up}, code: refresh.NotFound, words: []string{"deleting Things("}, sent: 4},
		"down":                   {delete: true, routes: map[string]answer{companies: down}, code: refresh.Offline, sent: 2},
		"deletion refused":       {delete: true, routes: map[string]answer{"DELETE /data/" + escaped: {status: 400, body: odataError}}, code: refresh.Refused, sent: 1},
		"not registered anymore": {delete: true, routes: map[string]answer{"DELETE /data/" + escaped: {status: 401}}, code: refresh.Denied, sent: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, tt.routes)
			err := e.client.Insert
			if tt.delete {
				err = e.client.Delete
			}
			wantError(t, err(t.Context(), rec), tt.code, tt.words...)
			sent := e.requests()
			if len(sent) != tt.sent {
				t.Fatalf("%d requests, want %d: %q", len(sent), tt.sent, sent)
			}
			if want := `POST /data/Things {"At":"2026-11-22T11:00:00+01:00","Id":9007199254740993,"Name":"O'Neil","Rate":1.10,"Status":"Yes","dataAreaId":"usmf"}`; !tt.delete && sent[0] != want {
				t.Errorf("\n%s, want\n%s", sent[0], want)
			}
			if got, _ := url.PathUnescape(sent[0]); tt.delete && got != "DELETE /data/"+row+"?cross-company=true" {
				t.Errorf("%s", got)
			}
		})
	}
	e := newEnv(t, nil)
	for name, err := range map[string]error{
		"no entity":   e.client.Insert(t.Context(), refresh.Record{Key: map[string]any{"A": 1}}),
		"nothing":     e.client.Insert(t.Context(), refresh.Record{Entity: "A"}),
		"no key":      e.client.Delete(t.Context(), refresh.Record{Entity: "A"}),
		"a bad key":   e.client.Delete(t.Context(), refresh.Record{Entity: "A", Key: map[string]any{"B": []int{1}}}),
		"a bad value": e.client.Insert(t.Context(), refresh.Record{Entity: "A", Set: map[string]any{"B": func() {}}}),
	} {
		if refresh.CodeOf(err) != refresh.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if sent := e.requests(); len(sent) != 0 {
		t.Errorf("sent %q", sent)
	}
}
