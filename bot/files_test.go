package bot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"refreshbot/bot/slacksim"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// longConfig is an installation whose configuration has more lines than a message has room for.
type longConfig struct{ commands.Installation }

func (longConfig) Config() (string, string, error) {
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "environments.uat%d.name: uat & co %d\n", i, i)
	}
	return text.String(), "", nil
}

func (longConfig) Check(context.Context, string) (string, int, error) {
	text, _, err := longConfig{}.Config()
	return text, 0, err
}

// filed is the file in the only message with one in a person's direct messages.
func (b *bench) filed(user string) (message slacksim.Message, name, text string) {
	b.t.Helper()
	b.until("the file", func() bool {
		for _, m := range b.sim.Messages(b.sim.DM(user)) {
			if len(m.Files) == 1 {
				message = m
			}
		}
		return len(message.Files) == 1
	})
	name, data, _ := b.sim.File(message.Files[0])
	return message, name, string(data)
}

// What an answer to one person has no room for comes to them as a file in a direct message, whole, and the answer says
// so: one that is given at once, and one that comes later.
func TestALongAnswerComesAsAFile(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{"/refresh config": "refreshbot-configuration.txt", "/refresh check": "refreshbot-check.txt"} {
		b := newBench(t).connected()
		b.answers.Admins, b.answers.Installation = []string{rita}, longConfig{}
		ack := b.slash(command)
		m, name, text := b.filed(rita)
		if name != want || !strings.Contains(text, "environments.uat499.name: uat & co 499\n") || !strings.Contains(m.Text, "in full") {
			t.Errorf("%s: %s %q:\n%.500s", command, name, m.Text, text)
		}
		if alt := b.sim.AltText(m.Files[0]); !strings.HasSuffix(alt, ", in full") {
			t.Errorf("%s: it is said to be %q", command, alt)
		}
		said := ack.Text
		for _, e := range b.sim.Ephemerals(rita) {
			said += string(e.Blocks)
		}
		if !strings.Contains(said, want) {
			t.Errorf("%s: the answer does not say where all of it is:\n%s", command, said)
		}
		for _, other := range b.sim.Messages(channel) {
			if len(other.Files) > 0 {
				t.Errorf("%s: everybody has the file: %+v", command, other)
			}
		}
	}
}

// When Slack does not take the file the person hears it, and what was shown stays.
func TestALongAnswerWhoseFileSlackRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.answers.Admins, b.answers.Installation = []string{rita}, longConfig{}
	b.sim.Fail("files.completeUploadExternal", slacksim.Fault{Error: "missing_scope"})
	b.slash("/refresh config")
	b.until("the refusal", func() bool {
		for _, e := range b.sim.Ephemerals(rita) {
			if strings.Contains(string(e.Blocks), "could not be sent") {
				return true
			}
		}
		return false
	})
}

// What fits makes no file.
func TestAShortAnswerIsNoFile(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.slash("/refresh status")
	b.slash("/refresh help")
	b.ask()
	b.settled()
	if n := len(b.calls("files.getUploadURLExternal")); n > 0 {
		t.Errorf("%d files", n)
	}
}

// checksMuch gives the bench a refresh whose last step finds more than a thread message has room for.
func checksMuch(b *bench, _ *slacksim.Options) {
	var found []refresh.Finding
	for i := range 80 {
		found = append(found, refresh.Finding{Name: fmt.Sprintf("Check %d", i), Detail: "is not as it should be"})
	}
	params, err := json.Marshal(found)
	if err != nil {
		b.t.Fatal(err)
	}
	b.extra = []refresh.Spec{{ID: "verify", Phase: refresh.PhaseOpen, Kind: refresh.KindVerify, Name: "Verify", Params: params}}
}

// below are the messages of the thread with a text file.
func (b *bench) below() (list []slacksim.Message) {
	for _, m := range b.sim.Messages(channel) {
		if len(m.Files) == 1 && m.ThreadTS != "" {
			list = append(list, m)
		}
	}
	return list
}

// What a thread message has no room for follows it as a file, once, also when Slack's reply to it was lost; when Slack
// refuses the file, the thread and the report go on without it.
func TestALongThreadMessageIsFollowedByAFile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault *slacksim.Fault
		files int
	}{
		"as usual":          {nil, 1},
		"its reply is lost": {&slacksim.Fault{DropReply: true}, 1},
		"it never arrives":  {&slacksim.Fault{DropRequest: true}, 1},
		"too fast":          {&slacksim.Fault{RetryAfter: 1}, 1},
		"refused":           {&slacksim.Fault{Error: "file_upload_size_restricted"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, checksMuch).connected()
			if tc.fault != nil {
				b.sim.Fail("files.completeUploadExternal", *tc.fault)
			}
			b.ask()
			b.finish()
			b.until("the report", func() bool { return b.memory().Report.Finished })
			files := b.below()
			if len(files) != tc.files {
				t.Fatalf("%d files, want %d:\n%s", len(files), tc.files, b.sim.Transcript(channel))
			}
			b.noDoubles()
			if tc.files == 0 {
				return
			}
			name, data, _ := b.sim.File(files[0].Files[0])
			if !strings.HasSuffix(name, ".txt") || !strings.Contains(string(data), "NOT OK  Check 79: is not as it should be\n") {
				t.Errorf("%s:\n%s", name, data)
			}
			if alt := b.sim.AltText(files[0].Files[0]); !strings.HasSuffix(alt, ", in full") {
				t.Errorf("it is said to be %q", alt)
			}
		})
	}
}
