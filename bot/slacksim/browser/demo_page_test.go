package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// The people of the demo.
const (
	rita = "U0RITA" // asks
	anna = "U0ANNA" // approves
	ben  = "U0BEN"  // approves
	sam  = "U0SAM"  // may do neither
)

const (
	composer = "[data-testid=composer]"
	// quick makes the refresh take a quarter of a minute, and leaves three seconds to start it before its time.
	quick = 300
)

// TestDemoPage is not parallel: of all tests here it is the one in which time matters.
func TestDemoPage(t *testing.T) {
	needBrowser(t)
	p := openPage(t, playDemo(t, quick))
	p.wait("the panel", row("UAT", "Sales orders")+` !== null`)
	before := map[string]string{}
	for _, label := range []string{"Users enabled", "E-mail server", "Sales orders"} {
		before[label] = read[string](p, row("UAT", label))
	}

	// Rita asks: the box completes the command, then an example.
	p.click(composer)
	p.press("/re")
	p.wait("the list of commands", `[...document.querySelectorAll(".complete [role=option]")].some((o) => o.checkVisibility() && o.textContent.includes("/refresh"))`)
	p.press(kb.Tab)
	p.wait("the command", `document.querySelector("[data-testid=composer]").value === "/refresh "`)
	p.press("uat f")
	p.wait("an example", `[...document.querySelectorAll(".complete [role=option]")].some((o) => o.checkVisibility() && o.textContent === "/refresh uat for March training")`)
	p.press(kb.ArrowDown + kb.Enter)
	p.wait("the example in the box", `document.querySelector("[data-testid=composer]").value === "/refresh uat for March training"`)
	p.press(kb.Enter)

	// She may not approve her own request. That is for her eyes alone.
	p.click(gate("approve"))
	p.click("[data-testid=confirm-cancel]")
	p.wait("the dialog to go", `document.querySelector("[data-testid=confirm]") === null`)
	p.wait("the focus where it was", fmt.Sprintf(`document.activeElement.matches(%s)`, quote(gate("approve"))))
	p.decide("approve")
	const refusal = "somebody else has to approve"
	p.told(refusal)
	p.become(sam)
	if read[bool](p, `document.querySelector("#timeline").textContent.includes(`+quote(refusal)+`)`) {
		t.Error("Sam reads what Rita alone was told")
	}

	// Anna approves and does not wait out the notice.
	p.become(anna)
	p.decide("approve")
	p.decide("start_now")
	p.click("#timeline .message-foot [data-testid=thread-open]")
	p.wait("the thread", `document.querySelector("[data-testid=thread]").checkVisibility() && document.querySelector("#thread-timeline").textContent.includes("Approved")`)

	// The services tell the truth beside what the bot says.
	p.wait("UAT to go down", status("UAT")+` === "Offline"`)
	p.wait("the copy in LCS", row("UAT", "LCS operation")+`?.includes("Refresh database")`)
	if got := read[string](p, status("Production")); got != "Online" {
		t.Errorf("production is %s while it is copied", got)
	}
	p.wait("UAT to come back", status("UAT")+` === "Online"`)
	p.wait("the copy to have taken the e-mail server away", row("UAT", "E-mail server")+` === "none"`)
	p.click("[data-testid=thread-close]")
	p.wait("the thread to close", `!document.querySelector("[data-testid=thread]").checkVisibility()`)

	// Anna and Ben sign off, he does by hand what nobody can do from outside, and she lets the users in.
	p.click(gate("sign_off"))
	p.become(ben)
	p.click(gate("sign_off"))
	for _, item := range []string{"Tell the trainers", "What else a refresh resets"} {
		p.click(gate("done") + `[aria-label*="` + item + `"]`)
	}
	p.become(anna)
	p.click(gate("open"))
	p.wait("the end on the card", `document.querySelector("#timeline .message").textContent.includes("Open: 9 users enabled")`)
	p.wait("a channel without buttons", `document.querySelector('#timeline [data-action-id^="gate:"]') === null`)

	p.wait("production's sales orders in UAT", row("UAT", "Sales orders")+" === "+row("Production", "Sales orders"))
	p.wait("UAT's own e-mail server", row("UAT", "E-mail server")+` === "smtp-test.contoso.com"`)
	for label, was := range before {
		if label != "E-mail server" && read[string](p, row("UAT", label)) == was {
			t.Errorf("%s of UAT is %s, as before the refresh", label, was)
		}
	}
	const users = "[data-testid=panel-section][data-title=UAT] details:first-of-type"
	p.click(users + " > summary")
	for _, id := range []string{"(ANNA)", "(BO)", "(CARLA)", "(GITA)", "(HUGO)", "(SAM)", "(Admin)"} {
		p.wait(id+" among the users that UAT has enabled", fmt.Sprintf(`[...document.querySelectorAll(%s)].some((li) => li.textContent.endsWith(%s))`, quote(users+"[open] li"), quote(id)))
	}
	if n := read[int](p, `document.querySelectorAll("[data-testid=notice][data-tone=error]").length`); n > 0 {
		t.Errorf("the page shows %d errors", n)
	}
}
