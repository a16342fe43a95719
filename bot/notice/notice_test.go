package notice_test

import (
	"strings"
	"testing"
	"time"

	"refreshbot/bot/notice"
	"refreshbot/jobs/refresh"
)

var evening = time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC) // a Friday

func TestWhatUsersAreTold(t *testing.T) {
	t.Parallel()
	window := refresh.Window{From: evening, To: evening.Add(4 * time.Hour)}
	moved := refresh.Window{From: evening.Add(time.Hour), To: evening.Add(5 * time.Hour)}
	calm := refresh.Refresh{}
	approved := refresh.Refresh{StartAt: evening, Settings: refresh.Settings{Downtime: 4 * time.Hour}, Steps: []refresh.Step{{Spec: refresh.Spec{ID: "start"}}}}
	gate := refresh.GateOpened{Gate: refresh.Gate{ID: "start.1", Kind: refresh.GateStart, Step: "start"}}
	waiting := refresh.Apply(approved, gate, evening.Add(-24*time.Hour))
	announced := refresh.Refresh{Window: window}
	copying := refresh.Refresh{Window: window, Copy: refresh.Copy{SentAt: evening}}
	for name, c := range map[string]struct {
		before refresh.Refresh
		event  refresh.Event
		want   notice.Kind
	}{
		"announced":                          {calm, refresh.WindowSet{Window: window}, notice.Announced},
		"moved":                              {announced, refresh.WindowSet{Window: moved}, notice.Postponed},
		"to start at a time":                 {approved, gate, notice.Announced},
		"that was moved":                     {waiting, refresh.StartSet{At: evening.Add(time.Hour)}, notice.Postponed},
		"and is asked about anew":            {waiting, gate, ""},
		"it is kept":                         {waiting, refresh.WindowSet{Window: window}, ""},
		"it cannot be kept":                  {waiting, refresh.WindowSet{Window: moved}, notice.Postponed},
		"given up while the time is awaited": {waiting, refresh.Ended{Status: refresh.Cancelled}, notice.Cancelled},
		"given up before the approval":       {approved, refresh.Ended{Status: refresh.Expired}, ""},
		"moved to the same time":             {announced, refresh.WindowSet{Window: window}, ""},
		"near":                               {announced, refresh.DowntimeNear{In: 5 * time.Minute}, notice.Soon},
		"down":                               {copying, refresh.TargetOffline{}, notice.Offline},
		"answers":                            {copying, refresh.TargetOnline{}, notice.Back},
		"done":                               {copying, refresh.Ended{Status: refresh.Done}, notice.Open},
		"failed":                             {copying, refresh.Ended{Status: refresh.Failed}, notice.Failed},
		"called off after it was announced":  {announced, refresh.Ended{Status: refresh.Cancelled}, notice.Cancelled},
		"failed before it began":             {announced, refresh.Ended{Status: refresh.Failed}, notice.Cancelled},
		"called off before anybody was told": {calm, refresh.Ended{Status: refresh.Cancelled}, ""},
		"rejected":                           {calm, refresh.Ended{Status: refresh.Rejected}, ""},
		"a step":                             {copying, refresh.StepSucceeded{Step: "copy"}, ""},
	} {
		at := evening.Add(-4 * time.Minute)
		after := refresh.Apply(c.before, c.event, at)
		n, ok := notice.Of(c.before, after, refresh.Entry{At: at, Event: c.event})
		if ok != (c.want != "") || n.Kind != c.want {
			t.Errorf("%s: %q, %v, want %q", name, n.Kind, ok, c.want)
		}
		if is := after.Promised(); ok && (n.Window != is || n.Until.After(is.To)) {
			t.Errorf("%s: %v until %v, and the downtime is %v", name, n.Window, n.Until, is)
		}
		if n.Kind == notice.Soon && n.Left != 4*time.Minute {
			t.Errorf("%s: in %v", name, n.Left)
		}
	}
}

func TestOldNewsIsLeftOut(t *testing.T) {
	t.Parallel()
	soon := notice.Notice{Kind: notice.Announced, Until: evening}
	open := notice.Notice{Kind: notice.Open}
	for name, c := range map[string]struct {
		n     notice.Notice
		now   time.Time
		later bool
		want  bool
	}{
		"in time":                           {soon, evening.Add(-time.Minute), false, false},
		"its time has passed":               {soon, evening.Add(time.Minute), false, true},
		"late, and the newest there is":     {open, evening.Add(2 * time.Hour), false, false},
		"late, and there is newer":          {open, evening.Add(2 * time.Hour), true, true},
		"in time, and the next comes along": {open, evening.Add(-50 * time.Minute), true, false},
	} {
		if got := c.n.Stale(evening.Add(-time.Hour), c.now, c.later); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestEveryStandardLanguageIsComplete(t *testing.T) {
	t.Parallel()
	texts := notice.Standard()
	if got := strings.Join(texts.Languages(), " "); got != "de en" {
		t.Errorf("complete: %s", got)
	}
	for lang, said := range texts {
		for kind, text := range said {
			if err := notice.Check(text); err != nil {
				t.Errorf("%s, %s: %v", lang, kind, err)
			}
		}
	}
}

func speaker() notice.Speaker {
	return notice.Speaker{
		Texts: notice.Standard(), Zone: time.UTC, Quiet: notice.Quiet{From: 20 * time.Hour, To: 7 * time.Hour, Weekends: true, Zone: time.UTC},
		Escape: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace}
}

func TestANoticeInTheWordsOfItsAudience(t *testing.T) {
	t.Parallel()
	r := refresh.Refresh{Source: refresh.Environment{Name: "prod"}, Target: refresh.Environment{Name: "uat"}, Reason: "March <!channel> training"}
	n := notice.Notice{Kind: notice.Announced, Window: refresh.Window{From: evening, To: evening.Add(4 * time.Hour)}}
	for lang, want := range map[string]string{
		"":   "<!subteam^S0ALL> uat will be down from Fri 27 Nov 19:00 UTC to about Fri 27 Nov 23:00 UTC. It gets a fresh copy of prod: everything entered in uat since its last refresh will be gone. Please finish and log out before. Why: March &lt;!channel&gt; training.",
		"de": "<!subteam^S0ALL> uat ist von 27.11.2026 19:00 UTC bis etwa 27.11.2026 23:00 UTC nicht verfügbar. Die Umgebung bekommt eine frische Kopie von prod: Alles, was seit der letzten Aktualisierung in uat erfasst wurde, ist danach weg. Bitte vorher fertig werden und abmelden. Grund: March &lt;!channel&gt; training.",
	} {
		marked, plain := speaker().Say(n, r, notice.Audience{Channel: "C0", Mention: "S0ALL", Language: lang}, evening)
		if plain != want {
			t.Errorf("%s\n got %s\nwant %s", lang, plain, want)
		}
		if !strings.HasPrefix(marked, "<!subteam^S0ALL> *uat ") || strings.Count(marked, "<!date^") != 2 || strings.Contains(marked, "<!channel>") {
			t.Errorf("%s, marked up: %s", lang, marked)
		}
	}
	r.Reason = ""
	for _, kind := range notice.Kinds() {
		for _, lang := range []string{"en", "de"} {
			n.Kind, n.Left = kind, 5*time.Minute
			if marked, plain := speaker().Say(n, r, notice.Audience{Language: lang}, evening); strings.ContainsAny(plain, "{}[]*") || strings.Contains(plain, "Why") || plain == "" || marked == "" {
				t.Errorf("%s, %s: %s", lang, kind, plain)
			}
		}
	}
}

func TestNobodyIsCalledInQuietHours(t *testing.T) {
	t.Parallel()
	called := func(at time.Time) bool {
		marked, plain := speaker().Say(notice.Notice{Kind: notice.Open}, refresh.Refresh{}, notice.Audience{Mention: "S0ALL"}, at)
		if strings.Contains(marked, "S0ALL") != strings.Contains(plain, "S0ALL") {
			t.Errorf("the notification says something else: %s", plain)
		}
		return strings.Contains(plain, "S0ALL")
	}
	for at, want := range map[time.Time]bool{
		evening: true, evening.Add(59 * time.Minute): true, evening.Add(time.Hour): false, evening.Add(12 * time.Hour): false, // Saturday
		evening.Add(-12*time.Hour - time.Minute): false, evening.Add(-12 * time.Hour): true,
	} {
		if called(at) != want {
			t.Errorf("at %s: %v", at.Format("Mon 15:04"), !want)
		}
	}
	if (notice.Quiet{}).At(evening) {
		t.Error("quiet although nothing was configured")
	}
}

func TestOwnTextsTakeThePlaceOfTheStandardOnes(t *testing.T) {
	t.Parallel()
	texts := notice.Standard().With(notice.Texts{"en": {notice.Open: "Go!"}, "da": {notice.Open: "{environment} er klar"}})
	if texts["en"][notice.Open] != "Go!" || texts["en"][notice.Back] != notice.Standard()["en"][notice.Back] {
		t.Errorf("%v", texts["en"])
	}
	if n := len(texts.Missing("da")); n != len(notice.Kinds())-1 {
		t.Errorf("da lacks %d", n)
	}
	if notice.Standard()["en"][notice.Open] == "Go!" {
		t.Error("the standard texts were changed")
	}
	for text, says := range map[string]string{"": "empty", " ": "empty", strings.Repeat("x", 1001): "longer", "{form}": "did you mean {from}", "{zzz}": "known: {environment}"} {
		if err := notice.Check(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}
