package phases

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
)

// byHand says what a person does for an area that cannot be written back.
var byHand = map[Area]string{
	AreaBatchJobs:          "System administration > Inquiries > Batch jobs: set the jobs that ran here before the refresh to Waiting.",
	AreaBatchGroups:        "System administration > Setup > Batch group: assign the batch servers as they were.",
	AreaEmail:              "System administration > Setup > Email > Email parameters: enter the server of this environment.",
	AreaEntraApplications:  "System administration > Setup > Microsoft Entra applications: add this environment's own applications, and delete those of the source that must not reach it.",
	AreaDocumentParameters: "Organization administration > Document management > Document management parameters: enter this environment's own addresses.",
}

// restore writes one area of the snapshot back. Without a snapshot of it a person has to.
func (p *Performer) restore(ctx context.Context, j job) refresh.Outcome {
	want, err := params[RestoreParams](j.step)
	if err != nil {
		return failed(err)
	}
	s, err := p.remembered(ctx, j.refresh)
	switch {
	case refresh.CodeOf(err) == refresh.NotFound && want.Offer:
		return done("No snapshot was taken, so there is nothing to write back.")
	case refresh.CodeOf(err) == refresh.NotFound:
		return manually(refresh.MessageOf(err) + " " + byHand[want.Area])
	case err != nil:
		return failed(err)
	case s.Unread[want.Area] != "":
		return manually("This could not be read before the copy: " + s.Unread[want.Area] + " " + byHand[want.Area])
	}
	if want.Offer && !accepted(j) {
		return offer(j, s)
	}
	return p.restoreArea(ctx, j, s, want.Area)
}

func (p *Performer) restoreArea(ctx context.Context, j job, s Snapshot, area Area) refresh.Outcome {
	switch area {
	case areaSettings:
		return p.restoreAll(ctx, j, s)
	case AreaBatchJobs:
		return p.restoreBatchJobs(ctx, j, s)
	case AreaBatchGroups:
		return p.restoreBatchGroups(ctx, j, s)
	case AreaEmail:
		return p.restoreEmail(ctx, j, s)
	case AreaEntraApplications:
		return p.restoreApplications(ctx, j, s)
	case AreaDocumentParameters:
		return p.restoreRecords(ctx, j, documentRecords(), s.Documents)
	}
	return failed(refresh.Errorf(refresh.Internal, "This version of refreshbot cannot write back %q.", area))
}

// offer asks whether the snapshot is wanted, when the configuration says nothing about it.
func offer(j job, s Snapshot) refresh.Outcome {
	return refresh.Outcome{Result: refresh.Offered, Note: fmt.Sprintf(
		"The configuration does not say what to keep. Before the copy %s had %s waiting, %s to servers, %s and %s of its own. All of it can be written back as it was.",
		j.refresh.Target.Name, refresh.Count(len(s.BatchJobs), "batch job"), refresh.Count(len(s.BatchGroups), "batch group assignment"),
		refresh.Count(len(s.AADClients), "Entra application"), "e-mail and document parameters")}
}

// accepted reports whether somebody has taken up the offer.
func accepted(j job) bool {
	return slices.ContainsFunc(j.refresh.Gates, func(g refresh.Gate) bool {
		return g.Step == j.step.ID && g.Kind == refresh.GateOffer && g.Outcome == refresh.ActionRetry
	})
}

// restoreAll writes every area back. One that fails holds up no other.
func (p *Performer) restoreAll(ctx context.Context, j job, s Snapshot) refresh.Outcome {
	all := done("")
	var notes []string
	for _, area := range []Area{AreaBatchJobs, AreaBatchGroups, AreaEmail, AreaEntraApplications, AreaDocumentParameters} {
		if s.Unread[area] != "" {
			all.Findings = append(all.Findings, refresh.Finding{OK: true, Name: area.Title(), Detail: "could not be read before the copy. " + byHand[area]})
			continue
		}
		o := p.restoreArea(ctx, j, s, area)
		all.Findings = append(all.Findings, o.Findings...)
		switch o.Result {
		case refresh.Succeeded:
			notes = append(notes, o.Note)
		case refresh.ByHand: // said at the end; the rest goes on
			all.Findings = append(all.Findings, refresh.Finding{OK: true, Name: area.Title(), Detail: o.Note})
		default:
			all.Result, all.Problem, all.RetryAfter = o.Result, o.Problem, max(all.RetryAfter, o.RetryAfter)
		}
	}
	all.Note = strings.Join(notes, "; ")
	return all
}

func manually(what string) refresh.Outcome {
	return refresh.Outcome{Result: refresh.ByHand, Note: what}
}

func (p *Performer) restoreBatchJobs(ctx context.Context, j job, s Snapshot) refresh.Outcome {
	wanted := map[[2]string]bool{}
	for _, b := range s.BatchJobs {
		wanted[jobKey(b)] = true
	}
	return p.release(ctx, j, func(b refresh.BatchJob) bool { return wanted[jobKey(b)] }, func(found []refresh.BatchJob) []refresh.Finding {
		there := map[[2]string]bool{}
		for _, b := range found {
			there[jobKey(b)] = true
		}
		var gone []refresh.Finding
		for _, b := range s.BatchJobs {
			if key := jobKey(b); !there[key] {
				there[key] = true
				gone = append(gone, refresh.Finding{OK: true, Name: b.Description, Detail: "no longer exists" + in(b.Company) + ": the source has no such job"})
			}
		}
		return gone
	})
}

// jobKey tells batch jobs apart across a copy, which gives every job a new record id.
func jobKey(b refresh.BatchJob) [2]string {
	return [2]string{strings.ToLower(b.Description), strings.ToLower(b.Company)}
}

func (p *Performer) restoreBatchGroups(ctx context.Context, j job, s Snapshot) refresh.Outcome {
	var want BatchGroupsParams
	at := map[string]int{}
	for _, g := range s.BatchGroups {
		if g.Server == "" {
			continue
		}
		i, ok := at[strings.ToLower(g.Group)]
		if !ok {
			i = len(want.Groups)
			at[strings.ToLower(g.Group)] = i
			want.Groups = append(want.Groups, BatchGroup{Group: g.Group, Description: g.Description})
		}
		want.Groups[i].Servers = append(want.Groups[i].Servers, g.Server)
	}
	return p.assignGroups(ctx, j, want)
}

// restoreApplications gives the target its own Entra applications back and takes away the source's. The bot's own
// comes last: whatever goes wrong before, it can still sign in.
func (p *Performer) restoreApplications(ctx context.Context, j job, s Snapshot) refresh.Outcome {
	now, err := j.target.AADClients(ctx)
	if err != nil {
		return failed(err)
	}
	present := map[string]refresh.AADClient{}
	for _, c := range now {
		present[refresh.NormalizeID(c.ClientID)] = c
	}
	before := map[string]bool{}
	c, own := checks{}, []refresh.AADClient(nil)
	added, removed := 0, 0
	for _, app := range s.AADClients {
		id := refresh.NormalizeID(app.ClientID)
		before[id] = true
		is, there := present[id]
		switch {
		case there && strings.EqualFold(is.UserID, app.UserID) && is.Name == app.Name:
		case id == refresh.NormalizeID(p.AppID):
			own = append(own, app)
		case there:
			c.try(app.Name, j.target.Write(ctx, mapping(app)), "acts as "+app.UserID+" again")
		default:
			if err := j.target.AddAADClient(ctx, app); err != nil {
				c.try(app.Name, err, "")
				continue
			}
			added++
			c.that(app.Name, true, "added, as "+app.UserID, "")
		}
	}
	for _, app := range now {
		id := refresh.NormalizeID(app.ClientID)
		if before[id] || id == refresh.NormalizeID(p.AppID) {
			continue
		}
		err := j.target.DeleteAADClient(ctx, app.ClientID)
		c.try(app.Name, err, "came from the source and is removed")
		if err == nil {
			removed++
		}
	}
	for _, app := range own {
		c.try(app.Name, j.target.Write(ctx, mapping(app)), "acts as "+app.UserID+" again")
	}
	return judged(c.findings, c.errs, fmt.Sprintf("%s added, %d of the source's removed", refresh.Count(added, "application"), removed))
}

func mapping(app refresh.AADClient) refresh.Record {
	return refresh.Record{Entity: "SysAADClients", Key: map[string]any{"AADClientId": app.ClientID}, Set: map[string]any{"UserId": app.UserID, "Name": app.Name}}
}

// restoreEmail writes the e-mail parameters back. The password cannot be read, so somebody has to type it in, unless
// an item of the configuration sets it.
func (p *Performer) restoreEmail(ctx context.Context, j job, s Snapshot) refresh.Outcome {
	o := p.restoreRecords(ctx, j, emailRecords(), s.Email)
	item := slices.ContainsFunc(j.refresh.Steps, func(s refresh.Step) bool { return s.Kind == refresh.KindEmail })
	if o.Result != refresh.Succeeded || item || len(s.Email) == 0 {
		return o
	}
	if user, _ := s.Email[0]["SMTPUserName"].(string); user != "" {
		return manually(passwordByHand(user))
	}
	return o
}

// restoreRecords writes back what differs from the snapshot.
func (p *Performer) restoreRecords(ctx context.Context, j job, r records, before []map[string]any) refresh.Outcome {
	now, err := r.read(ctx, j.target)
	if err != nil {
		return failed(err)
	}
	present := map[string]map[string]any{}
	for _, row := range now {
		present[r.name(row)] = row
	}
	c, changed := checks{}, 0
	for _, was := range before {
		is, ok := present[r.name(was)]
		if !ok {
			c.that(r.name(was), true, "no longer exists in the source's data", "")
			continue
		}
		rec := refresh.Record{Entity: r.entity, Key: map[string]any{}, Set: r.changed(was, is)}
		for _, k := range r.key {
			rec.Key[k] = was[k]
		}
		if len(rec.Set) == 0 {
			continue
		}
		err := j.target.Write(ctx, rec)
		c.try(r.name(was), err, strings.Join(slices.Sorted(maps.Keys(rec.Set)), ", ")+" as before")
		if err == nil {
			changed++
		}
	}
	return judged(c.findings, c.errs, refresh.Count(changed, "record")+" of "+r.entity+" as before")
}
