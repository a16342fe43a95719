package view_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

var actions = []refresh.Action{
	refresh.ActionApprove, refresh.ActionReject, refresh.ActionCancel, refresh.ActionPostpone, refresh.ActionStartNow,
	refresh.ActionSignOff, refresh.ActionDone, refresh.ActionOpen, refresh.ActionRetry, refresh.ActionSkip,
	refresh.ActionAbort, refresh.ActionAdopt, refresh.ActionStartAgain, refresh.ActionWithdraw, refresh.ActionDelegate,
}

func TestButtonComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringN(1, 40, 200)
		b := view.Button{
			Refresh: refresh.ID(id.Draw(t, "refresh")), Gate: id.Draw(t, "gate"), Nonce: id.Draw(t, "nonce"),
			Action: rapid.SampledFrom(actions).Draw(t, "action"),
		}
		if len(b.Value()) > 2000 {
			t.Skip("longer than any id of ours")
		}
		got, err := view.ParseButton(b.ActionID(), b.Value())
		if err != nil || got != b {
			t.Fatalf("%+v came back as %+v, %v", b, got, err)
		}
	})
}

const genuine = `["1","uat-20261120-7f3a","approval.1","n2.1","approve"]`

func TestParseButtonRefusesWhatWeDidNotWrite(t *testing.T) {
	t.Parallel()
	if _, err := view.ParseButton("gate:approve", genuine); err != nil {
		t.Fatalf("the genuine one: %v", err)
	}
	for name, c := range map[string]struct{ action, value string }{
		"empty":                {"gate:approve", ""},
		"not JSON":             {"gate:approve", "approve"},
		"null":                 {"gate:approve", "null"},
		"an object":            {"gate:approve", `{"v":"1"}`},
		"too few parts":        {"gate:approve", `["1","uat","approval.1","approve"]`},
		"too many parts":       {"gate:approve", `["1","uat","approval.1","n","approve","x"]`},
		"a newer version":      {"gate:approve", strings.Replace(genuine, `"1"`, `"2"`, 1)},
		"no refresh":           {"gate:approve", `["1","","approval.1","n","approve"]`},
		"no gate":              {"gate:approve", `["1","uat","","n","approve"]`},
		"no nonce":             {"gate:approve", `["1","uat","approval.1","","approve"]`},
		"another action":       {"gate:reject", genuine},
		"a foreign action id":  {"approve", genuine},
		"an unknown action":    {"gate:delete", `["1","uat","approval.1","n","delete"]`},
		"an outcome":           {"gate:expired", `["1","uat","approval.1","n","expired"]`},
		"trailing text":        {"gate:approve", genuine + " "},
		"a second value":       {"gate:approve", genuine + genuine},
		"other spelling":       {"gate:approve", strings.Replace(genuine, ",", ", ", 1)},
		"escaped otherwise":    {"gate:approve", strings.Replace(genuine, "uat", `\u0075at`, 1)},
		"a number for a text":  {"gate:approve", `[1,"uat","approval.1","n","approve"]`},
		"null for a text":      {"gate:approve", `["1","uat","approval.1",null,"approve"]`},
		"broken UTF-8":         {"gate:approve", "[\"1\",\"u\xff\",\"approval.1\",\"n\",\"approve\"]"},
		"longer than a button": {"gate:approve", strings.Replace(genuine, "uat", strings.Repeat("u", 2000), 1)},
	} {
		if b, err := view.ParseButton(c.action, c.value); err == nil {
			t.Errorf("%s: read as %+v", name, b)
		}
	}
}

func FuzzParseButton(f *testing.F) {
	f.Add("gate:approve", genuine)
	f.Add("gate:reject", genuine)
	f.Add("gate:approve", `["1","<!channel>","&","\u2028","approve"]`)
	f.Add("", "")
	f.Add("gate:skip", `["1","uat","x.1","n","skip"`)
	f.Fuzz(func(t *testing.T, action, value string) {
		b, err := view.ParseButton(action, value)
		if err == nil && (b.Value() != value || b.ActionID() != action) {
			t.Errorf("%q %q was read as %+v", action, value, b)
		}
	})
}
