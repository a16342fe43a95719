package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// grace is how long after its time a scheduled refresh can still be approved.
const grace = 30 * time.Minute

// Scheduled asks for a refresh on behalf of a schedule. Its key makes one due time ask once. Busy and seen are errors of
// the engine that the caller tells apart; schedule.Blocked says that it would fall into a blackout. Whoever made the
// schedule is the requester, who does not approve it, and must still be allowed to ask.
func (s *Service) Scheduled(ctx context.Context, in schedule.Request) (refresh.Refresh, error) {
	t, ok := s.Targets[in.Target]
	if !ok {
		return refresh.Refresh{}, refresh.Errorf(refresh.NotFound, "The configuration has no target environment %s.", in.Target)
	}
	if asked, err := s.Asked(ctx, in); err != nil {
		return refresh.Refresh{}, err
	} else if asked {
		return refresh.Refresh{}, engine.ErrSeen
	}
	req := t.Request
	req.By, req.Reason, req.StartAt = refresh.Person{Name: "the schedule"}, in.Why, in.StartAt
	if !in.Configured() {
		err := s.mayAsk(ctx, Line{User: in.Owner}, t)
		if refresh.CodeOf(err) == refresh.Denied {
			err = refresh.Errorf(refresh.Denied, "%s, who made the schedule, may not ask for a refresh of %s any more.", in.Owner.Name, t.Request.Target.Name)
		}
		if err != nil {
			return refresh.Refresh{}, err
		}
		req.By = in.Owner
	}
	if err := s.admit(ctx, t, in.StartAt); err != nil {
		if f, ok := errors.AsType[blackedOut](err); ok {
			err = schedule.Blocked{Blackout: f.Blackout, Free: f.Free}
		}
		return refresh.Refresh{}, err
	}
	if !in.StartAt.IsZero() {
		req.Plan = lapsing(req.Plan, time.Until(in.StartAt)+grace)
	}
	return s.Engine.Ask(ctx, req, in.Key())
}

// Asked reports whether a schedule has asked for that before.
func (s *Service) Asked(ctx context.Context, in schedule.Request) (bool, error) {
	seen, err := s.Record.Seen(ctx, in.Key())
	if err != nil {
		return false, fmt.Errorf("look up the request: %w", err)
	}
	return seen, nil
}

// lapsing returns the plan with approvals that are waited for no longer than that.
func lapsing(plan []refresh.Spec, longest time.Duration) []refresh.Spec {
	plan = slices.Clone(plan)
	for i, spec := range plan {
		if p := spec.Policy; spec.Kind == refresh.KindApproval && p != nil && (p.Expires == 0 || p.Expires > longest) {
			sooner := *p
			sooner.Expires = longest
			plan[i].Policy = &sooner
		}
	}
	return plan
}
