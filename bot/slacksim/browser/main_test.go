package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pictures is where the pictures of the documentation are written.
var pictures = flag.String("pictures", "", "write a picture of each flow into this `folder`")

// binary is the program under test, and chromium the browser, empty if there is none.
var binary, chromium string

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // they wait more than they compute; the command line may say otherwise
	flag.Parse()
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (int, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = path
		}
	}
	if chromium == "" {
		return m.Run(), nil // each test says that it cannot be done
	}
	root, err := exec.CommandContext(context.Background(), "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return 1, fmt.Errorf("find the module's root: %w", err)
	}
	dir, err := os.MkdirTemp("", "refreshbot-browser-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "refreshbot")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, ".")
	build.Dir = strings.TrimSpace(string(root))
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build refreshbot: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// needBrowser skips a test where there is no browser. Where a change is judged, that would hide a broken page.
func needBrowser(t *testing.T) {
	t.Helper()
	if chromium != "" {
		return
	}
	const words = "no Chromium in PATH (looked for chromium, chromium-browser, google-chrome), so the page is not tested; on Debian: apt-get install chromium"
	if os.Getenv("CI") == "true" {
		t.Fatal(words)
	}
	t.Skip(words)
}
