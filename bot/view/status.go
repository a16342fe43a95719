package view

import (
	"fmt"
	"slices"
	"time"

	"refreshbot/jobs/refresh"
)

// headline is one sentence with the words that matter first. The emoji only decorates it.
type headline struct{ emoji, lead, rest string }

func (h headline) write(p pen) string {
	s := p.bold(h.lead)
	if h.rest != "" {
		s += " " + h.rest
	}
	if !p.plain {
		s = h.emoji + " " + s
	}
	return s
}

// status says in one sentence how the refresh stands.
func status(p pen, r refresh.Refresh) headline {
	if r.Status.Ended() {
		return ended(p, r)
	}
	if g, ok := mostUrgent(r); ok {
		if h, ok := waiting(p, r, g); ok {
			return h
		}
	}
	if r.Phase() == refresh.PhaseReconfigure {
		return restoring(r)
	}
	if r.Held() {
		return held(p, r)
	}
	for _, s := range r.Steps {
		if !s.Status.Finished() {
			return working(p, r, s)
		}
	}
	return headline{":hourglass_flowing_sand:", "Working", ""}
}

// held is the headline while the copy is looked for after a restore.
func held(p pen, r refresh.Refresh) headline {
	h := headline{":mag:", fmt.Sprintf("Restored from a backup of %s:", p.at(r.Restored)), "looking in LCS whether the copy was started since. Nothing is done before that."}
	for _, s := range r.Steps {
		if s.Status == refresh.Settling {
			h.rest = fmt.Sprintf("looking in LCS %s whether the copy was started since. Nothing is done before that.", p.at(s.SettleUntil))
		}
	}
	return h
}

func ended(p pen, r refresh.Refresh) headline {
	reason, colon := sentence(p.prose(r.Ending, maxReason)), ""
	if reason != "" {
		colon = ":"
	}
	switch r.Status {
	case refresh.Done:
		in, _ := enabled(r)
		if len(in) == 0 {
			return headline{":white_check_mark:", "Finished: refreshbot let nobody in", noUsers(r)}
		}
		return headline{":white_check_mark:", fmt.Sprintf("Open: %s enabled", refresh.Count(len(in), "user")), ""}
	case refresh.Cancelled:
		return headline{":no_entry_sign:", "Cancelled by " + p.person(r.EndedBy) + colon, reason}
	case refresh.Rejected:
		return headline{":no_entry_sign:", "Rejected by " + p.person(r.EndedBy) + colon, reason}
	case refresh.Expired:
		return headline{":zzz:", "Expired: " + expiry(r), ""}
	}
	if r.EndedBy != (refresh.Person{}) {
		return headline{":x:", fmt.Sprintf("Failed in %s: stopped by %s", r.Phase().Title(), p.person(r.EndedBy)), ""}
	}
	return headline{":x:", "Failed" + colon, reason}
}

// noUsers says why nobody was let in, when that was so from the beginning.
func noUsers(r refresh.Refresh) string {
	if slices.ContainsFunc(r.Steps, func(s refresh.Step) bool { return s.Kind == refresh.KindEnable }) {
		return ""
	}
	return "(the configuration names no users)"
}

// expiry says which question nobody answered.
func expiry(r refresh.Refresh) string {
	for _, g := range r.Gates {
		if g.Outcome != refresh.OutcomeExpired {
			continue
		}
		who := "nobody"
		if n := agreed(g); n > 0 {
			who = fmt.Sprintf("only %d of %d", n, g.Count)
		}
		return fmt.Sprintf("%s %s within %s", who, didAt(g), refresh.Span(g.ExpiresAt.Sub(g.OpenedAt)))
	}
	return "nobody decided in time"
}

// didAt is what those did who have said yes at a gate.
func didAt(g refresh.Gate) string {
	switch g.Kind {
	case refresh.GateApprove:
		return "approved"
	case refresh.GateSignOff:
		return "signed off"
	case refresh.GateOpen:
		return "let users in"
	}
	return "decided"
}

// waiting is the headline of a question to people. In reconfigure the count says more, unless it is the copy.
func waiting(p pen, r refresh.Refresh, g refresh.Gate) (headline, bool) {
	s, _ := r.Step(g.Step)
	votes := fmt.Sprintf("(%d of %d)", agreed(g), g.Count)
	switch g.Kind {
	case refresh.GateApprove:
		return headline{":raised_hand:", fmt.Sprintf("Waiting for approval by %s %s", p.anyOf(g.Deciders()), votes), ""}, true
	case refresh.GateStart:
		return headline{":calendar:", fmt.Sprintf("Approved: starts %s", p.at(r.StartAt)), ""}, true
	case refresh.GateNotice:
		return headline{":mega:", fmt.Sprintf("Announced: %s goes down %s", env(r.Target), p.at(r.Window.From)), ""}, true
	case refresh.GateSignOff:
		return headline{":raised_hand:", fmt.Sprintf("Waiting for sign-off by %s %s", p.anyOf(g.Deciders()), votes), ""}, true
	case refresh.GateOpen:
		return headline{":raised_hand:", fmt.Sprintf("Ready: waiting for %s to let users in %s", p.anyOf(g.Deciders()), votes), ""}, true
	case refresh.GateOutcomeUnknown:
		if r.Held() {
			return headline{":warning:", fmt.Sprintf("Restored from a backup of %s: was the copy started since? Somebody has to look", p.at(r.Restored)), ""}, true
		}
		return headline{":warning:", "Nobody knows whether the copy was started; somebody has to look", ""}, true
	case refresh.GateStartedElsewhere:
		return headline{":warning:", fmt.Sprintf("Somebody has started a refresh of %s in LCS; adopt it or not?", env(r.Target)), ""}, true
	case refresh.GateStepFailed:
		if s.Phase == refresh.PhaseReconfigure {
			return headline{}, false
		}
		if s.Kind == refresh.KindGuard {
			return headline{":red_circle:", "Users must not get in yet: something of the source's is left", ""}, true
		}
		return headline{":warning:", stepName(s) + " failed and needs a decision", ""}, true
	}
	return headline{}, false
}

// restoring counts the settings of the reconfigure phase.
func restoring(r refresh.Refresh) headline {
	var all, done, skipped, needs, again int
	for _, s := range r.Steps {
		if s.Phase != refresh.PhaseReconfigure {
			continue
		}
		all++
		switch s.Status {
		case refresh.Completed:
			done++
		case refresh.Skipped:
			skipped++
		case refresh.Waiting, refresh.Troubled:
			needs++
		case refresh.Retrying:
			again++
		}
	}
	lead := fmt.Sprintf("%d of %d settings restored", done, all)
	if skipped > 0 {
		lead += fmt.Sprintf(", %d skipped", skipped)
	}
	if again > 0 {
		lead += fmt.Sprintf(", %d to be tried again", again)
	}
	emoji := ":gear:"
	switch {
	case needs == 1:
		lead, emoji = lead+"; 1 waits for a person", ":raised_hand:"
	case needs > 1:
		lead, emoji = fmt.Sprintf("%s; %d wait for a person", lead, needs), ":raised_hand:"
	}
	return headline{emoji, lead, ""}
}

// working is the headline while a step is under way, or about to be tried again.
func working(p pen, r refresh.Refresh, s refresh.Step) headline {
	const busy = ":hourglass_flowing_sand:"
	target := env(r.Target)
	switch s.Status {
	case refresh.Retrying:
		h := headline{":repeat:", fmt.Sprintf("%s did not work; trying again %s:", stepName(s), p.at(s.RetryAt)), ""}
		if s.RetryAt.IsZero() { // between its failure and the question what to do
			h = headline{":warning:", stepName(s) + " failed:", ""}
		}
		if s.Problem != nil {
			h.rest = p.prose(s.Problem.Message, maxReason)
		}
		return h
	case refresh.Settling:
		return headline{":mag:", "It is not known yet whether the copy was started:",
			fmt.Sprintf("looking in LCS %s. Nothing is done before that.", p.at(s.SettleUntil))}
	}
	switch s.Kind {
	case refresh.KindPreflight:
		return headline{busy, "Checking whether the refresh can run", ""}
	case refresh.KindBroadcast:
		return headline{busy, fmt.Sprintf("Telling the users inside %s about the downtime", target), ""}
	case refresh.KindCopy:
		if s.Adopt != "" {
			return headline{busy, fmt.Sprintf("Looking for the refresh of %s that is to be adopted", target), ""}
		}
		return headline{busy, fmt.Sprintf("Starting the copy from %s to %s", env(r.Source), target), ""}
	case refresh.KindFollow:
		return headline{busy, copying(p, r), ""}
	case refresh.KindSmoke:
		return headline{busy, fmt.Sprintf("Checking whether %s works after the copy", target), ""}
	case refresh.KindEnable:
		return headline{busy, fmt.Sprintf("Letting users into %s", target), ""}
	case refresh.KindVerify:
		return headline{busy, "Checking that the users can get in", ""}
	}
	return headline{busy, stepName(s), ""}
}

func copying(p pen, r refresh.Refresh) string {
	target, c := env(r.Target), r.Copy
	says := "Copying: LCS has not said anything yet"
	switch {
	case c.Status == refresh.CopyRollbackInProgress:
		says = "The copy failed: LCS is putting the old data back"
	case c.Status.Failed() && !c.Status.Ended():
		says = "The copy failed: waiting for LCS to put the old data back"
	case c.Status == refresh.CopyInProgress:
		says = "Copying"
	case c.Status.Succeeded():
		says = "The copy is complete"
	case c.Status != "":
		says = fmt.Sprintf("Copying (LCS: %s)", lcsSays(c.Status))
	}
	switch {
	case !c.OnlineAt.IsZero():
		return fmt.Sprintf("%s; %s has answered again since %s", says, target, p.at(c.OnlineAt))
	case !c.OfflineAt.IsZero():
		return fmt.Sprintf("%s; %s has been offline since %s", says, target, p.at(c.OfflineAt))
	}
	return fmt.Sprintf("%s; %s still answers", says, target)
}

// enabled returns who was let in and what did not work, as the last look at the users saw it.
func enabled(r refresh.Refresh) (in []string, not []refresh.Finding) {
	var seen []refresh.Finding
	for _, kind := range []refresh.Kind{refresh.KindEnable, refresh.KindVerify} {
		for _, s := range r.Steps {
			if s.Kind == kind && s.Status == refresh.Completed && len(s.Findings) > 0 {
				seen = s.Findings
			}
		}
	}
	for _, f := range seen {
		if f.OK {
			in = append(in, line(f.Name, maxName))
		} else {
			not = append(not, f)
		}
	}
	return in, not
}

// agreed counts the people who have said yes at a gate, and have not taken it back.
func agreed(g refresh.Gate) int {
	return g.Votes(refresh.ActionApprove) + g.Votes(refresh.ActionSignOff) + g.Votes(refresh.ActionOpen)
}

// late reports whether the downtime lasts longer than was announced.
func late(r refresh.Refresh, now time.Time) bool {
	return !r.Status.Ended() && !r.Window.To.IsZero() && now.After(r.Window.To)
}
