package acceptance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

// inNamespace makes a command root in a user namespace of its own, in which it may mount, or nobody in particular.
func inNamespace(cmd *exec.Cmd, uid int, flags uintptr) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | flags,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getgid(), Size: 1}},
	}
}

// A real file system runs full while the bot runs. Whoever clicks is told so, nothing is half done, readiness says it,
// and with room again everything goes on in the same process.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, longNotice, edit{"  path: refreshbot.db", "  path: small/refreshbot.db"})
	small := filepath.Join(w.dir, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	w.onTmpfs(small, "4m")
	inside := filepath.Join("/proc", fmt.Sprint(w.bot.cmd.Process.Pid), "root", small)
	filler := filepath.Join(inside, "filler")
	full := func() {
		w.t.Helper()
		w.until("readiness says it", func() bool {
			page := w.page("/readyz")
			return strings.Contains(page, `"ready":false`) && strings.Contains(page, `"store":"There is no room left`)
		})
	}
	room := func() {
		w.t.Helper()
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		w.until("it is ready again", func() bool { return strings.Contains(w.page("/readyz"), `"ready":true`) })
	}
	fill(t, filler)
	says(t, "somebody who asks", w.slash(rita, "/refresh uat now"), "There is no room left for "+w.dir)
	full()
	if cards, _ := w.posts(); len(cards) != 0 {
		t.Error("what was refused has a card")
	}
	room()

	w.ask()
	w.until("the card offers approve", func() bool { _, ok := w.offered("approve"); return ok })
	fill(t, filler)
	told := len(w.slack.Ephemerals(anna))
	w.press(anna, "approve")
	// A commit may fit into pages of the file that are free. Then it counts; otherwise she is told that it does not.
	w.until("the approval counts, or Anna is told why not", func() bool { return w.threadSays("Approved by") == 1 || len(w.slack.Ephemerals(anna)) > told })
	refused := len(w.slack.Ephemerals(anna)) > told
	if refused {
		w.answered(anna, told, "There is no room left for "+w.dir)
		full()
		if n := w.threadSays("Approved by"); n != 0 {
			t.Error("the approval that was refused shows in the thread")
		}
	}
	room()
	if refused {
		w.used = map[string]bool{}
		w.press(anna, "approve")
	}
	w.press(anna, "start_now")
	w.finish()
	keep(t, filepath.Join(inside, "refreshbot.db"), w.storePath()) // the file system ends with the process
	w.stop()
	if r, _ := w.record(); r.Status != refresh.Done {
		t.Errorf("it ended %s (%s)", r.Status, r.Ending)
	}
	w.judgeRefreshed()
}

// onTmpfs starts the bot with a file system of its own at dir.
func (w *world) onTmpfs(dir, size string) {
	w.t.Helper()
	w.startAfter(fmt.Sprintf("mount -t tmpfs -o size=%s,mode=0700 tmpfs '%s'", size, dir), "exec")
}

// startAfter starts the bot in namespaces of its own, in which a script has mounted something first. prefix are the
// words before the bot's own command line.
func (w *world) startAfter(script, prefix string) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "sh", "-c", fmt.Sprintf("%s && %s '%s' run --config '%s'", script, prefix, binary, w.file))
	inNamespace(cmd, 0, syscall.CLONE_NEWNS)
	p, err := spawned(w.t, cmd)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOSPC) {
		untested(w.t, err.Error())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.bot = p
	w.until("the bot is ready", func() bool {
		if said := p.text(); strings.Contains(said, "mount:") || strings.Contains(said, "unshare:") {
			untested(w.t, said)
		}
		return p.logged(map[string]string{"msg": "ready"})
	})
	w.until("both connections to Slack stand", func() bool { return w.slack.Connections() == 2 })
}

// untested skips a test on a machine that gives no namespaces to those who run it, as many containers do. Nothing can be
// installed to change that, so it is no failure where changes are judged either; .ci/run says it aloud.
func untested(t testing.TB, why string) {
	t.Helper()
	t.Skipf("NOT TESTED, because this machine gives no namespaces or lets nobody mount in them (%s): a full disk, a store that may not be written, a read-only root", why)
}

// fill writes until there is no room left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := 1 << 16; chunk > 0; chunk /= 16 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, chunk))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func keep(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A store that may not be written is refused with what to do, whoever runs the tests.
func TestStoreThatMayNotBeWritten(t *testing.T) {
	t.Parallel()
	for name, lock := range map[string]func(w *world) error{
		"the file":      func(w *world) error { return os.Chmod(w.storePath(), 0o400) },
		"the directory": func(w *world) error { return errors.Join(os.Remove(w.storePath()), os.Chmod(w.dir, 0o500)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{})
			w.start()
			w.stop()
			if err := lock(w); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(w.dir, 0o700) })
			cmd := exec.CommandContext(w.ctx, binary, "run", "--config", w.file)
			inNamespace(cmd, 1000, 0)
			p, err := spawned(t, cmd)
			if err != nil {
				untested(t, err.Error())
			}
			<-p.done
			w.judgeRefusal(ran{p.cmd.ProcessState.ExitCode(), "", p.text()}, w.storePath()+" cannot be read and written", "Give refreshbot's user the right")
		})
	}
}

// A whole refresh by nobody in particular, with every file system read-only but for the folder of the store, as in the
// image with --read-only.
func TestNothingIsWrittenBesideTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{}, edit{"path: refreshbot.db", "path: data/refreshbot.db"})
	w.data = "data"
	data := filepath.Join(w.dir, w.data)
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	// A file system stays as nosuid, nodev and so on as it is, or it may not be mounted anew.
	script := fmt.Sprintf(`mount --bind '%[1]s' '%[1]s' || exit
while read -r _ _ _ _ at how _; do
  at=$(printf '%%b' "$at")
  case $at in '%[1]s' | /proc) ;; # unshare writes to /proc; nobody keeps anything there
  *) mount -o "remount,bind,ro${how#r[wo]}" "$at" 2>/dev/null ;; esac
done </proc/self/mountinfo
for dir in / /tmp /var/tmp /dev/shm "$HOME" . '%[2]s'; do
  if touch "$dir/refreshbot-was-here" 2>/dev/null; then
    rm "$dir/refreshbot-was-here"; echo "mount: $dir can still be written" >&2; exit 1
  fi
done
cd / && export PATH="$PATH" HOME=/nonexistent TMPDIR=/nonexistent`, data, w.dir)
	w.startAfter(script, "exec unshare --user --map-user=65532 --map-group=65532") // nonroot of the image
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.bot.cmd.Process.Pid))
	if err != nil || !strings.Contains(string(status), "\nCapEff:\t0000000000000000\n") {
		t.Errorf("it may do more than anybody: %v\n%s", err, status)
	}
	w.ask()
	w.finish()
	w.judge(refresh.Done)
	found, err := os.ReadDir(data)
	if err != nil || len(found) == 0 {
		t.Fatalf("%d files: %v", len(found), err)
	}
	for _, f := range found {
		private(t, filepath.Join(data, f.Name()))
	}
}
