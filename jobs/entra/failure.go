package entra

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// identity is what an error may tell about who tried to sign in to what. Nothing in it is secret.
type identity struct {
	host, tenant, clientID string
	username               string // empty for an app
	resource               string
}

func (id identity) String() string {
	if id.username != "" {
		return id.username
	}
	return "the app " + id.clientID
}

// failure turns what MSAL returned into a *refresh.Error. MSAL's text is looked at but never passed on: it may
// quote a whole reply, and so a token.
func (id identity) failure(err error) error {
	if own, ok := errors.AsType[*refresh.Error](err); ok { // a secret that could not be read
		return own
	}
	if errors.Is(err, errForeignHost) {
		return id.denied("the account is federated to another sign-in server, which password sign-in cannot use; take an account that exists in Entra only", "")
	}
	if call, ok := errors.AsType[msal.CallErr](err); ok && call.Resp != nil {
		return id.refused(call.Resp)
	}
	if cause := networkCause(err); cause != nil {
		return &refresh.Error{Code: refresh.Offline, Msg: fmt.Sprintf("Microsoft Entra at %s does not answer; check the network and entra.authority.", id.host), Err: cause}
	}
	if _, ok := errors.AsType[msal.InvalidJsonErr](err); !ok && id.username != "" {
		if text := err.Error(); strings.Contains(text, "user realm") || strings.Contains(text, "unknown account type") {
			return id.denied("the domain of that user name is not known to Entra; correct lcs.username", "")
		}
	}
	return refresh.Errorf(refresh.Offline, "Microsoft Entra at %s answered with something that is not a usable token; check entra.authority and any proxy in between.", id.host)
}

// denied builds the usual sentence. ref names the error code and correlation id for a support request.
func (id identity) denied(advice, ref string) error {
	if ref != "" {
		ref = " (" + ref + ")"
	}
	return refresh.Errorf(refresh.Denied, "Microsoft Entra does not sign in %s: %s%s.", id, advice, ref)
}

// reply is the error body of the token endpoint (Microsoft Learn, "Microsoft Entra authentication and
// authorization error codes", Handling error codes in your application).
type reply struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	CorrelationID string `json:"correlation_id"`
}

var (
	aadsts = regexp.MustCompile(`\bAADSTS([0-9]{4,8})\b`)
	guid   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

func (id identity) refused(res *http.Response) error {
	var r reply
	if body, err := io.ReadAll(io.LimitReader(res.Body, maxBody)); err == nil {
		_ = json.Unmarshal(body, &r) // an unreadable body leaves the status code, which is enough
	}
	code := 0
	if len(r.Codes) > 0 {
		code = r.Codes[0]
	} else if m := aadsts.FindStringSubmatch(r.Description); m != nil {
		code, _ = strconv.Atoi(m[1])
	}
	ref := "HTTP " + strconv.Itoa(res.StatusCode)
	if code != 0 {
		ref = "AADSTS" + strconv.Itoa(code)
	}
	if guid.MatchString(r.CorrelationID) { // anything else could be anything
		ref += ", correlation id " + r.CorrelationID
	}

	advice := id.advice(code, r.Error)
	switch {
	case res.StatusCode == http.StatusTooManyRequests || code == 90055:
		return &refresh.Error{Code: refresh.Throttled, RetryAfter: retryAfter(res.Header),
			Msg: fmt.Sprintf("Microsoft Entra gets too many sign-ins from %s; wait and try again (%s).", id, ref)}
	case advice != "":
		return id.denied(advice, ref)
	case res.StatusCode >= 500 || res.StatusCode < 400 || code == 90033 || r.Error == "temporarily_unavailable":
		return &refresh.Error{Code: refresh.Offline, RetryAfter: retryAfter(res.Header),
			Msg: fmt.Sprintf("Microsoft Entra cannot sign in %s at the moment; try again later (%s).", id, ref)}
	}
	return id.denied("look the code up at https://login.microsoftonline.com/error or in the Entra sign-in log", ref)
}

// advice says what an administrator must change, or nothing for a code it does not know. The codes are those of
// Microsoft Learn, "Microsoft Entra authentication and authorization error codes".
func (id identity) advice(code int, name string) string {
	switch code {
	case 50072, 50074, 50076, 50079, 50158:
		return "it is asked for multi-factor authentication; exclude the account from that policy or use an account without MFA"
	case 50126, 50056:
		return "the user name or the password is wrong; correct lcs.username and lcs.password, and use an account whose password is kept in Entra"
	case 50034, 50020, 51004:
		return "there is no such account in tenant " + id.tenant + "; correct lcs.username or entra.tenant"
	case 50055:
		return "the password has expired; set a new one that does not expire and put it into lcs.password"
	case 50057:
		return "the account is disabled; enable it in Entra"
	case 50053:
		return "the account is locked after too many wrong passwords or a risky address; unlock it in Entra and correct lcs.password"
	case 53000, 53001, 53003, 530002, 530003:
		return "Conditional Access blocks it; exclude the account from that policy or allow this network"
	case 7000218:
		if id.username != "" {
			return "the app registration " + id.clientID + ` is not a public client; set "Allow public client flows" to Yes under Authentication`
		}
		return "the app sent no credential; give finops.client_secret, finops.certificate or finops.federated_token"
	case 7000215:
		return "the client secret is wrong; put the secret's value, not its id, into finops.client_secret"
	case 7000222:
		return "the client secret has expired; create a new one and put it into finops.client_secret"
	case 700027:
		return "the certificate is not registered for the app or has expired; upload it under Certificates & secrets"
	case 700024:
		return "the federated token has expired; check that the platform keeps the file in finops.federated_token fresh and that the clock is right"
	case 70021, 700211, 700212, 700213:
		return "the app has no federated credential for this token; match issuer, subject and audience under Certificates & secrets"
	case 65001:
		return "the app registration " + id.clientID + " lacks consent; an administrator must grant admin consent under API permissions"
	case 700016, 70001:
		return "the app registration " + id.clientID + " does not exist in tenant " + id.tenant + "; correct the client_id or entra.tenant"
	case 7000112:
		return "the app registration " + id.clientID + " is disabled; enable its enterprise application"
	case 90002, 900021, 900023:
		return "there is no tenant " + id.tenant + "; correct entra.tenant"
	case 500011, 50001:
		return id.unknownResource()
	}
	if name == "invalid_resource" {
		return id.unknownResource()
	}
	return ""
}

func (id identity) unknownResource() string {
	return "the tenant does not know the service " + id.resource + "; correct that address or add its API permission to the app registration " + id.clientID
}

// retryAfter is zero when the reply says nothing about it.
func retryAfter(h http.Header) time.Duration {
	wait, _ := wire.RetryAfter(h, time.Now())
	return wait
}

// networkCause is nil for a reply that MSAL could not read: that is no matter of the network, and its text is not
// passed on.
func networkCause(err error) error {
	if _, ok := errors.AsType[msal.InvalidJsonErr](err); ok {
		return nil
	}
	return wire.NetworkCause(err)
}
