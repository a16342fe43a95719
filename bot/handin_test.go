package bot_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"refreshbot/bot/slacksim"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// breaking is a way to Slack on which the first download ends in mid body as ends says, unless that is nil.
type breaking struct {
	next      http.RoundTripper
	ends      func(*http.Request) error
	downloads int
}

func (b *breaking) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if strings.HasPrefix(req.URL.Path, "/files-pri/") {
		if b.downloads++; b.downloads == 1 && b.ends != nil && err == nil {
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 4), ending(func() error { return b.ends(req) })))
		}
	}
	return resp, err
}

type ending func() error

func (e ending) Read([]byte) (int, error) { return 0, e() }

// A list of users whose download was cut, reset or too slow is not lost: it is taken at the next try, and nobody is told
// that it was not.
func TestAListWhoseDownloadBreaksOffIsTakenAtTheNextTry(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault slacksim.Fault
		ends  func(*http.Request) error // nil: the fault says how
	}{
		"cut in mid body":             {fault: slacksim.Fault{CutBody: true}},
		"dropped before it is served": {fault: slacksim.Fault{DropRequest: true}},
		"dropped before it begins":    {fault: slacksim.Fault{DropReply: true}},
		"slower than the timeout":     {fault: slacksim.Fault{Delay: time.Minute}},
		"too many downloads":          {fault: slacksim.Fault{RetryAfter: 20}},
		"reset in mid body": {ends: func(*http.Request) error {
			return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		}},
		"aborted in mid body": {ends: func(*http.Request) error { // as HTTP/2 does, with an error of no known type
			return errors.New("stream error: stream ID 5; INTERNAL_ERROR; received from peer")
		}},
		"stuck in mid body": {ends: func(req *http.Request) error {
			<-req.Context().Done()
			return req.Context().Err()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way := &breaking{ends: tc.ends}
			inStill(t, func(b *bench) {
				id := b.begin("uat")
				b.offered(refresh.ActionApprove)
				const content = "User ID\nANNA\nBO\n"
				up, err := b.options.API.UploadFileContext(b.ctx, slack.UploadFileParameters{Filename: "trainees.csv", FileSize: len(content), Reader: strings.NewReader(content)})
				if err != nil {
					t.Fatal(err)
				}
				file, _, _, err := b.options.API.GetFileInfoContext(b.ctx, up.ID, 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				if tc.ends == nil {
					b.sim.Fail("download", tc.fault)
				}
				b.bot.Load().TakeList(b.ctx, commands.Filled{
					Key: "form/1", User: refresh.Person{ID: rita, Name: "rita"}, Workspace: team, Form: "users", State: []string{string(id)}, Channel: channel,
				}, *file)
				b.answered("2 users from trainees.csv")
				b.listed("ANNA BO")
				b.silent("No user was handed in")
				if way.downloads != 2 {
					t.Errorf("%d downloads, want one that breaks off and one that does not", way.downloads)
				}
			}, letsUsersIn, func(b *bench, _ *slacksim.Options) {
				b.through = func(next http.RoundTripper) http.RoundTripper { way.next = next; return way }
			})
		})
	}
}
