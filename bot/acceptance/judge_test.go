package acceptance

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"refreshbot/bot/view"
	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
)

// judge stops the bot and holds everybody's memory against what one refresh must leave behind: Microsoft's cloud,
// the Slack channel, and the record.
func (w *world) judge(want refresh.Status) refresh.Refresh {
	w.t.Helper()
	if w.bot != nil {
		w.stop()
	}
	r := w.judgePosts()
	if r.Status != want {
		w.t.Errorf("the refresh ended %s (%s), not %s", r.Status, r.Ending, want)
	}
	switch want {
	case refresh.Done:
		w.judgeRefreshed()
	case refresh.Rejected, refresh.Cancelled, refresh.Expired:
		w.judgeUntouched()
	}
	return r
}

// judgePosts wants one card, and of every journal entry that is worth a message exactly one in the thread.
func (w *world) judgePosts() refresh.Refresh {
	w.t.Helper()
	r, entries := w.record()
	cards, thread := w.posts()
	if len(cards) != 1 {
		w.t.Errorf("the channel has %d cards, not 1", len(cards))
	}
	var before refresh.Refresh
	expected := map[string]bool{}
	for _, e := range entries {
		after := refresh.Apply(before, e.Event, e.At)
		if _, notable := view.Event(before, after, e, view.Options{}); notable {
			expected[strconv.FormatInt(e.Seq, 10)] = true
		}
		before = after
	}
	for key := range expected {
		if n := len(thread[key]); n != 1 {
			w.t.Errorf("the thread has %d messages for journal entry %s, not 1", n, key)
		}
	}
	for key, n := range thread {
		if key == "untold" && len(n) == 1 { // who was not reached by direct message; no entry of the journal
			continue
		}
		if !expected[key] {
			w.t.Errorf("the thread has a message for journal entry %s, which is worth none", key)
		}
	}
	approvals, approvers := 0, map[string]bool{}
	for _, g := range r.Gates {
		for _, d := range g.Decisions {
			if d.Action == refresh.ActionApprove {
				approvals++
				approvers[d.By.ID] = true
			}
		}
	}
	if told := w.threadSays("Approved by"); told != approvals || approvals != len(approvers) {
		w.t.Errorf("the journal has %d approvals by %d people, and the thread %d", approvals, len(approvers), told)
	}
	return r
}

// record reads the only refresh there is. Loading it checks the row against the journal and the journal's hashes.
func (w *world) record() (refresh.Refresh, []refresh.Entry) {
	w.t.Helper()
	ctx := context.WithoutCancel(w.ctx)
	store, err := bolt.Open(ctx, w.storePath(), bolt.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if err := store.Check(ctx); err != nil {
		w.t.Errorf("the record is damaged: %v", err)
	}
	all, err := store.Recent(ctx, "", 10)
	if err != nil || len(all) != 1 {
		w.t.Fatalf("the record has %d refreshes, not 1: %v", len(all), err)
	}
	r, err := store.Load(ctx, all[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	entries, err := store.Journal(ctx, r.ID, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return r, entries
}

// judgeUntouched wants the target as it was.
func (w *world) judgeUntouched() {
	w.t.Helper()
	uat := w.cloud.Snapshot("uat")
	if n := w.cloud.Starts("uat"); n != 0 {
		w.t.Errorf("LCS counted %d starts, not 0", n)
	}
	if uat.SalesOrders != w.before.uat.SalesOrders || uat.Email.Server != w.before.uat.Email.Server || !uat.Online {
		w.t.Errorf("uat was touched: %d sales orders, e-mail through %s, online %v", uat.SalesOrders, uat.Email.Server, uat.Online)
	}
}

// judgeRefreshed wants production's data in the target, the target's own settings, and the chosen users let in.
func (w *world) judgeRefreshed() {
	w.t.Helper()
	uat := w.cloud.Snapshot("uat")
	want := func(ok bool, format string, args ...any) {
		w.t.Helper()
		if !ok {
			w.t.Errorf("uat: "+format, args...)
		}
	}
	want(w.cloud.Starts("uat") == 1, "LCS counted %d starts, not 1", w.cloud.Starts("uat"))
	want(uat.Online, "it is offline")
	want(uat.Operation.Status == "Completed" || uat.Operation.Status == "SignedOff", "LCS says %s", uat.Operation.Status)
	want(uat.SalesOrders == w.before.prod.SalesOrders && uat.SalesOrders != w.before.uat.SalesOrders, "it has %d sales orders", uat.SalesOrders)
	want(uat.Email.Server == "smtp-uat.contoso.com" && uat.Email.Port == 2526, "e-mail goes through %s:%d", uat.Email.Server, uat.Email.Port)
	for _, u := range uat.Users {
		own := slices.Contains([]string{"Admin", "DBMovementAPI", "FRServiceUser", "SysHealthServiceUser", "ScaleUnitManagement", "PowerPlatformApp", "RetailServiceAccount"}, u.ID)
		chosen := slices.Contains([]string{"ANNA", "BO", "CARLA", "GITA"}, u.ID) || slices.Contains(w.handedIn, u.ID)
		want(u.Enabled == (own || chosen), "user %s: enabled is %v", u.ID, u.Enabled)
	}
	for _, j := range uat.BatchJobs {
		released := j.Description == "Workflow message processing" || j.Description == "Email distributor batch"
		want((j.Status == "Waiting") == released, "batch job %q is %s", j.Description, j.Status)
	}
	groups := map[string]int{}
	for _, g := range uat.BatchGroups {
		groups[g.GroupID+" on "+g.ServerID]++
	}
	for _, g := range []string{" on BATCH1", " on BATCH2", "MRP on BATCH1"} {
		want(groups[g] == 1, "batch group %q is there %d times", g, groups[g])
	}
	want(slices.ContainsFunc(uat.EntityStore, func(e cloudsim.EntityStoreRefresh) bool {
		return e.Entity == "CustTransactions" && e.At.After(uat.Operation.StartedAt)
	}), "the entity store was not refreshed")
	want(slices.ContainsFunc(uat.DocumentParameters, func(d cloudsim.DocumentParameters) bool {
		return d.Company == "usmf" && strings.Contains(d.WebAppsServer, "office-uat")
	}), "the document links are not its own")
}

// judgePanics wants none, not even one that was recovered.
func (w *world) judgePanics() {
	w.t.Helper()
	for _, line := range w.log {
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") ||
			strings.Contains(line, "caused a panic") || strings.Contains(line, "panicked") {
			w.t.Errorf("the bot panicked: %s", line)
		}
	}
}

// judgeBackups wants a backup, and each to be whole and for its owner alone.
func (w *world) judgeBackups() {
	w.t.Helper()
	paths := w.backups()
	if len(paths) == 0 {
		w.t.Errorf("there is no backup")
	}
	for _, path := range paths {
		if report, err := bolt.Verify(w.ctx, path); err != nil || report.Sound() != nil {
			w.t.Errorf("backup %s: %v, %v", filepath.Base(path), err, report.Sound())
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			w.t.Errorf("backup %s: mode %v, %v", filepath.Base(path), info.Mode(), err)
		}
	}
	if parts, _ := filepath.Glob(filepath.Join(w.dir, "backups", "*.part")); len(parts) > 0 { // the pattern is sound
		w.t.Errorf("unfinished backups were left: %v", parts)
	}
}
