package finops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/wire"
)

// judge turns a reply into an error, or nil when it is a good one. A 404 comes here only from Ping.
func (c *Client) judge(r request, rep reply) error {
	fail := func(code refresh.Code, format string, args ...any) error {
		return refresh.Errorf(code, "%s", sentence(fmt.Sprintf(format, args...)))
	}
	offline := func(why string) error { return fail(refresh.Offline, "%s", c.silent(r, why)) }
	// broken is a reply that proves only that something stands in front of the environment. What was asked may go on
	// behind it.
	broken := func(why string) error {
		if r.once {
			return c.unknown(r, nil)
		}
		return c.unfinished(r, why, nil)
	}
	why, app := reason(rep)
	status := "HTTP " + strconv.Itoa(rep.status)

	switch s := rep.status; {
	case s/100 == 2:
		body := bytes.TrimSpace(rep.body)
		if html(rep.header, body) {
			return offline("a web page came instead of data")
		}
		if len(body) > 0 && !json.Valid(body) {
			return broken("the reply is not JSON")
		}
		return nil
	case s/100 == 3:
		return offline("it sends callers to another address (" + status + "), which refreshbot does not follow")
	case s == http.StatusUnauthorized:
		return fail(refresh.Denied, "%s does not know this app (%s): add it in System administration > Setup > Microsoft Entra applications there, with a user that is enabled", c.host, r.doing)
	case s == http.StatusForbidden:
		return fail(refresh.Denied, "%s does not let this app do that (%s)%s. Give the user that the app is registered with a role that may", c.host, r.doing, after(why))
	case s == http.StatusTooManyRequests:
		wait, _ := wire.RetryAfter(rep.header, time.Now())
		return c.throttled(r, wait)
	case s == http.StatusRequestTimeout:
		return broken(status)
	case s == http.StatusNotFound:
		return offline(status)
	case s == http.StatusServiceUnavailable:
		if wait, ok := wire.RetryAfter(rep.header, time.Now()); ok {
			return c.throttled(r, wait)
		}
		return offline(status)
	case s == http.StatusInternalServerError && app && r.method != http.MethodGet:
		// How custom services report every error, and OData some failed writes.
		return fail(refresh.Refused, "%s refused %s: %s", c.host, r.doing, why)
	case s >= 500:
		return broken(status)
	default:
		if why == "" {
			why = status
		}
		return fail(refresh.Refused, "%s refused %s: %s", c.host, r.doing, why)
	}
}

func (c *Client) throttled(r request, wait time.Duration) error {
	next := "try again later"
	if wait > 0 {
		next = fmt.Sprintf("try again in %v", wait)
	}
	return &refresh.Error{
		Code: refresh.Throttled, RetryAfter: wait,
		Msg: fmt.Sprintf("%s is too busy (%s): %s.", c.host, r.doing, next),
	}
}

// html reports whether the body is a web page: what a gateway shows in front of an environment that is down.
func html(h http.Header, body []byte) bool {
	return bytes.HasPrefix(body, []byte("<")) || strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/html")
}

// reason finds what the environment says about a failure. app reports whether its X++ code said it, and not the
// server around it: then a 500 is an answer, and asking again gives the same one.
//
// OData: {"error":{"message":…,"innererror":{"message":…,"type":…,"internalexception":{"message":…}}}}, where the
// useful text is inside. Custom services: {"Message":"An exception occured when invoking the operation - …",
// "ExceptionType":…}, with that spelling.
func reason(rep reply) (text string, app bool) {
	type exception struct{ Message, Type string }
	var body struct {
		Error *struct {
			Message    string
			InnerError struct {
				exception
				InternalException exception
			}
		}
		Message       string
		ExceptionType string
	}
	if json.Unmarshal(rep.body, &body) != nil {
		return "", false
	}
	if e := body.Error; e != nil {
		text = e.Message
		for _, in := range []exception{e.InnerError.InternalException, e.InnerError.exception} {
			if strings.TrimSpace(in.Message) != "" {
				text = in.Message
			}
			app = app || strings.Contains(in.Message, "Infolog") || strings.HasPrefix(in.Type, "Microsoft.Dynamics.Ax.Xpp")
		}
		return clean(redact(text, rep.hidden), rep.token), app
	}
	text = operationPrefix.ReplaceAllString(body.Message, "")
	app = body.Message != "" && (body.ExceptionType != "" || text != body.Message)
	return clean(redact(text, rep.hidden), rep.token), app
}

var (
	operationPrefix = regexp.MustCompile(`(?i)^\s*An exception occurr?ed when invoking the operation\s*-?\s*`)
	// A frame of a stack trace: " at Namespace.Type.Method(". Nothing of use follows the first one.
	stackFrame = regexp.MustCompile(`\s+at\s+[\w<>$+\x60\[\],]+(?:\.[\w<>$+\x60\[\],]+)+\(`)
)

// clean makes a text from outside fit to show: no token, no stack trace, one line, 600 characters at most.
func clean(s, token string) string {
	s = hide(s, token)
	if at := stackFrame.FindStringIndex(" " + s); at != nil {
		s = (" " + s)[:at[0]]
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if r := []rune(s); len(r) > 600 {
		s = string(r[:599]) + "…"
	}
	return s
}

// hide takes the token out of a text: an error page may show the request that it was the answer to. A token of a few
// letters is none; taking it out would only garble words.
func hide(s, token string) string {
	if len(token) < 16 {
		return s
	}
	return strings.ReplaceAll(s, token, "***")
}

// after puts a reason behind a clause.
func after(why string) string {
	if why == "" {
		return ""
	}
	return ": " + strings.TrimRight(why, ".")
}

// sentence ends s as a sentence.
func sentence(s string) string {
	if s != "" && strings.ContainsRune(".!?…", []rune(s)[len([]rune(s))-1]) {
		return s
	}
	return s + "."
}
