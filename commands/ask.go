package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/commands/when"
	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// maxWhy is how long the reason of a refresh may be, in characters.
const maxWhy = 300

// wish is what somebody asks for about one target.
type wish struct {
	target Target
	at     time.Time // zero: now
	reason string
	notice time.Duration
}

// request is what is asked for, once it is known that it may be.
func (w wish) request() refresh.Request {
	req := w.target.Request
	req.Reason, req.StartAt, req.Settings.Notice = w.reason, w.at, w.notice
	if !w.at.IsZero() {
		req.Plan = lapsing(req.Plan, time.Until(w.at)+grace)
	}
	return req
}

// ask takes a line about an environment: alone it opens the form, with words it asks at once. A time is read back
// first, unless a button of ours sent the line.
func (s *Service) ask(ctx context.Context, in Line, words []string) (Reply, error) {
	t, err := s.target("", words)
	if err != nil {
		return Reply{}, err
	}
	w := wish{target: t, notice: t.Request.Settings.Notice}
	zone := s.Zone
	if len(words) > 1 {
		if !isReason(words[1]) {
			zone = s.zoneOf(ctx, in.User.ID)
		}
		if w.at, w.reason, err = s.whenAndWhy(words[1:], zone, t.Request.Target.Name); err != nil {
			return Reply{}, err
		}
		if in.Confirmed && !w.at.IsZero() { // the line of a button names the offset alone
			w.at = w.at.In(zone)
		}
	}
	if err := s.mayAsk(ctx, in, t); err != nil {
		return Reply{}, err
	}
	switch {
	case len(words) == 1:
		return s.askForm(ctx, in.User, in.Channel, t)
	case !w.at.IsZero() && !in.Confirmed:
		if err := s.free(ctx, t.Request.Target.Name); err != nil {
			return Reply{}, err
		}
		if err := s.admit(ctx, t, w.at); err != nil {
			return Reply{}, err
		}
		r := readBack(w)
		r.Hint += s.counted(ctx, t.Request.Target.Name)
		return r, nil
	}
	return s.place(ctx, in.Key, in.User, w)
}

// free refuses when the target is being refreshed. The engine holds that too; here it spares a person the rest.
func (s *Service) free(ctx context.Context, name string) error {
	active, err := s.active(ctx, name)
	switch {
	case err != nil:
		return err
	case active != nil:
		return busy(name, nil)
	}
	return nil
}

func busy(name string, cause error) error {
	return hinted{&refresh.Error{Code: refresh.Refused, Msg: name + " is being refreshed already.", Err: cause},
		fmt.Sprintf("/refresh status %s shows where it stands.", name)}
}

// whenAndWhy reads "[<time>] [for <reason>]".
func (s *Service) whenAndWhy(words []string, zone *time.Location, name string) (time.Time, string, error) {
	example := fmt.Sprintf("/refresh %s for March training", name)
	if isReason(words[0]) {
		reason, err := reasonOf(words, example)
		return time.Time{}, reason, err
	}
	at, rest, err := when.Reader{Now: time.Now(), Zone: zone}.Split(words)
	if err != nil {
		return at, "", timeless(err, " To give a reason: "+example)
	}
	reason, err := reasonOf(rest, example)
	return at, reason, err
}

// timeless makes the error of package when one of ours. more follows where a time may not have been meant.
func timeless(err error, more string) error {
	e, ok := errors.AsType[*when.Error](err)
	if !ok {
		return err
	}
	if !e.Misread {
		more = ""
	}
	return hinted{refresh.Errorf(refresh.Invalid, "%s", e.Text), e.Next + more}
}

func isReason(word string) bool {
	return strings.EqualFold(word, "for") || strings.EqualFold(word, "because")
}

// reasonOf reads "for …" or "because …". Anything else is refused instead of being taken for a reason: it may
// be a time, and this would not wait for it. The example shows how a reason is given.
func reasonOf(words []string, example string) (string, error) {
	if len(words) == 0 {
		return "", nil
	}
	if isReason(words[0]) && len(words) > 1 {
		reason := strings.Join(words[1:], " ")
		if wrong := tooLong(reason); wrong != "" {
			return "", refresh.Errorf(refresh.Invalid, "%s", wrong)
		}
		return reason, nil
	}
	return "", hinted{refresh.Errorf(refresh.Invalid, "I did not understand %q.", strings.Join(words, " ")),
		"To give a reason: " + example}
}

// tooLong says that a reason is, and what to do; empty when it is not.
func tooLong(reason string) string {
	n := len([]rune(reason))
	if n <= maxWhy {
		return ""
	}
	return fmt.Sprintf("A reason has at most %d characters, and this one has %d. Shorten it and send it again.", maxWhy, n)
}

// zoneOf is the person's own time zone, or the configuration's when Slack does not say. Either way it is named
// whenever a time is read back.
func (s *Service) zoneOf(ctx context.Context, user string) *time.Location {
	if zone, err := s.Directory.Zone(ctx, user); err == nil && zone != nil {
		return zone
	}
	return s.Zone
}

// readBack says what was understood, with the buttons that make it count or not.
func readBack(w wish) Reply {
	name, source := w.target.Request.Target.Name, w.target.Request.Source.Name
	r := Reply{
		Text: fmt.Sprintf("%s would be refreshed from %s: the copy begins on %s.", name, source, when.Said(w.at)),
		At:   w.at, Hint: "Nothing has been asked for yet." + hurried(w),
	}
	line := fmt.Sprintf("%s %s", name, w.at.Format(spelled))
	if w.reason != "" {
		r.Text += fmt.Sprintf(" Reason: %s.", strings.TrimRight(w.reason, "."))
		line += " for " + w.reason
	}
	r.Buttons = []Button{{Text: "Ask for it", Line: line, Main: true}, {Text: "No"}}
	return r
}

// hurried warns when there is less time than the notice takes.
func hurried(w wish) string {
	if w.at.IsZero() || time.Until(w.at) >= w.notice {
		return ""
	}
	return fmt.Sprintf(" Its users get %s of notice first, so the copy begins that long after the approval.", refresh.Span(w.notice))
}

// place asks for the refresh.
func (s *Service) place(ctx context.Context, key string, by refresh.Person, w wish) (Reply, error) {
	req := w.request()
	req.By = by
	if err := s.admit(ctx, Target{Request: req}, w.at); err != nil {
		return Reply{}, err
	}
	r, err := s.Engine.Ask(ctx, req, key)
	if errors.Is(err, engine.ErrBusy) {
		// The first delivery of this very line may be what makes the target busy.
		if seen, lookErr := s.Record.Seen(ctx, key); lookErr == nil && seen {
			return Reply{}, nil
		}
		return Reply{}, busy(req.Target.Name, err)
	}
	if err != nil {
		return Reply{}, err
	}
	rep := Reply{
		Text: fmt.Sprintf("Asked: %s is to be refreshed from %s.", r.Target.Name, r.Source.Name),
		At:   w.at, Hint: fmt.Sprintf("The card in the channel shows every step. /refresh cancel %s calls it off.", r.Target.Name),
	}
	if !w.at.IsZero() {
		rep.Text += fmt.Sprintf(" The copy begins on %s.", when.Said(w.at))
		rep.Hint += hurried(w)
	}
	rep.Text += fmt.Sprintf(" Nothing happens to %s before it is approved.", r.Target.Name)
	rep.Hint += s.counted(ctx, r.Target.Name)
	return rep, nil
}

// mayAsk reports whether the person may ask for a refresh of the target, as an error if not.
func (s *Service) mayAsk(ctx context.Context, in Line, t Target) error {
	if slices.Contains(s.Admins, in.User.ID) || slices.Contains(t.Requesters, in.User.ID) {
		return nil
	}
	if len(t.Requesters) > 0 {
		groups, err := s.groups(ctx, in.User.ID, t.Requesters)
		if err != nil {
			return err
		}
		if len(groups) == 0 {
			return toAdmins{refresh.Errorf(refresh.Denied, "You are not among those who may ask for a refresh of %s. An admin can add you to requesters in the configuration.", t.Request.Target.Name), s.Admins}
		}
		return nil
	}
	if in.Channel == t.Request.Channel {
		return nil
	}
	member, err := s.Directory.InChannel(ctx, in.User.ID, t.Request.Channel)
	if err != nil {
		return &refresh.Error{Code: refresh.Offline, Msg: "Slack did not say whether you are in the channel of " + t.Request.Target.Name + ". Try again in a moment.", Err: err}
	}
	if !member {
		return refresh.Errorf(refresh.Denied, "Only members of the channel where %s is refreshed may ask for it. Join that channel first.", t.Request.Target.Name)
	}
	return nil
}
