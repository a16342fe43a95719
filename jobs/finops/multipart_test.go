package finops

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The form that "Open Data Protocol (OData)" and the OData 4.0 Protocol, 11.7, ask for.
func TestEncodeBatch(t *testing.T) {
	t.Parallel()
	b := encodeBatch([][]write{
		{
			{method: "PATCH", url: "https://uat.example/data/SystemUsers('O''N%C3%A9')", body: []byte(`{"Enabled":true}`)},
			{method: "DELETE", url: "https://uat.example/data/Sets(1)"},
		},
		{{method: "POST", url: "https://uat.example/data/Sets", body: []byte(`{"Name":"é"}`)}},
	})
	outer, inner := regexp.MustCompile(`batch_[A-Z2-7]+`), regexp.MustCompile(`changeset_[A-Z2-7]+`)
	if d := cmp.Diff("multipart/mixed; boundary=B", outer.ReplaceAllString(b.contentType, "B")); d != "" {
		t.Error(d)
	}
	sets := map[string]string{}
	got := inner.ReplaceAllStringFunc(string(b.raw), func(s string) string {
		if sets[s] == "" {
			sets[s] = "C" + string(rune('1'+len(sets)))
		}
		return sets[s]
	})
	want := strings.ReplaceAll(`--B
Content-Type: multipart/mixed; boundary=C1

--C1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

PATCH https://uat.example/data/SystemUsers('O''N%C3%A9') HTTP/1.1
Accept: application/json
Content-Type: application/json
Content-Length: 16

{"Enabled":true}
--C1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

DELETE https://uat.example/data/Sets(1) HTTP/1.1
Accept: application/json


--C1--
--B
Content-Type: multipart/mixed; boundary=C2

--C2
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 3

POST https://uat.example/data/Sets HTTP/1.1
Accept: application/json
Content-Type: application/json
Content-Length: 13

{"Name":"é"}
--C2--
--B--
`, "\n", "\r\n")
	if d := cmp.Diff(want, outer.ReplaceAllString(got, "B")); d != "" {
		t.Error(d)
	}
}

const ok204 = "HTTP/1.1 204 No Content\r\n\r\n"

// in is a part of a reply, with these further headers.
func in(contentType, headers, content string) string {
	return "Content-Type: " + contentType + "\r\n" + headers + "\r\n" + content
}

func op(id, content string) string { return in("application/http", "Content-ID: "+id+"\r\n", content) }

func parts(boundary string, contents ...string) string {
	var b strings.Builder
	for _, c := range contents {
		b.WriteString("--" + boundary + "\r\n" + c + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func set(contents ...string) string {
	return in("multipart/mixed; boundary=c", "", parts("c", contents...))
}

func TestReadBatch(t *testing.T) {
	t.Parallel()
	refusal := "HTTP/1.1 400 Bad Request\r\nRetry-After: 7\r\nContent-Type: application/json\r\n\r\n{}"
	bare := in("application/http", "", ok204)
	tests := map[string]struct {
		sizes []int
		body  string
		want  []verdict
	}{
		"all well":                         {[]int{2, 1}, parts("b", set(op("1", ok204), op("2", ok204)), set(op("3", ok204))), []verdict{succeeded, succeeded}},
		"sets and operations out of order": {[]int{2, 1}, parts("b", set(op("3", ok204)), set(op("2", ok204), op("1", ok204))), []verdict{succeeded, succeeded}},
		"one answer for a refused set":     {[]int{2, 1}, parts("b", op("2", refusal), set(op("3", ok204))), []verdict{failed, succeeded}},
		"the same without an id":           {[]int{2, 1}, parts("b", in("application/http", "", refusal), set(op("3", ok204))), []verdict{failed, succeeded}},
		"a refusal among its set":          {[]int{2}, parts("b", set(op("1", ok204), op("2", refusal))), []verdict{failed}},
		"a refusal that stands for a set":  {[]int{2}, parts("b", set(op("2", refusal))), []verdict{failed}},
		"ids in brackets":                  {[]int{1}, parts("b", set(op("<1>", ok204))), []verdict{succeeded}},
		"ids among the reply's headers":    {[]int{1, 1}, parts("b", set(in("application/http", "", "HTTP/1.1 204 No Content\r\nContent-ID: 2\r\n\r\n")), set(op("1", ok204))), []verdict{succeeded, succeeded}},
		"no ids":                           {[]int{2, 1}, parts("b", set(bare, bare), set(bare)), []verdict{succeeded, succeeded}},
		"no ids, one part too few":         {[]int{2, 1}, parts("b", set(bare), set(bare)), []verdict{unclear, succeeded}},
		"some ids":                         {[]int{2}, parts("b", set(op("1", ok204), bare)), []verdict{unclear}},
		"a part too few":                   {[]int{2}, parts("b", set(op("1", ok204))), []verdict{unclear}},
		"a part too many":                  {[]int{1}, parts("b", set(op("1", ok204), bare)), []verdict{unclear}},
		"a set of one without a wrapping":  {[]int{1}, parts("b", op("1", ok204)), []verdict{succeeded}},
		"one good word for a set of two":   {[]int{2}, parts("b", op("1", ok204)), []verdict{unclear}},
		"stopped at the first failure":     {[]int{1, 1, 1}, parts("b", set(op("1", ok204)), op("2", refusal)), []verdict{succeeded, failed, unanswered}},
		"two answers for a set":            {[]int{1}, parts("b", set(op("1", ok204)), op("1", refusal)), []verdict{unclear}},
		"ids of two sets in one":           {[]int{1, 1}, parts("b", set(op("1", ok204), op("2", ok204))), []verdict{unclear, unanswered}},
		"an id that was not given":         {[]int{1}, parts("b", set(op("2", ok204))), []verdict{unanswered}},
		"more sets than asked":             {[]int{1}, parts("b", set(bare), set(bare)), []verdict{succeeded}},
		"cut before the end":               {[]int{1, 1}, strings.TrimSuffix(parts("b", set(op("1", ok204)), set(op("2", ok204))), "\r\n--b--\r\n"), []verdict{succeeded, unanswered}},
		"cut within a set":                 {[]int{2}, parts("b", in("multipart/mixed; boundary=c", "", strings.TrimSuffix(parts("c", op("1", ok204), op("2", ok204)), "\r\n--c--\r\n"))), []verdict{unclear}},
		"a set without a boundary":         {[]int{1}, parts("b", in("multipart/mixed", "", parts("c", op("1", ok204)))), []verdict{unclear}},
		"not HTTP":                         {[]int{1}, parts("b", op("1", "OK")), []verdict{unclear}},
		"no headers behind the status":     {[]int{1}, parts("b", set(op("1", "HTTP/1.1 204 No Content\r\n"))), []verdict{succeeded}},
		"a redirect":                       {[]int{1}, parts("b", set(op("1", "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"))), []verdict{failed}},
		"a length that is too long":        {[]int{1}, parts("b", set(op("1", "HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{}"))), []verdict{succeeded}},
		"line feeds only":                  {[]int{1}, strings.ReplaceAll(parts("b", set(op("1", ok204))), "\r\n", "\n"), []verdict{succeeded}},
		"a preamble":                       {[]int{1}, "hello\r\n" + parts("b", set(op("1", ok204))), []verdict{succeeded}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Content-Type": {`multipart/mixed;boundary="b"`}}
			answers, err := readBatch(reply{header: header, body: []byte(tt.body), token: secret}, tt.sizes)
			if err != nil {
				t.Fatal(err)
			}
			var got []verdict
			for _, a := range answers {
				got = append(got, a.verdict)
				if a.verdict == failed && (a.why.status == 400 && a.why.header.Get("Retry-After") != "7" || a.why.token != secret) {
					t.Errorf("a refusal lost its headers: %+v", a.why)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	for name, rep := range map[string]reply{
		"JSON":         {header: http.Header{"Content-Type": {"application/json"}}, body: []byte("{}")},
		"no boundary":  {header: http.Header{"Content-Type": {"multipart/mixed"}}, body: []byte(parts("b"))},
		"no parts":     {header: http.Header{"Content-Type": {"multipart/mixed; boundary=b"}}, body: []byte(parts("b"))},
		"nothing":      {header: http.Header{"Content-Type": {"multipart/mixed; boundary=b"}}},
		"other inside": {header: http.Header{"Content-Type": {"multipart/mixed; boundary=b"}}, body: []byte(parts("x", bare))},
	} {
		if answers, err := readBatch(rep, []int{1}); err == nil || answers[0].verdict != unanswered {
			t.Errorf("%s: %+v, %v", name, answers, err)
		}
	}
}

// Whatever comes, nothing panics, and no set is called done without a part that says so for each of its operations.
func FuzzReadBatch(f *testing.F) {
	f.Add([]byte(parts("b", set(op("1", ok204), op("2", ok204)), set(op("3", ok204)))), 2)
	f.Add([]byte(parts("b", op("1", "HTTP/1.1 400 Bad\r\n\r\n"))), 1)
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		sizes := []int{1 + (size&0xff)%5, 1}
		answers, _ := readBatch(reply{header: http.Header{"Content-Type": {"multipart/mixed; boundary=b"}}, body: body}, sizes)
		for i, a := range answers {
			if a.verdict == succeeded && bytes.Count(body, []byte("HTTP/")) < sizes[i] {
				t.Errorf("set %d of %d succeeded in %q", i, sizes[i], body)
			}
		}
	})
}
