package roster

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// numberFormat is what matters of how Excel shows a number.
type numberFormat struct {
	date  bool
	width int // digits that it is filled up to with zeros, as the format 00000 does; 0 for none
}

// formatOf looks up the number format of a cell style. The numbers of the built-in formats are from ECMA-376,
// part 1, section 18.8.30.
func formatOf(f *excelize.File, style int) numberFormat {
	s, err := f.GetStyle(style)
	if err != nil { // Excel shows a cell of an unknown style as General
		return numberFormat{}
	}
	if s.CustomNumFmt != nil {
		return parseFormat(*s.CustomNumFmt)
	}
	n := s.NumFmt
	return numberFormat{date: 14 <= n && n <= 22 || 27 <= n && n <= 36 || 45 <= n && n <= 47 || 50 <= n && n <= 58 || 71 <= n && n <= 81}
}

var (
	// Parts of a format that are shown as they are, or are colours, conditions and locales.
	formatLiterals = regexp.MustCompile(`"[^"]*"|[\\_*].|\[\$[^\]]*\]`)
	formatBrackets = regexp.MustCompile(`\[[^\]]*\]`)
	elapsedTime    = regexp.MustCompile(`(?i)\[(h+|m+|s+)\]`)
)

func parseFormat(code string) numberFormat {
	code = formatLiterals.ReplaceAllString(code, "")
	elapsed := elapsedTime.MatchString(code)
	code = strings.ToLower(formatBrackets.ReplaceAllString(code, ""))
	if elapsed || strings.ContainsAny(code, "ymdhs") {
		return numberFormat{date: true}
	}
	if strings.Trim(code, "0") == "" {
		return numberFormat{width: len(code)}
	}
	return numberFormat{}
}

// number returns the digits of a number as the person who typed it knows them.
func number(where, raw string, format numberFormat) (string, error) {
	v, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return "", invalid(err, "%s holds no proper number; format the column as text and type the name again.", where)
	}
	if format.date {
		return "", looksLikeDate(where)
	}
	if v != math.Trunc(v) {
		return raw, nil
	}
	if math.Abs(v) >= 1e15 { // Excel keeps 15 digits and turns the rest into zeros
		return "", invalid(nil, "%s holds a number of more than 15 digits, which Excel has rounded; format the column as text and type the name again.", where)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	return strings.Repeat("0", max(0, min(format.width, maxNameLength)-len(digits))) + digits, nil
}

func looksLikeDate(where string) error {
	return invalid(nil, "%s looks like a date; format the column as text and type the name again.", where)
}
