package phases

import (
	"context"
	"errors"
	"fmt"
	"time"

	"refreshbot/jobs/refresh"
)

// preflight finds out, without changing anything, whether the copy could start and its aftermath be done. All
// checks are made even when one fails, so that a person mends everything in one go.
func (p *Performer) preflight(ctx context.Context, j job) refresh.Outcome {
	history, historyErr := p.Copier.History(ctx, j.refresh.Target.LCS)
	if ops := meanwhile(j.refresh, history); len(ops) > 0 {
		return foreign(j, ops)
	}
	c := checks{}
	src, srcErr := p.Copier.Environment(ctx, j.refresh.Source.LCS)
	tgt, tgtErr := p.Copier.Environment(ctx, j.refresh.Target.LCS)
	source, target := j.refresh.Source.Name, j.refresh.Target.Name
	c.try("Source "+source+" in LCS", srcErr, src.Name)
	c.try("Target "+target+" in LCS", tgtErr, tgt.Name)
	if srcErr == nil {
		c.that("Source can be copied", src.Production() || src.Sandbox(), src.Type,
			"LCS says %s is a %s environment; only production or a standard sandbox can be a source.", source, src.Type)
		c.address(j.refresh.Source, src.URL, j.source)
	}
	if tgtErr == nil {
		c.overwritable(j, tgt)
	}
	if srcErr == nil && tgtErr == nil {
		c.that("Two environments", refresh.NormalizeID(src.ID) != refresh.NormalizeID(tgt.ID), source+" to "+target,
			"Source and target are the same environment in LCS.")
		c.that("Same application release", src.Release == tgt.Release, src.Release,
			"%s is on %s and %s on %s. Bring both to the same release first.", source, src.Release, target, tgt.Release)
	}
	known, refreshed := []string{}, time.Time{}
	if historyErr != nil {
		c.try("History of "+target, historyErr, "")
	} else {
		busy := running(history)
		c.that("Nothing runs on "+target, busy == nil, "idle in LCS", "LCS is busy with %q on it. Wait for that to end.", title(busy))
		q := p.tallied(j.refresh.Target, history)
		c.that(refresh.QuotaCheck, q.Left() > 0 || !q.Free.After(begins(j.refresh)), q.String(),
			"%s. The next one is possible from %s.", q, refresh.Stamp(q.Free))
		for _, op := range history {
			if !op.IsRefresh() {
				continue
			}
			known = append(known, op.ID)
			if refreshed.IsZero() && op.Status.Succeeded() {
				refreshed = op.StartedAt
			}
		}
	}
	p.blackouts(ctx, &c, j.refresh)
	c.signIn(source, j.source.Ping(ctx), "After the refresh the target has the source's app registrations, so without this the rest could not be done.")
	c.signIn(target, j.target.Ping(ctx), "")
	o := judged(c.findings, c.errs, fmt.Sprintf("%d checks passed", len(c.findings)))
	o.Known, o.Refreshed = known, refreshed
	return o
}

// overwritable checks that what LCS says of the target is what may be overwritten: a sandbox, at the address that is meant.
func (c *checks) overwritable(j job, target refresh.EnvironmentDetail) {
	c.that("Target is a sandbox", target.Sandbox() && !target.Production(), target.Type,
		"LCS says %s is a %s environment; only a standard sandbox can be overwritten.", j.refresh.Target.Name, target.Type)
	c.address(j.refresh.Target, target.URL, j.target)
}

// blackouts checks that the refresh can begin and end outside them.
func (p *Performer) blackouts(ctx context.Context, c *checks, r refresh.Refresh) {
	if p.Calendar == nil {
		return
	}
	const name = "No blackout"
	start := begins(r)
	all, err := p.Calendar.Blackouts(ctx, r.Target.Name, start)
	if err != nil {
		c.try(name, &refresh.Error{Code: refresh.Offline, Msg: "The blackouts cannot be read at the moment.", Err: err}, "")
		return
	}
	b, free, blocked := refresh.Blocking(all, start, r.Settings.Downtime)
	c.that(name, !blocked, "free to begin", "%s is not to be refreshed until %s%s%s. A refresh can begin from %s; then check again. Or have the freeze lifted first.",
		r.Target.Name, refresh.Stamp(b.Until), said(": %s", b.Why), said(", owner: %s", b.Owner.Name), refresh.Stamp(free))
}

// begins is when the copy can begin: now, or at the later time that was asked for. Until the downtime is announced the
// notice is still to come.
func begins(r refresh.Refresh) time.Time {
	soonest := time.Now()
	if r.Window.From.IsZero() {
		soonest = soonest.Add(r.Settings.Notice)
	}
	if r.StartAt.Before(soonest) {
		return soonest
	}
	return r.StartAt
}

// lookForBlackouts is the same check on its own, before anybody is told about a downtime.
func (p *Performer) lookForBlackouts(ctx context.Context, j job) refresh.Outcome {
	c := checks{}
	p.blackouts(ctx, &c, j.refresh)
	return judged(c.findings, c.errs, "free to begin")
}

// said formats a part of a sentence that is left out when there is nothing to say.
func said(format, what string) string {
	if what == "" {
		return ""
	}
	return fmt.Sprintf(format, what)
}

// meanwhile returns the refreshes of the target that somebody has started by hand since an approved refresh was
// checked first, as far as a person has to be asked about them: those that run, and those that have replaced its data.
func meanwhile(r refresh.Refresh, history []refresh.Operation) []refresh.Operation {
	if !r.Approved() {
		return nil
	}
	return alive(r.New(history))
}

// checks collects findings, and the errors behind those that an outside service caused.
type checks struct {
	findings []refresh.Finding
	errs     []error
}

func (c *checks) try(name string, err error, good string) {
	if err != nil {
		c.errs = append(c.errs, err)
		c.findings = append(c.findings, refresh.Finding{Name: name, Detail: refresh.MessageOf(err)})
		return
	}
	c.findings = append(c.findings, refresh.Finding{OK: true, Name: name, Detail: good})
}

func (c *checks) that(name string, ok bool, good, bad string, args ...any) {
	f := refresh.Finding{OK: ok, Name: name, Detail: good}
	if !ok {
		f.Detail = fmt.Sprintf(bad, args...)
	}
	c.findings = append(c.findings, f)
}

// address catches an LCS id and a URL that do not belong together: the broadcast would go to one environment
// and the copy to another. It also catches a configuration that was changed since the refresh was asked for.
func (c *checks) address(e refresh.Environment, lcs string, now Environment) {
	name := "Address of " + e.Name
	if err := moved(e, now); err != nil && sameAddress(lcs, e.URL) {
		c.that(name, false, "", "%s", refresh.MessageOf(err))
		return
	}
	c.that(name, sameAddress(lcs, e.URL), e.URL, "LCS says this environment is at %s, the configuration says %s. One of the two is wrong.", lcs, e.URL)
}

func (c *checks) signIn(name string, err error, why string) {
	if refresh.CodeOf(err) == refresh.Denied && why != "" {
		err = &refresh.Error{Code: refresh.Denied, Msg: refresh.MessageOf(err) + " " + why, Err: err}
	}
	c.try("Sign-in to "+name, err, "the app is registered")
}

func running(history []refresh.Operation) *refresh.Operation {
	for i := range history {
		if history[i].Running() {
			return &history[i]
		}
	}
	return nil
}

func title(op *refresh.Operation) string {
	switch {
	case op == nil:
		return ""
	case op.Title != "":
		return op.Title
	}
	return op.Kind
}

// broadcast shows the downtime to whoever works in the target. Sent twice it shows the same banner twice, which
// does no harm.
func (p *Performer) broadcast(ctx context.Context, j job) refresh.Outcome {
	w := j.refresh.Window
	if err := j.target.Broadcast(ctx, w.From, w.To); err != nil {
		return failed(err)
	}
	return done(fmt.Sprintf("Users of %s are told that it is down from %s to %s.", j.refresh.Target.Name, refresh.Stamp(w.From), refresh.Stamp(w.To)))
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*refresh.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
