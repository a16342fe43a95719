package acceptance

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// packages returns every package of the module with all that it depends on, directly or not, tests left out.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		deps[strings.TrimPrefix(fields[0], "refreshbot/")] = fields[1:]
	}
	return deps
}

// Imports run one way, indirect ones included. Each rule says what a package may reach of ours.
func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	domain := []string{"jobs/refresh"}
	leaf := "jobs/failpoint"
	client := append([]string{"jobs/wire"}, domain...)
	engine := append([]string{"jobs/engine", leaf}, domain...)
	may := map[string][]string{
		"jobs/refresh":  nil,
		"jobs/engine":   {"jobs/refresh", leaf},
		leaf:            nil,
		"jobs/history":  domain,
		"jobs/lcs":      client,
		"jobs/finops":   client,
		"jobs/entra":    client,
		"jobs/wire":     nil,
		"jobs/roster":   {"jobs/refresh", "jobs/spell"},
		"jobs/spell":    nil,
		"jobs/phases":   {"jobs/refresh", leaf, "jobs/roster", "jobs/spell", "jobs/wire"},
		"jobs/schedule": append([]string{"jobs/recur"}, engine...),
		"jobs/recur":    domain,
		"jobs/blackout": append([]string{"jobs/recur"}, domain...),
		"jobs/cloudsim": nil,
		"bot/slacksim":  nil,
		"bot/picture":   {"jobs/history", "jobs/refresh"},
		"commands":      append([]string{"commands/when", "jobs/history", "jobs/recur", "jobs/schedule", "jobs/spell"}, engine...),
		"bot/notice":    append([]string{"jobs/spell"}, domain...),
		"commands/when": {"jobs/spell"},
		"store":         engine,
		"store/bolt":    append([]string{"store"}, engine...),
		"bot/view":      append([]string{"commands", "commands/when", "jobs/history", "jobs/recur", "jobs/schedule", "jobs/spell"}, engine...),
		"store/backup":  append([]string{"store", "store/bolt"}, engine...),
	}
	deps := packages(t)
	for pkg, allowed := range may {
		if _, ok := deps[pkg]; !ok {
			t.Errorf("there is no package %s", pkg)
		}
		for _, d := range deps[pkg] {
			if ours, ok := strings.CutPrefix(d, "refreshbot/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s reaches %s", pkg, ours)
			}
		}
	}
	for pkg, all := range deps {
		inside := strings.HasPrefix(pkg, "jobs/") || strings.HasPrefix(pkg, "store") || pkg == "commands"
		for _, d := range all {
			switch {
			case inside && (strings.HasPrefix(d, "github.com/slack-go/") || strings.HasPrefix(d, "refreshbot/bot")):
				t.Errorf("%s reaches %s: Slack stays at the edge", pkg, d)
			case pkg == "jobs/refresh" && (thirdParty(d) || d == "net/http"):
				t.Errorf("the domain reaches %s", d)
			}
		}
	}
}

// The page names every package in one line, and none that does not exist.
func TestArchitecturePageNamesEveryPackage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		named[m[1]] = true
	}
	deps := packages(t)
	for pkg := range deps {
		if pkg != "refreshbot" && !named[pkg] {
			t.Errorf("docs/architecture.md does not say what %s is for", pkg)
		}
	}
	for pkg := range named {
		if _, ok := deps[pkg]; !ok {
			t.Errorf("docs/architecture.md names %s, which does not exist", pkg)
		}
	}
}

// Each direct dependency is explained.
func TestDependenciesPageNamesEachModule(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllSubmatch(mod, -1) { // indirect ones have a comment
		if !strings.Contains(string(page), "`"+string(m[1])+"`") {
			t.Errorf("docs/dependencies.md does not say why %s is here", m[1])
		}
	}
}

// thirdParty reports whether a package is neither ours nor of the standard library.
func thirdParty(pkg string) bool {
	host, _, _ := strings.Cut(pkg, "/")
	return strings.Contains(host, ".")
}
