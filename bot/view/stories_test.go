package view_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
)

// startingAt asks for a start so long after the story begins.
func startingAt(in time.Duration) refresh.Request {
	req := request()
	req.StartAt = friday.Add(in)
	return req
}

// inLCS is a refresh that runs in LCS.
func inLCS(began time.Time) refresh.Operation {
	return refresh.Operation{ID: "77aa5b1c-0000-4222-8333-444455556666", Kind: "SFSourceDbToSandbox", Title: "Refresh database", Status: refresh.CopyInProgress, StartedAt: began}
}

func byHand(says string, op refresh.Operation) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Foreign, Operations: []refresh.Operation{op}, Problem: &refresh.Problem{Code: refresh.Refused, Message: says}}
}

// reminders are some that count all hours.
func reminders() *refresh.Reminders {
	return &refresh.Reminders{After: []time.Duration{time.Hour}, Escalate: 8 * time.Hour, Before: []time.Duration{4 * time.Hour}, Near: []time.Duration{30 * time.Minute, 5 * time.Minute}, Admins: []string{"U0ADMIN"}}
}

// stories are refreshes of every kind. Each yields golden cards, and those with a name a golden thread.
var stories = map[string]func(t *testing.T, name string){
	"smooth": func(t *testing.T, name string) {
		s := begin(t, request()).card("checking")
		s.checked().card("waiting-for-approval")
		s = &story{t: t, now: friday}
		s.thread(name).input(request())
		s.announced().card("telling-users")
		s.report("broadcast_message", good("2 users are signed in")).card("notice")
		s.tick(30 * time.Minute).card("starting-the-copy")
		s.pass(5*time.Second).report("copy", refresh.Outcome{Result: refresh.Succeeded, Operation: "55eb4327-9346-4c7b-82bd-fe8ef15112c6"}).card("copying-nothing-said")
		s.pass(time.Minute).report("follow_the_copy", following(refresh.CopyInProgress, "About 2 h left, going by the last three refreshes")).card("copying-still-answers")
		s.pass(time.Minute).report("follow_the_copy", following(refresh.CopyInProgress, "About 1 h 55 min left"))
		s.pass(40*time.Minute).report("follow_the_copy", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "About 1 h left", Offline: true}).card("copying-offline")
		s.pass(50*time.Minute).report("follow_the_copy", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Note: "Nearly done", Online: true}).card("copying-answers-again")
		s.pass(5*time.Minute).report("follow_the_copy", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted}).card("smoke-checks")
		s.report("smoke_checks", good("", ok("uat answers", "2.1 s"), not("Customers", "CustomersV3 is empty; prod has 1,204"), ok("Legal entities", "12"))).card("waiting-for-sign-off")
		s.pass(10*time.Minute).click(cleo, refresh.ActionSignOff).card("reconfigure-begun")
		s.report("batch_groups", good("2 groups joined by 3 servers"))
		s.report("e-mail", good("smtp.contoso.com. The password cannot be set from outside: enter it by hand"))
		s.report("batch_jobs", good("3 jobs set to Waiting; not found: Nightly <MRP>", ok("Workflow message processing", ""), not("Nightly <MRP>", "no batch job of that name"))).card("reconfigure-half")
		s.report("entity_store", good("1 entity refreshed"))
		s.report("document_links", good(""))
		s.pass(15*time.Minute).click(anna, refresh.ActionDone).card("waiting-to-open")
		s.pass(time.Minute).click(bo, refresh.ActionOpen).card("letting-users-in")
		s.report("users", good("", users(11)...)).card("checking-users")
		s.report("check_of_users", good("", users(11)...)).card("done")
	},
	"start-time": func(t *testing.T, name string) {
		req := startingAt(26 * time.Hour)
		req.Settings.Remind = reminders()
		s := &story{t: t, now: friday}
		s.thread(name).input(req)
		s.checked().card("waiting-for-approval-of-a-start-time")
		s.pass(20*time.Minute).click(bo, refresh.ActionApprove).card("waiting-for-the-start-time")
		s.pass(time.Hour).click(anna, refresh.ActionPostpone)
		s.tick(24*time.Hour + 40*time.Minute).card("start-time-announced")
		s.report("broadcast_message", good("")).due().due()
	},
	"delegated": func(t *testing.T, name string) {
		req := request()
		req.Plan[1].Policy = policy(2, 24*time.Hour)
		s := begin(t, req)
		checks := good("", ok("Sign-in to LCS", ""))
		checks.Refreshed = friday.Add(-17 * 24 * time.Hour)
		s.report("preflight", checks).thread(name)
		s.click(bo, refresh.ActionApprove).card("one-of-two")
		s.pass(time.Hour).delegates(bo, dan, "I am away until <Monday>").card("delegated")
		s.click(bo, refresh.ActionWithdraw).card("withdrawn")
		s.click(dan, refresh.ActionApprove).tick(23 * time.Hour).card("expired-with-one-of-two")
	},
	"reminded": func(t *testing.T, name string) {
		req := startingAt(100 * time.Hour)
		req.Plan[1].Policy = policy(2, 0)
		req.Settings.Notice, req.Settings.Remind = time.Hour, reminders()
		s := begin(t, req).checked().thread(name)
		s.click(bo, refresh.ActionApprove).due().due().due()
		s.click(cleo, refresh.ActionApprove).due()
		s.report("broadcast_message", good("")).due().due().card("downtime-near")
	},
	"reminded-of-trouble": func(t *testing.T, name string) {
		req := request()
		req.Settings.Remind = reminders()
		s := begin(t, req).copying()
		s.thread(name).report("copy", bad(refresh.Refused, "LCS refused: another operation is running on uat. Wait for it, then retry.")).due()
	},
	"reminded-then-expired": func(t *testing.T, name string) {
		req := request()
		req.Settings.Remind = reminders()
		begin(t, req).checked().thread(name).due().due().due().due()
	},
	"start-now": func(t *testing.T, name string) {
		s := begin(t, startingAt(26*time.Hour)).checked().thread(name)
		s.click(bo, refresh.ActionApprove).click(anna, refresh.ActionStartNow).card("started-early")
	},
	"start-cancelled": func(t *testing.T, name string) {
		s := begin(t, startingAt(26*time.Hour)).checked().thread(name)
		s.click(bo, refresh.ActionApprove).click(anna, refresh.ActionCancel).card("cancelled-before-the-start-time")
	},
	"start-moved": func(t *testing.T, name string) {
		begin(t, startingAt(45*time.Minute)).checked().thread(name).pass(20*time.Minute).click(bo, refresh.ActionApprove)
	},
	"rejected": func(t *testing.T, name string) {
		begin(t, request()).checked().thread(name).click(bo, refresh.ActionReject, "UAT is in use until Monday").card("rejected")
	},
	"cancelled": func(t *testing.T, name string) {
		s := begin(t, request()).checked().thread(name)
		s.input(refresh.Cancel{By: anna, Reason: "Not needed after all"})
		s.card("cancelled")
		begin(t, request()).announced().report("broadcast_message", good("")).click(anna, refresh.ActionCancel).card("cancelled-in-notice")
	},
	"expired": func(t *testing.T, name string) {
		begin(t, request()).checked().thread(name).tick(24 * time.Hour).card("expired")
		s := begin(t, request()).restored() // after the copy nothing expires
		s.tick(48 * time.Hour).card("waiting-to-open-for-days")
	},
	"preflight": func(t *testing.T, name string) {
		s := begin(t, request()).thread(name)
		o := bad(refresh.Denied, "The refresh user may not read prod in LCS. Add it to the project as Environment manager.")
		o.Findings = []refresh.Finding{ok("Sign-in to LCS", ""), not("Rights in prod", "403")}
		s.report("preflight", o).card("preflight-failed")
		s.click(anna, refresh.ActionRetry).card("preflight-again")
	},
	"two-approvers": func(t *testing.T, name string) {
		req := request()
		req.Plan[1].Policy.Count = 2
		s := begin(t, req).checked().thread(name).click(bo, refresh.ActionApprove).card("approved-by-one-of-two")
		s.click(cleo, refresh.ActionApprove)
	},
	"postponed": func(t *testing.T, name string) {
		s := begin(t, request()).announced().thread(name)
		s.report("broadcast_message", good(""))
		s.pass(10*time.Minute).click(anna, refresh.ActionPostpone)
		s.report("broadcast_message", good("")).card("postponed")
		s.pass(time.Minute).click(bo, refresh.ActionStartNow).card("started-now")
	},
	"broadcast-trouble": func(t *testing.T, name string) {
		s := begin(t, request()).announced().thread(name)
		s.report("broadcast_message", bad(refresh.Denied, "refreshbot may not broadcast in uat. Give its user the System administrator role there.")).card("broadcast-failed")
		s.click(boss, refresh.ActionSkip).card("broadcast-skipped")
	},
	"scheduled": func(t *testing.T, name string) {
		req := request()
		req.By, req.Reason = refresh.Person{Name: "the schedule"}, ""
		s := &story{t: t, now: friday}
		s.thread(name).input(req)
		s.checked().card("asked-for-by-schedule")
	},
	"lost-reply": func(t *testing.T, name string) {
		s := begin(t, request()).copying().thread(name)
		s.report("copy", refresh.Outcome{Result: refresh.NotKnown, Problem: &refresh.Problem{Code: refresh.Unknown, Message: "LCS did not answer within 30 s."}}).card("copy-settling")
		s.sees(refresh.Sighted{Problem: &refresh.Problem{Code: refresh.Offline, Message: "LCS does not answer."}})
		s.sees(refresh.Sighted{Seen: "The history of uat shows no refresh since 17:20."}).card("outcome-unknown")
		s.click(boss, refresh.ActionAdopt).card("outcome-unknown-adopting")
		s.sees(refresh.Sighted{Seen: "Started at 17:21.", Candidates: []refresh.Operation{{ID: "55eb4327", Status: refresh.CopyInProgress}}}).card("copy-adopted")
	},
	"started-again": func(t *testing.T, name string) {
		s := begin(t, request()).copying().thread(name)
		s.input(refresh.Recovered{})
		s.sees(refresh.Sighted{Seen: "Two refreshes are running: a1 and b2.", Candidates: []refresh.Operation{{ID: "a1"}, {ID: "b2"}}})
		s.click(bo, refresh.ActionStartAgain)
		s.sees(refresh.Sighted{Seen: "Nothing is running."}).card("starting-again")
	},
	"given-up": func(t *testing.T, name string) {
		s := begin(t, request()).copying().thread(name)
		s.input(refresh.Recovered{})
		s.sees(refresh.Sighted{Seen: "Nothing is running."})
		s.click(bo, refresh.ActionAbort)
		s.sees(refresh.Sighted{Seen: "Nothing is running."}).card("given-up")
	},
	"restored": func(t *testing.T, name string) {
		s := begin(t, request()).checked().thread(name)
		s.pass(5 * time.Hour).input(refresh.FromBackup{Taken: friday.Add(time.Hour)})
		s.card("restored-looking")
		s.sees(refresh.Sighted{Seen: "What was done after the backup of 2026-11-20 19:00 UTC is not known. LCS's history of uat shows no new refresh."}).card("restored-asks")
		s.click(bo, refresh.ActionStartAgain)
		s.sees(refresh.Sighted{Seen: "LCS's history of uat shows no new refresh."}).card("restored-goes-on")
	},
	"restored-adopted": func(t *testing.T, name string) {
		s := begin(t, request()).checked()
		s.pass(5 * time.Hour).input(refresh.FromBackup{Taken: friday.Add(time.Hour)})
		s.thread(name)
		found := refresh.Sighted{Seen: "LCS's history of uat shows: 55eb4327, started 2026-11-20 20:00 UTC, InProgress.", Candidates: []refresh.Operation{{ID: "55eb4327", Status: refresh.CopyInProgress}}}
		s.sees(found)
		s.click(bo, refresh.ActionAdopt)
		s.sees(found).card("restored-adopted")
	},
	"restored-given-up": func(t *testing.T, name string) {
		s := begin(t, request()).checked()
		s.pass(5 * time.Hour).input(refresh.FromBackup{Taken: friday.Add(time.Hour)})
		s.thread(name).sees(refresh.Sighted{Seen: "LCS's history of uat shows no new refresh."})
		s.click(boss, refresh.ActionAbort)
		s.sees(refresh.Sighted{Seen: "LCS's history of uat shows no new refresh."}).card("restored-given-up")
	},
	"copy-does-not-fit": func(t *testing.T, name string) {
		s := begin(t, request()).copying().thread(name)
		s.report("copy", refresh.Outcome{Result: refresh.NotKnown, Problem: &refresh.Problem{Code: refresh.Unknown, Message: "LCS did not answer."}})
		op := inLCS(s.now.Add(-2 * time.Hour))
		s.sees(refresh.Sighted{Seen: "The start was sent (2026-11-20 18:50 UTC), and its reply was lost. LCS's history of uat shows a new refresh.", Candidates: []refresh.Operation{op},
			History: []refresh.Operation{op, {ID: "9c2b6f0e-0000-4222-8333-444455556666", Kind: "SFBinaryHotfix", Status: refresh.CopyCompleted, StartedAt: friday.Add(-48 * time.Hour), EndedAt: friday.Add(-47 * time.Hour)}}}).card("copy-does-not-fit")
	},
	"started-by-hand": func(t *testing.T, name string) {
		s := begin(t, request()).copying().thread(name)
		s.report("copy", byHand("uat is being refreshed already: somebody has started that in LCS by hand. Nothing was started on top of it.", inLCS(s.now))).card("started-by-hand")
		s.click(anna, refresh.ActionRetry)
		op := inLCS(s.now)
		op.Status, op.EndedAt = refresh.CopyCompleted, s.now.Add(2*time.Hour)
		s.pass(3*time.Hour).report("copy", byHand("uat has been refreshed already: somebody has started that in LCS by hand. Nothing was started on top of it.", op)).card("refreshed-by-hand")
		s.click(boss, refresh.ActionAdopt).card("adopting-a-refresh-by-hand")
		s.report("copy", refresh.Outcome{Result: refresh.Succeeded, Operation: op.ID, Status: op.Status, Note: "Started by hand in LCS, and adopted."}).card("adopted-a-refresh-by-hand")
	},
	"cancelled-by-hand": func(t *testing.T, name string) {
		s := begin(t, request()).copying().thread(name)
		s.report("copy", byHand("uat is being refreshed already.", inLCS(s.now))).click(anna, refresh.ActionCancel).card("cancelled-by-hand")
	},
	"copy-refused": func(t *testing.T, name string) {
		s := begin(t, request()).copying().thread(name)
		s.report("copy", bad(refresh.Refused, "LCS refused: another operation is running on uat. Wait for it, then retry.")).card("copy-refused")
	},
	"rolled-back": func(t *testing.T, name string) {
		s := begin(t, request()).following().thread(name)
		s.pass(time.Hour).report("follow_the_copy", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyInProgress, Offline: true})
		s.pass(time.Hour).report("follow_the_copy", following(refresh.CopyFailed, "")).card("copy-failed")
		s.pass(time.Minute).report("follow_the_copy", following(refresh.CopyRollbackInProgress, "")).card("rolling-back")
		s.pass(time.Hour).report("follow_the_copy", refresh.Outcome{Result: refresh.Continues, Status: refresh.CopyRollbackCompleted, Online: true})
		s.report("follow_the_copy", refresh.Outcome{Result: refresh.Impossible, Problem: &refresh.Problem{Code: refresh.Refused,
			Message: "The copy failed and LCS put the old data back. The history of uat in LCS has the cause; ask for a new refresh when it is mended."}}).card("failed-rolled-back")
	},
	"late": func(t *testing.T, name string) {
		s := begin(t, request()).following().thread(name)
		s.pass(6*time.Hour).report("follow_the_copy", following(refresh.CopyInProgress, "")).card("longer-than-announced")
		s.pass(time.Hour).report("follow_the_copy", bad(refresh.Denied, "LCS refuses the sign-in of the refresh user. Renew its password.")).card("follow-failed")
	},
	"signed-off-elsewhere": func(t *testing.T, name string) {
		s := begin(t, request()).smoked().thread(name)
		s.report("sign-off", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopySignedOff}).card("signed-off-in-lcs")
	},
	"not-signed-off": func(t *testing.T, name string) {
		begin(t, request()).smoked().thread(name).click(cleo, refresh.ActionAbort).card("stopped-at-sign-off")
	},
	"reconfigure-trouble": func(t *testing.T, name string) {
		s := begin(t, request()).signedOff().thread(name)
		s.report("entity_store", bad(refresh.Offline, "uat does not answer (503).")).card("reconfigure-retrying")
		s.tick(time.Minute).report("entity_store", bad(refresh.Offline, "uat does not answer (503)."))
		s.report("batch_groups", bad(refresh.NotFound, "There is no batch server BATCH1 in uat. Correct the configuration or add the server.")).card("reconfigure-trouble")
		s.click(bo, refresh.ActionRetry)
		several := bad(refresh.NotFound, "Batch group MRP: there is no server BATCH1 (and 1 more)")
		several.Findings = []refresh.Finding{not("Batch group MRP", "there is no server BATCH1"), not("Batch group MAIL", "there is no server BATCH2")}
		s.report("batch_groups", several).card("reconfigure-several")
		for _, g := range s.r.OpenGates() {
			s.input(refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: refresh.ActionSkip, By: bo})
		}
		s.card("reconfigure-skipped")
		s.tick(2*time.Minute).report("entity_store", good("1 entity refreshed"))
		s.report("e-mail", good("")).report("batch_jobs", good("")).report("document_links", good("")).card("open-with-skipped")
		s.click(cleo, refresh.ActionOpen)
		s.report("users", good("", append(users(2), not("TRAIN77", "no such user"))...))
		s.report("check_of_users", good("", append(users(2), not("TRAIN77", "no such user"))...)).card("done-with-skipped")
	},
	"not-installed": func(t *testing.T, name string) {
		req := request()
		i := slices.IndexFunc(req.Plan, func(s refresh.Spec) bool { return s.ID == "entity_store" })
		req.Plan[i].IfInstalled = true
		s := begin(t, req).signedOff().thread(name)
		s.report("entity_store", refresh.Outcome{Result: refresh.Absent, Problem: &refresh.Problem{Code: refresh.NotFound, Message: "There is no such service."}}).card("not-installed")
	},
	"aborted": func(t *testing.T, name string) {
		s := begin(t, request()).signedOff().thread(name)
		s.report("e-mail", bad(refresh.Refused, "uat refused the e-mail settings: the port is not a number."))
		s.click(boss, refresh.ActionAbort).card("aborted")
	},
	"not-opened": func(t *testing.T, name string) {
		begin(t, request()).restored().thread(name).click(bo, refresh.ActionAbort).card("stopped-before-opening")
	},
	"nobody-enabled": func(t *testing.T, name string) {
		req := request()
		req.Plan = slices.DeleteFunc(req.Plan, func(s refresh.Spec) bool { return s.Kind == refresh.KindOpenGate })
		s := begin(t, req).restored().thread(name)
		s.report("users", good("there is nobody to enable")).report("check_of_users", good("")).card("done-nobody")
	},
}

func TestViews(t *testing.T) {
	for name, tell := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(t, name)
		})
	}
}

// A golden file that no story writes any more would go on claiming something.
func TestNoGoldenFileIsLeftOver(t *testing.T) {
	t.Parallel()
	var source []byte
	for _, file := range []string{"stories_test.go", "limits_test.go"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, data...)
	}
	threads, err := filepath.Glob("testdata/threads/*.golden.json")
	if err != nil || len(threads) == 0 {
		t.Fatalf("threads: %d, %v", len(threads), err)
	}
	for _, path := range threads {
		if stories[strings.TrimSuffix(filepath.Base(path), ".golden.json")] == nil {
			t.Errorf("no story tells %s", path)
		}
	}
	cards, err := filepath.Glob("testdata/cards/*.golden.json")
	if err != nil || len(cards) == 0 {
		t.Fatalf("cards: %d, %v", len(cards), err)
	}
	for _, path := range cards {
		name := strings.TrimSuffix(filepath.Base(path), ".golden.json")
		if !strings.Contains(string(source), `card("`+name+`")`) {
			t.Errorf("no story shows %s", path)
		}
	}
}
