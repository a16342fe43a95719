package entra

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"refreshbot/jobs/refresh"
)

// UserOptions says which account signs in, and where. Exactly one of Password and TokenKey is given: with a password the
// account signs in by itself and must be exempt from multi-factor authentication; with a key a person signs it in
// through SignIn, and what renews that is kept in Records, encrypted.
type UserOptions struct {
	Authority string // https address of the cloud's sign-in; empty means DefaultAuthority
	Tenant    string // tenant id or domain name
	ClientID  string // an app registration that allows public client flows
	Username  string // the account's sign-in name
	Password  func() (string, error)
	TokenKey  func() (string, error)
	Records   Records       // nil: a sign-in with a code is kept elsewhere, and there is none to use
	Lasts     time.Duration // how often the tenant wants a person to sign in; zero: as long as it is used
	Scope     string        // see LCSScope
	HTTP      *http.Client  // nil means a client of its own
}

// User is an account that signs in. It is safe for concurrent use.
type User struct {
	who    identity
	scopes []string
	client public.Client
	grant  passwordGrant // nil: a person signs in
	vault  *vault        // nil: the password does
	lasts  time.Duration
	flight flight
}

// passwordGrant is the only place that sends a password. The grant is deprecated and may vanish from MSAL, so it
// stands behind one method.
type passwordGrant interface {
	signIn(ctx context.Context, scopes []string) (token string, err error)
}

// NewUser prepares the sign-in and sends nothing. Errors have code Invalid.
func NewUser(o UserOptions) (*User, error) {
	at, err := newEndpoint(o.Authority, o.Tenant)
	if err != nil {
		return nil, err
	}
	if o.ClientID == "" || o.Username == "" || (o.Password == nil) == (o.TokenKey == nil) || o.Scope == "" {
		return nil, refresh.Errorf(refresh.Invalid, "Signing in to LCS needs lcs.client_id, lcs.username and either lcs.password or lcs.token_key.")
	}
	u := &User{
		who:    identity{host: at.host, tenant: o.Tenant, clientID: o.ClientID, username: o.Username, resource: o.Scope},
		scopes: []string{o.Scope}, lasts: o.Lasts,
	}
	options := []public.Option{public.WithAuthority(at.url), public.WithHTTPClient(at.httpClient(o.HTTP)), public.WithInstanceDiscovery(at.microsoft)}
	if o.TokenKey != nil {
		secret, err := readSecret("lcs.token_key", o.TokenKey)
		if err != nil {
			return nil, err
		}
		if o.Records == nil {
			o.Records = nowhere{}
		}
		if u.vault, err = newVault(o.Records, secret); err != nil {
			return nil, err
		}
		options = append(options, public.WithCache(u.vault))
	}
	if u.client, err = public.New(o.ClientID, options...); err != nil { // its text is MSAL's, so it is not passed on
		return nil, refresh.Errorf(refresh.Invalid, "entra.authority or entra.tenant makes no address to sign in at.")
	}
	if o.Password != nil {
		u.grant = ropc{client: u.client, username: o.Username, password: o.Password}
	}
	return u, nil
}

// Token returns an access token with at least a few minutes to live: the cached one, one bought with the cached
// refresh token, or one for the password. Errors are *refresh.Error: Denied when an administrator must change
// something, Offline or Throttled when trying again may help.
func (u *User) Token(ctx context.Context) (string, error) {
	return u.flight.do(ctx, "", func(ctx context.Context) (string, error) {
		token, silent := u.silent(ctx)
		if silent == nil {
			return token, nil
		}
		if u.grant == nil {
			return "", u.ended(ctx, silent)
		}
		token, err := u.grant.signIn(ctx, u.scopes)
		if err != nil {
			return "", u.who.failure(err)
		}
		return token, nil
	})
}

// errNobody says that no account is in the cache.
var errNobody = errors.New("nobody has signed in")

// ended says why a kept sign-in gives no token.
func (u *User) ended(ctx context.Context, cause error) error {
	if _, err := u.vault.state(ctx); err != nil {
		return err
	}
	if errors.Is(cause, errNobody) {
		return refresh.Errorf(refresh.Denied, "Nobody has signed in to LCS as %s yet: an admin types /refresh sign-in.", u.who.username)
	}
	_, refused := errors.AsType[msal.CallErr](cause)
	if refused || networkCause(cause) != nil {
		if err := u.who.failure(cause); refresh.CodeOf(err) != refresh.Denied {
			return err
		}
	}
	return refresh.Errorf(refresh.Denied, "The sign-in of %s to LCS has ended: an admin types /refresh sign-in.", u.who.username)
}

// Forget makes the next token a fresh one. It is for a token that is refused before its time: sessions can be revoked.
func (u *User) Forget(ctx context.Context) {
	if u.vault != nil { // what a person would have to repeat stays
		_ = u.vault.dropAccessTokens(ctx) // at worst the old token is offered once more
		return
	}
	accounts, err := u.client.Accounts(ctx)
	if err != nil {
		return // then there is no cached token either
	}
	for _, a := range accounts {
		_ = u.client.RemoveAccount(ctx, a) // at worst the old token is offered once more
	}
}

// silent asks MSAL's cache. With a password it does not matter why it fails, for that comes next: a refresh token ends
// with every change of password or policy.
func (u *User) silent(ctx context.Context) (string, error) {
	accounts, err := u.client.Accounts(ctx)
	if err != nil {
		return "", err
	}
	for _, a := range accounts {
		if strings.EqualFold(a.PreferredUsername, u.who.username) {
			res, err := u.client.AcquireTokenSilent(ctx, u.scopes, public.WithSilentAccount(a))
			return res.AccessToken, err
		}
	}
	return "", errNobody
}

// nowhere keeps nothing.
type nowhere struct{}

func (nowhere) Record(context.Context, string, string) ([]byte, bool, error) { return nil, false, nil }
func (nowhere) PutRecord(context.Context, string, string, []byte) error      { return nil }

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
