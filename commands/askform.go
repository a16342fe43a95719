package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"refreshbot/commands/when"
	"refreshbot/jobs/refresh"
)

// formAsk is the form in which a refresh is asked for. Its state is the target, or nothing while that is to be chosen.
const formAsk = "ask"

// The inputs of the form, and the choices of when.
const (
	inEnvironment = "environment"
	inWhen        = "when"
	inTime        = "time"
	inReason      = "reason"
	inNotice      = "notice"
	inDryRun      = "dry_run"

	whenNow    = "now"
	whenAt     = "at"
	configured = "configured" // the notice that the configuration says
)

// Limits of a notice that is chosen for one refresh.
const (
	leastNotice = 5 * time.Minute
	mostNotice  = 24 * time.Hour
)

// readingTime is how long is spent on reading what a form or a plan shows beside what the store knows. An environment
// that is down takes longer to say nothing.
const readingTime = 45 * time.Second

// Shortcut answers the shortcut "Refresh an environment" with the form. Without a channel answers to it go to the
// person directly.
func (s *Service) Shortcut(ctx context.Context, in Line) Reply {
	if err := s.vouch(ctx, in.User, in.Workspace); err != nil {
		return reply(Reply{}, err)
	}
	if len(s.names) == 1 {
		return reply(s.ask(ctx, in, s.names))
	}
	if len(s.names) == 0 {
		return Reply{Refused: true, Text: "The configuration has no environment that can be refreshed.", Hint: "An admin can add refresh to an environment in the configuration."}
	}
	return Reply{Form: s.choosing("", "")}
}

// choosing is the form while the environment is to be chosen. wrong says why the one that was chosen is not possible.
func (s *Service) choosing(chosen, wrong string) *Form {
	f := &Form{Name: formAsk, Title: "Refresh an environment", Parts: []Part{{Input: s.environments(chosen)}}}
	if wrong != "" {
		f.Parts = append(f.Parts, Part{Text: "Not possible: " + wrong})
	}
	return f
}

func (s *Service) environments(chosen string) *Input {
	in := &Input{ID: inEnvironment, Kind: InputMenu, Label: "Which environment is to be refreshed?", Sample: "Choose one", Initial: chosen, Tells: true}
	for _, name := range s.names {
		in.Choices = append(in.Choices, Choice{Value: name, Text: fmt.Sprintf("%s, from %s", name, s.Targets[name].Request.Source.Name)})
	}
	return in
}

// askForm is the form for a target that this person may ask for now. What takes long to read comes later.
func (s *Service) askForm(ctx context.Context, who refresh.Person, channel string, t Target) (Reply, error) {
	name := t.Request.Target.Name
	if err := s.free(ctx, name); err != nil {
		return Reply{}, err
	}
	recent, _ := s.Record.Recent(ctx, name, lookBack) // what can be read; one that is damaged keeps its target locked
	d := draft{target: t, channel: channel, zone: s.zoneOf(ctx, who.ID), last: lastDone(recent)}
	return Reply{Form: d.form(), Later: func(ctx context.Context) Reply {
		d.read(ctx, s)
		return Reply{Form: d.form()}
	}}, nil
}

// lastDone returns the latest refresh that reached its end, nil if there is none.
func lastDone(recent []refresh.Refresh) *refresh.Refresh {
	for i := range recent {
		if recent[i].Status == refresh.Done {
			return &recent[i]
		}
	}
	return nil
}

// draft is what the form shows. lost, guests and starts are nil until they have been read.
type draft struct {
	target  Target
	channel string
	zone    *time.Location
	last    *refresh.Refresh // nil: refreshbot has not refreshed it yet

	lost   []refresh.Finding
	guests *refresh.Outcome
	starts *refresh.Quota
}

// read finds out what the target holds, who would be let in and how many starts are left. Whatever cannot be read is said
// in its place, but for the count: the checks make it too.
func (d *draft) read(ctx context.Context, s *Service) {
	ctx, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() { d.lost = s.Rehearsal.AtStake(ctx, d.target.Request) })
	all.Go(func() { o := s.Rehearsal.Guests(ctx, d.target.Request); d.guests = &o })
	if s.Starts != nil {
		all.Go(func() {
			if q, err := s.Starts.Quota(ctx, d.target.Request.Target); err == nil {
				d.starts = &q
			}
		})
	}
	all.Wait()
}

func (d *draft) form() *Form {
	req := d.target.Request
	name, source := req.Target.Name, req.Source.Name
	f := &Form{Name: formAsk, State: []string{name}, Channel: d.channel, Title: "Refresh " + name, Submit: "Ask for it"}
	add := func(p ...Part) { f.Parts = append(f.Parts, p...) }
	now := time.Now().In(d.zone)
	add(
		Part{Text: fmt.Sprintf("%s → %s: the database of %s is overwritten with a copy of %s's. Nothing happens before an approver agrees.", source, name, name, source)},
		Part{Facts: d.facts()},
		Part{Input: &Input{ID: inWhen, Kind: InputOne, Label: "When", Initial: whenNow, Choices: []Choice{
			{Value: whenNow, Text: "Now", More: "the notice begins when it is approved"},
			{Value: whenAt, Text: "At the time below", More: "the notice ends and the copy begins then"},
		}}},
		Part{Input: &Input{ID: inTime, Kind: InputTime, Label: "Time", Optional: true, Hint: fmt.Sprintf("In your own time zone, %s. It has to be approved before.", when.Zone(now))}},
		Part{Input: &Input{ID: inReason, Kind: InputText, Label: "Reason", Hint: "Whoever approves sees it, and so does the channel.", Sample: "March training", Most: maxWhy, Optional: true}},
		Part{Input: &Input{ID: inNotice, Kind: InputMenu, Label: "Notice", Hint: "How long the users of " + name + " are warned before it goes down.", Initial: configured, Choices: notices(req.Settings.Notice)}},
		Part{Facts: []Fact{d.guestFact()}},
		Part{Input: &Input{ID: inDryRun, Kind: InputButton, Label: "Dry run", Hint: "Not sure? See every step and what would stop it. Nothing is changed."}},
	)
	return f
}

// notices are the notices that can be chosen.
func notices(usual time.Duration) []Choice {
	list := []Choice{{Value: configured, Text: refresh.Span(usual) + ", as configured"}}
	for _, d := range []time.Duration{leastNotice, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, mostNotice} {
		if d != usual {
			list = append(list, Choice{Value: d.String(), Text: refresh.Span(d)})
		}
	}
	return list
}

// facts are what will be lost.
func (d *draft) facts() []Fact {
	name := d.target.Request.Target.Name
	last := Fact{Name: "Last refreshed", Text: "not by refreshbot yet"}
	if d.last != nil {
		last.At, last.Text, last.Who, last.Why = d.last.EndedAt, "asked for by", d.last.RequestedBy, d.last.Reason
	}
	list := []Fact{last}
	if d.starts != nil {
		list = append(list, Fact{Name: "LCS", Text: startsSaid(*d.starts, d.zone)})
	}
	if d.lost == nil {
		return append(list, Fact{Name: "What will be lost", Text: fmt.Sprintf("looking at %s …", name)})
	}
	for _, f := range d.lost {
		list = append(list, Fact{Name: f.Name, Text: f.Detail, Unknown: !f.OK})
	}
	return list
}

// guestFact says who gets in afterwards.
func (d *draft) guestFact() Fact {
	f := Fact{Name: "Who gets in afterwards"}
	more := fmt.Sprintf(" More can be handed in with /refresh users %s once it is asked for.", d.target.Request.Target.Name)
	switch g := d.guests; {
	case !letsIn(d.target.Request.Plan):
		f.Text = "nobody by refreshbot: the configuration names no users, so they are let in by hand."
	case g == nil:
		f.Text = "looking …"
	case g.Problem != nil:
		f.Text, f.Unknown = g.Problem.Message+more, true
	default:
		f.Text = g.Note + "."
		var odd []string
		for _, x := range g.Findings {
			odd = append(odd, strings.TrimSpace(x.Name+" "+x.Detail))
		}
		if n := len(odd); n > 5 {
			odd = append(odd[:5], fmt.Sprintf("%d more", n-5))
		}
		if len(odd) > 0 {
			f.Text += " " + strings.Join(odd, "; ") + "."
		}
		f.Text += more
	}
	return f
}

func letsIn(plan []refresh.Spec) bool {
	return slices.ContainsFunc(plan, func(s refresh.Spec) bool { return s.Kind == refresh.KindPreview })
}

// fillAsk takes the form.
func (s *Service) fillAsk(ctx context.Context, in Filled) (Reply, error) {
	if err := s.vouch(ctx, in.User, in.Workspace); err != nil {
		return Reply{}, err
	}
	if in.Pressed == inEnvironment {
		return s.chosen(ctx, in)
	}
	if len(in.State) == 0 {
		return Reply{Refused: true, Text: "Which environment?", Complaints: map[string]string{}}, nil
	}
	t, ok := s.Targets[in.State[0]]
	if !ok {
		return Reply{}, hinted{refresh.Errorf(refresh.NotFound, "The configuration has no target environment %s any more.", in.State[0]), "Send the command again."}
	}
	if err := s.mayAsk(ctx, Line{User: in.User, Channel: in.Channel}, t); err != nil {
		return Reply{}, err
	}
	if in.Pressed == inDryRun {
		return s.dryRun(ctx, t, in.Channel)
	}
	w, complaints := s.filledWish(ctx, in, t)
	if len(complaints) > 0 {
		return Reply{Refused: true, Text: "Something in the form is not possible.", Complaints: complaints}, nil
	}
	return s.place(ctx, in.Key, in.User, w)
}

// chosen shows the form of the environment that was chosen in it.
func (s *Service) chosen(ctx context.Context, in Filled) (Reply, error) {
	name := in.Values[inEnvironment]
	t, ok := s.Targets[name]
	if !ok {
		return Reply{Form: s.choosing("", "the configuration has no target environment of that name any more.")}, nil
	}
	err := s.mayAsk(ctx, Line{User: in.User, Channel: in.Channel}, t)
	var r Reply
	if err == nil {
		r, err = s.askForm(ctx, in.User, in.Channel, t)
	}
	if err != nil {
		return Reply{Form: s.choosing(name, strings.TrimSpace(refresh.MessageOf(err)+" "+hint(err)))}, nil
	}
	return s.withChoice(r, name), nil
}

// withChoice puts the choice of another environment on top of the form, now and later.
func (s *Service) withChoice(r Reply, chosen string) Reply {
	r.Form.Parts = append([]Part{{Input: s.environments(chosen)}}, r.Form.Parts...)
	if later := r.Later; later != nil {
		r.Later = func(ctx context.Context) Reply { return s.withChoice(later(ctx), chosen) }
	}
	return r
}

// filledWish reads what was filled in, or says what is wrong with it, by input.
func (s *Service) filledWish(ctx context.Context, in Filled, t Target) (wish, map[string]string) {
	w := wish{target: t, notice: t.Request.Settings.Notice, reason: strings.Join(strings.Fields(in.Values[inReason]), " ")}
	wrong := map[string]string{}
	if long := tooLong(w.reason); long != "" {
		wrong[inReason] = long
	}
	if v := in.Values[inNotice]; v != configured {
		d, err := time.ParseDuration(v)
		if err != nil || d < leastNotice || d > mostNotice {
			wrong[inNotice] = fmt.Sprintf("Choose a notice from %s to %s.", refresh.Span(leastNotice), refresh.Span(mostNotice))
		}
		w.notice = d
	}
	unix, err := strconv.ParseInt(in.Values[inTime], 10, 64)
	given := err == nil
	switch in.Values[inWhen] {
	case whenNow:
		if given {
			wrong[inTime] = "You chose to begin now. Choose “At the time below”, or clear this."
		}
	case whenAt:
		if !given {
			wrong[inTime] = "Choose the day and the time at which the copy is to begin."
			break
		}
		w.at = time.Unix(unix, 0).In(s.zoneOf(ctx, in.User.ID))
		if err := (when.Reader{Now: time.Now(), Zone: w.at.Location()}).Check(w.at); err != nil {
			wrong[inTime] = fmt.Sprintf("%s Choose one within the next %d days.", err, when.Furthest/(24*time.Hour))
		}
	default:
		wrong[inWhen] = "Choose when it is to begin."
	}
	return w, wrong
}
