package bot

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
)

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
