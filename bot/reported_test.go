package bot_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/report"
)

// memory is what the bot remembers of the only refresh.
type memory struct {
	Shown, Told int64
	Invited     bool
	Report      struct {
		Link     string
		Finished bool
	}
}

func (b *bench) memory() (m memory) {
	b.t.Helper()
	data, ok, err := b.store.Record(b.ctx, "posts", string(b.refresh().ID))
	if err != nil {
		b.t.Fatal(err)
	}
	if ok {
		if err := json.Unmarshal(data, &m); err != nil {
			b.t.Fatal(err)
		}
	}
	return m
}

// reported waits until the report stands and the card links to it, and fails the test unless there is just one.
func (b *bench) reported() {
	b.t.Helper()
	b.until("the report", func() bool { m := b.memory(); return m.Report.Finished && m.Shown == b.refresh().Version })
	r := b.refresh()
	var with []slacksim.Message
	for _, m := range b.sim.Messages(channel) {
		if len(m.Files) > 0 && !m.Deleted {
			with = append(with, m)
		}
	}
	cards := b.cards()
	if len(with) != 1 || len(with[0].Files) < 2 || len(cards) != 1 || with[0].ThreadTS != cards[0].TS {
		b.t.Fatalf("%d messages with files:\n%s", len(with), b.sim.Transcript(channel))
	}
	entries, err := b.store.Journal(b.ctx, r.ID, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	want, err := report.Build(entries)
	if err != nil {
		b.t.Fatal(err)
	}
	asJSON, err := want.JSON()
	if err != nil {
		b.t.Fatal(err)
	}
	files := with[0].Files
	if copied := !r.Copy.SentAt.IsZero(); copied != (len(files) == 3) {
		b.t.Errorf("%d files; the copy was asked for: %v", len(files), copied)
	}
	if len(files) == 3 { // the picture comes first
		name, data, _ := b.sim.File(files[0])
		if _, err := png.Decode(bytes.NewReader(data)); err != nil || name != string(r.ID)+".png" || !strings.Contains(b.sim.AltText(files[0]), "people were waited for") {
			b.t.Errorf("file %s is no picture with words: %v, %q", name, err, b.sim.AltText(files[0]))
		}
		files = files[1:]
	}
	for i, file := range []struct{ suffix, text string }{{".md", string(want.Markdown(time.UTC))}, {".json", string(asJSON)}} {
		name, data, _ := b.sim.File(files[i])
		if name != string(r.ID)+file.suffix || string(data) != file.text {
			b.t.Errorf("file %s is not the report of the journal:\n%s", name, data)
		}
	}
	link := "p" + strings.ReplaceAll(with[0].TS, ".", "")
	if !strings.Contains(string(cards[0].Blocks), link) {
		b.t.Errorf("the card does not link to %s:\n%s", link, cards[0].Blocks)
	}
}

// landed waits until a call that was cut off has taken effect.
func (b *bench) landed(method string, fault slacksim.Fault) {
	b.t.Helper()
	if fault.Delay == 0 {
		return
	}
	b.until("the late call", func() bool {
		return slices.ContainsFunc(b.sim.Calls(), func(c slacksim.Call) bool { return c.Method == method && c.Status == 0 })
	})
}

func TestTheReportIsPostedAndLinked(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.ask()
	b.finish()
	b.reported()
	b.complete()
}

func TestACancelledRefreshHasAReportToo(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.ask()
	if ack := b.slash("/refresh cancel uat"); !ack.OK {
		t.Fatalf("cancel: %+v", ack)
	}
	b.until("the end", func() bool { return b.refresh().Status == refresh.Cancelled })
	b.reported()
}

func TestAReportWhoseUploadFailsIsPostedOnce(t *testing.T) {
	t.Parallel()
	faults := map[string]slacksim.Fault{
		"the reply is lost":        {DropReply: true},
		"it arrives later":         {DropReply: true, Delay: 150 * time.Millisecond},
		"the request is lost":      {DropRequest: true},
		"Slack says nothing clear": {Status: 502},
		"Slack's own failure":      {Error: "internal_error"},
		"Slack says no":            {Error: "restricted_action"},
		"Slack lost the thread":    {Error: "thread_not_found"},
	}
	for _, method := range []string{"files.getUploadURLExternal", "upload", "files.completeUploadExternal"} {
		for name, fault := range faults {
			if method == "upload" && fault.Error != "" {
				continue // the door for the bytes has no such answers
			}
			t.Run(method+": "+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t).connected()
				b.ask()
				b.sim.Fail(method, fault)
				b.finish()
				b.landed(method, fault)
				b.reported()
				b.complete()
			})
			if !fault.DropReply && !fault.DropRequest {
				continue
			}
			t.Run(method+": "+name+", and a restart", func(t *testing.T) {
				t.Parallel()
				b := newBench(t).connected()
				b.ask()
				met, fault := make(chan struct{}, 1), fault
				fault.Met = func() { met <- struct{}{} }
				b.sim.Fail(method, fault)
				b.press(anna, refresh.ActionApprove)
				b.press(anna, refresh.ActionStartNow)
				<-met
				b.stop()
				b.start()
				b.connected()
				b.landed(method, fault)
				b.reported()
				b.complete()
				calls := len(b.calls("files.completeUploadExternal"))
				b.stop()
				b.start()
				b.connected()
				b.settled()
				if n := len(b.calls("files.completeUploadExternal")); n != calls {
					t.Errorf("a restart after the end shares %d reports", n-calls)
				}
			})
		}
	}
}

func TestADiskThatFailsAroundTheReport(t *testing.T) {
	t.Parallel()
	// The writes after the last thread message: the files' ids, that they are shared, the link, the card.
	for _, nth := range []int{1, 2, 3, 4} {
		b := newBench(t)
		f := &forgetful{kept: b.store, fail: map[int]bool{}}
		b.stop()
		b.options.Records = f
		b.start()
		b.connected()
		b.ask()
		b.sim.Fail("files.getUploadURLExternal", slacksim.Fault{Met: func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.fail[f.n+nth] = true
		}})
		b.finish()
		b.reported()
		b.complete()
	}
}

func TestAnAppWithoutTheScopeForFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t).connected()
	b.sim.SetScopes(slices.DeleteFunc(slacksim.DefaultScopes(), func(s string) bool { return s == "files:write" }))
	b.ask()
	b.finish()
	b.until("readyz tells", func() bool {
		return strings.Contains(b.readyz().Publishing[string(b.refresh().ID)], "A Slack scope is missing")
	})
	b.sim.SetScopes(slacksim.DefaultScopes())
	b.reported()
}
