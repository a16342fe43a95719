package browser

import (
	"fmt"
	"testing"
)

// hurried makes a refresh take a few seconds; what people press has at least ten all the same.
const hurried = 900

// button selects one of the panel, by what it says.
func (p *page) panel(label string) {
	p.t.Helper()
	p.wait("the button: "+label, fmt.Sprintf(`[...document.querySelectorAll("[data-testid=panel-button]")].some((b) => b.textContent === %s)`, quote(label)))
	action := read[string](p, fmt.Sprintf(`[...document.querySelectorAll("[data-testid=panel-button]")].find((b) => b.textContent === %s).dataset.action`, quote(label)))
	p.click(`[data-testid=panel-button][data-action="` + action + `"]`)
}

// What fails is tried again, skipped or given up by a person; a yes that others still have to join can be taken back.
func TestFlowTrouble(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	p := openPage(t, playDemo(t, hurried))

	p.look(1440, 1100, "light")

	// LCS refuses the copy.
	p.panel("Let LCS refuse the copy")
	p.say("/refresh uat for March training")
	p.become(anna)
	p.decide("approve")
	p.decide("start_now")
	p.asked("retry")
	p.card("The sandbox is being serviced")
	p.centre(gate("retry"))
	p.picture("trouble-copy")
	p.panel("Let LCS copy again")
	p.click(gate("retry"))

	// Two sign off; the first one thinks again.
	p.click(gate("sign_off"))
	p.centre(gate("withdraw"))
	p.picture("sign-off")
	p.click(gate("withdraw"))
	p.wait("a sign-off that is taken back", fmt.Sprintf(`document.querySelector(%s) === null`, quote(gate("withdraw"))))

	// More users than the configuration names.
	p.say("/refresh users uat")
	p.form("Or paste the users")
	p.click(`[data-testid=modal] textarea`)
	p.press("DAN\nnobody@contoso.com")
	p.picture("users")
	p.click("[data-testid=modal-submit]")
	p.told("2 users from the pasted list")

	// F&O refuses a setting.
	p.panel("Take away a right in UAT")
	p.click(gate("sign_off"))
	p.become(ben)
	p.click(gate("sign_off"))
	p.asked("retry")
	p.card("Document links: done") // the others go on meanwhile
	p.click(gate("retry"))
	p.card("Another try: Batch groups")
	p.centre(gate("retry"))
	p.picture("trouble-setting")
	p.sure(gate("skip") + `[aria-label*="atch groups"]`)
	p.wait("a card without trouble", fmt.Sprintf(`document.querySelector(%s) === null`, quote(gate("retry"))))

	// Who would be let in is shown, and it ends before that.
	for _, item := range []string{"Tell the trainers", "What else a refresh resets"} {
		p.click(gate("done") + `[aria-label*="` + item + `"]`)
	}
	p.centre(gate("open"))
	p.card("nobody@contoso.com")
	p.picture("who-gets-in")
	p.sure(gate("abort"))
	p.card("topped by")
	p.end()
	p.picture("stopped")

	p.say("/refresh history uat failed")
	p.told("Refreshes of uat")
}

// A question that nobody answers expires. The history has pages, and can be searched.
func TestFlowLookingBack(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	p := openPage(t, playDemo(t, 20_000)) // a day in four seconds
	p.say("/refresh uat for whoever reads this")
	p.card("Expired")
	const answers = `document.querySelectorAll("[data-testid=message][data-ephemeral=true]").length`
	for i := range 8 {
		for _, line := range []string{fmt.Sprintf("/refresh uat for round %d", i+1), "/refresh cancel uat"} {
			before := read[int](p, answers)
			p.say(line)
			p.wait("an answer", fmt.Sprintf("%s > %d", answers, before))
		}
	}
	p.say("/refresh history uat")
	p.told("page 1 of 2")
	p.click(told("Older refreshes"))
	p.told("page 2 of 2")
	p.say("/refresh history expired by @rita")
	p.told("by rita")
}
