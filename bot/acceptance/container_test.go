package acceptance

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
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

// A whole refresh by a process that may write to the folder of its store and nowhere else, as in the image with
// --read-only. What root may do is no test of that, so root hands the process to somebody else.
func TestNothingIsWrittenBesideTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, edit{"path: refreshbot.db", "path: data/refreshbot.db"})
	w.data = "data"
	data := filepath.Join(w.dir, w.data)
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	const nobody = 65532 // nonroot of the image
	if os.Geteuid() == 0 {
		for _, dir := range []string{filepath.Dir(w.dir), filepath.Dir(binary)} { // made for their owner alone
			if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // a temporary folder of the test
				t.Fatal(err)
			}
		}
		if err := filepath.WalkDir(w.dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || path == w.dir {
				return err
			}
			return os.Chown(path, nobody, nobody)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(w.dir, 0o555); err != nil { //nolint:gosec // to be read by everybody and written by nobody
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(w.dir, 0o755) }) //nolint:gosec // so that it can be removed
	before := everything(t, w.dir)
	w.how = func(cmd *exec.Cmd) {
		cmd.Dir = w.dir
		cmd.Env = []string{"PATH=", "HOME=/nonexistent", "TMPDIR=/nonexistent"}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
	}
	w.start()
	w.ask()
	w.finish()
	w.stop()
	for path, mode := range everything(t, w.dir) {
		switch _, was := before[path]; {
		case was:
		case filepath.Dir(path) != w.data:
			t.Errorf("%s was written", path)
		case mode.IsRegular() && mode.Perm() != 0o600:
			t.Errorf("%s has mode %v", path, mode)
		}
	}
	if os.Geteuid() == 0 { // root reads what is somebody else's
		w.judge(refresh.Done)
	}
}

func everything(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	found := map[string]fs.FileMode{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found[path] = info.Mode()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
