package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// open returns the refresh and what the person may do about it, as it is at this moment. One that has ended or
// is unknown comes back empty: the engine says so when it is told something about it.
func (s *Service) open(ctx context.Context, who refresh.Person, id refresh.ID) (refresh.Refresh, refresh.Actor, error) {
	r, err := s.Record.Load(ctx, id)
	switch {
	case errors.Is(err, engine.ErrNotFound), err == nil && r.Status.Ended():
		return refresh.Refresh{}, refresh.Actor{Person: who}, nil
	case err != nil:
		return refresh.Refresh{}, refresh.Actor{}, fmt.Errorf("read %s: %w", id, err)
	}
	actor, err := s.actorFor(ctx, who, r)
	return r, actor, err
}

func (s *Service) actorFor(ctx context.Context, who refresh.Person, r refresh.Refresh) (refresh.Actor, error) {
	var named []string
	for _, st := range r.Steps {
		if st.Policy != nil {
			named = append(named, st.Policy.By...)
		}
	}
	named = append(named, r.Troubleshooters...)
	groups, err := s.groups(ctx, who.ID, named)
	if err != nil {
		return refresh.Actor{}, err
	}
	return refresh.Actor{Person: who, Admin: slices.Contains(s.Admins, who.ID), In: groups}, nil
}

// groups returns the user groups among names that the user is in. When Slack does not answer nobody is in any.
func (s *Service) groups(ctx context.Context, user string, names []string) ([]string, error) {
	var ids []string
	for _, n := range names {
		if strings.HasPrefix(n, "S") && !slices.Contains(ids, n) {
			ids = append(ids, n)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	in, err := s.Directory.Groups(ctx, user, ids)
	if err != nil {
		return nil, &refresh.Error{Code: refresh.Offline, Msg: "Slack did not say which user groups you are in, so nothing was done. Try again in a moment.", Err: err}
	}
	return in, nil
}
