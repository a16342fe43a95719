package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// Membership is what somebody is in the workspace that refreshbot belongs to.
type Membership string

// The kinds of people. Only those with full membership may change anything.
const (
	Full        Membership = "full"
	Guest       Membership = "guest"
	Deactivated Membership = "deactivated"
	External    Membership = "external" // of another workspace or organization, also through a shared channel
	Automation  Membership = "automation"
)

// vouch refuses whoever is no full member of the workspace at this moment. A group or a configuration may still name
// somebody who has left; and a channel may be shared with people whom nobody here has hired.
func (s *Service) vouch(ctx context.Context, who refresh.Person, workspace string) error {
	is, err := s.Directory.Membership(ctx, who.ID, workspace)
	if err != nil {
		return &refresh.Error{Code: refresh.Offline, Msg: "Slack did not say whether you are a member of this workspace, so nothing was done. Try again in a moment.", Err: err}
	}
	return admitted(is)
}

// atHome refuses whoever is certainly of another workspace, or no person. Guests see the card anyway; and while Slack
// does not say who somebody is, how things stand is what they want to know.
func (s *Service) atHome(ctx context.Context, who refresh.Person, workspace string) error {
	is, err := s.Directory.Membership(ctx, who.ID, workspace)
	if err != nil || is == Guest {
		return nil
	}
	return admitted(is)
}

func admitted(is Membership) error {
	why := map[Membership]string{
		Full:        "",
		Guest:       "Guests of this workspace can look on, but neither ask nor decide. Ask a member to do it.",
		Deactivated: "Your account in this workspace is deactivated, so you can neither ask nor decide.",
		External:    "Only members of the workspace that refreshbot belongs to can ask or decide. Ask somebody there to do it.",
		Automation:  "Apps can neither ask nor decide: a person has to do it.",
	}
	switch text, known := why[is]; {
	case !known:
		return refresh.Errorf(refresh.Internal, "What you are in this workspace is not known, so nothing was done.")
	case text != "":
		return refresh.Errorf(refresh.Denied, "%s", text)
	}
	return nil
}

// looksOnly reports whether a command changes nothing, so that whoever can send it may.
func looksOnly(verb string) bool {
	return slices.Contains([]string{"status", "history", "why", "schedules", "help"}, verb)
}

// delivery is by whom and from where an input came. Key names it, so that a second one changes nothing.
type delivery struct {
	key       string
	user      refresh.Person
	workspace string
}

// tell gives an input to the refresh id; r is that refresh as it stands, and empty when it is not open. Who is no
// member is asked of the chat system only for an input that would count, and for one person after the other: hundreds
// may press a button at once, and then the first of them has decided.
func (s *Service) tell(ctx context.Context, id refresh.ID, r refresh.Refresh, in refresh.Input, from delivery) (refresh.Refresh, error) {
	if r.ID == "" { // it has ended, or never was: the engine says which
		return s.Engine.Tell(ctx, id, in, from.key)
	}
	if _, err := s.counts(ctx, r, in, from); err != nil {
		return r, err
	}
	done, err := s.turn(ctx, string(id))
	if err != nil {
		return r, err
	}
	defer done()
	if r, err = s.Record.Load(ctx, id); err != nil {
		return r, fmt.Errorf("read %s: %w", id, err)
	}
	if r.Status.Ended() { // meanwhile
		return s.Engine.Tell(ctx, id, in, from.key)
	}
	events, err := s.counts(ctx, r, in, from)
	if err != nil {
		return r, err
	}
	if err := s.vouch(ctx, from.user, from.workspace); err != nil {
		return r, err
	}
	if err := s.admitMove(ctx, r, events); err != nil {
		return r, err
	}
	return s.Engine.Tell(ctx, id, in, from.key)
}

// counts returns what an input would make happen to a refresh that stands like that, or why it would not count.
func (s *Service) counts(ctx context.Context, r refresh.Refresh, in refresh.Input, from delivery) ([]refresh.Event, error) {
	events, err := refresh.Decide(r, in, refresh.Now{Time: time.Now()})
	if err == nil {
		return events, nil
	}
	// The first delivery of this very input may be what it is refused for.
	seen, lookErr := s.Record.Seen(ctx, from.key)
	switch {
	case lookErr != nil:
		return nil, fmt.Errorf("look up input: %w", lookErr)
	case seen:
		return nil, engine.ErrSeen
	}
	return nil, err
}

// turn waits until nobody else is about to decide something of that thing, a refresh by its id.
func (s *Service) turn(ctx context.Context, thing string) (done func(), err error) {
	one, _ := s.turns.LoadOrStore(thing, make(chan struct{}, 1))
	room := one.(chan struct{})
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	case <-ctx.Done():
		return nil, &refresh.Error{Code: refresh.Offline, Msg: "Others are deciding this at the moment, so nothing was done. Try again in a moment.", Err: ctx.Err()}
	}
}
