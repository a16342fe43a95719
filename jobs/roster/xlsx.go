package roster

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/xuri/excelize/v2"
)

// maxUnzipped limits what a workbook unpacks to, in bytes: sheets compress to a thousandth when somebody means harm.
const maxUnzipped = 200 << 20

// partLimits keep small what excelize decodes whole into structures many times the size of the XML. Real workbooks
// stay far below: 32 MB of shared strings are about half a million different texts.
var partLimits = [...]struct {
	suffix string
	bytes  uint64
}{
	{".rels", 1 << 20},
	{"xl/sharedstrings.xml", 32 << 20},
	{"xl/calcchain.xml", 8 << 20},
	{"xl/styles.xml", 8 << 20},
	{"xl/theme/theme1.xml", 4 << 20},
	{"[content_types].xml", 4 << 20},
	{"workbook.xml", 4 << 20},
}

// readXLSX reads in a goroutine: excelize takes no context and decodes some parts in one go. When ctx ends first,
// the goroutine works on unseen until it meets a check of ctx or the end of the part it is in; the limits above
// make that seconds.
func readXLSX(ctx context.Context, file string, data []byte) ([]Name, error) {
	type result struct {
		names []Name
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil { // excelize trusts some numbers in the file
				r = result{err: damaged(file, fmt.Errorf("panic: %v", p))}
			}
			done <- r
		}()
		r.names, r.err = readWorkbook(ctx, file, data)
	}()
	select {
	case r := <-done:
		return r.names, r.err
	case <-ctx.Done():
		return nil, stopped(ctx, file)
	}
}

func damaged(file string, cause error) error {
	return invalid(cause, "%s is damaged or no Excel workbook; open it in Excel and save it again as .xlsx.", file)
}

func readWorkbook(ctx context.Context, file string, data []byte) ([]Name, error) {
	if err := checkZip(ctx, file, data); err != nil {
		return nil, err
	}
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{
		RawCellValue:      true, // 100000 and not 1E+05
		UnzipSizeLimit:    maxUnzipped,
		UnzipXMLSizeLimit: maxUnzipped, // the same, so that nothing is ever written to the disk
	})
	if err != nil {
		return nil, damaged(file, err)
	}
	defer func() { _ = f.Close() }() // removes temporary files, of which there are none
	if f.WorkBook == nil {
		return nil, damaged(file, nil)
	}
	sheet, part, err := visibleSheet(f)
	if err != nil {
		return nil, damaged(file, err)
	}
	if sheet == "" {
		return nil, invalid(nil, "%s has no visible sheet with cells; unhide the sheet with the list.", file)
	}
	l := list{file: file, unit: "row"}
	if err := readRows(ctx, f, sheet, &l); err != nil {
		return nil, err
	}
	if err := checkCells(ctx, f, part, &l); err != nil {
		return nil, err
	}
	return l.result()
}

// checkZip goes through the whole archive first, because excelize passes over errors while unpacking: a list that
// stops in the middle would lose users without a word.
func checkZip(ctx context.Context, file string, data []byte) error {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return damaged(file, err)
	}
	tooLarge := func() error {
		return invalid(nil, "%s unpacks to more than refreshbot reads (%d MB in all); save only the list of users in a new file.", file, maxUnzipped>>20)
	}
	var left uint64 = maxUnzipped
	workbook := false
	for _, part := range z.File {
		name := strings.ToLower(strings.ReplaceAll(part.Name, `\`, "/"))
		if name == "xl/workbook.bin" {
			return invalid(nil, "%s is a binary workbook (.xlsb); save it as .xlsx or CSV.", file)
		}
		workbook = workbook || strings.HasPrefix(name, "xl/")
		limit := left
		for _, l := range partLimits {
			if strings.HasSuffix(name, l.suffix) {
				limit = min(limit, l.bytes)
			}
		}
		if part.UncompressedSize64 > limit { // zip.Reader holds the part to this number
			return tooLarge()
		}
		left -= part.UncompressedSize64
	}
	if !workbook {
		return invalid(nil, "%s is no Excel workbook; save the list as .xlsx or CSV.", file)
	}
	for _, part := range z.File {
		if err := stopped(ctx, file); err != nil {
			return err
		}
		r, err := part.Open()
		if err != nil {
			return damaged(file, err)
		}
		_, err = io.Copy(io.Discard, r) // checks length and checksum
		r.Close()
		if err != nil {
			return damaged(file, err)
		}
	}
	return nil
}

// visibleSheet returns the name and the XML of the first sheet that people see and that has cells.
func visibleSheet(f *excelize.File) (string, []byte, error) {
	root, err := relations(f, "_rels/.rels")
	if err != nil {
		return "", nil, err
	}
	workbook := ""
	for _, r := range root {
		if strings.HasSuffix(r.Type, "/officeDocument") {
			workbook = resolvePart("", r.Target)
			break
		}
	}
	dir, base := path.Split(workbook)
	rels, err := relations(f, dir+"_rels/"+base+".rels")
	if err != nil {
		return "", nil, err
	}
	parts := make(map[string]string, len(rels))
	for _, r := range rels {
		if strings.HasSuffix(r.Type, "/worksheet") { // and not a chart sheet
			parts[r.ID] = resolvePart(dir, r.Target)
		}
	}
	for _, s := range f.WorkBook.Sheets.Sheet {
		if s.State != "" && s.State != "visible" {
			continue
		}
		if name, ok := parts[s.ID]; ok {
			content, ok := f.Pkg.Load(name)
			if !ok {
				return "", nil, fmt.Errorf("part %s is missing", name)
			}
			return s.Name, content.([]byte), nil
		}
	}
	return "", nil, nil
}

type relation struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:",attr"`
	Target string `xml:",attr"`
}

func relations(f *excelize.File, name string) ([]relation, error) {
	content, ok := f.Pkg.Load(name)
	if !ok {
		return nil, fmt.Errorf("part %s is missing", name)
	}
	var rels struct {
		Relationship []relation
	}
	d := xml.NewDecoder(bytes.NewReader(content.([]byte)))
	d.CharsetReader = f.CharsetReader
	if err := d.Decode(&rels); err != nil {
		return nil, fmt.Errorf("read part %s: %w", name, err)
	}
	return rels.Relationship, nil
}

// resolvePart finds a part from where it is named: from the root when it starts with a slash, else from dir.
func resolvePart(dir, target string) string {
	if strings.HasPrefix(target, "/") {
		dir = ""
	}
	return strings.TrimPrefix(path.Join(dir, target), "/")
}

func readRows(ctx context.Context, f *excelize.File, sheet string, l *list) error {
	rows, err := f.Rows(sheet)
	if err != nil {
		return damaged(l.file, err)
	}
	defer func() { _ = rows.Close() }() // it reads from memory
	for n := 1; rows.Next(); n++ {
		if err := stopped(ctx, l.file); err != nil {
			return err
		}
		if n > excelize.TotalRows { // a row may claim any number, and excelize would count up to it
			return damaged(l.file, fmt.Errorf("row %d", n))
		}
		fields, err := rows.Columns()
		if err != nil {
			return damaged(l.file, err)
		}
		if err := l.add(n, fields); err != nil {
			return err
		}
	}
	return nil
}
