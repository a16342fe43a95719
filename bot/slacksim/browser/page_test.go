package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// page is the demo's page in a browser of its own.
type page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // what the browser complained about
}

// openPage shows the page in a new browser. The test fails if anything in it goes wrong by the end, or if it asks
// anybody but the demo for anything.
func openPage(t *testing.T, address string) *page {
	t.Helper()
	demo, err := url.Parse(address)
	if err != nil || demo.Host == "" || demo.Port() == "0" {
		t.Fatalf("the demo's page is at %q (%v)", address, err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1440, 900),
		chromedp.Env("TZ=Europe/Copenhagen"), // where the demo's people are
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	// Not t.Context(), which ends before the cleanups, and they want a picture of a failure.
	allocator, free := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(free)
	ctx, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	p := &page{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, func(event any) { p.hear(demo.Host, event) }); err != nil {
		t.Fatalf("start %s: %v", chromium, err)
	}
	t.Cleanup(p.judge)
	p.look(1440, 900, "light")
	p.do("open the page", chromedp.Navigate(address))
	p.wait("the bot to be connected", `document.querySelector("#link").textContent.startsWith("Bot connected")`)
	return p
}

func (p *page) hear(host string, event any) {
	problem := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != host && u.Scheme != "data" && u.Scheme != "about" {
			problem = "a request to " + e.Request.URL
		}
	case *network.EventWebSocketCreated:
		problem = "a socket to " + e.URL
	case *runtime.EventExceptionThrown:
		problem = "an exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			problem = "on the console:"
			for _, arg := range e.Args {
				problem += " " + string(arg.Value) + arg.Description
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			problem = fmt.Sprintf("in the browser's log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	}
	if problem != "" {
		p.mu.Lock()
		p.problems = append(p.problems, problem)
		p.mu.Unlock()
	}
}

// judge ends the use of the page.
func (p *page) judge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("the page caused %s", problem)
	}
	if !p.t.Failed() {
		return
	}
	file := filepath.Join(p.t.ArtifactDir(), "failed.png")
	if png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot()); err == nil && os.WriteFile(file, png, 0o600) == nil {
		p.t.Logf("the page at the end: %s (go test -artifacts keeps it)", file)
	}
	if text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`)); err == nil {
		p.t.Logf("the page at the end:\n%s", text)
	}
}

// look sets the size of the window and the colour scheme of the desktop.
func (p *page) look(width, height int64, scheme string) {
	p.t.Helper()
	p.do("set up the window", chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
}

// speak sets the language of the browser, in which dates are shown.
func (p *page) speak(language string) {
	p.t.Helper()
	p.do("set the language", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: language})
		return err
	}))
}

func (p *page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// wait waits until the expression is true on the page.
func (p *page) wait(what, expression string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience))); err != nil {
		p.t.Fatalf("waiting for %s: %v", what, err)
	}
}

// read returns what the expression is at once.
func read[T any](p *page, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return value
}

// reachable finds the one element that the selector names and that a person could click: visible, free, at rest,
// with nothing above it.
const reachable = `(selector) => {
	if (!("aim" in window)) addEventListener("click", ({ target }) => { window.hit = !!(target.closest(window.aim) || target.querySelector(window.aim)); }, true);
	[window.aim, window.hit] = [selector, false];
	const all = [...document.querySelectorAll(selector)].filter((el) => el.checkVisibility({ visibilityProperty: true }));
	if (all.length !== 1) return null;
	const el = all[0];
	if (el.disabled || el.getAttribute("aria-disabled") === "true") return null;
	el.scrollIntoView({ block: "nearest", behavior: "instant" });
	const box = el.getBoundingClientRect();
	const x = box.x + box.width / 2, y = box.y + box.height / 2;
	const was = window.wasAt;
	window.wasAt = [el, x, y];
	if (!was || was[0] !== el || was[1] !== x || was[2] !== y) return null;
	const top = document.elementFromPoint(x, y);
	return top && (el.contains(top) || top.contains(el) && getComputedStyle(el).pointerEvents === "none") ? { x, y } : null;
}`

type point struct{ X, Y float64 }

// click presses the mouse on an element as soon as a person could, and again when it moved away under the mouse or was
// replaced before the button was up: then it was no click.
func (p *page) click(selector string) {
	p.t.Helper()
	for range 5 {
		at, err := chromedp.Run(p.ctx, chromedp.PollFunction[point](reachable, chromedp.WithPollingArgs(selector), chromedp.WithPollingTimeout(patience)))
		if err != nil {
			p.t.Fatalf("waiting to click %s: %v", selector, err)
		}
		p.do("click "+selector, chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y))
		if read[bool](p, "window.hit") {
			return
		}
	}
	p.t.Fatalf("five clicks on %s have missed it", selector)
}

// press uses the keyboard, wherever the focus is.
func (p *page) press(keys string) {
	p.t.Helper()
	p.do(fmt.Sprintf("press %q", keys), chromedp.KeyEvent(keys))
}

// tabTo presses Tab until the focus is where the selector says.
func (p *page) tabTo(selector string) {
	p.t.Helper()
	p.wait(selector, fmt.Sprintf(`document.querySelector(%s)`, quote(selector))+` !== null`)
	focused := fmt.Sprintf(`document.activeElement.matches(%s)`, quote(selector))
	for range 60 {
		if read[bool](p, focused) {
			return
		}
		p.press(kb.Tab)
	}
	p.t.Fatalf("60 times Tab does not lead to %s", selector)
}

// become switches to somebody else and waits until the page shows what they see.
func (p *page) become(user string) {
	p.t.Helper()
	p.click(person(user))
	p.wait(user+"'s view", fmt.Sprintf(`document.querySelector(%s).getAttribute("aria-pressed") === "true" && document.querySelector("#timeline .message") !== null`, quote(person(user))))
}

func person(user string) string { return "[data-testid=person-" + user + "]" }

// gate selects a button of the card in the channel; an open thread shows the card again.
func gate(action string) string { return `#timeline [data-action-id="gate:` + action + `"]` }

// decide presses a button of the card and confirms if that is asked for.
func (p *page) decide(action string) {
	p.t.Helper()
	p.sure(gate(action))
}

// sure presses a button and says yes to the question that follows.
func (p *page) sure(selector string) {
	p.t.Helper()
	p.click(selector)
	p.click("[data-testid=confirm-ok]")
}

// told waits for a message that only the person at the page sees.
func (p *page) told(words string) {
	p.t.Helper()
	p.wait("the ephemeral message: "+words, fmt.Sprintf(`[...document.querySelectorAll("[data-testid=message][data-ephemeral=true]")].some((m) => m.textContent.includes(%s))`, quote(words)))
}

// told selects a button in a message that only the person at the page sees, by how it begins.
func told(label string) string {
	return `[data-testid=message][data-ephemeral=true] [data-action-id^="line:"][aria-label^="` + label + `"]`
}

// row is the expression for a value in the panel, null if there is no such row.
func row(section, label string) string {
	return fmt.Sprintf(`([...document.querySelectorAll("[data-testid=panel-section][data-title=%s] .row")].find((r) => r.querySelector(".row-label").textContent === %s)?.querySelector(".row-value").textContent ?? null)`, section, quote(label))
}

// status is the expression for the state that the panel shows.
func status(section string) string {
	return fmt.Sprintf(`document.querySelector("[data-testid=panel-section][data-title=%s] .chip").textContent.trim()`, section)
}

// quote writes a string as JavaScript has it.
func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(data)
}
