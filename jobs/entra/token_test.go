package entra

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

func TestUserSignsInWithPasswordOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	u := mustUser(t, f.userOptions())
	for range 3 {
		got, err := u.Token(t.Context())
		if err != nil || got != accessToken {
			t.Fatalf("Token: %q, %v", got, err)
		}
	}
	forms := f.requests()
	if len(forms) != 1 {
		t.Fatalf("%d token requests for three tokens, want 1", len(forms))
	}
	form := forms[0]
	if form.Get("grant_type") != "password" || form.Get("username") != account || form.Get("password") != password || form.Get("client_id") != clientID {
		t.Errorf("the request is not the documented password grant: %v", form)
	}
	if scope := strings.Fields(form.Get("scope")); scope[0] != "https://lcsapi.lcs.dynamics.com//.default" {
		t.Errorf("scope %v, want the double slash", scope)
	}
}

func TestUserRenewsWithTheRefreshToken(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.token = func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(tokenReply(r.PostForm, 60))) } // too short to be reused
	u := mustUser(t, f.userOptions())
	for range 2 {
		if _, err := u.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	forms := f.requests()
	if len(forms) != 2 || forms[1].Get("grant_type") != "refresh_token" || forms[1].Get("refresh_token") != refreshToken {
		t.Fatalf("the second token did not come by refresh token: %v", forms)
	}
}

func TestUserFallsBackToThePasswordWhenTheRefreshTokenEnded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.token = func(w http.ResponseWriter, r *http.Request) {
		if r.PostForm.Get("grant_type") == "refresh_token" {
			entraError(w, 400, "invalid_grant", 50173)
			return
		}
		_, _ = w.Write([]byte(tokenReply(r.PostForm, 60)))
	}
	u := mustUser(t, f.userOptions())
	for range 2 {
		if _, err := u.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	forms := f.requests()
	if len(forms) != 3 || forms[2].Get("grant_type") != "password" {
		t.Fatalf("want password, refresh token, password; got %v", forms)
	}
}

func TestAppTokenPerEnvironment(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	a := mustApp(t, f.appOptions())
	for range 2 {
		for _, host := range []string{"https://contoso.operations.dynamics.com", "https://contoso-uat.sandbox.operations.dynamics.com/"} {
			got, err := a.Token(t.Context(), host)
			if want := strings.TrimRight(host, "/") + "/.default"; err != nil || strings.Fields(got)[1] != want {
				t.Fatalf("Token(%s): %q, %v; want scope %s", host, got, err, want)
			}
		}
	}
	if forms := f.requests(); len(forms) != 2 || forms[0].Get("client_secret") != secret {
		t.Fatalf("want one request with the client secret per environment, got %v", forms)
	}
}

func TestAppSignsWithCertificate(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	o := f.appOptions()
	o.ClientSecret, o.Certificate = nil, given(certificate(t))
	if _, err := mustApp(t, o).Token(t.Context(), "https://contoso.operations.dynamics.com"); err != nil {
		t.Fatal(err)
	}
	form := f.requests()[0]
	if form.Get("client_secret") != "" || strings.Count(form.Get("client_assertion"), ".") != 2 {
		t.Errorf("the request carries no signed assertion: %v", form)
	}
}

func TestAppReadsTheFederatedTokenEachTime(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.token = func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(tokenReply(r.PostForm, 60))) }
	path := filepath.Join(t.TempDir(), "token")
	o := f.appOptions()
	o.ClientSecret, o.FederatedTokenFile = nil, path
	a := mustApp(t, o)

	_, err := a.Token(t.Context(), "https://contoso.operations.dynamics.com")
	if refresh.CodeOf(err) != refresh.Denied || !strings.Contains(refresh.MessageOf(err), path) {
		t.Errorf("without the file: %v, want Denied naming the file", err)
	}
	for _, text := range []string{assertion + "-1\n", assertion + "-2\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Token(t.Context(), "https://contoso.operations.dynamics.com"); err != nil {
			t.Fatal(err)
		}
		forms := f.requests()
		if got := forms[len(forms)-1].Get("client_assertion"); got != strings.TrimSpace(text) {
			t.Errorf("assertion %q, want the file's %q", got, text)
		}
	}
}

func TestColdCallsShareOneRequest(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	answer := f.token
	release := make(chan struct{})
	f.token = func(w http.ResponseWriter, r *http.Request) { <-release; answer(w, r) }
	u, a := mustUser(t, f.userOptions()), mustApp(t, f.appOptions())
	for name, token := range map[string]func(context.Context) (string, error){
		"user": u.Token,
		"app": func(ctx context.Context) (string, error) {
			return a.Token(ctx, "https://contoso.operations.dynamics.com")
		},
	} {
		before := len(f.requests())
		var wg sync.WaitGroup
		errs := make(chan error, 20)
		for range 20 {
			wg.Go(func() { _, err := token(t.Context()); errs <- err })
		}
		release <- struct{}{}
		wg.Wait()
		for range 20 {
			if err := <-errs; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := len(f.requests()) - before; n != 1 {
			t.Errorf("%s: 20 cold calls made %d token requests, want 1", name, n)
		}
	}
}

func TestOneCallersCancelFailsNobodyElse(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	answer := f.token
	arrived, release := make(chan struct{}), make(chan struct{})
	f.token = func(w http.ResponseWriter, r *http.Request) { close(arrived); <-release; answer(w, r) }
	u := mustUser(t, f.userOptions())

	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := u.Token(ctx); first <- err }()
	<-arrived
	go func() { _, err := u.Token(t.Context()); second <- err }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) || refresh.CodeOf(err) != refresh.Offline {
		t.Errorf("the caller who gave up got %v", err)
	}
	close(release)
	if err := <-second; err != nil {
		t.Errorf("the caller who waited got %v", err)
	}
	if n := len(f.requests()); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

// certificate makes a self-signed one with its key, as PEM text.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "refreshbot"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}
