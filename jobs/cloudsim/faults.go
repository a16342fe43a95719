package cloudsim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is one way in which a host misbehaves. Durations are real time, never divided by Options.Speed.
//
// Mind that net/http repeats a GET on its own when a reused connection ends before any answer.
type Fault struct {
	Times  int    // how many requests meet it; 0 means one, below 0 all of them
	Method string // only this method; any when empty

	Status         int    // answer with this status; the request has no effect
	RetryAfter     int    // seconds; the header is left out when 0
	Body           string // answer with this body, with status 200 unless Status says otherwise
	IsSuccessFalse string // LCS: answer 200 with IsSuccess false and this ErrorMessage

	DropRequest bool          // cut the connection; the request has no effect
	DropReply   bool          // the request takes effect, its answer is lost
	CutBody     bool          // the answer's body ends half way
	Delay       time.Duration // wait before anything else
	DelayReply  time.Duration // the request takes effect at once, its answer comes after this long
	LandLate    time.Duration // cut the connection now; the request takes effect after this long

	Met func() // called for each request that meets the fault, before anything else
}

type fault struct {
	Fault
	host, path string
	left       int // below 0: without end
}

// Fail makes the next matching requests to a host fail. The host is "entra", "lcs" or an environment's name;
// pathContains is looked for in path and unescaped query, and an empty one matches everything. Of several that
// match, the one set first applies. A fault with a status also meets the parts of a $batch. An environment that is
// down answers as SetOfflineMode says and uses up no fault.
func (c *Cloud) Fail(host, pathContains string, f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := f.Times
	if left == 0 {
		left = 1
	}
	c.faults = append(c.faults, &fault{Fault: f, host: host, path: pathContains, left: left})
}

// ClearFaults forgets all faults that were set and not yet used up.
func (c *Cloud) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// takeFault uses up one turn of the fault that the request meets. A part of a $batch can only meet a status.
// Cloud.mu is held.
func (c *Cloud) takeFault(host string, r *request, part bool) Fault {
	for _, f := range c.faults {
		switch {
		case f.left == 0, f.host != host, f.Method != "" && f.Method != r.method, !strings.Contains(r.target(), f.path):
			continue
		case part && (f.Status == 0 || f.path == ""):
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return f.Fault
	}
	return Fault{}
}

// reply is what the fault answers in the handler's place, if it does.
func (f Fault) reply(h *host) (reply, bool) {
	var rep reply
	switch {
	case f.IsSuccessFalse != "":
		rep = lcsFailure("%s", f.IsSuccessFalse)
	case f.Body != "":
		contentType := "text/html; charset=utf-8"
		if strings.HasPrefix(strings.TrimSpace(f.Body), "{") {
			contentType = "application/json; charset=utf-8"
		}
		rep = newReply(max(f.Status, http.StatusOK), contentType, []byte(f.Body))
	case f.Status != 0:
		rep = faultBody(h, f.Status)
	default:
		return reply{}, false
	}
	if f.RetryAfter > 0 {
		rep = rep.with("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	return rep, true
}

// faultBody is the body that a host of this kind sends with an error status.
func faultBody(h *host, status int) reply {
	switch {
	case status == http.StatusServiceUnavailable:
		return unavailable()
	case h.name == "entra":
		return jsonReply(status, map[string]any{"error": "temporarily_unavailable", "error_description": http.StatusText(status)})
	case h.name == "lcs":
		return jsonReply(status, map[string]any{"Message": http.StatusText(status)})
	case status == http.StatusTooManyRequests:
		return odataFailure(status, "This request could not be processed at this time due to system experiencing high resource utilization.")
	default:
		return odataFailure(status, http.StatusText(status))
	}
}

// unavailable is what the load balancer in front of a service says when nothing stands behind it.
func unavailable() reply {
	return newReply(http.StatusServiceUnavailable, "text/html; charset=us-ascii",
		[]byte("<!DOCTYPE HTML>\r\n<HTML><HEAD><TITLE>Service Unavailable</TITLE></HEAD>\r\n<BODY><h2>Service Unavailable</h2>\r\n<hr><p>HTTP Error 503. The service is unavailable.</p></BODY></HTML>\r\n"))
}
