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
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// maxBatchParts is the documented number of operations in one $batch.
const maxBatchParts = 5000

// serveBatch answers POST /data/$batch: parts on their own each succeed or fail alone, a changeset does so as a
// whole. The answer is 200 whatever its parts are. Cloud.mu is held.
func (c *Cloud) serveBatch(e *environment, who caller, r *request) reply {
	b := &batch{c: c, env: e, who: who, now: r.now}
	if r.method != http.MethodPost {
		return odataError(http.StatusMethodNotAllowed, fmt.Sprintf("The requested resource does not support http method '%s'.", r.method), "", "")
	}
	in, err := multipartReader(r.header.Get("Content-Type"), bytes.NewReader(r.body))
	if err != nil {
		return odataFailure(http.StatusBadRequest, err.Error())
	}
	out := newMultipart("batchresponse_")
	for {
		part, err := in.NextRawPart()
		if ended(err) {
			break
		}
		if err == nil {
			err = b.part(part, out)
		}
		if err != nil {
			return odataFailure(http.StatusBadRequest, "The batch request is not valid: "+err.Error())
		}
	}
	return newReply(http.StatusOK, "multipart/mixed; boundary="+out.boundary, out.finish()).with("OData-Version", "4.0")
}

type batch struct {
	c     *Cloud
	env   *environment
	who   caller
	now   time.Time
	parts int
}

// part answers one operation or one changeset.
func (b *batch) part(part *multipart.Part, out *multipartWriter) error {
	if !strings.HasPrefix(part.Header.Get("Content-Type"), "multipart/mixed") {
		rep, err := b.operation(part)
		if err != nil {
			return err
		}
		out.http(rep, part.Header.Get("Content-ID"))
		return nil
	}
	in, err := multipartReader(part.Header.Get("Content-Type"), part)
	if err != nil {
		return err
	}
	before := b.env.db.clone()
	answers := newMultipart("changesetresponse_")
	var failed *reply
	for {
		p, err := in.NextRawPart()
		if ended(err) {
			break
		}
		if err != nil {
			return err
		}
		if failed != nil {
			continue
		}
		rep, err := b.operation(p)
		if err != nil {
			return err
		}
		if rep.status >= http.StatusBadRequest {
			failed = &rep
		}
		answers.http(rep, p.Header.Get("Content-ID"))
	}
	if failed != nil {
		b.env.db = before
		out.http(*failed, "")
		return nil
	}
	out.part("multipart/mixed; boundary="+answers.boundary, answers.finish())
	return nil
}

// operation reads one application/http part and lets it take effect.
func (b *batch) operation(part *multipart.Part) (reply, error) {
	if b.parts++; b.parts > maxBatchParts {
		return reply{}, fmt.Errorf("more than %d operations", maxBatchParts)
	}
	if !strings.HasPrefix(part.Header.Get("Content-Type"), "application/http") {
		return reply{}, fmt.Errorf("a part has the content type %q", part.Header.Get("Content-Type"))
	}
	in := textproto.NewReader(bufio.NewReader(part))
	line, err := in.ReadLine()
	for err == nil && line == "" {
		line, err = in.ReadLine()
	}
	method, target, ok := strings.Cut(strings.TrimSuffix(line, " HTTP/1.1"), " ")
	if err != nil || !ok {
		return reply{}, fmt.Errorf("a part has the request line %q", line)
	}
	header, err := in.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return reply{}, fmt.Errorf("a part's headers: %w", err)
	}
	body, err := io.ReadAll(in.R)
	if err != nil {
		return reply{}, fmt.Errorf("a part's body: %w", err)
	}
	u, err := url.Parse(target)
	if err != nil {
		return reply{}, fmt.Errorf("a part's address: %w", err)
	}
	path := strings.TrimPrefix(strings.TrimPrefix(u.Path, "/"), "data/")
	r := &request{
		method: method, url: &url.URL{Path: "/data/" + path, RawQuery: u.RawQuery}, header: http.Header(header), body: body, now: b.now,
		app: b.who.token.app, user: b.who.user.ID,
	}
	rep := reply{}
	if f := b.c.takeFault(b.env.spec.Name, r, true); f.Status != 0 {
		rep, _ = f.reply(&host{name: b.env.spec.Name})
	} else {
		rep = b.c.serveOData(b.env, b.who, r, path)
	}
	b.c.record(b.env.spec.Name, r, rep.status, false)
	return rep, nil
}

func multipartReader(contentType string, body io.Reader) (*multipart.Reader, error) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/mixed" || params["boundary"] == "" {
		return nil, fmt.Errorf("content type %q is not multipart/mixed with a boundary", contentType)
	}
	return multipart.NewReader(body, params["boundary"]), nil
}

// ended reports whether all parts were read. A wrapped EOF means that the closing boundary is missing.
func ended(err error) bool {
	return err == io.EOF //nolint:errorlint // the difference matters here
}

// multipartWriter writes answers as parts.
type multipartWriter struct {
	boundary string
	b        bytes.Buffer
}

func newMultipart(prefix string) *multipartWriter {
	return &multipartWriter{boundary: prefix + newGUID()}
}

func (m *multipartWriter) part(contentType string, body []byte) {
	fmt.Fprintf(&m.b, "--%s\r\nContent-Type: %s\r\n\r\n", m.boundary, contentType)
	m.b.Write(body)
	m.b.WriteString("\r\n")
}

func (m *multipartWriter) http(r reply, contentID string) {
	fmt.Fprintf(&m.b, "--%s\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n", m.boundary)
	if contentID != "" {
		fmt.Fprintf(&m.b, "Content-ID: %s\r\n", contentID)
	}
	fmt.Fprintf(&m.b, "\r\nHTTP/1.1 %d %s\r\n", r.status, http.StatusText(r.status))
	_ = r.header.Write(&m.b) // a buffer takes everything
	m.b.WriteString("\r\n")
	m.b.Write(r.body)
	m.b.WriteString("\r\n")
}

func (m *multipartWriter) finish() []byte {
	fmt.Fprintf(&m.b, "--%s--\r\n", m.boundary)
	return m.b.Bytes()
}
