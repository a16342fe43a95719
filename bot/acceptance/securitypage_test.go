package acceptance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources parses every Go file below the root of the module.
func sources(t *testing.T, visit func(path string, f *ast.File)) {
	t.Helper()
	root := "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		visit(filepath.ToSlash(rel), f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every point of the threat model names a test, and every test that it names exists.
func TestSecurityPageNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	sources(t, func(path string, f *ast.File) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasSuffix(path, "_test.go") && fn.Recv == nil {
				tests[fn.Name.Name] = true
			}
		}
	})
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") || strings.HasSuffix(line, "| shown by |\n") {
			continue
		}
		rows++
		named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(line, -1)
		if len(named) == 0 {
			t.Errorf("no test shows this: %s", line)
		}
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("there is no %s", m[1])
			}
		}
	}
	if rows < 30 {
		t.Errorf("the page has %d points", rows)
	}
}

// A cell that begins with =, +, - or @ is a formula to Excel. So nothing is written in a form that Excel opens by
// itself; the simulators, which stand in for other programs, may.
func TestNothingIsWrittenAsASpreadsheet(t *testing.T) {
	t.Parallel()
	readers := 0
	sources(t, func(path string, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "jobs/cloudsim/") || strings.HasPrefix(path, "bot/slacksim/") {
			return
		}
		names := map[string]string{}
		for _, i := range f.Imports {
			switch pkg := strings.Trim(i.Path.Value, `"`); pkg {
			case "encoding/csv":
				names["csv"] = "NewWriter"
				readers++
			case "github.com/xuri/excelize/v2":
				names["excelize"] = "NewFile"
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := s.X.(*ast.Ident); ok && names[pkg.Name] != "" && s.Sel.Name == names[pkg.Name] {
					t.Errorf("%s calls %s.%s: escape what a cell begins with, and have this test look at that", path, pkg.Name, s.Sel.Name)
				}
			}
			return true
		})
	})
	if readers == 0 {
		t.Error("not even the reader of CSV was found: nothing was looked at")
	}
}
