package config

import (
	"math"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// parameters reads a mapping into what encoding/json would make of it, with int64 for whole numbers.
func (d *decoder) parameters(out *map[string]any) reader {
	return func(v value) {
		m := map[string]any{}
		for _, e := range d.entries(v) {
			m[e.key] = d.parameter(e.value)
		}
		*out = m
	}
}

// fields reads fields of a record with simple values: string, int64 or bool. why completes the sentence about
// another value.
func (d *decoder) fields(out *map[string]any, why string) reader {
	return func(v value) {
		m := map[string]any{}
		for _, e := range d.entries(v) {
			switch {
			case !identifier.MatchString(e.key):
				d.fail(e.value, "must be the name of a field, such as dataAreaId")
			case !is(e.node, "!!str", "!!int", "!!bool"):
				d.fail(e.value, "must be text, a whole number, or true or false, not %s: %s", describe(e.node), why)
			default:
				m[e.key] = d.parameter(e.value)
			}
		}
		*out = m
	}
}

func (d *decoder) notEmpty(v value, keys ...string) {
	for _, key := range keys {
		if c, ok := at(v, key); ok && is(c.node, "!!map") && len(c.node.Content) == 0 {
			d.fail(c, "is empty: name at least one field")
		}
	}
}

// parameter reads any value that JSON knows.
func (d *decoder) parameter(v value) any {
	switch {
	case v.node.Kind == yaml.MappingNode && is(v.node, "!!map"):
		var m map[string]any
		d.parameters(&m)(v)
		return m
	case v.node.Kind == yaml.SequenceNode && is(v.node, "!!seq"):
		list := make([]any, len(v.node.Content))
		for i, n := range v.node.Content {
			list[i] = d.parameter(value{resolve(n), v.path + "[" + strconv.Itoa(i) + "]", n.Line})
		}
		return list
	case v.node.Kind != yaml.ScalarNode: // a list or mapping with another tag: refused below
	case is(v.node, "!!null"):
		return nil
	case is(v.node, "!!bool"):
		if b, ok := boolean(v.node); ok {
			return b
		}
	case is(v.node, "!!str", "!!timestamp"): // JSON has no dates: they stay as written
		return v.node.Value
	case is(v.node, "!!int"):
		if n, ok := decimal(v.node); ok {
			return n
		}
		d.fail(v, "must be a whole number in plain digits; put it in quotes if it is text, such as an id with leading zeros")
		return nil
	case is(v.node, "!!float"):
		if f, err := strconv.ParseFloat(v.node.Value, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
		d.fail(v, "must be a number that JSON can hold; put it in quotes if it is text")
		return nil
	}
	d.fail(v, "must be text, a number, true or false, a list or a mapping, without a tag of its own")
	return nil
}
