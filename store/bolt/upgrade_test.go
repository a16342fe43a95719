package bolt_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/store"
	"refreshbot/store/bolt"
	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

// samples are the refreshes in each sample, and the step that each was in.
var samples = map[refresh.ID]string{
	"done-1": "", "approval-1": "approval", "notice-1": "notice", "copy-1": "copy", "settling-1": "copy", "held-1": "copy", "follow-1": "follow", "trouble-1": "email",
}

// A store file of every schema that was ever released is kept in testdata, and goes on with this program: everything in
// it is sound, every refresh stands where it stood, and moves on. A sample is written once, with SAMPLE=write, and not
// again after the release that has its schema.
func TestStoresOfEverySchemaGoOn(t *testing.T) {
	t.Parallel()
	if os.Getenv("SAMPLE") == "write" {
		writeSample(t, "testdata/schema1.db.gz")
	}
	files, err := filepath.Glob("testdata/schema*.db.gz")
	if err != nil || len(files) != store.Schema {
		t.Fatalf("%d samples for %d schemas: %v", len(files), store.Schema, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "refreshbot.db")
			unpack(t, file, path)
			s := bolttest.OpenAt(t, path)
			if s.Info().Schema != store.Schema {
				t.Errorf("schema %d after opening", s.Info().Schema)
			}
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			open, err := s.Open(t.Context())
			if err != nil || len(open) != len(samples)-1 {
				t.Errorf("%d are open: %v", len(open), err)
			}
			if seen, err := s.Seen(t.Context(), "slash done-1"); !seen || err != nil {
				t.Errorf("a click that was handled is not known: %v", err)
			}
			for id, step := range samples {
				r, err := s.Load(t.Context(), id)
				if err != nil {
					t.Errorf("%s: %v", id, err)
					continue
				}
				if st, ok := r.Step(step); ok == (step == "") || ok && (st.Status == refresh.Pending || st.Status.Finished()) {
					t.Errorf("%s: step %q is %s", id, step, st.Status)
				}
				if r.Held() != (id == "held-1") {
					t.Errorf("%s: held is %v", id, r.Held())
				}
				if r.Status.Ended() {
					continue
				}
				at := storetest.Start().Add(200 * time.Hour)
				c := storetest.Decide(t, r, refresh.FromBackup{Taken: storetest.Start()}, at, "")
				if err := s.Commit(t.Context(), c); err != nil {
					t.Errorf("%s does not move: %v", id, err)
				}
			}
			if v, ok, err := s.Record(t.Context(), "posts", "done-1"); string(v) != `{"card":"1.2"}` || !ok || err != nil {
				t.Errorf("record %q %v %v", v, ok, err)
			}
		})
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	write(t, to, data)
}

func writeSample(t *testing.T, file string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "refreshbot.db")
	s, err := bolt.Open(t.Context(), path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := storetest.Start()
	begin := func(id refresh.ID, inputs ...func(refresh.Refresh) refresh.Input) {
		t.Helper()
		c := storetest.Decide(t, refresh.Refresh{}, storetest.Request(id, storetest.Environment(string(id))), at, "slash "+string(id))
		for i := 0; ; i++ {
			if err := s.Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if i == len(inputs) {
				return
			}
			at = at.Add(time.Minute)
			c = storetest.Decide(t, c.Row, inputs[i](c.Row), at, "")
		}
	}
	ada := refresh.Actor{Person: refresh.Person{ID: "U0ADA", Name: "Ada"}}
	reported := func(step string, o refresh.Outcome) func(refresh.Refresh) refresh.Input {
		return func(r refresh.Refresh) refresh.Input {
			st, _ := r.Step(step)
			return refresh.Reported{Step: step, Attempt: st.Attempt, Outcome: o}
		}
	}
	good := refresh.Outcome{Result: refresh.Succeeded, Note: "Everything is in order."}
	press := func(a refresh.Action) func(refresh.Refresh) refresh.Input {
		return func(r refresh.Refresh) refresh.Input {
			g := r.OpenGates()[0]
			return refresh.Click{Gate: g.ID, Nonce: g.Nonce, Action: a, By: ada, Reason: "as agreed"}
		}
	}
	toCopy := []func(refresh.Refresh) refresh.Input{reported("preflight", good), press(refresh.ActionApprove), press(refresh.ActionStartNow)}
	with := func(more ...func(refresh.Refresh) refresh.Input) []func(refresh.Refresh) refresh.Input {
		return append(append([]func(refresh.Refresh) refresh.Input{}, toCopy...), more...)
	}
	begun := reported("copy", refresh.Outcome{Result: refresh.Succeeded, Operation: "op-1"})
	begin("approval-1", toCopy[:1]...)
	begin("notice-1", toCopy[:2]...)
	begin("copy-1", toCopy...)
	begin("settling-1", with(reported("copy", refresh.Outcome{Result: refresh.NotKnown}))...)
	begin("held-1", toCopy[0], func(refresh.Refresh) refresh.Input { return refresh.FromBackup{Taken: at} })
	begin("follow-1", with(begun, reported("follow", refresh.Outcome{Result: refresh.Continues, Offline: true, Status: refresh.CopyInProgress}))...)
	begin("trouble-1", with(begun, reported("follow", good), reported("email", refresh.Outcome{Result: refresh.Failure, Problem: &refresh.Problem{Code: refresh.Denied, Message: "No."}}))...)
	begin("done-1", with(begun, reported("follow", good), reported("email", good), reported("jobs", good))...)
	if err := errors.Join(s.PutRecord(t.Context(), "posts", "done-1", []byte(`{"card":"1.2"}`)), s.Close()); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(read(t, path)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, packed.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}
