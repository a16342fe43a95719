package view

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	if got, want := Escape(`<!channel> & "quotes" &lt;`), `&lt;!channel&gt; &amp; "quotes" &amp;lt;`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClipKeepsWhatBelongsTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"ab &lt; cd", 6, "ab…"},
		{"ab &lt; cd", 9, "ab &lt;…"},
		{"hi <@U0ANNA> there", 8, "hi…"},
		{"hi <@U0ANNA> there", 14, "hi <@U0ANNA>…"},
		{"üöä🎉🎉", 4, "üöä…"},
	} {
		if got := clip(c.in, c.max); got != c.want {
			t.Errorf("clip(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
		}
	}
}

func TestTextsFromOutsideAreBoundedAndHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, max := rapid.String().Draw(t, "text"), rapid.IntRange(1, 60).Draw(t, "max")
		for name, got := range map[string]string{"line": line(s, max), "unmarked": unmarked(s, max)} {
			if n := utf8.RuneCountInString(got); n > max {
				t.Errorf("%s has %d characters, at most %d were asked for", name, n, max)
			}
			if !utf8.ValidString(got) || strings.ContainsAny(got, "<>\n") {
				t.Errorf("%s let %q through", name, got)
			}
		}
	})
}

func TestFitCountsWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	lines := make([]string, 100)
	for i := range lines {
		lines[i] = "0123456789"
	}
	got := fit(lines, 133)
	if want := "\n… and 90 more"; !strings.HasSuffix(got, want) || strings.Count(got, "0123456789") != 10 {
		t.Errorf("got %q", got)
	}
	if got := fit(lines[:2], 25); got != "0123456789\n0123456789" {
		t.Errorf("got %q", got)
	}
}

func TestParagraphMakesAddressesClickable(t *testing.T) {
	t.Parallel()
	got := paragraph("See https://wiki.example/a?b=1&c=2.\nThen <!here>", 200)
	if want := "See <https://wiki.example/a?b=1&amp;c=2>.\nThen &lt;!here&gt;"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOnlySlackIDsBecomeMentions(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"U0ANNA": "<@U0ANNA>", "W012": "<@W012>", "S0RELEASE": "<!subteam^S0RELEASE>", "C0UAT": "C0UAT",
		"U0>x": "U0&gt;x", "Sam": "Sam", "": "",
	} {
		if got := mention(id); got != want {
			t.Errorf("mention(%q) = %q, want %q", id, got, want)
		}
	}
}
