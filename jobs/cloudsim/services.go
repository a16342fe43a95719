package cloudsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// customService is one operation of one service in one service group. Names are matched as they are in X++: without
// case.
type customService struct {
	group, service, operation string
	parameters                []serviceParameter
	returns                   string
	invoke                    func(c *Cloud, e *environment, who caller, args map[string]json.RawMessage, now time.Time) (any, error)
}

// serviceParameter describes a parameter in the discovery answer.
type serviceParameter struct {
	Name string `json:"Name"`
	Type string `json:"Type"`
}

func customServices() []customService {
	return []customService{
		{
			group: "SysBroadcastMessageServices", service: "SysBroadcastMessageService", operation: "AddMessage",
			parameters: []serviceParameter{{"request", "SysBroadcastMessageAddMessageRequest"}}, returns: "Int64", invoke: addBroadcast,
		},
		{
			group: "ContosoRefresh", service: "PostRefresh", operation: "refreshEntityStore",
			parameters: []serviceParameter{{"_request", "ContosoRefreshEntityStoreRequest"}}, returns: "ContosoRefreshResponse", invoke: refreshEntityStore,
		},
	}
}

// serveServices answers discovery and calls of custom services; path is what follows /api/services/. Cloud.mu is held.
//
// Source: the page "Custom service development". The misspelling in the error's text is the real one's.
func (c *Cloud) serveServices(e *environment, who caller, r *request, path string) reply {
	var names []string
	if path != "" {
		names = strings.Split(path, "/")
	}
	installed := customServices()
	if e.companion {
		installed = append(installed, companionServices()...)
	}
	matching := slices.DeleteFunc(installed, func(s customService) bool {
		for i, have := range []string{s.group, s.service, s.operation} {
			if i < len(names) && !strings.EqualFold(names[i], have) {
				return true
			}
		}
		return false
	})
	if len(matching) == 0 || len(names) > 3 {
		return jsonReply(http.StatusNotFound, map[string]any{"Message": fmt.Sprintf("The service '%s' was not found.", path)})
	}
	switch {
	case r.method == http.MethodGet && len(names) == 0:
		return named("ServiceGroups", matching, func(s customService) string { return s.group })
	case r.method == http.MethodGet && len(names) == 1:
		return named("Services", matching, func(s customService) string { return s.service })
	case r.method == http.MethodGet && len(names) == 2:
		return named("Operations", matching, func(s customService) string { return s.operation })
	case r.method == http.MethodGet:
		return jsonReply(http.StatusOK, map[string]any{
			"Parameters": matching[0].parameters, "Return": map[string]any{"Name": "return", "Type": matching[0].returns}})
	case r.method != http.MethodPost || len(names) != 3:
		return jsonReply(http.StatusMethodNotAllowed, map[string]any{
			"Message": fmt.Sprintf("The requested resource does not support http method '%s'.", r.method)})
	}
	s := matching[0]
	result, err := s.call(c, e, who, r)
	if err != nil {
		return jsonReply(http.StatusInternalServerError, map[string]any{
			"Message":       "An exception occured when invoking the operation - " + err.Error(),
			"ExceptionType": "ServiceInvocationException", "ActivityId": newGUID()})
	}
	return jsonReply(http.StatusOK, result)
}

func named(list string, services []customService, name func(customService) string) reply {
	var names []string
	for _, s := range services {
		if !slices.Contains(names, name(s)) {
			names = append(names, name(s))
		}
	}
	rows := []any{}
	for _, n := range names {
		rows = append(rows, map[string]any{"Name": n})
	}
	return jsonReply(http.StatusOK, map[string]any{list: rows})
}

// call checks that the body has each parameter under its own name, and invokes.
func (s customService) call(c *Cloud, e *environment, who caller, r *request) (any, error) {
	var args map[string]json.RawMessage
	if len(bytes.TrimSpace(r.body)) > 0 {
		if err := json.Unmarshal(r.body, &args); err != nil {
			return nil, said("The request content is not valid JSON.")
		}
	}
	for _, p := range s.parameters {
		if _, ok := args[p.Name]; !ok {
			return nil, said("Parameter '%s' is not found within the request content body.", p.Name)
		}
	}
	return s.invoke(c, e, who, args, r.now)
}

// addBroadcast shows the downtime banner. It returns the message's record id, a bare number. Source: the page
// "Refresh for training purposes".
func addBroadcast(_ *Cloud, e *environment, _ caller, args map[string]json.RawMessage, _ time.Time) (any, error) {
	var in struct{ FromDateTime, ToDateTime string }
	if err := json.Unmarshal(args["request"], &in); err != nil {
		return nil, said("Error converting the value of parameter 'request'.")
	}
	from, err := serviceTime(in.FromDateTime)
	if err != nil {
		return nil, fmt.Errorf("FromDateTime: %w", err)
	}
	to, err := serviceTime(in.ToDateTime)
	if err != nil {
		return nil, fmt.Errorf("ToDateTime: %w", err)
	}
	if !to.After(from) {
		return nil, said("The end of the downtime must be later than its start.")
	}
	b := Broadcast{RecID: e.recID(), From: from, To: to}
	e.db.Broadcasts = append(e.db.Broadcasts, b)
	return b.RecID, nil
}

// serviceTime reads a time with an offset, or UTC without one.
func serviceTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("could not convert string %q to DateTime", s)
}

// entityStoreEntities are the aggregate measurements that exist.
func entityStoreEntities() []string {
	return []string{"CustTransactions", "VendTransactions", "LedgerActivityMeasure", "SalesOrderCube", "PurchaseCube", "InventoryValue"}
}

// refreshEntityStore is a custom service as a customer would write one: it refreshes the named measurements, all or
// none of them.
func refreshEntityStore(_ *Cloud, e *environment, who caller, args map[string]json.RawMessage, now time.Time) (any, error) {
	var in struct{ Entities []string }
	if err := json.Unmarshal(args["_request"], &in); err != nil {
		return nil, said("Error converting the value of parameter '_request'.")
	}
	if len(in.Entities) == 0 {
		return nil, said("No entity was named.")
	}
	for _, name := range in.Entities {
		if !slices.Contains(entityStoreEntities(), name) {
			return nil, said("The entity '%s' does not exist in the entity store.", name)
		}
	}
	for _, name := range in.Entities {
		e.db.EntityStore = append(e.db.EntityStore, EntityStoreRefresh{Entity: name, At: now, By: who.user.ID})
	}
	return map[string]any{"$id": "1", "Success": true, "Message": fmt.Sprintf("%d entities refreshed.", len(in.Entities)), "Entities": in.Entities}, nil
}
