package finops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

const packageActions = "DataManagementDefinitionGroups/Microsoft.Dynamics.DataEntities."

// ImportPackage uploads the package to the environment's storage and starts its import, which then runs as a batch
// job: PackageStatus tells how it went. One import at a time; a second is Refused.
//
// When the reply to the start is lost the error is Unknown; PackageStatus of p.ExecutionID then says whether the
// import exists. Up to that point everything may be repeated.
// Source: "Data management package REST API".
func (c *Client) ImportPackage(ctx context.Context, p refresh.Package) error {
	if len(p.Data) == 0 || p.Name == "" || p.DefinitionGroup == "" || p.ExecutionID == "" {
		return refresh.Errorf(refresh.Invalid, "Importing a data package needs its content, its name, its data project and an id.")
	}
	blob, err := c.writeURL(ctx, p.Name)
	if err != nil {
		return err
	}
	if err := c.upload(ctx, p, blob); err != nil {
		return err
	}
	_, err = c.packageAction(ctx, request{
		doing: "importing the data package " + p.Name, once: true, hidden: []string{blob.String(), blob.RawQuery},
		body: map[string]any{
			"packageUrl": blob.String(), "definitionGroupId": p.DefinitionGroup, "executionId": p.ExecutionID,
			"execute": true, "overwrite": p.Overwrite, "legalEntityId": p.LegalEntity,
		},
	}, "ImportFromPackage")
	return err
}

// PackageStatus returns how far an import is, one of the states that package refresh names or one that a later version adds.
func (c *Client) PackageStatus(ctx context.Context, executionID string) (string, error) {
	doing := "asking about the import " + executionID
	value, err := c.packageAction(ctx, request{doing: doing, body: map[string]string{"executionId": executionID}}, "GetExecutionSummaryStatus")
	if err != nil {
		return "", err
	}
	status := text(value)
	if status == "" {
		return "", refresh.Errorf(refresh.Offline, "%s gave no status (%s).", c.host, doing)
	}
	return status, nil
}

// PackageErrors returns what went wrong in an import, one sentence for each record or entity that failed.
func (c *Client) PackageErrors(ctx context.Context, executionID string) ([]string, error) {
	r := request{doing: "asking for the errors of the import " + executionID, body: map[string]string{"executionId": executionID}}
	value, err := c.packageAction(ctx, r, "GetExecutionErrors")
	if err != nil {
		return nil, err
	}
	var errs []string
	for _, s := range errorTexts(value, 3) {
		if s = clean(s, ""); s != "" {
			errs = append(errs, s)
		}
	}
	return errs, nil
}

// packageAction calls an action of the data projects and returns the value that it answers.
func (c *Client) packageAction(ctx context.Context, r request, action string) (json.RawMessage, error) {
	r.method, r.url = http.MethodPost, c.data(packageActions+action)
	rep, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	var result struct {
		Value json.RawMessage `json:"value"`
	}
	if len(bytes.TrimSpace(rep.body)) == 0 {
		return nil, nil
	}
	if err := decodeInto(c, r, rep, &result); err != nil {
		return nil, err
	}
	return json.RawMessage(hide(string(result.Value), rep.token)), nil
}

// writeURL asks for an address to upload to. It holds a signature with which anyone may write: it is a secret.
//
// The value is documented as an object in a string; some callers get along with taking it for the address itself.
func (c *Client) writeURL(ctx context.Context, name string) (*url.URL, error) {
	doing := "asking where to upload the data package " + name
	value, err := c.packageAction(ctx, request{doing: doing, body: map[string]string{"uniqueFileName": name}}, "GetAzureWriteUrl")
	if err != nil {
		return nil, err
	}
	address := text(value)
	var blob struct {
		BlobURL string `json:"BlobUrl"`
	}
	for _, raw := range [][]byte{value, []byte(address)} {
		if json.Unmarshal(raw, &blob) == nil && blob.BlobURL != "" {
			address = blob.BlobURL
		}
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !wire.Loopback(u.Hostname())) {
		return nil, refresh.Errorf(refresh.Refused, "%s gave no address that a data package can be uploaded to safely (%s).", c.host, doing)
	}
	return u, nil
}

// azureCode is what Azure Storage names its errors, such as AuthenticationFailed.
var azureCode = regexp.MustCompile(`^[A-Za-z]{1,64}$`)

// upload puts the package into the storage. The address is all the storage wants to see: our token stays here. What
// goes wrong is told without the address and without the storage's own words, which may repeat it.
func (c *Client) upload(ctx context.Context, p refresh.Package, blob *url.URL) error {
	doing := "uploading the data package " + p.Name
	fail := func(code refresh.Code, why string) error {
		return refresh.Errorf(code, "%s", sentence(fmt.Sprintf("The storage of %s did not take it (%s): %s", c.host, doing, why)))
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, blob.String(), bytes.NewReader(p.Data))
	if err != nil {
		return fail(refresh.Refused, "its address cannot be used")
	}
	req.Header.Set("x-ms-blob-type", "BlockBlob")
	req.Header.Set("Content-Type", "application/zip")
	res, err := c.http.Do(req)
	if err != nil {
		why := "the connection broke"
		if ne, ok := errors.AsType[net.Error](err); errors.Is(err, context.Canceled) {
			why = "the upload was cut short"
		} else if ok && ne.Timeout() {
			why = "no reply in time"
		}
		return fail(refresh.Offline, why)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)) // so that the connection can be used again
	why := "HTTP " + strconv.Itoa(res.StatusCode)
	if code := res.Header.Get("x-ms-error-code"); azureCode.MatchString(code) {
		why += ", " + code
	}
	wait, told := wire.RetryAfter(res.Header, time.Now())
	switch s := res.StatusCode; {
	case s/100 == 2:
		return nil
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && told:
		return &refresh.Error{Code: refresh.Throttled, RetryAfter: wait, Msg: fmt.Sprintf("The storage of %s is too busy (%s): try again later.", c.host, doing)}
	case s >= 500, s == http.StatusRequestTimeout:
		return fail(refresh.Offline, why)
	default:
		return fail(refresh.Refused, why)
	}
}

// text is a JSON string, or nothing when it is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// errorTexts reads what GetExecutionErrors answers. Only that it is a list of errors is documented: a list, a string
// of JSON and plain text are taken, and of an object the members that speak.
func errorTexts(raw json.RawMessage, depth int) []string {
	raw = bytes.TrimSpace(raw)
	var list []json.RawMessage
	var object map[string]json.RawMessage
	switch s := text(raw); {
	case depth == 0 || len(raw) == 0 || string(raw) == "null":
		return nil
	case s != "":
		if json.Valid([]byte(s)) && strings.ContainsAny(s[:1], `[{"`) {
			return errorTexts(json.RawMessage(s), depth-1)
		}
		return []string{s}
	case json.Unmarshal(raw, &list) == nil:
		var all []string
		for _, item := range list {
			all = append(all, errorTexts(item, depth)...)
		}
		return all
	case json.Unmarshal(raw, &object) == nil:
		var parts []string
		for _, name := range []string{"EntityName", "RecordId", "Field", "ErrorMessage", "Message", "ErrorText"} {
			for have, v := range object {
				if !strings.EqualFold(have, name) {
					continue
				}
				s := text(v)
				var n json.Number
				if s == "" && json.Unmarshal(v, &n) == nil {
					s = n.String()
				}
				if s != "" {
					parts = append(parts, s)
				}
			}
		}
		if len(parts) > 0 {
			return []string{strings.Join(parts, ": ")}
		}
		return []string{string(raw)}
	}
	return nil
}
