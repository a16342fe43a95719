package finops

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"refreshbot/jobs/refresh"
)

// A list of this many pages is a server that never ends it: a page holds up to 10,000 rows.
const maxPages = 1000

// data is the address of an OData resource, whose path is already escaped.
func (c *Client) data(resource string) string { return c.base + "/data/" + resource }

// page is one page of a list.
type page[T any] struct {
	Value *[]T   `json:"value"`
	Next  string `json:"@odata.nextLink"`
}

func decodePage[T any](c *Client, r request, body []byte) (page[T], error) {
	var p page[T]
	if err := json.Unmarshal(body, &p); err != nil || p.Value == nil {
		return p, &refresh.Error{Code: refresh.Offline, Msg: c.silent(r, "the reply is not the list that was asked for"), Err: err}
	}
	return p, nil
}

// list reads all rows of an entity set, page by page, with only the fields selected.
func list[T any](ctx context.Context, c *Client, doing, set string, fields ...string) ([]T, error) {
	return pages[T](ctx, c, doing, c.data(set+"?$select="+strings.Join(fields, ",")))
}

// pages reads a list from its first page on.
func pages[T any](ctx context.Context, c *Client, doing, next string) ([]T, error) {
	var rows []T
	seen := map[string]bool{}
	left := c.lists
	for next != "" {
		if seen[next] || len(seen) == maxPages {
			return nil, refresh.Errorf(refresh.Internal, "%s does not come to an end (%s): its link to the next page leads back, or there are more than %d pages.", c.host, doing, maxPages)
		}
		seen[next] = true
		r := request{doing: doing, method: http.MethodGet, url: next, limit: max(left, 1)}
		rep, err := c.do(ctx, r)
		if err != nil {
			return nil, err
		}
		left -= int64(len(rep.body))
		p, err := decodePage[T](c, r, rep.body)
		if err != nil {
			return nil, err
		}
		rows = append(rows, *p.Value...)
		if next, err = c.follow(doing, next, p.Next); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// follow resolves the link to the next page. It must stay on the environment, for the token goes with it.
func (c *Client) follow(doing, from, link string) (string, error) {
	if link == "" {
		return "", nil
	}
	base, err := url.Parse(from)
	if err != nil {
		return "", fmt.Errorf("parse the address of a page: %w", err)
	}
	to, err := base.Parse(link)
	if err != nil || to.User != nil || to.Scheme != base.Scheme || !strings.EqualFold(to.Hostname(), base.Hostname()) || port(to) != port(base) {
		return "", refresh.Errorf(refresh.Refused, "%s gives a link to the next page that leads to another address (%s). It was not followed.", c.host, doing)
	}
	return to.String(), nil
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}

// patch changes fields of one row. The row may be named in either key form.
func (c *Client) patch(ctx context.Context, doing, row string, set map[string]any) error {
	_, err := c.do(ctx, request{doing: doing, method: http.MethodPatch, url: c.data(row), body: set})
	return err
}

// Write changes the fields in rec.Set of the row that rec.Key names, and no others.
//
// A key value may be a string, an integer, a bool, a time.Time (written in UTC), or an enum value spelt
// Microsoft.Dynamics.DataEntities.NoYes'Yes'. A string that is a full timestamp with a zone counts as a time, which
// is what a time becomes when a record is kept as JSON. In rec.Set an enum value is its plain name.
// Errors: Invalid for a record that cannot be written as an address, NotFound when there is no such row.
func (c *Client) Write(ctx context.Context, rec refresh.Record) error {
	if !identifier.MatchString(rec.Entity) {
		return refresh.Errorf(refresh.Invalid, "%q is not the name of an OData entity.", rec.Entity)
	}
	if len(rec.Key) == 0 || len(rec.Set) == 0 {
		return refresh.Errorf(refresh.Invalid, "Writing %s needs all its key fields and at least one field to set.", rec.Entity)
	}
	row, shown, err := rowAddress(rec)
	if err != nil {
		return err
	}
	return c.patch(ctx, "writing "+shown, row, rec.Set)
}

var (
	identifier  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	enumLiteral = regexp.MustCompile(`^Microsoft\.Dynamics\.DataEntities\.[A-Za-z_]\w*'\w+'$`)
)

// literal writes a key value as OData does: strings quoted with quotes doubled, everything else bare.
func literal(v any) (string, error) {
	switch v := v.(type) {
	case string:
		if enumLiteral.MatchString(v) {
			return v, nil
		}
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC().Format(time.RFC3339Nano), nil
		}
		return quote(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), nil
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return "", fmt.Errorf("%q is not a number", string(v))
		}
		return v.String(), nil
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), nil
	case float32:
		return literal(float64(v))
	case float64:
		// JSON makes every number a float; integers beyond 2^53 would have lost digits on the way.
		if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) >= 1<<53 {
			return "", fmt.Errorf("the number %v is not exact", v)
		}
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", fmt.Errorf("a key cannot hold a %T", v)
}

// escape makes a literal fit for a path. The quotes stay readable: a path may hold them.
func escape(lit string) string {
	return strings.NewReplacer("+", "%20", "%27", "'").Replace(url.QueryEscape(lit))
}

// flag is a yes or no in any of the ways in which F&O writes one: a bool, or the enum NoYes.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.Trim(string(b), `"`)) {
	case "true", "yes", "1":
		*f = true
	case "false", "no", "0", "null", "":
		*f = false
	default:
		return fmt.Errorf("%.40q is neither yes nor no", b)
	}
	return nil
}

func noYes(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
