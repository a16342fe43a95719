package refresh

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// Update rewrites what is generated: go test ./jobs/refresh -update.
var Update = flag.Bool("update", false, "rewrite the golden files and docs/state-machine.md")

// The drawing is generated from the tables that the program runs by, so it cannot drift from them.
func TestTheDrawingShowsTheTables(t *testing.T) {
	t.Parallel()
	const file = "../../docs/state-machine.md"
	want := drawing()
	if *Update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s does not show the tables any more; rewrite it with: go test ./jobs/refresh -update", file)
	}
}

// Every event and every gate is in a table, and every kind has a class that says what its unknown outcome means.
func TestTheTablesAreWhole(t *testing.T) {
	t.Parallel()
	for name := range table {
		if decoders[name] == nil {
			t.Errorf("transition on %s, which no journal can hold", name)
		}
	}
	for kind, b := range behaviours {
		if _, ok := openedBy[b.gate]; b.gate != "" && !ok {
			t.Errorf("%s opens gate %s, which is not in the table", kind, b.gate)
		}
		if b.gate != "" && b.class != ClassNone {
			t.Errorf("%s both asks and acts", kind)
		}
		if b.gate == "" && b.class == ClassNone && kind != KindAnnounce {
			t.Errorf("%s neither asks nor acts", kind)
		}
		if b.class == ClassIrreversible && (!b.requires || !b.unskip) {
			t.Errorf("%s is irreversible and needs no approval or can be skipped", kind)
		}
	}
}

func drawing() []byte {
	var b bytes.Buffer
	b.WriteString("# The state machine\n\n")
	b.WriteString("Generated from `jobs/refresh` (`table.go`, `step.go`) by `go test ./jobs/refresh -update`. Do not edit.\n\n")
	b.WriteString("## How a step moves\n\n")
	b.WriteString("An arrow bears the event that takes a step along it, or the gate whose opening does. What has no arrow cannot\n")
	b.WriteString("happen: `Decide` does not emit it, and a journal that holds it is refused.\n\n")
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> pending\n")
	arrows := map[string][]string{}
	add := func(m move, label string) {
		for _, from := range m.from {
			key := fmt.Sprintf("%s --> %s", from, m.to)
			arrows[key] = append(arrows[key], label)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		for _, m := range table[name] {
			add(m, name)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(openedBy)) {
		add(openedBy[kind], "gate "+string(kind))
	}
	for _, key := range slices.Sorted(maps.Keys(arrows)) {
		fmt.Fprintf(&b, "    %s: %s\n", key, strings.Join(arrows[key], ", "))
	}
	for _, s := range []StepStatus{Completed, Skipped} {
		fmt.Fprintf(&b, "    %s --> [*]\n", s)
	}
	b.WriteString("```\n\n")
	b.WriteString("A postponed start takes the broadcast back to pending (`window_set`). `ended` stops all steps where they are.\n")
	b.WriteString("After a restore from a backup an irreversible step that had not begun goes from pending or retrying to settling at\n")
	b.WriteString("once, and back only when a person has ruled out that it began since the backup.\n")
	b.WriteString("A refresh by hand that could not be adopted after all takes the copy, the final checks and what the adoption left\n")
	b.WriteString("out back to pending; so do the checks go back when a copy was ruled out. A copy of refreshbot's own needs them done.\n")
	b.WriteString("An irreversible step is never started while it is running, while it is settling (unless a person chose to start\n")
	b.WriteString("again and the look found nothing), or straight from its `outcome_unknown` gate.\n\n")
	b.WriteString("## What each kind of step is\n\n")
	b.WriteString("The class says what may be done when the outcome is not known. A gate opens when the step begins.\n\n")
	b.WriteString("| kind | class | gate | may be skipped in trouble | only after approval |\n|---|---|---|---|---|\n")
	yes := map[bool]string{true: "yes", false: "no"}
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	for _, kind := range slices.Sorted(maps.Keys(behaviours)) {
		k := behaviours[kind]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", kind, dash(string(k.class)), dash(string(k.gate)), yes[!k.unskip], yes[k.requires])
	}
	return b.Bytes()
}
