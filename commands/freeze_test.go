package commands_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/refresh"
)

func TestAFreezeIsReadBackBeforeItCounts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		got := w.say(t, sam, "freeze uat until monday 18:00 because month end")
		if got.Refused || !strings.Contains(got.Text, "frozen until Monday 3 January 2000 18:00 (UTC)") || !strings.Contains(got.Text, "month end") || !strings.Contains(got.Hint, "Nothing is frozen yet") {
			t.Fatalf("%+v", got)
		}
		if got := w.say(t, sam, "uat for data"); got.Refused {
			t.Fatalf("it counts already: %+v", got)
		}
		w.say(t, sam, "cancel uat")
		synctest.Wait()
		if done := w.confirm(t, sam, got); done.Refused || !strings.Contains(done.Text, "is frozen until Monday 3 January 2000 18:00 (UTC)") {
			t.Fatalf("%+v", done)
		}
		asked := w.say(t, sam, "uat for data")
		if !asked.Refused || !strings.Contains(asked.Text, "month end") || len(asked.Blackouts) != 1 || asked.Blackouts[0].Free.Format(time.DateTime) != "2000-01-03 18:00:00" || !strings.Contains(asked.Hint, "/refresh unfreeze uat") {
			t.Errorf("asked for all the same: %+v", asked)
		}
		if got := w.say(t, sam, "uat monday 18:00 for data"); got.Refused {
			t.Errorf("afterwards: %+v", got)
		}
		if got := w.say(t, anna, "unfreeze uat"); !got.Refused || !strings.Contains(got.Text, "frozen by U0SAM") {
			t.Errorf("anna lifts sam's: %+v", got)
		}
		if got := w.say(t, sam, "unfreeze uat"); got.Refused {
			t.Errorf("sam lifts his: %+v", got)
		}
		if got := w.say(t, sam, "uat for data"); got.Refused {
			t.Errorf("after it was lifted: %+v", got)
		}
		want := []refresh.NewsKind{refresh.NewsFrozen, refresh.NewsUnfrozen}
		if diff := cmp.Diff(want, w.news.kinds()); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestAFreezeAheadAndSeveralOfThem(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		w.confirm(t, sam, w.say(t, sam, "freeze uat from monday 08:00 until tuesday 18:00 for training"))
		w.confirm(t, sam, w.say(t, sam, "freeze uat from 2000-01-10 08:00 until 2000-01-11 18:00 +01:00 for more training"))
		if got := w.say(t, sam, "uat for data"); got.Refused {
			t.Errorf("before it begins: %+v", got)
		}
		if got := w.say(t, anna, "freeze uat until 2000-03-01 00:00"); got.Refused || !strings.Contains(got.Hint, "is held if its copy would begin") {
			t.Errorf("while one is under way: %+v", got)
		}
		w.say(t, sam, "cancel uat")
		synctest.Wait()
		got := w.say(t, sam, "unfreeze uat")
		if got.Refused || len(got.Items) != 2 || !strings.Contains(facts(got.Items[1]), "more training") {
			t.Fatalf("which one: %+v", got)
		}
		if got := w.buttonOf(t, got.Items[1], "Lift"); got.Refused {
			t.Errorf("%+v", got)
		}
		if got := w.buttonOf(t, got.Items[1], "Lift"); !got.Refused || !strings.Contains(got.Text, "not frozen") {
			t.Errorf("the same button again: %+v", got)
		}
		<-time.After(60 * time.Hour) // Monday noon
		if got := w.say(t, sam, "uat for data"); !got.Refused || !strings.Contains(got.Text, "training") {
			t.Errorf("inside: %+v", got)
		}
		if got := w.say(t, admin, "unfreeze uat"); got.Refused {
			t.Errorf("an admin: %+v", got)
		}
		if got := w.say(t, admin, "unfreeze uat"); !got.Refused || !strings.Contains(got.Text, "not frozen by anybody") {
			t.Errorf("again: %+v", got)
		}
	})
}

func TestWhoMayFreeze(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w world) {
		for user, may := range map[string]bool{rita: true, tom: true, anna: true, admin: true, sam: false, eve: false} {
			if got := w.say(t, user, "freeze test until monday 18:00"); got.Refused == may {
				t.Errorf("%s: %+v", user, got)
			}
		}
	})
}
