package finops

import (
	"bytes"
	"encoding/json"
	entities "html"
	"net/url"

	"refreshbot/jobs/refresh"
)

// redact takes secrets out of what a server says before anybody reads it, in each form in which a server may repeat them. What
// repeats a secret of a few letters is dropped as a whole: the rest of it would be guesswork.
func redact(raw []byte, secrets []string) []byte {
	for _, s := range secrets {
		if s != "" {
			raw = redactOne(raw, s)
		}
	}
	return raw
}

func redactOne(raw []byte, secret string) []byte {
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), entities.EscapeString(secret)}
	for _, escapeHTML := range []bool{true, false} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(escapeHTML)
		if enc.Encode(secret) == nil {
			quoted := string(bytes.TrimSpace(b.Bytes()))
			inner := quoted[1 : len(quoted)-1]
			forms = append(forms, inner)
			if b.Reset(); enc.Encode(inner) == nil { // JSON in a string of JSON
				quoted = string(bytes.TrimSpace(b.Bytes()))
				forms = append(forms, quoted[1:len(quoted)-1])
			}
		}
	}
	for _, form := range forms {
		if !bytes.Contains(raw, []byte(form)) {
			continue
		}
		if len(secret) < 4 {
			return nil
		}
		raw = bytes.ReplaceAll(raw, []byte(form), []byte("***"))
	}
	return raw
}

// decodeInto reads a good reply as JSON.
func decodeInto(c *Client, r request, rep reply, v any) error {
	if err := json.Unmarshal(rep.body, v); err != nil {
		return &refresh.Error{Code: refresh.Offline, Msg: c.silent(r, "the reply is not what was asked for"), Err: err}
	}
	return nil
}
