package cloudsim

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// keyPart is one value in a key as written; its name is empty in the short form Set('x').
type keyPart struct {
	name  string
	value literal
}

// splitPath takes apart Set, Set(key), Set/rest and Set(key)/rest. A key that is absent is nil.
func splitPath(path string) (set string, key []keyPart, rest string, err error) {
	end := strings.IndexAny(path, "(/")
	if end < 0 {
		return path, nil, "", nil
	}
	set = path[:end]
	if path[end] == '/' {
		return set, nil, path[end+1:], nil
	}
	l := &lexer{text: path[end+1:]}
	key = []keyPart{}
	for {
		t := l.next()
		var part keyPart
		if t.kind == word && l.peek().text == "=" {
			part.name = t.text
			l.next()
			t = l.next()
		}
		if part.value, err = t.literal(); err != nil {
			return "", nil, "", err
		}
		key = append(key, part)
		switch t = l.next(); t.text {
		case ",":
			continue
		case ")":
			return set, key, strings.TrimPrefix(l.rest(), "/"), nil
		}
		return "", nil, "", said("Bad Request - Error in query syntax: '%s'.", path)
	}
}

// keyValues matches what was written with the set's key: all fields, each of the right type.
func (s *entitySet) keyValues(parts []keyPart) (map[string]any, error) {
	values := map[string]any{}
	var names []string
	for _, p := range s.props {
		if p.key {
			names = append(names, p.name)
		}
	}
	for _, part := range parts {
		name := part.name
		if name == "" && len(names) == 1 && len(parts) == 1 {
			name = names[0]
		}
		p, ok := s.property(name)
		if !ok || !p.key {
			return nil, said("The key in the request URI is not valid: '%s' is not a key property of '%s%s'.", name, enumPrefix, s.entity)
		}
		v, err := p.accept(part.value)
		if err != nil {
			return nil, err
		}
		values[name] = v
	}
	if len(values) != len(names) {
		return nil, said("The number of keys specified in the URI does not match number of key properties for the resource '%s%s'.", enumPrefix, s.entity)
	}
	return values, nil
}

func (s *entitySet) matches(row reflect.Value, key map[string]any) bool {
	for name, want := range key {
		p, _ := s.property(name)
		is := p.get(row)
		if text, ok := is.(string); ok {
			if !strings.EqualFold(text, want.(string)) {
				return false
			}
		} else if compareValues(is, want) != 0 {
			return false
		}
	}
	return true
}

// literal is a constant in a key or a filter.
type literal struct {
	value any    // string, int64, bool, time.Time or nil
	enum  string // the enum's name, for a member of one
}

// accept gives the literal's value if its type is the property's.
func (p property) accept(l literal) (any, error) {
	ok := false
	switch l.value.(type) {
	case string:
		ok = p.kind.Kind() == reflect.String && l.enum == p.enum
	case int64:
		ok = p.kind.Kind() == reflect.Int || p.kind.Kind() == reflect.Int64
	case bool:
		ok = p.kind.Kind() == reflect.Bool
	case time.Time:
		ok = p.kind == reflect.TypeFor[time.Time]()
	}
	if !ok {
		return nil, said("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind 'Equal'.",
			p.edmType(), l.edmType())
	}
	return l.value, nil
}

func (l literal) edmType() string {
	switch l.value.(type) {
	case string:
		if l.enum != "" {
			return enumPrefix + l.enum
		}
		return "Edm.String"
	case int64:
		return "Edm.Int32"
	case bool:
		return "Edm.Boolean"
	case time.Time:
		return "Edm.DateTimeOffset"
	}
	return "<null>"
}

// compareValues orders two values of one property. Text is compared as the database's collation does: without case.
func compareValues(a, b any) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(strings.ToLower(a), strings.ToLower(b.(string)))
	case int64:
		switch b := b.(int64); {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	case bool:
		switch b := b.(bool); {
		case a == b:
			return 0
		case a:
			return 1
		}
		return -1
	case time.Time:
		return a.Compare(b.(time.Time))
	}
	return 0
}

// tokenKind tells apart what a lexer finds.
type tokenKind int

const (
	end    tokenKind = iota
	word             // a name, number, date or keyword
	quoted           // 'text', possibly after an enum's name
	mark             // ( ) , =
)

type lexToken struct {
	kind tokenKind
	text string // of a quoted one, what is between the quotes
	enum string
}

// lexer reads keys and filters.
type lexer struct {
	text string
	pos  int
}

func (l *lexer) rest() string { return l.text[l.pos:] }

func (l *lexer) peek() lexToken {
	saved := l.pos
	t := l.next()
	l.pos = saved
	return t
}

func (l *lexer) next() lexToken {
	for l.pos < len(l.text) && l.text[l.pos] == ' ' {
		l.pos++
	}
	if l.pos == len(l.text) {
		return lexToken{}
	}
	if strings.IndexByte("(),=", l.text[l.pos]) >= 0 {
		l.pos++
		return lexToken{kind: mark, text: l.text[l.pos-1 : l.pos]}
	}
	start := l.pos
	for l.pos < len(l.text) && strings.IndexByte(" (),='", l.text[l.pos]) < 0 {
		l.pos++
	}
	name := l.text[start:l.pos]
	if l.pos == len(l.text) || l.text[l.pos] != '\'' {
		return lexToken{kind: word, text: name}
	}
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		if l.text[l.pos] == '\'' {
			if l.pos+1 == len(l.text) || l.text[l.pos+1] != '\'' {
				l.pos++
				return lexToken{kind: quoted, text: b.String(), enum: name}
			}
			l.pos++ // two quotes stand for one
		}
		b.WriteByte(l.text[l.pos])
	}
	return lexToken{kind: mark, text: "unterminated string"}
}

func (t lexToken) literal() (literal, error) {
	switch {
	case t.kind == quoted && t.enum == "":
		return literal{value: t.text}, nil
	case t.kind == quoted:
		enum, ok := strings.CutPrefix(t.enum, enumPrefix)
		if !ok {
			return literal{}, said("Unrecognized literal '%s'.", t.enum)
		}
		return literal{value: t.text, enum: enum}, nil
	case t.kind != word:
		return literal{}, said("Syntax error: an expression was expected.")
	case t.text == "true" || t.text == "false":
		return literal{value: t.text == "true"}, nil
	case t.text == "null":
		return literal{}, nil
	}
	if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		return literal{value: n}, nil
	}
	if at, err := time.Parse(time.RFC3339, t.text); err == nil {
		return literal{value: at}, nil
	}
	return literal{}, said("Syntax error: '%s' is not a literal.", t.text)
}
