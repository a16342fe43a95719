// Package redact keeps secrets out of what is written for people to read: the log, and the last words of the program.
// Nothing writes a secret there on purpose. This is for what nobody foresaw, such as the text of a panic in a library.
package redact

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// mark stands where a secret stood.
const mark = "***"

// shapes are what gives itself away: Slack's tokens, its response URLs and the ticket of a socket; a JSON web token,
// which is what Entra issues; what follows Bearer; the signature of an Azure address; a private key.
var shapes = regexp.MustCompile(`xox[a-z]-[\w-]+|xapp-[\w-]+` +
	`|https?://[^\s"]*/(?:commands|actions|services|response)/[^\s"]*|ticket=[^\s"&]+` +
	`|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|Bearer [\w.~+/-]{8,}=*|\bsig=[\w%+/=-]+` +
	`|-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*`)

// Text takes out of a text what has the shape of a secret: its reader could act as the bot.
func Text(text string) string { return shapes.ReplaceAllString(text, mark) }

// Writer passes on what is written to it without the secrets that it was told and without what has the shape of one.
// A secret that two writes share stays; package slog makes one write of each line. It is safe for concurrent use.
type Writer struct {
	mu       sync.Mutex
	to       io.Writer
	secrets  []string
	replacer *strings.Replacer
}

// shortest is how long a secret must be to be looked for. A shorter one is part of too many words.
const shortest = 6

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w, replacer: strings.NewReplacer()} }

// Hide has the secrets left out from now on, as they are and as they stand in JSON and in an address.
func (w *Writer) Hide(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range secrets {
		if len(s) < shortest {
			continue
		}
		for _, form := range forms(s) {
			if !slices.Contains(w.secrets, form) {
				w.secrets = append(w.secrets, form)
			}
		}
	}
	// The longest first: one secret may begin with another.
	slices.SortFunc(w.secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range w.secrets {
		pairs = append(pairs, s, mark)
	}
	w.replacer = strings.NewReplacer(pairs...)
}

// forms are the ways in which a secret may be written: as it is, quoted as %q does it, in an address, and each of these
// in JSON.
func forms(secret string) []string {
	quoted := strconv.Quote(secret)
	all := []string{secret, quoted[1 : len(quoted)-1], url.QueryEscape(secret), url.PathEscape(secret)}
	for _, form := range all {
		for _, escapeHTML := range []bool{true, false} {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(escapeHTML)
			if enc.Encode(form) == nil {
				text := bytes.TrimSpace(b.Bytes())
				all = append(all, string(text[1:len(text)-1]))
			}
		}
	}
	return all
}

// Write writes p without secrets. It reports len(p) written, whatever that became.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := io.WriteString(w.to, Text(w.replacer.Replace(string(p)))); err != nil {
		return 0, err
	}
	return len(p), nil
}
