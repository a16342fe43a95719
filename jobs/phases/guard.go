package phases

import (
	"context"
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
		var found []string
		for _, row := range rows {
			if matches(row, probe.Where) {
				found = append(found, describe(row, probe.Where))
			}
		}
		c.that(probe.Name, len(found) == 0, fmt.Sprintf("none of %d records of %s", len(rows), probe.Entity), "%s has %s", probe.Entity, some(found))
	}
	o := judged(c.findings, c.errs, fmt.Sprintf("%d probes found nothing of the source's", len(c.findings)))
	if o.Result == refresh.Failure && o.Problem.Code == refresh.Refused {
		o.Problem.Message = "Users must not get in yet. " + o.Problem.Message
	}
	return o
}

func matches(row, where map[string]any) bool {
	for field, want := range where {
		is, ok := row[field]
		if !ok || !strings.EqualFold(fmt.Sprint(is), fmt.Sprint(want)) {
			return false
		}
	}
	return true
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
