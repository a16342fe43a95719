package acceptance

import (
	"go/ast"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// The page shows what came of the whole matrix, every column of it, and that nothing was violated.
func TestReliabilityPageHasACleanMatrix(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "| column | what happens |\n|---|---|\n")
	described := rows(rest)
	_, rest, _ = strings.Cut(string(page), "<!-- matrix -->\n")
	rest, _, _ = strings.Cut(rest, "<!-- end of matrix -->")
	_, rest, _ = strings.Cut(rest, "|---|---|---|---|---|---|---|---|\n")
	results := map[string][]string{}
	for _, row := range rows(rest) {
		results[row[0]] = row
	}
	if len(described) < 5 {
		t.Fatalf("the page describes the columns %q: the test does not find them any more", described)
	}
	if len(results) != len(described) {
		t.Errorf("the page describes %d columns and has the results of %d", len(described), len(results))
	}
	for _, column := range described {
		row := results[column[0]]
		switch {
		case len(row) != 8:
			t.Errorf("the page has no result of the column %s: run make matrix", column[0])
		case row[1] != row[2]:
			t.Errorf("of %s cells of the column %s the page has %s runs: run make matrix", row[1], column[0], row[2])
		case row[7] != "0":
			t.Errorf("the page has %s violations in the column %s", row[7], column[0])
		}
	}
}

// rows reads the table that the text begins with, without its head.
func rows(text string) (all [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			return all
		}
		var cells []string
		for _, c := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(c))
		}
		all = append(all, cells)
	}
	return all
}

// Each fuzz target has its row, beside the package that it is in.
func TestReliabilityPageNamesEveryFuzzTarget(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	sources(t, func(file string, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasSuffix(file, "_test.go") || !strings.HasPrefix(fn.Name.Name, "Fuzz") {
				continue
			}
			row := regexp.MustCompile("(?m)^\\|[^|]*`" + path.Dir(file) + "`[^|]*\\b" + fn.Name.Name + "\\b[^|]*\\|")
			if !row.Match(page) {
				t.Errorf("docs/reliability.md does not say what %s of %s is fed", fn.Name.Name, path.Dir(file))
			}
		}
	})
}
