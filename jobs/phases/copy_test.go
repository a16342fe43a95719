package phases_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

func TestStartingTheCopy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		steer  func(b *bench)
		result refresh.Result
		code   refresh.Code
		words  string
		starts int
	}{
		{"accepted", func(*bench) {}, refresh.Succeeded, "", "accepted", 1},
		{"something known runs on the target", func(b *bench) { b.StartByHand("uat"); b.known() }, refresh.Failure, refresh.Refused, `busy with "Refresh database"`, 0},
		{"somebody has just started one by hand", func(b *bench) { b.StartByHand("uat") }, refresh.Foreign, refresh.Refused, "is being refreshed already", 0},
		{"somebody has just finished one by hand", func(b *bench) { b.StartByHand("uat"); b.finish() }, refresh.Foreign, refresh.Refused, "has been refreshed already", 0},
		{"one by hand has failed", func(b *bench) { b.FailNextRefresh(true); b.StartByHand("uat"); b.finish() }, refresh.Succeeded, "", "accepted", 1},
		{"one is there, and an earlier reply was lost", func(b *bench) { b.StartByHand("uat"); b.r.Copy.LostAt = time.Now() }, refresh.NotKnown, refresh.Unknown, "was not there", 0},
		{"LCS refuses", func(b *bench) {
			b.Fail("lcs", "/refresh/", cloudsim.Fault{Method: http.MethodPost, IsSuccessFalse: "The environment is being serviced."})
		}, refresh.Failure, refresh.Refused, "being serviced", 0},
		{"the last one is not signed off", func(b *bench) { b.refreshed().RequireSignOff(true); b.known() }, refresh.Failure, refresh.Refused, "signed off", 1},
		{"the target has become production since", func(b *bench) { b.Mutate("uat", func(e *cloudsim.Environment) { e.Type = "Production" }) }, refresh.Failure, refresh.Refused, "LCS says uat is a Production environment", 0},
		{"the id is of production", func(b *bench) { b.r.Target.LCS = b.LCSID("prod") }, refresh.Failure, refresh.Refused, "Target is a sandbox", 0},
		{"LCS cannot say what the target is", func(b *bench) { b.Fail("lcs", "/detail", cloudsim.Fault{Status: 503, Times: -1}) }, refresh.Failure, refresh.Offline, "", 0},
		{"the history cannot be read", func(b *bench) { b.Fail("lcs", "/history/", cloudsim.Fault{Status: 503, Times: -1}) }, refresh.Failure, refresh.Offline, "", 0},
		{"the history's reply is lost", func(b *bench) { b.Fail("lcs", "/history/", cloudsim.Fault{DropReply: true, Times: -1}) }, refresh.Failure, refresh.Offline, "", 0},
		{"throttled", func(b *bench) {
			b.Fail("lcs", "/refresh/", cloudsim.Fault{Method: http.MethodPost, Status: 429, RetryAfter: 7})
		}, refresh.Failure, refresh.Throttled, "", 0},
		{"the reply is lost", func(b *bench) { b.Fail("lcs", "/refresh/", cloudsim.Fault{Method: http.MethodPost, DropReply: true}) }, refresh.NotKnown, refresh.Unknown, "not known", 1},
		{"the request is lost", func(b *bench) {
			b.Fail("lcs", "/refresh/", cloudsim.Fault{Method: http.MethodPost, DropRequest: true})
		}, refresh.NotKnown, refresh.Unknown, "not known", 0},
		{"the reply makes no sense", func(b *bench) {
			b.Fail("lcs", "/refresh/", cloudsim.Fault{Method: http.MethodPost, Status: 502})
		}, refresh.NotKnown, refresh.Unknown, "not known", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			tc.steer(b)
			o := b.perform(refresh.KindCopy, nil)
			b.want(o, tc.result, tc.code, tc.words)
			if n := b.Starts("uat"); n != tc.starts {
				t.Errorf("LCS accepted %d starts, want %d", n, tc.starts)
			}
			if tc.result == refresh.Succeeded && (o.Operation != b.Snapshot("uat").Operation.ID || o.Status != refresh.CopyNotStarted) {
				t.Errorf("operation %q in state %q, LCS has %+v", o.Operation, o.Status, b.Snapshot("uat").Operation)
			}
			if tc.code == refresh.Throttled && o.RetryAfter != 7*time.Second {
				t.Errorf("tried again after %v, want 7s", o.RetryAfter)
			}
		})
	}
}

// known notes what LCS's history of the target shows now, as the final checks do.
func (b *bench) known() {
	b.r.Copy.Known = b.perform(refresh.KindPreflight, nil).Known
}

func TestLookingForALostCopy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.r.Copy.Known = b.perform(refresh.KindPreflight, nil).Known
	b.r.Copy.SentAt = time.Now().In(time.FixedZone("CET", 3600))
	look := func(candidates int, words ...string) refresh.Sighted {
		t.Helper()
		s := b.p.Look(t.Context(), b.r, refresh.Step{})
		if s.Problem != nil || len(s.Candidates) != candidates {
			t.Fatalf("sighted %+v, want %d candidates", s, candidates)
		}
		for _, w := range words {
			if !strings.Contains(s.Seen, w) {
				t.Errorf("seen %q, which lacks %q", s.Seen, w)
			}
		}
		return s
	}
	look(0, "sent ("+refresh.Stamp(b.r.Copy.SentAt)+")", "no new refresh")

	// A request that lands late: looking too early shows nothing, and that proves nothing.
	b.Fail("lcs", "/refresh/", cloudsim.Fault{Method: http.MethodPost, LandLate: 300 * time.Millisecond})
	b.want(b.perform(refresh.KindCopy, nil), refresh.NotKnown, refresh.Unknown)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.Wait(ctx, func() bool { return b.Starts("uat") == 1 }); err != nil {
		t.Fatal(err)
	}
	first := b.Snapshot("uat").Operation.ID
	if s := look(1, first, "waiting to begin"); s.Candidates[0].ID != first {
		t.Errorf("found %s, want %s", s.Candidates[0].ID, first)
	}

	b.finish()
	second := b.StartByHand("uat") // a person was quicker; it counts all the same
	if s := look(2, first, second); s.Candidates[0].ID != second {
		t.Errorf("the newest does not come first: %+v", s.Candidates)
	}

	b.r.Copy.Known = append(b.r.Copy.Known, strings.ToUpper(strings.ReplaceAll(first, "-", "")))
	look(1, second)

	restored := b.r
	restored.Copy.Doubt, restored.Restored = true, time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	if s := b.p.Look(t.Context(), restored, refresh.Step{}); !strings.Contains(s.Seen, "after the backup of 2026-11-22 09:30 UTC is not known") || !strings.Contains(s.Seen, second) {
		t.Errorf("after a restore: %s", s.Seen)
	}

	b.Fail("lcs", "/history/", cloudsim.Fault{Status: 503, Times: -1})
	if s := b.p.Look(t.Context(), b.r, refresh.Step{}); s.Problem == nil || s.Problem.Code != refresh.Offline || s.Candidates != nil {
		t.Errorf("sighted %+v while LCS is down", s)
	}
}

// fact is one thing that following the copy shows.
type fact struct {
	result          refresh.Result
	status          refresh.CopyStatus
	offline, online bool
	says            string
}

func (b *bench) follow(want fact) refresh.Outcome {
	b.t.Helper()
	o := b.perform(refresh.KindFollow, nil)
	said := o.Note
	if o.Problem != nil {
		said = o.Problem.Message
	}
	got := fact{o.Result, o.Status, o.Offline, o.Online, want.says}
	if got != want || !strings.Contains(said, want.says) {
		b.t.Fatalf("following shows %+v and says %q, want %+v", got, said, want)
	}
	if o.Status != b.r.Copy.Status {
		b.r.Copy.Status, b.r.Copy.StatusAt = o.Status, time.Now()
	}
	return o
}

func (b *bench) advance() {
	b.t.Helper()
	if !b.Advance("uat") {
		b.t.Fatal("nothing is left to happen")
	}
}

func TestFollowingACopyToItsEnd(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"503", "404", "refused"} {
		t.Run("offline as "+mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.SetOfflineMode(mode)
			b.SetTailMode(mode)
			b.start()
			b.follow(fact{refresh.Continues, refresh.CopyNotStarted, false, true, "uat still answers"})
			b.advance()
			b.follow(fact{refresh.Continues, refresh.CopyInProgress, false, true, "uat still answers"})
			b.advance()
			b.follow(fact{refresh.Continues, refresh.CopyInProgress, true, false, "uat is offline"})
			b.advance()
			b.follow(fact{refresh.Continues, refresh.CopyCompleted, true, false, "does not answer yet"})
			b.advance()
			b.follow(fact{refresh.Succeeded, refresh.CopyCompleted, false, true, "uat answers"})
		})
	}
}

func TestACopyThatFailsIsFollowedThroughItsRollback(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.FailNextRefresh(true)
	b.start()
	b.advance()
	b.advance()
	b.advance()
	b.follow(fact{refresh.Continues, refresh.CopyFailed, true, false, "putting the old data of uat back"})
	b.advance()
	b.follow(fact{refresh.Continues, refresh.CopyRollbackInProgress, true, false, "putting the old data of uat back"})
	b.advance()
	o := b.follow(fact{refresh.Impossible, refresh.CopyRollbackCompleted, true, false, "LCS has put the old data of uat back"})
	b.want(o, refresh.Impossible, refresh.Refused, "Environment change history")
}

func TestACopyWhoseRollbackFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.FailNextRefresh(false)
	b.refreshed()
	b.follow(fact{refresh.Impossible, refresh.CopyRollbackFailed, true, false, "Open a support request"})
}

func TestACopyThatStandsStillAtFailed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetUnknownStatus("Failed")
	b.start()
	b.advance()
	b.follow(fact{refresh.Continues, refresh.CopyFailed, false, true, "putting the old data"})
	b.r.Copy.StatusAt = time.Now().Add(-time.Minute) // the poll is a nanosecond here
	o := b.perform(refresh.KindFollow, nil)
	b.want(o, refresh.Failure, refresh.Refused, "Press Rollback in LCS, then Retry")
	b.SetUnknownStatus("RollbackInProgress")
	b.follow(fact{refresh.Continues, refresh.CopyRollbackInProgress, false, true, "putting the old data"})
}

func TestAnAbortedAndAnUnheardOfStatus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetUnknownStatus("WaitingForTheMoon")
	b.start()
	b.advance()
	b.follow(fact{refresh.Continues, "WaitingForTheMoon", false, true, "LCS: WaitingForTheMoon"})
	b.SetUnknownStatus("PreparingEnvironment")
	b.follow(fact{refresh.Continues, refresh.CopyPreparing, false, true, "LCS: preparing"})
	b.SetUnknownStatus("Aborted")
	b.follow(fact{refresh.Impossible, refresh.CopyAborted, false, true, "aborted in LCS"})
}

// A copy that is over in a way that nobody has heard of is not followed for ever.
func TestAnUnheardOfStatusThatStaysIsAskedAboutOnceTheTargetIsBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetUnknownStatus("Moonstruck")
	b.start()
	b.advance()
	b.follow(fact{refresh.Continues, "Moonstruck", false, true, "LCS: Moonstruck"})
	b.r.Copy.StatusAt = time.Now().Add(-time.Minute) // the poll is a nanosecond here
	b.follow(fact{refresh.Continues, "Moonstruck", false, true, "LCS: Moonstruck"})
	b.r.Copy.OfflineAt = time.Now().Add(-time.Minute)
	b.want(b.perform(refresh.KindFollow, nil), refresh.Failure, refresh.Refused, "uat answers again", `"Moonstruck"`, "press Retry")
}

// What LCS's portal calls an end beyond the documented ones is one for refreshbot too.
func TestEveryEndThatLCSKnowsIsOne(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]fact{
		"CompletedManually":           {refresh.Succeeded, refresh.CopyCompletedManually, false, true, "completed by hand"},
		"SignedOffWithIssues":         {refresh.Succeeded, refresh.CopySignedOffWithIssues, false, true, "signed off with issues"},
		"RollbackSignedOffWithIssues": {refresh.Impossible, refresh.CopyRollbackWithIssues, false, true, "put the old data of uat back"},
		"RollbackAborted":             {refresh.Impossible, refresh.CopyRollbackAborted, false, true, "unknown state"},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.SetUnknownStatus(status)
			b.start()
			b.advance()
			b.follow(want)
		})
	}
}

func TestSignedOffBeforeTheBotLooksIsASuccessToo(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	b.SignOff("uat")
	b.follow(fact{refresh.Succeeded, refresh.CopySignedOff, false, true, "uat answers"})
}

func TestTheAppIsLostWithTheCopy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.RemoveApp("prod", b.AppID())
	b.refreshed()
	o := b.perform(refresh.KindFollow, nil)
	b.want(o, refresh.Failure, refresh.Denied, "Microsoft Entra applications")
	if !o.Online || o.Status != refresh.CopyCompleted {
		t.Errorf("online %v in state %s, want online and completed", o.Online, o.Status)
	}
	b.AddApp("uat", b.AppID(), "Admin")
	b.follow(fact{refresh.Succeeded, refresh.CopyCompleted, false, true, "uat answers"})
}

func TestFollowingWhileLCSDoesNotAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start()
	b.Fail("lcs", "/fetchstatus/", cloudsim.Fault{Status: 503})
	b.want(b.perform(refresh.KindFollow, nil), refresh.Continues, "", "LCS cannot be asked")
	b.Fail("lcs", "/fetchstatus/", cloudsim.Fault{Status: 429, RetryAfter: 9})
	if o := b.perform(refresh.KindFollow, nil); o.Result != refresh.Continues || o.Again != 9*time.Second {
		t.Errorf("outcome %+v, want to go on in 9 s", o)
	}
	b.SetProjectRole(b.LCSUser(), "")
	b.want(b.perform(refresh.KindFollow, nil), refresh.Failure, refresh.Denied)
	b.SetProjectRole(b.LCSUser(), "Environment manager")
	b.r.Copy.Operation = "99999999-1111-4222-8333-444455556666"
	b.want(b.perform(refresh.KindFollow, nil), refresh.Failure, refresh.Refused, "not found")
}

func TestTheStatusIsAskedNoMoreOftenThanItShouldBe(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start()
	b.p.StatusPoll = time.Hour
	asked := func() (n int) {
		for _, c := range b.Calls() {
			if strings.Contains(c.Path, "/fetchstatus/") {
				n++
			}
		}
		return n
	}
	for range 3 {
		b.perform(refresh.KindFollow, nil)
	}
	if n := asked(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

func TestWatchingForASignOffInLCS(t *testing.T) {
	t.Parallel()
	b := newBench(t).refreshed()
	watch := func() refresh.Outcome { return b.p.Watch(t.Context(), b.r, refresh.Step{}) }
	if o := watch(); o.Result != refresh.Continues || o.Again <= 0 {
		t.Errorf("not signed off yet: %+v", o)
	}
	b.Fail("lcs", "/fetchstatus/", cloudsim.Fault{Status: 429, RetryAfter: 5})
	if o := watch(); o.Result != refresh.Continues || o.Again != 5*time.Second || o.Problem != nil {
		t.Errorf("LCS is throttling: %+v", o)
	}
	b.SignOff("uat")
	if o := watch(); o.Result != refresh.Succeeded || o.Status != refresh.CopySignedOff {
		t.Errorf("signed off: %+v", o)
	}
}
