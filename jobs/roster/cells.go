package roster

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"refreshbot/jobs/refresh"
)

// cell is what the XML of a sheet says of a cell besides the text that excelize makes of it. Element and attribute
// names are from ECMA-376, part 1, section 18.3.1.
type cell struct {
	row      int
	kind     string // t: s, str, inlineStr, b, d, e, n; "" is n
	style    int    // s
	formula  bool   // f
	value    string // v
	hasValue bool
}

// checkCells goes over the column of the names a second time. excelize's Rows gives only text, which does not tell a
// date from a number, an error from a comment or a formula without a result from a blank; nor does it notice
// when the XML breaks off. Its other functions, which do tell, build the whole sheet in memory, every
// blank cell included.
func checkCells(ctx context.Context, f *excelize.File, part []byte, l *list) error {
	column, err := excelize.ColumnNumberToName(l.col + 1)
	if err != nil {
		return damaged(l.file, err)
	}
	formats := make(map[int]numberFormat)
	i := 0
	visit := func(c cell) error {
		if c.row < l.first {
			return nil
		}
		for i < len(l.rows) && l.rows[i] < c.row {
			i++
		}
		where := fmt.Sprintf("%s, cell %s%d", l.file, column, c.row)
		switch {
		case c.kind == "e":
			return invalid(nil, "%s holds the error %s; correct it or clear the cell.", where, clean(c.value))
		case c.formula && (!c.hasValue || c.value == "" && c.kind != "str"):
			return invalid(nil, "%s holds a formula without a result; open the file in Excel and save it again, or paste the names as values.", where)
		case c.kind == "d":
			return looksLikeDate(where)
		case c.kind == "s" && c.hasValue:
			if n, err := strconv.Atoi(strings.TrimSpace(c.value)); err != nil || n < 0 || f.SharedStrings == nil || n >= len(f.SharedStrings.SI) {
				return damaged(l.file, fmt.Errorf("shared string %q in row %d", c.value, c.row))
			}
		}
		if i == len(l.rows) || l.rows[i] != c.row {
			return nil
		}
		switch {
		case c.kind == "b" && c.value == "1":
			l.names[i].Text = "TRUE"
		case c.kind == "b":
			l.names[i].Text = "FALSE"
		case (c.kind == "" || c.kind == "n") && c.value != "":
			if _, ok := formats[c.style]; !ok {
				formats[c.style] = formatOf(f, c.style)
			}
			text, err := number(where, strings.TrimSpace(c.value), formats[c.style])
			if err != nil {
				return err
			}
			l.names[i].Text = text
		}
		return nil
	}
	d := xml.NewDecoder(bytes.NewReader(part))
	d.CharsetReader = f.CharsetReader
	covered, err := scan(ctx, d, l.col+1, visit)
	if err != nil {
		if _, ok := errors.AsType[*refresh.Error](err); ok {
			return err
		}
		if err := stopped(ctx, l.file); err != nil {
			return err
		}
		return damaged(l.file, err)
	}
	l.drop(covered)
	return nil
}

// drop takes out the names of rows whose cell lies hidden under a merged one.
func (l *list) drop(covered []int32) {
	if covered == nil {
		return
	}
	kept, row, depth := 0, 0, int32(0)
	for i, r := range l.rows {
		for ; row <= r; row++ {
			depth += covered[row]
		}
		if depth == 0 {
			l.names[kept], l.rows[kept] = l.names[i], r
			kept++
		}
	}
	l.names, l.rows = l.names[:kept], l.rows[:kept]
}

// scan reads the XML of a sheet and calls visit for each cell of a column, counted from 1, from the top down. It
// refuses what it cannot place, so that no name moves to another row or column. It returns where merged cells
// cover the column: at each row, how many more do so than at the row above; nil when none does.
func scan(ctx context.Context, d *xml.Decoder, column int, visit func(cell) error) ([]int32, error) {
	var (
		row, col int
		c        cell
		covered  []int32
		value    []byte
		inValue  bool
	)
	for n := 1; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return covered, nil
		}
		if err != nil {
			return nil, fmt.Errorf("after row %d: %w", row, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "row":
				if row, err = following(row, attribute(t, "r"), strconv.Atoi); err != nil {
					return nil, fmt.Errorf("row %d: %w", row, err)
				}
				col = 0
			case "c":
				if col, err = following(col, attribute(t, "r"), columnOf); err != nil {
					return nil, fmt.Errorf("row %d: %w", row, err)
				}
				c, value = cell{row: row, kind: attribute(t, "t")}, value[:0]
				c.style, _ = strconv.Atoi(attribute(t, "s")) // none is 0
			case "f":
				c.formula = true
			case "v":
				c.hasValue, inValue = true, true
			case "mergeCell":
				if covered, err = cover(covered, attribute(t, "ref"), column); err != nil {
					return nil, err
				}
			}
		case xml.CharData:
			if inValue && col == column {
				value = append(value, t...)
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "v":
				inValue = false
			case "c":
				if col == column {
					c.value = string(value)
					if err := visit(c); err != nil {
						return nil, err
					}
				}
			}
		}
	}
}

var errOrder = errors.New("out of order")

// following returns the number that a row or cell gives itself, else the one after the last. Numbers go up.
func following(last int, text string, parse func(string) (int, error)) (int, error) {
	if text == "" {
		return last + 1, nil
	}
	n, err := parse(text)
	if err == nil && (n <= last || n > excelize.TotalRows) {
		err = errOrder
	}
	return n, err
}

func columnOf(ref string) (int, error) {
	col, _, err := excelize.CellNameToCoordinates(ref)
	return col, err
}

// cover adds a merged range to what scan returns. Its top left cell is the one that shows.
func cover(covered []int32, ref string, column int) ([]int32, error) {
	from, to, found := strings.Cut(ref, ":")
	if !found {
		return covered, nil // a range of one cell
	}
	left, top, err := excelize.CellNameToCoordinates(from)
	if err != nil {
		return nil, fmt.Errorf("merged cells: %w", err)
	}
	right, bottom, err := excelize.CellNameToCoordinates(to)
	if err != nil {
		return nil, fmt.Errorf("merged cells: %w", err)
	}
	if column < left || column > right || bottom < top {
		return covered, nil
	}
	if column == left {
		top++
	}
	if covered == nil {
		covered = make([]int32, excelize.TotalRows+2)
	}
	covered[top]++
	covered[bottom+1]--
	return covered, nil
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
