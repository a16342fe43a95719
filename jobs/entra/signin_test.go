package entra_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/entra"
	"refreshbot/jobs/refresh"
)

// shelf is where a sign-in is kept, as the store would.
type shelf struct {
	mu   sync.Mutex
	kept []byte
}

func (s *shelf) Record(context.Context, string, string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.kept), s.kept != nil, nil
}

func (s *shelf) PutRecord(_ context.Context, _, _ string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = bytes.Clone(value)
	return nil
}

func withCode(cloud *cloudsim.Cloud, s *shelf, key string) entra.UserOptions {
	return entra.UserOptions{
		Authority: cloud.AuthorityURL(), Tenant: cloud.Tenant(), ClientID: cloud.LCSClientID(), Username: cloud.LCSUser(),
		TokenKey: func() (string, error) { return key, nil }, Records: s, Scope: entra.LCSScope(cloud.LCSURL()), HTTP: cloud.HTTPClient(),
	}
}

func newUser(t *testing.T, o entra.UserOptions) *entra.User {
	t.Helper()
	u, err := entra.NewUser(o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func simulated(t *testing.T) *cloudsim.Cloud {
	t.Helper()
	cloud, err := cloudsim.Start(cloudsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	return cloud
}

// signIn plays the admin and the person at Entra's page.
func signIn(t *testing.T, cloud *cloudsim.Cloud, u *entra.User, as string) (entra.Lapse, error) {
	t.Helper()
	code, finish, err := u.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(code.URL, "https://") || time.Until(code.Expires) < 10*time.Minute {
		t.Errorf("the code: %+v", code)
	}
	if as == "" {
		cloud.DeclineDeviceCode(code.User)
	} else if !cloud.EnterDeviceCode(code.User, as) {
		t.Fatalf("Entra knows no code %s", code.User)
	}
	return finish(t.Context())
}

func deniedWith(t *testing.T, u *entra.User, says string) {
	t.Helper()
	if _, err := u.Token(t.Context()); refresh.CodeOf(err) != refresh.Denied || !strings.Contains(refresh.MessageOf(err), says) {
		t.Errorf("Token: %v, want Denied with %q", err, says)
	}
}

const details = "/environmentinfo/v1/detail/project/1234567/?page=1"

func TestAnAccountWithASecondFactorIsSignedInByAPerson(t *testing.T) {
	t.Parallel()
	cloud, s := simulated(t), &shelf{}
	cloud.RequireMFA(true)
	u := newUser(t, withCode(cloud, s, "a long enough key"))
	deniedWith(t, u, "Nobody has signed in")

	l, err := signIn(t, cloud, u, cloud.LCSUser())
	if err != nil {
		t.Fatal(err)
	}
	if days := time.Until(l.At).Hours() / 24; days < 89 || days > 90 || time.Since(l.SignedInAt) > time.Minute {
		t.Errorf("lapses %+v, want in 90 days", l)
	}
	token, err := u.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, cloud, token, cloud.LCSURL()+details)

	// A new process finds it, and renews it without a person.
	again := newUser(t, withCode(cloud, s, "a long enough key"))
	cloud.ExpireTokens()
	again.Forget(t.Context())
	renewed, err := again.Token(t.Context())
	if err != nil || renewed == token {
		t.Fatalf("after a restart: the same token %v, %v", renewed == token, err)
	}
	accepted(t, cloud, renewed, cloud.LCSURL()+details)

	// What is kept shows nothing.
	for _, secret := range append(cloud.IssuedTokens(), cloud.LCSUser()) {
		if bytes.Contains(s.kept, []byte(secret)) {
			t.Fatal("a token stands in the store as it is")
		}
	}
	deniedWith(t, newUser(t, withCode(cloud, s, "another key")), "the key has changed")

	cloud.RevokeSessions()
	again.Forget(t.Context())
	deniedWith(t, again, "has ended: an admin types /refresh sign-in")
	if _, err := signIn(t, cloud, again, cloud.LCSUser()); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Token(t.Context()); err != nil {
		t.Errorf("after signing in again: %v", err)
	}
}

func TestASignInThatDoesNotCount(t *testing.T) {
	t.Parallel()
	cloud := simulated(t)
	cloud.AddAccount("somebody@contoso.com", "pw")
	u := newUser(t, withCode(cloud, &shelf{}, "key"))
	for as, says := range map[string]string{"somebody@contoso.com": "somebody@contoso.com signed in, but lcs.username is", "": "did not complete the sign-in"} {
		if _, err := signIn(t, cloud, u, as); refresh.CodeOf(err) != refresh.Refused || !strings.Contains(refresh.MessageOf(err), says) {
			t.Errorf("as %q: %v", as, err)
		}
		deniedWith(t, u, "Nobody has signed in")
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, finish, err := u.SignIn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := finish(ctx); refresh.CodeOf(err) != refresh.Offline {
		t.Errorf("given up: %v", err)
	}
}

func TestAPasswordNeedsNoCode(t *testing.T) {
	t.Parallel()
	cloud := simulated(t)
	o := withCode(cloud, nil, "")
	o.TokenKey, o.Password = nil, func() (string, error) { return cloud.LCSPassword(), nil }
	u := newUser(t, o)
	if _, _, err := u.SignIn(t.Context()); refresh.CodeOf(err) != refresh.Refused {
		t.Errorf("SignIn: %v", err)
	}
	u.Keep(t.Context(), func(text string) { t.Error(text) })
	both := o
	both.TokenKey = o.Password
	if _, err := entra.NewUser(both); refresh.CodeOf(err) != refresh.Invalid {
		t.Errorf("password and key: %v", err)
	}
}

func TestAnAdminIsWarnedBeforeASignInLapses(t *testing.T) {
	t.Parallel()
	cloud, s := simulated(t), &shelf{}
	warned := func(lasts time.Duration) string {
		o := withCode(cloud, s, "key")
		o.Lasts = lasts
		return entra.Renew(newUser(t, o), t.Context())
	}
	if text := warned(0); !strings.Contains(text, "Nobody has signed in") {
		t.Errorf("before the first sign-in: %q", text)
	}
	if _, err := signIn(t, cloud, newUser(t, withCode(cloud, s, "key")), cloud.LCSUser()); err != nil {
		t.Fatal(err)
	}
	for _, long := range []time.Duration{0, 30 * 24 * time.Hour} {
		if text := warned(long); text != "" {
			t.Errorf("long before: %q", text)
		}
	}
	if text := warned(6 * 24 * time.Hour); !strings.Contains(text, "lapses on") || !strings.Contains(text, "/refresh sign-in") {
		t.Errorf("six days before: %q", text)
	}
	said := make(chan string, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	o := withCode(cloud, s, "key")
	o.Lasts = time.Hour
	go newUser(t, o).Keep(ctx, func(text string) { said <- text })
	if text := <-said; !strings.Contains(text, "lapses on") {
		t.Errorf("at the start: %q", text)
	}
}
