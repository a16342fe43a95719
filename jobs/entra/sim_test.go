package entra_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/entra"
	"refreshbot/jobs/refresh"
)

// The simulator has wire structs of its own and checks the tokens it gave out.
func TestAgainstTheSimulatedCloud(t *testing.T) {
	t.Parallel()
	cloud, err := cloudsim.Start(cloudsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	given := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	userOptions := entra.UserOptions{
		Authority: cloud.AuthorityURL(), Tenant: cloud.Tenant(), ClientID: cloud.LCSClientID(), Username: cloud.LCSUser(),
		Password: given(cloud.LCSPassword()), Scope: entra.LCSScope(cloud.LCSURL()), HTTP: cloud.HTTPClient(),
	}
	appOptions := entra.AppOptions{
		Authority: cloud.AuthorityURL(), Tenant: cloud.Tenant(), ClientID: cloud.AppID(),
		ClientSecret: given(cloud.AppSecret()), HTTP: cloud.HTTPClient(),
	}
	user, err := entra.NewUser(userOptions)
	if err != nil {
		t.Fatal(err)
	}
	app, err := entra.NewApp(appOptions)
	if err != nil {
		t.Fatal(err)
	}

	lcsToken, err := user.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, cloud, lcsToken, cloud.LCSURL()+"/environmentinfo/v1/detail/project/1234567/?page=1")
	finopsToken, err := app.Token(t.Context(), cloud.EnvironmentURL("uat")+"/")
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, cloud, finopsToken, cloud.EnvironmentURL("uat")+"/data/SystemUsers?$top=1")

	cloud.ExpireTokens() // before their time, so the cache would go on giving them out
	user.Forget(t.Context())
	app.Forget(t.Context())
	if lcsToken, err = user.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	accepted(t, cloud, lcsToken, cloud.LCSURL()+"/environmentinfo/v1/detail/project/1234567/?page=1")
	if finopsToken, err = app.Token(t.Context(), cloud.EnvironmentURL("uat")); err != nil {
		t.Fatal(err)
	}
	accepted(t, cloud, finopsToken, cloud.EnvironmentURL("uat")+"/data/SystemUsers?$top=1")

	denied := func(says string, token func(context.Context) (string, error)) {
		t.Helper()
		_, err := token(t.Context())
		if refresh.CodeOf(err) != refresh.Denied || !strings.Contains(refresh.MessageOf(err), says) {
			t.Errorf("got %v, want Denied with %s", err, says)
		}
	}
	badApp := appOptions
	badApp.ClientSecret = given("wrong")
	wrongSecret, err := entra.NewApp(badApp)
	if err != nil {
		t.Fatal(err)
	}
	denied("AADSTS7000215", func(ctx context.Context) (string, error) { return wrongSecret.Token(ctx, cloud.EnvironmentURL("uat")) })
	denied("AADSTS500011", func(ctx context.Context) (string, error) {
		return app.Token(ctx, "https://nobody.operations.dynamics.com")
	})

	fresh := func() *entra.User {
		t.Helper()
		u, err := entra.NewUser(userOptions)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	cloud.RequireMFA(true)
	denied("AADSTS50076", fresh().Token)
	cloud.RequireMFA(false)
	cloud.DisableUser(cloud.LCSUser())
	denied("AADSTS50057", fresh().Token)
	cloud.SetUserPassword(cloud.LCSUser(), "another one")
	denied("AADSTS50126", fresh().Token)
}

func accepted(t *testing.T, cloud *cloudsim.Cloud, token, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := cloud.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("%s answers the token with %s", url, res.Status)
	}
}
