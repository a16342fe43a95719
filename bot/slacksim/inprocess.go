package slacksim

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// inProcessHost is a name that leads nowhere (RFC 2606).
const inProcessHost = "slack.invalid"

// InProcess returns a workspace without a listener, and the transport that reaches its Web API. Nothing of it touches
// the network, so it runs on the fake clock of testing/synctest. It has no Socket Mode.
func InProcess(opts Options) (*Server, http.RoundTripper) {
	s := build(opts, defaultTuning())
	return s, inProcess{s}
}

type inProcess struct{ s *Server }

// RoundTrip hands the request to the server's own handler. A handler that aborts is a connection that was cut, after
// what it has written.
func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	served := req.Clone(req.Context())
	served.RequestURI = req.URL.RequestURI()
	if served.Body == nil {
		served.Body = http.NoBody
	}
	answer := make(chan *http.Response, 1)
	go func() {
		defer close(answer)
		w := &recorder{header: http.Header{}, status: http.StatusOK}
		defer func() {
			var body io.Reader = &w.body
			length := int64(w.body.Len())
			p := recover()
			err, _ := p.(error)
			switch {
			case p == nil:
			case !errors.Is(err, http.ErrAbortHandler):
				panic(p)
			case length == 0:
				return
			default:
				body, length = io.MultiReader(body, cut{}), -1
			}
			answer <- &http.Response{
				StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: w.header, Body: io.NopCloser(body), ContentLength: length, Request: req,
			}
		}()
		p.s.http.Handler.ServeHTTP(w, served)
	}()
	select {
	case resp, ok := <-answer:
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// cut is where a connection was cut.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type recorder struct {
	header http.Header
	body   bytes.Buffer
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorder) WriteHeader(status int)      { r.status = status }
