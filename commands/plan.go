package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"refreshbot/jobs/refresh"
)

// Rehearsal says what a refresh would do, do away with and need. It only reads, from the outside world and from the
// request as it would be made.
type Rehearsal interface {
	// Would is what the step would do, in a sentence.
	Would(req refresh.Request, s refresh.Spec) string
	// Checks makes the checks that come before a copy.
	Checks(ctx context.Context, req refresh.Request) refresh.Outcome
	// AtStake is what the target holds that a refresh does away with, a finding for each sort. One that could not be
	// read is not OK and says why.
	AtStake(ctx context.Context, req refresh.Request) []refresh.Finding
	// Guests is who would be let in, as a note, with a finding for each name that cannot be.
	Guests(ctx context.Context, req refresh.Request) refresh.Outcome
}

// Plan is what a refresh would do. Nothing of it has been done.
type Plan struct {
	Source, Target string
	Checked        bool              // false: the checks are still being made
	Passed         int               // checks that found nothing wrong
	Stops          []refresh.Finding // what would stop it now
	Starts         *refresh.Quota    // how many copies were begun lately; nil: not known
	Last           time.Time         // when the refresh ended from which the lengths are known; zero: there is none
	Steps          []Foreseen
}

// Foreseen is a step that would be taken.
type Foreseen struct {
	Phase refresh.Phase
	Name  string
	Would string        // a sentence
	Took  time.Duration // last time; zero: not known
	Waits bool          // for people, who may be slower or faster than last time
}

// plan is the dry run.
func (s *Service) plan(ctx context.Context, in Line, words []string) (Reply, error) {
	t, err := s.target("plan ", words)
	if err != nil {
		return Reply{}, err
	}
	if err := nothingElse(words[1:], fmt.Sprintf("The dry run is of a refresh now: /refresh plan %s.", t.Request.Target.Name)); err != nil {
		return Reply{}, err
	}
	if err := s.mayLook(ctx, in, t); err != nil {
		return Reply{}, err
	}
	p := s.foresee(ctx, t)
	return Reply{
		Text:  fmt.Sprintf("Making the checks for a dry run of %s. Nothing is changed anywhere.", p.Target),
		Later: func(ctx context.Context) Reply { return Reply{Plan: s.checked(ctx, t, p)} },
	}, nil
}

// deciders are the users and groups who decide something about a refresh of the target.
func (t Target) deciders() []string {
	named := slices.Clone(t.Request.Troubleshooters)
	for _, step := range t.Request.Plan {
		if step.Policy != nil {
			named = append(named, step.Policy.By...)
		}
	}
	return named
}

// mayLook lets through who may ask, and who would be asked to approve.
func (s *Service) mayLook(ctx context.Context, in Line, t Target) error {
	err := s.mayAsk(ctx, in, t)
	if refresh.CodeOf(err) != refresh.Denied {
		return err
	}
	named := t.deciders()
	if slices.Contains(named, in.User.ID) {
		return nil
	}
	if groups, lookErr := s.groups(ctx, in.User.ID, named); lookErr != nil || len(groups) == 0 {
		return errors.Join(err, lookErr)
	}
	return nil
}

// dryRun shows the plan on top of the form.
func (s *Service) dryRun(ctx context.Context, t Target, channel string) (Reply, error) {
	p := s.foresee(ctx, t)
	show := func(p Plan) *Form {
		return &Form{Name: formAsk, State: []string{p.Target}, Channel: channel, Title: "Dry run", Over: true, Parts: []Part{{Plan: &p}}}
	}
	return Reply{Form: show(p), Later: func(ctx context.Context) Reply { return Reply{Form: show(*s.checked(ctx, t, p))} }}, nil
}

// foresee is the plan before the checks are made.
func (s *Service) foresee(ctx context.Context, t Target) Plan {
	req := t.Request
	p := Plan{Source: req.Source.Name, Target: req.Target.Name}
	recent, err := s.Record.Recent(ctx, p.Target, lookBack)
	if err != nil {
		p.Stops = append(p.Stops, refresh.Finding{Name: "The record of earlier refreshes", Detail: refresh.MessageOf(err)})
	}
	if i := slices.IndexFunc(recent, func(r refresh.Refresh) bool { return !r.Status.Ended() }); i >= 0 {
		p.Stops = append(p.Stops, refresh.Finding{Name: "No other refresh of " + p.Target,
			Detail: fmt.Sprintf("it is being refreshed already; /refresh status %s shows where that stands.", p.Target)})
	}
	last := lastDone(recent)
	if last != nil {
		p.Last = last.EndedAt
	}
	for _, step := range req.Plan {
		f := Foreseen{Phase: step.Phase, Name: step.Name, Would: s.Rehearsal.Would(req, step), Waits: step.Policy != nil || step.Kind == refresh.KindManual}
		if last != nil {
			f.Took = took(*last, step)
		}
		p.Steps = append(p.Steps, f)
	}
	return p
}

// took is how long the same step took. Ids of items move when the configuration changes; their names do not.
func took(r refresh.Refresh, want refresh.Spec) time.Duration {
	for _, s := range r.Steps {
		if s.Kind == want.Kind && s.Name == want.Name && s.Status == refresh.Completed && !s.StartedAt.IsZero() {
			return s.EndedAt.Sub(s.StartedAt)
		}
	}
	return 0
}

// checked is the plan with the checks made. It does not fail: what cannot be checked would stop the refresh too.
func (s *Service) checked(ctx context.Context, t Target, p Plan) *Plan {
	ctx, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	o := s.Rehearsal.Checks(ctx, t.Request)
	p.Checked, p.Stops = true, slices.Clone(p.Stops)
	for _, f := range o.Findings {
		if f.OK {
			p.Passed++
		} else {
			p.Stops = append(p.Stops, f)
		}
	}
	if o.Result != refresh.Succeeded && o.Problem != nil && !slices.ContainsFunc(o.Findings, func(f refresh.Finding) bool { return !f.OK }) {
		p.Stops = append(p.Stops, refresh.Finding{Name: "Checks", Detail: o.Problem.Message})
	}
	if q, ok := s.starts(ctx, p.Target)[p.Target]; ok {
		p.Starts = &q
	}
	return &p
}
