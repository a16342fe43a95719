package slacksim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Problem is one thing Slack would refuse about a message or a view.
type Problem struct {
	Path    string // JSON pointer, such as /blocks/3/elements/0/text
	Error   string // Slack's error name
	Message string
}

func (p Problem) String() string { return p.Path + ": " + p.Error + ": " + p.Message }

const (
	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxAttachments   = 100
	// maxBlockText bounds the text of all blocks of a message together. Slack documents no number;
	// msg_blocks_too_long was seen near 13,200 characters.
	maxBlockText = 13200
	maxViewBytes = 250 << 10
	maxID        = 255
	maxText      = 3000
)

// CheckMessage holds the JSON of a message, or of its blocks alone, against Slack's limits. Lengths are in
// code points. The result is empty when Slack would take it.
func CheckMessage(payload []byte) []Problem { return checkMessage(payload, maxPostText) }

// CheckView does the same for the JSON of a modal or Home tab.
func CheckView(payload []byte) []Problem {
	var v obj
	if !decode(payload, &v) || v == nil {
		return []Problem{{"", "invalid_arguments", "view is not a JSON object"}}
	}
	c := &checker{code: "invalid_arguments", ids: map[string]bool{}}
	if len(payload) > maxViewBytes {
		c.add("", "view_too_large", "view is larger than 250 KB")
	}
	c.view(v)
	return c.problems
}

func checkMessage(payload []byte, maxLen int) []Problem {
	c := &checker{code: "invalid_blocks", surface: onMessage, ids: map[string]bool{}}
	m := obj{}
	if p := bytes.TrimSpace(payload); len(p) > 0 && p[0] == '[' {
		m["blocks"] = json.RawMessage(p)
	} else if !decode(payload, &m) {
		return []Problem{{"", "invalid_arguments", "message is not a JSON object"}}
	}
	blocks, ok := nested(m["blocks"])
	if !ok {
		return []Problem{{"/blocks", "invalid_blocks_format", "blocks is not a JSON array"}}
	}
	attachments, ok := nested(m["attachments"])
	if !ok {
		return []Problem{{"/attachments", "invalid_attachments", "attachments is not a JSON array"}}
	}
	msg := text(m, "text")
	if strings.TrimSpace(msg) == "" && len(blocks) == 0 && len(attachments) == 0 {
		c.add("/text", "no_text", "no text, blocks or attachments")
	}
	if n := utf8.RuneCountInString(msg); n > maxLen {
		c.add("/text", "msg_too_long", fmt.Sprintf("text has %d characters, at most %d allowed", n, maxLen))
	}
	if len(attachments) > maxAttachments {
		c.add("/attachments", "too_many_attachments", fmt.Sprintf("no more than %d attachments allowed", maxAttachments))
	}
	if len(blocks) > maxMessageBlocks {
		c.bad("/blocks", fmt.Sprintf("no more than %d items allowed", maxMessageBlocks))
	}
	c.blocks(blocks, "/blocks")
	if c.textLen > maxBlockText {
		c.add("/blocks", "msg_blocks_too_long", fmt.Sprintf("the blocks hold %d characters of text, at most %d allowed", c.textLen, maxBlockText))
	}
	for i, a := range attachments {
		if o, ok := a.(obj); ok && o["blocks"] != nil {
			inner, _ := nested(o["blocks"])
			c.blocks(inner, fmt.Sprintf("/attachments/%d/blocks", i))
		}
	}
	c.metadata(m["metadata"])
	return c.problems
}

// metadata checks {event_type, event_payload}; values are strings, numbers, booleans or flat objects.
func (c *checker) metadata(v any) {
	if str, ok := v.(string); ok && str != "" {
		var inner any
		if !decode([]byte(str), &inner) {
			c.add("/metadata", "invalid_metadata_format", "metadata is not JSON")
			return
		}
		v = inner
	}
	if v == nil || v == "" {
		return
	}
	o, ok := v.(obj)
	payload, ok2 := o["event_payload"].(obj)
	if !ok || !ok2 || text(o, "event_type") == "" {
		if ok && len(o) == 0 {
			return
		}
		c.add("/metadata", "invalid_metadata_format", "metadata needs event_type and event_payload")
		return
	}
	if len(toJSON(payload)) > maxMetadata {
		c.add("/metadata", "metadata_too_large", fmt.Sprintf("event_payload is larger than %d bytes", maxMetadata))
	}
}

// decode reads JSON, keeping numbers as written.
func decode(raw []byte, into any) bool {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(into) == nil
}

// nested reads an array given as such or as JSON in a string; absent and null are empty.
func nested(v any) ([]any, bool) {
	var raw []byte
	switch v := v.(type) {
	case nil:
		return nil, true
	case []any:
		return v, true
	case json.RawMessage:
		raw = v
	case string:
		if raw = []byte(v); v == "" {
			return nil, true
		}
	default:
		return nil, false
	}
	var out []any
	if !decode(raw, &out) {
		return nil, false
	}
	return out, true
}

type surface int

const (
	onMessage surface = 1 << iota
	onModal
	onHome
)

// checker walks one message or view and collects problems.
type checker struct {
	code     string // error name of a structural problem
	surface  surface
	problems []Problem
	ids      map[string]bool // block_ids seen
	textLen  int             // text of all blocks, in code points
	tables   int
	inputs   int
}

func (c *checker) add(path, code, msg string) {
	c.problems = append(c.problems, Problem{path, code, msg})
}

func (c *checker) bad(path, msg string) { c.add(path, c.code, msg) }

func (c *checker) view(v obj) {
	switch text(v, "type") {
	case "modal":
		c.surface = onModal
		c.textObject(v["title"], "/title", 24, plainOnly)
		for _, k := range []string{"submit", "close"} {
			if v[k] != nil {
				c.textObject(v[k], "/"+k, 24, plainOnly)
			}
		}
	case "home":
		c.surface = onHome
	default:
		c.bad("/type", "type must be modal or home")
	}
	c.str(v, "", "private_metadata", maxText)
	c.str(v, "", "callback_id", maxID)
	c.str(v, "", "external_id", maxID)
	blocks, ok := v["blocks"].([]any)
	if !ok {
		c.bad("/blocks", "missing required field: blocks")
	}
	if len(blocks) > maxViewBlocks {
		c.bad("/blocks", fmt.Sprintf("no more than %d items allowed", maxViewBlocks))
	}
	c.blocks(blocks, "/blocks")
	if c.surface == onModal && c.inputs > 0 && v["submit"] == nil {
		c.bad("/submit", "submit is required when an input block is within blocks")
	}
}

// str bounds an optional string member.
func (c *checker) str(o obj, path, key string, most int) {
	v, ok := o[key]
	if !ok || v == nil {
		return
	}
	str, ok := v.(string)
	if !ok {
		c.bad(path+"/"+key, key+" must be a string")
	} else if utf8.RuneCountInString(str) > most {
		c.bad(path+"/"+key, fmt.Sprintf("%s must be at most %d characters", key, most))
	}
}

// need bounds a required string member.
func (c *checker) need(o obj, path, key string, most int) {
	if text(o, key) == "" {
		c.bad(path+"/"+key, "missing required field: "+key)
		return
	}
	c.str(o, path, key, most)
}

// oneOf checks an optional member against a list of words.
func (c *checker) oneOf(o obj, path, key string, words ...string) {
	v, ok := o[key]
	if !ok || v == nil {
		return
	}
	for _, w := range words {
		if v == w {
			return
		}
	}
	c.bad(path+"/"+key, key+" must be one of "+strings.Join(words, ", "))
}

// items reads a list member and bounds its length.
func (c *checker) items(o obj, path, key string, least, most int) []any {
	l, ok := o[key].([]any)
	switch {
	case !ok && (least > 0 || o[key] != nil):
		c.bad(path+"/"+key, "missing required field: "+key)
	case len(l) < least:
		c.bad(path+"/"+key, fmt.Sprintf("must have at least %d items", least))
	case len(l) > most:
		c.bad(path+"/"+key, fmt.Sprintf("no more than %d items allowed", most))
	}
	return l
}

type textKind int

const (
	plainOnly textKind = iota
	anyText
)

// textObject checks a text composition object of 1 to most characters.
func (c *checker) textObject(v any, path string, most int, kind textKind) {
	o, ok := v.(obj)
	if !ok {
		c.bad(path, "missing required field: "+path[strings.LastIndex(path, "/")+1:])
		return
	}
	switch typ := text(o, "type"); {
	case typ == "plain_text":
		if o["verbatim"] != nil {
			c.bad(path+"/verbatim", "verbatim is only for mrkdwn")
		}
	case typ == "mrkdwn" && kind == anyText:
		if o["emoji"] != nil {
			c.bad(path+"/emoji", "emoji is only for plain_text")
		}
	case typ == "mrkdwn":
		c.bad(path+"/type", "must be plain_text")
	default:
		c.bad(path+"/type", "type must be plain_text or mrkdwn")
	}
	str, _ := o["text"].(string)
	n := utf8.RuneCountInString(str)
	c.textLen += n
	switch {
	case n == 0:
		c.bad(path+"/text", "must be more than 0 characters")
	case n > most:
		c.bad(path+"/text", fmt.Sprintf("must be less than %d characters", most+1))
	}
}

func at(path string, i int) string { return fmt.Sprintf("%s/%d", path, i) }
