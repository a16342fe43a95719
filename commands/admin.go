package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
)

// Installation is what admins ask about the bot itself.
type Installation interface {
	// Check tries every credential and permission that a refresh of the target needs ("" for all targets), changes
	// nothing, and returns a table of what it found and how many did not pass.
	Check(ctx context.Context, target string) (table string, failed int, err error)
	// Config returns the configuration in use, secrets hidden, and why a newer one is refused ("" when none is).
	Config() (text, refused string, err error)
	// SignIn begins the sign-in of the LCS account by a person.
	SignIn(ctx context.Context) (SignIn, error)
	// Backup takes a backup of the store now, and returns when it is on disk and was read again.
	Backup(ctx context.Context) (Backup, error)
}

// SignIn is a sign-in that waits for a person to enter a code.
type SignIn struct {
	Account    string
	Code, Page string
	Expires    time.Time
	// Finish waits for the person, until the code expires at the latest, and returns when the sign-in lapses.
	Finish func(ctx context.Context) (time.Time, error)
}

// Backup is a copy of the store that was taken.
type Backup struct {
	File      string
	Size      int64 // bytes
	Refreshes int
	Open      int // of them have not ended
}

// admin lets admins through.
func (s *Service) admin(in Line, what string) error {
	if slices.Contains(s.Admins, in.User.ID) {
		return nil
	}
	if len(s.Admins) == 0 {
		return hinted{refresh.Errorf(refresh.Denied, "Only admins may %s, and the configuration names none.", what), "Whoever runs refreshbot adds people to admins in the configuration."}
	}
	return toAdmins{refresh.Errorf(refresh.Denied, "Only admins may %s.", what), s.Admins}
}

func (s *Service) check(_ context.Context, in Line, words []string) (Reply, error) {
	if err := s.admin(in, "try the credentials"); err != nil {
		return Reply{}, err
	}
	target, what := "", "everything that the configuration names"
	if len(words) > 0 {
		t, err := s.target("check ", words)
		if err != nil {
			return Reply{}, err
		}
		if err := nothingElse(words[1:], "Just type /refresh check "+t.Request.Target.Name); err != nil {
			return Reply{}, err
		}
		target = t.Request.Target.Name
		what = "everything that a refresh of " + target + " needs"
	}
	return Reply{
		Text: "Trying " + what + ". Nothing is changed anywhere.",
		Later: func(ctx context.Context) Reply {
			table, failed, err := s.Installation.Check(ctx, target)
			switch {
			case err != nil:
				return reply(Reply{}, err)
			case failed > 0:
				return Reply{Refused: true, Text: "A refresh could not run as it stands.", Name: "check", Listing: table, Hint: "Each line that failed says what to do. /refresh check tries again."}
			}
			return Reply{Text: "Everything passed: a refresh could run.", Name: "check", Listing: table}
		},
	}, nil
}

func (s *Service) config(_ context.Context, in Line, words []string) (Reply, error) {
	if err := s.admin(in, "see the configuration"); err != nil {
		return Reply{}, err
	}
	if err := nothingElse(words, "Just type /refresh config"); err != nil {
		return Reply{}, err
	}
	text, refused, err := s.Installation.Config()
	if err != nil {
		return Reply{}, fmt.Errorf("show the configuration: %w", err)
	}
	rep := Reply{
		Name: "configuration",
		Text: "This configuration is in use; what the file leaves out is marked as default. Secrets are shown as where they are found.", Listing: text,
		Hint: "A changed file is taken up by itself. Refreshes that run keep the plan they were asked for with.",
	}
	if refused != "" {
		rep.Text = "The file has changed and is refused as a whole: " + refused + "\nThe configuration from before stays in use:"
		rep.Hint = "Correct the file; it is read again by itself. After a cause outside the file, send the process SIGHUP."
	}
	return rep, nil
}

func (s *Service) signIn(_ context.Context, in Line, words []string) (Reply, error) {
	if err := s.admin(in, "sign in to LCS"); err != nil {
		return Reply{}, err
	}
	if err := nothingElse(words, "Just type /refresh sign-in"); err != nil {
		return Reply{}, err
	}
	return Reply{Text: "Asking Microsoft Entra for a code.", Later: func(ctx context.Context) Reply {
		signIn, err := s.Installation.SignIn(ctx)
		if err != nil {
			return reply(Reply{}, err)
		}
		return Reply{
			Text: fmt.Sprintf("Open %s, enter the code %s and sign in as %s. Do it yourself: whoever enters the code decides which account refreshbot works with.", signIn.Page, signIn.Code, signIn.Account),
			Hint: fmt.Sprintf("The code is good for %d minutes. You are told here when it has worked.", int(time.Until(signIn.Expires).Round(time.Minute).Minutes())),
			Later: func(ctx context.Context) Reply {
				lapses, err := signIn.Finish(ctx)
				if err != nil {
					return reply(Reply{}, err)
				}
				return Reply{
					Text: fmt.Sprintf("Signed in to LCS as %s.", signIn.Account),
					Hint: fmt.Sprintf("It is renewed every day, and would lapse on %s. You are warned a week before a person is needed again.", lapses.UTC().Format("2 January 2006")),
				}
			},
		}
	}}, nil
}

func (s *Service) backup(_ context.Context, in Line, words []string) (Reply, error) {
	if err := s.admin(in, "take a backup"); err != nil {
		return Reply{}, err
	}
	if err := nothingElse(words, "Just type /refresh backup"); err != nil {
		return Reply{}, err
	}
	return Reply{
		Text: "Taking a backup.",
		Later: func(ctx context.Context) Reply {
			b, err := s.Installation.Backup(ctx)
			if err != nil {
				return reply(Reply{}, err)
			}
			return Reply{
				Text: fmt.Sprintf("Backup taken and checked: %s, %d kB, %s, %d of them under way.", b.File, (b.Size+1023)/1024, refresh.Count(b.Refreshes, "refresh"), b.Open),
				Hint: "refreshbot restore puts it back while the bot is stopped.",
			}
		},
	}, nil
}

// nothingElse refuses words that would be ignored.
func nothingElse(words []string, hint string) error {
	if len(words) == 0 {
		return nil
	}
	return hinted{refresh.Errorf(refresh.Invalid, "I did not understand %q.", strings.Join(words, " ")), hint}
}
