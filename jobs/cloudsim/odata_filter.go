package cloudsim

import (
	"reflect"
	"slices"
	"strings"
)

// predicate decides about a row.
type predicate func(row reflect.Value) bool

// parseFilter reads a $filter of comparisons joined by and, or, not and parentheses. As in F&O there is no in, has
// or contains: text is searched with wildcards, as in Name eq 'Anna*'. An empty filter keeps everything.
func parseFilter(s *entitySet, text string) (predicate, error) {
	if strings.TrimSpace(text) == "" {
		return func(reflect.Value) bool { return true }, nil
	}
	f := &filterParser{set: s, lexer: lexer{text: text}}
	p, err := f.or()
	if err != nil {
		return nil, err
	}
	if t := f.next(); t.kind != end {
		return nil, f.syntax(t)
	}
	return p, nil
}

type filterParser struct {
	lexer
	set *entitySet
}

func (f *filterParser) syntax(at lexToken) error {
	return said("Syntax error at '%s' in '%s'.", at.text, f.text)
}

func (f *filterParser) or() (predicate, error) {
	left, err := f.and()
	for err == nil && f.peek().text == "or" {
		f.next()
		var right predicate
		l := left
		right, err = f.and()
		left = func(r reflect.Value) bool { return l(r) || right(r) }
	}
	return left, err
}

func (f *filterParser) and() (predicate, error) {
	left, err := f.unary()
	for err == nil && f.peek().text == "and" {
		f.next()
		var right predicate
		l := left
		right, err = f.unary()
		left = func(r reflect.Value) bool { return l(r) && right(r) }
	}
	return left, err
}

func (f *filterParser) unary() (predicate, error) {
	switch t := f.peek(); {
	case t.kind == word && t.text == "not":
		f.next()
		p, err := f.unary()
		return func(r reflect.Value) bool { return !p(r) }, err
	case t.kind == mark && t.text == "(":
		f.next()
		p, err := f.or()
		if err != nil {
			return nil, err
		}
		if t := f.next(); t.text != ")" {
			return nil, f.syntax(t)
		}
		return p, nil
	}
	return f.comparison()
}

// comparison reads a property, an operator and a literal.
func (f *filterParser) comparison() (predicate, error) {
	name := f.next()
	if name.kind != word {
		return nil, f.syntax(name)
	}
	if f.peek().text == "(" {
		return nil, said("An unknown function with name '%s' was found.", name.text)
	}
	p, ok := f.set.property(name.text)
	if !ok {
		return nil, f.set.noProperty(name.text)
	}
	op := f.next()
	if !slices.Contains([]string{"eq", "ne", "gt", "ge", "lt", "le"}, op.text) || op.kind != word {
		return nil, f.syntax(op)
	}
	lit, err := f.next().literal()
	if err != nil {
		return nil, err
	}
	want, err := p.accept(lit)
	if err != nil {
		return nil, err
	}
	if p.enum != "" && op.text != "eq" && op.text != "ne" {
		return nil, said("The operator '%s' is not supported for the enum '%s'.", op.text, p.edmType())
	}
	if s, ok := want.(string); ok && p.enum == "" && strings.Contains(s, "*") && (op.text == "eq" || op.text == "ne") {
		return func(r reflect.Value) bool { return wildcard(s, p.get(r).(string)) == (op.text == "eq") }, nil
	}
	return func(r reflect.Value) bool {
		n := compareValues(p.get(r), want)
		switch op.text {
		case "eq":
			return n == 0
		case "ne":
			return n != 0
		case "gt":
			return n > 0
		case "ge":
			return n >= 0
		case "lt":
			return n < 0
		default:
			return n <= 0
		}
	}, nil
}

// wildcard matches text without case against a pattern in which * stands for anything.
func wildcard(pattern, text string) bool {
	parts := strings.Split(strings.ToLower(pattern), "*")
	text = strings.ToLower(text)
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, last)
}
