package finops_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/finops"
	"refreshbot/jobs/refresh"
)

// TestAnODataServerOfAnotherMake tries the client on a server that shares no code and no author with it. It checks
// what both sides must agree on by the OData 4.0 standard: key forms, batches, paging, etags and errors. What is
// peculiar to F&O it cannot check.
func TestAnODataServerOfAnotherMake(t *testing.T) {
	if os.Getenv("FINOPS_ODATA") == "" {
		t.Skip("FINOPS_ODATA is not set: with FINOPS_ODATA=1 this installs an OData server with npm (Node 20 and the npm registry needed) and tries the client on it")
	}
	address := relativeBatches(t, serveOData(t))
	token := func(context.Context) (string, error) { return "a-token-that-this-server-does-not-look-at", nil }
	c := finops.New(finops.Options{URL: address, Token: token, Timeout: 30 * time.Second})
	ctx := t.Context()
	wantCode(t, "ping", c.Ping(ctx), "")

	enabled := func() []string {
		t.Helper()
		users, err := c.Users(ctx)
		wantCode(t, "users", err, "")
		if len(users) != 404 && len(users) != 405 { // the page is 7 rows
			t.Errorf("%d users: a page was missed", len(users))
		}
		var ids []string
		for _, u := range users {
			if u.Enabled {
				ids = append(ids, u.ID)
			}
		}
		slices.Sort(ids)
		return ids
	}
	same := func(what string, want, got []string) {
		t.Helper()
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	same("at first", []string{"Admin"}, enabled())

	const odd = "A b+c&d=ä/é%"
	wantCode(t, "a short key with a quote", c.EnableUser(ctx, "O'Neill"), "")
	wantCode(t, "a short key that needs escaping", c.EnableUser(ctx, odd), "")
	same("one by one", []string{"Admin", "O'Neill", odd}, enabled())

	off := map[string]any{"Enabled": false}
	user := func(method, id string, set map[string]any) refresh.Change {
		return refresh.Change{Method: method, Record: refresh.Record{Entity: "SystemUsers", Key: map[string]any{"UserID": id}, Set: set}}
	}
	wantCode(t, "a named key", c.Write(ctx, user("", odd, off).Record), "")
	document := func(company string, key int) refresh.Record {
		return refresh.Record{Entity: "DocumentParameters", Key: map[string]any{"dataAreaId": company, "Key": key}, Set: map[string]any{"WebAppsServerURL": "https://office-uat"}}
	}
	wantCode(t, "a key of two fields", c.Write(ctx, document("demf", -7)), "")

	// A batch of many sets, of which one holds a row that is refused.
	var all []string
	for _, u := range users(t, c) {
		all = append(all, u.ID)
	}
	refused, err := c.EnableUsers(ctx, all)
	wantCode(t, "enable all", err, "")
	same("refused", []string{"BAD"}, slices.Sorted(maps.Keys(refused)))
	wantCode(t, "the bad one", refused["BAD"], refresh.Refused)
	if msg := refresh.MessageOf(refused["BAD"]); !strings.Contains(msg, "enabling user BAD: Der Benutzer BAD ist gesperrt.") {
		t.Errorf("message: %s", msg)
	}
	same("all but one", slices.DeleteFunc(all, func(id string) bool { return id == "BAD" }), enabled())

	errs, err := c.WriteAll(ctx, []refresh.Change{
		user("PATCH", "O'Neill", off),
		user("PATCH", odd, off),
		user("POST", "NEW'ü", map[string]any{"Enabled": true, "UserName": "Zoë"}),
		user("POST", "Admin", map[string]any{"Enabled": false}), // is there
		user("DELETE", "U0000", nil),
		user("DELETE", "GONE", nil),
		{Method: "PATCH", Record: document("usmf", 0)},
		user("PATCH", "U0001", map[string]any{"Enabled": "perhaps"}),
		user("POST", "O'Neill", map[string]any{"NoSuchField": 1, "UserName": "x"}),                                            // is there all the same
		{Method: "POST", Record: refresh.Record{Entity: "BatchGroups", Key: map[string]any{"GroupId": "X", "ServerId": "Y"}}}, // a mandatory field is missing
		{Method: "PATCH", Record: refresh.Record{Entity: "BatchGroups", Key: map[string]any{"GroupId": "MRP", "ServerId": "BATCH1"}, Set: map[string]any{"Description": "x"}}},
		{Method: "PATCH", Record: refresh.Record{Entity: "NoSuchEntity", Key: map[string]any{"A": 1}, Set: off}},
	})
	wantCode(t, "many kinds", err, "")
	// The last but one: this server guards rows that have an etag and asks for If-Match, which F&O does not.
	want := []refresh.Code{"", "", "", "", "", "", "", refresh.Refused, "", refresh.Refused, refresh.Refused, refresh.NotFound}
	for i, err := range errs {
		if got := refresh.CodeOf(err); got != want[i] {
			t.Errorf("change %d: %q, want %q: %v", i, got, want[i], err)
		}
	}
	left := enabled()
	for id, on := range map[string]bool{"O'Neill": false, odd: false, "NEW'ü": true, "Admin": true, "U0000": false, "U0001": true} {
		if slices.Contains(left, id) != on {
			t.Errorf("%s: enabled is %v", id, !on)
		}
	}

	groups, err := c.BatchGroups(ctx)
	wantCode(t, "rows with an etag", err, "")
	if d := cmp.Diff([]refresh.BatchGroup{{Group: "MRP", Server: "BATCH1", Description: "Planning"}}, groups); d != "" {
		t.Error(d)
	}
	wantCode(t, "an insert", c.AddBatchGroup(ctx, refresh.BatchGroup{Group: "A'B", Server: "BATCH2", Description: "d"}), "")
	_, err = c.EmailParameters(ctx)
	wantCode(t, "an entity that is not there", err, refresh.NotFound)
	wantCode(t, "a field that is not there", c.Write(ctx, user("", "Admin", map[string]any{"NoSuchField": 1}).Record), refresh.Refused)
	wantCode(t, "a key that does not fit", c.Write(ctx, refresh.Record{Entity: "DocumentParameters", Key: map[string]any{"dataAreaId": "usmf"}, Set: off}), refresh.Refused)
}

func users(t *testing.T, c *finops.Client) []refresh.User {
	t.Helper()
	all, err := c.Users(t.Context())
	wantCode(t, "users", err, "")
	return all
}

// relativeBatches stands in front of the server, which knows one of the three forms that the standard has for an address
// in a batch: relative to the service. F&O is sent absolute ones, as its documentation does. Nothing else is changed.
func relativeBatches(t *testing.T, server string) string {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/data/$batch" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("batch: %v", err)
			}
			body = bytes.ReplaceAll(body, []byte(" http://"+r.Host+"/data/"), []byte(" /"))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// serveOData installs and starts the server and returns its address.
func serveOData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "odata"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	server := exec.CommandContext(t.Context(), "node", filepath.Join("node_modules", "@sap", "cds", "bin", "serve.js"), "--in-memory", "--port", "0")
	server.Dir = dir
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	server.Stderr = server.Stdout
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	listening := regexp.MustCompile(`listening on \{ url: '([^']+)'`)
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }() // or the server would wait for a reader
			return m[1]
		}
	}
	t.Fatalf("the server did not start: %v\n%s", lines.Err(), said.String())
	return ""
}
