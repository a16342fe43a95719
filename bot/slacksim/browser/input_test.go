package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestKeyboardOnly(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	p := openPage(t, playDemo(t, 1))

	p.tabTo("a.skip")
	p.press(kb.Enter)
	p.tabTo(composer)
	p.press("/refresh uat now" + kb.Enter)
	p.wait("the question", fmt.Sprintf(`document.querySelector(%s) !== null`, quote(gate("approve"))))
	p.wait("an empty box", `document.activeElement.matches("[data-testid=composer]") && document.activeElement.value === ""`)

	p.tabTo(person(anna))
	p.press(kb.Enter)
	p.wait("Anna's view", fmt.Sprintf(`document.activeElement.matches(%s) && document.activeElement.getAttribute("aria-pressed") === "true"`, quote(person(anna))))
	p.tabTo(gate("approve"))
	p.press(kb.Enter)
	p.tabTo("[data-testid=confirm-ok]")
	p.press(kb.Enter)
	p.wait("the notice", fmt.Sprintf(`document.querySelector(%s) !== null`, quote(gate("start_now"))))
	if !read[bool](p, `document.querySelector("#timeline").contains(document.activeElement)`) {
		t.Errorf("the focus is lost after the click: %s", read[string](p, `document.activeElement.outerHTML.slice(0, 200)`))
	}
}

// TestNoScriptInjection: what somebody writes is shown as they wrote it, by the page and by the bot.
func TestNoScriptInjection(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	p := openPage(t, playDemo(t, 1))
	const text = `<script>window.hacked=1</script> <img src=x onerror="window.hacked=2"> <!channel> &lt; <b>`

	p.click(composer)
	p.press(text + kb.Enter)
	p.wait("the message", `document.querySelector("#timeline .message") !== null`)
	if got := read[string](p, `document.querySelector("#timeline .message .blocks").innerText`); got != text {
		t.Errorf("the message reads\n%s\nnot\n%s", got, text)
	}
	p.press("/refresh uat for " + text + kb.Enter)
	p.wait("the question", fmt.Sprintf(`document.querySelector(%s) !== null`, quote(gate("approve"))))
	card := read[string](p, fmt.Sprintf(`document.querySelector(%s).closest(".message").innerText`, quote(gate("approve"))))
	if !strings.Contains(card, text) {
		t.Errorf("the card reads\n%s\nwithout\n%s", card, text)
	}
	if n := read[int](p, `document.querySelectorAll("#app script, #app img, #app b, #app .blocks [onerror]").length`); n > 0 {
		t.Errorf("%d elements were made of texts", n)
	}
	if read[bool](p, `"hacked" in window`) {
		t.Error("a script ran")
	}
}
