package bot_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

const sam = "U0SAM" // decides nothing

// letsUsersIn gives the bench a refresh that lets users in, and a bystander.
func letsUsersIn(b *bench, o *slacksim.Options) {
	o.Users = append(o.Users, slacksim.User{ID: sam, Name: "sam"})
	b.extra = []refresh.Spec{
		{ID: "preview", Phase: refresh.PhaseOpen, Kind: refresh.KindPreview, Name: "Preview"},
		{ID: "open", Phase: refresh.PhaseOpen, Kind: refresh.KindOpenGate, Name: "Opening", Policy: &refresh.Policy{By: []string{release}, Count: 1}},
		{ID: "enable", Phase: refresh.PhaseOpen, Kind: refresh.KindEnable, Name: "Users"},
	}
}

// form has rita open the form of a refresh that runs.
func (b *bench) form() slacksim.View {
	b.t.Helper()
	b.ask()
	return b.reopen()
}

func (b *bench) reopen() (v slacksim.View) {
	b.t.Helper()
	if ack := b.slash("/refresh users uat"); !ack.OK || ack.Text != "" {
		b.t.Fatalf("/refresh users uat: %+v", ack)
	}
	b.until("the form", func() (ok bool) { v, ok = b.sim.View(rita); return ok })
	return v
}

// fill has rita fill in the form and send it. file is name and content.
func (b *bench) fill(v slacksim.View, names string, file ...string) slacksim.Ack {
	b.t.Helper()
	values := map[string]map[string]any{"names": {"given": names}}
	if len(file) > 0 {
		values["file"] = map[string]any{"given": map[string]any{"files": []map[string]any{{"name": file[0], "data": file[1]}}}}
	}
	ack, err := b.sim.Submit(b.ctx, rita, v.ID, values)
	if err != nil {
		b.t.Fatal(err)
	}
	return ack
}

// answered waits until rita is told something with all the words, alone.
func (b *bench) answered(words ...string) {
	b.t.Helper()
	b.until("rita is told "+strings.Join(words, ", "), func() bool {
		for _, m := range b.sim.Ephemerals(rita) {
			said := true
			for _, w := range words {
				said = said && strings.Contains(m.Plain(), w)
			}
			if said {
				return true
			}
		}
		return false
	})
}

// silent checks that rita was told nothing with these words.
func (b *bench) silent(words string) {
	b.t.Helper()
	for _, m := range b.sim.Ephemerals(rita) {
		if strings.Contains(m.Plain(), words) {
			b.t.Errorf("rita is told %q", m.Plain())
		}
	}
}

// listed checks who was handed in so far.
func (b *bench) listed(want string) {
	b.t.Helper()
	if got := strings.Join(b.refresh().Listed, " "); got != want {
		b.t.Errorf("handed in: %q, want %q", got, want)
	}
}

func TestUsersComeInAFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	if ack := b.fill(b.form(), "", "trainees.csv", "Name;User ID\nAnna;ANNA\nBo;BO\nAnna again;anna\n"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.answered("2 users from trainees.csv will be previewed")
	b.listed("ANNA BO")
	b.settled()
	thread := b.replies()
	if last := thread[len(thread)-1].Plain(); !strings.Contains(last, "hands in 2 users") || !strings.Contains(last, "trainees.csv") {
		t.Errorf("the thread says %q", last)
	}
	if n := len(b.sim.Ephemerals(anna)); n > 0 {
		t.Errorf("anna is told %d things", n)
	}
}

func TestUsersArePasted(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	if ack := b.fill(b.form(), " ANNA \n\nbo@contoso.com, CARL;\tDORA\nanna"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.listed("ANNA bo@contoso.com CARL DORA") // when it is acknowledged
	b.answered("4 users from the pasted list")
	if _, ok := b.sim.View(rita); ok {
		t.Error("the form is still open")
	}
	if ack := b.fill(b.reopen(), "EVE", "one.csv", "FRED\n"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.answered("2 users from one.csv and the pasted list")
	b.listed("ANNA bo@contoso.com CARL DORA FRED EVE")
}

func TestAnEmptyFormSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	v := b.form()
	if ack := b.fill(v, " \n ,"); ack.OK || !strings.Contains(ack.Errors["names"], "at least one user") {
		t.Errorf("ack: %+v", ack)
	}
	if ack := b.fill(v, "ANNA"); !ack.OK {
		t.Errorf("the same form filled in: %+v", ack)
	}
	b.listed("ANNA")
}

func TestAFileThatIsNoListIsExplainedToThatPersonAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	b.ask()
	for name, tc := range map[string]struct{ content, says string }{
		"picture.csv":  {"\x89PNG\r\n\x1a\n\x00\x01\x02", "neither text nor an Excel workbook"},
		"page.xlsx":    {"<html><table></table></html>", "is a web page"},
		"broken.xlsx":  {"PK\x03\x04 and then nothing", "broken.xlsx"},
		"heading.csv":  {"User ID\n", "holds no names"},
		"enormous.csv": {strings.Repeat("ANNA\n", 11<<20/5), "enormous.csv is larger than 10 MB"},
		"long.csv":     {strings.Repeat("x", 300), "a name of 300 characters"},
	} {
		if ack := b.fill(b.reopen(), "", name, tc.content); !ack.OK {
			t.Fatalf("%s: %+v", name, ack)
		}
		b.answered(tc.says, "No user was handed in")
	}
	if n := len(b.sim.Ephemerals(anna)); n > 0 || len(b.refresh().Listed) > 0 {
		t.Errorf("anna is told %d things; handed in: %q", n, b.refresh().Listed)
	}
}

func TestAFileThatSlackDoesNotHandOver(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn, func(_ *bench, o *slacksim.Options) {
		o.Scopes = []string{"commands", "chat:write", "channels:read", "channels:history", "usergroups:read", "users:read"}
	}).connected()
	if ack := b.fill(b.form(), "", "trainees.csv", "ANNA"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.answered("Slack did not hand over trainees.csv", "files:read", "No user was handed in")
	b.listed("")
}

func TestASecondDeliveryOfAFormListsUsersOnce(t *testing.T) {
	t.Parallel()
	var seen atomic.Int32
	var real atomic.Pointer[commands.Service]
	b := newBench(t, letsUsersIn, handling(handler{
		slash: func(ctx context.Context, in commands.Line) commands.Reply { return real.Load().Slash(ctx, in) },
		forms: func(ctx context.Context, in commands.Filled) commands.Reply {
			defer seen.Add(1)
			return real.Load().Fill(ctx, in)
		},
	}))
	real.Store(b.answers)
	b.connected()
	v := b.form()
	for i, file := range [][]string{nil, {"b.csv", "BO\n"}} {
		names := ""
		if file == nil {
			names = "ANNA"
		}
		if ack := b.fill(v, names, file...); !ack.OK {
			t.Fatalf("ack: %+v", ack)
		}
		before := int32(2 * i)
		b.until("it is handled", func() bool { return seen.Load() == before+1 })
		b.sim.RedeliverLast()
		b.until("the second delivery is handled", func() bool { return seen.Load() == before+2 })
		if i == 0 {
			b.sim.RedeliverLast()
			b.until("the third delivery is handled", func() bool { return seen.Load() == before+3 })
			seen.Add(-1)
			v = b.reopen()
		}
	}
	b.answered("1 user from b.csv")
	b.listed("ANNA BO")
	b.settled()
	if n := len(b.sim.Ephemerals(rita)); n != 3 { // the request, and each list
		t.Errorf("rita is told %d things", n)
	}
}

func TestASecondDeliveryOfTheCommandDoesNotComplain(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	v := b.form()
	told := len(b.sim.Ephemerals(rita))
	b.sim.RedeliverLast()
	b.until("it has tried again", func() bool {
		n := 0
		for _, c := range b.sim.Calls() {
			if c.Method == "views.open" {
				n++
			}
		}
		return n == 2
	})
	if ack := b.fill(v, "ANNA"); !ack.OK {
		t.Errorf("the form that was open: %+v", ack)
	}
	b.answered("1 user from the pasted list")
	if n := len(b.sim.Ephemerals(rita)); n != told+1 {
		t.Errorf("rita is told %d things more", n-told)
	}
}

func TestWhoMayNotHandInGetsNoForm(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	if ack := b.slash("/refresh users uat"); !ack.OK || !strings.Contains(ack.Text, "No refresh of uat is running") || !strings.Contains(ack.Text, "/refresh uat") {
		t.Errorf("nothing runs: %+v", ack)
	}
	b.ask()
	if ack, err := b.sim.Slash(b.ctx, sam, channel, "/refresh users uat"); err != nil || !strings.Contains(ack.Text, "Only the requester, an approver or an admin") {
		t.Errorf("a bystander: %+v, %v", ack, err)
	}
	for _, who := range []string{rita, sam} {
		if _, ok := b.sim.View(who); ok {
			t.Errorf("%s has a form", who)
		}
	}
}

func TestAListThatComesTooLateStaysInTheForm(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	v := b.form()
	if ack := b.slash("/refresh cancel uat"); !ack.OK {
		t.Fatalf("cancel: %+v", ack)
	}
	if ack := b.fill(v, "ANNA"); ack.OK || !strings.Contains(ack.Errors["names"], "has ended") {
		t.Errorf("pasted: %+v", ack)
	}
	if ack := b.fill(v, "", "a.csv", "ANNA"); !ack.OK {
		t.Errorf("a file: %+v", ack)
	}
	b.answered("Not done", "has ended")
	b.listed("")
}

func TestAFormThatSlackDoesNotOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	b.ask()
	for _, reason := range []string{"expired_trigger_id", "internal_error"} {
		before := len(b.sim.Ephemerals(rita))
		b.sim.Fail("views.open", slacksim.Fault{Error: reason})
		if ack := b.slash("/refresh users uat"); !ack.OK {
			t.Fatalf("ack: %+v", ack)
		}
		b.until("rita is told", func() bool { return len(b.sim.Ephemerals(rita)) == before+1 })
		b.answered("Slack did not open the form", "Try that again")
	}
}

func TestAnAnswerThatTheChannelDoesNotTakeGoesToThePerson(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	v := b.form()
	b.sim.Fail("chat.postEphemeral", slacksim.Fault{Error: "user_not_in_channel"})
	if ack := b.fill(v, "ANNA"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.until("rita is told", func() bool {
		direct := b.sim.Messages(b.sim.DM(rita))
		return len(direct) == 1 && strings.Contains(direct[0].Plain(), "1 user from the pasted list")
	})
}

// A list whose form was acknowledged is in the journal in the end, whatever happens to the process.
func TestAListThatWasSentIsTakenUpByTheNextProcess(t *testing.T) {
	t.Parallel()
	var real atomic.Pointer[commands.Service]
	var dead atomic.Bool
	dead.Store(true)
	b := newBench(t, letsUsersIn, handling(handler{
		slash: func(ctx context.Context, in commands.Line) commands.Reply { return real.Load().Slash(ctx, in) },
		forms: func(ctx context.Context, in commands.Filled) commands.Reply {
			if dead.Load() {
				panic("the process dies here")
			}
			return real.Load().Fill(ctx, in)
		},
	}))
	real.Store(b.answers)
	b.connected()
	if ack := b.fill(b.form(), "EVE", "trainees.csv", "ANNA\n"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.stop()
	b.listed("")
	dead.Store(false)
	b.start()
	b.connected()
	b.answered("2 users from trainees.csv and the pasted list")
	b.listed("ANNA EVE")
	b.settled()
	b.until("it is noted no more", func() bool {
		left, err := b.store.Records(b.ctx, "lists")
		return err == nil && len(left) == 0
	})
}

func TestAListIsTakenOnceWhatWasInItsWayHasPassed(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	v := b.form()
	b.sim.Fail("download", slacksim.Fault{Status: 503, Times: 2})
	if ack := b.fill(v, "", "trainees.csv", "ANNA\n"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.answered("1 user from trainees.csv")
	b.listed("ANNA")
	b.silent("No user was handed in")
}

// A process that is asked to stop leaves a list that it could not take to the next one.
func TestAListThatCannotBeFetchedBeforeTheProcessStopsIsTakenByTheNextOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn, with(func(o *bot.Options) { o.Retry = time.Hour })).connected()
	v := b.form()
	met := make(chan struct{})
	b.sim.Fail("download", slacksim.Fault{Status: 503, Met: sync.OnceFunc(func() { close(met) })})
	if ack := b.fill(v, "", "trainees.csv", "ANNA\n"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	<-met
	b.stop()
	b.silent("No user was handed in")
	b.start()
	b.connected()
	b.answered("1 user from trainees.csv")
	b.listed("ANNA")
}

func TestAListThatWasRefusedForGoodIsToldOnceAndForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t, letsUsersIn).connected()
	v := b.form()
	b.sim.Fail("download", slacksim.Fault{Status: 503, Times: -1})
	if ack := b.fill(v, "", "trainees.csv", "ANNA\n"); !ack.OK {
		t.Fatalf("ack: %+v", ack)
	}
	b.answered("Slack did not hand over trainees.csv", "No user was handed in")
	b.until("it is noted no more", func() bool {
		left, err := b.store.Records(b.ctx, "lists")
		return err == nil && len(left) == 0
	})
}
