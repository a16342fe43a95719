package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
)

// Event is the thread message of a journal entry that took the refresh from before to after; false when the
// entry is not worth one. Each fact is told once: a decision that the next entry tells better is left to it.
func Event(before, after refresh.Refresh, e refresh.Entry, o Options) (Post, bool) {
	p := pen{o: o}
	n, ok := tell(p, before, after, e)
	if !ok {
		return Post{}, false
	}
	text := clip(n.write(p), 1500)
	if len(n.details) > 0 {
		text += "\n" + fit(n.details, maxDetails)
	}
	post := Post{Broadcast: n.broadcast}
	whole := n.isCut()
	if whole {
		text += "\nThe file below has all of it."
	}
	post.Blocks = append(post.Blocks, section(text))
	p.plain = true
	n, _ = tell(p, before, after, e)
	if whole {
		post.Whole = n.inFull(p)
	}
	post.Text = sentence(n.write(p))
	if !n.named {
		post.Text = Escape(unmarked(title(after), maxHeader)) + ": " + post.Text
	}
	post.Text = clip(post.Text, maxText)
	return post, true
}

// news is what a thread message says.
type news struct {
	headline
	details   []string
	broadcast bool
	named     bool // the headline itself says which refresh it is about

	found []refresh.Finding // those of which the details are lines
	names []string          // those of which the details name some
	most  int               // how many of the names are among the details
}

// How much of the details a thread message has: characters in all, and names of users.
const (
	maxDetails  = 1400
	mostNames   = 20 // of those who are handed in
	mostEnabled = 40
)

// isCut reports whether the details are not all that there is.
func (n news) isCut() bool {
	return len(n.names) > n.most || len(n.found)+len(n.names) > 0 && long(strings.Join(n.details, "\n"), maxDetails) ||
		slices.ContainsFunc(n.found, func(f refresh.Finding) bool { return long(f.Name, maxName) || long(f.Detail, maxNote) })
}

// inFull is all that there is.
func (n news) inFull(p pen) *File {
	head := n.write(p)
	lines := read(head)
	if len(n.names) > 0 {
		lines = append(append(lines, ""), n.names...)
	}
	if len(n.found) > 0 {
		lines = append(append(lines, ""), wholeFindings(p, n.found)...)
	}
	return inFull(strings.TrimRight(read(n.lead)[0], ".:"), lines)
}

func tell(p pen, before, after refresh.Refresh, e refresh.Entry) (news, bool) {
	target := env(after.Target)
	switch ev := e.Event.(type) {
	case refresh.Requested:
		return requested(p, after), true
	case refresh.StepProgressed:
		return progressed(p, after, ev, ev.Status != "" && ev.Status != before.Copy.Status)
	case refresh.TargetOffline:
		return news{headline: headline{":red_circle:", fmt.Sprintf("%s went offline %s.", target, p.at(e.At)),
			fmt.Sprintf("The copy from %s is replacing its data.", env(after.Source))}, broadcast: true, named: true}, true
	case refresh.TargetOnline:
		return news{headline: headline{":large_yellow_circle:", fmt.Sprintf("%s came back online %s.", target, p.at(e.At)),
			fmt.Sprintf("It was offline for %s. Please wait until it is said to be open.", refresh.Span(e.At.Sub(after.Copy.OfflineAt)))}, broadcast: true, named: true}, true
	case refresh.StepSucceeded:
		return succeeded(p, after, ev)
	case refresh.StepFailed:
		return failed(p, before, after, ev)
	case refresh.StepUnsettled:
		if s, _ := before.Step(ev.Step); s.Status != refresh.Performing {
			return news{}, false // a decision or an earlier look led here and was told
		}
		return news{headline: headline{":mag:", "It is not known whether the copy was started.",
			sentences(p.prose(ev.Why, maxReason), fmt.Sprintf("refreshbot looks in LCS %s and starts nothing before that.", p.at(ev.Until)))}}, true
	case refresh.StepSkipped:
		s, _ := after.Step(ev.Step)
		by := ""
		if ev.By.ID != "" {
			by = " by " + p.person(ev.By)
		}
		return news{headline: headline{":fast_forward:", fmt.Sprintf("%s was skipped%s.", stepName(s), by), sentence(p.prose(ev.Why, maxReason))}}, true
	case refresh.UsersListed:
		return news{headline: headline{":busts_in_silhouette:", fmt.Sprintf("%s hands in %s to let in.", p.person(ev.By), refresh.Count(len(ev.Names), "user")),
			sentence("From " + line(ev.From, maxName))}, details: []string{list(escaped(ev.Names), mostNames)}, names: ev.Names, most: mostNames}, true
	case refresh.Restored:
		return news{headline: headline{":floppy_disk:", fmt.Sprintf("Restored from a backup of %s.", p.at(ev.Taken)),
			sentences("What happened after that is not in this record", restoredNext(after))}}, true
	case refresh.StepRuledOut:
		return news{headline: headline{":arrow_forward:", "LCS shows no copy that was started since the backup.", "The refresh goes on where it was."}}, true
	case refresh.WindowSet:
		return announced(p, before.Window, after, ev), true
	case refresh.StartSet:
		if !ev.At.After(before.StartAt) {
			return news{}, false // "start now", told with the decision
		}
		return news{headline: headline{":calendar:", fmt.Sprintf("%s goes down later: %s.", target, p.at(ev.At)),
			fmt.Sprintf("Moved by %s.", p.person(ev.By))}, broadcast: true, named: true}, true
	case refresh.GateDelegated:
		return delegated(p, after, ev), true
	case refresh.GateReminded:
		return reminded(p, after, ev, e.At), true
	case refresh.DowntimeNear:
		if ev.In >= after.Settings.Notice && after.Window.From.Equal(after.StartAt) {
			return news{}, false // so long before it was announced, just now
		}
		return news{headline: headline{":hourglass:", fmt.Sprintf("%s goes down in %s, %s.", target, refresh.Span(after.Window.From.Sub(e.At)), p.at(after.Window.From)),
			"Please finish and log out before."}, broadcast: true, named: true}, true
	case refresh.GateOpened:
		if moved := ev.Gate.Kind == refresh.GateStart && !before.Promised().From.IsZero(); moved {
			return news{}, false
		}
		return asked(p, after, ev.Gate)
	case refresh.GateDecided:
		return answered(p, after, ev)
	case refresh.Ended:
		return closing(p, after), true
	}
	return news{}, false
}

func requested(p pen, r refresh.Refresh) news {
	who := p.person(r.RequestedBy)
	if r.RequestedBy.ID == "" { // no person, but "the schedule"
		who = capital(who)
	}
	n := news{headline: headline{":inbox_tray:", fmt.Sprintf("%s asked for a refresh of %s from %s.", who, env(r.Target), env(r.Source)),
		sentence(line(r.Reason, maxReason))}, named: true}
	if !r.StartAt.IsZero() {
		n.rest = sentences("To start "+p.at(r.StartAt), n.rest)
	}
	for _, phase := range refresh.Phases() {
		var names []string
		for _, s := range r.Steps {
			if s.Phase == phase {
				names = append(names, clip(stepName(s), 40))
			}
		}
		if len(names) > 0 {
			n.details = append(n.details, fmt.Sprintf("%s %s", p.bold(phase.Title()+":"), list(names, 8)))
		}
	}
	return n
}

func announced(p pen, before refresh.Window, r refresh.Refresh, ev refresh.WindowSet) news {
	target, w := env(r.Target), ev.Window
	h := headline{":mega:", fmt.Sprintf("%s will be down from %s to about %s.", target, p.at(w.From), p.at(w.To)), ""}
	if ev.By != (refresh.Person{}) {
		h.rest = fmt.Sprintf("Moved by %s.", p.person(ev.By))
		if w.From.Before(before.From) {
			h.lead = fmt.Sprintf("%s goes down now, sooner than announced, until about %s.", target, p.at(w.To))
			h.rest = fmt.Sprintf("%s starts it without waiting for the end of the notice. Please log out at once.", p.person(ev.By))
		}
		return news{headline: h, broadcast: true, named: true}
	}
	h.rest = sentences(
		fmt.Sprintf("It is refreshed from %s: everything entered in %s since its last refresh is lost", env(r.Source), target),
		"Please finish and log out before",
	)
	if !r.StartAt.IsZero() && w.From.After(r.StartAt) {
		h.rest = sentences(fmt.Sprintf("It was to begin %s, but then there would not be %s of notice", p.at(r.StartAt), refresh.Span(r.Settings.Notice)), h.rest)
	}
	if r.Reason != "" {
		h.rest += " Why: " + sentence(line(r.Reason, maxReason))
	}
	return news{headline: h, broadcast: true, named: true}
}

// restoredNext says what a restore leads to.
func restoredNext(r refresh.Refresh) string {
	if r.Held() {
		return "Nothing is done before somebody has said on the card whether the copy was started"
	}
	return "Steps that were done since are done again; none of them is the copy"
}

func progressed(p pen, r refresh.Refresh, ev refresh.StepProgressed, changed bool) (news, bool) {
	if !changed {
		return news{}, false
	}
	note := sentence(p.prose(ev.Note, maxNote))
	switch {
	case ev.Status.Failed() && !ev.Status.Ended():
		return news{headline: headline{":warning:", "LCS says that the copy failed.", sentences("LCS rolls it back by itself; that is waited for", note)}}, true
	case ev.Status.RolledBack():
		return news{headline: headline{":rewind:", fmt.Sprintf("LCS has put the old data of %s back.", env(r.Target)), note}}, true
	case ev.Status == refresh.CopyRollbackInProgress:
		return news{headline: headline{":rewind:", fmt.Sprintf("LCS is putting the old data of %s back.", env(r.Target)), note}}, true
	}
	if note == "" {
		note = fmt.Sprintf("LCS: %s.", lcsSays(ev.Status))
	}
	return news{headline: headline{":hourglass_flowing_sand:", note, ""}}, true
}

func succeeded(p pen, r refresh.Refresh, ev refresh.StepSucceeded) (news, bool) {
	s, _ := r.Step(ev.Step)
	h := headline{":heavy_check_mark:", "", sentence(p.prose(ev.Note, maxNote))}
	found := ev.Findings
	var names []string
	if byHand(s) {
		h.lead, h.rest = fmt.Sprintf("%s: done by hand by %s.", stepName(s), p.person(ev.By)), ""
		return news{headline: h, details: findings(p, found), found: found}, true
	}
	switch s.Kind {
	case refresh.KindPreflight, refresh.KindApproval, refresh.KindStart, refresh.KindBlackouts, refresh.KindAnnounce, refresh.KindNotice, refresh.KindOpenGate:
		return news{}, false // told by the gate, the decision or the announcement
	case refresh.KindSignOff:
		if ev.By != (refresh.Person{}) {
			return news{}, false
		}
		h.lead, h.rest = "Signed off in LCS.", ""
	case refresh.KindBroadcast:
		h.lead = fmt.Sprintf("The users inside %s were told about the downtime.", env(r.Target))
	case refresh.KindCopy:
		h.lead = fmt.Sprintf("The copy has started: operation %s.", p.code(ev.Operation))
		if ev.Adopted {
			h.lead = fmt.Sprintf("The copy was found in LCS and adopted: operation %s.", p.code(ev.Operation))
		}
		h.emoji = ":rocket:"
	case refresh.KindFollow:
		h.lead = fmt.Sprintf("The copy is complete after %s.", refresh.Span(s.EndedAt.Sub(r.Copy.AcceptedAt)))
	case refresh.KindSmoke:
		bad := len(notOK(ev.Findings))
		h.lead = fmt.Sprintf("%s of %s after the copy: %d of %d ok.", stepName(s), env(r.Target), len(ev.Findings)-bad, len(ev.Findings))
		if bad > 0 {
			h.emoji = ":warning:"
		}
	case refresh.KindSnapshot:
		h.lead = fmt.Sprintf("The settings of %s itself are remembered.", env(r.Target))
	case refresh.KindPreview:
		h.lead = "Who will be let in:"
	case refresh.KindGuard:
		h.lead = fmt.Sprintf("Nothing of %s's is left in %s that must not be.", env(r.Source), env(r.Target))
	case refresh.KindEnable:
		in, not := enabled(r)
		if h.lead, h.rest = capital(h.rest), ""; h.lead == "" {
			h.lead = refresh.Count(len(in), "user") + " enabled."
		}
		found, names = not, in
	case refresh.KindVerify:
		if len(ev.Findings) == 0 {
			return news{}, false // nobody was let in, which has been told
		}
		bad := notOK(ev.Findings)
		h.lead = fmt.Sprintf("Checked: %d of %d users are enabled.", len(ev.Findings)-len(bad), len(ev.Findings))
		found = bad
		if len(bad) > 0 {
			h.emoji = ":warning:"
		}
	default:
		h.lead = stepName(s) + ": done."
	}
	details := findings(p, found)
	if len(names) > 0 {
		details = append([]string{list(names, mostEnabled)}, details...)
	}
	return news{headline: h, details: details, found: found, names: read(slices.Clone(names)...), most: mostEnabled}, true
}

// failed tells the first failure of a streak. The one that needs a person is told with its gate.
func failed(p pen, before, after refresh.Refresh, ev refresh.StepFailed) (news, bool) {
	was, _ := before.Step(ev.Step)
	if ev.RetryAt.IsZero() || was.Problem != nil && was.Tries > 1 {
		return news{}, false
	}
	s, _ := after.Step(ev.Step)
	return news{headline: headline{":repeat:", fmt.Sprintf("%s did not work.", stepName(s)),
		sentences(p.prose(ev.Problem.Message, maxReason), "Trying again "+p.at(ev.RetryAt)+", then less and less often")}}, true
}

// asked tells those who can decide that they are waited for.
func asked(p pen, r refresh.Refresh, g refresh.Gate) (news, bool) {
	s, _ := r.Step(g.Step)
	head, body := asks(p, r, g, s)
	who := decides(p, r, g)
	h := headline{":raised_hand:", "", "Buttons are on the card above."}
	switch g.Kind {
	case refresh.GateStart:
		return news{headline: headline{":calendar:", sentence(head), fmt.Sprintf("It is refreshed from %s then. This is said again %s before.", env(r.Source), refresh.Span(r.Settings.Notice))},
			details: []string{fmt.Sprintf("Expected back %s. Buttons to move it are on the card above.", p.at(r.StartAt.Add(r.Settings.Downtime)))}, broadcast: true, named: true}, true
	case refresh.GateNotice:
		return news{}, false // announced
	case refresh.GateApprove:
		h.lead = fmt.Sprintf("Waiting for approval by %s.", who)
	case refresh.GateSignOff:
		h.lead = fmt.Sprintf("Waiting for sign-off by %s.", who)
	case refresh.GateOpen:
		h.lead = fmt.Sprintf("Waiting for %s to let users in.", who)
	case refresh.GateOffer:
		h.lead, h.rest = head, who+" can decide with the buttons on the card above."
	case refresh.GateManual:
		h.lead, h.rest = fmt.Sprintf("To be done by hand: %s.", head), who+" presses Done on the card above when it is."
	case refresh.GateStepFailed, refresh.GateOutcomeUnknown, refresh.GateStartedElsewhere:
		h.emoji, h.lead = ":warning:", sentence(head)
		h.rest = sentences(p.prose(g.Question, maxReason), who+" can decide with the buttons on the card above")
		body = body[1:]
	}
	if g.Kind == refresh.GateSignOff {
		body = body[:1] // what the checks saw was told when they were done
	}
	return news{headline: h, details: body, found: behind(r, g, s)}, true
}

// behind are the findings that a question names: what was not ok.
func behind(r refresh.Refresh, g refresh.Gate, s refresh.Step) []refresh.Finding {
	switch g.Kind {
	case refresh.GateApprove:
		return notOK(kindFindings(r, refresh.KindPreflight))
	case refresh.GateStepFailed:
		return notOK(s.Findings)
	}
	return nil // what was found was told when it was
}

// delegated asks the person who may decide now.
func delegated(p pen, r refresh.Refresh, ev refresh.GateDelegated) news {
	g, _ := r.Gate(ev.Gate)
	return news{headline: headline{":busts_in_silhouette:", fmt.Sprintf("%s asked %s to decide too: %s.", p.person(ev.Delegation.By), p.person(ev.Delegation.To), waitedFor(r, g)),
		sentences(line(ev.Delegation.Reason, maxReason), "Buttons are on the card above")}}
}

// waitedFor is what a gate waits for.
func waitedFor(r refresh.Refresh, g refresh.Gate) string {
	s, _ := r.Step(g.Step)
	switch g.Kind {
	case refresh.GateApprove:
		return "approval"
	case refresh.GateSignOff:
		return "sign-off"
	case refresh.GateOpen:
		return "the users to be let in"
	case refresh.GateManual:
		return "work by hand: " + stepName(s)
	case refresh.GateOutcomeUnknown:
		return "somebody who knows what became of the copy"
	}
	return "a decision on " + stepName(s)
}

// reminded tells those who can decide once more, and in the end the admins.
func reminded(p pen, r refresh.Refresh, ev refresh.GateReminded, at time.Time) news {
	g, _ := r.Gate(ev.Gate)
	h := headline{":bell:", fmt.Sprintf("Still waiting for %s, since %s.", waitedFor(r, g), p.at(g.OpenedAt)), decides(p, r, g) + " can decide with the buttons on the card above."}
	if g.Count > 1 {
		h.rest += fmt.Sprintf(" %d of %d have %s.", agreed(g), g.Count, didAt(g))
	}
	switch {
	case g.Kind == refresh.GateApprove && !r.StartAt.IsZero():
		h.rest += fmt.Sprintf(" It is to start %s", p.at(r.StartAt))
		if by := r.StartAt.Add(-r.Settings.Notice); by.After(at) {
			h.rest += fmt.Sprintf(", so it has to be approved by %s", p.at(by))
		}
		h.rest += "."
	case !g.ExpiresAt.IsZero():
		h.rest += fmt.Sprintf(" Without a decision it expires %s.", p.at(g.ExpiresAt))
	}
	n := news{headline: h}
	if ev.Escalated && r.Settings.Remind != nil && len(r.Settings.Remind.Admins) > 0 {
		n.emoji = ":rotating_light:"
		n.details = []string{p.anyOf(r.Settings.Remind.Admins) + ": nobody has decided. Please find somebody who can."}
	}
	return n
}

func answered(p pen, r refresh.Refresh, ev refresh.GateDecided) (news, bool) {
	g, _ := r.Gate(ev.Gate)
	s, _ := r.Step(g.Step)
	who, votes := p.person(ev.Decision.By), ""
	if g.Count > 1 {
		votes = fmt.Sprintf(" (%d of %d)", agreed(g), g.Count)
	}
	h := headline{":ballot_box_with_check:", "", sentence(line(ev.Decision.Reason, maxReason))}
	switch ev.Decision.Action {
	case refresh.ActionApprove:
		h.lead = fmt.Sprintf("Approved by %s%s.", who, votes)
	case refresh.ActionSignOff:
		h.lead = fmt.Sprintf("Signed off by %s%s.", who, votes)
	case refresh.ActionOpen:
		h.lead = fmt.Sprintf("%s lets the users in%s.", who, votes)
	case refresh.ActionStartNow:
		if g.Kind != refresh.GateStart && !r.Window.From.IsZero() {
			return news{}, false // the new window says it
		}
		h.lead = fmt.Sprintf("%s starts it without waiting for the end of the notice.", who)
		if g.Kind == refresh.GateStart {
			h.lead = fmt.Sprintf("%s starts it now, with the notice that was promised.", who)
		}
	case refresh.ActionRetry:
		if g.Kind == refresh.GateStartedElsewhere {
			h.emoji, h.lead = ":repeat:", fmt.Sprintf("%s has LCS checked again.", who)
			break
		}
		h.emoji, h.lead = ":repeat:", fmt.Sprintf("%s is tried again, asked for by %s.", stepName(s), who)
	case refresh.ActionAdopt:
		h.lead = fmt.Sprintf("%s says that the copy was started. Looking for it in LCS.", who)
		if g.Kind == refresh.GateStartedElsewhere {
			h.lead = fmt.Sprintf("%s adopts the refresh that was started in LCS.", who)
		}
	case refresh.ActionStartAgain:
		if r.Held() {
			h.lead = fmt.Sprintf("%s says that the copy was not started. Looking in LCS first.", who)
			break
		}
		h.lead = fmt.Sprintf("%s asks for the copy to be started again. Looking in LCS first.", who)
		if g.Kind == refresh.GateStartedElsewhere {
			h.lead = fmt.Sprintf("%s asks for %s to be copied once more.", who, env(r.Target))
		}
	case refresh.ActionWithdraw:
		h.emoji, h.lead = ":leftwards_arrow_with_hook:", fmt.Sprintf("%s takes the decision back%s.", who, votes)
	case refresh.ActionAbort:
		if g.Kind != refresh.GateOutcomeUnknown {
			return news{}, false // ended
		}
		h.lead = fmt.Sprintf("%s gives this refresh up. Looking in LCS once more.", who)
	default:
		return news{}, false // the entry that follows says who: ended, moved, skipped, done by hand
	}
	return news{headline: h}, true
}

// closing is the last message of a refresh.
func closing(p pen, r refresh.Refresh) news {
	h := ended(p, r)
	n := news{headline: h, broadcast: true, named: true}
	if r.Status == refresh.Done {
		in, not := enabled(r)
		n.details = findings(p, not)
		if len(in) == 0 {
			n.lead = fmt.Sprintf("The refresh of %s from %s is finished: refreshbot let nobody in.", env(r.Target), env(r.Source))
			return n
		}
		n.lead, n.rest = fmt.Sprintf("%s is open: %s enabled.", env(r.Target), refresh.Count(len(in), "user")), sentence(list(in, 20))
		return n
	}
	n.lead = fmt.Sprintf("The refresh of %s from %s has ended.", env(r.Target), env(r.Source))
	why := h.lead
	if h.rest != "" {
		why += " " + h.rest
	}
	n.rest = sentences(why, aftermath(p, r))
	if r.RequestedBy.ID != "" && r.EndedBy.ID != r.RequestedBy.ID {
		n.rest += " It was asked for by " + p.person(r.RequestedBy) + "."
	}
	return n
}
