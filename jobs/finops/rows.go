package finops

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"refreshbot/jobs/refresh"
)

// Rows reads the rows that match, all pages of them. A row maps field names to strings, bools, nil or json.Number, so
// that numbers of 64 bits stay exact; fields of the protocol itself, such as @odata.etag, are left out.
// Errors: Invalid for names that are none, NotFound for an unknown entity, Refused for an unknown field or a filter
// that the environment does not understand. F&O knows no in, has or contains.
// Source: "Open Data Protocol (OData)".
func (c *Client) Rows(ctx context.Context, q refresh.Query) ([]map[string]any, error) {
	for _, name := range append([]string{q.Entity}, q.Select...) {
		if !identifier.MatchString(name) {
			return nil, refresh.Errorf(refresh.Invalid, "%q is not the name of an OData entity or field.", name)
		}
	}
	var options []string
	if len(q.Select) > 0 {
		options = append(options, "$select="+strings.Join(q.Select, ","))
	}
	if q.Filter != "" {
		options = append(options, "$filter="+strings.ReplaceAll(url.QueryEscape(q.Filter), "+", "%20"))
	}
	if q.CrossCompany {
		options = append(options, "cross-company=true")
	}
	address := q.Entity
	if len(options) > 0 {
		address += "?" + strings.Join(options, "&")
	}
	found, err := pages[exactRow](ctx, c, "reading "+q.Entity, c.data(address))
	if err != nil {
		return nil, err
	}
	rows := make([]map[string]any, len(found))
	for i, r := range found {
		rows[i] = r
	}
	return rows, nil
}

// exactRow is a row whose numbers keep all their digits.
type exactRow map[string]any

func (r *exactRow) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return fmt.Errorf("decode a row: %w", err)
	}
	if m == nil {
		return fmt.Errorf("decode a row: %.40q is no object", raw)
	}
	for name := range m {
		if strings.Contains(name, "@odata.") {
			delete(m, name)
		}
	}
	*r = m
	return nil
}

// Insert adds the row that rec.Key and rec.Set make up together. A row with this key that is there already stays as it
// is, and that is no error. Values are those of Write.
func (c *Client) Insert(ctx context.Context, rec refresh.Record) error {
	w, err := c.compile(refresh.Change{Method: http.MethodPost, Record: rec})
	if err != nil {
		return err
	}
	_, err = c.do(ctx, request{doing: w.doing, method: w.method, url: w.url, body: json.RawMessage(w.body)})
	if refresh.CodeOf(err) == refresh.Refused && c.exists(ctx, w, http.StatusBadRequest) {
		return nil
	}
	return err
}

// Delete removes the row that rec.Key names; rec.Set is not looked at. A row that is not there is no error, an entity
// that does not exist is NotFound.
func (c *Client) Delete(ctx context.Context, rec refresh.Record) error {
	w, err := c.compile(refresh.Change{Method: http.MethodDelete, Record: rec})
	if err != nil {
		return err
	}
	return c.remove(ctx, rec.Entity, w)
}

func (c *Client) remove(ctx context.Context, entity string, w write) error {
	_, err := c.do(ctx, request{doing: w.doing, method: w.method, url: w.url})
	if refresh.CodeOf(err) != refresh.NotFound {
		return err
	}
	// The same answer comes for a row and for an entity that is not there.
	_, err = c.do(ctx, request{doing: w.doing, method: http.MethodGet, url: c.data(entity + "?$top=1")})
	return err
}
