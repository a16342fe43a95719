package browser

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds everything that is waited for. It is long because the machine may be busy; nothing waits it out.
const patience = 30 * time.Second

// playDemo starts the demo and returns the address of its page. At the end of the test it must stop cleanly when it
// is told to, and its log must hold no error.
func playDemo(t *testing.T, speed float64, also ...string) (address string) {
	t.Helper()
	// Not t.Context(): its end would kill the demo before it could be told to stop.
	args := append([]string{"demo", "--addr", "127.0.0.1:0", "--speed", strconv.FormatFloat(speed, 'g', -1, 64)}, also...)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hurry := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // a demo that never says where it is
	var logFile string
	lines := bufio.NewScanner(stdout)
	for (address == "" || logFile == "") && lines.Scan() {
		switch what, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), " "); what {
		case "open":
			address = strings.TrimSpace(value)
		case "log":
			logFile = strings.TrimSpace(value)
		}
	}
	hurry.Stop()
	if address == "" || logFile == "" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the demo does not say where its page and its log are\n%s", &stderr)
	}
	t.Cleanup(func() { endDemo(t, cmd, stdout, &stderr, logFile) })
	return address
}

func endDemo(t *testing.T, cmd *exec.Cmd, stdout io.Reader, stderr *bytes.Buffer, logFile string) {
	log, err := os.ReadFile(logFile) // now: the demo removes it
	if err != nil {
		t.Errorf("read the demo's log: %v", err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("the bot logged an error: %s", line)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("tell the demo to end: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	_, _ = io.Copy(io.Discard, stdout) // Wait would close it under the demo's last words
	if err := cmd.Wait(); err != nil {
		t.Errorf("the demo ended with: %v\n%s", err, stderr)
	}
	if _, err := os.Stat(logFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the demo left %s behind (%v)", logFile, err)
	}
	if t.Failed() {
		t.Logf("the bot's log:\n%s", log)
	}
}
