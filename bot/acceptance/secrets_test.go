package acceptance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// judgeSecrets looks for every secret and every token that was issued where none belongs, in each form that it may be
// written in.
func (w *world) judgeSecrets(log string) {
	w.t.Helper()
	secrets := map[string][]string{
		"Slack's bot token": {w.slack.BotToken()}, "Slack's app token": {w.slack.AppToken()},
		"the LCS password": {w.cloud.LCSPassword()}, "the F&O secret": {w.cloud.AppSecret()},
		"a token of Entra's": w.cloud.IssuedTokens(),
	}
	for what, secret := range w.planted {
		secrets[what] = []string{secret}
	}
	if len(w.cloud.IssuedTokens()) < 3 { // LCS, prod, uat
		w.t.Errorf("only %d tokens were issued: nothing to look for", len(w.cloud.IssuedTokens()))
	}
	places := w.written(log)
	for place, content := range places {
		if len(content) == 0 {
			w.t.Errorf("%s is empty: nothing to look at", place)
		}
	}
	for what, list := range secrets {
		for _, secret := range list {
			for _, form := range formsOf(secret) {
				for place, content := range places {
					if bytes.Contains(content, []byte(form)) {
						w.t.Errorf("%s holds %s", place, what)
					}
				}
			}
		}
	}
}

// written is everything that the bot has written and sent, by what it is.
func (w *world) written(log string) map[string][]byte {
	w.t.Helper()
	store, err := os.ReadFile(w.storePath())
	if err != nil {
		w.t.Fatal(err)
	}
	said, err := json.Marshal(w.slack.Messages(channel))
	if err != nil {
		w.t.Fatal(err)
	}
	sent, err := json.Marshal(w.slack.Calls())
	if err != nil {
		w.t.Fatal(err)
	}
	exported, err := exec.CommandContext(w.t.Context(), binary, "export", "--config", w.file).Output()
	if err != nil {
		w.t.Errorf("export: %v", err)
	}
	var reports []byte
	for _, m := range w.slack.Messages(channel) {
		for _, id := range m.Files {
			_, data, _ := w.slack.File(id)
			reports = append(reports, data...)
		}
	}
	for _, e := range w.slack.Envelopes() {
		sent = append(sent, e.AckPayload...)
	}
	places := map[string][]byte{
		"the log": []byte(log), "the store": store, "the channel": said, "a call or an acknowledgement to Slack": sent, "the export": exported,
		"the report": reports,
	}
	for _, path := range w.backups() {
		data, err := os.ReadFile(path)
		if err != nil {
			w.t.Error(err)
		}
		places[filepath.Base(path)] = data
	}
	return places
}

// backups are the files that the running bot has kept of its store.
func (w *world) backups() []string {
	paths, _ := filepath.Glob(filepath.Join(w.dir, "backups", "refreshbot-*.db")) // the pattern is sound
	return paths
}

// formsOf returns a secret as it is, and as it stands in JSON, in an address and in base64, wherever in there.
func formsOf(secret string) []string {
	quoted := func(s string) string {
		text, _ := json.Marshal(s) // a string always can be
		return strings.TrimSuffix(strings.TrimPrefix(string(text), `"`), `"`)
	}
	all := []string{secret, quoted(secret), quoted(quoted(secret)), url.QueryEscape(secret), url.PathEscape(secret)}
	for before := range 3 { // bytes that stand before it in its group of three
		group := append(make([]byte, before), secret...)
		group = group[:len(group)-len(group)%3]
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			all = append(all, e.EncodeToString(group)[(before*8+5)/6:])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
