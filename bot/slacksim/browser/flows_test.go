package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The flows that a person goes through, in a real browser. With -pictures each leaves the pictures of the documentation.

// picture takes one for the documentation, once everything is at rest.
func (p *page) picture(name string) {
	p.t.Helper()
	if *pictures == "" {
		return
	}
	p.do("take the mouse away", chromedp.MouseEvent(chromedp.MouseMoved, 1, 1)) // what it is over shows more
	p.wait("everything at rest", `document.getAnimations().every((a) => a.playState !== "running")`)
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*pictures, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// say types a line and sends it.
func (p *page) say(line string) {
	p.t.Helper()
	p.click(composer)
	p.press(line + kb.Enter)
	p.wait("an empty box", `document.querySelector("[data-testid=composer]").value === ""`)
}

// form waits for a dialog of the app's with the words in it.
func (p *page) form(words string) {
	p.t.Helper()
	p.wait("the form: "+words, fmt.Sprintf(`document.querySelector("[data-testid=modal]")?.textContent.includes(%s)`, quote(words)))
}

// shows waits for words in the channel.
func (p *page) shows(words string) {
	p.t.Helper()
	p.wait("the words: "+words, fmt.Sprintf(`document.querySelector("#timeline").textContent.includes(%s)`, quote(words)))
	p.bottom()
}

// bottom waits until the newest is in view.
func (p *page) bottom() {
	p.t.Helper()
	p.wait("a place at the end", `(() => { const s = document.querySelector("#scroll"); return s.scrollHeight - s.scrollTop - s.clientHeight < 2; })()`)
}

// end goes to the newest, from wherever in the channel one has looked.
func (p *page) end() {
	p.t.Helper()
	p.wait("the end", `(() => { const s = document.querySelector("#scroll"); s.scrollTop = s.scrollHeight; return s.scrollHeight - s.scrollTop - s.clientHeight < 2; })()`)
}

// lifelike is no faster than life, so that the texts say what real ones would.
const lifelike = 1

// flow opens the page of a demo of its own.
func flow(t *testing.T, also ...string) *page {
	t.Helper()
	t.Parallel()
	needBrowser(t)
	return openPage(t, playDemo(t, lifelike, also...))
}

// asked waits until a question stands on the card that this person may answer.
func (p *page) asked(action string) {
	p.t.Helper()
	p.wait("the question: "+action, fmt.Sprintf(`document.querySelector(%s) !== null`, quote(gate(action))))
}

// centre scrolls to what a picture is about.
func (p *page) centre(selector string) {
	p.t.Helper()
	p.wait(selector, fmt.Sprintf(`document.querySelector(%s) !== null`, quote(selector)))
	read[bool](p, fmt.Sprintf(`(document.querySelector(%s).scrollIntoView({ block: "center", behavior: "instant" }), true)`, quote(selector)))
}

// card waits for words on the newest card of the channel.
func (p *page) card(words string) {
	p.t.Helper()
	p.wait("on the card: "+words, fmt.Sprintf(`[...document.querySelectorAll("#timeline .message:has(h3)")].at(-1)?.textContent.includes(%s)`, quote(words)))
}

func TestFlowAsking(t *testing.T) {
	p := flow(t)
	p.look(1000, 1500, "light")
	p.say("/refresh uat")
	p.form("Users who can sign in")
	p.picture("ask")
	p.click("[data-testid=modal-close]")
	p.look(1440, 900, "light")
	p.say("/refresh uat tomorrow 22:00 for March training")
	p.told("the copy begins on")
	p.picture("ask-for-a-time")
	p.say("/refresh uat tommorow 22:00")
	p.told("Not done.")
	p.look(1440, 1300, "light")
	p.say("/refresh plan uat")
	p.told("from here there is no way back")
	p.look(1440, 1000, "light")
	p.say("/refresh help")
	p.told("/refresh help history")
}

func TestFlowDeciding(t *testing.T) {
	p := flow(t)
	p.say("/refresh uat for March training")
	p.asked("approve")
	p.become(anna)
	p.asked("approve")
	p.bottom()
	p.picture("card")
	p.click("[data-testid=home-open]")
	p.wait("the question on the Home tab", fmt.Sprintf(`document.querySelector(%s) !== null`, quote(home("gate:approve"))))
	p.picture("home")
	p.click("[data-testid=channel-C0UAT]")
	p.click(gate("approve"))
	p.wait("the dialog", `document.querySelector("[data-testid=confirm]") !== null`)
	p.picture("confirm")
	p.click("[data-testid=confirm-ok]")
	p.asked("start_now")
	p.say("/refresh why uat")
	p.told("If nobody does")
	p.picture("why")
	p.say("/refresh status")
	p.told("Its card is in")
	p.bottom()
	p.picture("status")
}

// Who is asked hands the decision on, and the other one says no and why.
func TestFlowHandingOnAndRejecting(t *testing.T) {
	p := flow(t)
	p.say("/refresh uat for March training")
	p.become(anna)
	p.click(gate("delegate"))
	p.form("Who is to decide?")
	p.press("Sam") // the menu has the focus
	p.picture("delegate")
	p.click("[data-testid=modal-submit]")
	p.card("Sam Cole")
	p.become(sam)
	p.click(gate("reject"))
	p.form("Reject")
	p.press("The training has moved to May")
	p.picture("reject")
	p.click("[data-testid=modal-submit]")
	p.card("The training has moved to May")
	p.wait("a card that asks nothing", `document.querySelector('#timeline [data-action-id^="gate:"]') === null`)
	p.picture("rejected")
}

// Users hear in their channel, and in their language, that a downtime comes, is moved, and does not take place.
func TestFlowCallingOff(t *testing.T) {
	p := flow(t)
	p.say("/refresh uat for March training")
	p.become(anna)
	p.decide("approve")
	p.click("[data-testid=channel-C0TRAINEES]")
	p.shows("uat will be down from")
	p.click("[data-testid=channel-C0UAT]")
	p.click(gate("postpone"))
	p.click("[data-testid=channel-C0TRAINEES]")
	p.shows("has moved")
	p.click("[data-testid=channel-C0UAT]")
	p.card("Postponed by")
	p.decide("cancel")
	p.card("Cancelled")
	p.click("[data-testid=channel-C0TRAINEES]")
	p.shows("stays up")
	p.picture("notices")
	p.speak("de-DE")
	p.click("[data-testid=channel-C0VERTRIEB]")
	p.shows("findet nicht statt")
	p.picture("notices-in-german")
	p.speak("en-US")

	p.click("[data-testid=channel-C0UAT]")
	p.click(person(rita))
	p.say("/refresh uat now")
	p.asked("approve")
	p.say("/refresh cancel uat because the month is not closed")
	p.card("the month is not closed")
}

// A question reaches who can answer it in a direct message, and what is decided there counts in the channel.
func TestFlowDecidingInADirectMessage(t *testing.T) {
	p := flow(t)
	p.look(1440, 900, "dark")
	p.say("/refresh uat for March training")
	p.click(person(anna))
	p.click("#dms button")
	p.wait("the question", fmt.Sprintf(`document.querySelector(%s) !== null`, quote(gate("approve"))))
	p.bottom()
	p.picture("direct-message")
	p.decide("approve")
	p.wait("a message without the question", fmt.Sprintf(`document.querySelector(%s) === null`, quote(gate("approve"))))
	p.click("[data-testid=channel-C0UAT]")
	p.wait("the notice in the channel", fmt.Sprintf(`document.querySelector(%s) !== null`, quote(gate("start_now"))))
}

func TestFlowScheduling(t *testing.T) {
	p := flow(t)
	p.look(1440, 1000, "light")
	p.say("/refresh schedule uat")
	p.form("On which days")
	p.click(`[data-testid=modal] [data-block-id=days] label:nth-of-type(2)`)
	p.picture("schedule")
	p.click("[data-testid=modal-submit]")
	p.form("every Tuesday at 20:00")
	p.picture("schedule-times")
	p.click("[data-testid=modal-submit]")
	p.shows("has scheduled refreshes of uat")
	p.say("/refresh schedules")
	p.told("2 schedules")
	p.picture("schedules")
	p.sure(told("Pause uat.1"))
	p.told("uat.1 is paused")
	p.click(told("Resume uat.1"))
	p.told("uat.1 is resumed")
	p.say("/refresh schedules")
	p.sure(told("Remove uat.1"))
	p.told("uat.1 is removed")
	p.say("/refresh schedules")
	p.told("1 schedule.")
	p.sure(told("Skip the next"))
	p.told("The refresh of uat on")
	p.click(person(ben))
	p.say("/refresh freeze uat until friday 18:00 because month end")
	p.told("would be frozen until")
	p.click(`[data-action-id="line:1"]`)
	p.shows("month end")
	p.say("/refresh uat now")
	p.told("Not done.")
	p.picture("freeze")
	p.say("/refresh unfreeze uat")
	p.say("/refresh uat now")
	p.told("Asked: uat is to be refreshed")
}

func TestFlowSigningIn(t *testing.T) {
	p := flow(t, "--mfa")
	p.click(person(ben))
	p.say("/refresh check uat")
	p.told("Nobody has signed in to LCS")
	p.say("/refresh sign-in")
	p.told("enter the code")
	p.picture("sign-in")
	p.click(`[data-title="Microsoft Entra"] [data-testid=panel-button]`)
	p.told("Signed in to LCS as")
	p.say("/refresh check uat")
	p.told("Everything passed")
	p.picture("check")
	p.say("/refresh config")
	p.told("This configuration is in use")
	p.picture("config")
	p.say("/refresh backup")
	p.told("backup")
}
