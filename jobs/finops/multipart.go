package finops

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// write is one operation of a batch.
type write struct {
	doing  string // what is being done, as in "refused <doing>"
	method string
	url    string // absolute
	body   []byte // JSON; nil for DELETE
	exists string // for POST: an address that answers when the row is there; "" when the key is not known
}

// encodeBatch writes change sets as the body of POST /data/$batch. Operations are numbered through from 1 in
// Content-ID, across the sets.
// Source: "Open Data Protocol (OData)", batch requests; OData 4.0 Protocol, 11.7.
func encodeBatch(sets [][]write) *multipartBody {
	var b bytes.Buffer
	outer, id := "batch_"+rand.Text(), 0
	for _, set := range sets {
		inner := "changeset_" + rand.Text()
		fmt.Fprintf(&b, "--%s\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n", outer, inner)
		for _, w := range set {
			id++
			fmt.Fprintf(&b, "--%s\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %d\r\n\r\n", inner, id)
			fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nAccept: application/json\r\n", w.method, w.url)
			if w.body != nil {
				fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(w.body))
			}
			b.WriteString("\r\n")
			b.Write(w.body)
			b.WriteString("\r\n")
		}
		fmt.Fprintf(&b, "--%s--\r\n", inner)
	}
	fmt.Fprintf(&b, "--%s--\r\n", outer)
	return &multipartBody{"multipart/mixed; boundary=" + outer, b.Bytes()}
}

// verdict is what a batch says about one change set.
type verdict int

const (
	unanswered verdict = iota // not a word: the far side stopped before it, or the reply was cut
	unclear                   // words that do not add up, such as a part too few
	succeeded
	failed // the set had no effect; setAnswer.why is the first part that says so
)

type setAnswer struct {
	verdict verdict
	why     reply
}

// readBatch reads the reply to a batch of sets of these sizes. Parts are told apart by their Content-ID, and by their
// place where they have none. What is garbled or cut leaves its set unanswered or unclear and never succeeded; the
// error says that nothing at all could be read.
func readBatch(rep reply, sizes []int) ([]setAnswer, error) {
	answers := make([]setAnswer, len(sizes))
	in, err := multipartReader(rep.header.Get("Content-Type"), rep.body)
	if err != nil {
		return answers, err
	}
	for place := 0; ; place++ {
		part, err := in.NextRawPart()
		var raw []byte
		if err == nil {
			raw, err = io.ReadAll(part)
		}
		if err != nil { // the end, or a cut; a part that is not closed by its boundary does not count
			if place == 0 {
				return answers, fmt.Errorf("the multipart reply has no parts: %w", err)
			}
			return answers, nil
		}
		p, ok := readSet(part.Header.Get("Content-Type"), part.Header.Get("Content-ID"), raw)
		i := place
		if len(p.ids) > 0 {
			i, ok = setOf(p.ids, sizes, ok)
		}
		if i < 0 || i >= len(answers) {
			continue
		}
		a := &answers[i]
		switch {
		case !ok || a.verdict != unanswered: // garbled, or a second answer for the same set
			a.verdict = unclear
		case p.failure != nil:
			p.failure.token = rep.token
			*a = setAnswer{failed, *p.failure}
		case p.count == sizes[i] && (len(p.ids) == 0 || len(p.ids) == p.count):
			a.verdict = succeeded
		default:
			a.verdict = unclear
		}
	}
}

// setParts is the answer to one set: one part that stands for all, or one for each operation.
type setParts struct {
	count   int
	ids     map[int]bool
	failure *reply
}

// readSet reads a top-level part. ok is false when any of it is garbled.
func readSet(contentType, id string, raw []byte) (p setParts, ok bool) {
	p.ids = map[int]bool{}
	media, _, _ := mime.ParseMediaType(contentType)
	if media == "application/http" {
		return p, p.add(id, raw)
	}
	in, err := multipartReader(contentType, raw)
	if err != nil {
		return p, false
	}
	for {
		part, err := in.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped EOF means that the closing boundary is missing
			return p, true
		}
		if err != nil {
			return p, false
		}
		content, err := io.ReadAll(part)
		if err != nil || !p.add(part.Header.Get("Content-ID"), content) {
			return p, false
		}
	}
}

// add reads one application/http part.
func (p *setParts) add(id string, raw []byte) bool {
	// Some servers end the headers of a reply without a body with one line break instead of two.
	res, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(raw), strings.NewReader("\r\n\r\n"))), nil)
	if err != nil || res.StatusCode < 200 {
		return false
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // a wrong Content-Length: the status says enough
		return false
	}
	if id == "" {
		id = res.Header.Get("Content-ID")
	}
	if id != "" {
		n, err := strconv.Atoi(strings.Trim(id, "<> "))
		if err != nil || p.ids[n] {
			return false
		}
		p.ids[n] = true
	}
	p.count++
	if res.StatusCode >= 300 && p.failure == nil {
		p.failure = &reply{status: res.StatusCode, header: res.Header, body: bytes.TrimSpace(body)}
	}
	return true
}

// setOf finds the set that the operations are of; ok turns false when they are not all of one.
func setOf(ids map[int]bool, sizes []int, ok bool) (int, bool) {
	found := -1
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		i, last := 0, 0
		for i < len(sizes) && id > last+sizes[i] {
			last += sizes[i]
			i++
		}
		if id < 1 || i == len(sizes) || found >= 0 && found != i {
			return found, false
		}
		found = i
	}
	return found, ok
}

func multipartReader(contentType string, body []byte) (*multipart.Reader, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/mixed" || params["boundary"] == "" {
		return nil, fmt.Errorf("content type %.80q is not multipart/mixed with a boundary", contentType)
	}
	return multipart.NewReader(bytes.NewReader(body), params["boundary"]), nil
}
