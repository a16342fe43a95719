package bot_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/bot"
	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

// guests are let in; Hugo has no account in Slack.
var guests = []string{"CARLA (carla@contoso.com)", "DAN (Dan@contoso.com)", "EVE (eve@contoso.com)", "GITA (gita@contoso.com)", "HUGO (hugo@contoso.com)"}

// hosting is a bench whose guests have accounts.
func hosting(t *testing.T) *bench {
	t.Helper()
	return newBench(t, with(func(o *bot.Options) { o.Pace = 10 * time.Millisecond }), func(_ *bench, o *slacksim.Options) {
		for _, name := range []string{"carla", "dan", "eve", "gita"} {
			o.Users = append(o.Users, slacksim.User{ID: "U0" + strings.ToUpper(name), Name: name, Email: name + "@contoso.com"})
		}
		o.Users = append(o.Users, slacksim.User{ID: "U0HUGO", Name: "hugo", Email: "hugo@contoso.com", Deleted: true})
	}).connected()
}

// host has rita ask for a refresh that lets the guests in, and takes it to its end.
func (b *bench) host(notify bool) {
	b.t.Helper()
	var seen []refresh.Finding
	for _, g := range guests {
		seen = append(seen, refresh.Finding{OK: true, Name: g})
	}
	seen = append(seen, refresh.Finding{Name: "IDA (ida@contoso.com)", Detail: "is not enabled"}, refresh.Finding{OK: true, Name: "carla2 (CARLA@contoso.com)"})
	req := request("uat")
	req.By, req.Settings.Notify = refresh.Person{ID: rita, Name: "rita"}, notify
	params, err := json.Marshal(seen)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Plan = append(req.Plan, refresh.Spec{ID: "verify", Phase: refresh.PhaseOpen, Kind: refresh.KindVerify, Name: "Check of the users", Params: params})
	if _, err := b.machine.Ask(b.ctx, req, "a"); err != nil {
		b.t.Fatal(err)
	}
	b.press(anna, refresh.ActionApprove)
	b.press(anna, refresh.ActionStartNow)
	b.until("the end", func() bool { return b.refresh().Status == refresh.Done })
}

// welcomes returns how many direct messages each person has.
func (b *bench) welcomes() map[string]int {
	got := map[string]int{}
	for _, name := range []string{"CARLA", "DAN", "EVE", "GITA", "HUGO", "RITA", "ANNA"} {
		for _, m := range b.sim.Messages(b.sim.DM("U0" + name)) {
			if strings.Contains(m.Plain(), "uat is open") {
				got[name]++
			}
		}
	}
	return got
}

// welcomed waits until everybody was told, and fails the test unless each was told once.
func (b *bench) welcomed(untold ...string) {
	b.t.Helper()
	b.until("everybody is told", func() bool { return b.memory().Invited })
	got := b.welcomes()
	for _, name := range []string{"CARLA", "DAN", "EVE", "GITA", "HUGO", "RITA", "ANNA"} {
		want := 0
		if slices.Contains([]string{"CARLA", "DAN", "EVE", "GITA"}, name) && !slices.Contains(untold, name) {
			want = 1
		}
		if got[name] != want {
			b.t.Errorf("%s has %d messages, want %d", name, got[name], want)
		}
	}
	b.noDoubles()
	notes := 0
	for _, m := range b.replies() {
		if b.keyOf(m) != "untold" {
			continue
		}
		notes++
		for _, name := range append(untold, "HUGO") {
			if !strings.Contains(m.Plain(), strings.ToLower(name)) {
				b.t.Errorf("the thread does not name %s: %s", name, m.Plain())
			}
		}
	}
	if notes != 1 {
		b.t.Errorf("%d notes about people who were not told:\n%s", notes, b.sim.Transcript(channel))
	}
}

func TestEverybodyWhoIsLetInIsToldOnce(t *testing.T) {
	t.Parallel()
	b := hosting(t)
	b.host(true)
	b.welcomed()
	b.reported()
	sent := len(b.calls("chat.postMessage"))
	b.stop()
	b.start()
	b.connected()
	b.reported()
	if n := len(b.calls("chat.postMessage")); n != sent {
		t.Errorf("a restart sends %d messages", n-sent)
	}
}

func TestNobodyIsToldUnlessTheConfigurationSaysSo(t *testing.T) {
	t.Parallel()
	b := hosting(t)
	b.host(false)
	b.reported()
	if len(b.welcomes()) > 0 || len(b.calls("users.lookupByEmail")) > 0 {
		t.Errorf("told: %v", b.welcomes())
	}
}

// held stops the bot before its first direct message, when everything else but the report is posted.
func (b *bench) held() (release func()) {
	b.t.Helper()
	at, on := make(chan struct{}), make(chan struct{})
	release = sync.OnceFunc(func() { close(on) })
	b.t.Cleanup(release)
	b.sim.Fail("users.lookupByEmail", slacksim.Fault{Met: func() { close(at); <-on }})
	b.host(true)
	<-at
	return release
}

func TestADirectMessageThatFailsIsSentOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacksim.Fault{
		"the reply is lost":        {DropReply: true},
		"it arrives later":         {DropReply: true, Delay: 150 * time.Millisecond},
		"the request is lost":      {DropRequest: true},
		"Slack says nothing clear": {Status: 502},
		"Slack's own failure":      {Error: "internal_error"},
		"a token that is renewed":  {Error: "token_expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := hosting(t)
			release := b.held()
			b.sim.Fail("chat.postMessage", slacksim.Fault{}) // the first passes
			b.sim.Fail("chat.postMessage", fault)
			release()
			b.landed("chat.postMessage", fault)
			b.welcomed()
			b.reported()
		})
		if !fault.DropReply && !fault.DropRequest {
			continue
		}
		t.Run(name+", and a restart", func(t *testing.T) {
			t.Parallel()
			b := hosting(t)
			release := b.held()
			met, fault := make(chan struct{}, 1), fault
			fault.Met = func() { met <- struct{}{} }
			b.sim.Fail("chat.postMessage", slacksim.Fault{})
			b.sim.Fail("chat.postMessage", fault)
			release()
			<-met
			b.stop()
			b.start()
			b.connected()
			b.landed("chat.postMessage", fault)
			b.welcomed()
			b.reported()
		})
	}
}

func TestSomebodyWhoCannotBeWrittenToHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := hosting(t)
	release := b.held()
	b.sim.Fail("chat.postMessage", slacksim.Fault{Error: "user_disabled"})
	release()
	b.welcomed("CARLA")
	b.reported()
}

func TestALookUpThatFailsIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := hosting(t)
	b.sim.Fail("users.lookupByEmail", slacksim.Fault{Status: 503, Times: 2})
	b.sim.Fail("users.lookupByEmail", slacksim.Fault{Error: "missing_scope"})
	b.host(true)
	b.welcomed()
}

func TestDirectMessagesKeepTheirPace(t *testing.T) {
	t.Parallel()
	b := newBench(t, with(func(o *bot.Options) { o.Pace = 120 * time.Millisecond }), func(_ *bench, o *slacksim.Options) {
		for _, name := range []string{"carla", "dan", "eve", "gita"} {
			o.Users = append(o.Users, slacksim.User{ID: "U0" + strings.ToUpper(name), Name: name, Email: name + "@contoso.com"})
		}
	}).connected()
	began := time.Now()
	b.host(true)
	b.welcomed()
	b.reported()
	// Each has its turn no sooner than that many paces after the first could have had it. Two of them may still arrive
	// close to each other, when the machine is busy.
	for i, c := range b.calls("users.lookupByEmail") {
		if since, turn := c.At.Sub(began), time.Duration(i)*120*time.Millisecond; since < turn {
			t.Errorf("number %d came after %v, its turn was at %v", i, since, turn)
		}
	}
}

func TestEmailsOfAUserGroup(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, o *slacksim.Options) {
		o.Users = []slacksim.User{{ID: rita, Name: "rita", Email: "rita@contoso.com"}, {ID: anna, Name: "anna"}, {ID: "U0GONE", Name: "gone", Email: "gone@contoso.com", Deleted: true}}
		o.UserGroups[0].Users = []string{rita, anna, "U0GONE"}
	})
	d := bot.NewDirectory(b.options.API)
	for range 2 {
		got, err := d.Emails(b.ctx, release)
		if err != nil || !slices.Equal(got, []string{"rita@contoso.com"}) {
			t.Errorf("%v, %v", got, err)
		}
	}
	if n := len(b.calls("users.info")); n != 3 {
		t.Errorf("%d people were asked about, want 3 for both questions", n)
	}
	if _, err := d.Emails(b.ctx, "S0NONE"); err == nil {
		t.Error("a group that does not exist has no members, but an error")
	}
	b.sim.Fail("users.info", slacksim.Fault{Status: 503})
	if got, err := bot.NewDirectory(b.options.API).Emails(b.ctx, release); err == nil {
		t.Errorf("while Slack fails: %v", got)
	}
}
