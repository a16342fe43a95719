package roster

import (
	"fmt"
	"testing"

	"github.com/xuri/excelize/v2"
)

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
	t.Parallel()
	rows := 50_000
	if raceDetector { // ten times slower
		rows = 5_000
	}
	names := mustRead(t, "l.xlsx", bigWorkbook(t, rows))
	if last := (Name{fmt.Sprint("T", rows-1), fmt.Sprintf("l.xlsx, row %d", rows+1)}); len(names) != rows || names[rows-1] != last {
		t.Fatalf("%d names, the last %v", len(names), names[len(names)-1])
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
