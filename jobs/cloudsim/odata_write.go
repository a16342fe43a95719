package cloudsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// values decodes the body and sets its properties in the row. Annotations are ignored.
func (q *odataRequest) values(row reflect.Value) error {
	dec := json.NewDecoder(bytes.NewReader(q.body))
	dec.UseNumber()
	var body map[string]any
	if err := dec.Decode(&body); err != nil || body == nil {
		return said("The request body is not a valid JSON object.")
	}
	for name, v := range body {
		if strings.Contains(name, "@odata.") {
			continue
		}
		p, ok := q.set.property(name)
		if !ok {
			return said("The property '%s' does not exist on type '%s%s'. Make sure to only use property names that are defined by the type.",
				name, enumPrefix, q.set.entity)
		}
		if err := p.set(row, v); err != nil {
			return err
		}
	}
	return nil
}

func (q *odataRequest) create() reply {
	if !q.set.insert {
		return q.set.writeFailure(said("Insert is not allowed for %s.", q.set.name))
	}
	row := reflect.New(reflect.TypeOf(q.set.slice(&Database{})).Elem().Elem())
	for _, p := range q.set.props {
		if members := enumMembers(p.enum); members != nil {
			row.Elem().Field(p.index).SetString(members[0])
		}
	}
	if err := q.values(row); err != nil {
		return odataFailure(http.StatusBadRequest, err.Error())
	}
	key := map[string]any{}
	for _, p := range q.set.props {
		if p.mandatory && p.get(row) == "" {
			return q.set.writeFailure(said("Field '%s' must be filled in.", p.name))
		}
		if p.key {
			key[p.name] = p.get(row)
		}
	}
	if _, exists := q.find(key); exists {
		return q.set.writeFailure(said("Cannot create a record in %s. The record already exists.", q.set.table))
	}
	w := &write{q.c, q.env}
	if q.set.check != nil {
		if err := q.set.check(w, nil, row.Interface()); err != nil {
			return q.set.writeFailure(err)
		}
	}
	created := q.set.add(&q.env.db, row.Elem())
	o := q.set.object(created, nil)
	o["@odata.context"] = q.context("/$entity")
	if q.set.after != nil {
		q.set.after(w, nil, row.Interface())
	}
	return jsonReply(http.StatusCreated, o).with("OData-Version", "4.0").with("Location", q.env.url+"/data/"+q.set.name+q.set.keyText(row))
}

func (q *odataRequest) update(key map[string]any) reply {
	row, refused, ok := q.toWrite(key, q.set.update, "Update")
	if !ok {
		return refused
	}
	changed := reflect.New(row.Type().Elem())
	changed.Elem().Set(row.Elem())
	if err := q.values(changed); err != nil {
		return odataFailure(http.StatusBadRequest, err.Error())
	}
	if !q.set.matches(changed, key) {
		return q.set.writeFailure(said("A field of the key does not allow editing."))
	}
	old := reflect.New(row.Type().Elem())
	old.Elem().Set(row.Elem())
	if q.set.check != nil {
		if err := q.set.check(&write{q.c, q.env}, old.Interface(), changed.Interface()); err != nil {
			return q.set.writeFailure(err)
		}
	}
	row.Elem().Set(changed.Elem())
	return newReply(http.StatusNoContent, "", nil).with("OData-Version", "4.0")
}

func (q *odataRequest) remove(key map[string]any) reply {
	row, refused, ok := q.toWrite(key, q.set.remove, "Delete")
	if !ok {
		return refused
	}
	if q.set.deaf {
		return newReply(http.StatusNoContent, "", nil).with("OData-Version", "4.0")
	}
	old := reflect.New(row.Type().Elem())
	old.Elem().Set(row.Elem())
	q.set.drop(&q.env.db, row)
	if q.set.after != nil {
		q.set.after(&write{q.c, q.env}, old.Interface(), nil)
	}
	return newReply(http.StatusNoContent, "", nil).with("OData-Version", "4.0")
}

// toWrite finds the row that a write is for, or the answer that refuses it. If-Match is optional and honoured.
func (q *odataRequest) toWrite(key map[string]any, allowed bool, verb string) (row reflect.Value, refused reply, ok bool) {
	if !allowed {
		return row, q.set.writeFailure(said("%s is not allowed for %s.", verb, q.set.name)), false
	}
	row, ok = q.find(key)
	if !ok {
		return row, q.notFound(), false
	}
	if match := q.header.Get("If-Match"); match != "" && match != "*" && !strings.Contains(match, q.set.etag(row)) {
		return row, odataFailure(http.StatusPreconditionFailed, "The record was changed by another user. Refresh and try again."), false
	}
	return row, reply{}, true
}

// keyText writes a row's key as it stands in a URL.
func (s *entitySet) keyText(row reflect.Value) string {
	var parts []string
	for _, p := range s.props {
		if !p.key {
			continue
		}
		switch v := p.get(row).(type) {
		case string:
			parts = append(parts, p.name+"='"+strings.ReplaceAll(v, "'", "''")+"'")
		default:
			parts = append(parts, fmt.Sprintf("%s=%v", p.name, v))
		}
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// action runs a set-bound action. Apart from those of data packages SetBatchJobToWaiting is the only one; "Batch JobId" and "reponseMessage" are
// spelled as on the page "Batch OData API".
func (q *odataRequest) action(name string, key []keyPart) reply {
	if q.set.name == "DataManagementDefinitionGroups" && key == nil {
		return q.packageAction(name)
	}
	if q.set.name != "BatchJobs" || name != "SetBatchJobToWaiting" || key != nil {
		return odataError(http.StatusNotFound, fmt.Sprintf("Resource not found for the segment '%s%s'.", enumPrefix, name), "", "")
	}
	if q.method != http.MethodPost {
		return odataError(http.StatusMethodNotAllowed, fmt.Sprintf("The requested resource does not support http method '%s'.", q.method), "", "")
	}
	var body struct {
		ID *int64 `json:"batchJobId"`
	}
	dec := json.NewDecoder(bytes.NewReader(q.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || body.ID == nil {
		return odataFailure(http.StatusBadRequest, "The parameter 'batchJobId' of type 'Edm.Int64' is missing or not valid.")
	}
	b := q.c.switches.batch
	result := map[string]any{"ResponseStatusCode": 200, "IsSuccess": true, "Batch JobId": *body.ID, "ExceptionDetails": "",
		"reponseMessage": fmt.Sprintf("Batch job %d was set to waiting.", *body.ID)}
	refuse := func(code int, text string) {
		result["ResponseStatusCode"], result["IsSuccess"], result["ExceptionDetails"], result["reponseMessage"] = code, false, text, ""
	}
	row, found := q.find(map[string]any{"BatchJobRecId": *body.ID})
	if !found {
		refuse(http.StatusNotFound, fmt.Sprintf("Batch job %d does not exist.", *body.ID))
	} else if job := row.Interface().(*BatchJob); job.Status == "Hold" && b.WithholdRefused {
		refuse(http.StatusBadRequest, fmt.Sprintf("Batch job %d has the status Withhold and cannot be set to waiting.", *body.ID))
	} else {
		job.Status = "Waiting"
	}
	context := q.env.url + "/data/$metadata#"
	switch b.Reply {
	case "plain":
		result["@odata.context"] = context + enumPrefix + "BatchJobResponse"
		return jsonReply(http.StatusOK, result)
	case "string":
		text, _ := json.Marshal(result)
		return jsonReply(http.StatusOK, map[string]any{"@odata.context": context + "Edm.String", "value": string(text)})
	default:
		return jsonReply(http.StatusOK, map[string]any{"@odata.context": context + enumPrefix + "BatchJobResponse", "value": result})
	}
}
