package slacksim

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Plain is the whole message as a person would read it aloud: blocks from top to bottom, or the text
// when there are none. Names stand for mentions, dates are in UTC, buttons stand in brackets.
func (m Message) Plain() string {
	var lines []string
	if blocks := decodeBlocks(m.Blocks); len(blocks) > 0 {
		for _, b := range blocks {
			lines = append(lines, plainBlock(b)...)
		}
	} else if m.Text != "" {
		lines = append(lines, m.Text)
	}
	return m.names.readable(strings.Join(lines, "\n"))
}

// plainBlock renders one block as lines of mrkdwn.
func plainBlock(b obj) []string {
	var out []string
	add := func(parts ...string) {
		for _, p := range parts {
			if p != "" {
				out = append(out, p)
			}
		}
	}
	switch text(b, "type") {
	case "divider":
		add("---")
	case "header", "alert":
		add(textOf(b["text"]))
	case "markdown":
		add(text(b, "text"))
	case "section":
		add(textOf(b["text"]))
		for _, f := range list(b["fields"]) {
			add(strings.ReplaceAll(textOf(f), "\n", " "))
		}
		add(plainElement(b["accessory"]))
	case "context", "actions", "context_actions":
		var parts []string
		for _, e := range list(b["elements"]) {
			if p := plainElement(e); p != "" {
				parts = append(parts, p)
			}
		}
		add(strings.Join(parts, " "))
	case "input":
		add(textOf(b["label"])+": "+plainElement(b["element"]), textOf(b["hint"]))
	case "image":
		add(textOf(b["title"]), "["+text(b, "alt_text")+"]")
	case "rich_text":
		for _, e := range list(b["elements"]) {
			add(plainRich(e))
		}
	case "table", "data_table":
		for _, row := range list(b["rows"]) {
			var cells []string
			for _, c := range list(row) {
				cells = append(cells, plainRich(c))
			}
			add(strings.Join(cells, " | "))
		}
	case "plan":
		add(text(b, "title"))
		for _, t := range list(b["tasks"]) {
			o, _ := t.(obj)
			add(plainBlock(o)...)
		}
	case "task_card":
		add("[" + text(b, "status") + "] " + text(b, "title"))
		for _, k := range []string{"details", "output"} {
			if o, ok := b[k].(obj); ok {
				add(plainBlock(o)...)
			}
		}
	default:
		for _, k := range []string{"title", "subtitle", "body", "subtext"} {
			add(textOf(b[k]))
		}
		for _, k := range []string{"child_blocks", "elements"} {
			for _, c := range list(b[k]) {
				if o, ok := c.(obj); ok {
					add(plainBlock(o)...)
				}
			}
		}
		for _, e := range list(b["actions"]) {
			add(plainElement(e))
		}
	}
	return out
}

// plainElement renders one element: text as it is, anything to press or choose in brackets.
func plainElement(v any) string {
	e, _ := v.(obj)
	switch typ := text(e, "type"); typ {
	case "":
		return ""
	case "plain_text", "mrkdwn":
		return text(e, "text")
	case "image":
		return "[" + text(e, "alt_text") + "]"
	case "button", "workflow_button":
		return "[" + textOf(e["text"]) + "]"
	default:
		if p := textOf(e["placeholder"]); p != "" {
			return "[" + p + "]"
		}
		return "[" + strings.ReplaceAll(typ, "_", " ") + "]"
	}
}

// plainRich renders rich text, table cells included.
func plainRich(v any) string {
	e, _ := v.(obj)
	switch text(e, "type") {
	case "user":
		return "<@" + text(e, "user_id") + ">"
	case "usergroup":
		return "<!subteam^" + text(e, "usergroup_id") + ">"
	case "channel":
		return "<#" + text(e, "channel_id") + ">"
	case "broadcast":
		return "<!" + text(e, "range") + ">"
	case "emoji":
		return ":" + text(e, "name") + ":"
	case "link":
		if t := text(e, "text"); t != "" {
			return t
		}
		return text(e, "url")
	case "date":
		return text(e, "fallback")
	case "rich_text_list":
		var items []string
		for _, it := range list(e["elements"]) {
			items = append(items, "• "+plainRich(it))
		}
		return strings.Join(items, "\n")
	}
	if t := text(e, "text"); t != "" {
		return html.EscapeString(t) // rich text is not mrkdwn; readable unescapes it again
	}
	var sb strings.Builder
	for _, c := range list(e["elements"]) {
		sb.WriteString(plainRich(c))
	}
	if o, ok := e["element"].(obj); ok {
		sb.WriteString(plainElement(o))
	}
	return sb.String()
}

// textOf reads the text of a text object.
func textOf(v any) string {
	o, _ := v.(obj)
	return text(o, "text")
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

var token = regexp.MustCompile(`<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>`)

// readable replaces mrkdwn tokens by what a person sees and undoes the escaping.
func (d *directory) readable(s string) string {
	s = token.ReplaceAllStringFunc(s, func(t string) string {
		p := token.FindStringSubmatch(t)
		kind, body, label := p[1], p[2], p[3]
		switch {
		case kind == "@":
			return "@" + d.name(body)
		case kind == "#":
			if d != nil && d.channels[body] != "" {
				return "#" + d.channels[body]
			}
			return "#" + body
		case kind == "!" && strings.HasPrefix(body, "subteam^"):
			id := strings.TrimPrefix(body, "subteam^")
			if d != nil && d.groups[id] != "" {
				return "@" + d.groups[id]
			}
			return "@" + id
		case kind == "!" && strings.HasPrefix(body, "date^"):
			return plainDate(body, label)
		case kind == "!":
			return "@" + body
		case label != "":
			return label
		}
		return body
	})
	return html.UnescapeString(s)
}

// plainDate renders date^unix^format in UTC, the fallback when it makes no sense.
func plainDate(body, fallback string) string {
	parts := strings.Split(body, "^")
	if len(parts) < 3 {
		return fallback
	}
	sec, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return fallback
	}
	t := time.Unix(sec, 0).UTC()
	out := parts[2]
	for _, f := range [][2]string{ // longer names first
		{"{date_short_pretty}", "Jan 2, 2006"}, {"{date_long_pretty}", "Monday, January 2, 2006"}, {"{date_pretty}", "January 2, 2006"},
		{"{date_short}", "Jan 2, 2006"}, {"{date_long}", "Monday, January 2, 2006"}, {"{date_num}", "2006-01-02"},
		{"{date}", "January 2, 2006"}, {"{time_secs}", "15:04:05 UTC"}, {"{time}", "15:04 UTC"}, {"{ago}", "2006-01-02 15:04 UTC"},
	} {
		out = strings.ReplaceAll(out, f[0], t.Format(f[1]))
	}
	return out
}
