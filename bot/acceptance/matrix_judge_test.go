//go:build faultpoints

package acceptance

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"refreshbot/bot/slacksim"
	"refreshbot/bot/view"
	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

// judgeAll holds the simulators' memory against the record after a run, whose bot has ended. It returns how many
// broadcasts there were beyond the first: F&O has no list of them, so one whose reply was lost is made again.
func (a *actor) judgeAll() (banners int) {
	a.t.Helper()
	r := a.judge(refresh.Done)
	_, entries := a.record()
	a.judgeStart(r, entries)
	a.judgeClicks(r, entries)
	a.judgeHandedIn(entries)
	if n := a.reports(); n != 1 {
		a.t.Errorf("the thread has the report %d times, not once", n)
	}
	a.judgeDirect(r)
	a.judgeQuestions(entries)
	a.judgeItems(r, entries)
	a.judgePanics()
	a.judgeBackups()
	a.judgeSecrets(strings.Join(a.log, "\n"))
	return a.judgeCalls(r, entries)
}

// judgeQuestions wants a person to be asked whether the copy was started only when nobody could know: its reply was
// lost, or the process was interrupted between the intent and the outcome, and LCS had not handled the request by then.
func (a *actor) judgeQuestions(entries []refresh.Entry) {
	a.t.Helper()
	onStart := func(what string) bool { return strings.Contains(what, startPath[1:]) }
	if a.unknown == 0 || onStart(a.cell.term) || a.cell.fault != nil && onStart(a.cell.fault.call.path) {
		return
	}
	for _, at := range a.interrupted {
		open := false
		for _, e := range entries {
			if e.At.After(at) || refresh.StepOf(e.Event) != "copy" {
				continue
			}
			_, open = e.Event.(refresh.StepStarted)
		}
		handled := slices.ContainsFunc(a.cloud.Calls(), func(c cloudsim.Call) bool {
			return isStart(c) && c.Status == 200 && c.At.Before(at)
		})
		if open && !handled {
			return
		}
	}
	a.t.Errorf("a person was asked whether the copy was started, and it could be known")
}

// isStart reports whether a call asks for the copy.
func isStart(c cloudsim.Call) bool {
	return c.Host == "lcs" && c.Method == "POST" && strings.Contains(c.Path, startPath)
}

// judgeItems wants what only this configuration has in the target: each item done, and the import begun once.
func (a *actor) judgeItems(r refresh.Refresh, entries []refresh.Entry) {
	a.t.Helper()
	uat := a.cloud.Snapshot("uat")
	if !slices.ContainsFunc(uat.EncryptedFields, func(f cloudsim.EncryptedField) bool {
		return f.Table == "ExchangeRateProviderConfigurationDetails" && f.Set
	}) {
		a.t.Errorf("uat: the encrypted field is empty")
	}
	for _, server := range []string{"BATCH1", "BATCH2"} {
		if !slices.Contains(uat.BatchGroups, cloudsim.BatchGroup{GroupID: "TEST", ServerID: server, Description: "Test team"}) {
			a.t.Errorf("uat: batch group TEST is not on %s", server)
		}
	}
	imports := 0
	for _, p := range uat.Packages {
		if p.DataProject == "Documents" {
			imports++
		}
	}
	if imports != 1 {
		a.t.Errorf("uat: the data package was imported %d times, not once", imports)
	}
	if !slices.ContainsFunc(uat.DocumentParameters, func(d cloudsim.DocumentParameters) bool { return d.Company == "usmf" && d.MaxFileSize == 7 }) {
		a.t.Errorf("uat: nothing came of the data package")
	}
	calls := 0
	for _, e := range entries {
		if step, ok := r.Step(refresh.StepOf(e.Event)); ok && step.Kind == refresh.KindHTTP {
			if _, started := e.Event.(refresh.StepStarted); started {
				calls++
			}
		}
	}
	if told := int(a.hub.Load()); told == 0 || told > calls {
		a.t.Errorf("the hub was told %d times, with %d intents", told, calls)
	}
}

// judgeStart wants one start that came to LCS, after the approvals, and none that nobody knows of.
func (a *actor) judgeStart(r refresh.Refresh, entries []refresh.Entry) {
	a.t.Helper()
	var approved time.Time
	approvers := map[string]bool{}
	intents := 0
	for _, e := range entries {
		switch ev := e.Event.(type) {
		case refresh.GateDecided:
			if g, _ := r.Gate(ev.Gate); g.Kind == refresh.GateApprove && ev.Decision.Action == refresh.ActionApprove {
				approvers[ev.Decision.By.ID] = true
			}
		case refresh.GateClosed:
			if g, _ := r.Gate(ev.Gate); g.Kind == refresh.GateApprove && ev.Outcome == refresh.ActionApprove {
				approved = e.At
			}
		case refresh.StepStarted:
			if ev.Step == "copy" {
				intents++
				if approved.IsZero() || len(approvers) < 2 {
					a.t.Errorf("the copy was begun with the approvals of %d people in the journal before it, not of 2", len(approvers))
				}
			}
		}
	}
	sent, landed := 0, 0
	for _, c := range a.cloud.Calls() {
		if !isStart(c) {
			continue
		}
		sent++
		if c.Status == 200 {
			landed++
		}
		if c.At.Before(approved) || approved.IsZero() {
			a.t.Errorf("LCS was asked for the copy at %v, before its approval at %v", c.At, approved)
		}
	}
	if landed > 1 {
		a.t.Errorf("started twice: LCS has handled %d requests for the copy", landed)
	}
	if sent > intents {
		a.t.Errorf("started without an intent: %d requests for the copy, %d intents in the journal", sent, intents)
	}
}

// press is a click as Slack has sent it.
type press struct {
	user   string
	button view.Button
	sent   time.Time
	acked  bool
}

func (a *actor) presses() []press {
	a.t.Helper()
	var all []press
	for _, env := range a.slack.Envelopes() {
		var in struct {
			Type string `json:"type"`
			User struct {
				ID string `json:"id"`
			} `json:"user"`
			Actions []struct {
				ID    string `json:"action_id"`
				Value string `json:"value"`
			} `json:"actions"`
		}
		if env.Type != "interactive" || json.Unmarshal(env.Payload, &in) != nil || in.Type != "block_actions" || len(in.Actions) != 1 {
			continue
		}
		button, err := view.ParseButton(in.Actions[0].ID, in.Actions[0].Value)
		if err != nil {
			a.t.Errorf("a button that cannot be read: %v", err)
		}
		all = append(all, press{in.User.ID, button, env.Sent, !env.Acked.IsZero()})
	}
	return all
}

// judgeClicks wants every acknowledged click in the journal once, none that nobody made, and none of those who may
// not.
func (a *actor) judgeClicks(r refresh.Refresh, entries []refresh.Entry) {
	a.t.Helper()
	type vote struct {
		gate, user string
		action     refresh.Action
	}
	votes, voted := map[vote]int{}, map[vote]time.Time{}
	for _, e := range entries {
		if d, ok := e.Event.(refresh.GateDecided); ok {
			v := vote{d.Gate, d.Decision.By.ID, d.Decision.Action}
			votes[v]++
			voted[v] = e.At
		}
	}
	made, acked, counted := map[vote]bool{}, map[vote]bool{}, map[vote]press{}
	for _, p := range a.presses() {
		v := vote{p.button.Gate, p.user, p.button.Action}
		made[v] = true
		acked[v] = acked[v] || p.acked
		if !p.sent.After(voted[v]) { // of several presses the last one before the vote is the one that counts
			counted[v] = p
		}
	}
	for v, p := range counted {
		if a.cell.term != "" && !p.acked {
			a.t.Errorf("%s by %s at %s counts, and who clicked was told that it failed", v.action, v.user, v.gate)
		}
	}
	for v, n := range votes {
		if !made[v] {
			a.t.Errorf("%s by %s at %s is in the journal, and nobody has clicked that", v.action, v.user, v.gate)
		}
		if n > 1 {
			a.t.Errorf("%s by %s at %s is %d times in the journal", v.action, v.user, v.gate, n)
		}
		if v.action == refresh.ActionApprove && (v.user == r.RequestedBy.ID || !slices.Contains([]string{rita, anna, ben}, v.user)) {
			a.t.Errorf("approved by %s, who may not", v.user)
		}
	}
	for v := range acked {
		forbidden := v.user == sam || v.user == r.RequestedBy.ID
		if !forbidden && votes[v] != 1 {
			a.t.Errorf("%s by %s at %s was acknowledged and is %d times in the journal", v.action, v.user, v.gate, votes[v])
		}
	}
	if len(made) == 0 {
		a.t.Errorf("nobody has clicked: nothing to judge")
	}
}

// judgeHandedIn wants every acknowledged list of users in the journal.
func (a *actor) judgeHandedIn(entries []refresh.Entry) {
	a.t.Helper()
	listed, acked, sent := 0, 0, 0
	for _, e := range entries {
		if _, ok := e.Event.(refresh.UsersListed); ok {
			listed++
		}
	}
	for _, env := range a.slack.Envelopes() {
		if !strings.Contains(string(env.Payload), `"view_submission"`) {
			continue
		}
		sent++
		if !env.Acked.IsZero() {
			acked++
		}
	}
	if listed < acked || listed > sent {
		a.t.Errorf("%d lists of users were sent and %d acknowledged; the journal has %d", sent, acked, listed)
	}
}

// reports counts the messages in the thread that have the files of the report.
func (a *actor) reports() int {
	n := 0
	for _, m := range a.slack.Messages(channel) {
		if !m.Deleted && len(m.Files) >= 2 && m.ThreadTS == a.card().TS {
			n++
		}
	}
	return n
}

// letters are the direct messages to one person, by their key.
func (a *actor) letters(user string) map[string][]slacksim.Message {
	all := map[string][]slacksim.Message{}
	for _, m := range a.slack.Messages(a.slack.DM(user)) {
		var k mark
		if !m.Deleted && len(m.Metadata) > 0 && json.Unmarshal(m.Metadata, &k) == nil {
			all[k.Payload.Key] = append(all[k.Payload.Key], m)
		}
	}
	return all
}

// invited counts the messages that tell one person that the environment is open.
func (a *actor) invited(user string) int { return len(a.letters(user)["open"]) }

// answered reports whether no question in a direct message can be answered any more, and whoever asked knows the end.
func (a *actor) answered() bool {
	for _, user := range []string{rita, anna, ben, sam} {
		for _, ms := range a.letters(user) {
			for _, m := range ms {
				if slices.ContainsFunc(m.Buttons(), func(b slacksim.Button) bool { return strings.HasPrefix(b.ActionID, "gate:") }) {
					return false
				}
			}
		}
	}
	return a.cell.scheduled || len(a.letters(rita)["requester-ended"]) > 0
}

// judgeDirect wants everybody with an account in Slack who was let in to be told once, and no direct message twice.
func (a *actor) judgeDirect(r refresh.Refresh) {
	a.t.Helper()
	for _, user := range []string{rita, anna, ben, sam} {
		for key, ms := range a.letters(user) {
			if len(ms) != 1 {
				a.t.Errorf("%s has the direct message %s %d times", user, key, len(ms))
			}
		}
	}
	if !a.answered() {
		a.t.Errorf("a question in a direct message is left open, or rita was not told the end")
	}
	people := map[string]string{"rita@contoso.com": rita, "anna@contoso.com": anna, "ben@contoso.com": ben, "sam@contoso.com": sam}
	in, _ := r.UsersIn()
	told := 0
	for _, u := range in {
		user, ok := people[strings.ToLower(u.SignIn)]
		if !ok {
			continue
		}
		if n := a.invited(user); n != 1 {
			a.t.Errorf("%s was told %d times, not once", user, n)
		}
		told++
	}
	if told == 0 {
		a.t.Errorf("nobody with an account in Slack was let in: no direct message to judge")
	}
}

// judgeCalls wants an intent before every call that changes something, and an outcome or a decision after every
// intent. It returns how many broadcasts there were beyond the first.
func (a *actor) judgeCalls(r refresh.Refresh, entries []refresh.Entry) (banners int) {
	a.t.Helper()
	type span struct { // an intent and what came of it
		from, to time.Time
		given    bool // its reply was given up: the request may land later
	}
	spans := map[string][]span{}
	for _, e := range entries {
		id := refresh.StepOf(e.Event)
		switch ev := e.Event.(type) {
		case refresh.GateOpened:
			id = ev.Gate.Step
		case refresh.StepStarted:
			if n := len(spans[id]); n > 0 && spans[id][n-1].to.IsZero() {
				spans[id][n-1].to, spans[id][n-1].given = e.At, true // taken up again by the next process
			}
			spans[id] = append(spans[id], span{from: e.At})
			continue
		case refresh.StepSucceeded, refresh.StepFailed, refresh.StepSkipped, refresh.StepUnsettled:
		default:
			continue
		}
		if n := len(spans[id]); n > 0 && spans[id][n-1].to.IsZero() {
			_, succeeded := e.Event.(refresh.StepSucceeded)
			spans[id][n-1].to, spans[id][n-1].given = e.At, !succeeded
		}
	}
	for id, all := range spans {
		if all[len(all)-1].to.IsZero() && r.Status == refresh.Done {
			a.t.Errorf("step %s has an intent at %v and no outcome", id, all[len(all)-1].from)
		}
	}
	kinds := map[refresh.Kind][]span{}
	for _, step := range r.Steps {
		kinds[step.Kind] = append(kinds[step.Kind], spans[step.ID]...)
	}
	broadcasts := 0
	for _, c := range a.cloud.Calls() {
		if c.Method == "GET" || c.Host == "entra" || c.Host == "storage" || strings.HasSuffix(c.Path, "$batch") || strings.HasSuffix(c.Path, "/Refreshbot/status") {
			continue
		}
		if strings.Contains(c.Path, broadcastPath) && c.Status == 200 {
			broadcasts++
		}
		by := makers(c)
		if len(by) == 0 {
			a.t.Errorf("the judge knows no step that makes %s %s: tell it in makers", c.Method, c.Path)
		}
		covered := slices.ContainsFunc(by, func(k refresh.Kind) bool {
			return slices.ContainsFunc(kinds[k], func(s span) bool {
				end := s.to
				if s.given {
					end = end.Add(late + timeout)
				}
				return !c.At.Before(s.from) && (s.to.IsZero() || !c.At.After(end))
			})
		})
		if !covered {
			a.t.Errorf("%s %s at %v has no intent of %v in the journal", c.Method, c.Path, c.At, by)
		}
	}
	switch {
	case broadcasts == 0:
		a.t.Errorf("the target was never told")
	case broadcasts > len(spans["broadcast"]):
		a.t.Errorf("%d broadcasts and %d intents", broadcasts, len(spans["broadcast"]))
	}
	return broadcasts - 1
}

// broadcastPath is part of the address at which F&O takes messages for its users.
const broadcastPath = "/SysBroadcastMessageService/"

// makers returns the kinds of steps that may make a call that changes something.
func makers(c cloudsim.Call) (kinds []refresh.Kind) {
	for path, by := range map[string][]refresh.Kind{
		startPath:                     {refresh.KindCopy},
		broadcastPath:                 {refresh.KindBroadcast},
		"/BatchGroups":                {refresh.KindBatchGroups, refresh.KindRestore, refresh.KindOData},
		"/BatchJobs":                  {refresh.KindBatchJobs},
		"/EmailParameters":            {refresh.KindEmail, refresh.KindOData, refresh.KindRestore},
		"/DocumentParameters":         {refresh.KindOData, refresh.KindRestore},
		"/SysAADClients":              {refresh.KindRestore},
		"/SecurityUserRoles":          {refresh.KindEnable},
		"/SystemUsers":                {refresh.KindEnable},
		"/PostRefresh/":               {refresh.KindService},
		"/Refreshbot/setHelp":         {refresh.KindParameters},
		"/Refreshbot/setEncrypted":    {refresh.KindEncrypted},
		"/Refreshbot/refreshEntity":   {refresh.KindEntityStore},
		"/DataManagementDefinition":   {refresh.KindPackage},
		"/Refreshbot/setSmtpPassword": {refresh.KindEmail},
	} {
		if strings.Contains(c.Path, path) {
			kinds = append(kinds, by...)
		}
	}
	return kinds
}
