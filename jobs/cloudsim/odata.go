package cloudsim

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// serveOData answers one OData request; path is what follows /data/. Cloud.mu is held.
//
// Source: the page "Open Data Protocol (OData)" of Finance and Operations.
func (c *Cloud) serveOData(e *environment, who caller, r *request, path string) reply {
	q := &odataRequest{c: c, env: e, who: who, request: r}
	switch path {
	case "":
		return q.serviceDocument()
	case "$metadata":
		return q.metadata()
	}
	name, key, rest, err := splitPath(path)
	if err != nil {
		return queryFailure("%s", err)
	}
	i := slices.IndexFunc(c.sets, func(s *entitySet) bool { return s.name == name })
	if i < 0 {
		return odataError(http.StatusNotFound, fmt.Sprintf("Resource not found for the segment '%s'.", name), "", "")
	}
	q.set = c.sets[i]
	switch {
	case strings.HasPrefix(rest, enumPrefix):
		return q.action(strings.TrimPrefix(rest, enumPrefix), key)
	case rest == "$count" && key == nil && r.method == http.MethodGet:
		return q.list(true)
	case rest != "":
		return odataError(http.StatusNotFound, fmt.Sprintf("Resource not found for the segment '%s'.", rest), "", "")
	case key == nil && r.method == http.MethodGet:
		return q.list(false)
	case key == nil && r.method == http.MethodPost:
		return q.create()
	case key == nil:
		return odataError(http.StatusMethodNotAllowed, fmt.Sprintf("The requested resource does not support http method '%s'.", r.method), "", "")
	}
	want, err := q.set.keyValues(key)
	if err != nil {
		return queryFailure("%s", err)
	}
	switch r.method {
	case http.MethodGet:
		return q.read(want)
	case http.MethodPatch, http.MethodPut:
		return q.update(want)
	case http.MethodDelete:
		return q.remove(want)
	default:
		return odataError(http.StatusMethodNotAllowed, fmt.Sprintf("The requested resource does not support http method '%s'.", r.method), "", "")
	}
}

// odataRequest is a request to one entity set.
type odataRequest struct {
	*request
	c   *Cloud
	env *environment
	who caller
	set *entitySet
}

// find returns the row with the key, if the caller may see its legal entity.
func (q *odataRequest) find(key map[string]any) (reflect.Value, bool) {
	for _, row := range q.set.rows(&q.env.db) {
		if q.set.matches(row, key) && q.visible(row) {
			return row, true
		}
	}
	return reflect.Value{}, false
}

// visible leaves out other legal entities than the caller's own, unless the request is for all.
func (q *odataRequest) visible(row reflect.Value) bool {
	p, bound := q.set.property("dataAreaId")
	return !bound || strings.EqualFold(q.url.Query().Get("cross-company"), "true") ||
		strings.EqualFold(p.get(row).(string), q.who.user.Company)
}

func (q *odataRequest) read(key map[string]any) reply {
	row, ok := q.find(key)
	if !ok {
		return q.notFound()
	}
	selected, err := q.selected()
	if err != nil {
		return queryFailure("%s", err)
	}
	o := q.set.object(row, selected)
	o["@odata.context"] = q.context("/$entity")
	return jsonReply(http.StatusOK, o).with("ETag", q.set.etag(row)).with("OData-Version", "4.0")
}

// list answers a page of rows, or only their number.
func (q *odataRequest) list(countOnly bool) reply {
	query := q.url.Query()
	for name := range query {
		if strings.HasPrefix(name, "$") && !slices.Contains([]string{"$filter", "$select", "$orderby", "$top", "$skip", "$count"}, name) {
			return queryFailure("The query parameter '%s' is not supported.", name)
		}
	}
	selected, err := q.selected()
	if err != nil {
		return queryFailure("%s", err)
	}
	keep, err := parseFilter(q.set, query.Get("$filter"))
	if err != nil {
		return queryFailure("%s", err)
	}
	var rows []reflect.Value
	for _, row := range q.set.rows(&q.env.db) {
		if q.visible(row) && keep(row) {
			rows = append(rows, row)
		}
	}
	if countOnly {
		return newReply(http.StatusOK, "text/plain", []byte(strconv.Itoa(len(rows))))
	}
	if err := q.sort(rows, query.Get("$orderby")); err != nil {
		return queryFailure("%s", err)
	}
	body := map[string]any{"@odata.context": q.context("")}
	if query.Get("$count") == "true" {
		body["@odata.count"] = len(rows)
	}
	skip, err := count(query.Get("$skip"), 0)
	if err != nil {
		return queryFailure("%s", err)
	}
	top, err := count(query.Get("$top"), len(rows))
	if err != nil {
		return queryFailure("%s", err)
	}
	rows = rows[min(skip, len(rows)):]
	rows = rows[:min(top, len(rows))]
	if size := q.pageSize(); len(rows) > size {
		query.Set("$skip", strconv.Itoa(skip+size))
		if query.Has("$top") {
			query.Set("$top", strconv.Itoa(top-size))
		}
		body["@odata.nextLink"] = q.env.url + "/data/" + q.set.name + "?" + query.Encode()
		rows = rows[:size]
	}
	value := make([]any, len(rows))
	for i, row := range rows {
		value[i] = q.set.object(row, selected)
	}
	body["value"] = value
	return jsonReply(http.StatusOK, body).with("OData-Version", "4.0")
}

func (q *odataRequest) pageSize() int {
	if _, s, ok := strings.Cut(q.header.Get("Prefer"), "odata.maxpagesize="); ok {
		s, _, _ = strings.Cut(s, ",")
		if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n > 0 {
			return min(n, q.c.opts.ODataPageSize)
		}
	}
	return q.c.opts.ODataPageSize
}

func count(s string, otherwise int) (int, error) {
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, said("Invalid value '%s' for a query option.", s)
	}
	return n, nil
}

func (q *odataRequest) selected() ([]string, error) {
	s := q.url.Query().Get("$select")
	if s == "" || s == "*" {
		return nil, nil
	}
	names := strings.Split(s, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		if _, ok := q.set.property(names[i]); !ok {
			return nil, q.set.noProperty(names[i])
		}
	}
	return names, nil
}

func (q *odataRequest) sort(rows []reflect.Value, orderBy string) error {
	if orderBy == "" {
		return nil
	}
	type order struct {
		property
		sign int
	}
	var orders []order
	for term := range strings.SplitSeq(orderBy, ",") {
		words := strings.Fields(term)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
			return said("Syntax error in '%s'.", orderBy)
		}
		p, ok := q.set.property(words[0])
		if !ok {
			return q.set.noProperty(words[0])
		}
		o := order{p, 1}
		if len(words) == 2 && words[1] == "desc" {
			o.sign = -1
		}
		orders = append(orders, o)
	}
	slices.SortStableFunc(rows, func(a, b reflect.Value) int {
		for _, o := range orders {
			if n := compareValues(o.get(a), o.get(b)); n != 0 {
				return n * o.sign
			}
		}
		return 0
	})
	return nil
}

func (q *odataRequest) context(suffix string) string {
	return q.env.url + "/data/$metadata#" + q.set.name + suffix
}

func (q *odataRequest) serviceDocument() reply {
	var value []any
	for _, s := range q.c.sets {
		value = append(value, map[string]any{"name": s.name, "kind": "EntitySet", "url": s.name})
	}
	return jsonReply(http.StatusOK, map[string]any{"@odata.context": q.env.url + "/data/$metadata", "value": value})
}

// metadata describes the entity sets in short: enough to look up names and types.
func (q *odataRequest) metadata() reply {
	var b strings.Builder
	b.WriteString(xml.Header + `<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>` +
		`<Schema Namespace="Microsoft.Dynamics.DataEntities" xmlns="http://docs.oasis-open.org/odata/ns/edm">`)
	enums := map[string]bool{}
	for _, s := range q.c.sets {
		fmt.Fprintf(&b, `<EntityType Name="%s"><Key>`, s.entity)
		for _, p := range s.props {
			if p.key {
				fmt.Fprintf(&b, `<PropertyRef Name="%s"/>`, p.name)
			}
		}
		b.WriteString(`</Key>`)
		for _, p := range s.props {
			fmt.Fprintf(&b, `<Property Name="%s" Type="%s"/>`, p.name, p.edmType())
			if p.enum != "" {
				enums[p.enum] = true
			}
		}
		b.WriteString(`</EntityType>`)
	}
	for _, name := range slices.Sorted(maps.Keys(enums)) {
		fmt.Fprintf(&b, `<EnumType Name="%s">`, name)
		for i, m := range enumMembers(name) {
			fmt.Fprintf(&b, `<Member Name="%s" Value="%d"/>`, m, i)
		}
		b.WriteString(`</EnumType>`)
	}
	b.WriteString(`<EntityContainer Name="Resources">`)
	for _, s := range q.c.sets {
		fmt.Fprintf(&b, `<EntitySet Name="%s" EntityType="%s%s"/>`, s.name, enumPrefix, s.entity)
	}
	b.WriteString(`</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`)
	return newReply(http.StatusOK, "application/xml", []byte(b.String()))
}

// odataError is an error in the shape of F&O. Its useful text is in innererror.
func odataError(status int, message, inner, kind string) reply {
	e := map[string]any{"code": "", "message": message}
	if inner != "" {
		e["innererror"] = map[string]any{"message": inner, "type": kind, "stacktrace": "   at Microsoft.Dynamics.Platform.Integration.Services.OData"}
	}
	return jsonReply(status, map[string]any{"error": e}).with("OData-Version", "4.0")
}

func odataFailure(status int, inner string) reply {
	return odataError(status, "An error has occurred.", inner, "System.InvalidOperationException")
}

// queryFailure answers a request that asks for something impossible.
func queryFailure(format string, args ...any) reply {
	text := fmt.Sprintf(format, args...)
	return odataError(http.StatusBadRequest, "The query specified in the URI is not valid. "+text, text, "Microsoft.OData.ODataException")
}

// writeFailure answers a write that the entity's own logic refused.
func (s *entitySet) writeFailure(err error) reply {
	return odataFailure(http.StatusBadRequest, fmt.Sprintf("Write failed for table row of type '%s'. Infolog: Error: %s", s.table, err))
}

func (q *odataRequest) notFound() reply {
	return odataFailure(http.StatusNotFound, fmt.Sprintf("No record of '%s' was found for the given key.", q.set.table))
}

func (s *entitySet) noProperty(name string) error {
	return said("Could not find a property named '%s' on type '%s%s'.", name, enumPrefix, s.entity)
}
