package phases_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

func TestPreflightWithNothingWrong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.perform(refresh.KindPreflight, nil)
	b.want(o, refresh.Succeeded, "", "checks passed")
	for name, detail := range map[string]string{
		"Source prod in LCS": "prod", "Target uat in LCS": "uat", "Source can be copied": "Production", "Target is a sandbox": "Sandbox",
		"Address of prod": "https://", "Address of uat": "https://", "Two environments": "prod to uat", "Same application release": "10.0.43",
		"Nothing runs on uat": "idle", "LCS accepts a refresh": "0 of 3 starts in 24 h used", "Sign-in to prod": "registered", "Sign-in to uat": "registered",
	} {
		b.good(o, name, detail)
	}
	if len(o.Findings) != 12 {
		t.Errorf("%d findings, want 12: %+v", len(o.Findings), o.Findings)
	}
	for _, op := range b.Operations("uat") {
		if op.Kind == "SFSourceDbToSandbox" { // the newest of those that the simulated target begins with
			if !slices.Contains(o.Known, op.ID) {
				t.Errorf("known refreshes %v lack %s", o.Known, op.ID)
			}
			break
		}
	}
	if n := b.Starts("uat"); n != 0 {
		t.Errorf("preflight started %d copies", n)
	}
}

func TestEachPreflightCheckFailsByItself(t *testing.T) {
	t.Parallel()
	const unknown = "99999999-1111-4222-8333-444455556666"
	for _, tc := range []struct {
		name    string
		spoil   func(b *bench)
		finding string
		detail  string
		code    refresh.Code
		alone   bool // every other check passes
	}{
		{"the source is not known to LCS", func(b *bench) { b.r.Source.LCS = unknown }, "Source prod in LCS", "check lcs.project", refresh.NotFound, true},
		{"the target is not known to LCS", func(b *bench) { b.r.Target.LCS = unknown }, "Target uat in LCS", "check lcs.project", "", false},
		{"the target is production, whatever the file says", func(b *bench) {
			b.Mutate("uat", func(e *cloudsim.Environment) { e.Type = "Production" })
		}, "Target is a sandbox", "only a standard sandbox can be overwritten", refresh.Refused, true},
		{"the target is a developer machine", func(b *bench) {
			b.Mutate("uat", func(e *cloudsim.Environment) { e.Type = "DevTestDev" })
		}, "Target is a sandbox", "DevTestDev", refresh.Refused, true},
		{"the source is neither production nor sandbox", func(b *bench) {
			b.Mutate("prod", func(e *cloudsim.Environment) { e.Type = "DevTestDev" })
		}, "Source can be copied", "only production or a standard sandbox", refresh.Refused, true},
		{"the address of the target is another's", func(b *bench) { b.r.Target.URL = "https://other.example" }, "Address of uat", "https://other.example", refresh.Refused, true},
		{"the address of the source is another's", func(b *bench) { b.r.Source.URL = b.r.Target.URL }, "Address of prod", "One of the two is wrong", refresh.Refused, true},
		{"source and target are one environment", func(b *bench) {
			b.r.Source.LCS, b.r.Source.URL = strings.ToUpper(b.LCSID("uat")), b.r.Target.URL
			b.p.Environments["prod"] = b.p.Environments["uat"]
		}, "Two environments", "same environment", refresh.Refused, true},
		{"another release", func(b *bench) {
			b.Mutate("uat", func(e *cloudsim.Environment) { e.Release = "10.0.44" })
		}, "Same application release", "prod is on 10.0.43 and uat on 10.0.44", refresh.Refused, true},
		{"an operation runs", func(b *bench) { b.StartByHand("uat") }, "Nothing runs on uat", `busy with "Refresh database"`, refresh.Refused, true},
		{"the quota is used up", func(b *bench) {
			for range 3 {
				b.StartByHand("uat")
				b.finish()
			}
		}, "LCS accepts a refresh", time.Now().Add(24 * time.Hour).UTC().Format("possible from 2006-01-02"), refresh.Refused, true},
		{"the app is missing in the source", func(b *bench) { b.RemoveApp("prod", b.AppID()) }, "Sign-in to prod", "After the refresh the target has the source's app registrations", refresh.Denied, true},
		{"the app is missing in the target", func(b *bench) { b.RemoveApp("uat", b.AppID()) }, "Sign-in to uat", "Microsoft Entra applications", refresh.Denied, true},
		{"the target does not answer", func(b *bench) { b.Fail("uat", "", cloudsim.Fault{Status: 503, Times: -1}) }, "Sign-in to uat", "", refresh.Offline, true},
		{"LCS is down", func(b *bench) { b.Fail("lcs", "", cloudsim.Fault{Status: 503, Times: -1}) }, "History of uat", "", refresh.Offline, false},
		{"LCS is down and the app is missing", func(b *bench) {
			b.Fail("lcs", "", cloudsim.Fault{Status: 503, Times: -1})
			b.RemoveApp("prod", b.AppID())
		}, "Sign-in to prod", "Entra applications", refresh.Denied, false},
		{"the LCS user has no role", func(b *bench) { b.SetProjectRole(b.LCSUser(), "") }, "History of uat", "", refresh.Denied, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			tc.spoil(b)
			o := b.perform(refresh.KindPreflight, nil)
			b.bad(o, tc.finding, tc.detail)
			if tc.code != "" {
				b.want(o, refresh.Failure, tc.code)
			}
			for _, f := range o.Findings {
				if tc.alone && !f.OK && f.Name != tc.finding {
					t.Errorf("fails too: %+v", f)
				}
				if f.Detail == "" {
					t.Errorf("says nothing: %+v", f)
				}
			}
			if !strings.HasPrefix(o.Problem.Message, o.Findings[firstBad(o)].Name) {
				t.Errorf("the problem is %q, want the first bad finding", o.Problem.Message)
			}
		})
	}
}

// blackouts are what a calendar says of uat.
type blackouts struct {
	list []refresh.Blackout
	err  error
}

func (c blackouts) Blackouts(_ context.Context, target string, from time.Time) ([]refresh.Blackout, error) {
	if target != "uat" || time.Since(from) > time.Minute || time.Until(from) > 6*time.Hour {
		return nil, fmt.Errorf("asked about %s from %v", target, from)
	}
	return c.list, c.err
}

func TestNothingBeginsInABlackout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.r.Settings.Downtime = 4 * time.Hour
	now := time.Now()
	frozen := refresh.Blackout{From: now.Add(3 * time.Hour), Until: now.Add(9 * time.Hour), Why: "Month end", Owner: refresh.Person{ID: "U0FIN", Name: "Fiona"}}
	b.p.Calendar = blackouts{list: []refresh.Blackout{frozen}}
	o := b.perform(refresh.KindPreflight, nil)
	b.want(o, refresh.Failure, refresh.Refused, "uat is not to be refreshed", "Fiona", "Month end", "check again")
	b.bad(o, "No blackout", "until "+refresh.Stamp(frozen.Until))
	b.r.Settings.Downtime = 2 * time.Hour // it is over before the blackout begins
	o = b.perform(refresh.KindPreflight, nil)
	b.want(o, refresh.Succeeded, "")
	b.good(o, "No blackout", "free")
	b.r.Settings.Notice = 2 * time.Hour // nobody has been told yet: it begins when the notice is over
	b.want(b.perform(refresh.KindPreflight, nil), refresh.Failure, refresh.Refused, "uat is not to be refreshed")
	b.r.Window = refresh.Window{From: now, To: now.Add(2 * time.Hour)} // everybody was told
	b.want(b.perform(refresh.KindBlackouts, nil), refresh.Succeeded, "")
	b.r.StartAt = now.Add(5 * time.Hour) // what counts is when it is to begin
	o = b.perform(refresh.KindBlackouts, nil)
	b.want(o, refresh.Failure, refresh.Refused, "uat is not to be refreshed")
	b.r.StartAt = now.Add(-time.Hour)
	b.want(b.perform(refresh.KindBlackouts, nil), refresh.Succeeded, "")
	b.p.Calendar = blackouts{err: errors.New("disk fault")}
	o = b.perform(refresh.KindPreflight, nil)
	b.want(o, refresh.Failure, refresh.Offline)
	b.bad(o, "No blackout", "cannot be read at the moment")
}

func firstBad(o refresh.Outcome) int {
	for i, f := range o.Findings {
		if !f.OK {
			return i
		}
	}
	return 0
}

func TestBroadcastShowsTheWindowInTheTarget(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	from := time.Date(2026, 11, 22, 21, 0, 0, 0, time.FixedZone("CET", 3600))
	b.r.Window = refresh.Window{From: from, To: from.Add(90 * time.Minute)}
	b.want(b.perform(refresh.KindBroadcast, nil), refresh.Succeeded, "", "from 2026-11-22 20:00 UTC to 2026-11-22 21:30 UTC")
	banners := b.Snapshot("uat").Broadcasts
	if len(banners) != 1 || !banners[0].From.Equal(from) || !banners[0].To.Equal(from.Add(90*time.Minute)) {
		t.Errorf("banners: %+v", banners)
	}
	if n := len(b.Snapshot("prod").Broadcasts); n != 0 {
		t.Errorf("production shows %d banners", n)
	}
	b.Fail("uat", "AddMessage", cloudsim.Fault{DropReply: true})
	b.want(b.perform(refresh.KindBroadcast, nil), refresh.NotKnown, refresh.Unknown)
	b.r.Window.To = from.Add(-time.Hour)
	b.want(b.perform(refresh.KindBroadcast, nil), refresh.Failure, refresh.Invalid)
}

func TestAnEnvironmentThatIsNoLongerConfigured(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.r.Target.Name = "gone"
	b.want(b.perform(refresh.KindEnable, phases.UsersParams{}), refresh.Failure, refresh.Invalid, "gone", "press Retry")
	b.r.Target.Name, b.r.Source.Name = "uat", "vanished"
	b.want(b.perform(refresh.KindCopy, nil), refresh.Failure, refresh.Invalid, "vanished")
	if n := b.Starts("uat"); n != 0 {
		t.Errorf("%d copies started", n)
	}
}

// The configuration may change while a refresh is under way. Then its steps would go to an environment that nobody has
// checked or approved: production at worst.
func TestAnEnvironmentThatHasMovedIsNotTouched(t *testing.T) {
	t.Parallel()
	for _, kind := range []refresh.Kind{refresh.KindBroadcast, refresh.KindSnapshot, refresh.KindCopy, refresh.KindFollow, refresh.KindSmoke,
		refresh.KindEmail, refresh.KindOData, refresh.KindService, refresh.KindRestore, refresh.KindEnable, refresh.KindVerify, refresh.KindPreflight} {
		b := newBench(t)
		before := b.Snapshot("prod")
		b.p.Environments["uat"] = b.p.Environments["prod"]
		o := b.perform(kind, nil)
		code := refresh.Invalid
		if kind == refresh.KindPreflight {
			code = refresh.Refused
		}
		b.want(o, refresh.Failure, code, "uat at "+b.EnvironmentURL("prod")+" now", "Put the address back")
		if kind == refresh.KindPreflight {
			b.bad(o, "Address of uat", "Put the address back")
		}
		if n := b.Starts("uat") + b.Starts("prod"); n != 0 {
			t.Errorf("%s: %d copies started", kind, n)
		}
		if after := b.Snapshot("prod"); len(after.Broadcasts) != len(before.Broadcasts) || after.Email != before.Email {
			t.Errorf("%s: prod was touched", kind)
		}
	}
}

func TestAStepOfALaterVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(b.perform("teleport", nil), refresh.Failure, refresh.Internal, "teleport")
	b.want(b.perform(refresh.KindEnable, "not an object"), refresh.Failure, refresh.Internal, "parameters")
}
