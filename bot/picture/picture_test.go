package picture_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"refreshbot/bot/picture"
	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
	"refreshbot/store/storetest"
)

var update = flag.Bool("update", false, "rewrite the golden files, and the pictures beside them")

var friday = time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)

// pace is how long each part of a refresh takes.
type pace struct{ approval, notice, copy, offline, signOff, settings, opening, users time.Duration }

func usual() pace {
	const m = time.Minute
	return pace{25 * m, 30 * m, 110 * m, 70 * m, 20 * m, 35 * m, 10 * m, 5 * m}
}

// life takes a refresh through the real rules. It ends where a part takes less than nothing.
func life(t testing.TB, id string, at time.Time, p pace) refresh.Refresh {
	t.Helper()
	by := &refresh.Policy{By: []string{"U0ADA"}, Count: 1}
	req := storetest.Request(refresh.ID(id), storetest.Environment("uat"))
	req.Settings.Notice = p.notice
	req.Plan = append(req.Plan[:6:6],
		refresh.Spec{ID: "sign-off", Phase: refresh.PhaseSignOff, Kind: refresh.KindSignOff, Name: "Sign-off", Policy: by},
		refresh.Spec{ID: "settings", Phase: refresh.PhaseReconfigure, Kind: refresh.KindEmail, Name: "E-mail"},
		refresh.Spec{ID: "open", Phase: refresh.PhaseOpen, Kind: refresh.KindOpenGate, Name: "Opening", Policy: by},
		refresh.Spec{ID: "enable", Phase: refresh.PhaseOpen, Kind: refresh.KindEnable, Name: "Users"})
	r := refresh.Refresh{}
	tell := func(in refresh.Input) { r = storetest.Decide(t, r, in, at, "").Row }
	report := func(step string, o refresh.Outcome) { tell(refresh.Reported{Step: step, Attempt: 1, Outcome: o}) }
	good := refresh.Outcome{Result: refresh.Succeeded}
	click := func(a refresh.Action) {
		g := r.OpenGates()[0]
		tell(refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: refresh.Actor{Person: refresh.Person{ID: "U0ADA"}}})
	}
	tell(req)
	at = at.Add(time.Minute)
	report("preflight", good)
	at = at.Add(p.approval)
	if p.notice < 0 {
		click(refresh.ActionReject)
		return r
	}
	click(refresh.ActionApprove)
	at = at.Add(p.notice)
	tell(refresh.Tick{})
	began := at
	at = at.Add(10 * time.Second)
	report("copy", refresh.Outcome{Result: refresh.Succeeded, Operation: "op"})
	at = began.Add((p.copy - p.offline) / 2)
	report("follow", refresh.Outcome{Result: refresh.Continues, Offline: true})
	if p.signOff < 0 {
		at = began.Add(p.copy)
		report("follow", refresh.Outcome{Result: refresh.Impossible, Problem: &refresh.Problem{Message: "The copy failed."}})
		return r
	}
	at = at.Add(p.offline)
	report("follow", refresh.Outcome{Result: refresh.Continues, Online: true})
	at = began.Add(p.copy)
	report("follow", refresh.Outcome{Result: refresh.Succeeded, Status: refresh.CopyCompleted})
	at = at.Add(p.signOff)
	click(refresh.ActionSignOff)
	at = at.Add(p.settings)
	report("settings", good)
	at = at.Add(p.opening)
	click(refresh.ActionOpen)
	at = at.Add(p.users)
	report("enable", good)
	return r
}

func week(n int) time.Time { return friday.Add(-time.Duration(n) * 7 * 24 * time.Hour) }

// charts are pictures of every kind.
func charts(t testing.TB) map[string]picture.Chart {
	t.Helper()
	slow, night, brief := usual(), usual(), usual()
	slow.copy, slow.offline = 170*time.Minute, 100*time.Minute
	night.signOff, night.approval = 14*time.Hour, 20*time.Hour
	brief.approval, brief.copy, brief.offline, brief.settings = 2*time.Minute, 80*time.Minute, 60*time.Minute, 12*time.Minute
	failed := usual()
	failed.signOff = -1
	past := history.Past{Done: []refresh.Refresh{life(t, "p1", week(1), usual()), life(t, "p2", week(2), night), life(t, "p3", week(3), brief), life(t, "p4", week(4), usual()), life(t, "p5", week(5), slow), life(t, "p6", week(6), slow)}}
	demo := pace{9 * time.Second, 10 * time.Second, 75 * time.Second, 45 * time.Second, 8 * time.Second, 6 * time.Second, 5 * time.Second, 2 * time.Second}
	all := map[string]picture.Chart{}
	for name, in := range map[string]struct {
		r    refresh.Refresh
		past history.Past
	}{
		"usual":  {life(t, "r", friday, slow), past},
		"first":  {life(t, "r", friday, usual()), history.Past{}},
		"failed": {life(t, "r", friday, failed), history.Past{Done: past.Done[:2]}},
		"demo":   {life(t, "r", friday, demo), history.Past{Done: []refresh.Refresh{life(t, "d", week(1), demo)}}},
	} {
		c, ok := picture.Build(in.r, in.past, time.FixedZone("CET", 3600))
		if !ok {
			t.Fatalf("%s: no picture", name)
		}
		all[name] = c
	}
	return all
}

// What is drawn is compared as a model: letters may look otherwise with the next version of the fonts.
func TestCharts(t *testing.T) {
	t.Parallel()
	for name, c := range charts(t) {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		if err := e.Encode(struct {
			Chart picture.Chart `json:"chart"`
			Alt   string        `json:"alt"`
		}{c, c.Alt()}); err != nil {
			t.Fatal(err)
		}
		path := "testdata/" + name + ".golden.json"
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// The parts of a row are the whole time of the refresh: nothing is left out and nothing counts twice.
func TestRowsAddUp(t *testing.T) {
	t.Parallel()
	for name, c := range charts(t) {
		for _, r := range c.Rows {
			var took, waited time.Duration
			for _, s := range r.After {
				took += s.Took
				if s.Kind == picture.People {
					waited += s.Took
				}
				if s.Shown > s.Took || s.Shown <= 0 {
					t.Errorf("%s, %s: %+v", name, r.Name, s)
				}
			}
			if took != r.Took || waited != r.Waited {
				t.Errorf("%s, %s: parts of %v, waited %v; want %v and %v", name, r.Name, took, waited, r.Took, r.Waited)
			}
			if r.Down > 0 && !(0 < r.Offline[0] && r.Offline[0] < r.Offline[1]) {
				t.Errorf("%s, %s: offline %v", name, r.Name, r.Offline)
			}
		}
	}
}

func TestNoPictureWhereNothingWasCopied(t *testing.T) {
	t.Parallel()
	p := usual()
	p.notice = -1
	if _, ok := picture.Build(life(t, "r", friday, p), history.Past{}, nil); ok {
		t.Error("a refresh that was rejected has a picture")
	}
	r := life(t, "r", friday, usual())
	r.Status, r.EndedAt = refresh.Running, time.Time{}
	if _, ok := picture.Build(r, history.Past{}, nil); ok {
		t.Error("a refresh that goes on has a picture")
	}
}

// Each picture can be read by a program too: as a PNG of a size that Slack previews, on a white ground, with words
// for those who do not see it.
func TestPNG(t *testing.T) {
	t.Parallel()
	for name, c := range charts(t) {
		data, err := c.PNG()
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		size := m.Bounds().Size()
		if r, g, b, a := m.At(0, 0).RGBA(); size.X < 1000 || size.X > 2000 || size.Y < 300 || size.Y > size.X || len(data) > 300<<10 || r&g&b&a != 0xffff {
			t.Errorf("%s: %v, %d bytes", name, size, len(data))
		}
		if alt := c.Alt(); !strings.Contains(alt, "This one took") || !strings.Contains(alt, "people were waited for") || utf8.RuneCountInString(alt) > 1000 {
			t.Errorf("%s: alternative text %q", name, alt)
		}
		if dir := os.Getenv("PICTURES"); dir != "" { // to look at
			if err := os.WriteFile(fmt.Sprintf("%s/%s.png", dir, name), data, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestHostileNamesFit(t *testing.T) {
	t.Parallel()
	r := life(t, "r", friday, usual())
	r.Target.Name, r.Source.Name = strings.Repeat("uat \x00\xff<!channel> 🎉", 50), strings.Repeat("p", 500)
	c, ok := picture.Build(r, history.Past{}, nil)
	if _, err := c.PNG(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if !utf8.ValidString(c.Alt()) || len(c.Alt()) > 2000 {
		t.Errorf("alternative text %q", c.Alt())
	}
}
