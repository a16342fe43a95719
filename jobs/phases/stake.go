package phases

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"refreshbot/jobs/refresh"
)

// stake looks at what one refresh does away with, and at what its plan brings back.
type stake struct {
	p              *Performer
	req            refresh.Request
	source, target Environment
}

// AtStake is what the target holds that a refresh does away with, a finding for each sort of it, and whether the plan
// brings it back. What could not be read is not OK and says why. Who signed in last is not among it: no entity of F&O's
// shows that.
func (p *Performer) AtStake(ctx context.Context, req refresh.Request) []refresh.Finding {
	source, target, err := p.pair(req)
	if err != nil {
		return []refresh.Finding{{Name: "What will be lost", Detail: refresh.MessageOf(err)}}
	}
	s := stake{p, req, source, target}
	looks := []struct {
		name string
		look func(context.Context) (string, error)
	}{
		{"Users who can sign in", s.users}, {"Batch jobs", s.batchJobs}, {"Batch groups", s.batchGroups}, {"E-mail server", s.email},
		{"Entra applications", s.applications}, {"Document parameters", s.documents},
	}
	// At once: an environment that is down lets each of them wait as long as it may.
	found := make([]refresh.Finding, len(looks))
	var all sync.WaitGroup
	for i, l := range looks {
		all.Go(func() {
			text, err := l.look(ctx)
			found[i] = refresh.Finding{OK: err == nil, Name: l.name, Detail: text}
			if err != nil {
				found[i].Detail = refresh.MessageOf(err)
			}
		})
	}
	all.Wait()
	if !slices.ContainsFunc(found, func(f refresh.Finding) bool { return f.OK }) { // the same reason each time
		found = []refresh.Finding{{Name: "Users and settings", Detail: fmt.Sprintf("%s could not be read. %s", req.Target.Name, found[0].Detail)}}
	}
	data := fmt.Sprintf("everything entered in %s since its database was last replaced, in every legal entity. It is lost for good", req.Target.Name)
	return append([]refresh.Finding{{OK: true, Name: "Data", Detail: data}}, found...)
}

func (s stake) users(ctx context.Context) (string, error) {
	here, err := s.target.Users(ctx)
	if err != nil {
		return "", err
	}
	here = slices.DeleteFunc(here, func(u refresh.User) bool { return !u.Enabled || survives(u) })
	if len(here) == 0 {
		return "nobody but the admin", nil
	}
	var all []string
	for _, u := range here {
		all = append(all, label(u))
	}
	text := refresh.Count(len(all), "user") + among(all) + ". All are disabled by the copy" + s.again()
	there, err := s.source.Users(ctx)
	if err != nil {
		return text + ". " + s.unread(), nil
	}
	known := map[string]bool{}
	for _, u := range there {
		known[strings.ToLower(u.ID)] = true
	}
	var gone []string
	for _, u := range here {
		if !known[strings.ToLower(u.ID)] {
			gone = append(gone, u.ID)
		}
	}
	if len(gone) > 0 {
		text += fmt.Sprintf(". Not in %s, and so lost%s", s.req.Source.Name, among(gone))
	}
	return text, nil
}

// again is whether those who are in now get in again.
func (s stake) again() string {
	i := slices.IndexFunc(s.req.Plan, func(s refresh.Spec) bool { return s.Kind == refresh.KindPreview })
	if i < 0 {
		return ", until somebody lets them in again"
	}
	who, err := params[UsersParams](refresh.Step{Spec: s.req.Plan[i]})
	switch {
	case err != nil || !who.Restore:
		return ", until somebody lets them in again"
	case who.Roles:
		return fmt.Sprintf(". refreshbot lets in again whom %s knows, with the roles they have now", s.req.Source.Name)
	}
	return fmt.Sprintf(". refreshbot lets in again whom %[1]s knows, with the roles they have in %[1]s", s.req.Source.Name)
}

func (s stake) batchJobs(ctx context.Context) (string, error) {
	here, err := s.target.BatchJobs(ctx)
	if err != nil {
		return "", err
	}
	here = slices.DeleteFunc(here, func(b refresh.BatchJob) bool { return b.Status != refresh.BatchWaiting })
	if len(here) == 0 {
		return "none is waiting", nil
	}
	fate, back := s.fate(AreaBatchJobs, "them")
	text := refresh.Count(len(here), "job") + " waiting" + among(described(here)) + ". " + fate
	if !back {
		return text, nil
	}
	there, err := s.source.BatchJobs(ctx)
	if err != nil {
		return text + ". " + s.unread(), nil
	}
	known := map[[2]string]bool{}
	for _, b := range there {
		known[jobKey(b)] = true
	}
	gone := slices.DeleteFunc(here, func(b refresh.BatchJob) bool { return known[jobKey(b)] })
	if n := len(gone); n > 0 {
		text += fmt.Sprintf(", but for %d that %s does not have%s", n, s.req.Source.Name, among(described(gone)))
	}
	return text, nil
}

// described are batch jobs as people know them.
func described(jobs []refresh.BatchJob) (names []string) {
	for _, b := range jobs {
		names = append(names, cmp.Or(b.Description, "without a description"))
	}
	return names
}

func (s stake) batchGroups(ctx context.Context) (string, error) {
	here, err := s.target.BatchGroups(ctx)
	if err != nil {
		return "", err
	}
	var on []string
	for _, g := range here {
		if g.Server != "" {
			on = append(on, cmp.Or(g.Group, "the default group")+" on "+g.Server)
		}
	}
	if len(on) == 0 {
		return "none is assigned to a server", nil
	}
	fate, _ := s.fate(AreaBatchGroups, "them")
	return refresh.Count(len(on), "assignment") + " to servers" + among(on) + ". " + fate, nil
}

func (s stake) email(ctx context.Context) (string, error) {
	here, err := s.target.EmailParameters(ctx)
	switch {
	case err != nil:
		return "", err
	case here.Server == "":
		return "none is set", nil
	}
	fate, back := s.fate(AreaEmail, "it")
	typed := !slices.ContainsFunc(s.req.Plan, func(s refresh.Spec) bool { return s.Kind == refresh.KindEmail })
	if back && typed && here.User != "" {
		fate += ", and asks for the password of " + here.User + ", which cannot be read"
	}
	return fmt.Sprintf("%s, port %d. %s", here.Server, here.Port, fate), nil
}

func (s stake) applications(ctx context.Context) (string, error) {
	here, err := s.target.AADClients(ctx)
	if err != nil {
		return "", err
	}
	there, err := s.source.AADClients(ctx)
	if err != nil {
		return "", err
	}
	known := map[string]bool{}
	for _, c := range there {
		known[refresh.NormalizeID(c.ClientID)] = true
	}
	var own []string
	for _, c := range here {
		if !known[refresh.NormalizeID(c.ClientID)] {
			own = append(own, cmp.Or(c.Name, c.ClientID))
		}
	}
	text := fmt.Sprintf("%s that %s does not have%s", refresh.Count(len(own), "application"), s.req.Source.Name, among(own))
	if len(own) == 0 {
		return text, nil
	}
	fate, _ := s.fate(AreaEntraApplications, "them")
	return text + ". " + fate, nil
}

func (s stake) documents(ctx context.Context) (string, error) {
	r := documentRecords()
	here, err := r.read(ctx, s.target)
	if err != nil {
		return "", err
	}
	there, err := r.read(ctx, s.source)
	if err != nil {
		return "", err
	}
	sources := map[string]map[string]any{}
	for _, row := range there {
		sources[r.name(row)] = row
	}
	rows, own := 0, []string(nil)
	for _, row := range here {
		theirs, ok := sources[r.name(row)]
		changed := r.changed(row, theirs)
		if !ok || len(changed) == 0 { // a legal entity that the source does not have is gone with its data
			continue
		}
		rows++
		for field, v := range changed {
			if text := fmt.Sprintf("%s %v", field, v); !slices.Contains(own, text) {
				own = append(own, text)
			}
		}
	}
	if rows == 0 {
		return "the same as in " + s.req.Source.Name, nil
	}
	fate, _ := s.fate(AreaDocumentParameters, "them")
	return fmt.Sprintf("other than in %s for %s%s. %s", s.req.Source.Name, refresh.Count(rows, "legal entity"), among(own), fate), nil
}

// fate is what the plan does about an area after the copy, and whether it brings anything back. what is the word that
// stands for it.
func (s stake) fate(area Area, what string) (text string, back bool) {
	var sets []string
	for _, spec := range s.req.Plan {
		step := refresh.Step{Spec: spec}
		if spec.Kind == refresh.KindRestore {
			switch v, err := params[RestoreParams](step); {
			case err != nil:
			case v.Area == area:
				text, back = fmt.Sprintf("refreshbot writes %s back", what), true
			case v.Offer:
				text, back = fmt.Sprintf("refreshbot offers to write %s back", what), true
			}
		} else if (Item{Kind: spec.Kind, Params: odata(step)}).area() == area {
			sets = append(sets, s.p.Would(s.req, spec))
		}
	}
	switch then := strings.Join(sets, "; then it "); {
	case text != "" && then != "":
		return text + "; then it " + then, true
	case then != "":
		return "refreshbot " + then, false
	case text != "":
		return text, back
	}
	return fmt.Sprintf("Lost: nothing writes %s back", what), false
}

// odata are the parameters of a step that writes an entity; nil for any other.
func odata(s refresh.Step) any {
	if s.Kind != refresh.KindOData {
		return nil
	}
	v, err := params[ODataParams](s)
	if err != nil {
		return nil
	}
	return v
}

// unread says that nothing could be compared.
func (s stake) unread() string {
	return fmt.Sprintf("Which of them %s has could not be read", s.req.Source.Name)
}
