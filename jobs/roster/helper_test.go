package roster

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"refreshbot/jobs/refresh"
)

func texts(names []Name) []string {
	var list []string
	for _, n := range names {
		list = append(list, n.Text)
	}
	return list
}

func mustRead(t *testing.T, file string, data []byte) []Name {
	t.Helper()
	names, err := Read(context.Background(), file, data)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// refused checks that err is what a user may be shown, and that it says so.
func refused(t *testing.T, err error, wants ...string) {
	t.Helper()
	e, ok := errors.AsType[*refresh.Error](err)
	if !ok || e.Code != refresh.Invalid {
		t.Fatalf("error %v, want one with code invalid", err)
	}
	for _, want := range wants {
		if !strings.Contains(e.Msg, want) {
			t.Errorf("message %q, want %q in it", e.Msg, want)
		}
	}
	if !strings.HasSuffix(e.Msg, ".") || strings.Contains(e.Msg, "\n") {
		t.Errorf("message %q is no sentence", e.Msg)
	}
}

func utf16Bytes(text string, order binary.AppendByteOrder) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// workbook lets a test fill a new workbook and returns its bytes.
func workbook(t testing.TB, fill func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	fill(f)
	b, err := f.WriteToBuffer()
	must(t, err)
	must(t, f.Close())
	return b.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// part is a file inside a workbook.
type part struct{ name, content string }

const (
	officeTypes = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	relsTag     = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	bookXML     = `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="` + officeTypes + `">` +
		`<sheets><sheet name="Graph" sheetId="2" r:id="rId2"/><sheet name="List" sheetId="1" r:id="rId1"/></sheets></workbook>`
)

// handmade returns a workbook with one sheet written by hand, for what excelize would not write. More parts are
// added, or stand in for those of the same name.
func handmade(t testing.TB, sheet string, more ...part) []byte {
	t.Helper()
	parts := []part{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`},
		{"_rels/.rels", relsTag + `<Relationship Id="rId1" Type="` + officeTypes + `/officeDocument" Target="/xl/book.xml"/></Relationships>`},
		{"xl/book.xml", bookXML},
		{"xl/_rels/book.xml.rels", relsTag +
			`<Relationship Id="rId1" Type="` + officeTypes + `/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="` + officeTypes + `/chartsheet" Target="chartsheets/sheet1.xml"/></Relationships>`},
		{"xl/worksheets/sheet1.xml", sheet},
		{"xl/chartsheets/sheet1.xml", `<chartsheet/>`},
	}
	for _, p := range more {
		if i := slices.IndexFunc(parts, func(q part) bool { return q.name == p.name }); i >= 0 {
			parts[i] = p
		} else {
			parts = append(parts, p)
		}
	}
	return archive(t, parts)
}

func archive(t testing.TB, parts []part) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.Create(p.name)
		must(t, err)
		_, err = w.Write([]byte(p.content))
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// zipped is a part of an archive that claims to unpack to so many bytes.
type zipped struct {
	name  string
	claim uint64
}

// bomb returns an archive whose parts unpack to a megabyte of zeros, whatever they claim.
func bomb(t testing.TB, parts ...zipped) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	must(t, err)
	_, err = w.Write(make([]byte, 1<<20))
	must(t, err)
	must(t, w.Close())
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.CreateRaw(&zip.FileHeader{Name: p.name, Method: zip.Deflate, CompressedSize64: uint64(packed.Len()), UncompressedSize64: p.claim})
		must(t, err)
		_, err = w.Write(packed.Bytes())
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// cells is the XML of a sheet with these rows.
func cells(rows string) string {
	return `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows + `</sheetData></worksheet>`
}
