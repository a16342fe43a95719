//go:build faultpoints

package failpoint

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// On says whether points do anything. What is computed only for a point belongs behind it.
const On = true

// plan is what the environment asks for.
type plan struct {
	kill, term, stop string
	mutant           Mistake

	mu     sync.Mutex
	points *os.File
	hits   map[string]int
}

var load = sync.OnceValue(func() *plan {
	p := &plan{
		kill: os.Getenv("REFRESHBOT_KILL"), term: os.Getenv("REFRESHBOT_TERM"), stop: os.Getenv("REFRESHBOT_STOP"), mutant: Mistake(os.Getenv("REFRESHBOT_MUTANT")),
		hits: map[string]int{},
	}
	if name := os.Getenv("REFRESHBOT_POINTS"); name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic("failpoint: " + err.Error())
		}
		p.points = f
	}
	return p
})

// Hit passes the point place:where.
func Hit(place, where string) {
	p := load()
	p.mu.Lock()
	name := place + ":" + where
	p.hits[name]++
	at := fmt.Sprintf("%s#%d", name, p.hits[name])
	if p.points != nil {
		if _, err := fmt.Fprintf(p.points, "%s\t%s\n", time.Now().UTC().Format(time.RFC3339Nano), at); err != nil {
			panic("failpoint: " + err.Error())
		}
	}
	p.mu.Unlock()
	switch at {
	case p.kill:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // nothing more happens here, however long the signal takes
	case p.term:
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		<-time.After(100 * time.Millisecond) // so that whoever passes here goes on in a process that is stopping
	case p.stop:
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	}
}

// Transport passes a point before each request and one after its reply.
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	place := kind(r)
	Hit(place, "before-call")
	resp, err := t.next.RoundTrip(r)
	Hit(place, "after-call")
	return resp, err
}

var (
	odataKey = regexp.MustCompile(`\(.*?\)`)
	varying  = regexp.MustCompile(`^[0-9]+$|^[0-9a-fA-F-]{20,}$|^[0-9a-f-]{36}-.*\.zip$|^F[0-9A-Z]{6,}$`)
)

// kind names a request by what stays the same from one run to the next: method and path, without ids and keys.
func kind(r *http.Request) string {
	var parts []string
	for part := range strings.SplitSeq(strings.Trim(odataKey.ReplaceAllString(r.URL.Path, ""), "/"), "/") {
		if varying.MatchString(part) {
			part = "*"
		}
		parts = append(parts, part)
	}
	if len(parts) == 2 && parts[0] == "api" { // Slack
		return parts[1]
	}
	return r.Method + " " + strings.Join(parts, "/")
}

// Mutant reports whether the mistake is to be made.
func Mutant(m Mistake) bool { return load().mutant == m }
