package finops

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

func (f *field) enable(ctx context.Context, t *testing.T, ids []string) (map[string]error, error) {
	t.Helper()
	return f.client.EnableUsers(ctx, ids)
}

func wantAll(t *testing.T, f *field, refused map[string]error, err error, n int) {
	t.Helper()
	if err != nil || len(refused) != 0 || f.enabled() != n {
		t.Errorf("enabled %d of %d, refused %v, error %v", f.enabled(), n, refused, err)
	}
	if c := f.service.Collapses(); c != 0 {
		t.Errorf("%d collapses", c)
	}
}

const (
	germanError = `{"error":{"code":"","message":"Es ist ein Fehler aufgetreten.","innererror":{"message":"Infolog: Fehler: Der Benutzer U2345 ist im Feld 'Alias' nicht eindeutig.","type":"Microsoft.Dynamics.Ax.Xpp.ErrorException","stacktrace":"   at Dynamics.AX.Application.X.Y()"}}}`
	retry2      = "2"
)

func TestOneBadRowHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	tests := map[string]answer{
		"bad request":                     {status: 400, body: germanError},
		"exception":                       {status: 500, body: germanError},
		"error without the application's": {status: 500, body: `{"error":{"message":"Der Benutzer U2345 ist nicht eindeutig."}}`},
		"conflict":                        {status: 409, body: germanError},
	}
	for name, bad := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newField(t, cloudsim.FieldModel(), manyUsers)
				f.part = func(user string) *answer {
					if user == "u2345" {
						return &bad
					}
					return nil
				}
				begin := time.Now()
				refused, err := f.enable(t.Context(), t, userIDs(manyUsers))
				if err != nil || len(refused) != 1 || f.enabled() != manyUsers-1 {
					t.Fatalf("enabled %d, refused %v, error %v", f.enabled(), refused, err)
				}
				if bad.status != 500 || bad.body == germanError {
					wantError(t, refused["U2345"], refresh.Refused, "enabling user U2345", "Der Benutzer U2345 ist im Feld 'Alias' nicht eindeutig")
				} else {
					wantError(t, refused["U2345"], refresh.Offline, "enabling user U2345")
				}
				if took := time.Since(begin); took > 75*time.Second {
					t.Errorf("took %v", took)
				}
				again := 0
				for _, n := range f.writes {
					again += n - 1
				}
				if again > 3*setRows {
					t.Errorf("%d rows were written more than once", again)
				}
			})
		})
	}
}

func TestUsersThatDoNotExist(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 100)
		refused, err := f.enable(t.Context(), t, append(userIDs(100), "O'Nobody/x", "", "GONE"))
		if err != nil || f.enabled() != 100 || len(refused) != 3 {
			t.Errorf("enabled %d, refused %v, error %v", f.enabled(), refused, err)
		}
		wantError(t, refused["O'Nobody/x"], refresh.NotFound, "enabling user O'Nobody/x", "No record was found")
		wantError(t, refused["GONE"], refresh.NotFound)
		if refresh.CodeOf(refused[""]) != refresh.Invalid {
			t.Errorf("no id: %v", refused[""])
		}
	})
}

// Of the parts some are throttled, and none is asked again before its time.
func TestPartsAreThrottled(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header map[string]string
		wait   time.Duration
	}{
		"with a time": {map[string]string{"Retry-After": "30"}, 30 * time.Second},
		"without":     {nil, firstBackoff},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newField(t, cloudsim.FieldModel(), manyUsers)
				random := rand.New(rand.NewPCG(3, 4))
				until := map[string]time.Time{} // by the row that was told to wait
				chosen := map[string]bool{}
				told := 0
				f.part = func(user string) *answer {
					if time.Now().Before(until[user]) {
						t.Errorf("%s was asked again %v too early", user, time.Until(until[user]))
					}
					delete(until, user)
					if !chosen[user] && strings.HasSuffix(user, "0") && random.Float64() < 0.3 {
						chosen[user] = true
						told++
						until[user] = time.Now().Add(tt.wait)
						return &answer{status: []int{429, 503}[told%2], header: tt.header}
					}
					return nil
				}
				refused, err := f.enable(t.Context(), t, userIDs(manyUsers))
				wantAll(t, f, refused, err, manyUsers)
				if told < 100 {
					t.Errorf("only %d parts were throttled", told)
				}
			})
		})
	}
}

// Each part of each try, whatever was tried before, has a chance of 30 % of 429.
func TestThirtyPercentOfPartsThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), manyUsers)
		random := rand.New(rand.NewPCG(5, 6))
		set, tries, told := -1, 0, 0
		f.part = func(user string) *answer {
			var n int
			_, _ = fmt.Sscanf(user, "u%d", &n)
			if n/setRows == set && n%setRows != 0 {
				return nil
			}
			set = n / setRows // the first part of a change set stands for the answer to all of it
			tries++
			if random.Float64() < 0.3 {
				told++
				return &answer{status: 429, header: map[string]string{"Retry-After": "2"}}
			}
			return nil
		}
		refused, err := f.enable(t.Context(), t, userIDs(manyUsers))
		wantAll(t, f, refused, err, manyUsers)
		if share := float64(told) / float64(tries); share < 0.2 || share > 0.4 {
			t.Errorf("%d of %d answers were 429", told, tries)
		}
	})
}

func TestRetryAfterOfARequestHoldsAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 2000)
		var quiet time.Time // none may be sent before
		n := 0
		f.whole = func(bool) *answer {
			if n++; n != 12 {
				return nil
			}
			quiet = time.Now().Add(40 * time.Second)
			return &answer{status: 429, header: map[string]string{"Retry-After": "40"}}
		}
		early := 0
		f.part = func(string) *answer {
			if left := time.Until(quiet); left > 0 && left < 35*time.Second { // by then what was under way has landed
				early++
			}
			return nil
		}
		begin := time.Now()
		refused, err := f.enable(t.Context(), t, userIDs(2000))
		wantAll(t, f, refused, err, 2000)
		if early != 0 || time.Since(begin) < 40*time.Second {
			t.Errorf("%d rows came while all were told to wait; it took %v", early, time.Since(begin))
		}
	})
}

func TestAnEnvironmentThatGoesAwayMidway(t *testing.T) {
	t.Parallel()
	const at = 10 * time.Second
	tests := map[string]struct {
		away   time.Duration
		answer answer
		code   refresh.Code // of the whole; "" when all is done in the end
	}{
		"404 for four minutes":            {4 * time.Minute, down, ""},
		"503 for four minutes":            {4 * time.Minute, answer{status: 503, body: "<html>"}, ""},
		"a web page for a minute":         {time.Minute, answer{status: 200, header: map[string]string{"Content-Type": "text/html"}, body: "<html>sign in</html>"}, ""},
		"nothing but an empty body":       {time.Minute, answer{status: 200}, ""},
		"gateway errors":                  {time.Minute, answer{status: 502}, ""},
		"404 for good":                    {24 * time.Hour, down, refresh.Offline},
		"429 for good":                    {24 * time.Hour, answer{status: 429, header: map[string]string{"Retry-After": "30"}}, refresh.Throttled},
		"told to come back in an hour":    {24 * time.Hour, answer{status: 429, header: map[string]string{"Retry-After": "3600"}}, refresh.Throttled},
		"the app is no longer registered": {24 * time.Hour, answer{status: 401}, refresh.Denied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newField(t, cloudsim.FieldModel(), 2500)
				begin := time.Now()
				asked := 0
				f.whole = func(bool) *answer {
					if since := time.Since(begin); since < at || since > at+tt.away {
						return nil
					}
					asked++
					return &tt.answer
				}
				refused, err := f.enable(t.Context(), t, userIDs(2500))
				took := time.Since(begin)
				if asked > 70 {
					t.Errorf("%d requests while it was away", asked)
				}
				if tt.code == "" {
					wantAll(t, f, refused, err, 2500)
					if took > at+tt.away+time.Minute+30*time.Second {
						t.Errorf("took %v", took)
					}
					return
				}
				wantError(t, err, tt.code)
				if took > at+patience+3*time.Minute {
					t.Errorf("gave up after %v", took)
				}
				if len(refused)+f.enabled() != 2500 || f.enabled() == 0 {
					t.Errorf("%d enabled, %d marked", f.enabled(), len(refused))
				}
				for _, e := range refused {
					wantError(t, e, tt.code)
				}
			})
		})
	}
}

// The model's own collapse, from another client that floods it.
func TestACollapseMidway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), manyUsers)
		go func() {
			_ = pause(t.Context(), 10*time.Second)
			for range 100 {
				f.service.Arrive(time.Now(), cloudsim.Load{Sets: 1, Rows: 1})
			}
		}()
		refused, err := f.enable(t.Context(), t, userIDs(manyUsers))
		if err != nil || len(refused) != 0 || f.enabled() != manyUsers || f.service.Collapses() != 1 {
			t.Errorf("enabled %d, refused %d, %d collapses, error %v", f.enabled(), len(refused), f.service.Collapses(), err)
		}
	})
}

func TestAUserListedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 60)
		f.part = func(user string) *answer {
			if user == "u0007" {
				return &answer{status: 400, body: germanError}
			}
			return nil
		}
		ids := append(userIDs(60), "U0001", "u0001", "U0007", "u0007")
		refused, err := f.enable(t.Context(), t, ids)
		if d := cmp.Diff([]string{"U0007", "u0007"}, slices.Sorted(maps.Keys(refused))); d != "" || err != nil {
			t.Errorf("refused %s, error %v", d, err)
		}
		if f.enabled() != 59 {
			t.Errorf("enabled %d", f.enabled())
		}
	})
}

func TestRepliesOfManyKinds(t *testing.T) {
	t.Parallel()
	cut := func(part float64) func(int, []byte) []byte {
		return func(n int, body []byte) []byte {
			if n%3 == 0 {
				return body[:int(part*float64(len(body)))]
			}
			return body
		}
	}
	replace := func(from, to string) func(int, []byte) []byte {
		return func(n int, body []byte) []byte {
			if n%3 == 0 {
				return []byte(strings.Replace(string(body), from, to, 1))
			}
			return body
		}
	}
	tests := map[string]func(*field){
		"parts without Content-ID":        func(f *field) { f.flat = true },
		"parts in reverse order":          func(f *field) { f.reverse = true },
		"stops at the first that fails":   func(f *field) { f.stops = true },
		"the same without Content-ID":     func(f *field) { f.stops, f.flat = true, true },
		"cut in the middle":               func(f *field) { f.mangle = cut(0.5) },
		"cut near the end":                func(f *field) { f.mangle = cut(0.99) },
		"cut to nothing":                  func(f *field) { f.mangle = cut(0) },
		"a status that is none":           func(f *field) { f.mangle = replace("HTTP/1.1 204", "HTTP/1.1 2O4") },
		"an interim status":               func(f *field) { f.mangle = replace("HTTP/1.1 204", "HTTP/1.1 100") },
		"a Content-ID of no operation":    func(f *field) { f.mangle = replace("Content-ID: 1\r\n", "Content-ID: 9999\r\n") },
		"a Content-ID that is no number":  func(f *field) { f.mangle = replace("Content-ID: 1\r\n", "Content-ID: x\r\n") },
		"a Content-ID twice":              func(f *field) { f.mangle = replace("Content-ID: 2\r\n", "Content-ID: 1\r\n") },
		"a Content-ID of another set":     func(f *field) { f.mangle = replace("Content-ID: 2\r\n", "Content-ID: 26\r\n") },
		"another boundary than announced": func(f *field) { f.mangle = replace("--batchresponse_x", "--other") },
		"a set with another type":         func(f *field) { f.mangle = replace("multipart/mixed; boundary=changesetresponse_x", "text/plain") },
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newField(t, cloudsim.FieldModel(), 1000)
				set(f)
				f.part = func(user string) *answer {
					if user == "u0123" || user == "u0777" {
						return &answer{status: 400, body: germanError}
					}
					return nil
				}
				begin := time.Now()
				refused, err := f.enable(t.Context(), t, userIDs(1000))
				if d := cmp.Diff([]string{"U0123", "U0777"}, slices.Sorted(maps.Keys(refused))); d != "" || err != nil || f.enabled() != 998 {
					t.Errorf("enabled %d, refused %s, error %v", f.enabled(), d, err)
				}
				for _, e := range refused {
					wantError(t, e, refresh.Refused)
				}
				if took := time.Since(begin); took > 3*time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// A server that has no batches says so to every one; that is not the fault of 5,000 users.
func TestAServerWithoutBatches(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]refresh.Code{405: refresh.Refused, 400: refresh.Refused, 404: refresh.NotFound, 403: refresh.Denied} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newField(t, cloudsim.FieldModel(), manyUsers)
				f.whole = func(batch bool) *answer {
					if batch {
						return &answer{status: status}
					}
					return nil
				}
				refused, err := f.client.EnableUsers(t.Context(), userIDs(manyUsers))
				wantError(t, err, code)
				if f.enabled() != 0 || len(refused) != manyUsers || f.requests > 120 {
					t.Errorf("enabled %d, %d marked, %d requests", f.enabled(), len(refused), f.requests)
				}
			})
		})
	}
}

func TestWritingIsCutShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), manyUsers)
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		refused, err := f.enable(ctx, t, userIDs(manyUsers))
		wantError(t, err, refresh.Offline, "cut short")
		if n := f.enabled(); n < 500 || n > 2500 || len(refused) != manyUsers-n {
			t.Errorf("enabled %d, %d marked", n, len(refused))
		}
		if left, err := f.enable(t.Context(), t, slices.Sorted(maps.Keys(refused))); err != nil || len(left) != 0 || f.enabled() != manyUsers {
			t.Errorf("going on: enabled %d, refused %v, error %v", f.enabled(), left, err)
		}
	})
}

func TestNothingToWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 0)
		refused, err := f.enable(t.Context(), t, nil)
		wantAll(t, f, refused, err, 0)
		if f.requests != 0 {
			t.Errorf("%d requests", f.requests)
		}
		broken := New(Options{URL: "http://uat.example", Token: signIn})
		refused, err = broken.EnableUsers(t.Context(), []string{"A"})
		if refresh.CodeOf(err) != refresh.Invalid || refresh.CodeOf(refused["A"]) != refresh.Invalid {
			t.Errorf("refused %v, error %v", refused, err)
		}
	})
}
