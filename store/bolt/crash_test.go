package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/store/bolt"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

// committerEnv makes the test binary a committer on the store it names, until it is killed.
const committerEnv = "REFRESHBOT_TEST_COMMITTER"

func TestMain(m *testing.M) {
	if path := os.Getenv(committerEnv); path != "" {
		fmt.Fprintln(os.Stderr, commitForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// commitForEver asks for a refresh and cancels it, again and again, and says each version once it is committed.
func commitForEver(path string) error {
	ctx := context.Background()
	s, err := bolt.Open(ctx, path, bolt.Options{})
	if err != nil {
		return err
	}
	if _, err := fmt.Println("open", s.Info().Epoch); err != nil {
		return err
	}
	left, err := s.Open(ctx) // what the last kill left
	if err != nil {
		return err
	}
	for _, r := range left {
		if err := commitAndSay(ctx, s, r, storetest.Cancel()); err != nil {
			return err
		}
	}
	for i := 0; ; i++ {
		req := storetest.Request(refresh.ID(fmt.Sprintf("uat-%d-%d", s.Info().Epoch, i)), storetest.Environment("uat"))
		if err := commitAndSay(ctx, s, refresh.Refresh{}, req); err != nil {
			return err
		}
		r, err := s.Load(ctx, req.ID)
		if err != nil {
			return err
		}
		if err := commitAndSay(ctx, s, r, storetest.Cancel()); err != nil {
			return err
		}
	}
}

func commitAndSay(ctx context.Context, s *bolt.Store, r refresh.Refresh, in refresh.Input) error {
	at := storetest.Start().Add(time.Duration(s.Info().Epoch) * time.Hour)
	events, err := refresh.Decide(r, in, refresh.Now{Time: at, Nonce: "n"})
	if err != nil {
		return err
	}
	c := storetest.Commit(r, events, at, "")
	c.Key = fmt.Sprint("input of ", c.Row.ID, " ", c.Row.Version)
	if err := s.Commit(ctx, c); err != nil {
		return err
	}
	_, err = fmt.Println(c.Row.ID, c.Row.Version)
	return err
}

// A process that is killed while it commits loses nothing that it was told is committed, and the next one can
// open the store at once.
func TestKillWhileCommitting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	acked := map[refresh.ID]int64{}
	for round := range 6 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), committerEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, kill := bufio.NewScanner(out), 1+17*round
		for n := 0; lines.Scan(); n++ {
			var id refresh.ID
			var version int64
			if _, err := fmt.Sscan(lines.Text(), &id, &version); err != nil {
				t.Errorf("line %q: %v", lines.Text(), err)
			}
			if id != "open" {
				acked[id] = version
			}
			if n == kill { // it commits on meanwhile; what it still said is read to the end of the pipe
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("the committer was not killed but ended: %v", err)
		}
		verify(t, path, acked)
	}
	t.Logf("%d refreshes", len(acked))
}

func verify(t *testing.T, path string, acked map[refresh.ID]int64) {
	t.Helper()
	bolttest.Check(t, path)
	s := open(t, path, bolt.Options{})
	for id, version := range acked {
		r, err := s.Load(t.Context(), id)
		if err != nil || r.Version < version {
			t.Errorf("%s was committed up to %d: version %d, %v", id, version, r.Version, err)
		}
		if seen, err := s.Seen(t.Context(), fmt.Sprint("input of ", id, " ", version)); !seen || err != nil {
			t.Errorf("the input that led to version %d of %s is forgotten: %v", version, id, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
