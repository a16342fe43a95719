// Package check tries every credential and permission that the configuration names, without changing anything,
// and says of each what passed or what to do about it.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/slack-go/slack"

	"refreshbot/bot"
	"refreshbot/jobs/refresh"
)

// Scopes are the bot scopes that refreshbot uses: those of manifest.yml, which a test holds to this list.
func Scopes() []string {
	return []string{
		"channels:history", "channels:read", "chat:write", "commands", "files:read", "files:write", "groups:history", "groups:read",
		"im:history", "im:write", "usergroups:read", "users:read", "users:read.email",
	}
}

// Result is one thing that was tried.
type Result struct {
	Area string // Slack, Entra, prod to uat
	Name string
	OK   bool
	Text string // what was found, or what to do
	// Passing: it may be cured by waiting, such as a service that does not answer. Only with OK false.
	Passing bool
}

// SlackOptions say what the configuration wants of Slack.
type SlackOptions struct {
	BotToken, AppToken, APIURL string
	Transport                  http.RoundTripper
	Channels                   []string
	Groups                     []string
}

// Slack tries the tokens, the scopes, the channels and the user groups.
func Slack(ctx context.Context, o SlackOptions) []Result {
	scopes := &granted{next: o.Transport}
	api := bot.NewAPI(o.BotToken, o.AppToken, o.APIURL, scopes)
	var c results
	c.area = "Slack"
	who, err := api.AuthTestContext(ctx)
	_, _, appErr := api.StartSocketModeContext(ctx)
	if c.failed("bot token", err) {
		c.slack("app token", appErr, "Socket Mode can be opened")
		return c.list
	}
	c.add("bot token", true, fmt.Sprintf("signed in to %s as %s", who.Team, who.User))
	if missing := scopes.missing(); len(missing) > 0 {
		c.add("scopes", false, "missing: "+strings.Join(missing, ", ")+". Update the app from manifest.yml and reinstall it to the workspace.")
	} else {
		c.add("scopes", true, "all that are needed")
	}
	c.slack("app token", appErr, "Socket Mode can be opened")
	for _, id := range o.Channels {
		ch, err := api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
		switch {
		case refusal(err) == "channel_not_found":
			c.add("channel "+id, false, "Slack knows no such channel, or it is private and the bot is not in it. Copy the id from the channel's details, and invite the bot there: /invite @"+who.User)
		case c.failed("channel "+id, err):
		case ch.IsArchived:
			c.add("channel "+id, false, fmt.Sprintf("#%s is archived. Unarchive it or name another channel.", ch.Name))
		case !ch.IsMember:
			c.add("channel "+id, false, fmt.Sprintf("the bot is not in #%s. Invite it there: /invite @%s", ch.Name, who.User))
		default:
			c.add("channel "+id, true, "the bot is in #"+ch.Name)
		}
	}
	for _, id := range o.Groups {
		members, err := api.GetUserGroupMembersContext(ctx, id)
		switch {
		case refusal(err) == "no_such_subteam":
			c.add("user group "+id, false, "Slack knows no such user group. Copy its id from the group's page.")
		case c.failed("user group "+id, err):
		case len(members) == 0:
			c.add("user group "+id, false, "it has no members, so nobody in it could decide anything. Add people to it.")
		default:
			c.add("user group "+id, true, fmt.Sprintf("members: %d", len(members)))
		}
	}
	return c.list
}

// Preflight turns the findings of a target's preflight step into results.
func Preflight(source, target string, o refresh.Outcome) []Result {
	c := results{area: source + " to " + target}
	for _, f := range o.Findings {
		c.add(f.Name, f.OK, f.Detail)
	}
	if len(o.Findings) == 0 && o.Problem != nil {
		c.add("preflight", false, o.Problem.Message)
	}
	return c.list
}

// Companion is the result of asking a target for its companion service, which is optional. err is what asking for its
// status returned: NotFound where the service is not installed.
func Companion(source, target, version string, err error) Result {
	area, name := source+" to "+target, "Companion service"
	if refresh.CodeOf(err) == refresh.NotFound {
		return Result{Area: area, Name: name, OK: true,
			Text: "not installed: the SMTP password, the entity store and LCS Help are manual items (see jobs/finops/xpp/README.md)"}
	}
	return Try(area, name, "installed, version "+version, err)
}

// Try is one result from an error.
func Try(area, name, good string, err error) Result {
	if err == nil {
		return Result{Area: area, Name: name, OK: true, Text: good}
	}
	return Result{Area: area, Name: name, Text: refresh.MessageOf(err), Passing: refresh.CodeOf(err) == refresh.Offline || refresh.CodeOf(err) == refresh.Throttled}
}

// Passed reports whether everything did.
func Passed(list []Result) bool { return Failed(list) == 0 }

// Failed counts what did not pass.
func Failed(list []Result) int {
	n := 0
	for _, r := range list {
		if !r.OK {
			n++
		}
	}
	return n
}

// Print writes the table.
func Print(w io.Writer, list []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	bad := Failed(list)
	for _, r := range list {
		mark := "ok"
		if !r.OK {
			mark = "FAIL"
		}
		if _, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", mark, r.Area, r.Name, r.Text); err != nil {
			return err
		}
	}
	if bad > 0 {
		if _, err := fmt.Fprintf(t, "\n%d of %d did not pass. A refresh could not run as it stands.\n", bad, len(list)); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(t, "\nAll %d passed: a refresh could run.\n", len(list)); err != nil {
		return err
	}
	return t.Flush()
}

type results struct {
	area string
	list []Result
}

func (c *results) add(name string, ok bool, text string) {
	c.list = append(c.list, Result{Area: c.area, Name: name, OK: ok, Text: text})
}

// slack adds a result from an error of Slack's, or a good one.
func (c *results) slack(name string, err error, good string) {
	if !c.failed(name, err) {
		c.add(name, true, good)
	}
}

// failed adds a result from an error of Slack's and reports whether there was one.
func (c *results) failed(name string, err error) bool {
	if err != nil {
		c.list = append(c.list, Result{Area: c.area, Name: name, Text: bot.SlackProblem(err), Passing: passing(err)})
	}
	return err != nil
}

// passing reports whether Slack did not answer, or had trouble of its own.
func passing(err error) bool {
	switch refusal(err) {
	case "", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited":
		return true
	}
	return false
}

func refusal(err error) string {
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) {
		return refused.Err
	}
	return ""
}

// granted notes the scopes that Slack sends with every reply.
type granted struct {
	next http.RoundTripper

	mu     sync.Mutex
	scopes []string
}

func (g *granted) RoundTrip(req *http.Request) (*http.Response, error) {
	next := g.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(req)
	if err == nil && strings.HasSuffix(req.URL.Path, "/auth.test") {
		g.mu.Lock()
		for _, s := range strings.Split(resp.Header.Get("X-OAuth-Scopes"), ",") {
			g.scopes = append(g.scopes, strings.TrimSpace(s))
		}
		g.mu.Unlock()
	}
	return resp, err
}

func (g *granted) missing() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var missing []string
	for _, s := range Scopes() {
		if !slices.Contains(g.scopes, s) {
			missing = append(missing, s)
		}
	}
	return missing
}
