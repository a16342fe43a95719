package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"refreshbot/jobs/spell"
)

// maxNodes bounds the file with its aliases written out. A large real file has a few thousand, or a few hundred
// thousand when it writes many records; an alias bomb billions.
const maxNodes = 500_000

// decoder walks the YAML nodes itself, because the library's own strict decoding neither keeps positions for
// later checks nor reports everything at once.
type decoder struct {
	file     string
	env      func(string) (string, bool)
	readFile func(string) ([]byte, error)
	canRead  func(string) error
	problems Problems
	secrets  []Secret // all that were found
}

// value is one node of the file and where it was found. line is the line of its key.
type value struct {
	node *yaml.Node
	path string
	line int
}

// reader decodes one value into a place chosen beforehand.
type reader func(value)

func (d *decoder) fail(v value, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file, Line: v.line, Key: v.path, Text: fmt.Sprintf(format, args...)})
}

// beside resolves a path relative to the folder of the configuration file.
func (d *decoder) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(d.file), path)
}

// absolute is beside for what is read later, wherever the process works by then.
func (d *decoder) absolute(path string) string {
	path = d.beside(path)
	if abs, err := filepath.Abs(path); err == nil { // it fails only when the process has no working directory
		return abs
	}
	return path
}

// document parses the file's only document.
func (d *decoder) document(data []byte) (value, bool) {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		d.fail(value{}, "cannot be read: %v", err)
		return value{}, false
	}
	var first, second yaml.Node
	if err := loader.Load(&first); errors.Is(err, io.EOF) || err == nil && (len(first.Content) == 0 || is(first.Content[0], "!!null")) {
		d.fail(value{}, "is empty: start from the example in the documentation")
		return value{}, false
	} else if err != nil {
		d.syntax(err)
		return value{}, false
	}
	if err := loader.Load(&second); err == nil {
		d.fail(value{line: second.Line}, "a second YAML document starts here: keep everything in one and remove the ---")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	if budget := maxNodes; !within(&first, &budget) {
		d.fail(value{line: first.Line}, "the file grows beyond %d values once its aliases are followed: write the values out", maxNodes)
		return value{}, false
	}
	return value{node: resolve(first.Content[0]), line: first.Content[0].Line}, true
}

// syntax reports what the YAML library could not parse.
func (d *decoder) syntax(err error) {
	le, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		d.fail(value{}, "is not YAML that can be read: check it with an editor that knows YAML")
		return
	}
	at := value{line: le.Mark.Line}
	if strings.HasPrefix(le.Message, "unknown anchor") { // the message repeats the text, which may be a password
		d.fail(at, "a value that starts with * is an alias in YAML, and this one refers to nothing: put the text in quotes")
		return
	}
	where := ""
	if le.ContextMsg != "" && le.ContextMark.Line > 0 && le.ContextMark.Line != le.Mark.Line {
		where = fmt.Sprintf(" (%s that starts on line %d)", le.ContextMsg, le.ContextMark.Line)
	}
	d.fail(at, "is not valid YAML: %s%s; check the indentation and quotes here", le.Message, where)
}

// within spends one unit of budget for each node, following aliases, and reports whether it lasted.
func within(n *yaml.Node, budget *int) bool {
	if *budget--; *budget < 0 {
		return false
	}
	if n.Kind == yaml.AliasNode {
		return within(n.Alias, budget)
	}
	for _, c := range n.Content {
		if !within(c, budget) {
			return false
		}
	}
	return true
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func is(n *yaml.Node, tags ...string) bool {
	for _, t := range tags {
		if n.ShortTag() == t {
			return true
		}
	}
	return false
}

// describe names a node's type for a message, without its value.
func describe(n *yaml.Node) string {
	switch n.ShortTag() {
	case "!!map":
		return "a mapping"
	case "!!seq":
		return "a list"
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	case "!!null":
		return "nothing"
	}
	return "a value with a tag of its own"
}

// entry is one key of a mapping with its value.
type entry struct {
	key string
	value
}

// entries returns the keys of a mapping in their order, each once.
func (d *decoder) entries(v value) []entry {
	if v.node.Kind != yaml.MappingNode || !is(v.node, "!!map") {
		d.fail(v, "must be a mapping of keys to values, not %s", describe(v.node))
		return nil
	}
	var list []entry
	first := map[string]int{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, line := resolve(v.node.Content[i]), v.node.Content[i].Line
		if key.Kind != yaml.ScalarNode || !is(key, "!!str", "!!int", "!!float", "!!bool", "!!timestamp") {
			d.fail(value{path: v.path, line: line}, "has a key that is not plain text: merge keys (<<) and keys made of other values are not accepted")
			continue
		}
		e := entry{key.Value, value{resolve(v.node.Content[i+1]), join(v.path, key.Value), line}}
		if at := first[e.key]; at > 0 {
			d.fail(e.value, "is written twice, first on line %d: remove one of the two", at)
			continue
		}
		first[e.key] = line
		list = append(list, e)
	}
	return list
}

// items returns the values of a list. An empty list is refused: nobody can tell whether it means none or all.
func (d *decoder) items(v value) []value {
	if v.node.Kind != yaml.SequenceNode || !is(v.node, "!!seq") {
		d.fail(v, "must be a list, such as [a, b], not %s", describe(v.node))
		return nil
	}
	if len(v.node.Content) == 0 {
		d.fail(v, "is an empty list: list at least one, or remove the key")
	}
	list := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		list[i] = value{resolve(n), fmt.Sprintf("%s[%d]", v.path, i), n.Line}
	}
	return list
}

// field is one key that a mapping may have.
type field struct {
	key  string
	add  string // for a required key: what to add when it is missing
	read reader
	null bool // a written null is a value like others; a key with nothing after it is not
}

func must(key, add string, read reader) field { return field{key: key, add: add, read: read} }
func may(key string, read reader) field       { return field{key: key, read: read} }

// object decodes a mapping with known keys.
func (d *decoder) object(v value, fields ...field) {
	entries := d.entries(v)
	if entries == nil && v.node.Kind != yaml.MappingNode {
		return
	}
	seen := map[string]bool{}
	for _, e := range entries {
		seen[e.key] = true
		f, ok := pick(fields, e.key)
		switch {
		case !ok:
			d.fail(e.value, "unknown key%s", meant(e.key, keys(fields)))
		case is(e.node, "!!null") && f.null && e.node.Value != "":
			f.read(e.value)
		case is(e.node, "!!null") && f.add != "":
			d.fail(e.value, "has no value: add %s", f.add)
		case is(e.node, "!!null"):
			d.fail(e.value, "has no value: give it one or remove the key")
		default:
			f.read(e.value)
		}
	}
	for _, f := range fields {
		if f.add != "" && !seen[f.key] {
			d.fail(value{path: join(v.path, f.key), line: v.line}, "is missing: add %s", f.add)
		}
	}
}

func pick(fields []field, key string) (field, bool) {
	for _, f := range fields {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

func keys(fields []field) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.key
	}
	return list
}

// at finds a value below v by its keys, for a check that comes later.
func at(v value, keys ...string) (value, bool) {
	for _, key := range keys {
		found := false
		for i := 0; !found && v.node.Kind == yaml.MappingNode && i+1 < len(v.node.Content); i += 2 {
			if k := v.node.Content[i]; k.Value == key {
				v, found = value{resolve(v.node.Content[i+1]), join(v.path, key), k.Line}, true
			}
		}
		if !found {
			return value{}, false
		}
	}
	return v, true
}

var plainKey = regexp.MustCompile(`^[\w@-]{1,60}$`)

func join(path, key string) string {
	if shown := show(key); shown == hidden || !plainKey.MatchString(key) {
		key = shown
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// text reads a scalar that is not empty. An identifier that looks like a number keeps its zeros: 0012 stays 0012.
func (d *decoder) text(out *string) reader {
	return func(v value) {
		if s, ok := d.scalar(v); ok && strings.TrimSpace(s) == "" {
			d.fail(v, "is empty: give it a value or remove the key")
		} else if ok {
			*out = s
		}
	}
}

func (d *decoder) scalar(v value) (string, bool) {
	if v.node.Kind != yaml.ScalarNode || !is(v.node, "!!str", "!!int", "!!float", "!!timestamp") {
		hint := ""
		if is(v.node, "!!bool") {
			hint = ": put the word in quotes if it is meant as text"
		}
		d.fail(v, "must be text, not %s%s", describe(v.node), hint)
		return "", false
	}
	return v.node.Value, true
}

// matching reads text of one shape.
func (d *decoder) matching(out *string, shape *regexp.Regexp, sentence string) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s == "" {
			return
		}
		if !shape.MatchString(s) {
			d.fail(v, "%s, not %s", sentence, show(s))
			return
		}
		*out = s
	}
}

// choice reads one of a few words.
func choice[T ~string](d *decoder, out *T, choices ...T) reader {
	return func(v value) {
		var s string
		if d.text(&s)(v); s == "" {
			return
		}
		if slices.Contains(choices, T(s)) {
			*out = T(s)
			return
		}
		hint := ""
		if near, ok := spell.Nearest(s, words(choices)); ok {
			hint = "; did you mean " + near + "?"
		}
		d.fail(v, "must be one of %s, not %s%s", strings.Join(words(choices), ", "), show(s), hint)
	}
}

func words[T ~string](all []T) []string {
	list := make([]string, len(all))
	for i, w := range all {
		list[i] = string(w)
	}
	return list
}

// list reads scalars, each with the reader that item gives, and refuses repetitions.
func list[T ~string](d *decoder, out *[]T, item func(*T) reader) reader {
	return func(v value) {
		first := map[T]int{}
		for _, i := range d.items(v) {
			var s T
			item(&s)(i)
			switch {
			case s == "": // reported already
			case first[s] > 0:
				d.fail(i, "is listed twice, first on line %d: remove one of the two", first[s])
			default:
				first[s] = i.line
				*out = append(*out, s)
			}
		}
	}
}

func (d *decoder) flag(out *bool) reader {
	return func(v value) {
		if b, ok := boolean(v.node); ok {
			*out = b
			return
		}
		d.fail(v, "must be true or false, not %s", describe(v.node))
	}
}

func boolean(node *yaml.Node) (b, ok bool) {
	parsed, err := strconv.ParseBool(strings.ToLower(node.Value))
	return parsed, err == nil && is(node, "!!bool")
}

// whole reads a whole number from low to high.
func whole[T int | int64](d *decoder, out *T, low, high int64) reader {
	return func(v value) {
		n, ok := decimal(v.node)
		switch {
		case !ok:
			d.fail(v, "must be a whole number in plain digits, without quotes")
		case n >= low && n <= high:
			*out = T(n)
		case n < low:
			d.fail(v, "must be at least %d, not %d", low, n)
		default:
			d.fail(v, "must be at most %d, not %d", high, n)
		}
	}
}

// decimal reads plain digits. Leading zeros are refused, because YAML 1.1 took them for octal.
func decimal(node *yaml.Node) (int64, bool) {
	digits := strings.TrimPrefix(node.Value, "-")
	if !is(node, "!!int") || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseInt(node.Value, 10, 64)
	return n, err == nil
}
