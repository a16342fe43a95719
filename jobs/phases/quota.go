package phases

import (
	"context"
	"time"

	"refreshbot/jobs/refresh"
)

// recent is how old a count of starts may be to be shown. The copier allows only so many questions.
const recent = time.Minute

// tally is a count of starts and when it was made.
type tally struct {
	at    time.Time
	quota refresh.Quota
}

// Quota returns how many copies of the target the copier has begun lately, of those that it allows. It asks the copier at
// most once a minute for each target. Errors are those of the copier's History.
func (p *Performer) Quota(ctx context.Context, target refresh.Environment) (refresh.Quota, error) {
	p.mu.Lock()
	last, ok := p.quotas[target.LCS]
	p.mu.Unlock()
	if ok && time.Since(last.at) < recent {
		return last.quota, nil
	}
	history, err := p.Copier.History(ctx, target.LCS)
	if err != nil {
		return refresh.Quota{}, err
	}
	return p.tallied(target, history), nil
}

// tallied counts, and remembers what came out.
func (p *Performer) tallied(target refresh.Environment, history []refresh.Operation) refresh.Quota {
	now := time.Now()
	q := p.Copier.Quota(history, now)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quotas[target.LCS] = tally{now, q}
	return q
}
