package finops

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"refreshbot/jobs/cloudsim"
)

// field is an environment with users that is under the simulator's service model and reached without a network, so
// that it works in fake time. It reads and writes multipart with code of its own.
type field struct {
	t       testing.TB
	service *cloudsim.Service
	client  *Client

	part    func(user string) *answer           // in place of a write; nil lets it happen. It is called under mu
	whole   func(batch bool) *answer            // in place of a whole request; called under mu too
	lose    func(batch int) bool                // whether a reply is lost, after so many batches took effect
	mangle  func(batch int, body []byte) []byte // what becomes of the reply to the nth batch
	flat    bool                                // a reply has no Content-IDs
	reverse bool                                // and no order
	stops   bool                                // after the first change set that fails

	mu        sync.Mutex
	users     map[string]bool // enabled; by id in lower case
	writes    map[string]int  // how often each user was written
	undo      []func()        // takes back what the change set at hand has done
	batches   int
	requests  int
	sizes     []int // rows of each batch
	throttled int   // requests answered 429 by the model
	flying    int
	peak      int // most requests at a time
}

func newField(t testing.TB, m cloudsim.ServiceModel, users int) *field {
	f := &field{t: t, service: m.Start(), users: map[string]bool{}, writes: map[string]int{}}
	for _, id := range userIDs(users) {
		f.users[strings.ToLower(id)] = false
	}
	f.client = New(Options{URL: "https://127.0.0.1", HTTP: &http.Client{Transport: f}, Token: signIn})
	return f
}

func userIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("U%04d", i)
	}
	return ids
}

func (f *field) enabled() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, on := range f.users {
		if on {
			n++
		}
	}
	return n
}

func (f *field) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
	}
	f.mu.Lock()
	f.requests++
	f.flying++
	f.peak = max(f.peak, f.flying)
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.flying--; f.mu.Unlock() }()

	ticket := f.service.Arrive(time.Now(), cloudsim.LoadOf(req.Method, body))
	if err := pause(req.Context(), ticket.Wait); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	batch := strings.HasSuffix(req.URL.Path, "/$batch")
	if status := f.service.Answer(ticket); status != 0 {
		if status == http.StatusTooManyRequests {
			f.mu.Lock()
			f.throttled++
			f.mu.Unlock()
		}
		f.service.Respond(w, status)
	} else if a := f.instead(batch); a != nil {
		a.write(w)
	} else {
		req.Body = io.NopCloser(bytes.NewReader(body))
		if n := f.serve(w, req, body, batch); f.lose != nil && f.lose(n) {
			return nil, errors.New("connection reset by peer")
		}
	}
	return w.Result(), nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *field) instead(batch bool) *answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.whole == nil {
		return nil
	}
	return f.whole(batch)
}

func (a *answer) write(w http.ResponseWriter) {
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (f *field) serve(w http.ResponseWriter, req *http.Request, body []byte, batch bool) (batches int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case batch:
		f.serveBatch(w, req, body)
	case strings.HasSuffix(req.URL.Path, "/Companies"):
		up.with(200).write(w)
	default:
		f.operation(req).write(w)
	}
	return f.batches
}

func (a answer) with(status int) *answer { a.status = status; return &a }

// operation is one write, or the look for a row. mu is held.
func (f *field) operation(req *http.Request) *answer {
	var set struct {
		UserID  string
		Enabled bool
	}
	if req.Method == http.MethodPatch || req.Method == http.MethodPost {
		if err := json.NewDecoder(req.Body).Decode(&set); err != nil {
			f.t.Errorf("%s %s: %v", req.Method, req.URL, err)
		}
	}
	id, ok := strings.CutPrefix(req.URL.Path, "/data/SystemUsers")
	id = strings.TrimPrefix(strings.Trim(id, "()'"), "UserID='")
	id = strings.ToLower(cmp.Or(id, set.UserID))
	if !ok || id == "" {
		f.t.Errorf("operation %s %s", req.Method, req.URL)
		return &answer{status: 400}
	}
	if f.part != nil {
		if a := f.part(id); a != nil {
			return a
		}
	}
	on, there := f.users[id]
	switch {
	case req.Method == http.MethodPost && there:
		return &answer{status: 400, body: `{"error":{"message":"x","innererror":{"message":"Der Datensatz existiert bereits.","type":"Microsoft.Dynamics.Ax.Xpp.ErrorException"}}}`}
	case req.Method != http.MethodPost && !there:
		return &answer{status: 404, body: `{"error":{"message":"An error has occurred.","innererror":{"message":"No record was found."}}}`}
	case req.Method == http.MethodGet:
		return &answer{status: 200, body: `{}`}
	}
	f.writes[id]++
	f.undo = append(f.undo, func() {
		if f.users[id] = on; !there {
			delete(f.users, id)
		}
	})
	switch req.Method {
	case http.MethodDelete:
		delete(f.users, id)
	case http.MethodPost:
		f.users[id] = set.Enabled
		return &answer{status: 201, body: `{}`}
	default:
		f.users[id] = set.Enabled
	}
	return &answer{status: 204}
}

// serveBatch checks the request as a strict server would. mu is held.
func (f *field) serveBatch(w http.ResponseWriter, req *http.Request, body []byte) {
	f.batches++
	if bytes.Count(body, []byte("\n")) != bytes.Count(body, []byte("\r\n")) {
		f.t.Error("a line of the batch does not end in CRLF")
	}
	var answers [][]byte
	ids, rows := map[int]bool{}, 0
	for _, set := range f.split(req.Header.Get("Content-Type"), body) {
		f.undo = nil
		var good [][]byte
		var bad *answer
		badID := ""
		for _, part := range f.split(set.header.Get("Content-Type"), set.body) {
			rows++
			id := part.header.Get("Content-ID")
			n, err := strconv.Atoi(id)
			if err != nil || ids[n] || part.header.Get("Content-Type") != "application/http" || part.header.Get("Content-Transfer-Encoding") != "binary" {
				f.t.Errorf("headers of a part: %v", part.header)
			}
			ids[n] = true
			inner, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(part.body)))
			if err != nil || inner.URL.Host != "127.0.0.1" || inner.URL.Scheme != "https" {
				f.t.Errorf("part %q: %v", part.body, err)
				continue
			}
			if bad != nil {
				continue
			}
			if f.flat {
				id = ""
			}
			a := f.operation(inner)
			if a.status >= 400 {
				bad, badID = a, id
			}
			good = append(good, a.part(id))
		}
		if bad != nil {
			for _, back := range slices.Backward(f.undo) {
				back()
			}
			answers = append(answers, bad.part(badID))
			if f.stops {
				break
			}
			continue
		}
		if f.reverse {
			slices.Reverse(good)
		}
		answers = append(answers, join("changesetresponse_x", good))
	}
	f.sizes = append(f.sizes, rows)
	if f.reverse {
		slices.Reverse(answers)
	}
	out := bytes.TrimPrefix(join("batchresponse_x", answers), []byte("Content-Type: multipart/mixed; boundary=batchresponse_x\r\n\r\n"))
	if f.mangle != nil {
		out = f.mangle(f.batches, out)
	}
	w.Header().Set("Content-Type", "multipart/mixed; boundary=batchresponse_x")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(out)
}

// part is the answer as a part with its headers.
func (a *answer) part(id string) []byte {
	var b bytes.Buffer
	b.WriteString("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n")
	if id != "" {
		b.WriteString("Content-ID: " + id + "\r\n")
	}
	fmt.Fprintf(&b, "\r\nHTTP/1.1 %d %s\r\nOData-Version: 4.0\r\n", a.status, http.StatusText(a.status))
	for k, v := range a.header {
		b.WriteString(k + ": " + v + "\r\n")
	}
	b.WriteString("\r\n" + a.body)
	return b.Bytes()
}

// join makes parts into one part.
func join(boundary string, parts [][]byte) []byte {
	var b bytes.Buffer
	b.WriteString("Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n")
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n")
		b.Write(p)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes()
}

type piece struct {
	header textproto.MIMEHeader
	body   []byte
}

func (f *field) split(contentType string, body []byte) []piece {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" {
		f.t.Errorf("content type %q: %v", contentType, err)
	}
	in := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	var pieces []piece
	for {
		p, err := in.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped EOF means that the closing boundary is missing
			return pieces
		}
		if err != nil {
			f.t.Errorf("batch: %v", err)
			return pieces
		}
		raw, err := io.ReadAll(p)
		if err != nil {
			f.t.Errorf("batch: %v", err)
		}
		pieces = append(pieces, piece{p.Header, raw})
	}
}
