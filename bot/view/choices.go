package view

import (
	"cmp"
	"fmt"

	"github.com/slack-go/slack"

	"refreshbot/commands"
	"refreshbot/jobs/refresh"
)

// buttons offers what can be decided at a gate.
func buttons(p pen, r refresh.Refresh, g refresh.Gate) slack.Block {
	s, _ := r.Step(g.Step)
	var elements []slack.BlockElement
	for _, a := range g.Actions {
		if a == refresh.ActionWithdraw && agreed(g) == 0 {
			continue // nobody has anything to take back
		}
		elements = append(elements, button(Button{Refresh: r.ID, Gate: g.ID, Nonce: g.Nonce, Action: a}, choose(p, r, g, s, a)))
	}
	return slack.NewActionBlock("", elements...)
}

// cancelButton calls the refresh off while no question is open that offers to. Nil when it cannot be.
func cancelButton(p pen, r refresh.Refresh) slack.Block {
	if r.Status.Ended() || r.PointOfNoReturn() || r.Held() {
		return nil
	}
	for _, g := range r.OpenGates() {
		if g.Offers(refresh.ActionCancel) {
			return nil
		}
	}
	return callOff(p, r)
}

// callOff calls the refresh off, whatever is open.
func callOff(p pen, r refresh.Refresh) slack.Block {
	b := Button{Refresh: r.ID, Gate: commands.WholeRefresh, Nonce: commands.WholeRefresh, Action: refresh.ActionCancel}
	return slack.NewActionBlock("", button(b, choose(p, r, refresh.Gate{}, refresh.Step{}, refresh.ActionCancel)))
}

func button(b Button, c choice) slack.BlockElement {
	el := slack.NewButtonBlockElement(b.ActionID(), b.Value(), plain(c.label, maxLabel)).WithStyle(c.style)
	el.AccessibilityLabel = unmarked(c.label+": "+c.of, maxLabel)
	if c.ask != "" {
		el.Confirm = confirmation(c.ask, c.tell, c.label)
		if c.style == slack.StyleDanger {
			el.Confirm.Style = slack.StyleDanger
		}
	}
	return el
}

// confirmation is the dialog before what a button does; its own buttons say what they do.
func confirmation(ask, tell, does string) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(plain(ask, maxConfirmTitle), plain(tell, maxConfirmText), plain(does, maxConfirmWord), plain("Go back", maxConfirmWord))
}

// Limits of a confirmation dialog (Slack, Block Kit, composition objects).
const (
	maxConfirmTitle = 100
	maxConfirmText  = 300
	maxConfirmWord  = 30
)

// cancelling says what cancelling leaves behind.
func cancelling(r refresh.Refresh, g refresh.Gate, target string) string {
	switch {
	case g.Kind == refresh.GateStartedElsewhere:
		return fmt.Sprintf("refreshbot changes nothing in %s. The refresh that was started in LCS goes on by itself.", target)
	case !r.Promised().From.IsZero():
		return fmt.Sprintf("Nothing is changed in %s, and the announced downtime does not take place. It can be asked for again.", target)
	}
	return fmt.Sprintf("Nothing is changed in %s. It can be asked for again.", target)
}

// choice is one button: its verb, what it is about, and the dialog that asks again before what cannot be undone.
type choice struct {
	label, of string
	style     slack.Style
	ask, tell string
}

// words are what the texts of several buttons have in common.
type words struct {
	source, target, step string
	whole                string // names the refresh
	before               string // when the one before it was
	overwrites           string // what the copy does
}

func wordsOf(p pen, r refresh.Refresh, s refresh.Step) words {
	w := words{source: unmarked(r.Source.Name, maxEnv), target: unmarked(r.Target.Name, maxEnv), step: unmarked(s.Name, 60)}
	w.whole = fmt.Sprintf("refresh of %s from %s", w.target, w.source)
	last := ""
	if !r.Refreshed.IsZero() {
		last = " on " + p.at(r.Refreshed)
		w.before = fmt.Sprintf(" The one before was on %s.", p.at(r.Refreshed))
	}
	w.overwrites = fmt.Sprintf("This overwrites %s with %s's data. Everything entered in %s since its last refresh%s is lost.", w.target, w.source, w.target, last)
	return w
}

// choose returns the button of an action at a gate. Its texts are for plain_text objects.
func choose(p pen, r refresh.Refresh, g refresh.Gate, s refresh.Step, a refresh.Action) choice {
	p.plain = true
	w := wordsOf(p, r, s)
	switch a {
	case refresh.ActionApprove:
		return choice{"Approve", w.whole, slack.StylePrimary, fmt.Sprintf("Approve the %s?", w.whole), w.overwrites}
	case refresh.ActionReject:
		return choice{label: "Reject", of: w.whole, style: slack.StyleDanger}
	case refresh.ActionCancel:
		return choice{"Cancel refresh", w.whole, slack.StyleDefault, fmt.Sprintf("Cancel the %s?", w.whole), cancelling(r, g, w.target)}
	case refresh.ActionPostpone:
		return choice{label: "Postpone " + refresh.Span(r.Settings.Postpone), of: w.whole}
	case refresh.ActionStartNow:
		return startingNow(r, g, w)
	case refresh.ActionSignOff:
		return choice{label: "Sign off", of: w.whole, style: slack.StylePrimary}
	case refresh.ActionDone:
		return choice{label: "Done", of: w.step, style: slack.StylePrimary}
	case refresh.ActionOpen:
		return choice{label: "Let users in", of: w.target, style: slack.StylePrimary}
	case refresh.ActionWithdraw:
		what := map[refresh.GateKind]string{refresh.GateApprove: "my approval", refresh.GateSignOff: "my sign-off"}[g.Kind]
		return choice{label: "Withdraw " + cmp.Or(what, "my yes"), of: w.whole}
	case refresh.ActionDelegate:
		return choice{label: "Delegate…", of: w.whole}
	case refresh.ActionRetry:
		return retrying(g, s, w)
	case refresh.ActionSkip:
		return skipping(g, w)
	case refresh.ActionAbort:
		return aborting(r, g, w)
	case refresh.ActionAdopt:
		return adopting(r, g, w)
	case refresh.ActionStartAgain:
		return startingAgain(r, g, w)
	}
	return choice{label: string(a), of: w.step}
}

// startingNow does not wait for the time or for the end of the notice.
func startingNow(r refresh.Refresh, g refresh.Gate, w words) choice {
	if g.Kind == refresh.GateStart {
		return choice{"Start now", w.whole, slack.StyleDanger, fmt.Sprintf("Start the %s now?", w.whole),
			fmt.Sprintf("Its downtime is announced now, the copy starts %s later. %s", refresh.Span(r.Settings.Notice), w.overwrites)}
	}
	return choice{"Start now", w.whole, slack.StyleDanger, fmt.Sprintf("Start the %s now?", w.whole), w.overwrites + " Its users were promised more time."}
}

// retrying does the step once more, or does what is offered.
func retrying(g refresh.Gate, s refresh.Step, w words) choice {
	if s.Kind == refresh.KindPreflight || s.Kind == refresh.KindBlackouts || g.Kind == refresh.GateStartedElsewhere {
		return choice{label: "Check again", of: w.whole, style: slack.StylePrimary}
	}
	if g.Kind == refresh.GateOffer {
		return choice{label: "Yes, do it", of: w.step, style: slack.StylePrimary}
	}
	return choice{label: "Retry", of: w.step, style: slack.StylePrimary}
}

// skipping leaves the step out.
func skipping(g refresh.Gate, w words) choice {
	if g.Kind == refresh.GateOffer {
		return choice{label: "No, leave it", of: w.step}
	}
	return choice{"Skip", w.step, slack.StyleDefault, "Skip this step?", fmt.Sprintf("%q is left as it is in %s. The refresh from %s goes on without it.%s", w.step, w.target, w.source, w.before)}
}

// aborting ends the refresh, as far as refreshbot can.
func aborting(r refresh.Refresh, g refresh.Gate, w words) choice {
	stops := fmt.Sprintf("It ends here. %s keeps the data of %s, and nobody is let in by refreshbot.%s", w.target, w.source, w.before)
	runs := fmt.Sprintf(" A copy that runs cannot be stopped: it overwrites %s with %s's data.%s", w.target, w.source, w.before)
	switch {
	case r.Held():
		return choice{"Abort", w.whole, slack.StyleDanger, fmt.Sprintf("Give up the %s?", w.whole), "refreshbot looks once more and ends." + runs}
	case g.Kind == refresh.GateOutcomeUnknown:
		return choice{"Abort", w.whole, slack.StyleDanger, fmt.Sprintf("Give up the %s?", w.whole), "refreshbot looks once more for the copy and ends if there is none." + runs}
	case g.Kind == refresh.GateStepFailed:
		return choice{"Abort", w.whole, slack.StyleDanger, fmt.Sprintf("End the %s as failed?", w.whole), stops}
	}
	return choice{"Stop here", w.whole, slack.StyleDanger, fmt.Sprintf("Stop the %s?", w.whole), stops}
}

// startingAgain begins a copy although there may have been one.
func startingAgain(r refresh.Refresh, g refresh.Gate, w words) choice {
	again := fmt.Sprintf("Start the %s again?", w.whole)
	switch {
	case r.Held():
		return choice{"It was not started: go on", w.whole, slack.StyleDanger, "Go on from the backup?",
			fmt.Sprintf("The %s goes on where it was when the backup was taken, the copy included. Only if LCS shows no refresh that was started.%s", w.whole, w.before)}
	case g.Kind == refresh.GateStartedElsewhere:
		return choice{"Copy once more", w.whole, slack.StyleDanger, again, w.overwrites + " That includes what was entered after the refresh in LCS."}
	}
	return choice{"Start again", w.whole, slack.StyleDanger, again, w.overwrites + " Only if LCS shows no refresh that was started."}
}

// adopting takes what LCS shows for the copy.
func adopting(r refresh.Refresh, g refresh.Gate, w words) choice {
	which := "the operation that it finds"
	if shown := r.New(g.Seen); len(shown) > 0 {
		which = "operation " + unmarked(shown[0].ID, 40)
	}
	only := fmt.Sprintf(" LCS does not say what it copies from: adopt it only if that is %s.", w.source)
	if g.Kind != refresh.GateStartedElsewhere {
		return choice{"It was started: adopt", w.whole, slack.StylePrimary, "Adopt the copy in LCS?",
			fmt.Sprintf("refreshbot looks once more and takes %s as its copy.%s", which, only)}
	}
	if r.Snapshot == 0 {
		only += fmt.Sprintf(" What %s had of its own is not remembered.", w.target)
	}
	return choice{"Adopt it", w.whole, slack.StylePrimary, "Adopt the refresh in LCS?", fmt.Sprintf("refreshbot takes %s as its copy and starts none.%s", which, only)}
}
