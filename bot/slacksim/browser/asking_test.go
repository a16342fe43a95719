package browser

import (
	"fmt"
	"testing"
)

// The form: what will be lost, the dry run on top of it, and the card in the end.
func TestFlowTheForm(t *testing.T) {
	p := flow(t)
	p.look(1280, 1000, "light")
	p.say("/refresh uat")
	p.form("Users who can sign in")
	p.form("would be let in")
	p.form("Europe/Copenhagen")
	p.click(`[data-testid=modal] [data-action-id="given:dry_run"]`)
	p.form("Nothing would stop it now")
	p.form("overwrite the database of uat")
	p.picture("dry-run")
	p.click("[data-testid=modal-close]")
	p.form("Who gets in afterwards")
	p.click(`[data-testid=modal] [data-action-id=given][data-block-id=reason]`)
	p.press("March training")
	p.click("[data-testid=modal-submit]")
	p.wait("the question", fmt.Sprintf(`document.querySelector(%s) !== null`, quote(gate("approve"))))
	p.shows("March training")
	p.wait("no form", `document.querySelector("[data-testid=modal]") === null`)
}

// A time counts once a button says so.
func TestFlowConfirmingATime(t *testing.T) {
	p := flow(t)
	p.say("/refresh uat tomorow 22:00")
	p.shows("Did you mean tomorrow 22:00?")
	p.say("/refresh uat tomorrow 22:00 for March training")
	p.shows("22:00 (Europe/Copenhagen, UTC")
	p.click(`[data-action-id="line:1"]`)
	p.wait("the card", fmt.Sprintf(`document.querySelector(%s) !== null`, quote(gate("approve"))))
	p.shows("Asked: uat is to be refreshed")
	p.wait("the answer in the place of the question", `document.querySelector('[data-action-id="line:1"]') === null`)
}

// The form opens from anywhere.
func TestFlowTheShortcut(t *testing.T) {
	p := flow(t)
	p.click("[data-testid=shortcut-refresh]")
	p.form("Refresh uat")
	p.form("Users who can sign in")
	p.click("[data-testid=modal-close]")
	p.wait("no form", `document.querySelector("[data-testid=modal]") === null`)
}
