package entra

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"refreshbot/jobs/refresh"
)

// AppOptions says which app registration signs in by itself, and where. Exactly one of ClientSecret, Certificate
// and FederatedTokenFile is given.
type AppOptions struct {
	Authority          string // https address of the cloud's sign-in; empty means DefaultAuthority
	Tenant             string // tenant id or domain name
	ClientID           string
	ClientSecret       func() (string, error)
	Certificate        func() (string, error) // PEM text: the certificate and its unencrypted RSA key
	FederatedTokenFile string                 // a workload identity's projected token; the file changes over time
	HTTP               *http.Client           // nil means a client of its own
}

// App is an application's own identity. It is safe for concurrent use.
type App struct {
	who    identity
	sign   func() (confidential.Client, error) // makes a client with an empty cache
	flight flight

	mu     sync.Mutex
	client confidential.Client
}

// NewApp reads the secret or the certificate and sends nothing. Errors have code Invalid.
func NewApp(o AppOptions) (*App, error) {
	at, err := newEndpoint(o.Authority, o.Tenant)
	if err != nil {
		return nil, err
	}
	if o.ClientID == "" {
		return nil, refresh.Errorf(refresh.Invalid, "finops.client_id is missing.")
	}
	cred, err := o.credential()
	if err != nil {
		return nil, err
	}
	sign := func() (confidential.Client, error) {
		return confidential.New(at.url, o.ClientID, cred, confidential.WithHTTPClient(at.httpClient(o.HTTP)),
			confidential.WithInstanceDiscovery(at.microsoft))
	}
	client, err := sign()
	if err != nil { // its text is MSAL's, so it is not passed on
		return nil, refresh.Errorf(refresh.Invalid, "entra.authority or entra.tenant makes no address to sign in at.")
	}
	return &App{who: identity{host: at.host, tenant: o.Tenant, clientID: o.ClientID}, sign: sign, client: client}, nil
}

// Forget makes the next tokens fresh ones; see User.Forget.
func (a *App) Forget(context.Context) {
	if client, err := a.sign(); err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.client = client
	}
}

// Token returns an access token for the environment at resourceURL, from the cache when it has a few minutes to
// live. Errors are like those of User.Token.
func (a *App) Token(ctx context.Context, resourceURL string) (string, error) {
	scope := appScope(resourceURL)
	return a.flight.do(ctx, scope, func(ctx context.Context) (string, error) {
		a.mu.Lock()
		client := a.client
		a.mu.Unlock()
		res, err := client.AcquireTokenByCredential(ctx, []string{scope})
		if err != nil {
			who := a.who
			who.resource = resourceURL
			return "", who.failure(err)
		}
		return res.AccessToken, nil
	})
}

func (o AppOptions) credential() (confidential.Credential, error) {
	var none confidential.Credential
	switch {
	case o.ClientSecret != nil && o.Certificate == nil && o.FederatedTokenFile == "":
		secret, err := readSecret("finops.client_secret", o.ClientSecret)
		if err != nil {
			return none, err
		}
		return confidential.NewCredFromSecret(secret)

	case o.Certificate != nil && o.ClientSecret == nil && o.FederatedTokenFile == "":
		text, err := readSecret("finops.certificate", o.Certificate)
		if err != nil {
			return none, err
		}
		certs, key, err := confidential.CertFromPEM([]byte(text), "")
		if err == nil {
			var cred confidential.Credential
			if cred, err = confidential.NewCredFromCert(certs, key); err == nil {
				return cred, nil
			}
		}
		return none, refresh.Errorf(refresh.Invalid, "finops.certificate must be PEM text with a certificate and its own, unencrypted RSA private key.")

	case o.FederatedTokenFile != "" && o.ClientSecret == nil && o.Certificate == nil:
		return confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
			return readAssertion(o.FederatedTokenFile)
		}), nil
	}
	return none, refresh.Errorf(refresh.Invalid, "Give exactly one of finops.client_secret, finops.certificate and finops.federated_token.")
}

// readAssertion reads the file anew each time: the platform replaces the token in it about once an hour.
func readAssertion(path string) (string, error) {
	text, err := os.ReadFile(path)
	token := strings.TrimSpace(string(text))
	if err != nil || token == "" {
		return "", &refresh.Error{
			Code: refresh.Denied,
			Msg:  "The federated token file " + path + " cannot be read or is empty: check finops.federated_token and the workload identity of this process.",
			Err:  err,
		}
	}
	return token, nil
}

// readSecret reads a secret and takes care that neither it nor an error that quotes it gets any further.
func readSecret(key string, read func() (string, error)) (string, error) {
	secret, err := read()
	if err != nil || strings.TrimSpace(secret) == "" {
		return "", refresh.Errorf(refresh.Invalid, "%s cannot be read or is empty: check the variable or file that it names.", key)
	}
	return secret, nil
}
