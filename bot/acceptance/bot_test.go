package acceptance

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// process is one run of the binary in the background.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has exited and all it wrote has been read

	mu      sync.Mutex
	lines   []string
	changed chan struct{}
}

// spawn starts the binary, with env added to the environment.
func spawn(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	return spawnAs(t, func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), env...) }, args...)
}

// spawnAs lets change say how the binary is started.
func spawnAs(t testing.TB, change func(*exec.Cmd), args ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	change(cmd)
	p, err := spawned(t, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// spawned starts a command that is, or becomes, the bot.
func spawned(t testing.TB, cmd *exec.Cmd) (*process, error) {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{}), changed: make(chan struct{})}
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		scan := bufio.NewScanner(pipe)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			p.mu.Lock()
			p.lines = append(p.lines, scan.Text())
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
		}
		_ = p.cmd.Wait() // the exit code is in ProcessState
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p, nil
}

// kill ends the process as a crash of the machine would: at once and without a word.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

func (p *process) terminate() { p.signal(syscall.SIGTERM) }

func (p *process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// stderr returns what was written so far, and a channel that is closed when there is more.
func (p *process) stderr() ([]string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines), p.changed
}

func (p *process) text() string {
	lines, _ := p.stderr()
	return strings.Join(lines, "\n")
}

// events counts what was written to the journal, as far as the log says.
func (p *process) events() int {
	lines, _ := p.stderr()
	n := 0
	for _, line := range lines {
		if strings.Contains(line, `"msg":"event"`) {
			n++
		}
	}
	return n
}

// logged reports whether a line of the log has these fields.
func (p *process) logged(fields map[string]string) bool {
	lines, _ := p.stderr()
	return slices.ContainsFunc(lines, func(line string) bool {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) != nil {
			return false
		}
		for k, v := range fields {
			if entry[k] != v {
				return false
			}
		}
		return true
	})
}
