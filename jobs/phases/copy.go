package phases

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/failpoint"
	"refreshbot/jobs/refresh"
)

// stuck is how many polls a copy may stand at Failed before a person is asked, since LCS should begin to roll back by
// itself; and at what LCS has never said before, once the target is back.
const stuck = 30

// shown is how much of a history a person is shown.
const shown = 6

// startCopy asks for the copy. It is the irreversible step: it calls Start at most once, and only after seeing
// that nothing runs on the target and that it may still be overwritten.
func (p *Performer) startCopy(ctx context.Context, j job) refresh.Outcome {
	if j.step.Adopt == "" {
		target, err := p.Copier.Environment(ctx, j.refresh.Target.LCS) // the final checks may be days old
		if err != nil {
			return notStarted(err)
		}
		c := checks{}
		c.overwritable(j, target)
		if o := judged(c.findings, nil, ""); o.Result != refresh.Succeeded {
			return o
		}
	}
	history, err := p.Copier.History(ctx, j.refresh.Target.LCS)
	if err != nil {
		return notStarted(err)
	}
	if j.step.Adopt != "" {
		return adopt(history, j)
	}
	blind := failpoint.Mutant(failpoint.ResultOnly)
	if !j.refresh.Copy.LostAt.IsZero() && len(j.refresh.New(history)) > 0 && !blind {
		// An earlier attempt may have landed after all. It is looked for instead of being followed by a second.
		return refresh.Outcome{Result: refresh.NotKnown, Problem: &refresh.Problem{Code: refresh.Unknown,
			Message: fmt.Sprintf("LCS's history of %s shows a refresh that was not there at the final checks.", j.refresh.Target.Name)}}
	}
	if ops := alive(j.refresh.New(history)); len(ops) > 0 && !blind {
		return foreign(j, ops)
	}
	if busy := running(history); busy != nil && !blind {
		return failed(refresh.Errorf(refresh.Refused, "LCS is busy with %q on %s, so the copy was not started. Wait for that to end, then press Retry.", title(busy), j.refresh.Target.Name))
	}
	id, err := p.Copier.Start(ctx, j.refresh.Source.LCS, j.refresh.Target.LCS)
	if err != nil {
		return failed(err)
	}
	return refresh.Outcome{Result: refresh.Succeeded, Note: "LCS accepted the refresh.", Operation: id, Status: refresh.CopyNotStarted}
}

// adopt takes a refresh that somebody started by hand for the copy, as a person has decided. It starts nothing.
func adopt(history []refresh.Operation, j job) refresh.Outcome {
	target := j.refresh.Target.Name
	for _, op := range history {
		switch {
		case refresh.NormalizeID(op.ID) != refresh.NormalizeID(j.step.Adopt):
		case len(alive([]refresh.Operation{op})) == 0:
			return failed(refresh.Errorf(refresh.Refused, "The refresh that was to be adopted has ended: %s. Press Retry to have refreshbot check again and then start the copy itself.", op.Status.Words()))
		default:
			return refresh.Outcome{Result: refresh.Succeeded, Note: "Started by hand in LCS, and adopted.", Operation: op.ID, Status: op.Status}
		}
	}
	return failed(refresh.Errorf(refresh.Refused, "LCS's history of %s does not show the refresh that was to be adopted any more. Press Retry to check again.", target))
}

// alive leaves out the operations that are known to have ended without success: those have left the target as it was. One
// that ended in a way that is not known here may hold somebody's work.
func alive(ops []refresh.Operation) []refresh.Operation {
	return slices.DeleteFunc(slices.Clone(ops), func(op refresh.Operation) bool {
		return !op.Running() && op.Status.Failed()
	})
}

// foreign is the outcome when somebody else has begun a refresh of the target: nothing is started on top of it.
func foreign(j job, ops []refresh.Operation) refresh.Outcome {
	what, who := "has been refreshed", "somebody has started that in LCS by hand, or refreshbot has, and its store was put back since"
	if slices.ContainsFunc(ops, refresh.Operation.Running) {
		what, who = "is being refreshed", "somebody has started that in LCS by hand"
	}
	return refresh.Outcome{Result: refresh.Foreign, Operations: ops[:min(len(ops), shown)], Problem: &refresh.Problem{Code: refresh.Refused,
		Message: fmt.Sprintf("%s %s already: %s. Nothing was started on top of it.", j.refresh.Target.Name, what, who)}}
}

// notStarted is the outcome of an error from before the copy was asked for: nothing can have happened.
func notStarted(err error) refresh.Outcome {
	o := failed(err)
	if o.Result == refresh.NotKnown {
		o.Result, o.Problem.Code = refresh.Failure, refresh.Offline
	}
	return o
}

// Look searches the target's history for a copy whose reply was lost. Whatever refresh was not there before
// ours was asked for is a candidate; one that somebody started by hand meanwhile counts too, since a second on
// top of it is what must never happen.
func (p *Performer) Look(ctx context.Context, r refresh.Refresh, _ refresh.Step) refresh.Sighted {
	history, err := p.Copier.History(ctx, r.Target.LCS)
	if err != nil {
		return refresh.Sighted{Problem: problem(err)}
	}
	seen := refresh.Sighted{Candidates: r.New(history), History: history[:min(len(history), shown)]}
	var lines []string
	for _, op := range seen.Candidates {
		began := "start time not known"
		if !op.StartedAt.IsZero() {
			began = "started " + refresh.Stamp(op.StartedAt)
		}
		lines = append(lines, fmt.Sprintf("%s, %s, %s", op.ID, began, op.Status.Words()))
	}
	shows := " no new refresh"
	if len(lines) > 0 {
		shows = ": " + strings.Join(lines, "; ")
	}
	seen.Seen = fmt.Sprintf("%s LCS's history of %s shows%s.", lostWith(r), r.Target.Name, shows)
	return seen
}

// lostWith says why it has to be looked for.
func lostWith(r refresh.Refresh) string {
	if r.Held() {
		return fmt.Sprintf("What was done after the backup of %s is not known.", refresh.Stamp(r.Restored))
	}
	return fmt.Sprintf("The start was sent (%s), and its reply was lost.", refresh.Stamp(r.Copy.SentAt))
}

// follow asks how the copy is doing. It is over when LCS says so and the target answers.
func (p *Performer) follow(ctx context.Context, j job) refresh.Outcome {
	c := j.refresh.Copy
	o := refresh.Outcome{Result: refresh.Continues, Again: min(p.StatusPoll, p.AnswerPoll)}
	status, err := p.status(ctx, j.refresh.Target.LCS, c.Operation)
	stands := c.Status == status && time.Since(c.StatusAt) > stuck*p.StatusPoll
	switch refresh.CodeOf(err) {
	case "":
	case refresh.Offline, refresh.Throttled, refresh.Unknown:
		o.Note = "LCS cannot be asked at the moment; trying again. " + refresh.MessageOf(err)
		o.Again = max(o.Again, retryAfter(err))
		return o
	default:
		return failed(err)
	}
	o.Status = status

	answer := j.target.Ping(ctx)
	code := refresh.CodeOf(answer)
	o.Offline = code == refresh.Offline && status != refresh.CopyNotStarted
	o.Online = code == "" || code == refresh.Denied
	target := j.refresh.Target.Name

	switch {
	case status.Succeeded() && code == "":
		o.Result, o.Note = refresh.Succeeded, fmt.Sprintf("LCS: %s; %s answers.", status.Words(), target)
	case status.Succeeded() && code == refresh.Denied:
		f := failed(answer)
		f.Online, f.Status = o.Online, status
		return f
	case status.Succeeded():
		o.Note = fmt.Sprintf("LCS: %s; %s does not answer yet.", status.Words(), target)
	case status.RolledBack():
		return p.lost(o, "The refresh failed and LCS has put the old data of %s back. LCS has the log under Environment change history.", target)
	case status == refresh.CopyRollbackFailed || status == refresh.CopyRollbackAborted:
		return p.lost(o, "The refresh failed and so did its rollback: %s is in an unknown state. Open a support request in LCS.", target)
	case status == refresh.CopyAborted:
		return p.lost(o, "The refresh was aborted in LCS. Check %s before anybody works in it.", target)
	case status.Failed() && !status.Ended() && stands:
		return failed(refresh.Errorf(refresh.Refused, "LCS has halted the refresh of %s and does not roll it back by itself. Press Rollback in LCS, then Retry here to follow it.", target))
	case status.Failed() && !status.Ended() || status == refresh.CopyRollbackInProgress:
		o.Note = fmt.Sprintf("LCS: %s; it is putting the old data of %s back.", status.Words(), target)
	case !status.Known() && o.Online && !c.OfflineAt.IsZero() && stands:
		return failed(refresh.Errorf(refresh.Refused, "%s answers again, and LCS says %q of its refresh, which refreshbot does not know. See in LCS how it went: press Retry once it is over there, or Abort.", target, status))
	case o.Offline:
		o.Note = fmt.Sprintf("LCS: %s; %s is offline.", status.Words(), target)
	default:
		o.Note = fmt.Sprintf("LCS: %s; %s still answers.", status.Words(), target)
	}
	return o
}

func (p *Performer) lost(o refresh.Outcome, format string, args ...any) refresh.Outcome {
	o.Result, o.Problem = refresh.Impossible, problem(refresh.Errorf(refresh.Refused, format, args...))
	return o
}

// status asks the copier at most once per StatusPoll, however often the target itself is asked for an answer.
func (p *Performer) status(ctx context.Context, target, operation string) (refresh.CopyStatus, error) {
	p.mu.Lock()
	last, ok := p.states[operation]
	p.mu.Unlock()
	if ok && time.Since(last.at) < p.StatusPoll && !last.status.Ended() {
		return last.status, nil
	}
	status, err := p.Copier.Status(ctx, target, operation)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	p.states[operation] = polled{time.Now(), status}
	p.mu.Unlock()
	return status, nil
}
