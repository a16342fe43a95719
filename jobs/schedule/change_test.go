package schedule_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

var anna, bo = refresh.Person{ID: "U0ANNA", Name: "Anna"}, refresh.Person{ID: "U0BO", Name: "Bo"}

// office runs a schedule while a test changes it.
func (b *bench) office(t *testing.T, with func(*schedule.Schedule), entries ...schedule.Entry) {
	t.Helper()
	s := b.boot(t, entries...)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	with(s)
	stop()
	running.Wait()
}

// standing is a schedule as text.
func standing(st schedule.Standing) string {
	text := st.ID
	for _, at := range st.Next {
		text += " " + at.UTC().Format("01-02T15:04")
	}
	if st.Paused != nil {
		text += " paused by " + st.Paused.By.Name
	}
	if st.Outcome != "" {
		text += fmt.Sprintf(", %s %s", st.Outcome, st.Last.UTC().Format("01-02T15:04"))
	}
	return text
}

func wantList(t *testing.T, s *schedule.Schedule, want ...string) {
	t.Helper()
	list, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, st := range list {
		got = append(got, standing(st))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schedules (-want +got):\n%s", diff)
	}
}

func noon(zone string) schedule.Entry {
	return schedule.Entry{Target: "uat", Cron: "0 12 * * *", Zone: zone, Missed: schedule.Skip, Owner: anna, Why: "fresh data"}
}

func TestASchedulePeopleMakeSurvivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.office(t, func(s *schedule.Schedule) {
			for range 2 { // the second is the same delivery
				st, err := s.Add(t.Context(), noon("Europe/Copenhagen"), "delivery-1")
				if err != nil || st.ID != "uat.1" {
					t.Fatalf("%+v, %v", st, err)
				}
			}
			if _, err := s.Add(t.Context(), noon(""), "delivery-2"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Add(t.Context(), noon(""), "delivery-3"); refresh.CodeOf(err) != refresh.Refused || !strings.Contains(err.Error(), "uat.2") {
				t.Errorf("made twice: %v", err)
			}
			pass(time.Hour)
		}, nightly(schedule.Skip))
		b.office(t, func(s *schedule.Schedule) {
			wantList(t, s, "uat.config 01-01T02:00 01-02T02:00 01-03T02:00", "uat.1 01-01T11:00 01-02T11:00 01-03T11:00", "uat.2 01-01T12:00 01-02T12:00 01-03T12:00")
			list, err := s.List(t.Context(), "UAT")
			if err != nil || list[1].Owner != anna || list[1].Why != "fresh data" || !list[0].Configured() || list[1].Configured() {
				t.Errorf("%+v, %v", list, err)
			}
			pass(12 * time.Hour)
			wantList(t, s, "uat.config 01-02T02:00 01-03T02:00 01-04T02:00, asked 01-01T02:00", "uat.1 01-02T11:00 01-03T11:00 01-04T11:00, asked 01-01T11:00",
				"uat.2 01-02T12:00 01-03T12:00 01-04T12:00, asked 01-01T12:00")
		}, nightly(schedule.Skip))
		b.asker.want(t, "uat 2000-01-01T02:00:00Z", "uat 2000-01-01T11:00:00Z", "uat 2000-01-01T12:00:00Z")
		b.news.want(t, "uat.1 scheduled 01-01T11:00 01-01T11:00", "uat.2 scheduled 01-01T12:00 01-01T12:00")
	})
}

func TestPausedSchedulesComeDueNoMore(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"uat.config", "UAT.1"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				b.office(t, func(s *schedule.Schedule) {
					if _, err := s.Add(t.Context(), noon(""), ""); err != nil {
						t.Fatal(err)
					}
					if _, err := s.Remove(t.Context(), "uat.1", anna, ""); err != nil { // only one of the two is looked at
						t.Fatal(err)
					}
					if id != "uat.config" {
						if _, err := s.Add(t.Context(), noon(""), ""); err != nil {
							t.Fatal(err)
						}
						if _, err := s.Pause(t.Context(), "uat.config", bo, ""); err != nil {
							t.Fatal(err)
						}
					}
					st, err := s.Pause(t.Context(), id, bo, "")
					if err != nil || st.Paused == nil || len(st.Next) != 0 || !s.Next("uat").IsZero() {
						t.Errorf("%+v, %v", st, err)
					}
					if _, err := s.Pause(t.Context(), id, anna, ""); refresh.CodeOf(err) != refresh.Stale || !strings.Contains(err.Error(), "by Bo") {
						t.Errorf("paused twice: %v", err)
					}
					if _, err := s.SkipNext(t.Context(), id, time.Time{}, anna, ""); refresh.CodeOf(err) != refresh.Refused {
						t.Errorf("skipped while paused: %v", err)
					}
					pass(25 * time.Hour)
				}, nightly(schedule.Once))
				b.office(t, func(s *schedule.Schedule) {
					pass(25 * time.Hour)
					b.asker.want(t)
					st, err := s.Resume(t.Context(), id, anna, "")
					if err != nil || st.Paused != nil || len(st.Next) != 3 {
						t.Errorf("%+v, %v", st, err)
					}
					if _, err := s.Resume(t.Context(), id, anna, ""); refresh.CodeOf(err) != refresh.Stale {
						t.Errorf("resumed twice: %v", err)
					}
					pass(26 * time.Hour)
				}, nightly(schedule.Once))
				if len(b.asker.asked) != 1 || !strings.Contains(b.asker.asked[0], "2000-01-03T") && !strings.Contains(b.asker.asked[0], "2000-01-04T") {
					t.Errorf("asked %q: what came due while it was paused is not asked for", b.asker.asked)
				}
			})
		})
	}
}

func TestTheNextTimeIsSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.office(t, func(s *schedule.Schedule) {
			st, err := s.Add(t.Context(), noon(""), "")
			if err != nil {
				t.Fatal(err)
			}
			shown := st.Next[0]
			if st, err = s.SkipNext(t.Context(), "uat.1", shown, bo, ""); err != nil || standing(st) != "uat.1 01-02T12:00 01-03T12:00 01-04T12:00, skipped 01-01T12:00" {
				t.Errorf("%s, %v", standing(st), err)
			}
			if _, err := s.SkipNext(t.Context(), "uat.1", shown, bo, ""); refresh.CodeOf(err) != refresh.Stale {
				t.Errorf("the same press again: %v", err)
			}
			pass(37 * time.Hour)
		})
		b.asker.want(t, "uat 2000-01-02T12:00:00Z")
		b.news.want(t, "uat.1 scheduled 01-01T12:00 01-01T12:00", "uat.1 skipped 01-01T12:00 01-02T12:00 @U0ANNA")
	})
}

func TestAChangeThatIsDeliveredAgainToAnotherProcessIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		for range 2 {
			b.office(t, func(s *schedule.Schedule) {
				st, err := s.SkipNext(t.Context(), "uat.config", time.Time{}, bo, "delivery-1")
				if err != nil || standing(st) != "uat.config 01-02T02:00 01-03T02:00 01-04T02:00, skipped 01-01T02:00" {
					t.Errorf("%s, %v", standing(st), err)
				}
				pass(time.Minute)
			}, nightly(schedule.Skip))
		}
		b.news.want(t, "uat.config skipped 01-01T02:00 01-02T02:00")
		b.office(t, func(s *schedule.Schedule) {
			for _, step := range []struct {
				key, want string
				to        func(context.Context, string, refresh.Person, string) (schedule.Standing, error)
			}{
				{"delivery-2", "uat.config paused by Bo, skipped 01-01T02:00", s.Pause},
				{"delivery-3", "uat.config 01-02T02:00 01-03T02:00 01-04T02:00, skipped 01-01T02:00", s.Resume},
				{"delivery-2", "uat.config 01-02T02:00 01-03T02:00 01-04T02:00, skipped 01-01T02:00", s.Pause},
			} {
				if st, err := step.to(t.Context(), "uat.config", bo, step.key); err != nil || standing(st) != step.want {
					t.Errorf("%s: %s, %v; want %s", step.key, standing(st), err, step.want)
				}
			}
		}, nightly(schedule.Skip))
	})
}

func TestARemovedScheduleIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.office(t, func(s *schedule.Schedule) {
			if _, err := s.Add(t.Context(), noon(""), ""); err != nil {
				t.Fatal(err)
			}
			pass(13 * time.Hour)
			if st, err := s.Remove(t.Context(), "uat.1", anna, ""); err != nil || st.ID != "uat.1" {
				t.Errorf("%+v, %v", st, err)
			}
			for _, id := range []string{"uat.1", "", "uat", "uat.config"} {
				if _, err := s.Remove(t.Context(), id, anna, ""); refresh.CodeOf(err) != refresh.NotFound {
					t.Errorf("removing %q: %v", id, err)
				}
			}
			if _, err := s.Add(t.Context(), noon(""), ""); err != nil { // gets the free id again, and is another schedule
				t.Fatal(err)
			}
			pass(24 * time.Hour)
		})
		b.asker.want(t, "uat 2000-01-01T12:00:00Z", "uat 2000-01-02T12:00:00Z")
		b.office(t, func(s *schedule.Schedule) {
			if _, err := s.Remove(t.Context(), "uat.config", anna, ""); refresh.CodeOf(err) != refresh.Refused {
				t.Errorf("removing the configuration's own: %v", err)
			}
		}, nightly(schedule.Skip))
	})
}

func TestAChangeThatOneProcessDidNotGetToTellIsToldByTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.news.fail = true
		b.office(t, func(s *schedule.Schedule) {
			if _, err := s.Pause(t.Context(), "uat.config", bo, "delivery-1"); err != nil {
				t.Fatal(err)
			}
		}, nightly(schedule.Skip))
		b.news.want(t)
		b.news.fail = false
		for range 2 {
			b.process(t, time.Minute, nightly(schedule.Skip))
		}
		b.news.want(t, "uat.config paused 01-01T02:00")
	})
}

func TestAChangeThatCannotBeKeptIsNotMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.office(t, func(s *schedule.Schedule) {
			synctest.Wait()
			b.records.breakPuts(2)
			if _, err := s.Add(t.Context(), noon(""), ""); err == nil {
				t.Error("added, though it could not be kept")
			}
			if _, err := s.Pause(t.Context(), "uat.config", bo, ""); err == nil {
				t.Error("paused, though it could not be kept")
			}
			b.news.want(t)
			wantList(t, s, "uat.config 01-01T02:00 01-02T02:00 01-03T02:00")
			if _, err := s.Add(t.Context(), schedule.Entry{Target: "uat", Cron: "0 12 * *"}, ""); refresh.CodeOf(err) != refresh.Invalid {
				t.Errorf("a bad expression: %v", err)
			}
			if _, err := s.Add(t.Context(), noon("Mars/Olympus"), ""); refresh.CodeOf(err) != refresh.Invalid {
				t.Errorf("a bad zone: %v", err)
			}
		}, nightly(schedule.Skip))
	})
}
