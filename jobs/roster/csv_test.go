package roster

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
)

func TestCSVEncodingsAndSeparators(t *testing.T) {
	t.Parallel()
	encodings := map[string]func(string) []byte{
		"UTF-8":          func(s string) []byte { return []byte(s) },
		"UTF-8 with BOM": func(s string) []byte { return []byte("\ufeff" + s) },
		"UTF-16LE":       func(s string) []byte { return utf16Bytes(s, binary.LittleEndian) },
		"UTF-16LE, BOM":  func(s string) []byte { return utf16Bytes("\ufeff"+s, binary.LittleEndian) },
		"UTF-16BE":       func(s string) []byte { return utf16Bytes(s, binary.BigEndian) },
		"UTF-16BE, BOM":  func(s string) []byte { return utf16Bytes("\ufeff"+s, binary.BigEndian) },
		"Windows-1252":   func(s string) []byte { b, _ := charmap.Windows1252.NewEncoder().String(s); return []byte(b) },
		"UTF-8, old Mac": func(s string) []byte { return []byte(strings.ReplaceAll(s, "\r\n", "\r")) },
	}
	for name, encode := range encodings {
		for _, sep := range []string{",", ";", "\t"} {
			t.Run(fmt.Sprintf("%s/%q", name, sep), func(t *testing.T) {
				t.Parallel()
				text := "Name|E-Mail|Firma\r\n" +
					"Berg, Anna|anna@müller.example|Müller € Söhne\r\n" +
					"Kim|kim@müller.example|Müller\r\n"
				text = strings.ReplaceAll(text, "Berg, Anna", `"Berg, Anna"`)
				text = strings.ReplaceAll(text, "|", sep)
				names := mustRead(t, "list.csv", encode(text))
				if diff := cmp.Diff([]string{"anna@müller.example", "kim@müller.example"}, texts(names)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestCSVForms(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", maxNameLength)
	for name, test := range map[string]struct {
		text string
		want []Name
	}{
		"one column without a heading": {"anna\nkim", []Name{{"anna", "l.csv, line 1"}, {"kim", "l.csv, line 2"}}},
		"a heading anywhere":           {"Company;USER_ID ;Sign-in\nUSMF;anna;a@x\n", []Name{{"anna", "l.csv, line 2"}}},
		"the first of two headings":    {"upn,alias\na@x,anna\n", []Name{{"a@x", "l.csv, line 2"}}},
		"a display name is none":       {"User name,id\nAnna Berg,1\n", []Name{{"User name", "l.csv, line 1"}, {"Anna Berg", "l.csv, line 2"}}},
		"comments and blank rows":      {"# for \"Friday\"\n\n \t \nlogin\n\n#kim\n,,\nanna\n", []Name{{"anna", "l.csv, line 8"}}},
		"what nobody sees":             {"\u200banna\u00a0\n\u202akim\u202c \n\u3000bo\u00a0\u00a0b\ufeff\n", []Name{{"anna", "l.csv, line 1"}, {"kim", "l.csv, line 2"}, {"bo b", "l.csv, line 3"}}},
		"a line break in a field":      {"Note,Alias\n\"two\nlines\",anna\nx,\"kim\n\"\n", []Name{{"anna", "l.csv, line 2"}, {"kim", "l.csv, line 4"}}},
		"formula signs are text":       {"=anna\n+kim\n-bo\n@lee\n", []Name{{"=anna", "l.csv, line 1"}, {"+kim", "l.csv, line 2"}, {"-bo", "l.csv, line 3"}, {"@lee", "l.csv, line 4"}}},
		"rows of different lengths":    {"a;b;alias\n1\n1;2;anna;4\n", []Name{{"anna", "l.csv, line 3"}}},
		"blanks before quotes":         {"alias, note\nanna, \"x, y\"\n", []Name{{"anna", "l.csv, line 2"}}},
		"duplicates stay":              {"anna\nANNA\n", []Name{{"anna", "l.csv, line 1"}, {"ANNA", "l.csv, line 2"}}},
		"half a character at the end":  {"\xff\xfea\x00\n\x00b", []Name{{"a", "l.csv, line 1"}, {"\ufffd", "l.csv, line 2"}}},
		"sep rules":                    {"sep=;\r\na,b,alias;x\r\na,b,c;1\r\n", []Name{{"a,b,alias", "l.csv, line 2"}, {"a,b,c", "l.csv, line 3"}}},
		"lines count below sep":        {"sep=;\nkim;1\n", []Name{{"kim", "l.csv, line 2"}}},
		"the longest name":             {long, []Name{{long, "l.csv, line 1"}}},
		"commas inside, tabs around":   {"Berg, A\tanna\nKim, B\tkim", []Name{{"Berg, A", "l.csv, line 1"}, {"Kim, B", "l.csv, line 2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, mustRead(t, "l.csv", []byte(test.text))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCSVRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data string
		want []string
	}{
		"empty":               {"", []string{"l.csv holds no names"}},
		"a heading only":      {"User ID\n", []string{"l.csv holds no names"}},
		"stray quote":         {"anna\nki\"m\n", []string{"l.csv, line 2 has a quotation mark out of place", "remove it"}},
		"open quote":          {"sep=;\nanna\n\"kim\nbo\nlee", []string{"l.csv, line 3 has a quotation mark out of place"}},
		"long name":           {"anna\n" + strings.Repeat("a", 256), []string{"l.csv, line 2 holds a name of 256 characters"}},
		"too many names":      {strings.Repeat("anna\n", maxRows+1), []string{"l.csv has more than 100000 rows", "split"}},
		"too large":           {strings.Repeat("\n", maxBytes+1), []string{"l.csv is larger than 10 MB"}},
		"not text":            {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR and more and more and more text", []string{"l.csv is neither text nor an Excel workbook"}},
		"control characters":  {"anna\x01\n", []string{"l.csv is neither text nor an Excel workbook"}},
		"web page":            {" <HTML><table><tr><td>anna", []string{"l.csv is a web page or XML"}},
		"password":            {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00", []string{"l.csv is protected by a password", "save it without"}},
		"old Excel":           {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....W\x00o\x00r\x00k\x00b\x00o\x00o\x00k\x00", []string{"l.csv is in the old Excel format", "save it as .xlsx"}},
		"broken archive":      {"PK\x03\x04 and no more", []string{"l.csv is damaged"}},
		"hostile name length": {strings.Repeat("a", 1<<20), []string{"1048576 characters"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(t.Context(), "l.csv", []byte(test.data))
			refused(t, err, test.want...)
		})
	}
}

func TestTheHeadingIsNoRow(t *testing.T) {
	t.Parallel()
	if names := mustRead(t, "l.csv", []byte("User ID\n"+strings.Repeat("anna\n", maxRows))); len(names) != maxRows {
		t.Errorf("%d names, want %d", len(names), maxRows)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("User ID;Name\nanna;\"Berg\nAnna\"\n#kim\n"))
	f.Add([]byte("sep=,\r\n=anna\r\n\"k\"\"im\",1\r\n"))
	f.Add(utf16Bytes("\ufeffalias;x\nm\u00fcller;1\n", binary.LittleEndian))
	f.Add(utf16Bytes("alias\nanna\n", binary.BigEndian))
	f.Add([]byte("m\xfcller\n\x80uro\n"))
	f.Add([]byte("\u200b\u00a0anna\u00a0\rkim"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 2 && data[0] == 'P' && data[1] == 'K' {
			t.Skip("a workbook")
		}
		names, err := Read(t.Context(), "l.csv", data)
		sound(t, names, err)
	})
}

// sound checks what holds for every file.
func sound(t *testing.T, names []Name, err error) {
	t.Helper()
	if err != nil {
		if names != nil {
			t.Error("names and an error")
		}
		refused(t, err)
		return
	}
	if len(names) == 0 || len(names) > maxRows {
		t.Errorf("%d names", len(names))
	}
	for _, n := range names {
		if n.Text == "" || n.Text != clean(n.Text) || len([]rune(n.Text)) > maxNameLength || strings.HasPrefix(n.Where, ",") || n.Where == "" {
			t.Errorf("name %q at %q", n.Text, n.Where)
		}
	}
}
