package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/commands/when"
	"refreshbot/jobs/recur"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// Schedules are those of the configuration and those that people have made. Errors are *refresh.Error: NotFound for an
// id that there is not, Stale when it stands so already, Refused when that cannot be done to it.
type Schedules interface {
	// List returns those of a target, of all targets when it is empty.
	List(ctx context.Context, target string) ([]schedule.Standing, error)
	Add(ctx context.Context, e schedule.Entry, key string) (schedule.Standing, error)
	// A second delivery, with the same key, changes nothing.
	Pause(ctx context.Context, id string, by refresh.Person, key string) (schedule.Standing, error)
	Resume(ctx context.Context, id string, by refresh.Person, key string) (schedule.Standing, error)
	// SkipNext skips the next due time, if it is still that one; the zero time stands for whichever it is.
	SkipNext(ctx context.Context, id string, due time.Time, by refresh.Person, key string) (schedule.Standing, error)
	Remove(ctx context.Context, id string, by refresh.Person, key string) (schedule.Standing, error)
}

const cronExample = `/refresh schedule uat "0 20 * * FRI" because fresh data on Monday`

// listSchedules shows every schedule, or those of one environment.
func (s *Service) listSchedules(ctx context.Context, in Line, words []string) (Reply, error) {
	target := ""
	if len(words) > 0 {
		t, err := s.target("schedules ", words)
		if err != nil {
			return Reply{}, err
		}
		if len(words) > 1 {
			return Reply{}, hinted{refresh.Errorf(refresh.Invalid, "I did not understand %q.", strings.Join(words[1:], " ")),
				"Name one environment, or none to see all: /refresh schedules"}
		}
		target = t.Request.Target.Name
	}
	list, err := s.Schedules.List(ctx, target)
	if err != nil {
		return Reply{}, err
	}
	r := Reply{Name: "schedules", Text: fmt.Sprintf("%d schedules.", len(list)), Hint: "To add one: " + cronExample + ". Without cron: /refresh schedule uat opens a form."}
	switch {
	case len(list) == 0 && target != "":
		r.Text = fmt.Sprintf("%s has no schedule: it is refreshed on request only.", target)
	case len(list) == 0:
		r.Text = "There is no schedule: every refresh is asked for by a person."
	case len(list) == 1:
		r.Text = "1 schedule."
	}
	for _, st := range list {
		r.Items = append(r.Items, s.scheduleItem(ctx, in, st))
	}
	return r, nil
}

// scheduleItem shows a schedule, with what this person may do about it.
func (s *Service) scheduleItem(ctx context.Context, in Line, st schedule.Standing) Item {
	item := Item{Title: fmt.Sprintf("%s: %s refreshed %s", st.ID, st.Target, inWords(st.Times))}
	add := func(name, text string, at time.Time) {
		item.Facts = append(item.Facts, Fact{Name: name, Text: text, At: at})
	}
	if _, ok := s.Targets[st.Target]; !ok {
		item.Facts = append(item.Facts, Fact{Name: "Next", Unknown: true, Text: st.Target + " is no environment of the configuration any more."})
	} else if st.Unreadable {
		item.Facts = append(item.Facts, Fact{Name: "Next", Unknown: true, Text: "what is kept of this schedule cannot be read, so it asks for nothing. An admin restores the store from a backup."})
	} else if st.Paused != nil {
		item.Facts = append(item.Facts, Fact{Name: "Paused", Text: "by", Who: st.Paused.By, At: st.Paused.At})
	}
	item.Facts = append(item.Facts, s.nextTimes(ctx, st)...)
	from := Fact{Name: "From", Text: "the configuration"}
	if !st.Configured() {
		from = Fact{Name: "From", Who: st.Owner, Why: st.Why}
	}
	item.Facts = append(item.Facts, from)
	add("Rules", rules(st.Entry), time.Time{})
	if st.Outcome != "" {
		add("Last", outcome(st), st.Last)
	}
	if st.Unreadable || s.mayChange(ctx, in, st) != nil {
		return item
	}
	change := func(text, what, sure string) {
		item.Buttons = append(item.Buttons, Button{Text: text, Line: fmt.Sprintf("schedule %s %s", st.ID, what), Sure: sure})
	}
	if st.Paused != nil {
		change("Resume "+st.ID, "resume", "")
	} else {
		change("Pause "+st.ID, "pause", fmt.Sprintf("%s is not refreshed by this schedule until somebody resumes it.", st.Target))
		if len(st.Next) > 0 {
			change("Skip the next", "skip "+st.Next[0].UTC().Format(time.RFC3339), fmt.Sprintf("The refresh of %s on %s is skipped.", st.Target, when.Said(st.Next[0].In(st.Times.Zone()))))
		}
	}
	if !st.Configured() {
		change("Remove "+st.ID, "remove", fmt.Sprintf("The schedule %s is deleted. A refresh that it has asked for already goes on.", st.ID))
	}
	return item
}

func inWords(ts recur.Times) string { return fmt.Sprintf("%s (%s)", ts.Words(), ts.Zone()) }

// nextTimes are the next times of a schedule, each in its own zone, and whether one falls into a blackout.
func (s *Service) nextTimes(ctx context.Context, st schedule.Standing) []Fact {
	var list []Fact
	var blackouts []refresh.Blackout
	t, known := s.Targets[st.Target]
	if known {
		blackouts, _ = s.Calendar.Blackouts(ctx, st.Target, time.Now()) // asking looks again, and refuses what it cannot read
	}
	for i, at := range st.Next {
		f := Fact{Name: "Next", At: at, Zoned: true, Text: when.Said(at.In(st.Times.Zone()))}
		if i > 0 {
			f.Name = "Then"
		}
		if i == 0 && !st.Postponed.IsZero() {
			f.Text += ", postponed from " + when.Said(st.Postponed.In(st.Times.Zone()))
		}
		if b, free, blocked := refresh.Blocking(blackouts, at, t.Request.Settings.Downtime); blocked {
			f.Text += fmt.Sprintf(": in a blackout, %s", why(b))
			if st.Blackout == schedule.Postpone {
				f.Text += fmt.Sprintf(", so postponed to %s", when.Said(free.In(st.Times.Zone())))
			} else {
				f.Text += ", so skipped"
			}
		}
		list = append(list, f)
	}
	return list
}

// rules are what a schedule does with a time that cannot be met.
func rules(e schedule.Entry) string {
	text := "asked for at its time"
	if e.Ask > 0 {
		text = fmt.Sprintf("asked for %s before its time", refresh.Span(e.Ask))
	}
	switch {
	case e.Missed != schedule.Once:
		text += "; skipped if missed while refreshbot was down"
	case e.Within > 0:
		text += fmt.Sprintf("; asked for once if missed while refreshbot was down, up to %s late", refresh.Span(e.Within))
	default:
		text += "; asked for once if missed while refreshbot was down"
	}
	if e.Blackout == schedule.Postpone {
		return text + "; moved behind a blackout"
	}
	return text + "; skipped in a blackout"
}

func outcome(st schedule.Standing) string {
	switch st.Outcome {
	case schedule.Asked:
		return strings.TrimSpace("asked for " + string(st.Refresh))
	case schedule.WasMissed:
		return "missed: refreshbot was not running"
	case schedule.WasBusy:
		return "skipped: another refresh was running"
	case schedule.WasSkipped:
		return "skipped by hand"
	case schedule.WasInBlackout:
		return "skipped: in a blackout"
	case schedule.WasRefused:
		return "could not be asked for; the channel was told why"
	}
	return st.Outcome
}

// schedule makes a schedule, or changes one.
func (s *Service) schedule(ctx context.Context, in Line, words []string) (Reply, error) {
	if len(words) > 0 && strings.Contains(words[0], ".") {
		return s.changeSchedule(ctx, in, words[0], words[1:])
	}
	t, err := s.target("schedule ", words)
	if err != nil {
		return Reply{}, err
	}
	name := t.Request.Target.Name
	if len(words) > 1 && slices.Contains([]string{"pause", "resume", "skip", "remove"}, strings.ToLower(words[1])) {
		list, err := s.Schedules.List(ctx, name)
		if err != nil {
			return Reply{}, err
		}
		switch len(list) {
		case 0:
			return Reply{}, hinted{refresh.Errorf(refresh.NotFound, "%s has no schedule.", name), "To add one: " + cronExample}
		case 1:
			return s.changeSchedule(ctx, in, list[0].ID, words[1:])
		}
		r := Reply{Refused: true, Name: "schedules of " + name, Text: fmt.Sprintf("%s has %d schedules, so say which.", name, len(list)), Hint: fmt.Sprintf("For example: /refresh schedule %s %s", list[0].ID, strings.ToLower(words[1]))}
		for _, st := range list {
			r.Items = append(r.Items, s.scheduleItem(ctx, in, st))
		}
		return r, nil
	}
	if len(words) == 1 {
		if err := s.mayAsk(ctx, in, t); err != nil {
			return Reply{}, err
		}
		return Reply{Form: s.scheduleForm(ctx, in.User.ID, in.Channel, t)}, nil
	}
	e, err := s.entryOf(t, in.User, words[1:])
	if err != nil {
		return Reply{}, err
	}
	if err := s.mayAsk(ctx, in, t); err != nil {
		return Reply{}, err
	}
	if !in.Confirmed {
		facts, err := s.proposed(ctx, e)
		if err != nil {
			return Reply{}, err
		}
		return Reply{
			Text: fmt.Sprintf("%s would be refreshed by schedule. Nothing is scheduled yet.", name), Items: []Item{{Facts: facts}},
			Buttons: []Button{{Text: "Schedule it", Line: lineOf(e), Main: true}, {Text: "No"}},
		}, nil
	}
	return s.addSchedule(ctx, in.Key, e)
}

// proposed are what a person sees of a schedule before it counts.
func (s *Service) proposed(ctx context.Context, e schedule.Entry) ([]Fact, error) {
	zone, err := time.LoadLocation(e.Zone)
	if err != nil {
		return nil, refresh.Errorf(refresh.Invalid, "There is no time zone %q.", e.Zone)
	}
	times, err := recur.Parse(e.Cron, zone)
	if err != nil {
		return nil, err
	}
	facts := append([]Fact{{Name: "When", Text: fmt.Sprintf("%s; cron %s", inWords(times), e.Cron)}},
		s.nextTimes(ctx, schedule.Standing{Entry: e, Times: times, Next: times.After(time.Now(), 3)})...)
	if overlap, err := s.overlap(ctx, e.Target, times.After(time.Now(), 3)); err != nil {
		return nil, err
	} else if overlap != "" {
		facts = append(facts, Fact{Name: "Overlap", Text: overlap})
	}
	facts = append(facts, Fact{Name: "Rules", Text: rules(e)})
	if e.Why != "" {
		facts = append(facts, Fact{Name: "Reason", Text: e.Why})
	}
	return facts, nil
}

// overlap says which schedule of the target comes due while a refresh at one of the times would run; "" when none does.
func (s *Service) overlap(ctx context.Context, target string, times []time.Time) (string, error) {
	list, err := s.Schedules.List(ctx, target)
	if err != nil {
		return "", err
	}
	length := max(s.Targets[target].Request.Settings.Downtime, time.Minute)
	for _, other := range list {
		for _, due := range other.Next {
			if slices.ContainsFunc(times, func(at time.Time) bool { return at.Sub(due).Abs() < length }) {
				return fmt.Sprintf("%s comes due on %s too. Only the one that is asked for first runs, the other is skipped.", other.ID, when.Said(due.In(other.Times.Zone()))), nil
			}
		}
	}
	return "", nil
}

func (s *Service) addSchedule(ctx context.Context, key string, e schedule.Entry) (Reply, error) {
	st, err := s.Schedules.Add(ctx, e, key)
	if err != nil {
		return Reply{}, err
	}
	r := Reply{Text: fmt.Sprintf("Scheduled as %s: %s is refreshed %s.", st.ID, st.Target, inWords(st.Times)),
		Hint: fmt.Sprintf("Each refresh needs its approval; somebody other than its maker gives it. /refresh schedule %s pause, skip next or remove changes it.", st.ID)}
	if len(st.Next) > 0 {
		r.At = st.Next[0]
		r.Text += fmt.Sprintf(" First on %s.", when.Said(r.At.In(st.Times.Zone())))
	}
	return r, nil
}

// changeSchedule reads what is to be done about the schedule with that id.
func (s *Service) changeSchedule(ctx context.Context, in Line, id string, words []string) (Reply, error) {
	done, seen, err := s.first(ctx, "schedule "+strings.ToLower(id), in.Key)
	if err != nil || seen {
		return Reply{}, err
	}
	defer done()
	list, err := s.Schedules.List(ctx, "")
	if err != nil {
		return Reply{}, err
	}
	i := slices.IndexFunc(list, func(st schedule.Standing) bool { return strings.EqualFold(st.ID, id) })
	if i < 0 {
		return Reply{}, hinted{refresh.Errorf(refresh.NotFound, "There is no schedule %q.", id), "/refresh schedules lists them."}
	}
	st := list[i]
	if len(words) == 0 {
		return Reply{Text: "One schedule.", Items: []Item{s.scheduleItem(ctx, in, st)}}, nil
	}
	example := hinted{refresh.Errorf(refresh.Invalid, "I did not understand %q.", strings.Join(words, " ")),
		fmt.Sprintf("What can be done: /refresh schedule %s pause, resume, skip next or remove", st.ID)}
	verb, rest := strings.ToLower(words[0]), words[1:]
	var due time.Time
	switch {
	case verb == "skip" && len(rest) == 1 && strings.EqualFold(rest[0], "next"):
	case verb == "skip" && len(rest) == 1:
		if due, err = time.Parse(time.RFC3339, rest[0]); err != nil {
			return Reply{}, example
		}
	case len(rest) > 0:
		return Reply{}, example
	}
	do, ok := map[string]func() (schedule.Standing, error){
		"pause":  func() (schedule.Standing, error) { return s.Schedules.Pause(ctx, st.ID, in.User, in.Key) },
		"resume": func() (schedule.Standing, error) { return s.Schedules.Resume(ctx, st.ID, in.User, in.Key) },
		"skip":   func() (schedule.Standing, error) { return s.Schedules.SkipNext(ctx, st.ID, due, in.User, in.Key) },
		"remove": func() (schedule.Standing, error) { return s.Schedules.Remove(ctx, st.ID, in.User, in.Key) },
	}[verb]
	if !ok {
		return Reply{}, example
	}
	if err := s.mayChange(ctx, in, st); err != nil {
		return Reply{}, err
	}
	now, err := do()
	if err != nil {
		return Reply{}, err
	}
	s.once.handled(in.Key)
	return s.changed(ctx, verb, now), nil
}

// changed says what a change has come to.
func (s *Service) changed(ctx context.Context, verb string, st schedule.Standing) Reply {
	r := Reply{Hint: "The channel is told."}
	next := "Nothing is due."
	if len(st.Next) > 0 {
		r.At = st.Next[0]
		next = fmt.Sprintf("Next: %s.", when.Said(st.Next[0].In(st.Times.Zone())))
	}
	switch verb {
	case "pause":
		r.Text = fmt.Sprintf("%s is paused: it asks for nothing until it is resumed.", st.ID)
		r.Buttons = []Button{{Text: "Resume " + st.ID, Line: "schedule " + st.ID + " resume"}}
	case "resume":
		r.Text = fmt.Sprintf("%s is resumed. %s", st.ID, next)
	case "skip":
		r.Text = fmt.Sprintf("The refresh of %s on %s is skipped. %s", st.Target, when.Said(st.Last.In(st.Times.Zone())), next)
	case "remove":
		r.Text, r.At = fmt.Sprintf("%s is removed.", st.ID), time.Time{}
	}
	if active, err := s.active(ctx, st.Target); err == nil && active != nil && active.ID == st.Refresh {
		r.Hint += fmt.Sprintf(" The refresh that it asked for goes on; /refresh cancel %s calls it off.", st.Target)
	}
	return r
}

// mayChange reports whether a person may change a schedule, as an error if not: its owner and admins, and of the
// configuration's own those who decide about its refreshes.
func (s *Service) mayChange(ctx context.Context, in Line, st schedule.Standing) error {
	if slices.Contains(s.Admins, in.User.ID) || !st.Configured() && st.Owner.ID == in.User.ID {
		return nil
	}
	if !st.Configured() {
		return refresh.Errorf(refresh.Denied, "%s was made by %s: only they or an admin can change it.", st.ID, st.Owner.Name)
	}
	t, ok := s.Targets[st.Target]
	if !ok {
		return errors.New("a schedule of the configuration without its target")
	}
	if slices.Contains(t.deciders(), in.User.ID) {
		return nil
	}
	groups, err := s.groups(ctx, in.User.ID, t.deciders())
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return refresh.Errorf(refresh.Denied, "%s stands in the configuration: only those who decide about refreshes of %s or an admin can change it.", st.ID, st.Target)
	}
	return nil
}
