package engine_test

import (
	"context"
	"testing"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// batcher is a store that takes batches, or refuses them as a test wishes.
type batcher struct {
	*flaky
	refuse func()
	sizes  []int
}

func (b *batcher) CommitAll(ctx context.Context, cs []engine.Commit) error {
	b.sizes = append(b.sizes, len(cs))
	if b.refuse != nil {
		b.refuse()
		return errDisk
	}
	for _, c := range cs {
		if err := b.Commit(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// Refreshes are taken up in one batch. One that the batch cannot take, or a defect in it, holds up none of the others.
func TestRefreshesAreTakenUpInABatch(t *testing.T) {
	for name, refuse := range map[string]func(){"taken": nil, "refused": func() {}, "a defect": func() { panic("a defect") }} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T) {
				s, w := &batcher{flaky: newStore()}, newWorld("")
				w.do["email"] = func(ctx context.Context, _ refresh.Step, n int) *refresh.Outcome {
					if n <= 2 { // the first attempt of each
						<-ctx.Done()
					}
					return nil
				}
				h := boot(t, s, w)
				ids := []refresh.ID{h.ask("uat"), h.ask("test")}
				for _, id := range ids {
					h.toCopy(id)
					h.click(id, "sign-off", ann, refresh.ActionSignOff)
				}
				pass(time.Second)
				for _, id := range ids {
					h.want(id, "email", refresh.Performing)
				}
				h.stop()
				s.refuse = refuse
				h = boot(t, s, w)
				pass(time.Minute)
				for _, id := range ids {
					if r := h.want(id, "email", refresh.Completed); w.starts() != 2 || r.Status.Ended() != (r.Status == refresh.Done) {
						t.Errorf("%d starts, it is %s", w.starts(), r.Status)
					}
				}
				if len(s.sizes) != 1 || s.sizes[0] != 2 {
					t.Errorf("batches of %v", s.sizes)
				}
			})
		})
	}
}
