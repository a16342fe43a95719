package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"time"

	"refreshbot/jobs/refresh"
)

// Places, in pixels. Slack shows a preview of about a third of this width, so letters are large.
const (
	width     = 1400
	margin    = 40
	leftName  = 250 // for the names of the rows
	rightSums = 230 // for what each took
	barHigh   = 56
	rowHigh   = 122
	top       = 138
)

// swatch is how a stretch of time is filled: a colour and a pattern, since a colour alone says nothing to many people.
type swatch struct {
	fill, ink color.RGBA
	letters   color.RGBA
	pattern   func(x, y int) bool
}

// How the phases and the waits look. The picture has a white ground of its own, so it reads alike in both of Slack's
// themes.
func swatchOf(phase refresh.Phase, kind Kind) swatch {
	switch kind {
	case People:
		return swatch{fill: white, ink: hex(0xb3261e), letters: hex(0x7a1710), pattern: func(x, y int) bool { return (x+y)%14 < 4 }}
	case Clock:
		return swatch{fill: white, ink: hex(0x8a8f98), letters: black, pattern: func(x, y int) bool { return x%10 < 2 && y%10 < 2 }}
	}
	switch phase {
	case refresh.PhaseRefresh:
		return swatch{fill: hex(0x174a72), ink: hex(0x174a72), letters: white, pattern: nothing}
	case refresh.PhaseSignOff:
		return swatch{fill: hex(0xf3d37a), ink: hex(0x7a5a00), letters: black, pattern: func(x, y int) bool { return x%12 < 4 && y%12 < 4 }}
	case refresh.PhaseReconfigure:
		return swatch{fill: hex(0x9fd0ae), ink: hex(0x1e6b39), letters: black, pattern: func(_, y int) bool { return y%12 < 3 }}
	case refresh.PhaseOpen:
		return swatch{fill: hex(0xd3b8e0), ink: hex(0x5c2d74), letters: black, pattern: func(x, _ int) bool { return x%10 < 3 }}
	}
	return swatch{fill: hex(0xd5dde3), ink: hex(0xd5dde3), letters: black, pattern: nothing}
}

func nothing(int, int) bool { return false }

var (
	white = color.RGBA{255, 255, 255, 255}
	black = color.RGBA{0x1d, 0x1c, 0x1d, 255}
	grey  = color.RGBA{0x5c, 0x60, 0x66, 255}
	tint  = color.RGBA{0xee, 0xf3, 0xf8, 255}
	pale  = color.RGBA{0xb8, 0xbd, 0xc4, 255}
)

func hex(c uint32) color.RGBA {
	return color.RGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 255} //nolint:gosec // the bytes of a colour
}

// PNG draws the chart.
func (c Chart) PNG() ([]byte, error) {
	pens, err := newPens()
	if err != nil {
		return nil, err
	}
	d := &drawing{pens: pens, m: image.NewRGBA(image.Rect(0, 0, width, c.height()))}
	d.rect(d.m.Rect, white)
	d.text(margin, 58, pens.title, black, pens.title.clip(c.Title, width-2*margin))
	d.text(margin, 100, pens.plain, black, pens.plain.clip(c.Sum, width-2*margin))
	before, after := c.extent()
	left := margin + leftName
	perSecond := float64(width-margin-rightSums-left) / max((before+after).Seconds(), 1)
	start := left + int(before.Seconds()*perSecond) // where every copy begins
	bottom := top + len(c.Rows)*rowHigh
	d.rect(image.Rect(margin-20, top-16, width-margin+20, top+rowHigh-18), tint)
	d.dashes(start, top-14, bottom-14)
	for i, r := range c.Rows {
		d.row(r, i == 0, top+i*rowHigh, start, perSecond)
	}
	d.text(start+8, bottom+8, pens.small, grey, "the copy starts here")
	d.scale(bottom+8, perSecond)
	d.legend(bottom + 40)
	var out bytes.Buffer
	if err := png.Encode(&out, d.m); err != nil {
		return nil, fmt.Errorf("encode the picture: %w", err)
	}
	return out.Bytes(), nil
}

func (c Chart) height() int { return top + len(c.Rows)*rowHigh + 150 }

// extent is how much time is shown at most before a copy, and from it on.
func (c Chart) extent() (before, after time.Duration) {
	for _, r := range c.Rows {
		before, after = max(before, shown(r.Before)), max(after, shown(r.After))
	}
	return before, after
}

func shown(all []Segment) (d time.Duration) {
	for _, s := range all {
		d += s.Shown
	}
	return d
}

func (d *drawing) row(r Row, this bool, y, start int, perSecond float64) {
	face := d.pens.plain
	if this {
		face = d.pens.bold
	}
	d.text(margin, y+26, face, black, r.Name)
	d.text(margin, y+54, d.pens.small, grey, r.When)
	x := float64(start) - shown(r.Before).Seconds()*perSecond
	for _, list := range [][]Segment{r.Before, r.After} {
		for _, s := range list {
			to := x + s.Shown.Seconds()*perSecond
			d.segment(s, image.Rect(int(x), y, max(int(to), int(x)+2), y+barHigh))
			x = to
		}
	}
	end := int(x)
	if r.Down > 0 {
		from, to := start+int(r.Offline[0]*perSecond), start+int(r.Offline[1]*perSecond)
		d.offline(from, max(to, from+4), y+barHigh+8, "offline "+span(r.Down))
	}
	d.text(end+14, y+26, d.pens.bold, black, span(r.Took))
	note := span(r.Waited) + " waiting"
	if r.Ending != "" {
		note = "ended: " + r.Ending
	}
	d.text(end+14, y+54, d.pens.small, grey, note)
}

// segment draws a stretch, with as much of its name as there is room for.
func (d *drawing) segment(s Segment, at image.Rectangle) {
	look := swatchOf(s.Phase, s.Kind)
	d.fill(at, look)
	label := span(s.Took)
	room := at.Dx()
	if s.Cut() { // the mark of it stands at the end
		room -= 44
	}
	for _, l := range []string{s.Phase.Title() + " " + label, label} {
		if s.Kind == Clock && l != label {
			continue // it is part of no work
		}
		if w := d.pens.small.width(l); w+14 <= room {
			x, y := at.Min.X+(room-w)/2, at.Min.Y+barHigh/2+8
			d.rect(image.Rect(x-5, y-21, x+w+5, y+7), look.fill) // letters stand on the plain colour
			d.text(x, y, d.pens.small, look.letters, l)
			break
		}
	}
	if s.Cut() {
		d.broken(at.Max.X-26, at)
	}
}

// offline draws when the target was offline: a bar with ends, and what it means.
func (d *drawing) offline(from, to, y int, label string) {
	d.rect(image.Rect(from, y+4, to, y+9), black)
	d.rect(image.Rect(from, y, from+3, y+13), black)
	d.rect(image.Rect(to-3, y, to, y+13), black)
	d.text(from, y+36, d.pens.small, black, label)
}

// scale draws how long an hour is, or less where an hour has no room.
func (d *drawing) scale(y int, perSecond float64) {
	for _, unit := range []time.Duration{24 * time.Hour, 6 * time.Hour, time.Hour, 15 * time.Minute, 5 * time.Minute, time.Minute, 10 * time.Second, time.Second} {
		long := int(unit.Seconds() * perSecond)
		if long > 260 || long < 4 {
			continue
		}
		d.rect(image.Rect(margin, y-6, margin+long, y-2), grey)
		d.rect(image.Rect(margin, y-12, margin+3, y+4), grey)
		d.rect(image.Rect(margin+long-3, y-12, margin+long, y+4), grey)
		d.text(margin+long+12, y+2, d.pens.small, grey, span(unit))
		return
	}
}

// legend names what the patterns mean.
func (d *drawing) legend(y int) {
	type entry struct {
		phase refresh.Phase
		kind  Kind
		words string
	}
	x := margin
	entries := []entry{}
	for _, phase := range refresh.Phases() {
		entries = append(entries, entry{phase, Work, phase.Title()})
	}
	entries = append(entries, entry{"", People, "waiting for people"}, entry{"", Clock, "waiting for its time"})
	for _, e := range entries {
		w := 58 + d.pens.small.width(e.words) + 34
		if x+w > width-margin+34 {
			x, y = margin, y+50
		}
		d.fill(image.Rect(x, y, x+48, y+32), swatchOf(e.phase, e.kind))
		d.text(x+58, y+24, d.pens.small, black, e.words)
		x += w
	}
	d.broken(x+24, image.Rect(x, y, x+48, y+32))
	d.text(x+58, y+24, d.pens.small, black, "cut short")
}
