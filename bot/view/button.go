package view

import (
	"encoding/json"
	"errors"
	"fmt"

	"refreshbot/jobs/refresh"
)

// Button is what a click means. It travels in the value of a button and comes back from Slack with the click,
// so it is read as strictly as anything else that comes from outside.
type Button struct {
	Refresh refresh.ID
	Gate    string
	Nonce   string
	Action  refresh.Action
}

const (
	buttonVersion = "1"
	// ActionPrefix begins the action_id of every button that decides something; links have other ones.
	ActionPrefix = "gate:"
	maxValue     = 2000 // Slack, Block Kit reference, button element
)

// ActionID is the action_id of the button: unique within its block, which shows one gate.
func (b Button) ActionID() string { return ActionPrefix + string(b.Action) }

// Value is the value of the button.
func (b Button) Value() string {
	data, err := json.Marshal([]string{buttonVersion, string(b.Refresh), b.Gate, b.Nonce, string(b.Action)})
	if err != nil {
		return "" // strings always encode; ParseButton refuses the empty value
	}
	return string(data)
}

// ParseButton reads a click. Anything but what Value and ActionID write is an error.
func ParseButton(actionID, value string) (Button, error) {
	if len(value) > maxValue {
		return Button{}, fmt.Errorf("button value of %d bytes: at most %d are ours", len(value), maxValue)
	}
	var parts []string
	if err := json.Unmarshal([]byte(value), &parts); err != nil {
		return Button{}, fmt.Errorf("read button value: %w", err)
	}
	if len(parts) != 5 {
		return Button{}, fmt.Errorf("button value has %d parts, not 5", len(parts))
	}
	if parts[0] != buttonVersion {
		return Button{}, fmt.Errorf("button of version %q: this version of refreshbot knows %q", parts[0], buttonVersion)
	}
	b := Button{Refresh: refresh.ID(parts[1]), Gate: parts[2], Nonce: parts[3], Action: refresh.Action(parts[4])}
	switch {
	case b.Refresh == "" || b.Gate == "" || b.Nonce == "":
		return Button{}, errors.New("button value names no refresh, gate or nonce")
	case !clickable(b.Action):
		return Button{}, fmt.Errorf("button with unknown action %q", b.Action)
	case b.ActionID() != actionID:
		return Button{}, fmt.Errorf("button value is for %q, but %q was clicked", b.ActionID(), actionID)
	case b.Value() != value:
		return Button{}, errors.New("button value was not written by refreshbot")
	}
	return b, nil
}

// clickable reports whether a is something that a person can choose.
func clickable(a refresh.Action) bool {
	switch a {
	case refresh.ActionApprove, refresh.ActionReject, refresh.ActionCancel, refresh.ActionPostpone,
		refresh.ActionStartNow, refresh.ActionSignOff, refresh.ActionDone, refresh.ActionOpen, refresh.ActionRetry,
		refresh.ActionSkip, refresh.ActionAbort, refresh.ActionAdopt, refresh.ActionStartAgain,
		refresh.ActionWithdraw, refresh.ActionDelegate:
		return true
	}
	return false
}
