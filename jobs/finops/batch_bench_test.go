package finops

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/cloudsim"
)

const manyUsers = 5000

// bubble runs f in fake time; synctest only takes a *testing.T, which a benchmark has to make for itself.
func bubble(tb testing.TB, f func(t *testing.T)) {
	tb.Helper()
	if t, ok := tb.(*testing.T); ok {
		synctest.Test(t, f)
		return
	}
	all := func(string, string) (bool, error) { return true, nil }
	if !testing.RunTests(all, []testing.InternalTest{{Name: tb.Name(), F: func(t *testing.T) { synctest.Test(t, f) }}}) {
		tb.Fatal("the simulation failed")
	}
}

// result is one way of enabling many users on the service model.
type result struct {
	took      time.Duration // simulated
	enabled   int
	collapses int
	throttled int
	requests  int
	peak      int
}

func measure(tb testing.TB, m cloudsim.ServiceModel, enable func(t *testing.T, f *field)) (r result) {
	bubble(tb, func(t *testing.T) {
		f := newField(t, m, manyUsers)
		begin := time.Now()
		enable(t, f)
		r = result{time.Since(begin), f.enabled(), f.service.Collapses(), f.throttled, f.requests, f.peak}
	})
	return r
}

// oneByOne is what existing scripts do: one PATCH after the other.
func oneByOne(t *testing.T, f *field) {
	for _, id := range userIDs(manyUsers) {
		if err := f.client.EnableUser(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// hundredAtATime is what a script becomes when someone makes it faster: errors are counted at the end.
func hundredAtATime(t *testing.T, f *field) {
	ids := make(chan string)
	var workers sync.WaitGroup
	for range 100 {
		workers.Go(func() {
			for id := range ids {
				_ = f.client.EnableUser(t.Context(), id) // who is enabled is looked at afterwards
			}
		})
	}
	for _, id := range userIDs(manyUsers) {
		ids <- id
	}
	close(ids)
	workers.Wait()
}

func ours(t *testing.T, f *field) {
	refused, err := f.client.EnableUsers(t.Context(), userIDs(manyUsers))
	if err != nil || len(refused) != 0 {
		t.Errorf("refused %v, error %v", refused, err)
	}
}

// The promise: at least 20 times as fast as one by one, within 1.3 of the best that the model allows, no collapse.
func TestSpeedWithoutHurting(t *testing.T) {
	t.Parallel()
	m := cloudsim.FieldModel()
	slow, fast := measure(t, m, oneByOne), measure(t, m, ours)
	bound := m.Bound(manyUsers)
	t.Logf("one by one %v, ours %v with %d requests, %d at most at a time, bound %v", slow.took, fast.took, fast.requests, fast.peak, bound)
	if slow.enabled != manyUsers || fast.enabled != manyUsers {
		t.Errorf("enabled %d one by one and %d in batches, want all %d", slow.enabled, fast.enabled, manyUsers)
	}
	if faster := slow.took.Seconds() / fast.took.Seconds(); faster < 20 {
		t.Errorf("%.1f times as fast, want 20", faster)
	}
	if over := fast.took.Seconds() / bound.Seconds(); over > 1.3 || over < 1 {
		t.Errorf("%.2f of the bound, want 1 to 1.3", over)
	}
	if fast.collapses+fast.throttled != 0 {
		t.Errorf("%d collapses, %d requests throttled", fast.collapses, fast.throttled)
	}
}

// What the model is for: too many at a time bring it down, and then next to nobody is enabled.
func TestManyAtATimeCollapse(t *testing.T) {
	t.Parallel()
	r := measure(t, cloudsim.FieldModel(), hundredAtATime)
	if r.collapses == 0 || r.enabled > manyUsers/2 {
		t.Errorf("%d collapses, %d enabled", r.collapses, r.enabled)
	}
}

// Other environments than the one that the constants were chosen on.
func TestSpeedOnOtherEnvironments(t *testing.T) {
	t.Parallel()
	change := func(f func(*cloudsim.ServiceModel)) cloudsim.ServiceModel {
		m := cloudsim.FieldModel()
		f(&m)
		return m
	}
	tests := map[string]struct {
		model cloudsim.ServiceModel
		over  float64 // of the bound
	}{
		"one thread":          {change(func(m *cloudsim.ServiceModel) { m.Threads = 1 }), 1.4},
		"two threads":         {change(func(m *cloudsim.ServiceModel) { m.Threads = 2 }), 1.4},
		"throttles early":     {change(func(m *cloudsim.ServiceModel) { m.ThrottleAt = 1 }), 1.7},
		"rows ten times":      {change(func(m *cloudsim.ServiceModel) { m.Row *= 10 }), 1.3},
		"far away":            {change(func(m *cloudsim.ServiceModel) { m.RoundTrip *= 5 }), 1.4},
		"rows nearly free":    {change(func(m *cloudsim.ServiceModel) { m.Row /= 10 }), 3},
		"falls at six":        {change(func(m *cloudsim.ServiceModel) { m.CollapseAt = 5 }), 1.3},
		"a jittery transport": {change(func(m *cloudsim.ServiceModel) { m.Jitter = 5 }), 1.3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := measure(t, tt.model, ours)
			over := r.took.Seconds() / tt.model.Bound(manyUsers).Seconds()
			t.Logf("%v, %.2f of the bound, %d requests, %d throttled, %d at most at a time", r.took, over, r.requests, r.throttled, r.peak)
			if r.enabled != manyUsers || r.collapses != 0 || over > tt.over {
				t.Errorf("enabled %d, %d collapses, %.2f of the bound, want at most %.2f", r.enabled, r.collapses, over, tt.over)
			}
		})
	}
}

// BenchmarkEnableUsers reports simulated seconds, not those of this machine.
func BenchmarkEnableUsers(b *testing.B) {
	m := cloudsim.FieldModel()
	for b.Loop() {
		slow, naive, fast := measure(b, m, oneByOne), measure(b, m, hundredAtATime), measure(b, m, ours)
		bound := m.Bound(manyUsers)
		b.ReportMetric(slow.took.Seconds(), "sim-s/one-by-one")
		b.ReportMetric(naive.took.Seconds(), "sim-s/100-at-a-time")
		b.ReportMetric(float64(naive.enabled), "enabled/100-at-a-time")
		b.ReportMetric(float64(naive.collapses), "collapses/100-at-a-time")
		b.ReportMetric(fast.took.Seconds(), "sim-s/ours")
		b.ReportMetric(float64(fast.collapses), "collapses/ours")
		b.ReportMetric(bound.Seconds(), "sim-s/bound")
		b.ReportMetric(slow.took.Seconds()/fast.took.Seconds(), "times-faster")
		b.ReportMetric(fast.took.Seconds()/bound.Seconds(), "of-bound")
	}
}
