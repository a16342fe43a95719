package acceptance

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)|src="([^":]+)"`)

// Every link from one document to a file leads there, and no picture is kept that no document shows.
func TestDocumentsLinkToWhatThereIs(t *testing.T) {
	t.Parallel()
	linked := map[string]bool{}
	follow := func(page string) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to := filepath.Join(filepath.Dir(page), m[1]+m[2])
			linked[to] = true
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1]+m[2], err)
			}
		}
	}
	follow("../../README.md")
	follow("../../CHANGELOG.md")
	err := filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			follow(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pictures, _ := filepath.Glob("../../docs/pictures/*") // the pattern is sound
	if len(pictures) == 0 {
		t.Fatal("there are no pictures")
	}
	for _, p := range pictures {
		if !linked[p] {
			t.Errorf("no document shows %s", p)
		}
	}
}
