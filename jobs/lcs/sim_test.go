package lcs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/lcs"
	"refreshbot/jobs/refresh"
)

// The simulator has wire structs of its own, so agreeing with it checks more than agreeing with this package's fakes.

func TestRefreshInTheSimulatedCloud(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	cloud, client := simulated(t, cloudsim.Timeline{NotStarted: ms, Copy: 20 * ms, Sync: 20 * ms, Tail: ms})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	prod, uat := cloud.LCSID("prod"), cloud.LCSID("uat")

	for id, production := range map[string]bool{prod: true, refresh.NormalizeID(uat): false} {
		d, err := client.Environment(ctx, id)
		if err != nil || d.Production() != production || d.Sandbox() == production || d.ID != refresh.NormalizeID(id) || d.State != "Finished" {
			t.Errorf("Environment(%s): %+v, %v", id, d, err)
		}
	}
	id, err := client.Start(ctx, prod, uat)
	if err != nil {
		t.Fatal(err)
	}
	for status := refresh.CopyStatus(""); !status.Ended(); {
		if status, err = client.Status(ctx, uat, id); err != nil {
			t.Fatal(err)
		}
	}
	if n := countRefreshes(t, ctx, client, uat, id); n != 1 {
		t.Errorf("the history holds the refresh %d times", n)
	}
}

func TestRefusalsOfTheSimulatedCloud(t *testing.T) {
	t.Parallel()
	cloud, client := simulated(t, cloudsim.Timeline{}) // a refresh that starts here outlasts the test
	ctx, prod, uat := t.Context(), cloud.LCSID("prod"), cloud.LCSID("uat")
	const nobody = "99999999-1111-4222-8333-444455556666"

	cloud.Fail("lcs", "/refresh/", cloudsim.Fault{DropReply: true})
	if _, err := client.Start(ctx, prod, uat); refresh.CodeOf(err) != refresh.Unknown {
		t.Errorf("lost reply to a refresh that began: %v, want Unknown", err)
	}
	if _, err := client.Start(ctx, prod, uat); refresh.CodeOf(err) != refresh.Refused {
		t.Errorf("while one runs: %v, want Refused", err)
	}
	if _, err := client.Start(ctx, uat, prod); refresh.CodeOf(err) != refresh.Refused {
		t.Errorf("into production: %v, want Refused", err)
	}
	if _, err := client.Status(ctx, uat, nobody); refresh.CodeOf(err) != refresh.Refused {
		t.Errorf("an unknown operation: %v, want Refused", err)
	}
	if _, err := client.Environment(ctx, nobody); refresh.CodeOf(err) != refresh.NotFound {
		t.Errorf("an unknown environment: %v, want NotFound", err)
	}
	cloud.SetProjectRole(cloud.LCSUser(), "Project team member")
	if _, err := client.History(ctx, uat); refresh.CodeOf(err) != refresh.Denied {
		t.Errorf("without the role: %v, want Denied", err)
	}
}

func TestARevokedTokenIsReplacedOnceForReadsAndNeverForAStart(t *testing.T) {
	t.Parallel()
	cloud, _ := simulated(t, cloudsim.Timeline{})
	ctx, prod, uat := t.Context(), cloud.LCSID("prod"), cloud.LCSID("uat")
	token, forgotten := "revoked", 0
	client := lcs.New(lcs.Options{
		BaseURL: cloud.LCSURL(), ProjectID: cloud.ProjectID(), HTTP: cloud.HTTPClient(),
		Token: func(context.Context) (string, error) { return token, nil },
		Forget: func(ctx context.Context) {
			forgotten++
			var err error
			if token, err = signIn(ctx, cloud); err != nil {
				t.Error(err)
			}
		},
	})
	if _, err := client.History(ctx, uat); err != nil || forgotten != 1 {
		t.Errorf("a read with a revoked token: %v after %d fresh ones", err, forgotten)
	}
	token = "revoked"
	if _, err := client.Start(ctx, prod, uat); refresh.CodeOf(err) != refresh.Denied || forgotten != 2 || cloud.Starts("uat") != 0 {
		t.Errorf("a start with a revoked token: %v, %d fresh ones, %d starts; it is a person's to repeat", err, forgotten, cloud.Starts("uat"))
	}
	cloud.SetProjectRole(cloud.LCSUser(), "Project team member")
	if _, err := client.History(ctx, uat); refresh.CodeOf(err) != refresh.Denied || forgotten != 3 {
		t.Errorf("without the role: %v, want Denied after one fresh token, not %d", err, forgotten-2)
	}
}

func simulated(t *testing.T, timeline cloudsim.Timeline) (*cloudsim.Cloud, *lcs.Client) {
	t.Helper()
	cloud, err := cloudsim.Start(cloudsim.Options{NoRateLimits: true, Timeline: timeline})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	return cloud, lcs.New(lcs.Options{
		BaseURL: cloud.LCSURL(), ProjectID: cloud.ProjectID(), HTTP: cloud.HTTPClient(),
		Token: func(ctx context.Context) (string, error) { return signIn(ctx, cloud) },
	})
}

func countRefreshes(t *testing.T, ctx context.Context, client *lcs.Client, target, id string) (n int) {
	t.Helper()
	ops, err := client.History(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		if op.ID == id && op.IsRefresh() && !op.Running() {
			n++
		}
	}
	return n
}

// signIn is the documented password request, without this project's own token client.
func signIn(ctx context.Context, cloud *cloudsim.Cloud) (string, error) {
	form := url.Values{"grant_type": {"password"}, "client_id": {cloud.LCSClientID()}, "username": {cloud.LCSUser()},
		"password": {cloud.LCSPassword()}, "scope": {cloud.LCSURL() + "//.default"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cloud.AuthorityURL()+"/"+cloud.Tenant()+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := cloud.HTTPClient().Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	var r struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil || r.Token == "" {
		return "", fmt.Errorf("simulated Entra answered %s: %w", res.Status, err)
	}
	return r.Token, nil
}
