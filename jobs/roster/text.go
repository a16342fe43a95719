package roster

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// clean trims a name, makes every run of white space (no-break spaces and line breaks too) one space, and drops
// what nobody sees: zero-width spaces, byte order marks and direction marks, which come along when a name is
// copied from a mail or a web page.
func clean(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)), " ")
}

// key is the form in which names are compared. NFC, because some systems write ü as u and a combining mark.
func key(s string) string { return strings.ToLower(norm.NFC.String(clean(s))) }

func place(file, unit string, row int) string { return fmt.Sprintf("%s, %s %d", file, unit, row) }

// decode turns the bytes of a text file into a string. Without a byte order mark it goes by this: text holds
// no zero bytes unless it is UTF-16, and hardly any text in another encoding is valid UTF-8 by chance.
// Windows-1252 is what Excel in Western Europe and America writes as "CSV". The answer is false for what is
// no text.
func decode(data []byte) (string, bool) {
	var text string
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		text = strings.ToValidUTF8(string(data[3:]), "\ufffd")
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		text = decode16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		text = decode16(data[2:], binary.BigEndian)
	case bytes.IndexByte(data, 0) >= 0:
		order := guessOrder(data)
		if order == nil {
			return "", false
		}
		text = decode16(data, order)
	case utf8.Valid(data):
		text = string(data)
	default:
		b, err := charmap.Windows1252.NewDecoder().Bytes(data)
		if err != nil {
			return "", false
		}
		text = string(b)
	}
	return text, !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && !unicode.IsSpace(r) })
}

// decode16 makes an odd byte at the end, which no whole file has, a replacement character.
func decode16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(data)/2+1)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	if len(data) == 1 {
		units = append(units, unicode.ReplacementChar)
	}
	return string(utf16.Decode(units))
}

// guessOrder goes by where the zero bytes are: in UTF-16 they are the high bytes of Latin letters, digits and
// separators, of which any list has a good part. The answer is nil for what is no such text.
func guessOrder(data []byte) binary.ByteOrder {
	var zeros [2]int
	for i, b := range data {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case (zeros[0]+zeros[1])*10 < len(data):
		return nil
	case zeros[0] > zeros[1]:
		return binary.BigEndian
	}
	return binary.LittleEndian
}
