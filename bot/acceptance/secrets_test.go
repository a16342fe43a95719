package acceptance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
)

// judgeSecrets looks for every secret and every token that was issued where none belongs.
func (w *world) judgeSecrets(log string) {
	w.t.Helper()
	secrets := map[string][]string{
		"Slack's bot token": {w.slack.BotToken()}, "Slack's app token": {w.slack.AppToken()},
		"the LCS password": {w.cloud.LCSPassword()}, "the F&O secret": {w.cloud.AppSecret()},
		"a token of Entra's": w.cloud.IssuedTokens(),
	}
	if len(w.cloud.IssuedTokens()) < 3 { // LCS, prod, uat
		w.t.Errorf("only %d tokens were issued: nothing to look for", len(w.cloud.IssuedTokens()))
	}
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
	for place, content := range map[string][]byte{
		"the log": []byte(log), "the store": store, "the channel": said, "a call to Slack": sent, "the export": exported, "the report": reports,
	} {
		if len(content) == 0 {
			w.t.Errorf("%s is empty: nothing to look at", place)
		}
		for what, list := range secrets {
			for _, s := range list {
				if bytes.Contains(content, []byte(s)) {
					w.t.Errorf("%s holds %s", place, what)
				}
			}
		}
	}
}
