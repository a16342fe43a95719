package config

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"refreshbot/jobs/spell"
)

// Problem is one thing wrong with the file. It never holds a secret.
type Problem struct {
	File string
	Line int    // 0 when the problem is with the whole file
	Key  string // e.g. environments.uat.refresh.keep[1]; empty with Line 0 and for syntax errors
	Text string // a sentence that says what to do
}

// Error writes the problem as file:line: key: sentence.
func (p Problem) Error() string {
	where := p.File
	if p.Line > 0 {
		where += ":" + strconv.Itoa(p.Line)
	}
	if p.Key != "" {
		where += ": " + p.Key
	}
	return where + ": " + p.Text
}

// Problems is everything wrong with the file, sorted by line.
type Problems []Problem

// Error writes one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single Problem.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int { return a.Line - b.Line })
}

// show quotes a value from the file for a message. A token pasted into the wrong place stays hidden.
func show(s string) string {
	if strings.HasPrefix(s, "xox") || strings.HasPrefix(s, "xapp") {
		return "***"
	}
	if utf8.RuneCountInString(s) > 60 {
		s = string([]rune(s)[:60]) + "…"
	}
	return strconv.Quote(s)
}

// cause is err without the path that package os puts in front: the line and the key say which file is meant,
// and a secret written where a path belongs is not repeated.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// meant completes a message about an unknown word with the probable one, or with all that are known.
func meant(word string, known []string) string {
	if best, ok := spell.Nearest(word, known); ok {
		return "; did you mean " + best + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "; known here: " + strings.Join(known, ", ")
}
