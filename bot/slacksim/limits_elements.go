package slacksim

import (
	"fmt"
	"time"
)

// spot is where an element stands.
type spot int

const (
	inSection spot = 1 << iota
	inActions
	inInput
	inContextActions
)

// elementSpots says where an element may stand (docs.slack.dev, "Block elements").
func elementSpots(typ string) (spot, bool) {
	w, ok := map[string]spot{
		"image": inSection, "button": inSection | inActions, "workflow_button": inSection | inActions,
		"overflow": inSection | inActions, "checkboxes": inSection | inActions | inInput,
		"radio_buttons": inSection | inActions | inInput, "datepicker": inSection | inActions | inInput,
		"timepicker": inSection | inActions | inInput, "datetimepicker": inActions | inInput,
		"static_select": inSection | inActions | inInput, "external_select": inSection | inActions | inInput,
		"users_select": inSection | inActions | inInput, "conversations_select": inSection | inActions | inInput,
		"channels_select": inSection | inActions | inInput, "multi_static_select": inSection | inActions | inInput,
		"multi_external_select": inSection | inActions | inInput, "multi_users_select": inSection | inActions | inInput,
		"multi_conversations_select": inSection | inActions | inInput, "multi_channels_select": inSection | inActions | inInput,
		"plain_text_input": inInput, "email_text_input": inInput, "url_text_input": inInput, "number_input": inInput,
		"rich_text_input": inInput, "file_input": inInput,
		"feedback_buttons": inContextActions, "icon_button": inContextActions,
	}[typ]
	return w, ok
}

// elements checks the elements of one block; action_ids are unique within it.
func (c *checker) elements(list []any, path string, where spot) {
	seen := map[string]bool{}
	for i, v := range list {
		p := path
		if where == inActions || where == inContextActions {
			p = at(path, i)
		}
		e, ok := v.(obj)
		if !ok {
			c.bad(p, "element must be an object")
			continue
		}
		if id := text(e, "action_id"); id != "" {
			if seen[id] {
				c.bad(p+"/action_id", fmt.Sprintf("action_id %q already exists in this block", id))
			}
			seen[id] = true
		}
		c.element(e, p, where)
	}
}

func (c *checker) element(e obj, path string, where spot) {
	typ := text(e, "type")
	spots, ok := elementSpots(typ)
	if !ok {
		c.bad(path+"/type", "unsupported type: "+typ)
		return
	}
	if spots&where == 0 {
		c.bad(path+"/type", typ+" is not allowed in this block")
	}
	c.str(e, path, "action_id", maxID)
	if e["confirm"] != nil {
		c.confirm(e["confirm"], path+"/confirm")
	}
	if e["placeholder"] != nil {
		c.textObject(e["placeholder"], path+"/placeholder", 150, plainOnly)
	}
	switch typ {
	case "image":
		c.image(e, path)
	case "button":
		c.textObject(e["text"], path+"/text", 75, plainOnly)
		c.str(e, path, "value", 2000)
		c.str(e, path, "url", 3000)
		c.str(e, path, "accessibility_label", 75)
		c.oneOf(e, path, "style", "primary", "danger")
	case "overflow":
		c.options(e, path, 5, plainOnly)
	case "checkboxes", "radio_buttons":
		c.options(e, path, 10, anyText)
	case "static_select", "multi_static_select":
		c.staticSelect(e, path)
	case "plain_text_input":
		if n, ok := number(e["min_length"]); ok && (n < 0 || n > 3000) {
			c.bad(path+"/min_length", "min_length must be 0 to 3000")
		}
		if n, ok := number(e["max_length"]); ok && (n < 1 || n > 3000) {
			c.bad(path+"/max_length", "max_length must be 1 to 3000")
		}
	case "datepicker":
		if d := text(e, "initial_date"); d != "" {
			if _, err := time.Parse(time.DateOnly, d); err != nil {
				c.bad(path+"/initial_date", "initial_date must be YYYY-MM-DD")
			}
		}
	case "timepicker":
		if d := text(e, "initial_time"); d != "" {
			if _, err := time.Parse("15:04", d); err != nil {
				c.bad(path+"/initial_time", "initial_time must be HH:mm")
			}
		}
	case "file_input":
		if c.surface != onModal {
			c.bad(path+"/type", "file_input is for modals only")
		}
		if n, ok := number(e["max_files"]); ok && (n < 1 || n > 10) {
			c.bad(path+"/max_files", "max_files must be 1 to 10")
		}
	}
}

func (c *checker) staticSelect(e obj, path string) {
	if (e["options"] == nil) == (e["option_groups"] == nil) {
		c.bad(path+"/options", "give either options or option_groups")
		return
	}
	if e["options"] != nil {
		c.options(e, path, 100, plainOnly)
		return
	}
	for i, v := range c.items(e, path, "option_groups", 1, 100) {
		g, _ := v.(obj)
		p := at(path+"/option_groups", i)
		c.textObject(g["label"], p+"/label", 75, plainOnly)
		c.options(g, p, 100, plainOnly)
	}
}

// options checks a list of option objects and that what is chosen at first is among them.
func (c *checker) options(e obj, path string, most int, kind textKind) {
	values := map[string]bool{}
	for i, v := range c.items(e, path, "options", 1, most) {
		p := at(path+"/options", i)
		o, ok := v.(obj)
		if !ok {
			c.bad(p, "option must be an object")
			continue
		}
		c.textObject(o["text"], p+"/text", 75, kind)
		c.need(o, p, "value", 150)
		if o["description"] != nil {
			c.textObject(o["description"], p+"/description", 75, kind)
		}
		c.str(o, p, "url", 3000)
		values[text(o, "value")] = true
	}
	initial := list(e["initial_options"])
	if o, ok := e["initial_option"].(obj); ok {
		initial = append(initial, o)
	}
	for _, v := range initial {
		if o, _ := v.(obj); !values[text(o, "value")] {
			c.bad(path+"/initial_option", fmt.Sprintf("initial option %q is not among the options", text(o, "value")))
		}
	}
}

func (c *checker) confirm(v any, path string) {
	o, ok := v.(obj)
	if !ok {
		c.bad(path, "confirm must be an object")
		return
	}
	c.textObject(o["title"], path+"/title", 100, plainOnly)
	c.textObject(o["text"], path+"/text", 300, anyText)
	c.textObject(o["confirm"], path+"/confirm", 30, plainOnly)
	c.textObject(o["deny"], path+"/deny", 30, plainOnly)
	c.oneOf(o, path, "style", "primary", "danger")
}
