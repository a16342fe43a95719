package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// home is a button on the Home tab.
func home(action string) string { return `#home [data-action-id="` + action + `"]` }

// A person works from the Home tab alone, asks what a refresh is about, and sees in the end how it went.
func TestFlowHome(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	p := openPage(t, playDemo(t, hurried))
	p.click("[data-testid=home-open]")
	p.wait("Rita's environments", `document.querySelector("#home").textContent.includes("Refresh uat…")`)
	p.click(home("line:home")) // the form, as with the command
	p.wait("the form", `document.querySelector("[data-testid=modal]") !== null`)
	p.click("[data-testid=modal-close]")
	p.wait("the form to go", `document.querySelector("[data-testid=modal]") === null`)
	p.click("[data-testid=channel-C0UAT]")
	p.click(composer)
	p.press("/refresh uat for March training" + kb.Enter)

	// Anna decides on her Home tab.
	p.become(anna)
	p.click("[data-testid=home-open]")
	p.click(home("gate:approve"))
	p.wait("the question", `document.querySelector("[data-testid=confirm-ok]") !== null`)
	p.click("[data-testid=confirm-cancel]")
	p.click(home("gate:approve"))
	p.click("[data-testid=confirm-ok]")
	p.wait("the approval on the Home tab", `document.querySelector("#home").textContent.includes("Announced: uat goes down")`)

	p.click("[data-testid=channel-C0UAT]")
	p.decide("start_now")
	p.click(gate("sign_off"))
	p.become(ben)
	p.click(gate("sign_off"))
	p.wait("what is left to Ben", `document.querySelector("#timeline .message")?.textContent.includes("2 wait for a person") && !document.querySelector("#timeline .message").textContent.includes(": running")`)
	for _, item := range []string{"Tell the trainers", "What else a refresh resets"} {
		p.click(gate("done") + `[aria-label*="` + item + `"]`)
	}
	p.become(anna)
	p.click(gate("open"))

	p.wait("the end on the card", `document.querySelector("#timeline .message").textContent.includes("Open: 9 users enabled")`)

	// On the card, she asks what it was all about, when the last word is said and nothing moves any more.
	p.shows("uat is open: 9 users enabled")
	p.click(`#timeline .message:has(h3) [data-testid=shortcut-explain]`)
	p.wait("the explanation", `document.querySelector("[data-testid=modal]")?.textContent.includes("A refresh copies the whole database of prod")`)
	p.picture("explain")
	p.click("[data-testid=modal-close]")

	// The picture stands in the thread, with words for who does not see it.
	p.click("#timeline .message-foot [data-testid=thread-open]")
	const picture = `document.querySelector("#thread-timeline [data-testid=picture] img")`
	p.wait("the picture", picture+`?.complete && `+picture+`.naturalWidth > 1000 && `+picture+`.alt.includes("people were waited for")`)
	read[bool](p, `(`+picture+`.scrollIntoView({ block: "center", behavior: "instant" }), true)`)
	p.picture("thread")
	p.click("[data-testid=thread-close]")
	p.click("[data-testid=channel-C0UAT]")
	p.click(composer)
	p.press("/refresh history uat" + kb.Enter)
	p.told("Open: 9 users enabled")
	p.picture("history")
}
