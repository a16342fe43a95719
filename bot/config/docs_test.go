package config

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"refreshbot/jobs/phases"
	"refreshbot/jobs/refresh"
)

const docs = "../../docs"

// pages reads docs/steps: the text of each page by its name, without the index.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(docs + "/steps/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if name := strings.TrimSuffix(filepath.Base(f), ".md"); name != "README" {
			found[name] = string(data)
		}
	}
	if len(found) == 0 {
		t.Fatal("there are no pages in docs/steps")
	}
	return found
}

var fenced = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// exampleOn returns the one YAML example of a page, a part of an environment's refresh.
func exampleOn(t *testing.T, name, page string) string {
	t.Helper()
	blocks := fenced.FindAllStringSubmatch(page, -1)
	if len(blocks) != 1 {
		t.Fatalf("%s.md has %d YAML examples, want one", name, len(blocks))
	}
	return blocks[0][1]
}

// inRefresh puts keys of refresh into the smallest configuration.
func inRefresh(keys string) string {
	var text strings.Builder
	text.WriteString(strings.Replace(smallest, "refresh: {from: gold, approve: {by: [U0ANNA]}, sign_off: {by: [U0ANNA]}}",
		"refresh:\n      from: gold\n      approve: {by: [U0ANNA]}\n      sign_off: {by: [U0ANNA]}\n", 1))
	for line := range strings.Lines(keys) {
		text.WriteString("      " + line)
	}
	return text.String()
}

// anyVariable is set.
func anyVariable(name string) (string, bool) {
	if v, ok := around().vars[name]; ok {
		return v, true
	}
	return "hush", true
}

// generous are surroundings in which every other variable is set and every other file is there.
func generous(t *testing.T, file, text string) (*Config, error) {
	t.Helper()
	readFile := func(path string) ([]byte, error) {
		if filepath.Base(path) == "corporate-ca.pem" {
			return corporate(t), nil
		}
		return []byte("hush"), nil
	}
	return Parse(file, []byte(text), anyVariable, readFile, func(string) error { return nil })
}

// planned builds the plan of a configuration's only target, and checks it as a request for it would.
func planned(t *testing.T, c *Config) []refresh.Spec {
	t.Helper()
	if len(c.Targets()) != 1 {
		t.Fatalf("%d targets, want one", len(c.Targets()))
	}
	plan, err := phases.Plan(c.Targets()[0].Refresh.Recipe())
	if err != nil {
		t.Fatal(err)
	}
	if err := refresh.CheckPlan(plan); err != nil {
		t.Errorf("the plan contradicts itself: %v", err)
	}
	data, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "hush") {
		t.Errorf("a secret is in the plan: %s", data)
	}
	return plan
}

// Every kind of step has a page, and every page an example that loads and does what the page is about.
func TestEveryStepHasAPageWithAnExampleThatLoads(t *testing.T) {
	t.Parallel()
	does := map[string][]refresh.Kind{ // the kinds of step that the example has to plan
		"parallel": {refresh.KindService, refresh.KindHTTP},
		"keep":     {refresh.KindRestore},
		"must_not": {refresh.KindGuard},
		"users":    {refresh.KindPreview, refresh.KindEnable, refresh.KindVerify},
	}
	begins := map[string]string{"keep": "keep:", "must_not": "must_not:", "users": "users:", "parallel": "reconfigure:\n  - parallel:"}
	for _, k := range itemKinds() {
		does[string(k.kind)] = []refresh.Kind{k.kind}
		begins[string(k.kind)] = "reconfigure:\n  - " + string(k.kind) + ":"
	}
	found := pages(t)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if does[name] == nil {
			t.Errorf("docs/steps/%s.md is about no step there is", name)
		}
	}
	index := read(t, docs+"/steps/README.md")
	for _, name := range slices.Sorted(maps.Keys(does)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, ok := found[name]
			if !ok {
				t.Fatalf("docs/steps/%s.md is missing", name)
			}
			if !strings.Contains(index, "("+name+".md)") {
				t.Error("the index does not name the page")
			}
			for _, part := range []string{"# " + name + "\n", "**Needs** ", "**On failure** ", "**On the card** "} {
				if !strings.Contains(page, part) {
					t.Errorf("the page does not say %q", part)
				}
			}
			text := exampleOn(t, name, page)
			if !strings.HasPrefix(text, begins[name]) {
				t.Errorf("the example does not begin with %q", begins[name])
			}
			c, err := generous(t, "/etc/bot/refreshbot.yml", inRefresh(text))
			if err != nil {
				t.Fatal(err)
			}
			plan := planned(t, c)
			for _, k := range does[name] {
				if !slices.ContainsFunc(plan, func(s refresh.Spec) bool { return s.Kind == k }) {
					t.Errorf("the example plans no step of kind %s", k)
				}
			}
		})
	}
}

// The page about keep names every area, and its example keeps them all.
func TestThePageAboutKeepHasEveryArea(t *testing.T) {
	t.Parallel()
	page := pages(t)["keep"]
	c, err := generous(t, "/etc/bot/refreshbot.yml", inRefresh(exampleOn(t, "keep", page)))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range areas() {
		if !strings.Contains(page, "| `"+string(a)+"` |") {
			t.Errorf("the table has no row for %s", a)
		}
		if !slices.Contains(c.Targets()[0].Refresh.Keep, a) {
			t.Errorf("the example does not keep %s", a)
		}
		if a.Title() == string(a) {
			t.Errorf("people would read %q on the card", a)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)\)`)

func TestLinksBetweenThePagesLead(t *testing.T) {
	t.Parallel()
	found := pages(t)
	found["README"] = read(t, docs+"/steps/README.md")
	for name, page := range found {
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			if _, err := fs.Stat(os.DirFS(docs), path.Join("steps", m[1])); err != nil {
				t.Errorf("%s.md: %v", name, err)
			}
		}
	}
}

var (
	optional    = regexp.MustCompile(`^( *)# ( *(- )?[a-z_]+:( .*)?| *- [a-z_{].*)$`)
	alternative = regexp.MustCompile(`^ *# (certificate|federated_token|token_key|sign_in_lasts):`) // another credential beside the one that stands there
)

// The example in the documentation loads as it is, and with all that is commented out in it.
func TestTheDocumentedExampleLoadsInFull(t *testing.T) {
	t.Parallel()
	text := read(t, docs+"/refreshbot.example.yml")
	full, written := "", 0
	for line := range strings.Lines(text) {
		if m := optional.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil && !alternative.MatchString(line) {
			line, written = m[1]+m[2]+"\n", written+1
		}
		full += line
	}
	if written < 40 {
		t.Errorf("only %d lines were found commented out", written)
	}
	for name, text := range map[string]string{"as it is": text, "in full": full} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := generous(t, "/etc/bot/refreshbot.yml", text)
			if err != nil {
				t.Fatal(err)
			}
			kinds := map[refresh.Kind]bool{}
			for _, s := range planned(t, c) {
				kinds[s.Kind] = true
			}
			for _, k := range itemKinds() {
				if name == "in full" && !kinds[k.kind] {
					t.Errorf("the example has no %s", k.kind)
				}
			}
			r := c.Targets()[0].Refresh
			if name == "in full" && (len(r.MustNot) == 0 || len(r.Keep) != len(areas()) || !r.Users.Notify) {
				t.Errorf("the example does not show everything: %+v", r)
			}
		})
	}
}

// What the example says of the settings is what the program was designed for: the original still loads.
func TestTheDocumentedExampleExtendsTheOriginal(t *testing.T) {
	t.Parallel()
	documented := strings.Split(read(t, docs+"/refreshbot.example.yml"), "\n")
	for line := range strings.Lines(example) {
		i := slices.Index(documented, strings.TrimSuffix(line, "\n"))
		if i < 0 {
			t.Fatalf("the example in the documentation has lost, or moved, the line %q", line)
		}
		documented = documented[i+1:]
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
