package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
)

// Markdown is the report for people: CommonMark with the tables of GitHub. Times are shown in zone; nil is UTC.
// What came from outside is escaped and cut; the JSON has all of it.
func (r Report) Markdown(zone *time.Location) []byte {
	if zone == nil {
		zone = time.UTC
	}
	p := &page{zone: zone, names: map[string]string{}}
	for _, s := range r.Steps {
		p.names[s.ID] = s.Name
	}
	p.line("# Refresh of %s from %s", esc(r.Asked.Target.Name), esc(r.Asked.Source.Name))
	p.line("**%s**", p.outcome(r))
	if !r.Restored.IsZero() {
		p.line("Restored from a backup of %s: what happened between then and the restore is not in this report.", p.at(r.Restored))
	}
	p.overview(r)
	p.phases(r)
	p.decisions(r)
	p.gates(r)
	p.steps(r)
	p.attempts(r)
	p.findings(r)
	p.users(r)
	p.skipped(r)
	p.byHand(r)
	p.snapshot(r)
	p.heading("Journal")
	p.line("Made from %d journal entries. The hash of the last one is `%s`; it covers all of them.", r.Journal.Entries, r.Journal.Head)
	return []byte(strings.TrimRight(p.b.String(), "\n") + "\n")
}

// page collects the text.
type page struct {
	b     strings.Builder
	zone  *time.Location
	names map[string]string // of the steps, by id
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n\n", args...) }

func (p *page) heading(title string) { p.line("## %s", title) }

// table writes rows whose cells are already escaped; nothing when there are none.
func (p *page) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	write := func(cells []string) { p.b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	write(head)
	p.b.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, row := range rows {
		write(row)
	}
	p.b.WriteString("\n")
}

func (p *page) at(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(p.zone).Format("2 Jan 2006 15:04:05 MST")
}

func (p *page) step(id string) string {
	if name := p.names[id]; name != "" {
		return esc(name)
	}
	return esc(id)
}

func (p *page) outcome(r Report) string {
	why := ""
	if r.Why != "" {
		why = ": " + esc(r.Why)
	}
	by := ""
	if r.EndedBy != nil {
		by = " by " + person(*r.EndedBy)
	}
	switch r.Status {
	case refresh.Done:
		return fmt.Sprintf("Done: %d users can sign in.", len(r.Users.Enabled))
	case refresh.Failed:
		if by != "" {
			by = ", stopped" + by
		}
		return "Failed" + by + why
	case refresh.Cancelled:
		return "Cancelled" + by + why
	case refresh.Rejected:
		return "Rejected" + by + why
	case refresh.Expired:
		return "Expired" + why
	}
	return "Not over yet: this is the report so far."
}

func (p *page) overview(r Report) {
	rows := [][]string{
		{"Refresh", "`" + string(r.Refresh) + "`"},
		{"Asked for by", person(r.Asked.By) + ", " + p.at(r.Asked.At)},
	}
	add := func(label, value string) { rows = append(rows, []string{label, value}) }
	if r.Asked.Reason != "" {
		add("Why", esc(r.Asked.Reason))
	}
	add("Source", environment(r.Asked.Source))
	add("Target", environment(r.Asked.Target))
	if !r.Asked.StartAt.IsZero() {
		add("To start", p.at(r.Asked.StartAt))
	}
	if r.EndedAt.IsZero() {
		add("So far", span(r.Seconds))
	} else {
		add("Took", fmt.Sprintf("%s, until %s", span(r.Seconds), p.at(r.EndedAt)))
	}
	if d := r.Downtime; !d.AnnouncedFrom.IsZero() {
		moved := ""
		if d.Moved > 0 {
			moved = fmt.Sprintf(" (moved %s)", times(d.Moved))
		}
		add("Downtime announced", p.at(d.AnnouncedFrom)+" to "+p.at(d.AnnouncedTo)+moved)
	}
	switch d := r.Downtime; {
	case !d.OfflineAt.IsZero() && !d.OnlineAt.IsZero():
		add("Downtime", fmt.Sprintf("%s, %s to %s", span(d.Seconds), p.at(d.OfflineAt), p.at(d.OnlineAt)))
	case !d.OfflineAt.IsZero():
		add("Downtime", "since "+p.at(d.OfflineAt)+"; it was not seen to answer again")
	case r.Copy != nil:
		add("Downtime", "none was seen")
	}
	if r.Copy != nil {
		add("Copy", p.copied(*r.Copy))
	}
	add("Waited for people", span(r.Waited))
	p.table([]string{"", ""}, rows)
}

func (p *page) copied(c Copy) string {
	says := "LCS said nothing about it"
	if len(c.History) > 0 {
		var said []string
		for _, s := range c.History {
			said = append(said, fmt.Sprintf("%s (%s)", esc(string(s.Status)), s.At.In(p.zone).Format("15:04")))
		}
		says = "LCS said " + strings.Join(said, ", ")
	}
	switch c.Learnt {
	case LearntReply:
		return fmt.Sprintf("operation %s, as LCS answered at %s; %s", esc(c.Operation), p.at(c.AcceptedAt), says)
	case LearntAdopted:
		return fmt.Sprintf("operation %s: the answer was lost and it was found in the history of LCS at %s; %s", esc(c.Operation), p.at(c.AcceptedAt), says)
	}
	return "no operation of this refresh is known; " + says
}

func (p *page) phases(r Report) {
	var rows [][]string
	for _, ph := range r.Phases {
		if ph.StartedAt.IsZero() {
			rows = append(rows, []string{ph.Phase.Title(), "not begun", "–", "–"})
			continue
		}
		end := p.at(ph.EndedAt)
		if !ph.Finished {
			end += " (not finished)"
		}
		rows = append(rows, []string{ph.Phase.Title(), p.at(ph.StartedAt), end, span(ph.Seconds)})
	}
	p.heading("Phases")
	p.table([]string{"Phase", "From", "To", "Took"}, rows)
}

func (p *page) decisions(r Report) {
	if len(r.Decisions) == 0 {
		return
	}
	var rows [][]string
	for _, d := range r.Decisions {
		what := decided(d.Action)
		if d.To != (refresh.Person{}) {
			what += " to " + person(d.To)
		}
		rows = append(rows, []string{p.at(d.At), person(d.By), what, orDash(p.step(d.Step)), orDash(esc(d.Reason))})
	}
	p.heading("Decisions")
	p.table([]string{"When", "Who", "What", "Step", "Reason"}, rows)
}

func (p *page) gates(r Report) {
	if len(r.Gates) == 0 {
		return
	}
	var rows [][]string
	for _, g := range r.Gates {
		rows = append(rows, []string{asks(g.Kind), p.step(g.Step), p.at(g.OpenedAt), span(g.Waited), closed(g.Outcome), orDash(esc(g.Question))})
	}
	p.heading("Questions")
	p.table([]string{"Question", "Step", "Asked", "Open for", "Outcome", "Asked because"}, rows)
}

func (p *page) steps(r Report) {
	var rows [][]string
	for _, s := range r.Steps {
		outcome := stands(s.Status)
		if s.EndedBy != nil {
			outcome += " by " + person(*s.EndedBy)
		}
		took := "–"
		if !s.EndedAt.IsZero() {
			took = span(s.Seconds)
		}
		tried := "–"
		if n := len(s.Attempts); n > 0 {
			tried = fmt.Sprint(n)
		}
		rows = append(rows, []string{s.Phase.Title(), p.step(s.ID), outcome, p.at(s.StartedAt), took, tried, orDash(esc(s.Note))})
	}
	p.heading("Steps")
	p.table([]string{"Phase", "Step", "Outcome", "From", "Took", "Attempts", "Note"}, rows)
}

// attempts are those that did not simply work.
func (p *page) attempts(r Report) {
	var rows [][]string
	for _, s := range r.Steps {
		for _, a := range s.Attempts {
			if a.Result == Succeeded {
				continue
			}
			rows = append(rows, []string{p.step(s.ID), fmt.Sprint(a.Number), p.at(a.StartedAt), result(a.Result), orDash(esc(a.Why))})
		}
	}
	if len(rows) > 0 {
		p.heading("Attempts that did not simply work")
		p.table([]string{"Step", "Attempt", "When", "Result", "Why"}, rows)
	}
}

func (p *page) findings(r Report) {
	var rows [][]string
	for _, s := range r.Steps {
		for _, f := range s.Findings {
			if s.Kind == refresh.KindVerify && f.OK {
				continue // the users, below
			}
			rows = append(rows, []string{p.step(s.ID), mark(f.OK), esc(f.Name), orDash(esc(f.Detail))})
		}
	}
	if len(rows) > 0 {
		p.heading("Findings")
		p.table([]string{"Step", "", "What", "Detail"}, rows)
	}
}

func (p *page) users(r Report) {
	u := r.Users
	if len(u.Enabled)+len(u.Planned)+len(u.HandedIn) == 0 {
		return
	}
	p.heading("Users")
	p.line("**Can sign in (%d):** %s", len(u.Enabled), names(u.Enabled))
	var without []string
	for _, id := range u.Planned {
		if !slices.ContainsFunc(u.Enabled, func(in string) bool { return strings.EqualFold(in, id) }) {
			without = append(without, id)
		}
	}
	if len(without) > 0 {
		p.line("**Planned and not seen to be enabled (%d):** %s", len(without), names(without))
	}
	for _, h := range u.HandedIn {
		p.line("**Handed in by %s, %s, from %s (%d):** %s", person(h.By), p.at(h.At), esc(h.From), len(h.Names), names(h.Names))
	}
}

func (p *page) skipped(r Report) {
	if len(r.Skipped) == 0 {
		return
	}
	var rows [][]string
	for _, s := range r.Skipped {
		rows = append(rows, []string{p.at(s.At), p.step(s.Step), person(s.By), orDash(esc(s.Why))})
	}
	p.heading("Skipped")
	p.table([]string{"When", "Step", "By", "Why"}, rows)
}

func (p *page) byHand(r Report) {
	var rows [][]string
	for _, h := range r.ByHand {
		if h.Status == refresh.Pending && !r.EndedAt.IsZero() {
			continue // nobody was asked
		}
		by := "–"
		if h.By != nil {
			by = person(*h.By)
		}
		rows = append(rows, []string{p.step(h.Step), stands(h.Status), by, p.at(h.At), orDash(esc(h.Text))})
	}
	if len(rows) == 0 {
		return
	}
	p.heading("By hand")
	p.table([]string{"Step", "Status", "By", "When", "What had to be done"}, rows)
}

func (p *page) snapshot(r Report) {
	s := r.Snapshot
	if s == nil {
		return
	}
	var rows [][]string
	for _, area := range slices.Sorted(maps.Keys(s.Counts)) {
		rows = append(rows, []string{esc(area), fmt.Sprint(s.Counts[area])})
	}
	for _, area := range slices.Sorted(maps.Keys(s.Unread)) {
		rows = append(rows, []string{esc(area), "could not be read: " + esc(s.Unread[area])})
	}
	p.heading("Settings of the target itself")
	p.line("Remembered before the copy, %s, in journal entry %d.", p.at(s.At), s.Entry)
	p.table([]string{"Area", "Records"}, rows)
}
