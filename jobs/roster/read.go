package roster

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
)

// Limits of a list file. They are far above any real list and keep a wrong or hostile file from taking the
// process down.
const (
	maxBytes      = 10 << 20
	maxRows       = 100_000 // without the heading and rows in which nothing stands
	maxNameLength = 255     // characters; the longest e-mail address that F&O stores
	maxTime       = 30 * time.Second
)

// Name is one entry of a list and where it stood, for messages: "trainees.xlsx, row 12".
type Name struct{ Text, Where string }

// ReadFile reads the list in a file; Read describes what a list is. Every error is a *refresh.Error with code
// Invalid.
func ReadFile(ctx context.Context, path string) ([]Name, error) {
	file := displayName(path)
	data, err := load(path)
	if err != nil {
		if _, ok := errors.AsType[*refresh.Error](err); ok {
			return nil, err
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil, invalid(err, "There is no file %s; check the path and where it is mounted.", path)
		}
		return nil, invalid(err, "%s cannot be read; check that it is a file and that refreshbot may read it.", path)
	}
	return Read(ctx, file, data)
}

func load(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe could keep us waiting for ever
		return nil, errors.New("not a regular file")
	}
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

// Read reads a list of users: CSV text or an XLSX workbook, told apart by content. The names stand in the first
// column whose heading in the first row means a user (User ID, Alias, E-mail, ...), else in the first column.
// Blank rows, rows that start with # and rows without a name are passed over; duplicates are kept for Resolve
// to count. Of a workbook the first visible sheet is read, rows hidden by a filter included.
//
// Reading ends when ctx does, and after 30 seconds at the latest. Every error is a *refresh.Error with code
// Invalid that names the file and the place.
func Read(ctx context.Context, filename string, data []byte) ([]Name, error) {
	file := displayName(filename)
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	if err := stopped(ctx, file); err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, invalid(nil, "%s is larger than %d MB; save only the list of users in a new file.", file, maxBytes>>20)
	}
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")), bytes.HasPrefix(data, []byte("PK\x05\x06")):
		return readXLSX(ctx, file, data)
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		// Both are compound files (MS-CFB). Directory entries are named in UTF-16; MS-OFFCRYPTO, section 2.3.2.
		if bytes.Contains(data, []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")) {
			return nil, invalid(nil, "%s is protected by a password; save it without one.", file)
		}
		return nil, invalid(nil, "%s is in the old Excel format (.xls); save it as .xlsx or CSV.", file)
	}
	return readCSV(ctx, file, data)
}

// list collects names row by row.
type list struct {
	file  string
	unit  string // what a row is called in messages: row or line
	col   int    // the column of the names, from 0
	begun bool   // the first row was seen
	first int    // the first row that can hold a name
	count int    // rows so far
	rows  []int  // the row of each name
	names []Name
}

func (l *list) add(row int, fields []string) error {
	if len(fields) == 0 {
		return nil
	}
	if l.count++; l.count > maxRows+1 || l.count > maxRows && l.first == 0 {
		return invalid(nil, "%s has more than %d rows; split it into smaller files.", l.file, maxRows)
	}
	if strings.HasPrefix(clean(fields[0]), "#") {
		return nil
	}
	if !l.begun {
		blank := true
		for i, f := range fields {
			if userHeading(f) {
				l.begun, l.col, l.first = true, i, row+1
				return nil
			}
			blank = blank && clean(f) == ""
		}
		l.begun = !blank
	}
	if len(fields) <= l.col {
		return nil
	}
	text := clean(fields[l.col])
	if text == "" {
		return nil
	}
	where := place(l.file, l.unit, row)
	if n := len([]rune(text)); n > maxNameLength {
		return invalid(nil, "%s holds a name of %d characters where at most %d are possible; correct it or check the quotation marks and the separator.", where, n, maxNameLength)
	}
	l.rows = append(l.rows, row)
	l.names = append(l.names, Name{Text: text, Where: where})
	return nil
}

// result ends reading. A file without a single name is a mistake, not a wish to let nobody in.
func (l *list) result() ([]Name, error) {
	if len(l.names) == 0 {
		return nil, invalid(nil, "%s holds no names; put one user ID, sign-in name or e-mail address in each %s.", l.file, l.unit)
	}
	return l.names, nil
}

// userHeading reports whether a column of this heading names users. "User name" is left out on purpose: in F&O
// that is what a person is called, and not unique.
func userHeading(s string) bool {
	switch strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(clean(s))) {
	case "user", "userid", "alias", "signin", "signinname", "email", "emailaddress", "upn", "userprincipalname", "login":
		return true
	}
	return false
}

func stopped(ctx context.Context, file string) error {
	switch err := ctx.Err(); {
	case errors.Is(err, context.DeadlineExceeded):
		return invalid(err, "%s took too long to read; save only the list of users in a new file.", file)
	case err != nil:
		return invalid(err, "Reading %s was stopped; try again.", file)
	}
	return nil
}

func invalid(cause error, format string, args ...any) *refresh.Error {
	err := refresh.Errorf(refresh.Invalid, format, args...)
	err.Err = cause
	return err
}

// displayName is the file's name without its folders, and with nothing in it that could break a message: it may
// come from an upload.
func displayName(path string) string {
	name := clean(filepath.Base(strings.ReplaceAll(path, `\`, "/")))
	if name == "" || name == "." || name == "/" {
		return "The list"
	}
	if r := []rune(name); len(r) > 100 {
		name = string(r[:99]) + "…"
	}
	return name
}
