package spell

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		word string
		want string
	}{
		{"uta", "uat"}, {"UAT", "uat"}, {"statsu", "status"}, {"cancle", "cancel"}, {"tset", "test"}, {"production", ""}, {"", ""}, {"ü", ""},
	} {
		if got, ok := Nearest(tc.word, []string{"uat", "test", "status", "cancel"}); got != tc.want || ok != (tc.want != "") {
			t.Errorf("Nearest(%q) = %q, %v; want %q", tc.word, got, ok, tc.want)
		}
	}
}

// The cut-off changes nothing but the answer for what is too far away.
func TestDistanceIsCutAtTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SliceOfN(rapid.SampledFrom([]rune("abü")), 0, 8)
		a, b, limit := word.Draw(t, "a"), word.Draw(t, "b"), rapid.IntRange(0, 10).Draw(t, "limit")
		full := Distance(a, b, 100)
		if got := Distance(a, b, limit); got != min(full, limit) {
			t.Errorf("Distance with limit %d = %d, without %d", limit, got, full)
		}
		if back := Distance(b, a, 100); back != full {
			t.Errorf("%d there, %d back", full, back)
		}
	})
}
