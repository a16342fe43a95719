package phases

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"refreshbot/jobs/refresh"
)

// Recipe is what the configuration says about refreshing one target.
type Recipe struct {
	Approve refresh.Policy
	SignOff *refresh.Policy // nil: nobody has to
	Open    *refresh.Policy // nil: users are let in without asking
	Keep    []Area          // written back after the copy, before Items
	Items   []Item          // of the reconfigure phase, in their order
	Guard   []Probe         // what must not be so when users are let in
	Users   UsersParams     // who is let in; the zero value: nobody
}

// Item is one thing to set again after the copy. Params is one of the Params types of this package.
type Item struct {
	Kind   refresh.Kind
	Name   string
	Params any

	IfInstalled bool
	OnFailure   refresh.OnFailure
	Retries     int
	Group       string // items of one group may be performed side by side
}

// Plan turns a recipe into the steps of a refresh.
func Plan(r Recipe) ([]refresh.Spec, error) {
	p := planner{}
	p.add(refresh.PhasePrepare, "preflight", refresh.KindPreflight, "Preflight checks")
	p.gate(refresh.PhasePrepare, "approval", refresh.KindApproval, "Approval", &r.Approve)
	p.add(refresh.PhasePrepare, "blackouts", refresh.KindBlackouts, "Look for blackouts")
	p.add(refresh.PhasePrepare, "announce", refresh.KindAnnounce, "Announce the downtime in the channel")
	p.add(refresh.PhasePrepare, "broadcast", refresh.KindBroadcast, "Broadcast the downtime in the target")
	p.add(refresh.PhasePrepare, "notice", refresh.KindNotice, "Notice period")
	// The approval may be a day old by now.
	p.add(refresh.PhaseRefresh, "final-checks", refresh.KindPreflight, "Final checks")
	p.add(refresh.PhaseRefresh, "snapshot", refresh.KindSnapshot, "Snapshot of the target's own settings")
	p.add(refresh.PhaseRefresh, "copy", refresh.KindCopy, "Start the copy")
	p.add(refresh.PhaseRefresh, "follow", refresh.KindFollow, "Follow the copy")
	p.add(refresh.PhaseSignOff, "smoke", refresh.KindSmoke, "Smoke checks")
	p.gate(refresh.PhaseSignOff, "sign-off", refresh.KindSignOff, "Sign-off", r.SignOff)
	for _, area := range r.Keep {
		if area.writtenBack() {
			p.item("keep-"+string(area), Item{Kind: refresh.KindRestore, Name: area.Title(), Params: RestoreParams{Area: area}})
		}
	}
	for i, item := range r.Items {
		p.item(fmt.Sprintf("set-%d", i+1), item)
		for _, area := range r.Keep {
			if item.mayWrite(area) {
				p.plan[len(p.plan)-1].After = append(p.plan[len(p.plan)-1].After, "keep-"+string(area))
			}
		}
	}
	if len(r.Keep) == 0 {
		p.item("keep-offer", Item{Kind: refresh.KindRestore, Name: "Write back the settings from before", Params: RestoreParams{Area: areaSettings, Offer: true}})
	}
	p.item("rest", Item{Kind: refresh.KindManual, Name: "What else a refresh resets", Params: ManualParams{leftover(r)}})
	if len(r.Guard) > 0 {
		p.add(refresh.PhaseOpen, "guard", refresh.KindGuard, "Nothing of the source's may be left")
		p.params(GuardParams{r.Guard})
	}
	letIn := !reflect.ValueOf(r.Users).IsZero()
	if letIn {
		p.add(refresh.PhaseOpen, "preview", refresh.KindPreview, "Preview of the users to let in")
		p.params(r.Users)
	}
	p.gate(refresh.PhaseOpen, "open", refresh.KindOpenGate, "Let users in", r.Open)
	if letIn {
		p.add(refresh.PhaseOpen, "enable", refresh.KindEnable, "Enable users")
		p.params(r.Users)
		p.add(refresh.PhaseOpen, "verify", refresh.KindVerify, "Verify users")
	}
	return p.plan, p.err
}

// writtenBack reports whether the area has a step of its own: users and roles are for those who are let in.
func (a Area) writtenBack() bool { return a != AreaUsers && a != AreaUserRoles }

// mayWrite reports whether the item writes what is kept of the area, or may: nobody but F&O knows what a data package or a
// service writes. Where both are wanted the item has the last word, so that what is kept must not come after it, not even
// when it has to be tried again.
func (i Item) mayWrite(area Area) bool {
	if i.Kind == refresh.KindPackage || i.Kind == refresh.KindService {
		return area.writtenBack()
	}
	return i.area() == area
}

// area is what the item is known to write of that can be kept too; "" when nothing.
func (i Item) area() Area {
	switch i.Kind {
	case refresh.KindEmail:
		return AreaEmail
	case refresh.KindBatchGroups:
		return AreaBatchGroups
	case refresh.KindBatchJobs:
		return AreaBatchJobs
	}
	if o, ok := i.Params.(ODataParams); ok {
		for entity, area := range map[string]Area{
			"EmailParameters": AreaEmail, "BatchGroups": AreaBatchGroups, "BatchJobs": AreaBatchJobs,
			"SysAADClients": AreaEntraApplications, "DocumentParameters": AreaDocumentParameters,
		} {
			if strings.EqualFold(o.Entity, entity) {
				return area
			}
		}
	}
	return ""
}

// planner collects steps and the first error.
type planner struct {
	plan []refresh.Spec
	err  error
}

func (p *planner) add(phase refresh.Phase, id string, kind refresh.Kind, name string) {
	p.plan = append(p.plan, refresh.Spec{ID: id, Phase: phase, Kind: kind, Name: name})
}

func (p *planner) gate(phase refresh.Phase, id string, kind refresh.Kind, name string, policy *refresh.Policy) {
	if policy != nil {
		p.add(phase, id, kind, name)
		p.plan[len(p.plan)-1].Policy = policy
	}
}

func (p *planner) item(id string, i Item) {
	p.add(refresh.PhaseReconfigure, id, i.Kind, i.Name)
	s := &p.plan[len(p.plan)-1]
	s.IfInstalled, s.OnFailure, s.Retries, s.Group = i.IfInstalled, i.OnFailure, i.Retries, i.Group
	p.params(i.Params)
}

// params gives the step added last its parameters.
func (p *planner) params(v any) {
	s := &p.plan[len(p.plan)-1]
	data, err := json.Marshal(v)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("plan %q: %w", s.Name, err)
	}
	s.Params = data
}
