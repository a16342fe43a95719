package config

import (
	"fmt"
	"slices"
	"strings"

	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

// keyParallel holds items that may be performed side by side.
const keyParallel = "parallel"

// itemKind is a kind of item of reconfigure; its key in the file is the kind itself.
type itemKind struct {
	kind refresh.Kind
	name string // where there is no need to write one
	read func(itemDecoder, value)
}

func itemKinds() []itemKind {
	return []itemKind{
		{refresh.KindBatchGroups, "Batch groups", itemDecoder.batchGroups},
		{refresh.KindEmail, "E-mail parameters", itemDecoder.email},
		{refresh.KindBatchJobs, "Batch jobs to Waiting", itemDecoder.batchJobs},
		{refresh.KindEntityStore, "Entity store", itemDecoder.entityStore},
		{refresh.KindParameters, "System parameters", itemDecoder.systemParameters},
		{refresh.KindEncrypted, "", itemDecoder.encryptedField},
		{refresh.KindService, "", itemDecoder.service},
		{refresh.KindOData, "", itemDecoder.odata},
		{refresh.KindPackage, "", itemDecoder.dataPackage},
		{refresh.KindHTTP, "", itemDecoder.outsideSystem},
		{refresh.KindManual, "", itemDecoder.manual},
	}
}

func (d *decoder) reconfigure(out *[]phases.Item) reader {
	return func(v value) {
		l := itemList{decoder: d, named: map[string]int{}}
		for _, i := range d.items(v) {
			l.add(i, "")
		}
		*out = l.items
	}
}

// itemList collects the items of one environment.
type itemList struct {
	*decoder
	items  []phases.Item
	named  map[string]int // line by name
	groups int
}

// add reads a mapping with one key, the kind. The items of a group belong to one parallel.
func (l *itemList) add(v value, group string) {
	entries := l.entries(v)
	if len(entries) == 0 {
		return
	}
	e := entries[0]
	switch k := slices.IndexFunc(itemKinds(), func(k itemKind) bool { return string(k.kind) == e.key }); {
	case len(entries) > 1:
		l.fail(entries[1].value, "a step has one key, and this one has %s already: start a new item with -", e.key)
	case is(e.node, "!!null"):
		l.fail(e.value, "has no value: say what is to be done, or remove the step")
	case group != "" && (e.key == keyParallel || e.key == string(refresh.KindManual)):
		l.fail(e.value, "cannot stand in parallel: move it out, to an item of its own")
	case e.key == keyParallel:
		l.groups++
		for _, i := range l.decoder.items(e.value) {
			l.add(i, fmt.Sprintf("%s-%d", keyParallel, l.groups))
		}
	case k < 0:
		var known []string
		for _, k := range itemKinds() {
			known = append(known, string(k.kind))
		}
		l.fail(e.value, "there is no step of this kind; the kinds are %s", strings.Join(append(known, keyParallel), ", "))
	default:
		l.keep(v, e, itemKinds()[k], group)
	}
}

// keep reads an item of a known kind.
func (l *itemList) keep(v value, e entry, k itemKind, group string) {
	item := phases.Item{Kind: k.kind, Name: k.name, Group: group}
	k.read(itemDecoder{l.decoder, &item}, e.value)
	if item.Name == "" { // reported already
		return
	}
	imports := func(i phases.Item) bool { return i.Kind == refresh.KindPackage && i.Group == group }
	if item.Kind == refresh.KindPackage && group != "" && slices.ContainsFunc(l.items, imports) {
		// Microsoft Learn, "Recurring integrations: data management package REST API".
		l.fail(e.value, "is a second package in one parallel, and F&O imports one at a time: move it out, to an item of its own")
	}
	if at := l.named[strings.ToLower(item.Name)]; at > 0 {
		l.fail(v, "%s is here twice, first on line %d: give each step a name of its own, and put what is alike into one", show(item.Name), at)
		return
	}
	l.named[strings.ToLower(item.Name)] = v.line
	l.items = append(l.items, item)
}

// itemDecoder reads one item.
type itemDecoder struct {
	*decoder
	item *phases.Item
}

const aName = "a name that people read on the card"

// object decodes the item's mapping: the keys of its kind, and those that every item may have.
func (d itemDecoder) object(v value, fields ...field) {
	name := may("name", d.text(&d.item.Name))
	if d.item.Name == "" {
		name = must("name", aName, d.text(&d.item.Name))
	}
	when, onFailure := "", ""
	d.decoder.object(v, slices.Concat([]field{name}, fields, []field{
		may("when", choice(d.decoder, &when, "always", "if_installed")),
		may("on_failure", choice(d.decoder, &onFailure, "ask", "continue", "stop")),
		may("retries", whole(d.decoder, &d.item.Retries, 0, 20)),
	})...)
	d.item.IfInstalled = when == "if_installed"
	if onFailure != "ask" {
		d.item.OnFailure = refresh.OnFailure(onFailure)
	}
}
