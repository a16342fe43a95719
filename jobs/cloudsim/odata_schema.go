package cloudsim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// enumPrefix is the namespace of all enums, entities and actions.
const enumPrefix = "Microsoft.Dynamics.DataEntities."

// entitySet maps an OData entity set to rows of a Database by the tags of their struct fields.
type entitySet struct {
	name   string // SystemUsers
	entity string // SystemUser, the type's name in $metadata
	table  string // SystemUserEntity, as an Infolog names it
	props  []property

	insert, update, remove bool // which writes are allowed at all
	deaf                   bool // a DELETE is answered as if it had happened, and nothing happens

	// slice returns a pointer to the slice of rows; single returns the one row of a parameter table.
	slice  func(*Database) any
	single func(*Database) any

	// check looks at a row before it is written; old is nil for a new one. An error is the Infolog's text.
	check func(w *write, old, row any) error
	// after follows up on a write that has happened; row is nil for a deletion.
	after func(w *write, old, row any)
}

// write is what a check may know.
type write struct {
	c   *Cloud
	env *environment
}

// property is one column.
type property struct {
	name      string
	index     int // field of the row's struct
	enum      string
	key       bool
	mandatory bool
	kind      reflect.Type
}

// enumMembers lists the members of the enums that matter; a property of another enum takes any word.
func enumMembers(name string) []string {
	switch name {
	case "BatchStatus":
		return []string{"Hold", "Waiting", "Executing", "Error", "Finished", "Ready", "NotRun", "Cancelling", "Canceled", "Scheduled"}
	case "NoYes":
		return []string{"No", "Yes"}
	case "BatchSaveJobToHistory":
		return []string{"Always", "Error", "Never"}
	case "RoleAssignmentStatus":
		return []string{"Enabled", "Disabled"}
	case "UserAccountType":
		return []string{"ADUser", "ADGroup", "ClaimsUser", "ClaimsGroup"}
	}
	return nil
}

// properties reads the tags of a row's struct.
func properties(row any) []property {
	t := reflect.TypeOf(row)
	var ps []property
	for f := range t.Fields() {
		tag, ok := f.Tag.Lookup("odata")
		if !ok {
			continue
		}
		words := strings.Split(tag, ",")
		p := property{name: words[0], index: f.Index[0], kind: f.Type}
		for _, w := range words[1:] {
			switch w {
			case "key":
				p.key = true
			case "mandatory":
				p.mandatory = true
			default:
				p.enum = strings.TrimPrefix(w, "enum=")
			}
		}
		ps = append(ps, p)
	}
	return ps
}

func (s *entitySet) property(name string) (property, bool) {
	i := slices.IndexFunc(s.props, func(p property) bool { return p.name == name })
	if i < 0 {
		return property{}, false
	}
	return s.props[i], true
}

// rows returns a pointer to each row, in order.
func (s *entitySet) rows(db *Database) []reflect.Value {
	if s.single != nil {
		return []reflect.Value{reflect.ValueOf(s.single(db))}
	}
	slice := reflect.ValueOf(s.slice(db)).Elem()
	rows := make([]reflect.Value, slice.Len())
	for i := range rows {
		rows[i] = slice.Index(i).Addr()
	}
	return rows
}

// add appends a row and returns a pointer to it.
func (s *entitySet) add(db *Database, row reflect.Value) reflect.Value {
	slice := reflect.ValueOf(s.slice(db)).Elem()
	slice.Set(reflect.Append(slice, row))
	return slice.Index(slice.Len() - 1).Addr()
}

// drop removes the row that the pointer points to.
func (s *entitySet) drop(db *Database, row reflect.Value) {
	slice := reflect.ValueOf(s.slice(db)).Elem()
	for i := range slice.Len() {
		if slice.Index(i).Addr().Pointer() == row.Pointer() {
			slice.Set(reflect.AppendSlice(slice.Slice(0, i), slice.Slice(i+1, slice.Len())))
			return
		}
	}
}

// edmType is the type's name in $metadata.
func (p property) edmType() string {
	switch {
	case p.enum != "":
		return enumPrefix + p.enum
	case p.kind == reflect.TypeFor[time.Time]():
		return "Edm.DateTimeOffset"
	}
	switch p.kind.Kind() {
	case reflect.Bool:
		return "Edm.Boolean"
	case reflect.Int64:
		return "Edm.Int64"
	case reflect.Int:
		return "Edm.Int32"
	default:
		return "Edm.String"
	}
}

// get returns the property's value: string, bool, int64 or time.Time.
func (p property) get(row reflect.Value) any {
	f := row.Elem().Field(p.index)
	switch f.Kind() {
	case reflect.Int, reflect.Int64:
		return f.Int()
	default:
		return f.Interface()
	}
}

// set writes a value as encoding/json decodes it with UseNumber. Booleans may also come as the strings "True" and
// "False", as some clients send them.
func (p property) set(row reflect.Value, v any) error {
	f := row.Elem().Field(p.index)
	wrong := said("Cannot convert a value of property '%s' to the expected type '%s'.", p.name, p.edmType())
	if t, ok := v.(string); ok && p.kind == reflect.TypeFor[time.Time]() {
		at, err := time.Parse(time.RFC3339, t)
		if err != nil {
			return wrong
		}
		f.Set(reflect.ValueOf(at))
		return nil
	}
	switch f.Kind() {
	case reflect.String:
		s, ok := v.(string)
		if members := enumMembers(p.enum); !ok || members != nil && !slices.Contains(members, s) {
			return wrong
		}
		f.SetString(s)
	case reflect.Bool:
		switch t := v.(type) {
		case bool:
			f.SetBool(t)
		case string:
			b, err := strconv.ParseBool(strings.ToLower(t))
			if err != nil {
				return wrong
			}
			f.SetBool(b)
		default:
			return wrong
		}
	case reflect.Int, reflect.Int64:
		n, ok := v.(json.Number)
		i, err := n.Int64()
		if !ok || err != nil || f.Kind() == reflect.Int && (i > math.MaxInt32 || i < math.MinInt32) {
			return wrong
		}
		f.SetInt(i)
	default:
		return wrong
	}
	return nil
}

// object writes a row as JSON, all properties or the selected ones.
func (s *entitySet) object(row reflect.Value, selected []string) map[string]any {
	o := map[string]any{"@odata.etag": s.etag(row)}
	for _, p := range s.props {
		if len(selected) > 0 && !slices.Contains(selected, p.name) {
			continue
		}
		v := p.get(row)
		if t, ok := v.(time.Time); ok {
			if t.IsZero() {
				t = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC) // how F&O writes no date
			}
			v = t.UTC().Format(time.RFC3339)
		}
		o[p.name] = v
	}
	return o
}

// etag changes with any value of the row.
func (s *entitySet) etag(row reflect.Value) string {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %+v", s.name, row.Elem().Interface()) // a hash takes everything
	return fmt.Sprintf(`W/"J%x"`, h.Sum64())
}
