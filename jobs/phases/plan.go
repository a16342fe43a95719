package phases

import (
	"encoding/json"
	"fmt"

	"refreshbot/jobs/refresh"
)

// Recipe is what the configuration says about refreshing one target.
type Recipe struct {
	Approve refresh.Policy
	SignOff *refresh.Policy // nil: nobody has to
	Open    *refresh.Policy // nil: users are let in without asking
	Items   []Item          // of the reconfigure phase, in their order
	Users   []string        // to let in; none: nobody is enabled
}

// Item is one thing to set again after the copy. Params is one of the Params types of this package, a
// refresh.EmailParameters or a refresh.Record.
type Item struct {
	Kind   refresh.Kind
	Name   string
	Params any
}

// Plan turns a recipe into the steps of a refresh.
func Plan(r Recipe) ([]refresh.Spec, error) {
	approve := r.Approve
	plan := []refresh.Spec{
		{ID: "preflight", Phase: refresh.PhasePrepare, Kind: refresh.KindPreflight, Name: "Preflight checks"},
		{ID: "approval", Phase: refresh.PhasePrepare, Kind: refresh.KindApproval, Name: "Approval", Policy: &approve},
		{ID: "announce", Phase: refresh.PhasePrepare, Kind: refresh.KindAnnounce, Name: "Announce the downtime in the channel"},
		{ID: "broadcast", Phase: refresh.PhasePrepare, Kind: refresh.KindBroadcast, Name: "Broadcast the downtime in the target"},
		{ID: "notice", Phase: refresh.PhasePrepare, Kind: refresh.KindNotice, Name: "Notice period"},
		// The approval may be a day old by now.
		{ID: "final-checks", Phase: refresh.PhaseRefresh, Kind: refresh.KindPreflight, Name: "Final checks"},
		{ID: "copy", Phase: refresh.PhaseRefresh, Kind: refresh.KindCopy, Name: "Start the copy"},
		{ID: "follow", Phase: refresh.PhaseRefresh, Kind: refresh.KindFollow, Name: "Follow the copy"},
		{ID: "smoke", Phase: refresh.PhaseSignOff, Kind: refresh.KindSmoke, Name: "Smoke checks"},
	}
	if r.SignOff != nil {
		plan = append(plan, refresh.Spec{ID: "sign-off", Phase: refresh.PhaseSignOff, Kind: refresh.KindSignOff, Name: "Sign-off", Policy: r.SignOff})
	}
	for i, item := range r.Items {
		params, err := json.Marshal(item.Params)
		if err != nil {
			return nil, fmt.Errorf("plan %q: %w", item.Name, err)
		}
		plan = append(plan, refresh.Spec{ID: fmt.Sprintf("set-%d", i+1), Phase: refresh.PhaseReconfigure, Kind: item.Kind, Name: item.Name, Params: params})
	}
	if r.Open != nil {
		plan = append(plan, refresh.Spec{ID: "open", Phase: refresh.PhaseOpen, Kind: refresh.KindOpenGate, Name: "Let users in", Policy: r.Open})
	}
	if len(r.Users) > 0 {
		params, err := json.Marshal(UsersParams{r.Users})
		if err != nil {
			return nil, fmt.Errorf("plan users: %w", err)
		}
		plan = append(plan,
			refresh.Spec{ID: "enable", Phase: refresh.PhaseOpen, Kind: refresh.KindEnable, Name: "Enable users", Params: params},
			refresh.Spec{ID: "verify", Phase: refresh.PhaseOpen, Kind: refresh.KindVerify, Name: "Verify users", Params: params},
		)
	}
	return plan, nil
}
