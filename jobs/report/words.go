package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"refreshbot/jobs/refresh"
)

// most is how many characters of one text from outside the Markdown shows.
const most = 500

// marks replaces every character with which a text could become markup. In a table a backslash before a bar is read
// in two ways, so those two, and what HTML is made of, are written as entities.
var marks = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;", `\`, "&#92;",
	"*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, "~", `\~`, "$", `\$`,
)

// esc makes a text from outside fit for one line of Markdown, in a table or out of it. Control characters go, and
// so do the marks that turn the direction of writing, with which a name could pose as another.
func esc(s string) string {
	if len(s) > 4*most {
		s = s[:4*most] + " …"
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		s = strings.TrimRight(string(r[:most-1]), " ") + "…"
	}
	return marks.Replace(s)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func person(p refresh.Person) string {
	switch {
	case p.ID == "":
		return esc(p.Name)
	case p.Name == "":
		return esc(p.ID)
	}
	return fmt.Sprintf("%s (%s)", esc(p.Name), esc(p.ID))
}

func environment(e refresh.Environment) string {
	return fmt.Sprintf("%s, %s, LCS environment %s", esc(e.Name), esc(e.URL), esc(e.LCS))
}

func names(list []string) string {
	if len(list) == 0 {
		return "nobody"
	}
	var out []string
	for _, n := range list {
		out = append(out, esc(n))
	}
	return strings.Join(out, ", ")
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// span is a length of time in words: "2 h 5 min", "45 s".
func span(seconds int64) string {
	return refresh.Span(time.Duration(seconds) * time.Second)
}

func stands(s refresh.StepStatus) string {
	return word(map[refresh.StepStatus]string{
		refresh.Pending: "not begun", refresh.Performing: "not finished", refresh.Retrying: "failed, was to be tried again",
		refresh.Settling: "not known", refresh.Waiting: "was waiting for people", refresh.Troubled: "failed, was waiting for people",
	}, s)
}

func decided(a refresh.Action) string {
	return word(map[refresh.Action]string{
		refresh.ActionApprove: "approved", refresh.ActionReject: "rejected", refresh.ActionCancel: "cancelled",
		refresh.ActionPostpone: "postponed", refresh.ActionStartNow: "started without waiting", refresh.ActionSignOff: "signed off",
		refresh.ActionDone: "done by hand", refresh.ActionOpen: "let the users in", refresh.ActionRetry: "asked for another try",
		refresh.ActionSkip: "skipped", refresh.ActionAbort: "stopped", refresh.ActionAdopt: "said that the copy was started",
		refresh.ActionStartAgain: "asked for the copy to be started again", refresh.ActionWithdraw: "took it back",
		refresh.ActionDelegate: "handed on",
	}, a)
}

func closed(a refresh.Action) string {
	switch a {
	case "":
		return "never answered"
	case refresh.OutcomeExpired:
		return "expired"
	case refresh.OutcomeElapsed:
		return "the wait was over"
	case refresh.OutcomeElsewhere:
		return "decided in LCS"
	case refresh.OutcomeMoot:
		return "went away"
	}
	return decided(a)
}

func asks(k refresh.GateKind) string {
	return word(map[refresh.GateKind]string{
		refresh.GateApprove: "approval", refresh.GateStart: "start time", refresh.GateNotice: "notice", refresh.GateSignOff: "sign-off", refresh.GateManual: "work by hand", refresh.GateOffer: "an offer",
		refresh.GateOpen: "letting users in", refresh.GateStepFailed: "a step failed", refresh.GateOutcomeUnknown: "was the copy started?",
		refresh.GateStartedElsewhere: "a refresh was started in LCS",
	}, k)
}

func result(r Result) string {
	return word(map[Result]string{
		Failed: "failed", NotKnown: "not known", Adopted: "found later", Interrupted: "interrupted by a restart",
		HandedOver: "handed to a person", LeftOut: "skipped", Unfinished: "not finished",
	}, r)
}

// word is the value's word, or the value itself when it has none here.
func word[K ~string](words map[K]string, k K) string {
	if w, ok := words[k]; ok {
		return w
	}
	return esc(string(k))
}
