package acceptance

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var symbol = regexp.MustCompile(`(?:^|[ "(*n])(:[a-z_]{3,}:)`)

// A symbol that the simulated page cannot draw stands there as its bare name, which no administrator reads.
func TestThePageDrawsEverySymbolOfTheMessages(t *testing.T) {
	t.Parallel()
	drawn, err := os.ReadFile("../slacksim/page/emoji.js")
	if err != nil {
		t.Fatal(err)
	}
	known := func(name string) bool {
		return regexp.MustCompile(`(?m)[ {]"?` + regexp.QuoteMeta(name) + `"?: [\["]`).Match(drawn)
	}
	if known("no_such_symbol") {
		t.Fatal("everything counts as drawn")
	}
	seen := map[string]bool{}
	err = filepath.WalkDir("../view/testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, m := range symbol.FindAllStringSubmatch(string(data), -1) {
			seen[strings.Trim(m[1], ":")] = true
		}
		return err
	})
	if err != nil || len(seen) < 20 {
		t.Fatalf("%d symbols in the messages: %v", len(seen), err)
	}
	for name := range seen {
		if !known(name) {
			t.Errorf("the page does not draw :%s:", name)
		}
	}
}
