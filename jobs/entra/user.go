package entra

import (
	"context"
	"net/http"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"refreshbot/jobs/refresh"
)

// UserOptions says who signs in with a name and a password, and where.
type UserOptions struct {
	Authority string // https address of the cloud's sign-in; empty means DefaultAuthority
	Tenant    string // tenant id or domain name
	ClientID  string // an app registration that allows public client flows
	Username  string // the account's sign-in name; it must be exempt from multi-factor authentication
	Password  func() (string, error)
	Scope     string       // see LCSScope
	HTTP      *http.Client // nil means a client of its own
}

// User is a signed-in account. It is safe for concurrent use.
type User struct {
	who    identity
	scopes []string
	client public.Client
	grant  passwordGrant
	flight flight
}

// passwordGrant is the only place that sends a password. The grant is deprecated and may vanish from MSAL, so it
// stands behind one method: a device code or a kept refresh token can take its place.
type passwordGrant interface {
	signIn(ctx context.Context, scopes []string) (token string, err error)
}

// NewUser prepares the sign-in and sends nothing. Errors have code Invalid.
func NewUser(o UserOptions) (*User, error) {
	at, err := newEndpoint(o.Authority, o.Tenant)
	if err != nil {
		return nil, err
	}
	if o.ClientID == "" || o.Username == "" || o.Password == nil || o.Scope == "" {
		return nil, refresh.Errorf(refresh.Invalid, "Signing in to LCS needs lcs.client_id, lcs.username and lcs.password.")
	}
	client, err := public.New(o.ClientID, public.WithAuthority(at.url), public.WithHTTPClient(at.httpClient(o.HTTP)),
		public.WithInstanceDiscovery(at.microsoft))
	if err != nil { // its text is MSAL's, so it is not passed on
		return nil, refresh.Errorf(refresh.Invalid, "entra.authority or entra.tenant makes no address to sign in at.")
	}
	return &User{
		who:    identity{host: at.host, tenant: o.Tenant, clientID: o.ClientID, username: o.Username, resource: o.Scope},
		scopes: []string{o.Scope},
		client: client,
		grant:  ropc{client: client, username: o.Username, password: o.Password},
	}, nil
}

// Token returns an access token with at least a few minutes to live: the cached one, one bought with the cached
// refresh token, or one for the password. Errors are *refresh.Error: Denied when an administrator must change
// something, Offline or Throttled when trying again may help.
func (u *User) Token(ctx context.Context) (string, error) {
	return u.flight.do(ctx, "", func(ctx context.Context) (string, error) {
		if token, ok := u.silent(ctx); ok {
			return token, nil
		}
		token, err := u.grant.signIn(ctx, u.scopes)
		if err != nil {
			return "", u.who.failure(err)
		}
		return token, nil
	})
}

// Forget makes the next token a fresh one. It is for a token that is refused before its time: sessions can be revoked.
func (u *User) Forget(ctx context.Context) {
	accounts, err := u.client.Accounts(ctx)
	if err != nil {
		return // then there is no cached token either
	}
	for _, a := range accounts {
		_ = u.client.RemoveAccount(ctx, a) // at worst the old token is offered once more
	}
}

// silent asks MSAL's cache. Why it fails does not matter, for the password comes next: a refresh token ends with
// every change of password or policy.
func (u *User) silent(ctx context.Context) (string, bool) {
	accounts, err := u.client.Accounts(ctx)
	if err != nil || len(accounts) == 0 {
		return "", false
	}
	res, err := u.client.AcquireTokenSilent(ctx, u.scopes, public.WithSilentAccount(accounts[0]))
	return res.AccessToken, err == nil
}

type ropc struct {
	client   public.Client
	username string
	password func() (string, error)
}

func (g ropc) signIn(ctx context.Context, scopes []string) (string, error) {
	password, err := readSecret("lcs.password", g.password)
	if err != nil {
		return "", err
	}
	//nolint:staticcheck // Deprecated by MSAL, but Lifecycle Services accepts neither service principals nor managed identities.
	res, err := g.client.AcquireTokenByUsernamePassword(ctx, scopes, g.username, password)
	return res.AccessToken, err
}
