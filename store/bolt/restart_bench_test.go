package bolt_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
	"refreshbot/store/storetest"
)

// many is how many refreshes are under way in the store that is opened.
const many = 1000

// BenchmarkRestart is what a process does with its store before it listens to anybody: open it, check it, and take up
// every refresh. BenchmarkBareOpen only opens the file; the difference is what knowing that all is well costs:
//
//	go test -run '^$' -bench 'Restart|BareOpen' ./store/bolt
func BenchmarkRestart(b *testing.B) {
	for name, on := range map[string]bool{"waiting for people": false, "following the copy": true} {
		b.Run(name, func(b *testing.B) {
			path := crowded(b, on)
			var work time.Duration
			for b.Loop() {
				work += restart(b, path)
			}
			b.ReportMetric(float64(work.Milliseconds())/float64(b.N), "cpu-ms/op") // what a busy machine does not change
		})
	}
}

// restart opens the store, waits until the engine has taken up every refresh, and closes it. It returns the processor
// time until then.
func restart(b *testing.B, path string) time.Duration {
	began := spent(b)
	s, err := bolt.Open(b.Context(), path, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	machine := engine.New(engine.Options{Store: s, Performer: asleep{}, Log: slog.New(slog.DiscardHandler), Grace: time.Nanosecond})
	ended := make(chan error, 1)
	go func() { ended <- machine.Run(ctx) }()
	<-machine.Recovered()
	b.StopTimer()
	work := spent(b) - began
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
	return work
}

// spent is the processor time that this process has used.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// asleep performs nothing.
type asleep struct{}

func (asleep) Perform(ctx context.Context, _ refresh.Refresh, _ refresh.Step) refresh.Outcome {
	<-ctx.Done()
	return refresh.Outcome{}
}

func (asleep) Look(ctx context.Context, _ refresh.Refresh, _ refresh.Step) refresh.Sighted {
	<-ctx.Done()
	return refresh.Sighted{}
}

func (a asleep) Watch(ctx context.Context, r refresh.Refresh, s refresh.Step) refresh.Outcome {
	return a.Perform(ctx, r, s)
}

func BenchmarkBareOpen(b *testing.B) {
	path := crowded(b, false)
	for b.Loop() {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// crowded makes a store with many refreshes under way, each with a journal of 20 entries and more, and closes it. They
// wait for people, or follow their copies: then each restart begins an attempt of each anew.
func crowded(b *testing.B, following bool) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "refreshbot.db")
	s, err := bolt.Open(b.Context(), path, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	at := time.Now()
	ada := refresh.Actor{Person: refresh.Person{ID: "U0ADA", Name: "Ada"}}
	for i := range many {
		var r refresh.Refresh
		tell := func(in refresh.Input) {
			b.Helper()
			at = at.Add(time.Second)
			c := storetest.Decide(b, r, in, at, fmt.Sprint("input ", at.Unix()))
			if err := s.Commit(b.Context(), c); err != nil {
				b.Fatal(err)
			}
			r = c.Row
		}
		name := fmt.Sprintf("uat%04d", i)
		tell(storetest.Request(refresh.ID(name+"-1"), storetest.Environment(name)))
		findings := make([]refresh.Finding, 13)
		for j := range findings {
			findings[j] = refresh.Finding{OK: true, Name: fmt.Sprint("Check number ", j), Detail: "https://contoso-uat.sandbox.operations.dynamics.com"}
		}
		tell(refresh.Reported{Step: "preflight", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded, Note: "13 checks passed", Findings: findings}})
		for r.Version < 20 {
			g := r.OpenGates()[0]
			action := refresh.ActionApprove
			if g.Kind == refresh.GateNotice {
				action = refresh.ActionPostpone
			}
			tell(refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: action, By: ada})
		}
		if following {
			g := r.OpenGates()[0]
			tell(refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: refresh.ActionStartNow, By: ada})
			tell(refresh.Reported{Step: "copy", Attempt: 1, Outcome: refresh.Outcome{Result: refresh.Succeeded, Operation: "op-1"}})
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}
