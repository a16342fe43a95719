package cloudsim

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// change is a changeset part that enables a user.
func change(s sim, id, user string) string {
	return part(id, fmt.Sprintf("PATCH %s/data/SystemUsers('%s') HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"Enabled\":true}", s.EnvironmentURL("uat"), user))
}

func part(id, request string) string {
	return "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: " + id + "\r\n\r\n" + request + "\r\n"
}

func changeset(boundary string, parts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%s\r\n\r\n", boundary)
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\n%s", boundary, p)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.String()
}

// batchAnswers sends a batch and gives one line per answer: its place and its status.
func (s sim) batchAnswers(parts ...string) []string {
	s.t.Helper()
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--batch_1\r\n%s", p)
	}
	b.WriteString("--batch_1--\r\n")
	a := s.data("POST", "$batch", b.String(), "Content-Type: multipart/mixed; boundary=batch_1")
	if a.status != 200 {
		s.t.Fatalf("$batch: %d %s", a.status, a.body)
	}
	return s.readParts(a.header.Get("Content-Type"), []byte(a.body), "")
}

func (s sim) readParts(contentType string, body []byte, place string) []string {
	s.t.Helper()
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		s.t.Fatal(err)
	}
	in := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	var lines []string
	for {
		p, err := in.NextRawPart()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			s.t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			s.t.Fatal(err)
		}
		if ct := p.Header.Get("Content-Type"); strings.HasPrefix(ct, "multipart/mixed") {
			lines = append(lines, s.readParts(ct, content, "changeset ")...)
			continue
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(content)), nil)
		if err != nil {
			s.t.Fatalf("part %q: %v", content, err)
		}
		_ = resp.Body.Close()
		line := fmt.Sprintf("%s%s %d", place, p.Header.Get("Content-ID"), resp.StatusCode)
		if retry := resp.Header.Get("Retry-After"); retry != "" {
			line += " after " + retry
		}
		lines = append(lines, line)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(sim)
		parts   func(sim) []string
		want    []string
		enabled map[string]bool
	}{
		"one changeset": {
			parts: func(s sim) []string {
				return []string{changeset("changeset_1", change(s, "1", "FINN"), change(s, "2", "TRAIN04"))}
			},
			want:    []string{"changeset 1 204", "changeset 2 204"},
			enabled: map[string]bool{"FINN": true, "TRAIN04": true},
		},
		"a failing changeset has no effect, its neighbour has": {
			parts: func(s sim) []string {
				return []string{
					changeset("changeset_1", change(s, "1", "FINN"), change(s, "2", "NOBODY")),
					changeset("changeset_2", change(s, "3", "TRAIN04")),
				}
			},
			want:    []string{" 404", "changeset 3 204"},
			enabled: map[string]bool{"FINN": false, "TRAIN04": true},
		},
		"one part is throttled": {
			prepare: func(s sim) { s.Fail("uat", "SystemUsers('FINN')", Fault{Status: 429, RetryAfter: 7}) },
			parts: func(s sim) []string {
				return []string{changeset("c1", change(s, "1", "FINN")), changeset("c2", change(s, "2", "TRAIN04"))}
			},
			want:    []string{" 429 after 7", "changeset 2 204"},
			enabled: map[string]bool{"FINN": false, "TRAIN04": true},
		},
		"parts outside a changeset, relative addresses": {
			parts: func(s sim) []string {
				return []string{
					part("a", "GET SystemUsers('FINN') HTTP/1.1\r\nAccept: application/json\r\n\r\n"),
					part("b", "PATCH /data/SystemUsers('FINN') HTTP/1.1\r\n\r\n{\"Enabled\":true}"),
					part("c", "GET /data/SystemUsers?$filter=UserId%20eq%20'x' HTTP/1.1\r\n\r\n"),
				}
			},
			want:    []string{"a 200", "b 204", "c 400"},
			enabled: map[string]bool{"FINN": true},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			if tt.prepare != nil {
				tt.prepare(s)
			}
			if diff := cmp.Diff(tt.want, s.batchAnswers(tt.parts(s)...)); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			for _, u := range s.Snapshot("uat").Users {
				if want, ok := tt.enabled[u.ID]; ok && u.Enabled != want {
					t.Errorf("%s enabled is %v, want %v", u.ID, u.Enabled, want)
				}
			}
		})
	}
	s := start(t, Options{})
	for _, contentType := range []string{"application/json", "multipart/mixed", "multipart/mixed; boundary=other"} {
		if a := s.data("POST", "$batch", "--x\r\nno", "Content-Type: "+contentType); a.status != 400 {
			t.Errorf("%s: %d, want 400", contentType, a.status)
		}
	}
}
