package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/jobs/refresh"
)

// asking is a bench with several people who decide, and the bot's admin.
func asking(t *testing.T, settings ...setting) *bench {
	t.Helper()
	return newBench(t, append([]setting{withBoss(false), func(_ *bench, o *slacksim.Options) {
		o.Users = append(o.Users, slacksim.User{ID: "U0BO", Name: "bo"}, slacksim.User{ID: "U0LEFT", Name: "left", Deleted: true})
		o.UserGroups[0].Users = []string{rita, anna, "U0BO", "U0LEFT"}
	}}, settings...)...).connected()
}

// letters are the direct messages to a person that carry a mark with the prefix.
func (b *bench) letters(user, prefix string) (list []slacksim.Message) {
	for _, m := range b.sim.Messages(b.sim.DM(user)) {
		if strings.Contains(string(m.Metadata), `"key":"`+prefix) {
			list = append(list, m)
		}
	}
	return list
}

func TestAQuestionReachesThoseWhoCanAnswerItAndTheirAnswerCountsEverywhere(t *testing.T) {
	t.Parallel()
	b := asking(t)
	b.ask()
	b.settled()
	for user, want := range map[string]int{anna: 1, "U0BO": 1, rita: 0, boss: 0} { // rita asked; the boss is no approver
		if n := len(b.letters(user, "ask-")); n != want {
			t.Errorf("%s has %d questions, want %d:\n%s", user, n, want, b.sim.Transcript(b.sim.DM(user)))
		}
	}
	b.pressIn(b.sim.DM(anna), anna, refresh.ActionApprove)
	if !b.refresh().Approved() {
		t.Fatal("an answer in a direct message does not count")
	}
	b.offered(refresh.ActionStartNow) // the card goes on
	for _, user := range []string{anna, "U0BO"} {
		b.until(user+" sees what was decided", func() bool {
			m := b.letters(user, "ask-")
			return len(m) == 1 && len(m[0].Buttons()) == 0 && strings.Contains(m[0].Plain(), "Approved by @anna")
		})
	}
	b.until("rita hears that it was approved", func() bool { return len(b.letters(rita, "requester-approved")) == 1 })
	if got := b.sim.Messages(b.sim.DM(anna)); len(got) != 1 {
		t.Errorf("anna is told what she did herself:\n%s", b.sim.Transcript(b.sim.DM(anna)))
	}
	b.press(anna, refresh.ActionStartNow)
	b.until("rita hears how it ended", func() bool { return len(b.letters(rita, "requester-ended")) == 1 })
	b.settled()
	b.complete()
	before := len(b.calls("chat.postMessage"))
	b.stop()
	b.start()
	b.connected()
	b.settled()
	if n := len(b.calls("chat.postMessage")); n != before {
		t.Errorf("a restart sends %d messages", n-before)
	}
}

func TestAnOldButtonInADirectMessage(t *testing.T) {
	t.Parallel()
	b := asking(t)
	b.ask()
	b.settled()
	old := b.letters("U0BO", "ask-")[0]
	b.press(anna, refresh.ActionApprove)
	i := slices.IndexFunc(old.Buttons(), func(x slacksim.Button) bool { return x.ActionID == "gate:cancel" })
	button := old.Buttons()[i]
	ack, err := b.sim.ClickRaw(b.ctx, "U0BO", old.Channel, old.TS, map[string]any{"action_id": button.ActionID, "block_id": button.BlockID, "value": button.Value})
	if err != nil || !ack.OK {
		t.Fatalf("%+v, %v", ack, err)
	}
	b.until("bo is told", func() bool { return len(b.sim.Ephemerals("U0BO")) == 1 })
	if said := b.sim.Ephemerals("U0BO")[0].Plain(); !strings.Contains(said, "Already decided: approved by anna") {
		t.Errorf("bo is told %q", said)
	}
}

func TestTheOutcomeOfARefreshReachesThePersonWhoAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(*bench)
		says string
	}{
		"rejected": {func(b *bench) {
			r := b.refresh()
			if _, err := b.machine.Tell(b.ctx, r.ID, refresh.Click{Gate: r.Gates[0].ID, Nonce: r.Gates[0].Nonce, Action: refresh.ActionReject, Reason: "not this week",
				By: refresh.Actor{Person: refresh.Person{ID: anna, Name: "anna"}, In: []string{release}}}, ""); err != nil {
				b.t.Fatal(err)
			}
		}, "Rejected by @anna: not this week"},
		"cancelled": {func(b *bench) { b.press(anna, refresh.ActionCancel) }, "Cancelled by @anna"},
		"by rita herself": {func(b *bench) {
			if ack := b.slash("/refresh cancel uat"); !ack.OK {
				b.t.Fatalf("ack: %+v", ack)
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := asking(t)
			b.ask()
			b.settled()
			c.end(b)
			b.reported()
			b.settled()
			if c.says != "" {
				b.until("rita is told", func() bool { return b.heard(rita, c.says) == 1 })
			} else if got := b.sim.Messages(b.sim.DM(rita)); len(got) > 0 {
				t.Errorf("rita is told what she did herself:\n%s", b.sim.Transcript(b.sim.DM(rita)))
			}
			b.until("bo's question is settled", func() bool { m := b.letters("U0BO", "ask-"); return len(m) == 1 && len(m[0].Buttons()) == 0 })
		})
	}
}

// crowd has so many people decide that no question is brought to each of them.
func crowd(_ *bench, o *slacksim.Options) {
	for i := range 21 {
		id := fmt.Sprintf("U0P%02d", i)
		o.Users = append(o.Users, slacksim.User{ID: id, Name: strings.ToLower(id)})
		o.UserGroups[0].Users = append(o.UserGroups[0].Users, id)
	}
}

func TestAQuestionForManyStaysInTheChannel(t *testing.T) {
	t.Parallel()
	b := newBench(t, crowd).connected()
	b.ask()
	b.finish()
	b.complete()
	if n := len(b.letters(anna, "ask-")); n != 0 {
		t.Errorf("anna has %d questions", n)
	}
}

func TestAQuestionInADirectMessageIsSentOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacksim.Fault{
		"the reply is lost":       {DropReply: true},
		"it arrives later":        {DropReply: true, Delay: 150 * time.Millisecond},
		"the request is lost":     {DropRequest: true},
		"Slack's own failure":     {Error: "internal_error"},
		"a limit":                 {RetryAfter: 1},
		"a token that comes back": {Error: "invalid_auth"},
	} {
		for _, decided := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, decided meanwhile: %v", name, decided), func(t *testing.T) {
				t.Parallel()
				b := asking(t)
				met := make(chan struct{}, 1)
				fault := fault
				fault.Met = func() { met <- struct{}{} }
				// The card and two messages of its thread come first.
				for range 3 {
					b.sim.Fail("chat.postMessage", slacksim.Fault{})
				}
				b.sim.Fail("chat.postMessage", fault)
				b.ask()
				<-met
				if decided {
					b.press(anna, refresh.ActionCancel)
				}
				b.settled()
				for _, user := range []string{anna, "U0BO"} {
					got := b.letters(user, "ask-")
					if len(got) != 1 && !decided || len(got) > 1 {
						t.Errorf("%s has %d questions", user, len(got))
					}
					for _, m := range got {
						if open := len(m.Buttons()) > 0; open == decided {
							t.Errorf("%s can press: %v", user, open)
						}
					}
				}
				b.noDoubles()
			})
		}
	}
}

func TestAQuestionThatIsHandedOnReachesWhoItWasHandedTo(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]setting{"from few": func(*bench, *slacksim.Options) {}, "from many": crowd} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := asking(t, who)
			b.ask()
			b.settled()
			r := b.refresh()
			if _, err := b.machine.Tell(b.ctx, r.ID, refresh.Delegate{Gate: r.Gates[0].ID, Nonce: r.Gates[0].Nonce, To: refresh.Person{ID: boss, Name: "boss"},
				By: refresh.Actor{Person: refresh.Person{ID: anna, Name: "anna"}, In: []string{release}}}, ""); err != nil {
				t.Fatal(err)
			}
			b.pressIn(b.sim.DM(boss), boss, refresh.ActionApprove)
			b.until("their message says so", func() bool { m := b.letters(boss, "ask-"); return len(m) == 1 && len(m[0].Buttons()) == 0 })
			if !b.refresh().Approved() {
				t.Error("it does not count")
			}
		})
	}
}

// Of a refresh with many failed steps one is brought to people at a time.
func TestManyFailedStepsAreOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	b := asking(t, func(b *bench, _ *slacksim.Options) { b.perform = failing{} })
	req := request("uat")
	req.By, req.Troubleshooters = refresh.Person{ID: rita, Name: "rita"}, []string{anna}
	if _, err := b.machine.Ask(b.ctx, req, "a"); err != nil {
		t.Fatal(err)
	}
	b.offered(refresh.ActionApprove)
	b.settled()
	b.press(anna, refresh.ActionApprove)
	b.press(anna, refresh.ActionStartNow)
	open := func() (list []slacksim.Message) {
		for _, m := range b.letters(anna, "ask-") {
			if len(m.Buttons()) > 0 {
				list = append(list, m)
			}
		}
		return list
	}
	b.until("two steps have failed", func() bool { return len(b.refresh().OpenGates()) == 2 })
	b.until("one of them is brought to anna", func() bool { return len(open()) == 1 })
	b.pressIn(b.sim.DM(anna), anna, refresh.ActionSkip)
	b.until("then the other one", func() bool { return len(open()) == 1 && len(b.letters(anna, "ask-")) == 3 })
	b.pressIn(b.sim.DM(anna), anna, refresh.ActionSkip)
	b.until("the end", func() bool { return b.refresh().Status.Ended() })
	b.settled()
	if len(open()) != 0 {
		t.Errorf("questions that are left:\n%s", b.sim.Transcript(b.sim.DM(anna)))
	}
}

// left has a refresh asked for whose questions go to the admins after a while. Anna is one of them, and of those who
// decide.
func (b *bench) left() {
	b.t.Helper()
	req := request("uat")
	req.By, req.Troubleshooters = refresh.Person{ID: rita, Name: "rita"}, []string{anna}
	req.Settings.Remind = &refresh.Reminders{Escalate: 50 * time.Millisecond, Admins: []string{boss, anna}}
	if _, err := b.machine.Ask(b.ctx, req, "a"); err != nil {
		b.t.Fatal(err)
	}
}

func TestAQuestionThatNobodyDecidesReachesTheAdminsWhoDoNotHaveIt(t *testing.T) {
	t.Parallel()
	b := asking(t)
	b.left()
	b.until("the boss is told", func() bool { return len(b.letters(boss, "escalated-")) == 1 })
	b.settled()
	m := b.letters(boss, "escalated-")[0]
	if buttons := m.Buttons(); len(buttons) != 1 || buttons[0].ActionID != "gate:cancel" { // an admin is no approver
		t.Errorf("the boss may press %+v", buttons)
	}
	b.stop()
	b.start()
	b.connected()
	b.press(anna, refresh.ActionApprove)
	b.until("the boss sees what was decided", func() bool {
		m := b.letters(boss, "")
		return len(m) == 1 && len(m[0].Buttons()) == 0 && strings.Contains(m[0].Plain(), "Approved by @anna")
	})
	b.settled()
	if n := len(b.letters(anna, "")); n != 1 {
		t.Errorf("anna has %d questions, one of them twice:\n%s", n, b.sim.Transcript(b.sim.DM(anna)))
	}
	b.noDoubles()
}

func TestAnAdminCallsOffWhatNobodyDecides(t *testing.T) {
	t.Parallel()
	b := asking(t)
	b.left()
	b.pressIn(b.sim.DM(boss), boss, refresh.ActionCancel)
	b.until("the end", func() bool { return b.refresh().Status == refresh.Cancelled })
	b.settled()
	b.complete()
	if m := b.letters(boss, "escalated-"); len(m) != 1 || len(m[0].Buttons()) > 0 {
		t.Errorf("the boss has %+v", m)
	}
}

func TestOfManyFailedStepsTheAdminsHaveOneAtATime(t *testing.T) {
	t.Parallel()
	b := asking(t, func(b *bench, _ *slacksim.Options) { b.perform = failing{} })
	b.left()
	b.press(anna, refresh.ActionApprove)
	b.press(anna, refresh.ActionStartNow)
	open := func() int {
		n := 0
		for _, m := range b.letters(boss, "escalated-") {
			if len(m.Buttons()) > 0 {
				n++
			}
		}
		return n
	}
	b.until("nobody has decided on either of two steps", func() bool {
		gates := b.refresh().OpenGates()
		return len(gates) == 2 && gates[0].Escalated && gates[1].Escalated
	})
	b.settled()
	b.until("the boss has one of them", func() bool { return open() == 1 })
	for n := len(b.letters(boss, "escalated-")); open() > 0; n++ {
		b.pressIn(b.sim.DM(boss), boss, refresh.ActionSkip)
		b.until("then the other one, or none", func() bool {
			return b.refresh().Status.Ended() || len(b.letters(boss, "escalated-")) == n+1 && open() == 1
		})
		b.settled()
	}
	b.complete()
}

func TestWhatIsEscalatedIsSentOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacksim.Fault{
		"the reply is lost":   {DropReply: true},
		"it arrives later":    {DropReply: true, Delay: 150 * time.Millisecond},
		"the request is lost": {DropRequest: true},
	} {
		for _, decided := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, decided meanwhile: %v", name, decided), func(t *testing.T) {
				t.Parallel()
				b := asking(t)
				met, fault := make(chan struct{}, 1), fault
				fault.Channel, fault.Met = b.sim.DM(boss), func() { met <- struct{}{} }
				b.sim.Fail("chat.postMessage", fault)
				b.left()
				<-met
				if decided {
					b.press(anna, refresh.ActionCancel)
				} else {
					b.until("the boss is told", func() bool { return len(b.letters(boss, "escalated-")) == 1 })
				}
				b.settled()
				got := b.letters(boss, "escalated-")
				if len(got) > 1 {
					t.Errorf("the boss is told %d times", len(got))
				}
				for _, m := range got {
					if open := len(m.Buttons()) > 0; open == decided {
						t.Errorf("the boss can press: %v", open)
					}
				}
				b.noDoubles()
			})
		}
	}
}
