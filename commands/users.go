package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// Limits of what is handed in. They are far above any real list; the list stands in the row of the refresh.
const (
	maxNames      = 20_000 // of one refresh, from all who hand in
	maxNameLength = 255    // characters; the longest e-mail address that F&O stores
	maxFrom       = 100    // characters
)

// formUsers is the form in which users are handed in. Its state is the id of the refresh.
const formUsers = "users"

const (
	inFile  = "file"
	inNames = "names"
)

// pastedList is what names that came without a file are said to come from.
const pastedList = "the pasted list"

// handIn is a list of users to let in, and from whom.
type handIn struct {
	delivery
	refresh refresh.ID
	from    string   // where the names come from, for people: "trainees.xlsx"
	names   []string // user ids, sign-in names or e-mail addresses
}

// users answers with the form, if a list from this person would be taken now.
func (s *Service) users(ctx context.Context, in Line, words []string) (Reply, error) {
	t, err := s.target("users ", words)
	if err != nil {
		return Reply{}, err
	}
	name := t.Request.Target.Name
	if err := nothingElse(words[1:], fmt.Sprintf("The names go into a form: /refresh users %s opens it.", name)); err != nil {
		return Reply{}, err
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
	return Reply{Form: usersForm(*active)}, nil
}

func usersForm(r refresh.Refresh) *Form {
	return &Form{
		Name: formUsers, State: []string{string(r.ID)}, Channel: r.Channel, Title: "Users to let in", Submit: "Preview",
		Parts: []Part{
			{Text: fmt.Sprintf("These users are let into %s too, beside those of the configuration. Before anybody is let in, the card shows who would be enabled, who is already, and which names are unknown.", r.Target.Name)},
			{Input: &Input{ID: inFile, Kind: InputFile, Label: "A file: CSV or Excel", Hint: "One user in each row; the column is found by its heading, such as User ID or E-mail. At most 10 MB.", Optional: true}},
			{Input: &Input{ID: inNames, Kind: InputLines, Label: "Or paste the users", Hint: "One on each line. A longer list goes into a file.", Sample: "anna@contoso.com", Optional: true}},
		},
	}
}

// fillUsers takes a list of users, pasted, in a file or both.
func (s *Service) fillUsers(ctx context.Context, in Filled) (Reply, error) {
	if len(in.State) != 1 {
		return Reply{}, refresh.Errorf(refresh.Invalid, "The form does not say for which refresh it is. Send the command again.")
	}
	list := handIn{delivery: delivery{in.Key, in.User, in.Workspace}, refresh: refresh.ID(in.State[0]), from: pastedList, names: pasted(in.Values[inNames])}
	switch {
	case in.File != nil && len(list.names) > 0:
		list.from, list.names = in.File.From+" and "+pastedList, append(slices.Clone(in.File.Names), list.names...)
	case in.File != nil:
		list.from, list.names = in.File.From, in.File.Names
	case len(list.names) == 0:
		return Reply{Refused: true, Text: "No user was given.", Complaints: map[string]string{inNames: "Write at least one user here, or choose a file above."}}, nil
	}
	r, err := s.take(ctx, list)
	if err != nil && in.File == nil {
		refused := reply(r, err)
		refused.Complaints = map[string]string{inNames: strings.TrimSpace(refused.Text + " " + refused.Hint)}
		return refused, nil
	}
	return r, err
}

// pasted splits what was pasted. Users stand on lines of their own; commas, semicolons and tabs separate as well,
// since none of them can be in a user id or an address, and a name must not be lost. What cannot be seen is dropped.
func pasted(text string) []string {
	seen := strings.Map(func(r rune) rune {
		if r != '\n' && r != '\r' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError) {
			return -1
		}
		return r
	}, text)
	names := strings.FieldsFunc(seen, func(r rune) bool { return strings.ContainsRune("\r\n\t,;", r) })
	for i, n := range names {
		names[i] = strings.Join(strings.Fields(n), " ")
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// take commits a list of users.
func (s *Service) take(ctx context.Context, in handIn) (Reply, error) {
	from := []rune(strings.Join(strings.Fields(in.from), " "))
	if len(from) > maxFrom {
		from = append(from[:maxFrom-1], '…')
	}
	in.from = string(from)
	names, err := distinct(in.names)
	if err != nil {
		return Reply{}, err
	}
	r, actor, err := s.open(ctx, in.user, in.refresh)
	if err != nil {
		return Reply{}, err
	}
	if all := len(r.Listed) + len(names); all > maxNames {
		// The first delivery of this very list may be what leaves no room.
		if seen, lookErr := s.Record.Seen(ctx, in.key); lookErr == nil && seen {
			return Reply{}, nil
		}
		return Reply{}, hinted{refresh.Errorf(refresh.Invalid, "With the %d users in %s this refresh would have %d handed in; at most %d are possible.", len(names), in.from, all, maxNames),
			"For so many, name a role or a file under users in the configuration."}
	}
	r, err = s.tell(ctx, in.refresh, r, refresh.ListUsers{By: actor, From: in.from, Names: names}, in.delivery)
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
		Text: fmt.Sprintf("%d "+will+" be previewed in the card before anybody is let into %s.", len(names), in.from, r.Target.Name),
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
