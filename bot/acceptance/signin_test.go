package acceptance

import (
	"slices"
	"strings"
	"testing"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

func TestAnAccountWithASecondFactorIsSignedInFromSlack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, edit{"password: {file: lcs-password}", "token_key: {file: token-key}"})
	w.cloud.RequireMFA(true)
	w.write("token-key", "an old key of more than 24 characters")
	w.start()
	w.until("an admin is told that nobody has signed in", func() bool {
		return slices.ContainsFunc(w.slack.Messages(w.slack.DM(ben)), func(m slacksim.Message) bool { return strings.Contains(m.Plain(), "Nobody has signed in") })
	})
	w.heard("/refresh check uat", "Nobody has signed in", "/refresh sign-in")

	w.heard("/refresh sign-in", "Open https://", "enter the code")
	codes := w.cloud.DeviceCodes()
	if len(codes) != 1 || !w.cloud.EnterDeviceCode(codes[0], w.cloud.LCSUser()) {
		t.Fatalf("codes %v", codes)
	}
	w.heard("/refresh status", "Signed in to LCS as "+w.cloud.LCSUser())

	w.restart() // the sign-in outlives the process
	w.ask()
	w.finish()
	w.judge(refresh.Done)
}
