package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/commands/when"
	"refreshbot/jobs/refresh"
)

// longestFreeze is how long one freeze may be, and how far ahead it may end.
const longestFreeze = 366 * 24 * time.Hour

const freezeExample = "/refresh freeze uat until friday 18:00 because month end"

// freeze keeps refreshes of a target from beginning for some time. The times are read back first, unless a button of
// ours sent the line.
func (s *Service) freeze(ctx context.Context, in Line, words []string) (Reply, error) {
	t, err := s.target("freeze ", words)
	if err != nil {
		return Reply{}, err
	}
	name := t.Request.Target.Name
	b, err := s.freezeOf(ctx, in, words[1:])
	if err != nil {
		return Reply{}, err
	}
	if err := s.mayLook(ctx, in, t); err != nil {
		return Reply{}, err
	}
	zone := s.zoneOf(ctx, in.User.ID) // the line of a button names the offset alone
	b.From, b.Until = b.From.In(zone), b.Until.In(zone)
	window := fmt.Sprintf("until %s", when.Said(b.Until))
	if b.From.After(time.Now()) {
		window = fmt.Sprintf("from %s %s", when.Said(b.From), window)
	}
	reason := ""
	if b.Why != "" {
		reason = fmt.Sprintf(" Reason: %s.", strings.TrimRight(b.Why, "."))
	}
	if !in.Confirmed {
		line := fmt.Sprintf("freeze %s from %s until %s", name, b.From.Format(spelled), b.Until.Format(spelled))
		if b.Why != "" {
			line += " because " + b.Why
		}
		return Reply{
			Text: fmt.Sprintf("%s would be frozen %s: no refresh of it begins in that time.%s", name, window, reason), At: b.Until,
			Hint:    "Nothing is frozen yet." + s.affected(ctx, t, b),
			Buttons: []Button{{Text: "Freeze " + name, Line: line, Main: true}, {Text: "No"}},
		}, nil
	}
	if err := s.Calendar.Freeze(ctx, name, b, time.Now()); err != nil {
		return Reply{}, fmt.Errorf("freeze %s: %w", name, err)
	}
	if err := s.News.Tell(ctx, refresh.News{Key: "freeze/" + in.Key, Target: name, Kind: refresh.NewsFrozen, At: time.Now().UTC(), By: in.User, Blackout: b}); err != nil {
		return Reply{}, fmt.Errorf("tell that %s is frozen: %w", name, err)
	}
	return Reply{Text: fmt.Sprintf("%s is frozen %s.%s", name, window, reason), At: b.Until,
		Hint: fmt.Sprintf("The channel is told. /refresh unfreeze %s lifts it; freezing again moves it.", name)}, nil
}

// spelled is how a time stands in a line of ours: package when reads it, whatever the reader's own zone.
const spelled = "2006-01-02 15:04 -07:00"

// freezeOf reads "[from <time>] until <time> [because <reason>]".
func (s *Service) freezeOf(ctx context.Context, in Line, words []string) (refresh.Blackout, error) {
	b := refresh.Blackout{From: time.Now().UTC().Round(0), Owner: in.User}
	read := when.Reader{Now: time.Now(), Zone: s.zoneOf(ctx, in.User.ID), Furthest: longestFreeze}
	var err error
	if len(words) > 0 && strings.EqualFold(words[0], "from") {
		at, rest, err := read.Split(words[1:])
		switch {
		case in.Confirmed && err != nil: // it may have begun since it was read back
			if at, rest, err = (when.Reader{Now: time.Now().Add(-time.Hour), Zone: read.Zone, Furthest: longestFreeze}).Split(words[1:]); err != nil {
				return b, timeless(err, "")
			}
			b.From = at
		case err != nil:
			return b, timeless(err, " For example: /refresh freeze uat from monday 08:00 until friday 18:00")
		case !at.IsZero():
			b.From = at
		}
		words = rest
	}
	if len(words) == 0 || !strings.EqualFold(words[0], "until") {
		return b, hinted{refresh.Errorf(refresh.Invalid, "Until when?"), "For example: " + freezeExample}
	}
	if b.Until, words, err = read.Split(words[1:]); err != nil {
		return b, timeless(err, " For example: "+freezeExample)
	}
	if !b.Until.After(b.From) {
		return b, hinted{refresh.Errorf(refresh.Invalid, "A freeze has to end after it begins."), "For example: " + freezeExample}
	}
	b.Why, err = reasonOf(words, freezeExample)
	return b, err
}

// affected says what is under way or comes due and falls into the blackout.
func (s *Service) affected(ctx context.Context, t Target, b refresh.Blackout) string {
	name, text := t.Request.Target.Name, ""
	if active, err := s.active(ctx, name); err == nil && active != nil {
		text = " The refresh that is under way goes on."
		if !active.PointOfNoReturn() {
			text = " The refresh that is under way is held if its copy would begin in that time."
		}
	}
	if next := s.Next(name); !next.IsZero() && b.Touches(next, next.Add(t.Request.Settings.Downtime)) {
		text += fmt.Sprintf(" The one that is scheduled for %s is affected.", when.Said(next.In(s.Zone)))
	}
	return text
}

// unfreeze lifts a freeze: one's own, or as an admin anybody's.
func (s *Service) unfreeze(ctx context.Context, in Line, words []string) (Reply, error) {
	t, err := s.target("unfreeze ", words)
	if err != nil {
		return Reply{}, err
	}
	name := t.Request.Target.Name
	done, seen, err := s.first(ctx, "unfreeze "+name, in.Key)
	if err != nil || seen {
		return Reply{}, err
	}
	defer done()
	if len(words) > 2 {
		return Reply{}, nothingElse(words[1:], fmt.Sprintf("/refresh unfreeze %s lifts the freeze.", name))
	}
	all, err := s.Calendar.Blackouts(ctx, name, time.Now())
	if err != nil {
		return Reply{}, fmt.Errorf("look for freezes of %s: %w", name, err)
	}
	freezes := slices.DeleteFunc(slices.Clone(all), func(b refresh.Blackout) bool {
		return b.Configured || len(words) == 2 && b.ID != words[1]
	})
	admin := slices.Contains(s.Admins, in.User.ID)
	mine := slices.DeleteFunc(slices.Clone(freezes), func(b refresh.Blackout) bool { return !admin && b.Owner.ID != in.User.ID })
	switch {
	case len(freezes) == 0:
		hint := ""
		if b, _, blocked := refresh.Blocking(all, time.Now(), 0); blocked {
			hint = fmt.Sprintf("The blackout until %s stands in the configuration: %s.", when.Said(b.Until.In(s.Zone)), b.Why)
		}
		return Reply{}, hinted{refresh.Errorf(refresh.NotFound, "%s is not frozen by anybody.", name), hint}
	case len(mine) == 0:
		return Reply{}, hinted{refresh.Errorf(refresh.Denied, "%s is frozen by %s.", name, freezes[0].Owner.Name), "They, or an admin, can lift that."}
	case len(mine) > 1:
		r := Reply{Text: fmt.Sprintf("%s is frozen %d times. Which one is to be lifted?", name, len(mine))}
		for _, b := range mine {
			r.Items = append(r.Items, Item{Facts: []Fact{
				{Name: "From", At: b.From, Zoned: true, Text: when.Said(b.From.In(s.Zone))}, {Name: "Until", At: b.Until, Zoned: true, Text: when.Said(b.Until.In(s.Zone))},
				{Name: "By", Who: b.Owner, Why: b.Why},
			}, Buttons: []Button{{Text: "Lift this freeze", Line: fmt.Sprintf("unfreeze %s %s", name, b.ID)}}})
		}
		return r, nil
	}
	b, found, err := s.Calendar.Lift(ctx, name, mine[0].ID, time.Now())
	if err != nil {
		return Reply{}, fmt.Errorf("lift a freeze of %s: %w", name, err)
	}
	if !found {
		return Reply{}, refresh.Errorf(refresh.Stale, "That freeze of %s has been lifted already.", name)
	}
	if err := s.News.Tell(ctx, refresh.News{Key: "unfreeze/" + in.Key, Target: name, Kind: refresh.NewsUnfrozen, At: time.Now().UTC(), By: in.User, Blackout: b}); err != nil {
		return Reply{}, fmt.Errorf("tell that a freeze of %s is lifted: %w", name, err)
	}
	s.once.handled(in.Key)
	r := Reply{Text: fmt.Sprintf("The freeze of %s until %s is lifted.", name, when.Said(b.Until.In(s.Zone))), Hint: "The channel is told."}
	rest := slices.DeleteFunc(all, func(other refresh.Blackout) bool { return other.ID == b.ID })
	if still, _, blocked := refresh.Blocking(rest, time.Now(), 0); blocked {
		r.Hint += fmt.Sprintf(" No refresh begins there until %s all the same: %s.", when.Said(still.Until.In(s.Zone)), why(still))
	}
	return r, nil
}
