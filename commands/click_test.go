package commands_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"refreshbot/commands"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// button is a press of an action at the gate that is open now.
func (w world) button(t *testing.T, user string, a refresh.Action) commands.Press {
	t.Helper()
	r := w.the(t)
	gates := r.OpenGates()
	if len(gates) != 1 {
		t.Fatalf("%d gates are open, want one", len(gates))
	}
	return commands.Press{Key: key(), User: refresh.Person{ID: user, Name: user}, Refresh: r.ID, Gate: gates[0].ID, Nonce: gates[0].Nonce, Action: a}
}

func (w world) press(t *testing.T, user string, a refresh.Action) commands.Reply {
	t.Helper()
	return w.Click(t.Context(), w.button(t, user, a))
}

func TestAClickCountsAsTheGroupsAreAtThatMoment(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		before := w.the(t)
		if got := w.press(t, tom, refresh.ActionApprove); !got.Refused || !strings.Contains(got.Text, "not yours to decide") {
			t.Errorf("tom is in no group that approves: %+v", got)
		}
		if now := w.the(t); now.Version != before.Version {
			t.Error("a refused click left something in the journal")
		}
		w.directory.set(func(d *directory) { d.groups[approvers] = []string{tom} })
		if got := w.press(t, anna, refresh.ActionApprove); !got.Refused {
			t.Errorf("anna has left the group: %+v", got)
		}
		if got := w.press(t, tom, refresh.ActionApprove); got.Refused || got.Text != "" {
			t.Errorf("tom has joined the group: %+v", got)
		}
		if r := w.the(t); !r.Approved() {
			t.Error("not approved")
		}
	})
}

func TestAClickIsRefusedWhileSlackDoesNotSayWhoIsWho(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		before := w.the(t)
		w.directory.set(func(d *directory) { d.down = true })
		click := w.button(t, anna, refresh.ActionApprove)
		got := w.Click(t.Context(), click)
		if !got.Refused || !strings.Contains(got.Text, "nothing was done") || strings.Contains(got.Text, "connection refused") {
			t.Errorf("answer: %+v", got)
		}
		if now := w.the(t); now.Version != before.Version {
			t.Error("something was committed")
		}
		w.directory.set(func(d *directory) { d.down = false })
		if got := w.Click(t.Context(), click); got.Refused {
			t.Errorf("the same click afterwards: %+v", got)
		}
	})
}

func TestNobodyApprovesTheirOwnRequest(t *testing.T) {
	t.Parallel()
	for _, who := range []string{rita, admin} {
		inWorld(t, func(t *testing.T, w world) {
			w.directory.set(func(d *directory) { d.groups[approvers] = []string{rita, admin} })
			w.say(t, who, "uat now")
			if got := w.press(t, who, refresh.ActionApprove); !got.Refused || !strings.Contains(got.Text, "somebody else has to approve") {
				t.Errorf("%s: %+v", who, got)
			}
		})
	}
}

func TestASecondDeliveryOfAClickIsSilent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		click := w.button(t, anna, refresh.ActionApprove)
		for range 2 {
			if got := w.Click(t.Context(), click); got.Refused || got.Text != "" {
				t.Errorf("answer: %+v", got)
			}
		}
		again := click
		again.Key = key()
		if got := w.Click(t.Context(), again); !got.Refused || !strings.Contains(got.Text, "Already decided: approved by "+anna) {
			t.Errorf("a second click of the same button: %+v", got)
		}
	})
}

func TestOldAndForgedButtonsAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*commands.Press)
		want   string
	}{
		"another nonce":     {func(p *commands.Press) { p.Nonce = "0" }, "earlier question"},
		"another gate":      {func(p *commands.Press) { p.Gate = "approval.9" }, "earlier question"},
		"an unknown action": {func(p *commands.Press) { p.Action = refresh.ActionSkip }, "cannot be chosen here"},
		"no such refresh":   {func(p *commands.Press) { p.Refresh = "uat-20200101-abcdef" }, "There is no refresh"},
		"no user":           {func(p *commands.Press) { p.User = refresh.Person{} }, "Only a person"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w world) {
				w.say(t, sam, "uat now")
				click := w.button(t, anna, refresh.ActionApprove)
				before := w.the(t)
				tc.change(&click)
				if got := w.Click(t.Context(), click); !got.Refused || !strings.Contains(got.Text, tc.want) {
					t.Errorf("answer: %+v, want %q", got, tc.want)
				}
				if now := w.the(t); now.Version != before.Version {
					t.Error("something was committed")
				}
			})
		})
	}
}

func TestAClickOnARefreshThatHasEnded(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, sam, "uat now")
		click := w.button(t, anna, refresh.ActionApprove)
		w.say(t, sam, "cancel uat")
		synctest.Wait()
		if got := w.Click(t.Context(), click); !got.Refused || !strings.Contains(got.Text, "has ended") {
			t.Errorf("answer: %+v", got)
		}
	})
}

func TestWhatGoesWrongInsideIsNotShown(t *testing.T) {
	t.Parallel()
	svc, err := commands.New(options(broken{}, broken{}, newDirectory()))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"uat", "status", "cancel uat"} {
		in := line(sam, text)
		in.Channel = channel
		got := svc.Slash(t.Context(), in)
		if !got.Refused || got.Text == "" || strings.Contains(got.Text, "disk") {
			t.Errorf("%q answers %+v", text, got)
		}
	}
	if got := svc.Click(t.Context(), commands.Press{User: refresh.Person{ID: anna}}); !got.Refused || strings.Contains(got.Text, "disk") {
		t.Errorf("a click answers %+v", got)
	}
}

func TestDamageOfOneRefreshIsNoReasonToRefuseAnother(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.say(t, admin, "test now")
		w.Record = damaged{w.record, "uat"}
		for text, refused := range map[string]bool{
			"uat": true, "why uat": true, "users uat": true, "cancel uat": true, "status uat": true,
			"Golden": false, "Golden tomorrow 22:00": false, "why Golden": false, "why test": false, "status": false, "status Golden": false,
		} {
			got := w.say(t, admin, text)
			if got.Refused != refused || strings.Contains(got.Text, "damaged") != refused {
				t.Errorf("%s: %+v", text, got)
			}
		}
		for _, st := range w.say(t, admin, "status").Targets {
			if (st.Target == "uat") != (st.Unread == "uat is damaged.") {
				t.Errorf("status of %s: %q", st.Target, st.Unread)
			}
		}
		if got := w.say(t, admin, "users Golden"); !got.Refused || !strings.Contains(got.Text, "No refresh of Golden is running") {
			t.Errorf("users Golden: %+v", got)
		}
		w.say(t, admin, "cancel test")
		r := w.the(t)
		late := commands.Press{Key: key(), User: refresh.Person{ID: anna}, Refresh: r.ID, Gate: "approve", Nonce: "old", Action: refresh.ActionApprove}
		if got := w.Click(t.Context(), late); strings.Contains(got.Text, "damaged") {
			t.Errorf("a click on one that has ended: %+v", got)
		}
	})
}

// damaged is a store in which the refresh of one target cannot be read.
type damaged struct {
	commands.Record
	target string
}

func (d damaged) problem() error { return refresh.Errorf(refresh.Internal, "%s is damaged.", d.target) }

func (d damaged) Open(ctx context.Context) ([]refresh.Refresh, error) {
	open, err := d.Record.Open(ctx)
	return open, errors.Join(err, d.problem())
}

func (d damaged) Recent(ctx context.Context, target string, limit int) ([]refresh.Refresh, error) {
	list, err := d.Record.Recent(ctx, target, limit)
	if target == d.target {
		err = errors.Join(err, d.problem())
	}
	return list, err
}

// broken is an engine and a store on a bad disk.
type broken struct{ commands.Record }

var errDisk = errors.New("read /var/lib/refreshbot.db: disk fault")

func (broken) Ask(context.Context, refresh.Request, string) (refresh.Refresh, error) {
	return refresh.Refresh{}, errDisk
}
func (broken) Tell(context.Context, refresh.ID, refresh.Input, string) (refresh.Refresh, error) {
	return refresh.Refresh{}, errDisk
}
func (broken) Load(context.Context, refresh.ID) (refresh.Refresh, error) {
	return refresh.Refresh{}, errDisk
}
func (broken) Open(context.Context) ([]refresh.Refresh, error) { return nil, errDisk }
func (broken) Recent(context.Context, string, int) ([]refresh.Refresh, error) {
	return nil, errDisk
}
func (broken) Seen(context.Context, string) (bool, error) { return false, errDisk }

// asked is an engine that only notes what it is asked.
type asked struct{ requests []refresh.Request }

func (a *asked) Ask(_ context.Context, req refresh.Request, _ string) (refresh.Refresh, error) {
	a.requests = append(a.requests, req)
	return refresh.Refresh{Source: req.Source, Target: req.Target}, nil
}

func (a *asked) Tell(context.Context, refresh.ID, refresh.Input, string) (refresh.Refresh, error) {
	return refresh.Refresh{}, nil
}

// nothing is an empty store.
type nothing struct{}

func (nothing) Open(context.Context) ([]refresh.Refresh, error)                { return nil, nil }
func (nothing) Recent(context.Context, string, int) ([]refresh.Refresh, error) { return nil, nil }
func (nothing) Load(context.Context, refresh.ID) (refresh.Refresh, error) {
	return refresh.Refresh{}, engine.ErrNotFound
}
func (nothing) Seen(context.Context, string) (bool, error) { return false, nil }
