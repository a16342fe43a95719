package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// pens are the letters of the picture. Faces keep state, so each drawing has its own.
type pens struct{ title, bold, plain, small pen }

type pen struct{ face font.Face }

func newPens() (p pens, err error) {
	for _, want := range []struct {
		to   *pen
		ttf  []byte
		size float64
	}{{&p.title, gobold.TTF, 34}, {&p.bold, gobold.TTF, 26}, {&p.plain, goregular.TTF, 26}, {&p.small, goregular.TTF, 22}} {
		f, err := opentype.Parse(want.ttf)
		if err != nil {
			return p, fmt.Errorf("read the letters of the picture: %w", err)
		}
		if want.to.face, err = opentype.NewFace(f, &opentype.FaceOptions{Size: want.size, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return p, fmt.Errorf("prepare the letters of the picture: %w", err)
		}
	}
	return p, nil
}

func (p pen) width(s string) int { return font.MeasureString(p.face, s).Ceil() }

// clip shortens a text to what has room.
func (p pen) clip(s string, room int) string {
	if p.width(s) <= room {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && p.width(string(r)+"…") > room {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

type drawing struct {
	pens pens
	m    *image.RGBA
}

func (d *drawing) rect(at image.Rectangle, c color.RGBA) {
	draw.Draw(d.m, at, image.NewUniform(c), image.Point{}, draw.Src)
}

// fill draws a pattern with a border. A stretch too short for both is its ink alone, so that it is seen.
func (d *drawing) fill(at image.Rectangle, look swatch) {
	if at.Dx() < 6 {
		d.rect(at, look.ink)
		return
	}
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			c := look.fill
			if border := x < at.Min.X+2 || x >= at.Max.X-2 || y < at.Min.Y+2 || y >= at.Max.Y-2; border || look.pattern(x-at.Min.X, y-at.Min.Y) {
				c = look.ink
			}
			d.m.SetRGBA(x, y, c)
		}
	}
}

// broken draws the mark of something that is drawn shorter than it was: two slanted strokes.
func (d *drawing) broken(middle int, at image.Rectangle) {
	for y := at.Min.Y - 6; y < at.Max.Y+6; y++ {
		slant := (at.Max.Y - y) / 4
		d.rect(image.Rect(middle-9+slant, y, middle+9+slant, y+1), white)
		d.rect(image.Rect(middle-12+slant, y, middle-9+slant, y+1), black)
		d.rect(image.Rect(middle+9+slant, y, middle+12+slant, y+1), black)
	}
}

func (d *drawing) dashes(x, from, to int) {
	for y := from; y < to; y += 12 {
		d.rect(image.Rect(x, y, x+2, min(y+7, to)), pale)
	}
}

func (d *drawing) text(x, y int, p pen, c color.RGBA, s string) {
	w := font.Drawer{Dst: d.m, Src: image.NewUniform(c), Face: p.face, Dot: fixed.P(x, y)}
	w.DrawString(s)
}
