package config

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Step is one item of reconfigure. Kind says which of the pointers is set.
type Step struct {
	Kind        StepKind
	BatchGroups []BatchGroup // for KindBatchGroups
	Email       *Email
	BatchJobs   *BatchJobs
	Service     *Service
	OData       *OData
	Manual      *Manual
}

// StepKind is the key of an item of reconfigure.
type StepKind string

// The kinds of step.
const (
	KindBatchGroups StepKind = "batch_groups"
	KindEmail       StepKind = "email"
	KindBatchJobs   StepKind = "batch_jobs"
	KindService     StepKind = "service"
	KindOData       StepKind = "odata"
	KindManual      StepKind = "manual"
)

// Name is unique among the steps of one environment: the written name, or the kind where there is no name.
func (s Step) Name() string {
	switch {
	case s.Service != nil:
		return s.Service.Name
	case s.OData != nil:
		return s.OData.Name
	case s.Manual != nil:
		return s.Manual.Name
	}
	return string(s.Kind)
}

// BatchGroup is a batch group to create and the batch servers that join it.
type BatchGroup struct {
	Group       string // "" is F&O's default group
	Description string
	Servers     []string // empty: every batch server
}

// Email is the outgoing mail server. No API can set its password.
type Email struct {
	Server     string
	Port       int
	User       string // empty: none
	RequireSSL bool   // default true
}

// BatchJobs are the jobs to release.
type BatchJobs struct {
	ToWaiting []string // descriptions
}

// Service is a call of a custom service.
type Service struct {
	Name string
	Path string         // Group/Service/Operation
	Body map[string]any // JSON values: string, int64, float64, bool, nil, []any, map[string]any; nil without a body
}

// OData is a write to one record.
type OData struct {
	Name   string
	Entity string         // entity set
	Key    map[string]any // string, int64 or bool
	Set    map[string]any // JSON values, as in Service.Body
}

// Manual is a step that a person does and confirms.
type Manual struct {
	Name string
	Text string
}

func (d *decoder) reconfigure(out *[]Step) reader {
	return func(v value) {
		first := map[string]int{}
		for _, i := range d.items(v) {
			var s Step
			if !d.step(i, &s) || s.Name() == "" { // a missing name is reported already
				continue
			}
			name := strings.ToLower(s.Name())
			if at := first[name]; at > 0 {
				d.fail(i, "%s is here twice, first on line %d: give each step a name of its own, and put what is alike into one", show(s.Name()), at)
				continue
			}
			first[name] = i.line
			*out = append(*out, s)
		}
	}
}

// step reads a mapping with one key, the kind. It reports whether the kind is known.
func (d *decoder) step(v value, out *Step) bool {
	entries := d.entries(v)
	if len(entries) == 0 {
		return false
	}
	if len(entries) > 1 {
		d.fail(entries[1].value, "a step has one key, and this one has %s already: start a new item with -", entries[0].key)
		return false
	}
	e := entries[0]
	if is(e.node, "!!null") {
		d.fail(e.value, "has no value: say what is to be done, or remove the step")
		return false
	}
	switch out.Kind = StepKind(e.key); out.Kind {
	case KindBatchGroups:
		d.batchGroups(&out.BatchGroups)(e.value)
	case KindEmail:
		out.Email = &Email{RequireSSL: true}
		d.object(e.value,
			must("server", "the host name of the SMTP server", d.text(&out.Email.Server)),
			must("port", "the port of the SMTP server, such as 587", whole(d, &out.Email.Port, 1, math.MaxUint16)),
			may("user", d.text(&out.Email.User)),
			may("require_ssl", d.flag(&out.Email.RequireSSL)),
		)
	case KindBatchJobs:
		out.BatchJobs = &BatchJobs{}
		d.object(e.value, must("to_waiting", "the descriptions of the batch jobs to release", list(d, &out.BatchJobs.ToWaiting, d.text)))
	case KindService:
		out.Service = &Service{}
		d.object(e.value,
			must("name", aName, d.text(&out.Service.Name)),
			must("path", "the path of the operation, Group/Service/Operation", d.matching(&out.Service.Path, servicePath,
				"must be Group/Service/Operation, such as ContosoRefresh/PostRefresh/refreshEntityStore")),
			may("body", d.parameters(&out.Service.Body, false)),
		)
	case KindOData:
		out.OData = &OData{}
		d.object(e.value,
			must("name", aName, d.text(&out.OData.Name)),
			must("entity", "the entity set to write to, such as DocumentParameters", d.matching(&out.OData.Entity, identifier,
				"must be the name of an entity set, such as DocumentParameters")),
			must("key", "all key fields of the record, such as {dataAreaId: usmf, Key: 0}", d.parameters(&out.OData.Key, true)),
			must("set", "the fields to change", d.parameters(&out.OData.Set, false)),
		)
		d.notEmpty(e.value, "key", "set")
	case KindManual:
		out.Manual = &Manual{}
		d.object(e.value,
			must("name", aName, d.text(&out.Manual.Name)),
			must("text", "what the person is to do", d.text(&out.Manual.Text)),
		)
	default:
		known := []string{string(KindBatchGroups), string(KindEmail), string(KindBatchJobs), string(KindService), string(KindOData), string(KindManual)}
		d.fail(e.value, "there is no step of this kind; the kinds are %s", strings.Join(known, ", "))
		return false
	}
	return true
}

const aName = "a name that people read on the card"

func (d *decoder) batchGroups(out *[]BatchGroup) reader {
	return func(v value) {
		first := map[string]int{}
		for _, i := range d.items(v) {
			var g BatchGroup
			named := false
			d.object(i,
				must("group", `the batch group's id, "" for the default group`, func(v value) { g.Group, named = d.scalar(v) }),
				may("description", d.text(&g.Description)),
				may("servers", list(d, &g.Servers, d.text)),
			)
			if at := first[g.Group]; named && at > 0 {
				d.fail(i, "group %s is here twice, first on line %d: put its servers into one", show(g.Group), at)
			} else if named {
				first[g.Group] = i.line
				*out = append(*out, g)
			}
		}
	}
}

func (d *decoder) notEmpty(v value, keys ...string) {
	for _, key := range keys {
		if c, ok := at(v, key); ok && is(c.node, "!!map") && len(c.node.Content) == 0 {
			d.fail(c, "is empty: name at least one field")
		}
	}
}

// parameters reads a mapping into what encoding/json would make of it, with int64 for whole numbers. A key of a
// record has simple values only.
func (d *decoder) parameters(out *map[string]any, simple bool) reader {
	return func(v value) {
		m := map[string]any{}
		for _, e := range d.entries(v) {
			if simple && !identifier.MatchString(e.key) {
				d.fail(e.value, "must be the name of a key field, such as dataAreaId")
				continue
			}
			if simple && !is(e.node, "!!str", "!!int", "!!bool") {
				d.fail(e.value, "must be text, a whole number, or true or false, not %s: the value is part of a key", describe(e.node))
				continue
			}
			m[e.key] = d.parameter(e.value)
		}
		*out = m
	}
}

func (d *decoder) parameter(v value) any {
	switch {
	case v.node.Kind == yaml.MappingNode && is(v.node, "!!map"):
		var m map[string]any
		d.parameters(&m, false)(v)
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
