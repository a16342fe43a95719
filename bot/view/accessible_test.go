package view_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var emojiName = regexp.MustCompile(`:[a-z0-9_+-]+:`)

// Every message of every golden file can be followed without seeing it: it has a text for notifications and screen
// readers, no emoji says something that no word says, a picture has words, and a button says what it is about.
func TestEverythingShownIsAccessible(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".golden.json") {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var doc any
		if err := json.Unmarshal(data, &doc); err != nil {
			return err
		}
		eachShown(doc, func(o map[string]any) {
			if why := inaccessible(o); why != "" {
				text, _ := json.Marshal(o)
				t.Errorf("%s: %s: %s", path, why, text)
			}
		})
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("%d golden files: %v", files, err)
	}
}

func eachShown(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			eachShown(x, f)
		}
	case map[string]any:
		f(v)
		for _, x := range v {
			eachShown(x, f)
		}
	}
}

// inaccessible says what is wrong with one object of a message; "" when nothing is.
func inaccessible(o map[string]any) string {
	text, _ := o["text"].(string)
	kind, _ := o["type"].(string)
	_, blocks := o["blocks"]
	switch {
	case blocks && kind == "": // a message; views have a type
		if !wordy(text) {
			return "a message without a text"
		}
	case kind == "mrkdwn" || kind == "plain_text":
		if !wordy(text) {
			return "a text without a word"
		}
	case kind == "image":
		if alt, _ := o["alt_text"].(string); !wordy(alt) {
			return "an image without alternative text"
		}
	case kind == "button":
		if label, _ := o["accessibility_label"].(string); len(strings.Fields(label)) < 2 {
			return "a button that out of its place says nothing"
		}
	}
	return ""
}

// wordy reports whether a text says something beside emoji and markup.
func wordy(text string) bool {
	return strings.ContainsFunc(emojiName.ReplaceAllString(text, ""), unicode.IsLetter)
}
