package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/bot/view"
	"refreshbot/jobs/refresh"
)

// news is how long after it happened it is still worth telling people in a direct message.
const news = 24 * time.Hour

const outcomeNoAccount = "no account"

func (s *showing) owesInvitations() bool {
	return s.r.Status == refresh.Done && s.r.Settings.Notify && !s.Invited && time.Since(s.r.EndedAt) < news
}

// invite tells everybody who was let in that the environment is open. In the end the thread names those it did not
// reach.
func (s *showing) invite(ctx context.Context) error {
	if !s.owesInvitations() {
		return nil
	}
	people := addresses(s.r)
	var untold []string
	var waits error
	for _, who := range people {
		rec, err := s.inviteOne(ctx, who)
		if _, wait := errors.AsType[notYet](err); wait {
			waits = sooner(waits, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("tell a user that %s is open: %w", s.r.Target.Name, err)
		}
		if rec.Outcome != outcomeSent {
			untold = append(untold, who)
		}
	}
	if waits != nil {
		return waits
	}
	if s.owes(s.place) {
		return nil // the thread first
	}
	if len(untold) > 0 {
		if _, err := s.post(ctx, &s.place, "untold", false, view.Untold(s.r, untold, len(people), s.View)); err != nil {
			return err
		}
	}
	s.Intent, s.Invited = "", true
	return s.note(ctx)
}

// addresses are the people who were let in, each once: by e-mail address, or by id when F&O knows none.
func addresses(r refresh.Refresh) []string {
	in, _ := r.UsersIn()
	var all []string
	for _, u := range in {
		who := u.SignIn
		if who == "" {
			who = u.ID
		}
		if !slices.ContainsFunc(all, func(known string) bool { return strings.EqualFold(known, who) }) {
			all = append(all, who)
		}
	}
	return all
}

// inviteOne tells one person. notYet when it is not this one's turn.
func (s *showing) inviteOne(ctx context.Context, who string) (told, error) {
	record := string(s.r.ID) + "/" + strings.ToLower(who)
	rec, err := s.recallTold(ctx, record)
	if err != nil || rec.Outcome != "" {
		return rec, err
	}
	unknown := func() (told, error) {
		rec.Outcome = outcomeNoAccount
		return rec, s.noteTold(ctx, record, rec)
	}
	if !strings.Contains(who, "@") {
		return unknown()
	}
	if rec.User == "" {
		if err := s.lookups.turn(record); err != nil {
			return rec, err
		}
		user, err := s.API.GetUserByEmailContext(ctx, who)
		if refusal(err) == "users_not_found" {
			return unknown()
		}
		if err != nil {
			return rec, err
		}
		rec.User = user.ID
	}
	return s.deliver(ctx, record, letter{string(s.r.ID), "open", rec.User, view.Opened(s.r, s.View)})
}
