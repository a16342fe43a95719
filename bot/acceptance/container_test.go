package acceptance

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instruction is one line of the Dockerfile, continuation lines joined.
type instruction struct{ name, args string }

// stages reads the Dockerfile, a list of instructions for each stage.
func stages(t *testing.T) (list [][]instruction) {
	t.Helper()
	data, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(string(data), "")
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		name, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			continue
		}
		if name == "FROM" {
			list = append(list, nil)
		}
		list[len(list)-1] = append(list[len(list)-1], instruction{name, strings.TrimSpace(args)})
	}
	return list
}

// What the image is: a static binary, nothing to start besides it, nobody who could write anywhere but to the volume.
func TestTheImageRunsAsNobodyAndHoldsNothingElse(t *testing.T) {
	t.Parallel()
	all := stages(t)
	last := all[len(all)-1]
	args := func(name string) (found []string) {
		for _, i := range last {
			if i.name == name {
				found = append(found, i.args)
			}
		}
		return found
	}
	if base := args("FROM"); !strings.HasPrefix(base[0], "gcr.io/distroless/static") || !strings.HasSuffix(base[0], ":nonroot") {
		t.Errorf("the image is made from %s", base)
	}
	if user := args("USER"); len(user) != 1 || user[0] == "root" || strings.HasPrefix(user[0], "0") {
		t.Errorf("it runs as %q", user)
	}
	if volumes := args("VOLUME"); !slices.Equal(volumes, []string{"/data"}) {
		t.Errorf("what can be written is %q", volumes)
	}
	for _, c := range args("COPY") {
		if owned := strings.Contains(c, "--chown"); !strings.Contains(c, "--from=build") || owned != strings.HasSuffix(c, " /data") {
			t.Errorf("COPY %s: only the volume may belong to who runs it, and nothing may come from the working directory", c)
		}
	}
	for _, i := range last {
		switch i.name {
		case "FROM", "COPY", "VOLUME", "USER", "ENTRYPOINT", "CMD":
		default: // RUN needs a shell, ADD unpacks, ENV and ARG stay readable in the image
			t.Errorf("%s %s in the image", i.name, i.args)
		}
		if (i.name == "ENTRYPOINT" || i.name == "CMD") && !strings.HasPrefix(i.args, "[") {
			t.Errorf("%s %s needs a shell", i.name, i.args)
		}
	}
	build := slices.ContainsFunc(all[0], func(i instruction) bool { return i.name == "RUN" && strings.Contains(i.args, "CGO_ENABLED=0") })
	if !build {
		t.Error("the binary is not static")
	}
	for _, page := range []string{"../../README.md", "../../docs/security.md"} {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`docker run(?:[^\n]*\\\n)*[^\n]*--read-only`).Match(data) {
			t.Errorf("%s does not show docker run --read-only", page)
		}
	}
}
