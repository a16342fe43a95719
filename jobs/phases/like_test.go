package phases

import "testing"

func TestLike(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"Workflow message processing", "WORKFLOW MESSAGE PROCESSING", true},
		{"Workflow", "Workflow message processing", false},
		{"Workflow*", "Workflow message processing", true},
		{"Workflow*", "Workflow", true},
		{"*processing", "Workflow message processing", true},
		{"*processing", "processing of workflows", false},
		{"*message*", "Workflow message processing", true},
		{"w*m*p*g", "Workflow message processing", true},
		{"*aba", "abaaba", true},
		{"ab*ba", "aba", false},
		{"a*b*a", "aba", true},
		{"*", "", true},
		{"**", "anything", true},
		{"", "", true},
		{"", "x", false},
		{"Import 1/2 [EU]?", "import 1/2 [eu]?", true},
		{"Import*[EU]?", "Import 1/2 [EU]?", true},
		{"Import*?", "Import", false},
		{`a\*b`, `a\xb`, true},
		{"Årsafslut*", "årsafslutning", true},
	} {
		if got := like(tc.pattern, tc.s); got != tc.want {
			t.Errorf("like(%q, %q) = %v", tc.pattern, tc.s, got)
		}
	}
}
