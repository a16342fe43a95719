package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slack-go/slack"
)

// times repeats a JSON value n times, comma separated; "#" becomes the running number.
func times(n int, v string) string {
	var out []string
	for i := range n {
		out = append(out, strings.ReplaceAll(v, "#", fmt.Sprint(i)))
	}
	return strings.Join(out, ",")
}

func chars(n int) string { return strings.Repeat("é", n) } // one code point, two bytes

func plain(n int) string  { return `{"type":"plain_text","text":"` + chars(n) + `"}` }
func mrkdwn(n int) string { return `{"type":"mrkdwn","text":"` + chars(n) + `"}` }

func buttonJSON(more string) string {
	return `{"type":"button","action_id":"a#","text":` + plain(1) + more + `}`
}
func option(text, value, desc int) string {
	return `{"text":` + plain(text) + `,"value":"` + chars(value) + `","description":` + plain(desc) + `}`
}
func actions(elements string) string { return `{"type":"actions","elements":[` + elements + `]}` }
func sectionJSON(more string) string { return `{"type":"section",` + more + `}` }

// Each limit of Slack's documentation: at the limit a message passes, above it is refused.
func TestMessageLimits(t *testing.T) {
	t.Parallel()
	confirm := func(title, body, yes, no int) string {
		return actions(buttonJSON(fmt.Sprintf(`,"confirm":{"title":%s,"text":%s,"confirm":%s,"deny":%s}`, plain(title), mrkdwn(body), plain(yes), plain(no))))
	}
	sel := func(more string) string { return actions(`{"type":"static_select",` + more + `}`) }
	table := func(rows, cols int) string {
		return `{"type":"table","rows":[` + times(rows, `[`+times(cols, `{"type":"raw_text","text":"x"}`)+`]`) + `]}`
	}
	data := func(rows, cols, size, n int) string {
		return fmt.Sprintf(`{"type":"data_table","page_size":%d,"rows":[[{"type":"raw_text","text":"%s"}],`, size, chars(n)) +
			times(rows-1, `[`+times(cols, `{"type":"raw_text","text":"x"}`)+`]`) + `]}`
	}
	card := func(title, body, acts int) string {
		return `{"type":"card","title":` + plain(title) + `,"body":` + mrkdwn(body) + `,"actions":[` + times(acts, buttonJSON("")) + `]}`
	}
	input := func(label, hint int, el string) string {
		return `{"type":"input","label":` + plain(label) + `,"hint":` + plain(hint) + `,"element":` + el + `}`
	}
	field := `{"type":"plain_text_input"%s}`
	layout := func(rows, items int) string {
		return `{"type":"layout","label":"l","rows":[` + times(rows, `{"items":[`+times(items, `{"block":{"type":"divider"}}`)+`]}`) + `]}`
	}
	blocks := func(b string) string { return `{"text":"x","blocks":[` + b + `]}` }
	for _, tt := range []struct {
		name      string
		ok, above string // a block, or a whole message when it starts with {"text"
		err       string
		path      string
	}{
		{"blocks", times(50, `{"type":"divider"}`), times(51, `{"type":"divider"}`), "invalid_blocks", "/blocks"},
		{"text of a message", `{"text":"` + chars(40000) + `"}`, `{"text":"` + chars(40001) + `"}`, "msg_too_long", "/text"},
		{"text of all blocks", times(4, sectionJSON(`"text":`+mrkdwn(3000))) + "," + sectionJSON(`"text":`+mrkdwn(1200)), times(4, sectionJSON(`"text":`+mrkdwn(3000))) + "," + sectionJSON(`"text":`+mrkdwn(1201)), "msg_blocks_too_long", "/blocks"},
		{"no content", `{"text":"x"}`, `{"text":" "}`, "no_text", "/text"},
		{"attachments", `{"text":"x","attachments":[` + times(100, `{}`) + `]}`, `{"text":"x","attachments":[` + times(101, `{}`) + `]}`, "too_many_attachments", "/attachments"},
		{"section text", sectionJSON(`"text":` + mrkdwn(3000)), sectionJSON(`"text":` + mrkdwn(3001)), "invalid_blocks", "/blocks/0/text/text"},
		{"section text empty", sectionJSON(`"text":` + mrkdwn(1)), sectionJSON(`"text":` + mrkdwn(0)), "invalid_blocks", "/blocks/0/text/text"},
		{"section without anything", sectionJSON(`"text":` + mrkdwn(1)), `{"type":"section"}`, "invalid_blocks", "/blocks/0/text"},
		{"fields", sectionJSON(`"fields":[` + times(10, mrkdwn(1)) + `]`), sectionJSON(`"fields":[` + times(11, mrkdwn(1)) + `]`), "invalid_blocks", "/blocks/0/fields"},
		{"field text", sectionJSON(`"fields":[` + mrkdwn(2000) + `]`), sectionJSON(`"fields":[` + mrkdwn(2001) + `]`), "invalid_blocks", "/blocks/0/fields/0/text"},
		{"header", `{"type":"header","text":` + plain(150) + `}`, `{"type":"header","text":` + plain(151) + `}`, "invalid_blocks", "/blocks/0/text/text"},
		{"header is plain", `{"type":"header","text":` + plain(1) + `}`, `{"type":"header","text":` + mrkdwn(1) + `}`, "invalid_blocks", "/blocks/0/text/type"},
		{"context", `{"type":"context","elements":[` + times(10, mrkdwn(1)) + `]}`, `{"type":"context","elements":[` + times(11, mrkdwn(1)) + `]}`, "invalid_blocks", "/blocks/0/elements"},
		{"actions", actions(times(25, buttonJSON(""))), actions(times(26, buttonJSON(""))), "invalid_blocks", "/blocks/0/elements"},
		{"context actions", `{"type":"context_actions","elements":[` + times(5, `{"type":"feedback_buttons"}`) + `]}`, `{"type":"context_actions","elements":[` + times(6, `{"type":"feedback_buttons"}`) + `]}`, "invalid_blocks", "/blocks/0/elements"},
		{"markdown", `{"type":"markdown","text":"` + chars(12000) + `"}`, `{"type":"markdown","text":"` + chars(12001) + `"}`, "invalid_blocks", "/blocks/0/text"},
		{"image alt text", `{"type":"image","image_url":"u","alt_text":"` + chars(2000) + `"}`, `{"type":"image","image_url":"u","alt_text":"` + chars(2001) + `"}`, "invalid_blocks", "/blocks/0/alt_text"},
		{"image title", `{"type":"image","image_url":"u","alt_text":"x","title":` + plain(2000) + `}`, `{"type":"image","image_url":"u","alt_text":"x","title":` + plain(2001) + `}`, "invalid_blocks", "/blocks/0/title/text"},
		{"image url", `{"type":"image","alt_text":"x","image_url":"` + chars(3000) + `"}`, `{"type":"image","alt_text":"x","image_url":"` + chars(3001) + `"}`, "invalid_blocks", "/blocks/0/image_url"},
		{"input label", input(2000, 1, fmt.Sprintf(field, "")), input(2001, 1, fmt.Sprintf(field, "")), "invalid_blocks", "/blocks/0/label/text"},
		{"input hint", input(1, 2000, fmt.Sprintf(field, "")), input(1, 2001, fmt.Sprintf(field, "")), "invalid_blocks", "/blocks/0/hint/text"},
		{"min_length", input(1, 1, fmt.Sprintf(field, `,"min_length":3000`)), input(1, 1, fmt.Sprintf(field, `,"min_length":3001`)), "invalid_blocks", "/blocks/0/element/min_length"},
		{"table rows", table(100, 1), table(101, 1), "invalid_blocks", "/blocks/0/rows"},
		{"table columns", table(1, 20), table(1, 21), "invalid_blocks", "/blocks/0/rows/0/cells"},
		{"tables", table(1, 1), table(1, 1) + "," + table(1, 1), "only_one_table_allowed", "/blocks/1"},
		{"data table rows", data(201, 1, 1, 1), data(202, 1, 1, 1), "invalid_blocks", "/blocks/0/rows"},
		{"data table needs rows", data(2, 1, 1, 1), `{"type":"data_table","rows":[[{"type":"raw_text","text":"x"}]]}`, "invalid_blocks", "/blocks/0/rows"},
		{"data table columns", data(2, 20, 1, 1), data(2, 21, 1, 1), "invalid_blocks", "/blocks/0/rows/1/cells"},
		{"data table page", data(2, 1, 100, 1), data(2, 1, 101, 1), "invalid_blocks", "/blocks/0/page_size"},
		{"data table text", data(2, 1, 1, 19999), data(2, 1, 1, 20000), "invalid_blocks", "/blocks/0/rows"},
		{"card title", card(150, 1, 1), card(151, 1, 1), "invalid_blocks", "/blocks/0/title/text"},
		{"card body", card(1, 200, 1), card(1, 201, 1), "invalid_blocks", "/blocks/0/body/text"},
		{"card actions", card(1, 1, 3), card(1, 1, 4), "invalid_blocks", "/blocks/0/actions"},
		{"carousel", `{"type":"carousel","elements":[` + times(10, card(1, 1, 1)) + `]}`, `{"type":"carousel","elements":[` + times(11, card(1, 1, 1)) + `]}`, "invalid_blocks", "/blocks/0/elements"},
		{"container", `{"type":"container","child_blocks":[` + times(10, `{"type":"divider"}`) + `]}`, `{"type":"container","child_blocks":[` + times(11, `{"type":"divider"}`) + `]}`, "invalid_blocks", "/blocks/0/child_blocks"},
		{"layout rows", layout(5, 1), layout(6, 1), "invalid_blocks", "/blocks/0/rows"},
		{"layout items", layout(1, 3), layout(1, 4), "invalid_blocks", "/blocks/0/rows/0/items"},
		{"alert is for modals", `{"type":"divider"}`, `{"type":"alert","text":` + plain(1) + `}`, "invalid_blocks", "/blocks/0/type"},
		{"unknown block", `{"type":"divider"}`, `{"type":"marquee"}`, "invalid_blocks", "/blocks/0/type"},
		{"block_id", `{"type":"divider","block_id":"` + chars(255) + `"}`, `{"type":"divider","block_id":"` + chars(256) + `"}`, "invalid_blocks", "/blocks/0/block_id"},
		{"block_id twice", times(2, `{"type":"divider","block_id":"b#"}`), times(2, `{"type":"divider","block_id":"b"}`), "invalid_blocks", "/blocks/1/block_id"},
		{"action_id", actions(`{"type":"button","text":` + plain(1) + `,"action_id":"` + chars(255) + `"}`), actions(`{"type":"button","text":` + plain(1) + `,"action_id":"` + chars(256) + `"}`), "invalid_blocks", "/blocks/0/elements/0/action_id"},
		{"action_id twice", actions(times(2, buttonJSON(""))), actions(times(2, strings.ReplaceAll(buttonJSON(""), "#", ""))), "invalid_blocks", "/blocks/0/elements/1/action_id"},
		{"button text", actions(`{"type":"button","text":` + plain(75) + `}`), actions(`{"type":"button","text":` + plain(76) + `}`), "invalid_blocks", "/blocks/0/elements/0/text/text"},
		{"button text is plain", actions(buttonJSON("")), actions(`{"type":"button","text":` + mrkdwn(1) + `}`), "invalid_blocks", "/blocks/0/elements/0/text/type"},
		{"button value", actions(buttonJSON(`,"value":"` + chars(2000) + `"`)), actions(buttonJSON(`,"value":"` + chars(2001) + `"`)), "invalid_blocks", "/blocks/0/elements/0/value"},
		{"button url", actions(buttonJSON(`,"url":"` + chars(3000) + `"`)), actions(buttonJSON(`,"url":"` + chars(3001) + `"`)), "invalid_blocks", "/blocks/0/elements/0/url"},
		{"button label", actions(buttonJSON(`,"accessibility_label":"` + chars(75) + `"`)), actions(buttonJSON(`,"accessibility_label":"` + chars(76) + `"`)), "invalid_blocks", "/blocks/0/elements/0/accessibility_label"},
		{"button style", actions(buttonJSON(`,"style":"danger"`)), actions(buttonJSON(`,"style":"pink"`)), "invalid_blocks", "/blocks/0/elements/0/style"},
		{"confirm title", confirm(100, 1, 1, 1), confirm(101, 1, 1, 1), "invalid_blocks", "/blocks/0/elements/0/confirm/title/text"},
		{"confirm text", confirm(1, 300, 1, 1), confirm(1, 301, 1, 1), "invalid_blocks", "/blocks/0/elements/0/confirm/text/text"},
		{"confirm button", confirm(1, 1, 30, 1), confirm(1, 1, 31, 1), "invalid_blocks", "/blocks/0/elements/0/confirm/confirm/text"},
		{"deny button", confirm(1, 1, 1, 30), confirm(1, 1, 1, 31), "invalid_blocks", "/blocks/0/elements/0/confirm/deny/text"},
		{"option text", sel(`"options":[` + option(75, 1, 1) + `]`), sel(`"options":[` + option(76, 1, 1) + `]`), "invalid_blocks", "/blocks/0/elements/0/options/0/text/text"},
		{"option value", sel(`"options":[` + option(1, 150, 1) + `]`), sel(`"options":[` + option(1, 151, 1) + `]`), "invalid_blocks", "/blocks/0/elements/0/options/0/value"},
		{"option description", sel(`"options":[` + option(1, 1, 75) + `]`), sel(`"options":[` + option(1, 1, 76) + `]`), "invalid_blocks", "/blocks/0/elements/0/options/0/description/text"},
		{"options", sel(`"options":[` + times(100, option(1, 1, 1)) + `]`), sel(`"options":[` + times(101, option(1, 1, 1)) + `]`), "invalid_blocks", "/blocks/0/elements/0/options"},
		{"option groups", sel(`"option_groups":[` + times(100, `{"label":`+plain(1)+`,"options":[`+option(1, 1, 1)+`]}`) + `]`), sel(`"option_groups":[` + times(101, `{"label":`+plain(1)+`,"options":[`+option(1, 1, 1)+`]}`) + `]`), "invalid_blocks", "/blocks/0/elements/0/option_groups"},
		{"initial option", sel(`"options":[` + option(1, 1, 1) + `],"initial_option":` + option(1, 1, 1)), sel(`"options":[` + option(1, 1, 1) + `],"initial_option":` + option(1, 2, 1)), "invalid_blocks", "/blocks/0/elements/0/initial_option"},
		{"placeholder", sel(`"placeholder":` + plain(150) + `,"options":[` + option(1, 1, 1) + `]`), sel(`"placeholder":` + plain(151) + `,"options":[` + option(1, 1, 1) + `]`), "invalid_blocks", "/blocks/0/elements/0/placeholder/text"},
		{"overflow", actions(`{"type":"overflow","options":[` + times(5, option(1, 1, 1)) + `]}`), actions(`{"type":"overflow","options":[` + times(6, option(1, 1, 1)) + `]}`), "invalid_blocks", "/blocks/0/elements/0/options"},
		{"checkboxes", actions(`{"type":"checkboxes","options":[` + times(10, option(1, 1, 1)) + `]}`), actions(`{"type":"checkboxes","options":[` + times(11, option(1, 1, 1)) + `]}`), "invalid_blocks", "/blocks/0/elements/0/options"},
		{"radio buttons", actions(`{"type":"radio_buttons","options":[` + times(10, option(1, 1, 1)) + `]}`), actions(`{"type":"radio_buttons","options":[` + times(11, option(1, 1, 1)) + `]}`), "invalid_blocks", "/blocks/0/elements/0/options"},
		{"text input outside an input block", input(1, 1, fmt.Sprintf(field, "")), actions(fmt.Sprintf(field, "")), "invalid_blocks", "/blocks/0/elements/0/type"},
		{"file input is for modals", input(1, 1, fmt.Sprintf(field, "")), input(1, 1, `{"type":"file_input"}`), "invalid_blocks", "/blocks/0/element/type"},
		{"accessory", sectionJSON(`"text":` + mrkdwn(1) + `,"accessory":` + buttonJSON("")), sectionJSON(`"text":` + mrkdwn(1) + `,"accessory":{"type":"slider"}`), "invalid_blocks", "/blocks/0/accessory/type"},
		{"metadata", `{"text":"x","metadata":{"event_type":"e","event_payload":{}}}`, `{"text":"x","metadata":{"event_payload":{}}}`, "invalid_metadata_format", "/metadata"},
		{"metadata size", `{"text":"x","metadata":{"event_type":"e","event_payload":{"a":"b"}}}`, `{"text":"x","metadata":{"event_type":"e","event_payload":{"a":"` + chars(maxMetadata) + `"}}}`, "metadata_too_large", "/metadata"},
		{"blocks that are no list", `{"type":"divider"}`, `{"text":"x","blocks":{"type":"divider"}}`, "invalid_blocks_format", "/blocks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			whole := func(s string) []byte {
				if strings.HasPrefix(s, `{"text"`) {
					return []byte(s)
				}
				return []byte(blocks(s))
			}
			for _, s := range []string{tt.ok, tt.above} {
				if !json.Valid(whole(s)) {
					t.Fatalf("the test's own JSON is broken: %.200s", s)
				}
			}
			if p := CheckMessage(whole(tt.ok)); len(p) > 0 {
				t.Errorf("at the limit: %v", p)
			}
			wants(t, CheckMessage(whole(tt.above)), tt.err, tt.path)
		})
	}
}

func wants(t *testing.T, got []Problem, code, path string) {
	t.Helper()
	for _, p := range got {
		if p.Error == code && p.Path == path {
			return
		}
	}
	t.Errorf("want %s at %s, got %v", code, path, got)
}

func TestViewLimits(t *testing.T) {
	t.Parallel()
	view := func(title int, more, blocks string) string {
		return `{"type":"modal","title":` + plain(title) + more + `,"blocks":[` + blocks + `]}`
	}
	in := `{"type":"input","label":` + plain(1) + `,"element":{"type":"file_input","max_files":%d}}`
	submit := `,"submit":` + plain(1)
	div := `{"type":"divider"}`
	for _, tt := range []struct{ name, ok, above, err, path string }{
		{"title", view(24, "", div), view(25, "", div), "invalid_arguments", "/title/text"},
		{"submit", view(1, `,"submit":`+plain(24), div), view(1, `,"submit":`+plain(25), div), "invalid_arguments", "/submit/text"},
		{"close", view(1, `,"close":`+plain(24), div), view(1, `,"close":`+plain(25), div), "invalid_arguments", "/close/text"},
		{"private_metadata", view(1, `,"private_metadata":"`+chars(3000)+`"`, div), view(1, `,"private_metadata":"`+chars(3001)+`"`, div), "invalid_arguments", "/private_metadata"},
		{"callback_id", view(1, `,"callback_id":"`+chars(255)+`"`, div), view(1, `,"callback_id":"`+chars(256)+`"`, div), "invalid_arguments", "/callback_id"},
		{"blocks", view(1, "", times(100, div)), view(1, "", times(101, div)), "invalid_arguments", "/blocks"},
		{"input needs submit", view(1, submit, fmt.Sprintf(in, 10)), view(1, "", fmt.Sprintf(in, 10)), "invalid_arguments", "/submit"},
		{"max_files", view(1, submit, fmt.Sprintf(in, 10)), view(1, submit, fmt.Sprintf(in, 11)), "invalid_arguments", "/blocks/0/element/max_files"},
		{"alert", view(1, "", `{"type":"alert","text":`+plain(200)+`}`), view(1, "", `{"type":"alert","text":`+plain(201)+`}`), "invalid_arguments", "/blocks/0/text/text"},
		{"type", `{"type":"home","blocks":[]}`, `{"type":"sheet","blocks":[]}`, "invalid_arguments", "/type"},
		{"missing blocks", `{"type":"home","blocks":[]}`, `{"type":"home"}`, "invalid_arguments", "/blocks"},
		{"size", view(1, "", times(80, sectionJSON(`"text":`+mrkdwn(1500)))), view(1, "", times(90, sectionJSON(`"text":`+mrkdwn(1500)))), "view_too_large", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if p := CheckView([]byte(tt.ok)); len(p) > 0 {
				t.Errorf("at the limit: %v", p)
			}
			wants(t, CheckView([]byte(tt.above)), tt.err, tt.path)
		})
	}
}

func TestServerNamesTheOffendingPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.api.PostMessageContext(b.ctx, "C1", slack.MsgOptionBlocks(section("ok"), section(strings.Repeat("x", 3001))))
	var se slack.SlackErrorResponse
	if !errors.As(err, &se) || se.Err != "invalid_blocks" || len(se.ResponseMetadata.Messages) != 1 ||
		!strings.Contains(se.ResponseMetadata.Messages[0], "[json-pointer:/blocks/1/text/text]") {
		t.Errorf("got %+v", err)
	}
}

func FuzzCheckMessage(f *testing.F) {
	f.Add([]byte(`{"text":"x","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"x"}}]}`))
	f.Add([]byte(`[{"type":"actions","elements":[null,1,{"type":"button","text":[]}]}]`))
	f.Add([]byte(`{"blocks":"[{\"type\":\"layout\",\"rows\":[{\"items\":[1]}]}]"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, p := range append(CheckMessage(data), CheckView(data)...) {
			if p.Error == "" || p.Message == "" {
				t.Errorf("problem without a name or a message: %+v", p)
			}
		}
		_ = Message{Blocks: data}.Plain() // any bytes, no panic
	})
}
