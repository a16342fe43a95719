package bot

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain",
		"token xoxb-1234-abc_DEF refused, xapp-1-A0-99 too":                     "token *** refused, *** too",
		"Post \"https://hooks.slack.com/commands/T0/1/x-y\": EOF":               "Post \"***\": EOF",
		"Post \"https://hooks.slack.com/actions/T0/1/xyz\": EOF":                "Post \"***\": EOF",
		"post http://127.0.0.1:80/response/abcdef failed":                       "post *** failed",
		"wss://x/link/?ticket=6f-2&app_id=A1":                                   "wss://x/link/?***&app_id=A1",
		"https://lcs.dynamics.com/V2/EnvironmentDetailsV3New/1?EnvironmentId=2": "https://lcs.dynamics.com/V2/EnvironmentDetailsV3New/1?EnvironmentId=2",
	} {
		if got := redact(in); got != want {
			t.Errorf("redact(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSocketsTrustWhatTheRestTrusts(t *testing.T) {
	t.Parallel()
	roots := x509.NewCertPool()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	d := dialer(transport)
	if d.TLSClientConfig.RootCAs != roots || d.TLSClientConfig.MinVersion != tls.VersionTLS12 || len(d.TLSClientConfig.NextProtos) > 0 || d.Proxy == nil {
		t.Errorf("dialer: %+v", d)
	}
	if d.WriteBufferSize < 20<<10 {
		t.Errorf("an acknowledgement of 20 kB would be sent in pieces of %d bytes", d.WriteBufferSize)
	}
	if plain := dialer(&http.Transport{}); plain.WriteBufferSize < 20<<10 {
		t.Errorf("dialer: %+v", plain)
	}
}
