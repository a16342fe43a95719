package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// Limits of what is handed in. They are far above any real list; the list stands in the row of the refresh.
const (
	maxNames      = 20_000 // of one refresh, from all who hand in
	maxNameLength = 255    // characters; the longest e-mail address that F&O stores
	maxFrom       = 100    // characters
)

// Form asks a person for a list of users. The chat system shows it; what comes back is a HandIn.
type Form struct {
	Title   string // a few words
	What    string // what the list is for, and what becomes of it
	Target  string
	Channel string // where the refresh is posted
	Refresh refresh.ID
}

// HandIn is a list of users to let in. Key names the delivery, so that a second one changes nothing.
type HandIn struct {
	Key       string
	User      refresh.Person
	Workspace string // from which it was sent
	Refresh   refresh.ID
	From      string   // where the names come from, for people: "trainees.xlsx"
	Names     []string // user ids, sign-in names or e-mail addresses
}

// users answers with the form, if a list from this person would be taken now.
func (s *Service) users(ctx context.Context, in Line, words []string) (Reply, error) {
	t, err := s.target("users ", words)
	if err != nil {
		return Reply{}, err
	}
	name := t.Request.Target.Name
	if len(words) > 1 {
		return Reply{}, hinted{refresh.Errorf(refresh.Invalid, "I did not understand %q.", strings.Join(words[1:], " ")),
			fmt.Sprintf("The names go into a form: /refresh users %s opens it.", name)}
	}
	active, err := s.active(ctx, name)
	if err != nil {
		return Reply{}, err
	}
	if active == nil {
		return Reply{}, hinted{refresh.Errorf(refresh.NotFound, "No refresh of %s is running, so no list of users is taken.", name),
			fmt.Sprintf("/refresh %s asks for one; the list can be handed in until its users are enabled.", name)}
	}
	actor, err := s.actorFor(ctx, in.User, *active)
	if err != nil {
		return Reply{}, err
	}
	// The rules themselves say whether they would take a list. Nothing is committed.
	if _, err := refresh.Decide(*active, refresh.ListUsers{By: actor, From: "the form", Names: []string{name}}, refresh.Now{Time: time.Now()}); err != nil {
		return Reply{}, notTaken(*active, err)
	}
	return Reply{Form: &Form{
		Title: "Users to let in", Target: name, Channel: active.Channel, Refresh: active.ID,
		What: fmt.Sprintf("These users are let into %s too, beside those of the configuration. Before anybody is let in, the card shows who would be enabled, who is already, and which names are unknown.", name),
	}}, nil
}

// HandIn takes a list of users. What it changes is committed when it returns.
func (s *Service) HandIn(ctx context.Context, in HandIn) Reply {
	return reply(s.handIn(ctx, in))
}

func (s *Service) handIn(ctx context.Context, in HandIn) (Reply, error) {
	from := []rune(strings.Join(strings.Fields(in.From), " "))
	if len(from) > maxFrom {
		from = append(from[:maxFrom-1], '…')
	}
	in.From = string(from)
	names, err := distinct(in.Names)
	if err != nil {
		return Reply{}, err
	}
	r, actor, err := s.open(ctx, in.User, in.Refresh)
	if err != nil {
		return Reply{}, err
	}
	if all := len(r.Listed) + len(names); all > maxNames {
		// The first delivery of this very list may be what leaves no room.
		if seen, lookErr := s.Record.Seen(ctx, in.Key); lookErr == nil && seen {
			return Reply{}, nil
		}
		return Reply{}, hinted{refresh.Errorf(refresh.Invalid, "With the %d users in %s this refresh would have %d handed in; at most %d are possible.", len(names), in.From, all, maxNames),
			"For so many, name a role or a file under users in the configuration."}
	}
	r, err = s.tell(ctx, in.Refresh, r, refresh.ListUsers{By: actor, From: in.From, Names: names}, delivery{in.Key, in.User, in.Workspace})
	if errors.Is(err, engine.ErrSeen) {
		return Reply{}, nil
	}
	if err != nil {
		return Reply{}, notTaken(r, err)
	}
	will := "users from %s will"
	if len(names) == 1 {
		will = "user from %s will"
	}
	return Reply{
		Text: fmt.Sprintf("%d "+will+" be previewed in the card before anybody is let into %s.", len(names), in.From, r.Target.Name),
		Hint: "The preview says who is to be enabled, who is already, which names are unknown and what is nearest to them. Microsoft's own service users are refused.",
	}, nil
}

// distinct drops blanks and repetitions. User ids, sign-in names and addresses do not differ by letter case alone.
func distinct(names []string) ([]string, error) {
	seen := map[string]bool{}
	var list []string
	for _, n := range names {
		n = strings.TrimSpace(n)
		if key := strings.ToLower(n); n != "" && !seen[key] {
			seen[key] = true
			list = append(list, n)
		}
		if r := []rune(n); len(r) > maxNameLength {
			return nil, hinted{refresh.Errorf(refresh.Invalid, "A name of %d characters cannot be a user; at most %d are possible. It begins with %q.", len(r), maxNameLength, string(r[:40])),
				"Write one user on each line."}
		}
	}
	return list, nil
}

// notTaken adds the next step to why a list of users is not taken.
func notTaken(r refresh.Refresh, err error) error {
	name := r.Target.Name
	switch refresh.CodeOf(err) {
	case refresh.Denied:
		return hinted{err, "Give the list to one of them."}
	case refresh.Stale:
		if !r.Status.Ended() && !slices.ContainsFunc(r.Steps, func(s refresh.Step) bool { return s.Kind == refresh.KindPreview }) {
			return hinted{refresh.Errorf(refresh.Invalid, "This refresh of %s lets nobody in, so it takes no list.", name),
				fmt.Sprintf("Let them in by hand in %s, or have an admin set users in the configuration for the next refresh.", name)}
		}
		return hinted{err, fmt.Sprintf("Let them in by hand in %s (System administration > Users), or have them added to the configuration for the next refresh.", name)}
	}
	return err
}
