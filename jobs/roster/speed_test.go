//go:build unix

package roster

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// cpuTime is what the process has used: on a busy machine the time on the clock says nothing about the code.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bigWorkbook has that many rows of three columns with a text of its own in each.
func bigWorkbook(t testing.TB, rows int) []byte {
	return workbook(t, func(f *excelize.File) {
		w, err := f.NewStreamWriter("Sheet1")
		must(t, err)
		must(t, w.SetRow("A1", []any{"Name", "User ID", "Company"}))
		for i := range rows {
			must(t, w.SetRow(fmt.Sprint("A", i+2), []any{fmt.Sprint("Trainee ", i), fmt.Sprint("T", i), i}))
		}
		must(t, w.Flush())
	})
}

func TestFiftyThousandRows(t *testing.T) {
	rows := 50_000
	if raceDetector { // ten times slower; the content is still checked
		rows = 5_000
	}
	data := bigWorkbook(t, rows)
	for try := 1; ; try++ { // not parallel, because it measures
		start := cpuTime(t)
		names := mustRead(t, "l.xlsx", data)
		took := cpuTime(t) - start
		if last := (Name{fmt.Sprint("T", rows-1), fmt.Sprintf("l.xlsx, row %d", rows+1)}); len(names) != rows || names[rows-1] != last {
			t.Fatalf("%d names, the last %v", len(names), names[len(names)-1])
		}
		if took <= 2*time.Second {
			return
		}
		if try == 3 {
			t.Fatalf("took %v", took)
		}
	}
}

func BenchmarkFiftyThousandRows(b *testing.B) {
	data := bigWorkbook(b, 50_000)
	for b.Loop() {
		if _, err := Read(b.Context(), "l.xlsx", data); err != nil {
			b.Fatal(err)
		}
	}
}
