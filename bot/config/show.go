package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// secretish is a key whose value is not shown. Secrets are references already; this is for a value that somebody
// wrote into a record or the body of a call.
var secretish = regexp.MustCompile(`(?i)(password|secret|token|api_?key)$`)

// Show returns the configuration in use as YAML: what the file says, and behind it what it leaves to the defaults.
// Secrets are shown as the references that lead to them.
func (c *Config) Show() (string, error) {
	root := plain(c.root, "")
	for _, def := range c.defaults() {
		add(root, def.path, def.value)
	}
	var out strings.Builder
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return "", fmt.Errorf("write the configuration as YAML: %w", err)
	}
	return out.String(), enc.Close()
}

// fallback is a key with a default, and the value in use.
type fallback struct {
	path  []string
	value any
}

func (c *Config) defaults() []fallback {
	list := []fallback{
		{[]string{"slack", "api_url"}, c.Slack.APIURL},
		{[]string{"slack", "settle"}, c.Slack.Settle},
		{[]string{"slack", "pace"}, c.Slack.Pace},
		{[]string{"entra", "authority"}, c.Entra.Authority},
		{[]string{"lcs", "api_url"}, c.LCS.APIURL},
		{[]string{"lcs", "poll"}, c.LCS.Poll},
		{[]string{"lcs", "timeout"}, c.LCS.Timeout},
		{[]string{"lcs", "settle"}, c.LCS.Settle},
		{[]string{"finops", "poll"}, c.FinOps.Poll},
		{[]string{"finops", "timeout"}, c.FinOps.Timeout},
		{[]string{"finops", "settle"}, c.FinOps.Settle},
		{[]string{"store", "path"}, c.Store.Path},
		{[]string{"http", "addr"}, c.HTTP.Addr},
		{[]string{"time_zone"}, c.TimeZone.String()},
	}
	n := c.Reminders
	for _, f := range []fallback{{[]string{"after"}, n.After}, {[]string{"escalate"}, n.Escalate}, {[]string{"again"}, n.Again}, {[]string{"before"}, n.Before},
		{[]string{"days"}, shortDays(n.Hours.Days)}, {[]string{"hours"}, shortClock(n.Hours.From) + "-" + shortClock(n.Hours.To)},
		{[]string{"zone"}, n.Hours.Zone}, {[]string{"downtime"}, n.Near}} {
		list = append(list, fallback{append([]string{"reminders"}, f.path...), f.value})
	}
	if b := c.Store.Backup; b != nil {
		list = append(list, fallback{[]string{"store", "backup", "every"}, b.Every}, fallback{[]string{"store", "backup", "keep"}, b.Keep})
	}
	for _, e := range c.Targets() {
		at := func(keys ...string) []string { return append([]string{"environments", e.Name, "refresh"}, keys...) }
		list = append(list, fallback{at("channel"), e.Refresh.Channel}, fallback{at("notice"), e.Refresh.Notice},
			fallback{at("postpone"), e.Refresh.Postpone}, fallback{at("downtime"), e.Refresh.Downtime},
			fallback{at("approve", "count"), e.Refresh.Approve.Count}, fallback{at("approve", "expires"), e.Refresh.Approve.Expires},
			fallback{at("sign_off", "count"), e.Refresh.SignOff.Count})
		if o := e.Refresh.Open; o != nil {
			list = append(list, fallback{at("open", "count"), o.Count})
		}
		if s := e.Refresh.Schedule; s != nil {
			list = append(list, fallback{at("schedule", "missed"), s.Missed}, fallback{at("schedule", "ask"), s.Ask},
				fallback{at("schedule", "blackout"), s.Blackout})
		}
	}
	return list
}

// plain copies a node without comments, anchors and the layout of the file. key is the one it stands under.
func plain(n *yaml.Node, key string) *yaml.Node {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && secretish.MatchString(key) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: hidden}
	}
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style &^ (yaml.TaggedStyle | yaml.FlowStyle)}
	under := key
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				under = "" // a key is no secret
			} else {
				under = n.Content[i-1].Value
			}
		}
		out.Content = append(out.Content, plain(child, under))
	}
	return out
}

// add puts the value at the path unless something is there.
func add(n *yaml.Node, path []string, value any) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == path[0] {
			if len(path) > 1 {
				add(n.Content[i+1], path[1:], value)
			}
			return
		}
	}
	if n.Kind != yaml.MappingNode {
		return // an empty section
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: path[0]}
	if len(path) > 1 {
		section := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		add(section, path[1:], value)
		n.Content = append(n.Content, key, section)
		return
	}
	if several, ok := value.([]time.Duration); ok {
		var words []string
		for _, d := range several {
			words = append(words, short(d))
		}
		value = words
	}
	if words, ok := value.([]string); ok {
		seq := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle, LineComment: "# default"}
		for _, w := range words {
			seq.Content = append(seq.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: w})
		}
		n.Content = append(n.Content, key, seq)
		return
	}
	text, tag := fmt.Sprint(value), "!!str"
	switch v := value.(type) {
	case time.Duration:
		text = short(v)
	case int:
		tag = "!!int"
	}
	n.Content = append(n.Content, key, &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text, LineComment: "# default"})
}

// shortDays writes days as they stand in the file.
func shortDays(days []time.Weekday) []string {
	var words []string
	for _, d := range days {
		words = append(words, strings.ToLower(d.String()[:3]))
	}
	return words
}

// shortClock writes a time of day.
func shortClock(at time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(at/time.Hour), int(at%time.Hour/time.Minute))
}

// short writes 30m0s as 30m.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if cut, ok := strings.CutSuffix(text, zero); ok && strings.HasSuffix(cut, map[string]string{"0s": "m", "0m": "h"}[zero]) {
			text = cut
		}
	}
	return text
}
