package cloudsim

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
)

func TestMSALUser(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoRateLimits: true, TokenLifetime: time.Minute}) // MSAL renews what has under five minutes left
	client, err := public.New(s.LCSClientID(), public.WithAuthority(s.AuthorityURL()+"/"+s.Tenant()),
		public.WithHTTPClient(s.HTTPClient()), public.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	scopes := []string{s.LCSURL() + "//.default"}
	signIn := func(password string) (public.AuthResult, error) {
		return client.AcquireTokenByUsernamePassword(ctx, scopes, s.LCSUser(), password) //nolint:staticcheck // the only flow that LCS leaves to a program
	}
	first, err := signIn(s.LCSPassword())
	if err != nil {
		t.Fatalf("password: %v", err)
	}
	silent, err := client.AcquireTokenSilent(ctx, scopes, public.WithSilentAccount(first.Account))
	if err != nil {
		t.Fatalf("silent: %v", err)
	}
	if silent.AccessToken == first.AccessToken {
		t.Error("the refresh token brought the same access token")
	}
	for _, token := range []string{first.AccessToken, silent.AccessToken} {
		if a := s.do("GET", s.LCSURL()+"/environmentinfo/v1/detail/project/1234567", "", "Authorization: Bearer "+token); a.status != 200 {
			t.Errorf("LCS answers %d", a.status)
		}
	}

	_, err = signIn("wrong")
	var call msalerrors.CallErr
	if !errors.As(err, &call) || call.Resp.StatusCode != http.StatusBadRequest || !strings.Contains(err.Error(), "AADSTS50126") {
		t.Errorf("wrong password: %v, want AADSTS50126", err)
	}
	s.RevokeSessions()
	if _, err = client.AcquireTokenSilent(ctx, scopes, public.WithSilentAccount(first.Account)); err == nil || !strings.Contains(err.Error(), "AADSTS50173") {
		t.Errorf("revoked session: %v, want AADSTS50173", err)
	}
}

func TestMSALApplication(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoRateLimits: true})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.RegisterCertificate(s.AppID(), &key.PublicKey)
	s.RegisterFederatedCredential(s.AppID(), "https://issuer.test", "system:serviceaccount:erp:refreshbot")
	certificate := func(k *rsa.PrivateKey) confidential.Credential {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		cred, err := confidential.NewCredFromCert([]*x509.Certificate{cert}, k)
		if err != nil {
			t.Fatal(err)
		}
		return cred
	}
	secret := func(text string) confidential.Credential {
		cred, err := confidential.NewCredFromSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		return cred
	}
	federated := func(subject string) confidential.Credential {
		return confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
			return jwt(map[string]any{"iss": "https://issuer.test", "sub": subject, "aud": []string{"api://AzureADTokenExchange"},
				"exp": time.Now().Add(time.Hour).Unix()}), nil
		})
	}
	tests := map[string]struct {
		cred  confidential.Credential
		scope string
		want  string // part of the error; empty for success
	}{
		"secret":                    {secret(s.AppSecret()), s.EnvironmentURL("uat"), ""},
		"wrong secret":              {secret("wrong"), s.EnvironmentURL("uat"), "AADSTS7000215"},
		"LCS takes no applications": {secret(s.AppSecret()), s.LCSURL() + "/", "AADSTS501051"},
		"certificate":               {certificate(key), s.EnvironmentURL("uat"), ""},
		"unknown certificate":       {certificate(other), s.EnvironmentURL("uat"), "AADSTS700027"},
		"federated":                 {federated("system:serviceaccount:erp:refreshbot"), s.EnvironmentURL("uat"), ""},
		"federated, wrong subject":  {federated("system:serviceaccount:erp:other"), s.EnvironmentURL("uat"), "AADSTS700213"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			client, err := confidential.New(s.AuthorityURL()+"/"+s.Tenant(), s.AppID(), tt.cred,
				confidential.WithHTTPClient(s.HTTPClient()), confidential.WithInstanceDiscovery(false))
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.AcquireTokenByCredential(ctx, []string{tt.scope + "/.default"})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("error %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a := s.do("GET", s.EnvironmentURL("uat")+"/data/Companies", "", "Authorization: Bearer "+got.AccessToken); a.status != 200 {
				t.Errorf("F&O answers %d", a.status)
			}
		})
	}
}
