package finops

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"refreshbot/jobs/refresh"
)

// WriteAll makes many changes, each once and each on its own: one that is refused keeps none of the others. They go
// in $batch requests of several change sets, a few requests at a time; how many follows from what the environment
// bears. A change set that is refused is split until the row that is to blame stands alone.
//
// The first result has one error per change, in their order, nil for one that was made: Refused and NotFound with the
// environment's reason, Invalid for what cannot be written. The second is what stopped the whole: Denied, Offline or
// Throttled when nothing was taken for ten minutes, or the context's end. Then what was not made has that error.
//
// Everything may be repeated: what is so already stays, an insert whose row exists and a delete whose row is gone count
// as made. Changes to one row are made in their order, and equal ones once.
func (c *Client) WriteAll(ctx context.Context, changes []refresh.Change) ([]error, error) {
	rows := make([]write, len(changes))
	errs := make([]error, len(changes))
	for i, ch := range changes {
		rows[i], errs[i] = c.compile(ch)
	}
	return errs, c.writeAll(ctx, rows, errs)
}

// EnableUsers lets users sign in, as WriteAll does. The map has an error for each user who could not be enabled, by
// the id as given; it is empty when all could.
func (c *Client) EnableUsers(ctx context.Context, ids []string) (map[string]error, error) {
	rows := make([]write, len(ids))
	errs := make([]error, len(ids))
	for i, id := range ids {
		if id == "" {
			errs[i] = refresh.Errorf(refresh.Invalid, "There is no user without an id.")
		}
		rows[i] = write{doing: "enabling user " + id, method: http.MethodPatch, url: c.data(userPath(id)), body: []byte(`{"Enabled":true}`)}
	}
	err := c.writeAll(ctx, rows, errs)
	refused := map[string]error{}
	for i, e := range errs {
		if e != nil {
			refused[ids[i]] = e
		}
	}
	return refused, err
}

// compile turns a change into an operation of a batch.
func (c *Client) compile(ch refresh.Change) (write, error) {
	rec := ch.Record
	w := write{method: ch.Method}
	verbs := map[string]string{http.MethodPatch: "writing ", http.MethodPost: "adding ", http.MethodDelete: "deleting "}
	if verbs[ch.Method] == "" {
		return w, refresh.Errorf(refresh.Invalid, "A change of %s must be PATCH, POST or DELETE, not %q.", rec.Entity, ch.Method)
	}
	if !identifier.MatchString(rec.Entity) {
		return w, refresh.Errorf(refresh.Invalid, "%q is not the name of an OData entity.", rec.Entity)
	}
	address, shown, err := rowAddress(rec)
	if err != nil {
		return w, err
	}
	set := rec.Set
	switch {
	case ch.Method != http.MethodPost && len(rec.Key) == 0, ch.Method == http.MethodPatch && len(set) == 0, len(rec.Key)+len(set) == 0:
		return w, refresh.Errorf(refresh.Invalid, "Writing %s needs all its key fields and at least one field to set.", rec.Entity)
	case ch.Method == http.MethodPost:
		set = map[string]any{}
		for name, v := range rec.Key {
			if s, ok := v.(string); ok && enumLiteral.MatchString(s) { // in a body an enum value is its plain name
				v = strings.Split(s, "'")[1]
			}
			set[name] = v
		}
		maps.Copy(set, rec.Set)
		w.doing, w.url = verbs[ch.Method]+shown, c.data(rec.Entity)
		if len(rec.Key) > 0 {
			w.exists = c.data(address)
		}
	default:
		w.doing, w.url = verbs[ch.Method]+shown, c.data(address)
	}
	if ch.Method != http.MethodDelete {
		if w.body, err = json.Marshal(set); err != nil {
			return w, &refresh.Error{Code: refresh.Invalid, Msg: fmt.Sprintf("The values for %s cannot be written as JSON.", w.doing), Err: err}
		}
	}
	return w, nil
}

// row is what two operations have in common that are about the same row. Key values are compared as the database
// does, without case. An insert without a known key is a row of its own unless it is the same in all fields.
func (w write) row() string {
	switch {
	case w.exists != "":
		return strings.ToLower(w.exists)
	case w.method == http.MethodPost:
		return w.url + " " + string(w.body)
	default:
		return strings.ToLower(w.url)
	}
}

func (w write) same(as write) bool { return w.method == as.method && string(w.body) == string(as.body) }

// writeAll makes the changes that have no error yet. Those to one row follow each other in passes.
func (c *Client) writeAll(ctx context.Context, rows []write, errs []error) error {
	if c.broken != nil {
		fill(errs, c.broken)
		return c.broken
	}
	left := make([]int, 0, len(rows))
	for i := range rows {
		if errs[i] == nil {
			left = append(left, i)
		}
	}
	for len(left) > 0 {
		w := newWriting(c)
		var later []int
		first, deferred := map[string]int{}, map[string]bool{} // by row: its place in w.rows; whether one had to wait
		for _, i := range left {
			key := rows[i].row()
			switch at, seen := first[key]; {
			case !seen:
				first[key] = len(w.rows)
				w.add(rows[i], i)
			case !deferred[key] && rows[i].same(w.rows[at].write):
				w.rows[at].changes = append(w.rows[at].changes, i)
			default:
				deferred[key] = true
				later = append(later, i)
			}
		}
		err := w.run(ctx)
		for _, r := range w.rows {
			for _, i := range r.changes {
				if errs[i] = r.err; !r.settled {
					errs[i] = err
				}
			}
		}
		if err != nil {
			for _, i := range later {
				errs[i] = err
			}
			return err
		}
		left = later
	}
	return nil
}

func fill(errs []error, err error) {
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
}

// rowAddress writes the path of the row that the record names, and how to show it. Without a key it is the set's.
func rowAddress(rec refresh.Record) (address, shown string, err error) {
	names := slices.Sorted(maps.Keys(rec.Key))
	readable, parts := make([]string, len(names)), make([]string, len(names))
	company := false
	for i, name := range names {
		lit, err := literal(rec.Key[name])
		if err != nil || !identifier.MatchString(name) {
			return "", "", &refresh.Error{Code: refresh.Invalid, Msg: fmt.Sprintf("The key field %q of %s cannot be written in an address: its value must be a text, a number, true or false, or a time.", name, rec.Entity), Err: err}
		}
		readable[i], parts[i] = name+"="+lit, name+"="+escape(lit)
		company = company || strings.EqualFold(name, "dataAreaId")
	}
	if len(names) == 0 {
		return rec.Entity, rec.Entity, nil
	}
	address = rec.Entity + "(" + strings.Join(parts, ",") + ")"
	if company {
		address += "?cross-company=true" // without it only the default company's rows exist
	}
	return address, rec.Entity + "(" + strings.Join(readable, ",") + ")", nil
}
