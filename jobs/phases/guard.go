package phases

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
)

// guard looks for what must not be so when users get in, such as production's mail server. Records are compared
// here and not by a filter of the service: F&O's filters differ in what they support from entity to entity.
func (p *Performer) guard(ctx context.Context, j job) refresh.Outcome {
	want, err := params[GuardParams](j.step)
	if err != nil {
		return failed(err)
	}
	c := checks{}
	for _, probe := range want.Probes {
		rows, err := j.target.Rows(ctx, refresh.Query{Entity: probe.Entity, CrossCompany: true})
		if err != nil {
			c.try(probe.Name, err, "")
			continue
		}
		if field := unknownField(rows, probe.Where); field != "" { // it could never find anything
			c.that(probe.Name, false, "", "%s has no field %s. Write it as F&O does, upper and lower case included.", probe.Entity, field)
			continue
		}
		var found []string
		for _, row := range rows {
			if matches(row, probe.Where) {
				found = append(found, describe(row, probe.Where))
			}
		}
		c.that(probe.Name, len(found) == 0, fmt.Sprintf("none of %d records of %s", len(rows), probe.Entity), "%s has %s", probe.Entity, some(found))
	}
	o := judged(c.findings, c.errs, refresh.Count(len(c.findings), "probe")+" found nothing of the source's")
	if o.Result == refresh.Failure {
		o.Problem.Message = "Users must not get in yet. " + o.Problem.Message
	}
	return o
}

func matches(row, where map[string]any) bool {
	for field, want := range where {
		is, ok := row[field]
		if !ok || !same(is, want) {
			return false
		}
	}
	return true
}

// unknownField returns a field that none of the rows has; a row has its empty fields, too.
func unknownField(rows []map[string]any, where map[string]any) string {
	for _, field := range slices.Sorted(maps.Keys(where)) {
		has := func(row map[string]any) bool { _, ok := row[field]; return ok }
		if len(rows) > 0 && !slices.ContainsFunc(rows, has) {
			return field
		}
	}
	return ""
}

// same compares a value of F&O with one of the configuration. F&O writes yes and no as a bool or as the enum NoYes,
// and a real number with or without its decimals.
func same(is, want any) bool {
	if strings.EqualFold(fmt.Sprint(is), fmt.Sprint(want)) {
		return true
	}
	switch want := want.(type) {
	case bool:
		return want && is == "Yes" || !want && is == "No"
	case json.Number:
		n, ok := is.(json.Number)
		if !ok || !strings.ContainsAny(n.String()+want.String(), ".eE") {
			return false // as integers they differ
		}
		a, errA := n.Float64()
		b, errB := want.Float64()
		return errA == nil && errB == nil && a == b
	}
	return false
}

func describe(row, where map[string]any) string {
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(where)) {
		parts = append(parts, fmt.Sprintf("%s %v", field, row[field]))
	}
	if company, ok := row["dataAreaId"]; ok {
		parts = append(parts, fmt.Sprintf("in %v", company))
	}
	return strings.Join(parts, ", ")
}
