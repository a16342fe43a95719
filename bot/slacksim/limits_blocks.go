package slacksim

import (
	"fmt"
	"unicode/utf8"
)

// blocks checks a list of blocks; block_ids are unique per message or view.
func (c *checker) blocks(blocks []any, path string) {
	for i, v := range blocks {
		b, ok := v.(obj)
		if !ok {
			c.bad(at(path, i), "block must be an object")
			continue
		}
		c.block(b, at(path, i))
	}
}

func (c *checker) block(b obj, path string) {
	c.str(b, path, "block_id", maxID)
	if id := text(b, "block_id"); id != "" {
		if c.ids[id] {
			c.bad(path+"/block_id", fmt.Sprintf("block_id %q already exists", id))
		}
		c.ids[id] = true
	}
	typ := text(b, "type")
	where, ok := blockSurfaces(typ)
	switch {
	case typ == "":
		c.bad(path+"/type", "missing required field: type")
		return
	case !ok:
		c.bad(path+"/type", "unsupported type: "+typ)
		return
	case where&c.surface == 0:
		c.bad(path+"/type", typ+" is not allowed here")
	}
	switch typ {
	case "section":
		c.section(b, path)
	case "header":
		c.textObject(b["text"], path+"/text", 150, plainOnly)
	case "context":
		for i, e := range c.items(b, path, "elements", 1, 10) {
			p := at(path+"/elements", i)
			if o, _ := e.(obj); text(o, "type") == "image" {
				c.image(o, p)
			} else {
				c.textObject(e, p, maxText, anyText)
			}
		}
	case "actions":
		c.elements(c.items(b, path, "elements", 1, 25), path+"/elements", inActions)
	case "context_actions":
		c.elements(c.items(b, path, "elements", 1, 5), path+"/elements", inContextActions)
	case "input":
		c.input(b, path)
	case "image":
		c.image(b, path)
		if b["title"] != nil {
			c.textObject(b["title"], path+"/title", 2000, plainOnly)
		}
	case "markdown":
		c.need(b, path, "text", 12000)
		c.textLen += utf8.RuneCountInString(text(b, "text"))
	case "rich_text":
		c.richText(b, path)
	case "table":
		if c.tables++; c.tables > 1 {
			c.add(path, "only_one_table_allowed", "only one table block is allowed per message")
		}
		for i, row := range c.items(b, path, "rows", 1, 100) {
			c.items(obj{"cells": row}, at(path+"/rows", i), "cells", 1, 20)
			c.cells(row)
		}
	case "data_table":
		c.dataTable(b, path)
	case "card":
		c.card(b, path)
	case "carousel":
		for i, v := range c.items(b, path, "elements", 1, 10) {
			if o, _ := v.(obj); text(o, "type") == "card" {
				c.block(o, at(path+"/elements", i))
			} else {
				c.bad(at(path+"/elements", i), "a carousel holds cards only")
			}
		}
	case "container":
		c.blocks(c.items(b, path, "child_blocks", 1, 10), path+"/child_blocks")
	case "layout":
		for i, v := range c.items(b, path, "rows", 1, 5) {
			row, _ := v.(obj)
			for j, it := range c.items(row, at(path+"/rows", i), "items", 1, 3) {
				item, _ := it.(obj)
				p := at(at(path+"/rows", i)+"/items", j) + "/block"
				if inner, ok := item["block"].(obj); ok {
					c.block(inner, p)
				} else {
					c.bad(p, "missing required field: block")
				}
			}
		}
	case "alert":
		c.textObject(b["text"], path+"/text", 200, anyText)
	case "task_card":
		c.task(b, path)
	case "plan":
		c.need(b, path, "title", maxText)
		for i, v := range c.items(b, path, "tasks", 0, 50) {
			o, _ := v.(obj)
			c.task(o, at(path+"/tasks", i))
		}
	}
}

// blockSurfaces says where a block may stand. plan, task_card and data_table are confirmed for messages
// only, so views refuse them here.
func blockSurfaces(typ string) (surface, bool) {
	const views = onModal | onHome
	w, ok := map[string]surface{
		"section": onMessage | views, "divider": onMessage | views, "image": onMessage | views,
		"actions": onMessage | views, "context": onMessage | views, "header": onMessage | views,
		"input": onMessage | views, "rich_text": onMessage | views, "video": onMessage | views,
		"card": onMessage | views, "carousel": onMessage | onHome, "container": onMessage,
		"layout": onMessage | views, "alert": onModal, "markdown": onMessage, "table": onMessage,
		"context_actions": onMessage, "file": onMessage, "call": onMessage, "plan": onMessage,
		"task_card": onMessage, "data_table": onMessage, "data_visualization": onMessage,
	}[typ]
	return w, ok
}

func (c *checker) section(b obj, path string) {
	if b["text"] == nil && b["fields"] == nil {
		c.bad(path+"/text", "missing required field: text or fields")
	}
	if b["text"] != nil {
		c.textObject(b["text"], path+"/text", maxText, anyText)
	}
	if b["fields"] != nil {
		for i, f := range c.items(b, path, "fields", 1, 10) {
			c.textObject(f, at(path+"/fields", i), 2000, anyText)
		}
	}
	if b["accessory"] != nil {
		c.elements([]any{b["accessory"]}, path+"/accessory", inSection)
	}
}

func (c *checker) input(b obj, path string) {
	c.inputs++
	c.textObject(b["label"], path+"/label", 2000, plainOnly)
	if b["hint"] != nil {
		c.textObject(b["hint"], path+"/hint", 2000, plainOnly)
	}
	if b["element"] == nil {
		c.bad(path+"/element", "missing required field: element")
		return
	}
	c.elements([]any{b["element"]}, path+"/element", inInput)
}

func (c *checker) image(o obj, path string) {
	c.need(o, path, "alt_text", 2000)
	if o["slack_file"] == nil {
		c.need(o, path, "image_url", 3000)
	}
}

// richText checks the outer shape and counts the text.
func (c *checker) richText(b obj, path string) {
	for i, v := range c.items(b, path, "elements", 1, 1000) {
		o, _ := v.(obj)
		switch typ := text(o, "type"); typ {
		case "rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote":
		default:
			c.bad(at(path+"/elements", i)+"/type", "unsupported type: "+typ)
		}
	}
	c.cells(b["elements"])
}

// cells counts the text below a node.
func (c *checker) cells(node any) {
	switch n := node.(type) {
	case []any:
		for _, v := range n {
			c.cells(v)
		}
	case obj:
		c.textLen += utf8.RuneCountInString(text(n, "text"))
		c.cells(n["elements"])
	}
}

func (c *checker) dataTable(b obj, path string) {
	before := c.textLen
	for i, row := range c.items(b, path, "rows", 2, 201) {
		c.items(obj{"cells": row}, at(path+"/rows", i), "cells", 1, 20)
		c.cells(row)
	}
	n := c.textLen - before
	c.textLen = before // it has a limit of its own
	if n > 20000 {
		c.bad(path+"/rows", fmt.Sprintf("the table holds %d characters, at most 20000 allowed", n))
	}
	if size, ok := number(b["page_size"]); ok && (size < 1 || size > 100) {
		c.bad(path+"/page_size", "page_size must be 1 to 100")
	}
}

func (c *checker) card(b obj, path string) {
	for _, k := range []struct {
		key  string
		most int
	}{{"title", 150}, {"subtitle", 150}, {"body", 200}, {"subtext", 200}} {
		if b[k.key] != nil {
			c.textObject(b[k.key], path+"/"+k.key, k.most, anyText)
		}
	}
	if b["actions"] != nil {
		c.elements(c.items(b, path, "actions", 1, 3), path+"/actions", inActions)
	}
}

func (c *checker) task(b obj, path string) {
	c.need(b, path, "task_id", maxID)
	c.need(b, path, "title", maxText)
	c.oneOf(b, path, "status", "pending", "in_progress", "complete", "error")
	c.textLen += utf8.RuneCountInString(text(b, "title"))
	for _, k := range []string{"details", "output"} {
		if o, ok := b[k].(obj); ok {
			c.richText(o, path+"/"+k)
		}
	}
}
