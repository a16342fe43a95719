package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
)

// Forms for decisions that need a few words. Their state is the refresh, the gate and its nonce.
const (
	formReject   = "reject"
	formDelegate = "delegate"

	inPerson = "person"
)

// asksMore reports whether a button opens a form instead of deciding at once.
func asksMore(a refresh.Action) bool { return a == refresh.ActionReject || a == refresh.ActionDelegate }

// would is what a button comes to, to see whether it would count. To whom a decision will be handed on is not known then.
func would(gate, nonce string, a refresh.Action, by refresh.Actor) refresh.Input {
	if a == refresh.ActionDelegate {
		return refresh.Delegate{Gate: gate, Nonce: nonce, By: by, To: refresh.Person{ID: "-"}}
	}
	return refresh.Click{Gate: gate, Nonce: nonce, Action: a, By: by}
}

// more answers such a button with its form, if the person may take that decision now. Nothing is committed.
func (s *Service) more(ctx context.Context, r refresh.Refresh, in Press, by refresh.Actor) (Reply, error) {
	f := &Form{
		Name: formReject, State: []string{string(in.Refresh), in.Gate, in.Nonce}, Channel: r.Channel, Title: "Reject the refresh", Submit: "Reject",
		Parts: []Part{
			{Text: fmt.Sprintf("The refresh of %s from %s ends here, and nothing is changed in %s. It can be asked for again.", r.Target.Name, r.Source.Name, r.Target.Name)},
			{Input: &Input{ID: inReason, Kind: InputLines, Label: "Why?", Hint: "Shown to everybody on the card. It may be left empty.", Most: maxWhy, Optional: true}},
		},
	}
	if in.Action == refresh.ActionDelegate {
		f.Name, f.Title, f.Submit = formDelegate, "Delegate the decision", "Delegate"
		f.Parts = []Part{
			{Text: "Somebody else may then take this one decision. You can still take it yourself."},
			{Input: &Input{ID: inPerson, Kind: InputPerson, Label: "Who is to decide?", Hint: fmt.Sprintf("A member of the channel where %s is refreshed.", r.Target.Name)}},
			{Input: &Input{ID: inReason, Kind: InputText, Label: "Why?", Hint: "Shown to everybody on the card.", Most: maxWhy, Optional: true}},
		}
	}
	if _, err := refresh.Decide(r, would(in.Gate, in.Nonce, in.Action, by), refresh.Now{Time: time.Now()}); err != nil {
		return Reply{}, err
	}
	if err := s.vouch(ctx, in.User, in.Workspace); err != nil {
		return Reply{}, err
	}
	return Reply{Form: f}, nil
}

// deciding reads the state of a form about a decision, and what the person may do now.
func (s *Service) deciding(ctx context.Context, in Filled) (r refresh.Refresh, id refresh.ID, by refresh.Actor, err error) {
	if len(in.State) != 3 {
		return r, "", by, refresh.Errorf(refresh.Invalid, "The form does not say what is decided. Press the button on the card again.")
	}
	id = refresh.ID(in.State[0])
	r, by, err = s.open(ctx, in.User, id)
	return r, id, by, err
}

// fillReject rejects with the reason that was given, if one was.
func (s *Service) fillReject(ctx context.Context, in Filled) (Reply, error) {
	r, id, by, err := s.deciding(ctx, in)
	if err != nil {
		return Reply{}, err
	}
	_, err = s.tell(ctx, id, r, refresh.Click{Gate: in.State[1], Nonce: in.State[2], Action: refresh.ActionReject, By: by, Reason: reasoned(in.Values[inReason])},
		delivery{in.Key, in.User, in.Workspace})
	return Reply{}, err
}

// fillDelegate lets the chosen person decide as well. Whom nobody can choose is said beside the choice, and the form stays.
func (s *Service) fillDelegate(ctx context.Context, in Filled) (Reply, error) {
	r, id, by, err := s.deciding(ctx, in)
	if err != nil {
		return Reply{}, err
	}
	to := refresh.Person{ID: in.Values[inPerson]}
	if r.ID != "" && to.ID != "" {
		err = s.canDecide(ctx, to, in.Workspace, r)
	}
	if err == nil {
		_, err = s.tell(ctx, id, r, refresh.Delegate{Gate: in.State[1], Nonce: in.State[2], By: by, To: to, Reason: reasoned(in.Values[inReason])},
			delivery{in.Key, in.User, in.Workspace})
	}
	switch refresh.CodeOf(err) {
	case refresh.Invalid, refresh.Denied:
		refused := reply(Reply{}, err)
		refused.Complaints = map[string]string{inPerson: refused.Text}
		return refused, nil
	}
	return Reply{}, err
}

// canDecide refuses a delegate who could not press the button: no full member of the workspace, or not where it stands.
func (s *Service) canDecide(ctx context.Context, who refresh.Person, workspace string, r refresh.Refresh) error {
	silent := func(err error) error {
		return &refresh.Error{Code: refresh.Offline, Msg: "Slack did not say who that is, so nothing was done. Try again in a moment.", Err: err}
	}
	switch is, err := s.Directory.Membership(ctx, who.ID, workspace); {
	case err != nil:
		return silent(err)
	case is != Full:
		return refresh.Errorf(refresh.Denied, "Only a full member of this workspace can decide: no guest, no app and nobody whose account is deactivated. Choose somebody else.")
	}
	switch member, err := s.Directory.InChannel(ctx, who.ID, r.Channel); {
	case err != nil:
		return silent(err)
	case !member:
		return refresh.Errorf(refresh.Denied, "This person is not in the channel where the card stands, and could not decide there. Invite them first, or choose somebody else.")
	}
	return nil
}

// reasoned is a reason on one line, no longer than a reason may be.
func reasoned(text string) string {
	words := []rune(strings.Join(strings.Fields(text), " "))
	if len(words) > maxWhy {
		words = append(words[:maxWhy-1], '…')
	}
	return string(words)
}
