package finops

import (
	"bytes"
	"encoding/json"
	entities "html"
	"net/url"
	"strings"

	"refreshbot/jobs/refresh"
)

// redact takes secrets out of what a server says, in each form in which it may repeat them. A text that repeats a
// secret of a few letters is dropped as a whole: what is left around it would give it away.
func redact(said string, secrets []string) string {
	for _, secret := range secrets {
		for _, form := range forms(secret) {
			if form == "" || !strings.Contains(said, form) {
				continue
			}
			if len(secret) < 4 {
				return ""
			}
			said = strings.ReplaceAll(said, form, "***")
		}
	}
	return said
}

// forms are the ways to write a secret: as it is, in an address, in a web page, and in JSON.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), entities.EscapeString(secret)}
	for _, escapeHTML := range []bool{true, false} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(escapeHTML)
		if enc.Encode(secret) == nil {
			quoted := bytes.TrimSpace(b.Bytes())
			all = append(all, string(quoted[1:len(quoted)-1]))
		}
	}
	return all
}

// decodeInto reads a good reply as JSON.
func decodeInto(c *Client, r request, rep reply, v any) error {
	if err := json.Unmarshal(rep.body, v); err != nil {
		return &refresh.Error{Code: refresh.Offline, Msg: c.silent(r, "the reply is not what was asked for"), Err: err}
	}
	return nil
}
