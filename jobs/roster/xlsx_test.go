package roster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

func TestWorkbooks(t *testing.T) {
	t.Parallel()
	row := func(f *excelize.File, sheet, at string, values ...any) { must(t, f.SetSheetRow(sheet, at, &values)) }
	for name, test := range map[string]struct {
		fill func(f *excelize.File)
		want []Name
	}{
		"one column": {
			func(f *excelize.File) { row(f, "Sheet1", "A1", "anna"); row(f, "Sheet1", "A2", " Kim\u00a0") },
			[]Name{{"anna", "l.xlsx, row 1"}, {"Kim", "l.xlsx, row 2"}},
		},
		"a heading, blank rows and cells, comments": {
			func(f *excelize.File) {
				row(f, "Sheet1", "A1", "# for Friday")
				row(f, "Sheet1", "A3", "Company", "User ID")
				row(f, "Sheet1", "A4", "USMF", "anna")
				row(f, "Sheet1", "A5", "USMF", "  ")
				row(f, "Sheet1", "A9", nil, "kim")
				row(f, "Sheet1", "A10", "#", "bo")
			},
			[]Name{{"anna", "l.xlsx, row 4"}, {"kim", "l.xlsx, row 9"}},
		},
		"the first visible sheet": {
			func(f *excelize.File) {
				for _, s := range []string{"Two", "Three"} {
					_, err := f.NewSheet(s)
					must(t, err)
				}
				row(f, "Sheet1", "A1", "hidden")
				row(f, "Two", "A1", "very hidden")
				row(f, "Three", "A1", "anna")
				f.SetActiveSheet(2)
				must(t, f.SetSheetVisible("Sheet1", false))
				must(t, f.SetSheetVisible("Two", false, true))
			},
			[]Name{{"anna", "l.xlsx, row 1"}},
		},
		"merged cells count once": {
			func(f *excelize.File) {
				for i, n := range []string{"anna", "under", "under", "kim", "bo"} {
					row(f, "Sheet1", fmt.Sprint("A", i+1), n, "note")
				}
				must(t, f.MergeCell("Sheet1", "A1", "A3"))
				must(t, f.MergeCell("Sheet1", "A4", "B4"))
			},
			[]Name{{"anna", "l.xlsx, row 1"}, {"kim", "l.xlsx, row 4"}, {"bo", "l.xlsx, row 5"}},
		},
		"numbers are their digits": {
			func(f *excelize.File) {
				row(f, "Sheet1", "A1", 100000)
				row(f, "Sheet1", "A2", 123456789012345)
				row(f, "Sheet1", "A3", 42)
				row(f, "Sheet1", "A4", 1000)
				row(f, "Sheet1", "A5", 12.5)
				for cell, format := range map[string]string{"A1": "0.00E+00", "A3": "00000", "A4": `#,##0.00 [$€-407];[Red]-#,##0.00 "d"`} {
					style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
					must(t, err)
					must(t, f.SetCellStyle("Sheet1", cell, cell, style))
				}
			},
			[]Name{{"100000", "l.xlsx, row 1"}, {"123456789012345", "l.xlsx, row 2"}, {"00042", "l.xlsx, row 3"}, {"1000", "l.xlsx, row 4"}, {"12.5", "l.xlsx, row 5"}},
		},
		"rich text and booleans": {
			func(f *excelize.File) {
				must(t, f.SetCellRichText("Sheet1", "A1", []excelize.RichTextRun{{Text: "an"}, {Text: "na", Font: &excelize.Font{Bold: true}}}))
				row(f, "Sheet1", "A2", true)
			},
			[]Name{{"anna", "l.xlsx, row 1"}, {"TRUE", "l.xlsx, row 2"}},
		},
		"dates beside the names do not matter": {
			func(f *excelize.File) {
				row(f, "Sheet1", "A1", "Since", "Alias")
				row(f, "Sheet1", "A2", time.Date(2026, 3, 26, 0, 0, 0, 0, time.UTC), "anna")
			},
			[]Name{{"anna", "l.xlsx, row 2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, mustRead(t, "l.xlsx", workbook(t, test.fill))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHandmadeSheets(t *testing.T) {
	t.Parallel()
	inline := func(s string) string { return `<is><t>` + s + `</t></is>` }
	for name, test := range map[string]struct {
		sheet string
		want  []string
		fails []string
	}{
		"the result of a formula": {
			sheet: cells(`<row r="1"><c r="A1" t="str"><f>B1</f><v>anna</v></c></row><row r="2"><c r="A2"><f>1+1</f><v>2</v></c></row>`),
			want:  []string{"anna", "2"},
		},
		"a formula that gives a blank": {
			sheet: cells(`<row r="1"><c r="A1" t="inlineStr">` + inline("anna") + `</c></row><row r="2"><c r="A2" t="str"><f>B2</f><v></v></c></row>`),
			want:  []string{"anna"},
		},
		"a formula without a result": {
			sheet: cells(`<row r="1"><c r="A1" t="inlineStr">` + inline("anna") + `</c></row><row r="7"><c r="A7"><f>B7</f></c></row>`),
			fails: []string{"l.xlsx, cell A7 holds a formula without a result", "save it again"},
		},
		"a formula without a result above all names": {
			sheet: cells(`<row r="1"><c r="A1"><f>B1</f><v></v></c></row><row r="2"><c r="A2"><v>1</v></c></row>`),
			fails: []string{"l.xlsx, cell A1 holds a formula without a result"},
		},
		"an error is no comment": {
			sheet: cells(`<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2" t="e"><f>B1</f><v>#N/A</v></c></row>`),
			fails: []string{"l.xlsx, cell A2 holds the error #N/A"},
		},
		"an ISO date": {
			sheet: cells(`<row r="1"><c r="A1" t="d"><v>2026-03-26</v></c></row>`),
			fails: []string{"l.xlsx, cell A1 looks like a date; format the column as text"},
		},
		"a number that lost digits": {
			sheet: cells(`<row r="1"><c r="A1"><v>1.2345678901234568E+17</v></c></row>`),
			fails: []string{"l.xlsx, cell A1 holds a number of more than 15 digits"},
		},
		"an exponent":                 {sheet: cells(`<row r="1"><c r="A1"><v>1E5</v></c></row>`), want: []string{"100000"}},
		"no number":                   {sheet: cells(`<row r="1"><c r="A1"><v>anna</v></c></row>`), fails: []string{"l.xlsx, cell A1 holds no proper number"}},
		"rows and cells that lack r":  {sheet: cells(`<row><c><v>1</v></c></row><row><c><v>2</v></c><c><v>3</v></c></row>`), want: []string{"1", "2"}},
		"values under a merged cell":  {sheet: strings.Replace(cells(`<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row><row r="3"><c r="A3"><v>3</v></c></row>`), "</sheetData>", `</sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells>`, 1), want: []string{"1", "3"}},
		"no rows":                     {sheet: cells(""), fails: []string{"l.xlsx holds no names"}},
		"rows out of order":           {sheet: cells(`<row r="2"><c r="A2"><v>2</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>`), fails: []string{"l.xlsx is damaged"}},
		"cells out of order":          {sheet: cells(`<row r="1"><c r="B1"><v>2</v></c><c r="A1"><v>1</v></c></row>`), fails: []string{"l.xlsx is damaged"}},
		"XML that breaks off":         {sheet: `<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="2">`, fails: []string{"l.xlsx is damaged"}},
		"text that is not there":      {sheet: cells(`<row r="1"><c r="A1" t="s"><v>7</v></c></row>`), fails: []string{"l.xlsx is damaged"}},
		"text at a negative place":    {sheet: cells(`<row r="1"><c r="A1" t="s"><v>-1</v></c></row>`), fails: []string{"l.xlsx is damaged"}},
		"a row number beyond Excel's": {sheet: cells(`<row r="4611686018427387904"><c><v>1</v></c></row>`), fails: []string{"l.xlsx is damaged"}},
		"the last row of Excel":       {sheet: cells(`<row r="1048576"><c r="A1048576"><v>1</v></c></row>`), want: []string{"1"}},
		"a long name": {
			sheet: cells(`<row><c t="inlineStr">` + inline(strings.Repeat("ü", 256)) + `</c></row>`),
			fails: []string{"l.xlsx, row 1 holds a name of 256 characters"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, err := Read(t.Context(), "l.xlsx", handmade(t, test.sheet))
			if test.fails != nil {
				refused(t, err, test.fails...)
				return
			}
			must(t, err)
			if diff := cmp.Diff(test.want, texts(names)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDatesAreRefused(t *testing.T) {
	t.Parallel()
	custom := func(s string) *excelize.Style { return &excelize.Style{CustomNumFmt: &s} }
	for name, style := range map[string]*excelize.Style{
		"built in": {NumFmt: 14}, "month and year": {NumFmt: 17}, "Japanese": {NumFmt: 31},
		"custom": custom("yyyy\\-mm\\-dd;@"), "locale": custom("[$-407]d. mmm"), "elapsed": custom("[h]:mm"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := workbook(t, func(f *excelize.File) {
				must(t, f.SetSheetRow("Sheet1", "B1", &[]any{"E-mail", "Alias"}))
				must(t, f.SetCellValue("Sheet1", "B12", 46107))
				id, err := f.NewStyle(style)
				must(t, err)
				must(t, f.SetCellStyle("Sheet1", "B12", "B12", id))
			})
			_, err := Read(t.Context(), "l.xlsx", data)
			refused(t, err, "l.xlsx, cell B12 looks like a date; format the column as text")
		})
	}
}

func TestArchivesRefused(t *testing.T) {
	t.Parallel()
	sheet := cells(`<row><c><v>1</v></c></row>`)
	corrupt := handmade(t, sheet)
	at := bytes.Index(corrupt, []byte("PK\x07\x08")) // the first checksum
	corrupt[at+4]++
	const tooLarge = "l.xlsx unpacks to more than refreshbot reads (200 MB in all); save only the list of users in a new file."
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"a bomb in the sheet":           {bomb(t, zipped{"xl/worksheets/sheet1.xml", 201 << 20}), tooLarge},
		"a bomb in the shared strings":  {bomb(t, zipped{"xl/sharedStrings.xml", 33 << 20}), tooLarge},
		"a bomb in the styles":          {bomb(t, zipped{`XL\Styles.xml`, 9 << 20}), tooLarge},
		"a bomb in another part":        {bomb(t, zipped{"xl/media/image1.png", 201 << 20}), tooLarge},
		"a bomb in two parts":           {bomb(t, zipped{"xl/worksheets/sheet1.xml", 101 << 20}, zipped{"xl/worksheets/sheet2.xml", 100 << 20}), tooLarge},
		"a size beyond what Go counts":  {bomb(t, zipped{"xl/worksheets/sheet1.xml", 1<<63 + 1}), tooLarge},
		"a bomb that calls itself tiny": {bomb(t, zipped{"xl/worksheets/sheet1.xml", 10}), "l.xlsx is damaged"},
		"a wrong checksum":              {corrupt, "l.xlsx is damaged"},
		"a document of Word":            {archive(t, []part{{"word/document.xml", ""}}), "l.xlsx is no Excel workbook; save the list as .xlsx or CSV."},
		"a binary workbook":             {archive(t, []part{{"xl/workbook.bin", ""}}), "l.xlsx is a binary workbook (.xlsb)"},
		"no workbook in it":             {archive(t, []part{{"xl/other.xml", ""}}), "l.xlsx is damaged"},
		"an empty archive":              {archive(t, nil), "l.xlsx is no Excel workbook"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, err := Read(t.Context(), "l.xlsx", test.data)
			if names != nil {
				t.Errorf("names %v", names)
			}
			refused(t, err, test.want)
		})
	}
}

func TestNoVisibleSheet(t *testing.T) {
	t.Parallel()
	book := strings.Replace(bookXML, `name="List"`, `name="List" state="hidden"`, 1) // and a chart that shows
	data := handmade(t, cells(`<row><c><v>1</v></c></row>`), part{"xl/book.xml", book})
	_, err := Read(t.Context(), "l.xlsx", data)
	refused(t, err, "l.xlsx has no visible sheet")
}

func TestReadingStopsWithItsContext(t *testing.T) {
	t.Parallel()
	// A sheet that takes far longer to read than the context lasts.
	slow := handmade(t, cells(strings.Repeat(`<row><c r="XFD1"><v>1</v></c></row>`, 200_000)))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Read(ctx, "l.xlsx", slow)
	refused(t, err, "l.xlsx took too long to read")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v does not wrap the cause", err)
	}

	gone, stop := context.WithCancel(t.Context())
	stop()
	for _, data := range [][]byte{slow, []byte("anna")} {
		_, err := Read(gone, "l", data)
		refused(t, err, "Reading l was stopped")
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		must(t, os.WriteFile(file, data, 0o600))
		return file
	}
	// The content counts, not the name.
	for file, data := range map[string][]byte{
		"a.csv":  workbook(t, func(f *excelize.File) { must(t, f.SetCellStr("Sheet1", "A1", "anna")) }),
		"b.xlsx": []byte("anna\n"),
	} {
		names, err := ReadFile(t.Context(), write(file, data))
		must(t, err)
		if diff := cmp.Diff([]string{"anna"}, texts(names)); diff != "" || !strings.HasPrefix(names[0].Where, file+", ") {
			t.Errorf("%s: %v", file, names)
		}
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "none.csv"): "There is no file " + filepath.Join(dir, "none.csv"),
		dir:                            "cannot be read; check that it is a file",
		write("big.csv", make([]byte, maxBytes+1)):                      "big.csv is larger than 10 MB",
		write("large.xlsx", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")): "large.xlsx is in the old Excel format",
	} {
		_, err := ReadFile(t.Context(), file)
		refused(t, err, want)
	}
}

func TestFileNamesInMessages(t *testing.T) {
	t.Parallel()
	for given, shown := range map[string]string{
		`C:\Users\anna\l.csv`: "l.csv", "/srv/lists/l.csv": "l.csv", "a\nb\u202e.csv": "a b.csv", "": "The list",
		strings.Repeat("a", 300): strings.Repeat("a", 99) + "…",
	} {
		if got := displayName(given); got != shown {
			t.Errorf("%q is shown as %q, want %q", given, got, shown)
		}
	}
}

func FuzzXLSX(f *testing.F) {
	for _, sheet := range []string{
		cells(`<row r="1"><c r="A1" t="inlineStr"><is><t>alias</t></is></c></row><row r="3"><c r="A3" s="1"><v>42</v></c></row>`),
		cells(`<row><c t="str"><f>B1</f><v>anna</v></c><c t="b"><v>1</v></c></row></sheetData><mergeCells><mergeCell ref="A1:B9"/></mergeCells><sheetData>`),
		cells(`<row r="5"><c r="C5" t="s"><v>0</v></c><c r="XFD5" t="e"><v>#REF!</v></c></row>`),
	} {
		f.Add(sheet, `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>anna</t></si><si><r><t>k</t></r><r><t>im</t></r></si></sst>`,
			`<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts><numFmt numFmtId="164" formatCode="00000"/></numFmts><cellXfs><xf/><xf numFmtId="164"/></cellXfs></styleSheet>`)
	}
	// The archive is made here: the fuzzer would hardly ever get past its checksums.
	f.Fuzz(func(t *testing.T, sheet, texts, styles string) {
		names, err := Read(t.Context(), "l.xlsx", handmade(t, sheet, part{"xl/sharedStrings.xml", texts}, part{"xl/styles.xml", styles}))
		sound(t, names, err)
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(handmade(f, cells(`<row><c><v>1</v></c></row>`)))
	f.Add(workbook(f, func(x *excelize.File) { must(f, x.SetCellStr("Sheet1", "A1", "anna")) }))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := Read(t.Context(), "l.xlsx", data)
		sound(t, names, err)
	})
}
