package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// Recipe says what the plan of a refresh is made from. What the file asks for and this version does not do by
// itself is in it as manual items, so that nothing is silently left.
func (r *Refresh) Recipe() phases.Recipe {
	signOff := r.SignOff.policy()
	recipe := phases.Recipe{Approve: r.Approve.policy(), SignOff: &signOff, Users: phases.UsersParams{Enable: r.Users.Enable}}
	if r.Open != nil {
		open := r.Open.policy()
		recipe.Open = &open
	}
	for _, s := range r.Reconfigure {
		recipe.Items = append(recipe.Items, s.item())
	}
	recipe.Items = append(recipe.Items, r.byHand()...)
	return recipe
}

func (g Gate) policy() refresh.Policy {
	return refresh.Policy{By: g.By, Count: g.Count, Expires: g.Expires}
}

func (s Step) item() phases.Item {
	switch s.Kind {
	case KindBatchGroups:
		var p phases.BatchGroupsParams
		for _, g := range s.BatchGroups {
			p.Groups = append(p.Groups, phases.BatchGroup(g))
		}
		return phases.Item{Kind: refresh.KindBatchGroups, Name: "Batch groups", Params: p}
	case KindEmail:
		return phases.Item{Kind: refresh.KindEmail, Name: "E-mail parameters", Params: refresh.EmailParameters(*s.Email)}
	case KindBatchJobs:
		return phases.Item{Kind: refresh.KindBatchJobs, Name: "Batch jobs to Waiting", Params: phases.BatchJobsParams(*s.BatchJobs)}
	case KindService:
		p := phases.ServiceParams{Path: s.Service.Path}
		if s.Service.Body != nil {
			p.Body = s.Service.Body
		}
		return phases.Item{Kind: refresh.KindService, Name: s.Service.Name, Params: p}
	case KindOData:
		return phases.Item{Kind: refresh.KindOData, Name: s.OData.Name, Params: refresh.Record{Entity: s.OData.Entity, Key: s.OData.Key, Set: s.OData.Set}}
	default:
		return manual(s.Manual.Name, s.Manual.Text)
	}
}

func manual(name, text string) phases.Item {
	return phases.Item{Kind: refresh.KindManual, Name: name, Params: phases.ManualParams{Text: text}}
}

// byHand lists what a person has to do because it is configured and not automated.
func (r *Refresh) byHand() []phases.Item {
	texts := map[Keep]phases.Item{
		KeepUsers:              manual("Users who were enabled before", "System administration > Users: enable those who worked here before the refresh and should go on."),
		KeepBatchJobs:          manual("Batch jobs that were waiting before", "System administration > Inquiries > Batch jobs: set the jobs that ran here before the refresh to Waiting, as far as they are not listed above."),
		KeepEntraApplications:  manual("Entra applications", "System administration > Setup > Microsoft Entra applications: add this environment's own applications, and delete those of the source that must not reach it."),
		KeepBatchGroups:        manual("Batch groups as before", "System administration > Setup > Batch group: assign the batch servers as they were before the refresh."),
		KeepEmail:              manual("E-mail parameters as before", "System administration > Setup > Email > Email parameters: enter the server and the password of this environment."),
		KeepDocumentParameters: manual("Document management parameters", "Organization administration > Document management > Document management parameters: enter this environment's own addresses."),
	}
	var items []phases.Item
	for _, k := range r.Keep {
		items = append(items, texts[k])
	}
	if len(r.Users.Files) > 0 {
		var names []string
		for _, f := range r.Users.Files {
			names = append(names, filepath.Base(f))
		}
		items = append(items, manual("Users from files", fmt.Sprintf("System administration > Users: enable the users listed in %s.", strings.Join(names, ", "))))
	}
	if r.Users.SlackGroup != "" {
		items = append(items, manual("Users of a Slack user group", fmt.Sprintf("System administration > Users: enable the members of the Slack user group %s.", r.Users.SlackGroup)))
	}
	return items
}
