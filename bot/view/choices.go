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
	case g.Kind == refresh.GateForeign:
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

// choose returns the button of an action at a gate. Its texts are for plain_text objects.
func choose(p pen, r refresh.Refresh, g refresh.Gate, s refresh.Step, a refresh.Action) choice {
	p.plain = true
	source, target, step := unmarked(r.Source.Name, maxEnv), unmarked(r.Target.Name, maxEnv), unmarked(s.Name, 60)
	whole := fmt.Sprintf("refresh of %s from %s", target, source)
	last, before := "", ""
	if !r.Refreshed.IsZero() {
		last = " on " + p.at(r.Refreshed)
		before = fmt.Sprintf(" The one before was on %s.", p.at(r.Refreshed))
	}
	overwrites := fmt.Sprintf("This overwrites %s with %s's data. Everything entered in %s since its last refresh%s is lost.", target, source, target, last)
	stops := fmt.Sprintf("It ends here. %s keeps the data of %s, and nobody is let in by refreshbot.%s", target, source, before)
	switch a {
	case refresh.ActionApprove:
		return choice{"Approve", whole, slack.StylePrimary, fmt.Sprintf("Approve the %s?", whole), overwrites}
	case refresh.ActionReject:
		return choice{label: "Reject", of: whole, style: slack.StyleDanger}
	case refresh.ActionCancel:
		return choice{"Cancel refresh", whole, slack.StyleDefault, fmt.Sprintf("Cancel the %s?", whole), cancelling(r, g, target)}
	case refresh.ActionPostpone:
		return choice{label: "Postpone " + refresh.Span(r.Settings.Postpone), of: whole}
	case refresh.ActionStartNow:
		if g.Kind == refresh.GateStart {
			return choice{"Start now", whole, slack.StyleDanger, fmt.Sprintf("Start the %s now?", whole),
				fmt.Sprintf("Its downtime is announced now, the copy starts %s later. %s", refresh.Span(r.Settings.Notice), overwrites)}
		}
		return choice{"Start now", whole, slack.StyleDanger, fmt.Sprintf("Start the %s now?", whole), overwrites + " Its users were promised more time."}
	case refresh.ActionSignOff:
		return choice{label: "Sign off", of: whole, style: slack.StylePrimary}
	case refresh.ActionDone:
		return choice{label: "Done", of: step, style: slack.StylePrimary}
	case refresh.ActionOpen:
		return choice{label: "Let users in", of: target, style: slack.StylePrimary}
	case refresh.ActionWithdraw:
		what := map[refresh.GateKind]string{refresh.GateApprove: "my approval", refresh.GateSignOff: "my sign-off"}[g.Kind]
		return choice{label: "Withdraw " + cmp.Or(what, "my yes"), of: whole}
	case refresh.ActionDelegate:
		return choice{label: "Delegate…", of: whole}
	case refresh.ActionRetry:
		if s.Kind == refresh.KindPreflight || s.Kind == refresh.KindBlackouts || g.Kind == refresh.GateForeign {
			return choice{label: "Check again", of: whole, style: slack.StylePrimary}
		}
		if g.Kind == refresh.GateOffer {
			return choice{label: "Yes, do it", of: step, style: slack.StylePrimary}
		}
		return choice{label: "Retry", of: step, style: slack.StylePrimary}
	case refresh.ActionSkip:
		if g.Kind == refresh.GateOffer {
			return choice{label: "No, leave it", of: step}
		}
		return choice{"Skip", step, slack.StyleDefault, "Skip this step?", fmt.Sprintf("%q is left as it is in %s. The refresh from %s goes on without it.%s", step, target, source, before)}
	case refresh.ActionAbort:
		runs := fmt.Sprintf(" A copy that runs cannot be stopped: it overwrites %s with %s's data.%s", target, source, before)
		switch {
		case r.Held():
			return choice{"Abort", whole, slack.StyleDanger, fmt.Sprintf("Give up the %s?", whole), "refreshbot looks once more and ends." + runs}
		case g.Kind == refresh.GateUnknown:
			return choice{"Abort", whole, slack.StyleDanger, fmt.Sprintf("Give up the %s?", whole), "refreshbot looks once more for the copy and ends if there is none." + runs}
		case g.Kind == refresh.GateTrouble:
			return choice{"Abort", whole, slack.StyleDanger, fmt.Sprintf("End the %s as failed?", whole), stops}
		}
		return choice{"Stop here", whole, slack.StyleDanger, fmt.Sprintf("Stop the %s?", whole), stops}
	case refresh.ActionAdopt:
		return adopting(r, g, whole, source, target)
	case refresh.ActionStartAgain:
		again := fmt.Sprintf("Start the %s again?", whole)
		switch {
		case r.Held():
			return choice{"It was not started: go on", whole, slack.StyleDanger, "Go on from the backup?",
				fmt.Sprintf("The %s goes on where it was when the backup was taken, the copy included. Only if LCS shows no refresh that was started.%s", whole, before)}
		case g.Kind == refresh.GateForeign:
			return choice{"Copy once more", whole, slack.StyleDanger, again, overwrites + " That includes what was entered after the refresh in LCS."}
		}
		return choice{"Start again", whole, slack.StyleDanger, again, overwrites + " Only if LCS shows no refresh that was started."}
	}
	return choice{label: string(a), of: step}
}

// adopting takes what LCS shows for the copy.
func adopting(r refresh.Refresh, g refresh.Gate, whole, source, target string) choice {
	which := "the operation that it finds"
	if shown := r.New(g.Seen); len(shown) > 0 {
		which = "operation " + unmarked(shown[0].ID, 40)
	}
	only := fmt.Sprintf(" LCS does not say what it copies from: adopt it only if that is %s.", source)
	if g.Kind != refresh.GateForeign {
		return choice{"It was started: adopt", whole, slack.StylePrimary, "Adopt the copy in LCS?",
			fmt.Sprintf("refreshbot looks once more and takes %s as its copy.%s", which, only)}
	}
	if r.Snapshot == 0 {
		only += fmt.Sprintf(" What %s had of its own is not remembered.", target)
	}
	return choice{"Adopt it", whole, slack.StylePrimary, "Adopt the refresh in LCS?", fmt.Sprintf("refreshbot takes %s as its copy and starts none.%s", which, only)}
}
