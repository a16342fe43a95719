package view

import (
	"fmt"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
)

// summary is what remains to be said of a refresh that has ended.
func summary(p pen, r refresh.Refresh) []string {
	var lines []string
	add := func(label, format string, args ...any) {
		lines = append(lines, p.bold(label)+" "+fmt.Sprintf(format, args...))
	}
	if aftermath := aftermath(p, r); aftermath != "" {
		add("What it means:", "%s", aftermath)
	}
	took := ""
	if from := r.Copy.SentAt; !from.IsZero() {
		took = fmt.Sprintf(", %s after its copy began", refresh.Span(r.EndedAt.Sub(from)))
	}
	add("Ended:", "%s%s", p.at(r.EndedAt), took)
	if link := p.link(p.o.Report, "every step, decision and time"); link != "" {
		add("Report:", "%s", link)
	}
	switch c := r.Copy; {
	case !c.OnlineAt.IsZero() && !c.OfflineAt.IsZero():
		add("Downtime:", "%s, %s to %s", refresh.Span(c.OnlineAt.Sub(c.OfflineAt)), p.at(c.OfflineAt), p.at(c.OnlineAt))
	case !c.OfflineAt.IsZero():
		add("Downtime:", "since %s; it was not seen to answer again", p.at(c.OfflineAt))
	case r.PointOfNoReturn():
		add("Downtime:", "none was seen")
	}
	if who := whoDid(p, r, refresh.ActionApprove); len(who) > 0 {
		add("Approved by:", "%s", apart(who, 10))
	}
	if who := whoDid(p, r, refresh.ActionSignOff); len(who) > 0 {
		add("Signed off by:", "%s", apart(who, 10))
	}
	if c := r.Copy; c.Operation != "" {
		found := ""
		if c.Adopted {
			found = ", found in the history of LCS"
		}
		add("Copy:", "operation %s%s; LCS: %s", p.code(c.Operation), found, lcsSays(c.Status))
	}
	if in, not := enabled(r); len(in)+len(not) > 0 {
		add("Users enabled:", "%d: %s", len(in), list(in, 20))
		lines = append(lines, findings(p, not)...)
	}
	var done, skipped, odd []string
	for _, s := range r.Steps {
		switch {
		case s.Status == refresh.Skipped:
			skipped = append(skipped, stepName(s)+whySkipped(p, s))
		case byHand(s):
			done = append(done, fmt.Sprintf("%s by %s, %s", stepName(s), p.person(s.EndedBy), p.at(s.EndedAt)))
		}
		if s.Phase == refresh.PhaseReconfigure {
			odd = append(odd, findings(p, notOK(s.Findings))...)
		}
	}
	if who := whoDid(p, r, refresh.ActionOpen); len(who) > 0 {
		add("Users let in by:", "%s", apart(who, 10))
	}
	if len(skipped) > 0 {
		add("Skipped:", "%s", apart(skipped, 8))
	}
	if len(done) > 0 {
		add("Done by hand:", "%s", apart(done, 8))
	}
	return append(lines, odd...)
}

// whySkipped follows the word: who skipped the step or, when no person did, the reason.
func whySkipped(p pen, s refresh.Step) string {
	if s.EndedBy.ID == "" && s.Note != "" {
		return fmt.Sprintf(" (%s)", strings.TrimSuffix(uncapital(p.prose(s.Note, maxNote)), "."))
	}
	return " by " + p.person(s.EndedBy)
}

// byHand reports whether a person did the step: it was planned so, or it turned out that nothing else could.
func byHand(s refresh.Step) bool {
	return s.Phase == refresh.PhaseReconfigure && s.Status == refresh.Completed && s.EndedBy.ID != ""
}

// lcsSays is how LCS says that an operation stands.
func lcsSays(s refresh.CopyStatus) string {
	if s == "" {
		return "nothing said yet"
	}
	return line(s.Words(), 60)
}

// aftermath says in which state an unfinished refresh has left the target.
func aftermath(p pen, r refresh.Refresh) string {
	source, target := env(r.Source), env(r.Target)
	foreign := slices.ContainsFunc(r.Gates, func(g refresh.Gate) bool { return g.Kind == refresh.GateStartedElsewhere })
	switch {
	case r.Status == refresh.Done:
		return ""
	case r.Copy.Doubt:
		return fmt.Sprintf("This comes from a backup; whether %s was overwritten after it is not known: look at its history in LCS.", target)
	case !r.PointOfNoReturn() && foreign:
		return fmt.Sprintf("refreshbot changed nothing in %s, but somebody had started a refresh of it in LCS: look there.", target)
	case !r.PointOfNoReturn() && !r.Promised().From.IsZero():
		return fmt.Sprintf("%s was not changed, and the announced downtime does not take place.%s%s", target, banner(p, r), askAgain(r))
	case !r.PointOfNoReturn():
		return fmt.Sprintf("%s was not changed.%s", target, askAgain(r))
	case r.Copy.Status.Succeeded():
		return fmt.Sprintf("%s holds the data of %s, but it was not finished. What is missing has to be done by hand; the report lists it.", target, source)
	case r.Copy.Status.RolledBack():
		return fmt.Sprintf("LCS has put the old data of %s back.", target)
	case r.Copy.Operation == "":
		return fmt.Sprintf("It is not known whether %s is being overwritten: look at its history in LCS.", target)
	}
	return fmt.Sprintf("The data of %s may be incomplete: look at the environment in LCS before anybody uses it.", target)
}

// banner says what remains of a downtime that does not take place. F&O shows a broadcast message until the end of the
// window that came with it; its service has no text of its own and takes none back (SysBroadcastMessageService).
func banner(p pen, r refresh.Refresh) string {
	told := slices.ContainsFunc(r.Steps, func(s refresh.Step) bool { return s.Kind == refresh.KindBroadcast && s.Status == refresh.Completed })
	if !told || !r.EndedAt.Before(r.Window.To) {
		return ""
	}
	return fmt.Sprintf(" The banner inside %s cannot be taken back and stays until %s: please tell those who work there.", env(r.Target), p.at(r.Window.To))
}

// askAgain is the next step when it ended before the copy.
func askAgain(r refresh.Refresh) string {
	return fmt.Sprintf(" It can be asked for again: /refresh %s.", env(r.Target))
}

// whoDid names the people who took the action, in their order.
func whoDid(p pen, r refresh.Refresh, a refresh.Action) []string {
	var who []string
	for _, g := range r.Gates {
		for i, d := range g.Decisions {
			again := slices.ContainsFunc(g.Decisions[i+1:], func(later refresh.Decision) bool { return later.By.ID == d.By.ID })
			if d.Action == a && !again {
				who = append(who, p.person(d.By)+", "+p.at(d.At))
			}
		}
		if a == refresh.ActionSignOff && g.Outcome == refresh.OutcomeElsewhere {
			who = append(who, "somebody in LCS, "+p.at(g.ClosedAt))
		}
	}
	return who
}
