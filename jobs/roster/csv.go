package roster

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode"
)

func readCSV(ctx context.Context, file string, data []byte) ([]Name, error) {
	text, ok := decode(data)
	if !ok {
		return nil, invalid(nil, "%s is neither text nor an Excel workbook; save the list as .xlsx or CSV.", file)
	}
	if markup(text) {
		return nil, invalid(nil, "%s is a web page or XML, whatever its name says; open it in Excel and save it as .xlsx or CSV.", file)
	}
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n") // "CSV (Macintosh)"
	}
	// Excel writes and obeys a first line that names the separator: sep=;
	comma, skipped := separator(text), 0
	line, rest, _ := strings.Cut(text, "\n")
	if sep, ok := strings.CutPrefix(strings.ToLower(strings.TrimRight(line, "\r")), "sep="); ok && len(sep) == 1 && strings.Contains(",;\t|", sep) {
		comma, text, skipped = rune(sep[0]), rest, 1
	}

	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.Comment = comma, '#'
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	r.TrimLeadingSpace = comma != '\t' // with tabs it would eat empty fields
	l := list{file: file, unit: "line"}
	for n := 0; ; n++ {
		if n%1024 == 0 {
			if err := stopped(ctx, file); err != nil {
				return nil, err
			}
		}
		fields, err := r.Read()
		if err == io.EOF {
			return l.result()
		}
		if pe, ok := errors.AsType[*csv.ParseError](err); ok {
			// Guessing on would swallow the lines up to the next quotation mark, and their users.
			return nil, invalid(err, "%s has a quotation mark out of place; remove it or put one at both ends of the field.", place(file, "line", pe.StartLine+skipped))
		}
		if err != nil {
			return nil, invalid(err, "%s cannot be read as CSV; save it again as CSV or .xlsx.", file)
		}
		row, _ := r.FieldPos(0)
		if err := l.add(row+skipped, fields); err != nil {
			return nil, err
		}
	}
}

// separator returns the one of tab, semicolon and comma that stands, outside quotation marks, in the most of the
// first lines. In that order: commas are common inside fields ("Berg, Anna"), tabs are not.
func separator(text string) rune {
	const order = "\t;,"
	text = text[:min(len(text), 64<<10)]
	var lines [len(order)]int
	var seen [len(order)]bool
	quoted, comment, blank, start := false, false, true, true
	for _, c := range text + "\n" {
		switch {
		case c == '\n' && !quoted:
			for i := range seen {
				if seen[i] && !comment && !blank {
					lines[i]++
				}
			}
			seen, comment, blank = [len(order)]bool{}, false, true
		case start && c == '#':
			comment = true
		case comment:
		case c == '"':
			quoted = !quoted
		case quoted:
			blank = false
		default:
			if i := strings.IndexRune(order, c); i >= 0 {
				seen[i] = true
			} else if !unicode.IsSpace(c) {
				blank = false
			}
		}
		start = c == '\n' && !quoted
	}
	best := len(order) - 1
	for i := best; i >= 0; i-- {
		if lines[i] >= lines[best] && lines[i] > 0 {
			best = i
		}
	}
	return rune(order[best])
}

// markup reports whether text is HTML or XML. Many systems export an HTML table under the name of an Excel file.
func markup(text string) bool {
	head := strings.ToLower(strings.TrimSpace(text[:min(len(text), 1024)]))
	for _, p := range []string{"<?xml", "<!doctype", "<html", "<table"} {
		if strings.HasPrefix(head, p) {
			return true
		}
	}
	return false
}
