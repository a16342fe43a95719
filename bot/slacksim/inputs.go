package slacksim

import (
	"encoding/json"
	"fmt"
	"strings"
)

// elementKind says under which keys an interactive element keeps what a person chose and what it
// started with. A button keeps nothing.
type elementKind struct{ value, initial string }

// elementKinds knows every interactive element.
func elementKinds(typ string) (elementKind, bool) {
	k, ok := map[string]elementKind{
		"button":                     {},
		"workflow_button":            {},
		"icon_button":                {},
		"feedback_buttons":           {},
		"overflow":                   {},
		"plain_text_input":           {"value", "initial_value"},
		"email_text_input":           {"value", "initial_value"},
		"url_text_input":             {"value", "initial_value"},
		"number_input":               {"value", "initial_value"},
		"rich_text_input":            {"rich_text_value", "initial_value"},
		"static_select":              {"selected_option", "initial_option"},
		"external_select":            {"selected_option", "initial_option"},
		"radio_buttons":              {"selected_option", "initial_option"},
		"users_select":               {"selected_user", "initial_user"},
		"conversations_select":       {"selected_conversation", "initial_conversation"},
		"channels_select":            {"selected_channel", "initial_channel"},
		"checkboxes":                 {"selected_options", "initial_options"},
		"multi_static_select":        {"selected_options", "initial_options"},
		"multi_external_select":      {"selected_options", "initial_options"},
		"multi_users_select":         {"selected_users", "initial_users"},
		"multi_conversations_select": {"selected_conversations", "initial_conversations"},
		"multi_channels_select":      {"selected_channels", "initial_channels"},
		"datepicker":                 {"selected_date", "initial_date"},
		"timepicker":                 {"selected_time", "initial_time"},
		"datetimepicker":             {"selected_date_time", "initial_date_time"},
		"file_input":                 {"files", ""},
	}[typ]
	return k, ok
}

// chosen turns what a caller says a person picked into the element's state: an object is taken as it
// is, anything else is put under the element's key, an option being named by its value.
func chosen(el obj, pick any) (obj, error) {
	typ := text(el, "type")
	kind, _ := elementKinds(typ)
	if o, ok := pick.(map[string]any); ok {
		out := cloneObj(o)
		out["type"] = typ
		return out, nil
	}
	switch kind.value {
	case "":
		if typ != "overflow" {
			return nil, fmt.Errorf("slacksim: a %s holds no value", typ)
		}
		o, err := optionByValue(el, fmt.Sprint(pick))
		return obj{"type": typ, "selected_option": o}, err
	case "selected_option":
		if pick == nil {
			return obj{"type": typ, kind.value: nil}, nil
		}
		o, err := optionByValue(el, fmt.Sprint(pick))
		return obj{"type": typ, kind.value: o}, err
	case "selected_options":
		var values []string
		switch p := pick.(type) {
		case []string:
			values = p
		case nil:
		default:
			values = []string{fmt.Sprint(p)}
		}
		options := []any{}
		for _, v := range values {
			o, err := optionByValue(el, v)
			if err != nil {
				return nil, err
			}
			options = append(options, o)
		}
		return obj{"type": typ, kind.value: options}, nil
	}
	return obj{"type": typ, kind.value: pick}, nil
}

func optionByValue(el obj, value string) (obj, error) {
	var found obj
	var look func(any)
	look = func(list any) {
		items, _ := list.([]any)
		for _, it := range items {
			o, _ := it.(obj)
			if o["options"] != nil {
				look(o["options"])
			} else if text(o, "value") == value {
				found = o
			}
		}
	}
	look(el["options"])
	look(el["option_groups"])
	if found == nil {
		return nil, fmt.Errorf("slacksim: %s offers no option %q", text(el, "action_id"), value)
	}
	return found, nil
}

func stateKey(user, surface string) string { return user + "|" + surface }

// remember keeps what a person chose on a message or view. The lock is held.
func (s *Server) remember(user, surface, blockID, actionID string, value obj) {
	key := stateKey(user, surface)
	if s.state[key] == nil {
		s.state[key] = map[string]map[string]any{}
	}
	if s.state[key][blockID] == nil {
		s.state[key][blockID] = map[string]any{}
	}
	s.state[key][blockID][actionID] = value
}

// values is state.values: every element that can hold a value, with what it holds now. The lock is held.
func (s *Server) values(user, surface string, blocks json.RawMessage) obj {
	out := obj{}
	for _, e := range elementsOf(blocks) {
		kind, ok := elementKinds(text(e.el, "type"))
		if !ok || kind.value == "" {
			continue
		}
		block, _ := out[e.blockID].(obj)
		if block == nil {
			block = obj{}
			out[e.blockID] = block
		}
		id := text(e.el, "action_id")
		if v, ok := s.state[stateKey(user, surface)][e.blockID][id]; ok {
			block[id] = v
			continue
		}
		initial := e.el[kind.initial]
		if initial == nil && strings.HasSuffix(kind.value, "s") { // selected_options, selected_users, files …
			initial = []any{}
		}
		block[id] = obj{"type": text(e.el, "type"), kind.value: initial}
	}
	return out
}

// missing complains about what a form would not let a person submit: empty required inputs and text
// of the wrong length. It returns block_id to complaint.
func (s *Server) missing(v *View) map[string]string {
	errs := map[string]string{}
	values := s.values(v.User, v.ID, v.Blocks)
	for _, b := range decodeBlocks(v.Blocks) {
		el, _ := b["element"].(obj)
		if text(b, "type") != "input" || el == nil {
			continue
		}
		id := text(b, "block_id")
		kind, _ := elementKinds(text(el, "type"))
		block, _ := values[id].(obj)
		held, _ := block[text(el, "action_id")].(obj)
		optional, _ := b["optional"].(bool)
		value := held[kind.value]
		if emptyValue(value) {
			if !optional {
				errs[id] = "Please complete this required field."
			}
			continue
		}
		if str, ok := value.(string); ok {
			n := float64(len([]rune(str)))
			if low, ok := number(el["min_length"]); ok && n < low {
				errs[id] = fmt.Sprintf("Must be at least %v characters.", low)
			}
			if high, ok := number(el["max_length"]); ok && n > high {
				errs[id] = fmt.Sprintf("Must be at most %v characters.", high)
			}
		}
	}
	return errs
}

func emptyValue(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	}
	return false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}
