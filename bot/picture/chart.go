// Package picture draws how a refresh went beside the ones before it: which phase took how long, how long people were
// waited for, and when the target was offline.
package picture

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/history"
	"refreshbot/jobs/refresh"
)

// mostBefore is how many earlier refreshes stand below the one that is drawn.
const mostBefore = 5

// Kind says what a stretch of time was spent on.
type Kind string

// The kinds.
const (
	Work   Kind = "work"
	People Kind = "people" // a question was open to people
	Clock  Kind = "clock"  // the start time or the end of the notice was waited for
)

// Segment is a stretch of one phase.
type Segment struct {
	Phase refresh.Phase `json:"phase"`
	Kind  Kind          `json:"kind"`
	Took  time.Duration `json:"took"`
	Shown time.Duration `json:"shown"` // shorter than Took for a long wait, which would leave no room for the rest
}

// Cut reports whether the segment is drawn shorter than it was.
func (s Segment) Cut() bool { return s.Shown < s.Took }

// Row is one refresh. What came before the copy and what came after it are kept apart, so that the copies of all rows
// begin at the same place.
type Row struct {
	Name    string        `json:"name"`
	When    string        `json:"when"`
	Before  []Segment     `json:"before"`
	After   []Segment     `json:"after"`
	Took    time.Duration `json:"took"`   // from the request for the copy to the end
	Waited  time.Duration `json:"waited"` // for people, in that time
	Offline [2]float64    `json:"offline"`
	Down    time.Duration `json:"down"` // zero: it was not seen to go offline and come back
	Ending  string        `json:"ending,omitempty"`
}

// Chart is what the picture shows.
type Chart struct {
	Title string `json:"title"`
	Sum   string `json:"sum"` // the whole picture in a sentence
	Rows  []Row  `json:"rows"`
}

// Build makes the chart of a refresh that has ended. It is false for one whose copy was never asked for: there is
// nothing to compare.
func Build(r refresh.Refresh, past history.Past, zone *time.Location) (Chart, bool) {
	if !r.Status.Ended() || r.Copy.SentAt.IsZero() {
		return Chart{}, false
	}
	if zone == nil {
		zone = time.UTC
	}
	c := Chart{
		Title: fmt.Sprintf("Refresh of %s from %s, %s", short(r.Target.Name), short(r.Source.Name), r.RequestedAt.In(zone).Format("2 January 2006")),
		Rows:  []Row{row(r, zone)},
	}
	c.Rows[0].Name = "This one"
	for _, old := range past.Done[:min(len(past.Done), mostBefore)] {
		c.Rows = append(c.Rows, row(old, zone))
	}
	c.cut()
	for i, src := range append([]refresh.Refresh{r}, past.Done...)[:len(c.Rows)] {
		c.Rows[i].offline(src)
	}
	c.Sum = sum(c.Rows[0], r, past)
	return c, true
}

func sum(this Row, r refresh.Refresh, past history.Past) string {
	s := fmt.Sprintf("From the start of the copy to the users: %s", span(this.Took))
	if r.Status != refresh.Done {
		s = fmt.Sprintf("It ended as %s %s after the start of the copy", r.Status, span(this.Took))
	}
	switch whole := past.Whole(); {
	case whole.N == 0:
		return s + ". There is no earlier one to compare it with."
	case whole.N == 1:
		return fmt.Sprintf("%s; last time %s.", s, span(whole.Median))
	case whole.Quartiles():
		return fmt.Sprintf("%s; usually %s to %s (%d before).", s, span(whole.Low), span(whole.High), whole.N)
	default:
		return fmt.Sprintf("%s; before that %s to %s (%d).", s, span(whole.Low), span(whole.High), whole.N)
	}
}

func row(r refresh.Refresh, zone *time.Location) Row {
	out := Row{Name: r.RequestedAt.In(zone).Format("2 Jan 2006"), When: r.Copy.SentAt.In(zone).Format("Mon, copy at 15:04"), Took: r.EndedAt.Sub(r.Copy.SentAt)}
	if r.Status != refresh.Done {
		out.Ending = string(r.Status)
	}
	if c := r.Copy; !c.OfflineAt.IsZero() && c.OnlineAt.After(c.OfflineAt) {
		out.Down = c.OnlineAt.Sub(c.OfflineAt)
	}
	for _, s := range stretches(r) {
		seg := Segment{Phase: s.phase, Kind: s.kind, Took: s.to.Sub(s.from)}
		seg.Shown = seg.Took
		if !s.from.Before(r.Copy.SentAt) {
			out.After = append(out.After, seg)
			if s.kind == People {
				out.Waited += seg.Took
			}
		} else {
			out.Before = append(out.Before, seg)
		}
	}
	return out
}

type stretch struct {
	from, to time.Time
	phase    refresh.Phase
	kind     Kind
}

// stretches cuts the time of a refresh, without a gap, at every change of phase and of what was waited for.
func stretches(r refresh.Refresh) []stretch {
	began := map[refresh.Phase]time.Time{}
	edges := []time.Time{r.RequestedAt, r.Copy.SentAt, r.EndedAt}
	for _, phase := range refresh.Phases() {
		if from, _ := history.PhaseOf(r, phase); !from.IsZero() {
			began[phase] = from
			edges = append(edges, from)
		}
	}
	waits, pauses := history.Waits(r), history.Pauses(r)
	for _, w := range slices.Concat(waits, pauses) {
		edges = append(edges, w.From, w.To)
	}
	slices.SortFunc(edges, time.Time.Compare)
	var all []stretch
	for i := 1; i < len(edges); i++ {
		from, to := edges[i-1], edges[i]
		if from.Before(r.RequestedAt) || to.After(r.EndedAt) || !to.After(from) {
			continue
		}
		s := stretch{from: from, to: to, phase: refresh.PhasePrepare, kind: Work}
		for _, phase := range refresh.Phases() {
			if at, ok := began[phase]; ok && !at.After(from) {
				s.phase = phase
			}
		}
		switch {
		case covers(waits, from):
			s.kind = People
		case covers(pauses, from):
			s.kind = Clock
		}
		if n := len(all); n > 0 && all[n-1].phase == s.phase && all[n-1].kind == s.kind && !from.Equal(r.Copy.SentAt) {
			all[n-1].to = to
			continue
		}
		all = append(all, s)
	}
	return all
}

func covers(all []history.Interval, at time.Time) bool {
	return slices.ContainsFunc(all, func(w history.Interval) bool { return !at.Before(w.From) && at.Before(w.To) })
}

// cut shortens the waits that are longer than a quarter of the longest work after a copy: a night until the sign-off
// must not press the rest together.
func (c Chart) cut() {
	var most time.Duration
	for _, r := range c.Rows {
		most = max(most, r.Took-r.Waited)
	}
	limit := max(most/4, time.Second)
	for _, r := range c.Rows {
		for _, list := range [][]Segment{r.Before, r.After} {
			for i, s := range list {
				if s.Kind != Work || s.Phase == refresh.PhasePrepare {
					list[i].Shown = min(s.Took, limit)
				}
			}
		}
	}
}

// offline notes where the target was offline, counted from the copy in the time that is shown, in seconds.
func (r *Row) offline(src refresh.Refresh) {
	if r.Down == 0 {
		return
	}
	at := func(t time.Time) float64 {
		left, place := t.Sub(src.Copy.SentAt), time.Duration(0)
		for _, s := range r.After {
			if left <= s.Took {
				return (place + time.Duration(float64(left)/float64(s.Took)*float64(s.Shown))).Seconds()
			}
			left, place = left-s.Took, place+s.Shown
		}
		return place.Seconds()
	}
	r.Offline = [2]float64{at(src.Copy.OfflineAt), at(src.Copy.OnlineAt)}
}

// Alt is the picture in words, for those who do not see it.
func (c Chart) Alt() string {
	lines := []string{c.Title + ". " + c.Sum}
	for i, r := range c.Rows {
		name := "The one of " + r.Name
		if i == 0 {
			name = "This one"
		}
		var parts []string
		for _, phase := range refresh.Phases()[1:] {
			var took time.Duration
			for _, s := range r.After {
				if s.Phase == phase {
					took += s.Took
				}
			}
			if took > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", phase.Title(), span(took)))
			}
		}
		l := fmt.Sprintf("%s took %s: %s; people were waited for %s", name, span(r.Took), strings.Join(parts, ", "), span(r.Waited))
		if r.Down > 0 {
			l += ", and it was offline for " + span(r.Down)
		}
		if r.Ending != "" {
			l += "; it ended as " + r.Ending
		}
		lines = append(lines, l+".")
	}
	alt := []rune(strings.Join(lines, " "))
	const longest = 1000 // what Slack's page names for the description of an image
	return string(alt[:min(len(alt), longest)])
}

// short is a name from outside that has to fit into a line.
func short(name string) string {
	r := []rune(strings.Join(strings.Fields(name), " "))
	if len(r) > 30 {
		return string(r[:29]) + "…"
	}
	return string(r)
}

// span is a length of time in words, in days when it is long.
func span(d time.Duration) string {
	if h := int(d.Round(time.Minute).Hours()); h >= 48 {
		return fmt.Sprintf("%d d %d h", h/24, h%24)
	}
	return refresh.Span(d)
}
