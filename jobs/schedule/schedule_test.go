package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
	"refreshbot/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asker is an engine that remembers what it was asked, as a real one does.
type asker struct {
	mu    sync.Mutex
	asked []string // target and due time, once each; and when, if that was before it was due
	seen  map[string]bool
	calls int
	fail  func(due time.Time) error // before it is remembered
}

func (a *asker) Scheduled(_ context.Context, r schedule.Request) (refresh.Refresh, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	if a.fail != nil {
		if err := a.fail(r.Due); err != nil {
			return refresh.Refresh{}, err
		}
	}
	if a.seen[r.Key()] {
		return refresh.Refresh{}, &refresh.Error{Code: refresh.Stale, Msg: "seen", Err: engine.ErrSeen}
	}
	if a.seen == nil {
		a.seen = map[string]bool{}
	}
	a.seen[r.Key()] = true
	entry := r.Target + " " + r.Due.UTC().Format(time.RFC3339)
	if !r.StartAt.IsZero() {
		entry += " asked " + time.Now().UTC().Format(time.RFC3339)
		if !r.StartAt.Equal(r.Due) {
			entry += " to start at another time"
		}
	}
	a.asked = append(a.asked, entry)
	return refresh.Refresh{ID: "r"}, nil
}

func (a *asker) Asked(_ context.Context, r schedule.Request) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[r.Key()], nil
}

func (a *asker) want(t *testing.T, entries ...string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if diff := cmp.Diff(entries, a.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// records is a store that fails when told to.
type records struct {
	*storetest.Memory
	mu        sync.Mutex
	failPuts  int
	failReads int
	damaged   string // the key of a record that cannot be read
}

var errDisk = errors.New("no space left on device")

func (r *records) PutRecord(ctx context.Context, space, key string, value []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failPuts > 0 {
		r.failPuts--
		return errDisk
	}
	return r.Memory.PutRecord(ctx, space, key, value)
}

func (r *records) Records(ctx context.Context, space string) (map[string][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failReads > 0 {
		r.failReads--
		return nil, errDisk
	}
	all, err := r.Memory.Records(ctx, space)
	if _, ok := all[r.damaged]; ok {
		delete(all, r.damaged)
		err = errDisk
	}
	return all, err
}

func (r *records) Record(ctx context.Context, space, key string) ([]byte, bool, error) {
	if key == r.damaged && key != "" {
		return nil, false, errDisk
	}
	return r.Memory.Record(ctx, space, key)
}

func (r *records) breakPuts(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failPuts = n
}

func (r *records) text(t *testing.T) string {
	t.Helper()
	data, _, err := r.Memory.Record(t.Context(), "schedule", "uat")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// bench is what outlives a process: the store and the engine. It is used in a bubble of fake time, which begins
// at midnight UTC on Saturday, 1 January 2000.
type bench struct {
	asker   *asker
	records *records
	zone    *time.Location
	news    news
}

// news is what the channels were told, once each.
type news struct {
	mu   sync.Mutex
	keys map[string]bool
	told []string
	fail bool
}

func (n *news) Tell(_ context.Context, item refresh.News) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail {
		return errDisk
	}
	if n.keys[item.Key] {
		return nil
	}
	if n.keys == nil {
		n.keys = map[string]bool{}
	}
	n.keys[item.Key] = true
	text := fmt.Sprintf("%s %s", item.Schedule, item.Kind)
	for _, t := range []time.Time{item.Due, item.Next} {
		if !t.IsZero() {
			text += " " + t.UTC().Format("01-02T15:04")
		}
	}
	for _, p := range item.For {
		text += " @" + p.ID
	}
	n.told = append(n.told, text)
	return nil
}

func (n *news) want(t *testing.T, told ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if diff := cmp.Diff(told, n.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func newBench() *bench {
	return &bench{asker: &asker{}, records: &records{Memory: storetest.NewMemory()}, zone: time.UTC}
}

// process runs a schedule for a while of fake time and stops it.
func (b *bench) process(t *testing.T, lasts time.Duration, entries ...schedule.Entry) {
	t.Helper()
	s := b.boot(t, entries...)
	ctx, stop := context.WithTimeout(t.Context(), lasts)
	defer stop()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

// boot makes the schedule of a new process.
func (b *bench) boot(t *testing.T, entries ...schedule.Entry) *schedule.Schedule {
	t.Helper()
	s, err := schedule.New(schedule.Options{Entries: entries, Zone: b.zone, Asker: b.asker, News: &b.news, Records: b.records, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pass(d time.Duration) { <-time.After(d) }

func nightly(missed schedule.Missed) schedule.Entry {
	return schedule.Entry{Target: "uat", Cron: "0 2 * * *", Missed: missed}
}

const day = 24 * time.Hour

func TestItAsksOnceAtEachDueTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		at := map[string]time.Time{}
		b.asker.fail = func(due time.Time) error { at[due.Format(time.DateTime)] = time.Now(); return nil }
		b.process(t, 3*day, nightly(schedule.Skip), schedule.Entry{Target: "test", Cron: "30 12 * * SUN"})
		b.asker.want(t, "uat 2000-01-01T02:00:00Z", "uat 2000-01-02T02:00:00Z", "test 2000-01-02T12:30:00Z", "uat 2000-01-03T02:00:00Z")
		for due, when := range at {
			if got := when.UTC().Format(time.DateTime); got != due {
				t.Errorf("due at %s, asked at %s", due, got)
			}
		}
		if b.asker.calls != 4 {
			t.Errorf("%d calls, want 4", b.asker.calls)
		}
	})
}

func TestARestartNeitherLosesNorDoubles(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first, down time.Duration
		broken      int // writes that fail just before the first process stops
		want        []string
	}{
		"before the due time":       {first: time.Hour, down: 30 * time.Minute, want: []string{"uat 2000-01-01T02:00:00Z", "uat 2000-01-02T02:00:00Z"}},
		"over the due time":         {first: time.Hour, down: 65 * time.Minute, want: []string{"uat 2000-01-01T02:00:00Z", "uat 2000-01-02T02:00:00Z"}},
		"at the due time":           {first: 2 * time.Hour, down: 0, want: []string{"uat 2000-01-01T02:00:00Z", "uat 2000-01-02T02:00:00Z"}},
		"after the due time":        {first: 2*time.Hour + time.Second, down: time.Minute, want: []string{"uat 2000-01-01T02:00:00Z", "uat 2000-01-02T02:00:00Z"}},
		"between asking and noting": {first: 2*time.Hour + time.Second, down: time.Minute, broken: 1, want: []string{"uat 2000-01-01T02:00:00Z", "uat 2000-01-02T02:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				if tc.broken > 0 {
					time.AfterFunc(90*time.Minute, func() { b.records.breakPuts(tc.broken) })
				}
				b.process(t, tc.first, nightly(schedule.Skip))
				pass(tc.down)
				b.process(t, 27*time.Hour-tc.first-tc.down, nightly(schedule.Skip))
				b.asker.want(t, tc.want...)
			})
		})
	}
}

func TestAFailedAskOrNoteIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*bench){
		"the engine": func(b *bench) {
			left := 3
			b.asker.fail = func(time.Time) error {
				if left--; left >= 0 {
					return errDisk
				}
				return nil
			}
		},
		"the record":        func(b *bench) { time.AfterFunc(time.Hour, func() { b.records.breakPuts(3) }) },
		"taking it up":      func(b *bench) { b.records.failReads = 3 },
		"the first writing": func(b *bench) { b.records.failPuts = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				breakIt(b)
				b.process(t, 23*time.Hour, nightly(schedule.Skip))
				b.asker.want(t, "uat 2000-01-01T02:00:00Z")
				if got := b.records.text(t); !strings.Contains(got, `"due":"2000-01-02T02:00:00Z"`) {
					t.Errorf("kept: %s", got)
				}
			})
		})
	}
}

func TestAScheduleThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*bench){
		"no JSON": func(b *bench) {
			if err := b.records.Memory.PutRecord(context.Background(), "schedule", "uat", []byte("{")); err != nil {
				panic(err)
			}
		},
		"a flipped byte": func(b *bench) { b.records.damaged = "uat" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				entries := []schedule.Entry{nightly(schedule.Once), {Target: "test", Cron: "30 2 * * *"}}
				b.process(t, time.Hour, entries...)
				spoil(b)
				before := b.records.text(t)
				b.office(t, func(s *schedule.Schedule) {
					pass(2 * time.Hour)
					wantList(t, s, "test.config 01-02T02:30 01-03T02:30 01-04T02:30, asked 01-01T02:30", "uat.config")
					if list, err := s.List(t.Context(), "uat"); err != nil || !list[0].Unreadable || !s.Next("uat").IsZero() {
						t.Errorf("%+v, %v", list, err)
					}
					if _, err := s.Pause(t.Context(), "uat.config", bo, ""); refresh.CodeOf(err) != refresh.Internal || !strings.Contains(err.Error(), "left alone") {
						t.Errorf("pausing it: %v", err)
					}
				}, entries...)
				b.asker.want(t, "test 2000-01-01T02:30:00Z")
				if got := b.records.text(t); got != before {
					t.Errorf("it was written over: %s", got)
				}
			})
		})
	}
}

func TestADueTimeThatPassedWhileDown(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		missed  schedule.Missed
		want    []string
		outcome string
	}{
		{schedule.Skip, []string{"uat 2000-01-05T02:00:00Z"}, "missed"},
		{schedule.Once, []string{"uat 2000-01-01T02:00:00Z", "uat 2000-01-05T02:00:00Z"}, "asked"},
	} {
		t.Run(string(tc.missed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				b.process(t, time.Hour, nightly(tc.missed))
				pass(3*day + 2*time.Hour) // until 03:00 on the 4th: four were missed
				b.process(t, time.Minute, nightly(tc.missed))
				if got := b.records.text(t); !strings.Contains(got, `"due":"2000-01-05T02:00:00Z"`) ||
					!strings.Contains(got, `"fired":"2000-01-01T02:00:00Z","outcome":"`+tc.outcome+`"`) {
					t.Errorf("kept: %s", got)
				}
				b.process(t, day, nightly(tc.missed))
				b.asker.want(t, tc.want...)
			})
		})
	}
}

func TestWhatWasAskedForBeforeALongStopWasNotMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		time.AfterFunc(90*time.Minute, func() { b.records.breakPuts(1) })
		b.process(t, 2*time.Hour+time.Second, nightly(schedule.Skip)) // asks, and does not get to note it
		pass(3 * time.Hour)
		b.process(t, time.Hour, nightly(schedule.Skip))
		b.asker.want(t, "uat 2000-01-01T02:00:00Z")
		b.news.want(t)
		if got := b.records.text(t); !strings.Contains(got, `"fired":"2000-01-01T02:00:00Z","outcome":"asked"`) {
			t.Errorf("kept: %s", got)
		}
	})
}

func TestABusyTargetIsNotedAndNotAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.asker.fail = func(due time.Time) error {
			if due.Day() == 1 {
				return &refresh.Error{Code: refresh.Refused, Msg: "busy", Err: engine.ErrBusy}
			}
			return nil
		}
		b.process(t, 12*time.Hour, nightly(schedule.Once))
		if got := b.records.text(t); !strings.Contains(got, `"fired":"2000-01-01T02:00:00Z","outcome":"busy"`) {
			t.Errorf("kept: %s", got)
		}
		if b.asker.calls != 1 {
			t.Errorf("%d calls, want one", b.asker.calls)
		}
		b.process(t, day, nightly(schedule.Once))
		b.asker.want(t, "uat 2000-01-02T02:00:00Z")
	})
}

func TestAnotherExpressionOrZoneStartsAfresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.process(t, time.Hour, nightly(schedule.Once))
		pass(3 * time.Hour)
		noon := schedule.Entry{Target: "uat", Cron: "0 12 * * *", Missed: schedule.Once}
		b.process(t, 20*time.Hour, noon) // 02:00 was missed, but nobody asks for it any more
		b.asker.want(t, "uat 2000-01-01T12:00:00Z")
		b.zone = zone(t, "Europe/Copenhagen")
		b.process(t, 12*time.Hour, noon)
		b.asker.want(t, "uat 2000-01-01T12:00:00Z", "uat 2000-01-02T11:00:00Z")
	})
}

// A schedule that the configuration dropped and has again missed nothing in between.
func TestAScheduleThatComesBackStartsAfresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.process(t, time.Hour, nightly(schedule.Once))
		b.process(t, 3*day)
		b.process(t, day, nightly(schedule.Once))
		b.asker.want(t, "uat 2000-01-04T02:00:00Z")
		b.news.want(t)
	})
}

func TestNextIsTheStoredDueTimeOnceItRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.process(t, time.Hour, nightly(schedule.Once))
		pass(2 * time.Hour)
		b.asker.fail = func(time.Time) error { return errDisk }
		s := b.boot(t, nightly(schedule.Once))
		if got := s.Next("uat").Format(time.DateTime); got != "2000-01-02 02:00:00" {
			t.Errorf("before Run: %s", got)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := s.Next("uat").Format(time.DateTime); got != "2000-01-01 02:00:00" {
			t.Errorf("while the missed one is still to be asked for: %s", got)
		}
		if got := s.Next("other"); !got.IsZero() {
			t.Errorf("a target without a schedule: %v", got)
		}
	})
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestClocksThatChange(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		zone, cron string
		from       time.Time // when the process starts
		lasts      time.Duration
		want       []string
	}{
		"spring, in the hour that is jumped over": {
			"Europe/Copenhagen", "30 2 * * *", time.Date(2000, 3, 25, 0, 0, 0, 0, time.UTC), 3 * day,
			[]string{"2000-03-25T02:30:00+01:00", "2000-03-26T03:00:00+02:00", "2000-03-27T02:30:00+02:00"},
		},
		"spring, weekly": {
			"Europe/Copenhagen", "30 2 * * SUN", time.Date(2000, 3, 20, 0, 0, 0, 0, time.UTC), 14 * day,
			[]string{"2000-03-26T03:00:00+02:00", "2000-04-02T02:30:00+02:00"},
		},
		"autumn, in the hour that comes twice": {
			"Europe/Copenhagen", "30 2 * * *", time.Date(2000, 10, 27, 22, 0, 0, 0, time.UTC), 3 * day,
			[]string{"2000-10-28T02:30:00+02:00", "2000-10-29T02:30:00+02:00", "2000-10-30T02:30:00+01:00"},
		},
		"autumn, restarted between the two": {
			"Europe/Copenhagen", "30 2 * * *", time.Date(2000, 10, 29, 1, 10, 0, 0, time.UTC), day + time.Hour,
			[]string{"2000-10-30T02:30:00+01:00"},
		},
		"autumn, every half hour": {
			"Europe/Copenhagen", "*/30 * * * *", time.Date(2000, 10, 28, 23, 45, 0, 0, time.UTC), 3 * time.Hour,
			[]string{"2000-10-29T02:00:00+02:00", "2000-10-29T02:30:00+02:00", "2000-10-29T03:00:00+01:00", "2000-10-29T03:30:00+01:00"},
		},
		"spring, every half hour": {
			"Europe/Copenhagen", "*/30 * * * *", time.Date(2000, 3, 26, 0, 15, 0, 0, time.UTC), 90 * time.Minute,
			[]string{"2000-03-26T01:30:00+01:00", "2000-03-26T03:00:00+02:00", "2000-03-26T03:30:00+02:00"},
		},
		"a midnight that does not exist": {
			"America/Santiago", "0 0 * * *", time.Date(2000, 10, 14, 12, 0, 0, 0, time.UTC), 2 * day,
			[]string{"2000-10-15T01:00:00-03:00", "2000-10-16T00:00:00-03:00"},
		},
		"a change of half an hour": {
			"Australia/Lord_Howe", "0 3 * * *", time.Date(2000, 8, 25, 0, 0, 0, 0, time.UTC), 3 * day,
			[]string{"2000-08-26T03:00:00+10:30", "2000-08-27T03:00:00+11:00", "2000-08-28T03:00:00+11:00"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				b.zone = zone(t, tc.zone)
				pass(time.Until(tc.from))
				b.process(t, tc.lasts, schedule.Entry{Target: "uat", Cron: tc.cron})
				var got []string
				for _, e := range b.asker.asked {
					at, err := time.Parse(time.RFC3339, strings.TrimPrefix(e, "uat "))
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, at.In(b.zone).Format(time.RFC3339))
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestABadExpressionIsRefused(t *testing.T) {
	t.Parallel()
	_, err := schedule.New(schedule.Options{Entries: []schedule.Entry{{Target: "uat", Cron: "CRON_TZ=UTC"}}, Zone: time.UTC})
	if refresh.CodeOf(err) != refresh.Invalid || !strings.Contains(err.Error(), "schedule of uat") {
		t.Errorf("%v", err)
	}
}
