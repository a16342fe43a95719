//go:build !faultpoints

package failpoint

import "net/http"

// On says whether points do anything. What is computed only for a point belongs behind it.
const On = false

// Hit passes the point place:where.
func Hit(_, _ string) {}

// Transport passes a point before each request and one after its reply.
func Transport(next http.RoundTripper) http.RoundTripper { return next }

// Mutant reports whether the mistake is to be made.
func Mutant(Mistake) bool { return false }
