package bot

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestEveryMetricAndEveryFieldOfReadyzIsInTheDocumentation(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	own := regexp.MustCompile(`fqName: "(refreshbot_\w+)"`)
	all := make(chan *prometheus.Desc)
	go func() {
		defer close(all)
		NewHealth().registry.Describe(all)
	}()
	found := 0
	for desc := range all {
		m := own.FindStringSubmatch(desc.String())
		if m == nil {
			continue // of the process
		}
		found++
		if !strings.Contains(page, "| `"+m[1]) {
			t.Errorf("docs/operations.md does not say what %s is", m[1])
		}
	}
	if found == 0 {
		t.Error("no metric of the bot's own is registered")
	}
	for f := range reflect.TypeFor[readiness]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !strings.Contains(page, "| `"+name+"`") {
			t.Errorf("docs/operations.md does not say what %s of /readyz is", name)
		}
	}
}
